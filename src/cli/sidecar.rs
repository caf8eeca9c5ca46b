//! `brevet sidecar`: one role's credentials for the programs beside it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args};
use tokio::sync::watch;

use super::credentials::{BrokerArgs, CredentialsError, RoleArgs};
use super::stop::Stop;
use crate::client::Environment;
use crate::client::private_file::{PrivateDir, PrivateFileError};
use crate::client::sts::NeverGranted;
use crate::clock::{Clock, Random};
use crate::sidecar::questions::{Doorkeeper, QuestionListener, QuestionSettings, Questions};
use crate::sidecar::{AuthorizationToken, Keeper, RoleSource, Sidecar, SidecarError, SidecarSettings, TokenError};

/// Serves a role's credentials to the AWS SDKs of this machine or pod (container credentials provider).
///
/// On start it prints the two variables that the programs need. They must not find other credentials in their
/// environment. The key that the sidecar signs with stays with the sidecar.
#[derive(Debug, Clone, Args)]
pub struct SidecarArgs {
    /// The broker and who calls it.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// The role to assume.
    #[arg(long, value_name = "ARN")]
    pub role_arn: String,
    /// What the role's session is to be.
    #[command(flatten)]
    pub role: RoleArgs,
    /// How long the credentials last, in seconds. They are renewed when a fifth of that is left.
    #[arg(long, value_name = "SECONDS")]
    pub duration_seconds: Option<u32>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9911")]
    pub listen: SocketAddr,
    /// Allow an address that other machines can reach. The token and the credentials then travel in the clear.
    #[arg(long)]
    pub listen_beyond_loopback: bool,
    /// The path of the credentials.
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub path: String,
    /// The file with the token that programs must send (mode 0600); made when it is not there. Else
    /// brevet/sidecar-PORT.token in $XDG_RUNTIME_DIR or the cache directory.
    #[arg(long, value_name = "FILE")]
    pub authorization_token_file: Option<PathBuf>,
    /// Where questions and what is kept of their answers are to be.
    #[command(flatten)]
    pub questions: QuestionArgs,
}

/// Questions beside the credentials. What is said of answers means nothing where no questions are taken.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new(QUESTION_PLACES).args(["questions", "questions_socket"]).multiple(true))]
pub struct QuestionArgs {
    /// Answer questions (AuthZEN, requests that were signed) on this address too; port 0 takes a free one. Programs send the token of
    /// the credentials in the header x-brevet-sidecar-token, or as a bearer's.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub questions: Option<SocketAddr>,
    /// Answer questions on a socket in the file system. Its permissions say who may ask; no token is needed.
    #[arg(long, value_name = "FILE")]
    pub questions_socket: Option<PathBuf>,
    /// The permissions of that socket.
    #[arg(long, value_name = "MODE", default_value = "0600", requires = "questions_socket", value_parser = socket_mode)]
    pub questions_socket_mode: u32,
    /// For how much longer answers are given that are not certain any more while the broker is out of reach, in seconds. They say so.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, requires = QUESTION_PLACES, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub degraded_seconds: u64,
    /// How much room the answers may take that are kept, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 16, requires = QUESTION_PLACES, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub keep_mib: u32,
}

/// The options that say where questions are taken.
const QUESTION_PLACES: &str = "question_places";

impl QuestionArgs {
    /// The places where questions are taken.
    async fn listeners(&self, beyond_loopback: bool) -> Result<Vec<QuestionListener>, SidecarError> {
        let mut listeners = Vec::new();
        if let Some(address) = self.questions {
            listeners.push(QuestionListener::loopback(address, beyond_loopback).await?);
        }
        if let Some(path) = &self.questions_socket {
            listeners.push(QuestionListener::socket(path, self.questions_socket_mode)?);
        }
        Ok(listeners)
    }

    fn settings(&self) -> QuestionSettings {
        let room = usize::try_from(u64::from(self.keep_mib) << 20).unwrap_or(usize::MAX);
        QuestionSettings { room, degraded: Duration::from_secs(self.degraded_seconds) }
    }
}

/// For the owner alone, or for a group too.
fn socket_mode(text: &str) -> Result<u32, String> {
    match text {
        "0600" | "600" => Ok(0o600),
        "0660" | "660" => Ok(0o660),
        _ => Err("it must be 0600 or 0660".to_owned()),
    }
}

