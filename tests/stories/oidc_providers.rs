//! OpenID Connect providers: what they may be called, what they hold, and who may touch them.

use aws_sdk_iam::types::Tag;
use serde_json::json;

use crate::world::policies::{allow, document};
use crate::world::{Actor, Backend, Hand, Outcome, World};

on_both_stores! {
    a_provider_lives_from_its_making_to_its_deletion => whole_life;
    client_ids_added_at_once_are_all_there => at_once;
}

const THUMBPRINT: &str = "0123456789abcdef0123456789ABCDEF01234567";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("a tag")
}

fn keys(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(Tag::key).collect()
}

/// A provider; its ARN.
async fn provider(root: &Hand<'_>, url: &str) -> String {
    let made = root.iam.create_open_id_connect_provider().url(url).send().await.granted();
    made.open_id_connect_provider_arn().expect("an ARN").to_owned()
}

async fn clients(root: &Hand<'_>, arn: &str) -> Vec<String> {
    let found = root.iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await.granted();
    found.client_id_list().to_vec()
}

async fn listed(root: &Hand<'_>) -> Vec<String> {
    let all = root.iam.list_open_id_connect_providers().send().await.granted();
    all.open_id_connect_provider_list().iter().filter_map(|entry| entry.arn().map(str::to_owned)).collect()
}

async fn whole_life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let iam = &root.iam;
    assert!(listed(&root).await.is_empty());
    let create = || iam.create_open_id_connect_provider().url("https://Server.example.com/Tenant");
    let with = create().client_id_list("one").client_id_list("two").client_id_list("one");
    let made = with.thumbprint_list(THUMBPRINT).tags(tag("team", "b")).tags(tag("Cost", "a")).send().await.granted();
    let arn = format!("arn:aws:iam::{}:oidc-provider/Server.example.com/Tenant", root.account);
    assert_eq!(made.open_id_connect_provider_arn(), Some(arn.as_str()));
    assert_eq!(keys(made.tags()), ["Cost", "team"]);

    let get = || iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send();
    let found = get().await.granted();
    assert_eq!(found.url(), Some("Server.example.com/Tenant"));
    assert_eq!(found.client_id_list(), ["one", "two"]);
    assert_eq!(found.thumbprint_list(), [THUMBPRINT]);
    assert_eq!(found.create_date().expect("a date").secs(), world.now().seconds());
    assert_eq!(keys(found.tags()), ["Cost", "team"]);

    // One issuer is one provider, however it is written; another path is another issuer.
    let exists = create().send().await.refused("EntityAlreadyExists");
    assert_eq!(exists, "Provider with url https://Server.example.com/Tenant already exists.");
    let same = iam.create_open_id_connect_provider().url("https://SERVER.example.com/Tenant").send().await;
    same.refused("EntityAlreadyExists");
    let same = iam.create_open_id_connect_provider().url("https://server.example.com/tenant").send().await;
    same.refused("EntityAlreadyExists");
    let other = provider(&root, "https://server.example.com/tenant/").await;
    assert_eq!(listed(&root).await, [arn.clone(), other]);

    let add = |id: &str| {
        iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&arn).client_id(id).send()
    };
    let remove = |id: &str| {
        iam.remove_client_id_from_open_id_connect_provider().open_id_connect_provider_arn(&arn).client_id(id).send()
    };
    add("three").await.granted();
    add("one").await.granted();
    remove("two").await.granted();
    remove("nobody").await.granted();
    assert_eq!(clients(&root, &arn).await, ["one", "three"]);

    let update = || iam.update_open_id_connect_provider_thumbprint().open_id_connect_provider_arn(&arn);
    let (first, second) = ("a".repeat(40), "b".repeat(40));
    update().thumbprint_list(&first).thumbprint_list(&second).thumbprint_list("A".repeat(40)).send().await.granted();
    assert_eq!(get().await.granted().thumbprint_list(), [first, second]);

    let tagged = iam.tag_open_id_connect_provider().open_id_connect_provider_arn(&arn).tags(tag("TEAM", "c"));
    tagged.send().await.granted();
    let list = || iam.list_open_id_connect_provider_tags().open_id_connect_provider_arn(&arn);
    let page = list().max_items(1).send().await.granted();
    assert_eq!((keys(page.tags()), page.is_truncated()), (vec!["Cost"], true));
    let rest = list().set_marker(page.marker().map(str::to_owned)).send().await.granted();
    assert_eq!((keys(rest.tags()), rest.is_truncated()), (vec!["TEAM"], false));
    iam.untag_open_id_connect_provider().open_id_connect_provider_arn(&arn).tag_keys("cost").send().await.granted();
    assert_eq!(keys(list().send().await.granted().tags()), ["TEAM"]);

    // Deleting does not fail the second time; all else does.
    let delete = || iam.delete_open_id_connect_provider().open_id_connect_provider_arn(&arn).send();
    delete().await.granted();
    delete().await.granted();
    let missing = format!("OpenIDConnect Provider not found for arn {arn}");
    assert_eq!(get().await.refused("NoSuchEntity"), missing);
    assert_eq!(add("one").await.refused("NoSuchEntity"), missing);
    assert_eq!(remove("one").await.refused("NoSuchEntity"), missing);
    assert_eq!(update().thumbprint_list(THUMBPRINT).send().await.refused("NoSuchEntity"), missing);
    assert_eq!(list().send().await.refused("NoSuchEntity"), missing);
}

