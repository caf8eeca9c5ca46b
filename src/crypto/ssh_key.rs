//! Public RSA keys as SSH has them (RFC 4253 section 6.6) and as PEM has them (RFC 7468, RFC 8017), and their fingerprints.
//!
//! Source: `UploadSSHPublicKey` and `GetSSHPublicKey` of IAM, which take RSA keys of 2,048 bits and more.

use std::fmt::Write as _;

use data_encoding::BASE64;
use md5::{Digest, Md5};

use super::certificate::{KeyKind, PublicKey, oid};
use super::der::{self, Reader, tag};
use super::pem;

/// The fewest bits that AWS takes.
pub const FEWEST_BITS: usize = 2_048;

/// The most bits: what OpenSSH takes.
pub const MOST_BITS: usize = 16_384;

/// A public RSA key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshPublicKey {
    /// Big-endian, without leading zeros, as is the next.
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `ssh-rsa AAAA… comment`
    Ssh,
    /// `-----BEGIN PUBLIC KEY-----`
    Pem,
}

/// Why a key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// Neither `ssh-rsa` nor a public key in PEM.
    #[error("neither an ssh-rsa line nor a public key in PEM")]
    UnknownEncoding,
    /// Broken, or not RSA.
    #[error("the public key is malformed, or is not of RSA")]
    Malformed,
    /// Too short to be safe, or longer than anybody uses.
    #[error("an RSA key has {FEWEST_BITS} to {MOST_BITS} bits")]
    Size,
}

const RSA: &[u8] = b"ssh-rsa";

impl SshPublicKey {
    /// Reads a key in either encoding, and says in which.
    pub fn parse(text: &str) -> Result<(Self, Encoding), SshKeyError> {
        let text = text.trim();
        if text.starts_with("-----BEGIN ") {
            return Ok((Self::from_pem(text)?, Encoding::Pem));
        }
        let (kind, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if kind.as_bytes() != RSA || text.contains(['\r', '\n']) {
            return Err(SshKeyError::UnknownEncoding);
        }
        let body = rest.trim_start().split([' ', '\t']).next().unwrap_or_default();
        let blob = BASE64.decode(body.as_bytes()).map_err(|_| SshKeyError::Malformed)?;
        Ok((Self::from_blob(&blob)?, Encoding::Ssh))
    }

    /// The key in an encoding, without a comment.
    pub fn encode(&self, encoding: Encoding) -> String {
        match encoding {
            Encoding::Ssh => format!("ssh-rsa {}", BASE64.encode(&self.blob())),
            Encoding::Pem => pem::write("PUBLIC KEY", &self.info()),
        }
    }

    /// MD5 of the key as SSH has it, as AWS and older programs of SSH show it: `b0:7f:…`. It names a key to people and
    /// decides nothing.
    pub fn fingerprint(&self) -> String {
        let mut text = String::with_capacity(48);
        for byte in Md5::digest(self.blob()) {
            let colon = if text.is_empty() { "" } else { ":" };
            let _ = write!(text, "{colon}{byte:02x}");
        }
        text
    }

    fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, SshKeyError> {
        let bits = bits(modulus);
        if !(FEWEST_BITS..=MOST_BITS).contains(&bits) {
            return Err(SshKeyError::Size);
        }
        let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        let sensible = odd(modulus) && odd(exponent) && exponent != [1] && self::bits(exponent) < bits;
        if !sensible {
            return Err(SshKeyError::Malformed);
        }
        Ok(Self { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
    }

    fn from_pem(text: &str) -> Result<Self, SshKeyError> {
        let blocks = pem::blocks(text).ok_or(SshKeyError::Malformed)?;
        let [block] = blocks.as_slice() else { return Err(SshKeyError::Malformed) };
        match block.label {
            "PUBLIC KEY" => {
                let mut reader = Reader::new(&block.bytes);
                let key = PublicKey::read(&mut reader).ok_or(SshKeyError::Malformed)?;
                if reader.end().is_none() || key.kind != KeyKind::Rsa {
                    return Err(SshKeyError::Malformed);
                }
                Self::from_pkcs1(&key.bytes)
            }
            "RSA PUBLIC KEY" => Self::from_pkcs1(&block.bytes),
            _ => Err(SshKeyError::UnknownEncoding),
        }
    }

    fn from_pkcs1(document: &[u8]) -> Result<Self, SshKeyError> {
        let read = || {
            let mut outer = Reader::new(document);
            let mut key = outer.sequence()?;
            let numbers = (key.unsigned()?, key.unsigned()?);
            key.end().and(outer.end()).map(|()| numbers)
        };
        let (modulus, exponent) = read().ok_or(SshKeyError::Malformed)?;
        Self::new(modulus, exponent)
    }

    fn from_blob(blob: &[u8]) -> Result<Self, SshKeyError> {
        let read = || {
            let mut rest = blob;
            let kind = text(&mut rest)?;
            let exponent = der::unsigned(text(&mut rest)?)?;
            let modulus = der::unsigned(text(&mut rest)?)?;
            (kind == RSA && rest.is_empty()).then_some((modulus, exponent))
        };
        let (modulus, exponent) = read().ok_or(SshKeyError::Malformed)?;
        Self::new(modulus, exponent)
    }

    /// The key as RFC 4253 has it.
    fn blob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_text(&mut out, RSA);
        for number in [&self.exponent, &self.modulus] {
            let sign: &[u8] = if number.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
            write_text(&mut out, &[sign, number].concat());
        }
        out
    }

    /// The key as a `SubjectPublicKeyInfo`.
    fn info(&self) -> Vec<u8> {
        let numbers = [der::write_unsigned(&self.modulus), der::write_unsigned(&self.exponent)].concat();
        let algorithm = [der::write(tag::OBJECT, oid::RSA), der::write(tag::NULL, &[])].concat();
        let bits = [&[0][..], &der::write(tag::SEQUENCE, &numbers)].concat();
        let info = [der::write(tag::SEQUENCE, &algorithm), der::write(tag::BIT_STRING, &bits)].concat();
        der::write(tag::SEQUENCE, &info)
    }
}

/// The bits of a number, counted from the first that is set.
fn bits(number: &[u8]) -> usize {
    let zeros = number.first().map_or(0, |first| first.leading_zeros());
    (number.len() * 8).saturating_sub(usize::try_from(zeros).unwrap_or(0))
}

/// A `string` of RFC 4251 section 5: its length in four bytes, then its bytes.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk::<4>()?;
    let (text, behind) = behind.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = behind;
    Some(text)
}

fn write_text(out: &mut Vec<u8>, bytes: &[u8]) {
    // No key is longer than `MOST_BITS`.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
#[path = "ssh_key_tests.rs"]
mod tests;
