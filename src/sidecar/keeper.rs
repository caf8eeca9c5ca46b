//! Keeps one role's credentials good: gets them, renews them in time, and holds on to the last good ones while the
//! broker is away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::renewal::Renewal;
use crate::client::source::{self, SourceError};
use crate::client::sts::{AssumeRole, AssumedRole};
use crate::client::{Broker, ClientError, Environment, draw};
use crate::clock::{Clock, Random};

/// The longest sleep between two looks at the clock: a machine that was suspended wakes up with expired credentials,
/// and a timer does not notice.
const LONGEST_NAP: Duration = Duration::from_secs(15);

/// Where the credentials come from.
#[derive(Debug)]
pub struct RoleSource {
    /// The broker.
    pub broker: Broker,
    /// Holds the credentials to sign with, or says where they are.
    pub environment: Environment,
    /// The profile of the credentials file that holds them.
    pub profile: Option<String>,
    /// The role to assume.
    pub role: AssumeRole,
}

/// Why no credentials came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// There is nothing to sign with.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The broker gave none.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl FetchError {
    /// A word for programs: AWS's code if the broker gave one.
    pub fn code(&self) -> &str {
        match self {
            Self::Source(_) => "NoSourceCredentials",
            Self::Client(error) => error.code().unwrap_or("BrokerUnavailable"),
        }
    }
}

/// One role's credentials and what is known about their renewal.
#[derive(Debug)]
pub struct Keeper {
    source: RoleSource,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    state: Mutex<State>,
    /// Held while renewing, so that two do not renew at the same time.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    renewal: Renewal,
    credentials: Option<Arc<AssumedRole>>,
    trouble: Option<FetchError>,
}

impl Keeper {
    /// A keeper that has nothing yet.
    pub fn new(source: RoleSource, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let renewal = Renewal::starting(clock.now());
        let state = Mutex::new(State { renewal, credentials: None, trouble: None });
        Self { source, clock, random, state, renewing: tokio::sync::Mutex::new(()) }
    }

    /// The role that is kept.
    pub fn role_arn(&self) -> &str {
        &self.source.role.role_arn
    }

    /// Credentials that are good now, or why there are none (`None`: they were not asked for yet, or have just
    /// expired).
    pub fn current(&self) -> Result<Arc<AssumedRole>, Option<FetchError>> {
        let now = self.clock.now();
        let state = self.state();
        match &state.credentials {
            Some(credentials) if state.renewal.is_valid(now) => Ok(Arc::clone(credentials)),
            _ => Err(state.trouble.clone()),
        }
    }

    /// Whether there are credentials that are good now.
    pub fn has_credentials(&self) -> bool {
        let now = self.clock.now();
        let state = self.state();
        state.credentials.is_some() && state.renewal.is_valid(now)
    }

    /// Why the last try to get credentials came to nothing, in a word for programs: AWS's code if the broker gave one.
    pub fn trouble(&self) -> Option<String> {
        self.state().trouble.as_ref().map(|trouble| trouble.code().to_owned())
    }

    /// Where the credentials come from.
    pub fn broker(&self) -> &Broker {
        &self.source.broker
    }

    /// Credentials that the broker does not take any more are given to nobody: these, if they are the ones that are kept. Others are
    /// asked for at once.
    pub async fn distrust(&self, access_key_id: &str) {
        let _renewing = self.renewing.lock().await;
        {
            let mut state = self.state();
            let kept = state.credentials.as_ref();
            if kept.is_none_or(|kept| kept.credentials.access_key_id != access_key_id) {
                return;
            }
            tracing::warn!(access_key_id, "the broker does not take these credentials any more");
            state.credentials = None;
            state.renewal = Renewal::starting(self.clock.now());
        }
        self.renew().await;
    }

    /// Renews if it is time.
    pub async fn renew_if_due(&self) {
        let _renewing = self.renewing.lock().await;
        if self.state().renewal.is_due(self.clock.now()) {
            self.renew().await;
        }
    }

    /// Renews in time, for ever.
    pub async fn run(&self) {
        loop {
            self.renew_if_due().await;
            let left = self.state().renewal.due().seconds().saturating_sub(self.clock.now().seconds());
            let nap =
                Duration::from_secs(u64::try_from(left).unwrap_or(0)).clamp(Duration::from_millis(200), LONGEST_NAP);
            tokio::time::sleep(nap).await;
        }
    }

    async fn renew(&self) {
        let fetched = self.fetch().await;
        let now = self.clock.now();
        let draw = draw(self.random.as_ref());
        let mut state = self.state();
        match fetched {
            Ok(role) => {
                state.renewal.succeeded(now, role.credentials.expiration, draw);
                tracing::info!(
                    session = role.arn, access_key_id = role.credentials.access_key_id,
                    expires = %role.credentials.expiration, next_renewal = %state.renewal.due(), "credentials renewed"
                );
                state.credentials = Some(Arc::new(role));
                state.trouble = None;
            }
            Err(error) => {
                state.renewal.failed(now, draw);
                let (serving, failures) = (state.renewal.is_valid(now), state.renewal.failures());
                let (code, next) = (error.code(), state.renewal.due());
                // Once for each kind of trouble, and once more when it begins to be felt: it may last for days.
                let is_known = state.trouble.as_ref().is_some_and(|before| before.code() == code);
                if is_known && (serving || state.credentials.is_none()) {
                    tracing::debug!(code, %error, failures, still_serving = serving, next_try = %next, "credentials still not renewed");
                } else {
                    tracing::warn!(code, %error, failures, still_serving = serving, next_try = %next, "credentials not renewed");
                }
                if !serving {
                    // Expired secrets are of no more use to anybody.
                    state.credentials = None;
                }
                state.trouble = Some(error);
            }
        }
    }

    async fn fetch(&self) -> Result<AssumedRole, FetchError> {
        let caller = source::load(&self.source.environment, self.source.profile.as_deref())?;
        Ok(self.source.broker.assume_role(&self.source.role, &caller).await?)
    }

    /// The lock is held for moments only, and never while waiting; a panic elsewhere leaves the state whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
