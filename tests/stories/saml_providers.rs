//! SAML providers: the documents that they are made from, what is kept of them, and who may touch them.
//!
//! Their private keys are RSA, which nothing here makes: `tests/acceptance/test_saml_providers.py` has them.

use aws_sdk_iam::types::{AssertionEncryptionModeType, Tag};
use brevet::clock::Timestamp;
use brevet::crypto::x509;
use brevet::identity::{SamlProvider, quota};
use brevet::store::{Tx, layout};

use crate::world::policies::allow;
use crate::world::{Actor, Backend, Hand, Outcome, World};

on_both_stores! {
    a_provider_lives_from_its_making_to_its_deletion => whole_life;
    of_two_documents_at_once_what_is_kept_belongs_together => at_once;
}

/// The metadata of an identity provider with a new key.
pub fn metadata(entity: &str, attributes: &str) -> String {
    let made = x509::development(&[], Timestamp(1_790_000_000)).expect("a certificate");
    let certificate: String = made.ca_certificate.lines().filter(|line| !line.starts_with('-')).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         entityID=\"{entity}\" {attributes}>\n\t<md:IDPSSODescriptor WantAuthnRequestsSigned=\"false\" \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\n<md:KeyDescriptor use=\"signing\"><ds:KeyInfo \
         xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate>\
         </ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\
         </md:NameIDFormat><md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"{entity}sso?a=b&amp;c=d\"/></md:IDPSSODescriptor></md:EntityDescriptor>\n"
    )
}

const ENTITY: &str = "https://idp.example.com/";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("a tag")
}

fn keys(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(Tag::key).collect()
}

fn arn(root: &Hand<'_>, name: &str) -> String {
    format!("arn:aws:iam::{}:saml-provider/{name}", root.account)
}

/// What brevet keeps of a provider.
async fn record(root: &Hand<'_>, name: &str) -> SamlProvider {
    let mut tx = Tx::new(root.at.broker.store.clone());
    let key = layout::saml_provider(root.account, &name.parse().expect("a name"));
    tx.get(&key).await.expect("the store").expect("a provider")
}

async fn whole_life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let iam = &root.iam;
    let document = metadata(ENTITY, "validUntil=\"2035-01-02T03:04:05.678Z\"");
    let create = |name: &str| iam.create_saml_provider().name(name).saml_metadata_document(&document);
    let made = create("Adfs.corp").tags(tag("team", "b")).tags(tag("Cost", "a")).send().await.granted();
    let adfs = arn(&root, "Adfs.corp");
    assert_eq!(made.saml_provider_arn(), Some(adfs.as_str()));
    assert_eq!(keys(made.tags()), ["Cost", "team"]);
    create("ADFS.CORP").send().await.refused("EntityAlreadyExists");

    let get = || iam.get_saml_provider().saml_provider_arn(&adfs).send();
    let found = get().await.granted();
    assert_eq!(found.saml_metadata_document(), Some(document.as_str()), "the document comes back byte for byte");
    let until = Timestamp::parse_iso8601("2035-01-02T03:04:05Z").expect("a moment").seconds();
    assert_eq!(found.valid_until().expect("an end").secs(), until);
    assert_eq!(found.create_date().expect("a date").secs(), world.now().seconds());
    assert!(found.saml_provider_uuid().is_some_and(|id| id.len() == 26), "{found:?}");
    assert!(found.assertion_encryption_mode().is_none() && found.private_key_list().is_empty());
    assert_eq!(keys(found.tags()), ["Cost", "team"]);
    let kept = record(&root, "adfs.corp").await;
    assert_eq!((kept.metadata.entity_id.as_str(), kept.metadata.signing_certificates.len()), (ENTITY, 1));

    create("zebra").send().await.granted();
    let listed = iam.list_saml_providers().send().await.granted();
    let names: Vec<_> = listed.saml_provider_list().iter().filter_map(|one| one.arn()).collect();
    assert_eq!(names, [adfs.clone(), arn(&root, "zebra")]);
    assert_eq!(listed.saml_provider_list()[0].valid_until().expect("an end").secs(), until);
    assert_eq!(listed.saml_provider_list()[0].create_date().expect("a date").secs(), world.now().seconds());

    // A new document takes the old one's place, as a whole; the id and the date stay.
    world.advance(60);
    let newer = metadata("urn:newer", "");
    let update = || iam.update_saml_provider().saml_provider_arn(&adfs);
    let updated = update().saml_metadata_document(&newer).send().await.granted();
    assert_eq!(updated.saml_provider_arn(), Some(adfs.as_str()));
    let after = get().await.granted();
    assert_eq!(after.saml_metadata_document(), Some(newer.as_str()));
    assert_eq!((after.saml_provider_uuid(), after.create_date()), (found.saml_provider_uuid(), found.create_date()));
    assert_eq!(after.valid_until().expect("an end").secs(), world.now().seconds() + 36_525 * 86_400);
    let changed = record(&root, "adfs.corp").await.metadata;
    assert_eq!(changed.entity_id, "urn:newer");
    assert_ne!(changed.signing_certificates, kept.metadata.signing_certificates);

    // A document that is refused changes nothing.
    let broken = newer.replace("IDPSSODescriptor", "SPSSODescriptor");
    let refused = update().saml_metadata_document(&broken).send().await.refused("InvalidInput");
    assert!(refused.starts_with("Could not parse metadata"), "{refused}");
    assert_eq!(get().await.granted().saml_metadata_document(), Some(newer.as_str()));

    iam.tag_saml_provider().saml_provider_arn(&adfs).tags(tag("TEAM", "c")).send().await.granted();
    let list = || iam.list_saml_provider_tags().saml_provider_arn(&adfs);
    let page = list().max_items(1).send().await.granted();
    assert_eq!((keys(page.tags()), page.is_truncated()), (vec!["Cost"], true));
    let rest = list().set_marker(page.marker().map(str::to_owned)).send().await.granted();
    assert_eq!((keys(rest.tags()), rest.is_truncated()), (vec!["TEAM"], false));
    iam.untag_saml_provider().saml_provider_arn(&adfs).tag_keys("cost").send().await.granted();
    assert_eq!(keys(list().send().await.granted().tags()), ["TEAM"]);

    let delete = || iam.delete_saml_provider().saml_provider_arn(&adfs).send();
    delete().await.granted();
    let missing = format!("Manifest not found for arn {adfs}");
    assert_eq!(delete().await.refused("NoSuchEntity"), missing);
    assert_eq!(get().await.refused("NoSuchEntity"), missing);
    assert_eq!(update().saml_metadata_document(&newer).send().await.refused("NoSuchEntity"), missing);
    assert_eq!(list().send().await.refused("NoSuchEntity"), missing);
    // Nothing of the old one is left for a new one of its name.
    create("adfs.corp").send().await.granted();
    let again = iam.get_saml_provider().saml_provider_arn(arn(&root, "adfs.corp")).send().await.granted();
    assert_ne!(again.saml_provider_uuid(), found.saml_provider_uuid());
    assert!(again.tags().is_empty());
}

