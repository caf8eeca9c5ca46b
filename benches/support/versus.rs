//! The broker beside a bare axum handler, in turns, as a table.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::least::Least;
use super::load::{self, Round};
use super::mutual::Tls;
use super::world::{self, World};

/// Requests of one kind, and how much of the bare handler's rate they shall reach.
pub struct Matter {
    pub name: &'static str,
    /// The path that the bare handler answers.
    pub path: &'static str,
    /// Who is asked beside the bare handler; the broker, where nobody else is named.
    pub at: Option<SocketAddr>,
    /// Over TLS, where both sides show certificates.
    pub tls: Option<Tls>,
    /// One request for each connection.
    pub requests: Vec<Vec<u8>>,
    /// The budget: a part of the bare handler's rate. None where another figure is promised.
    pub budget: Option<f64>,
    /// What no broker can do without, for a third side: a bare handler that does this and nothing else.
    pub least: Option<Least>,
}

/// What came out: medians of all turns.
pub struct Line {
    name: &'static str,
    bare: Round,
    broker: Round,
    ratio: f64,
    budget: Option<f64>,
    /// The part of the bare handler's rate that one reaches which does the least.
    least: Option<(&'static str, f64)>,
}

/// Turns of each side, and how long one is; `BREVET_BENCH_TURNS` and `BREVET_BENCH_TURN_MS` say otherwise, within bounds.
fn turns() -> (usize, Duration) {
    let number = |name: &str, default: u64, most: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default).clamp(1, most)
    };
    let turns = usize::try_from(number("BREVET_BENCH_TURNS", 7, 100)).unwrap_or(7);
    (turns, Duration::from_millis(number("BREVET_BENCH_TURN_MS", 1_000, 10_000)))
}

/// Connections that are used, `BREVET_BENCH_CONNECTIONS` or all: with one, nothing competes with what is measured for a core.
fn connections(of: usize) -> usize {
    let said = std::env::var("BREVET_BENCH_CONNECTIONS").ok().and_then(|text| text.parse().ok());
    said.unwrap_or(of).clamp(1, of)
}

/// Measures each matter, the bare handler and the broker in turns.
pub fn measure(server: &Runtime, world: &World, matters: &[Matter]) -> Vec<Line> {
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (turns, length) = turns();
    let mut lines = Vec::new();
    let only = std::env::var("BREVET_BENCH_ONLY").unwrap_or_default();
    for matter in matters.iter().filter(|matter| matter.name.contains(&only)) {
        let at = matter.at.unwrap_or(world.address);
        let connector = matter.tls.as_ref().map(|tls| &tls.connector);
        let acceptor = || matter.tls.as_ref().map(|tls| tls.acceptor.clone());
        let answer = server.block_on(world::once(at, connector, &matter.requests[0]));
        let bare = server.block_on(load::bare(matter.path, &answer, None, acceptor()));
        let least = matter.least.as_ref().map(|least| {
            (least.doing, server.block_on(load::bare(matter.path, &answer, Some(Arc::clone(&least.work)), acceptor())))
        });
        let requests = matter.requests.get(..connections(matter.requests.len())).unwrap_or_default();
        let turn = |address: SocketAddr, length| client.block_on(load::round(address, connector, requests, length));
        // Once without counting, so that caches and connections are warm.
        turn(bare, length / 4);
        turn(at, length / 4);
        let mut pairs = Vec::with_capacity(turns);
        let mut leasts = Vec::new();
        for _ in 0..turns {
            pairs.push((turn(bare, length), turn(at, length)));
            if let (Some((_, least)), Some((bare, _))) = (least, pairs.last()) {
                leasts.push(turn(least, length).rate / bare.rate);
            }
        }
        // The ratio is taken turn by turn, so that what else the machine does hits both sides alike.
        let ratio = middle(pairs.iter().map(|(bare, broker)| broker.rate / bare.rate).collect(), f64::total_cmp);
        lines.push(Line {
            name: matter.name,
            bare: median(pairs.iter().map(|(bare, _)| *bare).collect()),
            broker: median(pairs.iter().map(|(_, broker)| *broker).collect()),
            ratio,
            budget: matter.budget,
            least: least.map(|(doing, _)| (doing, middle(leasts, f64::total_cmp))),
        });
    }
    lines
}

fn median(rounds: Vec<Round>) -> Round {
    middle(rounds, |a, b| a.rate.total_cmp(&b.rate))
}

fn middle<T: Copy>(mut all: Vec<T>, order: impl FnMut(&T, &T) -> std::cmp::Ordering) -> T {
    all.sort_by(order);
    all[all.len() / 2]
}

/// Prints the table.
pub fn print(lines: &[Line]) {
    println!(
        "{:<28} {:>11} {:>11} {:>7} {:>7}  {:>9} {:>9} {:>8}",
        "", "bare req/s", "brevet", "ratio", "budget", "median", "p99", "refused"
    );
    for line in lines {
        println!("{line}");
    }
    for Line { name, least, .. } in lines {
        if let Some((doing, ratio)) = least {
            println!("{name:<28} a bare handler that {doing} and nothing else: {:.1}%", ratio * 100.0);
        }
    }
    println!("\nProcessor time for each request in microseconds:");
    println!(
        "{:<28} {:>10} {:>6} {:>6} {:>12} {:>6} {:>6} {:>6}",
        "", "bare: load", "serve", "all", "brevet: load", "serve", "store", "all"
    );
    for Line { name, bare, broker, .. } in lines {
        let ([load, serve, _], [its_load, its_serve, its_store]) = (bare.spent, broker.spent);
        let (all, its_all) = (bare.spent.iter().sum::<f64>(), broker.spent.iter().sum::<f64>());
        println!(
            "{name:<28} {load:>10.1} {serve:>6.1} {all:>6.1} {its_load:>12.1} {its_serve:>6.1} {its_store:>6.1} {its_all:>6.1}"
        );
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, bare, broker, ratio, budget, .. } = self;
        write!(
            f,
            "{name:<28} {:>11.0} {:>11.0} {:>6.1}% {:>7}  {:>9} {:>9} {:>7.1}%",
            bare.rate,
            broker.rate,
            ratio * 100.0,
            budget.map_or("-".to_owned(), |budget| format!("{:.0}%", budget * 100.0)),
            format!("{:.0?}", broker.median),
            format!("{:.0?}", broker.p99),
            broker.refused * 100.0,
        )
    }
}
