use proptest::prelude::*;

use super::*;

/// One key in three forms, and its fingerprint as `ssh-keygen -l -E md5` prints it.
const SSH: &str = "\
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCrEevX3gctkOflykXB+Bgr13nD9XTj2S8sRc/GdRf7GjJKG1CWTX4drrXtV689GrpqVwCAUWe6EGnqHjZfHWBQNzcDMvkTQZvsxehBWzUiU3vvokhrEcmK6lmnukdxPshttjXvGaUw3VCWFwBdPV2B4+iwr5uvUkJBONxauxgdoeDOUaxVKCRLr+kipPHyiD8fV4Y7TsNAvvjCVN1jIOqw6YovLW+eXa+akexJDtzpUyzL3EPu9UGre+I7YRysfx6aBbI+XE08mkYyc4IN+6KOhGTiqb/ySTlVe/XL202vfKa+zKB4oJtKEiIZ4pWD8vveD1HSkhEe2nDesaNZB6gt";
const PEM: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqxHr194HLZDn5cpFwfgY
K9d5w/V049kvLEXPxnUX+xoyShtQlk1+Ha617VevPRq6alcAgFFnuhBp6h42Xx1g
UDc3AzL5E0Gb7MXoQVs1IlN776JIaxHJiupZp7pHcT7IbbY17xmlMN1QlhcAXT1d
gePosK+br1JCQTjcWrsYHaHgzlGsVSgkS6/pIqTx8og/H1eGO07DQL74wlTdYyDq
sOmKLy1vnl2vmpHsSQ7c6VMsy9xD7vVBq3viO2EcrH8emgWyPlxNPJpGMnOCDfui
joRk4qm/8kk5VXv1y9tNr3ymvsygeKCbShIiGeKVg/L73g9R0pIRHtpw3rGjWQeo
LQIDAQAB
-----END PUBLIC KEY-----
";
const PKCS1: &str = "\
-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAqxHr194HLZDn5cpFwfgYK9d5w/V049kvLEXPxnUX+xoyShtQlk1+
Ha617VevPRq6alcAgFFnuhBp6h42Xx1gUDc3AzL5E0Gb7MXoQVs1IlN776JIaxHJ
iupZp7pHcT7IbbY17xmlMN1QlhcAXT1dgePosK+br1JCQTjcWrsYHaHgzlGsVSgk
S6/pIqTx8og/H1eGO07DQL74wlTdYyDqsOmKLy1vnl2vmpHsSQ7c6VMsy9xD7vVB
q3viO2EcrH8emgWyPlxNPJpGMnOCDfuijoRk4qm/8kk5VXv1y9tNr3ymvsygeKCb
ShIiGeKVg/L73g9R0pIRHtpw3rGjWQeoLQIDAQAB
-----END RSA PUBLIC KEY-----
";
const FINGERPRINT: &str = "eb:1f:1a:6b:2c:e5:d3:ca:59:23:16:50:f0:2c:6f:bc";

const EXPONENT: &[u8] = &[1, 0, 1];

#[test]
fn one_key_is_the_same_in_every_form() {
    let (key, encoding) = SshPublicKey::parse(SSH).expect("a key");
    assert_eq!(encoding, Encoding::Ssh);
    for (text, encoding) in [
        (PEM.to_owned(), Encoding::Pem),
        (PKCS1.to_owned(), Encoding::Pem),
        (format!("  {SSH} alice@laptop, the old one\n"), Encoding::Ssh),
        (SSH.replace(' ', "\t"), Encoding::Ssh),
    ] {
        assert_eq!(SshPublicKey::parse(&text), Ok((key.clone(), encoding)), "{text}");
    }
    assert_eq!((key.encode(Encoding::Ssh).as_str(), key.encode(Encoding::Pem).as_str()), (SSH, PEM));
    assert_eq!(key.fingerprint(), FINGERPRINT);
}

