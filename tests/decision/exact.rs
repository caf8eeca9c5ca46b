//! The property: whatever happens, in whatever order, an answer is one that evaluation without any cache would have given at a revision
//! that the answer may speak of. Where everything is heard of, that is the present one, and there is one right answer.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use brevet::clock::Timestamp;
use brevet::decision::Identity;
use brevet::identity::{Role, User};
use brevet::policy::Decision;
use brevet::store::{Key, Record, Revision, Store, Tx, layout};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

use crate::ask::{Question, any_question};
use crate::place::{Decider, Place, records};
use crate::snapshot::Snapshot;
use crate::state::{BEGIN, Change, Counting, account, any_change, found, keys, stage};

#[derive(Clone, Debug)]
enum Step {
    /// A change by this broker, or by the other one.
    Change(bool, Change),
    /// This broker reads the change feed to its end.
    Hear,
    /// A question, and after how long the answer is looked at again.
    Ask(Question, i64),
    /// Time goes by.
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), any_change()).prop_map(|(here, change)| Step::Change(here, change)),
        2 => Just(Step::Hear),
        8 => (any_question(), 1_i64..900).prop_map(|(question, later)| Step::Ask(question, later)),
        1 => (1_i64..400).prop_map(Step::Wait),
    ]
}

/// How much was done in all.
#[derive(Debug, Default)]
struct Done {
    changes: Cell<u32>,
    questions: Cell<u32>,
    /// Of those, how many had one right answer alone.
    exact: Cell<u32>,
    allowed: Cell<u32>,
    /// Answers that said that they hold until later, and did: nothing but the time had changed by then.
    later: Cell<u32>,
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

/// Everything that was ever stored, and the broker whose answers are held against it.
struct History {
    here: Decider,
    there: Arc<dyn Store>,
    random: Counting,
    now: Timestamp,
    past: BTreeMap<Revision, BTreeMap<Key, Record>>,
    /// Whether the other broker has written something that this one may not have heard of.
    unheard: bool,
}

type Outcome = Result<Decision, String>;

/// Of which revision what is known of the subject is, and of the resource.
#[derive(Clone, Copy, Debug)]
struct Revisions {
    subject: Revision,
    resource: Revision,
}

impl History {
    async fn begin(place: &Place) -> Self {
        let there = place.open().await;
        let mut tx = Tx::new(Arc::clone(&there));
        found(&mut tx, account()).expect("staged");
        let first = tx.commit().await.expect("a commit");
        // Room for few, so that some go and are made again.
        let here = Decider::on(place.open().await, 4).await;
        let past = BTreeMap::from([(first, records(&*there, &keys()).await)]);
        Self { here, there, random: Counting::default(), now: BEGIN, past, unheard: false }
    }

    async fn change(&mut self, here: bool, change: &Change) {
        let store = if here { &self.here.store } else { &self.there };
        let mut tx = Tx::new(Arc::clone(store));
        stage(&mut tx, change, &self.random).await.expect("staged");
        let revision = if here { self.here.commit(tx).await } else { tx.commit().await.expect("a commit") };
        self.past.insert(revision, records(&*self.there, &keys()).await);
        self.unheard |= !here;
    }

    async fn hear(&mut self) {
        self.here.feed.catch_up().await.expect("the feed is read");
        self.unheard = false;
    }

    fn present(&self) -> (Revision, &BTreeMap<Key, Record>) {
        let (revision, records) = self.past.last_key_value().expect("a first revision");
        (*revision, records)
    }

    /// The unique id that the subject's entity has at present.
    async fn unique_id(&self, identity: &Identity) -> Option<String> {
        let mut tx = Tx::new(Arc::clone(&self.there));
        match identity {
            Identity::Root => None,
            Identity::User(name) => {
                let user = tx.get::<User>(&layout::user(account(), name)).await.expect("read");
                user.map(|user| user.id.to_string())
            }
            Identity::Role(name) => {
                let role = tx.get::<Role>(&layout::role(account(), name)).await.expect("read");
                role.map(|role| role.id.to_string())
            }
        }
    }

