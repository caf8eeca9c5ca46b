//! "At least revision R": an asker that has just written, or was told of a write, demands that the answer is made on it.
//!
//! Every write is answered with its revision (`x-brevet-revision`). A broker that has not read so far yet reads on at once.

use std::time::Duration;

use super::Refusal;
use crate::ops::Broker;
use crate::store::Revision;

/// The header by which a question demands a revision.
pub const AT_LEAST_REVISION: &str = "x-brevet-at-least-revision";
/// How long a question waits for the revision that it demands.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What a question demands of what it is answered on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Every change up to this one.
    pub at_least: Option<Revision>,
}

impl Demand {
    /// Reads the header's value.
    ///
    /// # Errors
    /// It is no revision.
    pub fn parse(value: Option<&[u8]>) -> Result<Self, Refusal> {
        let Some(value) = value else { return Ok(Self::default()) };
        let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number = text.and_then(|text| text.parse().ok());
        let number =
            number.ok_or_else(|| Refusal::bad(format!("`{AT_LEAST_REVISION}` must be a revision: a number")))?;
        Ok(Self { at_least: Some(Revision(number)) })
    }

    /// Waits until the broker knows what is demanded.
    ///
    /// # Errors
    /// There is no such revision, or it was not heard of in time.
    pub async fn met(self, broker: &Broker) -> Result<(), Refusal> {
        match self.at_least {
            Some(revision) => Ok(broker.feed.reach(revision, PATIENCE).await?),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_is_a_number() {
        assert_eq!(Demand::parse(None).unwrap(), Demand::default());
        assert_eq!(Demand::parse(Some(b"42")).unwrap().at_least, Some(Revision(42)));
        for bad in ["", "-1", "+1", "1.5", "0x1", " 1", "99999999999999999999", "\u{663}"] {
            assert!(Demand::parse(Some(bad.as_bytes())).is_err(), "{bad}");
        }
    }
}
