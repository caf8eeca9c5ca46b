use serde_json::{Value, json};

use super::*;
use crate::clock::SystemRandom;
use crate::crypto::jwt::{Typ, peek_header, verify};
use crate::session::key_ring::{KeyRing, RingKey};
use crate::session::material::RingKeyMaterial;
use crate::session::test_ring::{ISSUER, NOW, minted, ring};
use crate::session::{SESSION_TYP, SessionError, open};

const ALGORITHMS: [SigningAlg; 3] = [SigningAlg::Es384, SigningAlg::Es256, SigningAlg::EdDsa];

fn keys() -> IdentityKeys {
    let ring = |algorithm| {
        let material = RingKeyMaterial::generate(algorithm, &SystemRandom).unwrap();
        KeyRing::new(ISSUER, vec![RingKey::new(algorithm, &material, NOW, NOW, None).unwrap()]).unwrap()
    };
    IdentityKeys::new(ALGORITHMS.map(|algorithm| (algorithm, ring(algorithm))).to_vec(), Vec::new())
}

fn draft() -> IdentityDraft {
    IdentityDraft {
        account: "111122223333".parse().unwrap(),
        principal: "arn:aws:iam::111122223333:role/deploy".into(),
        audience: vec!["https://api.example.com".into()],
        source_region: "eu-west-1".into(),
        org_id: None,
        ou_path: None,
        principal_tags: BTreeMap::new(),
        original_session_exp: None,
        federated_provider: None,
        source_identity: None,
        request_tags: BTreeMap::new(),
        status: None,
        origin: None,
    }
}

fn mint(keys: &IdentityKeys, algorithm: SigningAlg, draft: &IdentityDraft) -> Result<IdentityToken, IdentityError> {
    mint_identity(ISSUER, keys, algorithm, draft, 300, NOW, &SystemRandom)
}

fn read(keys: &IdentityKeys, algorithm: SigningAlg, token: &IdentityToken) -> Value {
    let key = keys.active(algorithm, NOW).unwrap().key;
    verify(token.token.expose(), key.verifying_key(), Typ::Exactly("JWT")).unwrap()
}

#[test]
fn a_token_says_what_awss_do() {
    let keys = keys();
    for algorithm in ALGORITHMS {
        let token = mint(&keys, algorithm, &draft()).unwrap();
        let mut claims = read(&keys, algorithm, &token);
        let jti = claims["jti"].take();
        assert_eq!(jti.as_str().map(str::len), Some(36), "a UUID");
        assert_eq!(
            claims,
            json!({
                "iss": "https://broker.example/outbound/111122223333",
                "sub": "arn:aws:iam::111122223333:role/deploy",
                "aud": "https://api.example.com",
                "iat": NOW.seconds(), "exp": NOW.seconds() + 300, "jti": null,
                "https://sts.amazonaws.com/": {
                    "aws_account": "111122223333", "source_region": "eu-west-1",
                    "principal_id": "arn:aws:iam::111122223333:role/deploy",
                },
            })
        );
        let header = peek_header(token.token.expose()).unwrap();
        assert_eq!((header.typ.as_deref(), header.alg), (Some("JWT"), Some(algorithm.into())));
        assert!(keys.jwks(NOW).find(header.kid.as_deref().unwrap()).is_some());
    }
}

#[test]
fn every_fact_has_its_claim() {
    let keys = keys();
    let full = IdentityDraft {
        audience: vec!["one".into(), "two".into()],
        org_id: Some("o-abcdefghij".into()),
        ou_path: Some("o-abcdefghij/r-abcd/".into()),
        principal_tags: [("team".to_owned(), "blue".to_owned())].into(),
        original_session_exp: Some(Timestamp(1_795_489_000)),
        federated_provider: Some("arn:aws:iam::111122223333:oidc-provider/idp.example".into()),
        source_identity: Some("alice".into()),
        request_tags: [("job".to_owned(), "7".to_owned())].into(),
        ..draft()
    };
    let token = mint(&keys, SigningAlg::Es384, &full).unwrap();
    let claims = read(&keys, SigningAlg::Es384, &token);
    assert_eq!(claims["aud"], json!(["one", "two"]));
    let sts = &claims["https://sts.amazonaws.com/"];
    assert_eq!(sts["org_id"], "o-abcdefghij");
    assert_eq!(sts["ou_path"], json!(["o-abcdefghij/r-abcd/"]));
    assert_eq!(sts["principal_tags"], json!({"team": "blue"}));
    assert_eq!(sts["original_session_exp"], Timestamp(1_795_489_000).iso8601());
    assert_eq!(sts["federated_provider"], "arn:aws:iam::111122223333:oidc-provider/idp.example");
    assert_eq!(sts["source_identity"], "alice");
    assert_eq!(sts["request_tags"], json!({"job": "7"}));
}

