//! Hosts of requests and of routes (RFC 9110 section 7.2), in lower case and without a port.

use std::borrow::Cow;

/// A host that a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostPattern {
    /// This one.
    Exact(String),
    /// Any name with one label before these: `*.example.com`.
    Below(String),
}

impl HostPattern {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let form = "must be a host such as reports.example.com, or *.example.com, without a port";
        let below = text.strip_prefix("*.");
        match host(below.unwrap_or(text)) {
            Some(plain) if plain.len() == below.unwrap_or(text).len() => {
                let plain = plain.into_owned();
                Ok(if below.is_some() { Self::Below(plain) } else { Self::Exact(plain) })
            }
            _ => Err(form.to_owned()),
        }
    }

    pub(super) fn fits(&self, host: &str) -> bool {
        match self {
            Self::Exact(own) => own == host,
            Self::Below(own) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == own),
        }
    }

    /// Whether every host that fits `other` fits this one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(host)) => self.fits(host),
            (own, other) => own == other,
        }
    }
}

/// A `Host` header's value without its port; `None` for what is no host.
pub(super) fn host(text: &str) -> Option<Cow<'_, str>> {
    /// Characters of a name (RFC 1035 section 2.3.4), a port and a colon.
    const LONGEST: usize = 260;
    if text.len() > LONGEST {
        return None;
    }
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, after)) => {
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (text.get(..address.len() + 2)?, after.strip_prefix(':').or(after.is_empty().then_some("0"))?)
        }
        None => {
            let (name, port) = text.split_once(':').unwrap_or((text, "0"));
            let label = |label: &str| {
                !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            };
            if !name.split('.').all(label) {
                return None;
            }
            (name, port)
        }
    };
    if port.is_empty() || port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let lower = name.bytes().all(|byte| !byte.is_ascii_uppercase());
    Some(if lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_without_its_port() {
        for (text, expected) in [
            ("reports.example.com", Some("reports.example.com")),
            ("Reports.Example.com:8443", Some("reports.example.com")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("[::1]:80", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("", None),
            ("reports.example.com.", None),
            ("reports..example.com", None),
            ("a:", None),
            ("a:b", None),
            ("a:1:2", None),
            ("a@b", None),
            ("a/b", None),
            ("a b", None),
            ("[::1", None),
            ("[x]", None),
            ("[::1]x", None),
        ] {
            assert_eq!(host(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_star_is_one_label() {
        let below = HostPattern::read("*.Example.com").unwrap();
        assert!(below.fits("a.example.com"));
        for other in ["example.com", "a.b.example.com", ".example.com", "aexample.com"] {
            assert!(!below.fits(other), "{other}");
        }
        assert!(below.covers(&HostPattern::read("a.example.com").unwrap()));
        assert!(!HostPattern::read("a.example.com").unwrap().covers(&below));
        for wrong in ["", "*", "*.", "a.*.com", "a:80", "https://a", "a.com."] {
            assert!(HostPattern::read(wrong).is_err(), "{wrong}");
        }
    }
}
