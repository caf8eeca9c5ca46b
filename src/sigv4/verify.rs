//! Checking a claim: its time, its scope and its signature.

use crate::clock::Timestamp;

use super::parse::Form;
use super::refusal::Refusal;
use super::{MAX_SKEW_SECONDS, SignedRequest, SigningKey};

impl SignedRequest<'_> {
    /// Checks the time. In the header form the signature may be 15 minutes old and, for clocks that run ahead, 15 minutes
    /// young; a presigned request is good until the end of its `X-Amz-Expires`, without a grace.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Refusal> {
        let signed = self.timestamp();
        let latest = now.plus(MAX_SKEW_SECONDS);
        if signed > latest {
            let (signed, latest, now) = (signed.compact(), latest.compact(), now.compact());
            return Err(Refusal::NotYetCurrent { signed, latest, now });
        }
        if let Form::Presigned(Some(expires)) = self.form {
            let until = signed.plus(i64::from(expires));
            let expired = || Refusal::PresignedExpired { until: until.compact(), now: now.compact() };
            return if now > until { Err(expired()) } else { Ok(()) };
        }
        let earliest = now.plus(-MAX_SKEW_SECONDS);
        if signed < earliest {
            let (signed, earliest, now) = (signed.compact(), earliest.compact(), now.compact());
            return Err(Refusal::Expired { signed, earliest, now });
        }
        Ok(())
    }

    /// Checks that a presigned request is no older than `most` seconds, however long it was signed for.
    pub fn check_presigned_age(&self, now: Timestamp, most: i64) -> Result<(), Refusal> {
        let until = self.timestamp().plus(most);
        match self.form {
            Form::Presigned(_) if now > until => {
                Err(Refusal::PresignedExpired { until: until.compact(), now: now.compact() })
            }
            _ => Ok(()),
        }
    }

    /// Checks that the signature is for this service.
    pub fn check_service(&self, service: &str) -> Result<(), Refusal> {
        let right = self.scope().service == service;
        if right { Ok(()) } else { Err(Refusal::Service(Some(service.to_owned()))) }
    }

    /// Checks that the signature is for this region.
    pub fn check_region(&self, region: &str) -> Result<(), Refusal> {
        let right = self.scope().region == region;
        if right { Ok(()) } else { Err(Refusal::Region(Some(region.to_owned()))) }
    }

    /// Checks the signature with the key of this request's [`scope`](Self::scope), in constant time, and that a signed
    /// payload is the payload. Says nothing about the time: see [`check_time`](Self::check_time).
    pub fn verify(&self, key: &SigningKey) -> Result<(), Refusal> {
        let other = || self.other_string_to_sign.as_ref().is_some_and(|other| key.matches(other, &self.signature));
        if !key.matches(self.string_to_sign(), &self.signature) && !other() {
            return Err(Refusal::SignatureDoesNotMatch);
        }
        if self.payload_mismatch { Err(Refusal::PayloadHash) } else { Ok(()) }
    }
}
