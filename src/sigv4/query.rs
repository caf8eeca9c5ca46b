//! The canonical query string, and the signature's own parameters in it.
//!
//! AWS's description says that a space is encoded as `%20` and not as `+`, and leaves open what a `+` means that arrives all
//! the same. It is read as a space: AWS's services decode query strings as HTML forms, and the clients that send a `+`
//! (botocore's `params`, Python's `requests`, JavaScript's `URLSearchParams`) mean a space and sign `%20`. Reading it as a
//! plus sign would let whoever relays a request write `+` for a signed `%2B`, and so change what the form decoder sees.
//!
//! Some clients sign the `+` as it stands. That reading is harmless, for it admits no other spelling, so it is tried second:
//! see [`Query::canonical_as_sent`].

use std::borrow::Cow;

use super::encode::{Place, decode, encode, normalise};
use super::refusal::Refusal;
use super::{MAX_QUERY_PARAMETERS, MAX_SESSION_TOKEN_BYTES};

/// The parameters that carry a signature. `X-Amz-Content-Sha256` may stand among them but signs nothing by itself.
const SIGNATURE_PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// Names and values of a query string, decoded the way the signature reads them: split at `&`, then at the first `=`,
/// percent-decoded, `+` taken for a space, empty pieces skipped. `None` when there are more than 1,000 parameters or one is not
/// UTF-8.
pub fn query_pairs(query: &str) -> Option<Vec<(String, String)>> {
    let pairs = raw_pairs(query).take(MAX_QUERY_PARAMETERS + 1);
    let read = |text| decode(&normalise(text, Place::Query)).map(Cow::into_owned);
    let pairs: Vec<_> = pairs.map(|(name, value)| Some((read(name)?, read(value)?))).collect::<Option<_>>()?;
    (pairs.len() <= MAX_QUERY_PARAMETERS).then_some(pairs)
}

/// A query string in canonical encoding, in order of arrival.
pub(super) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Reads a raw query string of at most 1,000 parameters. Refuses one that gives a signature parameter twice.
    pub(super) fn read(query: &'a str) -> Result<Self, Refusal> {
        let mut pairs = Vec::new();
        let mut seen = [false; SIGNATURE_PARAMETERS.len()];
        for (name, value) in raw_pairs(query) {
            if pairs.len() == MAX_QUERY_PARAMETERS {
                return Err(Refusal::TooManyQueryParameters);
            }
            let name = normalise(name, Place::Query);
            for (known, seen) in SIGNATURE_PARAMETERS.iter().zip(&mut seen) {
                if *known == name && std::mem::replace(seen, true) {
                    return Err(Refusal::RepeatedParameter(known));
                }
            }
            pairs.push((name, normalise(value, Place::Query)));
        }
        Ok(Self { pairs })
    }

    /// Reads a raw query string of a request that is about to be signed.
    pub(super) fn to_sign(query: &'a str) -> Self {
        let pairs =
            raw_pairs(query).map(|(name, value)| (normalise(name, Place::Query), normalise(value, Place::Query)));
        Self { pairs: pairs.collect() }
    }

    /// The same without the parameters of an earlier signature.
    pub(super) fn to_presign(query: &'a str) -> Self {
        let mut query = Self::to_sign(query);
        query.pairs.retain(|(name, _)| !SIGNATURE_PARAMETERS.contains(&name.as_ref()));
        query
    }

    /// Whether a signature is offered here.
    pub(super) fn carries_signature(&self) -> bool {
        let telling = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders"];
        self.pairs.iter().any(|(name, _)| telling.contains(&name.as_ref()))
    }

    /// Whether a session token is offered here.
    pub(super) fn carries_token(&self) -> bool {
        self.pairs.iter().any(|(name, _)| name == "X-Amz-Security-Token")
    }

    /// The decoded value of a parameter. Bounded by the longest value that any of them may have.
    pub(super) fn value(&self, name: &'static str) -> Result<Option<String>, Refusal> {
        let Some((_, value)) = self.pairs.iter().find(|(n, _)| n == name) else { return Ok(None) };
        // Three bytes of encoding stand for one.
        if value.len() > 3 * MAX_SESSION_TOKEN_BYTES {
            return Err(Refusal::TooLong(name));
        }
        decode(value).map(|v| Some(v.into_owned())).ok_or(Refusal::NotText(name.to_owned()))
    }

    /// Adds a parameter that is not encoded yet.
    pub(super) fn add(&mut self, name: &'static str, value: &str) {
        self.pairs.push((Cow::Borrowed(name), Cow::Owned(encode(value, Place::Query).into_owned())));
    }

    /// The canonical query string: sorted by encoded name, then by encoded value, without `X-Amz-Signature`.
    pub(super) fn canonical(&self) -> String {
        write_sorted(&self.pairs)
    }

    /// The canonical form of a raw query string that a client signed without touching its `+`; `None` when it has none.
    pub(super) fn canonical_as_sent(query: &str) -> Option<String> {
        let read = |text| normalise(text, Place::QueryAsSent);
        let pairs = || raw_pairs(query).map(|(name, value)| (read(name), read(value))).collect::<Vec<_>>();
        query.contains('+').then(|| write_sorted(&pairs()))
    }
}

