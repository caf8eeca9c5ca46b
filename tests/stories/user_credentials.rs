//! Signing certificates, SSH public keys and service-specific credentials: each one's life, its limits, and that it is one
//! user's alone.

use aws_sdk_iam::types::{EncodingType, StatusType};
use data_encoding::BASE64;
use serde_json::json;

use super::server_certificates::own;
use crate::world::policies::{allow, allow_if};
use crate::world::{Actor, Backend, Hand, Outcome, World};

on_both_stores! {
    two_at_once_do_not_share_a_certificate_or_lose_a_key => a_race;
    a_signing_certificate_lives => certificates;
    an_ssh_key_lives => ssh_keys;
    a_service_specific_credential_lives => service_credentials;
    all_of_them_follow_their_user_to_another_name => a_rename;
}

/// A certificate with a key on secp256k1, which ring does not know; made with OpenSSL, which did not keep the key.
const SECP256K1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBjDCCATKgAwIBAgIUKfbsz1dJHzlk3r91xXJ15hDau1IwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRc2VjcDI1NmsxLmV4YW1wbGUwIBcNMjYxMTI2MjA0NzE5WhgP
MjEyNjExMDIyMDQ3MTlaMBwxGjAYBgNVBAMMEXNlY3AyNTZrMS5leGFtcGxlMFYw
EAYHKoZIzj0CAQYFK4EEAAoDQgAEcWMLS/ouav6DqAQzlUinSZff9INLCgvqueNh
YeAgeS75Ta/HbsrjvPsHIUIyik64GC+KD8knuWj50C27uYsALqNTMFEwHQYDVR0O
BBYEFCAzc8jQMf9QSKDp341uMzustVNdMB8GA1UdIwQYMBaAFCAzc8jQMf9QSKDp
341uMzustVNdMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgUw0T
xLd9qd5yS1SCgGT9vi4EN4usTnzlP7GC1mskRCoCIQDIHOJwHJu62sUgNnFEno9b
7APiNX4Pd8euX1k0qJoiQQ==
-----END CERTIFICATE-----
";

