//! The `[cache]` section. A smaller cache costs time, never correctness.

/// How much is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Principals whose compiled policies are kept. Default 10000, from 1 to 10000000.
    pub principals: u64,
    /// Access keys whose secrets are kept unsealed. Default 10000, from 1 to 10000000.
    pub access_keys: u64,
    /// Sessions whose tokens have been verified. Default 100000, from 1 to 10000000.
    pub sessions: u64,
    /// Bytes of AuthZEN answers that are kept for the rest of their second, for whoever asks the same again; with 0 none are. Default
    /// 16777216, from 0 to 1099511627776.
    pub answers: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { principals: 10_000, access_keys: 10_000, sessions: 100_000, answers: 16 << 20 }
    }
}
