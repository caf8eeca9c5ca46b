//! The facts of a session before it is minted: everything that a token says except who issued it, when, and under which id.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::session::claims::{Actor, Confirmation, SessionClaims, SessionKind, WebIdentityClaims};

/// What the operation that hands out a session knows about it. Fields are those of [`SessionClaims`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDraft {
    /// See [`SessionClaims::kind`].
    pub kind: SessionKind,
    /// The session's ARN.
    pub sub: String,
    /// See [`SessionClaims::account`].
    pub account: String,
    /// See [`SessionClaims::uid`].
    pub uid: String,
    /// See [`SessionClaims::name`].
    pub name: String,
    /// See [`SessionClaims::session_name`].
    pub session_name: Option<String>,
    /// See [`SessionClaims::amr`].
    pub amr: Vec<String>,
    /// See [`SessionClaims::auth_time`].
    pub auth_time: Option<Timestamp>,
    /// See [`SessionClaims::mfa_serial`].
    pub mfa_serial: Option<String>,
    /// See [`SessionClaims::act`].
    pub act: Option<Actor>,
    /// See [`SessionClaims::policy`].
    pub policy: Option<String>,
    /// See [`SessionClaims::policy_arns`].
    pub policy_arns: Vec<String>,
    /// See [`SessionClaims::tags`].
    pub tags: BTreeMap<String, String>,
    /// See [`SessionClaims::transitive_tag_keys`].
    pub transitive_tag_keys: Vec<String>,
    /// See [`SessionClaims::source_identity`].
    pub source_identity: Option<String>,
    /// See [`SessionClaims::federated_provider`].
    pub federated_provider: Option<String>,
    /// See [`SessionClaims::web_identity`].
    pub web_identity: Option<Box<WebIdentityClaims>>,
    /// See [`SessionClaims::chain_depth`].
    pub chain_depth: u8,
    /// See [`SessionClaims::via`].
    pub via: Vec<String>,
    /// See [`SessionClaims::login_exp`].
    pub login_exp: Option<Timestamp>,
}

impl SessionDraft {
    /// A session with the facts that every session has, and none of the others.
    pub fn new(
        kind: SessionKind,
        sub: impl Into<String>,
        account: impl Into<String>,
        uid: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            sub: sub.into(),
            account: account.into(),
            uid: uid.into(),
            name: name.into(),
            session_name: None,
            amr: Vec::new(),
            auth_time: None,
            mfa_serial: None,
            act: None,
            policy: None,
            policy_arns: Vec::new(),
            tags: BTreeMap::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            federated_provider: None,
            web_identity: None,
            chain_depth: 0,
            via: Vec::new(),
            login_exp: None,
        }
    }

    pub(super) fn into_claims(self, issued: Issued) -> SessionClaims {
        SessionClaims {
            iss: issued.issuer,
            sub: self.sub,
            iat: issued.at,
            exp: issued.expires,
            jti: issued.jti,
            kind: self.kind,
            account: self.account,
            uid: self.uid,
            name: self.name,
            session_name: self.session_name,
            cnf: Confirmation { kid: issued.access_key_id },
            amr: self.amr,
            auth_time: self.auth_time,
            mfa_serial: self.mfa_serial,
            act: self.act,
            policy: self.policy,
            policy_arns: self.policy_arns,
            tags: self.tags,
            transitive_tag_keys: self.transitive_tag_keys,
            source_identity: self.source_identity,
            federated_provider: self.federated_provider,
            web_identity: self.web_identity,
            chain_depth: self.chain_depth,
            via: self.via,
            login_exp: self.login_exp,
        }
    }
}

/// What minting adds to a draft.
pub(super) struct Issued {
    pub(super) issuer: String,
    pub(super) at: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) jti: String,
    pub(super) access_key_id: String,
}
