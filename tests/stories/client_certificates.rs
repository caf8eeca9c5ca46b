//! Services that ask with a client certificate in place of a signature: whom it is of, and when it is of nobody.

use std::path::PathBuf;

use rcgen::ExtendedKeyUsagePurpose;
use serde_json::{Value, json};

use crate::world::follow::certified;
use crate::world::mutual_tls::{Authority, Client, Shown};
use crate::world::policies::{allow, allow_if, trust};
use crate::world::raw::post;
use crate::world::{Actor, Backend, Outcome, Running, World};

/// A fleet of two: one that the SDK talks to, and one that speaks TLS.
struct Fleet {
    world: World,
    plain: Running,
    tls: Running,
    ca: PathBuf,
    authority: Authority,
}

impl Fleet {
    async fn begin() -> Self {
        let (mut world, plain) = World::begin(Backend::Sqlite).await;
        let authority = Authority::new("services");
        let (tls, ca) = world.another_with_tls(&authority).await;
        Self { world, plain, tls, ca, authority }
    }

    /// A certificate of `arn` that has just been made.
    fn shown(&self, arn: &str) -> Shown {
        self.authority.client(&[arn], self.world.now())
    }

    fn client(&self, shown: Option<&Shown>) -> Client {
        Client::new(&self.tls, &self.ca, shown)
    }

    /// The status with which a question is answered that is asked with this certificate, and what it says.
    async fn ask(&self, shown: Option<&Shown>, question: &Value) -> (u16, Value) {
        self.tls.settled().await;
        let answer = self.client(shown).ask(question).await;
        (answer.status, answer.json())
    }
}

fn about(arn: &str) -> Value {
    json!({
        "subject": { "type": "user", "id": arn },
        "action": { "name": "reports:Read" },
        "resource": { "type": "report", "id": "arn:aws:reports:::q3" },
    })
}

#[tokio::test]
async fn a_certificate_names_the_user_or_role_that_asks() {
    let fleet = Fleet::begin().await;
    let root = fleet.world.root.at(&fleet.plain);
    let alice = root.user_with("alice", &allow("reports:*", "*")).await;
    let question = about(&alice.arn);
    let service = root.user_with("service", &allow("brevet:Evaluate", &alice.arn)).await;
    let account = fleet.world.root.account.to_string();
    let trusted = trust(&account, &["sts:AssumeRole"], None);
    let role = root.role("gateway", &trusted, &allow("brevet:Evaluate", "*")).await;
    for asker in [&service.arn, &role] {
        let (status, answer) = fleet.ask(Some(&fleet.shown(asker)), &question).await;
        assert_eq!((status, &answer["decision"]), (200, &json!(true)), "{answer}");
    }
    // The permission is the user's own: another of the account may not ask.
    let (status, answer) = fleet.ask(Some(&fleet.shown(&alice.arn)), &question).await;
    assert_eq!(status, 403, "{answer}");
    let told = answer["error"].as_str().expect("a sentence");
    assert!(told.contains(&alice.arn) && told.contains("brevet:Evaluate"), "{told}");
    assert_eq!(fleet.ask(None, &question).await.0, 401);
}

#[tokio::test]
async fn a_refusal_is_recorded_with_the_certificate() {
    let fleet = Fleet::begin().await;
    let root = fleet.world.root.at(&fleet.plain);
    let alice = root.user("alice").await;
    let account = fleet.world.root.account.to_string();
    let role = root.role("gateway", &trust(&account, &["sts:AssumeRole"], None), "").await;
    for (asker, kind) in [(&alice.arn, "IAMUser"), (&role, "Role")] {
        let shown = fleet.shown(asker);
        assert_eq!(fleet.ask(Some(&shown), &about(&alice.arn)).await.0, 403);
        let pem = shown.certificate.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let der = data_encoding::BASE64.decode(pem.as_bytes()).expect("Base64");
        let print = data_encoding::HEXLOWER.encode(&brevet::crypto::hash::sha256(&der));
        let recorded = async || {
            let trail = fleet.world.trail("Evaluate").await;
            trail.lines().any(|line| {
                let record: Value = serde_json::from_str(line).expect("JSON");
                let by = &record["userIdentity"];
                record["additionalEventData"]["clientCertificateSha256"] == json!(print)
                    && by["type"] == json!(kind)
                    && by["arn"] == json!(asker)
                    && by.get("accessKeyId").is_none()
                    && record["errorCode"] == "AccessDenied"
            })
        };
        crate::world::within_a_second("the refusal is recorded", recorded).await;
    }
}

