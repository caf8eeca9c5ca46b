//! Taking on a role: who may, with what proof, and what the session then is.

use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use serde_json::{Value, json};

use crate::world::policies::{allow, deny, document, statement, trust};
use crate::world::raw::ask;
use crate::world::{Actor, Backend, Hand, Keys, Outcome, Running, Session, World};

const ASSUME: &str = "sts:AssumeRole";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("key and value")
}

/// The code of trying to assume a role, or `Ok`.
async fn tried(who: &impl Actor, role: &str, at: &Running) -> String {
    who.sts(at).assume_role().role_arn(role).role_session_name("work").send().await.code()
}

async fn assumed(who: &impl Actor, role: &str, at: &Running) -> Session {
    let answer = who.sts(at).assume_role().role_arn(role).role_session_name("work").send().await.granted();
    Session::of(answer.credentials())
}

fn claims(session: &Session) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(session.token()).expect("a JWT").claims
}

/// Users of every kind of own permission.
async fn three_users(root: &Hand<'_>) -> [(&'static str, crate::world::User); 3] {
    [
        ("allowed", root.user_with("allowed", &allow(ASSUME, "*")).await),
        ("silent", root.user("silent").await),
        ("denied", root.user_with("denied", &deny(ASSUME, "*")).await),
    ]
}

#[tokio::test]
async fn in_one_account_a_trust_policy_that_names_the_user_suffices_and_one_that_names_the_account_does_not() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    for (own, user) in three_users(&root).await {
        let account =
            root.role(&format!("account-{own}"), &trust(&root.account.to_string(), &[ASSUME], None), "").await;
        let named = root.role(&format!("named-{own}"), &trust(&user.arn, &[ASSUME], None), "").await;
        let other = trust("arn:aws:iam::999999999999:root", &[ASSUME], None);
        let other = root.role(&format!("other-{own}"), &other, "").await;
        let expected = match own {
            "allowed" => ["Ok", "Ok", "AccessDenied"],
            "silent" => ["AccessDenied", "Ok", "AccessDenied"],
            _ => ["AccessDenied", "AccessDenied", "AccessDenied"],
        };
        for (role, expected) in [account, named, other].iter().zip(expected) {
            assert_eq!(tried(&user, role, &broker).await, expected, "{own} user, {role}");
        }
    }
}

#[tokio::test]
async fn between_accounts_both_sides_must_agree() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let partner = partner.at(&broker);
    for (own, user) in three_users(&root).await {
        let account = trust(&format!("arn:aws:iam::{}:root", root.account), &[ASSUME], None);
        let account = partner.role(&format!("account-{own}"), &account, "").await;
        let named = partner.role(&format!("named-{own}"), &trust(&user.arn, &[ASSUME], None), "").await;
        let theirs =
            partner.role(&format!("theirs-{own}"), &trust(&partner.account.to_string(), &[ASSUME], None), "").await;
        let expected = if own == "allowed" { "Ok" } else { "AccessDenied" };
        assert_eq!(tried(&user, &account, &broker).await, expected, "{own}: the role trusts the account");
        assert_eq!(tried(&user, &named, &broker).await, expected, "{own}: the role trusts the user");
        assert_eq!(tried(&user, &theirs, &broker).await, "AccessDenied", "{own}: the role trusts its own account");
    }
}

