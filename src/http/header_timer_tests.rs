use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

use super::super::opening::Opening;
use super::*;

const PATIENCE: Duration = Duration::from_millis(40);
/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(3_600);
const WHOLE: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// Enough of them.
fn places() -> Places {
    Places::new(8)
}

#[tokio::test]
async fn a_connection_that_waits_is_woken_by_its_alarm() {
    let timer = HeaderTimer::new(PATIENCE, PATIENCE, &places());
    let begun = Instant::now();
    let waiting = timer.drive(async {
        for _ in 0..100 {
            drop(timer.sleep(PATIENCE));
        }
        timer.sleep(PATIENCE).await;
    });
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it is woken");
    assert!(begun.elapsed() >= PATIENCE);
}

/// What a client sends can use up the turn of the connection's task before the clock is looked at.
#[tokio::test]
async fn a_connection_that_has_used_up_its_turn_is_woken_too() {
    let timer = HeaderTimer::new(PATIENCE, PATIENCE, &places());
    let alarm = timer.for_opening();
    let waiting = timer.clone();
    let driven = tokio::spawn(async move {
        let used_up = std::future::poll_fn(|context| {
            // Each gives back that it was ready, until there is nothing left of the turn.
            while tokio::task::coop::has_budget_remaining() {
                let one = std::pin::pin!(tokio::task::coop::consume_budget());
                if one.poll(context).is_pending() {
                    break;
                }
            }
            Poll::Ready(())
        });
        let mut alarm = alarm;
        let mut begun = false;
        let mut used_up = std::pin::pin!(used_up);
        waiting
            .drive(std::future::poll_fn(|context| {
                if !std::mem::replace(&mut begun, true) {
                    let _ = used_up.as_mut().poll(context);
                }
                alarm.as_mut().poll(context)
            }))
            .await;
    });
    tokio::time::timeout(Duration::from_secs(60), driven).await.expect("it is woken").expect("no panic");
}

/// A client of hyper, with this timer, over a pipe.
struct Client {
    pipe: DuplexStream,
    begun: Instant,
    served: JoinHandle<()>,
}

