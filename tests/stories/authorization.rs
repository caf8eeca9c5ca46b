//! Every operation, for every kind of caller: `matrix.txt` is what this finds out, checked in. `BREVET_BLESS=1` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_sdk_sts::types::PolicyDescriptorType;
use brevet::ops::Registry;
use brevet::store::{Key, Revision};
use brevet::types::AccountId;
use brevet::wire::model::{Model, Service};
use serde_json::json;

use crate::world::policies::{allow, document, statement, trust};
use crate::world::raw::{ActorKeys, Answer, call};
use crate::world::{Actor, Backend, Device, Hand, Outcome, Running, Session, User, World, within_a_second};

const MATRIX: &str = include_str!("matrix.txt");

const HEAD: &str = "\
# Who may call what. Made by tests/stories/authorization.rs; an operation that is not here fails the test.
#   yes       authorization lets it through: it is done, or refused for what it asks (such as NoSuchEntity)
#   no        AccessDenied, and nothing was changed
#   invalid   InvalidClientTokenId: IAM does not take such a session's token; nothing was changed
#   unsigned  MissingAuthenticationToken, and nothing was changed
#   token     what counts is not who signs but an identity provider's token; the one that is sent here is none
#
# Everybody acts on the user someone, the role worker, the group crew and so on, which are there, in the account of:
#   root       its root user
#   admin      a user who is allowed everything
#   reader     a user with AWS's IAMReadOnlyAccess
#   self-mfa   a user with the policy that AWS documents for people who manage their own credentials with MFA, in a session that
#              a second factor opened. Where an operation takes a user or an MFA device, it is the user's own.
#   self       the same user with the long-lived keys alone
#   role       a session of a role that may look at roles: iam:GetRole, iam:ListRoles, iam:ListRoleTags
#   nobody     a user without policies
#   session    the administrator in a session that no second factor opened
#   federated  a federated user of the administrator's, with a session policy that allows everything
# The stranger is administrator of another account: it names the entities of the first, reaches none of them, and works in its
# own account. task is a session as that account's root user, begun with AssumeRoot to audit root's credentials. anonymous does not
# sign.
";

/// Set, it makes the test write the matrix instead of comparing it.
const BLESS: &str = "BREVET_BLESS";

const COLUMNS: [&str; 12] = [
    "root",
    "admin",
    "reader",
    "self-mfa",
    "self",
    "role",
    "nobody",
    "session",
    "federated",
    "task",
    "stranger",
    "anonymous",
];

/// The stranger's account, which requests name as the one to enter as root.
const STRANGERS: &str = "444455556666";