#[tokio::test]
async fn a_provider_is_named_and_filled_within_the_limits() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let iam = &root.iam;
    let create = |url: &str| iam.create_open_id_connect_provider().url(url);
    for wrong in [
        "server.example.com",
        "http://server.example.com",
        "https://",
        "https://server.example.com:8443",
        "https://server.example.com/?a=b",
        "https://server.example.com/#a",
        "https://me@server.example.com",
        "https://server.example.com/*",
        "https://*.example.com",
        "https://server.example.com/a/../b",
    ] {
        let refused = create(wrong).send().await.refused("ValidationError");
        assert_eq!(refused, "Invalid Open ID Connect Provider URL", "{wrong}");
    }
    create(&format!("https://{}", "x".repeat(248))).send().await.refused("ValidationError");
    assert!(listed(&root).await.is_empty());

    // Without thumbprints there are none, and nobody was asked for any.
    let arn = provider(&root, "https://nobody.invalid/").await;
    assert_eq!(arn, format!("arn:aws:iam::{}:oidc-provider/nobody.invalid/", root.account));
    let found = iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await.granted();
    assert!(found.thumbprint_list().is_empty() && found.client_id_list().is_empty() && found.tags().is_empty());

    let prints = |n: u8| Some((0..n).map(|n| format!("{n:040}")).collect::<Vec<_>>());
    let few = "Thumbprint list must contain fewer than 5 entries.";
    let create_with = |n: u8| create("https://prints.example.com").set_thumbprint_list(prints(n)).send();
    assert_eq!(create_with(6).await.refused("InvalidInput"), few);
    create_with(5).await.granted();
    let update = || iam.update_open_id_connect_provider_thumbprint().open_id_connect_provider_arn(&arn);
    assert_eq!(update().set_thumbprint_list(prints(6)).send().await.refused("InvalidInput"), few);
    update().thumbprint_list("x".repeat(40)).send().await.refused("InvalidInput");
    update().thumbprint_list("a".repeat(39)).send().await.refused("ValidationError");
    let empty = update().set_thumbprint_list(Some(Vec::new())).send().await;
    assert_eq!(empty.refused("InvalidInput"), "Thumbprint list must contain at least one entry.");
    update().set_thumbprint_list(prints(5)).send().await.granted();

    let ids = |n: u8| Some((0..n).map(|n| format!("client-{n}")).collect::<Vec<_>>());
    let full = "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100";
    let create_for = |n: u8| create("https://clients.example.com").set_client_id_list(ids(n)).send();
    assert_eq!(create_for(101).await.refused("LimitExceeded"), full);
    let made = create_for(100).await.granted();
    let crowded = made.open_id_connect_provider_arn().expect("an ARN");
    let add = |id: &str| {
        iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(crowded).client_id(id).send()
    };
    add("client-7").await.granted();
    assert_eq!(add("one-more").await.refused("LimitExceeded"), full);
    add(&"x".repeat(256)).await.refused("ValidationError");
    let twice = create("https://tags.example.com").tags(tag("k", "1")).tags(tag("K", "2")).send().await;
    twice.refused("InvalidInput");
    assert_eq!(listed(&root).await.len(), 3);
}

