//! Every operation of STS asks for what AWS's service authorization reference says: its actions, on the ARN of its resource, with
//! its condition keys. `sts_reference.txt` is that reference; what brevet does is found out by asking it.

use std::collections::{BTreeMap, BTreeSet};

use brevet::ops::Registry;
use brevet::policy::{KnownKey, Source};
use brevet::wire::model::{Model, Service};
use serde_json::{Value, json};

use crate::world::policies::document;
use crate::world::raw::{Answer, call};
use crate::world::{Backend, Hand, Outcome, User, World};

const REFERENCE: &str = include_str!("sts_reference.txt");

#[derive(Default)]
struct Reference {
    operations: BTreeMap<&'static str, Vec<&'static str>>,
    types: BTreeSet<&'static str>,
    actions: BTreeMap<&'static str, (&'static str, Vec<&'static str>)>,
    more: BTreeMap<&'static str, Vec<&'static str>>,
    free: BTreeSet<&'static str>,
    absent: BTreeSet<&'static str>,
    later: BTreeSet<&'static str>,
}

fn reference() -> Reference {
    let mut all = Reference::default();
    for line in REFERENCE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let rest = |from: usize| words[from.min(words.len())..].iter().copied().filter(|word| *word != "-").collect();
        match (words[0], words[1]) {
            ("operation", name) => drop(all.operations.insert(name, rest(2))),
            ("type", name) => drop(all.types.insert(name)),
            ("action", name) => {
                assert!(all.actions.insert(name, (words[2], rest(3))).is_none(), "twice: {line}");
            }
            ("with", name) => all.more.entry(name).or_default().extend(rest(2) as Vec<&str>),
            ("free", name) => drop(all.free.insert(name)),
            ("absent", name) => drop(all.absent.insert(name)),
            ("later", name) => drop(all.later.insert(name)),
            _ => panic!("not understood: {line}"),
        }
    }
    all
}

impl Reference {
    fn keys(&self, action: &str) -> BTreeSet<&'static str> {
        let own = self.actions[action].1.iter().chain(self.more.get(action).into_iter().flatten());
        own.copied().filter(|key| !self.absent.contains(key)).collect()
    }

    fn all_keys(&self) -> BTreeSet<&'static str> {
        self.actions.keys().flat_map(|action| self.keys(action)).collect()
    }
}

