//! `brevet policy validate`: what is wrong with a policy, and what is unwise about it, with the places.
//!
//! The findings go to standard output, as text that editors can jump from or as Access Analyzer's `ValidatePolicy` answers
//! them; how the policies were taken, and the sum, go to standard error.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::policy::Kind;
use crate::policy::lint::{Finding, FindingType, check, guess};

/// Checks policies as IAM Access Analyzer does, and says where each finding stands.
///
/// Exit status: 0 when there is no error, 1 when there is one, 2 when a file cannot be read.
#[derive(Debug, Args)]
pub(in crate::cli) struct ValidateArgs {
    /// The files; `-`, or none, for standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the policies are attached to; without it, each document's elements decide
    #[arg(long = "type", value_name = "TYPE")]
    policy_type: Option<PolicyType>,
    /// How findings are written
    #[arg(long, default_value = "text")]
    format: Format,
    /// Exit with 1 for warnings and security warnings, too
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PolicyType {
    /// Attached to a user, group or role
    Identity,
    /// Attached to a resource other than a role
    Resource,
    /// Who may assume a role
    Trust,
    /// Passed when a session is made
    Session,
    /// Limits what an organization's principals may do
    ServiceControl,
    /// Limits what may be done with an organization's resources
    ResourceControl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A block for each finding, which begins with FILE:LINE:COLUMN
    Text,
    /// Access Analyzer's response, one for each file
    Json,
}

/// The largest file that is read: far more than any policy may have.
const LARGEST: u64 = 1 << 20;
const STANDARD_INPUT: &str = "-";

/// Checks the files. Returns the exit status.
pub(super) fn run(args: &ValidateArgs, input: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let standard = [PathBuf::from(STANDARD_INPUT)];
    let files = if args.files.is_empty() { standard.as_slice() } else { args.files.as_slice() };
    let mut sum = Sum::default();
    for file in files {
        let name = if is_standard(file) { "<stdin>".to_owned() } else { file.display().to_string() };
        let told = match read(file, input) {
            Ok(text) => one(args, &name, &text, &mut sum, out, err),
            Err(why) => {
                sum.unread += 1;
                writeln!(err, "brevet: {name}: {why}")
            }
        };
        // Whoever read the findings has gone; the status still says what was found.
        if told.is_err() {
            break;
        }
    }
    if args.format == Format::Text {
        // Standard error may be closed; there is nobody left to tell then.
        let _ = writeln!(err, "{sum}");
    }
    sum.status(args.deny_warnings)
}

fn one(
    args: &ValidateArgs,
    name: &str,
    text: &str,
    sum: &mut Sum,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    let kind = args.policy_type.map_or_else(|| guess(text), PolicyType::kind);
    let findings = check(text, kind);
    findings.iter().for_each(|finding| sum.add(finding.finding_type));
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "findings": findings }))?;
            writeln!(out)
        }
        Format::Text => {
            findings.iter().try_for_each(|finding| block(name, finding, out))?;
            let how = if args.policy_type.is_some() { "" } else { ", by its elements; --type says otherwise" };
            writeln!(err, "{name}: taken as {}{how}", described(kind))
        }
    }
}

/// A finding as people read it. Columns count from 1 here, as editors and compilers count them.
fn block(name: &str, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let start = finding.locations.first().map(|location| location.span.start);
    let (line, column) = start.map_or((1, 1), |start| (start.line, start.column + 1));
    let Finding { finding_type, issue_code, details, .. } = finding;
    writeln!(out, "{name}:{line}:{column}: {} {issue_code}: {}", finding_type.word(), printable(details))?;
    if let Some(explanation) = &finding.explanation {
        writeln!(out, "    {}", printable(explanation))?;
    }
    let places: Vec<String> = finding.locations.iter().map(ToString::to_string).collect();
    writeln!(out, "    at {}", printable(&places.join(" and ")))
}

/// The text without characters that a terminal obeys: sentences repeat what the document says, and that may be anybody's.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}

fn is_standard(file: &Path) -> bool {
    file.as_os_str() == STANDARD_INPUT
}

fn read(file: &Path, input: &mut dyn Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    let taken = if is_standard(file) {
        input.take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    taken.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("larger than {LARGEST} bytes, which no policy is"));
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned())
}

/// How many findings of each type there were, and files that could not be read.
#[derive(Debug, Default)]
struct Sum {
    errors: usize,
    security_warnings: usize,
    warnings: usize,
    suggestions: usize,
    unread: usize,
}

impl Sum {
    fn add(&mut self, finding_type: FindingType) {
        *match finding_type {
            FindingType::Error => &mut self.errors,
            FindingType::SecurityWarning => &mut self.security_warnings,
            FindingType::Warning => &mut self.warnings,
            FindingType::Suggestion => &mut self.suggestions,
        } += 1;
    }

    fn status(&self, deny_warnings: bool) -> u8 {
        let warned = deny_warnings && self.security_warnings + self.warnings > 0;
        match (self.unread, self.errors) {
            (1.., _) => 2,
            (0, 1..) => 1,
            (0, 0) => u8::from(warned),
        }
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        write!(
            f,
            "{}, {}, {}, {}",
            counted(self.errors, "error"),
            counted(self.security_warnings, "security warning"),
            counted(self.warnings, "warning"),
            counted(self.suggestions, "suggestion")
        )
    }
}

impl PolicyType {
    fn kind(self) -> Kind {
        match self {
            PolicyType::Identity => Kind::Identity,
            PolicyType::Resource => Kind::Resource,
            PolicyType::Trust => Kind::Trust,
            PolicyType::Session => Kind::Session,
            PolicyType::ServiceControl => Kind::ServiceControl,
            PolicyType::ResourceControl => Kind::ResourceControl,
        }
    }
}

fn described(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity | Kind::Boundary => "an identity policy",
        Kind::Session => "a session policy",
        Kind::Trust => "a trust policy",
        Kind::Resource => "a resource policy",
        Kind::ServiceControl => "a service control policy",
        Kind::ResourceControl => "a resource control policy",
    }
}
