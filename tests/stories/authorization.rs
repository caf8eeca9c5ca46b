//! Every operation, for every kind of caller: `matrix.txt` is what this finds out, checked in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use brevet::ops::Registry;
use brevet::types::AccountId;
use brevet::wire::model::{Model, Service};

use crate::world::policies::{allow, trust};
use crate::world::raw::{ActorKeys, Answer, call};
use crate::world::{Actor, Backend, Outcome, Running, World};

const MATRIX: &str = include_str!("matrix.txt");

const HEAD: &str = "\
# Who may call what. Made by tests/stories/authorization.rs; an operation that is not here fails the test.
#   yes       authorization lets it through: it is done, or refused for what it asks (such as NoSuchEntity)
#   no        AccessDenied
#   unsigned  MissingAuthenticationToken
# root and administrator (a user who is allowed *) belong to the account that everything is in; nobody is a user of it without
# policies. The stranger is administrator of another account: it names the entities of the first, reaches none of them, and
# works in its own account. anonymous does not sign.
";

/// A value for each member that some operation requires, as form parameters.
fn sample(member: &str, account: AccountId) -> Vec<(String, String)> {
    let arn = |kind: &str, name: &str| format!("arn:aws:iam::{account}:{kind}/{name}");
    let value = match member {
        "UserName" | "ExistingUserName" => "someone".to_owned(),
        "AccountAlias" => "example-corp".to_owned(),
        "GroupName" => "crew".to_owned(),
        "RoleName" => "worker".to_owned(),
        "PolicyName" | "VirtualMFADeviceName" => "thing".to_owned(),
        "InstanceProfileName" => "machines".to_owned(),
        "PolicyArn" | "PermissionsBoundary" => arn("policy", "thing"),
        "RoleArn" => arn("role", "assumable"),
        "SerialNumber" => arn("mfa", "thing"),
        "PolicyDocument" => allow("notes:Read", "*"),
        "AssumeRolePolicyDocument" | "AssumeRolePolicy" => trust(&account.to_string(), &["sts:AssumeRole"], None),
        "AccessKeyId" => "AKIAQAAAAAAAAAAAAAAA".to_owned(),
        "AuthenticationCode1" | "AuthenticationCode2" => "123456".to_owned(),
        "Arn" | "PolicySourceArn" => arn("user", "someone"),
        "PolicyInputList" => return vec![("PolicyInputList.member.1".into(), allow("notes:Read", "*"))],
        "ActionNames" => return vec![("ActionNames.member.1".into(), "notes:Read".into())],
        "EntityPath" => "o-aaaaaaaaaa/r-aaaa".to_owned(),
        "JobId" => "01980000-0000-7000-8000-000000000000".to_owned(),
        "ServiceNamespace" => "notes".to_owned(),
        "ServiceNamespaces" => return vec![("ServiceNamespaces.member.1".into(), "notes".into())],
        "GlobalEndpointTokenVersion" => "v2Token".to_owned(),
        "Name" => "idp".to_owned(),
        "SAMLProviderArn" => arn("saml-provider", "idp"),
        "SAMLMetadataDocument" => crate::saml_providers::metadata("https://idp.example.com/", ""),
        "Url" => "https://server.example.com".to_owned(),
        "OpenIDConnectProviderArn" => arn("oidc-provider", "server.example.com"),
        "ClientID" => "app".to_owned(),
        "ThumbprintList" => {
            return vec![("ThumbprintList.member.1".into(), "0123456789abcdef0123456789abcdef01234567".into())];
        }
        "VersionId" => "v1".to_owned(),
        "Status" => "Inactive".to_owned(),
        "Password" | "NewPassword" | "OldPassword" => "Tr0ub4dor&3-correct".to_owned(),
        "RoleSessionName" => "work".to_owned(),
        "Tags" => return vec![("Tags.member.1.Key".into(), "k".into()), ("Tags.member.1.Value".into(), "v".into())],
        "TagKeys" => return vec![("TagKeys.member.1".into(), "k".into())],
        "Description" => "text".to_owned(),
        "ServerCertificateName" => "www".to_owned(),
        "CertificateBody" | "PrivateKey" | "SSHPublicKeyBody" => "nonsense".to_owned(),
        "CertificateId" => "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "SSHPublicKeyId" => "APKAAAAAAAAAAAAAAAAAA".to_owned(),
        "ServiceSpecificCredentialId" => "ACCAAAAAAAAAAAAAAAAAA".to_owned(),
        "Encoding" => "SSH".to_owned(),
        "ServiceName" => "codecommit.amazonaws.com".to_owned(),
        "AWSServiceName" => "lex.amazonaws.com".to_owned(),
        "DeletionTaskId" => "task/aws-service-role/lex.amazonaws.com/AWSServiceRoleForLexBots/1".to_owned(),
        other => panic!("tests/stories/authorization.rs needs a sample value for {other}"),
    };
    vec![(member.to_owned(), value)]
}

