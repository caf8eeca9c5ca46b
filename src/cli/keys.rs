//! `brevet keys list`, `brevet keys rotate` and `brevet keys remove`, on the store directly; brokers that are running follow by the
//! change feed.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Settings, World, print};
use crate::audit::Trail;
use crate::clock::Timestamp;
use crate::server::{self, Foundation, operator};
use crate::session::keeper::Parts;
use crate::session::{Keeper, KeeperError, KeyFamily, KeyRing, Previous, RingKey, Rings};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Let the next keys sign now; sessions of the old ones go on until they expire
    Rotate(RotateArgs),
    /// Remove one key at once, because it has leaked: all that it signed ends
    Remove(RemoveArgs),
    /// List the signing keys
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Remove all other keys at once, because they have leaked: every session ends
    #[arg(long)]
    drop_previous: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The key's name, as `brevet keys list` and the header of a token have it
    // Thumbprints may begin with a hyphen.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: String,
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
        KeysCommand::Remove(args) => &args.settings,
        KeysCommand::List(args) => &args.settings,
    };
    let config = settings.settle(world)?;
    let foundation = Foundation::find(&config.store, world.master_key().as_ref(), &world.random)
        .await
        .map_err(|error| error.to_string())?;
    let parts = server::keeper_parts(&config, &foundation, Arc::clone(&world.clock), Arc::clone(&world.random))
        .map_err(|error| error.to_string())?;
    let done = change(&command, parts, &foundation, world).await;
    foundation.store.close().await;
    let keeper = done.map_err(|error| error.to_string())?;
    print(&listed(&keeper.rings(), world.clock.now()))
}

async fn change(
    command: &KeysCommand,
    parts: Parts,
    foundation: &Foundation,
    world: &World,
) -> Result<Keeper, KeeperError> {
    // Read only: what is done next may be the way out of a ring that cannot be read.
    let keeper = Keeper::find(parts).await?;
    match command {
        KeysCommand::List(_) => {}
        KeysCommand::Rotate(args) => {
            let parameters = json!({ "dropPrevious": args.drop_previous });
            record("RotateSigningKeys", parameters, foundation, world).await?;
            let previous = if args.drop_previous { Previous::DropAtOnce } else { Previous::UntilExpired };
            keeper.rotate(previous).await?;
        }
        KeysCommand::Remove(args) => {
            let rings = keeper.rings();
            let consequence = consequence(&rings, &args.kid, world.clock.now());
            // A name that nobody has is no removal to record; the keeper says what is wrong with it.
            if consequence.is_some() {
                record("RemoveSigningKey", json!({ "keyId": args.kid }), foundation, world).await?;
            }
            keeper.remove(&args.kid).await?;
            // Standard error may be closed; the list says it too.
            let _ = writeln!(io::stderr(), "{} is removed: {}", args.kid, consequence.unwrap_or_default());
        }
    }
    Ok(keeper)
}

/// First the record: a change that nobody knows of is worse than a record of one that failed.
async fn record(name: &str, parameters: Value, foundation: &Foundation, world: &World) -> Result<(), KeeperError> {
    let clock = &*world.clock;
    let event = operator::event(name, operator::INSTALLATION, parameters, Value::Null, clock, &*world.random);
    Ok(foundation.store.append_audit(vec![Trail::row(event)?]).await?)
}

/// What the removal of a key ends, for people; nothing where the store has no such key.
fn consequence(rings: &Rings, kid: &str, now: Timestamp) -> Option<String> {
    if rings.unreadable().iter().any(|key| key.kid == kid) {
        return Some("it could not be used, so nothing that it may have signed verified any more".to_owned());
    }
    let (family, key) = rings.find(kid)?;
    let ended = match family {
        KeyFamily::Sessions => "every session that it signed ends",
        KeyFamily::WebIdentity(_) => {
            "web identity tokens that it signed are refused by whoever fetches the key set anew (it may be kept for five minutes)"
        }
    };
    Some(if key.not_before() > now {
        "it has not signed anything yet".to_owned()
    } else {
        format!("{ended}, those issued since {}", key.not_before())
    })
}

fn listed(rings: &Rings, now: Timestamp) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    for (family, ring) in rings.all() {
        for key in ring.keys() {
            let (name, algorithm) = (family.name(), key.signing().alg());
            let _ = writeln!(text, "{}  {name:<12}  {algorithm}  {}", key.kid(), state(ring, key, now));
        }
    }
    for (place, key) in rings.identity().rsa().iter().enumerate() {
        let state = if place == 0 { "signs" } else { "verifies" };
        let _ = writeln!(text, "{}  web-identity  RS256  {state} (sessions.rsa_keys)", key.kid());
    }
    for key in rings.unreadable() {
        let _ = writeln!(text, "{}  {:<12}  cannot be used: {}", key.kid, key.family.name(), key.cause);
    }
    text
}

fn state(ring: &KeyRing, key: &RingKey, now: Timestamp) -> String {
    let signs = ring.active(now).is_some_and(|active| active.kid() == key.kid());
    match key.retire_after() {
        _ if signs => "signs".to_owned(),
        _ if key.not_before() > now => format!("signs from {}", key.not_before()),
        Some(after) => format!("verifies until {after}"),
        None => "verifies".to_owned(),
    }
}
