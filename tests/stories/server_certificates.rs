//! Server certificates: how one is uploaded, shown, renamed and deleted, and that its private key stays where it is.

use aws_sdk_iam::types::Tag;
use brevet::clock::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::json;

use crate::world::policies::{allow, allow_if};
use crate::world::{Actor, Backend, Outcome, World};

on_both_stores! {
    a_certificate_lives => a_life;
}

/// A certificate with its key.
pub struct Made {
    params: CertificateParams,
    key: KeyPair,
    pub pem: String,
}

impl Made {
    pub fn key(&self) -> String {
        self.key.serialize_pem()
    }
}

fn params(name: &str, begins: Timestamp, ends: Timestamp) -> CertificateParams {
    let moment = |at: Timestamp| {
        let seconds = u64::try_from(at.seconds()).expect("after 1970");
        date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
    };
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = moment(begins);
    params.not_after = moment(ends);
    params
}

/// A certificate that signs itself, good for an hour from a moment on.
pub fn own(name: &str, begins: Timestamp) -> Made {
    let (params, key) = (params(name, begins, begins.plus(3_600)), KeyPair::generate().expect("a key"));
    let pem = params.self_signed(&key).expect("signed").pem();
    Made { params, key, pem }
}

fn signed(name: &str, begins: Timestamp, by: &Made) -> Made {
    let (params, key) = (params(name, begins, begins.plus(3_600)), KeyPair::generate().expect("a key"));
    let pem = params.signed_by(&key, &Issuer::from_params(&by.params, &by.key)).expect("signed").pem();
    Made { params, key, pem }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("a tag")
}

async fn a_life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let iam = &root.iam;
    let authority = own("authority.example", world.now());
    let middle = signed("middle.example", world.now(), &authority);
    let leaf = signed("www.example", world.now(), &middle);
    let chain = format!("{}{}", middle.pem, authority.pem);
    let upload = |name: &str| {
        let upload = iam.upload_server_certificate().server_certificate_name(name).path("/web/");
        upload.certificate_body(&leaf.pem).private_key(leaf.key()).certificate_chain(&chain).tags(tag("team", "crew"))
    };
    let made = upload("Www").send().await.granted();
    assert_eq!(made.tags(), [tag("team", "crew")]);
    let facts = made.server_certificate_metadata().expect("facts").clone();
    assert_eq!(facts.arn(), format!("arn:aws:iam::{}:server-certificate/web/Www", root.account));
    assert!(facts.server_certificate_id().starts_with("ASCA") && facts.server_certificate_id().len() == 21);
    assert_eq!(facts.expiration().expect("an end").secs(), world.now().plus(3_600).seconds());
    assert_eq!(facts.upload_date().expect("a beginning").secs(), world.now().seconds());
    let taken = "The Server Certificate with name WWW already exists.";
    assert_eq!(upload("WWW").send().await.refused("EntityAlreadyExists"), taken);

    let get = |name: &str| iam.get_server_certificate().server_certificate_name(name).send();
    let shown = get("www").await.granted();
    let shown = shown.server_certificate().expect("a certificate");
    assert_eq!(shown.server_certificate_metadata(), Some(&facts));
    assert_eq!((shown.certificate_body(), shown.certificate_chain()), (leaf.pem.trim(), Some(chain.trim())));
    assert_eq!(shown.tags(), [tag("team", "crew")]);

    // Renaming moves everything but the id.
    upload("other").send().await.granted();
    let update = |name: &str| iam.update_server_certificate().server_certificate_name(name);
    assert_eq!(update("other").new_server_certificate_name("www").send().await.code(), "EntityAlreadyExists");
    update("www").new_server_certificate_name("WWW").send().await.granted();
    update("www").new_server_certificate_name("shop").new_path("/").send().await.granted();
    let missing = "The Server Certificate with name www cannot be found.";
    assert_eq!(get("www").await.refused("NoSuchEntity"), missing);
    assert_eq!(update("www").new_path("/").send().await.refused("NoSuchEntity"), missing);
    let moved = get("shop").await.granted();
    let moved = moved.server_certificate().expect("a certificate");
    let metadata = moved.server_certificate_metadata().expect("facts");
    assert_eq!(metadata.arn(), format!("arn:aws:iam::{}:server-certificate/shop", root.account));
    assert_eq!(metadata.server_certificate_id(), facts.server_certificate_id());
    assert_eq!(moved.certificate_body(), leaf.pem.trim());

    let tagging = iam.tag_server_certificate().server_certificate_name("shop").tags(tag("stage", "test"));
    tagging.send().await.granted();
    iam.untag_server_certificate().server_certificate_name("shop").tag_keys("TEAM").send().await.granted();
    let tags = iam.list_server_certificate_tags().server_certificate_name("shop").send().await.granted();
    assert_eq!(tags.tags(), [tag("stage", "test")]);

    let delete = |name: &str| iam.delete_server_certificate().server_certificate_name(name).send();
    delete("shop").await.granted();
    let missing = "The Server Certificate with name shop cannot be found.";
    assert_eq!(delete("shop").await.refused("NoSuchEntity"), missing);
    upload("shop").send().await.granted();
    assert!(get("shop").await.granted().server_certificate().is_some_and(|one| one.tags().len() == 1));
}

