//! Every operation of IAM asks for what AWS's service authorization reference says: its action, on the ARN of its resource, with
//! its condition keys. `authorization_reference.txt` is that reference; what brevet does is found out by asking it.

use std::collections::{BTreeMap, BTreeSet};

use brevet::ops::Registry;
use brevet::policy::{KnownKey, Source};
use brevet::wire::model::{Model, Service};
use serde_json::{Value, json};

use super::authorization::sample;
use super::server_certificates::own;
use crate::world::policies::{allow, document, trust};
use crate::world::raw::{Answer, call};
use crate::world::{Backend, Hand, Outcome, User, World};

const REFERENCE: &str = include_str!("authorization_reference.txt");

/// What the table says.
#[derive(Default)]
struct Reference {
    /// The types of resource, with the condition keys that they bring along.
    types: BTreeMap<&'static str, Vec<&'static str>>,
    actions: BTreeMap<&'static str, Listed>,
    absent: BTreeSet<&'static str>,
    /// What an action without a resource is checked on here.
    names: BTreeMap<&'static str, &'static str>,
    without: BTreeSet<(&'static str, &'static str)>,
    /// Types, keys and operations that other stories tell of.
    apart: BTreeSet<&'static str>,
}

/// An action.
struct Listed {
    types: Vec<&'static str>,
    keys: Vec<&'static str>,
    depends_on: Vec<&'static str>,
}

fn reference() -> Reference {
    let mut all = Reference::default();
    for line in REFERENCE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let keys =
            |from: usize| words[from..].iter().copied().filter(|key| *key != "-" && !key.starts_with('+')).collect();
        match (words[0], words[1]) {
            ("type", name) => drop(all.types.insert(name, keys(3))),
            ("action", name) => {
                let types = words[2].split(',').filter(|kind| *kind != "-").map(|kind| kind.trim_end_matches('?'));
                let depends_on = words[3..].iter().filter_map(|word| word.strip_prefix("+iam:")).collect();
                let listed = Listed { types: types.collect(), keys: keys(3), depends_on };
                assert!(all.actions.insert(name, listed).is_none(), "twice: {line}");
            }
            ("absent", key) => drop(all.absent.insert(key)),
            ("apart" | "unlisted", word) => drop(all.apart.insert(word)),
            ("names", action) => drop(all.names.insert(action, words[2])),
            ("without", action) => drop(all.without.insert((action, words[2]))),
            _ => panic!("not understood: {line}"),
        }
    }
    all
}

impl Reference {
    /// Every condition key that some action or type of resource has.
    fn all_keys(&self) -> BTreeSet<&'static str> {
        let of_actions = self.actions.values().flat_map(|listed| listed.keys.iter().copied());
        let all = self.types.values().flatten().copied().chain(of_actions);
        all.filter(|key| !self.apart.contains(key)).collect()
    }

    /// The keys that a request for an action on an entity that is there has here.
    fn keys(&self, action: &'static str, kind: Option<&str>) -> Vec<&'static str> {
        let of_type = kind.and_then(|kind| self.types.get(kind)).into_iter().flatten();
        let all = self.actions[action].keys.iter().chain(of_type).copied();
        let none = |key: &str| self.absent.contains(key) || self.apart.contains(key);
        all.filter(|key| !none(key) && !self.without.contains(&(action, *key))).collect()
    }
}

/// The operations that make the entity which they are on: it has no tags and no boundary before.
const MAKING: [(&str, &str); 9] = [
    ("user", "CreateUser"),
    ("group", "CreateGroup"),
    ("role", "CreateRole"),
    ("policy", "CreatePolicy"),
    ("instance-profile", "CreateInstanceProfile"),
    ("mfa", "CreateVirtualMFADevice"),
    ("oidc-provider", "CreateOpenIDConnectProvider"),
    ("saml-provider", "CreateSAMLProvider"),
    ("server-certificate", "UploadServerCertificate"),
];

/// What all cases have in common.
struct Stage<'a> {
    world: &'a World,
    root: Hand<'a>,
    asker: User,
    /// The boundary that everybody has.
    boundary: String,
    /// The one that requests set.
    tighter: String,
    attached: String,
    passed: String,
}

