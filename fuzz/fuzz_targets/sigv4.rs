//! Arbitrary requests through parsing, verifying and signing: none may panic, and what is signed here verifies here unless
//! it is refused for its shape.
//!
//! The input reads like a request: method, path and query, each on a line of its own; `name:value` lines; an empty line;
//! the body.

#![no_main]

use brevet::clock::Timestamp;
use brevet::sigv4::{
    Credentials, Refusal, RequestParts, SignedRequest, SigningKey, presign, query_pairs, sign_headers,
};
use brevet::types::secret::SecretText;
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp(1_795_488_101);

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(4, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (method, path, query) = (text(), text(), text());
    let rest = lines.next().unwrap_or_default();
    let end = rest.windows(2).position(|pair| pair == b"\n\n").unwrap_or(rest.len());
    let (head, body) = rest.split_at(end);
    let headers: Vec<(String, &[u8])> = head
        .split(|byte| *byte == b'\n')
        .map(|line| line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len())))
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.get(1..).unwrap_or_default()))
        .collect();
    let mut headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let _ = query_pairs(&query);
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: SecretText::new("secret"),
        session_token: None,
    };
    let parts = RequestParts { method: &method, path: &path, query: &query, headers: &headers, body };
    let _ = check(&parts);
    let presigned = presign(&parts, &credentials, "us-east-1", "sts", 60, NOW);
    accept(check(&RequestParts { query: &presigned, ..parts }));
    let added = sign_headers(&parts, &credentials, "us-east-1", "s3", NOW);
    headers.retain(|(name, _)| !added.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
    headers.extend(added.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    accept(check(&RequestParts { headers: &headers, method: &method, path: &path, query: &query, body }));
});

fn check(parts: &RequestParts<'_>) -> Result<(), Refusal> {
    let request = SignedRequest::parse(parts)?.ok_or(Refusal::MissingAuthenticationToken)?;
    let _ = format!("{request:?} {} {:?}", request.canonical_request(), request.check_time(NOW));
    request.verify(&SigningKey::derive(&SecretText::new("secret"), request.scope()))
}

/// A request of any shape may be refused for its shape; a mismatch would mean that signing and verifying disagree.
fn accept(checked: Result<(), Refusal>) {
    assert_ne!(checked, Err(Refusal::SignatureDoesNotMatch));
}
