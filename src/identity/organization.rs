//! Organizations: an installation with several accounts is one.
//!
//! AWS keeps them in a service of their own, with feature sets, trusted access and delegated administrators. Here an organization
//! has all features, IAM is trusted in it, and nobody but the management account administers it.

use std::collections::BTreeSet;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use crate::clock::{Random, Timestamp};
use crate::types::AccountId;

/// The organization that the accounts of an installation are. It begins with the second account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Organization {
    /// `o-` and 16 letters and digits.
    pub id: String,
    /// The account that the others were made beside: the first one.
    pub management_account: AccountId,
    /// When it began.
    pub created: Timestamp,
    /// What the management account may do about the root users of the others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub root_features: BTreeSet<RootFeature>,
}

/// What can be switched on of the central management of root users.
///
/// Source: "Centrally manage root access for member accounts", `id_root-user.html`; AWS's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RootFeature {
    /// Root users' credentials can be managed from the management account.
    RootCredentialsManagement,
    /// The management account may take short sessions as the root user of another account.
    RootSessions,
}

impl Organization {
    /// An organization that begins now.
    pub fn begin(management_account: AccountId, now: Timestamp, random: &dyn Random) -> Self {
        let mut bytes = [0; 10];
        random.fill(&mut bytes);
        let id = format!("o-{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase());
        Self { id, management_account, created: now, root_features: BTreeSet::new() }
    }

    /// The path of its root, below which the accounts are: AWS makes an id of its own for it, here it is the organization's.
    pub fn root_path(&self) -> String {
        format!("{}/r-{}", self.id, self.id.trim_start_matches("o-"))
    }

    /// The path of an account of it.
    pub fn path_of(&self, account: AccountId) -> String {
        format!("{}/{account}", self.root_path())
    }

    /// Whether a feature is switched on.
    pub fn allows(&self, feature: RootFeature) -> bool {
        self.root_features.contains(&feature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn an_id_is_what_the_model_says_and_nobody_elses() {
        let account = AccountId::from_number(1).expect("an account");
        let begin = || Organization::begin(account, Timestamp(0), &SystemRandom).id;
        let (one, two) = (begin(), begin());
        let pattern = regex::Regex::new("^o-[a-z0-9]{10,32}$").expect("a pattern");
        assert!(pattern.is_match(&one) && pattern.is_match(&two), "{one} {two}");
        assert_ne!(one, two);
    }
}
