//! The issuer of an OpenID Connect provider, as AWS names such providers by it: the URL without its scheme.
//!
//! Source: `CreateOpenIDConnectProvider` in the IAM API reference; OpenID Connect Core 1.0 section 2 (`iss` is a URL of scheme
//! https without query or fragment); RFC 3986 for what may stand in host and path.

use std::fmt;
use std::str::FromStr;

/// An issuer such as `server.example.com/tenant`: host and path as they were written, no scheme, no port.
///
/// AWS says that the URL should not contain a port. Here it must not, and its path has no colon: policies name a token's claims by
/// `issuer:claim`, and a second colon would let one name be read in two ways. For the same reason it is no name that AWS's own
/// condition keys begin with: whoever could make a provider of `https://aws` would say what `aws:SourceIp` is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OidcIssuer(String);

/// The text is not the URL of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an issuer is an https URL of a host and a path, without user, port, query and fragment")]
pub struct InvalidIssuer;

impl OidcIssuer {
    /// The longest name: AWS allows URLs of 255 characters.
    const LONGEST: usize = 255 - SCHEME.len();

    /// Reads a whole URL.
    ///
    /// # Errors
    /// [`InvalidIssuer`].
    pub fn from_url(url: &str) -> Result<Self, InvalidIssuer> {
        url.strip_prefix(SCHEME).ok_or(InvalidIssuer)?.parse()
    }

    /// Host and path, which ARNs and policies name the provider by.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole URL, which the `iss` claim of a token says.
    pub fn url(&self) -> String {
        format!("{SCHEME}{}", self.0)
    }

    /// The host in lower case, the path as it is: hosts do not differ by case (RFC 3986 section 6.2.2.1), paths do.
    pub fn folded(&self) -> String {
        let (host, path) = split(&self.0);
        host.to_ascii_lowercase() + path
    }
}

const SCHEME: &str = "https://";

/// What condition keys begin with that are no provider's, or of all SAML providers.
const RESERVED: [&str; 5] = ["aws", "brevet", "iam", "saml", "sts"];

impl FromStr for OidcIssuer {
    type Err = InvalidIssuer;

    /// Reads host and path.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, path) = split(text);
        let label = |label: &str| {
            let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
        };
        let good_host = host.len() <= 253 && host.split('.').all(label);
        let reserved = RESERVED.iter().any(|reserved| text.eq_ignore_ascii_case(reserved));
        if good_host && !reserved && is_path(path) && text.len() <= Self::LONGEST {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidIssuer)
        }
    }
}

/// Host, and what follows it: nothing, or a path with its slash.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find('/').unwrap_or(text.len()))
}

/// RFC 3986 section 3.3, without `*` and `:`, which have a meaning in policies, and without the segments `.` and `..` however they
/// are written, which some clients resolve before they ask and others do not.
fn is_path(path: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()+,;=@%".contains(&b);
    let hex = |b: Option<&u8>| b.is_some_and(u8::is_ascii_hexdigit);
    let bytes = path.as_bytes();
    let encoded = |at: usize| bytes[at] != b'%' || hex(bytes.get(at + 1)) && hex(bytes.get(at + 2));
    bytes.iter().all(|b| allowed(*b))
        && (0..bytes.len()).all(encoded)
        && path
            .split('/')
            .all(|segment| !matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."))
}

impl fmt::Display for OidcIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OidcIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl serde::Serialize for OidcIssuer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for OidcIssuer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn issuers_of_well_known_providers_are_read() {
        for url in [
            "https://token.actions.githubusercontent.com",
            "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E",
            "https://example.auth0.com/",
            "https://login.example.com/Tenant%20A/v2.0",
            "https://localhost",
            "https://aws.example.com",
            "https://sts/realm",
        ] {
            let issuer = OidcIssuer::from_url(url).expect(url);
            assert_eq!(issuer.url(), url);
            assert_eq!(issuer.as_str().parse(), Ok(issuer.clone()));
        }
        let upper = OidcIssuer::from_url("https://Login.Example.com/Tenant").expect("an issuer");
        assert_eq!(upper.folded(), "login.example.com/Tenant");
    }

    #[test]
    fn what_is_no_issuer_is_refused() {
        let long = format!("https://example.com/{}", "x".repeat(236));
        for url in [
            "",
            "example.com",
            "https://",
            "https:///path",
            "http://example.com",
            "HTTPS://example.com",
            "https://example.com:443",
            "https://example.com?a=b",
            "https://example.com/?",
            "https://example.com/#x",
            "https://user@example.com",
            "https://user:word@example.com/",
            "https://[::1]/",
            "https://-example.com",
            "https://exam ple.com",
            "https://exämple.com",
            "https://example..com",
            "https://example.com/a/../b",
            "https://example.com/.",
            "https://example.com/a/%2e%2E/b",
            "https://example.com/.%2e",
            "https://example.com/%2E/",
            "https://example.com/t:x",
            "https://aws",
            "https://STS",
            "https://iam",
            "https://saml",
            "https://example.com/*",
            "https://example.com/%2",
            "https://example.com/%zz",
            "https://example.com/a\nb",
            "https://*.example.com",
            &long,
        ] {
            assert_eq!(OidcIssuer::from_url(url), Err(InvalidIssuer), "{url}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_one_resource_of_an_arn(text in "https://[ -~]{0,40}|\\PC{0,40}|https://[a-c.]{1,9}/[a-c%0-9/.:*?#@]{0,20}") {
            if let Ok(issuer) = OidcIssuer::from_url(&text) {
                prop_assert!(issuer.as_str().bytes().all(|b| (0x21..0x7f).contains(&b) && !b"*?#:\\".contains(&b)));
                prop_assert_eq!(issuer.url(), text);
                prop_assert_eq!(issuer.folded().to_ascii_lowercase(), issuer.as_str().to_ascii_lowercase());
            }
        }
    }
}
