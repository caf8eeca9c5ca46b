//! A small account, and everything that can be changed in it.

use std::collections::BTreeMap;

use brevet::clock::{Random, Timestamp};
use brevet::crypto::seal::Sealed;
use brevet::identity::{
    Account, Group, InlinePolicies, ManagedPolicy, PasswordPolicy, Permissions, PolicyVersion, Role, User,
};
use brevet::store::{Key, StoreError, Tx, layout};
use brevet::types::{AccountId, Arn, EntityPath, Realm, Tag, Tags, UniqueId, UniqueIdKind};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

pub const USERS: u8 = 3;
pub const GROUPS: u8 = 2;
pub const ROLES: u8 = 2;
pub const POLICIES: u8 = 3;
pub const BEGIN: Timestamp = Timestamp(1_795_488_000);

pub fn account() -> AccountId {
    "111122223333".parse().expect("an account")
}

pub fn user_name(user: u8) -> String {
    format!("user-{user}")
}

pub fn role_name(role: u8) -> String {
    format!("role-{role}")
}

pub fn policy_arn(policy: u8) -> Arn {
    Realm::default().policy(account(), &EntityPath::default(), &format!("policy-{policy}"))
}

pub fn role_arn(role: u8) -> Arn {
    Realm::default().role(account(), &EntityPath::default(), &role_name(role))
}

pub fn user_arn(user: u8) -> Arn {
    Realm::default().user(account(), &EntityPath::default(), &user_name(user))
}

/// Statements that read what can differ between two questions, in every way in which it can.
const STATEMENTS: [&str; 14] = [
    r#"{"Effect":"Allow","Action":"s:Read","Resource":"*"}"#,
    r#"{"Effect":"Allow","Action":"s:*","Resource":"arn:aws:s:::${aws:username}/*"}"#,
    r#"{"Effect":"Deny","Action":"s:Write","Resource":"arn:aws:s:::user-1/*"}"#,
    r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}"#,
    r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}"#,
    r#"{"Effect":"Allow","Action":"s:Write","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2026-11-24T02:45:00Z"}}}"#,
    r#"{"Effect":"Allow","Action":"s:*","Resource":"*","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":"600"}}}"#,
    r#"{"Effect":"Deny","Action":"s:Write","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#,
    r#"{"Effect":"Allow","Action":"s:Read","Resource":"*","Condition":{"StringLike":{"s:Quarter":"q*"}}}"#,
    r#"{"Effect":"Deny","Action":"s:Read","Resource":"*","Condition":{"NumericGreaterThan":{"aws:EpochTime":"1795489000"}}}"#,
    r#"{"Effect":"Allow","NotAction":"s:Read","Resource":"*"}"#,
    r#"{"Effect":"Allow","Action":"s:*","Resource":"*","Condition":{"StringLike":{"aws:userid":"AROA*:work"}}}"#,
    r#"{"Effect":"Deny","Action":"iam:*","Resource":"*"}"#,
    r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/role-0"}"#,
];

