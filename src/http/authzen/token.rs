//! The tokens by which a search goes on: sealed, and good for the same search of the same asker alone.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use crate::crypto::hash::sha256;
use crate::crypto::seal::Sealed;
use crate::ops::Broker;
use crate::ops::questions::{Asking, Searched};
use crate::wire::strict_json::Members;

/// Characters of a token at the most: a position is no longer than the longest ARN that can be stored.
const LONGEST: usize = 2_048;

/// What a token is bound to: everything but the page itself.
pub(super) struct Bound(String);

impl Bound {
    pub(super) fn new(what: Searched, body: &Members<'_>, asking: &Asking<'_>) -> Self {
        let query: Map<String, Value> = body
            .iter()
            .filter(|(name, _)| *name != "page")
            .map(|(name, value)| (name.to_owned(), value.to_value()))
            .collect();
        let asker = asking.asker;
        // Members of a map are in the order of their names, so that the same search has the same text.
        let text = format!("{}\n{:?}\n{}", asker.account(), asker.identity(), Value::Object(query));
        Self(format!("authzen-search/{}/{}", what.name(), BASE64URL_NOPAD.encode(&sha256(text.as_bytes()))))
    }

    /// The token that goes on behind `position`; `None` if it cannot be sealed.
    pub(super) fn token(&self, broker: &Broker, position: &str) -> Option<String> {
        let sealed = broker.vault.seal_for_installation(&self.0, position.as_bytes()).ok()?;
        Some(BASE64URL_NOPAD.encode(sealed.as_bytes()))
    }

    /// The position of a token; `None` for what is no token of this search.
    pub(super) fn position(&self, broker: &Broker, token: &str) -> Option<String> {
        if token.len() > LONGEST {
            return None;
        }
        let sealed = Sealed::from_bytes(BASE64URL_NOPAD.decode(token.as_bytes()).ok()?);
        let position = broker.vault.open_for_installation(&self.0, &sealed).ok()?;
        String::from_utf8(position.expose().to_vec()).ok()
    }
}
