//! Whose turn it is to write a record that many want to write at once.
//!
//! A commit is refused when somebody else has changed what it was based on. Of forty requests that attach one policy at one moment
//! each such round lets one through, and most would give up before it is theirs. So whoever has lost twice over a record stands
//! in line for it: within this broker nobody else in the line reads the record before whoever is in front has written it. It is no
//! lock. Who has not lost yet does not wait, other brokers do not know of the line, and nobody stands in it for long.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::store::Key;

/// The lines before records.
pub struct Turns {
    /// Those that somebody stands in.
    lines: Mutex<HashMap<Key, Line>>,
    patience: Duration,
}

type Line = Arc<tokio::sync::Mutex<()>>;

/// A place in a line, at the front of it unless that took too long.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    key: Key,
    /// Dropped before the line is looked at.
    front: Option<OwnedMutexGuard<()>>,
}

impl Default for Turns {
    /// Whoever has waited for two seconds tries all the same.
    fn default() -> Self {
        Self { lines: Mutex::default(), patience: Duration::from_secs(2) }
    }
}

impl Turns {
    /// Stands in the line for a record until it is one's turn.
    pub(super) async fn stand_in_line(&self, key: Key) -> Turn<'_> {
        let line = self.with(|lines| Arc::clone(lines.entry(key.clone()).or_default()));
        let mut turn = Turn { turns: self, key, front: None };
        turn.front = timeout(self.patience, line.lock_owned()).await.ok();
        turn
    }

    fn with<T>(&self, what: impl FnOnce(&mut HashMap<Key, Line>) -> T) -> T {
        // The map is whole between any two statements.
        what(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.front = None;
        self.turns.with(|lines| {
            // Whoever stands in a line holds it as well.
            if lines.get(&self.key).is_some_and(|line| Arc::strong_count(line) == 1) {
                lines.remove(&self.key);
            }
        });
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_stands_in_front_of_each_line_and_lines_end() {
        let turns = Arc::new(Turns::default());
        let key = |name: &str| Key::of(&["policy", "1", name]);
        let first = turns.stand_in_line(key("a")).await;
        let other = turns.stand_in_line(key("b")).await;
        let next = {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move { turns.stand_in_line(key("a")).await.front.is_some() })
        };
        tokio::task::yield_now().await;
        assert!(!next.is_finished() && first.front.is_some() && other.front.is_some());
        drop(first);
        assert!(next.await.expect("no panic"));
        drop(other);
        assert_eq!(turns.with(|lines| lines.len()), 0);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_and_who_goes_away_leaves_no_line() {
        let turns = Turns { patience: Duration::ZERO, ..Turns::default() };
        let key = || Key::of(&["policy", "1", "a"]);
        let first = turns.stand_in_line(key()).await;
        let impatient = turns.stand_in_line(key()).await;
        assert!(first.front.is_some() && impatient.front.is_none());
        drop((impatient, first));
        assert_eq!(turns.with(|lines| lines.len()), 0);

        let turns = Turns::default();
        let first = turns.stand_in_line(key()).await;
        let gone = timeout(Duration::ZERO, turns.stand_in_line(key())).await;
        assert!(gone.is_err());
        drop(first);
        assert_eq!(turns.with(|lines| lines.len()), 0);
    }
}
