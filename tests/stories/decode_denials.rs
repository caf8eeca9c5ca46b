//! Why was that denied: the encoded message of a denial, and who may read it.

use std::time::Duration;

use brevet::store::AuditQuery;
use serde_json::Value;

use crate::world::policies::{allow, allow_if, deny, trust};
use crate::world::{Actor, Backend, Hand, Outcome, Running, User, World};

on_both_stores! {
    a_denial_is_explained_to_those_who_may_know => explained;
    a_trust_policys_reasons_are_its_owners => trust_policies;
}

/// Lets its holder read denials.
const READER: &str = "sts:DecodeAuthorizationMessage";

async fn read(who: &impl Actor, at: &Running, message: &str) -> Value {
    let decoded = who.sts(at).decode_authorization_message().encoded_message(message).send().await.granted();
    serde_json::from_str(decoded.decoded_message().expect("a document")).expect("JSON")
}

async fn refused(who: &impl Actor, at: &Running, message: &str) -> String {
    who.sts(at).decode_authorization_message().encoded_message(message).send().await.code()
}

/// The audit record of a request; those of refusals are written a moment later.
async fn recorded(at: &Running, request_id: &str) -> Value {
    let query = AuditQuery { limit: 1_000, ..AuditQuery::default() };
    let since = std::time::Instant::now();
    while since.elapsed() < Duration::from_secs(10) {
        let rows = at.broker.store.audit(&query).await.expect("the trail");
        let mut records = rows.into_iter().map(|(_, row)| serde_json::from_slice::<Value>(&row.body).expect("JSON"));
        if let Some(record) = records.find(|record| record["requestID"] == request_id) {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{request_id} is not recorded")
}

async fn reader(root: &Hand<'_>) -> User {
    root.user_with("reader", &allow(READER, "*")).await
}

async fn explained(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let reader = reader(&root).await;
    let ann = root.user_with("ann", &allow("iam:GetUser", "*")).await;
    root.let_user("ann", "no-groups", &deny("iam:CreateGroup", "*")).await;
    let inside = serde_json::json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } });
    root.let_user("ann", "office", &allow_if("iam:ListUsers", inside)).await;
    let iam = ann.iam(&broker);

    // Denied by a statement: which one, in which policy.
    let message = iam.create_group().group_name("crew").path("/hidden/").send().await.denied();
    let told = read(&reader, &broker, &message).await;
    assert_eq!((&told["allowed"], &told["explicitDeny"]), (&Value::from(false), &Value::from(true)));
    let statement = &told["matchedStatements"]["items"][0];
    assert_eq!(
        (&statement["effect"], &statement["policyType"]),
        (&Value::from("DENY"), &Value::from("IDENTITY_POLICY"))
    );
    assert!(statement["policy"].as_str().is_some_and(|policy| policy.ends_with("no-groups")), "{told}");
    let context = &told["context"];
    assert_eq!(context["principal"]["arn"], Value::from(ann.arn.as_str()));
    assert_eq!(context["principal"]["name"], "ann");
    assert!(context["principal"]["id"].as_str().is_some_and(|id| id.starts_with("AIDA")), "{told}");
    assert_eq!(context["action"], "iam:CreateGroup");
    assert_eq!(context["resource"], Value::from(format!("arn:aws:iam::{}:group/hidden/crew", root.account)));

    // Nearly allowed: which condition stood in the way, and what the request carried.
    let message = iam.list_users().send().await.denied();
    let told = read(&reader, &broker, &message).await;
    let near = &told["failures"]["items"][0]["nearlyAllowedBy"];
    assert_eq!((&near["conditionKey"], &near["keyIsAbsent"]), (&Value::from("aws:sourceip"), &Value::from(false)));
    assert!(near["statement"]["policy"].as_str().is_some_and(|policy| policy.ends_with("office")), "{told}");
    let carried = told["context"]["conditions"]["items"].as_array().expect("conditions");
    let source = carried.iter().find(|item| item["key"] == "aws:SourceIp").expect("where it came from");
    assert_eq!(source["values"]["items"][0]["value"], "127.0.0.1");

    // Nobody else reads it: not the denied caller, who lacks the permission, nor another account, whatever it may.
    assert_eq!(refused(&ann, &broker, &message).await, "AccessDenied");
    let partner = world.another_account("partner").await;
    assert_eq!(refused(&partner, &broker, &message).await, "InvalidAuthorizationMessageException");
    // And it cannot be changed.
    let mut letters: Vec<char> = message.chars().collect();
    let middle = letters.len() / 2;
    letters[middle] = if letters[middle] == 'A' { 'B' } else { 'A' };
    let changed: String = letters.into_iter().collect();
    for broken in [changed.as_str(), "x", "!!!", &message[..message.len() - 4], &message[4..]] {
        assert_eq!(refused(&reader, &broker, broken).await, "InvalidAuthorizationMessageException", "{broken}");
    }

    // The audit record of the denial says the same to those who may read the trail.
    let id = told["requestId"].as_str().expect("a request id");
    let record = recorded(&broker, id).await;
    assert_eq!(record["additionalEventData"]["failures"], told["failures"]);
    assert!(!record.to_string().contains(&message[..40]), "the message itself is not recorded");
}

