//! Attacks on the sidecar's doors for questions: by strangers on the same machine, and by those who would have another's answer.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::beside::{begin, read};
use crate::world::beside::{Beside, TOKEN};

/// Sends bytes as they are, and reads until the sidecar ends the connection.
async fn raw(at: &Beside, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(at.address).await.expect("connected");
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_stranger_on_the_machine_is_told_nothing() {
    let (_world, _broker, _service, _wire, beside) = begin().await;
    assert_eq!(beside.ask(&read("alice")).await.status, 200);
    let wrong = TOKEN.replace('f', "e");
    let twice = format!("{TOKEN}, {TOKEN}");
    let (bearer, wrong_bearer) = (format!("Bearer {TOKEN}"), format!("Bearer {wrong}"));
    let refused: [&[(&str, &str)]; 8] = [
        &[],
        &[("x-brevet-sidecar-token", "")],
        &[("x-brevet-sidecar-token", &wrong)],
        &[("x-brevet-sidecar-token", &twice)],
        &[("x-brevet-sidecar-token", TOKEN), ("x-brevet-sidecar-token", TOKEN)],
        &[("authorization", TOKEN)],
        &[("authorization", &wrong_bearer)],
        &[("x-brevet-sidecar-token", &wrong), ("authorization", &bearer)],
    ];
    for headers in refused {
        let headers = [&[("content-type", "application/json")], headers].concat();
        for path in ["/access/v1/evaluation", "/nowhere", "/.well-known/jwks.json"] {
            let reply = beside.send("POST", path, &headers, read("alice").to_string()).await;
            assert_eq!((reply.status, &reply.json["code"]), (403, &json!("AccessDenied")), "{headers:?}");
        }
    }
    let bearer = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    assert_eq!(beside.send("POST", "/access/v1/evaluation", &bearer, read("alice").to_string()).await.status, 200);
    // Whoever may ask does not thereby do anything else with the sidecar's credentials.
    let token = [("x-brevet-sidecar-token", TOKEN)];
    for (method, path, status) in [
        ("POST", "/sessions/v1/revoke", 404),
        ("GET", "/changes/v1/stream", 404),
        ("POST", "/", 404),
        ("POST", "/access/v1/evaluation/../../../", 404),
        ("POST", "//access/v1/evaluation", 404),
        ("GET", "/access/v1/evaluation", 405),
        ("POST", "/access/v1/evaluation?x-amz-signature=1", 400),
    ] {
        assert_eq!(beside.send(method, path, &token, String::new()).await.status, status, "{method} {path}");
    }
    assert_eq!(beside.asked().await, 1);
}

#[tokio::test]
async fn nobody_gets_the_answer_to_another_question() {
    let (_world, _broker, _service, _wire, beside) = begin().await;
    let mut nobody = read("nobody");
    assert_eq!(beside.ask(&read("alice")).await.decision(), true);
    assert_eq!(beside.ask(&nobody).await.decision(), false);
    // The same words in another order, another spelling, twice: each is asked for itself.
    let asked = beside.asked().await;
    let kind = [("content-type", "application/json"), ("x-brevet-sidecar-token", TOKEN)];
    let alice =
        r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"r1"}}"#;
    let bodies = [
        (alice.replace("alice", "nobody"), 200, false),
        (alice.replace("r1", "R1"), 200, true),
        (alice.replace("read", "READ"), 200, true),
        (alice.replace("read", "write"), 200, false),
        (alice.replace("\"alice\"", "\"al\\u0069ce\""), 200, true),
        (alice.replace("\"type\":\"user\",\"id\":\"alice\"", "\"id\":\"nobody\",\"type\":\"user\""), 200, false),
    ];
    for (body, status, decision) in &bodies {
        let reply = beside.send("POST", "/access/v1/evaluation", &kind, body.clone()).await;
        assert_eq!((reply.status, reply.decision()), (*status, &json!(decision)), "{body}");
    }
    assert_eq!(beside.asked().await, asked + bodies.len() as u64);
    // Headers that are not part of the question cannot make it another one, nor stay in what is kept.
    let poison = [
        ("x-request-id", "evil"),
        ("x-brevet-depends", "0000000000000000"),
        ("x-brevet-max-age", "9999"),
        ("x-brevet-served-by", "broker"),
        ("x-brevet-tell-depends", "no"),
        ("x-forwarded-for", "10.0.0.1"),
        ("cookie", "a=b"),
        ("x-amz-security-token", "x"),
        ("connection", "content-type"),
    ];
    nobody["subject"]["id"] = json!("bob");
    let first = beside.ask_with(&nobody, &poison).await;
    assert_eq!((first.status, first.by(), first.header("x-request-id")), (200, "broker", Some("evil")), "{first:?}");
    let second = beside.ask(&nobody).await;
    assert_eq!((second.by(), second.header("x-request-id"), second.decision()), ("sidecar", None, &json!(true)));
    // An error is nobody's answer later.
    let mut bad = read("alice");
    bad["context"] = json!({ "aws:PrincipalArn": "x" });
    for _ in 0..2 {
        let reply = beside.ask(&bad).await;
        assert_eq!((reply.status, reply.by()), (400, "broker"));
    }
}

#[tokio::test]
async fn what_is_no_honest_request_goes_nowhere() {
    let (_world, _broker, _service, _wire, beside) = begin().await;
    let head = format!("POST /access/v1/evaluation HTTP/1.1\r\nHost: x\r\nx-brevet-sidecar-token: {TOKEN}\r\n");
    let smuggled = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    for attack in [
        format!(
            "{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!("{head}Content-Length: 4\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcd{smuggled}"),
        format!("{head}Transfer-Encoding: chunked, identity\r\nConnection: close\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{head}Content-Length: -1\r\nConnection: close\r\n\r\n{smuggled}"),
    ] {
        let answer = raw(&beside, attack.as_bytes()).await;
        assert!(!answer.contains("\"following\"") && !answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    for twice in [
        "content-type: application/json\r\ncontent-type: text/plain",
        "content-type: application/json\r\nx-brevet-at-least-revision: x",
    ] {
        let answer =
            raw(&beside, format!("{head}{twice}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes())
                .await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let huge = "x".repeat(300 * 1024);
    let token = [("x-brevet-sidecar-token", TOKEN), ("content-type", "application/json")];
    assert_eq!(beside.send("POST", "/access/v1/evaluation", &token, huge).await.status, 413);
    let flood = format!("{head}x: {}\r\n\r\n", "y".repeat(64 * 1024));
    assert!(!raw(&beside, flood.as_bytes()).await.starts_with("HTTP/1.1 200"));
    // Of the first one the empty body counts that comes in chunks (RFC 9112, section 6.3), and nothing behind it.
    assert_eq!(beside.asked().await, 1);
    assert_eq!(beside.ask(&read("alice")).await.decision(), true, "it goes on");
}
