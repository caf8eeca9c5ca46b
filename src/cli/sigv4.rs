//! `brevet sigv4 verify`: checks one signed request, given as JSON, and shows what was signed.
//!
//! Fields: `method`, `uri` (path and query, or a full URL), `headers` (a list of `[name, value]`), `body_base64`,
//! `access_key`, `secret_key`, `session_token`, `now`, `region`, `service`. Only `uri`, `headers` and `secret_key` must be
//! there; `method` is GET without one; `access_key`, `session_token`, `region` and `service`, when given, must be those of
//! the request.

use std::io::Write;

use crate::clock::Timestamp;
use crate::sigv4::{Refusal, RequestParts, SignedRequest, SigningKey, explain};
use crate::types::secret::SecretText;

/// Verifies the request in `input` as of `clock_now`, unless `input` says another time. Returns the exit status: 0 when the
/// signature is good, otherwise 1.
///
/// The verdict goes to `out`, with its reason; the canonical request and the string to sign go to `err`, for a request that is
/// refused unread as far as they can be guessed, and so does a complaint about input that cannot be read. The secret key appears in neither.
pub fn verify(input: &str, clock_now: Timestamp, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let told = match Question::read(input) {
        Err(complaint) => writeln!(err, "error: {complaint}").map(|()| false),
        Ok(question) => question.answer(clock_now, out, err),
    };
    if told.unwrap_or(false) { 0 } else { 1 }
}

/// The input as written. No `Debug`: it holds the secret.
#[derive(serde::Deserialize)]
struct Fields {
    method: Option<String>,
    uri: Option<String>,
    headers: Option<Vec<(String, String)>>,
    body_base64: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
    session_token: Option<String>,
    now: Option<serde_json::Value>,
    region: Option<String>,
    service: Option<String>,
}

struct Question {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    access_key: Option<String>,
    secret_key: SecretText,
    session_token: Option<SecretText>,
    now: Option<Timestamp>,
    region: Option<String>,
    service: Option<String>,
}

impl Question {
    fn read(input: &str) -> Result<Self, String> {
        let fields: Fields = serde_json::from_str(input).map_err(|e| complaint(&e))?;
        // Wrapped before anything can fail, so that it is wiped in every case.
        let secret_key = fields.secret_key.map(SecretText::new).ok_or("secret_key is missing")?;
        let uri = fields.uri.ok_or("uri is missing")?;
        let mut headers = fields.headers.ok_or("headers is missing: a list of [name, value]")?;
        let body = fields.body_base64.unwrap_or_default();
        let body = data_encoding::BASE64.decode(body.as_bytes()).map_err(|_| "body_base64 is not valid base64")?;
        let now = fields.now.filter(|value| !value.is_null());
        let now = now.map(|value| read_time(&value).ok_or("now must be epoch seconds or an ISO 8601 time in UTC"));
        let (host, path, query) = split_uri(&uri);
        // HTTP libraries add the Host header after signing; a full URL says what it will be.
        if let Some(host) = host.filter(|_| !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"))) {
            headers.push(("host".to_owned(), host));
        }
        Ok(Self {
            method: fields.method.unwrap_or_else(|| "GET".to_owned()),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body,
            access_key: fields.access_key,
            secret_key,
            session_token: fields.session_token.map(SecretText::new),
            now: now.transpose()?,
            region: fields.region,
            service: fields.service,
        })
    }

    fn answer(&self, clock_now: Timestamp, out: &mut dyn Write, err: &mut dyn Write) -> std::io::Result<bool> {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let (method, path, query) = (&self.method, &self.path, &self.query);
        let parts = RequestParts { method, path, query, headers: &headers, body: &self.body };
        let request = match SignedRequest::parse(&parts) {
            Ok(Some(request)) => request,
            Ok(None) => return refuse(out, &Refusal::MissingAuthenticationToken),
            Err(refusal) => {
                if let Some((canonical_request, string_to_sign)) = explain(&parts) {
                    show(err, &canonical_request, &string_to_sign)?;
                }
                return refuse(out, &refusal);
            }
        };
        show(err, request.canonical_request(), request.string_to_sign())?;
        if self.access_key.as_ref().is_some_and(|key| key != request.access_key_id()) {
            writeln!(out, "refused: the request is signed by another access key: {}", request.access_key_id())?;
            return Ok(false);
        }
        if self.session_token.as_ref().is_some_and(|token| !token.matches(request.session_token().unwrap_or_default()))
        {
            writeln!(out, "refused: the request does not carry the given session token")?;
            return Ok(false);
        }
        if let Err(refusal) = self.check(&request, clock_now) {
            return refuse(out, &refusal);
        }
        let (key, scope, at) = (request.access_key_id(), request.scope(), request.timestamp());
        writeln!(out, "valid: signed by {key} for {scope} at {at}")?;
        if !request.payload_signed() {
            writeln!(out, "note: the signature does not cover the body")?;
        }
        Ok(true)
    }

