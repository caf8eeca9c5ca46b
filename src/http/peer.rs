//! Where a request came from.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use crate::config::Network;

/// The address at the other end of the connection, and whether the connection is encrypted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) encrypted: bool,
}

/// Proxies whose word about the caller's address is believed; none unless a setting names them.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<Network>);

impl TrustedProxies {
    /// The caller's address: from the right end of `X-Forwarded-For`, the first address that is not a trusted proxy. Whatever
    /// stands to the left of it was written by somebody who is not trusted.
    pub(super) fn caller(&self, peer: &Peer, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.address.ip().to_canonical();
        if self.0.is_empty() {
            return address;
        }
        let lines = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        for text in named.iter().rev() {
            if !self.trusts(address) {
                break;
            }
            let Ok(before) = text.parse::<IpAddr>() else { break };
            address = before.to_canonical();
        }
        address
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(proxies: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let networks = proxies.iter().map(|range| Network::parse(range).expect("range"));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().expect("header"));
        }
        let peer = Peer { address: SocketAddr::new(peer.parse().expect("address"), 1), encrypted: false };
        TrustedProxies(networks.collect()).caller(&peer, &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_a_setting_says_so() {
        assert_eq!(caller(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(caller(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_names_the_caller_and_the_caller_cannot_name_another() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(caller(&proxies, "10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(caller(&proxies, "10.0.0.1", &["1.1.1.1, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(caller(&proxies, "10.0.0.1", &["1.1.1.1", "198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(caller(&proxies, "10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(caller(&["fd00::/8"], "fd00::1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(caller(&["0.0.0.0/0"], "192.0.2.1", &["198.51.100.7"]), "198.51.100.7");
    }
}
