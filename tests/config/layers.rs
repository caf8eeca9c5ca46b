//! Flags go before the environment, the environment before the file, the file before the defaults.

use std::path::Path;
use std::time::Duration;

use brevet::config::{Config, KEYS, Overrides, SigningAlgorithm};
use brevet::telemetry::LogFormat;
use clap::{Args, Command, FromArgMatches};

use super::load;

const FILE: &str = "[server]\nlisten = '127.0.0.1:1'\nconnections = 1\nheader_timeout = 1\n";

#[test]
fn a_later_layer_wins_key_by_key() {
    let variables = [("BREVET_SERVER_LISTEN", "127.0.0.1:2"), ("BREVET_SERVER_CONNECTIONS", "2")];
    let flags = Overrides { listen: Some("127.0.0.1:3".to_owned()), ..Overrides::default() };
    let server = load(FILE, &variables, &flags).unwrap().server;
    assert_eq!(server.listen, "127.0.0.1:3".parse().unwrap());
    assert_eq!(server.connections, 2);
    assert_eq!(server.header_timeout, Duration::from_secs(1));
    assert_eq!(server.request_timeout, Duration::from_secs(30));
}

#[test]
fn nothing_given_is_the_default() {
    let config = Config::load(None, &[], &Overrides::default()).unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    assert_eq!(config.store.master_key_path(), Path::new("./data/master.key"));
    assert_eq!(config.server.tls(), None);
}

/// Every key can be set from the environment, and what was set arrives.
#[test]
fn every_key_has_a_variable() {
    for key in KEYS {
        let value = match (key.section(), key.name(), key.range()) {
            // Its default is its least.
            ("sessions", "chained_session_seconds", Some(range)) | ("decision_log", "denied_one_in", Some(range)) => {
                range.end().to_string()
            }
            (_, _, Some(range)) => range.start().max(&1).to_string(),
            ("server", "listen", _) => "127.0.0.1:99".to_owned(),
            ("server", "public_url", _) => "https://broker.example.com".to_owned(),
            ("server", "allow_plain_http", _) => "true".to_owned(),
            ("server", "trusted_proxies", _) => "10.0.0.0/8, 192.0.2.1".to_owned(),
            ("store", "database", _) => "postgres://u:p@db/brevet".to_owned(),
            ("sessions", "algorithm", _) => "EdDSA".to_owned(),
            ("web_identity", "allow_networks", _) => "10.0.0.0/8, ::1".to_owned(),
            ("web_identity", "addresses", _) => "login.example.com 10.0.0.5:8443, id.example.com [::1]:443".to_owned(),
            ("web_identity", "authorities", _) => "login.example.com /etc/brevet/ca.pem".to_owned(),
            ("web_identity", "key_files", _) => "https://kubernetes.default.svc /etc/brevet/cluster.json".to_owned(),
            ("log", "format", _) => "json".to_owned(),
            ("decision_log", "mode", _) => "full".to_owned(),
            ("decision_log", "output", _) => "stdout".to_owned(),
            ("decision_log", "masked_as", _) => "removed".to_owned(),
            ("log", "level", _) => "debug".to_owned(),
            _ => "something".to_owned(),
        };
        let mut variables = vec![(key.variable(), value)];
        let tls = ["BREVET_SERVER_TLS_CERTIFICATE", "BREVET_SERVER_TLS_KEY"].map(|v| (v.into(), "x".into()));
        if key.name().starts_with("tls_") {
            variables = tls.into();
        } else if key.name() == "client_authorities" {
            variables.extend(tls);
        }
        if key.name() == "rotate_after_days" {
            variables.push(("BREVET_SESSIONS_PUBLISH_AHEAD_HOURS".into(), "1".into()));
        }
        if key.name() == "masked_as" {
            variables.push(("BREVET_DECISION_LOG_MASK".into(), "aws:SourceIp".into()));
        }
        let config = Config::load(None, &variables, &Overrides::default()).unwrap();
        assert_ne!(format!("{config:?}"), format!("{:?}", Config::default()), "{} changed nothing", key.variable());
    }
}

#[test]
fn variables_read_as_the_file_does() {
    let variables = [
        ("BREVET_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1"),
        ("BREVET_SESSIONS_ALGORITHM", "EdDSA"),
        ("BREVET_SERVER_PUBLIC_URL", "https://Broker.example.com/"),
    ];
    let file = "[server]\ntrusted_proxies = ['10.0.0.0/8', '192.0.2.1']\npublic_url = 'https://broker.example.com'\n\
                [sessions]\nalgorithm = 'EdDSA'";
    let none = Overrides::default();
    let (variables, file) = (load("", &variables, &none).unwrap(), load(file, &[], &none).unwrap());
    assert_eq!(format!("{variables:?}"), format!("{file:?}"));
    assert_eq!(variables.server.trusted_proxies.len(), 2);
    assert!(variables.server.trusted_proxies[0].contains("10.9.8.7".parse().unwrap()));
    assert_eq!(variables.sessions.algorithm, SigningAlgorithm::EdDsa);
    assert_eq!(variables.server.public_url.as_deref(), Some("https://broker.example.com"));
}

