//! `brevet policy evaluate`: decides the requests of a file of policy tests, and says where one comes out otherwise than expected.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::case::{Case, EFFECTS, Unreadable};
use crate::policy::{Effect, MatchedStatement, Missing, StatementEffect};

#[derive(Debug, Args)]
pub(in crate::cli) struct EvaluateArgs {
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
pub(super) fn run(args: &EvaluateArgs, input: &mut dyn BufRead, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let mut out = BufWriter::new(out);
    let mut tally = Tally::default();
    let stdin = [PathBuf::from("-")];
    for path in if args.files.is_empty() { &stdin[..] } else { &args.files } {
        let read = if path.as_os_str() == "-" {
            cases(&mut *input, args.failures_only, &mut out, &mut tally)
        } else {
            File::open(path).and_then(|file| cases(BufReader::new(file), args.failures_only, &mut out, &mut tally))
        };
        match read.and_then(|()| out.flush()) {
            Ok(()) => {}
            // Whoever read the answers has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return 0,
            Err(error) => {
                let _ = writeln!(err, "brevet: {}: {error}", path.display());
                return 2;
            }
        }
    }
    // Standard error may be closed; there is nobody left to tell then.
    let _ = writeln!(err, "{tally}");
    u8::from(tally.different + tally.unreadable > 0)
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
    fn answer(&mut self, line: &[u8], number: usize) -> (Answer, bool) {
        self.cases += 1;
        let case = std::str::from_utf8(line)
            .map_err(|error| Unreadable { name: None, why: error.to_string() })
            .and_then(Case::read);
        let case = match case {
            Ok(case) => case,
            Err(Unreadable { name, why }) => {
                self.unreadable += 1;
                return (Answer::Unreadable { name, line: number, error: why }, true);
            }
        };
        let decision = case.decide();
        let as_expected = case.expected.map(|expected| expected == decision.effect);
        self.expected += usize::from(as_expected == Some(true));
        self.different += usize::from(as_expected == Some(false));
        let answer = Answer::Decided {
            decision: name(decision.effect),
            expected: case.expected.map(name),
            as_expected,
            statements: decision.statements.iter().map(Named::new).collect(),
            reason: (!decision.is_allowed()).then(|| decision.because(&case.action).trim_start().to_owned()),
            missing: decision.missing.as_ref().map(|missing| Box::new(Lacking::new(missing))),
            name: case.name,
            line: number,
        };
        (answer, as_expected == Some(false))
    }
}

/// A line of the output.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Decided {
        name: Option<String>,
        line: usize,
        decision: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        expected: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        as_expected: Option<bool>,
        statements: Vec<Named>,
        /// What AWS says behind "is not authorized to perform: … on resource: …".
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<Box<Lacking>>,
    },
    Unreadable {
        name: Option<String>,
        line: usize,
        error: String,
    },
}

/// A statement by its place.
#[derive(Serialize)]
struct Named {
    policy: String,
    index: usize,
    sid: Option<String>,
    effect: &'static str,
}

impl Named {
    fn new(matched: &MatchedStatement) -> Self {
        Named {
            policy: matched.policy.to_string(),
            index: matched.index,
            sid: matched.sid.as_deref().map(str::to_owned),
            effect: match matched.effect {
                StatementEffect::Allow => "Allow",
                StatementEffect::Deny => "Deny",
            },
        }
    }
}

/// The kind of policy that did not allow, and the statement there that nearly did.
#[derive(Serialize)]
struct Lacking {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nearly: Option<Nearly>,
}

#[derive(Serialize)]
struct Nearly {
    #[serde(flatten)]
    statement: Named,
    operator: String,
    key: String,
    absent: bool,
}

impl Lacking {
    fn new(missing: &Missing) -> Self {
        Lacking {
            kind: format!("{:?}", missing.kind),
            level: missing.level,
            nearly: missing.near.as_ref().map(|near| Nearly {
                statement: Named::new(&near.statement),
                operator: near.operator.to_string(),
                key: near.key.clone(),
                absent: near.absent,
            }),
        }
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
