//! What no other story asks through the SDK; and a test that nothing is left.

use aws_sdk_iam::types::Tag;
use brevet::ops::Registry;
use brevet::wire::model::Service;

use crate::world::policies::{allow, trust};
use crate::world::{Actor, Backend, Hand, Outcome, World};

on_both_stores! {
    inline_policies_are_listed_read_and_deleted => inline;
    attached_policies_are_listed => attached;
    users_roles_and_devices_are_tagged => tags;
}

fn tag(key: &str) -> Tag {
    Tag::builder().key(key).value("crew").build().expect("a tag")
}

/// A user, a group and a role of one name.
async fn three(root: &Hand<'_>, name: &str, policy: &str) {
    root.user_with(name, policy).await;
    root.group(name, policy).await;
    root.role(name, &trust(&root.account.to_string(), &["sts:AssumeRole"], None), policy).await;
}

async fn inline(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let (root, document) = (world.root.at(&broker), allow("reports:Read", "*"));
    three(&root, "ann", &document).await;
    let encoded = document.replace('{', "%7B").replace('}', "%7D").replace('[', "%5B").replace(']', "%5D");
    let encoded = encoded.replace('"', "%22").replace(':', "%3A").replace(',', "%2C").replace('*', "%2A");

    let names = root.iam.list_user_policies().user_name("ann").send().await.granted();
    let name = names.policy_names()[0].as_str();
    let read = root.iam.get_user_policy().user_name("ann").policy_name(name).send().await.granted();
    assert_eq!((read.user_name(), read.policy_document()), ("ann", encoded.as_str()));
    root.iam.delete_user_policy().user_name("ann").policy_name(name).send().await.granted();
    root.iam.get_user_policy().user_name("ann").policy_name(name).send().await.refused("NoSuchEntity");

    let names = root.iam.list_group_policies().group_name("ann").send().await.granted();
    let name = names.policy_names()[0].as_str();
    let read = root.iam.get_group_policy().group_name("ann").policy_name(name).send().await.granted();
    assert_eq!((read.group_name(), read.policy_document()), ("ann", encoded.as_str()));
    root.iam.delete_group_policy().group_name("ann").policy_name(name).send().await.granted();
    root.iam.get_group_policy().group_name("ann").policy_name(name).send().await.refused("NoSuchEntity");

    let names = root.iam.list_role_policies().role_name("ann").send().await.granted();
    let name = names.policy_names()[0].as_str();
    let read = root.iam.get_role_policy().role_name("ann").policy_name(name).send().await.granted();
    assert_eq!((read.role_name(), read.policy_document()), ("ann", encoded.as_str()));
    root.iam.delete_role_policy().role_name("ann").policy_name(name).send().await.granted();
    root.iam.get_role_policy().role_name("ann").policy_name(name).send().await.refused("NoSuchEntity");
}

async fn attached(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let (root, document) = (world.root.at(&broker), allow("reports:Read", "*"));
    three(&root, "ann", &document).await;
    for name in ["Beta", "alpha"] {
        let arn = root.policy(name, &document).await;
        root.iam.attach_user_policy().user_name("ann").policy_arn(&arn).send().await.granted();
        root.iam.attach_group_policy().group_name("ann").policy_arn(&arn).send().await.granted();
        root.iam.attach_role_policy().role_name("ann").policy_arn(&arn).send().await.granted();
    }
    let of_user = root.iam.list_attached_user_policies().user_name("ann").send().await.granted();
    let of_group = root.iam.list_attached_group_policies().group_name("ann").send().await.granted();
    let of_role = root.iam.list_attached_role_policies().role_name("ann").send().await.granted();
    for listed in [of_user.attached_policies(), of_group.attached_policies(), of_role.attached_policies()] {
        let names: Vec<_> = listed.iter().filter_map(|one| one.policy_name()).collect();
        assert_eq!(names, ["alpha", "Beta"]);
    }
}

async fn tags(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let (root, document) = (world.root.at(&broker), allow("reports:Read", "*"));
    three(&root, "ann", &document).await;
    let alice = root.user("alice").await;
    let device = root.device_of(&alice).await;
    let (iam, serial) = (&root.iam, device.serial.as_str());

    iam.tag_user().user_name("ann").tags(tag("team")).tags(tag("site")).send().await.granted();
    iam.tag_role().role_name("ann").tags(tag("team")).tags(tag("site")).send().await.granted();
    iam.tag_mfa_device().serial_number(serial).tags(tag("team")).tags(tag("site")).send().await.granted();
    iam.untag_user().user_name("ann").tag_keys("team").send().await.granted();
    iam.untag_role().role_name("ann").tag_keys("TEAM").send().await.granted();
    iam.untag_mfa_device().serial_number(serial).tag_keys("team").send().await.granted();
    assert_eq!(iam.list_user_tags().user_name("ann").send().await.granted().tags(), [tag("site")]);
    assert_eq!(iam.list_role_tags().role_name("ann").send().await.granted().tags(), [tag("site")]);
    assert_eq!(iam.list_mfa_device_tags().serial_number(serial).send().await.granted().tags(), [tag("site")]);

    let shown = iam.get_mfa_device().serial_number(serial).user_name("alice").send().await.granted();
    assert_eq!((shown.serial_number(), shown.user_name()), (serial, Some("alice")));
    assert!(shown.enable_date().is_some());
    let key = root.access_key("alice").await;
    let told = world.root.sts(&broker).get_access_key_info().access_key_id(&key.id).send().await.granted();
    assert_eq!(told.account(), Some(root.account.to_string().as_str()));
    iam.create_login_profile().user_name("alice").password("Tr0ub4dor&3-first").send().await.granted();
    iam.delete_login_profile().user_name("alice").send().await.granted();
    iam.delete_login_profile().user_name("alice").send().await.refused("NoSuchEntity");
}

/// The SDK's name of an operation: `GetMFADevice` is `get_mfa_device`.
fn method(operation: &str) -> String {
    let letters: Vec<char> = operation.replace("OpenIDConnect", "OpenIdConnect").chars().collect();
    let mut method = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let begins = letter.is_uppercase()
            && at > 0
            && (letters[at - 1].is_lowercase() || letters.get(at + 1).is_some_and(|next| next.is_lowercase()));
        if begins {
            method.push('_');
        }
        method.extend(letter.to_lowercase());
    }
    method
}

#[test]
fn every_operation_that_is_built_is_asked_by_a_story_through_the_sdk() {
    // The stories, and the builders of their worlds.
    let folders = ["/tests/stories", "/tests/world"].map(|folder| env!("CARGO_MANIFEST_DIR").to_owned() + folder);
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("the stories"));
    let files = files.map(|entry| entry.expect("a story").path());
    let stories = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let told: String = stories.map(|path| std::fs::read_to_string(path).expect("a story")).collect();
    let registry = Registry::new();
    let names = [Service::Iam, Service::Sts].into_iter().flat_map(|service| registry.names(service));
    let untold: Vec<&str> = names.filter(|name| !told.contains(&format!(".{}()", method(name)))).collect();
    assert!(untold.is_empty(), "no story asks {untold:?}");
    assert_eq!(method("AddClientIDToOpenIDConnectProvider"), "add_client_id_to_open_id_connect_provider");
    assert_eq!(method("ListMFADeviceTags"), "list_mfa_device_tags");
    assert_eq!(method("UploadSSHPublicKey"), "upload_ssh_public_key");
}
