//! The time that a client may take over the head of a request, and the time for which it may ask for nothing, for hyper, at the cost of
//! one clock for each connection.
//!
//! hyper asks for a new alarm when it begins to wait for a request and gives it back when the head is there, which is a moment later on
//! a connection that is busy. An alarm of the runtime is entered into a wheel and taken out again, under a lock. Here an alarm is a note
//! of its end; the connection's own task looks at the notes when the runtime wakes it, as often as heads may take.
//!
//! hyper knows one time for both: an alarm that it sets after an answer is one for a connection that asks for nothing, until the stream
//! says that something was read. What a client sent together with the request before is not noticed until it sends more. RFC 9112,
//! section 9.5, leaves it to the server how long a connection may stay; proxies send requests on connections that they have kept, and
//! take it for an error of the server's when one of these ends just then.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use super::places::Places;

/// The clock of one connection.
#[derive(Clone, Debug)]
pub(crate) struct HeaderTimer(Arc<Clock>);

#[derive(Debug)]
struct Clock {
    begun: Instant,
    /// How long a head may take; no alarm is for sooner.
    patience: Duration,
    /// For how much longer, in nanoseconds, nothing may be asked after an answer.
    longer: u64,
    /// Where they become scarce, there is no longer time.
    places: Places,
    /// Whether hyper has set an alarm before: the first head is waited for from the connection's beginning.
    served: AtomicBool,
    /// What is waited for: [`HEAD`], [`ANY`] or [`BEGUN`]. Only the connection's own task writes it.
    waiting: AtomicU8,
    /// The moment up to which alarms have gone off, in nanoseconds since `begun`.
    now: AtomicU64,
    /// When the alarm that was set last goes off. There is one at a time.
    alarm: AtomicU64,
}

/// A whole head is waited for.
const HEAD: u8 = 0;
/// A further request is waited for, and nothing of it was read.
const ANY: u8 = 1;
/// Something was read while a further request was waited for: its whole head, unless the alarm is looked at again.
const BEGUN: u8 = 2;

impl HeaderTimer {
    /// For a connection that takes one of `places`: a head may take `patience`, and for `idle`, if that is longer, nothing may be asked
    /// after an answer.
    pub(crate) fn new(patience: Duration, idle: Duration, places: &Places) -> Self {
        Self(Arc::new(Clock {
            begun: Instant::now(),
            patience,
            longer: nanos(idle.saturating_sub(patience)),
            places: places.clone(),
            served: AtomicBool::new(false),
            waiting: AtomicU8::new(HEAD),
            now: AtomicU64::new(0),
            alarm: AtomicU64::new(0),
        }))
    }

    /// The alarm for a connection's first bytes, before hyper sets its own.
    pub(super) fn for_opening(&self) -> Pin<Box<dyn Sleep>> {
        self.0.alarm.store(self.0.since_begun(Instant::now() + self.0.patience), Ordering::Release);
        self.alarm()
    }

    /// Something was read from the client.
    pub(super) fn heard(&self) {
        if self.0.waiting.load(Ordering::Acquire) == ANY {
            self.0.waiting.store(BEGUN, Ordering::Release);
        }
    }

    fn alarm(&self) -> Pin<Box<dyn Sleep>> {
        Box::pin(Alarm(Arc::clone(&self.0)))
    }

    /// Drives a connection to its end, as the whole of a task. Whenever it may be time for an alarm the connection is polled again, which
    /// looks at it.
    pub(crate) async fn drive<C: Future>(&self, connection: C) -> C::Output {
        let mut connection = std::pin::pin!(connection);
        let mut wake = std::pin::pin!(tokio::time::sleep(self.0.patience));
        let mut set = false;
        std::future::poll_fn(|context| {
            loop {
                if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                    return Poll::Ready(ended);
                }
                // A task has one waker for all its life: it is left with the runtime once, not at every request. It must be left there
                // also where the connection has used up the task's turn: a client can bring that about.
                let over = if set { wake.is_elapsed() } else { left_with_runtime(wake.as_mut(), context) };
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

/// Whether `wake` is over; its waker is left with the runtime otherwise, however much of the task's turn is left.
fn left_with_runtime(wake: Pin<&mut tokio::time::Sleep>, context: &mut Context<'_>) -> bool {
    std::pin::pin!(tokio::task::unconstrained(wake)).poll(context).is_ready()
}

impl Clock {
    /// Lets the alarms up to `now` go off; gives the first moment at which there may be another.
    fn strike(&self, now: Instant) -> Instant {
        let at = self.since_begun(now);
        self.now.store(at, Ordering::Release);
        let mut alarm = self.alarm.load(Ordering::Acquire);
        // One that is set from now on is a whole patience away.
        let next = at.saturating_add(nanos(self.patience));
        if self.waiting.load(Ordering::Acquire) == ANY {
            let sooner = alarm.saturating_sub(self.longer);
            if sooner > at {
                alarm = sooner;
            } else if self.places.are_scarce() {
                alarm = alarm.min(at);
                self.alarm.store(alarm, Ordering::Release);
            }
        }
        self.begun + Duration::from_nanos(if alarm > at { alarm.min(next) } else { next })
    }

    fn since_begun(&self, moment: Instant) -> u64 {
        nanos(moment.saturating_duration_since(self.begun))
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let clock = &self.0;
        let mut end = clock.since_begun(deadline);
        if clock.served.load(Ordering::Acquire) {
            end = end.saturating_add(clock.longer);
            clock.waiting.store(ANY, Ordering::Release);
        } else {
            clock.served.store(true, Ordering::Release);
        }
        clock.alarm.store(end, Ordering::Release);
        self.alarm()
    }
}

/// Over when its clock has struck. It wakes nobody: the task that polls it is the one that [`HeaderTimer::drive`] runs in.
struct Alarm(Arc<Clock>);

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let clock = &self.0;
        // hyper looks here after it has read, if that was not a whole head.
        if clock.waiting.load(Ordering::Acquire) == BEGUN {
            clock.waiting.store(HEAD, Ordering::Release);
            clock.alarm.store(clock.since_begun(Instant::now() + clock.patience), Ordering::Release);
        }
        if clock.now.load(Ordering::Acquire) >= clock.alarm.load(Ordering::Acquire) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Sleep for Alarm {}

#[cfg(test)]
#[path = "header_timer_tests.rs"]
mod tests;
