//! Typed records: transactions, readers, and bodies that cannot be read. What the backend is makes no difference here.

use std::sync::Arc;

use brevet::store::{AuditQuery, Batch, CommitError, Expect, Key, Reader, Store, StoreError, Tx};
use serde::{Deserialize, Serialize};

use crate::place::{Place, event, key};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Thing {
    size: u32,
}

const SMALL: Thing = Thing { size: 1 };
const LARGE: Thing = Thing { size: 1_000 };

fn things() -> brevet::store::Range {
    Key::of(&["test"]).children()
}

async fn store_with(things: &[(&str, Thing)]) -> (Place, Arc<dyn Store>) {
    let place = Place::sqlite();
    let store = place.open().await;
    let mut tx = Tx::new(Arc::clone(&store));
    for (name, thing) in things {
        tx.create(&key(name), thing).unwrap();
    }
    tx.commit().await.unwrap();
    (place, store)
}

#[tokio::test]
async fn a_transaction_reads_what_it_has_staged() {
    let (_place, store) = store_with(&[("a", SMALL), ("c", SMALL), ("e", SMALL)]).await;
    let mut tx = Tx::new(Arc::clone(&store));
    assert!(!tx.has_writes());
    assert_eq!(tx.get(&key("a")).await.unwrap(), Some(SMALL));
    tx.put(&key("a"), &LARGE).unwrap();
    tx.create(&key("b"), &LARGE).unwrap();
    tx.delete(&key("c")).unwrap();
    assert_eq!(tx.get(&key("a")).await.unwrap(), Some(LARGE));
    assert_eq!(tx.get(&key("b")).await.unwrap(), Some(LARGE));
    assert_eq!(tx.get::<Thing>(&key("c")).await.unwrap(), None);
    let expected = [(key("a"), LARGE), (key("b"), LARGE), (key("e"), SMALL)];
    for limit in 0..5 {
        let found = tx.scan::<Thing>(&things(), limit).await.unwrap();
        assert_eq!(found, expected[..limit.min(3)], "limit {limit}");
    }
    assert_eq!(tx.scan::<Thing>(&things().after(&key("a")), 1).await.unwrap(), [(key("b"), LARGE)]);
    assert_eq!(tx.scan::<Thing>(&things().after(&key("b")), 1).await.unwrap(), [(key("e"), SMALL)]);
    assert_eq!(tx.written_keys(), [key("a"), key("b"), key("c")]);
    tx.audit(event("e", 1, "1"));
    tx.commit().await.unwrap();
    let mut reader = Reader::new(Arc::clone(&store));
    assert_eq!(reader.scan::<Thing>(&things(), 9).await.unwrap(), expected);
    assert_eq!(store.audit(&AuditQuery { limit: 9, ..AuditQuery::default() }).await.unwrap().len(), 1);
}

