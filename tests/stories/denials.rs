//! What a denial tells, to somebody who may nothing: no more than they said themselves.

use brevet::ops::Registry;
use brevet::wire::model::{Model, Service};

use super::authorization::sample;
use crate::world::outcome::ENCODED;
use crate::world::policies::{allow, trust};
use crate::world::raw::call;
use crate::world::{Actor, Backend, Outcome, Running, User, World};

/// The members that name what is looked up.
const NAMES: [&str; 5] = ["UserName", "GroupName", "RoleName", "InstanceProfileName", "ServerCertificateName"];

/// The message to `who`, who names everything `name` or this access key.
async fn told(who: &User, at: &Running, operation: &str, name: &str, key: &str) -> String {
    let declared = Model::of(Service::Iam).operation(operation).expect("declared");
    let wanted = declared.input.iter().filter(|member| member.required || member.name == "UserName");
    let mut parameters = vec![("Action".to_owned(), operation.to_owned())];
    for member in wanted {
        match member.name.as_str() {
            named if NAMES.contains(&named) => parameters.push((named.to_owned(), name.to_owned())),
            "AccessKeyId" => parameters.push(("AccessKeyId".to_owned(), key.to_owned())),
            other => parameters.extend(sample(other, who.account)),
        }
    }
    let pairs: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = call(at, Some(who), "iam", &pairs).await;
    assert_eq!(answer.code(), "AccessDenied", "{operation}: {answer:?}");
    let message = answer.body.split_once("<Message>").and_then(|(_, rest)| rest.split_once("</Message>"));
    // Its reasons are for others to read, and their length tells nothing either.
    let (sentence, encoded) = message.expect("a message").0.split_once(ENCODED).expect("encoded reasons");
    format!("{} ({} characters)", sentence.replace(name, "NAME").replace(key, "KEY"), encoded.len())
}

/// Whether there is somebody of that name, in which spelling, below which path, and whose a key is.
#[tokio::test]
async fn a_denial_does_not_tell_what_there_is() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let nobody = root.user("nobody").await;
    let trusting = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    let iam = &root.iam;
    iam.create_user().user_name("hidden").path("/secret/").send().await.granted();
    let key = root.access_key("hidden").await.id;
    iam.create_group().group_name("hidden").path("/secret/").send().await.granted();
    let role = iam.create_role().role_name("hidden").path("/secret/").assume_role_policy_document(trusting);
    role.send().await.granted();
    iam.create_instance_profile().instance_profile_name("hidden").path("/secret/").send().await.granted();
    let made = super::server_certificates::own("www.example.com", world.now());
    let upload = iam.upload_server_certificate().server_certificate_name("hidden").path("/secret/");
    upload.certificate_body(&made.pem).private_key(made.key()).send().await.granted();
    let mut tried = 0;
    for operation in Registry::new().names(Service::Iam) {
        let declared = Model::of(Service::Iam).operation(operation).expect("declared");
        let names =
            declared.input.iter().any(|member| NAMES.contains(&member.name.as_str()) || member.name == "AccessKeyId");
        if !names || operation == "ChangePassword" {
            continue;
        }
        tried += 1;
        let there = told(&nobody, &broker, operation, "Hidden", &key).await;
        let absent = told(&nobody, &broker, operation, "Absent", "AKIAQAAAAAAAAAAAAAAA").await;
        assert_eq!(there, absent, "{operation}");
        assert!(!there.contains("secret") && !there.contains("hidden"), "{operation}: {there}");
    }
    assert!(tried > 80, "{tried}");
}

#[tokio::test]
async fn a_denial_says_what_it_is_about_as_aws_does() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let ann = root.user_with("ann", &allow("iam:UpdateUser", "arn:aws:iam::*:user/ann")).await;
    let iam = ann.iam(&broker);
    let sentence = |action: &str, resource: &str| {
        format!(
            "User: {} is not authorized to perform: iam:{action} on resource: {resource} because no identity-based policy \
             allows the iam:{action} action",
            ann.arn
        )
    };
    let arn = |entity: &str| format!("arn:aws:iam::{}:{entity}", root.account);
    let told = iam.get_user().user_name("ANN").send().await.refused("AccessDenied");
    assert_eq!(told, sentence("GetUser", "user ANN"));
    // Without a name it is about the caller, whom nobody has named.
    assert_eq!(iam.get_user().send().await.refused("AccessDenied"), sentence("GetUser", &ann.arn));
    let told = iam.get_instance_profile().instance_profile_name("box").send().await.refused("AccessDenied");
    assert_eq!(told, sentence("GetInstanceProfile", "instance profile box"));
    let told = iam.create_group().group_name("crew").path("/x/").send().await.refused("AccessDenied");
    assert_eq!(told, sentence("CreateGroup", &arn("group/x/crew")));
    assert_eq!(iam.list_users().send().await.refused("AccessDenied"), sentence("ListUsers", &arn("user/")));
    // Of two names it is the one that may not be touched.
    let rename = iam.update_user().user_name("ann").new_user_name("eve").send().await.refused("AccessDenied");
    assert_eq!(rename, sentence("UpdateUser", &arn("user/eve")));
}