/// Some public RSA key of 2,048 bits, in SSH's encoding.
fn ssh_key(seed: u8) -> String {
    let modulus = [&[0, 0x80 | seed][..], &[seed; 254], &[1]].concat();
    let text = |bytes: &[u8]| [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat();
    let blob = [text(b"ssh-rsa"), text(&[1, 0, 1]), text(&modulus)].concat();
    format!("ssh-rsa {}", BASE64.encode(&blob))
}

async fn upload_ssh(root: &Hand<'_>, user: &str, seed: u8) -> String {
    let upload = root.iam.upload_ssh_public_key().user_name(user).ssh_public_key_body(ssh_key(seed));
    upload.send().await.granted().ssh_public_key().expect("a key").ssh_public_key_id().to_owned()
}

async fn upload_certificate(root: &Hand<'_>, user: &str, pem: &str) -> String {
    let upload = root.iam.upload_signing_certificate().user_name(user).certificate_body(pem);
    upload.send().await.granted().certificate().expect("a certificate").certificate_id().to_owned()
}

async fn create_credential(
    root: &Hand<'_>,
    user: &str,
    service: &str,
) -> aws_sdk_iam::types::ServiceSpecificCredential {
    let create = root.iam.create_service_specific_credential().user_name(user).service_name(service);
    create.send().await.granted().service_specific_credential().expect("a credential").clone()
}

async fn certificates(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:*SigningCertificate*", "*")).await.iam(&broker);
    let [first, second, third] = ["one.example", "two.example", "three.example"].map(|name| own(name, world.now()));
    let made = alice.upload_signing_certificate().certificate_body(&first.pem).send().await.granted();
    let made = made.certificate().expect("a certificate");
    let id = made.certificate_id().to_owned();
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{id}");
    assert_eq!((made.user_name(), made.status()), ("alice", &StatusType::Active));
    assert_eq!(made.certificate_body(), first.pem);

    // Once in an account, whosever it is; another account has it beside.
    root.user("bob").await;
    for user in ["alice", "bob"] {
        let again = root.iam.upload_signing_certificate().user_name(user).certificate_body(&first.pem);
        again.send().await.refused("DuplicateCertificate");
    }
    let partner = world.another_account("partner").await;
    let there = partner.at(&broker);
    there.iam.upload_signing_certificate().certificate_body(&first.pem).send().await.granted();
    upload_certificate(&root, "alice", &second.pem).await;
    let full = root.iam.upload_signing_certificate().user_name("alice").certificate_body(&third.pem).send().await;
    assert_eq!(full.refused("LimitExceeded"), "Cannot exceed quota for SigningCertificatesPerUser: 2");

    let list = || root.iam.list_signing_certificates().user_name("alice");
    assert_eq!(list().send().await.granted().certificates().len(), 2);
    let page = list().max_items(1).send().await.granted();
    assert!(page.is_truncated());
    let rest = list().set_marker(page.marker().map(str::to_owned)).send().await.granted();
    assert_eq!((rest.certificates().len(), rest.is_truncated()), (1, false));
    assert_ne!(rest.certificates()[0].certificate_id(), page.certificates()[0].certificate_id());

    let update = |status: StatusType| alice.update_signing_certificate().certificate_id(&id).status(status).send();
    update(StatusType::Inactive).await.granted();
    let shown = list().send().await.granted();
    let shown = shown.certificates().iter().find(|one| one.certificate_id() == id).expect("alice's");
    assert_eq!(shown.status(), &StatusType::Inactive);
    update(StatusType::Expired).await.refused("InvalidInput");

    // Another user's certificate does not exist, and neither does another account's.
    let missing = format!("The Certificate with id {id} cannot be found.");
    let theft = root.iam.update_signing_certificate().user_name("bob").certificate_id(&id).status(StatusType::Active);
    assert_eq!(theft.send().await.refused("NoSuchEntity"), missing);
    let theft = root.iam.delete_signing_certificate().user_name("bob").certificate_id(&id);
    assert_eq!(theft.send().await.refused("NoSuchEntity"), missing);
    there.user("alice").await;
    let theft = there.iam.delete_signing_certificate().user_name("alice").certificate_id(&id);
    assert_eq!(theft.send().await.refused("NoSuchEntity"), missing);

    root.iam.delete_user_policy().user_name("alice").policy_name("own").send().await.granted();
    let key = root.iam.list_access_keys().user_name("alice").send().await.granted();
    let key = key.access_key_metadata()[0].access_key_id().expect("an id").to_owned();
    root.iam.delete_access_key().user_name("alice").access_key_id(key).send().await.granted();
    let delete_user = || root.iam.delete_user().user_name("alice").send();
    let conflict = delete_user().await.refused("DeleteConflict");
    assert_eq!(conflict, "Cannot delete entity, must delete certificates first.");
    for one in list().send().await.granted().certificates() {
        let delete = root.iam.delete_signing_certificate().user_name("alice").certificate_id(one.certificate_id());
        delete.send().await.granted();
    }
    delete_user().await.granted();
    upload_certificate(&root, "bob", &first.pem).await;
    // The other account's is still there: its root user's, without a name.
    let theirs = there.iam.list_signing_certificates().send().await.granted();
    assert_eq!((theirs.certificates().len(), theirs.certificates()[0].user_name()), (1, ""));
    let delete = there.iam.delete_signing_certificate().certificate_id(&id).send();
    delete.await.granted();
    assert!(there.iam.list_signing_certificates().send().await.granted().certificates().is_empty());
}

async fn a_race(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (root, elsewhere) = (world.root.at(&here), world.root.at(&there));
    root.iam.create_user().user_name("alice").send().await.granted();
    for round in 0..4 {
        let pem = own("a.example", world.now()).pem;
        root.iam.create_user().user_name("bob").send().await.granted();
        let upload = |hand: &Hand<'_>, user: &str| {
            hand.iam.upload_signing_certificate().user_name(user).certificate_body(&pem).send()
        };
        let (one, other) = tokio::join!(upload(&root, "alice"), upload(&elsewhere, "bob"));
        let mut codes = [one.code(), other.code()];
        codes.sort();
        assert_eq!(codes, ["DuplicateCertificate", "Ok"], "round {round}");

        // A user is not deleted while a key is uploaded.
        let key = root.iam.upload_ssh_public_key().user_name("bob").ssh_public_key_body(ssh_key(1)).send();
        let delete = elsewhere.iam.delete_user().user_name("bob").send();
        let (uploaded, deleted) = tokio::join!(key, delete);
        let bobs = other.is_ok();
        match (uploaded.code().as_str(), deleted.code().as_str()) {
            ("Ok", "DeleteConflict") => {
                let all = root.iam.list_ssh_public_keys().user_name("bob").send().await.granted();
                let id = all.ssh_public_keys()[0].ssh_public_key_id().to_owned();
                root.iam.delete_ssh_public_key().user_name("bob").ssh_public_key_id(id).send().await.granted();
            }
            ("NoSuchEntity", "Ok") => assert!(!bobs, "round {round}"),
            codes => panic!("round {round}: {codes:?}"),
        }
        for user in ["alice", "bob"] {
            let list = root.iam.list_signing_certificates().user_name(user).send().await;
            for found in list.map(|list| list.certificates().to_vec()).unwrap_or_default() {
                let delete = root.iam.delete_signing_certificate().user_name(user);
                delete.certificate_id(found.certificate_id()).send().await.granted();
            }
        }
        let _ = root.iam.delete_user().user_name("bob").send().await.code();
    }
}

