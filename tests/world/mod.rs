//! A running broker in the test's own process, the people who call it, and what they need.
//!
//! Time stands still until a test moves it, so nothing waits for anything to expire. Every world has a store of its own; a test
//! may start several brokers on it, which is a fleet, and stop and start them again.
#![allow(dead_code, reason = "each test program needs a part of this")]

#[path = "../support/postgres.rs"]
mod postgres;

pub mod actors;
pub mod beside;
pub mod build;
pub mod device;
pub mod envoy;
pub mod follow;
pub mod issuer;
pub mod mutual_tls;
pub mod outcome;
pub mod policies;
pub mod raw;
pub mod received;
pub mod running;
pub mod sdk;

use std::sync::Arc;
use std::time::Duration;

use brevet::clock::{Clock, Random, ShiftedClock, SystemClock, SystemRandom, Timestamp};
use brevet::config::Config;
use brevet::server::{Bootstrap, Foundation, Server, create_account};
use brevet::store::AuditQuery;
use brevet::types::{AccountId, SecretText};

pub use actors::{Actor, Keys, Root, Session, User};
pub use build::Hand;
pub use device::Device;
pub use issuer::{Issuer, IssuerKey};
pub use outcome::Outcome;
pub use running::Running;

/// On which store a story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Everything around the brokers: time, the store's place, the first account.
pub struct World {
    pub clock: ShiftedClock,
    pub config: Config,
    pub folder: tempfile::TempDir,
    pub root: Root,
    /// How often its brokers look at the time for their signing keys; as in production where it is absent.
    look_at_keys: Option<Duration>,
}

/// A moment that does not pass.
#[derive(Debug)]
struct StandingStill(Timestamp);

impl Clock for StandingStill {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl World {
    /// A new store with its first account, and one broker on it.
    pub async fn begin(backend: Backend) -> (Self, Running) {
        Self::begin_with(backend, |_| ()).await
    }

    /// As [`World::begin`], with other settings.
    pub async fn begin_with(backend: Backend, settings: impl FnOnce(&mut Config)) -> (Self, Running) {
        Self::begin_looking(backend, None, settings).await
    }

    /// As [`World::begin_with`], with brokers that notice in no time that it is time for another signing key.
    pub async fn begin_watching_keys(backend: Backend, settings: impl FnOnce(&mut Config)) -> (Self, Running) {
        Self::begin_looking(backend, Some(Duration::from_millis(20)), settings).await
    }

    async fn begin_looking(
        backend: Backend,
        look_at_keys: Option<Duration>,
        settings: impl FnOnce(&mut Config),
    ) -> (Self, Running) {
        // Whoever was here first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config::default();
        config.server.listen = ([127, 0, 0, 1], 0).into();
        config.server.shutdown_grace = Duration::from_secs(1);
        config.store.data_dir = folder.path().to_owned();
        if backend == Backend::Postgres {
            config.store.database = Some(SecretText::new(postgres::database().await));
        }
        settings(&mut config);
        // The SDK signs with the machine's time, so the world begins there: at the beginning of a one-time code's half minute.
        let now = SystemClock.now();
        let clock = ShiftedClock::new(Arc::new(StandingStill(Timestamp(now.seconds() / 30 * 30))));
        let mut server = start(&config, &clock, look_at_keys).await;
        let first = server.take_first_account().expect("the first start makes an account");
        let root = Root { account: first.id, keys: Keys::long_lived(first.access_key.as_str(), first.secret.expose()) };
        let running = Running::run(server, clock.clone());
        (Self { clock, config, folder, root, look_at_keys }, running)
    }

    /// One more broker on the same store.
    pub async fn another_broker(&self) -> Running {
        self.another_broker_at(&self.clock).await
    }

    /// One more broker on the same store, with a clock of its own.
    pub async fn another_broker_at(&self, clock: &ShiftedClock) -> Running {
        Running::run(start(&self.config, clock, self.look_at_keys).await, clock.clone())
    }

