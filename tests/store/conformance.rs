//! What every backend must do. Each test gets an empty place; a test that opens it twice plays two brokers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use brevet::store::{AuditQuery, Batch, Change, CommitError, Expect, Key, Record, Revision, Store, StoreError, Tuning};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::place::{PATIENT, Place, body, delete, event, key, names, put, version};

macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::place::Place::sqlite()).await;
                }
            )*
        }
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::place::Place::postgres().await).await;
                }
            )*
        }
    };
}

suite!(
    a_commit_is_all_or_nothing,
    expectations_are_judged_against_what_is_there,
    revisions_grow_with_every_write_and_only_then,
    scans_are_ordered_and_paged,
    paging_misses_nothing_that_stays_while_others_write,
    nobody_loses_an_update,
    the_feed_names_every_change_once_and_in_order,
    a_stretch_of_the_feed_never_splits_a_commit,
    a_commit_is_seen_by_everybody_when_it_returns,
    several_records_are_read_as_of_one_moment,
    audit_records_are_found_by_account_and_time,
    audit_records_that_were_stored_together_are_found_one_by_one,
    audit_records_of_many_callers_are_all_kept,
    a_feed_that_does_not_reach_back_says_so,
    waiting_ends_when_anybody_commits,
    what_is_too_large_is_refused,
    what_was_written_is_there_after_reopening,
    brokers_may_start_at_the_same_time,
    a_closed_store_says_so,
    many_callers_with_and_without_conflicts_get_their_own_answer,
    what_a_random_history_leaves_is_what_a_map_would_hold,
);

async fn what_a_random_history_leaves_is_what_a_map_would_hold(place: Place) {
    crate::model::check(place).await;
}

async fn a_commit_is_all_or_nothing(place: Place) {
    let store = place.open().await;
    store.commit(put("a", Expect::Absent, "1")).await.unwrap();
    let before = store.revision().await.unwrap();
    let batch = Batch {
        puts: vec![(key("b"), Expect::Absent, b"2".to_vec()), (key("a"), Expect::Absent, b"2".to_vec())],
        deletes: vec![(key("a"), Expect::Any)],
        checks: vec![],
        audit: vec![event("e", 1, "1")],
    };
    assert_eq!(store.commit(batch).await, Err(CommitError::Conflict(key("a"))));
    assert_eq!(body(&*store, "a").await.as_deref(), Some("1"));
    assert_eq!(body(&*store, "b").await, None);
    assert_eq!(store.audit(&AuditQuery { limit: 10, ..AuditQuery::default() }).await.unwrap(), []);
    assert_eq!(store.changes(before, 10).await.unwrap().changes, []);

    let batch = Batch {
        puts: vec![(key("b"), Expect::Absent, b"2".to_vec()), (key("c"), Expect::Any, b"3".to_vec())],
        deletes: vec![(key("a"), Expect::Present)],
        checks: vec![(key("d"), Expect::Absent)],
        audit: vec![event("e", 1, "1")],
    };
    let revision = store.commit(batch).await.unwrap();
    assert!(revision > before);
    let records = store.scan(&Key::of(&["test"]).children(), 10).await.unwrap();
    assert_eq!(names(&records), ["b", "c"]);
    assert!(records.iter().all(|record| record.version == revision));
    assert_eq!(store.audit(&AuditQuery { limit: 10, ..AuditQuery::default() }).await.unwrap().len(), 1);
    let changes = store.changes(before, 10).await.unwrap();
    let changed: BTreeSet<Key> = changes.changes.iter().map(|change| change.key.clone()).collect();
    assert_eq!(changed, BTreeSet::from([key("a"), key("b"), key("c")]));
    assert!(changes.changes.iter().all(|change| change.revision == revision));
    assert_eq!((changes.through, changes.gap), (revision, false));
}

