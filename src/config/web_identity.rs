//! `[web_identity]`: how the keys are fetched of those who issue the tokens of web identities.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Fault, Network};
use crate::types::OidcIssuer;

/// How the keys of OpenID Connect issuers are fetched. Whoever may make an OIDC provider in some account chooses what is fetched,
/// so nothing inside the broker's own network is reached unless it is named here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// Networks of the inside in which issuers may be: loopback, private, link-local and other addresses that are not public.
    pub allow_networks: Vec<Network>,
    /// Hosts of issuers that are reached at a given address, whatever their names resolve to. The address is allowed by being
    /// named.
    pub addresses: Vec<(String, SocketAddr)>,
    /// Hosts of issuers whose TLS is vouched for by the authorities in a PEM file, and by no public ones.
    pub authorities: Vec<(String, PathBuf)>,
    /// Issuers whose keys are in a file (a JWK set), and are not fetched. The file is read again as keys are fetched again.
    pub key_files: Vec<(OidcIssuer, PathBuf)>,
    /// How long fetching an issuer's keys may take in all.
    pub timeout: Duration,
    /// For how long keys are kept before they are fetched again. A key that an issuer withdraws is taken for that long at most,
    /// as long as the issuer can be reached.
    pub key_lifetime: Duration,
}

impl Default for WebIdentity {
    fn default() -> Self {
        Self {
            allow_networks: Vec::new(),
            addresses: Vec::new(),
            authorities: Vec::new(),
            key_files: Vec::new(),
            timeout: Duration::from_secs(5),
            key_lifetime: Duration::from_secs(3_600),
        }
    }
}

pub(super) fn addresses(texts: &[&str]) -> Result<Vec<(String, SocketAddr)>, Fault> {
    each_once(texts.iter().map(address), "a host", |host| host.clone())
}

pub(super) fn authorities(texts: &[&str]) -> Result<Vec<(String, PathBuf)>, Fault> {
    each_once(texts.iter().map(authority), "a host", |host| host.clone())
}

pub(super) fn key_files(texts: &[&str]) -> Result<Vec<(OidcIssuer, PathBuf)>, Fault> {
    each_once(texts.iter().map(key_file), "an issuer", OidcIssuer::folded)
}

/// Of two places for one name, one would be passed over.
fn each_once<N, P>(
    read: impl Iterator<Item = Result<(N, P), Fault>>,
    what: &'static str,
    same: fn(&N) -> String,
) -> Result<Vec<(N, P)>, Fault> {
    let read: Vec<(N, P)> = read.collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    match read.iter().map(|(name, _)| same(name)).find(|name| !seen.insert(name.clone())) {
        Some(twice) => Err(Fault::twice(what, &twice)),
        None => Ok(read),
    }
}

/// `login.example.com 10.0.0.5:8443`
fn address(text: &&str) -> Result<(String, SocketAddr), Fault> {
    let expected = "a host and an address with a port, such as login.example.com 10.0.0.5:443";
    let read = pair(text).and_then(|(host, address)| Some((host_name(host)?, address.parse().ok()?)));
    read.ok_or_else(|| Fault::malformed(text, expected))
}

/// `login.example.com /etc/brevet/ca.pem`
fn authority(text: &&str) -> Result<(String, PathBuf), Fault> {
    let expected = "a host and a PEM file, such as login.example.com /etc/brevet/ca.pem";
    let read = pair(text).and_then(|(host, path)| Some((host_name(host)?, path.into())));
    read.ok_or_else(|| Fault::malformed(text, expected))
}

/// `https://login.example.com /etc/brevet/keys.json`
fn key_file(text: &&str) -> Result<(OidcIssuer, PathBuf), Fault> {
    let expected = "an issuer's URL and a file of its keys, such as https://login.example.com /etc/brevet/keys.json";
    let read = pair(text).and_then(|(url, path)| Some((OidcIssuer::from_url(url).ok()?, path.into())));
    read.ok_or_else(|| Fault::malformed(text, expected))
}

/// Two words: the first has no space in it.
fn pair(text: &str) -> Option<(&str, &str)> {
    let (first, second) = text.split_once(' ')?;
    let second = second.trim();
    (!second.is_empty()).then_some((first, second))
}

/// A host as it is compared, in lower case.
fn host_name(text: &str) -> Option<String> {
    // With a path any host can be an issuer's.
    let issuer: OidcIssuer = format!("{text}/").parse().ok()?;
    (!text.contains('/')).then(|| issuer.folded().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read() {
        assert_eq!(address(&"Login.example.com  10.0.0.5:443").unwrap().0, "login.example.com");
        assert_eq!(address(&"STS 10.0.0.5:443").unwrap().0, "sts");
        assert_eq!(authority(&"a.example /etc/my ca.pem").unwrap().1, PathBuf::from("/etc/my ca.pem"));
        assert_eq!(key_file(&"https://a.example/x /k.json").unwrap().0.as_str(), "a.example/x");
        for wrong in
            ["", "a.example", "a.example 10.0.0.5", "a.example:1 10.0.0.5:1", "a.example/x 10.0.0.5:1", " 1.2.3.4:1"]
        {
            assert!(address(&wrong).is_err(), "{wrong}");
        }
        for wrong in ["a.example /k.json", "http://a.example /k.json", "https://a.example:1 /k", "https://a.example "] {
            assert!(key_file(&wrong).is_err(), "{wrong}");
        }
    }
}
