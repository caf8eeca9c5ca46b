//! Rules between settings.

use super::settle::Settling;
use super::{Config, Problem, url};

/// A rule, and the keys that it is about.
pub(super) struct Rule {
    pub(super) reads: &'static [&'static str],
    pub(super) broken: fn(&Config, &Settling) -> Option<Problem>,
}

const LISTEN: &str = "server.listen";
const PUBLIC_URL: &str = "server.public_url";
const CERTIFICATE: &str = "server.tls_certificate";
const KEY: &str = "server.tls_key";
const AUTHORITIES: &str = "server.client_authorities";
const PLAIN: &str = "server.allow_plain_http";
const ROTATE: &str = "sessions.rotate_after_days";
const AHEAD: &str = "sessions.publish_ahead_hours";

pub(super) const RULES: [Rule; 5] = [
    Rule { reads: &[CERTIFICATE, KEY], broken: half_of_tls },
    Rule { reads: &[CERTIFICATE, KEY, AUTHORITIES], broken: authorities_without_tls },
    Rule { reads: &[LISTEN, CERTIFICATE, KEY, PLAIN], broken: plain_http },
    Rule { reads: &[PUBLIC_URL, PLAIN], broken: plain_public_url },
    Rule { reads: &[ROTATE, AHEAD], broken: published_too_early },
];

fn half_of_tls(config: &Config, settling: &Settling) -> Option<Problem> {
    let (key, missing) = match (&config.server.tls_certificate, &config.server.tls_key) {
        (Some(_), None) => (CERTIFICATE, KEY),
        (None, Some(_)) => (KEY, CERTIFICATE),
        _ => return None,
    };
    Some(Problem::HalfOfTls { key, place: settling.place(key), missing })
}

fn authorities_without_tls(config: &Config, settling: &Settling) -> Option<Problem> {
    let server = &config.server;
    let no_tls = server.tls_certificate.is_none() && server.tls_key.is_none();
    (server.client_authorities.is_some() && no_tls)
        .then(|| Problem::AuthoritiesWithoutTls { place: settling.place(AUTHORITIES) })
}

fn plain_http(config: &Config, settling: &Settling) -> Option<Problem> {
    let server = &config.server;
    let wants_tls = server.tls_certificate.is_some() || server.tls_key.is_some();
    let reached = !server.listen.ip().to_canonical().is_loopback();
    (reached && !wants_tls && !server.allow_plain_http)
        .then(|| Problem::PlainHttp { listen: server.listen, place: settling.place(LISTEN) })
}

fn plain_public_url(config: &Config, settling: &Settling) -> Option<Problem> {
    let url = config.server.public_url.as_deref()?;
    (!url.starts_with("https://") && !url::is_loopback(url) && !config.server.allow_plain_http)
        .then(|| Problem::PlainPublicUrl { place: settling.place(PUBLIC_URL) })
}

fn published_too_early(config: &Config, settling: &Settling) -> Option<Problem> {
    let (hours, days) = (config.sessions.publish_ahead_hours, config.sessions.rotate_after_days);
    // Whichever of the two was set brings them into conflict; the message names both.
    (hours >= days.saturating_mul(24)).then(|| Problem::PublishedTooEarly { place: settling.place(AHEAD), hours, days })
}