#[tokio::test]
async fn a_signing_certificate_is_one_that_is_valid_now() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let upload = |body: &str| root.iam.upload_signing_certificate().certificate_body(body).send();
    let (early, good) = (own("a.example", world.now().plus(60)), own("a.example", world.now()));
    upload("nonsense").await.refused("MalformedCertificate");
    upload(&good.key()).await.refused("MalformedCertificate");
    upload(&format!("{}{}", good.pem, early.pem)).await.refused("MalformedCertificate");
    upload(&early.pem).await.refused("MalformedCertificate");
    upload(SECP256K1).await.refused("InvalidCertificate");
    let nobody = root.iam.upload_signing_certificate().user_name("nobody").certificate_body(&good.pem).send().await;
    assert_eq!(nobody.refused("NoSuchEntity"), "The user with name nobody cannot be found.");
    world.advance(60);
    upload(&early.pem).await.granted();
    world.advance(7_200);
    upload(&good.pem).await.refused("MalformedCertificate");
}

async fn ssh_keys(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:*SSHPublicKey*", "*")).await.iam(&broker);
    let body = format!("{} alice@laptop", ssh_key(1));
    let made = alice.upload_ssh_public_key().user_name("alice").ssh_public_key_body(&body).send().await.granted();
    let made = made.ssh_public_key().expect("a key").clone();
    let id = made.ssh_public_key_id();
    assert!(id.starts_with("APKA") && id.len() == 21, "{id}");
    assert_eq!(
        (made.user_name(), made.status(), made.ssh_public_key_body()),
        ("alice", &StatusType::Active, body.as_str())
    );
    assert_eq!(made.fingerprint().split(':').filter(|byte| byte.len() == 2).count(), 16);

    // As it was uploaded, and converted; the converted one is the same key.
    let get = |user: &str, id: &str, encoding: EncodingType| {
        root.iam.get_ssh_public_key().user_name(user).ssh_public_key_id(id).encoding(encoding).send()
    };
    assert_eq!(get("alice", id, EncodingType::Ssh).await.granted().ssh_public_key(), Some(&made));
    let pem = get("ALICE", id, EncodingType::Pem).await.granted();
    let pem = pem.ssh_public_key().expect("a key");
    assert!(pem.ssh_public_key_body().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    assert_eq!(pem.fingerprint(), made.fingerprint());
    let upload =
        |user: &str, body: &str| root.iam.upload_ssh_public_key().user_name(user).ssh_public_key_body(body).send();
    for same in [pem.ssh_public_key_body(), &ssh_key(1)] {
        upload("alice", same).await.refused("DuplicateSSHPublicKey");
    }
    get("alice", id, EncodingType::from("DER")).await.refused("ValidationError");
    // Another user may have the same key.
    root.user("bob").await;
    let twin = upload("bob", pem.ssh_public_key_body()).await.granted();
    let twin = twin.ssh_public_key().expect("a key").ssh_public_key_id().to_owned();
    let back = get("bob", &twin, EncodingType::Ssh).await.granted();
    assert_eq!(back.ssh_public_key().expect("a key").ssh_public_key_body(), ssh_key(1));

    for seed in 2..=5 {
        upload_ssh(&root, "alice", seed).await;
    }
    let message = upload("alice", &ssh_key(6)).await.refused("LimitExceeded");
    assert_eq!(message, "Cannot exceed quota for SSHPublicKeysPerUser: 5");
    let list = || alice.list_ssh_public_keys();
    let (mut seen, mut marker) = (Vec::new(), None);
    loop {
        let page = list().max_items(2).set_marker(marker).send().await.granted();
        seen.extend(page.ssh_public_keys().iter().map(|key| key.ssh_public_key_id().to_owned()));
        marker = page.marker().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert!(seen.len() == 5 && !seen.contains(&twin));

    let update = |user: &str, status: StatusType| {
        root.iam.update_ssh_public_key().user_name(user).ssh_public_key_id(id).status(status).send()
    };
    update("alice", StatusType::Inactive).await.granted();
    let shown = get("alice", id, EncodingType::Ssh).await.granted();
    assert_eq!(shown.ssh_public_key().expect("a key").status(), &StatusType::Inactive);
    update("alice", StatusType::Expired).await.refused("InvalidInput");
    // A key is one user's, in one account.
    let missing = format!("The Public Key with id {id} cannot be found.");
    assert_eq!(update("bob", StatusType::Active).await.refused("NoSuchEntity"), missing);
    assert_eq!(get("bob", id, EncodingType::Ssh).await.refused("NoSuchEntity"), missing);
    let delete = |user: &str, id: &str| root.iam.delete_ssh_public_key().user_name(user).ssh_public_key_id(id).send();
    assert_eq!(delete("bob", id).await.refused("NoSuchEntity"), missing);
    let partner = world.another_account("partner").await;
    let there = partner.at(&broker);
    there.user("alice").await;
    let theft = there.iam.get_ssh_public_key().user_name("alice").ssh_public_key_id(id).encoding(EncodingType::Ssh);
    assert_eq!(theft.send().await.refused("NoSuchEntity"), missing);

    let key = root.iam.list_access_keys().user_name("bob").send().await.granted();
    let key = key.access_key_metadata()[0].access_key_id().expect("an id").to_owned();
    root.iam.delete_access_key().user_name("bob").access_key_id(key).send().await.granted();
    let conflict = root.iam.delete_user().user_name("bob").send().await.refused("DeleteConflict");
    assert_eq!(conflict, "Cannot delete entity, must remove referenced objects first.");
    delete("bob", &twin).await.granted();
    root.iam.delete_user().user_name("bob").send().await.granted();
    // Who takes the name has none of its keys.
    root.user("bob").await;
    assert!(root.iam.list_ssh_public_keys().user_name("bob").send().await.granted().ssh_public_keys().is_empty());
    assert!(get("alice", id, EncodingType::Ssh).await.is_ok());
}

#[tokio::test]
async fn an_ssh_key_is_refused_for_what_it_is() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.user("alice").await;
    let upload = |body: &str| root.iam.upload_ssh_public_key().user_name("alice").ssh_public_key_body(body).send();
    let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPnSzBKuMQbYiIRGXAVE8E0GVeaqFC9xP0cQkJHzQzhJ";
    for body in ["nonsense", ed25519, &own("a.example", world.now()).pem] {
        upload(body).await.refused("UnrecognizedPublicKeyEncoding");
    }
    let short = ssh_key(1).replace("AAABAQ", "AAABAA");
    for body in ["ssh-rsa", "ssh-rsa AAAA", short.as_str()] {
        upload(body).await.refused("InvalidPublicKey");
    }
    let message = root.iam.list_ssh_public_keys().send().await.refused("ValidationError");
    assert_eq!(message, "Must specify userName when calling with non-User credentials");
}

async fn service_credentials(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let account = root.account;
    root.user("alice").await;
    let made = create_credential(&root, "Alice", "codecommit.amazonaws.com").await;
    let id = made.service_specific_credential_id();
    assert!(id.starts_with("ACCA") && id.len() == 21, "{id}");
    assert_eq!(made.service_user_name(), format!("alice-at-{account}"));
    assert_eq!(made.service_password().len(), 44);
    assert_eq!((made.user_name(), made.status()), ("alice", &StatusType::Active));
    assert_eq!((made.service_credential_alias(), made.service_credential_secret()), (None, None));
    let second = create_credential(&root, "alice", "codecommit.amazonaws.com").await;
    assert_eq!(second.service_user_name(), format!("alice+1-at-{account}"));
    let create = |service: &str| root.iam.create_service_specific_credential().user_name("alice").service_name(service);
    let message = create("codecommit.amazonaws.com").send().await.refused("LimitExceeded");
    assert_eq!(message, "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2");
    // Two for each service.
    let other = create_credential(&root, "alice", "Cassandra.AmazonAWS.com").await;
    assert_eq!(other.service_user_name(), made.service_user_name());
    assert_eq!(other.service_name(), "cassandra.amazonaws.com");
    create("s3.amazonaws.com").send().await.refused("NotSupportedService");
    create("cassandra.amazonaws.com").credential_age_days(5).send().await.refused("ValidationError");

    // A key has an alias, and may end.
    let day = 86_400;
    let key = create("bedrock.amazonaws.com").credential_age_days(1).send().await.granted();
    let key = key.service_specific_credential().expect("a credential").clone();
    // The SDK shows members that are not there as empty.
    assert_eq!((key.service_user_name(), key.service_password()), ("", ""));
    let alias = key.service_credential_alias().expect("an alias");
    assert_eq!(alias, format!("alice-at-{account}"));
    let secret = key.service_credential_secret().expect("a secret");
    let inner = BASE64.decode(secret.strip_prefix("ABSK").expect("a key").as_bytes()).expect("Base64");
    assert!(String::from_utf8(inner).expect("text").starts_with(&format!("{alias}:")));
    assert_eq!(key.expiration_date().expect("an end").secs(), world.now().plus(day).seconds());

    let list = || root.iam.list_service_specific_credentials().user_name("alice");
    assert_eq!(list().send().await.granted().service_specific_credentials().len(), 4);
    let of_one = list().service_name("bedrock.amazonaws.com").send().await.granted();
    assert_eq!(of_one.service_specific_credentials().len(), 1);
    assert_eq!(of_one.service_specific_credentials()[0].status(), &StatusType::Active);
    list().service_name("s3.amazonaws.com").send().await.refused("NotSupportedService");
    world.advance(day);
    let of_one = list().service_name("bedrock.amazonaws.com").send().await.granted();
    assert_eq!(of_one.service_specific_credentials()[0].status(), &StatusType::Expired);

    let reset = |user: &str, id: &str| {
        root.iam.reset_service_specific_credential().user_name(user).service_specific_credential_id(id).send()
    };
    let again = reset("alice", id).await.granted();
    let again = again.service_specific_credential().expect("a credential");
    assert!(!again.service_password().is_empty() && again.service_password() != made.service_password());
    assert_eq!(again.service_user_name(), made.service_user_name());
    let again = reset("alice", key.service_specific_credential_id()).await.granted();
    let again = again.service_specific_credential().expect("a credential");
    assert!(again.service_credential_secret().is_some_and(|new| new != secret) && again.service_password().is_empty());

    let update = |user: &str, status: StatusType| {
        let update = root.iam.update_service_specific_credential().user_name(user);
        update.service_specific_credential_id(id).status(status).send()
    };
    update("alice", StatusType::Inactive).await.granted();
    let shown = list().service_name("codecommit.amazonaws.com").send().await.granted();
    let shown = shown.service_specific_credentials().iter().find(|one| one.service_specific_credential_id() == id);
    assert_eq!(shown.expect("the first").status(), &StatusType::Inactive);
    update("alice", StatusType::Expired).await.refused("InvalidInput");

    // Another user's, or another account's, does not exist.
    root.user("bob").await;
    let missing = format!("No such credential {id} exists");
    assert_eq!(update("bob", StatusType::Active).await.refused("NoSuchEntity"), missing);
    assert_eq!(reset("bob", id).await.refused("NoSuchEntity"), missing);
    let delete = |user: &str, id: &str| {
        root.iam.delete_service_specific_credential().user_name(user).service_specific_credential_id(id).send()
    };
    assert_eq!(delete("bob", id).await.refused("NoSuchEntity"), missing);
    let partner = world.another_account("partner").await;
    let there = partner.at(&broker);
    there.user("alice").await;
    let theft = there.iam.reset_service_specific_credential().user_name("alice").service_specific_credential_id(id);
    assert_eq!(theft.send().await.refused("NoSuchEntity"), missing);
    let everything = there.iam.list_service_specific_credentials().all_users(true).send().await.granted();
    assert!(everything.service_specific_credentials().is_empty());

    // A deleted one's name is free again.
    delete("alice", id).await.granted();
    let third = create_credential(&root, "alice", "codecommit.amazonaws.com").await;
    assert_eq!(third.service_user_name(), made.service_user_name());
    let conflict = root.iam.list_access_keys().user_name("alice").send().await.granted();
    let access_key = conflict.access_key_metadata()[0].access_key_id().expect("an id").to_owned();
    root.iam.delete_access_key().user_name("alice").access_key_id(access_key).send().await.granted();
    let conflict = root.iam.delete_user().user_name("alice").send().await.refused("DeleteConflict");
    assert_eq!(conflict, "Cannot delete entity, must remove referenced objects first.");
}

#[tokio::test]
async fn all_users_are_listed_to_whoever_may_see_all() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let action = "iam:ListServiceSpecificCredentials";
    let own_name = format!("arn:aws:iam::{}:user/alice", root.account);
    let alice = root.user_with("alice", &allow(action, &own_name)).await.iam(&broker);
    let everybody = format!("arn:aws:iam::{}:user/*", root.account);
    let bob = root.user_with("bob", &allow(action, &everybody)).await.iam(&broker);
    for user in ["alice", "bob"] {
        for service in ["codecommit.amazonaws.com", "logs.amazonaws.com"] {
            create_credential(&root, user, service).await;
        }
    }
    assert_eq!(
        alice.list_service_specific_credentials().send().await.granted().service_specific_credentials().len(),
        2
    );
    alice.list_service_specific_credentials().all_users(true).send().await.refused("AccessDenied");
    alice.list_service_specific_credentials().user_name("bob").send().await.refused("AccessDenied");
    let both = bob.list_service_specific_credentials().all_users(true).user_name("bob").send().await;
    both.refused("ValidationError");
    let (mut seen, mut marker) = (Vec::new(), None);
    loop {
        let page = bob.list_service_specific_credentials().all_users(true).max_items(1).set_marker(marker);
        let page = page.service_name("logs.amazonaws.com").send().await.granted();
        seen.extend(page.service_specific_credentials().iter().map(|one| one.user_name().to_owned()));
        marker = page.marker().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["alice", "bob"]);
}

