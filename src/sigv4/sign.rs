//! Signing a request, in its headers or in its query string.

use crate::clock::Timestamp;

use super::payload::{UNSIGNED, body_hash};
use super::query::Query;
use super::{ALGORITHM, Credentials, MAX_EXPIRES_SECONDS, RequestParts, Scope, SigningKey};
use super::{canonical, header, signs_like_s3};

/// Headers that are not signed because proxies and HTTP libraries change, add or remove them on the way.
const NEVER_SIGNED: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// The headers to add to a request so that it is signed: `x-amz-date`, `x-amz-security-token` when there is one,
/// `x-amz-content-sha256` for S3, which demands it, and `authorization`. Each replaces a header of that name that is there
/// already, except `x-amz-content-sha256`, which is then taken as the declaration it is (a hash, or `UNSIGNED-PAYLOAD`).
///
/// All other headers in `parts` are signed with it, apart from those that change on the way; they must include `host` and
/// must be sent as given. A header whose value is not text is left unsigned.
pub fn sign_headers(
    parts: &RequestParts<'_>,
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: Timestamp,
) -> Vec<(String, String)> {
    let (declared, payload) = payload(parts, false);
    let mut added = vec![("x-amz-date".to_owned(), now.compact())];
    if let Some(token) = &credentials.session_token {
        added.push(("x-amz-security-token".to_owned(), token.expose().to_owned()));
    }
    if signs_like_s3(service) && !declared {
        added.push(("x-amz-content-sha256".to_owned(), payload.clone()));
    }
    let mut headers = signable(parts);
    headers.extend(added.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let names = names_of(&headers);
    let signed: Vec<&str> = names.iter().map(String::as_str).collect();
    let scope = Scope::at(now, region, service);
    let parts = RequestParts { headers: &headers, ..*parts };
    let query = Query::to_sign(parts.query).canonical();
    let signature = signature(&parts, credentials, &scope, now, &query, &signed, &payload);
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
        credentials.access_key_id,
        signed.join(";")
    );
    added.push(("authorization".to_owned(), authorization));
    added
}

/// The query string of a presigned request: that of `parts` with the signature's parameters. It is good for
/// `expires_seconds`, held to 1..=604,800.
///
/// All headers in `parts` are signed, apart from those that change on the way, so give only those that the one who uses it
/// will send; they must include `host`. The body is signed too, except for S3.
pub fn presign(
    parts: &RequestParts<'_>,
    credentials: &Credentials,
    region: &str,
    service: &str,
    expires_seconds: u32,
    now: Timestamp,
) -> String {
    let (_, payload) = payload(parts, signs_like_s3(service));
    let headers = signable(parts);
    let names = names_of(&headers);
    let signed: Vec<&str> = names.iter().map(String::as_str).collect();
    let scope = Scope::at(now, region, service);
    let parts = RequestParts { headers: &headers, ..*parts };
    let mut query = Query::to_presign(parts.query);
    query.add("X-Amz-Algorithm", ALGORITHM);
    query.add("X-Amz-Credential", &format!("{}/{scope}", credentials.access_key_id));
    query.add("X-Amz-Date", &now.compact());
    query.add("X-Amz-Expires", &expires_seconds.clamp(1, MAX_EXPIRES_SECONDS).to_string());
    query.add("X-Amz-SignedHeaders", &signed.join(";"));
    if let Some(token) = &credentials.session_token {
        query.add("X-Amz-Security-Token", token.expose());
    }
    let query = query.canonical();
    let signature = signature(&parts, credentials, &scope, now, &query, &signed, &payload);
    format!("{query}&X-Amz-Signature={signature}")
}

/// Whether the request declares its payload itself, and what stands in the payload's place.
fn payload(parts: &RequestParts<'_>, unsigned: bool) -> (bool, String) {
    let declares =
        |name: &str, value: &[u8]| name.eq_ignore_ascii_case("x-amz-content-sha256") && header::is_signable(value);
    let declared = parts.headers.iter().find(|(name, value)| declares(name, value));
    match declared.and_then(|(_, value)| std::str::from_utf8(value).ok()) {
        Some(text) => (true, text.trim().to_owned()),
        None if unsigned => (false, UNSIGNED.to_owned()),
        None => (false, body_hash(parts.body)),
    }
}

fn signable<'a>(parts: &RequestParts<'a>) -> Vec<(&'a str, &'a [u8])> {
    let replaced = ["x-amz-date", "x-amz-security-token"];
    let left_out = |name: &str| NEVER_SIGNED.iter().chain(&replaced).any(|other| name.eq_ignore_ascii_case(other));
    let fit = |name: &str, value: &[u8]| header::is_token(name) && header::is_signable(value) && !left_out(name);
    parts.headers.iter().copied().filter(|(name, value)| fit(name, value)).collect()
}

fn names_of(headers: &[(&str, &[u8])]) -> Vec<String> {
    let mut names: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn signature(
    parts: &RequestParts<'_>,
    credentials: &Credentials,
    scope: &Scope,
    now: Timestamp,
    query: &str,
    signed: &[&str],
    payload: &str,
) -> String {
    // Every listed header was taken from those present and is text; only a method that is no token can be refused, and no
    // server accepts such a request. Signing nothing then is as good as signing anything.
    let canonical = canonical::canonical_request(parts, &scope.service, query, signed, payload).unwrap_or_default();
    let key = SigningKey::derive(&credentials.secret_access_key, scope);
    key.sign(&canonical::string_to_sign(&now.compact(), scope, &canonical))
}
