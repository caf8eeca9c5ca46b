//! Federated users: sessions that a user makes for somebody else, with no more than what it lets through of its own.

use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use brevet::store::AuditQuery;
use serde_json::{Value, json};

use crate::world::policies::{allow, deny, document, statement, trust};
use crate::world::raw::ask;
use crate::world::{Actor, Backend, Hand, Keys, Outcome, Running, Session, User, World, within_a_second};

on_both_stores! {
    a_user_vouches_for_somebody_and_lends_a_part_of_its_rights => life;
}

const CANNOT: &str = "Cannot call GetFederationToken with session credentials";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("key and value")
}

/// A service that may ask about everybody.
pub struct Service<'a> {
    at: &'a Running,
    keys: User,
}

impl<'a> Service<'a> {
    pub async fn of(root: &Hand<'a>) -> Self {
        Self { at: root.at, keys: root.user_with("service", &allow("brevet:Evaluate", "*")).await }
    }

    async fn decides(&self, subject: Value, action: &str, resource: &str) -> Value {
        let question = json!({ "subject": subject, "action": { "name": action },
            "resource": { "type": "thing", "id": resource } });
        ask(self.at, &self.keys, &question).await.json()["decision"].clone()
    }

    /// Whether a session may read a report.
    pub async fn allows(&self, session: &Session, action: &str) -> bool {
        self.allows_on(session, action, "arn:aws:reports:::q3").await
    }

    /// Whether a session may do something with a resource.
    pub async fn allows_on(&self, session: &Session, action: &str, resource: &str) -> bool {
        let subject = json!({ "type": "session", "id": "s", "properties": { "session_token": session.token() } });
        self.decides(subject, action, resource).await == json!(true)
    }
}

async fn federated(who: &impl Actor, name: &str, policy: Option<&str>, at: &Running) -> Session {
    let call = who.sts(at).get_federation_token().name(name).set_policy(policy.map(str::to_owned));
    Session::of(call.send().await.granted().credentials())
}

#[expect(deprecated, reason = "the SDK knows of a successor that botocore's model does not have yet")]
async fn life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let service = Service::of(&root).await;
    let may = document([statement("Allow", "sts:GetFederationToken", "*"), statement("Allow", "reports:*", "*")]);
    let alice = root.user_with("alice", &may).await;
    let reads = allow("reports:Read", "*");
    let call = alice.sts(&broker).get_federation_token().name("Bob").policy(&reads);
    let given = call.send().await.granted();
    let account = root.account;
    let arn = format!("arn:aws:sts::{account}:federated-user/Bob");
    let shown = given.federated_user().expect("a federated user");
    assert_eq!((shown.arn(), shown.federated_user_id()), (arn.as_str(), format!("{account}:Bob").as_str()));
    // The token carries the document without white space: that is what takes the room.
    let packed = (reads.len() * 100).div_ceil(4_096);
    assert_eq!(given.packed_policy_size(), i32::try_from(packed).ok());
    let bob = Session::of(given.credentials());
    assert_eq!(bob.expires - world.now().seconds(), 43_200);
    let me = bob.sts(&broker).get_caller_identity().send().await.granted();
    assert_eq!((me.arn(), me.user_id()), (Some(arn.as_str()), Some(format!("{account}:Bob").as_str())));
    assert_eq!(me.account(), Some(account.to_string().as_str()));

    // What both allow; without a session policy nothing, though the user behind it was asked about before.
    let user = json!({ "type": "user", "id": alice.arn });
    assert_eq!(service.decides(user, "reports:Write", "arn:aws:reports:::q3").await, json!(true));
    let bare = federated(&alice, "Bob", None, &broker).await;
    assert!(service.allows(&bob, "reports:Read").await && !service.allows(&bob, "reports:Write").await);
    assert!(!service.allows(&bare, "reports:Read").await && !service.allows(&bare, "reports:Write").await);
    let wide = federated(&alice, "Bob", Some(&allow("*", "*")), &broker).await;
    assert!(service.allows(&wide, "reports:Write").await && !service.allows(&wide, "notes:Read").await);
    let managed = root.policy("writes", &allow("reports:Write", "*")).await;
    let by_arn = PolicyDescriptorType::builder().arn(&managed).build();
    let writer = alice.sts(&broker).get_federation_token().name("Bob").policy_arns(by_arn).send().await.granted();
    let writer = Session::of(writer.credentials());
    assert!(service.allows(&writer, "reports:Write").await && !service.allows(&writer, "reports:Read").await);

    // The user's boundary, and whatever becomes of its rights, bind what it has lent.
    let boundary = root.policy("boundary", &allow("reports:Read", "*")).await;
    let bound = root.iam.put_user_permissions_boundary().user_name("alice").permissions_boundary(&boundary);
    bound.send().await.granted();
    assert!(service.allows(&wide, "reports:Read").await && !service.allows(&wide, "reports:Write").await);
    root.iam.delete_user_permissions_boundary().user_name("alice").send().await.granted();
    root.let_user("alice", "not", &deny("reports:Read", "*")).await;
    assert!(!service.allows(&wide, "reports:Read").await && service.allows(&wide, "reports:Write").await);
    root.iam.delete_user_policy().user_name("alice").policy_name("not").send().await.granted();
    // A new name changes nothing, and nobody who takes the old one inherits it.
    root.iam.update_user().user_name("alice").new_user_name("alicia").send().await.granted();
    root.user("alice").await;
    assert!(service.allows(&bob, "reports:Read").await);
    root.iam.delete_user_policy().user_name("alicia").policy_name("own").send().await.granted();
    root.iam.delete_access_key().user_name("alicia").access_key_id(&alice.keys.id).send().await.granted();
    root.iam.delete_user().user_name("alicia").send().await.granted();
    bob.sts(&broker).get_caller_identity().send().await.refused("InvalidClientTokenId");
    assert!(!service.allows(&bob, "reports:Read").await);
}

