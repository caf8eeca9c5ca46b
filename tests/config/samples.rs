//! The sample files in `config/` say what the code does.

use brevet::config::{Config, KEYS, Overrides};

use super::load;

const SAMPLE: &str = include_str!("../../config/brevet.toml");
const ALERTS: &str = include_str!("../../config/alerts.yml");

#[test]
fn the_sample_is_the_defaults() {
    let config = load(SAMPLE, &[], &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

/// Each key stands once in its section, set or as an example, below a comment that tells its range and its flag.
#[test]
fn the_sample_has_every_key() {
    let mut found = Vec::new();
    let mut section = "";
    let mut comment = String::new();
    for line in SAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some(name) = assigned(line) {
            let key = KEYS.iter().find(|key| key.section() == section && key.name() == name);
            let key = key.unwrap_or_else(|| panic!("{section}.{name} is no key"));
            assert!(!comment.is_empty(), "{} has no comment", key.path());
            if let Some(range) = key.range() {
                let range = format!("from {} to {}", range.start(), range.end());
                assert!(comment.contains(&range), "{}: the comment does not say `{range}`", key.path());
            }
            if let Some(flag) = key.flag() {
                assert!(comment.contains(flag), "{}: the comment does not name {flag}", key.path());
            }
            found.push(key.path());
        } else if line.is_empty() {
            comment.clear();
        } else {
            comment.push_str(line.trim_start_matches('#'));
        }
    }
    let all: Vec<String> = KEYS.iter().map(|key| key.path()).collect();
    assert_eq!(found, all);
}

#[test]
fn its_examples_are_right_too() {
    let uncomment = |line: &'static str| if assigned(line).is_some() { line.trim_start_matches("# ") } else { line };
    let text: Vec<&str> = SAMPLE.lines().map(uncomment).collect();
    let config = load(&text.join("\n"), &[], &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    assert!(config.server.tls().is_some() && config.store.database.is_some() && config.server.public_url.is_some());
}

/// The key that a line sets, or sets once its `# ` is taken away.
fn assigned(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix("# ").unwrap_or(line).split_once(" = ")?;
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_').then_some(name)
}

#[test]
fn alerts_watch_metrics_and_codes_that_exist() {
    let metrics = quoted(include_str!("../../src/telemetry.rs"));
    let mut watched: Vec<&str> = ALERTS
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("brevet_"))
        .collect();
    watched.sort_unstable();
    watched.dedup();
    for metric in &watched {
        assert!(metrics.contains(metric), "{metric} is no metric");
    }
    for needed in ["brevet_audit_failures_total", "brevet_authentication_failures_total", "brevet_requests_total"] {
        assert!(watched.contains(&needed), "nothing watches {needed}");
    }

    let codes = quoted(include_str!("../../src/ops/fault.rs"));
    for code in ALERTS.split("code=").skip(1).filter_map(|rest| rest.split('"').nth(1)).flat_map(|all| all.split('|')) {
        // The doors for services count statuses.
        assert!(codes.contains(&code) || ["500", "503"].contains(&code), "{code} is no error code");
    }
}

#[test]
fn every_alert_is_whole() {
    let rules: Vec<&str> = ALERTS.split("- alert: ").skip(1).collect();
    assert!(rules.len() >= 4);
    for rule in rules {
        for part in ["expr:", "severity:", "summary:", "description:"] {
            assert_eq!(rule.matches(part).count(), 1, "{part} of {}", rule.lines().next().unwrap_or_default());
        }
    }
}

/// The texts between quotation marks.
fn quoted(source: &str) -> Vec<&str> {
    source.split('"').skip(1).step_by(2).collect()
}
