//! Connections to PostgreSQL: their limits in time, the schema, and the notifications.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use super::contract::{Revision, StoreError};
use super::error::from_driver;
use super::open::Tuning;
use super::signal::Signal;
use super::{migrations, rows};
use crate::types::SecretText;

/// The notification channel. Its payload is a revision.
pub(super) const CHANNEL: &str = "brevet_feed";

/// Where the database is and who asks. The driver's own type prints the password; this one does not.
#[derive(Clone)]
pub(super) struct Address {
    options: PgConnectOptions,
    tuning: Tuning,
}

impl Address {
    pub(super) fn parse(url: &SecretText, tuning: Tuning) -> Result<Self, StoreError> {
        // The parser's own words may quote the URL, and the URL holds the password.
        let options = PgConnectOptions::from_str(url.expose())
            .map_err(|_| StoreError::Location("it is not a PostgreSQL URL".to_owned()))?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("brevet"),
        };
        Ok(Self { options: options.disable_statement_logging(), tuning })
    }

    /// Connects, before `end`.
    pub(super) async fn connect(&self, end: Instant) -> Result<PgConnection, StoreError> {
        let connecting = async {
            let mut connection = self.options.connect().await?;
            sqlx::raw_sql(AssertSqlSafe(self.limits())).execute(&mut connection).await?;
            Ok(connection)
        };
        let end = end.min(Instant::now() + self.tuning.connect_time());
        let connected: Result<_, sqlx::Error> =
            timeout_at(end, connecting).await.map_err(|_| StoreError::late("connection"))?;
        connected.map_err(|error| from_driver(&error))
    }

    /// No statement takes longer and no lock is waited for longer, and a broker that vanished in the middle of a transaction does
    /// not hold up the others for longer.
    fn limits(&self) -> String {
        let limit = self.tuning.statement_time().as_millis();
        ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
            .map(|name| format!("SET {name} = {limit}"))
            .join("; ")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}:{})", self.options.get_host(), self.options.get_port())
    }
}

/// Brings the schema up to date.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    const TRIES: usize = 10;
    for _ in 1..TRIES {
        match try_migrate(connection).await {
            // Two brokers that create the same table at the same time: PostgreSQL lets one fail, in one of these words.
            Err(Failed::Driver(error)) if code(&error).is_some_and(|code| COLLISIONS.contains(&code.as_str())) => {
                sleep(Duration::from_millis(50)).await;
            }
            done => return done.map_err(Failed::into_store_error),
        }
    }
    try_migrate(connection).await.map_err(Failed::into_store_error)
}

/// unique_violation, duplicate_table, duplicate_object, serialization_failure, deadlock_detected, internal_error ("tuple
/// concurrently updated").
const COLLISIONS: [&str; 6] = ["23505", "42P07", "42710", "40001", "40P01", "XX000"];

enum Failed {
    Driver(sqlx::Error),
    Store(StoreError),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl Failed {
    fn into_store_error(self) -> StoreError {
        match self {
            Self::Driver(error) => from_driver(&error),
            Self::Store(error) => error,
        }
    }
}

async fn try_migrate(connection: &mut PgConnection) -> Result<(), Failed> {
    const VERSION: &str = "SELECT schema_version FROM meta WHERE id = 1";
    let found: Result<i64, sqlx::Error> = sqlx::query_scalar(VERSION).fetch_one(&mut *connection).await;
    if let Ok(found) = found
        && found >= migrations::LATEST
    {
        return migrations::pending(found, migrations::POSTGRES).map(drop).map_err(Failed::Store);
    }
    for statement in migrations::PREPARE {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    let mut transaction = connection.begin().await?;
    let locked = "SELECT schema_version FROM meta WHERE id = 1 FOR UPDATE";
    let found: i64 = sqlx::query_scalar(locked).fetch_one(&mut *transaction).await?;
    for statement in migrations::pending(found, migrations::POSTGRES).map_err(Failed::Store)? {
        sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&mut *transaction).await?;
    }
    let done = "UPDATE meta SET schema_version = $1 WHERE id = 1";
    sqlx::query(done).bind(migrations::LATEST).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// The SQLSTATE, if the database answered at all.
pub(super) fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned())
}

/// The task that hears what other brokers announce.
#[derive(Debug)]
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    pub(super) fn start(address: Address, signal: Arc<Signal>, listening: Arc<AtomicBool>) -> Self {
        Self(tokio::spawn(listen(address, signal, listening)))
    }

    pub(super) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn listen(address: Address, signal: Arc<Signal>, listening: Arc<AtomicBool>) {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(address.tuning.connect_time())
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(address.options);
    loop {
        let Err(error) = hear(&pool, &signal, &listening).await;
        listening.store(false, Ordering::Release);
        if matches!(code(&error).as_deref(), Some("0A000" | "42601" | "42501")) {
            tracing::info!("the database sends no notifications; it is asked for changes instead");
            return;
        }
        tracing::debug!(%error, "the connection for notifications was lost");
        sleep(Duration::from_millis(500)).await;
    }
}

async fn hear(pool: &PgPool, signal: &Signal, listening: &AtomicBool) -> Result<Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    // Commits from before are seen by the next poll.
    let latest: i64 = sqlx::query_scalar(rows::REVISION).fetch_one(&mut listener).await?;
    signal.committed(Revision(latest.unsigned_abs()));
    listening.store(true, Ordering::Release);
    while let Some(notification) = listener.try_recv().await? {
        if let Ok(revision) = notification.payload().parse() {
            signal.committed(Revision(revision));
        }
    }
    Err(sqlx::Error::PoolClosed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the URL says counts: nothing that an operator sets is passed over.
    #[test]
    fn a_broker_is_called_brevet_unless_the_url_says_otherwise() {
        for (url, name) in [("postgres://u@db/b", "brevet"), ("postgres://u@db/b?application_name=north", "north")] {
            let address = Address::parse(&SecretText::new(url), Tuning::default()).expect("an address");
            assert_eq!(address.options.get_application_name(), Some(name));
        }
    }
}
