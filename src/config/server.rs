//! The `[server]` section.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Network;

/// Where the broker listens, and what it lets a client cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The address and port to listen on; port 0 takes a free one. Default 127.0.0.1:8700, which only this machine reaches.
    pub listen: SocketAddr,
    /// The URL by which clients reach the broker, which is also the issuer of its tokens: scheme, host and port, without a
    /// path. https, except for this machine or with `allow_plain_http`. Default: made from `listen` at the first start, and
    /// then kept in the store.
    pub public_url: Option<String>,
    /// A PEM file with the server's certificate chain, leaf first. Together with `tls_key`, or neither. Default none.
    pub tls_certificate: Option<PathBuf>,
    /// A PEM file with the private key of `tls_certificate`. Default none.
    pub tls_key: Option<PathBuf>,
    /// A PEM file of authorities. Clients that have a certificate of one of these are asked for it, and those whose certificate names
    /// a user or role may ask questions with it. Needs TLS. Default none: no client is asked for a certificate.
    pub client_authorities: Option<PathBuf>,
    /// Whether plain HTTP may be spoken on an address that other machines reach, as behind a proxy that ends TLS. Secrets then
    /// cross that network in the clear. Default false.
    pub allow_plain_http: bool,
    /// The longest request body that is read, in bytes. Default 1048576, from 65536 to 67108864.
    pub request_limit: usize,
    /// How long a client may take to send a request's head, in whole seconds. Default 10, from 1 to 300.
    pub header_timeout: Duration,
    /// How long a client may ask for nothing after an answer, in whole seconds, if that is longer than `header_timeout`: then its
    /// connection is closed. Where less than a quarter of `connections` is free, it is `header_timeout`. Should be longer than a proxy
    /// or load balancer keeps its connections. Default 75, from 1 to 3600.
    pub idle_timeout: Duration,
    /// How long a request may take from its head to the answer, in whole seconds. Default 30, from 1 to 600.
    pub request_timeout: Duration,
    /// How long requests in progress may go on when the broker is told to stop, in whole seconds. Default 20, from 0 to 600.
    pub shutdown_grace: Duration,
    /// How many connections may be open at once. Default 10000, from 1 to 1000000.
    pub connections: usize,
    /// How many passwords are checked at once; each takes a thread and some 20 MiB while it lasts. Default 2, from 1 to 64.
    pub password_threads: usize,
    /// The proxies whose `X-Forwarded-For` is believed: addresses, or ranges in CIDR form. Default none.
    pub trusted_proxies: Vec<Network>,
}

impl Server {
    /// The certificate chain and its private key, when the broker is to speak TLS.
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        self.tls_certificate.as_deref().zip(self.tls_key.as_deref())
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8700),
            public_url: None,
            tls_certificate: None,
            tls_key: None,
            client_authorities: None,
            allow_plain_http: false,
            request_limit: 1 << 20,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            request_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(20),
            connections: 10_000,
            password_threads: 2,
            trusted_proxies: Vec::new(),
        }
    }
}
