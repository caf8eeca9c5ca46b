//! Whoever merely sees a session token can do nothing with it. It travels in the clear to every service that its holder calls, so
//! here somebody has it, and tries everything that it could be good for.

use std::collections::BTreeSet;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::Value;

use crate::world::policies::{allow, trust};
use crate::world::raw::{call, get};
use crate::world::{Actor, Backend, Keys, Outcome, Running, Session, World};

/// A powerful session, its token, and its access key id, which stands in the token.
async fn seen(world: &World, at: &Running) -> (Keys, Value, Value) {
    let root = world.root.at(at);
    let alice = root.user_with("alice", &allow("*", "*")).await;
    let may = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    let role = root.role("admin", &trust(&root.account.to_string(), &may, None), &allow("*", "*")).await;
    let tag = aws_sdk_sts::types::Tag::builder().key("team").value("blue").build().expect("a tag");
    let assume =
        alice.sts(at).assume_role().role_arn(role).role_session_name("work").source_identity("alice").tags(tag);
    let answer = assume.send().await.granted();
    let keys = Session::of(answer.credentials()).keys;
    let part = |at: usize| {
        let text = keys.token.as_deref().and_then(|token| token.split('.').nth(at)).expect("three parts");
        serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).expect("base64url")).expect("JSON")
    };
    let (header, claims) = (part(0), part(1));
    (keys, header, claims)
}

/// Every text and number in a document, member names too.
fn values(json: &Value, into: &mut BTreeSet<String>) {
    match json {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            into.insert(name.clone());
            values(value, into);
        }),
        Value::Array(items) => items.iter().for_each(|value| values(value, into)),
        Value::String(text) => drop(into.insert(text.clone())),
        Value::Null => {}
        other => drop(into.insert(other.to_string())),
    }
}

/// What one might try as the secret, given something that one has seen.
fn guesses(seen: &str) -> Vec<String> {
    let digest = ring::digest::digest(&ring::digest::SHA256, seen.as_bytes());
    let mut all = vec![
        seen.to_owned(),
        seen.chars().take(40).collect(),
        BASE64.encode(seen.as_bytes()),
        HEXLOWER.encode(digest.as_ref()),
        BASE64.encode(digest.as_ref()),
        BASE64.encode(&digest.as_ref()[..30]),
        BASE64URL_NOPAD.encode(digest.as_ref()),
    ];
    if let Ok(bytes) = BASE64URL_NOPAD.decode(seen.as_bytes()) {
        all.push(BASE64.encode(&bytes));
        all.push(HEXLOWER.encode(&bytes));
        all.push(BASE64.encode(ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref()));
    }
    all.retain(|guess| !guess.is_empty());
    all
}

const WHO: [(&str, &str); 1] = [("Action", "GetCallerIdentity")];

