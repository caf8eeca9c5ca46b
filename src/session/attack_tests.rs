//! What somebody without the ring's private keys might try, one test each. All of it must be refused.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::test_ring::{ISSUER, NOW, key, minted, ring};
use super::*;
use crate::crypto::alg::SigningAlg;
use crate::crypto::hash::hmac_sha256;
use crate::crypto::jwt::{self, JwtError, JwtHeader, Typ};
use crate::crypto::signing_key::SigningKey;

fn encode(json: &Value) -> String {
    BASE64URL_NOPAD.encode(json.to_string().as_bytes())
}

fn parts(token: &str) -> (String, String, String) {
    let mut parts = token.split('.').map(str::to_owned);
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

fn refused(ring: &KeyRing, token: &str) -> SessionError {
    open(ring, token, NOW).unwrap_err()
}

/// Signs whatever claims with the ring's own key: what a bug elsewhere in the broker might do.
fn signed(ring: &KeyRing, typ: &str, claims: &Value) -> String {
    let key = ring.active(NOW).unwrap();
    jwt::sign(JwtHeader { kid: key.kid(), typ }, claims, key.signing()).unwrap().expose().to_owned()
}

fn claims_of(session: &MintedSession) -> Value {
    serde_json::to_value(&session.claims).unwrap()
}

#[test]
fn no_algorithm_at_all() {
    let ring = ring();
    let (header, claims, signature) = parts(minted(&ring, 900).token.expose());
    for alg in ["none", "None", "nOnE", ""] {
        let mut forged = decode(&header);
        forged["alg"] = json!(alg);
        for signature in ["", signature.as_str()] {
            let token = format!("{}.{claims}.{signature}", encode(&forged));
            assert_eq!(refused(&ring, &token), SessionError::BadSignature, "{alg}");
        }
    }
}

#[test]
fn the_public_key_as_an_hmac_secret() {
    let ring = ring();
    let (header, claims, _) = parts(minted(&ring, 900).token.expose());
    let mut forged = decode(&header);
    forged["alg"] = json!("HS256");
    let message = format!("{}.{claims}", encode(&forged));
    let jwk = ring.active(NOW).unwrap().signing().jwk().clone();
    let x = BASE64URL_NOPAD.decode(jwk.x.as_deref().unwrap().as_bytes()).unwrap();
    let y = BASE64URL_NOPAD.decode(jwk.y.as_deref().unwrap().as_bytes()).unwrap();
    let point = [&[4], x.as_slice(), &y].concat();
    for secret in [point, serde_json::to_vec(&jwk).unwrap(), Vec::new()] {
        let mac = BASE64URL_NOPAD.encode(&hmac_sha256(&secret, message.as_bytes()));
        assert_eq!(refused(&ring, &format!("{message}.{mac}")), SessionError::BadSignature);
    }
}

#[test]
fn another_asymmetric_algorithm_with_a_key_of_ones_own() {
    let ring = ring();
    let own = SigningKey::from_pkcs8(SigningAlg::EdDsa, &SigningKey::generate(SigningAlg::EdDsa).unwrap()).unwrap();
    let kid = ring.active(NOW).unwrap().kid().to_owned();
    let header = JwtHeader { kid: &kid, typ: SESSION_TYP };
    let token = jwt::sign(header, &claims_of(&minted(&ring, 900)), &own).unwrap();
    assert_eq!(refused(&ring, token.expose()), SessionError::BadSignature);
}

#[test]
fn another_rings_key_under_this_rings_name() {
    let (ring, other) = (ring(), ring());
    let kid = ring.active(NOW).unwrap().kid().to_owned();
    let header = JwtHeader { kid: &kid, typ: SESSION_TYP };
    let claims = claims_of(&minted(&ring, 900));
    let token = jwt::sign(header, &claims, other.active(NOW).unwrap().signing()).unwrap();
    assert_eq!(refused(&ring, token.expose()), SessionError::BadSignature);
    assert_eq!(refused(&ring, minted(&other, 900).token.expose()), SessionError::UnknownKey);
}

#[test]
fn a_key_that_the_token_brings_along() {
    let ring = ring();
    let own = key(NOW);
    let claims = encode(&claims_of(&minted(&ring, 900)));
    for kid in [ring.active(NOW).unwrap().kid(), own.kid(), "../../dev/null", "' or 1=1 --"] {
        let header = json!({"alg": "ES256", "typ": SESSION_TYP, "kid": kid, "jwk": own.signing().jwk(),
            "jku": "https://attacker.example/jwks", "x5u": "https://attacker.example/chain"});
        let message = format!("{}.{claims}", encode(&header));
        // The signature is that of another message by the attacker's key; what matters is whose key is asked.
        let (_, _, signature) =
            parts(jwt::sign(JwtHeader { kid, typ: SESSION_TYP }, &json!({}), own.signing()).unwrap().expose());
        let error = refused(&ring, &format!("{message}.{signature}"));
        assert!(matches!(error, SessionError::BadSignature | SessionError::UnknownKey), "{kid}: {error}");
    }
}

#[test]
fn an_audience_bound_token_is_no_session() {
    let ring = ring();
    let mut claims = claims_of(&minted(&ring, 900));
    claims["aud"] = json!("https://service.example");
    for typ in ["JWT", "at+jwt", "session+jwt", "brevet-session", "brevet-session+jwt+x", ""] {
        assert_eq!(refused(&ring, &signed(&ring, typ, &claims)), SessionError::WrongType, "{typ}");
    }
    let untyped = json!({"alg": "ES256", "kid": ring.active(NOW).unwrap().kid()});
    let token = format!("{}.{}.{}", encode(&untyped), encode(&claims), "A".repeat(86));
    assert_eq!(refused(&ring, &token), SessionError::WrongType);
}

#[test]
fn a_session_token_is_no_bearer_token() {
    let ring = ring();
    let session = minted(&ring, 900);
    let key = ring.active(NOW).unwrap().signing().verifying_key().clone();
    for typ in [Typ::Plain, Typ::Exactly("at+jwt"), Typ::Exactly("JWT")] {
        assert_eq!(jwt::verify::<Value>(session.token.expose(), &key, typ), Err(JwtError::WrongType));
    }
}

#[test]
fn claims_changed_after_signing() {
    let ring = ring();
    let (header, claims, signature) = parts(minted(&ring, 900).token.expose());
    let changes = [
        ("sub", json!("arn:aws:iam::111122223333:root")),
        ("acc", json!("444455556666")),
        ("exp", json!(NOW.plus(100_000).seconds())),
        ("jti", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("cnf", json!({"kid": "ASIAOTHER"})),
        ("amr", json!(["mfa"])),
        ("cd", json!(0)),
    ];
    for (member, value) in changes {
        let mut changed = decode(&claims);
        changed[member] = value;
        let token = format!("{header}.{}.{signature}", encode(&changed));
        assert_eq!(refused(&ring, &token), SessionError::BadSignature, "{member}");
    }
}

#[test]
fn the_signature_of_another_session() {
    let ring = ring();
    let (header, claims, _) = parts(minted(&ring, 900).token.expose());
    let (_, _, other) = parts(minted(&ring, 900).token.expose());
    assert_eq!(refused(&ring, &format!("{header}.{claims}.{other}")), SessionError::BadSignature);
}

#[test]
fn an_all_zero_signature() {
    let ring = ring();
    let (header, claims, _) = parts(minted(&ring, 900).token.expose());
    let zeros = BASE64URL_NOPAD.encode(&[0; 64]);
    assert_eq!(refused(&ring, &format!("{header}.{claims}.{zeros}")), SessionError::BadSignature);
}

#[test]
fn a_session_past_its_time() {
    let ring = ring();
    let session = minted(&ring, 900);
    let late = open(&ring, session.token.expose(), NOW.plus(900)).unwrap_err();
    assert_eq!(late, SessionError::Expired);
}

#[test]
fn the_token_does_not_give_its_secret_away() {
    let ring = ring();
    let session = minted(&ring, 900);
    let token = session.token.expose();
    let (header, claims, signature) = parts(token);
    assert!(!token.contains(session.secret.expose()));
    assert!(!decode(&header).to_string().contains(session.secret.expose()));
    assert!(!decode(&claims).to_string().contains(session.secret.expose()));
    // Neither the token nor a part of it, nor what a bystander can compute from it, is the secret.
    for guess in [token, &header, &claims, &signature, &session.jti, &session.access_key_id] {
        assert!(!session.secret.matches(guess));
        let hash = data_encoding::BASE64.encode(&crate::crypto::hash::sha256(guess.as_bytes())[..30]);
        assert!(!session.secret.matches(&hash));
    }
}

#[test]
fn the_right_key_in_another_name() {
    let ring = ring();
    let mut claims = claims_of(&minted(&ring, 900));
    for issuer in ["https://other.example", "https://broker.example/", "HTTPS://BROKER.EXAMPLE", ""] {
        claims["iss"] = json!(issuer);
        assert_eq!(refused(&ring, &signed(&ring, SESSION_TYP, &claims)), SessionError::WrongIssuer, "{issuer}");
    }
    claims["iss"] = json!(ISSUER);
    assert!(open(&ring, &signed(&ring, SESSION_TYP, &claims), NOW).is_ok());
}

#[test]
fn claims_that_minting_never_writes() {
    let ring = ring();
    let good = claims_of(&minted(&ring, 900));
    let without = |member: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(member);
        claims
    };
    for member in ["iss", "sub", "iat", "exp", "jti", "kind", "acc", "uid", "name", "cnf"] {
        assert_eq!(refused(&ring, &signed(&ring, SESSION_TYP, &without(member))), SessionError::Malformed, "{member}");
    }
    let odd = [
        ("exp", json!(NOW.plus(MAX_SESSION_SECONDS + 1).seconds())),
        ("exp", json!(i64::MAX)),
        ("exp", json!("soon")),
        ("exp", json!(1e300)),
        ("iat", json!(i64::MIN)),
        ("iat", json!(NOW.plus(900).seconds())),
        ("jti", json!("short")),
        ("cnf", json!({"kid": ""})),
        ("cnf", json!({"jkt": "x"})),
        ("kind", json!("root")),
        ("lexp", json!(NOW.plus(899).seconds())),
    ];
    for (member, value) in odd {
        let mut claims = good.clone();
        claims[member] = value.clone();
        let token = signed(&ring, SESSION_TYP, &claims);
        assert_eq!(refused(&ring, &token), SessionError::Malformed, "{member}: {value}");
    }
}

#[test]
fn nonsense_of_every_size() {
    let ring = ring();
    let long = "a".repeat(crate::crypto::jwt::MAX_TOKEN_BYTES + 1);
    for token in ["", ".", "..", "...", "a.b.c", "e30.e30.", "\u{0}.\u{0}.\u{0}", "é.é.é", &long] {
        assert_eq!(refused(&ring, token), SessionError::Malformed, "{token:.20}");
    }
    let token = minted(&ring, 900).token.expose().to_owned();
    for changed in [format!("{token}="), format!(" {token}"), format!("{token}\n"), format!("{token}.")] {
        assert!(open(&ring, &changed, NOW).is_err(), "{changed}");
    }
    let (header, _, signature) = parts(&token);
    let deep = BASE64URL_NOPAD.encode("[".repeat(8_000).as_bytes());
    assert_eq!(refused(&ring, &format!("{header}.{deep}.{signature}")), SessionError::BadSignature);
}
