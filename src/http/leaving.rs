//! Connections end when the broker is told to stop, once the requests that have begun on them are answered.
//!
//! hyper-util's own way asks at every request whether that is so by what it would take to wait for it. Here a connection leaves word once,
//! and looks at a number afterwards: its task has one waker for all its life.

use std::future::Future;

use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::watch;

/// All connections.
#[derive(Debug)]
pub(crate) struct Leaving(watch::Sender<()>);

/// One connection's knowledge of whether it is to end.
#[derive(Debug)]
pub(crate) struct Stay(watch::Receiver<()>);

impl Leaving {
    /// There are none yet.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// For one more connection.
    pub(crate) fn stay(&self) -> Stay {
        Stay(self.0.subscribe())
    }

    /// Tells all of them to end, and waits until they have.
    pub(crate) async fn all(self) {
        self.0.send_replace(());
        self.0.closed().await;
    }
}

impl Stay {
    /// Runs a connection to its end, as the whole of a task.
    pub(crate) async fn with<C: GracefulConnection>(self, connection: C) -> C::Output {
        let Self(told) = self;
        let mut connection = std::pin::pin!(connection);
        let mut waiting = told.clone();
        let mut word = std::pin::pin!(waiting.changed());
        let (mut left_word, mut leaves) = (false, false);
        std::future::poll_fn(|context| {
            if !std::mem::replace(&mut left_word, true) {
                // However much of the task's turn is left; if there is news already, it is seen below.
                let _ = std::pin::pin!(tokio::task::unconstrained(word.as_mut())).poll(context);
            }
            // Whoever would tell is gone: nobody would end it any more.
            if !leaves && !matches!(told.has_changed(), Ok(false)) {
                leaves = true;
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(context)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Poll;
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::{Request, Response};
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(60);

    /// A connection, whose requests are answered once `go` is told so.
    fn connected(leaving: &Leaving) -> (DuplexStream, oneshot::Sender<()>, JoinHandle<()>) {
        let (client, server) = tokio::io::duplex(4_096);
        let (go, wait) = oneshot::channel();
        let wait = std::sync::Mutex::new(Some(wait));
        let service = service_fn(move |_: Request<hyper::body::Incoming>| {
            let wait = wait.lock().expect("no panic").take();
            async move {
                if let Some(wait) = wait {
                    let _ = wait.await;
                }
                Ok::<_, Infallible>(Response::new(Body::from("done")))
            }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service);
        let stay = leaving.stay();
        let task = tokio::spawn(async move {
            let _ = stay.with(connection).await;
        });
        (client, go, task)
    }

    #[tokio::test]
    async fn one_that_waits_for_a_request_ends_at_once() {
        let leaving = Leaving::new();
        let (mut client, go, task) = connected(&leaving);
        go.send(()).expect("it waits");
        client.write_all(REQUEST).await.expect("sent");
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.expect("answered");
        tokio::time::timeout(LONG, leaving.all()).await.expect("all have ended");
        task.await.expect("no panic");
    }

    #[tokio::test]
    async fn what_has_begun_is_answered_first() {
        let leaving = Leaving::new();
        let (mut client, go, task) = connected(&leaving);
        client.write_all(REQUEST).await.expect("sent");
        // Its task runs until it waits for `go`.
        tokio::task::yield_now().await;
        let mut all = std::pin::pin!(leaving.all());
        assert!(std::future::poll_fn(|context| Poll::Ready(all.as_mut().poll(context).is_pending())).await);
        go.send(()).expect("it waits");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("answered, and ended");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
        tokio::time::timeout(LONG, all).await.expect("all have ended");
        task.await.expect("no panic");
    }

    #[tokio::test]
    async fn one_that_comes_too_late_or_whose_broker_is_gone_ends_too() {
        let leaving = Leaving::new();
        let (_client, _go, task) = connected(&leaving);
        // Before its task has run for the first time.
        drop(leaving);
        tokio::time::timeout(LONG, task).await.expect("it has ended").expect("no panic");
    }
}
