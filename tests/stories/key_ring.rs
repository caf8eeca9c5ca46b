//! The signing keys of a fleet over time: they change by themselves, go at once when they must, and no broker is restarted for it.

use std::sync::Arc;

use brevet::clock::{Clock, ShiftedClock};
use brevet::session::{KeeperError, Previous};
use brevet::store::{Batch, Expect, Key, Tx};
use brevet::types::SecretText;
use serde_json::{Value, json};

use crate::world::policies::allow;
use crate::world::raw::{ask, get};
use crate::world::{Actor, Backend, Keys, Outcome, Running, Session, User, World, within_a_second};

on_both_stores! {
    keys_change_by_themselves_while_the_brokers_run => schedule;
    a_removed_key_takes_its_sessions_along_at_every_broker => removal;
    what_cannot_be_read_does_not_keep_a_removed_key_alive => damage;
    brokers_that_change_the_ring_at_once_agree => agreement;
}

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

async fn published(at: &Running, below: &str) -> Vec<String> {
    let set = get(at, &format!("{below}/.well-known/jwks.json")).await.json();
    let kid = |key: &Value| key["kid"].as_str().expect("a key id").to_owned();
    set["keys"].as_array().expect("keys").iter().map(kid).collect()
}

fn kid_of(token: &str) -> String {
    jsonwebtoken::decode_header(token).expect("a JWT").kid.expect("a key id")
}

async fn session(who: &impl Actor, at: &Running, seconds: i32) -> Session {
    let given = who.sts(at).get_session_token().duration_seconds(seconds).send().await.granted();
    Session::of(given.credentials())
}

async fn identity_token(who: &impl Actor, at: &Running) -> String {
    let ask = who.sts(at).get_web_identity_token().audience("https://api.example.com").signing_algorithm("ES384");
    ask.send().await.granted().web_identity_token().expect("a token").to_owned()
}

async fn who_am_i(keys: &Keys, at: &Running) -> String {
    keys.sts(at).get_caller_identity().send().await.code()
}

/// What a service hears that asks about a session.
async fn asked_about(session: &Session, asker: &User, at: &Running) -> Value {
    let question = json!({
        "subject": { "type": "session", "id": "s", "properties": { "session_token": session.token() } },
        "action": { "name": "reports:Read" },
        "resource": { "type": "arn", "id": "arn:aws:reports:::q3" },
    });
    ask(at, asker, &question).await.json()["decision"].clone()
}

/// Four days at two brokers whose keys sign for a day.
async fn schedule(backend: Backend) {
    let (world, here) = World::begin_watching_keys(backend, |config| {
        config.sessions.rotate_after_days = 1;
        config.sessions.publish_ahead_hours = 6;
    })
    .await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let alice = root.user_with("alice", &allow("sts:GetWebIdentityToken", "*")).await;
    let below = format!("/outbound/{}", root.account);
    // The first key begins five minutes before its broker does, so that one whose clock is behind can use it.
    let mut known = (published(&here, "").await, published(&here, &below).await);
    let mut signed: Vec<(i64, Session)> = Vec::new();
    for day in 0..4 {
        for broker in [&here, &there] {
            within_a_second("both brokers show the same keys", || async {
                published(broker, "").await == published(&here, "").await
                    && published(broker, &below).await == published(&here, &below).await
            })
            .await;
        }
        let (new, token) = (session(&alice, &here, 129_600).await, identity_token(&alice, &there).await);
        let (by, identity_by) = (kid_of(new.token()), kid_of(&token));
        assert!(known.0.contains(&by), "day {day}: the key that signs was published the day before");
        assert!(known.1.contains(&identity_by), "day {day}: and so was that of web identity tokens");
        assert!(signed.iter().all(|(_, old)| kid_of(old.token()) != by), "day {day}: every day has its key");
        assert_eq!(kid_of(session(&alice, &there, 900).await.token()), by, "day {day}: the brokers agree on it");
        // The next one is there before it signs.
        within_a_second("the next keys are published", || async {
            let (sessions, identity) = (published(&here, "").await, published(&here, &below).await);
            sessions.last() != Some(&by) && identity.len() >= 6
        })
        .await;
        known = (published(&here, "").await, published(&here, &below).await);
        let now = world.now().seconds();
        for (ends, old) in &signed {
            let (expected, shown) = if *ends > now { ("Ok", true) } else { ("ExpiredToken", *ends + 600 > now) };
            for broker in [&here, &there] {
                let answer = who_am_i(&old.keys, broker).await;
                // Once its key is gone a token is not told from one that never was.
                assert!(answer == expected || !shown && answer == "InvalidClientTokenId", "day {day}: {answer}");
                if shown {
                    assert!(known.0.contains(&kid_of(old.token())), "day {day}: it can be verified");
                }
            }
        }
        signed.push((new.expires, new));
        // Half a day on nothing has changed; the signing key stays for its whole day.
        world.advance(DAY / 2);
        assert_eq!(kid_of(session(&alice, &here, 900).await.token()), by);
        world.advance(DAY / 2);
    }
    // A key goes when the last token that it may have signed is over, with a margin for clocks.
    let first = kid_of(signed[0].1.token());
    for broker in [&here, &there] {
        within_a_second("the first key is gone", || async { !published(broker, "").await.contains(&first) }).await;
    }
    let (foundation, keeper) = world.keeper().await;
    assert!(keeper.rings().find(&first).is_none(), "from the store too");
    assert!(keeper.rings().all().all(|(_, ring)| ring.keys().len() <= 4), "no keys pile up");
    foundation.store.close().await;
}