#[tokio::test]
async fn external_id_and_second_factor_are_both_asked_for() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow(ASSUME, "*")).await;
    let device = root.device_of(&alice).await;
    let login = alice.sts(&broker).get_session_token().serial_number(&device.serial).token_code(device.next_code());
    let with_mfa = Session::of(login.send().await.granted().credentials());
    let without = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    let external = json!({ "StringEquals": { "sts:ExternalId": "x1" } });
    let factor = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let both = json!({ "StringEquals": { "sts:ExternalId": "x1" }, "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let callers: [(&Keys, bool); 3] = [(alice.keys(), false), (without.keys(), false), (with_mfa.keys(), true)];
    for (name, condition, wants_external, wants_factor) in
        [("external", external, true, false), ("factor", factor, false, true), ("both", both, true, true)]
    {
        let role = root.role(name, &trust(&alice.arn, &[ASSUME], Some(condition)), "").await;
        for (caller, has_factor) in callers {
            for given in [None, Some("x1"), Some("x2")] {
                let call = caller.sts(&broker).assume_role().role_arn(&role).role_session_name("work");
                let code = call.set_external_id(given.map(str::to_owned)).send().await.code();
                let fits = (!wants_external || given == Some("x1")) && (!wants_factor || has_factor);
                assert_eq!(code, if fits { "Ok" } else { "AccessDenied" }, "{name}, {given:?}, factor {has_factor}");
            }
        }
        if wants_factor {
            // The second factor may also be proven in the very request.
            let call = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("work").external_id("x1");
            call.serial_number(&device.serial).token_code(device.next_code()).send().await.granted();
        }
    }
}

#[tokio::test]
async fn a_session_policy_takes_away_and_never_gives() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let may = document([statement("Allow", "iam:ListUsers", "*"), statement("Allow", "iam:ListGroups", "*")]);
    let role = root.role("lister", &trust(&alice.arn, &[ASSUME], None), &may).await;
    let groups = root.policy("groups", &allow("iam:ListGroups", "*")).await;
    let session = |inline: Option<String>, arn: Option<&str>| {
        let arn = arn.map(|arn| PolicyDescriptorType::builder().arn(arn).build());
        let call = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("work");
        call.set_policy(inline).set_policy_arns(arn.map(|arn| vec![arn])).send()
    };
    for (inline, arn, users, group) in [
        (None, None, "Ok", "Ok"),
        (Some(allow("iam:ListUsers", "*")), None, "Ok", "AccessDenied"),
        (None, Some(groups.as_str()), "AccessDenied", "Ok"),
        (Some(allow("iam:ListUsers", "*")), Some(groups.as_str()), "Ok", "Ok"),
        (Some(allow("iam:*", "*")), None, "Ok", "Ok"),
        (Some(deny("iam:ListUsers", "*")), None, "AccessDenied", "AccessDenied"),
    ] {
        let session = Session::of(session(inline.clone(), arn).await.granted().credentials());
        let iam = session.iam(&broker);
        assert_eq!(iam.list_users().send().await.code(), users, "{inline:?} {arn:?}");
        assert_eq!(iam.list_groups().send().await.code(), group, "{inline:?} {arn:?}");
        assert_eq!(iam.list_roles().send().await.code(), "AccessDenied", "the role itself may not");
    }
    session(Some("{".to_owned()), None).await.refused("MalformedPolicyDocument");
    session(Some(allow("iam:X", &"x".repeat(5_000))), None).await.refused("PackedPolicyTooLarge");
    // The managed policy is read anew: what it no longer allows, the session may no longer do.
    let bounded = Session::of(session(None, Some(&groups)).await.granted().credentials());
    assert_eq!(bounded.iam(&broker).list_groups().send().await.code(), "Ok");
    let version = root.iam.create_policy_version().policy_arn(&groups).set_as_default(true);
    version.policy_document(allow("iam:ListRoles", "*")).send().await.granted();
    assert_eq!(bounded.iam(&broker).list_groups().send().await.code(), "AccessDenied");
}

#[tokio::test]
async fn a_role_assumed_from_a_role_lives_an_hour_at_the_most() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let first = root.role("first", &trust(&alice.arn, &[ASSUME], None), &allow(ASSUME, "*")).await;
    let second = root.role("second", &trust(&first, &[ASSUME], None), "").await;
    for role in ["first", "second"] {
        root.iam.update_role().role_name(role).max_session_duration(7_200).send().await.granted();
    }
    let call = |who: aws_sdk_sts::Client, role: &str, seconds: i32| {
        who.assume_role().role_arn(role).role_session_name("work").duration_seconds(seconds).send()
    };
    let long = call(alice.sts(&broker), &first, 7_200).await.granted();
    let long = Session::of(long.credentials());
    assert_eq!(long.expires - world.now().seconds(), 7_200);
    call(alice.sts(&broker), &first, 7_201).await.refused("ValidationError");
    call(long.sts(&broker), &second, 3_601).await.refused("ValidationError");
    let chained = Session::of(call(long.sts(&broker), &second, 3_600).await.granted().credentials());
    assert_eq!(chained.expires - world.now().seconds(), 3_600);
    let claims = claims(&chained);
    assert_eq!(claims["cd"], 1, "{claims}");
    let chain = &claims["act"];
    assert!(chain["sub"].as_str().is_some_and(|arn| arn.ends_with("assumed-role/first/work")), "{claims}");
    assert_eq!(chain["act"]["sub"], alice.arn.as_str());
    // The user itself may not: only the first role is trusted.
    assert_eq!(tried(&alice, &second, &broker).await, "AccessDenied");
}