async fn trust_policies(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let partner_hand = partner.at(&broker);
    let (reader, partners_reader) = (reader(&root).await, reader(&partner_hand).await);
    let alice = root.user_with("alice", &allow("sts:AssumeRole", "*")).await;
    let wanted = serde_json::json!({ "StringEquals": { "sts:ExternalId": "the-agreed-word" } });
    let role =
        partner_hand.role("books", &trust(&root.account.to_string(), &["sts:AssumeRole"], Some(wanted)), "").await;
    let ask = |role: &str| {
        alice.sts(&broker).assume_role().role_arn(role).role_session_name("work").external_id("a-guess").send()
    };

    let message = ask(&role).await.denied();
    // The caller's own administrators would learn what the role's owner asks for.
    assert_eq!(refused(&reader, &broker, &message).await, "InvalidAuthorizationMessageException");
    let told = read(&partners_reader, &broker, &message).await;
    let failure = &told["failures"]["items"][0];
    assert_eq!(failure["policyType"], "ROLE_TRUST_POLICY");
    assert_eq!(failure["nearlyAllowedBy"]["conditionKey"], "sts:externalid");
    assert_eq!(told["context"]["principal"]["arn"], Value::from(alice.arn.as_str()));
    // Not even what is in the caller's policies is told to the other side.
    assert_eq!(told["matchedStatements"]["items"].as_array().map(Vec::len), Some(0), "{told}");
    assert!(!told.to_string().contains("the-agreed-word"));

    // A role that is not there, in an account that is or is not: the message is as long, however long the request is.
    for missing in [role.replace("books", "pages"), "arn:aws:iam::999999999999:role/books".to_owned()] {
        assert_eq!(ask(&missing).await.denied().len(), message.len(), "{missing}");
        for length in (2..=1_224).step_by(50) {
            let (there, not) =
                (tagged(&alice, &broker, &role, length).await, tagged(&alice, &broker, &missing, length).await);
            assert_eq!(there.len(), not.len(), "{missing} {length}");
        }
    }

    // Denied on the caller's side, it is the caller's account that may know.
    let bob = root.user("bob").await;
    let open = partner_hand.role("open", &trust(&root.account.to_string(), &["sts:AssumeRole"], None), "").await;
    let message = bob.sts(&broker).assume_role().role_arn(open).role_session_name("work").send().await.denied();
    assert_eq!(refused(&partners_reader, &broker, &message).await, "InvalidAuthorizationMessageException");
    let told = read(&reader, &broker, &message).await;
    assert_eq!(told["failures"]["items"][0]["policyType"], "IDENTITY_POLICY");
    assert_eq!(told["matchedStatements"]["items"].as_array().map(Vec::len), Some(0), "{told}");
}

/// Denied with a request that carries tags of so many characters.
async fn tagged(who: &User, at: &Running, role: &str, length: usize) -> String {
    let mut call = who.sts(at).assume_role().role_arn(role).role_session_name("work").external_id("a-guess");
    for number in 0..=length / 200 {
        let value = "x".repeat(200.min(length - 200 * number));
        let tag = aws_sdk_sts::types::Tag::builder().key(format!("t{number}")).value(value);
        call = call.tags(tag.build().expect("a tag"));
    }
    call.send().await.denied()
}

#[tokio::test]
async fn a_strangers_role_does_not_show_its_tags_in_a_denial_on_the_callers_side() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let reader = reader(&root).await;
    let bob = root.user("bob").await;
    let open = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    let role = partner.at(&broker).role("books", &open, "").await;
    let tag = aws_sdk_iam::types::Tag::builder().key("plan").value("merger").build().expect("a tag");
    partner.at(&broker).iam.tag_role().role_name("books").tags(tag).send().await.granted();
    let message = bob.sts(&broker).assume_role().role_arn(role).role_session_name("work").send().await.denied();
    let told = read(&reader, &broker, &message).await;
    assert_eq!(told["failures"]["items"][0]["policyType"], "IDENTITY_POLICY");
    assert!(!told.to_string().contains("merger") && !told.to_string().contains("ResourceTag"), "{told}");
    let record = recorded(&broker, told["requestId"].as_str().expect("a request id")).await;
    assert!(!record.to_string().contains("merger"), "{record}");
}
