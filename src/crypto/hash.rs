//! SHA-256, HMAC-SHA256 and HKDF-SHA256, by ring; SHA-1 where AWS's interface is made of it.

use ring::{digest, hkdf, hmac};

use crate::types::secret::SecretBytes;

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    out
}

/// SHA-256 of parts, one after the other.
pub fn sha256_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.into_iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// SHA-1 of a certificate, as lower-case hexadecimal digits: AWS names the authorities behind an issuer so. Nobody can make another
/// certificate with the thumbprint of a given one; two with one thumbprint gain nothing to whoever made both.
pub fn sha1_thumbprint(certificate: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref())
}

/// HMAC-SHA256 of `data` under `key`.
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref());
    out
}

/// HKDF-SHA256 (RFC 5869) of `key` for the purpose `info`, `length` bytes, at most 8,160.
pub fn hkdf_sha256(key: &SecretBytes, info: &[&[u8]], length: usize) -> SecretBytes {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = vec![0; length.min(255 * 32)];
    let pseudo_random = hkdf::Salt::new(hkdf::HKDF_SHA256, b"brevet").extract(key.expose());
    let filled = pseudo_random.expand(info, Length(out.len())).and_then(|okm| okm.fill(&mut out));
    // Only a length beyond 255 blocks can fail, and the length is capped above.
    debug_assert!(filled.is_ok());
    SecretBytes::new(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        let hex = |b: &[u8]| data_encoding::HEXLOWER.encode(b);
        assert_eq!(hex(&sha256(b"")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(sha1_thumbprint(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        // RFC 4231, test case 2.
        assert_eq!(
            hex(&hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
