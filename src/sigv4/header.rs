//! Canonical headers: which are signed, in what order, and how a value is written.

use std::cmp::Ordering;

use super::MAX_SIGNED_HEADERS;
use super::refusal::Refusal;

/// Headers beginning with `x-amz-` that need not be signed: the first is covered by the payload hash's place in the
/// canonical request, the others are added on the way or tell only who sends, and steer nothing.
const UNSIGNED_AMZ: [&str; 3] = ["x-amz-content-sha256", "x-amz-cf-id", "x-amz-user-agent"];

/// The headers that a signature takes one value of, found in one pass over all of them.
pub(super) struct Singles<'a> {
    pub(super) authorization: Single<'a>,
    pub(super) date: Single<'a>,
    pub(super) host: Single<'a>,
    pub(super) amz_date: Single<'a>,
    pub(super) content_sha256: Single<'a>,
    pub(super) security_token: Single<'a>,
}

/// A header that may stand only once.
pub(super) struct Single<'a> {
    name: &'static str,
    first: Option<&'a [u8]>,
    repeated: bool,
}

impl<'a> Singles<'a> {
    pub(super) fn of(headers: &[(&'a str, &'a [u8])]) -> Self {
        let single = |name| Single { name, first: None, repeated: false };
        let mut found = Self {
            authorization: single("authorization"),
            date: single("date"),
            host: single("host"),
            amz_date: single("x-amz-date"),
            content_sha256: single("x-amz-content-sha256"),
            security_token: single("x-amz-security-token"),
        };
        for (name, value) in headers {
            let places = match name.len() {
                4 => [&mut found.date, &mut found.host],
                10 | 13 => [&mut found.amz_date, &mut found.authorization],
                20 => [&mut found.content_sha256, &mut found.security_token],
                _ => continue,
            };
            for place in places {
                if name.eq_ignore_ascii_case(place.name) {
                    place.repeated = place.first.is_some();
                    place.first = place.first.or(Some(value));
                }
            }
        }
        found
    }
}

impl<'a> Single<'a> {
    /// Its value.
    pub(super) fn value(&self) -> Result<Option<&'a [u8]>, Refusal> {
        if self.repeated { Err(Refusal::RepeatedHeader(self.name)) } else { Ok(self.first) }
    }

    /// Its value as text without surrounding blanks.
    pub(super) fn text(&self) -> Result<Option<&'a str>, Refusal> {
        let Some(value) = self.value()? else { return Ok(None) };
        let text = std::str::from_utf8(value).map_err(|_| Refusal::NotText(self.name.to_owned()))?;
        Ok(Some(text.trim_matches([' ', '\t'])))
    }
}

/// Reads the list `host;x-amz-date`: lower-case names, sorted, each once, `host` among them, at most 100.
pub(super) fn signed_list(list: &str) -> Result<Vec<&str>, Refusal> {
    let names: Vec<&str> = list.split(';').take(MAX_SIGNED_HEADERS + 1).collect();
    if names.len() > MAX_SIGNED_HEADERS {
        return Err(Refusal::TooManySignedHeaders);
    }
    let canonical = names.iter().all(|n| is_token(n) && !n.bytes().any(|b| b.is_ascii_uppercase()));
    if !canonical || !names.is_sorted_by(|a, b| a < b) {
        return Err(Refusal::SignedHeadersOrder);
    }
    if names.binary_search(&"host").is_err() { Err(Refusal::HostNotSigned) } else { Ok(names) }
}

/// Refuses a request with an `x-amz-` header that its signature does not cover: whoever relays the request could have
/// added it.
pub(super) fn all_amz_signed(signed: &[&str], headers: &[(&str, &[u8])]) -> Result<(), Refusal> {
    for (name, _) in headers {
        let amz = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
        if amz && find(signed, name).is_none() && !UNSIGNED_AMZ.iter().any(|free| name.eq_ignore_ascii_case(free)) {
            return Err(Refusal::HeaderNotSigned(name.to_ascii_lowercase()));
        }
    }
    Ok(())
}

/// Writes `name:value\n` for every signed header; the values of a repeated header are joined with commas in order of
/// arrival. `signed` is sorted.
pub(super) fn write_canonical(out: &mut String, signed: &[&str], headers: &[(&str, &[u8])]) -> Result<(), Refusal> {
    for name in signed {
        out.push_str(name);
        let mut separator = ':';
        for (_, value) in headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)) {
            out.push(separator);
            separator = ',';
            write_value(out, name, value)?;
        }
        // An absent header and an empty one would look the same, and someone on the way could exchange them.
        if separator == ':' {
            return Err(Refusal::SignedHeaderAbsent((*name).to_owned()));
        }
        out.push('\n');
    }
    Ok(())
}