/// One operation on one type of resource.
struct Case {
    operation: &'static str,
    kind: Option<&'static str>,
    name: String,
    arn: Option<String>,
    /// Whether the entity is there before.
    exists: bool,
    extra: Vec<(&'static str, String)>,
}

/// Something that must be allowed: an action, on what, with which condition keys.
struct Needed {
    action: String,
    resource: String,
    conditions: Vec<(&'static str, String, String)>,
    without: Vec<String>,
}

async fn stage<'a>(world: &'a World, broker: &'a crate::world::Running) -> Stage<'a> {
    // With a second account there is an organization, whose reports this one may ask for.
    world.another_account("member").await;
    let root = world.root.at(broker);
    let boundary = root.policy("boundary", &allow("*", "*")).await;
    let tighter = root.policy("tighter", &allow("iam:*", "*")).await;
    let attached = root.policy("attached", &allow("notes:Read", "*")).await;
    root.user("bystander").await;
    let stage =
        Stage { world, root, asker: asker(world, broker).await, boundary, tighter, attached, passed: String::new() };
    let passed = stage.make("role", "passed").await;
    Stage { passed, ..stage }
}

async fn asker(world: &World, broker: &crate::world::Running) -> User {
    let root = world.root.at(broker);
    let made = root.iam.create_user().user_name("asker").path("/dept/").tags(tag()).send().await.granted();
    let arn = made.user().expect("a user").arn().to_owned();
    User { account: root.account, name: "asker".to_owned(), arn, keys: root.access_key("asker").await }
}

fn tag() -> aws_sdk_iam::types::Tag {
    aws_sdk_iam::types::Tag::builder().key("team").value("blue").build().expect("a tag")
}

impl Stage<'_> {
    /// An entity in the path `/dept/`, tagged, and bounded if it can be; its ARN.
    async fn make(&self, kind: &str, name: &str) -> String {
        let iam = &self.root.iam;
        let account = self.root.account;
        match kind {
            "user" => {
                let make = iam.create_user().user_name(name).path("/dept/").tags(tag());
                make.permissions_boundary(&self.boundary)
                    .send()
                    .await
                    .granted()
                    .user()
                    .expect("a user")
                    .arn()
                    .to_owned()
            }
            "role" => {
                let trust = trust(&account.to_string(), &["sts:AssumeRole"], None);
                let make = iam.create_role().role_name(name).path("/dept/").assume_role_policy_document(trust);
                let made = make.permissions_boundary(&self.boundary).tags(tag()).send().await.granted();
                made.role().expect("a role").arn().to_owned()
            }
            "group" => {
                let made = iam.create_group().group_name(name).path("/dept/").send().await.granted();
                made.group().expect("a group").arn().to_owned()
            }
            "policy" => {
                let make =
                    iam.create_policy().policy_name(name).path("/dept/").policy_document(allow("notes:Read", "*"));
                make.tags(tag()).send().await.granted().policy().and_then(|made| made.arn()).expect("an ARN").to_owned()
            }
            "instance-profile" => {
                let make = iam.create_instance_profile().instance_profile_name(name).path("/dept/").tags(tag());
                make.send().await.granted().instance_profile().expect("a profile").arn().to_owned()
            }
            "mfa" => {
                let make = iam.create_virtual_mfa_device().virtual_mfa_device_name(name).path("/dept/").tags(tag());
                make.send().await.granted().virtual_mfa_device().expect("a device").serial_number().to_owned()
            }
            "oidc-provider" => {
                let make = iam.create_open_id_connect_provider().url(format!("https://{name}.example.com")).tags(tag());
                let made = make.thumbprint_list("0123456789abcdef0123456789abcdef01234567").send().await.granted();
                made.open_id_connect_provider_arn().expect("an ARN").to_owned()
            }
            "saml-provider" => {
                let metadata = crate::saml_providers::metadata("https://idp.example.com/", "");
                let make = iam.create_saml_provider().name(name).saml_metadata_document(metadata).tags(tag());
                make.send().await.granted().saml_provider_arn().expect("an ARN").to_owned()
            }
            "server-certificate" => {
                let made = own("www.example.com", self.world.now());
                let make = iam.upload_server_certificate().server_certificate_name(name).path("/dept/").tags(tag());
                let make = make.certificate_body(&made.pem).private_key(made.key());
                let made = make.send().await.granted();
                made.server_certificate_metadata().expect("a certificate").arn().to_owned()
            }
            other => panic!("no entity of the type {other} can be made"),
        }
    }

