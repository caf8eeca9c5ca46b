//! `brevet credentials`: credentials for the AWS tools' `credential_process`. Data on standard output, people on
//! standard error and at the terminal.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::client::cache::{CacheError, SessionCache};
use crate::client::obtain::{Obtain, ObtainError, Wanted};
use crate::client::prompt::{AskForCode, StandardInput, Terminal};
use crate::client::source::{self, SourceError};
use crate::client::sts::{AssumeRole, SessionCredentials};
use crate::client::{Broker, BrokerSettings, ClientError, Environment, document};
use crate::clock::{Clock, Random};

/// The region that signatures name when nothing says otherwise.
const DEFAULT_REGION: &str = "us-east-1";

/// Prints temporary credentials for the AWS CLI and SDKs (`credential_process`).
///
/// In ~/.aws/config:
///
///   [profile work]
///   credential_process = brevet credentials --endpoint URL --role-arn ARN --mfa-serial ARN
///
/// Sessions are kept, readable by you alone, in $XDG_CACHE_HOME/brevet/credentials (or
/// ~/.cache/brevet/credentials) until five minutes before they expire. With an MFA device and a role, one
/// code buys one session of the user, and every role is assumed from it: one code serves all profiles.
#[derive(Debug, Clone, Args)]
#[command(verbatim_doc_comment)]
pub struct CredentialsArgs {
    /// The broker and who calls it.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// The role to assume; without it, a session of the user.
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,
    /// What the role's session is to be.
    #[command(flatten)]
    pub role: RoleArgs,
    /// How long the credentials last, in seconds.
    #[arg(long, value_name = "SECONDS")]
    pub duration_seconds: Option<u32>,
    /// The MFA device that shows the code to be asked for.
    #[arg(long, value_name = "ARN")]
    pub mfa_serial: Option<String>,
    /// How long the session lasts that one MFA code buys, in seconds.
    #[arg(long, value_name = "SECONDS", requires = "mfa_serial", requires = "role_arn", conflicts_with = "no_cache")]
    pub mfa_session_seconds: Option<u32>,
    /// Read the MFA code from standard input instead of asking at the terminal.
    #[arg(long, requires = "mfa_serial")]
    pub mfa_code_stdin: bool,
    /// Keep no session and use none that was kept.
    #[arg(long)]
    pub no_cache: bool,
}

/// Where the broker is and who calls it.
#[derive(Debug, Clone, Args)]
pub struct BrokerArgs {
    /// The broker's URL; else $AWS_ENDPOINT_URL_STS or $AWS_ENDPOINT_URL.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The region that signatures name; else $AWS_REGION, $AWS_DEFAULT_REGION or us-east-1.
    #[arg(long)]
    pub region: Option<String>,
    /// The profile of the shared credentials file whose key signs; else the key in the environment, else $AWS_PROFILE.
    #[arg(long, value_name = "PROFILE")]
    pub source_profile: Option<String>,
    /// Trust the certificate authorities in this PEM file, and no others.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Allow plain HTTP to another machine. Whoever listens on the way sees the credentials.
    #[arg(long)]
    pub allow_plain_http: bool,
}

/// What a role's session is to be.
#[derive(Debug, Clone, Args)]
pub struct RoleArgs {
    /// The name of the role's session.
    #[arg(long, value_name = "NAME", default_value = "brevet", requires = "role_arn")]
    pub role_session_name: String,
    /// The external id that the role's trust policy asks for.
    #[arg(long, value_name = "ID", requires = "role_arn")]
    pub external_id: Option<String>,
    /// A session policy (JSON) that narrows what the session may do.
    #[arg(long, value_name = "JSON", requires = "role_arn")]
    pub policy: Option<String>,
    /// A managed policy that narrows it too; may be repeated.
    #[arg(long = "policy-arn", value_name = "ARN", requires = "role_arn")]
    pub policy_arns: Vec<String>,
    /// A session tag; may be repeated.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_tag, requires = "role_arn")]
    pub tags: Vec<(String, String)>,
    /// The key of a tag that passes on to the next role in a chain; may be repeated.
    #[arg(long = "transitive-tag-key", value_name = "KEY", requires = "role_arn")]
    pub transitive_tag_keys: Vec<String>,
    /// Who is behind the session.
    #[arg(long, value_name = "NAME", requires = "role_arn")]
    pub source_identity: Option<String>,
}

