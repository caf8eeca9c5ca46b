//! `POST /requests/v1/check`: what the doors of proxies answer, for an asker that signs its requests and tells in the body which request
//! a proxy has received. The sidecar asks here for the proxies beside it.
//!
//! The answer is as at those doors. Whoever wants to keep it is told which headers of the request it hangs on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use serde::Deserialize;

use super::check::{self, MOST_HEADERS, refused};
use super::keeping;
use super::request::Incoming;
use super::router::Doors;
use super::routes::{Header, Headers, Original};
use crate::authn;
use crate::ops::questions::Refusal;

/// The door's name in metrics.
const DOOR: &str = "check";
/// Which headers of the request were looked at.
const READS: &str = "x-brevet-reads";

/// A request that a proxy has received.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    method: String,
    target: String,
    host: Option<String>,
    /// Names with values; a value that is no text is `null`.
    headers: Vec<(String, Option<String>)>,
}

/// Its headers, and which of them were looked at.
#[derive(Default)]
struct Listed {
    /// By name, the values in their order; nothing for one that is no text.
    headers: BTreeMap<String, Vec<Option<String>>>,
    read: Mutex<BTreeSet<String>>,
}

/// Says what is to become of a request.
pub(super) async fn check(State(doors): State<Doors>, request: Request<Body>) -> Response<Body> {
    let started = std::time::Instant::now();
    let response = answered(&doors, request).await.unwrap_or_else(|refused| refused);
    doors.counts.answered((DOOR, "check", response.status().into()), started.elapsed());
    response
}

async fn answered(doors: &Doors, request: Request<Body>) -> Result<Response<Body>, Response<Body>> {
    let bad = |message: &str| refused(StatusCode::BAD_REQUEST, "ValidationError", message);
    let incoming = Incoming::read(request, doors.request_limit).await.map_err(check::unread)?;
    // 401 is what the request's sender is told: whoever asks and is not known is told 407, as a proxy is.
    let (asker, facts) = incoming.asker(doors).await.map_err(|error| match error {
        authn::Error::Store(_) => check::of_refusal(&Refusal::Unavailable),
        _ => check::of_refusal(&Refusal::NoAsker),
    })?;
    let told: Told = serde_json::from_slice(&incoming.body)
        .map_err(|error| bad(&format!("the body does not tell of a request: {error}")))?;
    let headers = Listed::of(told.headers).map_err(bad)?;
    let original =
        Original { method: &told.method, host: told.host.as_deref(), target: &told.target, headers: &headers };
    let mut keeping = keeping::wanted(&incoming.parts.headers);
    let verdict = check::check(doors, DOOR, (&asker, facts), &original, keeping.as_mut()).await;
    let verdict = verdict.map_err(|refusal| check::of_refusal(&refusal))?;
    let mut response = check::rendered(&verdict);
    if keeping.is_some() {
        keeping::tell(keeping.as_ref(), response.headers_mut());
        if let Ok(reads) = HeaderValue::from_str(&headers.read()) {
            response.headers_mut().insert(READS, reads);
        }
    }
    Ok(response)
}

impl Listed {
    fn of(all: Vec<(String, Option<String>)>) -> Result<Self, &'static str> {
        if all.len() > MOST_HEADERS {
            return Err("there are too many headers");
        }
        let mut headers = BTreeMap::<String, Vec<Option<String>>>::new();
        for (name, value) in all {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && b != b',') {
                return Err("names of headers must be in lower case");
            }
            // As at the other doors, of which HTTP makes texts of ASCII alone.
            let value = value.filter(|text| text.bytes().all(|b| b == b'\t' || b == b' ' || b.is_ascii_graphic()));
            headers.entry(name).or_default().push(value);
        }
        Ok(Self { headers, read: Mutex::default() })
    }

    fn read(&self) -> String {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.iter().map(String::as_str).collect::<Vec<_>>().join(",")
    }
}

