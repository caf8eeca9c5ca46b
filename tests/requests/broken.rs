//! What is wrong with an answer, if anything is.

use brevet::wire::model::Operation;

use super::cases::Case;
use super::common_errors::is_allowed;
use super::expect::Expected;
use super::sender::Reply;

/// Codes that say that the form of the parameters is wrong.
const FORM_CODES: [&str; 2] = ["MalformedInput", "MalformedQueryString"];

/// Holds the answer to a signed request against what the model declares and what the case expects.
pub fn complaint(operation: &Operation, case: &Case, reply: &Reply) -> Option<String> {
    if not_built(reply) {
        return (case.expected != Expected::Inside).then(|| "what is wrong with it comes first".to_owned());
    }
    if reply.status >= 500 {
        return Some("a failure of the broker's own".to_owned());
    }
    if let Some(secret) = case.secrets.iter().find(|secret| reply.text.contains(secret.as_str()) && reply.status != 200)
    {
        return Some(format!("the secret {secret} is in it"));
    }
    if reply.status != 200 && !is_allowed(operation, &reply.code, reply.status) {
        return Some("neither the operation nor the common errors declare it".to_owned());
    }
    let wanted = match &case.expected {
        Expected::Inside => {
            // An operation has rules of its own, which AWS words otherwise.
            let of_model = reply.code == "ValidationError" && reply.message.contains(" detected: Value ");
            let refused = of_model || FORM_CODES.contains(&reply.code.as_str());
            return refused.then(|| "everything in it is as the model says".to_owned());
        }
        Expected::Violations(message) => (reply.code == "ValidationError" && reply.message == as_xml(message))
            .then_some(())
            .ok_or_else(|| format!("ValidationError: {message}")),
        Expected::Malformed(place) => (reply.code == "MalformedInput" && reply.message.contains(&format!("'{place}'")))
            .then_some(())
            .ok_or_else(|| format!("MalformedInput at '{place}'")),
        Expected::Refused(code, status) => {
            (reply.code == *code && reply.status == *status).then_some(()).ok_or_else(|| format!("{status} {code}"))
        }
    };
    wanted.err().map(|wanted| format!("expected {wanted}"))
}

/// Whether the broker says of a member that it has not built what it is for: it ignores none.
pub fn not_built(reply: &Reply) -> bool {
    reply.status == 501 && reply.code == "NotImplemented" && reply.message.contains(" with ")
}

/// Text as an XML document can carry it: what XML 1.0 forbids is replaced.
fn as_xml(text: &str) -> String {
    let allowed = |c: char| (c >= ' ' || matches!(c, '\t' | '\n' | '\r')) && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}