async fn removal(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    let issuer = root.iam.enable_outbound_web_identity_federation().send().await.granted();
    assert!(issuer.issuer_identifier().is_some());
    let alice = root.user_with("alice", &allow("*", "*")).await;
    let old = session(&alice, &here, 3_600).await;
    world.rotate_keys(Previous::UntilExpired).await;
    world.advance(2);
    within_a_second("the next key signs", || async {
        kid_of(session(&alice, &here, 900).await.token()) != kid_of(old.token())
    })
    .await;
    let new = session(&alice, &here, 3_600).await;
    let below = format!("/outbound/{}", root.account);
    let last = || async { published(&here, "").await.pop().expect("keys are published") };
    within_a_second("the next key is published", || async { last().await != kid_of(new.token()) }).await;
    let next = last().await;
    let identity = kid_of(&identity_token(&alice, &here).await);
    // Both brokers have seen both tokens, and keep what they found.
    for broker in [&here, &there] {
        for one in [&old, &new] {
            within_a_second("the session is known", || async { who_am_i(&one.keys, broker).await == "Ok" }).await;
        }
        assert_eq!(asked_about(&new, &alice, broker).await, true);
    }

    // The key that signs: its sessions end, those of the key before go on, and the key that was published takes over.
    let bad = kid_of(new.token());
    world.remove_key(&bad).await;
    for broker in [&here, &there] {
        within_a_second("its sessions end", || async { who_am_i(&new.keys, broker).await == "InvalidClientTokenId" })
            .await;
        let message = new.sts(broker).get_caller_identity().send().await.refused("InvalidClientTokenId");
        assert_eq!(message, "The security token included in the request is invalid.");
        new.iam(broker).list_users().send().await.refused("InvalidClientTokenId");
        assert_eq!(asked_about(&new, &alice, broker).await, false, "what services hear of it");
        assert_eq!(who_am_i(&old.keys, broker).await, "Ok", "other keys' sessions go on");
        assert_eq!(who_am_i(&alice.keys, broker).await, "Ok", "long-lived keys are not touched");
        assert_eq!(kid_of(session(&alice, broker, 900).await.token()), next, "verifiers know the key that takes over");
        assert!(!published(broker, "").await.contains(&bad));
        assert_eq!(get(broker, "/health/ready").await.status, 200);
    }
    // A key that signs no more.
    world.remove_key(&kid_of(old.token())).await;
    for broker in [&here, &there] {
        within_a_second("the old one's end", || async { who_am_i(&old.keys, broker).await == "InvalidClientTokenId" })
            .await;
        assert_eq!(kid_of(session(&alice, broker, 900).await.token()), next);
    }
    // One of web identity tokens.
    world.remove_key(&identity).await;
    for broker in [&here, &there] {
        within_a_second("it is published no more", || async { !published(broker, &below).await.contains(&identity) })
            .await;
        let again = kid_of(&identity_token(&alice, broker).await);
        assert!(again != identity && published(broker, &below).await.contains(&again));
    }
    // What nobody has is no key; the ring is as it was.
    let before = published(&here, "").await;
    let (foundation, keeper) = world.keeper().await;
    for unknown in [bad.as_str(), "", "../../x", "signing-key", &"x".repeat(5_000)] {
        assert!(matches!(keeper.remove(unknown).await, Err(KeeperError::Unknown(_))), "{unknown:.20}");
    }
    foundation.store.close().await;
    assert_eq!(published(&here, "").await, before);
}

