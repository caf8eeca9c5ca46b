//! Settings from the environment: `BREVET_SERVER_LISTEN` for `server.listen`.

use super::settle::Settling;
use super::value::Value;
use super::{KEYS, Place, Problem, suggest};

/// Reads the variables that name a section. What else begins with `BREVET_` belongs to other commands, such as
/// `BREVET_MASTER_KEY`.
pub(super) fn read(environment: &[(String, String)], settling: &mut Settling) {
    for (variable, value) in environment {
        if let Some(key) = KEYS.iter().find(|key| key.variable() == *variable) {
            // Compose files and charts set variables that they have no value for.
            if !value.is_empty() {
                settling.give(key, &Value::Untyped(value.clone()), Place::Variable(variable.clone()));
            }
        } else if is_unknown(variable, value) {
            settling.problem(Problem::UnknownVariable {
                variable: variable.clone(),
                suggestion: suggest::variable(variable),
            });
        }
    }
}

fn is_unknown(variable: &str, value: &str) -> bool {
    let Some(words) = variable.strip_prefix("BREVET_") else { return false };
    KEYS.iter().any(|key| {
        let rest = words.strip_prefix(&key.section().to_ascii_uppercase());
        rest.is_some_and(|rest| match rest.strip_prefix('_') {
            Some(rest) => !is_service_link(rest, value),
            None => rest.is_empty(),
        })
    })
}

/// Kubernetes tells every pod about every service: about one named `brevet-server`, in variables such as
/// `BREVET_SERVER_SERVICE_HOST` and `BREVET_SERVER_PORT_8700_TCP` (its documentation, "Service", "Environment variables").
fn is_service_link(rest: &str, value: &str) -> bool {
    rest == "SERVICE_HOST"
        || rest.starts_with("SERVICE_PORT")
        || rest.starts_with("PORT_")
        || (rest == "PORT" && value.contains("://"))
}
