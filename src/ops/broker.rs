//! The parts of a running broker that operations use.

use std::sync::Arc;

use super::resources::Resources;
use super::{Roles, Strangers, Turns};
use crate::audit::{DecisionLog, Trail};
use crate::authn::{Authenticator, ClientCertificates, Passwords, WebIdentities};
use crate::clock::{Clock, Random};
use crate::config::{Quotas, Sessions};
use crate::decision::Authorizer;
use crate::session::{Keeper, Revocations};
use crate::store::{Feed, Footings, Store, Vault};
use crate::types::Realm;
use crate::usage::Usage;

/// A running broker, without its doors.
#[derive(Debug)]
pub struct Broker {
    /// Where the records are.
    pub store: Arc<dyn Store>,
    /// How far the change feed has been read.
    pub feed: Arc<Feed>,
    /// What changes and answers are told by to whom they concern.
    pub footings: Footings,
    /// Who may do what.
    pub authorizer: Authorizer,
    /// Roles that are being assumed.
    pub roles: Roles,
    /// Stored resources that are asked about.
    pub resources: Resources,
    /// Who calls.
    pub authenticator: Authenticator,
    /// Who asks without a signature, named by a client certificate.
    pub certificates: ClientCertificates,
    /// Who calls without a signature, vouched for by an OIDC provider.
    pub web_identities: WebIdentities,
    /// How many of their refusals are recorded.
    pub strangers: Strangers,
    /// Hashes passwords off the async threads.
    pub passwords: Passwords,
    /// Seals and opens secrets.
    pub vault: Arc<Vault>,
    /// Who used what.
    pub usage: Arc<Usage>,
    /// The keys that sign sessions.
    pub keys: Arc<Keeper>,
    /// What ends sessions before their time.
    pub revocations: Arc<Revocations>,
    /// The audit trail.
    pub trail: Trail,
    /// The decision log, if there is one.
    pub decision_log: Option<Arc<DecisionLog>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Whose turn it is to write what many want to write.
    pub turns: Turns,
    /// How much an account may hold.
    pub quotas: Quotas,
    /// How long sessions live.
    pub sessions: Sessions,
    /// Partition and region.
    pub realm: Realm,
}

impl Broker {
    /// A new id for a request or an audit record, in the form of a UUID (RFC 9562, version 4).
    pub fn new_id(&self) -> String {
        crate::types::random_uuid(&*self.random)
    }
}