    fn check(&self, request: &SignedRequest<'_>, clock_now: Timestamp) -> Result<(), Refusal> {
        self.region.as_ref().map_or(Ok(()), |region| request.check_region(region))?;
        self.service.as_ref().map_or(Ok(()), |service| request.check_service(service))?;
        request.check_time(self.now.unwrap_or(clock_now))?;
        request.verify(&SigningKey::derive(&self.secret_key, request.scope()))
    }
}

fn show(err: &mut dyn Write, canonical_request: &str, string_to_sign: &str) -> std::io::Result<()> {
    writeln!(err, "canonical request:\n{canonical_request}\n\nstring to sign:\n{string_to_sign}")
}

fn refuse(out: &mut dyn Write, refusal: &Refusal) -> std::io::Result<bool> {
    writeln!(out, "refused: {}: {refusal}", refusal.code()).map(|()| false)
}

/// The reader's own message may repeat a value, which may be the secret: only the place is told.
fn complaint(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    if error.is_data() {
        format!(
            "the JSON at line {line}, column {column} does not have the expected form: an object of strings, with headers as a list of [name, value]"
        )
    } else {
        format!("the input is not valid JSON at line {line}, column {column}")
    }
}

/// Splits a path with optional query, or a URL, into the host (of a URL), the path and the query.
fn split_uri(uri: &str) -> (Option<String>, &str, &str) {
    let uri = uri.split_once('#').map_or(uri, |(before, _)| before);
    let strip = |scheme: &str| {
        let start = uri.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
        start.and_then(|_| uri.get(scheme.len()..))
    };
    let url = strip("https://").map(|rest| (rest, ":443")).or_else(|| strip("http://").map(|rest| (rest, ":80")));
    let (host, rest) = match url {
        None => (None, uri),
        Some((rest, default_port)) => {
            let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
            (Some(host.strip_suffix(default_port).unwrap_or(&host).to_owned()), rest)
        }
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    (host, path, query)
}

/// Seconds since the epoch (a number, or one in a string), `20261124T024141Z`, or ISO 8601 in UTC; fractions are cut off.
fn read_time(value: &serde_json::Value) -> Option<Timestamp> {
    if let Some(number) = value.as_f64() {
        let fits = number.is_finite() && number.abs() < 1e12;
        return fits.then(|| Timestamp(value.as_i64().unwrap_or(number.floor() as i64)));
    }
    let text = value.as_str()?.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return (seconds.unsigned_abs() < 1_000_000_000_000).then_some(Timestamp(seconds));
    }
    let text = ["Z", "z", "+00:00", "-00:00"].iter().find_map(|zone| text.strip_suffix(zone))?;
    let text = match text.split_once('.') {
        Some((whole, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => whole,
        Some(_) => return None,
        None => text,
    };
    let text = format!("{}Z", text.replacen(' ', "T", 1));
    Timestamp::parse_compact(&text).or_else(|| Timestamp::parse_iso8601(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_split() {
        let host = |h: &str| Some(h.to_owned());
        for (uri, parts) in [
            ("/", (None, "/", "")),
            ("/a?b=c?d#e", (None, "/a", "b=c?d")),
            ("https://IAM.amazonaws.com:443/x?y", (host("iam.amazonaws.com"), "/x", "y")),
            ("http://u:p@localhost:8080?y", (host("localhost:8080"), "", "y")),
            ("HTTP://h:80", (host("h"), "", "")),
        ] {
            assert_eq!(split_uri(uri), parts, "{uri}");
        }
    }

    #[test]
    fn times_are_read_in_every_form() {
        use serde_json::json;
        for value in [
            json!(1_440_938_160),
            json!(1_440_938_160.9),
            json!("1440938160"),
            json!("20150830T123600Z"),
            json!("2015-08-30T12:36:00Z"),
            json!("2015-08-30 12:36:00.123+00:00"),
        ] {
            assert_eq!(read_time(&value), Some(Timestamp(1_440_938_160)), "{value}");
        }
        for value in
            [json!("soon"), json!(true), json!([]), json!(1e300), json!("2015-08-30T12:36:00+02:00"), json!("")]
        {
            assert_eq!(read_time(&value), None, "{value}");
        }
    }
}
