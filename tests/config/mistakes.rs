//! What is wrong is named, with its place and what to write instead.

use brevet::config::Overrides;
use proptest::prelude::*;

use super::{load, refusals};

#[test]
fn a_misspelt_key_is_named_with_the_nearest_right_one() {
    assert_eq!(
        refusals("# ours\n[server]\nlisen = '127.0.0.1:1'"),
        ["unknown key `server.lisen` in brevet.toml line 3; did you mean `server.listen`?"]
    );
    assert_eq!(
        refusals("[server]\ndata_dir = 'x'"),
        ["unknown key `server.data_dir` in brevet.toml line 2; did you mean `store.data_dir`?"]
    );
    assert_eq!(
        refusals("listen = '127.0.0.1:1'"),
        ["unknown key `listen` in brevet.toml line 1; did you mean `server.listen`?"]
    );
    assert_eq!(
        refusals("[sever]\nlisten = '127.0.0.1:1'"),
        ["unknown section `sever` in brevet.toml line 1; did you mean `server`?"]
    );
    assert_eq!(refusals("[server]\ncolour = 1"), ["unknown key `server.colour` in brevet.toml line 2"]);
    assert_eq!(
        refusals("server = 1"),
        ["`server` in brevet.toml line 1 is a section: write [server] on a line of its own, and its keys below"]
    );
}

#[test]
fn a_misspelt_variable_is_named_too() {
    let said = |variable| load("", &[(variable, "1")], &Overrides::default()).unwrap_err().to_string();
    assert_eq!(
        said("BREVET_SERVER_CONECTIONS"),
        "unknown variable BREVET_SERVER_CONECTIONS in the environment; did you mean `BREVET_SERVER_CONNECTIONS`?"
    );
    assert_eq!(said("BREVET_LOG"), "unknown variable BREVET_LOG in the environment");
    // Without a section, as the flags are called; with a misspelt one; and what is no setting.
    for (wrong, right) in [
        ("BREVET_LISTEN", "BREVET_SERVER_LISTEN"),
        ("BREVET_DATABASE", "BREVET_STORE_DATABASE"),
        ("BREVET_DATA_DIR", "BREVET_STORE_DATA_DIR"),
        ("BREVET_MASTER_KEY_FILE", "BREVET_STORE_MASTER_KEY_FILE"),
        ("BREVET_SEVER_LISTEN", "BREVET_SERVER_LISTEN"),
        ("BREVET_DECISIONLOG_MODE", "BREVET_DECISION_LOG_MODE"),
        ("BREVET_MASTERKEY", "BREVET_MASTER_KEY"),
        ("BREVET_BOOTSTRAP_ACOUNT_ID", "BREVET_BOOTSTRAP_ACCOUNT_ID"),
        ("BREVET_CONFIGS", "BREVET_CONFIG"),
    ] {
        assert_eq!(said(wrong), format!("unknown variable {wrong} in the environment; did you mean `{right}`?"));
    }
}

#[test]
fn everything_is_reported_at_once_and_in_order() {
    let file = "[server]\nconnections = 'many'\nrequest_limit = 1\nallow_plain_http = 1\n\n[cache]\nprincipals = -1\n\
                access_keys = 1.5\n[server.listen]\n[log]\nlevel = 'inof'\nformat = 'JSON'\n[store]\ndata_dir = ''\n\
                [sessions]\nalgorithm = 'HS256'\n[realm]\nregion = 'EU'\npartition = 'a:b'\n";
    let (variables, none) = ([("BREVET_SERVER_HEADER_TIMEOUT", "1m")], Overrides::default());
    let said = load(file, &variables, &none).unwrap_err().to_string();
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "`server.connections` in brevet.toml line 2 must be a whole number, not a text",
            "`server.request_limit` in brevet.toml line 3 is 1, but must be from 65536 to 67108864",
            "`server.allow_plain_http` in brevet.toml line 4 must be true or false, not a whole number",
            "`server.listen` in brevet.toml line 9 must be a text, not a table",
            "`cache.principals` in brevet.toml line 7 is -1, but must be from 1 to 10000000",
            "`cache.access_keys` in brevet.toml line 8 must be a whole number, not a number with a fraction",
            "`log.level` in brevet.toml line 11 is `inof`, but must be off, error, warn, info, debug or trace, or a list such \
             as info,brevet::store=debug",
            "`log.format` in brevet.toml line 12 is `JSON`, but must be text or json",
            "`store.data_dir` in brevet.toml line 14 is ``, but must be a path",
            "`sessions.algorithm` in brevet.toml line 16 is `HS256`, but must be ES256 or EdDSA",
            "`realm.region` in brevet.toml line 18 is `EU`, but must be 1 to 32 lower-case letters, digits and hyphens",
            "`realm.partition` in brevet.toml line 19 is `a:b`, but must be 1 to 32 lower-case letters, digits and hyphens",
            "`server.header_timeout` in the variable BREVET_SERVER_HEADER_TIMEOUT is `1m`, but must be a whole number",
        ]
    );
}

