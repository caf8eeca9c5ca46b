//! What a service asks about a caller.

use serde_json::{Map, Value, json};

/// May the caller do this with that. A question is kept apart from every other by all that it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    action: String,
    resource: String,
    account: Option<String>,
    policy: Option<String>,
    context: Map<String, Value>,
    properties: Map<String, Value>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the caller may.
    pub allowed: bool,
    /// Why, or why not.
    pub reason: String,
    /// Every change up to this revision of the broker's is in it.
    pub revision: u64,
    /// Whether it was kept from the same question before.
    pub kept: bool,
}

impl Question {
    /// An action, such as `s3:GetObject`, on the ARN of a resource.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            account: None,
            policy: None,
            context: Map::new(),
            properties: Map::new(),
        }
    }

    /// The account that the resource belongs to, where its ARN does not say; without it, the service's own.
    #[must_use]
    pub fn of_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// The resource's policy, which the service keeps, as a document.
    #[must_use]
    pub fn with_policy(mut self, document: impl Into<String>) -> Self {
        self.policy = Some(document.into());
        self
    }

    /// A condition key of the request, such as `aws:SourceIp` or `s3:prefix`.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.context.insert(key.into(), value.into());
        self
    }

    /// A property of the resource, which policies read as `brevet:Resource/NAME`.
    #[must_use]
    pub fn with_property(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// As the broker is asked.
    pub(super) fn asked(&self) -> Value {
        let mut asked = json!({
            "action": self.action,
            "resource": self.resource,
            "context": self.context,
            "properties": { "resource": self.properties },
        });
        if let Some(account) = &self.account {
            asked["resource_account"] = json!(account);
        }
        if let Some(policy) = &self.policy {
            asked["resource_policy"] = json!(policy);
        }
        asked
    }
}
