//! Fetching an issuer's keys: discovery (OpenID Connect Discovery 1.0 section 4), then the key set that it names.
//!
//! What is fetched was chosen by whoever made a provider, and when by whoever sends a token, so both get little: `https` only, no
//! redirects, no proxy, no cookies, addresses that are checked, answers of bounded size in bounded time.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::ACCEPT;
use reqwest::{Client, Url};
use serde::Deserialize;
use tokio::io::AsyncReadExt;

use super::fetch_error::FetchError;
use super::reach::Reach;
use super::resolver::{Guarded, Lookup, Stopped, System};
use super::tls::{self, Authorities};
use crate::config::WebIdentity as Settings;
use crate::crypto::issuer_keys::IssuerKeys;
use crate::types::OidcIssuer;

/// The longest discovery document that is read, in bytes.
const LONGEST_DISCOVERY: usize = 64 * 1024;
/// The longest key set that is fetched, in bytes.
const LONGEST_KEYS: usize = 128 * 1024;
/// The longest address of a key set, in bytes.
const LONGEST_URL: usize = 2_048;

/// Where an issuer's keys come from.
#[async_trait]
pub(super) trait Source: Send + Sync {
    /// The issuer's keys as they are now.
    async fn keys(&self, issuer: &OidcIssuer, thumbprints: &[String]) -> Result<IssuerKeys, FetchError>;
}

/// Fetches keys over the network, or reads them from the file that a setting names.
pub(super) struct Fetcher {
    lookup: Arc<dyn Lookup>,
    reach: Arc<Reach>,
    addresses: HashMap<String, SocketAddr>,
    authorities: HashMap<String, Authorities>,
    files: Vec<(OidcIssuer, PathBuf)>,
    /// Found when they are first needed: reading them takes a while.
    public: OnceLock<Option<Authorities>>,
    timeout: Duration,
}

