//! Puts the parts of a broker together and runs them.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::accounts::NewAccount;
use super::foundation::{self, Bootstrap, Foundation, FoundationError};
use super::rsa_keys::{self, RsaKeysError};
use crate::audit::Trail;
use crate::audit::decisions::{OpenLog, UnusableLog};
use crate::authn::{self, Authenticator, ClientCertificates, Issuers, Passwords, UnusableFile, WebIdentities};
use crate::clock::{Clock, Random};
use crate::config::{Config, SigningAlgorithm};
use crate::crypto::alg::SigningAlg;
use crate::crypto::signing_key::SigningKey;
use crate::decision::{self, Authorizer};
use crate::http::{self, Doors, Followers, Limits, Repeated, Routes, RoutesError, TlsError, TrustedProxies};
use crate::ops::resources::Resources;
use crate::ops::{Broker, Registry, Roles, Strangers, Turns};
use crate::session::keeper::Parts;
use crate::session::{Keeper, KeeperError, Revocations, RotationPolicy, RotationPolicyError};
use crate::store::{Feed, Follower, Footings, Invalidations, StoreError};
use crate::telemetry::{self, Metrics};
use crate::usage::Usage;

/// A broker that is ready to serve.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    doors: Doors,
    limits: Limits,
    first: Option<NewAccount>,
    look_at_keys_every: Duration,
}

