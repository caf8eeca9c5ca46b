//! `brevet dev` and `brevet serve`: run a broker until it is told to stop.

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use super::stop::Stop;
use super::{Settings, World, print, show};
use crate::config::Config;
use crate::server::{Bootstrap, NewAccount, Server, StartError};
use crate::telemetry;
use crate::types::{AccessKeyId, AccountId, SecretText};

/// How a broker starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// With a welcome.
    Dev,
    /// Quietly.
    Serve,
}

pub(super) async fn run(settings: &Settings, world: &World, manner: Manner) -> Result<ExitCode, String> {
    let config = settings.settle(world)?;
    for variable in Config::unread(&world.environment) {
        tracing::warn!(variable, "nothing reads this variable of the environment");
    }
    let bootstrap = bootstrap(world)?;
    let metrics = telemetry::start_metrics().map_err(|error| error.to_string())?;
    let started =
        Server::start(&config, &bootstrap, Arc::clone(&world.clock), Arc::clone(&world.random), Some(metrics));
    let chosen = bootstrap.root_key.is_some();
    let mut server = match started.await {
        Ok(server) => server,
        Err(StartError::Founded { first, cause }) => return Err(failed(&first, chosen, &config, &cause.to_string())),
        Err(error) => return Err(error.to_string()),
    };
    let first = server.take_first_account();
    // Handlers are in place before anybody is told that the broker is there.
    let stop = match (Stop::listen().map_err(|error| format!("signals: {error}")), &first) {
        (Ok(stop), _) => stop,
        (Err(cause), Some(first)) => return Err(failed(first, chosen, &config, &cause)),
        (Err(cause), None) => return Err(cause),
    };
    let text = welcome(&server, first.as_ref(), chosen, &config.realm.region, manner);
    match first {
        Some(first) if !chosen => show(&text).map_err(|error| unseen(&first, &config, &error))?,
        _ => {
            print(&text)?;
        }
    }
    tracing::info!(url = server.url(), "serving");
    let first_time = async {
        stop.asked(1).await;
        tracing::info!("stopping; asked once more, it waits for no request");
    };
    server.run_until(first_time, stop.asked(2)).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

fn bootstrap(world: &World) -> Result<Bootstrap, String> {
    let account = match world.variable("BREVET_BOOTSTRAP_ACCOUNT_ID") {
        Some(text) => Some(text.parse::<AccountId>().map_err(|error| format!("BREVET_BOOTSTRAP_ACCOUNT_ID: {error}"))?),
        None => None,
    };
    let id = arrived(world, "BREVET_BOOTSTRAP_ACCESS_KEY_ID")?;
    let secret = arrived(world, "BREVET_BOOTSTRAP_SECRET_ACCESS_KEY")?;
    let root_key = match (id, secret) {
        (None, None) => None,
        (Some(id), Some(secret)) => {
            let id: AccessKeyId = id.parse().map_err(|error| format!("BREVET_BOOTSTRAP_ACCESS_KEY_ID: {error}"))?;
            if secret.len() < 16 {
                return Err("BREVET_BOOTSTRAP_SECRET_ACCESS_KEY: a secret has at least 16 characters".to_owned());
            }
            Some((id, SecretText::new(secret)))
        }
        _ => {
            return Err(
                "set both BREVET_BOOTSTRAP_ACCESS_KEY_ID and BREVET_BOOTSTRAP_SECRET_ACCESS_KEY, or neither".to_owned()
            );
        }
    };
    Ok(Bootstrap { account, root_key, master_key: world.master_key() })
}

/// A variable that is not there or says something. Whoever sets it to nothing meant to choose a key that did not arrive, and would find
/// another one in what the broker prints.
fn arrived<'a>(world: &'a World, name: &str) -> Result<Option<&'a str>, String> {
    match world.given(name) {
        Some("") => Err(format!("{name} is empty: set it, or leave it out to have a key made and printed")),
        given => Ok(given),
    }
}

/// Shows the key of an account that was made by a start that then failed; what to say of the failure.
fn failed(first: &NewAccount, chosen: bool, config: &Config, cause: &str) -> String {
    if chosen {
        return cause.to_owned();
    }
    match show(&of_first_account(first, chosen, None, &config.realm.region)) {
        Ok(()) => cause.to_owned(),
        Err(error) => format!("{cause}\nbrevet: {}", unseen(first, config, &error)),
    }
}

/// What to say of an account whose root user's key could not be shown.
fn unseen(first: &NewAccount, config: &Config, error: &io::Error) -> String {
    let begin_anew = match &config.store.database {
        Some(_) => "drop the database and make an empty one".to_owned(),
        None => format!("remove brevet.db and what begins so in the folder {}", config.store.data_dir.display()),
    };
    format!(
        "standard output: {error}: account {} was made, and its root user's access key could not be shown, so nobody has it; \
         {begin_anew}, and start again",
        first.id
    )
}

/// What a person reads at the start: where the broker is and, the first time, the root user's key.
fn welcome(server: &Server, first: Option<&NewAccount>, chosen: bool, region: &str, manner: Manner) -> String {
    let url = server.url();
    let mut text = format!("brevet is ready at {url}\n");
    if let Some(first) = first {
        text.push('\n');
        text.push_str(&of_first_account(first, chosen, Some(url), region));
    }
    // Writing into a String cannot fail.
    let mut line = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    if manner == Manner::Dev {
        line("");
        line("Things to try:");
        line("  aws sts get-caller-identity");
        line("  aws iam create-user --user-name alice");
        line("  aws iam create-access-key --user-name alice");
        line(&format!("  curl {url}/.well-known/jwks.json"));
        line("Stop it with Ctrl-C; the next start finds everything again.");
    }
    text
}

/// The lines with the root user's key. Without `url` the broker is not there.
fn of_first_account(first: &NewAccount, chosen: bool, url: Option<&str>, region: &str) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    line(&format!("This is the first start: account {} was made.", first.id));
    if url.is_none() {
        line("The broker did not start, for the reason told on standard error; the next start finds the account.");
    }
    if chosen {
        line("Its root user has the access key that the environment named. To use it, paste these lines into a");
        line("shell, and set AWS_SECRET_ACCESS_KEY to the secret that you chose:");
    } else {
        line("Its root user's access key is shown this once; paste these lines into a shell, or keep them in a");
        line("safe place:");
    }
    line("");
    if let Some(url) = url {
        line(&format!("export AWS_ENDPOINT_URL={url}"));
    }
    line(&format!("export AWS_REGION={region}"));
    line(&format!("export AWS_DEFAULT_REGION={region}"));
    line(&format!("export AWS_ACCESS_KEY_ID={}", first.access_key));
    if !chosen {
        line(&format!("export AWS_SECRET_ACCESS_KEY={}", first.secret.expose()));
    }
    text
}
