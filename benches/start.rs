//! How long the binary takes from being started to answering `/health/ready` with 200, and how much memory it then holds.

#[path = "support/memory.rs"]
mod memory;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use memory::resident_mib;

/// Starts in each row.
const STARTS: usize = 15;
/// The budgets.
const START_MS: f64 = 100.0;
const IDLE_MIB: f64 = 30.0;

struct Started {
    child: Child,
    ready: Duration,
}

fn main() {
    let binary = std::env::var("BREVET_BENCH_BINARY").ok().or(option_env!("CARGO_BIN_EXE_brevet").map(str::to_owned));
    let binary = binary.expect("run with cargo bench, or set BREVET_BENCH_BINARY");
    let mut first = Vec::new();
    let mut again = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..STARTS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        first.push(stop(start(&binary, folder.path())));
        let started = start(&binary, folder.path());
        memory.push(resident_mib(started.child.id()));
        again.push(stop(started));
    }
    println!("{:<36} {:>9} {:>9} {:>9}", "", "median", "slowest", "budget");
    print("start on an empty folder", &mut first, START_MS, "ms");
    print("start on an existing folder", &mut again, START_MS, "ms");
    print("resident memory, idle", &mut memory, IDLE_MIB, "MiB");
}

fn print(name: &str, values: &mut [f64], budget: f64, unit: &str) {
    values.sort_by(f64::total_cmp);
    let (median, slowest) = (values[values.len() / 2], values[values.len() - 1]);
    println!(
        "{name:<36} {:>9} {:>9} {:>9}",
        format!("{median:.1}"),
        format!("{slowest:.1}"),
        format!("{budget} {unit}")
    );
}

fn start(binary: &str, folder: &Path) -> Started {
    let begun = Instant::now();
    let mut child = Command::new(binary)
        .arg("serve")
        .env("BREVET_SERVER_LISTEN", "127.0.0.1:0")
        .env("BREVET_STORE_DATA_DIR", folder.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let line = lines.next().expect("a first line").expect("text");
    let address = line.rsplit_once("http://").expect("the address").1.to_owned();
    while !is_ready(&address) {
        assert!(begun.elapsed() < Duration::from_secs(10), "not ready after ten seconds");
    }
    Started { child, ready: begun.elapsed() }
}

fn is_ready(address: &str) -> bool {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!("GET /health/ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.starts_with("HTTP/1.1 200 ")
}

/// Milliseconds that the start took.
fn stop(mut started: Started) -> f64 {
    // Killed, not asked: the store must be as good after that.
    let _ = started.child.kill();
    let _ = started.child.wait();
    started.ready.as_secs_f64() * 1_000.0
}