/// How often the time is looked at for the rotation of the signing keys.
const LOOK_AT_KEYS_EVERY: Duration = Duration::from_secs(60);

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Store, master key or first account.
    #[error(transparent)]
    Foundation(#[from] FoundationError),
    /// The store failed while the parts were put together.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing keys cannot be read or made.
    #[error("signing keys: {0}")]
    Keys(#[from] KeeperError),
    /// The rotation settings make no sense.
    #[error("signing keys: {0}")]
    Rotation(#[from] RotationPolicyError),
    /// The decision log.
    #[error(transparent)]
    DecisionLog(#[from] UnusableLog),
    /// The operator's RSA keys.
    #[error("sessions.rsa_keys: {0}")]
    RsaKeys(#[from] RsaKeysError),
    /// The certificate or its key.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The table of routes.
    #[error("doors.routes: {0}")]
    Routes(#[from] RoutesError),
    /// A file for the issuers of web identities.
    #[error(transparent)]
    WebIdentity(#[from] UnusableFile),
    /// The address.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The first account was made, and then something else went wrong. A second start makes no other, so whoever reads this has the
    /// only copy of its root user's key.
    #[error("{cause}")]
    Founded {
        /// The account.
        first: Box<NewAccount>,
        /// What went wrong.
        cause: Box<StartError>,
    },
}

impl StartError {
    /// This, with the account that had been made when it happened.
    fn after(self, first: Option<NewAccount>) -> Self {
        match first {
            Some(first) => Self::Founded { first: Box::new(first), cause: Box::new(self) },
            None => self,
        }
    }
}

impl Server {
    /// Opens the store, puts the parts together and binds the address; nothing is served yet.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        config: &Config,
        bootstrap: &Bootstrap,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        metrics: Option<Metrics>,
    ) -> Result<Self, StartError> {
        // What is wrong with the settings is told before anything is made.
        let tls = match (&config.server.tls_certificate, &config.server.tls_key) {
            (Some(certificate), Some(key)) => {
                let authorities = config.server.client_authorities.as_deref();
                Some(http::acceptor(certificate, key, authorities, Arc::clone(&clock))?)
            }
            _ => None,
        };
        let routes = config.doors.routes.as_deref().map(Routes::read).transpose()?.unwrap_or_default();
        let rules = KeyRules::of(config)?;
        let issuers = Issuers::of(&config.web_identity)?;
        let wanted = config.server.listen;
        let listener = TcpListener::bind(wanted).await.map_err(|error| StartError::Listen(wanted, error))?;
        let address = listener.local_addr().map_err(|error| StartError::Listen(wanted, error))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let own_url = format!("{scheme}://{address}");
        let public_url = config.server.public_url.clone().unwrap_or(own_url);

        foundation::make_data_folder(&config.store)?;
        let decision_log = OpenLog::open(&config.decision_log, &config.store.data_dir)?;

        let mut foundation = Foundation::lay(&config.store, bootstrap, &public_url, &*clock, &random).await?;
        let first = foundation.first.take();
        let issuer = config.server.public_url.clone().unwrap_or_else(|| foundation.installation.issuer.clone());
        let checked = Checked { rules, issuers, decision_log };
        let broker = match build(config, &foundation, issuer, checked, clock, random).await {
            Ok(broker) => broker,
            Err(cause) => return Err(cause.after(first)),
        };
        let doors = Doors {
            broker: Arc::new(broker),
            registry: Arc::new(Registry::new()),
            public_url: public_url.into(),
            metrics,
            counts: Arc::default(),
            proxies: Arc::new(TrustedProxies(config.server.trusted_proxies.clone())),
            request_limit: config.server.request_limit,
            routes: Arc::new(routes),
            followers: Arc::new(Followers::among(config.server.connections)),
            status_lists: Arc::default(),
            signed_metadata: Arc::default(),
            repeated: Arc::new(Repeated::new(config.cache.answers)),
        };
        let limits = Limits {
            connections: config.server.connections,
            header_timeout: config.server.header_timeout,
            idle_timeout: config.server.idle_timeout,
            request_timeout: config.server.request_timeout,
            shutdown_grace: config.server.shutdown_grace,
        };
        Ok(Self { listener, tls, doors, limits, first, look_at_keys_every: LOOK_AT_KEYS_EVERY })
    }

    /// This server, looking at the time more or less often for the rotation of its signing keys: for a test that moves the time.
    #[must_use]
    pub fn looking_at_keys_every(self, span: Duration) -> Self {
        Self { look_at_keys_every: span, ..self }
    }

    /// The URL that clients reach it by.
    pub fn url(&self) -> &str {
        &self.doors.public_url
    }

    /// The address that it listens on, whatever clients reach it by.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The broker behind the doors, for tests and benches.
    pub fn broker(&self) -> &Arc<Broker> {
        &self.doors.broker
    }

    /// The first account, if this was the first start; the secret of its root key can be taken once.
    pub fn take_first_account(&mut self) -> Option<NewAccount> {
        self.first.take()
    }

    /// Serves until `stop` is done, then finishes what has begun.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        self.run_until(stop, std::future::pending()).await;
    }

    /// As [`Server::run`], but requests that have begun are waited for only until `at_once` is done. What was to be recorded is recorded
    /// all the same.
    pub async fn run_until(self, stop: impl Future<Output = ()>, at_once: impl Future<Output = ()>) {
        let broker = Arc::clone(&self.doors.broker);
        let follow = tokio::spawn(Arc::clone(&broker.feed).follow());
        let tend =
            tokio::spawn(Arc::clone(&broker.keys).tend(broker.feed.signing_key_changes(), self.look_at_keys_every));
        let sweep = tokio::spawn(Arc::clone(&broker.revocations).tend(Arc::clone(&broker.clock)));
        let (no_more, ended) = tokio::sync::oneshot::channel::<()>();
        let mut write = tokio::spawn(broker.trail.clone().write_queue(async move {
            // Told, or the teller is gone: either way nobody records any more.
            let _ = ended.await;
        }));
        let (no_more_uses, uses_ended) = tokio::sync::oneshot::channel::<()>();
        let mut uses = tokio::spawn(Arc::clone(&broker.usage).write_down(async move {
            let _ = uses_ended.await;
        }));
        let (no_more_decisions, decisions_ended) = tokio::sync::oneshot::channel::<()>();
        let mut decisions = broker.decision_log.clone().map(|log| {
            tokio::spawn(log.write_down(async move {
                let _ = decisions_ended.await;
            }))
        });
        let upkeep = tokio::spawn(keep_metrics_small(self.doors.metrics.clone()));
        let followers = Arc::clone(&self.doors.followers);
        let stop = async move {
            stop.await;
            followers.close();
        };
        http::serve(self.listener, self.tls, http::Front::new(self.doors), self.limits, stop, at_once).await;
        drop(no_more);
        drop(no_more_uses);
        drop(no_more_decisions);
        if tokio::time::timeout(LAST_RECORDS, &mut write).await.is_err() {
            tracing::error!("the last audit records of reads could not be written");
            write.abort();
        }
        if tokio::time::timeout(LAST_RECORDS, &mut uses).await.is_err() {
            tracing::warn!("the last uses could not be written");
            uses.abort();
        }
        if let Some(task) = &mut decisions
            && tokio::time::timeout(LAST_RECORDS, &mut *task).await.is_err()
        {
            tracing::warn!("the last records of the decision log could not be written");
            task.abort();
        }
        follow.abort();
        tend.abort();
        sweep.abort();
        upkeep.abort();
        broker.store.close().await;
    }
}

/// How long the last audit records of reads may take to be written when the broker stops.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// What was counted goes to whoever counts, and samples of histograms, which wait in memory, are folded: nobody may come to scrape them.
async fn keep_metrics_small(metrics: Option<Metrics>) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        telemetry::tell();
        if let Some(metrics) = &metrics {
            metrics.keep_small();
        }
    }
}

/// What a keeper of the signing keys needs, for a command that works on the store directly.
///
/// # Errors
/// The rotation settings make no sense, or an RSA key cannot be read.
pub fn keeper_parts(
    config: &Config,
    foundation: &Foundation,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Parts, StartError> {
    let issuer = config.server.public_url.clone().unwrap_or_else(|| foundation.installation.issuer.clone());
    Ok(parts(config, foundation, issuer, KeyRules::of(config)?, clock, random))
}

fn parts(
    config: &Config,
    foundation: &Foundation,
    issuer: String,
    rules: KeyRules,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Parts {
    Parts {
        store: Arc::clone(&foundation.store),
        vault: Arc::clone(&foundation.vault),
        clock,
        random,
        issuer,
        algorithm: match config.sessions.algorithm {
            SigningAlgorithm::Es256 => SigningAlg::Es256,
            SigningAlgorithm::EdDsa => SigningAlg::EdDsa,
        },
        policy: rules.policy,
        rsa: rules.rsa,
    }
}

/// What was made of the settings before the store was touched.
struct Checked {
    rules: KeyRules,
    issuers: Issuers,
    decision_log: Option<OpenLog>,
}

/// What the settings say of signing keys.
struct KeyRules {
    policy: RotationPolicy,
    rsa: Vec<SigningKey>,
}

impl KeyRules {
    fn of(config: &Config) -> Result<Self, StartError> {
        Ok(Self { policy: rotation_policy(config)?, rsa: rsa_keys::read(&config.sessions.rsa_keys)? })
    }
}

fn rotation_policy(config: &Config) -> Result<RotationPolicy, RotationPolicyError> {
    let sign_for = i64::from(config.sessions.rotate_after_days) * 86_400;
    let publish_ahead = i64::from(config.sessions.publish_ahead_hours) * 3_600;
    RotationPolicy::new(sign_for, publish_ahead, crate::session::MAX_SESSION_SECONDS)
}

async fn build(
    config: &Config,
    foundation: &Foundation,
    issuer: String,
    checked: Checked,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Broker, StartError> {
    let Checked { rules, issuers, decision_log } = checked;
    let store = Arc::clone(&foundation.store);
    let vault = Arc::clone(&foundation.vault);
    let realm = config.realm.clone();
    let invalidations = Arc::new(Invalidations::default());
    let (bound, leeway) = (config.store.staleness_bound, config.store.degraded_service);
    let feed = Feed::begin(Arc::clone(&store), Arc::clone(&invalidations), bound, leeway).await?;
    let parts = parts(config, foundation, issuer, rules, Arc::clone(&clock), Arc::clone(&random));
    let keys = Arc::new(Keeper::open(parts).await?);
    let revocations = Revocations::load(Arc::clone(&store)).await?;
    feed.tell(Arc::clone(&revocations) as Arc<dyn Follower>);
    let authorizer = Authorizer::new(
        Arc::clone(&store),
        realm.clone(),
        Arc::clone(&feed),
        &invalidations,
        decision::Settings { principals: config.cache.principals },
    );
    let authenticator = Authenticator::new(
        Arc::clone(&store),
        Arc::clone(&vault),
        Arc::clone(&keys),
        Arc::clone(&revocations),
        &invalidations,
        authn::Settings { access_keys: config.cache.access_keys, sessions: config.cache.sessions },
    );
    let decision_log = match decision_log {
        Some(log) => Some(log.begin(vault.key_for("decision-log"), Arc::clone(&clock), Arc::clone(&random))?),
        None => None,
    };
    let certificates = ClientCertificates::new(realm.clone(), Arc::clone(&revocations));
    let web_identities = WebIdentities::new(Arc::clone(&store), realm.clone(), Arc::clone(&keys), issuers);
    Ok(Broker {
        feed,
        footings: Footings::new(&vault),
        authorizer,
        roles: Roles::new(Arc::clone(&store), realm.clone(), config.cache.principals, &invalidations),
        resources: Resources::new(Arc::clone(&store), config.cache.principals, &invalidations),
        authenticator,
        certificates,
        web_identities,
        strangers: Strangers::default(),
        passwords: Passwords::new(config.server.password_threads, Arc::clone(&random)),
        vault,
        keys,
        revocations,
        trail: Trail::new(Arc::clone(&store)),
        decision_log: decision_log.map(Arc::new),
        usage: Arc::new(Usage::new(Arc::clone(&store))),
        clock,
        random,
        turns: Turns::default(),
        quotas: config.quotas.clone(),
        sessions: config.sessions.clone(),
        realm,
        store,
    })
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.url()).finish_non_exhaustive()
    }
}