impl Headers for Listed {
    fn get(&self, name: &str) -> Header<'_> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        match self.headers.get(name).map(Vec::as_slice) {
            None => Header::None,
            Some([Some(text)]) => Header::One(text),
            Some(_) => Header::Unclear,
        }
    }

    /// All of them. A value that is no text stands there as one, which nobody can have signed.
    fn all(&self) -> Vec<(&str, &[u8])> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).extend(self.headers.keys().cloned());
        const NO_TEXT: &[u8] = b"\xff";
        let each = self.headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        each.map(|(name, value)| (name.as_str(), value.as_deref().map_or(NO_TEXT, str::as_bytes))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::sigv4::{Credentials, Refusal, RequestParts, SignedRequest, SigningKey, sign_headers};
    use crate::types::SecretText;

    fn listed(all: &[(&str, Option<&str>)]) -> Listed {
        let all = all.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)));
        Listed::of(all.collect()).expect("headers")
    }

    /// Somebody may have signed a header that is there twice; nobody may be led by it.
    #[test]
    fn a_header_that_is_there_twice_is_unclear_and_part_of_what_was_signed() {
        let listed = listed(&[("x-b", Some("2")), ("x-a", Some("one")), ("x-b", Some("1")), ("x-c", None)]);
        assert_eq!((listed.get("x-a"), listed.get("x-b")), (Header::One("one"), Header::Unclear));
        assert_eq!((listed.get("x-c"), listed.get("x-d")), (Header::Unclear, Header::None));
        assert_eq!(listed.all(), [("x-a", &b"one"[..]), ("x-b", b"2"), ("x-b", b"1"), ("x-c", b"\xff")]);
        assert_eq!(listed.read(), "x-a,x-b,x-c,x-d");
    }

    #[test]
    fn what_is_no_text_elsewhere_is_none_here() {
        let listed = listed(&[("x-a", Some("\u{e9}")), ("x-b", Some("a\tb ~"))]);
        assert_eq!((listed.get("x-a"), listed.get("x-b")), (Header::Unclear, Header::One("a\tb ~")));
        assert_eq!(listed.all(), [("x-a", &b"\xff"[..]), ("x-b", b"a\tb ~")]);
    }

    /// Found by the fuzz target `routes`: a signature over the one value passed with a second one that nobody had signed. Nor may such a
    /// value hide a header of AWS's that is not signed at all.
    #[test]
    fn a_value_that_is_no_text_is_part_of_no_signature() {
        let verify = |signed: &[(&str, &[u8])], sent: &[(&str, Option<&str>)]| {
            let parts = |headers| RequestParts { method: "PUT", path: "/b/k", query: "", headers, body: b"" };
            let (day, credentials) = (Timestamp(1_795_488_101), credentials());
            let added = sign_headers(&parts(signed), &credentials, "us-east-1", "s3", day);
            let added = added.iter().map(|(name, value)| (name.as_str(), Some(value.as_str())));
            let listed = listed(&added.chain(sent.iter().copied()).collect::<Vec<_>>());
            let headers = listed.all();
            let request =
                SignedRequest::parse(&parts(&headers)).and_then(|request| request.ok_or(Refusal::MissingDate));
            request.and_then(|request| {
                request.verify(&SigningKey::derive(&credentials.secret_access_key, request.scope()))
            })
        };
        let host = ("host", Some("b.example"));
        let signed: [(&str, &[u8]); 2] = [("host", b"b.example"), ("x-tenant", b"red")];
        assert_eq!(verify(&signed, &[host, ("x-tenant", Some("red"))]), Ok(()));
        for other in [None, Some("blue"), Some("r\u{f6}t")] {
            for sent in
                [[("x-tenant", Some("red")), ("x-tenant", other)], [("x-tenant", other), ("x-tenant", Some("red"))]]
            {
                assert!(verify(&signed, &[host, sent[0], sent[1]]).is_err(), "{sent:?}");
            }
        }
        let acl = |other| verify(&signed[..1], &[host, ("x-amz-acl", Some("public-read")), ("x-amz-acl", other)]);
        for other in [None, Some("private"), Some("\u{e9}")] {
            assert_eq!(acl(other), Err(Refusal::HeaderNotSigned("x-amz-acl".to_owned())), "{other:?}");
        }
    }

    fn credentials() -> Credentials {
        Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: SecretText::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: None,
        }
    }
}
