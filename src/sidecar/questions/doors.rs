//! Which questions are passed on, and what of a request goes with them.
//!
//! Everything that goes on is part of what an answer is kept under, so two requests share an answer only if the broker could not tell
//! them apart.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::kept::Key;
use super::proxied::{self, Received};
use crate::client::Question;
use crate::crypto::hash::sha256;

/// Whose request it is and what it may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// A question, passed on under the sidecar's own signature.
    Question(&'static str),
    /// What the broker tells everybody.
    Public(&'static str),
    /// A request that nginx has received.
    Nginx,
    /// A request that Envoy has received.
    Envoy,
}

/// Doors for questions; all are asked by POST.
const QUESTIONS: [&str; 7] = [
    "/access/v1/evaluation",
    "/access/v1/evaluations",
    "/access/v1/search/action",
    "/access/v1/search/resource",
    "/access/v1/search/subject",
    "/keys/v1/derive",
    "/requests/v1/verify",
];
/// What is the same for everybody, by GET.
const PUBLIC: [&str; 3] =
    ["/.well-known/authzen-configuration", "/.well-known/jwks.json", "/.well-known/openid-configuration"];

/// What is asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// A question, all of which counts.
    Plain(Question),
    /// A request that a proxy has received: what counts of it, the broker says.
    Received(Received),
}

impl Asked {
    /// All of it: what is asked at one moment is asked once only where nothing of it differs. Which headers count the broker says with
    /// its answer, and not before.
    pub(super) fn whole(&self) -> Key {
        match self {
            Self::Plain(question) => key(question),
            Self::Received(received) => key(&received.question()),
        }
    }
}

/// A demand of the answer's freshness.
pub(super) const AT_LEAST_REVISION: HeaderName = HeaderName::from_static("x-brevet-at-least-revision");
const TELL_DEPENDS: HeaderName = HeaderName::from_static("x-brevet-tell-depends");

