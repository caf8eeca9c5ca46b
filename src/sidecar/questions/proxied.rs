//! Requests that a proxy beside the sidecar received: Envoy's and nginx's questions, as the broker's doors take them, put into words
//! that the sidecar can sign.
//!
//! Which headers an answer hangs on, the operator's routes at the broker say. The broker tells which ones it read; an answer is kept
//! under those, and under all that were ever read, so two requests share an answer only if they agree in everything that was looked at.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;

use super::doors::{NoQuestion, only};
use super::kept::Key;
use super::serve::TOKEN;
use crate::client::Question;
use crate::crypto::hash::sha256;

/// Where nginx asks.
pub(super) const NGINX: &str = "/auth_request";
/// What Envoy puts before the path of the request that it has received.
pub(super) const ENVOY: &str = "/ext_authz";
/// Where the broker is asked.
const PATH: &str = "/requests/v1/check";
/// Header names that are told apart, at the most; a broker that reads more is not kept an answer of.
const MOST_READ: usize = 64;
/// Headers that Envoy's request must not have on its way: see [`ENVOY`].
pub(super) const TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// A request as a proxy received it.
#[derive(Serialize)]
pub(super) struct Received {
    method: String,
    target: String,
    host: Option<String>,
    /// A value that is no text stands as nothing.
    headers: Vec<(String, Option<String>)>,
}

impl fmt::Debug for Received {
    /// Headers and query may carry credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        write!(f, "Received({} {path}, {} headers)", self.method, self.headers.len())
    }
}

impl Received {
    /// From nginx's subrequest, which says it in headers, over whatever the client sent.
    pub(super) fn of_nginx(request: &Parts) -> Result<Self, NoQuestion> {
        let one = |name: &'static str| -> Result<String, NoQuestion> {
            let value = only(&request.headers, &HeaderName::from_static(name)).map_err(|()| NoQuestion::Twice(name))?;
            Ok(value.and_then(|value| value.to_str().ok()).ok_or(NoQuestion::Missing(name))?.to_owned())
        };
        let (method, target) = (one("x-original-method")?, one("x-original-uri")?);
        let host = Some(one("x-forwarded-host")?);
        Ok(Self { method, target, host, headers: headers(&request.headers) })
    }

    /// From Envoy's request, which is the one that it has received, without its body and under [`ENVOY`].
    pub(super) fn of_envoy(request: &Parts) -> Result<Self, NoQuestion> {
        let whole = request.uri.path_and_query().map_or("", |target| target.as_str());
        let target = whole.strip_prefix(ENVOY).ok_or(NoQuestion::Path)?.to_owned();
        let host = match only(&request.headers, &HOST).map_err(|()| NoQuestion::Twice("host"))? {
            Some(host) => Some(host.to_str().map_err(|_| NoQuestion::Missing("host"))?.to_owned()),
            None => request.uri.authority().map(ToString::to_string),
        };
        Ok(Self { method: request.method.to_string(), target, host, headers: headers(&request.headers) })
    }

    /// What is asked of the broker.
    pub(super) fn question(&self) -> Question {
        // Texts, and lists of them, can always be written.
        let body = serde_json::to_vec(self).unwrap_or_default();
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Question { method: Method::POST, path: PATH, headers, body: Bytes::from(body) }
    }

    /// What the answer is kept under where these headers were ever read.
    pub(super) fn key(&self, read: &BTreeSet<String>) -> Key {
        let mut bytes = Vec::with_capacity(512);
        let mut put = |part: Option<&str>| match part {
            None => bytes.extend_from_slice(&u64::MAX.to_le_bytes()),
            Some(text) => {
                bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
        };
        for part in [Some(PATH), Some(&self.method), Some(&self.target), self.host.as_deref()] {
            put(part);
        }
        for name in read {
            put(Some(name));
            let values: Vec<Option<&str>> =
                self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_deref()).collect();
            put(Some(&values.len().to_string()));
            values.into_iter().for_each(&mut put);
        }
        sha256(&bytes)
    }
}