    /// What a broker without any memory says of the state of a revision.
    async fn expected(&self, question: &Question, id: Option<String>, at: Revisions, now: Timestamp) -> Outcome {
        let subject = self.fresh(at.subject).await;
        let resource = if at.resource == at.subject { None } else { Some(self.fresh(at.resource).await) };
        let answer = question.ask(&subject, resource.as_ref().unwrap_or(&subject), id, BEGIN, now).await;
        answer.map(|answer| answer.decision)
    }

    async fn fresh(&self, revision: Revision) -> Decider {
        let records = self.past[&revision].clone();
        Decider::on(Arc::new(Snapshot { revision, records }), 100).await
    }

    /// What an answer may be made on that speaks of `oldest`. Of a subject everything is of one revision; of a role that is to be
    /// taken on also, which is another one while not everything was heard of.
    fn candidates(&self, question: &Question, oldest: Revision) -> Vec<Revisions> {
        let known: Vec<Revision> = self.past.range(oldest..).rev().map(|(revision, _)| *revision).collect();
        let same = known.iter().map(|at| Revisions { subject: *at, resource: *at });
        let pairs = known
            .iter()
            .flat_map(|subject| known.iter().map(|resource| Revisions { subject: *subject, resource: *resource }));
        let pairs = pairs.filter(|at| question.has_trust() && at.subject != at.resource);
        same.chain(pairs).collect()
    }

    async fn ask(&self, question: &Question, later: i64, done: &Done) {
        let remembered = self.unique_id(question.who.identity()).await;
        let id = remembered.filter(|_| question.who.remembered);
        let (present, _) = self.present();
        let answer = question.ask(&self.here, &self.here, id.clone(), BEGIN, self.now).await;
        let oldest = match &answer {
            Ok(answer) if self.unheard => answer.revision.min(present),
            // Who is gone has no answer to speak of a revision.
            Err(_) if self.unheard => self.here.feed.revision().expect("a revision").min(present),
            // What this broker wrote it knows at once, whether it has read that in the feed or not.
            _ => present,
        };
        let outcome: Outcome = answer.as_ref().map(|answer| answer.decision.clone()).map_err(Clone::clone);
        // What else time would make of it is the same only if it was made on the same policies, which here are one of several.
        let then = self.now.plus(later);
        let holds = matches!(&answer, Ok(answer) if answer.until.is_none_or(|until| then < until));
        let (mut right, mut others) = (false, Vec::new());
        for at in self.candidates(question, oldest) {
            let expected = self.expected(question, id.clone(), at, self.now).await;
            let still = !holds || self.expected(question, id.clone(), at, then).await == outcome;
            if expected == outcome && still {
                right = true;
                break;
            }
            others.push((at, still, expected));
        }
        assert!(right, "{question:?}\n got {answer:?}\n not one of {others:?}");
        count(&done.questions);
        if oldest == present {
            count(&done.exact);
        }
        if holds {
            count(&done.later);
        }
        if outcome.is_ok_and(|decision| decision.is_allowed()) {
            count(&done.allowed);
        }
    }
}

async fn replay(steps: &[Step], done: &Done) {
    let place = Place::new();
    let mut history = History::begin(&place).await;
    for step in steps {
        match step {
            Step::Change(here, change) => {
                history.change(*here, change).await;
                count(&done.changes);
            }
            Step::Hear => history.hear().await,
            Step::Ask(question, later) => history.ask(question, *later, done).await,
            Step::Wait(seconds) => history.now = history.now.plus(*seconds),
        }
    }
    history.here.store.close().await;
    history.there.close().await;
}

/// Histories of 150 to 250 steps each; several thousand questions and more than a thousand changes in all.
#[test]
fn an_answer_is_always_what_evaluation_without_a_cache_would_have_said() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let config = Config { cases: 24, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let algorithm = config.rng_algorithm;
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(algorithm));
    let done = Done::default();
    let histories = prop::collection::vec(step(), 150..250);
    let ran = runner.run(&histories, |steps| {
        runtime.block_on(replay(&steps, &done));
        Ok(())
    });
    println!("{done:?}");
    if let Err(failed) = ran {
        panic!("{failed}");
    }
    let enough = [
        (&done.changes, 1_000),
        (&done.questions, 2_000),
        (&done.exact, 800),
        (&done.allowed, 200),
        (&done.later, 500),
    ];
    for (counted, least) in enough {
        assert!(counted.get() >= least, "too little was tried: {done:?}");
    }
}