/// Somebody who can write to the store, or a fault, leaves a record that is no key.
async fn damage(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let alice = world.root.at(&here).user_with("alice", &allow("*", "*")).await;
    let old = session(&alice, &here, 3_600).await;
    let bad = kid_of(old.token());
    let (foundation, keeper) = world.keeper().await;
    let mut tx = Tx::new(Arc::clone(&foundation.store));
    // Bytes that are no record, a record without a form, and one that is the secret of another place.
    let place = Key::of(&["signing-key", &bad]);
    let stolen = tx.get::<Value>(&place).await.expect("the store answers").expect("the record");
    tx.put(&Key::of(&["signing-key", "garbage"]), &json!({ "kid": 7 })).expect("staged");
    tx.put(&Key::of(&["signing-key", "elsewhere"]), &stolen).expect("staged");
    tx.put(&Key::of(&["identity-key", &bad]), &stolen).expect("staged");
    tx.commit().await.expect("written");
    let noise = (Key::of(&["identity-key", "noise"]), Expect::Absent, b"\xff{".to_vec());
    foundation.store.commit(Batch { puts: vec![noise], ..Batch::default() }).await.expect("written");
    keeper.reload().await.expect("what can be read is read");
    assert_eq!(keeper.rings().unreadable().len(), 4);
    // The others go on, and a removal counts at once, though the rings are not whole.
    assert_eq!(who_am_i(&old.keys, &here).await, "Ok");
    assert!(matches!(keeper.rotate(Previous::UntilExpired).await, Err(KeeperError::Unreadable { .. })));
    world.advance(2);
    let removed = keeper.remove(&bad).await;
    assert!(matches!(removed, Err(KeeperError::Unreadable { .. })), "it is said that something is left: {removed:?}");
    within_a_second("its sessions end", || async { who_am_i(&old.keys, &here).await == "InvalidClientTokenId" }).await;
    assert_eq!(who_am_i(&session(&alice, &here, 900).await.keys, &here).await, "Ok");
    // A broker that begins now says what is wrong, and how to get out of it.
    let error = world.another_broker_fails().await;
    assert!(error.contains("brevet keys remove"), "{error}");
    for kid in ["garbage", "elsewhere", "noise"] {
        let _ = keeper.remove(kid).await;
    }
    keeper.reload().await.expect("read");
    assert!(keeper.rings().unreadable().is_empty(), "{:?}", keeper.rings().unreadable());
    foundation.store.close().await;
    let there = world.another_broker().await;
    assert_eq!(who_am_i(&session(&alice, &there, 900).await.keys, &here).await, "Ok");
}

/// Plans that were made from the same state collide in the store, and what was removed does not come back by one of them.
async fn agreement(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let alice = world.root.at(&here).user_with("alice", &allow("*", "*")).await;
    let old = session(&alice, &here, 3_600).await;
    let bad = kid_of(old.token());
    let mut brokers = Vec::new();
    for _ in 0..4 {
        brokers.push(world.keeper().await);
    }
    // All four hold the ring with the bad key. One removes it, the others rotate by what they remember.
    let rotate = |place: usize| brokers[place].1.rotate(Previous::UntilExpired);
    let (removed, one, two, three) = tokio::join!(brokers[0].1.remove(&bad), rotate(1), rotate(2), rotate(3));
    removed.expect("it is removed");
    for rotated in [one, two, three] {
        rotated.expect("it is rotated");
    }
    for (foundation, keeper) in &brokers {
        keeper.reload().await.expect("read");
        assert!(keeper.rings().find(&bad).is_none(), "a removed key stays away");
        let rings = keeper.rings();
        let kids = |rings: &brevet::session::Rings| -> Vec<String> {
            rings.all().flat_map(|(_, ring)| ring.keys().iter().map(|key| key.kid().to_owned())).collect()
        };
        assert_eq!(kids(&rings), kids(&brokers[0].1.rings()), "one ring for all");
        for (family, ring) in rings.all() {
            assert!(ring.active(world.now().plus(2)).is_some(), "{family:?}");
        }
        foundation.store.close().await;
    }
    world.advance(5);
    within_a_second("its sessions end", || async { who_am_i(&old.keys, &here).await == "InvalidClientTokenId" }).await;
    assert_eq!(who_am_i(&session(&alice, &here, 900).await.keys, &here).await, "Ok");
}

