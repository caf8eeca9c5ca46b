//! Cryptography behind names that the broker thinks in: the only floor that names ring, jsonwebtoken, argon2, md5
//! and rcgen.
//!
//! Everything here is synchronous and pure: time and randomness come in as parameters. The one exception is said where it
//! stands: key pairs, ECDSA nonces and what seals a JWE are drawn by ring from the operating system, because ring takes them from
//! nobody else.

pub mod alg;
pub mod certificate;
pub mod certificate_key;
mod der;
pub mod hash;
pub mod issuer_keys;
pub mod jwe;
pub mod jwk;
pub mod jwt;
mod key_handle;
pub mod metadata_key;
pub mod password;
mod pem;
mod private_key;
pub mod provider;
pub mod qr;
pub mod rsa_key;
pub mod seal;
pub mod signing_key;
pub mod ssh_key;
pub mod totp;
pub mod verifying_key;
pub mod x509;
