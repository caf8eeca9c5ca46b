//! A broker that is killed in the middle of its work: what it has acknowledged is there, and nothing is there by halves.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use brevet::store::{Batch, Expect, Key, Revision, Store, open_with};

use crate::place::{PATIENT, Place, event, key};

const PLACE: &str = "BREVET_STORE_CRASH_PLACE";
const BATCHES: usize = 1_000;
const WRITERS: usize = 8;
/// The child is killed after it has acknowledged this many.
const ENOUGH: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_leaves_whole_batches_in_sqlite() {
    kill_a_broker(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_leaves_whole_batches_in_postgres() {
    kill_a_broker(Place::postgres().await).await;
}

async fn kill_a_broker(place: Place) {
    let text = place.text();
    let acknowledged = tokio::task::spawn_blocking(move || write_until_killed(&text)).await.unwrap();
    assert!(acknowledged.len() >= ENOUGH);
    let store = place.open().await;
    let mut batches: BTreeMap<usize, Vec<Revision>> = BTreeMap::new();
    for record in store.scan(&Key::of(&["test"]).children(), BATCHES * 4).await.unwrap() {
        let name = record.key.parts().unwrap().pop().unwrap();
        let (number, _) = name.split_once('-').unwrap();
        batches.entry(number.parse().unwrap()).or_default().push(record.version);
    }
    let found: BTreeSet<usize> = batches.keys().copied().collect();
    assert!(found.len() < BATCHES, "the child finished before it was killed");
    assert!(acknowledged.is_subset(&found), "lost: {:?}", acknowledged.difference(&found));
    for (number, versions) in &batches {
        assert!(
            versions.len() == 3 && versions.iter().all(|v| *v == versions[0]),
            "{number} is not whole: {versions:?}"
        );
    }
    // Feed and audit trail belong to the same transactions.
    let changes = store.changes(Revision(0), usize::MAX / 2).await.unwrap();
    assert_eq!(changes.changes.len(), batches.len() * 3);
    let query = brevet::store::AuditQuery { limit: BATCHES * 2, ..Default::default() };
    let recorded: BTreeSet<usize> =
        store.audit(&query).await.unwrap().into_iter().map(|(_, row)| row.id.parse().unwrap()).collect();
    assert_eq!(recorded, found);
    store.commit(batch(BATCHES)).await.unwrap();
}

/// The numbers that the child printed before it died.
fn write_until_killed(place: &str) -> BTreeSet<usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::the_child", "--exact", "--nocapture"])
        .env(PLACE, place)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The test harness prints its own lines.
        let Some(number) = line.split("acknowledged ").nth(1).and_then(|rest| rest.trim().parse().ok()) else {
            continue;
        };
        acknowledged.insert(number);
        if acknowledged.len() >= ENOUGH && !killed {
            // SIGKILL on Unix. What is in the pipe already is read to its end.
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    acknowledged
}

fn batch(number: usize) -> Batch {
    Batch {
        puts: (0..3).map(|part| (key(&format!("{number}-{part}")), Expect::Absent, vec![b'x'; 500])).collect(),
        audit: vec![event(&number.to_string(), 1, "1")],
        ..Batch::default()
    }
}

/// The role of the process that gets killed; as a test of its own it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_child() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let store: Arc<dyn Store> = open_with(&Place::of_text(&place), PATIENT).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for number in (writer..BATCHES).step_by(WRITERS) {
                store.commit(batch(number)).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {number}").unwrap();
                out.flush().unwrap();
            }
        });
    }
    writers.join_all().await;
}