#[tokio::test]
async fn what_does_not_belong_together_is_refused_for_what_it_is() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let iam = world.root.iam(&broker);
    let authority = own("authority.example", world.now());
    let leaf = signed("www.example", world.now(), &authority);
    let (stranger, key) = (own("authority.example", world.now()), leaf.key());
    let upload = |body: &str, key: &str, chain: Option<&str>| {
        let upload = iam.upload_server_certificate().server_certificate_name("www").certificate_body(body);
        upload.private_key(key).set_certificate_chain(chain.map(str::to_owned)).send()
    };
    let unreadable = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
    let two = format!("{}{}", leaf.pem, authority.pem);
    let cut = leaf.pem.replacen("MII", "MIJ", 1);
    for body in ["nonsense", key.as_str(), two.as_str(), cut.as_str()] {
        assert_eq!(upload(body, &key, None).await.refused("MalformedCertificate"), unreadable, "{body}");
    }
    for wrong in ["nonsense", leaf.pem.as_str(), &key.replace("PRIVATE", "ENCRYPTED PRIVATE"), &key.repeat(2)] {
        let message = upload(&leaf.pem, wrong, None).await.refused("MalformedCertificate");
        assert_eq!(message, "Invalid Private Key.");
    }
    let message = upload(&leaf.pem, &stranger.key(), None).await.refused("KeyPairMismatch");
    assert!(!message.contains("BEGIN"), "{message}");
    for (chain, place) in [
        (stranger.pem.clone(), "-1"),
        (two, "-1"),
        ("nonsense".to_owned(), "-1"),
        (format!("{}{}", authority.pem, stranger.pem), "0"),
    ] {
        let message = upload(&leaf.pem, &key, Some(&chain)).await.refused("MalformedCertificate");
        assert!(
            message.ends_with(&format!("The index within the chain of the invalid certificate is: {place}")),
            "{message}"
        );
    }
    // Its time has not come, or has gone.
    for begins in [world.now().plus(1), world.now().plus(-3_601)] {
        let early = own("www.example", begins);
        upload(&early.pem, &early.key(), None).await.refused("MalformedCertificate");
    }
    let just = own("www.example", world.now().plus(-3_600));
    upload(&just.pem, &just.key(), None).await.granted();
    // What validation refuses is not quoted.
    let odd = iam.upload_server_certificate().server_certificate_name("odd").certificate_body(&leaf.pem);
    let message = odd.private_key(format!("{key}\u{1f512}")).send().await.refused("ValidationError");
    assert!(!message.contains("PRIVATE KEY"), "{message}");
    let name = iam.upload_server_certificate().server_certificate_name("two words").certificate_body(&leaf.pem);
    name.private_key(&key).send().await.refused("ValidationError");
    let twice = iam.upload_server_certificate().server_certificate_name("more").certificate_body(&leaf.pem);
    twice.private_key(&key).tags(tag("a", "")).tags(tag("A", "")).send().await.refused("InvalidInput");
}

#[tokio::test]
async fn an_account_holds_what_its_operator_allows_and_the_summary_tells() {
    let (world, broker) = World::begin_with(Backend::Sqlite, |config| config.quotas.server_certificates = 1).await;
    let root = world.root.at(&broker);
    let made = own("www.example", world.now());
    let upload = |name: &str| {
        let upload = root.iam.upload_server_certificate().server_certificate_name(name);
        upload.certificate_body(&made.pem).private_key(made.key()).send()
    };
    upload("one").await.granted();
    let message = upload("two").await.refused("LimitExceeded");
    assert_eq!(message, "Cannot exceed quota for ServerCertificatesPerAccount: 1");
    root.iam.upload_signing_certificate().certificate_body(&made.pem).send().await.granted();
    let summary = root.iam.get_account_summary().send().await.granted();
    let number = |name: &str| summary.summary_map().and_then(|map| map.get(&name.into()).copied());
    assert_eq!((number("ServerCertificates"), number("ServerCertificatesQuota")), (Some(1), Some(1)));
    assert_eq!(number("AccountSigningCertificatesPresent"), Some(1));
    root.iam.delete_server_certificate().server_certificate_name("one").send().await.granted();
    upload("two").await.granted();
}

