//! A change makes a broker forget what it may concern, and nothing else: what is kept of everybody else is the same afterwards.

use std::sync::Arc;

use brevet::decision::{CompiledPrincipal, Identity, Subject};
use brevet::identity::{Account, Group, ManagedPolicy, Membership, PolicyUsage, Role, User};
use brevet::store::{Entity, Key, Tx, layout};
use brevet::types::{AccountId, Tag};

use crate::place::{Decider, Place};
use crate::state::{Change, Counting, Shape, account, found, stage};

/// Who there is: two users, a role and root of one account, a user of another.
const EVERYBODY: [&str; 5] = ["user-0", "user-1", "role-0", "root", "stranger"];

fn other_account() -> AccountId {
    "444455556666".parse().expect("an account")
}

fn subject(who: &str) -> Subject {
    let (account, identity) = match who {
        "root" => (account(), Identity::Root),
        "role-0" => (account(), Identity::Role(who.parse().expect("a name"))),
        "stranger" => (other_account(), Identity::User("user-0".parse().expect("a name"))),
        user => (account(), Identity::User(user.parse().expect("a name"))),
    };
    Subject { account, identity, unique_id: None, session: None }
}

async fn compiled(decider: &Decider) -> Vec<Arc<CompiledPrincipal>> {
    let mut all = Vec::new();
    for who in EVERYBODY {
        all.push(decider.authorizer.principal(&subject(who)).await.expect("somebody"));
    }
    all
}