/// Changes `name` behind the back of whoever has read it.
async fn interfere(store: &Arc<dyn Store>, name: &str) {
    let mut tx = Tx::new(Arc::clone(store));
    tx.put(&key(name), &LARGE).unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_was_read_and_is_written_must_be_unchanged() {
    let (_place, store) = store_with(&[("a", SMALL), ("b", SMALL)]).await;
    let conflict = |name: &str| Err(CommitError::Conflict(key(name)));

    let mut tx = Tx::new(Arc::clone(&store));
    tx.get::<Thing>(&key("a")).await.unwrap();
    interfere(&store, "a").await;
    // What was read once does not change under its reader; the commit notices.
    assert_eq!(tx.get(&key("a")).await.unwrap(), Some(SMALL));
    tx.put(&key("a"), &SMALL).unwrap();
    tx.put(&key("a"), &LARGE).unwrap();
    assert_eq!(tx.commit().await, conflict("a"));

    let mut tx = Tx::new(Arc::clone(&store));
    assert_eq!(tx.get::<Thing>(&key("new")).await.unwrap(), None);
    interfere(&store, "new").await;
    tx.put(&key("new"), &SMALL).unwrap();
    assert_eq!(tx.commit().await, conflict("new"));

    let mut tx = Tx::new(Arc::clone(&store));
    tx.scan::<Thing>(&things(), 9).await.unwrap();
    interfere(&store, "b").await;
    tx.delete(&key("b")).unwrap();
    assert_eq!(tx.commit().await, conflict("b"));

    let mut tx = Tx::new(Arc::clone(&store));
    tx.create(&key("a"), &SMALL).unwrap();
    assert_eq!(tx.commit().await, conflict("a"));

    // What was not read may be overwritten.
    let mut tx = Tx::new(Arc::clone(&store));
    tx.put(&key("a"), &SMALL).unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_required_must_be_unchanged_too() {
    let (_place, store) = store_with(&[("a", SMALL), ("b", SMALL)]).await;
    let mut tx = Tx::new(Arc::clone(&store));
    tx.get::<Thing>(&key("a")).await.unwrap();
    tx.require_unchanged(&key("a"));
    tx.put(&key("b"), &LARGE).unwrap();
    interfere(&store, "a").await;
    assert_eq!(tx.commit().await, Err(CommitError::Conflict(key("a"))));

    let mut tx = Tx::new(Arc::clone(&store));
    tx.require_unchanged(&key("nowhere"));
    assert_eq!(tx.commit().await, Err(CommitError::Conflict(key("nowhere"))));

    let mut tx = Tx::new(Arc::clone(&store));
    tx.require_unchanged(&key("a"));
    tx.put(&key("b"), &LARGE).unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_record_may_be_replaced_within_one_transaction() {
    let (_place, store) = store_with(&[("a", SMALL)]).await;
    let mut tx = Tx::new(Arc::clone(&store));
    tx.get::<Thing>(&key("a")).await.unwrap();
    tx.delete(&key("a")).unwrap();
    tx.create(&key("a"), &LARGE).unwrap();
    tx.commit().await.unwrap();
    assert_eq!(Reader::new(Arc::clone(&store)).get(&key("a")).await.unwrap(), Some(LARGE));
}

#[tokio::test]
async fn a_reader_knows_what_it_has_read_and_whether_that_still_holds() {
    let (_place, store) = store_with(&[("a", SMALL), ("b", SMALL)]).await;
    let mut reader = Reader::new(Arc::clone(&store));
    reader.get::<Thing>(&key("missing")).await.unwrap();
    reader.scan::<Thing>(&things(), 9).await.unwrap();
    assert_eq!(reader.dependencies(), [key("a"), key("b"), key("missing")]);
    let version = store.get(&key("a")).await.unwrap().unwrap().version;
    assert_eq!(reader.version(&key("a")), Some(Some(version)));
    assert_eq!((reader.version(&key("missing")), reader.version(&key("c"))), (Some(None), None));
    interfere(&store, "other").await;
    assert!(!reader.restart_if_changed().await.unwrap());

    for changed in ["b", "missing"] {
        interfere(&store, changed).await;
        assert!(reader.restart_if_changed().await.unwrap());
        assert_eq!(reader.dependencies(), []);
        assert_eq!(reader.get::<Thing>(&key("b")).await.unwrap(), Some(LARGE));
        reader.get::<Thing>(&key("missing")).await.unwrap();
        assert!(!reader.restart_if_changed().await.unwrap());
    }
}

#[tokio::test]
async fn an_unreadable_body_is_named_and_not_shown() {
    let place = Place::sqlite();
    let store = place.open().await;
    let bodies = [
        r#"{"v":1,"d":{"size":"hunter2"}}"#,
        r#"{"v":1,"d":{"hunter2":5}}"#,
        r#"{"v":2,"d":{"size":5}}"#,
        r#"{"size":5}"#,
        "hunter2",
        "",
        r#"{"v":1,"d":{"size":5}} hunter2"#,
    ];
    for body in bodies {
        let puts = vec![(key("a"), Expect::Any, body.as_bytes().to_vec())];
        store.commit(Batch { puts, ..Batch::default() }).await.unwrap();
        let results = [
            Reader::new(Arc::clone(&store)).get::<Thing>(&key("a")).await.map(drop),
            Tx::new(Arc::clone(&store)).scan::<Thing>(&things(), 9).await.map(drop),
        ];
        for result in results {
            let error = result.unwrap_err();
            assert!(matches!(&error, StoreError::Corrupt { place, .. } if place == "test/a"), "{error:?}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let shown = format!("{:?}", store.get(&key("a")).await.unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
