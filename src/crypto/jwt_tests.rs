use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::*;
use crate::crypto::alg::SigningAlg;
use crate::crypto::hash::hmac_sha256;
use crate::crypto::jwk::Jwk;

const HEADER: JwtHeader<'static> = JwtHeader { kid: "k1", typ: "test+jwt" };
const TYP: Typ<'static> = Typ::Exactly("test+jwt");

fn key(alg: SigningAlg) -> SigningKey {
    SigningKey::from_pkcs8(alg, &SigningKey::generate(alg).unwrap()).unwrap()
}

fn part(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

#[test]
fn what_was_signed_is_read() {
    for alg in [SigningAlg::Es256, SigningAlg::EdDsa, SigningAlg::Es384] {
        let key = key(alg);
        let token = sign(HEADER, &json!({"sub": "alice"}), &key).unwrap();
        let header = peek_header(token.expose()).unwrap();
        assert_eq!(header.kid.as_deref(), Some("k1"));
        assert_eq!(header.alg, Some(alg.into()));
        let claims: Value = verify(token.expose(), key.verifying_key(), TYP).unwrap();
        assert_eq!(claims, json!({"sub": "alice"}));
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let key = key(SigningAlg::Es256);
    let token = sign(HEADER, &json!({"sub": "alice"}), &key).unwrap();
    for place in 0..token.expose().len() {
        let mut bytes = token.expose().as_bytes().to_vec();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify::<Value>(&changed, key.verifying_key(), TYP).is_err(), "byte {place}");
    }
}

#[test]
fn another_key_is_refused() {
    let token = sign(HEADER, &json!({}), &key(SigningAlg::Es256)).unwrap();
    let other = key(SigningAlg::Es256);
    assert_eq!(verify::<Value>(token.expose(), other.verifying_key(), TYP), Err(JwtError::BadSignature));
    let ed = key(SigningAlg::EdDsa);
    assert_eq!(verify::<Value>(token.expose(), ed.verifying_key(), TYP), Err(JwtError::WrongAlgorithm));
}

#[test]
fn the_header_does_not_choose_the_algorithm() {
    let key = key(SigningAlg::Es256);
    let claims = part(&json!({"sub": "root"}));
    for alg in ["none", "None", "NONE", "HS256", "RS256", "EdDSA", "ES384"] {
        let message = format!("{}.{claims}", part(&json!({"alg": alg, "typ": "test+jwt"})));
        let public = serde_json::to_vec(key.jwk()).unwrap();
        let mac = BASE64URL_NOPAD.encode(&hmac_sha256(&public, message.as_bytes()));
        for signature in ["", mac.as_str()] {
            let token = format!("{message}.{signature}");
            assert_eq!(verify::<Value>(&token, key.verifying_key(), TYP), Err(JwtError::WrongAlgorithm), "{alg}");
        }
    }
}

#[test]
fn types_are_compared_as_media_types() {
    let key = key(SigningAlg::Es256);
    let check = |typ: &str, wanted: Typ<'_>| {
        let token = sign(JwtHeader { kid: "k", typ }, &json!({}), &key).unwrap();
        verify::<Value>(token.expose(), key.verifying_key(), wanted).map(|_| ())
    };
    assert_eq!(check("TEST+jwt", TYP), Ok(()));
    assert_eq!(check("application/test+jwt", TYP), Ok(()));
    assert_eq!(check("application/x/test+jwt", TYP), Err(JwtError::WrongType));
    assert_eq!(check("JWT", TYP), Err(JwtError::WrongType));
    assert_eq!(check("", TYP), Err(JwtError::WrongType));
    assert_eq!(check("jwt", Typ::Plain), Ok(()));
    assert_eq!(check("test+jwt", Typ::Plain), Err(JwtError::WrongType));
}

#[test]
fn critical_extensions_are_not_skipped() {
    let header = part(&json!({"alg": "ES256", "crit": ["b64"], "b64": false}));
    assert_eq!(peek_header(&format!("{header}.e30.AA")), Err(JwtError::CriticalExtension));
}

#[test]
fn shapes_and_sizes_are_bounded() {
    let header = part(&json!({"alg": "ES256"}));
    for token in ["", ".", "..", "a.b.c", &format!("{header}.e30"), &format!("{header}.e30.AA.AA"), "e30.e30.AA"] {
        assert_eq!(peek_header(token), Err(JwtError::Malformed), "{token}");
    }
    assert_eq!(peek_header(&"a".repeat(MAX_TOKEN_BYTES + 1)), Err(JwtError::TooLong));
    let deep = BASE64URL_NOPAD.encode(format!("{{\"alg\":\"ES256\",\"x\":{}", "[".repeat(5_000)).as_bytes());
    assert_eq!(peek_header(&format!("{deep}.e30.AA")), Err(JwtError::Malformed));
    let twice = BASE64URL_NOPAD.encode(br#"{"alg":"none","alg":"ES256"}"#);
    assert_eq!(peek_header(&format!("{twice}.e30.AA")), Err(JwtError::Malformed));
}

#[test]
fn claims_of_another_shape_are_told_from_forgeries() {
    #[derive(Debug, Deserialize)]
    struct Wanted {
        #[expect(dead_code, reason = "only its presence counts")]
        sub: String,
    }
    let key = key(SigningAlg::Es256);
    let token = sign(HEADER, &json!({"sub": 1}), &key).unwrap();
    assert_eq!(verify::<Wanted>(token.expose(), key.verifying_key(), TYP).unwrap_err(), JwtError::UnexpectedClaims);
}

/// RFC 7515 appendix A.3 and RFC 8037 appendix A.4: other people's signatures over claims that are not always JSON.
#[test]
fn published_tokens_verify() {
    let jwk = Jwk {
        kty: "EC".into(),
        crv: Some("P-256".into()),
        x: Some("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".into()),
        y: Some("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0".into()),
        n: None,
        e: None,
        key_use: None,
        alg: None,
        kid: None,
    };
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let claims: Value = verify(token, &VerifyingKey::from_jwk(&jwk, Alg::Es256).unwrap(), Typ::Plain).unwrap();
    assert_eq!(claims["iss"], "joe");
}

/// RFC 7515 appendix A.2: RS256.
#[test]
fn an_rsa_token_verifies() {
    let jwk: Jwk = serde_json::from_str(
        r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
    )
    .unwrap();
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let claims: Value = verify(token, &VerifyingKey::from_jwk(&jwk, Alg::Rs256).unwrap(), Typ::Plain).unwrap();
    assert_eq!(claims["iss"], "joe");
    // The same signature under the other padding, and with one character of the signature changed.
    let pss = VerifyingKey::from_jwk(&jwk, Alg::Ps256).unwrap();
    assert_eq!(verify::<Value>(token, &pss, Typ::Plain), Err(JwtError::WrongAlgorithm));
    let forged = token.replace(".cC4", ".cC5");
    let rs = VerifyingKey::from_jwk(&jwk, Alg::Rs256).unwrap();
    assert_eq!(verify::<Value>(&forged, &rs, Typ::Plain), Err(JwtError::BadSignature));
}
