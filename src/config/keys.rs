//! The one table of settings: it drives the file, the environment, the flags and the suggestions for what is misspelt.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::value::Value;
use super::{Config, Fault, Network, Overrides, Quotas, SigningAlgorithm, decision_log, log, url, web_identity};
use crate::telemetry::LogFormat;
use crate::types::SecretText;

/// Every setting, in the order of the reference.
pub static KEYS: &[Key] = &[
    text("server", "listen", |config, text| {
        let address = text.parse().map_err(|_| Fault::malformed(text, "an address and port, such as 127.0.0.1:8700"));
        set(&mut config.server.listen, address)
    })
    .with_flag("--listen", |flags| flags.listen.clone().map(Value::Untyped)),
    text("server", "public_url", |config, text| {
        let origin = url::origin(text).ok_or_else(|| {
            Fault::malformed(text, "a URL of scheme, host and port only, such as https://broker.example.com")
        });
        set(&mut config.server.public_url, origin.map(Some))
    })
    .with_flag("--public-url", |flags| flags.public_url.clone().map(Value::Untyped)),
    path("server", "tls_certificate", |config, path| config.server.tls_certificate = Some(path))
        .with_flag("--tls-certificate", |flags| flags.tls_certificate.clone().map(Value::Path)),
    path("server", "tls_key", |config, path| config.server.tls_key = Some(path))
        .with_flag("--tls-key", |flags| flags.tls_key.clone().map(Value::Path)),
    path("server", "client_authorities", |config, path| config.server.client_authorities = Some(path)),
    switch("server", "allow_plain_http", |config, on| config.server.allow_plain_http = on)
        .with_flag("--allow-plain-http", |flags| flags.allow_plain_http.then_some(Value::Switch(true))),
    number("server", "request_limit", 65_536..=67_108_864, |config, n| config.server.request_limit = size(n)),
    number("server", "header_timeout", 1..=300, |config, n| config.server.header_timeout = Duration::from_secs(n)),
    number("server", "idle_timeout", 1..=3_600, |config, n| config.server.idle_timeout = Duration::from_secs(n)),
    number("server", "request_timeout", 1..=600, |config, n| config.server.request_timeout = Duration::from_secs(n)),
    number("server", "shutdown_grace", 0..=600, |config, n| config.server.shutdown_grace = Duration::from_secs(n)),
    number("server", "connections", 1..=1_000_000, |config, n| config.server.connections = size(n)),
    number("server", "password_threads", 1..=64, |config, n| config.server.password_threads = size(n)),
    list("server", "trusted_proxies", |config, texts| {
        let expected = "an address, or a range such as 10.0.0.0/8 with no bit set after its prefix";
        let network = |text: &&str| Network::parse(text).ok_or_else(|| Fault::malformed(text, expected));
        set(&mut config.server.trusted_proxies, texts.iter().map(network).collect())
    }),
    path("doors", "routes", |config, path| config.doors.routes = Some(path)),
    path("store", "data_dir", |config, path| config.store.data_dir = path)
        .with_flag("--data-dir", |flags| flags.data_dir.clone().map(Value::Path)),
    text("store", "database", |config, text| {
        let database = url::check_database(text).map(|()| SecretText::new(text));
        set(&mut config.store.database, database.map(Some))
    })
    .with_flag("--database", |flags| flags.database.as_ref().map(|url| Value::Untyped(url.expose().to_owned()))),
    number("store", "staleness_bound", 1..=60, |config, n| config.store.staleness_bound = Duration::from_secs(n)),
    number("store", "degraded_service", 0..=86_400, |config, n| {
        config.store.degraded_service = Duration::from_secs(n);
    }),
    path("store", "master_key_file", |config, path| config.store.master_key_file = Some(path)),
    text("realm", "partition", |config, text| set(&mut config.realm.partition, arn_part(text))),
    text("realm", "region", |config, text| set(&mut config.realm.region, arn_part(text))),
    text("sessions", "algorithm", |config, text| {
        let algorithm = SigningAlgorithm::parse(text).ok_or_else(|| Fault::malformed(text, "ES256 or EdDSA"));
        set(&mut config.sessions.algorithm, algorithm)
    }),
    number("sessions", "rotate_after_days", 1..=365, |config, n| config.sessions.rotate_after_days = count(n)),
    number("sessions", "publish_ahead_hours", 1..=720, |config, n| config.sessions.publish_ahead_hours = count(n)),
    list("sessions", "rsa_keys", |config, texts| {
        let path =
            |text: &&str| if text.is_empty() { Err(Fault::malformed(text, "a file")) } else { Ok(PathBuf::from(text)) };
        set(&mut config.sessions.rsa_keys, texts.iter().map(path).collect())
    }),
    number("sessions", "chained_session_seconds", 3_600..=43_200, |config, n| {
        config.sessions.chained_session_seconds = count(n);
    }),
    number("cache", "principals", 1..=10_000_000, |config, n| config.cache.principals = n),
    number("cache", "access_keys", 1..=10_000_000, |config, n| config.cache.access_keys = n),
    number("cache", "sessions", 1..=10_000_000, |config, n| config.cache.sessions = n),
    number("cache", "answers", 0..=1_099_511_627_776, |config, n| config.cache.answers = n),
    list("web_identity", "allow_networks", |config, texts| {
        let expected = "an address, or a range such as 10.0.0.0/8 with no bit set after its prefix";
        let network = |text: &&str| Network::parse(text).ok_or_else(|| Fault::malformed(text, expected));
        set(&mut config.web_identity.allow_networks, texts.iter().map(network).collect())
    }),
    list("web_identity", "addresses", |config, texts| {
        set(&mut config.web_identity.addresses, web_identity::addresses(texts))
    }),
    list("web_identity", "authorities", |config, texts| {
        set(&mut config.web_identity.authorities, web_identity::authorities(texts))
    }),
    list("web_identity", "key_files", |config, texts| {
        set(&mut config.web_identity.key_files, web_identity::key_files(texts))
    }),
    number("web_identity", "timeout", 1..=25, |config, n| config.web_identity.timeout = Duration::from_secs(n)),
    number("web_identity", "key_lifetime", 60..=86_400, |config, n| {
        config.web_identity.key_lifetime = Duration::from_secs(n);
    }),
    number("quotas", "users", QUOTA, |config, n| config.quotas.users = n),
    number("quotas", "groups", QUOTA, |config, n| config.quotas.groups = n),
    number("quotas", "roles", QUOTA, |config, n| config.quotas.roles = n),
    number("quotas", "policies", QUOTA, |config, n| config.quotas.policies = n),
    number("quotas", "policy_versions", QUOTA, |config, n| config.quotas.policy_versions = n),
    number("quotas", "instance_profiles", QUOTA, |config, n| config.quotas.instance_profiles = n),
    number("quotas", "server_certificates", QUOTA, |config, n| config.quotas.server_certificates = n),
    number("quotas", "oidc_providers", QUOTA, |config, n| config.quotas.oidc_providers = n),
    number("quotas", "saml_providers", QUOTA, |config, n| config.quotas.saml_providers = n),
    number("quotas", "resources", QUOTA, |config, n| config.quotas.resources = n),
    number("quotas", "session_policy_characters", 1..=Quotas::MOST_OF_A_TOKEN, |config, n| {
        config.quotas.session_policy_characters = n;
    }),
    number("quotas", "packed_session_bytes", 1..=Quotas::MOST_OF_A_TOKEN, |config, n| {
        config.quotas.packed_session_bytes = n;
    }),
    number("quotas", "revocations", QUOTA, |config, n| config.quotas.revocations = n),
    text("log", "level", |config, text| {
        let expected = "off, error, warn, info, debug or trace, or a list such as info,brevet::store=debug";
        let level = if log::is_level(text) { Ok(text.to_owned()) } else { Err(Fault::malformed(text, expected)) };
        set(&mut config.log.level, level)
    })
    .with_flag("--log-level", |flags| flags.log_level.clone().map(Value::Untyped)),
    text("log", "format", |config, text| {
        let format = LogFormat::from_str(text, false).map_err(|_| Fault::malformed(text, "text or json"));
        set(&mut config.log.format, format)
    })
    .with_flag("--log-format", |flags| {
        flags.log_format.and_then(|format| Some(Value::Untyped(format.to_possible_value()?.get_name().to_owned())))
    }),
    text("decision_log", "mode", |config, text| set(&mut config.decision_log.mode, decision_log::mode(text))),
    number("decision_log", "allowed_one_in", 0..=1_000_000, |config, n| config.decision_log.allowed_one_in = n),
    number("decision_log", "denied_one_in", 0..=1_000_000, |config, n| config.decision_log.denied_one_in = n),
    text("decision_log", "output", |config, text| set(&mut config.decision_log.output, decision_log::output(text))),
    path("decision_log", "file", |config, path| config.decision_log.file = Some(path)),
    number("decision_log", "max_mib", 1..=102_400, |config, n| config.decision_log.max_mib = n),
    number("decision_log", "keep", 0..=1_000, |config, n| config.decision_log.keep = n),
    list("decision_log", "mask", |config, texts| {
        set(&mut config.decision_log.mask, texts.iter().map(decision_log::mask).collect())
    }),
    text("decision_log", "masked_as", |config, text| {
        set(&mut config.decision_log.masked_as, decision_log::masked_as(text))
    }),
];