    /// The operation on an entity of its own.
    async fn case(&self, table: &Reference, operation: &'static str, kind: Option<&'static str>, name: String) -> Case {
        let account = self.root.account;
        let mut case = Case { operation, kind, name, arn: None, exists: false, extra: Vec::new() };
        let Some(kind) = kind else {
            case.arn = table.names.get(operation).map(|end| format!("arn:aws:iam::{account}:{end}"));
            return case;
        };
        if MAKING.contains(&(kind, operation)) {
            // Providers have no path.
            let (path, end) = match kind {
                "oidc-provider" => ("", ".example.com"),
                "saml-provider" => ("", ""),
                _ => ("dept/", ""),
            };
            case.arn = Some(format!("arn:aws:iam::{account}:{kind}/{path}{}{end}", case.name));
        } else if kind == "access-report" {
            case.arn = Some(format!("arn:aws:iam::{account}:access-report/o-aaaaaaaaaa/r-aaaa"));
            case.extra.push(("OrganizationsPolicyId", "p-abcdefgh".to_owned()));
        } else if operation == "ChangePassword" {
            case.arn = Some(self.asker.arn.clone());
            case.exists = true;
        } else if operation == "CreateServiceLinkedRole" || operation == "GetServiceLinkedRoleDeletionStatus" {
            let role = "role/aws-service-role/lex.amazonaws.com/AWSServiceRoleForLexBots";
            case.arn = Some(format!("arn:aws:iam::{account}:{role}"));
        } else {
            case.arn = Some(self.make(kind, &case.name).await);
            case.exists = true;
        }
        self.fill(table, &mut case).await;
        case
    }

    /// The optional members that bring condition keys along, and ids of what the user has.
    async fn fill(&self, table: &Reference, case: &mut Case) {
        let keys = &table.actions[case.operation].keys;
        if keys.contains(&"aws:RequestTag/*") {
            case.extra.push(("Tags.member.1.Key", "stage".to_owned()));
            case.extra.push(("Tags.member.1.Value", "gold".to_owned()));
        }
        let making = MAKING.iter().any(|(_, operation)| *operation == case.operation);
        if making && !matches!(case.kind, Some("oidc-provider" | "saml-provider")) {
            case.extra.push(("Path", "/dept/".to_owned()));
        }
        if making && keys.contains(&"iam:PermissionsBoundary") {
            case.extra.push(("PermissionsBoundary", self.tighter.clone()));
        }
        if case.operation == "CreateServiceSpecificCredential" {
            case.extra.push(("CredentialAgeDays", "30".to_owned()));
        } else if keys.contains(&"iam:ServiceSpecificCredentialServiceName") {
            let create = self.root.iam.create_service_specific_credential().user_name(&case.name);
            let made = create.service_name("bedrock.amazonaws.com").send().await.granted();
            let made = made.service_specific_credential().expect("a credential");
            case.extra.push(("ServiceSpecificCredentialId", made.service_specific_credential_id().to_owned()));
        } else if case.operation == "GetAccessKeyLastUsed" {
            case.extra.push(("AccessKeyId", self.root.access_key(&case.name).await.id));
        }
    }