fn parameters(service: Service, name: &str, account: AccountId) -> Vec<(String, String)> {
    let operation = Model::of(service).operation(name).expect("declared");
    let wanted = operation.input.iter().filter(|member| member.required || member.name == "UserName");
    let mut all = vec![("Action".to_owned(), name.to_owned())];
    all.extend(wanted.flat_map(|member| sample(&member.name, account)));
    all
}

fn word(answer: &Answer, operation: &str) -> &'static str {
    match (answer.status, answer.code()) {
        (_, "AccessDenied") => "no",
        (_, "MissingAuthenticationToken") => "unsigned",
        (200, _) | (_, "NoSuchEntity" | "EntityAlreadyExists" | "DeleteConflict" | "InvalidAuthenticationCode") => {
            "yes"
        }
        (_, "PolicyNotAttachable" | "EntityTemporarilyUnmodifiable" | "InvalidUserType" | "LimitExceeded") => "yes",
        (_, "MalformedCertificate" | "UnrecognizedPublicKeyEncoding") => "yes",
        (_, "ReportInProgress" | "ReportNotPresent") => "yes",
        // Switches that stand so already, or are another account's.
        (_, "FeatureEnabled" | "FeatureDisabled" | "AccountNotManagementOrDelegatedAdministratorException") => "yes",
        (_, "CallerIsNotManagementAccountException") => "yes",
        // Who asks about another account's user.
        (_, "InvalidInput") => "yes",
        _ => panic!("{operation}: {answer:?}"),
    }
}

/// The names of everything in the account, in words.
async fn inventory(world: &World, at: &Running) -> String {
    let iam = world.root.iam(at);
    let users = iam.list_users().send().await.granted();
    let groups = iam.list_groups().send().await.granted();
    let roles = iam.list_roles().send().await.granted();
    let policies = iam.list_policies().scope(aws_sdk_iam::types::PolicyScopeType::Local).send().await.granted();
    let profiles = iam.list_instance_profiles().send().await.granted();
    let (users, groups, roles) = (users.users(), groups.groups(), roles.roles());
    format!("{users:?} {groups:?} {roles:?} {:?} {:?}", policies.policies(), profiles.instance_profiles())
}

#[tokio::test]
async fn the_matrix_of_operations_and_callers_is_the_one_that_is_checked_in() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let administrator = root.user_with("administrator", &allow("*", "*")).await;
    let nobody = root.user("nobody").await;
    root.role("assumable", &trust(&root.account.to_string(), &["sts:AssumeRole"], None), "").await;
    let partner = world.another_account("partner").await;
    let stranger = partner.at(&broker).user_with("stranger", &allow("*", "*")).await;
    let callers: [(&str, Option<&dyn ActorKeys>); 5] = [
        ("anonymous", None),
        ("nobody", Some(&nobody)),
        ("stranger", Some(&stranger)),
        ("administrator", Some(&administrator)),
        ("root", Some(&world.root)),
    ];
    let registry = Registry::new();
    let operations: Vec<(Service, &str)> = [Service::Iam, Service::Sts]
        .into_iter()
        .flat_map(|service| registry.names(service).into_iter().map(move |name| (service, name)))
        .collect();
    let mut found: BTreeMap<(&str, &str, &str), &'static str> = BTreeMap::new();
    let before = inventory(&world, &broker).await;
    for (who, signer) in callers {
        if who == "administrator" {
            assert_eq!(inventory(&world, &broker).await, before, "somebody changed what is not theirs");
        }
        for (service, name) in &operations {
            let parameters = parameters(*service, name, world.root.account);
            let pairs: Vec<(&str, &str)> =
                parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let answer = call(&broker, signer, service.name(), &pairs).await;
            found.insert((service.name(), name, who), word(&answer, name));
        }
    }
    let mut table = HEAD.to_owned();
    let columns = ["root", "administrator", "nobody", "stranger", "anonymous"];
    let _ = writeln!(table, "{:<35} {}", "#", columns.map(|who| format!("{who:<15}")).concat().trim_end());
    for (service, name) in &operations {
        let cells = columns.map(|who| format!("{:<15}", found[&(service.name(), *name, who)])).concat();
        let _ = writeln!(table, "{:<35} {}", format!("{}:{name}", service.name()), cells.trim_end());
    }
    if table != MATRIX {
        let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix.txt");
        std::fs::write(&place, &table).expect("a place for it");
        let new: Vec<&str> = table.lines().filter(|line| !MATRIX.contains(line)).collect();
        let old: Vec<&str> = MATRIX.lines().filter(|line| !table.contains(line)).collect();
        panic!("matrix.txt says {old:#?}, found {new:#?}; the whole of what was found is in {}", place.display());
    }
}
