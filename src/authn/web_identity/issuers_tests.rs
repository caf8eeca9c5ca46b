use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::*;
use crate::crypto::alg::SigningAlg;
use crate::crypto::signing_key::SigningKey;

const LIFETIME: i64 = 3_600;
const NOW: Timestamp = Timestamp(1_800_000_000);

/// An issuer whose key set a test changes, and whose visitors it counts.
#[derive(Default)]
struct Issuer {
    asked: AtomicUsize,
    kids: Mutex<Option<Vec<&'static str>>>,
    /// Answers only when told to.
    gate: Option<Notify>,
}

#[async_trait]
impl Source for Issuer {
    async fn keys(&self, _issuer: &OidcIssuer, _thumbprints: &[String]) -> Result<IssuerKeys, FetchError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        let kids = self.kids.lock().unwrap().clone();
        let kids = kids.ok_or_else(|| FetchError::Unreachable("down".to_owned()))?;
        let keys: Vec<Value> = kids.into_iter().map(jwk).collect();
        IssuerKeys::parse(json!({ "keys": keys }).to_string().as_bytes()).map_err(FetchError::Keys)
    }
}

fn jwk(kid: &str) -> Value {
    let document = SigningKey::generate(SigningAlg::EdDsa).unwrap();
    let mut key = serde_json::to_value(SigningKey::from_pkcs8(SigningAlg::EdDsa, &document).unwrap().jwk()).unwrap();
    key["kid"] = json!(kid);
    key
}

fn with(kids: Option<Vec<&'static str>>) -> (Arc<Issuer>, Issuers) {
    let source = Arc::new(Issuer { kids: Mutex::new(kids), ..Issuer::default() });
    let issuers = Issuers::new(Arc::<Issuer>::clone(&source), LIFETIME);
    (source, issuers)
}

impl Issuer {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn now_has(&self, kids: Option<Vec<&'static str>>) {
        *self.kids.lock().unwrap() = kids;
    }
}

async fn ask(issuers: &Issuers, kid: &str, now: Timestamp) -> Result<bool, FetchError> {
    let issuer = "idp.example".parse().unwrap();
    let account = "111122223333".parse().unwrap();
    issuers.keys(account, &issuer, &[], Some(kid), now).await.map(|keys| keys.has(Some(kid)))
}