#[test]
fn a_file_that_is_not_toml_is_named_by_line() {
    let said = refusals("[server]\nlisten = '127.0.0.1:1'\nlisten = '127.0.0.1:2'\n");
    assert!(said.len() == 1 && said[0].starts_with("brevet.toml line 3: "), "{said:?}");
    let secret = refusals("[store]\ndatabase = \"postgres://u:hunter2@db/brevet\n").concat();
    assert!(secret.starts_with("brevet.toml line 2: ") && !secret.contains("hunter2"), "{secret}");
}

#[test]
fn a_wrong_flag_is_named() {
    let flags = Overrides { listen: Some("here".to_owned()), ..Overrides::default() };
    assert_eq!(
        load("", &[], &flags).unwrap_err().to_string(),
        "`server.listen` in the flag --listen is `here`, but must be an address and port, such as 127.0.0.1:8700"
    );
}

#[test]
fn tls_takes_both_halves() {
    let need = "needs `server.tls_key` too: TLS takes a certificate and its key";
    assert_eq!(
        refusals("[server]\nlisten = '0.0.0.0:1'\ntls_certificate = 'c'"),
        [format!("`server.tls_certificate` in brevet.toml line 3 {need}")]
    );
    assert!(refusals("[server]\ntls_key = 'k'")[0].contains("needs `server.tls_certificate` too"));
}

#[test]
fn client_certificates_need_tls() {
    assert_eq!(
        refusals("[server]\nclient_authorities = 'c'"),
        [
            "`server.client_authorities` in brevet.toml line 2 needs `server.tls_certificate` and `server.tls_key`: certificates \
          are shown in TLS"
        ]
    );
    let all = "[server]\nclient_authorities = 'c'\ntls_certificate = 'c'\ntls_key = 'k'";
    load(all, &[], &Overrides::default()).unwrap();
}

#[test]
fn secrets_do_not_cross_a_network_in_the_clear_unasked() {
    let open = "[server]\nlisten = '0.0.0.0:8700'\n";
    let said = refusals(open);
    assert!(said[0].starts_with("`server.listen` in brevet.toml line 2 is 0.0.0.0:8700, which other machines reach"));
    for word in ["server.tls_certificate", "server.tls_key", "127.0.0.1", "server.allow_plain_http"] {
        assert!(said[0].contains(word), "{word}");
    }
    let none = Overrides::default();
    for enough in ["allow_plain_http = true", "tls_certificate = 'c'\ntls_key = 'k'"] {
        load(&format!("{open}{enough}"), &[], &none).unwrap();
    }
    for loopback in ["127.0.0.2:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        load(&format!("[server]\nlisten = '{loopback}'"), &[], &none).unwrap();
    }
    assert!(load("[server]\nlisten = '[::]:1'", &[], &none).is_err());

    let said = refusals("[server]\npublic_url = 'http://broker.example.com'");
    assert!(said[0].starts_with("`server.public_url` in brevet.toml line 2 must begin with https://"), "{said:?}");
    load("[server]\npublic_url = 'http://localhost:8700'", &[], &none).unwrap();
    load("[server]\nallow_plain_http = true\npublic_url = 'http://broker.example.com'", &[], &none).unwrap();
}

