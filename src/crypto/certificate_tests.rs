use proptest::prelude::*;
use rcgen::{
    CertificateParams, Issuer, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm, date_time_ymd,
};

use super::super::certificate_key::{self, KeyError};
use super::*;
use crate::types::secret::SecretText;

/// An authority with an RSA key, and a certificate that it signed; made with OpenSSL, which kept neither key.
const RSA_ROOT: &str = "\
-----BEGIN CERTIFICATE-----
MIIDKzCCAhOgAwIBAgIUamO8rIjyBFU0X9EiZQGpGhp/rDEwDQYJKoZIhvcNAQEL
BQAwJTEPMA0GA1UECgwGYnJldmV0MRIwEAYDVQQDDAl0ZXN0IHJvb3QwHhcNMjYx
MTI2MjAzMTMwWhcNMzYxMTIzMjAzMTMwWjAlMQ8wDQYDVQQKDAZicmV2ZXQxEjAQ
BgNVBAMMCXRlc3Qgcm9vdDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEB
AO/CSZ92JzQasYYmsGTiU7FmFAINKT2ALM+hOWL3t8SerLgv/vMwK2Fiaj+wcyh+
1vzF09czo2qpsmyodsENZPjaBre6Bi7IDPiWZOzLafMOQOXBDPUxf1FRNq9WfnLA
YhBYgS9ujbo6JJVqZw/9WaXe2qRDxL6qREliQwnI6CQ2v3SIuo1VxsvIPVY9XLR5
AG6N0CtXEAS2QR+U+rk8zdmES48BeDaTZTp6y2dQXlFdqVY4fLyijTtWdVmyo8rB
hi6fyCEYu39N8G+06gYU1x1ebuUi8FzneBpGqYNdOb31uHF2L/aVdlMMclZAREb2
M91YjHikYhRf84NRNpFiFcMCAwEAAaNTMFEwHQYDVR0OBBYEFHGkBywA/drrMVsi
lJxbtPM9/y+nMB8GA1UdIwQYMBaAFHGkBywA/drrMVsilJxbtPM9/y+nMA8GA1Ud
EwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAHVlL57n8khmoA1RbunxUyB9
2wej8yXIaBilH4x/5f9vyPAFDSB63pqZKclX0PCVOT+PftmUtRRBTsEDtl1Q1N3c
Kqg/SJJJ7AoNMRlD5Tu8DnWpOpSMaYR5M0B9ESuEqPST/z7eSjSTGU+Nt2jyf1iH
eQz8mnlRXZjMTcs+XC7f7yW3jqROS/ztrFNUR5Crjbi7+ySheZW3bC30Q0gs+NNM
p2r1VhOKsGwOmKsX1teanR4vPQEIosKBzqmdT/8B5GWqfXcNtA7M0cM0fpq7K8Xh
rwNXOiuCB+mXLpfuE6ZE/PznhLT92eZIo9ADKQ9IY3FcBgQ1/gyJJlCASPQ1KUI=
-----END CERTIFICATE-----
";
const RSA_LEAF: &str = "\
-----BEGIN CERTIFICATE-----
MIIC1DCCAbwCFHnoFGiEP10IevSD2c/by/9oBdomMA0GCSqGSIb3DQEBDAUAMCUx
DzANBgNVBAoMBmJyZXZldDESMBAGA1UEAwwJdGVzdCByb290MB4XDTI2MTEyNjIw
MzEzMFoXDTM2MTEyMzIwMzEzMFowKDEPMA0GA1UECgwGYnJldmV0MRUwEwYDVQQD
DAxsZWFmLmV4YW1wbGUwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCr
EevX3gctkOflykXB+Bgr13nD9XTj2S8sRc/GdRf7GjJKG1CWTX4drrXtV689Grpq
VwCAUWe6EGnqHjZfHWBQNzcDMvkTQZvsxehBWzUiU3vvokhrEcmK6lmnukdxPsht
tjXvGaUw3VCWFwBdPV2B4+iwr5uvUkJBONxauxgdoeDOUaxVKCRLr+kipPHyiD8f
V4Y7TsNAvvjCVN1jIOqw6YovLW+eXa+akexJDtzpUyzL3EPu9UGre+I7YRysfx6a
BbI+XE08mkYyc4IN+6KOhGTiqb/ySTlVe/XL202vfKa+zKB4oJtKEiIZ4pWD8vve
D1HSkhEe2nDesaNZB6gtAgMBAAEwDQYJKoZIhvcNAQEMBQADggEBAL6BD6YSDYJH
T5EmYVB1lWqI5hCzo9gfiQvEMGEOkew2RH5ylTIu0f7WCKpyBmqQI3F6fuoL/Vje
8lFYSPsmDpHp5zMVNn5aWJUZ2nO9ya/wXZPNqVFMZMaUvs6CWHrYjSPCBzrx/lUO
JVzWy+xPDxneo7iq38x6tWJIBCF3NRK1B9qP0jFINA3PLkzB6vDHg+dTCZ0Ky0Kl
yKW6ijM284KyeiXWBKlZIO9e8WkbRwapP5kwo7UzGyx7+KoYc8ICUKrUPvlrCSx+
baKxOV8MWj1eqlSm+R/qh5hUxFBu1+KU8dyTdBFK9Hn8di4DDGgrIvdEMqS7Skon
i6Dldqor104=
-----END CERTIFICATE-----
";