    fn parameters(&self, case: &Case) -> Vec<(String, String)> {
        let operation = Model::of(Service::Iam).operation(case.operation).expect("declared");
        let given = |name: &str| case.extra.iter().any(|(member, _)| member.split('.').next() == Some(name));
        let wanted = operation.input.iter().filter(|member| member.required || member.name == "UserName");
        let mut all = vec![("Action".to_owned(), case.operation.to_owned())];
        all.extend(wanted.filter(|member| !given(&member.name)).flat_map(|member| self.member(case, &member.name)));
        all.extend(case.extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        all
    }

    fn member(&self, case: &Case, member: &str) -> Vec<(String, String)> {
        let itself = |kind: &str| case.kind == Some(kind);
        let arn = || case.arn.clone().expect("an ARN");
        let value = match member {
            "UserName" if itself("user") => case.name.clone(),
            "UserName" => "bystander".to_owned(),
            "RoleName" if !itself("role") => "passed".to_owned(),
            "GroupName"
            | "RoleName"
            | "InstanceProfileName"
            | "VirtualMFADeviceName"
            | "Name"
            | "PolicyName"
            | "ServerCertificateName" => case.name.clone(),
            "PolicyArn" if itself("policy") => arn(),
            "PolicyArn" => self.attached.clone(),
            "PermissionsBoundary" => self.tighter.clone(),
            "SerialNumber" if itself("mfa") => arn(),
            "OpenIDConnectProviderArn" | "SAMLProviderArn" | "PolicySourceArn" | "Arn" => arn(),
            "Url" => format!("https://{}.example.com", case.name),
            "ServiceName" => "bedrock.amazonaws.com".to_owned(),
            "TagKeys" => return vec![("TagKeys.member.1".to_owned(), "stage".to_owned())],
            _ => return sample(member, self.root.account),
        };
        vec![(member.to_owned(), value)]
    }

    /// Everything that the operation needs to be allowed.
    fn needs(&self, table: &Reference, case: &Case) -> Vec<Needed> {
        let mut all = vec![self.needed(table, case.operation, case.kind, case.arn.clone(), case)];
        for action in &table.actions[case.operation].depends_on {
            all.push(self.needed(table, action, Some("role"), Some(self.passed.clone()), case));
        }
        all
    }

    fn needed(
        &self,
        table: &Reference,
        action: &'static str,
        kind: Option<&str>,
        arn: Option<String>,
        case: &Case,
    ) -> Needed {
        let listed = table.keys(action, kind);
        let present: Vec<&str> =
            listed.into_iter().filter(|key| case.exists || !key.contains(":ResourceTag/")).collect();
        let without = table.all_keys().into_iter().filter(|key| !present.contains(key));
        Needed {
            action: format!("iam:{action}"),
            resource: arn.unwrap_or_else(|| "*".to_owned()),
            conditions: present.iter().map(|key| self.condition(key, case)).collect(),
            without: without.map(name_of).collect(),
        }
    }

    /// Operator, key and the value that it has in this request.
    fn condition(&self, key: &str, case: &Case) -> (&'static str, String, String) {
        let account = self.root.account;
        let sets = case.operation.ends_with("PermissionsBoundary") && case.operation.starts_with("Put");
        let (operator, value) = match key {
            "aws:ResourceTag/*" | "iam:ResourceTag/*" => ("StringEquals", "blue".to_owned()),
            "aws:RequestTag/*" => ("StringEquals", "gold".to_owned()),
            "aws:TagKeys" => ("ForAnyValue:StringEquals", "stage".to_owned()),
            "iam:PermissionsBoundary" if sets || !case.exists => ("ArnEquals", self.tighter.clone()),
            "iam:PermissionsBoundary" => ("ArnEquals", self.boundary.clone()),
            "iam:PolicyARN" => ("ArnEquals", self.attached.clone()),
            "iam:OrganizationsPolicyId" => ("StringEquals", "p-abcdefgh".to_owned()),
            "iam:AWSServiceName" => ("StringEquals", "lex.amazonaws.com".to_owned()),
            "iam:ServiceSpecificCredentialServiceName" => ("StringEquals", "bedrock.amazonaws.com".to_owned()),
            "iam:ServiceSpecificCredentialAgeDays" => ("NumericEquals", "30".to_owned()),
            "iam:PassedToService" => ("StringEquals", "ec2.amazonaws.com".to_owned()),
            "iam:AssociatedResourceArn" => ("StringEquals", format!("arn:aws:ec2:*:{account}:instance/*")),
            other => panic!("this test does not know what {other} is to be"),
        };
        (operator, name_of(key), value)
    }

    async fn ask(&self, case: &Case, policy: &str) -> Answer {
        self.root.let_user("asker", "own", policy).await;
        let parameters = self.parameters(case);
        let pairs: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        call(self.root.at, Some(&self.asker), "iam", &pairs).await
    }

    async fn check(&self, table: &Reference, case: &Case, wrong: &mut Vec<String>) {
        let needs = self.needs(table, case);
        let mut expect_no = Vec::new();
        for (place, needed) in needs.iter().enumerate() {
            let others = needs.iter().enumerate().filter(|(other, _)| *other != place);
            let others: Vec<Value> = others.map(|(_, other)| other.anywhere()).collect();
            let policy = |statements: Vec<Value>| document(statements.into_iter().chain(others.clone()));
            expect_no.push((format!("{} elsewhere", needed.action), policy(vec![needed.elsewhere()])));
            for (operator, key, value) in &needed.conditions {
                let deny = json!({ "Effect": "Deny", "Action": needed.action, "Resource": "*",
                    "Condition": { *operator: { key.as_str(): value } } });
                expect_no.push((format!("{} with {key}", needed.action), policy(vec![needed.anywhere(), deny])));
            }
        }
        let what = format!("{} on {:?}", case.operation, case.arn);
        for (why, policy) in expect_no {
            let answer = self.ask(case, &policy).await;
            if answer.code() != "AccessDenied" {
                wrong.push(format!("{what}: {why} is not denied: {} {}", answer.status, answer.code()));
            }
        }
        let exactly = document(needs.iter().map(Needed::exactly));
        let answer = self.ask(case, &exactly).await;
        if answer.code() == "AccessDenied" || answer.status >= 500 {
            wrong.push(format!("{what}: exactly that is refused: {} by {exactly}", answer.body));
        }
    }
}

/// The condition key, with the tag that this test has.
fn name_of(key: &str) -> String {
    let tag = if key.starts_with("aws:RequestTag") { "stage" } else { "team" };
    key.replace('*', tag)
}

impl Needed {
    fn anywhere(&self) -> Value {
        json!({ "Effect": "Allow", "Action": self.action, "Resource": "*" })
    }