#[test]
fn a_key_signs_for_longer_than_the_next_is_published() {
    assert_eq!(
        refusals("[sessions]\nrotate_after_days = 2\npublish_ahead_hours = 48"),
        ["`sessions.publish_ahead_hours` in brevet.toml line 3 is 48 hours, which must be less than \
          `sessions.rotate_after_days`, 2 days"]
    );
    load("[sessions]\nrotate_after_days = 2\npublish_ahead_hours = 47", &[], &Overrides::default()).unwrap();
    assert!(refusals("[sessions]\nrotate_after_days = 1")[0].starts_with("`sessions.publish_ahead_hours` by default"));
}

/// Whoever names a file and prints to standard output believes that there is a file.
#[test]
fn nothing_is_set_that_has_no_effect() {
    let said = refusals("[decision_log]\noutput = 'stdout'\nfile = 'd.jsonl'\nmax_mib = 7\nkeep = 0");
    let because =
        "has no effect, because `decision_log.output` in brevet.toml line 2 is stdout: take one of the two out";
    assert_eq!(
        said,
        [("file", 3), ("max_mib", 4), ("keep", 5)]
            .map(|(key, line)| format!("`decision_log.{key}` in brevet.toml line {line} {because}"))
    );
    let none = Overrides::default();
    let printed = [("BREVET_DECISION_LOG_OUTPUT", "stdout")];
    let of_both = load("[decision_log]\nfile = 'd.jsonl'", &printed, &none).unwrap_err().to_string();
    assert!(
        of_both.contains("brevet.toml line 2") && of_both.contains("BREVET_DECISION_LOG_OUTPUT is stdout"),
        "{of_both}"
    );

    let said = refusals("[decision_log]\nmode = 'full'\nallowed_one_in = 10\ndenied_one_in = 0").join("\n");
    for key in ["allowed_one_in", "denied_one_in"] {
        assert!(said.contains(&format!("`decision_log.{key}`")) && said.contains("line 2 is full"), "{said}");
    }
    let said = refusals("[decision_log]\nmasked_as = 'removed'").concat();
    assert!(said.contains("`decision_log.mask` by default is empty"), "{said}");

    for fine in [
        // As in the sample file, of which only the output is changed.
        "output = 'stdout'\nmax_mib = 100\nkeep = 9",
        "mode = 'full'\nallowed_one_in = 100\ndenied_one_in = 1",
        "mode = 'sampled'\nallowed_one_in = 10",
        "file = 'd.jsonl'\nmax_mib = 7\nkeep = 0",
        "masked_as = 'removed'\nmask = ['aws:SourceIp']",
    ] {
        load(&format!("[decision_log]\n{fine}"), &[], &none).unwrap();
    }
}

#[test]
fn an_issuer_is_in_one_place() {
    for (setting, first, again, named) in [
        ("addresses", "a.example 10.0.0.5:1", "A.example 10.0.0.6:1", "a host twice, `a.example`"),
        ("authorities", "a.example /x.pem", "a.example /y.pem", "a host twice, `a.example`"),
        ("key_files", "https://a.example /x", "https://a.example /y", "an issuer twice, `a.example`"),
    ] {
        let said = refusals(&format!("[web_identity]\n{setting} = ['{first}', '{again}']"));
        assert_eq!(
            said,
            [format!("`web_identity.{setting}` in brevet.toml line 2 names {named}: only one of the two could count")]
        );
        load(&format!("[web_identity]\n{setting} = ['{first}']"), &[], &Overrides::default()).unwrap();
    }
}

#[test]
fn a_proxy_is_an_address_or_an_exact_range() {
    for wrong in ["'proxy.example.com'", "'10.0.0.1/8'", "''"] {
        assert!(refusals(&format!("[server]\ntrusted_proxies = [{wrong}]"))[0].contains("line 2"), "{wrong}");
    }
    assert!(refusals("[server]\ntrusted_proxies = '10.0.0.0/8'")[0].ends_with("must be a list of texts, not a text"));
    assert!(refusals("[server]\ntrusted_proxies = [1]")[0].ends_with("must be a text, not a whole number"));
}