fn write_sorted(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> String {
    let mut sorted: Vec<_> = pairs.iter().filter(|(name, _)| name != "X-Amz-Signature").collect();
    sorted.sort_unstable();
    let mut out = String::with_capacity(sorted.iter().map(|(n, v)| n.len() + v.len() + 2).sum());
    for (name, value) in sorted {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
    out
}

fn raw_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|piece| !piece.is_empty()).map(|piece| piece.split_once('=').unwrap_or((piece, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(query: &str) -> String {
        Query::read(query).map(|q| q.canonical()).unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn parameters_are_sorted_and_encoded() {
        for (received, expected) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&A=3", "A=3&a=1&a=2"),
            ("flag&empty=", "empty=&flag="),
            ("&&a=1&", "a=1"),
            ("a=b=c", "a=b%3Dc"),
            ("a=x+y", "a=x%20y"),
            ("a=x%2by", "a=x%2By"),
            ("a=x%20y", "a=x%20y"),
            ("%41=%2f", "A=%2F"),
            ("=v", "=v"),
            // The encoded form decides: `%` sorts before letters, although the character it stands for does not.
            ("ab=1&a%C3%A9=2", "a%C3%A9=2&ab=1"),
            // The names decide before `=` and the values do.
            ("a-b=1&a=2", "a=2&a-b=1"),
            ("X-Amz-Signature=abc&a=1", "a=1"),
        ] {
            assert_eq!(canonical(received), expected, "{received}");
        }
    }

    #[test]
    fn a_signature_parameter_stands_once_however_it_is_spelt() {
        let twice = Query::read("X-Amz-Date=1&X%2DAmz-Date=2").err();
        assert_eq!(twice, Some(Refusal::RepeatedParameter("X-Amz-Date")));
        assert!(Query::read("Action=1&Action=2").is_ok());
    }

    #[test]
    fn parameters_are_counted() {
        assert!(Query::read(&"a&".repeat(1_000)).is_ok());
        assert_eq!(Query::read(&"a&".repeat(1_001)).err(), Some(Refusal::TooManyQueryParameters));
        assert!(query_pairs(&"a&".repeat(1_000)).is_some());
        assert_eq!(query_pairs(&"a&".repeat(1_001)), None);
    }

    #[test]
    fn a_door_reads_what_was_signed() {
        let pairs = query_pairs("Action=a+b&x=%2B%20&flag").unwrap_or_default();
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("Action", "a b"), ("x", "+ "), ("flag", "")]);
        assert_eq!(query_pairs("a=%ff"), None);
    }

    #[test]
    fn a_plus_sign_may_be_signed_as_it_stands() {
        assert_eq!(Query::canonical_as_sent("b=x+y&a=%2b%20&X-Amz-Signature=1").as_deref(), Some("a=%2B%20&b=x+y"));
        assert_eq!(Query::canonical_as_sent("a=%2B"), None);
    }
}
