//! Finds records: in a log's files from their end, or in what comes by standard input.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

use serde_json::Value;

use super::backwards::{Backwards, Line, files};
use super::document;
use super::wanted::Wanted;
use crate::audit::decisions::{Begun, Entry, Record};
use crate::clock::Timestamp;

/// What was found, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) records: Vec<Record>,
    /// Whether there were more than were asked for.
    pub(super) more: bool,
    /// Lines that are no records.
    pub(super) damaged: u64,
    /// Records of the time that was asked for that the log says it could not keep.
    pub(super) dropped: u64,
    /// What the log says of itself.
    pub(super) begun: Option<Begun>,
}

/// Lines stand in the order of their times but for this many seconds: decisions overtake each other, and clocks are set.
const OUT_OF_ORDER: i64 = 300;
/// The longest line that is read from standard input.
const LONGEST_LINE: u64 = 1 << 20;

impl Found {
    /// Takes a line; whether it is older than all that is asked for.
    fn take(&mut self, line: &[u8], wanted: &Wanted, keep: &mut impl FnMut(Record)) -> bool {
        if line.iter().all(u8::is_ascii_whitespace) {
            return false;
        }
        let time = match read(line) {
            Some(Parsed::Event(time)) => time,
            Some(Parsed::Entry(Entry::Decision(record))) => {
                let time = Timestamp::parse_iso8601(&record.time);
                if wanted.is_met_by(&record, time) {
                    keep(*record);
                }
                time
            }
            Some(Parsed::Entry(Entry::Dropped(told))) => {
                let time = Timestamp::parse_iso8601(&told.time);
                if wanted.window.is_none_or(|window| time.is_some_and(|time| window.contains(time))) {
                    self.dropped = self.dropped.saturating_add(told.dropped);
                }
                time
            }
            Some(Parsed::Entry(Entry::Begun { time, log })) => {
                self.begun.get_or_insert(log);
                Timestamp::parse_iso8601(&time)
            }
            None => {
                self.damaged += 1;
                None
            }
        };
        let begins = wanted.window.map(|window| window.from.plus(-OUT_OF_ORDER));
        begins.zip(time).is_some_and(|(begins, time)| time < begins)
    }
}

/// Reads a log and the files that were put aside, from the end.
pub(super) fn from_files(path: &Path, wanted: &Wanted) -> io::Result<Found> {
    let until = wanted.window.map(|window| window.until.plus(OUT_OF_ORDER));
    let mut found = Found::default();
    let mut records = Vec::new();
    'log: for file in files(path)? {
        let head = first_line(&file)?;
        let mut lines = Backwards::until(file, until, time_of)?;
        while let Some(line) = lines.next()? {
            let Line::Text(line) = line else {
                found.damaged += 1;
                continue;
            };
            let past = found.take(&line, wanted, &mut |record| records.push(record));
            if records.len() > wanted.last {
                records.truncate(wanted.last);
                found.more = true;
                break 'log;
            }
            if past {
                // What the log says of itself stands at the beginning of the file.
                found.take(&head, &Wanted::default(), &mut |_| ());
                break 'log;
            }
        }
    }
    records.reverse();
    Ok(Found { records, ..found })
}

/// Reads lines in their order, as from `brevet audit --format json`.
pub(super) fn from_stream(mut input: impl BufRead, wanted: &Wanted) -> io::Result<Found> {
    let mut found = Found::default();
    let mut records = VecDeque::new();
    let mut more = false;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
            found.damaged += 1;
            input.skip_until(b'\n')?;
            continue;
        }
        found.take(&line, wanted, &mut |record| {
            records.push_back(record);
            if records.len() > wanted.last {
                records.pop_front();
                more = true;
            }
        });
    }
    Ok(Found { records: records.into(), more, ..found })
}

/// What a line says.
enum Parsed {
    Entry(Entry),
    /// Of the audit trail, and no refusal by policy.
    Event(Option<Timestamp>),
}

/// What a line says, be it one of the decision log or of the audit trail.
fn read(line: &[u8]) -> Option<Parsed> {
    if let Ok(entry) = serde_json::from_slice(line) {
        return Some(Parsed::Entry(entry));
    }
    let event: Value = serde_json::from_slice(line).ok()?;
    let time = event.get("eventTime")?.as_str()?;
    Some(match document::of_event(&event) {
        Some(record) => Parsed::Entry(Entry::Decision(Box::new(record))),
        None => Parsed::Event(Timestamp::parse_iso8601(time)),
    })
}

fn time_of(line: &[u8]) -> Option<Timestamp> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let time = value.get("time").or_else(|| value.get("eventTime"))?;
    Timestamp::parse_iso8601(time.as_str()?)
}

