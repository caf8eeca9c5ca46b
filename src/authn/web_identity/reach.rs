//! Where fetching may go: to public addresses, and to those of the inside that a setting names.
//!
//! Source: IANA's registries of special-purpose addresses (RFC 6890 and its successors). What is not known to be public is inside:
//! of IPv6 only global unicast is public, and of that no range that carries an IPv4 address within.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Network;

/// Which addresses may be connected to.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach(pub(super) Vec<Network>);

impl Reach {
    /// Whether this address may be connected to.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.0.iter().any(|network| network.contains(address))
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network, loopback, and 240.0.0.0/4 with the broadcast address.
        [0 | 127 | 240..=255, ..] => true,
        // Shared by customers of a carrier.
        [100, 64..=127, ..] => true,
        // Protocol assignments, documentation, 6to4 relays.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Benchmarks.
        [198, 18 | 19, ..] => true,
        _ => false,
    };
    !(special || address.is_private() || address.is_link_local() || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let special = match segments {
        // 2001::/23, protocol assignments: Teredo, benchmarks, ORCHID; and 2001:db8::/32, documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] => true,
        // 6to4, and the second range for documentation.
        [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => true,
        _ => false,
    };
    segments[0] & 0xe000 == 0x2000 && !special
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allows(networks: &[&str], address: &str) -> bool {
        let networks = networks.iter().map(|text| Network::parse(text).expect("a network")).collect();
        Reach(networks).allows(address.parse().expect("an address"))
    }

    #[test]
    fn the_inside_is_not_reached() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2001:20::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "1::1",
            "4000::1",
        ] {
            assert!(!allows(&[], address), "{address}");
        }
        for address in [
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(allows(&[], address), "{address}");
        }
    }

    #[test]
    fn a_setting_opens_what_it_names_and_no_more() {
        assert!(allows(&["10.1.0.0/16"], "10.1.2.3"));
        assert!(allows(&["10.1.0.0/16"], "::ffff:10.1.2.3"));
        assert!(!allows(&["10.1.0.0/16"], "10.2.2.3"));
        assert!(allows(&["::1"], "::1"));
        assert!(!allows(&["::1"], "127.0.0.1"));
    }

    proptest! {
        /// Writing an IPv4 address as IPv6 opens no door.
        #[test]
        fn an_address_is_the_same_however_it_is_written(octets: [u8; 4]) {
            let v4 = Ipv4Addr::from(octets);
            let reach = Reach::default();
            prop_assert_eq!(reach.allows(v4.to_ipv6_mapped().into()), reach.allows(v4.into()));
            prop_assert!(!reach.allows(v4.to_ipv6_compatible().into()));
        }
    }
}