#[tokio::test]
async fn service_and_age_of_a_credential_decide_who_may_create_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let condition = json!({
        "StringEquals": { "iam:ServiceSpecificCredentialServiceName": "bedrock.amazonaws.com" },
        "NumericLessThanEquals": { "iam:ServiceSpecificCredentialAgeDays": "30" },
    });
    let alice = root.user_with("alice", &allow_if("iam:CreateServiceSpecificCredential", condition)).await.iam(&broker);
    let create = |service: &str, days: Option<i32>| {
        let create = alice.create_service_specific_credential().user_name("alice").service_name(service);
        create.set_credential_age_days(days).send()
    };
    create("codecommit.amazonaws.com", None).await.refused("AccessDenied");
    create("logs.amazonaws.com", Some(30)).await.refused("AccessDenied");
    create("bedrock.amazonaws.com", None).await.refused("AccessDenied");
    create("bedrock.amazonaws.com", Some(31)).await.refused("AccessDenied");
    create("bedrock.amazonaws.com", Some(30)).await.granted();
    create("bedrock.amazonaws.com", Some(0)).await.refused("ValidationError");
    // Another spelling is no way round, neither for a permission nor for a denial.
    create("Bedrock.amazonaws.com", Some(31)).await.refused("AccessDenied");
    create("Bedrock.amazonaws.com", Some(30)).await.granted();

    // What is done to a credential knows its service.
    let logs = allow_if(
        "iam:*",
        json!({ "StringEquals": { "iam:ServiceSpecificCredentialServiceName": "logs.amazonaws.com" } }),
    );
    let bob = root.user_with("bob", &logs).await.iam(&broker);
    for (service, code) in [("logs.amazonaws.com", "Ok"), ("bedrock.amazonaws.com", "AccessDenied")] {
        let made = create_credential(&root, "bob", service).await;
        let id = made.service_specific_credential_id();
        let update = bob.update_service_specific_credential().service_specific_credential_id(id);
        assert_eq!(update.status(StatusType::Inactive).send().await.code(), code);
        let reset = bob.reset_service_specific_credential().service_specific_credential_id(id);
        assert_eq!(reset.send().await.code(), code);
        let delete = bob.delete_service_specific_credential().service_specific_credential_id(id);
        assert_eq!(delete.send().await.code(), code);
    }
}

