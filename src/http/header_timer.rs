//! The time that a client may take over the head of a request, for hyper, at the cost of one clock for each connection.
//!
//! hyper asks for a new alarm at every request and gives it back when the head is there, which is a moment later. An alarm of the
//! runtime is entered into a wheel and taken out again, under a lock. Here an alarm is a note of its end; the connection's own task
//! looks at the notes when the runtime wakes it, as often as heads may take.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// The clock of one connection.
#[derive(Clone, Debug)]
pub(super) struct HeaderTimer(Arc<Clock>);

#[derive(Debug)]
struct Clock {
    begun: Instant,
    /// How long a head may take; no alarm is for sooner.
    patience: Duration,
    /// The moment up to which alarms have gone off, in nanoseconds since `begun`.
    now: AtomicU64,
    /// When the alarm that was set last goes off. There is one at a time.
    alarm: AtomicU64,
}

impl HeaderTimer {
    pub(super) fn new(patience: Duration) -> Self {
        let (now, alarm) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Clock { begun: Instant::now(), patience, now, alarm }))
    }

    /// Drives a connection to its end, as the whole of a task. Whenever it may be time for an alarm the connection is polled again, which
    /// looks at it.
    pub(super) async fn drive<C: Future>(&self, connection: C) -> C::Output {
        let mut connection = std::pin::pin!(connection);
        let mut wake = std::pin::pin!(tokio::time::sleep(self.0.patience));
        let mut set = false;
        std::future::poll_fn(|context| {
            loop {
                if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                    return Poll::Ready(ended);
                }
                // A task has one waker for all its life: it is left with the runtime once, not at every request.
                let over = if set { wake.is_elapsed() } else { wake.as_mut().poll(context).is_ready() };
                set = !over;
                if !over {
                    return Poll::Pending;
                }
                wake.as_mut().reset(self.0.strike(Instant::now()).into());
            }
        })
        .await
    }
}

impl Clock {
    /// Lets the alarms up to `now` go off; gives the first moment at which there may be another.
    fn strike(&self, now: Instant) -> Instant {
        let at = self.since_begun(now);
        self.now.store(at, Ordering::Release);
        let alarm = self.alarm.load(Ordering::Acquire);
        // One that is set from now on is a whole patience away.
        if alarm > at { self.begun + Duration::from_nanos(alarm) } else { now + self.patience }
    }

    fn since_begun(&self, moment: Instant) -> u64 {
        let nanos = moment.saturating_duration_since(self.begun).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let end = self.0.since_begun(deadline);
        self.0.alarm.store(end, Ordering::Release);
        Box::pin(Alarm { clock: Arc::clone(&self.0), end })
    }
}

/// Over when its clock has struck. It wakes nobody: the task that polls it is the one that [`HeaderTimer::drive`] runs in.
struct Alarm {
    clock: Arc<Clock>,
    end: u64,
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.clock.now.load(Ordering::Acquire) >= self.end { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Sleep for Alarm {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_waits_is_woken_by_its_alarm() {
        let patience = Duration::from_millis(20);
        let timer = HeaderTimer::new(patience);
        let begun = Instant::now();
        let waiting = timer.drive(async {
            for _ in 0..100 {
                drop(timer.sleep(patience));
            }
            timer.sleep(patience).await;
        });
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it is woken");
        assert!(begun.elapsed() >= patience);
    }

    /// hyper, with this timer, over a pipe: gives what the client reads until it is cut off.
    async fn conversation(sent: &[u8], answers_after: Duration) -> (Duration, String) {
        use hyper_util::rt::TokioIo;
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let patience = Duration::from_millis(40);
        let timer = HeaderTimer::new(patience);
        let (mut client, server) = tokio::io::duplex(4_096);
        let service = hyper::service::service_fn(move |_| async move {
            tokio::time::sleep(answers_after).await;
            Ok::<_, std::convert::Infallible>(http::Response::new("done".to_owned()))
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(timer.clone()).header_read_timeout(patience);
        let connection = builder.serve_connection(TokioIo::new(server), service);
        let served = tokio::spawn(async move { timer.drive(connection).await });
        let begun = Instant::now();
        client.write_all(sent).await.expect("it is sent");
        let mut heard = String::new();
        let reading = tokio::time::timeout(Duration::from_secs(60), client.read_to_string(&mut heard));
        reading.await.expect("the connection ends").expect("text");
        let _ = served.await;
        (begun.elapsed(), heard)
    }

    #[tokio::test]
    async fn whoever_does_not_finish_a_head_is_cut_off() {
        let whole = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        for (sent, answers) in [("", 0), ("GET / HT", 0), (whole, 1), (&format!("{whole}{whole}GET"), 2)] {
            let (took, heard) = conversation(sent.as_bytes(), Duration::ZERO).await;
            assert_eq!(heard.matches("done").count(), answers, "{sent:?}: {heard:?}");
            assert!(took >= Duration::from_millis(40), "{sent:?}: {took:?}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_an_answer_is_not_cut_off() {
        let whole = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        let (took, heard) = conversation(whole, Duration::from_millis(150)).await;
        assert!(heard.ends_with("done"), "{heard:?}");
        assert!(took >= Duration::from_millis(190), "{took:?}");
    }

    #[test]
    fn the_clock_strikes_for_what_is_over_and_comes_back_for_the_rest() {
        let timer = HeaderTimer::new(Duration::from_secs(10));
        let clock = &timer.0;
        let after = |seconds| clock.begun + Duration::from_secs(seconds);
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        // Nothing is set: whatever is set from now on is ten seconds away.
        assert_eq!(clock.strike(after(5)), after(15));
        let mut alarm = timer.sleep_until(after(17));
        assert_eq!(clock.strike(after(15)), after(17));
        assert!(alarm.as_mut().poll(&mut nobody).is_pending());
        assert_eq!(clock.strike(after(17)), after(27));
        assert!(alarm.as_mut().poll(&mut nobody).is_ready());
    }
}
