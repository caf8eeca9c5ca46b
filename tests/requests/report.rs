//! What was asked and answered, operation by operation, and the summary of it that is checked in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

const SUMMARY: &str = include_str!("summary.txt");

/// How to write the summary anew.
const BLESS: &str = "BREVET_BLESS";

const HEAD: &str = "\
# Generated requests: how many of each kind every operation was sent, and the answers it gave, `Ok` among them. Made by
# tests/requests; BREVET_BLESS=1 cargo test --test requests writes it anew. An operation that is not here, or a kind of request
# that is gone, fails the test. One line is one operation's.
";

/// One operation's requests and answers.
#[derive(Debug, Default)]
pub struct Line {
    pub kinds: BTreeMap<&'static str, usize>,
    pub codes: BTreeMap<String, usize>,
}

impl Line {
    pub fn count(&mut self, kind: &'static str, code: &str) {
        *self.kinds.entry(kind).or_default() += 1;
        *self.codes.entry(if code.is_empty() { "Ok" } else { code }.to_owned()).or_default() += 1;
    }

    /// The line of the summary: answers that depend on what else happened are named and not counted.
    fn summary(&self, name: &str) -> String {
        let kinds: Vec<String> = self.kinds.iter().map(|(kind, count)| format!("{kind}={count}")).collect();
        let codes: Vec<&str> = self.codes.keys().map(String::as_str).collect();
        format!("{name}: {} -> {}", kinds.join(" "), codes.join(" "))
    }
}

/// Writes the whole report, and compares the summary with the one that is checked in. Says what is different.
pub fn hold(lines: &BTreeMap<String, Line>) -> Vec<String> {
    let mut whole = String::new();
    let mut totals = Line::default();
    for (name, line) in lines {
        let _ = writeln!(whole, "{name}: {:?} -> {:?}", line.kinds, line.codes);
        line.kinds.iter().for_each(|(kind, count)| *totals.kinds.entry(kind).or_default() += count);
        line.codes.iter().for_each(|(code, count)| *totals.codes.entry(code.clone()).or_default() += count);
    }
    let _ = writeln!(whole, "all {}: {:?} -> {:?}", totals.kinds.values().sum::<usize>(), totals.kinds, totals.codes);
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("requests.txt"), whole).unwrap();

    let found: Vec<String> = lines.iter().map(|(name, line)| line.summary(name)).collect();
    let text = format!("{HEAD}{}\n", found.join("\n"));
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/requests/summary.txt"), text).unwrap();
        return Vec::new();
    }
    differences(&found)
}

fn differences(found: &[String]) -> Vec<String> {
    let words = |line: &str| line.split(' ').skip(1).map(str::to_owned).collect::<BTreeSet<_>>();
    let by_name = |lines: &mut dyn Iterator<Item = &str>| -> BTreeMap<String, BTreeSet<String>> {
        lines.filter_map(|line| Some((line.split_once(": ")?.0.to_owned(), words(line)))).collect()
    };
    let known = by_name(&mut SUMMARY.lines().filter(|line| !line.starts_with('#')));
    let found = by_name(&mut found.iter().map(String::as_str));
    let mut different = Vec::new();
    for name in known.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
        match (known.get(name), found.get(name)) {
            (Some(known), Some(found)) if known == found => {}
            (Some(known), Some(found)) => different.push(format!(
                "{name}: gone or other than it was {:?}, now {:?}",
                known.difference(found).collect::<Vec<_>>(),
                found.difference(known).collect::<Vec<_>>()
            )),
            (Some(_), None) => different.push(format!("{name}: no requests any more")),
            (None, _) => different.push(format!("{name}: not in tests/requests/summary.txt; {BLESS}=1 writes it")),
        }
    }
    different
}