/// One operation, as it is asked here.
struct Case {
    operation: &'static str,
    resource: String,
    parameters: Vec<(&'static str, String)>,
}

/// Operator, key and the value that it has in these requests.
fn condition(key: &str, case: &Case, member: &str) -> (&'static str, String, String) {
    let (operator, value) = match key {
        "aws:ResourceTag/*" | "iam:ResourceTag/*" => ("StringEquals", "blue"),
        "aws:RequestTag/*" => ("StringEquals", "gold"),
        "aws:TagKeys" | "sts:TransitiveTagKeys" => ("ForAnyValue:StringEquals", "stage"),
        "aws:ResourceAccount" => ("StringEquals", member),
        "sts:ExternalId" => ("StringEquals", "x-1"),
        "sts:RoleSessionName" => ("StringEquals", "work"),
        "sts:SourceIdentity" => ("StringEquals", "ann@hq"),
        "sts:DurationSeconds" => ("NumericEquals", "300"),
        "sts:IdentityTokenAudience" => ("ForAnyValue:StringEquals", "https://books.example"),
        "sts:SigningAlgorithm" => ("StringEquals", "ES384"),
        "sts:TaskPolicyArn" => ("ArnEquals", TASK),
        other => panic!("{}: this test does not know what {other} is to be", case.operation),
    };
    (operator, name_of(key), value.to_owned())
}

const TASK: &str = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials";

fn name_of(key: &str) -> String {
    key.replace('*', if key.starts_with("aws:RequestTag") { "stage" } else { "team" })
}

fn case(operation: &'static str, root: &Hand<'_>, role: &str, member: &str) -> Case {
    let given =
        |pairs: &[(&'static str, &str)]| pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let tags = [("Tags.member.1.Key", "stage"), ("Tags.member.1.Value", "gold")];
    let (resource, parameters) = match operation {
        "AssumeRole" => {
            let own = [
                ("RoleArn", role),
                ("RoleSessionName", "work"),
                ("ExternalId", "x-1"),
                ("SourceIdentity", "ann@hq"),
                ("TransitiveTagKeys.member.1", "stage"),
            ];
            (role.to_owned(), given(&[own.as_slice(), tags.as_slice()].concat()))
        }
        "AssumeRoot" => {
            let own = [("TargetPrincipal", member), ("TaskPolicyArn.arn", TASK)];
            (format!("arn:aws:iam::{member}:root"), given(&own))
        }
        "GetFederationToken" => {
            let own = [("Name", "Bob")];
            let resource = format!("arn:aws:sts::{}:federated-user/Bob", root.account);
            (resource, given(&[own.as_slice(), tags.as_slice()].concat()))
        }
        "GetWebIdentityToken" => {
            let own = [("Audience.member.1", "https://books.example"), ("SigningAlgorithm", "ES384")];
            let resource = format!("arn:aws:sts::{}:self", root.account);
            (resource, given(&[own.as_slice(), tags.as_slice()].concat()))
        }
        "GetAccessKeyInfo" => ("*".to_owned(), given(&[("AccessKeyId", "AKIAQAAAAAAAAAAAAAAA")])),
        "DecodeAuthorizationMessage" => ("*".to_owned(), given(&[("EncodedMessage", "message")])),
        "GetCallerIdentity" | "GetSessionToken" => ("*".to_owned(), Vec::new()),
        other => panic!("tests/stories/sts_reference.rs does not know how {other} is asked"),
    };
    Case { operation, resource, parameters }
}

/// Allows an action where and how it is needed, and not if the request has any other key of the reference.
fn exactly(table: &Reference, action: &str, case: &Case, member: &str) -> Value {
    let mut conditions = json!({});
    let has = present(table, action, case);
    for key in &has {
        let (operator, key, value) = condition(key, case, member);
        conditions[operator][key] = json!(value);
    }
    // The global key is there for others too.
    let others = table.all_keys().into_iter().filter(|key| !has.contains(key) && *key != "aws:ResourceAccount");
    for key in others {
        conditions["Null"][name_of(key)] = json!("true");
    }
    json!({ "Effect": "Allow", "Action": format!("sts:{action}"), "Resource": case.resource, "Condition": conditions })
}

/// The keys of an action in this request: one on a federated user has none of a role's.
fn present(table: &Reference, action: &str, case: &Case) -> BTreeSet<&'static str> {
    let keys = table.keys(action);
    if case.operation != "GetFederationToken" {
        return keys;
    }
    keys.into_iter().filter(|key| key.starts_with("aws:RequestTag") || *key == "aws:TagKeys").collect()
}

async fn ask(root: &Hand<'_>, asker: &User, case: &Case, policy: Vec<Value>) -> Answer {
    // Groups may have the longest policies; one without statements is none.
    let harmless = json!({ "Effect": "Allow", "Action": "notes:Read", "Resource": "*" });
    let policy = document(policy.into_iter().chain([harmless]));
    let put = root.iam.put_group_policy().group_name("askers").policy_name("own").policy_document(policy);
    put.send().await.granted();
    let mut pairs = vec![("Action", case.operation)];
    pairs.extend(case.parameters.iter().map(|(name, value)| (*name, value.as_str())));
    call(root.at, Some(asker), "sts", &pairs).await
}

#[tokio::test]
async fn every_operation_asks_for_what_the_service_authorization_reference_says() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let member = world.another_account("member").await.account.to_string();
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    root.iam.enable_organizations_root_credentials_management().send().await.granted();
    let asker = root.user("asker").await;
    root.group("askers", "").await;
    root.join("asker", "askers").await;
    let actions = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];
    // The account is trusted, so that the user's own policies decide.
    let trusted = crate::world::policies::trust(&root.account.to_string(), &actions, None);
    let team = aws_sdk_iam::types::Tag::builder().key("team").value("blue").build().expect("a tag");
    let make =
        root.iam.create_role().role_name("worker").path("/dept/").assume_role_policy_document(&trusted).tags(team);
    let role = make.send().await.granted().role().expect("a role").arn().to_owned();
    let table = reference();
    let mut wrong = Vec::new();
    for operation in Registry::new().names(Service::Sts) {
        if table.later.contains(operation) {
            continue;
        }
        let case = case(operation, &root, &role, &member);
        let needed: Vec<&str> =
            table.operations[operation].iter().copied().filter(|action| !table.absent.contains(action)).collect();
        if table.free.contains(operation) {
            let deny = json!({ "Effect": "Deny", "Action": "*", "Resource": "*" });
            let answer = ask(&root, &asker, &case, vec![deny]).await;
            if answer.status != 200 {
                wrong.push(format!("{operation} needs no permission: {answer:?}"));
            }
            continue;
        }
        let all = |but: &str, instead: Option<Value>| -> Vec<Value> {
            let others = needed.iter().filter(|action| **action != but);
            others.map(|action| exactly(&table, action, &case, &member)).chain(instead).collect()
        };
        let answer = ask(&root, &asker, &case, all("", None)).await;
        if answer.code() == "AccessDenied" || answer.status >= 500 {
            wrong.push(format!("{operation}: exactly that is refused: {answer:?}"));
        }
        for action in &needed {
            let name = format!("sts:{action}");
            let elsewhere = match case.resource.as_str() {
                "*" => json!({ "Effect": "Allow", "Action": name, "Resource": "arn:*" }),
                arn => json!({ "Effect": "Allow", "Action": name, "NotResource": arn }),
            };
            let mut refused = vec![(all(action, None), format!("without {action}"))];
            refused.push((all(action, Some(elsewhere)), format!("{action} elsewhere")));
            for key in present(&table, action, &case) {
                let (operator, key, value) = condition(key, &case, &member);
                let deny = json!({ "Effect": "Deny", "Action": name, "Resource": "*",
                    "Condition": { operator: { key.as_str(): value } } });
                let mut policy = all("", None);
                policy.push(deny);
                refused.push((policy, format!("{action} with {key}")));
            }
            for (policy, why) in refused {
                let answer = ask(&root, &asker, &case, policy).await;
                if answer.code() != "AccessDenied" {
                    wrong.push(format!("{operation}: {why} is not denied: {answer:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    trust_policies_see_the_same_keys(&table, &root, &asker, &case("AssumeRole", &root, &role, &member)).await;
}

/// A trust policy decides by the very keys by which the caller's own policies do.
async fn trust_policies_see_the_same_keys(table: &Reference, root: &Hand<'_>, asker: &User, case: &Case) {
    let actions = ["AssumeRole", "SetSourceIdentity", "TagSession"];
    let statement = |action: &str, condition: Value| {
        let action = format!("sts:{action}");
        let mut statement = json!({ "Effect": "Allow", "Principal": { "AWS": asker.arn }, "Action": action });
        statement["Condition"] = condition;
        statement
    };
    for action in actions {
        let asked = exactly(table, action, case, "")["Condition"].clone();
        let mut tries = vec![(asked.clone(), String::new())];
        for key in table.keys(action) {
            let (operator, key, _) = condition(key, case, "");
            let mut other = asked.clone();
            other[operator][key.as_str()] = json!("arn:aws:other:::thing");
            tries.push((other, key));
        }
        for (conditions, wrong) in tries {
            let others = actions.iter().filter(|other| **other != action).map(|other| statement(other, json!({})));
            let trust = document(others.chain([statement(action, conditions)]));
            let update = root.iam.update_assume_role_policy().role_name("worker").policy_document(trust);
            update.send().await.granted();
            let everything = json!({ "Effect": "Allow", "Action": "sts:*", "Resource": "*" });
            let answer = ask(root, asker, case, vec![everything]).await;
            let expected = if wrong.is_empty() { "" } else { "AccessDenied" };
            assert_eq!(answer.code(), expected, "{action} where {wrong:?} is another: {answer:?}");
        }
    }
}

/// The table of condition keys (`brevet::policy`, docs/condition-keys.md) and the reference name the same keys of STS's, and agree
/// about which of them requests have here.
#[test]
fn the_condition_keys_that_are_documented_are_those_of_the_reference() {
    let table = reference();
    let ours = |key: &&str| key.starts_with("sts:");
    let listed: BTreeSet<String> =
        table.actions.values().flat_map(|(_, keys)| keys.iter().copied()).filter(ours).map(plain).collect();
    let documented: BTreeSet<String> =
        KnownKey::all().iter().map(|known| known.name).filter(|name| name.starts_with("sts:")).map(plain).collect();
    assert_eq!(documented, listed);
    let served = Registry::new().names(Service::Sts).into_iter().filter(|name| !table.later.contains(name));
    for operation in served {
        for action in table.operations[operation].iter().filter(|action| !table.absent.contains(*action)) {
            for key in table.keys(action).into_iter().filter(|key| key.starts_with("sts:")) {
                let known = KnownKey::find(&key.replace('*', "")).expect("documented");
                assert_eq!(known.source, Source::Operation, "{key} of {action}");
            }
        }
    }
}

fn plain(key: &str) -> String {
    key.trim_end_matches('*').to_lowercase()
}

/// The reference has every operation that AWS's model declares, and nothing in it is without a home.
#[test]
fn the_reference_knows_every_operation() {
    let table = reference();
    let declared: BTreeSet<&str> =
        Model::of(Service::Sts).operations().map(|operation| operation.name.as_str()).collect();
    assert_eq!(table.operations.keys().copied().collect::<BTreeSet<_>>(), declared);
    let of_operations: BTreeSet<&str> = table.operations.values().flatten().copied().collect();
    for (action, (kind, _)) in &table.actions {
        assert!(*kind == "-" || table.types.contains(kind), "{action} on {kind}");
        let alone = of_operations.contains(action) || declared.contains(action) || table.absent.contains(action);
        assert!(alone, "{action} is of no operation");
    }
    assert!(of_operations.iter().all(|action| table.actions.contains_key(action)), "an action without a line");
}
