use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::client::Passed;

const BOUND: Duration = Duration::from_secs(5);

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// An answer of this revision that stands on these words.
fn answer(asked: Instant, revision: u64, depends: &[u64], holds_for: Option<u64>) -> Arc<Answer> {
    let mut headers = HeaderMap::new();
    headers.insert("x-brevet-revision", revision.into());
    headers.insert("x-brevet-max-age", 5.into());
    if let Some(seconds) = holds_for {
        headers.insert("x-brevet-holds-for", seconds.into());
    }
    let words: Vec<String> = depends.iter().map(|word| format!("{word:016x}")).collect();
    headers.insert("x-brevet-depends", words.join(",").parse().unwrap());
    Arc::new(Answer::of(Passed { status: StatusCode::OK, headers, body: Bytes::from_static(b"{}") }, asked))
}

fn key(number: u8) -> Key {
    [number; 32]
}

fn good(kept: &Kept, number: u8, now: Instant) -> bool {
    kept.find(&key(number), now).is_some_and(|(_, standing)| standing.is_good())
}

#[test]
fn alone_an_answer_is_good_for_its_age() {
    let (now, mut kept) = (Instant::now(), Kept::new(1 << 20));
    kept.keep(key(1), &answer(now, 7, &[1], None));
    assert!(good(&kept, 1, now + seconds(4)) && !good(&kept, 1, now + seconds(5)));
    let (_, standing) = kept.find(&key(1), now + seconds(8)).unwrap();
    assert_eq!((standing.left, standing.over_for, standing.revision), (Duration::ZERO, seconds(3), 7));
}

#[test]
fn the_stream_lets_it_be_good_for_as_long_as_it_is_heard() {
    let (now, mut kept) = (Instant::now(), Kept::new(1 << 20));
    kept.keep(key(1), &answer(now, 7, &[1], None));
    // What was told up to an earlier revision says nothing of this one.
    kept.heard(6, now + seconds(20), BOUND);
    assert!(!good(&kept, 1, now + seconds(20)));
    kept.heard(7, now + seconds(20), BOUND);
    assert!(good(&kept, 1, now + seconds(24)) && !good(&kept, 1, now + seconds(25)), "silence ends it");
    kept.heard(9, now + seconds(30), BOUND);
    assert_eq!(kept.find(&key(1), now + seconds(31)).unwrap().1.revision, 9);
    // News that were held back are as old as they are.
    kept.heard(9, now + seconds(22), BOUND);
    assert!(good(&kept, 1, now + seconds(34)) && !good(&kept, 1, now + seconds(35)));
    kept.heard(9, now + LONGEST + seconds(1), BOUND);
    assert!(!good(&kept, 1, now + LONGEST + seconds(1)), "some time it is asked for again");
}

#[test]
fn a_change_drops_what_stands_on_it_and_nothing_else() {
    let (now, mut kept) = (Instant::now(), Kept::new(1 << 20));
    kept.keep(key(1), &answer(now, 7, &[1, 2], None));
    kept.keep(key(2), &answer(now, 7, &[2, 3], None));
    kept.keep(key(3), &answer(now, 9, &[3], None));
    kept.changed(8, [3, 4]);
    assert!(good(&kept, 1, now) && !good(&kept, 2, now));
    assert!(good(&kept, 3, now), "the change is in it already");
    kept.changed(10, [2, 3]);
    assert_eq!(kept.size(), (0, 0));
    assert!(kept.standing_on.is_empty());
}

#[test]
fn an_answer_that_was_overtaken_is_not_kept() {
    let (now, mut kept) = (Instant::now(), Kept::new(1 << 20));
    kept.changed(8, [1]);
    kept.keep(key(1), &answer(now, 7, &[1], None));
    kept.keep(key(2), &answer(now, 8, &[1], None));
    assert!(!good(&kept, 1, now) && good(&kept, 2, now));
    // Nor is one that takes the place of another.
    kept.keep(key(2), &answer(now, 7, &[1], None));
    assert!(!good(&kept, 2, now));
    // Of more changes than are remembered, the earlier count as everything.
    for revision in 0..REMEMBERED as u64 {
        kept.changed(100 + revision, [1_000 + revision]);
    }
    kept.changed(99_999, [5]);
    kept.keep(key(3), &answer(now, 99, &[77], None));
    assert!(!good(&kept, 3, now));
    kept.keep(key(3), &answer(now, 101, &[77], None));
    assert!(good(&kept, 3, now));
    assert!(kept.changed.len() <= REMEMBERED);
}

#[test]
fn after_a_gap_nothing_is_known() {
    let (now, mut kept) = (Instant::now(), Kept::new(1 << 20));
    kept.heard(50, now, BOUND);
    kept.keep(key(1), &answer(now, 50, &[1], None));
    kept.gap(60);
    assert!(!good(&kept, 1, now) && !kept.is_recent(now));
    kept.keep(key(1), &answer(now, 59, &[1], None));
    assert!(!good(&kept, 1, now), "it was under way");
    // A store that was put back counts from where it is.
    kept.gap(10);
    kept.heard(10, now, BOUND);
    kept.keep(key(1), &answer(now, 10, &[1], None));
    assert!(good(&kept, 1, now) && kept.through() == Some(10));
}

#[test]
fn time_ends_it_whatever_the_stream_says() {
    let (now, mut kept) = (Instant::now(), Kept::new(1 << 20));
    kept.keep(key(1), &answer(now, 7, &[1], Some(30)));
    kept.heard(7, now + seconds(29), BOUND);
    assert!(good(&kept, 1, now + seconds(29)) && !good(&kept, 1, now + seconds(30)));
    let (answer, _) = kept.find(&key(1), now + seconds(30)).unwrap();
    assert!(Kept::is_over(&answer, now + seconds(30)) && !Kept::is_over(&answer, now + seconds(29)));
}

#[test]
fn there_is_room_for_so_many_bytes() {
    let (now, mut kept) = (Instant::now(), Kept::new(64 * 1024));
    for round in 0..3 {
        for number in 0..=255 {
            kept.keep(key(number), &answer(now, 7 + round, &[u64::from(number)], None));
            let (answers, bytes) = kept.size();
            assert!(bytes <= kept.room && answers == kept.standing_on.len());
            assert!(kept.order.len() <= 2 * answers + 65);
        }
    }
    assert!(good(&kept, 255, now) && !good(&kept, 0, now), "the oldest go first");
}
