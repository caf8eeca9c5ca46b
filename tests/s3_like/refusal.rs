//! Errors as S3 writes them.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::buckets::escaped;

/// Why a request is not served.
pub struct Refusal {
    status: u16,
    pub code: String,
    message: String,
}

impl Refusal {
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (code, message) = (escaped(&self.code), escaped(&self.message));
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        (status, [("content-type", "application/xml")], body).into_response()
    }
}