fn document(statements: &[&str]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

pub fn any_document() -> impl Strategy<Value = String> {
    subsequence(&STATEMENTS[..], 1..=3).prop_map(|chosen| document(&chosen))
}

fn any_trust() -> impl Strategy<Value = String> {
    let principals = select(vec![
        r#"{"AWS":"111122223333"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/user-0"}"#,
        r#"{"AWS":"*"}"#,
        r#"{"Service":"ec2.amazonaws.com"}"#,
    ]);
    (principals, any::<bool>()).prop_map(|(who, quarterly)| {
        let condition = if quarterly { r#","Condition":{"StringEquals":{"s:Quarter":"q3"}}"# } else { "" };
        document(&[&format!(r#"{{"Effect":"Allow","Principal":{who},"Action":"sts:AssumeRole"{condition}}}"#)])
    })
}

/// What stands on an entity.
#[derive(Clone, Debug)]
pub struct Shape {
    permissions: Permissions,
    tags: Tags,
    groups: Vec<u8>,
}

impl Shape {
    /// With these managed policies, this boundary and these groups.
    pub fn of(attached: &[u8], boundary: Option<u8>, groups: &[u8]) -> Self {
        let attached = attached.iter().map(|policy| policy_arn(*policy)).collect();
        let permissions =
            Permissions { inline: InlinePolicies::default(), attached, boundary: boundary.map(policy_arn) };
        Self { permissions, tags: Tags::default(), groups: groups.to_vec() }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let managed: Vec<Arn> = (0..POLICIES)
        .map(policy_arn)
        .chain(["arn:aws:iam::aws:policy/IAMReadOnlyAccess".parse().expect("an ARN")])
        .collect();
    let inline = prop::collection::vec(any_document(), 0..=2);
    let attached = subsequence(managed, 0..=2);
    let boundary = prop_oneof![3 => Just(None), 1 => (0..POLICIES).prop_map(|policy| Some(policy_arn(policy)))];
    let team = prop::option::of(select(vec!["red", "blue", "green"]));
    let groups = subsequence((0..GROUPS).collect::<Vec<_>>(), 0..=2);
    (inline, attached, boundary, team, groups).prop_map(|(documents, attached, boundary, team, groups)| {
        let mut inline = InlinePolicies::default();
        for (at, document) in documents.into_iter().enumerate() {
            inline.put(format!("inline-{at}").parse().expect("a name"), document);
        }
        let tags = team.map(|team| Tag { key: "team".to_owned(), value: team.to_owned() }).into_iter().collect();
        let tags = Tags::distinct(tags).expect("tags");
        Shape { permissions: Permissions { inline, attached, boundary }, tags, groups }
    })
}

/// A change of one record.
#[derive(Clone, Debug)]
pub enum Change {
    User(u8, Option<Shape>),
    Group(u8, Option<Shape>),
    Role(u8, Option<(Shape, String)>),
    Policy(u8, Option<String>),
    PasswordPolicy(Option<bool>),
}

/// Most changes write; some delete, and what is written afterwards is another entity of the same name.
pub fn any_change() -> impl Strategy<Value = Change> {
    let mostly = || prop::bool::weighted(0.85);
    prop_oneof![
        6 => (0..USERS, mostly(), shape()).prop_map(|(user, there, shape)| Change::User(user, there.then_some(shape))),
        3 => (0..GROUPS, mostly(), shape()).prop_map(|(at, there, shape)| Change::Group(at, there.then_some(shape))),
        4 => (0..ROLES, mostly(), shape(), any_trust())
            .prop_map(|(role, there, shape, trust)| Change::Role(role, there.then_some((shape, trust)))),
        4 => (0..POLICIES, mostly(), any_document())
            .prop_map(|(policy, there, document)| Change::Policy(policy, there.then_some(document))),
        1 => prop::option::of(any::<bool>()).prop_map(Change::PasswordPolicy),
    ]
}

/// Ids in the order in which they are asked for: each run draws the same.
#[derive(Debug, Default)]
pub struct Counting(std::sync::atomic::AtomicU64);

impl Random for Counting {
    fn fill(&self, target: &mut [u8]) {
        let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_le_bytes();
        target.fill(0);
        target.iter_mut().zip(next).for_each(|(byte, next)| *byte = next);
    }
}

/// Every key that a decision in this account may read.
pub fn keys() -> Vec<Key> {
    let account = account();
    let users = (0..USERS).map(|user| layout::user(account, &user_name(user).parse().expect("a name")));
    let groups = (0..GROUPS).map(|at| layout::group(account, &format!("group-{at}").parse().expect("a name")));
    let roles = (0..ROLES).map(|role| layout::role(account, &role_name(role).parse().expect("a name")));
    let policies = (0..POLICIES).map(|at| layout::policy(account, &format!("policy-{at}").parse().expect("a name")));
    let single = [layout::account(account), layout::password_policy(account)];
    users.chain(groups).chain(roles).chain(policies).chain(single).collect()
}

/// An account.
pub fn found(tx: &mut Tx, account: AccountId) -> Result<(), StoreError> {
    let account = Account {
        id: account,
        name: "one".to_owned(),
        created: BEGIN,
        root_access_keys: Vec::new(),
        root_signing_certificates: Vec::new(),
        data_key: Sealed::from_bytes(Vec::new()),
    };
    tx.put(&layout::account(account.id), &account)
}

/// Stages a change. Whoever is there keeps its unique id.
pub async fn stage(tx: &mut Tx, change: &Change, random: &Counting) -> Result<(), StoreError> {
    let id = |known: Option<UniqueId>, kind| known.unwrap_or_else(|| UniqueId::random(kind, random));
    let (account, path, created) = (account(), EntityPath::default(), BEGIN);
    match change {
        Change::User(user, shape) => {
            let name = user_name(*user).parse().expect("a name");
            let key = layout::user(account, &name);
            let known = tx.get::<User>(&key).await?;
            let Some(shape) = shape.clone() else { return tx.delete(&key) };
            let user = User {
                id: id(known.map(|known| known.id), UniqueIdKind::User),
                name,
                path,
                created,
                tags: shape.tags,
                permissions: shape.permissions,
                groups: shape.groups.iter().map(|at| format!("group-{at}").parse().expect("a name")).collect(),
                access_keys: Vec::new(),
                mfa_devices: Vec::new(),
                has_login_profile: false,
                credentials: Default::default(),
            };
            tx.put(&key, &user)
        }
        Change::Group(at, shape) => {
            let name = format!("group-{at}").parse().expect("a name");
            let key = layout::group(account, &name);
            let known = tx.get::<Group>(&key).await?;
            let Some(shape) = shape.clone() else { return tx.delete(&key) };
            let permissions = Permissions { boundary: None, ..shape.permissions };
            let id = id(known.map(|known| known.id), UniqueIdKind::Group);
            tx.put(&key, &Group { name, path, id, created, permissions })
        }
        Change::Role(role, shape) => {
            let name = role_name(*role).parse().expect("a name");
            let key = layout::role(account, &name);
            let known = tx.get::<Role>(&key).await?;
            let Some((shape, trust)) = shape.clone() else { return tx.delete(&key) };
            let role = Role {
                id: id(known.map(|known| known.id), UniqueIdKind::Role),
                name,
                path,
                created,
                description: None,
                trust_policy: trust.clone(),
                trust_in_force: trust,
                max_session_duration: Role::DEFAULT_SESSION,
                tags: shape.tags,
                permissions: shape.permissions,
            };
            tx.put(&key, &role)
        }
        Change::Policy(at, document) => {
            let name = format!("policy-{at}").parse().expect("a name");
            let key = layout::policy(account, &name);
            let known = tx.get::<ManagedPolicy>(&key).await?;
            let Some(document) = document.clone() else { return tx.delete(&key) };
            let policy = ManagedPolicy {
                id: id(known.map(|known| known.id), UniqueIdKind::ManagedPolicy),
                name,
                path,
                created,
                updated: created,
                description: None,
                tags: Tags::default(),
                default_version: 1,
                next_version: 2,
                versions: BTreeMap::from([(1, PolicyVersion { document, created })]),
            };
            tx.put(&key, &policy)
        }
        Change::PasswordPolicy(may_change) => {
            let key = layout::password_policy(account);
            let Some(users_may_change) = *may_change else { return tx.delete(&key) };
            let policy = PasswordPolicy {
                minimum_length: 8,
                symbols: false,
                numbers: false,
                uppercase: false,
                lowercase: false,
                users_may_change,
                max_age_days: None,
                remembered: None,
                hard_expiry: None,
            };
            tx.put(&key, &policy)
        }
    }
}