/// What a quota may be: none at all could not be told from one that was forgotten.
const QUOTA: RangeInclusive<u64> = 1..=100_000_000;

/// A setting: its names, and how its value gets into the configuration.
pub struct Key {
    section: &'static str,
    name: &'static str,
    kind: Kind,
    flag: Option<(&'static str, FlagValue)>,
}

type FlagValue = fn(&Overrides) -> Option<Value>;

enum Kind {
    Number(RangeInclusive<u64>, fn(&mut Config, u64)),
    Switch(fn(&mut Config, bool)),
    Text(fn(&mut Config, &str) -> Result<(), Fault>),
    Path(fn(&mut Config, PathBuf)),
    List(fn(&mut Config, &[&str]) -> Result<(), Fault>),
}

impl Key {
    /// The section of the file that it stands in.
    pub fn section(&self) -> &'static str {
        self.section
    }

    /// Whether there is a flag for it.
    pub(super) fn has_flag(&self) -> bool {
        self.flag.is_some()
    }

    /// Its name within the section.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `section.name`
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it: `BREVET_SECTION_NAME`
    pub fn variable(&self) -> String {
        format!("BREVET_{}_{}", self.section, self.name).to_ascii_uppercase()
    }

    /// The flag that sets it, if one does.
    pub fn flag(&self) -> Option<&'static str> {
        self.flag.map(|(flag, _)| flag)
    }

    /// The numbers that it takes, if it takes numbers.
    pub fn range(&self) -> Option<&RangeInclusive<u64>> {
        match &self.kind {
            Kind::Number(range, _) => Some(range),
            _ => None,
        }
    }

    pub(super) fn flag_given(&self, flags: &Overrides) -> Option<(&'static str, Value)> {
        let (flag, value) = self.flag?;
        Some((flag, value(flags)?))
    }

    pub(super) fn set(&self, config: &mut Config, value: &Value) -> Result<(), Fault> {
        match &self.kind {
            Kind::Number(range, put) => value.number(range).map(|number| put(config, number)),
            Kind::Switch(put) => value.switch().map(|on| put(config, on)),
            Kind::Text(put) => put(config, value.text()?),
            Kind::Path(put) => value.path().map(|path| put(config, path)),
            Kind::List(put) => put(config, &value.list()?),
        }
    }

    const fn new(section: &'static str, name: &'static str, kind: Kind) -> Self {
        Self { section, name, kind, flag: None }
    }

    const fn with_flag(mut self, flag: &'static str, value: FlagValue) -> Self {
        self.flag = Some((flag, value));
        self
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}.{})", self.section, self.name)
    }
}

