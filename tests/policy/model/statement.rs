//! A statement as JSON: is it about the request, and do its conditions hold.

use serde_json::Value as Json;

use super::pattern::{like, resource_like, symbols};
use super::reasons::Reason;
use crate::case::{Asked, id};

pub struct Statement {
    pub policy: String,
    pub index: usize,
    pub json: Json,
    /// "Variables were introduced in version 2012-10-17. Earlier versions of the policy language don't support policy variables."
    pub variables: bool,
}

/// Every statement of the policies, in order.
pub fn all(kind: &str, level: Option<usize>, policies: &[String]) -> Vec<Statement> {
    let mut all = Vec::new();
    for (at, text) in policies.iter().enumerate() {
        let policy: Json = serde_json::from_str(text).unwrap();
        let variables = policy["Version"] == "2012-10-17";
        for (index, json) in list(&policy["Statement"]).into_iter().enumerate() {
            all.push(Statement { policy: id(kind, level, at), index, json, variables });
        }
    }
    all
}

/// "If the element takes an array but only one value is included, the brackets are optional."
pub fn list(json: &Json) -> Vec<Json> {
    match json {
        Json::Array(items) => items.clone(),
        Json::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// "Quotation marks are optional for numeric and Boolean values."
pub fn texts(json: &Json) -> Vec<String> {
    let text = |item| if let Json::String(text) = item { text } else { item.to_string() };
    list(json).into_iter().map(text).collect()
}

impl Statement {
    pub fn is(&self, effect: &str) -> bool {
        self.json["Effect"] == effect
    }

    pub fn matches(&self, asked: &Asked) -> bool {
        self.is_about(asked) && self.failing(asked).is_none()
    }

    /// Whether it is about this action on this resource, whatever its conditions say.
    pub fn is_about(&self, asked: &Asked) -> bool {
        self.is_about_action(&asked.action) && self.is_about_resource(asked)
    }

    /// The operator and key of the first condition that does not hold, in the order of their names.
    pub fn failing(&self, asked: &Asked) -> Option<(String, String)> {
        let mut conditions = Vec::new();
        for (operator, keys) in self.json.get("Condition").and_then(Json::as_object).into_iter().flatten() {
            for (key, expected) in keys.as_object().unwrap() {
                conditions.push((operator.clone(), key.clone(), texts(expected)));
            }
        }
        conditions.sort();
        let failing = conditions.into_iter().find(|(operator, key, expected)| {
            !super::condition::holds(operator, key, expected, self.variables, self.is("Allow"), asked)
        });
        failing.map(|(operator, key, _)| (operator, key))
    }

    pub fn reason(&self, kind: &str) -> Reason {
        let sid = self.json["Sid"].as_str().map(str::to_owned);
        Reason { kind: kind.to_owned(), policy: self.policy.clone(), index: self.index, sid }
    }

    /// "The prefix and the action name are case insensitive."
    fn is_about_action(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let one_of = |patterns: &Json| {
            texts(patterns).iter().any(|p| like(&symbols(&p.to_ascii_lowercase(), None, true).unwrap(), &action))
        };
        match self.json.get("Action") {
            Some(actions) => one_of(actions),
            None => !one_of(&self.json["NotAction"]),
        }
    }

    fn is_about_resource(&self, asked: &Asked) -> bool {
        let pattern = |text: &String| symbols(text, self.variables.then_some(asked), true);
        let one_of = |patterns: &Json| {
            texts(patterns).iter().filter_map(pattern).any(|pattern| resource_like(&pattern, &asked.resource))
        };
        match (self.json.get("Resource"), self.json.get("NotResource")) {
            (Some(resources), _) => one_of(resources),
            (_, Some(others)) => {
                // "If AWS cannot resolve a variable, this might cause the entire statement to be invalid": what is unknown must
                // neither allow nor lift a denial.
                let unknown = texts(others).iter().any(|text| pattern(text).is_none());
                !one_of(others) && (!unknown || self.is("Deny"))
            }
            // A trust policy is about its own role.
            (None, None) => true,
        }
    }
}
