//! What only the file can get wrong: its mode, its room, its neighbours.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use brevet::store::{AuditQuery, Batch, CommitError, Expect, Key, Location, StoreError, Tuning, open_with};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::place::{PATIENT, Place, body, delete, event, key, put};

fn path(place: &Place) -> std::path::PathBuf {
    match &place.location {
        Location::Sqlite(path) => path.clone(),
        Location::Postgres(_) => unreachable!("these tests use files"),
    }
}

/// Runs a statement behind the store's back.
async fn meddle(place: &Place, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(path(place));
    let mut connection = options.connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn its_files_are_private() {
    let place = Place::sqlite();
    std::fs::write(path(&place), "").unwrap();
    std::fs::set_permissions(path(&place), std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = place.open().await;
    store.commit(put("a", Expect::Any, "1")).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(path(&place).parent().unwrap()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 3, "the database, its log and its index");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[tokio::test]
async fn a_full_store_goes_on_reading_and_writes_again_when_there_is_room() {
    let place = Place::sqlite();
    let store = place.open_with(Tuning { sqlite_pages: Some(200), ..PATIENT }).await.unwrap();
    store.commit(put("first", Expect::Any, "1")).await.unwrap();
    let large = "x".repeat(20_000);
    let mut written = 0;
    let error = loop {
        assert!(written < 100, "it never fills up");
        match store.commit(put(&format!("large-{written}"), Expect::Absent, &large)).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, CommitError::Store(StoreError::Full));
    let revision = store.revision().await.unwrap();
    assert_eq!(body(&*store, &format!("large-{written}")).await, None);
    let too_much = store.append_audit((0..200).map(|n| event(&format!("{n}-{large}"), 1, "1")).collect()).await;
    assert_eq!(too_much, Err(StoreError::Full));
    // Reading goes on, and so does what needs little room.
    assert_eq!(body(&*store, "first").await.as_deref(), Some("1"));
    store.health().await.unwrap();
    assert!(store.commit(put("first", Expect::Present, "2")).await.unwrap() > revision);

    for number in 0..written {
        store.commit(delete(&format!("large-{number}"), Expect::Present)).await.unwrap();
    }
    store.commit(put("again", Expect::Absent, &large)).await.unwrap();
    assert_eq!(body(&*store, "again").await, Some(large));
}

#[tokio::test]
async fn one_batch_that_does_not_fit_does_not_fail_those_that_do() {
    let place = Place::sqlite();
    let store = place.open_with(Tuning { sqlite_pages: Some(200), ..PATIENT }).await.unwrap();
    let large = "x".repeat(900_000);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        let text = if number == 10 { large.clone() } else { "small".to_owned() };
        tasks.spawn(async move { (number, store.commit(put(&number.to_string(), Expect::Absent, &text)).await) });
    }
    for (number, result) in tasks.join_all().await {
        match number {
            10 => assert_eq!(result, Err(CommitError::Store(StoreError::Full))),
            _ => assert!(result.is_ok(), "{number}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let place = Place::sqlite();
    place.open().await.close().await;
    meddle(&place, "UPDATE meta SET schema_version = 1000").await;
    let refused = place.open_with(PATIENT).await.unwrap_err();
    assert!(matches!(refused, StoreError::SchemaTooNew { found: 1000, .. }), "{refused:?}");
}

#[tokio::test]
async fn records_of_the_first_schema_are_counted() {
    let place = Place::sqlite();
    let store = place.open().await;
    let named = |kind: &str, account: &str, name: &str| Key::of(&[kind, account, name]);
    let keys = [
        Key::of(&["account", "1"]),
        named("user", "1", "a"),
        named("user", "1", "b\0c"),
        named("user", "2", "a"),
        named("member", "1", "g").child("a"),
        named("member", "1", "g").child("b"),
    ];
    let puts = keys.map(|key| (key, Expect::Absent, b"1".to_vec())).into();
    store.commit(Batch { puts, ..Batch::default() }).await.unwrap();
    store.append_audit(vec![event("old", 1, "1")]).await.unwrap();
    store.close().await;
    meddle(&place, "DROP TABLE counts").await;
    meddle(&place, "ALTER TABLE audit DROP COLUMN records").await;
    meddle(&place, "UPDATE meta SET schema_version = 1").await;

    let store = place.open().await;
    for (family, expected) in [(["user", "1"], 2), (["user", "2"], 1), (["member", "1"], 2), (["account", "1"], 0)] {
        assert_eq!(store.count(&Key::of(&family)).await, Ok(expected), "{family:?}");
    }
    store
        .commit(Batch { deletes: vec![(named("user", "1", "a"), Expect::Present)], ..Batch::default() })
        .await
        .unwrap();
    assert_eq!(store.count(&Key::of(&["user", "1"])).await, Ok(1));
    // An audit record of before has a row of its own, and is read like those that share one.
    store.append_audit(vec![event("new", 1, "1"), event("newer", 1, "1")]).await.unwrap();
    let records = store.audit(&AuditQuery { limit: 9, ..AuditQuery::default() }).await.unwrap();
    let ids: Vec<&str> = records.iter().map(|(_, row)| row.id.as_str()).collect();
    assert_eq!(ids, ["old", "new", "newer"]);
}

#[tokio::test]
async fn what_is_no_database_is_not_opened() {
    let place = Place::sqlite();
    std::fs::write(path(&place), "these are the notes of somebody ".repeat(1_000)).unwrap();
    let refused = place.open_with(PATIENT).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
    let nowhere = Location::Sqlite(path(&place).join("below/brevet.db"));
    let refused = open_with(&nowhere, PATIENT).await.unwrap_err();
    assert!(matches!(refused, StoreError::Location(_)), "{refused:?}");
}

#[tokio::test]
async fn a_table_that_is_gone_is_an_answer() {
    let place = Place::sqlite();
    let store = place.open().await;
    meddle(&place, "DROP TABLE feed").await;
    let refused = store.commit(put("a", Expect::Any, "1")).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Refused(_)))), "{refused:?}");
    assert_eq!(body(&*store, "a").await, None);
    store.append_audit(vec![event("e", 1, "1")]).await.unwrap();
}

const PLACE: &str = "BREVET_STORE_NEIGHBOUR_PLACE";
const ROUNDS: usize = 40;

/// Two processes add to one number, each with its own locks and caches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_file() {
    let place = Place::sqlite();
    let store = place.open().await;
    store.commit(put("count", Expect::Absent, "0")).await.unwrap();
    let mut children: Vec<_> = (0..2)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["sqlite::the_neighbour", "--exact"])
                .env(PLACE, place.text())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let total = ROUNDS * 2;
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(120);
    // Their commits are noticed here.
    while body(&*store, "count").await != Some(total.to_string()) {
        assert!(tokio::time::Instant::now() < end, "the children do not get on");
        store.changed().await;
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let changes = store.changes(brevet::store::Revision(0), 1_000).await.unwrap();
    assert_eq!(changes.changes.len(), 1 + total);
}

/// The role of the other processes; as a test of its own it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_neighbour() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let store = open_with(&Place::of_text(&place), PATIENT).await.unwrap();
    let mut done = 0;
    while done < ROUNDS {
        let record = store.get(&key("count")).await.unwrap().unwrap();
        let next = String::from_utf8(record.body).unwrap().parse::<usize>().unwrap() + 1;
        let puts = vec![(key("count"), Expect::Version(record.version), next.to_string().into_bytes())];
        match store.commit(Batch { puts, ..Batch::default() }).await {
            Ok(_) => done += 1,
            Err(CommitError::Conflict(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
