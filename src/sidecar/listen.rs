//! Where a sidecar may listen, and by which names it may be called.
//!
//! SDKs send a container's authorization token in the clear to loopback addresses and to three well-known ones: the
//! ECS agent's, and the EKS Pod Identity agent's on IPv4 and IPv6. The same page as the container credentials
//! contract lists them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The addresses beside loopback that SDKs talk to over plain HTTP.
const WELL_KNOWN: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// The address is one that other machines can reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} can be reached from other machines: listen on a loopback address, or allow it expressly")]
pub struct ListenError(pub SocketAddr);

/// Whether a sidecar may listen on `address`.
pub fn check(address: SocketAddr, beyond_loopback: bool) -> Result<(), ListenError> {
    if beyond_loopback || address.ip().is_loopback() || WELL_KNOWN.contains(&address.ip()) {
        Ok(())
    } else {
        Err(ListenError(address))
    }
}

/// Whether a `Host` (or the authority of a request target) names this sidecar: `localhost`, a loopback address, or the
/// address that it listens on. Any other name could be one that an attacker's name server has just pointed here (DNS
/// rebinding). The port is not compared: a container's port may be mapped.
pub fn is_own_host(authority: &str, listening: IpAddr) -> bool {
    let Some(host) = host_of(authority) else { return false };
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    match host.parse::<IpAddr>() {
        // Listening everywhere: no address can be told from another, but an address is still not a name.
        Ok(ip) => ip.is_loopback() || ip == listening || listening.is_unspecified(),
        Err(_) => false,
    }
}

/// The host of `host[:port]`, an IPv6 address without its brackets.
fn host_of(authority: &str) -> Option<&str> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port_is_good = match rest.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok(),
        None => rest.is_empty(),
    };
    (port_is_good && !host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_listened_on() {
        let check = |text: &str| check(text.parse().expect("an address"), false).is_ok();
        for address in
            ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "169.254.170.2:80", "169.254.170.23:80", "[fd00:ec2::23]:80"]
        {
            assert!(check(address), "{address}");
        }
        for address in
            ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "169.254.170.3:80", "[fd00:ec2::24]:80", "[::ffff:127.0.0.1]:80"]
        {
            assert!(!check(address), "{address}");
        }
        assert!(super::check("10.0.0.1:80".parse().expect("an address"), true).is_ok());
    }

    #[test]
    fn only_own_names_are_answered_to() {
        let own = |host: &str, listening: &str| is_own_host(host, listening.parse().expect("an address"));
        for host in ["localhost", "LOCALHOST:9911", "127.0.0.1:9911", "127.0.0.2", "[::1]:9911", "[::1]"] {
            assert!(own(host, "127.0.0.1"), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "evil.localhost",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "localhost:x",
            "localhost:80:80",
            "localhost@evil.example",
            "::1",
            "[::1",
            "[::1]x",
            "127.0.0.1:99999",
            "169.254.170.2",
        ] {
            assert!(!own(host, "127.0.0.1"), "{host}");
        }
        assert!(own("169.254.170.2", "169.254.170.2"));
        assert!(own("10.0.0.1:80", "0.0.0.0"));
        assert!(!own("evil.example", "0.0.0.0"));
    }
}