#[tokio::test]
async fn keys_are_kept_for_their_lifetime() {
    let (source, issuers) = with(Some(vec!["a"]));
    assert_eq!(ask(&issuers, "a", NOW).await, Ok(true));
    assert_eq!(ask(&issuers, "a", NOW.plus(LIFETIME - 1)).await, Ok(true));
    assert_eq!(source.asked(), 1);
    source.now_has(Some(vec!["b"]));
    assert_eq!(ask(&issuers, "a", NOW.plus(LIFETIME)).await, Ok(false), "withdrawn");
    assert_eq!(source.asked(), 2);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_asked_for_and_not_too_often() {
    let (source, issuers) = with(Some(vec!["a"]));
    assert_eq!(ask(&issuers, "a", NOW).await, Ok(true));
    source.now_has(Some(vec!["a", "b"]));
    assert_eq!(ask(&issuers, "b", NOW.plus(PAUSE)).await, Ok(true), "the issuer has a new key");
    assert_eq!(source.asked(), 2);
    for number in 0..100 {
        assert_eq!(ask(&issuers, &format!("made up {number}"), NOW.plus(PAUSE + number % 10)).await, Ok(false));
    }
    assert_eq!(source.asked(), 2, "whoever makes up key ids does not make the broker ask");
    assert_eq!(ask(&issuers, "a", NOW.plus(PAUSE + 1)).await, Ok(true));
}

#[tokio::test]
async fn an_issuer_that_is_down_is_left_alone_for_a_while() {
    let (source, issuers) = with(None);
    for _ in 0..10 {
        assert_eq!(ask(&issuers, "a", NOW).await, Err(FetchError::Unreachable("down".to_owned())));
    }
    assert_eq!(source.asked(), 1);
    source.now_has(Some(vec!["a"]));
    assert!(ask(&issuers, "a", NOW.plus(PAUSE - 1)).await.is_err());
    assert_eq!(ask(&issuers, "a", NOW.plus(PAUSE)).await, Ok(true));
}

#[tokio::test]
async fn old_keys_bridge_a_failure_that_does_not_last() {
    let (source, issuers) = with(Some(vec!["a"]));
    assert_eq!(ask(&issuers, "a", NOW).await, Ok(true));
    source.now_has(None);
    assert_eq!(ask(&issuers, "a", NOW.plus(LIFETIME)).await, Ok(true));
    assert_eq!(ask(&issuers, "a", NOW.plus(LIFETIME + GRACE - 1)).await, Ok(true));
    assert!(ask(&issuers, "a", NOW.plus(LIFETIME + GRACE)).await.is_err());
    assert!(ask(&issuers, "a", NOW.plus(LIFETIME + GRACE + 1)).await.is_err());
    assert_eq!(source.asked(), 3, "the last two came right after one another");
}

#[tokio::test]
async fn who_waits_waits_for_one_fetch_and_hanging_up_does_not_end_it() {
    let source = Arc::new(Issuer { gate: Some(Notify::new()), kids: Mutex::new(Some(vec!["a"])), ..Issuer::default() });
    let issuers = Arc::new(Issuers::new(Arc::<Issuer>::clone(&source), LIFETIME));
    let visitor = |issuers: Arc<Issuers>| tokio::spawn(async move { ask(&issuers, "a", NOW).await });
    let first = visitor(Arc::clone(&issuers));
    while source.asked() == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..10).map(|_| visitor(Arc::clone(&issuers))).collect();
    tokio::task::yield_now().await;
    first.abort();
    source.gate.as_ref().unwrap().notify_one();
    for other in others {
        assert_eq!(other.await.unwrap(), Ok(true));
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn what_thumbprints_let_in_is_kept_apart() {
    let (source, issuers) = with(Some(vec!["a"]));
    let issuer = "idp.example".parse().unwrap();
    let account = "111122223333".parse().unwrap();
    let (one, other) = ("A".repeat(40), "b".repeat(40));
    for (thumbprints, asked) in [
        (vec![], 1),
        (vec![one.clone()], 2),
        (vec![one.clone(), other.clone()], 3),
        (vec![other, one.to_ascii_lowercase()], 3),
        (vec![], 3),
    ] {
        issuers.keys(account, &issuer, &thumbprints, Some("a"), NOW).await.unwrap();
        assert_eq!(source.asked(), asked);
    }
}

#[tokio::test]
async fn one_account_does_not_keep_all_the_others_waiting() {
    let source = Arc::new(Issuer { gate: Some(Notify::new()), kids: Mutex::new(Some(vec!["a"])), ..Issuer::default() });
    let issuers = Arc::new(Issuers::new(Arc::<Issuer>::clone(&source), LIFETIME));
    let visit = |account: &str, number: usize| {
        let (issuers, account) = (Arc::clone(&issuers), account.parse().unwrap());
        let issuer: OidcIssuer = format!("slow{number}.example").parse().unwrap();
        tokio::spawn(async move { issuers.keys(account, &issuer, &[], None, NOW).await.map(drop) })
    };
    let slow: Vec<_> = (0..AT_ONCE_FOR_ONE).map(|number| visit("111122223333", number)).collect();
    while source.asked() < AT_ONCE_FOR_ONE {
        tokio::task::yield_now().await;
    }
    assert_eq!(visit("111122223333", 100).await.unwrap(), Err(FetchError::Busy));
    let other = visit("444455556666", 200);
    while source.asked() <= AT_ONCE_FOR_ONE {
        tokio::task::yield_now().await;
    }
    for _ in 0..=AT_ONCE_FOR_ONE {
        source.gate.as_ref().unwrap().notify_one();
        tokio::task::yield_now().await;
    }
    while !other.is_finished() || slow.iter().any(|one| !one.is_finished()) {
        source.gate.as_ref().unwrap().notify_one();
        tokio::task::yield_now().await;
    }
    assert_eq!(visit("111122223333", 0).await.unwrap(), Ok(()));
}
