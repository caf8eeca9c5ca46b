//! SIGTERM and Ctrl-C: the first asks a command to finish what it has begun and stop, the second not to wait for that.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Being asked to stop, and being asked again.
pub(super) struct Stop {
    times: watch::Receiver<u32>,
}

impl Stop {
    /// The handlers are in place as soon as this returns, and stay for as long as the process lives.
    pub(super) fn listen() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (count, times) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                count.send_modify(|times: &mut u32| *times = times.saturating_add(1));
            }
        });
        Ok(Self { times })
    }

    /// Done when the process was asked so often.
    pub(super) fn asked(&self, often: u32) -> impl Future<Output = ()> + Send + use<> {
        let mut times = self.times.clone();
        async move {
            // The sender goes when the runtime does.
            let _ = times.wait_for(|times| *times >= often).await;
        }
    }
}