struct Made {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2052, 2, 29);
    params
}

fn root(name: &str, algorithm: &'static SignatureAlgorithm) -> Made {
    let (params, key) = (params(name), KeyPair::generate_for(algorithm).expect("a key"));
    let pem = params.self_signed(&key).expect("signed").pem();
    Made { params, key, pem }
}

fn signed(name: &str, algorithm: &'static SignatureAlgorithm, by: &Made) -> Made {
    let (params, key) = (params(name), KeyPair::generate_for(algorithm).expect("a key"));
    let pem = params.signed_by(&key, &Issuer::from_params(&by.params, &by.key)).expect("signed").pem();
    Made { params, key, pem }
}

fn read(pem: &str) -> Certificate {
    Certificate::from_pem(pem).expect("a certificate")
}

const KINDS: [(&SignatureAlgorithm, KeyKind); 3] = [
    (&rcgen::PKCS_ECDSA_P256_SHA256, KeyKind::P256),
    (&PKCS_ECDSA_P384_SHA384, KeyKind::P384),
    (&PKCS_ED25519, KeyKind::Ed25519),
];

#[test]
fn what_openssl_wrote_is_read() {
    let (root, leaf) = (read(RSA_ROOT), read(RSA_LEAF));
    assert_eq!(leaf.not_before().iso8601(), "2026-11-26T20:31:30Z");
    assert_eq!(leaf.not_after().iso8601(), "2036-11-23T20:31:30Z");
    assert_eq!(leaf.key().kind, KeyKind::Rsa);
    assert!(leaf.is_signed_by(&root) && root.is_signed_by(&root));
    assert!(!root.is_signed_by(&leaf) && !leaf.is_signed_by(&leaf));
    assert_ne!(leaf.fingerprint(), root.fingerprint());
}

#[test]
fn a_chain_is_followed_link_by_link_whatever_its_keys_are() {
    for (algorithm, kind) in KINDS {
        let top = root("root", algorithm);
        let middle = signed("middle", algorithm, &top);
        let leaf = signed("leaf", algorithm, &middle);
        let all = [&leaf, &middle, &top].map(|made| read(&made.pem));
        let [leaf, middle, top] = &all;
        assert_eq!(leaf.key().kind, kind);
        // A year from 2050 on is written in another way.
        assert_eq!(leaf.not_after().iso8601(), "2052-02-29T00:00:00Z");
        let link =
            |chain: &[&Certificate]| broken_link(leaf, &chain.iter().map(|one| (*one).clone()).collect::<Vec<_>>());
        assert_eq!(link(&[]), None);
        assert_eq!(link(&[middle]), None);
        assert_eq!(link(&[middle, top]), None);
        assert_eq!(link(&[top, middle]), Some(-1));
        assert_eq!(link(&[leaf, middle]), Some(-1));
        assert_eq!(link(&[middle, leaf]), Some(0));
        assert_eq!(link(&[middle, top, middle]), Some(1));
        // The right name is not enough.
        let impostor = read(&root("middle", algorithm).pem);
        assert_eq!(link(&[&impostor]), Some(-1));
    }
}