#[tokio::test]
async fn nobody_reaches_another_accounts_provider() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let other = partner.at(&broker);
    let arn = provider(&root, "https://server.example.com").await;
    let on = |who: &Hand<'_>| who.iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send();
    on(&other).await.refused("NoSuchEntity");
    let delete = |arn: &str| other.iam.delete_open_id_connect_provider().open_id_connect_provider_arn(arn).send();
    delete(&arn).await.refused("NoSuchEntity");
    let add = other.iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&arn).client_id("x");
    add.send().await.refused("NoSuchEntity");
    assert!(clients(&root, &arn).await.is_empty());

    // What is no provider's ARN, or one that is written otherwise, names none.
    let mine = provider(&other, "https://server.example.com").await;
    for wrong in [
        mine.replace("server", "SERVER"),
        mine.clone() + "/",
        mine.replace("oidc-provider/", "role/"),
        mine.replace(":iam:", ":sts:"),
        mine.replace(":aws:", ":aws-cn:"),
    ] {
        let get = other.iam.get_open_id_connect_provider().open_id_connect_provider_arn(&wrong).send();
        assert_eq!(get.await.code(), "NoSuchEntity", "{wrong}");
        let _ = delete(&wrong).await;
    }
    delete("x".repeat(30).as_str()).await.refused("InvalidInput");
    assert_eq!(listed(&other).await, [mine]);
}

#[tokio::test]
async fn providers_are_reached_by_name_and_by_tag() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let mine = format!("arn:aws:iam::{}:oidc-provider/mine.example.com/*", root.account);
    let alice = root.user_with("alice", &allow("iam:*OpenIDConnectProvider*", &mine)).await.iam(&broker);
    let create = |url: &str| alice.create_open_id_connect_provider().url(url).send();
    create("https://mine.example.com/a").await.granted();
    for other in [
        "https://mine.example.com",
        "https://mine.example.com.evil.org/",
        "https://other.example.com/mine.example.com/",
    ] {
        create(other).await.refused("AccessDenied");
    }
    // A list is about all.
    alice.list_open_id_connect_providers().send().await.refused("AccessDenied");

    let red = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*",
        "Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}}"#;
    let bob = root.user_with("bob", red).await.iam(&broker);
    let blue = provider(&root, "https://blue.example.com").await;
    let get = || bob.get_open_id_connect_provider().open_id_connect_provider_arn(&blue).send();
    get().await.refused("AccessDenied");
    // He cannot make it his own by tagging it.
    let tag_it = bob.tag_open_id_connect_provider().open_id_connect_provider_arn(&blue).tags(tag("team", "red"));
    tag_it.send().await.refused("AccessDenied");
    let tag_it = root.iam.tag_open_id_connect_provider().open_id_connect_provider_arn(&blue).tags(tag("team", "red"));
    tag_it.send().await.granted();
    get().await.granted();
}

#[tokio::test]
async fn a_role_may_trust_a_provider_that_is_not_there_and_nothing_that_is_none() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let trust = |federated: &str| {
        let statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": { "Federated": ["accounts.google.com", federated] } });
        document([statement])
    };
    let create = |name: String, federated: &str| {
        root.iam.create_role().role_name(name).assume_role_policy_document(trust(federated)).send()
    };
    let arn = format!("arn:aws:iam::{}:oidc-provider/nobody.example.com/x", root.account);
    let saml = format!("arn:aws:iam::{}:saml-provider/nobody", root.account);
    for (n, right) in
        [arn.as_str(), &saml, "cognito-identity.amazonaws.com", "id.example.com/tenant"].iter().enumerate()
    {
        create(format!("role-{n}"), right).await.granted();
    }
    let sentence = "Federated principals must be valid domain names or SAML metadata ARNs";
    let role = format!("arn:aws:iam::{}:role/role-0", root.account);
    for wrong in ["nobody", "https://id.example.com", "id_example.com", &role, "arn:aws:iam"] {
        assert_eq!(create("other".to_owned(), wrong).await.refused("MalformedPolicyDocument"), sentence, "{wrong}");
        let update = root.iam.update_assume_role_policy().role_name("role-0").policy_document(trust(wrong));
        update.send().await.refused("MalformedPolicyDocument");
    }
}

async fn at_once(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (left, right) = (world.root.at(&here), world.root.at(&there));
    let arn = provider(&left, "https://server.example.com").await;
    let add = |who: &Hand<'_>, id: String| {
        who.iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&arn).client_id(id).send()
    };
    for round in 0..5 {
        let (one, two) = tokio::join!(add(&left, format!("left-{round}")), add(&right, format!("right-{round}")));
        one.granted();
        two.granted();
    }
    assert_eq!(clients(&left, &arn).await.len(), 10);
}