async fn a_rename(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    root.user("alice").await;
    let certificate = upload_certificate(&root, "alice", &own("a.example", world.now()).pem).await;
    let key = upload_ssh(&root, "alice", 1).await;
    let credential = create_credential(&root, "alice", "codecommit.amazonaws.com").await;
    root.iam.update_user().user_name("alice").new_user_name("anna").send().await.granted();
    let all = root.iam.list_signing_certificates().user_name("anna").send().await.granted();
    assert_eq!(
        (all.certificates()[0].user_name(), all.certificates()[0].certificate_id()),
        ("anna", certificate.as_str())
    );
    let all = root.iam.list_ssh_public_keys().user_name("anna").send().await.granted();
    assert_eq!(
        (all.ssh_public_keys()[0].user_name(), all.ssh_public_keys()[0].ssh_public_key_id()),
        ("anna", key.as_str())
    );
    let all = root.iam.list_service_specific_credentials().all_users(true).send().await.granted();
    let [found] = all.service_specific_credentials() else { panic!("{all:?}") };
    assert_eq!(found.user_name(), "anna");
    assert_eq!(found.service_user_name(), credential.service_user_name(), "services go on knowing the name");

    // Whoever takes the old name has none of it, and never the same name at a service.
    root.user("alice").await;
    assert!(root.iam.list_ssh_public_keys().user_name("alice").send().await.granted().ssh_public_keys().is_empty());
    let theft = root.iam.delete_ssh_public_key().user_name("alice").ssh_public_key_id(&key).send();
    theft.await.refused("NoSuchEntity");
    let new = create_credential(&root, "alice", "codecommit.amazonaws.com").await;
    assert_eq!(new.service_user_name(), format!("alice+1-at-{}", root.account));
    let id = credential.service_specific_credential_id();
    let delete = root.iam.delete_service_specific_credential().user_name("anna").service_specific_credential_id(id);
    delete.send().await.granted();
    root.iam.delete_ssh_public_key().user_name("anna").ssh_public_key_id(&key).send().await.granted();
}