/// The clocks of a fleet may be five minutes apart.
#[tokio::test]
async fn a_fleet_whose_clocks_differ_hands_over_without_a_gap() {
    let (world, behind) = World::begin_watching_keys(Backend::Sqlite, |config| {
        config.sessions.rotate_after_days = 1;
        config.sessions.publish_ahead_hours = 1;
    })
    .await;
    let base: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let clock = ShiftedClock::new(base);
    clock.advance(290);
    let ahead = world.another_broker_at(&clock).await;
    let alice = world.root.at(&behind).user("alice").await;
    let before = session(&alice, &behind, 900).await;
    assert_eq!(who_am_i(&before.keys, &ahead).await, "Ok");
    // It is tomorrow already where the clock is ahead.
    world.advance(DAY - 2 * 300 + 60);
    within_a_second("the key has changed there", || async {
        kid_of(session(&alice, &ahead, 900).await.token()) != kid_of(before.token())
    })
    .await;
    let early = session(&alice, &ahead, 900).await;
    let late = session(&alice, &behind, 900).await;
    assert_eq!(kid_of(late.token()), kid_of(before.token()), "and not here");
    for one in [&early, &late] {
        for broker in [&ahead, &behind] {
            assert_eq!(who_am_i(&one.keys, broker).await, "Ok");
        }
    }
    world.advance(HOUR);
    let (here, there) = (session(&alice, &behind, 900).await, session(&alice, &ahead, 900).await);
    assert_eq!(kid_of(here.token()), kid_of(there.token()));
    assert_eq!(kid_of(here.token()), kid_of(early.token()));
}

#[tokio::test]
async fn a_broker_with_another_master_key_does_not_join() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let before = published(&broker, "").await;
    let stranger = SecretText::new("00".repeat(32));
    let random: Arc<dyn brevet::clock::Random> = Arc::new(brevet::clock::SystemRandom);
    let found = brevet::server::Foundation::find(&world.config.store, Some(&stranger), &random).await;
    let error = found.expect_err("it cannot open anything").to_string();
    assert!(error.contains("the master key is not the one"), "{error}");
    assert_eq!(published(&broker, "").await, before, "it has made no key of its own");
}

/// An installation from before there were web identity tokens has none of their keys: the first broker of this version makes them.
#[tokio::test]
async fn an_older_store_gets_the_keys_that_it_lacks() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let alice = world.root.at(&broker).user_with("alice", &allow("*", "*")).await;
    world.root.at(&broker).iam.enable_outbound_web_identity_federation().send().await.granted();
    let kept = session(&alice, &broker, 3_600).await;
    broker.stop().await;
    let (foundation, keeper) = world.keeper().await;
    let mut tx = Tx::new(Arc::clone(&foundation.store));
    for (family, ring) in keeper.rings().all().skip(1) {
        assert_eq!(family.name(), "web-identity");
        for key in ring.keys() {
            tx.delete(&Key::of(&["identity-key", key.kid()])).expect("staged");
        }
    }
    tx.commit().await.expect("written");
    foundation.store.close().await;
    let broker = world.another_broker().await;
    assert_eq!(who_am_i(&kept.keys, &broker).await, "Ok");
    let token = identity_token(&alice, &broker).await;
    let below = format!("/outbound/{}", world.root.account);
    assert!(published(&broker, &below).await.contains(&kid_of(&token)));
    assert_eq!(published(&broker, &below).await.len(), 6, "each of three algorithms has its key and the next");
}
