//! Policy engines on one scenario, in one run: brevet's, iam-rs, Rego (regorus), Cedar, casbin. Each is given the same statements in
//! its own language, compiled beforehand as far as it can, and must answer every question right before it is measured.

#[path = "../../scenario/mod.rs"]
mod scenario;

mod brevet_engine;
mod casbin_engine;
mod cedar_engine;
mod iam_rs_engine;
mod rego_engine;

use std::time::{Duration, Instant};

use scenario::{Question, Spread, Verdict};

/// An engine that has read the policies.
pub trait Engine {
    /// Gets a question ready, as a door that speaks to this engine would, and gives what asks it again and again: `true` is "allowed".
    fn ask<'a>(&'a mut self, question: &Question) -> Box<dyn FnMut() -> bool + 'a>;
}

/// Reads this many policies.
type Load = fn(usize, Spread) -> Box<dyn Engine>;

const ENGINES: [(&str, Load); 5] = [
    ("brevet", brevet_engine::load),
    ("iam-rs", iam_rs_engine::load),
    ("regorus", rego_engine::load),
    ("cedar", cedar_engine::load),
    ("casbin", casbin_engine::load),
];

/// Rounds of each engine, taken in turns; the median is shown.
const ROUNDS: usize = 9;
/// How long a round is, roughly.
const ROUND: Duration = Duration::from_millis(60);

fn main() {
    for spread in [Spread::OneService, Spread::ManyServices] {
        println!("\nmedian time of a decision, policies about {}", spread.name());
        print!("{:>9}  {:<16}", "policies", "question");
        ENGINES.iter().for_each(|(name, _)| print!(" {name:>12}"));
        println!();
        for count in [1, 10, 100, 1_000] {
            let mut engines: Vec<_> = ENGINES.iter().map(|(name, load)| (*name, load(count, spread))).collect();
            for question in scenario::questions(count) {
                print!("{count:>9}  {:<16}", question.name);
                for time in measure(&mut engines, &question) {
                    print!(" {:>12}", format!("{time:.1?}"));
                }
                println!();
            }
        }
    }
}

fn measure(engines: &mut [(&str, Box<dyn Engine>)], question: &Question) -> Vec<Duration> {
    let mut asked: Vec<_> = engines
        .iter_mut()
        .map(|(name, engine)| {
            let mut ask = engine.ask(question);
            let allowed = question.verdict == Verdict::Allowed;
            assert_eq!(ask(), allowed, "{name} is wrong about {question:?}");
            let begun = Instant::now();
            ask();
            let times = (ROUND.as_nanos() / begun.elapsed().as_nanos().max(50)).clamp(3, 1_000_000) as u32;
            (ask, times, Vec::new())
        })
        .collect();
    for _ in 0..ROUNDS {
        for (ask, times, rounds) in &mut asked {
            let begun = Instant::now();
            for _ in 0..*times {
                std::hint::black_box(ask());
            }
            rounds.push(begun.elapsed() / *times);
        }
    }
    let median = |mut rounds: Vec<Duration>| {
        rounds.sort_unstable();
        rounds[rounds.len() / 2]
    };
    asked.into_iter().map(|(_, _, rounds)| median(rounds)).collect()
}
