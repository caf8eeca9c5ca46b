//! The credential scope: the day, region and service that a signing key is good for.

use crate::clock::Timestamp;

use super::refusal::{Refusal, quoted};

/// What ends every scope.
pub(super) const TERMINATOR: &str = "aws4_request";

/// What a signature is limited to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `YYYYMMDD`, in UTC.
    pub date: String,
    /// Any region name of at most 64 letters, digits, `-`, `_` or `.`.
    pub region: String,
    /// The service's signing name, like `iam`, with the same letters.
    pub service: String,
}

impl Scope {
    /// The scope of a signature made at `now`.
    pub fn at(now: Timestamp, region: &str, service: &str) -> Self {
        let mut date = now.compact();
        date.truncate(8);
        Self { date, region: region.to_owned(), service: service.to_owned() }
    }

    /// Reads a credential, `keyid/date/region/service/aws4_request`, into its access key id and scope.
    pub(super) fn read_credential(credential: &str) -> Result<(&str, Self), Refusal> {
        let mut parts = credential.splitn(6, '/');
        let five = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(key), Some(date), Some(region), Some(service), Some(terminator), None) = five else {
            return Err(Refusal::CredentialElements(quoted(credential)));
        };
        if key.is_empty() || key.len() > 128 || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Refusal::AccessKeyId);
        }
        if terminator != TERMINATOR {
            return Err(Refusal::Terminator(quoted(terminator)));
        }
        // Whether the calendar has that day shows when it is compared with the day of the request.
        if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refusal::ScopeDateFormat(quoted(date)));
        }
        if !is_name(region) {
            return Err(Refusal::Region(None));
        }
        if !is_name(service) {
            return Err(Refusal::Service(None));
        }
        Ok((key, Self { date: date.to_owned(), region: region.to_owned(), service: service.to_owned() }))
    }
}

impl std::fmt::Display for Scope {
    /// `20150830/us-east-1/iam/aws4_request`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    (1..=64).contains(&text.len()) && letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_has_five_elements() {
        let (key, scope) = Scope::read_credential("AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request").unwrap();
        assert_eq!(key, "AKIDEXAMPLE");
        assert_eq!(scope.to_string(), "20150830/us-east-1/iam/aws4_request");
        for credential in ["", "AKID", "AKID/20150830/us-east-1/iam", "AKID/20150830/us-east-1/iam/aws4_request/x"] {
            let refused = Scope::read_credential(credential);
            assert!(matches!(refused, Err(Refusal::CredentialElements(_))), "{credential}");
        }
    }

    #[test]
    fn each_element_is_checked() {
        let refusal = |credential| Scope::read_credential(credential).err();
        assert_eq!(refusal("/20150830/us-east-1/iam/aws4_request"), Some(Refusal::AccessKeyId));
        assert_eq!(refusal("A/20150830//iam/aws4_request"), Some(Refusal::Region(None)));
        assert_eq!(refusal("A/20150830/us east/iam/aws4_request"), Some(Refusal::Region(None)));
        assert_eq!(refusal("A/20150830/us-east-1//aws4_request"), Some(Refusal::Service(None)));
        assert_eq!(refusal("A/20150830/r/iam/aws4"), Some(Refusal::Terminator("aws4".to_owned())));
        for date in ["2015083", "2015-8-3", "", "201508300"] {
            let credential = format!("A/{date}/r/iam/aws4_request");
            let refused = Scope::read_credential(&credential).err();
            assert_eq!(refused, Some(Refusal::ScopeDateFormat(date.to_owned())), "{date}");
        }
    }
}