#[test]
fn an_issuers_place_is_two_words() {
    for (setting, wrong) in [
        ("addresses", "login.example.com"),
        ("addresses", "login.example.com 10.0.0.5"),
        ("authorities", "https://login.example.com /ca.pem"),
        ("key_files", "login.example.com /keys.json"),
        ("allow_networks", "10.0.0.1/8"),
    ] {
        let said = refusals(&format!("[web_identity]\n{setting} = ['{wrong}']"));
        assert!(
            said[0].starts_with(&format!("`web_identity.{setting}` in brevet.toml line 2 is `{wrong}`")),
            "{said:?}"
        );
    }
    let said = |variable| load("", &[(variable, "1")], &Overrides::default()).unwrap_err().to_string();
    assert!(said("BREVET_WEB_IDENTITY_TIMEOUTS").contains("did you mean `BREVET_WEB_IDENTITY_TIMEOUT`?"));
    load("", &[("BREVET_WEB_SOMETHING", "1")], &Overrides::default()).unwrap();
}

/// The password is in no message, wherever the URL stands and whatever is wrong with it.
#[test]
fn a_database_password_is_never_repeated() {
    for url in [
        "mysql://u:hunter2@db/brevet",
        "postgres://u:hunter2@db:port/brevet",
        "postgres://u:hunter2/x@db/brevet",
        "postgres://u:hunter2@db/brevet?sslmod=verify-full",
        "postgres://u@db/brevet?sslmode=hunter2",
        "postgres://u@db/brevet?connect_timeout=hunter2",
        "postgres://u@db/brevet?password=x&hunter2=y",
    ] {
        let flags = Overrides { database: Some(brevet::types::SecretText::new(url)), ..Overrides::default() };
        let none = Overrides::default();
        for error in [
            load(&format!("[store]\ndatabase = '{url}'"), &[], &none).unwrap_err(),
            load("", &[("BREVET_STORE_DATABASE", url)], &none).unwrap_err(),
            load("", &[], &flags).unwrap_err(),
        ] {
            let said = format!("{error} {error:?}");
            assert!(said.contains("store.database") && !said.contains("hunter2"), "{said}");
        }
    }
}

/// The driver would connect without checking the certificate, and say so in a line of the log at the most.
#[test]
fn a_misspelt_parameter_of_the_database_is_refused() {
    let said = |query: &str| refusals(&format!("[store]\ndatabase = 'postgres://u@db/brevet?{query}'")).concat();
    assert_eq!(
        said("sslmod=verify-full"),
        "`store.database` in brevet.toml line 2 has a parameter `sslmod`, which means nothing; did you mean `sslmode`?"
    );
    assert_eq!(
        said("sslmode=verify_full"),
        "`store.database` in brevet.toml line 2 has a parameter that cannot be read: `sslmode` must be disable, allow, prefer, \
         require, verify-ca or verify-full"
    );
    load("[store]\ndatabase = 'postgres://u@db/brevet?sslmode=verify-full'", &[], &Overrides::default()).unwrap();
}

/// People paste URLs with their credentials into every setting that takes one.
#[test]
fn a_password_in_another_url_is_not_repeated_either() {
    for file in [
        "[server]\npublic_url = 'http://user:hunter2@x/'",
        "[server]\npublic_url = 'user:hunter2@x'",
        "[server]\nlisten = 'http://user:hunter2@x/'",
        "[web_identity]\nkey_files = ['https://user:hunter2@x /keys.json']",
        "[web_identity]\naddresses = ['user:hunter2@x 10.0.0.5:1', 'user:hunter2@x 10.0.0.6:1']",
    ] {
        let said = refusals(file).concat();
        assert!(said.contains("line 2") && !said.contains("hunter2"), "{said}");
    }
    let flags = Overrides { public_url: Some("http://user:hunter2@x/".to_owned()), ..Overrides::default() };
    assert_eq!(
        load("", &[], &flags).unwrap_err().to_string(),
        "`server.public_url` in the flag --public-url is `...@x/`, but must be a URL of scheme, host and port only, such as \
         https://broker.example.com"
    );
}

proptest! {
    /// No file brings it down.
    #[test]
    fn any_text_settles_or_is_refused(text in "[\\[\\]a-z0-9=.,'\"#{}\n -]{0,200}") {
        let _ = load(&text, &[], &Overrides::default());
    }

    #[test]
    fn any_value_settles_or_is_refused(section in 0..brevet::config::KEYS.len(), value in "\\PC{0,40}") {
        let variable = brevet::config::KEYS[section].variable();
        let _ = load("", &[(&variable, &value)], &Overrides::default());
    }
}
