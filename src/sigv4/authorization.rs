//! The `Authorization` header: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.

use super::refusal::{Refusal, quoted};
use super::{ALGORITHM, MAX_AUTHORIZATION_BYTES};

/// The three parameters of the header.
#[derive(Debug)]
pub(super) struct Authorization<'a> {
    pub(super) credential: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header's value, of at most 8 KiB.
    pub(super) fn read(value: &'a [u8]) -> Result<Self, Refusal> {
        if value.len() > MAX_AUTHORIZATION_BYTES {
            return Err(Refusal::TooLong("Authorization"));
        }
        let text = std::str::from_utf8(value).map_err(|_| Refusal::NotText("Authorization".to_owned()))?;
        let text = text.trim_matches([' ', '\t']);
        let (scheme, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if scheme != ALGORITHM {
            // Only a name of AWS's is repeated: of another scheme, even the first word may be a secret.
            let known = scheme.starts_with("AWS4-") || scheme.starts_with("AWS3-");
            return Err(if known { Refusal::UnsupportedAlgorithm(quoted(scheme)) } else { Refusal::UnsupportedScheme });
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for pair in rest.split(',').filter(|_| !rest.is_empty()) {
            let (name, value) = pair.trim_matches([' ', '\t']).split_once('=').ok_or(Refusal::NotKeyValue)?;
            let (slot, name) = match name {
                "Credential" => (&mut credential, "Credential"),
                "SignedHeaders" => (&mut signed_headers, "SignedHeaders"),
                "Signature" => (&mut signature, "Signature"),
                _ => return Err(Refusal::NotKeyValue),
            };
            if slot.replace(value).is_some() {
                return Err(Refusal::RepeatedParameter(name));
            }
        }
        if let (Some(credential), Some(signed_headers), Some(signature)) = (credential, signed_headers, signature) {
            return Ok(Self { credential, signed_headers, signature });
        }
        let given = [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)];
        let missing = given.into_iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        Err(Refusal::MissingHeaderParameters(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_after_the_commas_do_not_matter() {
        for value in [
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x, Signature=c",
            " AWS4-HMAC-SHA256  Signature=c,Credential=a/b,\tSignedHeaders=host;x ",
        ] {
            let read = Authorization::read(value.as_bytes()).unwrap();
            assert_eq!((read.credential, read.signed_headers, read.signature), ("a/b", "host;x", "c"));
        }
    }

    #[test]
    fn other_schemes_are_refused_without_repeating_them() {
        for value in ["", "Bearer secret", "secret", "aws4-hmac-sha256 Credential=a", "AWS akid:secret"] {
            assert_eq!(Authorization::read(value.as_bytes()).err(), Some(Refusal::UnsupportedScheme), "{value}");
        }
        for algorithm in ["AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA1", "AWS3-HTTPS"] {
            let refused = Authorization::read(format!("{algorithm} Credential=a").as_bytes()).err();
            assert_eq!(refused, Some(Refusal::UnsupportedAlgorithm(algorithm.to_owned())));
        }
    }

    #[test]
    fn every_parameter_stands_exactly_once() {
        let refusal = |rest: &str| Authorization::read(format!("AWS4-HMAC-SHA256 {rest}").as_bytes()).err();
        let missing = vec!["Credential", "Signature", "SignedHeaders"];
        assert_eq!(refusal(""), Some(Refusal::MissingHeaderParameters(missing)));
        assert_eq!(refusal("Credential=a, Signature=b"), Some(Refusal::MissingHeaderParameters(vec!["SignedHeaders"])));
        assert_eq!(refusal("Signature=a, Signature=b"), Some(Refusal::RepeatedParameter("Signature")));
        for rest in ["Credential", "Other=a", "Credential=a,,Signature=b", "Credential=a,"] {
            assert_eq!(refusal(rest), Some(Refusal::NotKeyValue), "{rest}");
        }
        assert_eq!(refusal(&"x".repeat(9_000)), Some(Refusal::TooLong("Authorization")));
    }
}
