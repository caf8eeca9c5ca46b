//! The body of a request: a JSON object in which no member stands twice, and nothing is nested without end.

use super::many::{Alone, Batch, Many, Question};
use crate::http::request::is_json;
use crate::wire::strict_json::{self, Json, Members};
use axum::http::HeaderMap;

/// How deep a body may be nested: properties of properties are the asker's own affair, and passed over.
const DEEPEST: usize = 32;

/// Reads a body, or says why it is none.
pub(super) fn read<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Members<'a>, String> {
    said_to_be_json(headers)?;
    strict_json::members(body, DEEPEST).map_err(none)
}

/// Reads the body of one question, or says why it is none.
pub(super) fn read_one<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Alone<'a>, String> {
    said_to_be_json(headers)?;
    let said = strict_json::shaped(body, DEEPEST, Question::new()).map_err(none)?;
    said.ok_or_else(|| none("not a JSON object".to_owned()))
}

/// Reads the body of a batch, of which at most one question more than `most` is kept, or says why it is none.
pub(super) fn read_many<'a>(headers: &HeaderMap, body: &'a [u8], most: usize) -> Result<Many<'a>, String> {
    said_to_be_json(headers)?;
    let many = strict_json::shaped(body, DEEPEST, Batch { most }).map_err(none)?;
    many.ok_or_else(|| none("not a JSON object".to_owned()))
}

fn said_to_be_json(headers: &HeaderMap) -> Result<(), String> {
    if is_json(headers) { Ok(()) } else { Err("the content type must be application/json".to_owned()) }
}

fn none(why: String) -> String {
    format!("the body is no request: {why}")
}

/// A member that is there, or why there is no request without it.
pub(super) fn required<'a, 'b>(members: &'a Members<'b>, name: &str) -> Result<&'a Json<'b>, String> {
    members.get(name).ok_or_else(|| format!("`{name}` is missing"))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What is made of a value that stands in a body.
    pub(in crate::http::authzen) fn came_as<T>(value: &Value, made: impl FnOnce(&Json<'_>) -> T) -> T {
        let text = json!({ "it": value }).to_string();
        let members = strict_json::members(text.as_bytes(), DEEPEST).expect("an object");
        made(members.get("it").expect("it"))
    }
}
