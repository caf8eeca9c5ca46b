//! A broker that serves, in this process.

use std::sync::Arc;

use brevet::clock::ShiftedClock;
use brevet::ops::Broker;
use brevet::server::Server;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// It stops when it is dropped, and gracefully when it is told to.
pub struct Running {
    pub url: String,
    pub broker: Arc<Broker>,
    pub clock: ShiftedClock,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn run(server: Server, clock: ShiftedClock) -> Self {
        // Whatever name it has for others: a story stands behind the proxy.
        let url = format!("http://{}", server.address().expect("an address"));
        let broker = Arc::clone(server.broker());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { url, broker, clock, stop, task }
    }

    /// Ends it as an operator would, and waits until everything is written.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.expect("the broker ends without a panic");
    }

    /// Waits until it has read its own writes from the change feed too, which makes it forget what it kept of them once more.
    pub async fn settled(&self) {
        super::within_a_second("the change feed is read to its end", || async {
            let latest = self.broker.store.revision().await.expect("the store answers");
            self.broker.feed.revision().is_ok_and(|read| read.0 >= latest.0)
        })
        .await;
    }

    /// `host:port`, as the `Host` header has it.
    pub fn host(&self) -> &str {
        self.url.strip_prefix("http://").expect("tests speak plain HTTP")
    }
}