/// Runs the command: prints the credentials and nothing else on `out`, or says on `err` why there are none.
pub async fn run(
    args: CredentialsArgs,
    environment: &Environment,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> ExitCode {
    let codes: &dyn AskForCode = if args.mfa_code_stdin { &StandardInput } else { &Terminal };
    match obtain(&args, environment, clock, random, codes).await {
        Ok(session) => match writeln!(out, "{}", document::to_json(&session).expose()).and_then(|()| out.flush()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(err, "brevet: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Nothing says where the broker is.
    #[error("no broker: give --endpoint, or set AWS_ENDPOINT_URL_STS")]
    NoEndpoint,
    /// Nothing says where the cache is.
    #[error(
        "no place for the credentials cache: neither XDG_CACHE_HOME nor HOME is an absolute path (--no-cache does without)"
    )]
    NoCacheHome,
    /// There is nothing to sign with.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The broker's settings are wrong.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// There are no credentials.
    #[error(transparent)]
    Obtain(#[from] ObtainError),
}

/// The credentials that the arguments ask for; codes come from `codes`.
pub async fn obtain(
    args: &CredentialsArgs,
    environment: &Environment,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    codes: &dyn AskForCode,
) -> Result<SessionCredentials, CredentialsError> {
    let broker = args.broker.open(environment, clock, random)?;
    let source = source::load(environment, args.broker.source_profile.as_deref())?;
    let cache = match args.no_cache {
        true => None,
        false => {
            let home = environment.cache_home().ok_or(CredentialsError::NoCacheHome)?;
            Some(SessionCache::open(&home.join("brevet").join("credentials"))?)
        }
    };
    let role = args.role_arn.as_deref().map(|arn| args.role.to_request(arn, args.duration_seconds));
    let user_session_seconds = if role.is_some() { args.mfa_session_seconds } else { args.duration_seconds };
    let wanted = Wanted { role, mfa_serial: args.mfa_serial.clone(), user_session_seconds };
    let obtain = Obtain { broker: &broker, source: &source, cache: cache.as_ref(), codes };
    Ok(obtain.credentials(&wanted).await?)
}

impl BrokerArgs {
    /// An option that was given, if one was: for commands in which they do not always mean something.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            (self.endpoint.is_some(), "--endpoint"),
            (self.region.is_some(), "--region"),
            (self.source_profile.is_some(), "--source-profile"),
            (self.ca_file.is_some(), "--ca-file"),
            (self.allow_plain_http, "--allow-plain-http"),
        ];
        given.into_iter().find_map(|(given, option)| given.then_some(option))
    }

    /// The broker that the arguments and the environment name.
    pub fn open(
        &self,
        environment: &Environment,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Broker, CredentialsError> {
        let endpoint = self.endpoint.as_deref();
        let endpoint = endpoint.or_else(|| environment.first(&["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"]));
        let region = self.region.as_deref().or_else(|| environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
        let endpoint = endpoint.ok_or(CredentialsError::NoEndpoint)?;
        let settings = BrokerSettings {
            ca_file: self.ca_file.clone(),
            allow_plain_http: self.allow_plain_http,
            https_proxy: environment.first(&["HTTPS_PROXY", "https_proxy"]).map(str::to_owned),
            no_proxy: environment.first(&["NO_PROXY", "no_proxy"]).map(str::to_owned),
            ..BrokerSettings::at(endpoint, region.unwrap_or(DEFAULT_REGION))
        };
        Ok(Broker::new(&settings, clock, random)?)
    }
}

impl RoleArgs {
    /// The request to assume `role_arn` in this way.
    pub fn to_request(&self, role_arn: &str, duration_seconds: Option<u32>) -> AssumeRole {
        AssumeRole {
            role_arn: role_arn.to_owned(),
            session_name: self.role_session_name.clone(),
            duration_seconds,
            external_id: self.external_id.clone(),
            policy: self.policy.clone(),
            policy_arns: self.policy_arns.clone(),
            mfa: None,
            tags: self.tags.clone(),
            transitive_tag_keys: self.transitive_tag_keys.clone(),
            source_identity: self.source_identity.clone(),
        }
    }
}

fn parse_tag(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("a tag is KEY=VALUE")?;
    if key.is_empty() {
        return Err("a tag's key is not empty");
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SystemClock, SystemRandom};
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        credentials: CredentialsArgs,
    }

    fn parse(line: &str) -> Result<CredentialsArgs, clap::Error> {
        Cli::try_parse_from(std::iter::once("brevet").chain(line.split_whitespace())).map(|cli| cli.credentials)
    }

    #[test]
    fn arguments_become_a_request() {
        let args = parse("--endpoint https://b --role-arn R --tag a=b=c --tag d= --policy-arn P --external-id X")
            .expect("good");
        let request = args.role.to_request("R", Some(900));
        assert_eq!(request.tags, [("a".to_owned(), "b=c".to_owned()), ("d".to_owned(), String::new())]);
        assert_eq!((request.session_name.as_str(), request.external_id.as_deref()), ("brevet", Some("X")));
        assert_eq!(request.policy_arns, ["P"]);
    }

    #[test]
    fn no_option_is_ignored_in_silence() {
        for line in [
            "--external-id X",
            "--role-session-name X",
            "--tag a=b",
            "--policy {}",
            "--mfa-code-stdin",
            "--mfa-session-seconds 900 --mfa-serial S",
            "--mfa-session-seconds 900 --mfa-serial S --role-arn R --no-cache",
            "--role-arn R --tag novalue",
            "--role-arn R --tag =v",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[tokio::test]
    async fn failures_are_told_on_standard_error_alone() {
        let args = parse("--no-cache").expect("good");
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let environment = Environment::default();
        let code = run(args, &environment, Arc::new(SystemClock), Arc::new(SystemRandom), &mut out, &mut err).await;
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
        assert!(out.is_empty() && String::from_utf8_lossy(&err).starts_with("brevet: no broker"));
    }
}
