//! AWS Signature Version 4, held against AWS's published vectors, against the independent `aws-sigv4` crate, and against
//! attackers.

mod attacks;
mod command;
mod properties;
mod vectors;

use brevet::clock::Timestamp;
use brevet::sigv4::{Credentials, Refusal, RequestParts, SignedRequest, SigningKey, presign, sign_headers};
use brevet::types::secret::SecretText;

const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A request that owns its parts, so that a test can change any of them.
#[derive(Debug, Clone)]
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    fn new(method: &str, path: &str, query: &str) -> Self {
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        Self { method, path, query, headers: Vec::new(), body: Vec::new() }
    }

    fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Drops every header of that name.
    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self
    }

    /// Gives a header another value.
    fn with(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).header(name, value)
    }

    fn value(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        String::from_utf8(found.unwrap_or_else(|| panic!("no {name}")).1.clone()).unwrap()
    }

    fn parts<T>(&self, look: impl FnOnce(&RequestParts<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let (method, path, query) = (&self.method, &self.path, &self.query);
        look(&RequestParts { method, path, query, headers: &headers, body: &self.body })
    }

    /// Signs in the headers.
    fn sign(self, credentials: &Credentials, service: &str, now: Timestamp) -> Self {
        let added = self.parts(|parts| sign_headers(parts, credentials, "us-east-1", service, now));
        added.into_iter().fold(self, |request, (name, value)| request.with(&name, value))
    }

    /// Signs in the query string.
    fn presign(mut self, credentials: &Credentials, service: &str, expires: u32, now: Timestamp) -> Self {
        self.query = self.parts(|parts| presign(parts, credentials, "us-east-1", service, expires, now));
        self
    }

    /// Everything a door checks: well-formed, in time, signed by [`ACCESS_KEY`] with [`SECRET`].
    fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        self.parts(|parts| {
            let request = SignedRequest::parse(parts)?.ok_or(Refusal::MissingAuthenticationToken)?;
            // The signature does not cover the access key id: another id means another secret.
            if request.access_key_id() != ACCESS_KEY {
                return Err(Refusal::UnknownAccessKey);
            }
            request.check_time(now)?;
            request.verify(&SigningKey::derive(&SecretText::new(SECRET), request.scope()))
        })
    }
}

fn credentials(session_token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: ACCESS_KEY.to_owned(),
        secret_access_key: SecretText::new(SECRET),
        session_token: session_token.map(SecretText::new),
    }
}

fn at(compact: &str) -> Timestamp {
    Timestamp::parse_compact(compact).unwrap_or_else(|| panic!("{compact} is no time"))
}
