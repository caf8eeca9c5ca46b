//! Credentials that got into what others said: a token in a URL that became a resource's name, or in a condition key. What looks like
//! one is never written down, whatever the settings are.

use serde_json::Value;

/// What stands in place of a credential.
const REMOVED: &str = "(removed)";
/// Parameters and members whose values are credentials, in lower case.
const NAMES: [&str; 15] = [
    "x-amz-security-token",
    "x-amz-signature",
    "session_token",
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "secret_access_key",
    "secretaccesskey",
    "api_key",
    "apikey",
    "password",
    "secret",
    "token",
    "signature",
];
/// Schemes of `Authorization` whose credentials are the word that follows.
const SCHEMES: [&str; 2] = ["bearer ", "basic "];
/// How long a run of characters must be to be taken for a token.
const SHORTEST_TOKEN: usize = 20;
/// How long what follows a scheme must be to be no word of a sentence.
const SHORTEST_SECRET: usize = 12;

/// The text without what looks like a credential; `None` where there is nothing of the kind, as in nearly every text.
///
/// It finds JSON Web Tokens and the like (`eyJ...` with its dots), the values of parameters such as `token=`, `X-Amz-Signature=` and
/// `password=`, `user:password@` in URLs, and what follows `Bearer`. A secret that looks like any other text is not recognized: whoever
/// puts such into a condition key masks that key.
pub fn without_credentials(text: &str) -> Option<String> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    tokens(text, &mut ranges);
    values(text, &mut ranges);
    userinfo(text, &mut ranges);
    if ranges.is_empty() {
        return None;
    }
    ranges.sort_unstable();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (from, to) in ranges {
        if from >= at {
            out.push_str(text.get(at..from).unwrap_or_default());
            out.push_str(REMOVED);
        }
        at = at.max(to);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    // Nothing to remove but what stands for it already.
    (out != text).then_some(out)
}

/// The value with every text in it so; the names of members stay as they are.
pub fn json_without_credentials(value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(without_credentials(&text).unwrap_or(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(json_without_credentials).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, json_without_credentials(value))).collect())
        }
        other => other,
    }
}

/// Runs of base64url and dots that begin as a JSON object does, as all of JOSE (RFC 7515, 7516) and brevet's session tokens do.
fn tokens(text: &str, found: &mut Vec<(usize, usize)>) {
    let of_token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'=' | b'~' | b'+');
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("eyJ")).map(|at| from + at) {
        let length = bytes.iter().skip(at).take_while(|b| of_token(**b)).count();
        let dots = bytes.iter().skip(at).take(length).filter(|b| **b == b'.').count();
        if length >= SHORTEST_TOKEN && dots >= 1 {
            found.push((at, at + length));
        }
        from = at + length.max(3);
    }
}

/// Values of parameters that have a telling name: up to what ends a parameter.
fn values(text: &str, found: &mut Vec<(usize, usize)>) {
    let lower = text.to_ascii_lowercase();
    let ends = |c: char| matches!(c, '&' | '#' | ';' | '"' | '\'' | ',') || c.is_whitespace();
    // What is removed already is not looked into again: `token=token=...` takes no longer than any other text.
    let mut removed = 0;
    for (at, _) in lower.match_indices(['=', ':']) {
        if at < removed {
            continue;
        }
        let before = lower.get(..at).unwrap_or_default().trim_end_matches(['"', '\'']);
        let sign = lower.as_bytes().get(at);
        // `token:x` is a name in an ARN as likely as not; in JSON the name stands between quotation marks.
        let quoted = before.len() < at;
        if sign == Some(&b':') && !quoted {
            continue;
        }
        let named = NAMES.iter().any(|name| {
            before.strip_suffix(name).is_some_and(|rest| !rest.ends_with(|c: char| c.is_ascii_alphanumeric()))
        });
        if named {
            let rest = lower.get(at + 1..).unwrap_or_default().trim_start_matches(' ');
            let value = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
            let from = lower.len() - value.len();
            // Between quotation marks anything may be in it.
            let quote = rest.chars().next().filter(|_| value.len() < rest.len());
            let length = quote.map_or_else(|| value.find(ends), |quote| value.find(quote)).unwrap_or(value.len());
            if length > 0 {
                found.push((from, from + length));
                removed = from + length;
            }
        }
    }
    for scheme in SCHEMES {
        for (at, _) in lower.match_indices(scheme) {
            let from = at + scheme.len();
            let value = lower.get(from..).unwrap_or_default();
            let length = value.find(ends).unwrap_or(value.len());
            let begins = !lower.get(..at).unwrap_or_default().ends_with(|c: char| c.is_ascii_alphanumeric());
            if begins && length >= SHORTEST_SECRET {
                found.push((from, from + length));
            }
        }
    }
}