impl Client {
    fn connect(places: &Places, idle: Duration, answers_after: Duration) -> Self {
        let timer = HeaderTimer::new(PATIENCE, idle, places);
        let (pipe, server) = tokio::io::duplex(4_096);
        let service = hyper::service::service_fn(move |_| async move {
            tokio::time::sleep(answers_after).await;
            Ok::<_, std::convert::Infallible>(http::Response::new("done".to_owned()))
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(timer.clone()).header_read_timeout(PATIENCE);
        let connection = builder.serve_connection(TokioIo::new(Opening::new(server, timer.clone())), service);
        let served = tokio::spawn(async move {
            let _ = timer.drive(connection).await;
        });
        Self { pipe, begun: Instant::now(), served }
    }

    async fn send(&mut self, text: &str) {
        self.pipe.write_all(text.as_bytes()).await.expect("it is sent");
    }

    async fn ask(&mut self) {
        self.send(WHOLE).await;
        let mut heard = Vec::new();
        while !heard.ends_with(b"done") {
            assert_ne!(self.pipe.read_buf(&mut heard).await.expect("an answer"), 0, "it is cut off: {heard:?}");
        }
    }

    /// What is read until it is cut off, and when that is.
    async fn rest(mut self) -> (Duration, String) {
        let mut heard = String::new();
        let reading = tokio::time::timeout(Duration::from_secs(60), self.pipe.read_to_string(&mut heard));
        reading.await.expect("the connection ends").expect("text");
        let _ = self.served.await;
        (self.begun.elapsed(), heard)
    }
}

#[tokio::test]
async fn whoever_does_not_finish_a_head_is_cut_off() {
    for (sent, answers) in [("", 0), ("GET / HT", 0), (WHOLE, 1), (&format!("{WHOLE}{WHOLE}GET"), 2)] {
        // None of these has begun a further head, as far as is noticed.
        let idle = if answers == 0 { LONG } else { PATIENCE };
        let mut client = Client::connect(&places(), idle, Duration::ZERO);
        client.send(sent).await;
        let (took, heard) = client.rest().await;
        assert_eq!(heard.matches("done").count(), answers, "{sent:?}: {heard:?}");
        assert!(took >= PATIENCE, "{sent:?}: {took:?}");
    }
}

#[tokio::test]
async fn whoever_waits_for_an_answer_is_not_cut_off() {
    let answer_after = 4 * PATIENCE;
    let mut client = Client::connect(&places(), PATIENCE, answer_after);
    client.send(WHOLE).await;
    let (took, heard) = client.rest().await;
    assert!(heard.ends_with("done"), "{heard:?}");
    assert!(took >= answer_after + PATIENCE, "{took:?}");
}

#[tokio::test]
async fn whoever_has_had_an_answer_may_be_silent_for_longer() {
    let mut client = Client::connect(&places(), LONG, Duration::ZERO);
    for _ in 0..3 {
        client.ask().await;
        tokio::time::sleep(4 * PATIENCE).await;
    }
    client.ask().await;

    let idle = 5 * PATIENCE;
    let mut client = Client::connect(&places(), idle, Duration::ZERO);
    client.ask().await;
    let (took, _) = client.rest().await;
    assert!(took >= idle, "{took:?}");
}

#[tokio::test]
async fn a_further_head_that_has_begun_is_finished_in_time_or_cut_off() {
    let mut client = Client::connect(&places(), LONG, Duration::ZERO);
    client.ask().await;
    let silent = 3 * PATIENCE;
    tokio::time::sleep(silent).await;
    client.send("GET").await;
    let (took, heard) = client.rest().await;
    assert!(took >= silent + PATIENCE, "{took:?}");
    assert_eq!(heard, "");
}

#[test]
fn a_head_that_begins_at_the_last_moment_has_its_time() {
    let timer = HeaderTimer::new(Duration::ZERO, Duration::from_secs(35), &places());
    let mut nobody = Context::from_waker(std::task::Waker::noop());
    drop(timer.sleep(Duration::ZERO));
    let mut alarm = timer.sleep(Duration::ZERO);
    assert!(alarm.as_mut().poll(&mut nobody).is_pending());
    // It is read before the alarm is looked at.
    timer.0.strike(timer.0.begun + Duration::from_secs(3_600));
    assert!(alarm.as_mut().poll(&mut nobody).is_ready());
    timer.0.now.store(0, Ordering::Release);
    timer.heard();
    assert!(alarm.as_mut().poll(&mut nobody).is_pending());
    let end = timer.0.begun + Duration::from_nanos(timer.0.alarm.load(Ordering::Acquire));
    assert!(end <= Instant::now(), "and no more than that");
}

#[tokio::test]
async fn byte_by_byte_is_no_way_to_have_more_time() {
    let mut client = Client::connect(&places(), LONG, Duration::ZERO);
    client.ask().await;
    let begun = Instant::now();
    let dripped = async {
        // The pipe is full after 4096 bytes, and broken when it is cut off.
        loop {
            if client.pipe.write_all(b"G").await.is_err() {
                break;
            }
            tokio::time::sleep(PATIENCE / 8).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), dripped).await.expect("it is cut off");
    assert!(begun.elapsed() >= PATIENCE);
}

#[tokio::test]
async fn whoever_is_silent_goes_when_places_are_scarce() {
    let scarce = Places::new(4);
    let mut client = Client::connect(&scarce, LONG, Duration::ZERO);
    client.ask().await;
    tokio::time::sleep(3 * PATIENCE).await;
    client.ask().await;
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(scarce.take().await.expect("a place"));
    }
    let (took, heard) = client.rest().await;
    assert!(took >= 4 * PATIENCE, "{took:?}");
    assert_eq!(heard, "");
}

#[test]
fn the_clock_strikes_for_what_is_over_and_comes_back_for_the_rest() {
    let places = Places::new(1);
    let timer = HeaderTimer::new(Duration::from_secs(10), Duration::from_secs(35), &places);
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
    // After an answer there is more time, and it is looked after how many places there are.
    let mut alarm = timer.sleep_until(after(30));
    assert_eq!(clock.strike(after(27)), after(30));
    assert_eq!(clock.strike(after(30)), after(40));
    assert_eq!(clock.strike(after(40)), after(50));
    assert_eq!(clock.strike(after(50)), after(55));
    assert!(alarm.as_mut().poll(&mut nobody).is_pending());
    assert_eq!(clock.strike(after(55)), after(65));
    assert!(alarm.as_mut().poll(&mut nobody).is_ready());
}