#[test]
fn what_is_not_a_public_rsa_key_is_refused_for_what_it_is() {
    let (_, body) = SSH.split_once(' ').expect("two words");
    for (text, error) in [
        (String::new(), SshKeyError::UnknownEncoding),
        ("nonsense".to_owned(), SshKeyError::UnknownEncoding),
        (format!("ssh-ed25519 {body}"), SshKeyError::UnknownEncoding),
        (format!("SSH-RSA {body}"), SshKeyError::UnknownEncoding),
        (format!("{SSH}\n{SSH}"), SshKeyError::UnknownEncoding),
        (
            "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----".to_owned(),
            SshKeyError::UnknownEncoding,
        ),
        (PEM.replace("PUBLIC KEY", "CERTIFICATE"), SshKeyError::UnknownEncoding),
        (PEM.replace("PUBLIC KEY", "PRIVATE KEY"), SshKeyError::UnknownEncoding),
        ("ssh-rsa".to_owned(), SshKeyError::Malformed),
        ("ssh-rsa AAAA".to_owned(), SshKeyError::Malformed),
        (format!("ssh-rsa {}", &body[..40]), SshKeyError::Malformed),
        (PEM.replace("PUBLIC KEY", "RSA PUBLIC KEY"), SshKeyError::Malformed),
        (PKCS1.replace("RSA PUBLIC KEY", "PUBLIC KEY"), SshKeyError::Malformed),
        (PEM.replace("AQAB", "AQAA"), SshKeyError::Malformed),
        (format!("{PEM}{PEM}"), SshKeyError::Malformed),
    ] {
        assert_eq!(SshPublicKey::parse(&text), Err(error), "{text}");
    }
}

#[test]
fn numbers_have_their_sizes_and_are_odd() {
    let modulus = |bytes: usize| [&[0x80][..], &vec![0x55; bytes - 1]].concat();
    assert!(SshPublicKey::new(&modulus(256), EXPONENT).is_ok());
    assert!(SshPublicKey::new(&modulus(2_048), EXPONENT).is_ok());
    assert_eq!(SshPublicKey::new(&modulus(128), EXPONENT), Err(SshKeyError::Size));
    assert_eq!(SshPublicKey::new(&modulus(2_049), EXPONENT), Err(SshKeyError::Size));
    // 2,047 bits.
    assert_eq!(SshPublicKey::new(&[&[0x7f][..], &vec![0x55; 255]].concat(), EXPONENT), Err(SshKeyError::Size));
    let even = [&[0x80][..], &vec![0x44; 255]].concat();
    assert_eq!(SshPublicKey::new(&even, EXPONENT), Err(SshKeyError::Malformed));
    for exponent in [&[][..], &[1], &[4], &modulus(256), &modulus(300)] {
        assert_eq!(SshPublicKey::new(&modulus(256), exponent), Err(SshKeyError::Malformed), "{exponent:x?}");
    }
}

/// An odd number of whole bytes.
fn number(bytes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), bytes).prop_map(|mut bytes| {
        if let Some(first) = bytes.first_mut() {
            *first |= 0x80;
        }
        if let Some(last) = bytes.last_mut() {
            *last |= 1;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_key_is_the_same_in_both_encodings(modulus in number(256..266), exponent in number(1..9)) {
        let key = SshPublicKey::new(&modulus, &exponent).expect("a key");
        for encoding in [Encoding::Ssh, Encoding::Pem] {
            prop_assert_eq!(SshPublicKey::parse(&key.encode(encoding)), Ok((key.clone(), encoding)));
        }
        prop_assert_eq!(key.fingerprint().len(), 47);
    }

    #[test]
    fn a_changed_key_is_another_or_none(at in 0_usize..300, flip in 1_u8..=255) {
        let (key, _) = SshPublicKey::parse(SSH).expect("a key");
        let mut blob = key.blob();
        let at = at % blob.len();
        blob[at] ^= flip;
        prop_assert_ne!(SshPublicKey::from_blob(&blob), Ok(key));
    }

    #[test]
    fn any_text_is_read_to_an_end(text in "(ssh-rsa |-----BEGIN (RSA )?PUBLIC KEY-----\n)?[A-Za-z0-9+/=\n -]{0,200}") {
        prop_assert!(SshPublicKey::parse(&text).is_err());
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = SshPublicKey::from_blob(&bytes);
        let _ = SshPublicKey::parse(&pem::write("PUBLIC KEY", &bytes));
        let _ = SshPublicKey::parse(&pem::write("RSA PUBLIC KEY", &bytes));
    }
}
