//! `brevet explain`: why was this denied at 14:03? Reads the decision log, or refusals of the broker itself: from the audit trail, or from
//! an encoded authorization message.

mod backwards;
mod document;
mod read;
mod wanted;
mod when;
mod words;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::credentials::BrokerArgs;
use super::{Settings, World, print};
use crate::audit::decisions::{Begun, DEFAULT_FILE, Record, written};
use crate::client::{Environment, source};
use crate::config::{LogOutput, MASKED_RESOURCE, Overrides, nearest};
use read::Found;
use wanted::{Wanted, Who};
use when::Window;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The decision log; - for standard input. Default: where the settings say
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// A TOML file with settings, which say where the log is; else $BREVET_CONFIG
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    config: Option<PathBuf>,
    /// When: 14:03, 14:03:20, 2026-11-27T14:03 or 2026-11-27T14:03:20+01:00; without a date today
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// So many seconds before and after that too
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "at", value_parser = clap::value_parser!(i64).range(0..=86_400))]
    within: i64,
    /// About whom: an ARN, or the name of a user, of a role or of a session, or a unique id
    #[arg(long, value_name = "WHO")]
    principal: Option<String>,
    /// Who asked: an ARN or a name
    #[arg(long, value_name = "WHO")]
    asker: Option<String>,
    /// The action, as in record:write; * and ? stand for others
    #[arg(long)]
    action: Option<String>,
    /// The resource's ARN, or what its account calls it; * and ? stand for others
    #[arg(long)]
    resource: Option<String>,
    /// The decision's id, as the asker was told
    #[arg(long)]
    id: Option<String>,
    /// Only what was decided so
    #[arg(long, value_enum)]
    decision: Option<Decided>,
    /// How many decisions at the most: the latest ones
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    last: u32,
    /// What it looks like
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Explain this encoded authorization message: the broker decodes it for whoever may `sts:DecodeAuthorizationMessage`
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["log", "config", "at", "principal", "asker", "action", "resource", "id", "decision", "last"])]
    message: Option<String>,
    #[command(flatten, next_help_heading = "For --message")]
    broker: BrokerArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Decided {
    /// Allowed
    Allowed,
    /// Anything else
    Denied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line: the record, the sentence, what to do
    Json,
}

pub(super) async fn run(args: ExplainArgs, world: &World) -> Result<ExitCode, String> {
    if let Some(message) = &args.message {
        let record = decoded(message, &args.broker, world).await?;
        return shown(&[record], args.format);
    }
    if let Some(option) = args.broker.given() {
        return Err(format!("{option} is for --message: the decision log is a file on this machine"));
    }
    let wanted = args.wanted(world)?;
    let found = args.find(&wanted, world)?;
    notices(&found, &wanted);
    if found.records.is_empty() {
        tell(&args.nothing(&found, &wanted, world));
        return Ok(ExitCode::FAILURE);
    }
    shown(&found.records, args.format)
}

/// How many records are looked through for a name like the one that none has.
const MOST_MEANT: usize = 1_000;

impl ExplainArgs {
    fn wanted(&self, world: &World) -> Result<Wanted, String> {
        let window = self.at.as_ref().map(|at| Window::around(at, world.clock.now(), self.within)).transpose()?;
        Ok(Wanted {
            window,
            principal: self.principal.clone(),
            asker: self.asker.clone(),
            action: self.action.clone(),
            resource: self.resource.clone(),
            id: self.id.clone(),
            allowed: self.decision.map(|decided| decided == Decided::Allowed),
            last: usize::try_from(self.last).unwrap_or(usize::MAX - 1),
        })
    }

    fn find(&self, wanted: &Wanted, world: &World) -> Result<Found, String> {
        if self.reads_standard_input() {
            let input = io::BufReader::new(io::stdin());
            return read::from_stream(input, wanted).map_err(|error| format!("standard input: {error}"));
        }
        let path = match &self.log {
            Some(path) => path.clone(),
            None => self.configured(world)?,
        };
        read::from_files(&path, wanted).map_err(|error| {
            let hint = if error.kind() == io::ErrorKind::NotFound && self.log.is_none() {
                ": the broker keeps one if `decision_log.mode` is sampled or full; --log names another file"
            } else {
                ""
            };
            format!("{}: {error}{hint}", path.display())
        })
    }

    fn reads_standard_input(&self) -> bool {
        self.log.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }

    /// Where the settings say that the log is.
    fn configured(&self, world: &World) -> Result<PathBuf, String> {
        let settings = Settings { config: self.config.clone(), overrides: Overrides::default() };
        let config = settings.settle(world)?;
        if config.decision_log.output == LogOutput::Stdout {
            return Err(
                "the settings send the decision log to standard output: give what collected it to --log".to_owned()
            );
        }
        Ok(config.decision_log.file.unwrap_or_else(|| config.store.data_dir.join(DEFAULT_FILE)))
    }