#[tokio::test]
async fn whom_the_root_user_vouches_for_has_what_the_session_policies_say_for_an_hour() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let service = Service::of(&root).await;
    let call = world.root.sts(&broker).get_federation_token().name("ops").policy(allow("reports:Read", "*"));
    let ops = Session::of(call.duration_seconds(7_200).send().await.granted().credentials());
    assert_eq!(ops.expires - world.now().seconds(), 3_600);
    assert!(service.allows(&ops, "reports:Read").await && !service.allows(&ops, "reports:Write").await);
    let bare = federated(&world.root, "ops", None, &broker).await;
    assert!(!service.allows(&bare, "reports:Read").await);
    let me = ops.sts(&broker).get_caller_identity().send().await.granted();
    assert_eq!(me.arn(), Some(format!("arn:aws:sts::{}:federated-user/ops", root.account).as_str()));
}

#[tokio::test]
async fn only_long_lived_keys_federate_and_a_federated_user_can_do_nothing_at_the_broker() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("*", "*")).await;
    let everything = allow("*", "*");
    let role = root.role("any", &trust(&alice.arn, &["sts:AssumeRole"], None), &everything).await;
    let assumed = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("work").send().await.granted();
    let bob = federated(&alice, "Bob", Some(&everything), &broker).await;
    let session = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    for holder in [&bob, &session, &root.session_with_mfa(&alice).await, &Session::of(assumed.credentials())] {
        let call = holder.sts(&broker).get_federation_token().name("Eve").policy(&everything);
        assert_eq!(call.send().await.refused("AccessDenied"), CANNOT);
    }
    // Its rights are its user's, all of them. No operation of IAM takes them, and of STS only one.
    let iam = bob.iam(&broker);
    iam.list_users().send().await.refused("InvalidClientTokenId");
    iam.create_access_key().send().await.refused("InvalidClientTokenId");
    iam.create_access_key().user_name("alice").send().await.refused("InvalidClientTokenId");
    let names = root.iam.list_access_keys().user_name("alice").send().await.granted();
    assert_eq!(names.access_key_metadata().len(), 1, "nothing was made on the way");
    let sts = bob.sts(&broker);
    let assume = sts.assume_role().role_arn(&role).role_session_name("work").send().await;
    assert_eq!(assume.refused("AccessDenied"), "Cannot call AssumeRole with session credentials");
    sts.get_session_token().send().await.refused("AccessDenied");
    sts.get_access_key_info().access_key_id(&alice.keys.id).send().await.refused("AccessDenied");
    // Not even a trust policy that names the federated user lets it in.
    let named = format!("arn:aws:sts::{}:federated-user/Bob", root.account);
    let named = root.role("named", &trust(&named, &["sts:AssumeRole"], None), &everything).await;
    sts.assume_role().role_arn(&named).role_session_name("work").send().await.refused("AccessDenied");
    sts.get_caller_identity().send().await.granted();
}

