//! What a question says beside subject, action and resource: its context, and properties of the three, as condition keys.

use std::borrow::Cow;

use serde_json::Value;
use smallvec::SmallVec;

use super::Refusal;
use super::claimed::{self, Budget};
use crate::policy::{Claims, Context};
use crate::wire::strict_json::{Json, Member, Members};

/// Whose property it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Properties {
    /// `brevet:Subject/...`
    Subject,
    /// `brevet:Resource/...`
    Resource,
    /// `brevet:Action/...`
    Action,
}

impl Properties {
    fn prefix(self) -> &'static str {
        match self {
            Self::Subject => "brevet:Subject/",
            Self::Resource => "brevet:Resource/",
            Self::Action => "brevet:Action/",
        }
    }

    fn member(self) -> &'static str {
        match self {
            Self::Subject => "subject.properties",
            Self::Resource => "resource.properties",
            Self::Action => "action.properties",
        }
    }
}

/// Condition keys that an asker gives, bounded as a whole.
#[derive(Debug, Default)]
pub struct Said {
    keys: Context,
    budget: Budget,
}

impl Said {
    /// Nothing.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Adds the context's members, which are condition keys by themselves.
    ///
    /// # Errors
    /// A key is not for askers to give, a value cannot be one, or it is too much.
    pub fn context(&mut self, context: &[Member<'_>]) -> Result<(), Refusal> {
        let Self { keys, budget } = self;
        claimed::condition_keys(context, budget, |key, value| keys.set(key, value)).map_err(Refusal::Bad)
    }

    /// As [`Said::context`], of claims.
    ///
    /// # Errors
    /// As [`Said::context`].
    pub fn claims(&mut self, context: &Claims) -> Result<(), Refusal> {
        self.context(&members(context))
    }

    /// Adds properties; those in `besides` mean something else to the door and are left out.
    ///
    /// # Errors
    /// A value cannot be one, or it is too much.
    pub fn properties(&mut self, of: Properties, all: &[Member<'_>], besides: &[&str]) -> Result<(), Refusal> {
        let counts = |(name, _): &&Member<'_>| !besides.contains(&&**name);
        let counting: SmallVec<[&Member<'_>; 8]> = all.iter().filter(counts).collect();
        let Self { keys, budget } = self;
        let put = |key: &str, value| keys.set(key, value);
        claimed::properties(of.prefix(), of.member(), counting.into_iter(), budget, put).map_err(Refusal::Bad)
    }

    /// As [`Said::properties`], all of these claims.
    ///
    /// # Errors
    /// As [`Said::properties`].
    pub fn claimed_properties(&mut self, of: Properties, properties: &Claims) -> Result<(), Refusal> {
        self.properties(of, &members(properties), &[])
    }

    /// The keys.
    pub fn keys(&self) -> &Context {
        &self.keys
    }
}

/// Claims as what was read would have them; what will be refused for its size, and what nobody reads, is not gone through.
pub(super) fn members(Claims(claims): &Claims) -> Vec<Member<'_>> {
    let some = claims.iter().take(claimed::MOST + 1);
    some.map(|(name, value)| (Cow::Borrowed(name.as_str()), shown(value))).collect()
}

fn shown(value: &Value) -> Json<'_> {
    match value {
        Value::Array(items) => Json::List(items.iter().take(claimed::MOST + 1).map(flat).collect()),
        other => flat(other),
    }
}

fn flat(value: &Value) -> Json<'_> {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => Json::Number(number.clone()),
        Value::String(text) => Json::Text(Cow::Borrowed(text)),
        Value::Array(_) | Value::Object(_) => Json::Object(Members::default()),
    }
}
