//! Names to addresses, for fetching: every address that a name has is checked, and those that were checked are connected to. A name
//! that resolves to something else a moment later gains nothing.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::fetch_error::FetchError;
use super::reach::Reach;

/// Asks for the addresses of a name.
#[async_trait]
pub(super) trait Lookup: Send + Sync {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's resolver.
pub(super) struct System;

#[async_trait]
impl Lookup for System {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Why a request was stopped on its way, told by whoever stopped it: the errors of the HTTP client wrap it too deep.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopped(Arc<Mutex<Option<FetchError>>>);

impl Stopped {
    pub(super) fn because(&self, cause: FetchError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
    }

    pub(super) fn cause(&self) -> Option<FetchError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The resolver of one fetch.
pub(super) struct Guarded {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) reach: Arc<Reach>,
    /// The issuer's own host, where a setting says at which address it is.
    pub(super) fixed: Option<(String, SocketAddr)>,
    pub(super) stopped: Stopped,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_ascii_lowercase();
        if let Some((_, address)) = self.fixed.as_ref().filter(|(fixed, _)| *fixed == host) {
            let addresses: Addrs = Box::new(std::iter::once(*address));
            return Box::pin(std::future::ready(Ok(addresses)));
        }
        let (lookup, reach, stopped) = (Arc::clone(&self.lookup), Arc::clone(&self.reach), self.stopped.clone());
        Box::pin(async move {
            let found = lookup.addresses(&host).await?;
            if !found.iter().all(|address| reach.allows(*address)) {
                stopped.because(FetchError::Inside);
                return Err(FetchError::Inside.into());
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("reach", &self.reach).field("fixed", &self.fixed).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(Vec<&'static str>);

    #[async_trait]
    impl Lookup for Says {
        async fn addresses(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.iter().map(|text| text.parse().expect("an address")).collect())
        }
    }

    async fn resolve(
        says: &[&'static str],
        fixed: Option<(String, SocketAddr)>,
        host: &str,
    ) -> Option<Vec<SocketAddr>> {
        let stopped = Stopped::default();
        let resolver =
            Guarded { lookup: Arc::new(Says(says.to_vec())), reach: Arc::default(), fixed, stopped: stopped.clone() };
        let found = resolver.resolve(host.parse().expect("a name")).await;
        assert_eq!(found.is_err(), stopped.cause() == Some(FetchError::Inside));
        found.ok().map(Iterator::collect)
    }

    #[tokio::test]
    async fn a_name_that_points_inside_is_refused() {
        for inside in ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "10.0.0.1", "64:ff9b::a9fe:a9fe"] {
            assert_eq!(resolve(&[inside], None, "idp.example").await, None, "{inside}");
            assert_eq!(resolve(&["8.8.8.8", inside], None, "idp.example").await, None, "{inside} among others");
        }
        let public = resolve(&["8.8.8.8", "2606:4700::1111"], None, "idp.example").await.expect("public");
        assert_eq!(public.len(), 2);
    }

    #[tokio::test]
    async fn a_fixed_address_is_for_its_own_host_alone() {
        let fixed = Some(("idp.example".to_owned(), "127.0.0.1:8443".parse().expect("an address")));
        let found = resolve(&["8.8.8.8"], fixed.clone(), "IDP.example").await.expect("found");
        assert_eq!(found, ["127.0.0.1:8443".parse().expect("an address")]);
        assert_eq!(resolve(&["127.0.0.1"], fixed, "other.example").await, None);
    }
}
