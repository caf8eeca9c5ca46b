//! A decision log, or what stands where there should be one, as `brevet explain` reads it.
//!
//! First byte: what is asked; up to the first newline: a time, or whom it is about; the rest: the log. Nothing may panic or take long,
//! and a record that is read says the same when it is written and read again. What the command prints goes to `/dev/null`.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use brevet::audit::decisions::{Entry, Record};
use brevet::cli::{self, Cli};
use clap::Parser;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<(Runtime, PathBuf)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    (runtime, std::env::temp_dir().join(format!("brevet-fuzz-{}.log", std::process::id())))
});

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (said, log) = rest.split_at(end);
    let log = log.get(1..).unwrap_or_default();
    for line in log.split(|byte| *byte == b'\n') {
        if let Ok(Entry::Decision(record)) = serde_json::from_slice(line) {
            let again = serde_json::to_vec(&record).expect("a line");
            assert!(!again.contains(&b'\n'));
            assert_eq!(serde_json::from_slice::<Record>(&again).ok(), Some(*record));
        }
    }
    let (runtime, path) = &*RUNTIME;
    std::fs::write(path, log).expect("a file");
    let file = path.to_str().expect("a path").to_owned();
    let said = format!("={}", String::from_utf8_lossy(said));
    let option = ["--at", "--principal", "--action", "--resource", "--asker", "--id"][usize::from(first >> 1) % 6];
    let format = if first & 1 == 0 { "text" } else { "json" };
    let arguments = ["brevet", "explain", "--log", &file, "--last", "1000", "--format", format];
    let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
    if said.len() > 1 {
        arguments.push(option.to_owned() + &said);
    }
    if let Ok(cli) = Cli::try_parse_from(arguments) {
        let _ = runtime.block_on(cli::run(cli));
    }
});