#[tokio::test]
async fn tags_need_a_permission_of_their_own_and_transitive_ones_pass_on() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let untagged = root.role("untagged", &trust(&alice.arn, &[ASSUME], None), "").await;
    let tagging = [ASSUME, "sts:TagSession"];
    let may = document([statement("Allow", ASSUME, "*"), statement("Allow", "sts:TagSession", "*")]);
    let first = root.role("first", &trust(&alice.arn, &tagging, None), &may).await;
    let second = root.role("second", &trust(&first, &tagging, None), &allow("reports:Read", "*")).await;
    let team_only = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": "reports:*", "Resource": "*",
        "Condition": { "StringNotEquals": { "aws:PrincipalTag/team": "red" } },
    }]});
    let deny_others = root.iam.put_role_policy().role_name("second").policy_name("team");
    deny_others.policy_document(team_only.to_string()).send().await.granted();
    let tagged = |who: aws_sdk_sts::Client, role: &str, tags: Vec<Tag>, transitive: Vec<String>| {
        let call = who.assume_role().role_arn(role).role_session_name("work");
        call.set_tags(Some(tags)).set_transitive_tag_keys(Some(transitive)).send()
    };
    let red = || vec![tag("team", "red"), tag("desk", "7")];
    tagged(alice.sts(&broker), &untagged, red(), vec![]).await.refused("AccessDenied");
    tagged(alice.sts(&broker), &first, red(), vec!["floor".into()]).await.refused("ValidationError");
    let twice = vec![tag("team", "red"), tag("TEAM", "blue")];
    tagged(alice.sts(&broker), &first, twice, vec![]).await.refused("ValidationError");
    let one = tagged(alice.sts(&broker), &first, red(), vec!["team".into()]).await.granted();
    let one = Session::of(one.credentials());
    // What passes on is not set anew, in whatever case it is written.
    for key in ["team", "TEAM", "Team"] {
        let told = tagged(one.sts(&broker), &second, vec![tag(key, "blue")], vec![]).await.refused("ValidationError");
        assert!(told.contains("conflicts with a transitive tag key from the calling session: team"), "{told}");
        tagged(one.sts(&broker), &second, vec![tag(key, "red")], vec![key.into()]).await.refused("ValidationError");
    }
    let two = assumed(&one, &second, &broker).await;
    assert_eq!(claims(&two)["tags"], json!({ "team": "red" }), "only the transitive one passed on");
    // Policies see the session's tags.
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let asked = |session: &Session| {
        json!({
            "subject": { "type": "session", "id": "s", "properties": { "session_token": session.token() } },
            "action": { "name": "reports:Read" },
            "resource": { "type": "report", "id": "arn:aws:reports:::q3" },
        })
    };
    assert_eq!(ask(&broker, &service, &asked(&two)).await.json()["decision"], true);
    let plain = assumed(&alice, &first, &broker).await;
    let plain = assumed(&plain, &second, &broker).await;
    assert_eq!(ask(&broker, &service, &asked(&plain)).await.json()["decision"], false);
}

#[tokio::test]
async fn a_source_identity_is_set_once_and_stays() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let plain = root.role("plain", &trust(&alice.arn, &[ASSUME], None), "").await;
    let with_source = [ASSUME, "sts:SetSourceIdentity"];
    let may = document([statement("Allow", ASSUME, "*"), statement("Allow", "sts:SetSourceIdentity", "*")]);
    let first = root.role("first", &trust(&alice.arn, &with_source, None), &may).await;
    let second = root.role("second", &trust(&first, &with_source, None), "").await;
    let named = |who: aws_sdk_sts::Client, role: &str, name: &str| {
        who.assume_role().role_arn(role).role_session_name("work").source_identity(name).send()
    };
    named(alice.sts(&broker), &plain, "alice@hq").await.refused("AccessDenied");
    let one = named(alice.sts(&broker), &first, "alice@hq").await.granted();
    assert_eq!(one.source_identity(), Some("alice@hq"));
    let one = Session::of(one.credentials());
    named(one.sts(&broker), &second, "mallory").await.refused("AccessDenied");
    let two = named(one.sts(&broker), &second, "alice@hq").await.granted();
    assert_eq!(two.source_identity(), Some("alice@hq"));
    let silent = one.sts(&broker).assume_role().role_arn(&second).role_session_name("work").send().await.granted();
    assert_eq!(claims(&Session::of(silent.credentials()))["src"], "alice@hq");
}