    /// One more broker that does not come to be; why.
    pub async fn another_broker_fails(&self) -> String {
        let bootstrap = Bootstrap::default();
        let clock = Arc::new(self.clock.clone());
        let started = Server::start(&self.config, &bootstrap, clock, Arc::new(SystemRandom), None).await;
        started.expect_err("it does not start").to_string()
    }

    /// The audit records of an operation, one in a line.
    pub async fn trail(&self, event: &str) -> String {
        let (foundation, _) = self.keeper().await;
        let all = AuditQuery { limit: 10_000, ..AuditQuery::default() };
        let rows = foundation.store.audit(&all).await.expect("the trail can be read");
        foundation.store.close().await;
        let of_it = format!("\"eventName\":\"{event}\"");
        let bodies = rows.iter().map(|(_, row)| String::from_utf8_lossy(&row.body).into_owned() + "\n");
        bodies.filter(|body| body.contains(&of_it)).collect()
    }

    /// What `brevet account create` does.
    pub async fn another_account(&self, name: &str) -> Root {
        self.another_account_of(None, name).await
    }

    /// The same, with an id of one's choice.
    pub async fn another_account_of(&self, id: Option<AccountId>, name: &str) -> Root {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let foundation = Foundation::find(&self.config.store, None, &random).await.expect("the store is set up");
        let made = create_account(&foundation, id, name, &self.clock, &*random).await.expect("the account is made");
        foundation.store.close().await;
        Root { account: made.id, keys: Keys::long_lived(made.access_key.as_str(), made.secret.expose()) }
    }

    /// What `brevet keys rotate` does: on the store directly, as another process.
    pub async fn rotate_keys(&self, previous: brevet::session::Previous) {
        let (foundation, keeper) = self.keeper().await;
        keeper.rotate(previous).await.expect("the ring can be changed");
        foundation.store.close().await;
    }

    /// What `brevet keys remove` does.
    pub async fn remove_key(&self, kid: &str) {
        let (foundation, keeper) = self.keeper().await;
        keeper.remove(kid).await.expect("the key can be removed");
        foundation.store.close().await;
    }

    /// The signing keys, as another process has them in hand.
    pub async fn keeper(&self) -> (Foundation, brevet::session::Keeper) {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let foundation = Foundation::find(&self.config.store, None, &random).await.expect("the store is set up");
        let parts = brevet::server::keeper_parts(&self.config, &foundation, clock, random).expect("the settings fit");
        let keeper = brevet::session::Keeper::find(parts).await.expect("the store can be read");
        (foundation, keeper)
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
    }

    /// The present moment of this world.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

async fn start(config: &Config, clock: &ShiftedClock, look_at_keys: Option<Duration>) -> Server {
    let bootstrap = Bootstrap::default();
    let started = Server::start(config, &bootstrap, Arc::new(clock.clone()), Arc::new(SystemRandom), None).await;
    let server = started.unwrap_or_else(|error| panic!("the broker does not start: {error}"));
    look_at_keys.into_iter().fold(server, Server::looking_at_keys_every)
}

/// Tries again until it holds, for as long as a fleet may take to hear of a change.
pub async fn within_a_second<F: Future<Output = bool>>(what: &str, holds: impl FnMut() -> F) {
    within(Duration::from_secs(1), what, holds).await;
}

/// Waits for something to hold, for as long as that at the most.
pub async fn within<F: Future<Output = bool>>(time: Duration, what: &str, mut holds: impl FnMut() -> F) {
    let end = std::time::Instant::now() + time;
    while !holds().await {
        assert!(std::time::Instant::now() < end, "not within {time:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Tells a story on both stores: `on_both_stores!(name, body)` makes the tests `name::sqlite` and `name::postgres` of
/// `async fn body(backend: Backend)`.
#[macro_export]
macro_rules! on_both_stores {
    ($($name:ident => $body:ident;)+) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$body($crate::world::Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$body($crate::world::Backend::Postgres).await;
            }
        }
    )+};
}