#[test]
fn what_cannot_be_kept_is_not_promised() {
    let keys = keys();
    assert_eq!(mint(&keys, SigningAlg::Rs256, &draft()).unwrap_err(), IdentityError::NoKey(SigningAlg::Rs256));
    assert_eq!(
        mint(&IdentityKeys::default(), SigningAlg::Es384, &draft()).unwrap_err(),
        IdentityError::NoKey(SigningAlg::Es384)
    );
    let nobody = IdentityDraft { audience: Vec::new(), ..draft() };
    assert_eq!(mint(&keys, SigningAlg::Es384, &nobody).unwrap_err(), IdentityError::NoAudience);
    let long = IdentityDraft { audience: vec!["x".repeat(MAX_TOKEN_BYTES)], ..draft() };
    assert_eq!(mint(&keys, SigningAlg::Es384, &long).unwrap_err(), IdentityError::TooLong);
    for lifetime in [i64::MIN, 0, MAX_IDENTITY_TOKEN_SECONDS + 1, i64::MAX] {
        let made = mint_identity(ISSUER, &keys, SigningAlg::Es384, &draft(), lifetime, NOW, &SystemRandom);
        assert_eq!(made.unwrap_err(), IdentityError::BadLifetime, "{lifetime}");
    }
    let ring = keys.ring(SigningAlg::Es384).unwrap();
    let retiring = ring.with_retirement(ring.keys()[0].kid(), NOW.plus(299));
    let keys = IdentityKeys::new(vec![(SigningAlg::Es384, retiring)], Vec::new());
    assert_eq!(mint(&keys, SigningAlg::Es384, &draft()).unwrap_err(), IdentityError::OutlivesKey);
}

/// By its type, by its key, and by its issuer: any one of the three would be enough.
#[test]
fn a_web_identity_token_is_no_session() {
    let (keys, sessions) = (keys(), ring());
    for algorithm in ALGORITHMS {
        let token = mint(&keys, algorithm, &draft()).unwrap();
        assert_eq!(open(&sessions, token.token.expose(), NOW).unwrap_err(), SessionError::WrongType);
        // Not even if its keys were those of sessions.
        let both = keys.ring(algorithm).unwrap().keys()[0].clone();
        let both = KeyRing::new(ISSUER, vec![both]).unwrap();
        assert_eq!(open(&both, token.token.expose(), NOW).unwrap_err(), SessionError::WrongType);
    }
}

#[test]
fn a_session_token_is_no_web_identity_token() {
    let (keys, sessions) = (keys(), ring());
    let session = minted(&sessions, 900);
    let kid = peek_header(session.token.expose()).unwrap().kid.unwrap();
    // A verifier that looks at nothing but kid and signature finds no key for it.
    assert!(keys.jwks(NOW).find(&kid).is_none());
    assert_ne!(SESSION_TYP, IDENTITY_TYP);
    for key in &keys.jwks(NOW).keys {
        let key = crate::crypto::verifying_key::VerifyingKey::from_jwk(
            key,
            crate::crypto::alg::Alg::parse(key.alg.as_deref().unwrap()).unwrap(),
        );
        assert!(verify::<Value>(session.token.expose(), &key.unwrap(), Typ::Exactly(SESSION_TYP)).is_err());
    }
}

#[test]
fn one_account_is_not_another() {
    let keys = keys();
    let other = IdentityDraft { account: "444455556666".parse().unwrap(), ..draft() };
    let claims = read(&keys, SigningAlg::Es384, &mint(&keys, SigningAlg::Es384, &other).unwrap());
    assert_eq!(claims["iss"], "https://broker.example/outbound/444455556666");
    assert_eq!(claims["https://sts.amazonaws.com/"]["aws_account"], "444455556666");
}
