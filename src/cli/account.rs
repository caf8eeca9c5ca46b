//! `brevet account create`: makes an account, on the store directly; brokers that are running know it at once.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Settings, World, show};
use crate::server::{self, Foundation};
use crate::types::AccountId;

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Make an account with a root user; prints its access key as JSON, this once
    Create(CreateArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// What to call the account
    #[arg(long)]
    name: String,
    /// Twelve digits; random where absent
    #[arg(long)]
    account_id: Option<AccountId>,
    #[command(flatten)]
    settings: Settings,
}

pub(super) async fn run(command: AccountCommand, world: &World) -> Result<ExitCode, String> {
    let AccountCommand::Create(args) = command;
    let config = args.settings.settle(world)?;
    let foundation = Foundation::find(&config.store, world.master_key().as_ref(), &world.random)
        .await
        .map_err(|error| error.to_string())?;
    let made = server::create_account(&foundation, args.account_id, &args.name, &*world.clock, &*world.random).await;
    foundation.store.close().await;
    let made = made.map_err(|error| error.to_string())?;
    let answer = json!({
        "AccountId": made.id.to_string(),
        "AccessKeyId": made.access_key.as_str(),
        "SecretAccessKey": made.secret.expose(),
    });
    show(&format!("{answer:#}\n")).map_err(|error| {
        let account = made.id;
        format!(
            "standard output: {error}: account {account} was made, and its root user's access key could not be shown, so nobody has it; \
             make another account"
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
