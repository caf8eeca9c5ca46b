//! Policy documents, made of few words.

use serde_json::{Value, json};

/// A document of these statements.
pub fn document(statements: impl IntoIterator<Item = Value>) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements.into_iter().collect::<Vec<_>>() }).to_string()
}

/// Allows an action on a resource.
pub fn allow(action: &str, resource: &str) -> String {
    document([statement("Allow", action, resource)])
}

/// Denies an action on a resource.
pub fn deny(action: &str, resource: &str) -> String {
    document([statement("Deny", action, resource)])
}

/// Allows an action on everything, under a condition.
pub fn allow_if(action: &str, condition: Value) -> String {
    let mut statement = statement("Allow", action, "*");
    statement["Condition"] = condition;
    document([statement])
}

/// One statement.
pub fn statement(effect: &str, action: &str, resource: &str) -> Value {
    json!({ "Effect": effect, "Action": action, "Resource": resource })
}

/// A trust policy that lets `principal` (an ARN or an account id) take these actions.
pub fn trust(principal: &str, actions: &[&str], condition: Option<Value>) -> String {
    let mut statement = json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": actions });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    document([statement])
}
