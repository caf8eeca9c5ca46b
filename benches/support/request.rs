//! Signed requests as bytes, and their answers.

use std::net::SocketAddr;

use brevet::clock::{Clock, SystemClock};
use brevet::sigv4::{Credentials, RequestParts, sign_headers};

use super::load::Stream;

/// The region that requests are signed for.
pub const REGION: &str = "us-east-1";

/// A signed request of the Query protocol, ready to send.
pub fn aws(address: SocketAddr, credentials: &Credentials, service: &str, parameters: &[(&str, &str)]) -> Vec<u8> {
    let body: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    signed(address, credentials, service, "/", kind, body.join("&").as_bytes())
}

/// A signed POST, ready to send.
pub fn signed(
    address: SocketAddr,
    credentials: &Credentials,
    service: &str,
    path: &str,
    kind: &str,
    body: &[u8],
) -> Vec<u8> {
    let host = address.to_string();
    let headers: [(&str, &[u8]); 2] = [("content-type", kind.as_bytes()), ("host", host.as_bytes())];
    let parts = RequestParts { method: "POST", path, query: "", headers: &headers, body };
    let added = sign_headers(&parts, credentials, REGION, service, SystemClock.now());
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\nuser-agent: brevet-bench/1\r\n\
         content-length: {}\r\n",
        body.len()
    );
    for (name, value) in added {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    request
}

/// Sends a request and reads its whole answer, head and body; the connection can be used again.
pub async fn ask(stream: &mut Stream, request: &[u8]) -> String {
    stream.write(request).await;
    let mut answer = Vec::new();
    loop {
        let mut some = [0; 16_384];
        let read = stream.read(&mut some).await;
        answer.extend_from_slice(&some[..read]);
        if read == 0 || super::load::whole(&answer).is_some_and(|length| answer.len() >= length) {
            break;
        }
    }
    String::from_utf8(answer).expect("text")
}

fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
