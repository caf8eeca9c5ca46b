//! Bodies that come in chunks with a trailer (`Content-Encoding: aws-chunked`), whose chunks nobody signed.
//!
//! Source: Amazon S3 API Reference, "Signature calculations: including trailing headers (chunked upload)".

use axum::body::Bytes;

use crate::refusal::Refusal;

/// The chunks, joined. The trailer is passed over.
pub fn joined(body: &[u8]) -> Result<Bytes, Refusal> {
    let incomplete = || Refusal::new(400, "IncompleteBody", "The chunks of the body cannot be read.");
    let mut rest = body;
    let mut joined = Vec::new();
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n").ok_or_else(incomplete)?;
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|line| line.split(';').next());
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok()).ok_or_else(incomplete)?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Ok(joined.into());
        }
        let chunk = rest.get(..size).ok_or_else(incomplete)?;
        joined.extend_from_slice(chunk);
        rest = rest[size..].strip_prefix(b"\r\n").ok_or_else(incomplete)?;
    }
}
