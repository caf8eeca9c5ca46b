//! What a question says beside subject, action and resource: its context, and properties of the three, as condition keys.

use super::Refusal;
use super::claimed::{self, Budget};
use crate::policy::{Claims, Context};

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
    pub fn context(&mut self, context: Claims) -> Result<(), Refusal> {
        let keys = claimed::condition_keys(context, &mut self.budget).map_err(Refusal::Bad)?;
        keys.into_iter().for_each(|(key, value)| self.keys.set(&key, value));
        Ok(())
    }

    /// Adds properties; those in `besides` mean something else to the door and are left out.
    ///
    /// # Errors
    /// A value cannot be one, or it is too much.
    pub fn properties(&mut self, of: Properties, properties: Claims, besides: &[&str]) -> Result<(), Refusal> {
        let Claims(mut members) = properties;
        members.retain(|(name, _)| !besides.contains(&name.as_str()));
        let keys =
            claimed::properties(of.prefix(), of.member(), Claims(members), &mut self.budget).map_err(Refusal::Bad)?;
        keys.into_iter().for_each(|(key, value)| self.keys.set(&key, value));
        Ok(())
    }

    /// The keys.
    pub fn keys(&self) -> &Context {
        &self.keys
    }
}
