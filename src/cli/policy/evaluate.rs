//! `brevet policy evaluate`: decides the requests of a file of policy tests, and says where one comes out otherwise than expected.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value as Json, json};

use super::case::{Case, EFFECTS, Unreadable};
use crate::policy::{Decision, Effect, MatchedStatement, Missing, StatementEffect};

#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Files of cases, one JSON object a line; standard input without any, or for `-`
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write only the cases that came out otherwise than expected or could not be read
    #[arg(long)]
    failures_only: bool,
}

/// Longer than any real case: every quota of every kind of policy, several times over.
const LONGEST_LINE: u64 = 4 << 20;

/// How the cases came out.
#[derive(Default)]
struct Tally {
    cases: usize,
    expected: usize,
    different: usize,
    unreadable: usize,
}

/// Answers go to `out`, one JSON object a line in the order of the cases, and the count to `err`. The exit status is 0 when
/// every expectation was met, 1 when one was not or a case could not be read, 2 when a file could not be read.
pub(super) fn run(args: &EvaluateArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let mut out = BufWriter::new(out);
    let mut tally = Tally::default();
    let stdin = [PathBuf::from("-")];
    for path in if args.files.is_empty() { &stdin[..] } else { &args.files } {
        let read = open(path).and_then(|input| cases(input, args.failures_only, &mut out, &mut tally));
        match read.and_then(|()| out.flush()) {
            Ok(()) => {}
            // Whoever read the answers has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(err, "brevet: {}: {error}", path.display());
                return ExitCode::from(2);
            }
        }
    }
    // Standard error may be closed; there is nobody left to tell then.
    let _ = writeln!(err, "{tally}");
    ExitCode::from(u8::from(tally.different + tally.unreadable > 0))
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    Ok(match path.to_str() {
        Some("-") => Box::new(BufReader::new(io::stdin())),
        _ => Box::new(BufReader::new(File::open(path)?)),
    })
}

fn cases(mut input: impl BufRead, failures_only: bool, out: &mut dyn Write, tally: &mut Tally) -> io::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 == LONGEST_LINE {
            return Err(io::Error::other(format!("line {number} is longer than {LONGEST_LINE} bytes")));
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let (answer, failed) = tally.answer(text, number);
        if failed || !failures_only {
            serde_json::to_writer(&mut *out, &answer)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

impl Tally {
    /// The answer to a line, and whether it is a failure.
    fn answer(&mut self, line: &[u8], number: usize) -> (Json, bool) {
        self.cases += 1;
        let case = std::str::from_utf8(line)
            .map_err(|error| Unreadable { name: None, why: error.to_string() })
            .and_then(Case::read);
        let case = match case {
            Ok(case) => case,
            Err(Unreadable { name, why }) => {
                self.unreadable += 1;
                return (json!({ "name": name, "line": number, "error": why }), true);
            }
        };
        let decision = case.decide();
        let mut answer = json!({
            "name": case.name,
            "line": number,
            "decision": name(decision.effect),
            "statements": decision.statements.iter().map(statement).collect::<Vec<_>>(),
        });
        let different = case.expected.is_some_and(|expected| expected != decision.effect);
        if let Some(object) = answer.as_object_mut() {
            if !decision.is_allowed() {
                object.insert("reason".to_owned(), json!(reason(&decision, &case.action)));
            }
            if let Some(gap) = &decision.missing {
                object.insert("missing".to_owned(), missing(gap));
            }
            if let Some(expected) = case.expected {
                object.insert("expected".to_owned(), json!(name(expected)));
                object.insert("as_expected".to_owned(), json!(!different));
            }
        }
        self.expected += usize::from(case.expected.is_some() && !different);
        self.different += usize::from(different);
        (answer, different)
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tally { cases, expected, different, unreadable } = self;
        write!(f, "{cases} cases: {expected} as expected, {different} otherwise")?;
        match cases - expected - different - unreadable {
            0 => {}
            open => write!(f, ", {open} without an expectation")?,
        }
        match unreadable {
            0 => Ok(()),
            _ => write!(f, ", {unreadable} unreadable"),
        }
    }
}

fn name(effect: Effect) -> &'static str {
    EFFECTS.iter().find(|(known, _)| *known == effect).map_or("", |(_, name)| name)
}

fn statement(matched: &MatchedStatement) -> Json {
    json!({
        "policy": &*matched.policy,
        "index": matched.index,
        "sid": matched.sid.as_deref(),
        "effect": match matched.effect {
            StatementEffect::Allow => "Allow",
            StatementEffect::Deny => "Deny",
        },
    })
}

/// What AWS says behind "is not authorized to perform: … on resource: …".
fn reason(decision: &Decision, action: &str) -> String {
    decision.because(action).trim_start().to_owned()
}

fn missing(gap: &Missing) -> Json {
    json!({
        "kind": format!("{:?}", gap.kind),
        "level": gap.level,
        "nearly": gap.near.as_ref().map(|near| json!({
            "policy": &*near.statement.policy,
            "index": near.statement.index,
            "sid": near.statement.sid.as_deref(),
            "operator": near.operator.to_string(),
            "key": near.key,
            "absent": near.absent,
        })),
    })
}
