//! The body of a request: a JSON object in which no member stands twice, and nothing is nested without end.

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use crate::http::request::is_json;
use crate::wire::strict_json;

/// How deep a body may be nested: properties of properties are the asker's own affair, and passed over.
const DEEPEST: usize = 32;

/// Reads a body, or says why it is none.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, String> {
    if !is_json(headers) {
        return Err("the content type must be application/json".to_owned());
    }
    strict_json::object(body, DEEPEST).map_err(|why| format!("the body is no request: {why}"))
}

/// A member that is there, or why there is no request without it.
pub(super) fn required<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a Value, String> {
    members.get(name).ok_or_else(|| format!("`{name}` is missing"))
}
