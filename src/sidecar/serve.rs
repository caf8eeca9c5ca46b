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
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::http::header_timer::HeaderTimer;
use crate::http::opening::Opening;
use crate::http::places::Places;

/// The most connections at a time on each listener; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may ask for nothing after an answer, while connections are not scarce. Proxies keep theirs for a minute (nginx's
/// `keepalive_timeout`, in `upstream`): they must be the first to let go.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
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
    let places = Places::new(MAX_CONNECTIONS);
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.header_read_timeout(HEAD_TIMEOUT).max_buf_size(max_head);
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
        let timer = HeaderTimer::new(HEAD_TIMEOUT, IDLE_TIMEOUT, &places);
        let stream = TokioIo::new(Opening::new(stream, timer.clone()));
        let connection = graceful.watch(http.timer(timer.clone()).serve_connection(stream, service));
        tokio::spawn(async move {
            // What goes wrong on a connection is the client's affair.
            let _ = timer.drive(connection).await;
            drop(place);
        });
    }
    // Whoever comes now is told at once that nobody is there, and does not wait for those who are being answered.
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were cut off at shutdown");
    }
}
