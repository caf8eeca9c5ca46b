//! Reports that are asked for in one call and fetched in another.
//!
//! AWS makes them in the background; here they are made when they are fetched, from what is known then, so a job is nothing but
//! the question. It can be fetched by whoever asked it, for a day.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A report that was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportJob {
    /// When.
    pub created: Timestamp,
    /// The unique id of the user or role that asked, or the account's id for its root user.
    pub asker: String,
    /// What it is about.
    pub report: Report,
}

/// What a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// Which services a user, group, role or policy opens, and when they were last used.
    ServiceAccess {
        /// Its ARN.
        arn: String,
        /// Whether single actions are told too.
        actions: bool,
    },
    /// When the services were last used by the accounts of the organization.
    Organization {
        /// The organization's root, or an account, by its path.
        path: String,
        /// The id of a service control policy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy: Option<String>,
    },
}

impl ReportJob {
    /// How long a report can be fetched, in seconds.
    pub const LASTS: i64 = 86_400;

    /// Whether it can be fetched no more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.seconds() - self.created.seconds() >= Self::LASTS
    }
}
