//! Accepts connections, within bounds, until it is told to stop; requests that have begun are finished then.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;

use super::front::Front;
use super::header_timer::HeaderTimer;
use super::leaving::{Leaving, Stay};
use super::opening::Opening;
use super::places::Places;
use super::visitor::Visitor;
use crate::authn::ClientCertificate;
use crate::telemetry::names;

/// Bounds on what a stranger can hold on to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at once; further ones wait to be accepted.
    pub connections: usize,
    /// How long a client may take over a TLS handshake, until it is known which HTTP it speaks, and over the head of a request.
    pub header_timeout: Duration,
    /// How long a client of HTTP/1.1 may ask for nothing after an answer, if that is longer and connections are not scarce.
    pub idle_timeout: Duration,
    /// How long a request may take in all, its body included.
    pub request_timeout: Duration,
    /// How long requests that have begun may go on after the broker was told to stop.
    pub shutdown_grace: Duration,
}

/// Serves what is behind `front` on `listener` until `stop` is done, and then for as long as requests that have begun need, but no longer
/// than until `at_once` is done.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    front: Front,
    limits: Limits,
    stop: impl Future<Output = ()>,
    at_once: impl Future<Output = ()>,
) {
    let places = Places::new(limits.connections);
    let leaving = Leaving::new();
    tokio::pin!(stop);
    loop {
        let place = tokio::select! {
            place = places.take() => place,
            () = &mut stop => break,
        };
        let Some(place) = place else { break };
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: others must end before another can begin.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let timer = HeaderTimer::new(limits.header_timeout, limits.idle_timeout, &places);
        let connection = Connection { address, tls: tls.clone(), front: front.clone(), limits, timer, _place: place };
        tokio::spawn(connection.run(stream, leaving.stay()));
    }
    drop(listener);
    tokio::select! {
        ended = tokio::time::timeout(limits.shutdown_grace, leaving.all()) => if ended.is_err() {
            tracing::warn!("some requests did not end within the grace period and were cut off");
        },
        () = at_once => tracing::warn!("requests that had not ended were cut off"),
    }
}

struct Connection {
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    front: Front,
    limits: Limits,
    timer: HeaderTimer,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, stream: TcpStream, stay: Stay) {
        // Answers are small and whole: waiting to fill a packet only costs time.
        let _ = stream.set_nodelay(true);
        metrics::gauge!(names::CONNECTIONS).increment(1);
        match self.tls.clone() {
            None => self.speak(stream, false, None, stay).await,
            Some(tls) => match tokio::time::timeout(self.limits.header_timeout, tls.accept(stream)).await {
                Ok(Ok(stream)) => {
                    // There is one only where authorities were named, and then its chain was verified.
                    let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                    let certificate = leaf.map(|leaf| Arc::new(ClientCertificate::of_verified(leaf)));
                    self.speak(stream, true, certificate, stay).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, peer = %self.address, "TLS handshake failed"),
                Err(_) => tracing::debug!(peer = %self.address, "TLS handshake took too long"),
            },
        }
        metrics::gauge!(names::CONNECTIONS).decrement(1);
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        encrypted: bool,
        certificate: Option<Arc<ClientCertificate>>,
        stay: Stay,
    ) {
        let visitor = Visitor::new(self.address, encrypted, certificate);
        // Counted by this connection alone: what all requests count, the cores would hand to each other and back.
        let front = Arc::new(self.front.clone());
        let timeout = self.limits.request_timeout;
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let (front, visitor) = (Arc::clone(&front), visitor.clone());
            async move {
                // Pinned where it is made: it is large, and would be there twice if it was handed on.
                let answer = std::pin::pin!(front.answer(visitor, request));
                Ok::<_, Infallible>(within(timeout, answer).await.unwrap_or_else(too_slow))
            }
        });
        let timer = &self.timer;
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(timer.clone()).header_read_timeout(self.limits.header_timeout);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(128)
            .keep_alive_interval(self.limits.header_timeout)
            .keep_alive_timeout(self.limits.header_timeout);
        let stream = Opening::new(stream, timer.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = timer.drive(stay.with(connection)).await {
            tracing::debug!(%error, peer = %self.address, "connection ended");
        }
    }
}

/// What comes of `answer` within `limit`. Most answers need nothing that they would have to wait for: for them no clock is set.
async fn within<A: Future>(limit: Duration, mut answer: Pin<&mut A>) -> Option<A::Output> {
    let at_once = std::future::poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    });
    match at_once.await {
        Some(output) => Some(output),
        None => tokio::time::timeout(limit, answer).await.ok(),
    }
}

fn too_slow() -> Response<Body> {
    let mut response = Response::new(Body::from("the request took too long\n"));
    *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
    response
}
