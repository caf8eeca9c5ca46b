//! Puts values into the configuration, later layers over earlier ones, and remembers where each came from.

use std::collections::{BTreeMap, BTreeSet};

use super::value::Value;
use super::{Config, ConfigError, Key, Place, Problem, check};

/// A configuration in the making.
#[derive(Default)]
pub(super) struct Settling {
    config: Config,
    places: BTreeMap<String, Place>,
    faulty: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Settling {
    pub(super) fn give(&mut self, key: &Key, value: &Value, place: Place) {
        match key.set(&mut self.config, value) {
            Ok(()) => {
                self.places.insert(key.path(), place);
            }
            Err(fault) => {
                self.faulty.insert(key.path());
                self.problem(Problem::Wrong { key: key.path(), place, fault });
            }
        }
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Where the value of a key comes from.
    pub(super) fn place(&self, key: &str) -> Place {
        self.places.get(key).cloned().unwrap_or(Place::Default)
    }

    pub(super) fn finish(mut self) -> Result<Config, ConfigError> {
        for rule in &check::RULES {
            // A value that was refused stands at an earlier one, about which nothing more is to be said.
            if rule.reads.iter().all(|key| !self.faulty.contains(*key))
                && let Some(problem) = (rule.broken)(&self.config, &self)
            {
                self.problem(problem);
            }
        }
        if self.problems.is_empty() { Ok(self.config) } else { Err(ConfigError(self.problems)) }
    }
}