/// `user-0` is in a group that has policy 0; `user-1` has policy 1, which bounds the role; nobody has policy 2.
async fn populate(decider: &Decider) {
    let random = Counting::default();
    let mut tx = Tx::new(Arc::clone(&decider.store));
    for account in [account(), other_account()] {
        found(&mut tx, account).expect("staged");
    }
    let document = || Some(r#"{"Version":"2012-10-17","Statement":[]}"#.replace("[]", ALLOW));
    let trust =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;
    for change in [
        Change::Policy(0, document()),
        Change::Policy(1, document()),
        Change::Policy(2, document()),
        Change::Group(0, Some(Shape::of(&[0], None, &[]))),
        Change::Group(1, Some(Shape::of(&[1], None, &[]))),
        Change::User(0, Some(Shape::of(&[], None, &[0]))),
        Change::User(1, Some(Shape::of(&[1], None, &[]))),
        Change::Role(0, Some((Shape::of(&[], Some(1), &[]), trust.to_owned()))),
    ] {
        stage(&mut tx, &change, &random).await.expect("staged");
    }
    let user: User = tx.get(&user(0)).await.expect("read").expect("a user");
    let stranger = User { groups: Vec::new(), ..user };
    tx.put(&layout::user(other_account(), &stranger.name), &stranger).expect("staged");
    decider.commit(tx).await;
}

const ALLOW: &str = r#"{"Effect":"Allow","Action":"s:Read","Resource":"*"}"#;

fn user(user: u8) -> Key {
    layout::user(account(), &format!("user-{user}").parse().expect("a name"))
}

fn group(at: u8) -> Key {
    layout::group(account(), &format!("group-{at}").parse().expect("a name"))
}

fn policy(at: u8) -> Key {
    layout::policy(account(), &format!("policy-{at}").parse().expect("a name"))
}

async fn edit<T: Entity>(tx: &mut Tx, key: Key, change: impl FnOnce(&mut T)) {
    let mut value: T = tx.get(&key).await.expect("read").expect("a record");
    change(&mut value);
    tx.put(&key, &value).expect("staged");
}

/// What is changed, and whom that may concern.
const CHANGES: [(&str, &[&str]); 13] = [
    ("a user's tag", &["user-0"]),
    ("a user's groups", &["user-1"]),
    ("a group's policies", &["user-0"]),
    ("another group's policies", &[]),
    ("a policy of a group", &["user-0"]),
    ("a policy of a user that bounds a role", &["user-1", "role-0"]),
    ("a policy that nobody has", &[]),
    ("a role's trust", &["role-0"]),
    ("how many a group has", &[]),
    ("how often a policy is used", &[]),
    ("what users may do with their passwords", &["user-0", "user-1"]),
    ("the account", &["root"]),
    ("somebody new", &[]),
];

async fn make(tx: &mut Tx, what: &str, random: &Counting) {
    let account = account();
    let role = layout::role(account, &"role-0".parse().expect("a name"));
    match what {
        "a user's tag" => {
            let tag = Tag { key: "team".to_owned(), value: "red".to_owned() };
            edit(tx, user(0), |user: &mut User| user.tags.set(tag)).await;
        }
        "a user's groups" => {
            edit(tx, user(1), |user: &mut User| user.groups = vec!["group-0".parse().expect("a name")]).await;
        }
        "a group's policies" => edit(tx, group(0), |group: &mut Group| group.permissions.attached.clear()).await,
        "another group's policies" => edit(tx, group(1), |group: &mut Group| group.permissions.attached.clear()).await,
        "a policy of a group" => edit(tx, policy(0), |policy: &mut ManagedPolicy| policy.next_version += 1).await,
        "a policy of a user that bounds a role" => {
            edit(tx, policy(1), |policy: &mut ManagedPolicy| policy.next_version += 1).await;
        }
        "a policy that nobody has" => edit(tx, policy(2), |policy: &mut ManagedPolicy| policy.next_version += 1).await,
        "a role's trust" => edit(tx, role, |role: &mut Role| role.max_session_duration += 1).await,
        "how many a group has" => {
            let key = layout::membership(account, &"group-0".parse().expect("a name"));
            tx.put(&key, &Membership { users: 7 }).expect("staged");
        }
        "how often a policy is used" => {
            let key = layout::policy_usage(account, &"policy-0".parse().expect("a name"));
            tx.put(&key, &PolicyUsage { attachments: 7, boundaries: 0 }).expect("staged");
        }
        "what users may do with their passwords" => {
            stage(tx, &Change::PasswordPolicy(Some(true)), random).await.expect("staged");
        }
        "the account" => {
            edit(tx, layout::account(account), |account: &mut Account| account.name.push('!')).await;
        }
        "somebody new" => {
            stage(tx, &Change::User(2, Some(Shape::of(&[0], None, &[0]))), random).await.expect("staged");
        }
        other => panic!("{other} is not described"),
    }
}

async fn each_change_is_felt_by_whom_it_concerns(here: bool) {
    for (what, concerned) in CHANGES {
        let place = Place::new();
        let decider = Decider::on(place.open().await, 100).await;
        populate(&decider).await;
        decider.feed.catch_up().await.expect("the feed is read");
        let before = compiled(&decider).await;
        let again = compiled(&decider).await;
        assert!(before.iter().zip(&again).all(|(one, same)| Arc::ptr_eq(one, same)), "nothing is kept at all");
        let other = place.open().await;
        let mut tx = Tx::new(if here { Arc::clone(&decider.store) } else { Arc::clone(&other) });
        make(&mut tx, what, &Counting::default()).await;
        if here {
            decider.commit(tx).await;
        } else {
            tx.commit().await.expect("a commit");
        }
        // What is heard of a second time, or for the first.
        decider.feed.catch_up().await.expect("the feed is read");
        let after = compiled(&decider).await;
        for (who, (before, after)) in EVERYBODY.iter().zip(before.iter().zip(&after)) {
            let forgotten = !Arc::ptr_eq(before, after);
            assert_eq!(forgotten, concerned.contains(who), "{what}: {who}");
        }
    }
}

#[tokio::test]
async fn a_change_of_this_broker() {
    each_change_is_felt_by_whom_it_concerns(true).await;
}

#[tokio::test]
async fn a_change_of_another_broker() {
    each_change_is_felt_by_whom_it_concerns(false).await;
}