#[tokio::test]
async fn a_user_who_may_only_touch_itself_reaches_nobody_else() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let own_name = format!("arn:aws:iam::{}:user/${{aws:username}}", root.account);
    let alice = root.user_with("alice", &allow("iam:*", &own_name)).await.iam(&broker);
    root.user("bob").await;
    let key = upload_ssh(&root, "bob", 1).await;
    let pem = own("a.example", world.now()).pem;
    let certificate = upload_certificate(&root, "bob", &pem).await;
    let credential = create_credential(&root, "bob", "codecommit.amazonaws.com").await;
    let credential = credential.service_specific_credential_id();
    // Under bob's name it is forbidden, and under its own it is not there.
    for (name, code) in [("bob", "AccessDenied"), ("alice", "NoSuchEntity")] {
        let get = alice.get_ssh_public_key().user_name(name).ssh_public_key_id(&key).encoding(EncodingType::Ssh);
        get.send().await.refused(code);
        alice.delete_ssh_public_key().user_name(name).ssh_public_key_id(&key).send().await.refused(code);
        let delete = alice.delete_signing_certificate().user_name(name).certificate_id(&certificate);
        delete.send().await.refused(code);
        let reset = alice.reset_service_specific_credential().user_name(name);
        reset.service_specific_credential_id(credential).send().await.refused(code);
    }
    alice.upload_ssh_public_key().user_name("bob").ssh_public_key_body(ssh_key(2)).send().await.refused("AccessDenied");
    alice.upload_ssh_public_key().user_name("alice").ssh_public_key_body(ssh_key(1)).send().await.granted();
    alice
        .create_service_specific_credential()
        .user_name("alice")
        .service_name("logs.amazonaws.com")
        .send()
        .await
        .granted();
}
