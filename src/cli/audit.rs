//! `brevet audit`: reads the audit trail, newest last.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{Settings, World, print};
use crate::server::Foundation;
use crate::store::AuditQuery;
use crate::types::AccountId;

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Only records of this account
    #[arg(long)]
    account: Option<AccountId>,
    /// How many records at the most: the latest ones
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// What the records look like
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line for people
    Text,
    /// One JSON object a line, in CloudTrail's shape
    Json,
}

pub(super) async fn run(args: AuditArgs, world: &World) -> Result<ExitCode, String> {
    let config = args.settings.settle(world)?;
    let foundation = Foundation::find(&config.store, world.master_key().as_ref(), &world.random)
        .await
        .map_err(|error| error.to_string())?;
    let query = AuditQuery {
        account: args.account.map(|account| account.to_string()),
        newest_first: true,
        limit: usize::try_from(args.limit).unwrap_or(usize::MAX),
        ..AuditQuery::default()
    };
    let found = foundation.store.audit(&query).await;
    foundation.store.close().await;
    let mut found = found.map_err(|error| error.to_string())?;
    found.reverse();
    let mut text = String::new();
    for (_, row) in &found {
        match args.format {
            Format::Json => text.push_str(&String::from_utf8_lossy(&row.body)),
            Format::Text => text.push_str(&line(&row.body)),
        }
        text.push('\n');
    }
    print(&text)
}

/// When, who, from where, what, and what came of it.
fn line(body: &[u8]) -> String {
    let record: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |path: &str| record.pointer(path).and_then(Value::as_str).unwrap_or("-").to_owned();
    let service = text("/eventSource").trim_end_matches(".amazonaws.com").to_owned();
    let outcome = match record.get("errorCode").and_then(Value::as_str) {
        Some(code) => format!("{code}: {}", text("/errorMessage")),
        None => "ok".to_owned(),
    };
    let who = match record.pointer("/userIdentity/arn").and_then(Value::as_str) {
        Some(arn) if !arn.is_empty() => arn.to_owned(),
        _ => text("/userIdentity/type"),
    };
    let time = text("/eventTime");
    printable(&format!("{time}  {who}  {}  {service}:{}  {outcome}", text("/sourceIPAddress"), text("/eventName")))
}

/// Callers choose some of these texts: none of them may write a line of its own, or speak to the terminal.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}