async fn expectations_are_judged_against_what_is_there(place: Place) {
    let store = place.open().await;
    let there = store.commit(put("there", Expect::Any, "1")).await.unwrap();
    let other = Revision(there.0 + 1_000);
    let judged = [
        (Expect::Any, true, true),
        (Expect::Absent, false, true),
        (Expect::Present, true, false),
        (Expect::Version(there), true, false),
        (Expect::Version(other), false, false),
    ];
    for (expect, if_there, if_missing) in judged {
        for (name, accepted) in [("there", if_there), ("missing", if_missing)] {
            let check = Batch { checks: vec![(key(name), expect)], ..Batch::default() };
            let deletion = Batch { deletes: vec![(key("nowhere"), Expect::Any)], ..check.clone() };
            for batch in [check, deletion] {
                let verdict = store.commit(batch).await;
                match accepted {
                    true => assert!(verdict.is_ok(), "{expect:?} of {name}: {verdict:?}"),
                    false => assert_eq!(verdict, Err(CommitError::Conflict(key(name))), "{expect:?} of {name}"),
                }
            }
        }
    }
    // The version is that of the last write, not of the first.
    let newer = store.commit(put("there", Expect::Version(there), "2")).await.unwrap();
    assert_eq!(version(&*store, "there").await, Some(newer));
    let stale = store.commit(delete("there", Expect::Version(there))).await;
    assert_eq!(stale, Err(CommitError::Conflict(key("there"))));
    store.commit(delete("there", Expect::Version(newer))).await.unwrap();
    assert_eq!(body(&*store, "there").await, None);
}

async fn revisions_grow_with_every_write_and_only_then(place: Place) {
    let store = place.open().await;
    let first = store.commit(put("a", Expect::Any, "1")).await.unwrap();
    let second = store.commit(put("b", Expect::Any, "1")).await.unwrap();
    assert!(second > first);
    assert_eq!(store.revision().await.unwrap(), second);
    let check =
        Batch { checks: vec![(key("a"), Expect::Present)], audit: vec![event("e", 1, "1")], ..Batch::default() };
    assert_eq!(store.commit(check).await.unwrap(), second);
    store.append_audit(vec![event("f", 1, "1")]).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), second);
    assert_eq!(store.commit(Batch::default()).await.unwrap(), second);
    let third = store.commit(delete("a", Expect::Any)).await.unwrap();
    assert!(third > second);
}

async fn scans_are_ordered_and_paged(place: Place) {
    let store = place.open().await;
    let sorted = ["", "\0", "\u{1}", "A", "a", "a\0", "a\0b", "aa", "b", "é", "\u{10ffff}"];
    let puts = sorted.iter().rev().map(|name| (key(name), Expect::Absent, name.as_bytes().to_vec()));
    let mut batch = Batch { puts: puts.collect(), ..Batch::default() };
    for neighbour in [Key::of(&["tesu"]), Key::of(&["tes", "z"]), Key::of(&["test"]), Key::of(&["test\0"])] {
        batch.puts.push((neighbour, Expect::Absent, b"outside".to_vec()));
    }
    batch.puts.push((key("a").child("below"), Expect::Absent, b"below".to_vec()));
    store.commit(batch).await.unwrap();

    let all = Key::of(&["test"]).children();
    let found: Vec<Vec<String>> =
        store.scan(&all, 100).await.unwrap().iter().map(|record| record.key.parts().unwrap()[1..].to_vec()).collect();
    let mut expected: Vec<Vec<String>> = sorted.iter().map(|name| vec![(*name).to_owned()]).collect();
    expected.push(vec!["a".to_owned(), "below".to_owned()]);
    expected.sort();
    assert_eq!(found, expected);

    for size in [1, 2, 5] {
        let mut paged = Vec::new();
        let mut range = all.clone();
        loop {
            let page = store.scan(&range, size).await.unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            range = range.after(&last.key);
            paged.extend(page.iter().map(|record| record.key.parts().unwrap()[1..].to_vec()));
        }
        assert_eq!(paged, expected, "in pages of {size}");
    }
    assert_eq!(names(&store.scan(&key("a").children(), 10).await.unwrap()), ["below"]);
    assert_eq!(store.scan(&Key::of(&["nothing"]).children(), 10).await.unwrap(), []);
    assert_eq!(store.scan(&all, 0).await.unwrap(), []);
}