#[tokio::test]
async fn policies_see_the_user_behind_a_certificate() {
    let fleet = Fleet::begin().await;
    let root = fleet.world.root.at(&fleet.plain);
    let alice = root.user("alice").await;
    for (condition, holds) in [
        (json!({ "StringEquals": { "aws:username": "service" } }), true),
        (json!({ "Bool": { "aws:SecureTransport": "true" } }), true),
        (json!({ "IpAddress": { "aws:SourceIp": "127.0.0.1" } }), true),
        (json!({ "StringEquals": { "aws:RequestedRegion": "us-east-1" } }), true),
        (json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }), false),
        (json!({ "Null": { "aws:TokenIssueTime": "false" } }), false),
    ] {
        let service = root.user_with("service", &allow_if("brevet:Evaluate", condition.clone())).await;
        let (status, answer) = fleet.ask(Some(&fleet.shown(&service.arn)), &about(&alice.arn)).await;
        assert_eq!(status == 200, holds, "{condition}: {answer}");
        root.iam.delete_user_policy().user_name("service").policy_name("own").send().await.granted();
        let key = root.iam.delete_access_key().user_name("service").access_key_id(&service.keys.id);
        key.send().await.granted();
        root.iam.delete_user().user_name("service").send().await.granted();
    }
}

#[tokio::test]
async fn a_certificate_that_names_nobody_is_refused_with_the_reason() {
    let fleet = Fleet::begin().await;
    let root = fleet.world.root.at(&fleet.plain);
    let alice = root.user_with("alice", &allow("brevet:Evaluate", "*")).await;
    let (arn, now) = (alice.arn.as_str(), fleet.world.now());
    let ghost = arn.replace("alice", "ghost");
    let account = fleet.world.root.account;
    let owner = format!("arn:aws:iam::{account}:root");
    let session = format!("arn:aws:sts::{account}:assumed-role/gateway/x");
    for (uris, reason) in [
        (vec![], "one URI"),
        (vec![arn, arn], "one URI"),
        (vec![arn, "spiffe://example/ns/service"], "one URI"),
        (vec!["spiffe://example/ns/service"], "must be the ARN"),
        (vec![&owner], "must be the ARN"),
        (vec![&session], "must be the ARN"),
        (vec![&arn.replace("arn:aws:", "arn:aws-cn:")], "must be the ARN"),
        (vec![&arn.replace("iam::", "iam:us-east-1:")], "must be the ARN"),
        (vec![&arn.replace("user/alice", "user/*")], "must be the ARN"),
        (vec![&arn.replace("user/alice", "group/alice")], "must be the ARN"),
        (vec![&arn.replace("user/alice", "user/division/alice")], "no user or role"),
        (vec![&arn.replace("alice", "ALICE")], "no user or role"),
        (vec![&arn.replace("user/alice", "role/alice")], "no user or role"),
        (vec![&arn.replace(&account.to_string(), "999999999999")], "no user or role"),
        (vec![&ghost], "no user or role"),
    ] {
        let shown = fleet.authority.client(&uris, now);
        let (status, answer) = fleet.ask(Some(&shown), &about(arn)).await;
        let told = answer["error"].as_str().unwrap_or_default();
        assert!(status == 401 && told.starts_with("client certificate: ") && told.contains(reason), "{uris:?}: {told}");
    }
    assert_eq!(fleet.ask(Some(&fleet.shown(arn)), &about(arn)).await.0, 200);
}

#[tokio::test]
async fn who_is_not_vouched_for_does_not_even_connect() {
    let fleet = Fleet::begin().await;
    let root = fleet.world.root.at(&fleet.plain);
    let alice = root.user_with("alice", &allow("brevet:Evaluate", "*")).await;
    let (arn, now) = (alice.arn.as_str(), fleet.world.now());
    let stranger = Authority::new("services");
    for (shown, what) in [
        (stranger.client(&[arn], now), "another authority of the same name"),
        (fleet.authority.client(&[arn], now.plus(60)), "not valid yet"),
        (fleet.authority.client(&[arn], now.plus(-3_601)), "expired"),
        (fleet.authority.client_of(&[arn], now, ExtendedKeyUsagePurpose::ServerAuth), "a server's"),
    ] {
        let client = fleet.client(Some(&shown));
        let asked = client.post("/access/v1/evaluation", "application/json", &about(arn).to_string()).await;
        assert!(asked.is_err(), "{what}: {asked:?}");
    }
    // Who shows none connects, and is served where no credentials are needed.
    let client = fleet.client(None);
    let keys = client.http.get(format!("{}/.well-known/jwks.json", client.url)).send().await.expect("an answer");
    assert_eq!(keys.status(), 200);
}

/// A connection outlives what was true when it began: each request is looked at anew.
#[tokio::test]
async fn a_connection_outlives_neither_its_certificate_nor_its_user() {
    let fleet = Fleet::begin().await;
    let root = fleet.world.root.at(&fleet.plain);
    let alice = root.user("alice").await;
    let question = about(&alice.arn);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let expires = fleet.client(Some(&fleet.shown(&service.arn)));
    fleet.tls.settled().await;
    assert_eq!(expires.ask(&question).await.status, 200);
    fleet.world.advance(3_600);
    assert_eq!(expires.ask(&question).await.status, 200, "the last second counts");
    fleet.world.advance(1);
    let answer = expires.ask(&question).await;
    assert!(answer.status == 401 && answer.body.contains("not valid at present"), "{answer:?}");

    let deleted = fleet.client(Some(&fleet.shown(&service.arn)));
    assert_eq!(deleted.ask(&question).await.status, 200);
    root.iam.delete_user_policy().user_name("service").policy_name("own").send().await.granted();
    let key = root.iam.delete_access_key().user_name("service").access_key_id(&service.keys.id);
    key.send().await.granted();
    root.iam.delete_user().user_name("service").send().await.granted();
    fleet.tls.settled().await;
    let answer = deleted.ask(&question).await;
    assert!(answer.status == 401 && answer.body.contains("no user or role"), "{answer:?}");
}

