//! The decision log: what other services asked, what they were told, and why, one JSON object a line, so that "why was this denied at
//! 14:03" can be answered from it alone.
//!
//! It explains and proves nothing: the audit trail is for that. So it never keeps a decision waiting. Records that come faster than they
//! can be written are dropped, counted, and the log itself says how many.

mod credentials;
mod file;
mod mask;
mod record;
mod unusable;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use credentials::{json_without_credentials, without_credentials};
pub use record::{
    Begun, Condition, Dropped, Entry, Near, Record, RecordedMissing, RecordedSession, RecordedStatement, written,
};
pub use unusable::{LogPlace, UnusableLog};
pub use writer::DEFAULT_FILE;

use crate::clock::{Clock, Random};
use crate::config::{DecisionLogSection, LogMode, MaskedAs};
use crate::types::SecretBytes;
use mask::Masks;
use writer::{Sink, Writer};

/// The way into the decision log.
pub struct DecisionLog {
    allowed_one_in: u64,
    denied_one_in: u64,
    masks: Masks,
    random: Arc<dyn Random>,
    writer: Writer,
}

/// A decision log whose file is open and has nothing of this broker in it yet: for a start that looks at everything that may be wrong
/// before it makes anything.
pub struct OpenLog {
    allowed_one_in: u64,
    denied_one_in: u64,
    mask: Vec<String>,
    masked_as: MaskedAs,
    sink: Sink,
}

impl OpenLog {
    /// The log that the settings ask for, if they ask for one. `folder` is where the file is unless the settings say otherwise.
    ///
    /// # Errors
    /// A mask would mask nothing, also of a log that is off; the file cannot be made, or others could read or replace it.
    pub fn open(section: &DecisionLogSection, folder: &Path) -> Result<Option<Self>, UnusableLog> {
        mask::check(&section.mask)?;
        let (allowed_one_in, denied_one_in) = match section.mode {
            LogMode::Off => return Ok(None),
            LogMode::Full => (1, 1),
            LogMode::Sampled => (section.allowed_one_in, section.denied_one_in),
        };
        let (mask, masked_as) = (section.mask.clone(), section.masked_as);
        let sink = Sink::open(section, folder)?;
        Ok(Some(Self { allowed_one_in, denied_one_in, mask, masked_as, sink }))
    }

    /// Writes down that the log begins. Somebody must run [`DecisionLog::write_down`]. Under `key` masked values are hashed.
    ///
    /// # Errors
    /// Nothing can be written.
    pub fn begin(
        self,
        key: SecretBytes,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<DecisionLog, UnusableLog> {
        let Self { allowed_one_in, denied_one_in, mask, masked_as, sink } = self;
        let masks = Masks::new(&mask, masked_as, key);
        let begun = Begun { version: Begun::VERSION, allowed_one_in, denied_one_in, mask };
        let writer = Writer::begin(sink, begun, clock)?;
        Ok(DecisionLog { allowed_one_in, denied_one_in, masks, random, writer })
    }
}

impl fmt::Debug for OpenLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenLog").field("mask", &self.mask).finish_non_exhaustive()
    }
}

impl DecisionLog {
    /// Whether a record of such an answer is to be kept, and for how many like it then.
    pub fn wants(&self, allowed: bool) -> Option<u64> {
        let one_in = if allowed { self.allowed_one_in } else { self.denied_one_in };
        match one_in {
            0 => None,
            1 => Some(1),
            _ => {
                let mut drawn = [0; 8];
                self.random.fill(&mut drawn);
                // Of 2^64 values a millionth more or less: no bias that anybody could see.
                (u64::from_le_bytes(drawn) % one_in == 0).then_some(one_in)
            }
        }
    }

    /// Takes a record, masked and bounded; whether it found a place in the queue. Never waits.
    pub fn take(&self, record: Record) -> bool {
        self.writer.queue(self.masks.applied(record).line())
    }

    /// Writes what is taken until `stop` is done, and then what is left.
    pub async fn write_down(self: Arc<Self>, stop: impl Future<Output = ()>) {
        self.writer.run(stop).await;
    }
}

impl fmt::Debug for DecisionLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (allowed_one_in, denied_one_in) = (self.allowed_one_in, self.denied_one_in);
        f.debug_struct("DecisionLog")
            .field("allowed_one_in", &allowed_one_in)
            .field("denied_one_in", &denied_one_in)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