    /// What to say where nothing was found.
    fn nothing(&self, found: &Found, wanted: &Wanted, world: &World) -> String {
        let mut text = match wanted.window {
            Some(window) => format!("no such decision from {} until {} (UTC)", window.from, window.until),
            None => "no such decision".to_owned(),
        };
        if let Some(begun) = &found.begun {
            text.push_str(&missing_because(begun, wanted));
        }
        if wanted.window.is_some() && !self.reads_standard_input() {
            let latest = Wanted { window: None, last: 1, ..wanted.clone() };
            if let Some(latest) = self.find(&latest, world).ok().and_then(|found| found.records.into_iter().next()) {
                text.push_str(&format!("; the latest one like it was at {}", latest.time));
            }
        }
        if let Some(meant) = self.meant(wanted, world) {
            text.push_str(&format!("; did you mean `{meant}`?"));
        }
        text
    }

    /// Whom a name that no record has was likely meant to be, among those whom decisions were about that are like it otherwise.
    fn meant(&self, wanted: &Wanted, world: &World) -> Option<String> {
        if self.reads_standard_input() {
            return None;
        }
        let anybody = |who| match who {
            Who::Subject => Wanted { principal: None, last: MOST_MEANT, ..wanted.clone() },
            Who::Asker => Wanted { asker: None, last: MOST_MEANT, ..wanted.clone() },
        };
        [(&wanted.principal, Who::Subject), (&wanted.asker, Who::Asker)].into_iter().find_map(|(name, who)| {
            let name = name.as_deref()?;
            let found = self.find(&anybody(who), world).ok()?;
            nearest(name, found.records.iter().flat_map(|record| wanted::names(record, who)))
        })
    }
}

/// Why a decision may have been made and not be in the log.
fn missing_because(begun: &Begun, wanted: &Wanted) -> String {
    let share = |one_in: u64, what: &str| match one_in {
        0 => format!("; {what} are not kept"),
        1 => String::new(),
        n => format!("; of {what} one in {n} is kept"),
    };
    let mut text = String::new();
    if wanted.allowed != Some(false) {
        text.push_str(&share(begun.allowed_one_in, "allowed answers"));
    }
    if wanted.allowed != Some(true) {
        text.push_str(&share(begun.denied_one_in, "denied answers"));
    }
    if wanted.resource.is_some() && begun.mask.iter().any(|mask| mask.eq_ignore_ascii_case(MASKED_RESOURCE)) {
        text.push_str("; what resources are called is masked");
    }
    text
}

/// What people should know of the log, on standard error.
fn notices(found: &Found, wanted: &Wanted) {
    if found.damaged > 0 {
        tell(&format!("{} lines are no records and were passed over", found.damaged));
    }
    if found.dropped > 0 {
        let when = if wanted.window.is_some() { " of that time" } else { "" };
        tell(&format!(
            "{} decisions{when} were not recorded: the log could not keep up, or could not be written",
            found.dropped
        ));
    }
    if found.more {
        tell(&format!("there are more; these are the latest {} (--last)", found.records.len()));
    }
}

fn tell(message: &str) {
    // Standard error may be closed; there is nobody left to tell then.
    let _ = writeln!(io::stderr(), "brevet: {message}");
}

fn shown(records: &[Record], format: Format) -> Result<ExitCode, String> {
    let texts = records.iter().map(|record| match format {
        Format::Text => words::told(record),
        Format::Json => {
            let explained =
                json!({ "record": record, "answer": words::sentence(record), "to_do": words::advice(record) });
            String::from_utf8_lossy(&written(&explained)).into_owned()
        }
    });
    let between = if format == Format::Text { "\n" } else { "" };
    print(&texts.collect::<Vec<_>>().join(between))
}

/// The record in an encoded authorization message.
async fn decoded(message: &str, broker: &BrokerArgs, world: &World) -> Result<Record, String> {
    let environment = Environment::of_this_process();
    let open = broker.open(&environment, Arc::clone(&world.clock), Arc::clone(&world.random));
    let client = open.map_err(|error| error.to_string())?;
    let caller = source::load(&environment, broker.source_profile.as_deref()).map_err(|error| error.to_string())?;
    let text = client.decode_authorization_message(message, &caller).await.map_err(|error| error.to_string())?;
    let document: Value = serde_json::from_str(&text).map_err(|_| "the decoded message is no JSON".to_owned())?;
    document::of_document(&document)
        .ok_or_else(|| "the decoded message does not tell why something was denied".to_owned())
}