#[tokio::test]
async fn policies_say_whom_one_may_vouch_for_and_with_which_tags() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let nobody = root.user("nobody").await;
    nobody.sts(&broker).get_federation_token().name("Bob").send().await.refused("AccessDenied");
    let account = root.account;
    let own = format!("arn:aws:sts::{account}:federated-user/team-*");
    let alice = root.user_with("alice", &allow("sts:GetFederationToken", &own)).await;
    let call = |name: &str| alice.sts(&broker).get_federation_token().name(name);
    call("team-a").send().await.granted();
    let told = call("other").send().await.refused("AccessDenied");
    let resource = format!("sts:GetFederationToken on resource: arn:aws:sts::{account}:federated-user/other");
    assert!(told.contains(&resource), "{told}");
    // Tags ask for a permission of their own, on the same resource, under the tags as conditions.
    call("team-a").tags(tag("team", "red")).send().await.refused("AccessDenied");
    let mut tags = statement("Allow", "sts:TagSession", &own);
    tags["Condition"] = json!({ "StringEquals": { "aws:RequestTag/team": "red" } });
    root.let_user("alice", "tags", &document([tags])).await;
    call("team-a").tags(tag("team", "red")).send().await.granted();
    call("team-a").tags(tag("team", "blue")).send().await.refused("AccessDenied");
    // One key in two cases is one key.
    let twice = call("team-a").tags(tag("team", "red")).tags(tag("TEAM", "red")).send().await;
    let told = twice.refused("ValidationError");
    assert_eq!(told, "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    // Limits of time, name and size.
    for (seconds, code) in [(899, "ValidationError"), (900, "Ok"), (129_600, "Ok"), (129_601, "ValidationError")] {
        assert_eq!(call("team-a").duration_seconds(seconds).send().await.code(), code, "{seconds}");
    }
    call(&format!("team-{}", "x".repeat(28))).send().await.refused("ValidationError");
    call("team-/x").send().await.refused("ValidationError");
    call("team-a").policy("{}").send().await.refused("MalformedPolicyDocument");
    let elsewhere = PolicyDescriptorType::builder().arn("arn:aws:iam::999999999999:policy/p").build();
    call("team-a").policy_arns(elsewhere).send().await.refused("ValidationError");
}

#[tokio::test]
async fn a_federated_user_is_not_the_user_behind_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let service = Service::of(&root).await;
    let alice = root.user("alice").await;
    let team = aws_sdk_iam::types::Tag::builder().key("Team").value("red").build().expect("a tag");
    root.iam.tag_user().user_name("alice").tags(team).send().await.granted();
    let account = root.account.to_string();
    let own = format!("arn:aws:sts::{account}:federated-user/Bob");
    let holds = |operator: &str, key: &str, value: &str| (operator.to_owned(), key.to_owned(), json!(value));
    let conditions = [
        (holds("StringEquals", "aws:userid", &format!("{account}:Bob")), true),
        (holds("StringEquals", "aws:PrincipalType", "FederatedUser"), true),
        (holds("ArnEquals", "aws:PrincipalArn", &own), true),
        (holds("ArnEquals", "aws:PrincipalArn", &alice.arn), false),
        (holds("StringEquals", "aws:username", "alice"), false),
        (holds("Null", "aws:username", "true"), true),
        (holds("Bool", "aws:MultiFactorAuthPresent", "true"), false),
        (holds("Null", "aws:TokenIssueTime", "false"), true),
        (holds("StringEquals", "aws:PrincipalAccount", &account), true),
        // The session's tag hides the user's, in whatever case each of them is written.
        (holds("StringEquals", "aws:PrincipalTag/team", "blue"), true),
        (holds("StringEquals", "aws:PrincipalTag/Team", "red"), false),
        (holds("Null", "aws:AssumedRoot", "true"), true),
    ];
    let federates = document([statement("Allow", "sts:*", "*")]);
    root.let_user("alice", "federates", &federates).await;
    let call = alice.sts(&broker).get_federation_token().name("Bob").policy(allow("*", "*")).tags(tag("team", "blue"));
    let bob = Session::of(call.send().await.granted().credentials());
    for ((operator, key, value), expected) in conditions {
        let mut reads = statement("Allow", "reports:Read", "*");
        reads["Condition"] = json!({ &operator: { &key: &value } });
        root.let_user("alice", "own", &document([reads])).await;
        assert_eq!(service.allows(&bob, "reports:Read").await, expected, "{operator} {key} {value}");
    }
    // Without a tag of its own, the session has its user's.
    let mut reads = statement("Allow", "reports:Read", "*");
    reads["Condition"] = json!({ "StringEquals": { "aws:PrincipalTag/team": "red" } });
    root.let_user("alice", "own", &document([reads])).await;
    let plain = federated(&alice, "Bob", Some(&allow("*", "*")), &broker).await;
    assert!(service.allows(&plain, "reports:Read").await && !service.allows(&bob, "reports:Read").await);
}