#[test]
fn a_key_belongs_to_one_certificate() {
    for (algorithm, _) in KINDS {
        let made = root("leaf", algorithm);
        let certificate = read(&made.pem);
        let key = |pem: String| certificate_key::check(&certificate, &SecretText::new(pem));
        let own = made.key.serialize_pem();
        assert_eq!(key(own.clone()), Ok(()));
        for (other, _) in KINDS {
            let stranger = KeyPair::generate_for(other).expect("a key");
            assert_eq!(key(stranger.serialize_pem()), Err(KeyError::Mismatch));
        }
        for broken in [
            made.pem.clone(),
            made.key.public_key_pem(),
            own.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
            own.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
            own.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY"),
            format!("{own}{own}"),
            String::new(),
            "nonsense".to_owned(),
        ] {
            assert_eq!(key(broken.clone()), Err(KeyError::Unreadable), "{broken}");
        }
        assert_eq!(certificate_key::check(&read(RSA_LEAF), &SecretText::new(own)), Err(KeyError::Mismatch));
    }
}

#[test]
fn the_older_form_of_ec_keys_is_read_with_the_curve_before_it() {
    for (algorithm, curve) in [(&rcgen::PKCS_ECDSA_P256_SHA256, oid::P256), (&PKCS_ECDSA_P384_SHA384, oid::P384)] {
        use super::super::der::write;
        let made = root("leaf", algorithm);
        let document = made.key.serialize_der();
        let mut info = Reader::new(&document).sequence().expect("PKCS#8");
        info.unsigned();
        info.sequence();
        let inner = info.take(tag::OCTET_STRING).expect("a key");
        let mut inner = Reader::new(inner).sequence().expect("SEC 1");
        inner.unsigned();
        let scalar = inner.take(tag::OCTET_STRING).expect("a scalar");
        let name = write(tag::OBJECT, curve);
        let sec1 = |scalar: &[u8], name: &[u8]| {
            let members = [
                write(tag::INTEGER, &[1]),
                write(tag::OCTET_STRING, scalar),
                if name.is_empty() { Vec::new() } else { write(tag::context(0), name) },
            ];
            write(tag::SEQUENCE, &members.concat())
        };
        let certificate = read(&made.pem);
        let check = |text: String| certificate_key::check(&certificate, &SecretText::new(text));
        let key = |scalar: &[u8], name: &[u8]| pem::write("EC PRIVATE KEY", &sec1(scalar, name));
        assert_eq!(check(key(scalar, &name)), Ok(()));
        assert_eq!(check(pem::write("EC PARAMETERS", &name) + &key(scalar, &name)), Ok(()));
        assert_eq!(check(key(scalar, &[])), Err(KeyError::Unreadable), "no curve");
        assert_eq!(check(key(&[1], &name)), Err(KeyError::Mismatch));
        assert_eq!(check(key(&[1; 70], &name)), Err(KeyError::Unreadable));
    }
}

#[test]
fn what_is_not_one_certificate_is_refused() {
    let body = &pem::blocks(RSA_LEAF).expect("blocks")[0].bytes;
    assert!(Certificate::from_der(body).is_some());
    for length in 0..body.len() {
        assert!(Certificate::from_der(&body[..length]).is_none(), "{length}");
    }
    let longer = [&body[..], &[0]].concat();
    assert!(Certificate::from_der(&longer).is_none());
    for text in [
        String::new(),
        "nonsense".to_owned(),
        RSA_LEAF.replace("CERTIFICATE", "PUBLIC KEY"),
        format!("{RSA_LEAF}{RSA_ROOT}"),
        format!("Certificate:\n{RSA_LEAF}"),
    ] {
        assert!(Certificate::from_pem(&text).is_none(), "{text}");
    }
    assert_eq!(Certificate::all_from_pem(&format!("{RSA_LEAF}{RSA_ROOT}")).map(|all| all.len()), Some(2));
}