#[tokio::test]
async fn nothing_that_a_token_says_is_its_secret() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (keys, header, claims) = seen(&world, &broker).await;
    assert_eq!(call(&broker, Some(&Holder(keys.clone())), "sts", &WHO).await.status, 200, "its holder can use it");
    let token = keys.token.clone().expect("a token");
    let mut words = BTreeSet::from([token.clone()]);
    values(&header, &mut words);
    values(&claims, &mut words);
    words.extend(token.split('.').map(str::to_owned));
    // The public keys are known to everybody.
    values(&get(&broker, "/.well-known/jwks.json").await.json(), &mut words);
    // Nor is it one value keyed with another, or beside it.
    let short: Vec<String> = words.iter().filter(|word| word.len() < 64).cloned().collect();
    let mut tried = 0;
    for word in &words {
        for guess in guesses(word) {
            tried += 1;
            let thief = Holder(Keys { secret: guess.clone(), ..keys.clone() });
            let answer = call(&broker, Some(&thief), "sts", &WHO).await;
            assert_eq!(answer.code(), "SignatureDoesNotMatch", "{guess}: {answer:?}");
        }
    }
    for one in ["jti", "cnf", "uid"] {
        let text = claims[one].as_str().or(claims[one]["kid"].as_str()).unwrap_or_default();
        for other in &short {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, other.as_bytes());
            let tag = ring::hmac::sign(&key, text.as_bytes());
            for guess in [BASE64.encode(&tag.as_ref()[..30]), HEXLOWER.encode(tag.as_ref()), format!("{text}{other}")] {
                tried += 1;
                let thief = Holder(Keys { secret: guess.clone(), ..keys.clone() });
                let answer = call(&broker, Some(&thief), "sts", &WHO).await;
                assert_eq!(answer.code(), "SignatureDoesNotMatch", "{guess}: {answer:?}");
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

#[tokio::test]
async fn a_seen_token_signs_for_nobody_else() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (keys, _, _) = seen(&world, &broker).await;
    let root = world.root.at(&broker);
    let mallory = root.user("mallory").await;
    let partner = world.another_account("partner").await;
    let own = Session::of(mallory.sts(&broker).get_session_token().send().await.granted().credentials());
    let foreign = partner.at(&broker).user("eve").await;
    // One's own keys of every kind, with the token that one has seen.
    for thief in [&mallory.keys, &own.keys, &partner.keys, &foreign.keys] {
        let with = Holder(Keys { token: keys.token.clone(), ..thief.clone() });
        assert_eq!(call(&broker, Some(&with), "sts", &WHO).await.code(), "InvalidClientTokenId");
        // And one's own secret under the session's name.
        let under = Holder(Keys { secret: thief.secret.clone(), ..keys.clone() });
        assert_eq!(call(&broker, Some(&under), "sts", &WHO).await.code(), "SignatureDoesNotMatch");
    }
    // A broker of another key ring does not know it at all, whoever signs.
    let (elsewhere, other) = World::begin(Backend::Sqlite).await;
    drop(elsewhere);
    assert_eq!(call(&other, Some(&Holder(keys.clone())), "sts", &WHO).await.code(), "InvalidClientTokenId");
}

/// As a bearer token, as a web identity, in the query: at every door there is.
#[tokio::test]
async fn a_seen_token_opens_no_door_by_itself() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (keys, _, claims) = seen(&world, &broker).await;
    let token = keys.token.clone().expect("a token");
    let arn = claims["sub"].as_str().expect("its ARN").to_owned();
    let client = reqwest::Client::new();
    let question = serde_json::json!({
        "subject": { "type": "user", "id": arn }, "action": { "name": "s3:GetObject" },
        "resource": { "type": "object", "id": "arn:aws:s3:::b/k" },
    });
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let doors = [
        ("/", form.to_owned(), "application/x-www-form-urlencoded"),
        ("/access/v1/evaluation", question.to_string(), "application/json"),
        ("/sessions/v1/revoke", "{}".to_owned(), "application/json"),
    ];
    for (path, body, kind) in doors {
        for (name, value) in [
            ("authorization", format!("Bearer {token}")),
            ("authorization", format!("bearer {token}")),
            ("authorization", token.clone()),
            ("x-amz-security-token", token.clone()),
            ("cookie", format!("token={token}")),
        ] {
            let request = client.post(format!("{}{path}", broker.url)).header("content-type", kind);
            let answer = request.header(name, value).body(body.clone()).send().await.expect("an answer");
            assert!(matches!(answer.status().as_u16(), 400..=404), "{path} {name}: {}", answer.status());
            let text = answer.text().await.expect("a body");
            assert!(!text.contains(&arn) && !text.contains("decision\":true"), "{path} {name}: {text}");
        }
        let escaped: String =
            percent_encoding::utf8_percent_encode(&token, percent_encoding::NON_ALPHANUMERIC).collect();
        for parameter in ["X-Amz-Security-Token", "access_token", "token"] {
            let url = format!("{}{path}?{parameter}={escaped}&{form}", broker.url);
            let answer = client.get(url).send().await.expect("an answer");
            assert!(matches!(answer.status().as_u16(), 400..=405), "{path}?{parameter}: {}", answer.status());
        }
    }
    // The broker is no identity provider to itself: neither with this token nor with an audience-bound one.
    let role =
        claims["sub"].as_str().map(|_| format!("arn:aws:iam::{}:role/admin", world.root.account)).expect("a role");
    let exchange = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("RoleArn", role.as_str()),
        ("RoleSessionName", "thief"),
        ("WebIdentityToken", token.as_str()),
    ];
    let answer = call(&broker, None, "sts", &exchange).await;
    assert!(answer.status != 200 && !answer.body.contains("SecretAccessKey"), "{answer:?}");
}

/// Somebody with these keys.
struct Holder(Keys);

impl Actor for Holder {
    fn keys(&self) -> &Keys {
        &self.0
    }
}
