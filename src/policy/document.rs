//! A policy document that is known to be valid, and its parts.
//!
//! Source: IAM User Guide, `reference_policies_grammar`, `reference_policies_elements`.

use std::sync::Arc;

use serde::Deserialize;

use super::compile::Matcher;
use super::json::Json;
use super::malformed::Malformed;
use super::operator::Operator;
use super::parse;

/// How a document is used, which decides what it must and must not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Attached to a user, group or role, inline or managed.
    Identity,
    /// A managed policy as permissions boundary.
    Boundary,
    /// Passed when a session is made.
    Session,
    /// Who may assume a role.
    Trust,
    /// Attached to a resource other than a role.
    Resource,
    /// A service control policy: what principals of an organization's accounts may at most do.
    ServiceControl,
    /// A resource control policy: what may at most be done to resources of an organization's accounts.
    ResourceControl,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 7] = [
        Kind::Identity,
        Kind::Boundary,
        Kind::Session,
        Kind::Trust,
        Kind::Resource,
        Kind::ServiceControl,
        Kind::ResourceControl,
    ];

    /// Whether statements name the principals that they are about.
    pub fn names_principals(self) -> bool {
        matches!(self, Kind::Trust | Kind::Resource | Kind::ResourceControl)
    }
}

/// The version of the policy language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `2008-10-17`, also when a document names no version: without policy variables.
    V2008,
    /// `2012-10-17`.
    V2012,
}

/// A document that was found valid for its kind.
#[derive(Debug, Clone)]
pub struct Document {
    version: Version,
    id: Option<String>,
    statements: Vec<Statement>,
    matchers: Arc<[Matcher]>,
}

impl Document {
    /// Reads a document. How long `text` may be is the caller's rule; depth, keys and types are checked here.
    pub fn parse(text: &str, kind: Kind) -> Result<Document, Malformed> {
        parse::document(text, kind)
    }

    /// The version of the language that it is written in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its `Id` element.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Its statements, in the order of the text; at least one.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    pub(super) fn matchers(&self) -> Arc<[Matcher]> {
        Arc::clone(&self.matchers)
    }

    pub(super) fn new(version: Version, id: Option<String>, read: Vec<(Statement, Matcher)>) -> Document {
        let (statements, matchers): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        Document { version, id, statements, matchers: matchers.into() }
    }
}

/// A document as a member of other JSON, before it is known how it is used. It may also be a JSON text that holds the document.
#[derive(Debug, Clone, Deserialize)]
pub struct EmbeddedDocument(Json);

impl EmbeddedDocument {
    /// Reads it as [`Document::parse`] does.
    pub fn read(self, kind: Kind) -> Result<Document, Malformed> {
        match self.0 {
            Json::Text(text) => Document::parse(&text, kind),
            json => parse::of_json(json, kind),
        }
    }
}

/// A statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// `Sid`
    pub sid: Option<String>,
    /// `Effect`
    pub effect: StatementEffect,
    /// `Principal` or `NotPrincipal`: always there in kinds that name principals, never in others.
    pub principals: Option<PrincipalList>,
    /// `Action` or `NotAction`; at least one.
    pub actions: Listed,
    /// `Resource` or `NotResource`; `None` in trust policies, whose resource is the role.
    pub resources: Option<Listed>,
    /// `Condition`, flattened: all of them must hold.
    pub conditions: Vec<Condition>,
}

/// What a statement does to the requests it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementEffect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

/// The values of an element that has a `Not…` twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Whether the element was the `Not…` one.
    pub negated: bool,
    /// Its values; at least one.
    pub values: Vec<String>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrincipalList {
    /// Whether the element was `NotPrincipal`.
    pub negated: bool,
    /// Whether `"*"` or `{"AWS": "*"}` is among the values.
    pub everyone: bool,
    /// Account ids, ARNs and unique ids.
    pub aws: Vec<String>,
    /// Names of services.
    pub services: Vec<String>,
    /// ARNs or hosts of OIDC and SAML providers.
    pub federated: Vec<String>,
    /// Canonical user ids of S3; no principal of this broker has one.
    pub canonical_users: Vec<String>,
}

/// One operator, one key, its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The operator with its qualifiers.
    pub operator: Operator,
    /// The key as it was written.
    pub key: String,
    /// The values, of which one must fit; at least one. Numbers and booleans as text.
    pub values: Vec<String>,
}