/// Why a request is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoQuestion {
    #[error("there is nothing at this path")]
    Path,
    #[error("this door is asked by another method")]
    Method(&'static str),
    #[error("it must be said once: {0}")]
    Missing(&'static str),
    #[error("this door takes no query")]
    Query,
    #[error("a header is there more than once: {0}")]
    Twice(&'static str),
    #[error("`x-brevet-at-least-revision` must be a revision: a number")]
    Demand,
}

impl Door {
    /// The door that a request is for.
    pub(super) fn of(request: &Parts) -> Result<Self, NoQuestion> {
        let path = request.uri.path();
        if path == proxied::NGINX {
            return Ok(Self::Nginx);
        }
        if path.strip_prefix(proxied::ENVOY).is_some_and(|rest| rest.starts_with('/')) {
            return Ok(Self::Envoy);
        }
        let known = |doors: &[&'static str]| doors.iter().find(|door| **door == path).copied();
        let (door, method, name) = match (known(&QUESTIONS), known(&PUBLIC)) {
            (Some(path), _) => (Self::Question(path), Method::POST, "POST"),
            (None, Some(path)) => (Self::Public(path), Method::GET, "GET"),
            (None, None) => return Err(NoQuestion::Path),
        };
        if request.method != method {
            return Err(NoQuestion::Method(name));
        }
        if request.uri.query().is_some() {
            return Err(NoQuestion::Query);
        }
        Ok(door)
    }

    /// Whether a proxy asks, whose client's `Authorization` is none of the sidecar's business.
    pub(super) fn is_for_proxies(self) -> bool {
        matches!(self, Self::Nginx | Self::Envoy)
    }

    /// What is asked of the broker.
    pub(super) fn question(self, request: &Parts, body: Bytes) -> Result<Asked, NoQuestion> {
        match self {
            Self::Public(path) => {
                Ok(Asked::Plain(Question { method: Method::GET, path, headers: Vec::new(), body: Bytes::new() }))
            }
            Self::Question(path) => {
                let kind = only(&request.headers, &CONTENT_TYPE).map_err(|()| NoQuestion::Twice("content-type"))?;
                let headers = kind.map(|kind| (CONTENT_TYPE, kind.clone())).into_iter().collect();
                Ok(Asked::Plain(Question { method: Method::POST, path, headers, body }))
            }
            Self::Nginx => Ok(Asked::Received(Received::of_nginx(request)?)),
            Self::Envoy => Ok(Asked::Received(Received::of_envoy(request)?)),
        }
    }
}

/// The revision that an answer must be made on at least.
pub(super) fn demand(headers: &HeaderMap) -> Result<Option<u64>, NoQuestion> {
    let twice = |()| NoQuestion::Twice("x-brevet-at-least-revision");
    let Some(value) = only(headers, &AT_LEAST_REVISION).map_err(twice)? else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    text.and_then(|text| text.parse().ok()).map(Some).ok_or(NoQuestion::Demand)
}

/// The question as it goes to the broker: with a demand, and a wish to be told how the answer may be kept.
pub(super) fn to_send(question: &Question, demand: Option<u64>) -> Question {
    let mut question = question.clone();
    if question.method == Method::POST {
        question.headers.push((TELL_DEPENDS, HeaderValue::from_static("1")));
        question.headers.extend(demand.map(|revision| (AT_LEAST_REVISION, HeaderValue::from(revision))));
    }
    question
}

/// What the answer to a question is kept under: all of it, each part with its length, so that none runs into the next.
pub(super) fn key(question: &Question) -> Key {
    let mut bytes = Vec::with_capacity(question.body.len() + 128);
    let mut put = |part: &[u8]| {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    };
    put(question.method.as_str().as_bytes());
    put(question.path.as_bytes());
    put(&question.headers.len().to_le_bytes());
    for (name, value) in &question.headers {
        put(name.as_str().as_bytes());
        put(value.as_bytes());
    }
    put(&question.body);
    sha256(&bytes)
}

/// The header's value, if it is there; it must not be there twice.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn key_of(target: &str, headers: &[(&str, &str)], body: &'static str) -> Key {
        let request = parts("POST", target, headers);
        let door = Door::of(&request).expect("a door");
        match door.question(&request, Bytes::from_static(body.as_bytes())).expect("a question") {
            Asked::Plain(question) => key(&question),
            Asked::Received(received) => panic!("{received:?}"),
        }
    }

    /// An answer is known to hang on a header only once it is there: until then nobody flies with another's credentials.
    #[test]
    fn requests_of_two_senders_are_never_asked_as_one() {
        let whole = |authorization: &'static str| {
            let headers = [
                ("x-original-method", "GET"),
                ("x-original-uri", "/x"),
                ("x-forwarded-host", "api.example"),
                ("authorization", authorization),
            ];
            let request = parts("GET", "/auth_request", &headers);
            let asked = Door::of(&request).expect("a door").question(&request, Bytes::new()).expect("a question");
            let Asked::Received(received) = &asked else { panic!("{asked:?}") };
            (asked.whole(), received.key(&std::collections::BTreeSet::new()))
        };
        let (alice, bob) = (whole("Bearer alice"), whole("Bearer bob"));
        assert_eq!(alice.1, bob.1, "nothing is known yet of what counts");
        assert_ne!(alice.0, bob.0);
        assert_eq!(alice, whole("Bearer alice"));
    }

    #[test]
    fn only_what_the_broker_cannot_tell_apart_shares_an_answer() {
        const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
        const EVALUATION: &str = "/access/v1/evaluation";
        let one = key_of(EVALUATION, JSON, r#"{"subject":"alice"}"#);
        let others = [
            key_of(EVALUATION, JSON, r#"{"subject":"Alice"}"#),
            key_of(EVALUATION, JSON, r#"{"subject" :"alice"}"#),
            key_of(EVALUATION, JSON, r#"{"subject":"alice"}{}"#),
            key_of(EVALUATION, &[("content-type", "text/plain")], r#"{"subject":"alice"}"#),
            key_of(EVALUATION, &[], r#"{"subject":"alice"}"#),
            key_of("/access/v1/evaluations", JSON, r#"{"subject":"alice"}"#),
        ];
        assert!(others.iter().all(|other| *other != one));
        // What does not go on to the broker does not count.
        let noise = [JSON, &[("x-request-id", "7"), ("x-brevet-tell-depends", "0"), ("cookie", "a")]].concat();
        assert_eq!(key_of(EVALUATION, &noise, r#"{"subject":"alice"}"#), one);
    }

    #[test]
    fn what_is_no_question_is_not_passed_on() {
        for (method, target, expected) in [
            ("GET", "/access/v1/evaluation", NoQuestion::Method("POST")),
            ("POST", "/.well-known/jwks.json", NoQuestion::Method("GET")),
            ("POST", "/access/v1/evaluation/", NoQuestion::Path),
            ("POST", "/ACCESS/v1/evaluation", NoQuestion::Path),
            ("POST", "/access/v1/../v1/evaluation", NoQuestion::Path),
            ("POST", "/access/v1/%65valuation", NoQuestion::Path),
            ("POST", "/", NoQuestion::Path),
            ("GET", "/auth_request/", NoQuestion::Path),
            ("GET", "/ext_authz", NoQuestion::Path),
            ("GET", "/ext_authzx/", NoQuestion::Path),
            ("POST", "/requests/v1/check", NoQuestion::Path),
            ("POST", "/sessions/v1/revoke", NoQuestion::Path),
            ("GET", "/changes/v1/stream", NoQuestion::Path),
            ("POST", "/access/v1/evaluation?x=1", NoQuestion::Query),
        ] {
            assert_eq!(Door::of(&parts(method, target, &[])), Err(expected), "{method} {target}");
        }
        let twice = parts("POST", "/access/v1/evaluation", &[("content-type", "a"), ("content-type", "b")]);
        assert!(Door::of(&twice).expect("a door").question(&twice, Bytes::new()).is_err());
        for bad in ["", "x", "-1", " 1", "99999999999999999999"] {
            assert!(demand(&parts("POST", "/", &[("x-brevet-at-least-revision", bad)]).headers).is_err(), "{bad}");
        }
    }
}