/// `user:password@` in front of a URL's host (RFC 3986 section 3.2.1).
fn userinfo(text: &str, found: &mut Vec<(usize, usize)>) {
    for (at, _) in text.match_indices("://") {
        let from = at + 3;
        let authority = text.get(from..).unwrap_or_default();
        let authority = authority.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        if let Some(end) = authority.rfind('@').filter(|end| *end > 0) {
            found.push((from, from + end));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn cleaned(text: &str) -> String {
        without_credentials(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn credentials_are_found_where_they_hide() {
        for (text, left) in [
            ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "(removed)"),
            ("arn:aws:web::1:https://h/x?token=abc&y=1", "arn:aws:web::1:https://h/x?token=(removed)&y=1"),
            ("arn:aws:web::1:h/eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln/x", "arn:aws:web::1:h/(removed)/x"),
            ("https://ann:hunter2@h/x", "https://(removed)@h/x"),
            ("?X-Amz-Signature=0123&X-Amz-Date=1", "?X-Amz-Signature=(removed)&X-Amz-Date=1"),
            ("Authorization: Bearer abcdefghij.klm", "Authorization: Bearer (removed)"),
            ("authorization: basic YW5uOmh1bnRlcjI=", "authorization: basic (removed)"),
            (r#"{"password": "hunter2", "a": 1}"#, r#"{"password": "(removed)", "a": 1}"#),
            (r#"password="my dog, Rex""#, r#"password="(removed)""#),
        ] {
            assert_eq!(cleaned(text), left);
        }
    }

    #[test]
    fn what_is_no_credential_is_left_alone() {
        for text in [
            "",
            "arn:aws:iam::111122223333:user/team/alice",
            "arn:aws:token:::token/7",
            "arn:aws:secret::111122223333:secret:db",
            "mytoken=1",
            "forbearer abcdefghijklm",
            "the basic plan",
            "https://h/x@y",
            "eyJ",
            "a:b@c",
        ] {
            assert_eq!(without_credentials(text), None, "{text}");
        }
    }

    #[test]
    fn every_text_of_a_value_is_cleaned() {
        let said = json!({ "token": ["a?token=b", { "x": "https://ann:hunter2@h/x" }, 7, null], "plain": "a" });
        let left = json!({ "token": ["a?token=(removed)", { "x": "https://(removed)@h/x" }, 7, null], "plain": "a" });
        assert_eq!(json_without_credentials(said), left);
    }

    proptest! {
        /// Wherever a token stands, and whatever around it: nothing of it is left, and what is clean stays as it is.
        #[test]
        fn no_token_gets_through(before in "\\PC{0,40}", after in "\\PC{0,40}", payload in "[A-Za-z0-9_-]{20,60}") {
            let token = format!("eyJhbGciOiJFUzI1NiJ9.{payload}.c2lnbmF0dXJl");
            let clean = cleaned(&format!("{before}{token}{after}"));
            prop_assert!(!clean.contains(&payload), "{}", clean);
            prop_assert_eq!(cleaned(&clean), clean);
        }

        /// Any text at all is read without harm.
        #[test]
        fn any_text_is_read(text in "\\PC{0,200}") {
            let _ = without_credentials(&text);
        }
    }
}