/// Whether `name` is an RFC 9110 token.
pub(super) fn is_token(name: &str) -> bool {
    let symbol = |b| {
        matches!(
            b,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
    };
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || symbol(b))
}

/// Whether a value can be signed: UTF-8, without line breaks that are no folding.
pub(super) fn is_signable(value: &[u8]) -> bool {
    write_value(&mut String::new(), "", value).is_ok()
}

/// Trims blanks at both ends and folds each run of blanks into one space. A folded line (RFC 9112 section 5.2) counts as a
/// further value, after a comma, as in the test `get-header-value-multiline` that AWS published.
fn write_value(out: &mut String, name: &str, value: &[u8]) -> Result<(), Refusal> {
    let refuse = || Refusal::NotText(name.to_owned());
    let text = std::str::from_utf8(value).map_err(|_| refuse())?;
    if is_canonical(value) {
        out.push_str(text);
        return Ok(());
    }
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            if !line.starts_with([' ', '\t']) {
                return Err(refuse());
            }
            out.push(',');
        }
        if line.contains('\r') {
            return Err(refuse());
        }
        for (number, word) in line.split([' ', '\t', '\x0b', '\x0c']).filter(|word| !word.is_empty()).enumerate() {
            if number > 0 {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
    Ok(())
}

/// Whether a value is printable ASCII with single spaces inside: the usual case, which needs no second look.
fn is_canonical(value: &[u8]) -> bool {
    let mut before = b' ';
    for byte in value {
        if !(byte.is_ascii_graphic() || (*byte == b' ' && before != b' ')) {
            return false;
        }
        before = *byte;
    }
    before != b' ' || value.is_empty()
}

fn find(signed: &[&str], name: &str) -> Option<usize> {
    signed.binary_search_by(|s| compare(s.as_bytes(), name.as_bytes())).ok()
}

fn compare(lower: &[u8], any: &[u8]) -> Ordering {
    lower.iter().copied().cmp(any.iter().map(u8::to_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(list: &str, headers: &[(&str, &[u8])]) -> Result<String, Refusal> {
        let mut out = String::new();
        write_canonical(&mut out, &signed_list(list)?, headers)?;
        Ok(out)
    }

    #[test]
    fn values_are_trimmed_folded_and_joined() {
        let headers: [(&str, &[u8]); 6] = [
            ("My-Header1", b"  value4 "),
            ("HOST", b"example.amazonaws.com"),
            ("my-header1", b"\"a   b \t  c\""),
            ("My-Header2", b"value1\r\n  value2\n\tvalue3"),
            ("my-header1", b""),
            ("other", b"\xff"),
        ];
        assert_eq!(
            canonical("host;my-header1;my-header2", &headers).unwrap(),
            "host:example.amazonaws.com\nmy-header1:value4,\"a b c\",\nmy-header2:value1,value2,value3\n"
        );
    }

    #[test]
    fn a_line_break_that_is_no_folding_is_refused() {
        for value in [&b"a\nx-amz-date:b"[..], b"a\rb", b"\xff"] {
            let headers = [("host", value)];
            assert_eq!(canonical("host", &headers), Err(Refusal::NotText("host".to_owned())), "{value:?}");
        }
    }

    #[test]
    fn the_list_is_canonical_itself() {
        assert_eq!(signed_list("host"), Ok(vec!["host"]));
        for list in ["", "Host", "x;host", "host;host", "host;", "host;a b", "host;x:y"] {
            assert_eq!(signed_list(list), Err(Refusal::SignedHeadersOrder), "{list}");
        }
        assert_eq!(signed_list("date;x-amz-date"), Err(Refusal::HostNotSigned));
        let many: Vec<String> = (0..101).map(|n| format!("h{n:03}")).collect();
        assert_eq!(signed_list(&many.join(";")), Err(Refusal::TooManySignedHeaders));
    }

    #[test]
    fn a_signed_header_must_be_there() {
        assert_eq!(canonical("host;x", &[("host", b"h")]), Err(Refusal::SignedHeaderAbsent("x".to_owned())));
    }

    #[test]
    fn amz_headers_must_be_signed() {
        let headers: [(&str, &[u8]); 4] =
            [("host", b"h"), ("x-amz-cf-id", b"1"), ("X-Amz-Content-Sha256", b"2"), ("accept", b"*/*")];
        assert_eq!(all_amz_signed(&["host"], &headers), Ok(()));
        let token: [(&str, &[u8]); 1] = [("X-AMZ-Security-Token", b"t")];
        let refused = Err(Refusal::HeaderNotSigned("x-amz-security-token".to_owned()));
        assert_eq!(all_amz_signed(&["host"], &token), refused);
    }
}