#[test]
fn times_are_those_of_the_calendar() {
    use super::super::der::write;
    for (kind, text, read) in [
        (tag::UTC_TIME, "491231235959Z", Some("2049-12-31T23:59:59Z")),
        (tag::UTC_TIME, "500101000000Z", Some("1950-01-01T00:00:00Z")),
        (tag::GENERALIZED_TIME, "20500101000000Z", Some("2050-01-01T00:00:00Z")),
        (tag::UTC_TIME, "260230000000Z", None),
        (tag::UTC_TIME, "2601010000Z", None),
        (tag::UTC_TIME, "260101000000+0100", None),
        (tag::UTC_TIME, "26010100000-Z", None),
        (tag::GENERALIZED_TIME, "20500101000000.5Z", None),
        (tag::OCTET_STRING, "20500101000000Z", None),
    ] {
        let encoded = write(kind, text.as_bytes());
        let found = time(&mut Reader::new(&encoded)).map(|moment| moment.iso8601());
        assert_eq!(found.as_deref(), read, "{text}");
    }
}

proptest! {
    #[test]
    fn a_changed_certificate_is_none_or_is_not_signed_any_more(at in 0_usize..2_000, flip in 1_u8..=255) {
        let (root, leaf) = (read(RSA_ROOT), read(RSA_LEAF));
        let mut bytes = leaf.whole.clone();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Some(changed) = Certificate::from_der(&bytes) {
            prop_assert!(!changed.is_signed_by(&root), "byte {} with {:x}", at, flip);
        }
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        let _ = Certificate::from_der(&bytes);
        for label in ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"] {
            let key = SecretText::new(pem::write(label, &bytes));
            prop_assert!(certificate_key::check(&read(RSA_LEAF), &key).is_err());
        }
    }
}

#[test]
fn the_uris_among_the_names_are_read() {
    let made = |names: Vec<rcgen::SanType>| {
        let key = KeyPair::generate().expect("a key");
        let mut params = params("leaf");
        params.subject_alt_names = names;
        read(&params.self_signed(&key).expect("signed").pem())
    };
    let uri = |text: &str| rcgen::SanType::URI(text.try_into().expect("a URI"));
    let dns = rcgen::SanType::DnsName("a.example".try_into().expect("a name"));
    assert_eq!(made(vec![]).uris(), Some(vec![]));
    assert_eq!(made(vec![dns.clone()]).uris(), Some(vec![]));
    let arn = "arn:aws:iam::111111111111:role/a";
    assert_eq!(made(vec![dns.clone(), uri(arn), dns]).uris(), Some(vec![arn]));
    assert_eq!(made(vec![uri(arn), uri("spiffe://x")]).uris(), Some(vec![arn, "spiffe://x"]));
    assert_eq!(read(RSA_LEAF).uris(), Some(vec![]), "a certificate of version 1 has no extensions");
}

proptest! {
    /// Wherever a byte is changed, names are read or refused, and nothing panics.
    #[test]
    fn broken_extensions_are_refused_or_read(at in 0_usize..2_000, with in any::<u8>()) {
        let key = KeyPair::generate().expect("a key");
        let mut params = params("leaf");
        params.subject_alt_names = vec![rcgen::SanType::URI("arn:aws:iam::1:role/a".try_into().expect("a URI"))];
        let mut der = params.self_signed(&key).expect("signed").der().to_vec();
        let at = at % der.len();
        der[at] = with;
        if let Some(uris) = Certificate::from_der(&der).as_ref().and_then(Certificate::uris) {
            prop_assert!(uris.iter().all(|uri| uri.is_ascii()));
        }
    }
}