const fn number(
    section: &'static str,
    name: &'static str,
    range: RangeInclusive<u64>,
    put: fn(&mut Config, u64),
) -> Key {
    Key::new(section, name, Kind::Number(range, put))
}

const fn switch(section: &'static str, name: &'static str, put: fn(&mut Config, bool)) -> Key {
    Key::new(section, name, Kind::Switch(put))
}

const fn text(section: &'static str, name: &'static str, put: fn(&mut Config, &str) -> Result<(), Fault>) -> Key {
    Key::new(section, name, Kind::Text(put))
}

const fn path(section: &'static str, name: &'static str, put: fn(&mut Config, PathBuf)) -> Key {
    Key::new(section, name, Kind::Path(put))
}

const fn list(section: &'static str, name: &'static str, put: fn(&mut Config, &[&str]) -> Result<(), Fault>) -> Key {
    Key::new(section, name, Kind::List(put))
}

fn set<T>(slot: &mut T, value: Result<T, Fault>) -> Result<(), Fault> {
    *slot = value?;
    Ok(())
}

// The ranges of the table fit these types on every platform that brevet runs on.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A part of an ARN that is matched as written: no colon, no wildcard, nothing that looks alike.
fn arn_part(text: &str) -> Result<String, Fault> {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let fits = (1..=32).contains(&text.len()) && plain;
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Fault::malformed(text, "1 to 32 lower-case letters, digits and hyphens"))
    }
}