fn first_line(file: &File) -> io::Result<Vec<u8>> {
    let mut line = vec![0; 16 * 1_024];
    let read = std::os::unix::fs::FileExt::read_at(file, &mut line, 0)?;
    line.truncate(read);
    let end = line.iter().position(|b| *b == b'\n').unwrap_or(0);
    line.truncate(end);
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::cli::explain::when::Window;

    fn line(seconds: i64, id: &str, action: &str) -> String {
        let time = Timestamp(seconds).iso8601();
        format!(
            r#"{{"time":"{time}","id":"{id}","door":"authzen","asker":"a","action":"{action}","resource":"r","decision":"allowed"}}"#
        )
    }

    /// A log of one record a minute, in three files, with damage in it.
    fn log() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let head = |minute: i64| {
            let time = Timestamp(minute * 60).iso8601();
            format!(r#"{{"time":"{time}","log":{{"version":1,"allowed_one_in":7,"denied_one_in":1,"mask":[]}}}}"#)
        };
        for (name, from) in [("log.2", 0), ("log.1", 500), ("log", 1_000)] {
            let mut text = head(from) + "\n";
            for minute in from..from + 500 {
                text.push_str(&line(minute * 60, &minute.to_string(), "record:read"));
                text.push('\n');
            }
            text.push_str("{\"time\":\"19\n\n\u{0}\n");
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        (folder, path)
    }

    fn ids(found: &Found) -> Vec<&str> {
        found.records.iter().map(|record| record.id.as_str()).collect()
    }

    fn at(minute: i64) -> Wanted {
        let window = Window { from: Timestamp(minute * 60), until: Timestamp(minute * 60 + 59) };
        Wanted { window: Some(window), ..Wanted::default() }
    }

    #[test]
    fn the_latest_are_found_from_the_end() {
        let (_folder, path) = log();
        let found = from_files(&path, &Wanted { last: 3, ..Wanted::default() }).unwrap();
        assert_eq!((ids(&found), found.more, found.damaged), (vec!["1497", "1498", "1499"], true, 2));
        let all = from_files(&path, &Wanted::default()).unwrap();
        assert_eq!((all.records.len(), all.more, all.damaged), (1_500, false, 6));
    }

    #[test]
    fn a_moment_is_found_in_whatever_file_it_is() {
        let (_folder, path) = log();
        for minute in [0, 3, 499, 500, 777, 1_000, 1_499] {
            let found = from_files(&path, &at(minute)).unwrap();
            assert_eq!(ids(&found), [minute.to_string()]);
            assert!(found.begun.is_some());
        }
        assert!(from_files(&path, &at(2_000)).unwrap().records.is_empty());
    }

    proptest! {
        /// Whatever somebody has written into a log: it is read to its end, and every line is a record, or counted, or says nothing.
        #[test]
        fn any_bytes_are_read(lines in prop::collection::vec("\\PC{0,60}|\\{\"time\":\\PC{0,20}\\}|[0-9\\[{}\",:]{0,40}", 0..20)) {
            let text = lines.join("\n");
            let found = from_stream(text.as_bytes(), &Wanted::default()).unwrap();
            let said = text.lines().filter(|line| !line.trim_matches(|c: char| c.is_ascii_whitespace()).is_empty()).count() as u64;
            prop_assert!(found.records.is_empty() && found.damaged <= said);
        }
    }

    #[test]
    fn standard_input_is_read_to_its_end() {
        let (_folder, path) = log();
        let text = std::fs::read(&path).unwrap();
        let long = [text.as_slice(), &vec![b'x'; 3 << 20], b"\n", line(9, "last", "a:b").as_bytes()].concat();
        let found = from_stream(long.as_slice(), &Wanted { last: 2, ..Wanted::default() }).unwrap();
        assert_eq!((ids(&found), found.more, found.damaged), (vec!["1499", "last"], true, 3));
    }

    #[test]
    fn refusals_of_the_audit_trail_are_read_and_other_events_passed_over() {
        let events = concat!(
            r#"{"eventTime":"2026-11-27T14:03:00Z","eventName":"GetUser","eventSource":"iam.amazonaws.com"}"#,
            "\n",
            r#"{"eventTime":"2026-11-27T14:03:01Z","eventSource":"iam.amazonaws.com","additionalEventData":{"allowed":false,"#,
            r#""explicitDeny":false,"matchedStatements":{"items":[]},"failures":{"items":[{"policyType":"IDENTITY_POLICY","#,
            r#""level":null,"nearlyAllowedBy":null}]},"context":{"principal":{"id":"AIDA","name":"ann","#,
            r#""arn":"arn:aws:iam::111122223333:user/ann"},"action":"iam:CreateUser","resource":"*","conditions":{"items":"#,
            r#"[{"key":"aws:SourceIp","values":{"items":[{"value":"192.0.2.1"}]}}]}},"requestTime":"2026-11-27T14:03:01Z","#,
            r#""requestId":"q","truncated":false}}"#,
        );
        let wanted = Wanted { principal: Some("ann".to_owned()), ..Wanted::default() };
        let found = from_stream(events.as_bytes(), &wanted).unwrap();
        assert_eq!((ids(&found), found.damaged), (vec!["q"], 0));
        let record = found.records.first().unwrap();
        assert_eq!(record.missing.as_ref().unwrap().kind, "identity-based policy");
        assert_eq!(record.conditions.first().unwrap().values.as_deref().unwrap(), ["192.0.2.1"]);
    }
}
