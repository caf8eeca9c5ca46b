//! What a refused request would have signed: for explaining the refusal to a person, never for believing the request.
//!
//! [`super::SignedRequest::parse`] refuses whatever is ambiguous before anything is computed. Here the likely reading is taken
//! instead, so that the two texts can be held against those that the client computed.

use super::authorization::Authorization;
use super::header::Singles;
use super::payload::{Content, Payload};
use super::query::Query;
use super::{ALGORITHM, MAX_SIGNED_HEADERS, Refusal, RequestParts, Scope};
use super::{canonical, date, header, signs_like_s3};

/// The canonical request and the string to sign of a request that [`super::SignedRequest::parse`] refuses.
///
/// A signed header that is absent counts as an empty one, the values of a repeated one are joined with commas, and where only
/// one of several can count (a parameter of the signature, the time, the payload's hash) it is the first. `None` when there is
/// no scope, time or list of signed headers to go by. Like [`super::SignedRequest::canonical_request`], the first text may
/// contain the session token.
pub fn explain(parts: &RequestParts<'_>) -> Option<(String, String)> {
    let query = match Query::read(parts.query) {
        Err(Refusal::TooManyQueryParameters) => return None,
        Ok(query) => query,
        Err(_) => Query::to_sign(parts.query),
    };
    let first = |name: &str| parts.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    let text = |name: &str| {
        let (_, value) = first(name)?;
        Some(std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']).to_owned())
    };
    let value = |name| query.value(name).ok().flatten();
    let in_header = first("authorization").is_some();
    let (credential, list, stamp, declared) = if let Some((_, authorization)) = first("authorization") {
        let claim = Authorization::read(authorization).ok()?;
        let dates: Vec<_> = ["x-amz-date", "date"].iter().filter_map(|name| first(name)).copied().collect();
        let stamp = date::from_headers(&Singles::of(&dates)).map(|(_, stamp)| stamp).ok();
        // In a format that is not read, the time stands as it was sent.
        let stamp = stamp.or_else(|| text("x-amz-date")).or_else(|| text("date"))?;
        (claim.credential.to_owned(), claim.signed_headers.to_owned(), stamp, text("x-amz-content-sha256"))
    } else {
        if value("X-Amz-Algorithm").is_some_and(|algorithm| algorithm != ALGORITHM) {
            return None;
        }
        let declared = text("x-amz-content-sha256").or_else(|| value("X-Amz-Content-Sha256"));
        (value("X-Amz-Credential")?, value("X-Amz-SignedHeaders")?, value("X-Amz-Date")?, declared)
    };
    let (_, scope) = Scope::read_credential(&credential).ok()?;
    let signed = signed_names(&list)?;
    let signed: Vec<&str> = signed.iter().map(String::as_str).collect();
    let unsigned = !in_header && signs_like_s3(&scope.service);
    let payload = Payload::read(declared.as_deref(), unsigned, false, Content::Whole(parts.body));
    let payload = payload.map(|payload| payload.text).ok().or(declared)?;

    let mut headers = parts.headers.to_vec();
    headers.extend(signed.iter().filter(|name| first(name).is_none()).map(|name| (*name, &b""[..])));
    let completed = RequestParts { headers: &headers, ..*parts };
    let request =
        canonical::canonical_request(&completed, &scope.service, &query.canonical(), &signed, &payload).ok()?;
    let string_to_sign = canonical::string_to_sign(&stamp, &scope, &request);
    Some((request, string_to_sign))
}

/// The names of the list as they should have been written: in lower case, sorted, each once.
fn signed_names(list: &str) -> Option<Vec<String>> {
    let mut names: Vec<String> = list.split(';').take(MAX_SIGNED_HEADERS + 1).map(str::to_ascii_lowercase).collect();
    if names.len() > MAX_SIGNED_HEADERS || !names.iter().all(|name| header::is_token(name)) {
        return None;
    }
    names.sort_unstable();
    names.dedup();
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigv4::SignedRequest;

    const DATE: (&str, &[u8]) = ("x-amz-date", b"20150830T123600Z");

    fn authorization(signed: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/iam/aws4_request, SignedHeaders={signed}, Signature=00"
        )
    }

    fn parts<'a>(query: &'a str, headers: &'a [(&'a str, &'a [u8])]) -> RequestParts<'a> {
        RequestParts { method: "GET", path: "/", query, headers, body: b"" }
    }

    #[test]
    fn what_can_be_parsed_is_explained_alike() {
        let authorization = authorization("host;x-amz-date");
        let headers = [("host", &b"h"[..]), DATE, ("authorization", authorization.as_bytes())];
        let parts = parts("b=+&a", &headers);
        let request = SignedRequest::parse(&parts).unwrap().unwrap();
        let same = (request.canonical_request().to_owned(), request.string_to_sign().to_owned());
        assert_eq!(explain(&parts), Some(same));
    }

    #[test]
    fn an_untidy_list_is_put_in_order() {
        let authorization = authorization("X-Amz-Date;Host;host");
        let headers = [("host", &b"h"[..]), DATE, ("authorization", authorization.as_bytes())];
        let (request, _) = explain(&parts("", &headers)).unwrap();
        assert!(request.contains("\nhost:h\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"), "{request}");
    }

    #[test]
    fn a_presigned_request_needs_no_more_than_its_claim() {
        let claim = "X-Amz-Credential=AKID/20150830/us-east-1/s3/aws4_request&X-Amz-SignedHeaders=host;x-gone&X-Amz-Date=20150830T123600Z";
        let headers = [("host", &b"h"[..])];
        let (request, to_sign) = explain(&parts(claim, &headers)).unwrap();
        assert!(request.ends_with("host:h\nx-gone:\n\nhost;x-gone\nUNSIGNED-PAYLOAD"), "{request}");
        assert!(to_sign.starts_with("AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/s3/aws4_request\n"));
        assert_eq!(explain(&parts(&format!("{claim}&X-Amz-Algorithm=AWS4-HMAC-SHA1"), &headers)), None);
    }

    #[test]
    fn there_must_be_something_to_go_by() {
        let many = (0..101).map(|n| format!("h{n}")).collect::<Vec<_>>().join(";");
        for value in ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=00"]
            .map(str::to_owned)
            .into_iter()
            .chain([authorization(&many), authorization("a b"), authorization("")])
        {
            let headers = [DATE, ("authorization", value.as_bytes())];
            assert_eq!(explain(&parts("", &headers)), None, "{value}");
        }
        let value = authorization("host");
        assert_eq!(explain(&parts("", &[("authorization", value.as_bytes())])), None, "no time");
        assert_eq!(explain(&parts("", &[DATE])), None, "no signature");
        let headers = [DATE, ("authorization", value.as_bytes())];
        assert!(explain(&parts("", &headers)).is_some());
        assert_eq!(explain(&parts(&"a&".repeat(1_001), &headers)), None, "too many parameters");
    }
}
