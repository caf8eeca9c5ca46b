//! What a broker knows at a moment, for whoever wants to know whether that is still all.

use super::Broker;
use crate::store::Moment;

/// What is known: what was told of the store's records, the keys by which tokens are known, and what is revoked.
#[derive(Clone, Debug)]
pub struct Knowledge {
    moment: Moment,
    /// Which keys: those themselves do not stay in memory for the sake of what was found out with them.
    keys: u64,
    revoked: u64,
}

impl Knowledge {
    /// The present one; `None` where it is too old. What is found out with it at hand is good for as long as it lasts.
    pub fn now(broker: &Broker) -> Option<Self> {
        let moment = broker.feed.moment().ok()?;
        Some(Self { moment, keys: broker.keys.generation(), revoked: broker.revocations.generation() })
    }

    /// Whether nothing more has been heard of since.
    pub fn lasts(&self, broker: &Broker) -> bool {
        broker.feed.lasts(&self.moment)
            && self.keys == broker.keys.generation()
            && self.revoked == broker.revocations.generation()
    }
}
