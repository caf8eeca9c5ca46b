//! Settings from the environment: `BREVET_SERVER_LISTEN` for `server.listen`.

use super::settle::Settling;
use super::value::Value;
use super::{KEYS, Place, Problem, suggest};

/// What every variable of brevet's begins with.
pub(super) const PREFIX: &str = "BREVET_";
/// The variables that are no settings: of commands, and of programs beside a sidecar.
pub(super) const OTHERS: [&str; 7] = [
    "BREVET_BOOTSTRAP_ACCESS_KEY_ID",
    "BREVET_BOOTSTRAP_ACCOUNT_ID",
    "BREVET_BOOTSTRAP_SECRET_ACCESS_KEY",
    "BREVET_CONFIG",
    "BREVET_MASTER_KEY",
    "BREVET_QUESTIONS_SOCKET",
    "BREVET_QUESTIONS_URL",
];

/// Reads the variables of settings. What is likely a misspelt one is refused.
pub(super) fn read(environment: &[(String, String)], settling: &mut Settling) {
    for (variable, value) in environment {
        if let Some(key) = KEYS.iter().find(|key| key.variable() == *variable) {
            // Compose files and charts set variables that they have no value for.
            if !value.is_empty() {
                settling.give(key, &Value::Untyped(value.clone()), Place::Variable(variable.clone()));
            }
        } else if let Meaning::Slip(suggestion) = meaning(variable, value) {
            settling.problem(Problem::UnknownVariable { variable: variable.clone(), suggestion });
        }
    }
}

/// The variables that are named like brevet's and that nothing reads.
pub(super) fn unread(environment: &[(String, String)]) -> impl Iterator<Item = &str> {
    environment
        .iter()
        .filter(|(name, value)| matches!(meaning(name, value), Meaning::Nothing))
        .map(|(name, _)| name.as_str())
}

/// What a variable is.
enum Meaning {
    /// A setting's, or another's that is known.
    Known,
    /// Nobody's business here: of another program, of the cluster, or empty.
    Elsewhere,
    /// Likely a setting's that is misspelt, with the right one.
    Slip(Option<String>),
    /// Nothing's. It may be of whoever starts brevet (`BREVET_IMAGE`), so it is no mistake for sure.
    Nothing,
}

fn meaning(variable: &str, value: &str) -> Meaning {
    let Some(words) = variable.strip_prefix(PREFIX) else { return Meaning::Elsewhere };
    if OTHERS.contains(&variable) || KEYS.iter().any(|key| key.variable() == variable) {
        return Meaning::Known;
    }
    if is_service_link(words, value) {
        return Meaning::Elsewhere;
    }
    let names_a_section = KEYS.iter().any(|key| {
        let rest = words.strip_prefix(&key.section().to_ascii_uppercase());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    });
    if names_a_section {
        return Meaning::Slip(suggest::variable(variable));
    }
    if value.is_empty() {
        return Meaning::Elsewhere;
    }
    match suggest::without_section(words).or_else(|| suggest::any_variable(words)) {
        Some(right) => Meaning::Slip(Some(right)),
        None => Meaning::Nothing,
    }
}

/// Kubernetes tells every pod about every service: about one named `brevet-server`, in variables such as
/// `BREVET_SERVER_SERVICE_HOST` and `BREVET_SERVER_PORT_8700_TCP_ADDR` (its documentation, "Service", "Environment variables").
fn is_service_link(words: &str, value: &str) -> bool {
    let words: Vec<&str> = words.split('_').collect();
    let is_port =
        |three: &[&str]| matches!(three, ["PORT", number, "TCP" | "UDP" | "SCTP"] if number.parse::<u16>().is_ok());
    words.ends_with(&["SERVICE", "HOST"])
        || words.windows(2).any(|two| two == ["SERVICE", "PORT"])
        || (words.last() == Some(&"PORT") && value.contains("://"))
        || words.windows(3).any(is_port)
}
