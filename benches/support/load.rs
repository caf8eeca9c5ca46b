//! A load loop that costs as little as it can: every connection sends the same bytes again and again, one request at a time, and
//! looks only at the status and the length of the answers. It is bounded in connections and in time, and speaks to this machine
//! only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::post;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::spent::Spent;

/// Connections kept alive.
pub const CONNECTIONS: usize = 64;

/// What a bare handler does for each request beside answering it.
pub type Work = Arc<dyn Fn() + Send + Sync>;

/// What a round of load came to.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Requests answered with success in a second.
    pub rate: f64,
    /// The part of all requests that was refused, from 0 to 1.
    pub refused: f64,
    /// The time to an answer, at the median and at the 99th percentile.
    pub median: Duration,
    pub p99: Duration,
    /// Microseconds of processor time for each request: of the load, of the runtime that serves, of the store.
    pub spent: [f64; 3],
}

/// Sends `requests`, one kind for each connection, for `length`. To be run by a runtime with a single
/// thread of its own, beside the runtime of what is measured.
pub async fn round(address: SocketAddr, tls: Option<&TlsConnector>, requests: &[Vec<u8>], length: Duration) -> Round {
    let mut connections = Vec::with_capacity(requests.len());
    for request in requests {
        connections.push((connect(address, tls).await, request.clone()));
    }
    let before = Spent::now();
    let begun = Instant::now();
    let end = begun + length;
    let mut tasks = JoinSet::new();
    for (stream, request) in connections {
        tasks.spawn(send_until(end, stream, request));
    }
    let (times, refused): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().unzip();
    let elapsed = begun.elapsed();
    let after = Spent::now();
    let (mut times, refused) = (times.concat(), refused.into_iter().sum::<u32>());
    times.sort_unstable();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
    Round {
        rate: times.len() as f64 / elapsed.as_secs_f64(),
        refused: f64::from(refused) / (times.len() as f64 + f64::from(refused)).max(1.0),
        median: at(0.5),
        p99: at(0.99),
        spent: after.each_since(before, times.len() as f64 + f64::from(refused)),
    }
}

/// A connection.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects to this machine.
pub async fn connect(address: SocketAddr, tls: Option<&TlsConnector>) -> Stream {
    assert!(address.ip().is_loopback(), "load is for this machine only");
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    match tls {
        None => Stream::Plain(stream),
        Some(tls) => {
            let name = ServerName::try_from("localhost").expect("a name");
            Stream::Tls(Box::new(tls.connect(name, stream).await.expect("a handshake")))
        }
    }
}

impl Stream {
    pub async fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await.expect("sent"),
            Self::Tls(stream) => {
                stream.write_all(bytes).await.expect("sent");
                stream.flush().await.expect("sent");
            }
        }
    }

    pub async fn read(&mut self, to: &mut [u8]) -> usize {
        match self {
            Self::Plain(stream) => stream.read(to).await.expect("an answer"),
            Self::Tls(stream) => stream.read(to).await.expect("an answer"),
        }
    }
}

/// Asks again and again; gives how long each answer took, and how many requests were refused.
async fn send_until(end: Instant, mut stream: Stream, request: Vec<u8>) -> (Vec<Duration>, u32) {
    let mut times = Vec::with_capacity(4_096);
    let mut refused = 0;
    // No more of it is touched than answers fill.
    let mut answer = vec![0; 131_072];
    // Answers to one request are as long as each other, so that most need no second look at their head.
    let mut usual = usize::MAX;
    let mut sent = Instant::now();
    while sent < end {
        stream.write(&request).await;
        let mut filled = 0;
        let mut wanted = usize::MAX;
        while filled < wanted {
            let read = stream.read(&mut answer[filled..]).await;
            assert!(read > 0, "the connection was closed");
            filled += read;
            wanted = if filled == usual { usual } else { whole(&answer[..filled]).unwrap_or(usize::MAX) };
        }
        usual = filled;
        let now = Instant::now();
        match answer.starts_with(b"HTTP/1.1 200 ") {
            true => times.push(now - sent),
            false => refused += 1,
        }
        sent = now;
    }
    (times, refused)
}

/// How long the answer is in all, once its head is there.
pub fn whole(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + length.unwrap_or(0))
}

/// A bare axum handler that answers `path` with the body and the headers of `answer`, after it has done `work`, if any; what a request
/// costs at the least. Over TLS, if that is said.
pub async fn bare(path: &str, answer: &str, work: Option<Work>, tls: Option<TlsAcceptor>) -> SocketAddr {
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").expect("a header");
        if !["content-length", "date"].contains(&name.to_ascii_lowercase().as_str()) {
            let name: HeaderName = name.parse().expect("a name");
            headers.insert(name, HeaderValue::from_str(value).expect("a value"));
        }
    }
    let body = Bytes::from(body.to_owned());
    let handler = post(move |_: Bytes| {
        let answer = (headers.clone(), body.clone());
        let work = work.clone();
        async move {
            if let Some(work) = work {
                work();
            }
            answer
        }
    });
    let router = Router::new().route(path, handler);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            let _ = stream.set_nodelay(true);
        });
        let _ = match tls {
            None => axum::serve(listener, router).await,
            Some(tls) => axum::serve(Encrypted { listener, tls }, router).await,
        };
    });
    address
}

/// A listener whose connections are encrypted.
struct Encrypted<L> {
    listener: L,
    tls: TlsAcceptor,
}

impl<L: axum::serve::Listener<Io = TcpStream>> axum::serve::Listener for Encrypted<L> {
    type Io = tokio_rustls::server::TlsStream<TcpStream>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // One handshake after the other: none is measured.
        let (stream, address) = self.listener.accept().await;
        (self.tls.accept(stream).await.expect("a handshake"), address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