#[tokio::test]
async fn documents_and_keys_that_make_no_provider_are_refused() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let document = metadata(ENTITY, "");
    let create = |document: &str| root.iam.create_saml_provider().name("idp").saml_metadata_document(document);
    for (wrong, cause) in [
        (format!("\u{feff}{document}"), "it begins with a byte order mark"),
        (document.replace("?>\r\n", "?><!DOCTYPE a [<!ENTITY b 'c'>]>"), "it declares a document type"),
        (document.replace("sso?", "&b;"), ""),
        (document.replace("</md:EntityDescriptor>", ""), "it is not well-formed XML"),
        (document.replace("X509Certificate>M", "X509Certificate>%"), "a certificate for signing is not Base64"),
        (document.replace("\"signing\"", "\"encryption\""), "its IDPSSODescriptor has no certificate for signing"),
        ("x".repeat(1_000), "it is not well-formed XML"),
        (
            format!("<a>{}{}</a>", "<b>".repeat(1_000), "</b>".repeat(1_000)),
            "its root is not an EntityDescriptor of SAML 2.0 metadata",
        ),
    ] {
        match create(&wrong).send().await {
            // What stands in an attribute that nobody reads is not looked at.
            Ok(_) if cause.is_empty() => {
                drop(root.iam.delete_saml_provider().saml_provider_arn(arn(&root, "idp")).send().await.granted())
            }
            answer => assert_eq!(answer.refused("InvalidInput"), format!("Could not parse metadata: {cause}")),
        }
    }
    create("<a/>").send().await.refused("ValidationError");

    // The bound, and just beyond it.
    let with = |text: &str| document.replace("</md:EntityDescriptor>", &format!("{text}</md:EntityDescriptor>"));
    let full = with(&"x".repeat(quota::SAML_METADATA_BYTES - document.len()));
    let beyond = create(&format!("{full} ")).send().await.refused("LimitExceeded");
    assert_eq!(beyond, "Cannot exceed quota for SAMLMetadataDocumentBytes: 400000");
    create(&full).send().await.granted();
    let get = || root.iam.get_saml_provider().saml_provider_arn(arn(&root, "idp")).send();
    assert_eq!(get().await.granted().saml_metadata_document(), Some(full.as_str()));
    // The worst that JSON makes of a document, which a form makes worse: it still fits into a record.
    let quotes = with(&"\"".repeat(300_000));
    let update = || root.iam.update_saml_provider().saml_provider_arn(arn(&root, "idp"));
    update().saml_metadata_document(&quotes).send().await.granted();
    assert_eq!(get().await.granted().saml_metadata_document(), Some(quotes.as_str()));

    let key = x509::development(&[], Timestamp(1_790_000_000)).expect("a key").server_key;
    let not_rsa = update().add_private_key(key.expose()).send().await.refused("InvalidInput");
    assert_eq!(not_rsa, "Could not read the private key: it is not an RSA key of 2,048 to 4,096 bits");
    update().add_private_key("no key").send().await.refused("InvalidInput");
    let none = update().assertion_encryption_mode(AssertionEncryptionModeType::Required).send().await;
    none.refused("InvalidInput");
    update().assertion_encryption_mode(AssertionEncryptionModeType::Allowed).send().await.granted();
    assert_eq!(get().await.granted().assertion_encryption_mode(), Some(&AssertionEncryptionModeType::Allowed));
    update().remove_private_key("A".repeat(26)).send().await.refused("NoSuchEntity");
    update().add_private_key("a").remove_private_key("A".repeat(26)).send().await.refused("InvalidInput");
    let named = |name: &str| root.iam.create_saml_provider().name(name).saml_metadata_document(&document).send();
    named("a+b").await.refused("ValidationError");
    named(&"x".repeat(129)).await.refused("ValidationError");
    named(&"x".repeat(128)).await.granted();
}

