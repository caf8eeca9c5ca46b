//! Whoever follows the changes: reads a stream line by line.

use std::collections::BTreeSet;
use std::time::Duration;

use brevet::clock::Clock;
use brevet::sigv4::{RequestParts, sign_headers};
use serde_json::Value;

use super::mutual_tls::Client;
use super::{Keys, Running};

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    Begin(Value),
    Changed { footings: BTreeSet<String>, revoked: Value },
    Through { revision: u64 },
    Gap,
    End(String),
}

pub struct Stream {
    response: reqwest::Response,
    buffer: Vec<u8>,
}

/// Follows from now on.
pub async fn follow(at: &Running, who: &Keys) -> Stream {
    let mut stream = try_follow(at, Some(who), "").await.expect("a stream");
    stream.until(|line| matches!(line, Line::Begin(_))).await;
    stream
}

/// Goes on where it was.
pub async fn follow_from(at: &Running, who: &Keys, revision: u64) -> Stream {
    try_follow(at, Some(who), &format!("from={revision}")).await.expect("a stream")
}

/// A stream, or the status of the refusal.
pub async fn try_follow(at: &Running, who: Option<&Keys>, query: &str) -> Result<Stream, u16> {
    with(at, who, query, reqwest::Client::new()).await
}

/// As [`try_follow`], with a client of one's own.
pub async fn with(at: &Running, who: Option<&Keys>, query: &str, client: reqwest::Client) -> Result<Stream, u16> {
    const PATH: &str = "/changes/v1/stream";
    let parts =
        RequestParts { method: "GET", path: PATH, query, headers: &[("host", at.host().as_bytes())], body: b"" };
    let separator = if query.is_empty() { "" } else { "?" };
    let mut request = client.get(format!("{}{PATH}{separator}{query}", at.url));
    if let Some(keys) = who {
        for (name, value) in sign_headers(&parts, &keys.credentials(), "us-east-1", "brevet", at.clock.now()) {
            request = request.header(name, value);
        }
    }
    let response = request.send().await.expect("the broker answers");
    match response.status().as_u16() {
        200 => Ok(Stream { response, buffer: Vec::new() }),
        status => Err(status),
    }
}

/// Follows by a client's certificate.
pub async fn certified(client: &Client) -> Stream {
    let response = client.http.get(format!("{}/changes/v1/stream", client.url)).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    Stream { response, buffer: Vec::new() }
}

impl Stream {
    /// The next line.
    pub async fn line(&mut self) -> Line {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return read(&serde_json::from_slice(&line).expect("JSON"));
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.response.chunk()).await;
            let chunk = chunk.expect("a line every second").expect("no fault").expect("the stream goes on");
            self.buffer.extend_from_slice(&chunk);
        }
    }

    /// The first line that is as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&Line) -> bool) -> Line {
        loop {
            let line = self.line().await;
            if wanted(&line) {
                return line;
            }
        }
    }

    /// The next change.
    pub async fn changed(&mut self) -> BTreeSet<String> {
        self.revoked_or_not().await.0
    }

    /// The next change, and what it says of revocations.
    pub async fn revoked_or_not(&mut self) -> (BTreeSet<String>, Value) {
        match self.until(|line| matches!(line, Line::Changed { .. } | Line::Gap)).await {
            Line::Changed { footings, revoked } => (footings, revoked),
            other => panic!("{other:?}"),
        }
    }

    /// The next revocation, and what changed with it.
    pub async fn revoked(&mut self) -> (BTreeSet<String>, Value) {
        let (mut changed, mut revoked) = self.revoked_or_not().await;
        while revoked.is_null() {
            let (more, told) = self.revoked_or_not().await;
            (changed, revoked) = (changed.into_iter().chain(more).collect(), told);
        }
        (changed, revoked)
    }

    /// Up to where everything was told.
    pub async fn through(&mut self) -> u64 {
        match self.until(|line| matches!(line, Line::Through { .. })).await {
            Line::Through { revision } => revision,
            other => panic!("{other:?}"),
        }
    }

    /// Why it ended.
    pub async fn end(&mut self) -> String {
        match self.until(|line| matches!(line, Line::End(_))).await {
            Line::End(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

fn read(line: &Value) -> Line {
    if line.get("begin").is_some() {
        Line::Begin(line["begin"].clone())
    } else if let Some(changed) = line.get("changed") {
        let footings = changed.as_array().expect("a list").iter().map(|one| one.as_str().expect("a text").to_owned());
        Line::Changed { footings: footings.collect(), revoked: line["revoked"].clone() }
    } else if line.get("gap").is_some() {
        Line::Gap
    } else if let Some(why) = line.get("end") {
        Line::End(why.as_str().expect("a text").to_owned())
    } else {
        Line::Through { revision: line["revision"].as_u64().expect("a revision") }
    }
}
