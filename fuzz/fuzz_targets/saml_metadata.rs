//! Any text, as the metadata of a SAML provider; any bytes, as a certificate in it. What is taken says what only a whole document
//! can say.
#![no_main]

use brevet::crypto::metadata_key::{MAX_RSA_BITS, MIN_RSA_BITS, MetadataKey};
use brevet::identity::SamlMetadata;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(MetadataKey::Rsa { modulus, exponent }) = MetadataKey::of(data) {
        assert!((MIN_RSA_BITS..=MAX_RSA_BITS + 7).contains(&(modulus.len() * 8)));
        assert!(exponent.first().is_some_and(|first| *first != 0));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(read) = SamlMetadata::read(text) {
        assert!((1..=1_024).contains(&read.entity_id.chars().count()));
        assert!((1..=16).contains(&read.signing_certificates.len()));
        // The same text says the same, and white space behind it says nothing.
        assert_eq!(SamlMetadata::read(&format!("{text}\n")).as_ref(), Ok(&read));
    }
});