#[tokio::test]
async fn what_is_too_long_for_the_door_is_told_so() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let document = metadata(ENTITY, "") + &"<".repeat(400_000);
    let create = root.iam.create_saml_provider().name("idp").saml_metadata_document(document);
    create.send().await.refused("RequestEntityTooLarge");
}

#[tokio::test]
async fn nobody_reaches_another_accounts_provider() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let other = partner.at(&broker);
    let document = metadata(ENTITY, "");
    root.iam.create_saml_provider().name("idp").saml_metadata_document(&document).send().await.granted();
    let ours = arn(&root, "idp");
    let get = |arn: &str| other.iam.get_saml_provider().saml_provider_arn(arn).send();
    get(&ours).await.refused("NoSuchEntity");
    other.iam.delete_saml_provider().saml_provider_arn(&ours).send().await.refused("NoSuchEntity");
    let evil = metadata("https://evil.example.org/", "");
    let update = other.iam.update_saml_provider().saml_provider_arn(&ours).saml_metadata_document(&evil);
    update.send().await.refused("NoSuchEntity");
    assert_eq!(record(&root, "idp").await.metadata.entity_id, ENTITY);

    other.iam.create_saml_provider().name("idp").saml_metadata_document(&document).send().await.granted();
    let theirs = arn(&other, "idp");
    for wrong in [
        theirs.replace("/idp", "/IDP"),
        theirs.replace("/idp", "/x/idp"),
        theirs.replace(":aws:", ":aws-cn:"),
        theirs.replace("saml-provider", "role"),
    ] {
        get(&wrong).await.refused("NoSuchEntity");
    }
    get(&theirs).await.granted();
}

#[tokio::test]
async fn providers_are_reached_by_name_and_by_tag() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let document = metadata(ENTITY, "");
    let alice = root.user_with("alice", &allow("iam:*SAMLProvider*", &arn(&root, "mine-*"))).await.iam(&broker);
    let create = |name: &str| alice.create_saml_provider().name(name).saml_metadata_document(&document).send();
    create("mine-1").await.granted();
    create("other").await.refused("AccessDenied");
    alice.list_saml_providers().send().await.refused("AccessDenied");
    alice.delete_saml_provider().saml_provider_arn(arn(&root, "mine-1")).send().await.granted();

    // Whoever may change what is tagged red cannot make a thing red.
    let red = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*",
        "Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}}"#;
    let bob = root.user_with("bob", red).await.iam(&broker);
    root.iam.create_saml_provider().name("blue").saml_metadata_document(&document).send().await.granted();
    let blue = arn(&root, "blue");
    let update = || bob.update_saml_provider().saml_provider_arn(&blue).saml_metadata_document(&document).send();
    update().await.refused("AccessDenied");
    bob.tag_saml_provider().saml_provider_arn(&blue).tags(tag("team", "red")).send().await.refused("AccessDenied");
    root.iam.tag_saml_provider().saml_provider_arn(&blue).tags(tag("team", "red")).send().await.granted();
    update().await.granted();
}

async fn at_once(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (left, right) = (world.root.at(&here), world.root.at(&there));
    left.iam.create_saml_provider().name("idp").saml_metadata_document(metadata(ENTITY, "")).send().await.granted();
    let idp = arn(&left, "idp");
    let put = |who: &Hand<'_>, entity: &str| {
        who.iam.update_saml_provider().saml_provider_arn(&idp).saml_metadata_document(metadata(entity, "")).send()
    };
    for _ in 0..5 {
        let (one, two) = tokio::join!(put(&left, "urn:left"), put(&right, "urn:right"));
        one.granted();
        two.granted();
        let kept = record(&left, "idp").await.metadata.entity_id;
        let found = left.iam.get_saml_provider().saml_provider_arn(&idp).send().await.granted();
        let named = format!("entityID=\"{kept}\"");
        assert!(found.saml_metadata_document().is_some_and(|document| document.contains(&named)), "{kept}");
    }
}
