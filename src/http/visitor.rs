//! Who is at the other end of a connection, and who they were when they asked last.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::peer::Peer;
use crate::authn::{Caller, ClientCertificate};
use crate::clock::Timestamp;
use crate::ops::{Broker, Knowledge};

/// The other end of a connection. The router's doors look for it among a request's extensions; without it nobody knows where a request comes
/// from, nor by which certificate.
#[derive(Clone, Debug)]
pub struct Visitor(Arc<Visit>);

#[derive(Debug)]
struct Visit {
    peer: Peer,
    certificate: Option<Arc<ClientCertificate>>,
    last: Mutex<Option<Last>>,
}

/// Who somebody was found to be, by the token that they came with or by their certificate.
#[derive(Clone, Debug)]
struct Last {
    caller: Caller,
    /// When that was found out.
    now: Timestamp,
    /// On what.
    knowledge: Knowledge,
}

impl Visitor {
    /// Who has connected from `address`, with a certificate that a handshake has verified, if one was shown.
    pub fn new(address: SocketAddr, encrypted: bool, certificate: Option<Arc<ClientCertificate>>) -> Self {
        Self(Arc::new(Visit { peer: Peer { address, encrypted }, certificate, last: Mutex::default() }))
    }

    /// From where they come.
    pub(super) fn peer(&self) -> Peer {
        self.0.peer
    }

    /// The certificate that they have shown, if that was verified.
    pub(super) fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        self.0.certificate.as_ref()
    }

    /// Who came last, if they come with the same once more, and nothing that they were found to be somebody by has changed: the second, what
    /// the broker knows, its keys and what is revoked. Finding it out once more would come to the same.
    pub(super) fn again(
        &self,
        broker: &Broker,
        now: Timestamp,
        with_the_same: impl FnOnce(&Caller) -> bool,
    ) -> Option<Caller> {
        let mut place = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = place.as_ref().filter(|last| last.now == now && last.knowledge.lasts(broker)) else {
            // Nobody will be known by it again.
            *place = None;
            return None;
        };
        with_the_same(&last.caller).then(|| last.caller.clone())
    }

    /// Takes note of who was found, with this knowledge at hand.
    pub(super) fn found(&self, caller: &Caller, now: Timestamp, knowledge: Knowledge) {
        /// Bytes of the largest that is kept: there may be as many as connections.
        const LARGEST: usize = 16 << 10;
        if caller.bytes() > LARGEST {
            return;
        }
        let last = Last { caller: caller.clone(), now, knowledge };
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }
}
