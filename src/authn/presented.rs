//! Requests that somebody signed for another service, which hands over what it received to be told who did.
//!
//! The secret never leaves the broker, and what is signed for the broker itself proves nothing to others: a service that could have
//! such a request verified could as well send it on.

use super::{Authenticator, Caller, Error};
use crate::clock::Timestamp;
use crate::sigv4::{Content, Coverage, RequestParts, Scope, SignedRequest, SigningKey};
use crate::types::SecretText;

/// A request whose signature was found good.
#[derive(Debug)]
pub struct Presented {
    /// Who signed it.
    pub caller: Caller,
    /// With which key.
    pub access_key_id: String,
    /// With which session token.
    pub session_token: Option<SecretText>,
    /// For which day, region and service.
    pub scope: Scope,
    /// When, as the signer says.
    pub signed_at: Timestamp,
    /// Until when it is accepted.
    pub ends: Timestamp,
    /// Whether the signature stands in the query string.
    pub presigned: bool,
    /// What the signature says of the body.
    pub coverage: Coverage,
    /// The headers that it covers.
    pub signed_headers: Vec<String>,
    key: SigningKey,
}

impl Presented {
    /// The key that it was signed with, good in its scope alone.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }
}

/// Services of brevet's own, those to come included: requests to them are for nobody else.
const OWN: [&str; 7] = ["brevet", "iam", "signin", "sso", "sso-oauth", "sso-oidc", "sts"];

/// Whether a service of this name is another than the broker: its name is one that a scope can have, and none of the broker's own.
pub fn is_for_others(service: &str) -> bool {
    let letters = service.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    (1..=64).contains(&service.len()) && letters && !OWN.iter().any(|own| own.eq_ignore_ascii_case(service))
}

impl Authenticator {
    /// Who signed a request that `service` received. Of its body counts `content`, not what stands in `parts`. Unlike a request to
    /// the broker, a presigned one is good for as long as it says, and a body may be left open: [`Presented::coverage`] tells.
    ///
    /// # Errors
    /// [`Error`] names the cause.
    pub async fn presented(
        &self,
        parts: &RequestParts<'_>,
        content: Content<'_>,
        service: &str,
        now: Timestamp,
    ) -> Result<Presented, Error> {
        let signed = SignedRequest::parse_told(parts, content).map_err(Error::Signature)?.ok_or(Error::Anonymous)?;
        signed.check_time(now).map_err(Error::Signature)?;
        if signed.scope().service != service || !is_for_others(service) {
            return Err(Error::WrongService(signed.scope().service.clone()));
        }
        let caller = self.signer(&signed, now).await?;
        let key = self.signed_with(&signed, now).await?;
        Ok(Presented {
            caller,
            access_key_id: signed.access_key_id().to_owned(),
            session_token: signed.session_token().map(SecretText::new),
            scope: signed.scope().clone(),
            signed_at: signed.timestamp(),
            ends: signed.ends(),
            presigned: signed.presigned(),
            coverage: signed.coverage().clone(),
            signed_headers: signed.signed_headers().map(str::to_owned).collect(),
            key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_for_others;

    #[test]
    fn the_brokers_own_services_are_nobody_elses() {
        for service in ["s3", "dynamodb", "execute-api", "my.service_1", "S3"] {
            assert!(is_for_others(service), "{service}");
        }
        let long = "x".repeat(65);
        for service in
            ["sts", "STS", "iam", "Iam", "brevet", "sso", "signin", "", "a b", "s3/", "*", "é", long.as_str()]
        {
            assert!(!is_for_others(service), "{service}");
        }
    }
}
