//! Certificates and private keys as requests carry them.

use std::fmt;

use serde::Deserialize;

use crate::clock::Timestamp;
use crate::crypto::certificate::Certificate;
use crate::ops::Error;
use crate::types::SecretText;

/// A secret as it comes over the wire.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct Secret(SecretText);

impl Secret {
    pub(super) fn text(&self) -> &SecretText {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(SecretText::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The one certificate of a text.
pub(super) fn certificate(text: &str) -> Result<Certificate, Error> {
    Certificate::from_pem(text).ok_or_else(|| {
        let message = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
        Error::MalformedCertificate(message.to_owned())
    })
}

/// A certificate is taken between the two moments that it names, and not before or after.
pub(super) fn in_its_time(certificate: &Certificate, now: Timestamp) -> Result<(), Error> {
    let (begins, ends) = (certificate.not_before(), certificate.not_after());
    if (begins..=ends).contains(&now) {
        return Ok(());
    }
    let (begins, ends) = (begins.iso8601(), ends.iso8601());
    Err(Error::MalformedCertificate(format!("The certificate is valid from {begins} to {ends}, and not now.")))
}
