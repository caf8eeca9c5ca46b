//! What only a database at the other end of a network can get wrong.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use brevet::store::{
    AuditQuery, Batch, CommitError, Expect, Key, Location, Revision, Store, StoreError, Tuning, open_with,
};
use brevet::types::SecretText;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::time::{Instant, timeout};

use crate::place::{PATIENT, Place, body, event, key, put};
use crate::proxy::Proxy;

/// The bound that a caller is promised, and some time for a slow machine.
const BOUND: Duration = Duration::from_secs(7);

async fn meddle(url: &str, statement: &'static str) {
    let mut connection = PgConnectOptions::from_str(url).unwrap().connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// With the patience that a broker has.
async fn open_url(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    open_with(&Location::Postgres(SecretText::new(url)), Tuning::default()).await
}

async fn open_patiently(url: &str) -> Arc<dyn Store> {
    open_with(&Location::Postgres(SecretText::new(url)), PATIENT).await.unwrap()
}

/// Every call answers that the store is not available, and none takes longer than promised.
async fn assert_away(store: &Arc<dyn Store>) {
    let calls = async {
        let one = key("a");
        let (got, listed, committed, recorded, health) = tokio::join!(
            store.get(&one),
            store.changes(Revision(0), 10),
            store.commit(put("away", Expect::Any, "1")),
            store.append_audit(vec![event("away", 1, "1")]),
            store.health(),
        );
        assert!(matches!(got, Err(StoreError::Unavailable(_))), "{got:?}");
        assert!(matches!(listed, Err(StoreError::Unavailable(_))), "{listed:?}");
        assert!(matches!(committed, Err(CommitError::Store(StoreError::Unavailable(_)))), "{committed:?}");
        assert!(matches!(recorded, Err(StoreError::Unavailable(_))), "{recorded:?}");
        assert!(matches!(health, Err(StoreError::Unavailable(_))), "{health:?}");
        store.changed().await;
    };
    timeout(BOUND * 2, calls).await.expect("a bounded time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_has_ended_are_replaced() {
    let url = crate::server::database().await;
    let store = open_patiently(&url).await;
    for round in 0..4 {
        let text = round.to_string();
        store.commit(put("a", Expect::Any, &text)).await.unwrap();
        store.append_audit(vec![event(&text, 1, "1")]).await.unwrap();
        tokio::join!(store.health(), store.health(), store.health()).0.unwrap();
        meddle(
            &url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
        assert_eq!(body(&*store, "a").await, Some(text));
    }
    let rows = store.audit(&brevet::store::AuditQuery { limit: 10, ..Default::default() }).await.unwrap();
    assert_eq!(rows.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_went_away_is_used_again_when_it_is_back() {
    let (proxy, url) = Proxy::to(&crate::server::database().await).await;
    let store = open_url(&url).await.unwrap();
    store.commit(put("a", Expect::Any, "1")).await.unwrap();
    proxy.cut();
    assert_away(&store).await;
    assert!(matches!(open_url(&url).await, Err(StoreError::Unavailable(_))));
    proxy.mend().await;
    assert_eq!(body(&*store, "a").await.as_deref(), Some("1"));
    assert_eq!(body(&*store, "away").await, None);
    let revision = store.commit(put("a", Expect::Present, "2")).await.unwrap();
    store.append_audit(vec![event("back", 1, "1")]).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), revision);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_answer_hangs_nobody() {
    let (proxy, url) = Proxy::to(&crate::server::database().await).await;
    let store = open_url(&url).await.unwrap();
    store.commit(put("a", Expect::Any, "1")).await.unwrap();
    proxy.fall_silent(true);
    assert_away(&store).await;
    let refused = timeout(BOUND, open_url(&url)).await.expect("a bounded time");
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    timeout(BOUND, async {
        proxy.fall_silent(false);
        while store.commit(put("a", Expect::Any, "2")).await.is_err() {}
        while store.append_audit(vec![event("back", 1, "1")]).await.is_err() {}
    })
    .await
    .expect("it works again");
    assert_eq!(body(&*store, "a").await.as_deref(), Some("2"));
    timeout(BOUND, store.close()).await.expect("a bounded time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_somebody_keeps_is_not_waited_for_without_end() {
    let url = crate::server::database().await;
    let store = open_url(&url).await.unwrap();
    let mut keeper = PgConnectOptions::from_str(&url).unwrap().connect().await.unwrap();
    let mut transaction = keeper.begin().await.unwrap();
    sqlx::query("UPDATE meta SET revision = revision + 100").execute(&mut *transaction).await.unwrap();
    let (begun, a) = (Instant::now(), key("a"));
    let (committed, read, recorded) = tokio::join!(
        store.commit(put("a", Expect::Any, "1")),
        store.get(&a),
        store.append_audit(vec![event("e", 1, "1")]),
    );
    assert!(matches!(committed, Err(CommitError::Store(StoreError::Unavailable(_)))), "{committed:?}");
    assert!(begun.elapsed() < BOUND);
    // Neither readers nor audit records wait for that lock.
    assert_eq!((read, recorded), (Ok(None), Ok(())));
    transaction.rollback().await.unwrap();
    store.commit(put("a", Expect::Any, "1")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_database_does_not_take_fails_alone() {
    let store = Place::postgres().await.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        // PostgreSQL's text has no NUL.
        let account = if number == 10 { "\0" } else { "1" };
        tasks.spawn(async move { (number, store.append_audit(vec![event("e", 1, account)]).await) });
    }
    for (number, result) in tasks.join_all().await {
        assert_eq!(matches!(result, Err(StoreError::Refused(_))), number == 10, "{number}: {result:?}");
        assert_eq!(result.is_ok(), number != 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_is_left_alone() {
    let url = crate::server::database().await;
    open_patiently(&url).await.close().await;
    meddle(&url, "UPDATE meta SET schema_version = 1000").await;
    let refused = open_url(&url).await;
    assert!(matches!(refused, Err(StoreError::SchemaTooNew { found: 1000, .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_the_first_schema_are_counted() {
    let url = crate::server::database().await;
    let store = open_patiently(&url).await;
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
    meddle(&url, "DROP TABLE counts").await;
    meddle(&url, "ALTER TABLE audit DROP COLUMN records").await;
    meddle(&url, "UPDATE meta SET schema_version = 1").await;

    let store = open_patiently(&url).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_shown_the_password() {
    let urls = [
        "postgres://somebody:hunter2@127.0.0.1:1/brevet",
        "postgres://somebody:hunter2@127.0.0.1:notaport/brevet",
        "postgres://somebody:hunter2@127.0.0.1/brevet?sslmode=hunter2",
        "hunter2",
    ];
    for url in urls {
        let location = Location::Postgres(SecretText::new(url));
        let error = timeout(BOUND, open_with(&location, Tuning::default())).await.expect("a bounded time").unwrap_err();
        let shown = format!("{error} {error:?} {location:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let (_proxy, url) = Proxy::to(&crate::server::database().await).await;
    let url = url.replacen("brevet@", "brevet:hunter2@", 1);
    let store = open_url(&url).await.unwrap();
    assert!(!format!("{store:?}").contains("hunter2"), "{store:?}");
}
