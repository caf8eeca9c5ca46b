//! `brevet dev` and `brevet serve`: run a broker until it is told to stop.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use super::stop::Stop;
use super::{Settings, World, print};
use crate::server::{Bootstrap, NewAccount, Server};
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
    let config = settings.settle(&world.environment)?;
    let bootstrap = bootstrap(world)?;
    let metrics = telemetry::start_metrics().map_err(|error| error.to_string())?;
    let started =
        Server::start(&config, &bootstrap, Arc::clone(&world.clock), Arc::clone(&world.random), Some(metrics));
    let mut server = started.await.map_err(|error| error.to_string())?;
    // Handlers are in place before anybody is told that the broker is there.
    let stop = Stop::listen().map_err(|error| format!("signals: {error}"))?;
    let first = server.take_first_account();
    let chosen = bootstrap.root_key.is_some();
    print(&welcome(&server, first, chosen, &config.realm.region, manner))?;
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
    let id = world.variable("BREVET_BOOTSTRAP_ACCESS_KEY_ID");
    let secret = world.variable("BREVET_BOOTSTRAP_SECRET_ACCESS_KEY");
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

/// What a person reads at the start: where the broker is and, the first time, the root user's key.
fn welcome(server: &Server, first: Option<NewAccount>, chosen: bool, region: &str, manner: Manner) -> String {
    let mut text = String::new();
    let url = server.url();
    // Writing into a String cannot fail.
    let mut line = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    line(&format!("brevet is ready at {url}"));
    if let Some(first) = &first {
        line("");
        line(&format!("This is the first start: account {} was made.", first.id));
        if chosen {
            line("Its root user has the access key that the environment named. To use it, paste these lines into a");
            line("shell, and set AWS_SECRET_ACCESS_KEY to the secret that you chose:");
        } else {
            line("Its root user's access key is shown this once; paste these lines into a shell, or keep them in a");
            line("safe place:");
        }
        line("");
        line(&format!("export AWS_ENDPOINT_URL={url}"));
        line(&format!("export AWS_REGION={region}"));
        line(&format!("export AWS_DEFAULT_REGION={region}"));
        line(&format!("export AWS_ACCESS_KEY_ID={}", first.access_key));
        if !chosen {
            line(&format!("export AWS_SECRET_ACCESS_KEY={}", first.secret.expose()));
        }
    }
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
