use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::*;

fn certificate(alg: &'static rcgen::SignatureAlgorithm) -> (KeyPair, Vec<u8>) {
    let key = KeyPair::generate_for(alg).expect("a key");
    let made = CertificateParams::default().self_signed(&key).expect("a certificate");
    let der = made.der().to_vec();
    (key, der)
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

/// A certificate of version 1, as Keycloak makes them, whose RSA modulus has this many bytes.
fn rsa_certificate(bytes: usize, extensions: &[u8]) -> Vec<u8> {
    let modulus = [vec![0], vec![0xab; bytes]].concat();
    let numbers = [tlv(INTEGER, &modulus), tlv(INTEGER, &[1, 0, 1])].concat();
    let key = tlv(BIT_STRING, &[vec![0], tlv(SEQUENCE, &numbers)].concat());
    let identifier = tlv(SEQUENCE, &[tlv(OBJECT, RSA), vec![5, 0]].concat());
    let empty = tlv(SEQUENCE, &[]);
    let info = tlv(SEQUENCE, &[identifier, key].concat());
    let fields = [tlv(INTEGER, &[1]), empty.repeat(4), info, extensions.to_vec()].concat();
    tlv(SEQUENCE, &[tlv(SEQUENCE, &fields), empty, tlv(BIT_STRING, &[0, 1])].concat())
}

#[test]
fn the_key_of_a_certificate_is_the_one_it_was_made_for() {
    for alg in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384] {
        let (key, der) = certificate(alg);
        let (MetadataKey::P256(point) | MetadataKey::P384(point)) = MetadataKey::of(&der).expect("read") else {
            panic!("a point");
        };
        assert_eq!(point, key.public_key_raw());
    }
    assert_eq!(MetadataKey::of(&certificate(&PKCS_ED25519).1), Err(MetadataKeyError::OtherKey));
}

#[test]
fn rsa_keys_of_the_right_length_are_read_also_from_version_1() {
    let MetadataKey::Rsa { modulus, exponent } = MetadataKey::of(&rsa_certificate(256, &[])).expect("read") else {
        panic!("RSA");
    };
    assert_eq!((modulus, exponent), (vec![0xab; 256], vec![1, 0, 1]));
    for wrong in [127, 1_025] {
        assert_eq!(MetadataKey::of(&rsa_certificate(wrong, &[])), Err(MetadataKeyError::RsaSize));
    }
    assert!(MetadataKey::of(&rsa_certificate(128, &[])).is_ok());
}

#[test]
fn an_extension_stands_there_once() {
    let one = |arc: u8| tlv(SEQUENCE, &[tlv(OBJECT, &[0x55, 0x1d, arc]), tlv(4, &[])].concat());
    let with = |list: &[Vec<u8>]| rsa_certificate(256, &tlv(EXTENSIONS, &tlv(SEQUENCE, &list.concat())));
    assert!(MetadataKey::of(&with(&[one(14), one(15)])).is_ok());
    let twice = MetadataKey::of(&with(&[one(14), one(15), one(14)]));
    assert_eq!(twice, Err(MetadataKeyError::RepeatedExtension));
    let many: Vec<Vec<u8>> = (0..65).map(one).collect();
    assert_eq!(MetadataKey::of(&with(&many)), Err(MetadataKeyError::NotACertificate));
}

#[test]
fn what_is_cut_short_or_goes_on_is_no_certificate() {
    let (_, der) = certificate(&PKCS_ECDSA_P256_SHA256);
    for length in 0..der.len() {
        assert_eq!(MetadataKey::of(&der[..length]), Err(MetadataKeyError::NotACertificate), "{length}");
    }
    assert!(MetadataKey::of(&[der.as_slice(), &[0]].concat()).is_err());
    // A length in more bytes than it needs is BER, not DER.
    assert_eq!(element(&[4, 0x81, 1, 7]), None);
    assert_eq!(element(&[4, 0x82, 0, 0x80]), None);
    assert_eq!(element(&[4, 0x80, 0, 0]), None);
    assert_eq!(element(&[4, 1, 7, 8]), Some((4, [7].as_slice(), [8].as_slice())));
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = MetadataKey::of(&bytes);
    }

    #[test]
    fn a_changed_certificate_gives_a_key_of_the_same_kind_or_none(at in 0usize..600, to in any::<u8>()) {
        let mut der = rsa_certificate(256, &[]);
        let at = at % der.len();
        der[at] = to;
        if let Ok(key) = MetadataKey::of(&der) {
            let MetadataKey::Rsa { modulus, .. } = key else { panic!("another kind") };
            prop_assert!((MIN_RSA_BITS / 8..=MAX_RSA_BITS / 8).contains(&modulus.len()));
        }
    }
}
