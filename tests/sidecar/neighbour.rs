//! A program beside the sidecar: sends bytes, reads the answer. No HTTP library stands between, so that a test can
//! send what no library would.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub json: serde_json::Value,
}

/// Sends a request made of these lines (without a body) and reads the answer.
pub async fn send(address: SocketAddr, lines: &[&str]) -> Reply {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let json = serde_json::from_str(body).unwrap_or(serde_json::Value::Null);
    Reply { status, head: head.to_ascii_lowercase(), json }
}