/// All headers but those that are between the proxy and the sidecar.
fn headers(all: &HeaderMap) -> Vec<(String, Option<String>)> {
    let theirs = all.iter().filter(|(name, _)| name.as_str() != TOKEN);
    theirs.map(|(name, value)| (name.to_string(), value.to_str().ok().map(str::to_owned))).collect()
}

/// The names that a broker says it read, if that is so few that they can be told apart beside `known`.
pub(super) fn read(told: Option<&HeaderValue>, known: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let told = told?.to_str().ok()?;
    let names = told.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_ascii_lowercase);
    let all: BTreeSet<String> = known.iter().cloned().chain(names).collect();
    (all.len() <= MOST_READ).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(target: &str, headers: &[(&str, &[u8])]) -> Parts {
        let mut request = Request::builder().method("DELETE").uri(target);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value).expect("a value"));
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn envoy_and_nginx_say_the_same() {
        let envoy = parts("/ext_authz/a//b?x=%2F", &[("host", b"api.example"), ("authorization", b"Bearer t")]);
        let envoy = Received::of_envoy(&envoy).expect("a request");
        let nginx: [(&str, &[u8]); 5] = [
            ("host", b"sidecar"),
            ("x-original-method", b"DELETE"),
            ("x-original-uri", b"/a//b?x=%2F"),
            ("x-forwarded-host", b"api.example"),
            ("authorization", b"Bearer t"),
        ];
        let nginx = Received::of_nginx(&parts(NGINX, &nginx)).expect("a request");
        assert_eq!((&envoy.method, &envoy.target, &envoy.host), (&nginx.method, &nginx.target, &nginx.host));
        let read = BTreeSet::from(["authorization".to_owned()]);
        assert_eq!(envoy.key(&read), nginx.key(&read), "what is not read does not count");
        let read = BTreeSet::from(["authorization".to_owned(), "host".to_owned()]);
        assert_ne!(envoy.key(&read), nginx.key(&read));
    }

    #[test]
    fn what_was_read_keeps_answers_apart() {
        let one = |headers: &[(&str, &[u8])]| {
            let headers = [&[("host", b"h".as_slice())], headers].concat();
            Received::of_envoy(&parts("/ext_authz/a", &headers)).expect("a request")
        };
        let read = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let all = [
            one(&[]),
            one(&[("a", b"")]),
            one(&[("a", b"x")]),
            one(&[("a", b"x"), ("a", b"x")]),
            one(&[("a", b"x"), ("b", b"x")]),
            one(&[("b", b"x")]),
            one(&[("a", b"\xff")]),
        ];
        let keys: BTreeSet<Key> = all.iter().map(|received| received.key(&read)).collect();
        assert_eq!(keys.len(), all.len());
        assert_eq!(one(&[("A", b"x"), ("c", b"y")]).key(&read), one(&[("a", b"x")]).key(&read));
        assert_ne!(one(&[]).key(&read), one(&[]).key(&BTreeSet::new()), "what is kept under fewer is not found");
    }

    #[test]
    fn what_nginx_does_not_say_once_is_not_guessed() {
        let full: [(&str, &[u8]); 3] =
            [("x-original-method", b"GET"), ("x-original-uri", b"/"), ("x-forwarded-host", b"h")];
        for without in 0..3 {
            let mut headers = full.to_vec();
            let (name, _) = headers.remove(without);
            assert_eq!(Received::of_nginx(&parts(NGINX, &headers)).err(), Some(NoQuestion::Missing(name_of(name))));
            let twice = [&full[..], &[full[without]]].concat();
            assert_eq!(Received::of_nginx(&parts(NGINX, &twice)).err(), Some(NoQuestion::Twice(name_of(name))));
        }
        let token = parts("/ext_authz/", &[("host", b"h"), (TOKEN, b"secret")]);
        let body = Received::of_envoy(&token).expect("a request").question().body;
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
        let many = HeaderValue::from_str(&(0..65).map(|n| format!("h{n}")).collect::<Vec<_>>().join(",")).unwrap();
        assert_eq!(super::read(Some(&many), &BTreeSet::new()), None);
    }

    fn name_of(name: &str) -> &'static str {
        ["x-original-method", "x-original-uri", "x-forwarded-host"].into_iter().find(|known| *known == name).unwrap()
    }
}