#[tokio::test]
async fn the_trail_tells_who_federated_whom() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("sts:GetFederationToken", "*")).await;
    let bob = federated(&alice, "Bob", None, &broker).await;
    let ops = federated(&world.root, "ops", None, &broker).await;
    for session in [&bob, &ops] {
        session.iam(&broker).list_users().send().await.refused("InvalidClientTokenId");
    }
    let told = events(&broker, "ListUsers", 2).await;
    let account = root.account.to_string();
    let identities: Vec<&Value> = told.iter().map(|event| &event["userIdentity"]).collect();
    for (identity, session, name, kind) in
        [(identities[0], &bob, "Bob", "IAMUser"), (identities[1], &ops, "ops", "Root")]
    {
        assert_eq!(identity["type"], "FederatedUser");
        assert_eq!(identity["arn"], format!("arn:aws:sts::{account}:federated-user/{name}"));
        assert_eq!(identity["principalId"], format!("{account}:{name}"));
        assert_eq!(identity["accessKeyId"], session.keys.id.as_str());
        assert!(identity.get("userName").is_none(), "{identity}");
        assert_eq!(identity["sessionContext"]["sessionIssuer"]["type"], kind);
        assert_eq!(identity["sessionContext"]["attributes"]["mfaAuthenticated"], "false");
    }
    let issuer = &identities[0]["sessionContext"]["sessionIssuer"];
    assert_eq!((&issuer["arn"], &issuer["userName"]), (&json!(alice.arn), &json!("alice")));
    assert!(issuer["principalId"].as_str().is_some_and(|id| id.starts_with("AIDA")), "{issuer}");
    let made = &events(&broker, "GetFederationToken", 2).await[0];
    assert_eq!(made["requestParameters"]["name"], "Bob");
    assert_eq!(made["responseElements"]["credentials"]["secretAccessKey"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    assert_eq!(made["responseElements"]["federatedUser"]["federatedUserId"], format!("{account}:Bob"));
}

/// The records of an operation, the oldest first, once there are `count` of them.
pub async fn events(at: &Running, name: &str, count: usize) -> Vec<Value> {
    let found = std::sync::Mutex::new(Vec::new());
    within_a_second("the records are written", || async {
        let query = AuditQuery { limit: 10_000, ..AuditQuery::default() };
        let rows = at.broker.store.audit(&query).await.expect("the trail");
        let all = rows.iter().map(|(_, row)| serde_json::from_slice::<Value>(&row.body).expect("JSON"));
        let named: Vec<Value> = all.filter(|event| event["eventName"] == name).collect();
        let enough = named.len() >= count;
        *found.lock().expect("nobody else") = named;
        enough
    })
    .await;
    found.into_inner().expect("nobody else")
}

/// What the token says is what was signed; a session of another kind cannot be made of it.
#[tokio::test]
async fn a_federated_session_cannot_be_turned_into_its_users() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("*", "*")).await;
    let bob = federated(&alice, "Bob", None, &broker).await;
    let mut parts: Vec<String> = bob.token().split('.').map(str::to_owned).collect();
    let body = data_encoding::BASE64URL_NOPAD.decode(parts[1].as_bytes()).expect("base64url");
    let text = String::from_utf8(body).expect("text").replace(r#""kind":"fu""#, r#""kind":"st""#);
    parts[1] = data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
    let forged = Keys { token: Some(parts.join(".")), ..bob.keys.clone() };
    forged.sts(&broker).get_caller_identity().send().await.refused("InvalidClientTokenId");
    bob.sts(&broker).get_caller_identity().send().await.granted();
}