async fn paging_misses_nothing_that_stays_while_others_write(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let steady: Vec<String> = (0..60).map(|number| format!("{number:03}-steady")).collect();
    let puts = steady.iter().map(|name| (key(name), Expect::Absent, b"1".to_vec())).collect();
    store.commit(Batch { puts, ..Batch::default() }).await.unwrap();
    let writing = tokio::spawn(async move {
        for round in 0..40 {
            let name = format!("{:03}-comes-and-goes", round * 7 % 60);
            other.commit(put(&name, Expect::Any, "1")).await.unwrap();
            other.commit(put(&format!("{:03}-steady", round), Expect::Present, "2")).await.unwrap();
            other.commit(delete(&name, Expect::Any)).await.unwrap();
        }
    });
    let mut rounds = 0;
    while !writing.is_finished() || rounds == 0 {
        let mut seen: Vec<String> = Vec::new();
        let mut range = Key::of(&["test"]).children();
        loop {
            let page = store.scan(&range, 7).await.unwrap();
            let Some(last) = page.last() else { break };
            range = range.after(&last.key);
            seen.extend(names(&page));
        }
        assert!(seen.is_sorted());
        let kept: Vec<&String> = seen.iter().filter(|name| name.ends_with("steady")).collect();
        assert_eq!(kept, steady.iter().collect::<Vec<_>>());
        rounds += 1;
    }
    writing.await.unwrap();
}

