//! What an account of many users costs: creating one more, a page of the list, the account's summary, memory, at 200 users and at
//! 100,000. A curve that is flat is the promise. The broker is the binary, in a process of its own, on the embedded store.

mod scenario;
mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use brevet::sigv4::Credentials;
use brevet::types::{Marker, SecretText};
use support::load::{self, Stream};
use support::memory::resident_mib;
use support::request::{ask, aws};
use support::world::runtime;
use tokio::task::JoinSet;

/// How many users there are when it is measured; `BREVET_BENCH_USERS` ends the list earlier or goes on.
const STEPS: [usize; 5] = [200, 1_000, 10_000, 50_000, 100_000];
/// Connections that create users between two measurements.
const CREATORS: usize = 64;
/// Requests of which the median is shown.
const SAMPLES: usize = 101;
/// Users of one page.
const PAGE: &str = "100";

const KEY_ID: &str = "AKIAQAAAAAAAAAAAAAAA";
const SECRET: &str = "a secret for a bench on this machine";

struct Broker {
    child: Child,
    address: SocketAddr,
    root: Credentials,
}

fn main() {
    let most = std::env::var("BREVET_BENCH_USERS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let broker = Arc::new(start(folder.path()));
    println!(
        "{:>8} {:>12} {:>12} {:>12} {:>12} {:>12} {:>12} {:>9}",
        "users", "created/s", "create one", "first page", "middle page", "last page", "summary", "memory"
    );
    runtime().block_on(async {
        let mut there = 0;
        for step in STEPS.into_iter().filter(|step| *step <= most) {
            let rate = fill(&broker, there, step).await;
            there = step;
            let creating = created_one_by_one(&broker, step).await;
            let pages = [0, step / 2, step - 100].map(|from| from.checked_sub(1));
            let mut listed = Vec::new();
            for from in pages {
                listed.push(list(&broker, from).await);
            }
            let summary = median_of(&broker, &[("Action", "GetAccountSummary")]).await;
            println!(
                "{step:>8} {rate:>12.0} {:>12} {:>12} {:>12} {:>12} {:>12} {:>5.0} MiB",
                shown(creating),
                shown(listed[0]),
                shown(listed[1]),
                shown(listed[2]),
                shown(summary),
                resident_mib(broker.child.id()),
            );
        }
    });
    let broker = Arc::into_inner(broker);
    if let Some(mut broker) = broker {
        let _ = broker.child.kill();
        let _ = broker.child.wait();
    }
}

fn shown(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

fn start(folder: &std::path::Path) -> Broker {
    let binary = std::env::var("BREVET_BENCH_BINARY").ok().or(option_env!("CARGO_BIN_EXE_brevet").map(str::to_owned));
    let mut child = Command::new(binary.expect("run with cargo bench, or set BREVET_BENCH_BINARY"))
        .arg("serve")
        .env("BREVET_SERVER_LISTEN", "127.0.0.1:0")
        .env("BREVET_STORE_DATA_DIR", folder.join("data"))
        .env("BREVET_QUOTAS_USERS", "10000000")
        .env("BREVET_BOOTSTRAP_ACCESS_KEY_ID", KEY_ID)
        .env("BREVET_BOOTSTRAP_SECRET_ACCESS_KEY", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let line = lines.next().expect("a first line").expect("text");
    let address = line.rsplit_once("http://").expect("the address").1.parse().expect("host and port");
    // Nobody reads the rest, and a full pipe must not stop the broker.
    std::thread::spawn(move || lines.for_each(drop));
    let root = Credentials {
        access_key_id: KEY_ID.to_owned(),
        secret_access_key: SecretText::new(SECRET),
        session_token: None,
    };
    Broker { child, address, root }
}

/// Users are named in the order in which they are listed.
fn name(number: usize) -> String {
    format!("user-{number:08}")
}

async fn connect(broker: &Broker) -> Stream {
    load::connect(broker.address, None).await
}

async fn iam(broker: &Broker, stream: &mut Stream, parameters: &[(&str, &str)]) -> (Duration, String) {
    let all: Vec<_> = parameters.iter().copied().chain([("Version", "2010-05-08")]).collect();
    let request = aws(broker.address, &broker.root, "iam", &all);
    let begun = Instant::now();
    let answer = ask(stream, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    (begun.elapsed(), answer)
}

/// Creates users up to a number, and tells how many in a second.
async fn fill(broker: &Arc<Broker>, from: usize, to: usize) -> f64 {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for creator in 0..CREATORS {
        let broker = Arc::clone(broker);
        tasks.spawn(async move {
            let mut stream = connect(&broker).await;
            for number in (from + creator..to).step_by(CREATORS) {
                iam(&broker, &mut stream, &[("Action", "CreateUser"), ("UserName", &name(number))]).await;
            }
        });
    }
    tasks.join_all().await;
    (to - from) as f64 / begun.elapsed().as_secs_f64()
}

/// Creates and deletes users beyond the last, one after the other; the median of the creations.
async fn created_one_by_one(broker: &Broker, from: usize) -> Duration {
    let mut stream = connect(broker).await;
    let mut times = Vec::with_capacity(SAMPLES);
    for number in from..from + SAMPLES {
        let name = name(number);
        times.push(iam(broker, &mut stream, &[("Action", "CreateUser"), ("UserName", &name)]).await.0);
        iam(broker, &mut stream, &[("Action", "DeleteUser"), ("UserName", &name)]).await;
    }
    median(times)
}

/// A page of the list behind a user.
async fn list(broker: &Broker, behind: Option<usize>) -> Duration {
    let marker = behind.map(|number| Marker::behind(&name(number)).encode());
    let mut parameters = vec![("Action", "ListUsers"), ("MaxItems", PAGE)];
    if let Some(marker) = &marker {
        parameters.push(("Marker", marker));
    }
    let (_, answer) = iam(broker, &mut connect(broker).await, &parameters).await;
    assert_eq!(answer.matches("<UserName>").count().to_string(), PAGE);
    median_of(broker, &parameters).await
}

async fn median_of(broker: &Broker, parameters: &[(&str, &str)]) -> Duration {
    let mut stream = connect(broker).await;
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        times.push(iam(broker, &mut stream, parameters).await.0);
    }
    median(times)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
