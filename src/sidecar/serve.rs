//! The sidecar's connections, those for credentials as those for questions: HTTP/1.1, few and short, let go gracefully.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::http::header_timer::HeaderTimer;
use crate::http::leaving::Leaving;
use crate::http::opening::Opening;
use crate::http::places::Places;

/// What a client can hold on to.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// The most connections at a time on each listener; more wait to be accepted.
    connections: usize,
    /// How long a client may take to send its request's head.
    head: Duration,
    /// How long a client may ask for nothing after an answer, while connections are not scarce.
    idle: Duration,
}

/// Proxies keep their connections for a minute (nginx's `keepalive_timeout`, in `upstream`): they must be the first to let go.
const BOUNDS: Bounds = Bounds { connections: 256, head: Duration::from_secs(5), idle: Duration::from_secs(75) };
/// How long answers under way may take once the sidecar is told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How long to rest when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where connections come from.
pub(super) trait Listener: Send + Sync {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection.
    ///
    /// # Errors
    /// The system gives none at present.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(Self::accept(self).await?.0)
    }
}

/// Answers requests, whose heads have `max_head` bytes at the most, until `stop` is done.
pub(super) async fn serve<A: Future<Output = Response> + Send + 'static>(
    listener: impl Listener,
    max_head: usize,
    answer: impl Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    stop: impl Future<Output = ()>,
) {
    serve_within(BOUNDS, listener, max_head, answer, stop).await;
}

async fn serve_within<A: Future<Output = Response> + Send + 'static>(
    bounds: Bounds,
    listener: impl Listener,
    max_head: usize,
    answer: impl Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    stop: impl Future<Output = ()>,
) {
    let places = Places::new(bounds.connections);
    let leaving = Leaving::new();
    let mut http = http1::Builder::new();
    http.header_read_timeout(bounds.head).max_buf_size(max_head);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let place = places.take().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            both = accepted => both,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let answer = answer.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let response = answer(request);
            async move { Ok::<_, Infallible>(response.await) }
        });
        let timer = HeaderTimer::new(bounds.head, bounds.idle, &places);
        let stream = TokioIo::new(Opening::new(stream, timer.clone()));
        let connection = leaving.stay().with(http.timer(timer.clone()).serve_connection(stream, service));
        tokio::spawn(async move {
            // What goes wrong on a connection is the client's affair.
            let _ = timer.drive(connection).await;
            drop(place);
        });
    }
    // Whoever comes now is told at once that nobody is there, and does not wait for those who are being answered.
    drop(listener);
    if tokio::time::timeout(GRACE, leaving.all()).await.is_err() {
        tracing::warn!("connections were cut off at shutdown");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const HEAD: Duration = Duration::from_millis(100);
    /// Longer than any test waits.
    const LONG: Duration = Duration::from_secs(3_600);
    /// Much less than that, on a machine that is busy.
    const SOON: Duration = Duration::from_secs(60);

    /// A server, as long as the test's runtime lives.
    async fn open(connections: usize) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let bounds = Bounds { connections, head: HEAD, idle: LONG };
        let answer = |_| std::future::ready(Response::new("done".into()));
        tokio::spawn(serve_within(bounds, listener, 16 * 1024, answer, std::future::pending()));
        address
    }

    async fn ask(stream: &mut TcpStream) {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("sent");
        let mut heard = Vec::new();
        while !heard.ends_with(b"done") {
            let read = tokio::time::timeout(SOON, stream.read_buf(&mut heard)).await.expect("in time").expect("read");
            assert_ne!(read, 0, "it is cut off");
        }
    }

    #[tokio::test]
    async fn whoever_was_answered_may_be_silent_for_longer_but_not_begin_and_be_slow() {
        let address = open(8).await;
        let mut stream = TcpStream::connect(address).await.expect("connected");
        ask(&mut stream).await;
        tokio::time::sleep(4 * HEAD).await;
        ask(&mut stream).await;
        stream.write_all(b"GET / HT").await.expect("sent");
        let mut first = TcpStream::connect(address).await.expect("connected");
        for stream in [&mut first, &mut stream] {
            let mut heard = Vec::new();
            let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut heard)).await.expect("it is cut off");
            assert!(heard.is_empty());
        }
    }

    #[tokio::test]
    async fn the_silent_do_not_keep_all_places() {
        let address = open(4).await;
        let mut held = Vec::new();
        for _ in 0..8 {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            ask(&mut stream).await;
            held.push(stream);
        }
    }
}
