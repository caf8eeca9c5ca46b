//! The URLs among the settings: the broker's own (an origin, RFC 6454) and the database's.

use std::net::IpAddr;

use http::Uri;

use super::{Fault, parameters};

/// Scheme, host and port of an `https` or `http` URL that has nothing else, in lower case and without a slash at the end:
/// tokens name their issuer by this text, and verifiers compare it byte for byte.
pub(super) fn origin(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let uri: Uri = lower.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let plain = !lower.contains(['@', '?', '#']) && matches!(uri.path(), "" | "/");
    let host = authority.host();
    // `Uri` drops a port that is out of range, so what follows the host is read here.
    let reachable = match authority.as_str().strip_prefix(host) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port != 0)),
        None => false,
    };
    (matches!(scheme, "https" | "http") && plain && !host.is_empty() && reachable)
        .then(|| format!("{scheme}://{authority}"))
}

/// Whether an origin names the machine that asks.
pub(super) fn is_loopback(origin: &str) -> bool {
    let uri: Option<Uri> = origin.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.to_canonical().is_loopback())
}

/// Whether `url` has the form of PostgreSQL's connection URLs. Its driver would say so too, but only at the first connection,
/// and might repeat the password.
///
/// # Errors
/// What it must be, or which parameter means nothing; nothing else of the URL itself.
pub(super) fn check_database(url: &str) -> Result<(), Fault> {
    check_form(url).map_err(|expected| Fault::MalformedSecret { expected })?;
    parameters::check(url.split_once('?').map_or("", |(_, query)| query))
}

fn check_form(url: &str) -> Result<(), &'static str> {
    const FORM: &str = "a URL such as postgres://user:password@host:5432/database";
    const ESCAPED: &str = "a URL whose password has `/`, `?`, `#`, `%` and `@` percent-encoded, such as %2F for `/`";
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")).ok_or(FORM)?;
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(FORM);
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
    if url.contains('#') || database.contains(['/', '@']) || query.contains('@') || !escapes_are_whole(url) {
        return Err(ESCAPED);
    }
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (server, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        // A password with a slash ends the authority early, and its beginning is then taken for the port.
        return Err(if authority.contains('@') { "a URL whose port is from 1 to 65535" } else { ESCAPED });
    }
    let name = |c: char| c.is_ascii_alphanumeric() || "-._%".contains(c);
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_right = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None if host.is_empty() => query.split('&').any(|pair| pair.starts_with("host=")),
        None => host.chars().all(name),
    };
    if host_is_right { Ok(()) } else { Err(FORM) }
}

fn escapes_are_whole(text: &str) -> bool {
    let digits = |part: &str| part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    text.split('%').skip(1).all(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (text, right) in [
            ("https://broker.example.com", Some("https://broker.example.com")),
            ("HTTPS://Broker.example.com:8443/", Some("https://broker.example.com:8443")),
            ("http://[::1]:8700", Some("http://[::1]:8700")),
            ("https://broker.example.com/iam", None),
            ("https://broker.example.com?x=1", None),
            ("https://broker.example.com/#top", None),
            ("https://user@broker.example.com", None),
            ("https://broker.example.com:", None),
            ("https://broker.example.com:0", None),
            ("https://broker.example.com:99999", None),
            ("https://", None),
            ("ftp://broker.example.com", None),
            ("broker.example.com", None),
            ("", None),
        ] {
            assert_eq!(origin(text).as_deref(), right, "{text}");
        }
    }

    #[test]
    fn loopback_has_several_names() {
        assert!(["http://localhost:1", "http://127.9.0.1", "http://[::1]:8700"].into_iter().all(is_loopback));
        assert!(
            !["http://127.0.0.1.example.com", "http://10.0.0.1", "http://localhost.example"]
                .into_iter()
                .any(is_loopback)
        );
    }

    #[test]
    fn database_urls() {
        for right in [
            "postgres://brevet@db/brevet",
            "postgresql://u:p%2Fw@db.example.com:5432/brevet?sslmode=verify-full",
            "postgres://u:p:w@[2001:db8::1]:5432/brevet",
            "postgres://[::1]/brevet",
            "postgres:///brevet?host=/run/postgresql",
            "postgres://u@%2Frun%2Fpostgresql/brevet",
            "postgres://u:a@b@db/brevet",
        ] {
            assert_eq!(check_database(right), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "mysql://u@db/brevet",
            "postgres:/u@db/brevet",
            "postgres://",
            "postgres:///brevet",
            "postgres://u:p@db:port/brevet",
            "postgres://u:p@db:0/brevet",
            "postgres://u:p@db:65536/brevet",
            "postgres://u:p/w@db/brevet",
            "postgres://u:12/w@db/brevet",
            "postgres://u:p#w@db/brevet",
            "postgres://u:p?w@db/brevet",
            "postgres://u:p%w@db/brevet",
            "postgres://u:p@d b/brevet",
            "postgres://u:p@[::g]/brevet",
            "postgres://u:p@one,two/brevet",
        ] {
            assert!(check_database(wrong).is_err(), "{wrong}");
        }
    }
}
