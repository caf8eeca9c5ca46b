//! A running broker in this process: SQLite in a temporary folder, audit and metrics on, one account set up through the doors.

use std::net::SocketAddr;
use std::sync::Arc;

use brevet::clock::{SystemClock, SystemRandom};
use brevet::config::Config;
use brevet::ops::Broker;
use brevet::server::{Bootstrap, Server};
use brevet::sigv4::Credentials;
use brevet::telemetry;
use brevet::types::{AccountId, SecretText};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::{load, request};
use crate::scenario;

/// A broker and its first account.
pub struct World {
    pub broker: Arc<Broker>,
    pub address: SocketAddr,
    pub account: AccountId,
    pub root: Credentials,
    /// What it was started with.
    pub config: Config,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
    pub folder: TempDir,
}

impl World {
    /// Starts a broker on a free port of this machine.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// As [`World::start`], with other settings.
    pub async fn start_with(set: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config::default();
        config.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.store.data_dir = folder.path().join("data");
        set(&mut config);
        let clock = Arc::new(SystemClock);
        let metrics = telemetry::start_metrics().ok();
        let started = Server::start(&config, &Bootstrap::default(), clock, Arc::new(SystemRandom), metrics).await;
        let mut server = started.expect("the broker starts");
        let first = server.take_first_account().expect("a first account");
        let address = server.url().trim_start_matches("http://").parse().expect("host and port");
        let broker = Arc::clone(server.broker());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self {
            broker,
            address,
            account: first.id,
            root: credentials(first.access_key.as_str(), first.secret.expose()),
            stop: Some(stop),
            task: Some(task),
            config,
            folder,
        }
    }

    /// Ends what is in progress and stops.
    pub async fn stop(mut self) {
        if let (Some(stop), Some(task)) = (self.stop.take(), self.task.take()) {
            let _ = stop.send(());
            let _ = task.await;
        }
    }

    /// The user of the scenario, in its groups, with `policies` and the boundary; gives a long-lived key of the user. The policies
    /// are inline policies of the groups, so some ten of them fit.
    pub async fn scenario_user(&self, policies: &[String]) -> Credentials {
        self.iam(&[("Action", "CreateUser"), ("UserName", scenario::USER)]).await;
        for group in 0..scenario::GROUPS {
            let group = format!("group-{group}");
            self.iam(&[("Action", "CreateGroup"), ("GroupName", &group)]).await;
            self.iam(&[("Action", "AddUserToGroup"), ("GroupName", &group), ("UserName", scenario::USER)]).await;
        }
        for (i, policy) in policies.iter().enumerate() {
            let (group, name) = (format!("group-{}", i % scenario::GROUPS), format!("policy-{i}"));
            let parameters = [
                ("Action", "PutGroupPolicy"),
                ("GroupName", group.as_str()),
                ("PolicyName", &name),
                ("PolicyDocument", policy),
            ];
            self.iam(&parameters).await;
        }
        let boundary =
            [("Action", "CreatePolicy"), ("PolicyName", "boundary"), ("PolicyDocument", &scenario::boundary())];
        self.iam(&boundary).await;
        let arn = format!("arn:aws:iam::{}:policy/boundary", self.account);
        let bound = [
            ("Action", "PutUserPermissionsBoundary"),
            ("UserName", scenario::USER),
            ("PermissionsBoundary", arn.as_str()),
        ];
        self.iam(&bound).await;
        self.key_of(scenario::USER).await
    }

    /// A user who may do whatever `policy` says, and a key.
    pub async fn user(&self, name: &str, policy: &str) -> Credentials {
        self.iam(&[("Action", "CreateUser"), ("UserName", name)]).await;
        let put = [("Action", "PutUserPolicy"), ("UserName", name), ("PolicyName", "own"), ("PolicyDocument", policy)];
        self.iam(&put).await;
        self.key_of(name).await
    }

    async fn key_of(&self, user: &str) -> Credentials {
        let answer = self.iam(&[("Action", "CreateAccessKey"), ("UserName", user)]).await;
        credentials(&element(&answer, "AccessKeyId"), &element(&answer, "SecretAccessKey"))
    }

    /// A web identity token of a user's for this broker, good for the longest that there is.
    pub async fn own_token(&self, of: &Credentials) -> String {
        self.iam(&[("Action", "EnableOutboundWebIdentityFederation")]).await;
        self.token_for(of, &format!("http://{}", self.address)).await
    }

    /// The same for this audience, once there was one for the broker.
    pub async fn token_for(&self, of: &Credentials, audience: &str) -> String {
        let parameters = [
            ("Action", "GetWebIdentityToken"),
            ("Version", "2011-06-15"),
            ("Audience.member.1", audience),
            ("SigningAlgorithm", "ES256"),
            ("DurationSeconds", "3600"),
        ];
        element(&self.once(&self.aws(of, "sts", &parameters)).await, "WebIdentityToken")
    }

    /// A POST of JSON by whoever bears a token, ready to send.
    pub fn borne(&self, token: &str, path: &str, body: &str) -> Vec<u8> {
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nuser-agent: brevet-bench/1\r\n\
             authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .into_bytes()
    }

    /// The same by whoever shows a certificate.
    pub fn unsigned(&self, path: &str, body: &str) -> Vec<u8> {
        format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nuser-agent: brevet-bench/1\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// Runs an IAM operation as the root user; it must succeed.
    pub async fn iam(&self, parameters: &[(&str, &str)]) -> String {
        let all: Vec<_> = parameters.iter().copied().chain([("Version", "2010-05-08")]).collect();
        let request = self.aws(&self.root, "iam", &all);
        self.once(&request).await
    }

    /// A signed request of the Query protocol, ready to send.
    pub fn aws(&self, credentials: &Credentials, service: &str, parameters: &[(&str, &str)]) -> Vec<u8> {
        request::aws(self.address, credentials, service, parameters)
    }

    /// A signed POST, ready to send.
    pub fn signed(&self, credentials: &Credentials, service: &str, path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
        request::signed(self.address, credentials, service, path, kind, body)
    }

    /// Sends one request on a connection of its own; the answer, which must be a success, head and body.
    pub async fn once(&self, request: &[u8]) -> String {
        once(self.address, None, request).await
    }
}

/// Sends one request to whoever is at `address`, as [`World::once`].
pub async fn once(address: SocketAddr, tls: Option<&TlsConnector>, request: &[u8]) -> String {
    let mut stream = load::connect(address, tls).await;
    let answer = request::ask(&mut stream, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer
}

/// A runtime as the binary has it: a worker for each core.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

fn credentials(id: &str, secret: &str) -> Credentials {
    Credentials { access_key_id: id.to_owned(), secret_access_key: SecretText::new(secret), session_token: None }
}

fn element(answer: &str, name: &str) -> String {
    let (_, rest) = answer.split_once(&format!("<{name}>")).expect("the element");
    rest.split('<').next().unwrap_or_default().to_owned()
}
