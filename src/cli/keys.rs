//! `brevet keys rotate` and `brevet keys list`, on the store directly; brokers that are running follow by the change feed.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Settings, World, print};
use crate::audit::Trail;
use crate::server::{self, Foundation, operator};
use crate::session::keeper::Parts;
use crate::session::{Keeper, KeeperError, Previous};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a new signing key now; sessions of the old ones go on until they expire
    Rotate(RotateArgs),
    /// List the signing keys
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Remove all other keys at once, because one has leaked: every session ends
    #[arg(long)]
    drop_previous: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    settings: Settings,
}

pub(super) async fn run(command: KeysCommand, world: &World) -> Result<ExitCode, String> {
    let settings = match &command {
        KeysCommand::Rotate(args) => &args.settings,
        KeysCommand::List(args) => &args.settings,
    };
    let config = settings.settle(&world.environment)?;
    let foundation = Foundation::find(&config.store, world.master_key().as_ref(), &world.random)
        .await
        .map_err(|error| error.to_string())?;
    let parts = server::keeper_parts(&config, &foundation, Arc::clone(&world.clock), Arc::clone(&world.random))
        .map_err(|error| error.to_string())?;
    let done = change(&command, parts, &foundation, world).await;
    foundation.store.close().await;
    let keeper = done.map_err(|error| error.to_string())?;
    print(&listed(&keeper, world))
}

async fn change(
    command: &KeysCommand,
    parts: Parts,
    foundation: &Foundation,
    world: &World,
) -> Result<Keeper, KeeperError> {
    let keeper = Keeper::open(parts).await?;
    if let KeysCommand::Rotate(args) = command {
        // First the record: a rotation that nobody knows of is worse than a record of one that failed.
        let record = operator::event(
            "RotateSigningKeys",
            operator::INSTALLATION,
            json!({ "dropPrevious": args.drop_previous }),
            Value::Null,
            &*world.clock,
            &*world.random,
        );
        foundation.store.append_audit(vec![Trail::row(&record)?]).await?;
        let previous = if args.drop_previous { Previous::DropAtOnce } else { Previous::UntilExpired };
        keeper.rotate(previous).await?;
    }
    Ok(keeper)
}

fn listed(keeper: &Keeper, world: &World) -> String {
    let ring = keeper.ring();
    let now = world.clock.now();
    let active = ring.active(now).map(|key| key.kid().to_owned());
    let mut text = String::new();
    for key in ring.keys() {
        let state = if Some(key.kid()) == active.as_deref() {
            "signs".to_owned()
        } else if key.not_before() > now {
            format!("signs from {}", key.not_before())
        } else {
            match key.retire_after() {
                Some(after) => format!("verifies until {after}"),
                None => "verifies".to_owned(),
            }
        };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}  {}", key.kid(), state);
    }
    text
}