#[test]
fn what_may_be_anothers_is_named_and_does_no_harm() {
    let others = [("BREVET_IMAGE", "x"), ("BREVET_REGION", "eu-1"), ("BREVET_MODE", "x"), ("BREVET_FILE", "x")];
    load("", &others, &Overrides::default()).unwrap();
    let others = others.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let named: Vec<&str> = Config::unread(&others).collect();
    assert_eq!(named, ["BREVET_IMAGE", "BREVET_REGION", "BREVET_MODE", "BREVET_FILE"]);
}

#[test]
fn other_variables_are_not_ours() {
    let others = [
        ("BREVET_BOOTSTRAP_ACCOUNT_ID", "x"),
        ("BREVET_BOOTSTRAP_ACCESS_KEY_ID", "x"),
        ("BREVET_BOOTSTRAP_SECRET_ACCESS_KEY", "x"),
        ("BREVET_MASTER_KEY", "x"),
        ("BREVET_CONFIG", "x"),
        ("BREVET_QUESTIONS_URL", "http://127.0.0.1:1"),
        ("BREVET_QUESTIONS_SOCKET", "x"),
        ("BREVET_SERVICE_HOST", "10.0.0.1"),
        ("BREVET_SERVICE_PORT", "8700"),
        ("BREVET_SERVICE_PORT_HTTPS", "8700"),
        ("BREVET_PORT", "tcp://10.0.0.1:8700"),
        ("BREVET_PORT_8700_TCP", "tcp://10.0.0.1:8700"),
        ("BREVET_PORT_8700_TCP_PROTO", "tcp"),
        ("BREVET_STORE_DB_SERVICE_HOST", "10.0.0.1"),
        ("BREVET_LISTEN_SERVICE_PORT", "1"),
        ("BREVET_LOG_PORT_514_UDP_ADDR", "10.0.0.1"),
        ("BREVET_SERVER_SERVICE_HOST", "10.0.0.1"),
        ("BREVET_SERVER_PORT", "tcp://10.0.0.1:8700"),
        ("BREVET_SERVER_PORT_8700_TCP_ADDR", "10.0.0.1"),
        ("SERVER_LISTEN", "x"),
        // Set, but to nothing.
        ("BREVET_STORE_DATABASE", ""),
        ("BREVET_SERVER_CONNECTIONS", ""),
        ("BREVET_LISTEN", ""),
        ("BREVET_IMAGE", ""),
    ];
    let config = load("", &others, &Overrides::default()).unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    let others = others.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(Config::unread(&others).count(), 0);
}

/// Whoever starts brevet has variables too, and may call them so. They are named in the log, and a start goes on.
#[test]
fn what_nothing_reads_can_be_told() {
    let names = [
        "BREVET_BENCH_TURN_MS",
        "BREVET_BENCH_USERS",
        "BREVET_BIN",
        "BREVET_BLESS",
        "BREVET_COMMIT",
        "BREVET_ENDPOINT",
        "BREVET_HOME",
        "BREVET_HOST",
        "BREVET_IMAGE",
        "BREVET_MFA_CODE",
        "BREVET_PASSWORD",
        "BREVET_S3_LIKE",
        "BREVET_TAG",
        "BREVET_TEST_POSTGRES",
        "BREVET_TEST_TERRAFORM_PLUGINS",
        "BREVET_USER",
        "BREVET_VERSION",
    ];
    load("", &names.map(|name| (name, "x")), &Overrides::default()).unwrap();
    let environment = names.map(|name| (name.to_owned(), "x".to_owned()));
    assert_eq!(Config::unread(&environment).collect::<Vec<_>>(), names);
}

#[test]
fn every_flag_overrides_the_setting_it_is_named_for() {
    let line = "brevet --data-dir d --listen 0.0.0.0:1 --database postgres://u:p@db/b --public-url https://b.example \
                --tls-certificate c --tls-key k --allow-plain-http --log-level warn --log-format json";
    let command = Overrides::augment_args(Command::new("brevet"));
    let flags: Vec<String> = command.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?))).collect();
    for flag in &flags {
        assert!(line.contains(flag.as_str()), "{flag} is not tried here");
        assert!(KEYS.iter().any(|key| key.flag() == Some(flag)), "{flag} sets nothing");
    }
    assert_eq!(KEYS.iter().filter(|key| key.flag().is_some()).count(), flags.len());

    let overrides = Overrides::from_arg_matches(&command.get_matches_from(line.split_whitespace())).unwrap();
    assert!(!format!("{overrides:?}").contains("u:p"));
    let config = load("", &[], &overrides).unwrap();
    assert_eq!(config.store.data_dir, Path::new("d"));
    assert_eq!(config.server.listen.port(), 1);
    assert_eq!(config.store.database.as_ref().unwrap().expose(), "postgres://u:p@db/b");
    assert_eq!(config.server.public_url.as_deref(), Some("https://b.example"));
    assert_eq!(config.server.tls(), Some((Path::new("c"), Path::new("k"))));
    assert!(config.server.allow_plain_http);
    assert_eq!((config.log.level.as_str(), config.log.format), ("warn", LogFormat::Json));
    assert!(!format!("{config:?}").contains("u:p"));
}