#[tokio::test]
async fn pages_follow_the_order_of_names_below_a_path() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let made = own("www.example", world.now());
    for (name, path) in [("Zebra", "/farm/"), ("ant", "/farm/"), ("Bee", "/farm/north/"), ("cow", "/town/")] {
        let upload = root.iam.upload_server_certificate().server_certificate_name(name).path(path);
        upload.certificate_body(&made.pem).private_key(made.key()).send().await.granted();
    }
    let (mut seen, mut marker) = (Vec::new(), None);
    for _ in 0..3 {
        let list = root.iam.list_server_certificates().path_prefix("/farm/").max_items(1).set_marker(marker);
        let page = list.send().await.granted();
        assert_eq!(page.is_truncated(), page.marker().is_some());
        let names = page.server_certificate_metadata_list().iter().map(|one| one.server_certificate_name().to_owned());
        seen.extend(names);
        marker = page.marker().map(str::to_owned);
    }
    assert_eq!((seen, marker), (vec!["ant".to_owned(), "Bee".to_owned(), "Zebra".to_owned()], None));
    assert_eq!(root.iam.list_server_certificates().send().await.granted().server_certificate_metadata_list().len(), 4);
    // Another account sees and reaches none of them.
    let partner = world.another_account("partner").await;
    let there = partner.iam(&broker);
    assert!(there.list_server_certificates().send().await.granted().server_certificate_metadata_list().is_empty());
    there.get_server_certificate().server_certificate_name("ant").send().await.refused("NoSuchEntity");
    there.delete_server_certificate().server_certificate_name("ant").send().await.refused("NoSuchEntity");
}

#[tokio::test]
async fn paths_tags_and_both_names_decide_who_may_do_what() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let made = own("www.example", world.now());
    let farm = format!("arn:aws:iam::{}:server-certificate/farm/*", root.account);
    let alice = root.user_with("alice", &allow("iam:*", &farm)).await.iam(&broker);
    let upload = |iam: &aws_sdk_iam::Client, name: &str, path: &str| {
        let upload = iam.upload_server_certificate().server_certificate_name(name).path(path);
        upload.certificate_body(&made.pem).private_key(made.key())
    };
    upload(&alice, "inside", "/farm/").send().await.granted();
    upload(&alice, "outside", "/").send().await.refused("AccessDenied");
    alice.get_server_certificate().server_certificate_name("inside").send().await.granted();
    alice.get_server_certificate().server_certificate_name("ghost").send().await.refused("AccessDenied");
    alice.list_server_certificates().send().await.refused("AccessDenied");
    let update = || alice.update_server_certificate().server_certificate_name("inside");
    update().new_path("/town/").send().await.refused("AccessDenied");
    update().new_server_certificate_name("within").send().await.granted();
    upload(&root.iam, "outside", "/").send().await.granted();
    let take = alice.update_server_certificate().server_certificate_name("outside").new_path("/farm/");
    take.send().await.refused("AccessDenied");

    let crew = allow_if("iam:*", json!({ "StringEquals": { "aws:ResourceTag/team": "crew" } }));
    let bob = root.user_with("bob", &crew).await.iam(&broker);
    bob.get_server_certificate().server_certificate_name("within").send().await.refused("AccessDenied");
    let tagging = root.iam.tag_server_certificate().server_certificate_name("within").tags(tag("team", "crew"));
    tagging.send().await.granted();
    bob.get_server_certificate().server_certificate_name("within").send().await.granted();
    let labelled = allow_if("iam:*", json!({ "StringEquals": { "aws:RequestTag/stage": "test" } }));
    let carol = root.user_with("carol", &labelled).await.iam(&broker);
    upload(&carol, "labelled", "/").send().await.refused("AccessDenied");
    upload(&carol, "labelled", "/").tags(tag("stage", "test")).send().await.granted();
}