/// Whoever may write policies in one account can let its own users call themselves what they like. A role of another account
/// that trusts that account says itself whether it takes that over.
#[tokio::test]
async fn what_passes_on_needs_the_next_roles_consent_too() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (root, partner) = (world.root.at(&broker), world.another_account("partner").await);
    let partner = partner.at(&broker);
    let alice = root.user_with("alice", &allow("sts:*", "*")).await;
    let everything = [ASSUME, "sts:SetSourceIdentity", "sts:TagSession"];
    let own = root.role("own", &trust(&alice.arn, &everything, None), &allow("sts:*", "*")).await;
    let disguised = || alice.sts(&broker).assume_role().role_arn(&own).role_session_name("work");
    let named = Session::of(disguised().source_identity("the-boss").send().await.granted().credentials());
    let finance = disguised().tags(tag("team", "finance")).transitive_tag_keys("team");
    let tagged = Session::of(finance.send().await.granted().credentials());
    let plain = Session::of(disguised().send().await.granted().credentials());
    let ask =
        |who: &Session, role: &str| who.sts(&broker).assume_role().role_arn(role).role_session_name("work").send();
    let ours = root.account.to_string();
    let simple = partner.role("simple", &trust(&ours, &[ASSUME], None), "").await;
    ask(&plain, &simple).await.granted();
    for (who, action) in [(&named, "sts:SetSourceIdentity"), (&tagged, "sts:TagSession")] {
        let told = ask(who, &simple).await.refused("AccessDenied");
        assert!(told.contains(&format!("not authorized to perform: {action} on resource: {simple}")), "{told}");
    }
    // What it consents to, it may look at.
    let only = |key: &str, value: &str| Some(json!({ "StringEquals": { key: value } }));
    for (name, condition, granted) in [
        ("boss", only("sts:SourceIdentity", "the-boss"), [true, false]),
        ("clerk", only("sts:SourceIdentity", "the-clerk"), [false, false]),
        ("finance", only("aws:RequestTag/team", "finance"), [false, true]),
        ("sales", only("aws:RequestTag/team", "sales"), [false, false]),
        ("keys", Some(json!({ "ForAllValues:StringEquals": { "aws:TagKeys": ["desk"] } })), [true, false]),
        ("passing", Some(json!({ "ForAllValues:StringEquals": { "sts:TransitiveTagKeys": ["desk"] } })), [true, false]),
    ] {
        let role = partner.role(name, &trust(&ours, &everything, condition), "").await;
        for (who, granted) in [&named, &tagged].into_iter().zip(granted) {
            assert_eq!(ask(who, &role).await.is_ok(), granted, "{name}");
        }
    }
    // The caller's own policies are asked as well.
    let whole = partner.role("whole", &trust(&ours, &everything, None), "").await;
    ask(&named, &whole).await.granted();
    let narrow = root.role("narrow", &trust(&alice.arn, &everything, None), &allow(ASSUME, "*")).await;
    let call = alice.sts(&broker).assume_role().role_arn(narrow).role_session_name("work").source_identity("the-boss");
    let narrow = Session::of(call.send().await.granted().credentials());
    let told = ask(&narrow, &whole).await.refused("AccessDenied");
    assert!(told.contains("sts:SetSourceIdentity"), "{told}");
}

#[tokio::test]
async fn a_trust_policy_may_ask_for_a_second_factor_of_late() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow(ASSUME, "*")).await;
    let device = root.device_of(&alice).await;
    let late = json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": "600" } });
    let role = root.role("fresh", &trust(&alice.arn, &[ASSUME], Some(late)), "").await;
    let login = alice.sts(&broker).get_session_token().serial_number(&device.serial).token_code(device.next_code());
    let session = Session::of(login.send().await.granted().credentials());
    let plain = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    world.advance(599);
    assert_eq!(tried(&session, &role, &broker).await, "Ok");
    assert_eq!(tried(&plain, &role, &broker).await, "AccessDenied", "no factor has no age");
    assert_eq!(tried(&alice, &role, &broker).await, "AccessDenied", "nor has a key");
    world.advance(1);
    assert_eq!(tried(&session, &role, &broker).await, "AccessDenied");
    // Proven in the very request it has the age of nothing.
    let call = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("work");
    let call = call.serial_number(&device.serial).token_code(device.next_code());
    let fresh = Session::of(call.send().await.granted().credentials());
    // The role's own session does not carry it on.
    let present = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let next = root.role("next", &trust(&role, &[ASSUME], Some(present)), "").await;
    assert_eq!(tried(&fresh, &next, &broker).await, "AccessDenied");
}