/// "AWS: Allows MFA-authenticated IAM users to manage their own credentials", `reference_policies_examples_aws_my-sec-creds-
/// self-manage` of the IAM user guide.
pub fn self_service() -> String {
    let own = |kind: &str, actions: &[&str]| json!({ "Effect": "Allow", "Action": actions, "Resource": format!("arn:aws:iam::*:{kind}/${{aws:username}}") });
    let mut account = statement("Allow", "iam:GetAccountPasswordPolicy", "*");
    account["Action"] = json!(["iam:GetAccountPasswordPolicy", "iam:GetAccountSummary", "iam:ListVirtualMFADevices"]);
    let without_mfa = [
        "iam:CreateVirtualMFADevice",
        "iam:EnableMFADevice",
        "iam:GetUser",
        "iam:ListMFADevices",
        "iam:ListVirtualMFADevices",
        "iam:ResyncMFADevice",
        "sts:GetSessionToken",
    ];
    let keys = ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey"];
    let mfa = ["iam:DeactivateMFADevice", "iam:EnableMFADevice", "iam:ListMFADevices", "iam:ResyncMFADevice"];
    let certificates = [
        "iam:DeleteSigningCertificate",
        "iam:ListSigningCertificates",
        "iam:UpdateSigningCertificate",
        "iam:UploadSigningCertificate",
    ];
    let ssh = [
        "iam:DeleteSSHPublicKey",
        "iam:GetSSHPublicKey",
        "iam:ListSSHPublicKeys",
        "iam:UpdateSSHPublicKey",
        "iam:UploadSSHPublicKey",
    ];
    let git = [
        "iam:CreateServiceSpecificCredential",
        "iam:DeleteServiceSpecificCredential",
        "iam:ListServiceSpecificCredentials",
        "iam:ResetServiceSpecificCredential",
        "iam:UpdateServiceSpecificCredential",
    ];
    document([
        account,
        own("user", &["iam:ChangePassword", "iam:GetUser"]),
        own("user", &keys),
        own("user", &certificates),
        own("user", &ssh),
        own("user", &git),
        own("mfa", &["iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"]),
        own("user", &mfa),
        json!({ "Effect": "Deny", "NotAction": without_mfa, "Resource": "*",
            "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } } }),
    ])
}

/// A value for each member that some operation requires, as form parameters.
pub fn sample(member: &str, account: AccountId) -> Vec<(String, String)> {
    let arn = |kind: &str, name: &str| format!("arn:aws:iam::{account}:{kind}/{name}");
    let value = match member {
        "UserName" | "ExistingUserName" => "someone".to_owned(),
        "AccountAlias" => "example-corp".to_owned(),
        "Audience" => return vec![("Audience.member.1".into(), "https://api.example.com".into())],
        "GroupName" => "crew".to_owned(),
        "RoleName" => "worker".to_owned(),
        "PolicyName" | "VirtualMFADeviceName" => "thing".to_owned(),
        "InstanceProfileName" => "machines".to_owned(),
        "PolicyArn" | "PermissionsBoundary" => arn("policy", "thing"),
        "RoleArn" => arn("role", "assumable"),
        "SerialNumber" => arn("mfa", "thing"),
        "PolicyDocument" => allow("notes:Read", "*"),
        "AssumeRolePolicyDocument" | "AssumeRolePolicy" => trust(&account.to_string(), &["sts:AssumeRole"], None),
        "EncodedMessage" => "c2VhbGVk".to_owned(),
        "AccessKeyId" => "AKIAQAAAAAAAAAAAAAAA".to_owned(),
        "AuthenticationCode1" | "AuthenticationCode2" => "123456".to_owned(),
        "Arn" | "PolicySourceArn" => arn("user", "someone"),
        "PolicyInputList" => return vec![("PolicyInputList.member.1".into(), allow("notes:Read", "*"))],
        "ActionNames" => return vec![("ActionNames.member.1".into(), "notes:Read".into())],
        "EntityArn" => arn("user", "someone"),
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
        "SigningAlgorithm" => "ES384".to_owned(),
        "Status" => "Inactive".to_owned(),
        "Password" | "NewPassword" | "OldPassword" => "Tr0ub4dor&3-correct".to_owned(),
        "RoleSessionName" => "work".to_owned(),
        "WebIdentityToken" => "e30.e30.AA".to_owned(),
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
        "TargetPrincipal" => STRANGERS.to_owned(),
        "TaskPolicyArn" => return vec![("TaskPolicyArn.arn".into(), AUDIT.into())],
        other => panic!("tests/stories/authorization.rs needs a sample value for {other}"),
    };
    vec![(member.to_owned(), value)]
}

const AUDIT: &str = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials";

/// What somebody who works on their own user names instead of someone.
fn own(member: &str, account: AccountId) -> Option<String> {
    match member {
        "UserName" | "VirtualMFADeviceName" => Some(SELF.to_owned()),
        "SerialNumber" => Some(format!("arn:aws:iam::{account}:mfa/{SELF}")),
        _ => None,
    }
}

const SELF: &str = "self";

fn parameters(service: Service, name: &str, account: AccountId, on_itself: bool) -> Vec<(String, String)> {
    let operation = Model::of(service).operation(name).expect("declared");
    // Of the optional ones, those without which a request may be about somebody else, or about nothing.
    let wanted = operation
        .input
        .iter()
        .filter(|member| member.required || ["UserName", "Password"].contains(&member.name.as_str()));
    let mut all = vec![("Action".to_owned(), name.to_owned())];
    all.extend(wanted.flat_map(|member| {
        match own(&member.name, account).filter(|_| on_itself) {
            Some(own) => vec![(member.name.clone(), own)],
            None if name == "UpdateAssumeRolePolicy" && member.name == "PolicyDocument" => {
                sample("AssumeRolePolicyDocument", account)
                    .into_iter()
                    .map(|(_, text)| (member.name.clone(), text))
                    .collect()
            }
            None => sample(&member.name, account),
        }
    }));
    all
}

fn word(answer: &Answer, operation: &str) -> &'static str {
    match (answer.status, answer.code()) {
        (_, "AccessDenied") => "no",
        (_, "MissingAuthenticationToken") => "unsigned",
        (_, "InvalidClientTokenId") => "invalid",
        (_, "InvalidIdentityToken") => "token",
        (200, _) | (_, "NoSuchEntity" | "EntityAlreadyExists" | "DeleteConflict" | "InvalidAuthenticationCode") => {
            "yes"
        }
        (_, "EntityTemporarilyUnmodifiable" | "InvalidUserType" | "LimitExceeded") => "yes",
        (_, "MalformedCertificate" | "UnrecognizedPublicKeyEncoding" | "UnmodifiableEntity") => "yes",
        (_, "ReportInProgress" | "ReportNotPresent") => "yes",
        // Switches that stand so already, or are another account's.
        (_, "FeatureEnabled" | "FeatureDisabled" | "AccountNotManagementOrDelegatedAdministratorException") => "yes",
        (_, "CallerIsNotManagementAccountException" | "InvalidAuthorizationMessageException") => "yes",
        (_, "OutboundWebIdentityFederationDisabledException") => "yes",
        // Who asks about another account's user.
        (_, "InvalidInput") => "yes",
        _ => panic!("{operation}: {answer:?}"),
    }
}

/// What everybody acts on.
async fn furnish(world: &World, root: &Hand<'_>) {
    let everybody = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    root.user("someone").await;
    root.group("crew", "").await;
    root.role("worker", &everybody, "").await;
    root.role("assumable", &everybody, "").await;
    root.policy("thing", &allow("notes:Read", "*")).await;
    root.iam.create_instance_profile().instance_profile_name("machines").send().await.granted();
    root.device("thing").await;
    let metadata = crate::saml_providers::metadata("https://idp.example.com/", "");
    root.iam.create_saml_provider().name("idp").saml_metadata_document(metadata).send().await.granted();
    let thumbprint = "0123456789abcdef0123456789abcdef01234567";
    let provider = root.iam.create_open_id_connect_provider().url("https://server.example.com");
    provider.thumbprint_list(thumbprint).send().await.granted();
    let made = crate::server_certificates::own("www.example.com", world.now());
    let certificate = root.iam.upload_server_certificate().server_certificate_name("www");
    certificate.certificate_body(&made.pem).private_key(made.key()).send().await.granted();
}

/// The keys under which records were changed since, but for notes of when something was last used.
pub async fn changed(at: &Running, since: &mut Revision) -> Vec<String> {
    let found = at.broker.store.changes(*since, 1_000).await.expect("the store answers");
    assert!(!found.gap, "the feed begins after {since}");
    *since = found.through;
    let uses = ["key-use", "account-use", "entity-use"];
    let kind = |key: &Key| key.parts().and_then(|parts| parts.into_iter().next()).unwrap_or_default();
    let keys = found.changes.iter().map(|change| &change.key);
    keys.filter(|key| !uses.contains(&kind(key).as_str())).map(ToString::to_string).collect()
}

async fn session_with_mfa(user: &User, device: &Device, at: &Running) -> Session {
    let code = device.next_code();
    let opened = user.sts(at).get_session_token().serial_number(&device.serial).token_code(code).send().await.granted();
    Session::of(opened.credentials())
}

fn service_of(name: &str) -> Service {
    if name == "iam" { Service::Iam } else { Service::Sts }
}

/// Whoever may do more than another by mistake shows here, even in a matrix that was written anew.
fn sanity(found: &BTreeMap<(&str, &str, &str), &str>) {
    /// What STS asks no permission for.
    const FREE: [&str; 2] = ["GetCallerIdentity", "GetSessionToken"];
    for ((service, name, who), word) in found {
        let yes = *word == "yes";
        let line = format!("{service}:{name} of {who}: {word}");
        if Model::of(service_of(service)).operation(name).is_some_and(|operation| operation.unsigned) {
            assert_eq!(*word, "token", "{line}");
            continue;
        }
        match *who {
            "anonymous" => assert_eq!(*word, "unsigned", "{line}"),
            "nobody" => assert!(!yes || FREE.contains(name), "{line}"),
            "reader" => {
                let reads = ["Get", "List", "Simulate", "Generate"].iter().any(|verb| name.starts_with(verb));
                assert!(!yes || reads || FREE.contains(name), "{line}");
            }
            "self" => {
                let more = found[&(*service, *name, "self-mfa")];
                assert!(!yes || more == "yes" || FREE.contains(name), "{line}, and with MFA: {more}");
            }
            "admin" => assert_eq!(*word, "yes", "{line}"),
            "session" | "federated" if *service == "iam" => assert_eq!(*word, "invalid", "{line}"),
            "session" => assert_eq!(yes, ["AssumeRole", "GetCallerIdentity"].contains(name), "{line}"),
            "federated" => assert_eq!(yes, *name == "GetCallerIdentity", "{line}"),
            // ChangePassword is refused as being for users, before policies are asked.
            "task" => {
                let may = ["ChangePassword", "GetAccountSummary", "GetCallerIdentity"].contains(name);
                assert_eq!(yes, may, "{line}");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_matrix_of_operations_and_callers_is_the_one_that_is_checked_in() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    furnish(&world, &root).await;
    let administrator = root.user_with("administrator", &allow("*", "*")).await;
    let nobody = root.user("nobody").await;
    let reader = root.user("reader").await;
    let read_only = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    root.iam.attach_user_policy().user_name("reader").policy_arn(read_only).send().await.granted();
    let own = root.user(SELF).await;
    let policy = root.policy("self-service", &self_service()).await;
    root.iam.attach_user_policy().user_name(SELF).policy_arn(&policy).send().await.granted();
    let device = root.device_of(&own).await;
    let own_session = session_with_mfa(&own, &device, &broker).await;
    let mut looks = statement("Allow", "iam:GetRole", "*");
    looks["Action"] = json!(["iam:GetRole", "iam:ListRoles", "iam:ListRoleTags"]);
    let clerk =
        root.role("clerk", &trust(&root.account.to_string(), &["sts:AssumeRole"], None), &document([looks])).await;
    let assumed = administrator.sts(&broker).assume_role().role_arn(clerk).role_session_name("desk").send().await;
    let role_session = Session::of(assumed.granted().credentials());
    let session = administrator.sts(&broker).get_session_token().send().await.granted();
    let session = Session::of(session.credentials());
    let federated = administrator.sts(&broker).get_federation_token().name("guest").policy(allow("*", "*"));
    let federated = Session::of(federated.send().await.granted().credentials());
    let partner = world.another_account_of(STRANGERS.parse().ok(), "partner").await;
    root.iam.enable_organizations_root_credentials_management().send().await.granted();
    let task = PolicyDescriptorType::builder().arn(AUDIT).build();
    let task = administrator.sts(&broker).assume_root().target_principal(STRANGERS).task_policy_arn(task);
    let task = Session::of(task.send().await.granted().credentials());
    let stranger = partner.at(&broker).user_with("stranger", &allow("*", "*")).await;
    // Those come last who may change what the others act on.
    let callers: [(&str, Option<&dyn ActorKeys>); 12] = [
        ("anonymous", None),
        ("nobody", Some(&nobody)),
        ("session", Some(&session)),
        ("federated", Some(&federated)),
        ("task", Some(&task)),
        ("role", Some(&role_session)),
        ("reader", Some(&reader)),
        ("stranger", Some(&stranger)),
        ("self", Some(&own)),
        ("self-mfa", Some(&own_session)),
        ("admin", Some(&administrator)),
        ("root", Some(&world.root)),
    ];
    let registry = Registry::new();
    let operations: Vec<(Service, &str)> = [Service::Iam, Service::Sts]
        .into_iter()
        .flat_map(|service| registry.names(service).into_iter().map(move |name| (service, name)))
        .collect();
    let ours = root.account.to_string();
    let mut found: BTreeMap<(&str, &str, &str), &'static str> = BTreeMap::new();
    let mut since = broker.broker.store.revision().await.expect("the store answers");
    for (who, signer) in callers {
        for (service, name) in &operations {
            let parameters = parameters(*service, name, root.account, who.starts_with(SELF));
            let pairs: Vec<(&str, &str)> =
                parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let answer = call(&broker, signer, service.name(), &pairs).await;
            let word = word(&answer, name);
            if *name == "GenerateCredentialReport" && word == "yes" {
                // It is written in the background, which is not to look like the work of somebody else.
                let fetch = [("Action", "GetCredentialReport")];
                within_a_second("the report is there", || async {
                    call(&broker, signer, "iam", &fetch).await.status == 200
                })
                .await;
            }
            let changed = changed(&broker, &mut since).await;
            let theirs = changed.iter().filter(|key| who != "stranger" || key.contains(&ours)).collect::<Vec<_>>();
            assert!(
                theirs.is_empty() || word == "yes" && who != "stranger",
                "{who}, {name}: {word}, and {theirs:?} changed"
            );
            found.insert((service.name(), name, who), word);
        }
    }
    sanity(&found);
    let mut table = HEAD.to_owned();
    let _ = writeln!(table, "{:<50} {}", "#", COLUMNS.map(|who| format!("{who:<10}")).concat().trim_end());
    for (service, name) in &operations {
        let cells = COLUMNS.map(|who| format!("{:<10}", found[&(service.name(), *name, who)])).concat();
        let _ = writeln!(table, "{:<50} {}", format!("{}:{name}", service.name()), cells.trim_end());
    }
    if std::env::var_os(BLESS).is_some() {
        let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories/matrix.txt");
        std::fs::write(place, &table).expect("a place for it");
    } else if table != MATRIX {
        let new: Vec<&str> = table.lines().filter(|line| !MATRIX.contains(line)).collect();
        let old: Vec<&str> = MATRIX.lines().filter(|line| !table.contains(line)).collect();
        panic!("matrix.txt says {old:#?}, found {new:#?}; with {BLESS}=1 the test writes it anew");
    }
}
