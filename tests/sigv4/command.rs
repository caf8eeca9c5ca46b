//! `brevet sigv4 verify`: the verdict, the reason, and that the secret stays inside.

use brevet::cli::sigv4::verify;
use serde_json::{Value, json};

use super::*;

const NOW: &str = "20261124T024141Z";

/// Exit status, standard output and standard error.
fn run(input: &str) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = verify(input, at(NOW), &mut out, &mut err);
    let (out, err) = (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
    assert!(!out.contains(SECRET) && !err.contains(SECRET), "the secret is told: {out}{err}");
    (status, out, err)
}

fn good() -> Value {
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let request = Request::new("POST", "/", "").header("Host", "sts.example.com").body(body).sign(
        &credentials(Some("token")),
        "sts",
        at(NOW),
    );
    let headers: Vec<_> = request.headers.iter().map(|(n, v)| json!([n, String::from_utf8_lossy(v)])).collect();
    json!({
        "method": "POST", "uri": "/", "headers": headers, "secret_key": SECRET, "access_key": ACCESS_KEY,
        "body_base64": data_encoding::BASE64.encode(body.as_bytes()), "session_token": "token", "now": NOW,
        "region": "us-east-1", "service": "sts",
    })
}

fn with(name: &str, value: Value) -> String {
    let mut input = good();
    input[name] = value;
    input.to_string()
}

#[test]
fn a_good_request_is_valid_and_explained() {
    let (status, out, err) = run(&good().to_string());
    assert_eq!(status, 0, "{out}{err}");
    assert_eq!(out, "valid: signed by AKIDEXAMPLE for 20261124/us-east-1/sts/aws4_request at 2026-11-24T02:41:41Z\n");
    assert!(err.contains("POST\n/\n\nhost:sts.example.com\n"), "{err}");
    assert!(err.contains("AWS4-HMAC-SHA256\n20261124T024141Z\n"), "{err}");
}

#[test]
fn what_is_not_given_is_not_compared() {
    for name in ["access_key", "session_token", "region", "service", "now"] {
        assert_eq!(run(&with(name, Value::Null)).0, 0, "{name}");
    }
}

#[test]
fn a_full_url_stands_for_path_query_and_host() {
    let get =
        Request::new("GET", "/a%20b", "x=1&y").header("Host", "h:8080").presign(&credentials(None), "s3", 60, at(NOW));
    let uri = format!("http://h:8080/a%20b?{}#fragment", get.query);
    let (status, out, _) = run(&json!({"uri": uri, "headers": [], "secret_key": SECRET}).to_string());
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("does not cover the body"), "{out}");
}

#[test]
fn each_mismatch_has_its_reason() {
    for (name, value, reason) in [
        ("body_base64", json!("AAAA"), "SignatureDoesNotMatch: The request signature we calculated"),
        ("secret_key", json!("another"), "SignatureDoesNotMatch: The request signature we calculated"),
        ("uri", json!("/?x"), "SignatureDoesNotMatch: The request signature we calculated"),
        ("access_key", json!("AKIDOTHER"), "another access key: AKIDEXAMPLE"),
        ("session_token", json!("other"), "given session token"),
        ("region", json!("eu-west-1"), "Credential should be scoped to a valid region: 'eu-west-1'."),
        ("service", json!("iam"), "Credential should be scoped to correct service: 'iam'."),
        ("now", json!("2026-11-24T03:00:00Z"), "Signature expired: "),
        ("now", json!(0), "Signature not yet current: "),
    ] {
        let (status, out, err) = run(&with(name, value));
        assert_eq!(status, 1, "{name}");
        assert!(out.contains(reason), "{name}: {out}");
        assert!(err.contains("canonical request:\nPOST\n"), "{name}: {err}");
    }
    let (status, out, _) = run(&with("headers", json!([["host", "sts.example.com"]])));
    assert_eq!(
        (status, out.as_str()),
        (1, "refused: MissingAuthenticationToken: Request is missing Authentication Token\n")
    );
}

/// The headers of the good request, changed.
fn with_headers(change: impl FnOnce(&mut Vec<Value>)) -> String {
    let mut headers = good()["headers"].as_array().unwrap().clone();
    change(&mut headers);
    with("headers", headers.into())
}

#[test]
fn a_request_that_is_refused_unread_is_explained_too() {
    let signs_more = |headers: &mut Vec<Value>| {
        for header in headers.iter_mut().filter(|h| h[0].as_str().unwrap().eq_ignore_ascii_case("authorization")) {
            header[1] = header[1].as_str().unwrap().replace("SignedHeaders=host;", "SignedHeaders=host;via;").into();
        }
    };
    for (input, reason, shown) in [
        (with_headers(signs_more), "via", "\nhost:sts.example.com\nvia:\n"),
        (with_headers(|h| h.push(json!(["X-Amz-Extra", "1"]))), "x-amz-extra", "\nhost:sts.example.com\n"),
        (with_headers(|h| h.push(json!(["host", "other"]))), "'host'", "\nhost:sts.example.com,other\n"),
        (with_headers(|h| h.push(json!(["x-amz-date", "20261125T000000Z"]))), "'x-amz-date'", ":20261124T024141Z,2026"),
        (with("uri", json!("/?X-Amz-Security-Token=t")), "not both", "POST\n/\nX-Amz-Security-Token=t\n"),
    ] {
        let (status, out, err) = run(&input);
        assert_eq!(status, 1);
        assert!(out.starts_with("refused: ") && out.contains(reason), "{out}");
        assert!(err.starts_with("canonical request:\nPOST\n/\n") && err.contains(shown), "{reason}: {err}");
        assert!(err.contains("\nAWS4-HMAC-SHA256\n20261124T024141Z\n20261124/us-east-1/sts/aws4_request\n"), "{err}");
        assert!(!err.contains("x-amz-extra"), "{err}");
    }
    let (_, out, err) = run(&with_headers(|h| h.push(json!(["authorization", "Bearer x"]))));
    assert!(
        out.contains("'authorization'") && err.contains("string to sign:\n"),
        "the first of two counts: {out}{err}"
    );
}

#[test]
fn unreadable_input_is_a_clear_error() {
    for (input, reason) in [
        ("".to_owned(), "not valid JSON"),
        ("{".to_owned(), "not valid JSON"),
        ("[]".to_owned(), "does not have the expected form"),
        ("{}".to_owned(), "secret_key is missing"),
        (format!("{{\"secret_key\": [\"{SECRET}\"]}}"), "does not have the expected form"),
        (format!("\"{SECRET}\""), "does not have the expected form"),
        (with("headers", json!([["only"]])), "does not have the expected form"),
        (with("headers", Value::Null), "headers is missing"),
        (with("uri", Value::Null), "uri is missing"),
        (with("body_base64", json!("*")), "body_base64 is not valid base64"),
        (with("now", json!("soon")), "now must be"),
        ("[".repeat(100_000), "the JSON at line 1"),
    ] {
        let (status, _, err) = run(&input);
        assert_eq!(status, 1);
        assert!(err.starts_with("error: ") && err.contains(reason), "{err}");
    }
}
