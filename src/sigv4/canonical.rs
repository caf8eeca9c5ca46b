//! The canonical request and the string to sign: the one place where their parts are put together, for both directions.

use super::payload::body_hash;
use super::scope::TERMINATOR;
use super::{ALGORITHM, Refusal, RequestParts, Scope, header, path, signs_like_s3};

/// Writes the canonical request. `query` is canonical already, `signed` is sorted and lower-case, `payload` is the hash of
/// the body or what stands for it.
pub(super) fn canonical_request(
    parts: &RequestParts<'_>,
    service: &str,
    query: &str,
    signed: &[&str],
    payload: &str,
) -> Result<String, Refusal> {
    // A method with a line break could pass for a method and a path.
    if !header::is_token(parts.method) {
        return Err(Refusal::Method);
    }
    let path = path::canonical_path(parts.path, signs_like_s3(service));
    let mut out = String::with_capacity(512 + path.len() + query.len());
    for line in [parts.method, path.as_ref(), query] {
        out.push_str(line);
        out.push('\n');
    }
    header::write_canonical(&mut out, signed, parts.headers)?;
    out.push('\n');
    for (number, name) in signed.iter().enumerate() {
        if number > 0 {
            out.push(';');
        }
        out.push_str(name);
    }
    out.push('\n');
    out.push_str(payload);
    Ok(out)
}

/// Writes the string to sign; `stamp` is the time in the form of `X-Amz-Date`.
pub(super) fn string_to_sign(stamp: &str, scope: &Scope, canonical_request: &str) -> String {
    let hash = body_hash(canonical_request.as_bytes());
    let lines = [
        ALGORITHM,
        "\n",
        stamp,
        "\n",
        &scope.date,
        "/",
        &scope.region,
        "/",
        &scope.service,
        "/",
        TERMINATOR,
        "\n",
        &hash,
    ];
    lines.concat()
}