    /// On everything but where it is needed.
    fn elsewhere(&self) -> Value {
        match self.resource.as_str() {
            "*" => json!({ "Effect": "Allow", "Action": self.action, "Resource": "arn:*" }),
            arn => json!({ "Effect": "Allow", "Action": self.action, "NotResource": arn }),
        }
    }

    /// Where and how it is needed, and not if it has any other key.
    fn exactly(&self) -> Value {
        let mut conditions = json!({ "Null": {} });
        for (operator, key, value) in &self.conditions {
            conditions[operator][key] = json!(value);
        }
        for key in &self.without {
            conditions["Null"][key] = json!("true");
        }
        json!({ "Effect": "Allow", "Action": self.action, "Resource": self.resource, "Condition": conditions })
    }
}

#[tokio::test]
async fn every_operation_asks_for_what_the_service_authorization_reference_says() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let stage = stage(&world, &broker).await;
    let table = reference();
    let mut wrong = Vec::new();
    for (number, operation) in Registry::new().names(Service::Iam).into_iter().enumerate() {
        if table.apart.contains(operation) {
            continue;
        }
        let Some(listed) = table.actions.get(operation) else {
            wrong.push(format!("{operation} is not in the reference"));
            continue;
        };
        // Devices that answer by text message are none that brevet has.
        let served = |kind: &&str| *kind != "sms-mfa" && !table.apart.contains(kind);
        let kinds: Vec<Option<&str>> = match listed.types.as_slice() {
            [] => vec![None],
            types => types.iter().copied().filter(served).map(Some).collect(),
        };
        for (place, kind) in kinds.into_iter().enumerate() {
            let case = stage.case(&table, operation, kind, format!("e{number}-{place}")).await;
            stage.check(&table, &case, &mut wrong).await;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The table of condition keys (`brevet::policy`, docs/condition-keys.md) and the reference name the same keys of IAM's, and agree
/// about which of them requests have here.
#[test]
fn the_condition_keys_that_are_documented_are_those_of_the_reference() {
    let table = reference();
    let documented: BTreeMap<String, bool> = KnownKey::all()
        .iter()
        .filter(|known| known.name.starts_with("iam:") && !table.apart.contains(known.name))
        .map(|known| (known.name.to_lowercase(), known.source == Source::Operation))
        .collect();
    let listed: BTreeMap<String, bool> = table
        .all_keys()
        .into_iter()
        .filter(|key| key.starts_with("iam:"))
        .map(|key| (key.trim_end_matches('*').to_lowercase(), !table.absent.contains(key)))
        .collect();
    assert_eq!(documented, listed);
}

/// The reference has every operation that AWS's model declares: none is called something else there.
#[test]
fn the_reference_knows_every_operation() {
    let table = reference();
    let missing: Vec<&str> = Model::of(Service::Iam)
        .operations()
        .map(|operation| operation.name.as_str())
        .filter(|name| !table.actions.contains_key(name) && !table.apart.contains(name))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
