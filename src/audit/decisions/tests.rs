use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::clock::{SystemClock, Timestamp};

/// Draws 0, 1, 2, ... in turn.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, target: &mut [u8]) {
        let drawn = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        target.iter_mut().zip(drawn).for_each(|(byte, drawn)| *byte = drawn);
    }
}

fn begin(section: &DecisionLogSection, folder: &Path) -> Arc<DecisionLog> {
    let open = OpenLog::open(section, folder).expect("usable").expect("it is on");
    let (clock, random) = (Arc::new(SystemClock), Arc::new(Counting::default()));
    Arc::new(open.begin(SecretBytes::new([1; 32]), clock, random).expect("usable"))
}

fn full() -> DecisionLogSection {
    DecisionLogSection { mode: LogMode::Full, ..DecisionLogSection::default() }
}

fn record(id: &str) -> Record {
    Record { time: Timestamp(0).iso8601(), id: id.to_owned(), decision: "allowed".to_owned(), ..Record::default() }
}

fn entries(folder: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(folder.join(DEFAULT_FILE)).expect("a log");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn off_means_that_there_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(OpenLog::open(&DecisionLogSection::default(), folder.path()).unwrap().is_none());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn answers_are_sampled_each_kind_by_its_own_share() {
    let folder = tempfile::tempdir().unwrap();
    let section = DecisionLogSection { mode: LogMode::Sampled, allowed_one_in: 4, ..DecisionLogSection::default() };
    let log = begin(&section, folder.path());
    let kept: Vec<Option<u64>> = (0..8).map(|_| log.wants(true)).collect();
    assert_eq!(kept, [Some(4), None, None, None, Some(4), None, None, None]);
    assert!((0..8).all(|_| log.wants(false) == Some(1)), "denials are kept unless somebody says otherwise");
    drop(log);
    let none = DecisionLogSection { allowed_one_in: 0, denied_one_in: 0, ..section };
    let log = begin(&none, folder.path());
    assert!((0..8).all(|_| log.wants(true).is_none() && log.wants(false).is_none()));
}

#[tokio::test]
async fn what_finds_no_place_is_counted_and_the_log_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = begin(&full(), folder.path());
    let taken = (0..10_000).filter(|n| log.take(record(&n.to_string()))).count();
    assert!((1_000..10_000).contains(&taken), "{taken}");
    Arc::clone(&log).write_down(std::future::ready(())).await;
    let entries = entries(folder.path());
    let decisions = entries.iter().filter(|entry| matches!(entry, Entry::Decision(_))).count();
    let dropped: u64 = entries.iter().map(|entry| if let Entry::Dropped(it) = entry { it.dropped } else { 0 }).sum();
    assert_eq!((decisions, dropped), (taken, 10_000 - taken as u64));
    assert!(matches!(&entries[0], Entry::Begun { log, .. } if log.version == 1));
    assert!(log.take(record("later")), "there is room again");
}

/// Where the disk takes nothing, decisions go on; when it does again, the log says what is missing.
#[tokio::test]
async fn what_cannot_be_written_is_counted_and_told_later() {
    let folder = tempfile::tempdir().unwrap();
    let log = begin(&full(), folder.path());
    let path = folder.path().join(DEFAULT_FILE);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(log.take(record("one")) && log.take(record("two")));
    Arc::clone(&log).write_down(std::future::ready(())).await;
    std::fs::remove_dir(&path).unwrap();
    assert!(log.take(record("three")));
    Arc::clone(&log).write_down(std::future::ready(())).await;
    let entries = entries(folder.path());
    assert!(matches!(entries[0], Entry::Begun { .. }));
    assert!(matches!(&entries[1], Entry::Dropped(it) if it.dropped == 2), "{entries:?}");
    assert!(matches!(&entries[2], Entry::Decision(it) if it.id == "three"));
}

/// Texts that others choose begin no line, speak to no terminal, and fill no disk.
#[tokio::test]
async fn a_line_is_a_line_whatever_others_say() {
    let folder = tempfile::tempdir().unwrap();
    let log = begin(&full(), folder.path());
    let evil = "x\n{\"dropped\":9}\r\u{1b}[2J\u{202e}\u{2028}\u{9b}\0";
    let many = |text: &str| std::iter::repeat_n(text.to_owned(), 300).collect::<Vec<_>>();
    let condition = |key: &str| Condition { key: key.to_owned(), values: Some(many(evil)), ..Condition::default() };
    let hostile = Record {
        resource: evil.repeat(1_000),
        action: evil.to_owned(),
        said: many(evil),
        conditions: (0..300).map(|n| condition(&format!("{evil}{n}"))).collect(),
        ..record("evil")
    };
    let wide = Record { said: many(&"\u{1}".repeat(2_000)), resource: "\u{1}".repeat(1 << 20), ..record("wide") };
    assert!(log.take(hostile.clone()) && log.take(wide) && log.take(record("next")));
    Arc::clone(&log).write_down(std::future::ready(())).await;
    let entries = entries(folder.path());
    assert_eq!(entries.len(), 4);
    let Entry::Decision(read) = &entries[1] else { panic!("{entries:?}") };
    assert!(read.cut && read.action == evil && read.said.len() <= 64);
    let bytes = std::fs::read(folder.path().join(DEFAULT_FILE)).unwrap();
    assert!(bytes.iter().all(|b| *b >= b' ' || *b == b'\n'));
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains(['\u{202e}', '\u{2028}', '\u{9b}', '\u{1b}']));
    assert!(text.lines().all(|line| line.len() <= 64 * 1_024));
}

#[tokio::test]
async fn credentials_are_in_no_record_whatever_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let section = DecisionLogSection { mask: vec!["k".to_owned()], masked_as: MaskedAs::Removed, ..full() };
    let log = begin(&section, folder.path());
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ0b3BzZWNyZXQifQ.c2lnbmF0dXJl";
    let value =
        Condition { key: "web:Url".to_owned(), values: Some(vec![format!("/x?t={token}")]), ..Condition::default() };
    let with = Record {
        resource: format!("arn:aws:web:::https://h/?token=hunter2&x={token}"),
        said: vec![format!("k/{token}")],
        conditions: vec![value],
        ..record("one")
    };
    assert!(log.take(with));
    Arc::clone(&log).write_down(std::future::ready(())).await;
    let text = std::fs::read_to_string(folder.path().join(DEFAULT_FILE)).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("eyJ") && text.contains("https://h/"), "{text}");
}