/// A file that a setting names cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {path}: {reason}")]
pub struct UnusableFile {
    /// The setting.
    pub setting: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Fetcher {
    /// A fetcher; the files that settings name are read once, so that what is wrong with them is told at the start.
    pub(super) fn new(settings: &Settings) -> Result<Self, UnusableFile> {
        let mut authorities = HashMap::new();
        for (host, path) in &settings.authorities {
            let unusable = |reason| UnusableFile { setting: "web_identity.authorities", path: path.clone(), reason };
            authorities.insert(host.clone(), tls::of_file(path).map_err(unusable)?);
        }
        for (_, path) in &settings.key_files {
            let unusable = |reason| UnusableFile { setting: "web_identity.key_files", path: path.clone(), reason };
            let document = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
            IssuerKeys::parse(&document).map_err(|error| unusable(error.to_string()))?;
        }
        Ok(Self {
            lookup: Arc::new(System),
            reach: Arc::new(Reach(settings.allow_networks.clone())),
            addresses: settings.addresses.iter().cloned().collect(),
            authorities,
            files: settings.key_files.clone(),
            public: OnceLock::new(),
            timeout: settings.timeout,
        })
    }

    async fn fetch(&self, issuer: &OidcIssuer, thumbprints: &[String]) -> Result<IssuerKeys, FetchError> {
        let folded = issuer.folded();
        let host = folded.split('/').next().unwrap_or_default().to_owned();
        let stopped = Stopped::default();
        let authorities = match self.authorities.get(&host) {
            Some(named) => Some(Arc::clone(named)),
            None => self.public.get_or_init(tls::public).clone(),
        };
        let resolver = Guarded {
            lookup: Arc::clone(&self.lookup),
            reach: Arc::clone(&self.reach),
            fixed: self.addresses.get(&host).map(|address| (host.clone(), *address)),
            stopped: stopped.clone(),
        };
        let client = Client::builder()
            .tls_backend_preconfigured(tls::client_config(authorities, thumbprints, stopped.clone())?)
            .dns_resolver(Arc::new(resolver))
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("brevet/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.timeout)
            .timeout(self.timeout)
            .build()
            .map_err(|error| FetchError::Unreachable(error.to_string()))?;
        let journey = Journey { client, reach: &self.reach, stopped };

        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        let url = issuer.url();
        let about = format!("{}/.well-known/openid-configuration", url.strip_suffix('/').unwrap_or(&url));
        let document = journey.get(&about, LONGEST_DISCOVERY).await?;
        let discovery: Discovery = serde_json::from_slice(&document)
            .map_err(|_| FetchError::Answer("its discovery document has no issuer and jwks_uri".to_owned()))?;
        if discovery.issuer != url {
            return Err(FetchError::Answer("its discovery document is of another issuer".to_owned()));
        }
        let document = journey.get(&discovery.jwks_uri, LONGEST_KEYS).await?;
        IssuerKeys::parse(&document).map_err(FetchError::Keys)
    }
}

#[async_trait]
impl Source for Fetcher {
    async fn keys(&self, issuer: &OidcIssuer, thumbprints: &[String]) -> Result<IssuerKeys, FetchError> {
        if let Some((_, path)) = self.files.iter().find(|(named, _)| named == issuer) {
            return read(path).await;
        }
        let fetched = tokio::time::timeout(self.timeout, self.fetch(issuer, thumbprints)).await;
        fetched.unwrap_or_else(|_| Err(late()))
    }
}

async fn read(path: &Path) -> Result<IssuerKeys, FetchError> {
    let unreadable = |error: std::io::Error| {
        tracing::error!(%error, path = %path.display(), "the keys of an issuer cannot be read");
        FetchError::Unreachable("the file of its keys cannot be read".to_owned())
    };
    let longest = u64::try_from(crate::crypto::jwk::MAX_JWKS_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut document = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    file.take(longest).read_to_end(&mut document).await.map_err(unreadable)?;
    IssuerKeys::parse(&document).map_err(FetchError::Keys)
}

fn late() -> FetchError {
    FetchError::Unreachable("it did not answer in time".to_owned())
}

/// One fetch on its way.
struct Journey<'a> {
    client: Client,
    reach: &'a Reach,
    stopped: Stopped,
}

impl Journey<'_> {
    async fn get(&self, url: &str, longest: usize) -> Result<Vec<u8>, FetchError> {
        let answer = |why: &str| FetchError::Answer(why.to_owned());
        let url: Url = Some(url)
            .filter(|url| url.len() <= LONGEST_URL)
            .and_then(|url| url.parse().ok())
            .ok_or_else(|| answer("the address of its keys is no URL"))?;
        let plain = url.username().is_empty() && url.password().is_none();
        if url.scheme() != "https" || !plain {
            return Err(answer("the address of its keys is no https URL"));
        }
        // The resolver is not asked about what is an address already.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host.parse::<IpAddr>().is_ok_and(|address| !self.reach.allows(address)) {
            return Err(FetchError::Inside);
        }
        let sent = self.client.get(url).header(ACCEPT, "application/json").send().await;
        let mut response = sent.map_err(|error| self.failed(&error))?;
        match response.status().as_u16() {
            200 => {}
            300..=399 => return Err(answer("it is a redirect, and redirects are not followed")),
            status => return Err(FetchError::Answer(format!("its HTTP status is {status}"))),
        }
        let too_long = || FetchError::Answer(format!("it is longer than {longest} bytes"));
        if response.content_length().is_some_and(|length| length > longest as u64) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + chunk.len() > longest {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Says no more of the network than that it did not work: the log has the rest.
    fn failed(&self, error: &reqwest::Error) -> FetchError {
        if let Some(cause) = self.stopped.cause() {
            return cause;
        }
        let inner = std::iter::successors(std::error::Error::source(error), |error| error.source());
        let why = inner.last().map(ToString::to_string);
        tracing::debug!(%error, why, "an issuer could not be asked");
        if error.is_timeout() {
            late()
        } else if error.is_connect() {
            FetchError::Unreachable("no connection came about".to_owned())
        } else {
            FetchError::Unreachable("the connection broke".to_owned())
        }
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("reach", &self.reach).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
