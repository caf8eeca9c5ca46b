//! Rules between settings.

use super::settle::Settling;
use super::{Config, DecisionLogSection, LogMode, LogOutput, Problem, url};

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
const MODE: &str = "decision_log.mode";
const ALLOWED: &str = "decision_log.allowed_one_in";
const DENIED: &str = "decision_log.denied_one_in";
const OUTPUT: &str = "decision_log.output";
const FILE: &str = "decision_log.file";
const MAX_MIB: &str = "decision_log.max_mib";
const KEEP: &str = "decision_log.keep";
const MASK: &str = "decision_log.mask";
const MASKED_AS: &str = "decision_log.masked_as";

pub(super) const RULES: [Rule; 11] = [
    Rule { reads: &[CERTIFICATE, KEY], broken: half_of_tls },
    Rule { reads: &[CERTIFICATE, KEY, AUTHORITIES], broken: authorities_without_tls },
    Rule { reads: &[LISTEN, CERTIFICATE, KEY, PLAIN], broken: plain_http },
    Rule { reads: &[PUBLIC_URL, PLAIN], broken: plain_public_url },
    Rule { reads: &[ROTATE, AHEAD], broken: published_too_early },
    Rule {
        reads: &[MODE, ALLOWED],
        broken: |config, settling| no_sample(config, settling, ALLOWED, |log| log.allowed_one_in),
    },
    Rule {
        reads: &[MODE, DENIED],
        broken: |config, settling| no_sample(config, settling, DENIED, |log| log.denied_one_in),
    },
    Rule { reads: &[OUTPUT, FILE], broken: |config, settling| no_file(config, settling, FILE, |log| log.file.clone()) },
    Rule {
        reads: &[OUTPUT, MAX_MIB],
        broken: |config, settling| no_file(config, settling, MAX_MIB, |log| log.max_mib),
    },
    Rule { reads: &[OUTPUT, KEEP], broken: |config, settling| no_file(config, settling, KEEP, |log| log.keep) },
    Rule { reads: &[MASK, MASKED_AS], broken: no_mask },
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

/// What is set of a share, where no share is taken.
fn no_sample(
    config: &Config,
    settling: &Settling,
    key: &'static str,
    share: fn(&DecisionLogSection) -> u64,
) -> Option<Problem> {
    let full = config.decision_log.mode == LogMode::Full;
    (full && is_set(config, share)).then(|| idle(settling, key, "full", MODE))
}

/// What is set of a file, where there is none.
fn no_file<T: PartialEq>(
    config: &Config,
    settling: &Settling,
    key: &'static str,
    of_file: fn(&DecisionLogSection) -> T,
) -> Option<Problem> {
    let printed = config.decision_log.output == LogOutput::Stdout;
    (printed && is_set(config, of_file)).then(|| idle(settling, key, "stdout", OUTPUT))
}

fn no_mask(config: &Config, settling: &Settling) -> Option<Problem> {
    (config.decision_log.mask.is_empty() && is_set(config, |log| log.masked_as))
        .then(|| idle(settling, MASKED_AS, "empty", MASK))
}

/// The sample file says every default: a setting that says no more has nothing to lose.
fn is_set<T: PartialEq>(config: &Config, value: fn(&DecisionLogSection) -> T) -> bool {
    value(&config.decision_log) != value(&DecisionLogSection::default())
}

fn idle(settling: &Settling, key: &'static str, value: &'static str, other: &'static str) -> Problem {
    Problem::Idle { key, place: settling.place(key), other, other_place: settling.place(other), value }
}
