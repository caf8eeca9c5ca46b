//! Bytes from anywhere as certificates, private keys and SSH keys.
//!
//! First byte: what they are; the rest: a text, or the bytes inside of one. Nothing may panic, a certificate must not be signed
//! by one that it is not, and a key that was read must read back the same in both encodings.

#![no_main]

use brevet::crypto::certificate::{Certificate, broken_link};
use brevet::crypto::certificate_key;
use brevet::crypto::ssh_key::{Encoding, SshPublicKey};
use brevet::types::SecretText;
use libfuzzer_sys::fuzz_target;

fn block(label: &str, bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * place) & 63]);
            text.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    text + &format!("\n-----END {label}-----\n")
}

fn ssh_key(text: &str) {
    let Ok((key, _)) = SshPublicKey::parse(text) else { return };
    for encoding in [Encoding::Ssh, Encoding::Pem] {
        assert_eq!(SshPublicKey::parse(&key.encode(encoding)), Ok((key.clone(), encoding)));
    }
    assert_eq!(key.fingerprint().len(), 47);
}

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    match first % 4 {
        0 => {
            let Some(all) = Certificate::all_from_pem(&text) else { return };
            for one in &all {
                broken_link(one, &all);
                for label in ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"] {
                    let _ = certificate_key::check(one, &SecretText::new(block(label, bytes)));
                }
            }
        }
        1 => {
            if let Some(one) = Certificate::from_der(bytes) {
                assert_eq!(Certificate::from_pem(&block("CERTIFICATE", bytes)).as_ref(), Some(&one));
                one.is_signed_by(&one);
                assert!(one.uris().unwrap_or_default().iter().all(|uri| uri.is_ascii()));
                for label in ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"] {
                    let _ = certificate_key::check(&one, &SecretText::new(block(label, bytes)));
                }
            }
        }
        2 => ssh_key(&text),
        _ => {
            ssh_key(&block("PUBLIC KEY", bytes));
            ssh_key(&block("RSA PUBLIC KEY", bytes));
        }
    }
});
