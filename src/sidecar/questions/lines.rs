//! Reads the change stream's lines, and knows how old what they tell is when it arrives.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// The stream begins.
    Begin {
        /// What came up to this revision is not told.
        revision: u64,
        /// How old what is known may be.
        bound: Duration,
        /// How often a line comes, at the least.
        every: Duration,
    },
    /// A commit changed these.
    Changed { revision: u64, footings: Vec<u64> },
    /// Everything up to this revision was told.
    Through { revision: u64, age: Duration, at: Duration },
    /// Anything may have changed.
    Gap { revision: u64 },
    /// The stream ends.
    End(String),
}

#[derive(Deserialize)]
struct Raw {
    begin: Option<RawBegin>,
    changed: Option<Vec<String>>,
    at_revision: Option<u64>,
    revision: Option<u64>,
    age_ms: Option<u64>,
    at_ms: Option<u64>,
    gap: Option<bool>,
    end: Option<String>,
}

#[derive(Deserialize)]
struct RawBegin {
    revision: u64,
    staleness_bound_ms: u64,
    every_ms: u64,
}

impl Line {
    /// Reads a line; `None` for one that says nothing that is known here.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let raw: Raw = serde_json::from_slice(line).ok()?;
        if let Some(begin) = raw.begin {
            let [bound, every] = [begin.staleness_bound_ms, begin.every_ms].map(Duration::from_millis);
            return Some(Self::Begin { revision: begin.revision, bound, every });
        }
        if let Some(changed) = raw.changed {
            let footings: Option<Vec<u64>> = changed.iter().map(|word| u64::from_str_radix(word, 16).ok()).collect();
            return Some(Self::Changed { revision: raw.at_revision?, footings: footings? });
        }
        if raw.gap == Some(true) {
            return Some(Self::Gap { revision: raw.revision? });
        }
        if let Some(why) = raw.end {
            return Some(Self::End(why));
        }
        let (age, at) = (Duration::from_millis(raw.age_ms?), Duration::from_millis(raw.at_ms?));
        Some(Self::Through { revision: raw.revision?, age, at })
    }
}

/// How long lines are under way, as far as that can be told: longer than the fastest one of the stream.
///
/// Whoever can hold a connection's bytes back could otherwise make old news look new.
#[derive(Debug)]
pub(super) struct Transit {
    began: Instant,
    /// By how much the fastest line's arrival lay behind what it said, in microseconds; the first line said that the stream begins.
    least: i128,
}

impl Transit {
    pub(super) fn began(now: Instant) -> Self {
        Self { began: now, least: 0 }
    }

    /// The moment of which a line told that arrives now: it was written `at` after the stream began, and told of `age` before that.
    pub(super) fn as_of(&mut self, now: Instant, at: Duration, age: Duration) -> Option<Instant> {
        let micros = |span: Duration| i128::try_from(span.as_micros()).unwrap_or(i128::MAX);
        let behind = micros(now.saturating_duration_since(self.began)).saturating_sub(micros(at));
        self.least = self.least.min(behind);
        let late = u64::try_from(behind.saturating_sub(self.least)).ok()?;
        now.checked_sub(age)?.checked_sub(Duration::from_micros(late))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a line says, and however it is under way: nothing is as of a later moment than its arrival.
        #[test]
        fn no_news_is_of_tomorrow(told in prop::collection::vec((any::<u64>(), any::<u64>(), 0..100_000_u64), 1..6)) {
            let began = Instant::now();
            let mut transit = Transit::began(began);
            for (at, age, arrives) in told {
                let now = began + Duration::from_millis(arrives);
                let line = format!(r#"{{"revision":9,"age_ms":{age},"at_ms":{at}}}"#);
                let Some(Line::Through { age, at, .. }) = Line::read(line.as_bytes()) else { panic!("{line}") };
                prop_assert!(transit.as_of(now, at, age).is_none_or(|as_of| as_of <= now));
            }
        }

        /// Any bytes are a line or none, and one of footings has all of them.
        #[test]
        fn any_bytes_are_read(text in "\\PC{0,60}|\\{\"changed\":\\[(\"[0-9a-fx]{0,18}\",?){0,3}\\],\"at_revision\":[0-9]{1,22}\\}") {
            if let Some(Line::Changed { footings, .. }) = Line::read(text.as_bytes()) {
                prop_assert_eq!(footings.len(), text.matches('"').count() / 2 - 2);
            }
        }
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let read = |text: &str| Line::read(text.as_bytes());
        let begin = r#"{"begin":{"revision":4,"staleness_bound_ms":5000,"every_ms":1000}}"#;
        let (bound, every) = (Duration::from_secs(5), Duration::from_secs(1));
        assert_eq!(read(begin), Some(Line::Begin { revision: 4, bound, every }));
        assert_eq!(
            read(r#"{"changed":["00000000000000ff","1"],"at_revision":7,"revoked":[{"session":"ASIA"}]}"#),
            Some(Line::Changed { revision: 7, footings: vec![255, 1] })
        );
        let age = Duration::from_millis(3);
        assert_eq!(
            read(r#"{"revision":9,"age_ms":3,"at_ms":1000}"#),
            Some(Line::Through { revision: 9, age, at: every })
        );
        assert_eq!(read(r#"{"gap":true,"revision":9}"#), Some(Line::Gap { revision: 9 }));
        assert_eq!(read(r#"{"end":"renew"}"#), Some(Line::End("renew".to_owned())));
        for strange in
            ["", "{}", "[]", "x", r#"{"changed":["x"],"at_revision":1}"#, r#"{"changed":[]}"#, r#"{"revision":1}"#]
        {
            assert_eq!(read(strange), None, "{strange}");
        }
    }

    #[test]
    fn news_that_was_held_back_is_as_old_as_it_is() {
        let began = Instant::now();
        let seconds = Duration::from_secs;
        assert_eq!(Transit::began(began).as_of(began + seconds(9), seconds(2), seconds(0)), Some(began + seconds(2)));
        let mut transit = Transit::began(began);
        assert_eq!(transit.as_of(began + seconds(1), seconds(1), seconds(0)), Some(began + seconds(1)));
        assert_eq!(transit.as_of(began + seconds(9), seconds(2), seconds(0)), Some(began + seconds(2)), "seven late");
        assert_eq!(transit.as_of(began + seconds(9), seconds(9), seconds(2)), Some(began + seconds(7)));
    }
}
