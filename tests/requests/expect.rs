//! What AWS answers to a request that breaks its model, stated once more and naively.
//!
//! Source: the API references of IAM and STS for the constraints of each member; the wording and the order (members as the model
//! has them, for one value pattern before values before length) from answers of AWS that people show: STS tells an empty ARN
//! "4 validation errors detected: Value '' at 'roleArn' failed to satisfy constraint: Member must satisfy regular expression
//! pattern: ...; Value '' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20; Value
//! '' at 'principalArn' ...". How long a message may become is brevet's own.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use brevet::wire::model::{Kind, Member, Operation, Shape};
use brevet::wire::validate::{MAX_ECHO, MAX_TOLD};

use super::dialect::Part;
use super::value::Value;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// Whatever the operation says, but nothing about the form of the parameters.
    Inside,
    /// `ValidationError` with this message.
    Violations(String),
    /// `MalformedInput` at this place.
    Malformed(String),
    /// This code and status.
    Refused(&'static str, u16),
}

/// Members that hold secrets, though the model does not say so of all.
pub const SECRETS: [&str; 12] = [
    "AuthenticationCode1",
    "AuthenticationCode2",
    "NewPassword",
    "OldPassword",
    "Password",
    "PrivateKey",
    "SAMLAssertion",
    "SecretAccessKey",
    "SessionToken",
    "TokenCode",
    "TradeInToken",
    "WebIdentityToken",
];

/// What the answer to these parameters is.
pub fn judge(operation: &Operation, input: &Value) -> Expected {
    let Value::Structure(given) = input else { panic!("a request is a structure") };
    let mut found = Vec::new();
    match members(&operation.input, given, "", false, &mut found) {
        Err(Malformed(place)) => Expected::Malformed(place),
        Ok(()) if found.is_empty() => Expected::Inside,
        Ok(()) => {
            let plural = if found.len() == 1 { "" } else { "s" };
            let told = found.iter().take(MAX_TOLD).cloned().collect::<Vec<_>>().join("; ");
            let more =
                if found.len() > MAX_TOLD { format!("; and {} more", found.len() - MAX_TOLD) } else { String::new() };
            Expected::Violations(format!("{} validation error{plural} detected: {told}{more}", found.len()))
        }
    }
}

struct Malformed(String);

fn members(
    known: &[Member],
    given: &[(String, Value)],
    above: &str,
    secret: bool,
    found: &mut Vec<String>,
) -> Result<(), Malformed> {
    for member in known {
        let place = format!("{above}{}{}", member.name[..1].to_lowercase(), &member.name[1..]);
        match given.iter().find(|(name, _)| *name == member.name) {
            Some((_, value)) => {
                let secret = secret || member.shape.sensitive || SECRETS.contains(&member.name.as_str());
                check(&member.shape, value, &place, secret, found)?;
            }
            None if member.required => found.push(violation("null ", &place, "not be null")),
            None => {}
        }
    }
    Ok(())
}

fn check(shape: &Shape, value: &Value, place: &str, secret: bool, found: &mut Vec<String>) -> Result<(), Malformed> {
    let secret = secret || shape.sensitive;
    let malformed = || Malformed(place.to_owned());
    match (&shape.kind, value) {
        (Kind::Structure(known), Value::Structure(given)) => {
            members(known, given, &format!("{place}."), secret, found)?
        }
        // Elements are members of other names here, and what the model does not know is ignored.
        (Kind::Structure(known), Value::List(given)) if !given.is_empty() => {
            members(known, &[], &format!("{place}."), secret, found)?;
        }
        (Kind::Structure(known), Value::Text(text)) if text.is_empty() => {
            members(known, &[], &format!("{place}."), secret, found)?;
        }
        (Kind::List(element), Value::List(given)) => {
            let mut elements = Vec::new();
            for (index, value) in given {
                let number: u32 = index.parse().map_err(|_| malformed())?;
                // One spelling for each index, and none is zero.
                if number == 0 || number.to_string() != *index {
                    return Err(malformed());
                }
                elements.push((number, value));
            }
            elements.sort_by_key(|(number, _)| *number);
            length(shape, elements.len(), "", place, found);
            for (number, value) in elements {
                check(element, value, &format!("{place}.{number}.member"), secret, found)?;
            }
        }
        (Kind::List(_), Value::Text(text)) if text.is_empty() => length(shape, 0, "", place, found),
        (Kind::Text { pattern, allowed }, Value::Text(text)) => {
            let shown = if secret { String::new() } else { format!("'{}' ", cut(text)) };
            if let Some(pattern) = pattern
                && !matches(pattern.source(), text)
            {
                found.push(violation(
                    &shown,
                    place,
                    &format!("satisfy regular expression pattern: {}", pattern.source()),
                ));
            }
            if !allowed.is_empty() && !allowed.contains(text) {
                found.push(violation(&shown, place, &format!("satisfy enum value set: [{}]", allowed.join(", "))));
            }
            length(shape, text.chars().count(), &shown, place, found);
        }
        (Kind::Integer, Value::Text(text)) => {
            let number: i64 = text.parse::<i32>().map_err(|_| malformed())?.into();
            let shown = if secret { String::new() } else { format!("'{text}' ") };
            bounds(shape, number, "value", &shown, place, found);
        }
        (Kind::Boolean, Value::Text(text)) if text == "true" || text == "false" => {}
        (Kind::Map(..) | Kind::Timestamp | Kind::Blob, _) => {
            panic!("{place}: tests/requests/expect.rs has no rule for it")
        }
        _ => return Err(malformed()),
    }
    Ok(())
}

fn length(shape: &Shape, length: usize, shown: &str, place: &str, found: &mut Vec<String>) {
    bounds(shape, i64::try_from(length).unwrap(), "length", shown, place, found);
}

fn bounds(shape: &Shape, number: i64, what: &str, shown: &str, place: &str, found: &mut Vec<String>) {
    if let Some(max) = shape.max.filter(|max| number > *max) {
        found.push(violation(shown, place, &format!("have {what} less than or equal to {max}")));
    }
    if let Some(min) = shape.min.filter(|min| number < *min) {
        found.push(violation(shown, place, &format!("have {what} greater than or equal to {min}")));
    }
}

fn violation(shown: &str, place: &str, must: &str) -> String {
    format!("Value {shown}at '{place}' failed to satisfy constraint: Member must {must}")
}

/// The part of a value that a message repeats.
fn cut(text: &str) -> String {
    if text.len() <= MAX_ECHO {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if kept.len() + c.len_utf8() > MAX_ECHO {
            break;
        }
        kept.push(c);
    }
    kept + "..."
}

/// Whether the whole of a text matches a pattern of the model.
pub fn matches(pattern: &str, text: &str) -> bool {
    part(pattern).matches(text)
}

/// A pattern of the model, read once.
pub fn part(pattern: &str) -> Part {
    static READ: LazyLock<Mutex<HashMap<String, Part>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    read.entry(pattern.to_owned()).or_insert_with(|| Part::read(pattern)).clone()
}
