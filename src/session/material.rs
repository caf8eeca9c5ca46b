//! A ring key's secret half as bytes for the caller to seal, and the record that the store keeps of the key.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::{Random, Timestamp};
use crate::crypto::alg::SigningAlg;
use crate::crypto::seal::Sealed;
use crate::crypto::signing_key::{KeyError, SigningKey};
use crate::session::key_ring::KeyRingError;
use crate::types::secret::SecretBytes;

/// The private key and the key from which session secrets are derived.
#[derive(Debug, Clone)]
pub struct RingKeyMaterial {
    /// The private key, PKCS#8.
    pub pkcs8: SecretBytes,
    /// 32 bytes from which the secrets of this key's sessions are derived. Apart from the private key, so that what signs and
    /// what derives never share a key.
    pub derivation: SecretBytes,
}

/// A ring key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingRecord {
    /// The key's thumbprint.
    pub kid: String,
    /// What it signs with.
    pub alg: SigningAlg,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it signs.
    pub not_before: Timestamp,
    /// Until when its tokens verify; none while no successor is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire_after: Option<Timestamp>,
    /// [`RingKeyMaterial::to_bytes`], sealed by the caller.
    pub material: Sealed,
}

impl RingKeyMaterial {
    /// New material. ring draws the key pair from the operating system; `random` gives the rest.
    pub fn generate(alg: SigningAlg, random: &dyn Random) -> Result<Self, KeyError> {
        let mut derivation = Zeroizing::new([0; DERIVATION]);
        random.fill(derivation.as_mut_slice());
        Ok(Self { pkcs8: SigningKey::generate(alg)?, derivation: SecretBytes::new(*derivation) })
    }

    /// The kid that a key of this material has.
    pub fn kid(&self, alg: SigningAlg) -> Result<String, KeyError> {
        SigningKey::from_pkcs8(alg, &self.pkcs8).map(|key| key.kid().to_owned())
    }

    /// A version byte, the derivation key, the private key.
    pub fn to_bytes(&self) -> SecretBytes {
        SecretBytes::new([&[VERSION], self.derivation.expose(), self.pkcs8.expose()].concat())
    }

    /// Reads what [`RingKeyMaterial::to_bytes`] wrote.
    pub fn from_bytes(bytes: &SecretBytes) -> Result<Self, KeyRingError> {
        let rest = bytes.expose().strip_prefix(&[VERSION]).ok_or(KeyRingError::BadMaterial)?;
        let (derivation, pkcs8) = rest.split_at_checked(DERIVATION).ok_or(KeyRingError::BadMaterial)?;
        Ok(Self { derivation: SecretBytes::new(derivation), pkcs8: SecretBytes::new(pkcs8) })
    }
}

const VERSION: u8 = 1;
const DERIVATION: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn material_reads_back() {
        let material = RingKeyMaterial::generate(SigningAlg::Es256, &SystemRandom).unwrap();
        let again = RingKeyMaterial::from_bytes(&material.to_bytes()).unwrap();
        assert_eq!(again.kid(SigningAlg::Es256).unwrap(), material.kid(SigningAlg::Es256).unwrap());
        assert!(again.derivation.matches(material.derivation.expose()));
        for bad in [&[][..], &[1; 20], &[2; 200]] {
            assert_eq!(RingKeyMaterial::from_bytes(&SecretBytes::new(bad)).unwrap_err(), KeyRingError::BadMaterial);
        }
        assert_eq!(format!("{material:?}").matches("redacted").count(), 2);
    }
}