#[tokio::test]
async fn contexts_of_other_providers_are_not_taken_in() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let role = root.role("any", &trust(&alice.arn, &[ASSUME], None), "").await;
    let context = aws_sdk_sts::types::ProvidedContext::builder();
    let context =
        context.provider_arn("arn:aws:iam::aws:contextProvider/IdentityCenter").context_assertion("a.b.c").build();
    let call = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("work").provided_contexts(context);
    let told = call.send().await.refused("NotImplemented");
    assert!(told.contains("ProvidedContexts"), "{told}");
}

#[tokio::test]
async fn what_is_not_built_says_so() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let missing = brevet::ops::Registry::new().missing(brevet::wire::model::Service::Sts);
    let sentence = |name: &str| format!("sts:{name} is declared by AWS and not built in this broker yet.");
    let sts = world.root.sts(&broker);
    if missing.contains(&"GetDelegatedAccessToken") {
        let told = sts.get_delegated_access_token().trade_in_token("token-1").send().await.refused("NotImplemented");
        assert_eq!(told, sentence("GetDelegatedAccessToken"));
    }
    if missing.contains(&"AssumeRoleWithSAML") {
        let role = format!("arn:aws:iam::{}:role/any", world.root.account);
        let provider = format!("arn:aws:iam::{}:saml-provider/corp", world.root.account);
        let call = sts.assume_role_with_saml().role_arn(role).principal_arn(provider).saml_assertion("PHNhbWw+");
        assert_eq!(call.send().await.refused("NotImplemented"), sentence("AssumeRoleWithSAML"));
    }
}

#[tokio::test]
async fn the_root_user_assumes_no_role() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let role = root.role("any", &trust(&root.account.to_string(), &[ASSUME], None), "").await;
    let call = world.root.sts(&broker).assume_role().role_arn(&role).role_session_name("work");
    assert_eq!(call.send().await.refused("AccessDenied"), "Roles may not be assumed by root accounts.");
}

#[tokio::test]
async fn a_role_that_does_not_exist_looks_like_one_that_may_not_be_assumed() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let partner = partner.at(&broker);
    let alice = root.user_with("alice", &allow(ASSUME, "*")).await;
    let nobody = root.user("nobody").await;
    for hand in [&root, &partner] {
        let there = hand.role("there", &trust("999999999999", &[ASSUME], None), "").await;
        let missing = there.replace("role/there", "role/gone");
        for user in [&alice, &nobody] {
            let call = |role: &str| user.sts(&broker).assume_role().role_arn(role).role_session_name("work").send();
            let refused = call(&there).await.refused("AccessDenied");
            let unknown = call(&missing).await.refused("AccessDenied");
            assert_eq!(unknown.replace("role/gone", "role/there"), refused, "{}", user.name);
        }
    }
    // Nor does an account tell by its answer that it does not exist.
    let nowhere = "arn:aws:iam::999999999999:role/there";
    assert_eq!(tried(&alice, nowhere, &broker).await, "AccessDenied");
}

#[tokio::test]
async fn a_role_of_a_deleted_and_made_again_name_has_new_sessions_only() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let role = root.role("worker", &trust(&alice.arn, &[ASSUME], None), &allow("iam:ListUsers", "*")).await;
    let session = assumed(&alice, &role, &broker).await;
    assert_eq!(session.iam(&broker).list_users().send().await.code(), "Ok");
    root.iam.delete_role_policy().role_name("worker").policy_name("own").send().await.granted();
    root.iam.delete_role().role_name("worker").send().await.granted();
    assert_eq!(session.iam(&broker).list_users().send().await.code(), "InvalidClientTokenId");
    root.role("worker", &trust(&alice.arn, &[ASSUME], None), &allow("iam:ListUsers", "*")).await;
    assert_eq!(session.iam(&broker).list_users().send().await.code(), "InvalidClientTokenId");
    assert_eq!(assumed(&alice, &role, &broker).await.iam(&broker).list_users().send().await.code(), "Ok");
}
