//! `brevet keys rotate` and `brevet keys list`, on the store directly; brokers that are running follow by the change feed.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{Settings, World, print};
use crate::server::{self, Foundation};
use crate::session::{Keeper, Previous};

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
    let done = change(&command, parts).await;
    foundation.store.close().await;
    let keeper = done.map_err(|error| error.to_string())?;
    print(&listed(&keeper, world))
}

async fn change(
    command: &KeysCommand,
    parts: crate::session::keeper::Parts,
) -> Result<Keeper, crate::session::KeeperError> {
    let keeper = Keeper::open(parts).await?;
    if let KeysCommand::Rotate(args) = command {
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
