//! Any bytes, as what a stranger sends for a token, as the claims in one, and as what an issuer publishes for its keys. Claims that are
//! taken become condition keys of their issuer and of nobody else, each once.
#![no_main]

use std::collections::HashSet;

use brevet::authn::web_identity::condition_keys;
use brevet::clock::Timestamp;
use brevet::crypto::alg::Alg;
use brevet::crypto::issuer_keys::{IssuerKeys, MOST_KEYS};
use brevet::crypto::jwt::{Typ, peek_header_within, verify_within};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fuzz_target!(|data: &[u8]| {
    if let Ok(keys) = IssuerKeys::parse(data) {
        assert!(keys.has(None));
        for alg in Alg::ALL {
            assert!(keys.find(None, alg).is_ok_and(|found| found.len() == 1) || keys.find(None, alg).is_err());
            assert!(keys.find(Some("a"), alg).map_or(0, |found| found.len()) <= MOST_KEYS);
        }
    }
    let issuer = "idp.example/t".parse().expect("an issuer");
    if let Ok(keys) = condition_keys(data, &issuer, &["app".to_owned()], Timestamp(1_800_000_000)) {
        let folded: HashSet<String> = keys.iter().map(|(key, _)| key.to_ascii_lowercase()).collect();
        assert_eq!(folded.len(), keys.len());
        assert!(keys.iter().all(|(key, _)| key.starts_with("idp.example/t:")));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if peek_header_within(text, 20_000).is_ok() {
        let jwk = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let keys = IssuerKeys::parse(jwk).expect("a key");
        let key = keys.find(None, Alg::EdDsa).expect("the key").remove(0);
        // Nobody guesses a signature.
        assert!(verify_within::<IgnoredAny>(text, 20_000, &key, Typ::Identity).is_err());
    }
});