async fn nobody_loses_an_update(place: Place) {
    const TASKS: usize = 6;
    const ROUNDS: usize = 15;
    let stores = [place.open().await, place.open().await];
    stores[0].commit(put("count", Expect::Absent, "0")).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = Arc::clone(&stores[task % 2]);
        tasks.spawn(async move {
            let mut done = 0;
            while done < ROUNDS {
                let record = store.get(&key("count")).await.unwrap().unwrap();
                let next = String::from_utf8(record.body).unwrap().parse::<usize>().unwrap() + 1;
                match store.commit(put("count", Expect::Version(record.version), &next.to_string())).await {
                    Ok(_) => done += 1,
                    Err(CommitError::Conflict(at)) => assert_eq!(at, key("count")),
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(body(&*stores[0], "count").await, Some((TASKS * ROUNDS).to_string()));
}

async fn the_feed_names_every_change_once_and_in_order(place: Place) {
    let stores = [place.open().await, place.open().await];
    let follower = place.open().await;
    let start = follower.revision().await.unwrap();
    let mut writers = JoinSet::new();
    for task in 0..8_usize {
        let store = Arc::clone(&stores[task % 2]);
        writers.spawn(async move {
            let mut written = Vec::new();
            for round in 0..12 {
                let names: Vec<String> = (0..=round % 4).map(|part| format!("{task}-{round}-{part}")).collect();
                let puts = names.iter().map(|name| (key(name), Expect::Any, b"1".to_vec())).collect();
                let deletes = vec![(key(&format!("{task}-{}-0", round / 2)), Expect::Any)];
                let deletes = if round % 3 == 2 { deletes } else { Vec::new() };
                let mut keys: BTreeSet<Key> = names.iter().map(|name| key(name)).collect();
                keys.extend(deletes.iter().map(|(key, _)| key.clone()));
                let revision = store.commit(Batch { puts, deletes, ..Batch::default() }).await.unwrap();
                written.push((revision, keys));
            }
            written
        });
    }
    let total = 8 * 12;
    let mut seen: Vec<Change> = Vec::new();
    let mut since = start;
    let mut commits = BTreeMap::<Revision, BTreeSet<Key>>::new();
    let end = Instant::now() + Duration::from_secs(120);
    while commits.len() < total {
        assert!(Instant::now() < end, "only {} commits have been seen", commits.len());
        let part = follower.changes(since, 3).await.unwrap();
        assert!(!part.gap && part.through >= since);
        assert!(part.changes.iter().all(|change| change.revision > since && change.revision <= part.through));
        // A commit is whole when it is seen: none that was passed gets more.
        for change in &part.changes {
            commits.entry(change.revision).or_default().insert(change.key.clone());
        }
        since = part.through;
        let was_full = part.changes.len() >= 3;
        seen.extend(part.changes);
        if !was_full {
            follower.changed().await;
        }
    }
    let written: BTreeMap<Revision, BTreeSet<Key>> = writers.join_all().await.into_iter().flatten().collect();
    assert_eq!(written.len(), total, "two commits had one revision");
    assert_eq!(commits, written);
    assert!(seen.is_sorted_by_key(|change| change.revision));
    assert_eq!(seen.len(), written.values().map(BTreeSet::len).sum::<usize>(), "a change was seen twice");
}

async fn a_stretch_of_the_feed_never_splits_a_commit(place: Place) {
    let store = place.open().await;
    let start = store.revision().await.unwrap();
    let mut revisions = Vec::new();
    for size in [1, 5, 2] {
        let puts = (0..size).map(|n| (key(&format!("{size}-{n}")), Expect::Any, b"1".to_vec())).collect();
        revisions.push(store.commit(Batch { puts, ..Batch::default() }).await.unwrap());
    }
    let sizes = async |since, limit| {
        let part = store.changes(since, limit).await.unwrap();
        (part.changes.len(), part.through)
    };
    assert_eq!(sizes(start, 0).await, (1, revisions[0]));
    assert_eq!(sizes(start, 1).await, (1, revisions[0]));
    assert_eq!(sizes(start, 2).await, (6, revisions[1]));
    assert_eq!(sizes(start, 6).await, (6, revisions[1]));
    assert_eq!(sizes(start, 7).await, (8, revisions[2]));
    assert_eq!(sizes(start, 100).await, (8, revisions[2]));
    assert_eq!(sizes(revisions[0], 1).await, (5, revisions[1]));
    assert_eq!(sizes(revisions[2], 1).await, (0, revisions[2]));
}

async fn a_commit_is_seen_by_everybody_when_it_returns(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    for round in 0..30 {
        let (writer, reader) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let text = round.to_string();
        let before = reader.revision().await.unwrap();
        let revision = writer.commit(put("a", Expect::Any, &text)).await.unwrap();
        let record = reader.get(&key("a")).await.unwrap().unwrap();
        assert_eq!((record.version, record.body), (revision, text.into_bytes()));
        assert!(reader.revision().await.unwrap() >= revision);
        assert_eq!(reader.scan(&Key::of(&["test"]).children(), 9).await.unwrap()[0].version, revision);
        assert_eq!(reader.changes(before, 9).await.unwrap().through, revision);
    }
}

async fn several_records_are_read_as_of_one_moment(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let keys: Vec<Key> = (0..100).map(|number| key(&format!("{number:03}"))).collect();
    let write = |round: u32| Batch {
        puts: keys.iter().map(|key| (key.clone(), Expect::Any, round.to_string().into_bytes())).collect(),
        ..Batch::default()
    };
    store.commit(write(0)).await.unwrap();
    let batches: Vec<Batch> = (1..15).map(write).collect();
    let writing = tokio::spawn(async move {
        for batch in batches {
            other.commit(batch).await.unwrap();
        }
    });
    let one_version =
        |records: &[Record]| records.iter().map(|record| record.version).collect::<BTreeSet<_>>().len() == 1;
    let mut rounds = 0;
    while !writing.is_finished() || rounds == 0 {
        for some in [&keys[..2], &keys[..]] {
            let records: Option<Vec<Record>> = store.get_many(some).await.unwrap().into_iter().collect();
            let records = records.unwrap();
            assert!(records.iter().map(|record| &record.key).eq(some.iter()));
            assert!(one_version(&records));
        }
        assert!(one_version(&store.scan(&Key::of(&["test"]).children(), 1_000).await.unwrap()));
        rounds += 1;
    }
    writing.await.unwrap();

    let asked = [key("099"), key("nowhere"), key("000"), key("099")];
    let found: Vec<Option<Key>> =
        store.get_many(&asked).await.unwrap().into_iter().map(|record| record.map(|record| record.key)).collect();
    assert_eq!(found, [Some(key("099")), None, Some(key("000")), Some(key("099"))]);
    assert_eq!(store.get_many(&[]).await.unwrap(), []);
}

async fn audit_records_are_found_by_account_and_time(place: Place) {
    let store = place.open().await;
    store.append_audit(vec![]).await.unwrap();
    store.append_audit(vec![event("c", 20, "1"), event("a", 10, "1"), event("b", 10, "2")]).await.unwrap();
    let batch = Batch { audit: vec![event("d", 20, "2")], ..put("x", Expect::Any, "1") };
    store.commit(batch).await.unwrap();
    store.append_audit(vec![event("e", 30, "1")]).await.unwrap();

    let find = async |query: AuditQuery| {
        let rows = store.audit(&AuditQuery { limit: 100, ..query }).await.unwrap();
        rows.into_iter().map(|(_, row)| row.id).collect::<Vec<_>>().concat()
    };
    let account = |account: &str| Some(account.to_owned());
    let all = AuditQuery::default();
    assert_eq!(find(all.clone()).await, "abcde");
    assert_eq!(find(AuditQuery { newest_first: true, ..all.clone() }).await, "edcba");
    assert_eq!(find(AuditQuery { account: account("1"), ..all.clone() }).await, "ace");
    assert_eq!(find(AuditQuery { account: account("2"), newest_first: true, ..all.clone() }).await, "db");
    assert_eq!(find(AuditQuery { account: account("3"), ..all.clone() }).await, "");
    assert_eq!(find(AuditQuery { since: Some(20), ..all.clone() }).await, "cde");
    assert_eq!(find(AuditQuery { until: Some(20), ..all.clone() }).await, "ab");
    assert_eq!(find(AuditQuery { since: Some(11), until: Some(30), newest_first: true, ..all.clone() }).await, "dc");

    for (account, newest_first, expected) in
        [(None, false, "abcde"), (None, true, "edcba"), (account("1"), false, "ace"), (account("1"), true, "eca")]
    {
        let mut query = AuditQuery { account, newest_first, limit: 2, ..AuditQuery::default() };
        let mut paged = String::new();
        loop {
            let page = store.audit(&query).await.unwrap();
            assert!(page.len() <= 2 && paged.len() < 10);
            let Some((cursor, _)) = page.last() else { break };
            query.after = Some(cursor.to_string().parse().unwrap());
            paged.extend(page.into_iter().map(|(_, row)| row.id));
        }
        assert_eq!(paged, expected);
    }
    let whole = store.audit(&AuditQuery { since: Some(30), limit: 1, ..AuditQuery::default() }).await.unwrap();
    assert_eq!(whole[0].1, event("e", 30, "1"));
}

async fn audit_records_that_were_stored_together_are_found_one_by_one(place: Place) {
    let store = place.open().await;
    // Three seconds of two accounts in each of two batches.
    let all: Vec<_> = (0..600).map(|n| event(&n.to_string(), n % 3, if n % 2 == 0 { "1" } else { "2" })).collect();
    for some in all.chunks(300) {
        store.append_audit(some.to_vec()).await.unwrap();
    }
    for account in ["1", "2"] {
        let mut expected: Vec<_> = all.iter().filter(|row| row.account == account).cloned().collect();
        expected.sort_by_key(|row| row.time);
        for newest_first in [false, true] {
            for limit in [1, 7, 50, 51, 1_000] {
                let account = Some(account.to_owned());
                let mut query = AuditQuery { account, newest_first, limit, ..AuditQuery::default() };
                let mut found = Vec::new();
                loop {
                    let page = store.audit(&query).await.unwrap();
                    assert!(page.len() <= limit);
                    let Some((last, _)) = page.last() else { break };
                    // A cursor is good as text too.
                    query.after = Some(last.to_string().parse().unwrap());
                    found.extend(page.into_iter().map(|(_, row)| row));
                }
                if newest_first {
                    found.reverse();
                }
                assert!(found == expected, "{limit} {newest_first}");
            }
        }
    }
    let second = AuditQuery { since: Some(1), until: Some(2), limit: 1_000, ..AuditQuery::default() };
    let found = store.audit(&second).await.unwrap();
    assert_eq!(found.len(), 200);
    assert!(found.iter().all(|(_, row)| row.time == 1));
}

async fn audit_records_of_many_callers_are_all_kept(place: Place) {
    let stores = [place.open().await, place.open().await];
    let mut tasks = JoinSet::new();
    for task in 0..64_usize {
        let store = Arc::clone(&stores[task % 2]);
        tasks.spawn(async move {
            for round in 0..5 {
                let rows = (0..=round).map(|part| event(&format!("{task}-{round}-{part}"), 1, "1")).collect();
                store.append_audit(rows).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let rows = stores[0].audit(&AuditQuery { limit: 10_000, ..AuditQuery::default() }).await.unwrap();
    let ids: BTreeSet<String> = rows.iter().map(|(_, row)| row.id.clone()).collect();
    assert_eq!((rows.len(), ids.len()), (64 * 15, 64 * 15));
}

async fn a_feed_that_does_not_reach_back_says_so(place: Place) {
    let tuning = Tuning { feed_revisions: 10, ..PATIENT };
    let store = place.open_with(tuning).await.unwrap();
    let start = store.revision().await.unwrap();
    let mut latest = start;
    for round in 0..40 {
        latest = store.commit(put(&format!("{round}"), Expect::Any, "1")).await.unwrap();
    }
    let lost = store.changes(start, 100).await.unwrap();
    assert_eq!((lost.changes, lost.through, lost.gap), (vec![], latest, true));
    let recent = store.changes(Revision(latest.0 - 10), 100).await.unwrap();
    assert!(!recent.gap);
    let revisions: Vec<u64> = recent.changes.iter().map(|change| change.revision.0).collect();
    assert_eq!(revisions, (latest.0 - 9..=latest.0).collect::<Vec<_>>());
    // A database that was put back to an older state knows less than whoever asks.
    let ahead = store.changes(Revision(latest.0 + 5), 100).await.unwrap();
    assert_eq!((ahead.changes, ahead.through, ahead.gap), (vec![], latest, true));
    // The records themselves are all there.
    assert_eq!(store.scan(&Key::of(&["test"]).children(), 100).await.unwrap().len(), 40);
}

async fn waiting_ends_when_anybody_commits(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let mut fastest = Duration::MAX;
    for (round, writer) in [&store, &other, &other, &store, &other, &other, &other].into_iter().enumerate() {
        let since = store.changes(Revision(0), 1_000).await.unwrap().through;
        let waiter = Arc::clone(&store);
        let (reads, has_read) = tokio::sync::oneshot::channel();
        let waiting = tokio::spawn(async move {
            let mut reads = Some(reads);
            loop {
                let part = waiter.changes(since, 10).await.unwrap();
                if !part.changes.is_empty() {
                    return part.through;
                }
                reads.take().map(|reads| reads.send(()));
                waiter.changed().await;
            }
        });
        has_read.await.unwrap();
        let begun = Instant::now();
        let revision = writer.commit(put(&round.to_string(), Expect::Any, "1")).await.unwrap();
        let seen = tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap().unwrap();
        assert_eq!(seen, revision);
        if Arc::ptr_eq(writer, &other) {
            fastest = fastest.min(begun.elapsed());
        }
    }
    // A wait ends after a second anyhow; news from others come sooner.
    assert!(fastest < Duration::from_millis(400), "{fastest:?}");
}

async fn what_is_too_large_is_refused(place: Place) {
    let store = place.open().await;
    let refused = |result| matches!(result, Err(CommitError::Store(StoreError::TooLarge { .. })));
    let largest = "x".repeat(Record::MAX_BODY_BYTES);
    store.commit(put("a", Expect::Any, &largest)).await.unwrap();
    assert_eq!(body(&*store, "a").await, Some(largest));
    assert!(refused(store.commit(put("b", Expect::Any, &"x".repeat(Record::MAX_BODY_BYTES + 1))).await));
    let longest = "k".repeat(Key::MAX_BYTES - key("").as_bytes().len());
    store.commit(put(&longest, Expect::Any, "1")).await.unwrap();
    assert_eq!(body(&*store, &longest).await.as_deref(), Some("1"));
    assert!(refused(store.commit(put(&format!("{longest}k"), Expect::Any, "1")).await));
    assert!(refused(store.commit(delete(&format!("{longest}k"), Expect::Any)).await));
}

async fn what_was_written_is_there_after_reopening(place: Place) {
    let store = place.open().await;
    let revision = store.commit(put("a", Expect::Any, "1")).await.unwrap();
    store.append_audit(vec![event("e", 1, "1")]).await.unwrap();
    store.close().await;
    let store = place.open().await;
    store.health().await.unwrap();
    assert_eq!(version(&*store, "a").await, Some(revision));
    assert_eq!(store.revision().await.unwrap(), revision);
    assert_eq!(store.changes(Revision(0), 10).await.unwrap().changes, [Change { revision, key: key("a") }]);
    assert_eq!(store.audit(&AuditQuery { limit: 9, ..AuditQuery::default() }).await.unwrap().len(), 1);
    assert!(store.commit(put("a", Expect::Version(revision), "2")).await.unwrap() > revision);
}

async fn brokers_may_start_at_the_same_time(place: Place) {
    let place = Arc::new(place);
    let mut starting = JoinSet::new();
    for _ in 0..6 {
        let place = Arc::clone(&place);
        starting.spawn(async move { place.open().await });
    }
    let stores = starting.join_all().await;
    for (number, store) in stores.iter().enumerate() {
        store.commit(put(&number.to_string(), Expect::Absent, "1")).await.unwrap();
    }
    assert_eq!(stores[0].scan(&Key::of(&["test"]).children(), 10).await.unwrap().len(), 6);
}

async fn a_closed_store_says_so(place: Place) {
    let store = place.open().await;
    store.commit(put("a", Expect::Any, "1")).await.unwrap();
    store.close().await;
    store.close().await;
    assert!(matches!(store.get(&key("a")).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.health().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.append_audit(vec![event("e", 1, "1")]).await, Err(StoreError::Unavailable(_))));
    let refused = store.commit(put("a", Expect::Any, "2")).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Unavailable(_)))));
}

async fn many_callers_with_and_without_conflicts_get_their_own_answer(place: Place) {
    let store = place.open().await;
    let mut tasks = JoinSet::new();
    for caller in 0..100_u32 {
        let store: Arc<dyn Store> = Arc::clone(&store);
        tasks.spawn(async move {
            // Of each ten callers one can be the first.
            let name = format!("{}", caller / 10);
            let batch = Batch {
                audit: vec![event(&caller.to_string(), 1, "1")],
                ..put(&name, Expect::Absent, &caller.to_string())
            };
            (caller, name, store.commit(batch).await)
        });
    }
    let mut winners = BTreeMap::new();
    for (caller, name, result) in tasks.join_all().await {
        match result {
            Ok(revision) => assert_eq!(winners.insert(name, (caller.to_string(), revision)), None),
            Err(error) => assert_eq!(error, CommitError::Conflict(key(&name))),
        }
    }
    assert_eq!(winners.len(), 10);
    for (name, (caller, revision)) in &winners {
        let record = store.get(&key(name)).await.unwrap().unwrap();
        assert_eq!((record.version, String::from_utf8(record.body).unwrap()), (*revision, caller.clone()));
    }
    let recorded = store.audit(&AuditQuery { limit: 1_000, ..AuditQuery::default() }).await.unwrap();
    let recorded: BTreeSet<String> = recorded.into_iter().map(|(_, row)| row.id).collect();
    assert_eq!(recorded, winners.into_values().map(|(caller, _)| caller).collect());
}