#[tokio::test]
async fn revoking_a_user_reaches_certificates_made_before() {
    let fleet = Fleet::begin().await;
    let root = fleet.world.root.at(&fleet.plain);
    let alice = root.user("alice").await;
    let question = about(&alice.arn);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let old = fleet.shown(&service.arn);
    assert_eq!(fleet.ask(Some(&old), &question).await.0, 200);
    let what = json!({ "principal": service.arn }).to_string();
    let revoked =
        post(&fleet.plain, "/sessions/v1/revoke", "application/json", &what, Some((&fleet.world.root, "brevet")));
    assert_eq!(revoked.await.status, 200);
    let (status, answer) = fleet.ask(Some(&old), &question).await;
    assert!(status == 401 && answer["error"].as_str().is_some_and(|told| told.contains("revoked")), "{answer}");
    fleet.world.advance(1);
    assert_eq!(fleet.ask(Some(&fleet.shown(&service.arn)), &question).await.0, 200);
}

/// Whoever follows signs in once: its certificate is looked at all along.
#[tokio::test]
async fn a_stream_ends_with_its_certificate() {
    let fleet = Fleet::begin().await;
    let root = fleet.world.root.at(&fleet.plain);
    let service = root.user_with("service", &allow("brevet:FollowChanges", "*")).await;
    let follow = async || {
        fleet.tls.settled().await;
        certified(&fleet.client(Some(&fleet.shown(&service.arn)))).await
    };
    let mut stream = follow().await;
    fleet.world.advance(3_600);
    stream.through().await;
    stream.through().await;
    fleet.world.advance(1);
    assert_eq!(stream.end().await, "expired");

    let mut stream = follow().await;
    let what = json!({ "principal": service.arn }).to_string();
    let revoked =
        post(&fleet.plain, "/sessions/v1/revoke", "application/json", &what, Some((&fleet.world.root, "brevet")));
    assert_eq!(revoked.await.status, 200);
    assert_eq!(stream.end().await, "revoked");

    fleet.world.advance(1);
    let mut stream = follow().await;
    root.iam.update_user().user_name("service").new_path("/moved/").send().await.granted();
    assert_eq!(stream.end().await, "revoked", "its ARN is nobody's any more");
}

/// A certificate asks questions and nothing else; and who comes with other credentials is taken by those.
#[tokio::test]
async fn a_certificate_opens_no_other_door() {
    let fleet = Fleet::begin().await;
    let root = fleet.world.root.at(&fleet.plain);
    let admin = root.user_with("admin", &allow("*", "*")).await;
    let client = fleet.client(Some(&fleet.shown(&admin.arn)));
    fleet.tls.settled().await;
    assert_eq!(client.ask(&about(&admin.arn)).await.status, 200);
    let form = "application/x-www-form-urlencoded";
    for (path, kind, body) in [
        ("/", form, "Action=GetCallerIdentity&Version=2011-06-15"),
        ("/", form, "Action=GetSessionToken&Version=2011-06-15"),
        ("/", form, "Action=ListUsers&Version=2010-05-08"),
        ("/sessions/v1/revoke", "application/json", "{\"ownSession\":true}"),
    ] {
        let answer = client.post(path, kind, body).await.expect("an answer");
        assert!(matches!(answer.status, 401 | 403), "{path} {body}: {answer:?}");
        assert!(answer.body.contains("MissingAuthenticationToken"), "{answer:?}");
    }
    for authorization in ["AWS4-HMAC-SHA256 Credential=x", "Bearer x", "Basic eA==", ""] {
        let request = client.http.post(format!("{}/access/v1/evaluation", client.url));
        let request = request.header("content-type", "application/json").header("authorization", authorization);
        let answer = request.body(about(&admin.arn).to_string()).send().await.expect("an answer");
        assert_eq!(answer.status(), 401, "{authorization}");
    }
    assert_eq!(admin.keys().token, None);
}

#[tokio::test]
async fn a_broker_does_not_start_with_authorities_that_are_none() {
    let fleet = Fleet::begin().await;
    let Fleet { mut world, .. } = fleet;
    let file = world.folder.path().join("none.pem");
    world.config.server.client_authorities = Some(file.clone());
    let told = world.another_broker_fails().await;
    assert!(told.starts_with("TLS: ") && told.contains("none.pem"), "{told}");
    for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, text).expect("written");
        let told = world.another_broker_fails().await;
        assert!(told.starts_with("TLS: ") && told.contains("none.pem"), "{told}");
    }
}
