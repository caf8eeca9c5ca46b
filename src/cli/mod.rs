//! The command line: one file per command. Data goes to standard output, words for people to standard error.

mod account;
mod audit;
pub mod certs;
mod coverage;
pub mod credentials;
mod explain;
mod keys;
mod policy;
mod resources;
mod serve;
mod sessions;
pub mod sidecar;
pub mod sigv4;
mod stop;

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::client::Environment;
use crate::clock::{Clock, Random, SystemClock, SystemRandom};
use crate::config::{Config, Overrides};
use crate::telemetry;
use crate::types::SecretText;

/// A temporary credential broker: AWS IAM and STS that anyone can run.
#[derive(Debug, Parser)]
#[command(name = "brevet", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a broker for trying things out, and print how to reach it
    Dev(Settings),
    /// Start a broker
    Serve(Settings),
    /// Make accounts
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Look after the keys that sign session tokens
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// End sessions before their time
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Store what decisions are to know of resources that other services guard
    #[command(subcommand)]
    Resources(resources::ResourcesCommand),
    /// Read the audit trail
    Audit(audit::AuditArgs),
    /// Tell why a question was answered as it was
    ///
    /// `brevet explain --at 14:03 --principal alice --action record:write` reads the decision log (`[decision_log]` in config/brevet.toml)
    /// from its end, the files that were put aside too. Times are UTC unless they say otherwise. `brevet audit --format json | brevet
    /// explain --log -` explains what the broker itself refused.
    Explain(Box<explain::ExplainArgs>),
    /// Make certificates for development
    #[command(subcommand)]
    Certs(CertsCommand),
    /// Serve a workload's credentials on this machine
    Sidecar(sidecar::SidecarArgs),
    /// Get credentials, as `credential_process` of the AWS CLI and SDKs
    Credentials(credentials::CredentialsArgs),
    /// Look into SigV4 signatures
    #[command(subcommand)]
    Sigv4(Sigv4Command),
    /// Work on policies without a broker
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// List the AWS operations that this broker knows
    Coverage(coverage::CoverageArgs),
}

#[derive(Debug, Subcommand)]
enum CertsCommand {
    /// Make a development CA and a server certificate signed by it
    Dev {
        /// Where to write ca.pem, ca.key, server.pem and server.key
        #[arg(long, default_value = "certs")]
        out_dir: PathBuf,
        /// A host name or address beside localhost, 127.0.0.1 and ::1; may be repeated
        #[arg(long = "name", value_name = "NAME")]
        names: Vec<String>,
        /// Overwrite files that exist
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Sigv4Command {
    /// Verify a signature: reads JSON {method, uri, headers, body_base64, access_key, secret_key, session_token, now, region,
    /// service} from standard input
    Verify,
}

/// Where the settings come from: flags over environment over file over defaults.
#[derive(Debug, Args)]
struct Settings {
    /// A TOML file with settings; see config/brevet.toml for all of them. Default: what BREVET_CONFIG names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

impl Settings {
    /// The settled settings; the log has begun when this returns.
    fn settle(&self, world: &World) -> Result<Config, String> {
        if let Some(name) = world.not_unicode.first() {
            return Err(format!("the variable {name} in the environment is not UTF-8"));
        }
        let path = self.config.clone().or_else(|| world.variable("BREVET_CONFIG").map(PathBuf::from));
        let text = match &path {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?),
            None => None,
        };
        let file = path.as_deref().zip(text.as_deref());
        let config = Config::load(file, &world.environment, &self.overrides).map_err(|error| error.to_string())?;
        telemetry::start_logging(&config.log.level, config.log.format);
        Ok(config)
    }
}

/// What every command is given: time, randomness, the environment as it was when the process began.
struct World {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    environment: Vec<(String, String)>,
    /// The names of brevet's variables that cannot be read.
    not_unicode: Vec<String>,
}

impl World {
    fn of_this_process() -> Self {
        let (mut environment, mut not_unicode) = (Vec::new(), Vec::new());
        for (name, value) in std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))) {
            match value.into_string() {
                Ok(value) => environment.push((name, value)),
                Err(_) if name.starts_with("BREVET_") => not_unicode.push(name),
                Err(_) => {}
            }
        }
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), environment, not_unicode }
    }

    /// A variable that is set to something: those who start containers set variables that they have no value for.
    fn variable(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// As it was given, so that whoever would make one knows of an empty one.
    fn master_key(&self) -> Option<SecretText> {
        self.given("BREVET_MASTER_KEY").map(SecretText::new)
    }
}

/// Runs the command that `cli` names.
pub async fn run(cli: Cli) -> ExitCode {
    match dispatch(cli.command, &World::of_this_process()).await {
        Ok(code) => code,
        Err(message) => {
            // Standard error may be closed; there is nobody left to tell then.
            let _ = writeln!(io::stderr(), "brevet: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command, world: &World) -> Result<ExitCode, String> {
    let (clock, random) = (Arc::clone(&world.clock), Arc::clone(&world.random));
    match command {
        Command::Dev(settings) => serve::run(&settings, world, serve::Manner::Dev).await,
        Command::Serve(settings) => serve::run(&settings, world, serve::Manner::Serve).await,
        Command::Account(command) => account::run(command, world).await,
        Command::Keys(command) => keys::run(command, world).await,
        Command::Sessions(command) => sessions::run(command, world).await,
        Command::Resources(command) => resources::run(command, world).await,
        Command::Audit(args) => audit::run(args, world).await,
        Command::Explain(args) => explain::run(*args, world).await,
        Command::Certs(CertsCommand::Dev { out_dir, names, force }) => {
            let report = certs::dev(&out_dir, &names, clock.now(), force).map_err(|error| error.to_string())?;
            print(&format!("{report}\n"))
        }
        Command::Sidecar(args) => {
            let (mut out, mut err) = (io::stdout(), io::stderr());
            telemetry::start_logging("info", telemetry::LogFormat::Text);
            Ok(sidecar::run(args, Environment::of_this_process(), clock, random, &mut out, &mut err).await)
        }
        Command::Credentials(args) => {
            let (mut out, mut err) = (io::stdout(), io::stderr());
            let environment = Environment::of_this_process();
            Ok(credentials::run(args, &environment, clock, random, &mut out, &mut err).await)
        }
        Command::Sigv4(Sigv4Command::Verify) => {
            let input = read_input()?;
            Ok(ExitCode::from(sigv4::verify(&input, clock.now(), &mut io::stdout(), &mut io::stderr())))
        }
        Command::Policy(command) => Ok(policy::run(&command)),
        Command::Coverage(args) => print(&coverage::table(&args)),
    }
}

fn read_input() -> Result<String, String> {
    /// A request of AWS's largest size in Base64, and room besides.
    const LONGEST: u64 = 16 << 20;
    let mut text = String::new();
    io::stdin().take(LONGEST).read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
    Ok(text)
}

/// Shows what is shown this once: unlike with other texts, that nobody reads it is an error.
fn show(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Data for whoever reads standard output; a reader that has gone away ends the command quietly.
fn print(text: &str) -> Result<ExitCode, String> {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(format!("standard output: {error}")),
    }
}
