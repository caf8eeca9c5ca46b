//! `brevet sessions revoke` and `brevet sessions revocations`, on the store directly; brokers that are running follow by the change
//! feed. Users and programs revoke at the door `/sessions/v1/revoke`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Settings, World, print};
use crate::audit::Trail;
use crate::clock::Timestamp;
use crate::identity::AccessKey;
use crate::ops::shown_revocation;
use crate::server::{Foundation, operator};
use crate::session::revocation::{self, Revocation, Target};
use crate::store::{CommitError, Reader, Tx, layout};
use crate::types::{AccessKeyId, AccountId, Arn, Realm};

#[derive(Debug, Subcommand)]
pub(super) enum SessionsCommand {
    /// End sessions before their time; it cannot be taken back
    Revoke(Box<RevokeArgs>),
    /// List the revocations in force, one JSON object a line
    Revocations(Box<ListArgs>),
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    which: Which,
    /// The account of a `jti`, which does not carry one
    #[arg(long, value_name = "ACCOUNT", requires = "jti")]
    account: Option<AccountId>,
    /// Only what was issued until this second, itself included; for users, roles and long-lived keys. Default: now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    issued_until: Option<Timestamp>,
    /// Also what was made from those sessions, and from that
    #[arg(long)]
    descendants: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// One session (ASIA...), or all that was made with a long-lived key (AKIA...)
    #[arg(long, value_name = "ID")]
    access_key_id: Option<AccessKeyId>,
    /// One session, by the id in its token; needs --account
    #[arg(long, requires = "account")]
    jti: Option<String>,
    /// A login: its first session, or the long-lived key that it began with, and all that descends from it
    #[arg(long, value_name = "ID")]
    login: Option<AccessKeyId>,
    /// All sessions of a role
    #[arg(long, value_name = "ARN")]
    role: Option<Arn>,
    /// All sessions of a user, or of an account's root
    #[arg(long, value_name = "ARN")]
    user: Option<Arn>,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those of this account
    #[arg(long)]
    account: Option<AccountId>,
    #[command(flatten)]
    settings: Settings,
}

pub(super) async fn run(command: SessionsCommand, world: &World) -> Result<ExitCode, String> {
    let settings = match &command {
        SessionsCommand::Revoke(args) => &args.settings,
        SessionsCommand::Revocations(args) => &args.settings,
    };
    let config = settings.settle(world)?;
    let foundation = Foundation::find(&config.store, world.master_key().as_ref(), &world.random)
        .await
        .map_err(|error| error.to_string())?;
    let done = match &command {
        SessionsCommand::Revoke(args) => revoke(args, &config.realm, &foundation, world).await,
        SessionsCommand::Revocations(args) => list(args.account, &foundation, world.clock.now()).await,
    };
    foundation.store.close().await;
    print(&done?)
}

async fn revoke(args: &RevokeArgs, realm: &Realm, foundation: &Foundation, world: &World) -> Result<String, String> {
    /// Others may widen the same revocation at the same moment.
    const TRIES: usize = 8;
    let now = world.clock.now();
    if args.issued_until.is_some_and(|until| until > now) {
        return Err("--issued-until must not be in the future".to_owned());
    }
    for _ in 0..TRIES {
        let mut tx = Tx::new(Arc::clone(&foundation.store));
        let (account, target) = target(args, realm, &mut tx, now).await?;
        if args.issued_until.is_some() && matches!(target, Target::Session { .. }) {
            return Err("a single session is revoked whenever it was issued: leave --issued-until out".to_owned());
        }
        let staged = revocation::stage(&mut tx, account, target, now).await;
        let (revocation, _) = staged.map_err(|error| error.to_string())?;
        let shown = shown_revocation(&revocation);
        let account = account.to_string();
        let record =
            operator::event("RevokeSessions", &account, shown.clone(), Value::Null, &*world.clock, &*world.random);
        tx.audit(Trail::row(record).map_err(|error| error.to_string())?);
        match tx.commit().await {
            Ok(_) => return Ok(format!("{shown:#}\n")),
            Err(CommitError::Conflict(_)) => continue,
            Err(CommitError::Store(error)) => return Err(error.to_string()),
        }
    }
    Err("the revocation is being changed by others; please try again".to_owned())
}

async fn target(args: &RevokeArgs, realm: &Realm, tx: &mut Tx, now: Timestamp) -> Result<(AccountId, Target), String> {
    let until = args.issued_until.unwrap_or(now);
    let which = &args.which;
    if let Some(arn) = which.role.as_ref().or(which.user.as_ref()) {
        let is_role = arn.name_of_kind("role").is_some();
        let found = revocation::principal_of(tx, realm, arn).await.map_err(|error| error.to_string())?;
        let found = found.filter(|_| is_role == which.role.is_some());
        let (account, id) = found.ok_or_else(|| format!("there is no {} {arn}", kind(which)))?;
        let descendants_until = args.descendants.then_some(until);
        return Ok((account, Target::Principal { id, arn: arn.to_string(), until, descendants_until }));
    }
    let key = match (&which.jti, args.account) {
        (Some(jti), Some(account)) => {
            revocation::session_key_of_jti(account, jti).ok_or("--jti is not that of a session")?
        }
        _ => which.access_key_id.clone().or_else(|| which.login.clone()).ok_or("say which sessions")?,
    };
    if key.is_session() {
        let account = key.account().filter(|account| revocation::is_session_key(*account, &key));
        let account = account.ok_or_else(|| format!("{key} is not the id of a session's key"))?;
        return Ok((account, Target::Session { descendants: args.descendants || which.login.is_some(), key }));
    }
    let stored = tx.get::<AccessKey>(&layout::access_key(&key)).await.map_err(|error| error.to_string())?;
    let account = stored.map(|key| key.account).or_else(|| key.account());
    let account = account.ok_or_else(|| format!("{key} is not an access key's id"))?;
    Ok((account, Target::AccessKey { key, until }))
}

fn kind(which: &Which) -> &'static str {
    if which.role.is_some() { "role" } else { "user" }
}

async fn list(account: Option<AccountId>, foundation: &Foundation, now: Timestamp) -> Result<String, String> {
    /// Records that are read at once.
    const PAGE: usize = 1_000;
    let mut range = account.map_or_else(layout::revocations, |id| layout::revocations_of(id).children());
    let mut text = String::new();
    loop {
        let mut reader = Reader::new(Arc::clone(&foundation.store));
        let page = reader.scan::<Revocation>(&range, PAGE).await.map_err(|error| error.to_string())?;
        let Some((last, _)) = page.last() else { return Ok(text) };
        range = range.after(last);
        for (_, revocation) in page.iter().filter(|(_, revocation)| revocation.ends > now) {
            let mut shown = shown_revocation(revocation);
            shown["account"] = json!(revocation.account);
            shown["revokedAt"] = json!(revocation.made.iso8601());
            text.push_str(&format!("{shown}\n"));
        }
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_iso8601(text).ok_or_else(|| "a time has the form 2026-11-26T23:00:00Z".to_owned())
}
