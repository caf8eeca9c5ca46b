//! Credential reports: a table of an account's users and their credentials, made in the background and kept for four hours.
//!
//! Source: "Generate credential reports for your AWS account", `id_credentials_getting-report.html`.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// How the account's report stands. The table itself lies in parts, each small enough for a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CredentialReport {
    /// Which report this is; its parts lie under it.
    pub id: String,
    /// When it was begun: nothing in it is older.
    pub begun: Timestamp,
    /// When whoever makes it was last heard of.
    pub heard: Timestamp,
    /// How many parts are written.
    pub parts: u32,
    /// How many bytes of rows are in them.
    pub bytes: usize,
    /// How far it is.
    pub state: ReportState,
}

/// How far a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportState {
    /// Parts are being written.
    InProgress,
    /// All parts are written.
    Complete,
    /// The account has more users than a report may show.
    TooLarge,
}

/// Some rows of a report, in the order of the users' names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportPart {
    /// Whole lines; what follows the parts before it.
    pub rows: String,
}

/// What a report is worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Somebody is making it.
    InProgress,
    /// It can be had.
    Complete,
    /// It is older than four hours.
    Expired,
    /// Whoever made it is gone: a broker that was stopped.
    Abandoned,
    /// The account has more users than a report may show.
    TooLarge,
}

/// How long a report is good for, in seconds: AWS makes a new one every four hours at the most.
const LIFETIME: i64 = 4 * 3_600;
/// How long whoever makes a report may be silent, in seconds. A part is some thousand users; it is written in far less.
const SILENCE: i64 = 60;

impl CredentialReport {
    /// A report that is being begun.
    pub fn begin(id: &str, now: Timestamp) -> Self {
        Self { id: id.to_owned(), begun: now, heard: now, parts: 0, bytes: 0, state: ReportState::InProgress }
    }

    /// What it is worth at a moment.
    pub fn worth(&self, now: Timestamp) -> Worth {
        let expired = now > self.begun.plus(LIFETIME);
        match self.state {
            ReportState::InProgress if now > self.heard.plus(SILENCE) => Worth::Abandoned,
            ReportState::InProgress => Worth::InProgress,
            ReportState::Complete | ReportState::TooLarge if expired => Worth::Expired,
            ReportState::Complete => Worth::Complete,
            ReportState::TooLarge => Worth::TooLarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_lives_for_four_hours_and_is_not_waited_for_in_vain() {
        let begun = Timestamp(1_000);
        let mut report = CredentialReport::begin("r", begun);
        assert_eq!(report.worth(begun.plus(60)), Worth::InProgress);
        assert_eq!(report.worth(begun.plus(61)), Worth::Abandoned);
        report.heard = begun.plus(50);
        assert_eq!(report.worth(begun.plus(110)), Worth::InProgress);
        for (state, worth) in [(ReportState::Complete, Worth::Complete), (ReportState::TooLarge, Worth::TooLarge)] {
            report.state = state;
            assert_eq!(report.worth(begun.plus(14_400)), worth);
            assert_eq!(report.worth(begun.plus(14_401)), Worth::Expired);
        }
    }
}