/// Runs until the process is told to stop (SIGTERM or SIGINT); told twice, it waits for no answer. The variables for the programs go to `out`, failures
/// to `err`.
pub async fn run(
    args: SidecarArgs,
    environment: Environment,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> ExitCode {
    match serve(args, environment, clock, random, out).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(err, "brevet: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the role's credentials cannot be asked for: {0}")]
    Role(#[from] NeverGranted),
    #[error(transparent)]
    Broker(#[from] CredentialsError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("no place for the authorization token: {0}")]
    TokenPlace(#[from] PrivateFileError),
    #[error("no place for the authorization token: give --authorization-token-file")]
    NoTokenPlace,
    #[error(transparent)]
    Sidecar(#[from] SidecarError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

async fn serve(
    args: SidecarArgs,
    environment: Environment,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    let role = args.role.to_request(&args.role_arn, args.duration_seconds);
    // What the broker refuses is asked for again and again: somebody may change it there. Not so what is wrong here.
    role.check()?;
    let settings =
        SidecarSettings { listen: args.listen, beyond_loopback: args.listen_beyond_loopback, path: args.path };
    // The usual token file is named after the port, which is known when it is taken.
    let sidecar = Sidecar::bind(settings).await?;
    let (token_file, is_usual) = match args.authorization_token_file {
        Some(path) => (std::path::absolute(path)?, false),
        None => (usual_token_file(&environment, sidecar.address().port())?, true),
    };
    // With a port that is free by chance, nobody finds the file again who was not told of it now.
    let own_token_file = (is_usual && args.listen.port() == 0 && !token_file.exists()).then(|| token_file.clone());
    let token = AuthorizationToken::of_file(&token_file, random.as_ref())?;
    let listeners = args.questions.listeners(args.listen_beyond_loopback).await?;
    let broker = args.broker.open(&environment, Arc::clone(&clock), Arc::clone(&random))?;
    let source = RoleSource { broker, environment, profile: args.broker.source_profile, role };
    let keeper = Arc::new(Keeper::new(source, clock, Arc::clone(&random)));
    // The first answer is then seldom an error; if the broker is away, the sidecar serves errors until it is back.
    keeper.renew_if_due().await;
    writeln!(out, "export AWS_CONTAINER_CREDENTIALS_FULL_URI={}", quoted(&sidecar.url()))?;
    writeln!(out, "export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={}", quoted(&token_file.to_string_lossy()))?;
    for address in listeners.iter().filter_map(QuestionListener::address) {
        writeln!(out, "export BREVET_QUESTIONS_URL={}", quoted(&format!("http://{address}")))?;
    }
    if let Some(path) = &args.questions.questions_socket {
        writeln!(out, "export BREVET_QUESTIONS_SOCKET={}", quoted(&std::path::absolute(path)?.to_string_lossy()))?;
    }
    out.flush()?;
    tracing::info!(address = %sidecar.address(), role = keeper.role_arn(), "the sidecar serves");
    let stopping = watch::Sender::new(false);
    let stopped = || {
        let mut stopping = stopping.subscribe();
        async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    };
    let questions = async {
        if !listeners.is_empty() {
            let questions = Questions::new(Arc::clone(&keeper), random, args.questions.settings());
            questions.run(listeners, Doorkeeper { token: token.clone() }, stopped()).await;
        }
    };
    let leave_no_token = || {
        if let Some(file) = &own_token_file {
            // The port is still the sidecar's: nobody else can have taken the file for that of the same port yet.
            token.remove_file(file);
        }
    };
    let told = async {
        stop.asked(1).await;
        leave_no_token();
        stopping.send_replace(true);
    };
    let ended = async { tokio::join!(sidecar.run(Arc::clone(&keeper), token.clone(), stopped()), questions, told) };
    tokio::select! {
        _ = ended => {}
        () = stop.asked(2) => {
            // Both may have come before either was looked at.
            leave_no_token();
            tracing::warn!("answers under way were cut off");
        }
    }
    tracing::info!("the sidecar has stopped");
    Ok(())
}

fn usual_token_file(environment: &Environment, port: u16) -> Result<PathBuf, Failure> {
    let home = environment.runtime_dir().or_else(|| environment.cache_home()).ok_or(Failure::NoTokenPlace)?;
    let dir: &Path = &home.join("brevet");
    PrivateDir::open(dir)?;
    Ok(dir.join(format!("sidecar-{port}.token")))
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:.,_-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SystemClock, SystemRandom};
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        sidecar: SidecarArgs,
    }

    /// The names of the token files that a sidecar leaves in `runtime_dir` which fails after it has its token.
    async fn token_files(runtime_dir: &Path) -> Vec<String> {
        let role = "arn:aws:iam::111122223333:role/worker";
        let line = ["brevet", "--role-arn", role, "--listen", "127.0.0.1:0", "--endpoint", "ftp://broker.example"];
        let args = Cli::parse_from(line).sidecar;
        let environment = Environment::of([("XDG_RUNTIME_DIR", runtime_dir.to_str().expect("a Unicode path"))]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        run(args, environment, Arc::new(SystemClock), Arc::new(SystemRandom), &mut out, &mut err).await;
        assert!(out.is_empty() && String::from_utf8_lossy(&err).contains("ftp://broker.example"));
        let files = std::fs::read_dir(runtime_dir.join("brevet")).expect("a directory");
        files.map(|file| file.expect("a file").file_name().into_string().expect("a Unicode name")).collect()
    }

    #[tokio::test]
    async fn the_token_file_is_named_after_the_port_that_was_taken() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = token_files(dir.path()).await;
        let port = |name: &str| name.strip_prefix("sidecar-")?.strip_suffix(".token")?.parse::<u16>().ok();
        let ports: Vec<Option<u16>> = files.iter().map(|name| port(name)).collect();
        assert!(matches!(ports[..], [Some(1..)]), "{files:?}");
    }

    #[tokio::test]
    async fn what_can_never_be_granted_is_told_at_the_start() {
        let dir = tempfile::tempdir().expect("a directory");
        let role = "arn:aws:iam::111122223333:role/worker";
        for (given, said) in [
            (vec!["--role-arn", "foo"], "Value 'foo' at 'roleArn'"),
            (vec!["--role-arn", "arn:aws:iam::111122223333:user/alice"], "is not the ARN of a role"),
            (vec!["--role-arn", role, "--policy", "file://policy.json"], "the session policy is not a JSON object"),
            (vec!["--role-arn", role, "--duration-seconds", "10"], "'durationSeconds'"),
        ] {
            let line = ["brevet", "--listen", "127.0.0.1:0", "--endpoint", "http://127.0.0.1:1"];
            let args = Cli::parse_from(line.into_iter().chain(given)).sidecar;
            let environment = Environment::of([("XDG_RUNTIME_DIR", dir.path().to_str().expect("a Unicode path"))]);
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let code = run(args, environment, Arc::new(SystemClock), Arc::new(SystemRandom), &mut out, &mut err).await;
            assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
            let err = String::from_utf8_lossy(&err).into_owned();
            assert!(
                err.starts_with("brevet: the role's credentials cannot be asked for: ") && err.contains(said),
                "{err}"
            );
            assert!(out.is_empty() && !dir.path().join("brevet").exists(), "nothing is left behind");
        }
    }

    #[test]
    fn no_option_is_ignored_in_silence() {
        let parse = |more: &str| {
            let line = ["brevet", "--role-arn", "R"].into_iter().chain(more.split_whitespace());
            Cli::try_parse_from(line).map_err(|error| error.to_string())
        };
        for (option, needed) in [
            ("--degraded-seconds 60", "--questions <ADDRESS:PORT>|--questions-socket <FILE>"),
            ("--degraded-seconds 0", "--questions <ADDRESS:PORT>|--questions-socket <FILE>"),
            ("--keep-mib 32", "--questions <ADDRESS:PORT>|--questions-socket <FILE>"),
            ("--questions-socket-mode 0660", "--questions-socket <FILE>"),
            ("--questions-socket-mode 0660 --questions 127.0.0.1:0", "--questions-socket <FILE>"),
        ] {
            let said = parse(option).expect_err("refused");
            assert!(said.contains("were not provided") && said.contains(needed), "{option}: {said}");
        }
        for fine in [
            "",
            "--questions 127.0.0.1:0 --degraded-seconds 60 --keep-mib 32",
            "--questions-socket s --degraded-seconds 60 --keep-mib 32 --questions-socket-mode 0660",
            "--questions 127.0.0.1:0 --questions-socket s",
        ] {
            parse(fine).unwrap_or_else(|said| panic!("{fine}: {said}"));
        }
    }

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("http://127.0.0.1:9911/"), "http://127.0.0.1:9911/");
        assert_eq!(quoted("http://[::1]:9911/"), "'http://[::1]:9911/'");
        assert_eq!(quoted("/a b/$(x)"), "'/a b/$(x)'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
