//! A crowd: a million principals and ten million resources, asked about as crowds are, few of them often and most of them seldom (Zipf,
//! exponent 1). The authorizer of a broker in this process, on the embedded store with the principals in it: how many decisions a
//! second, how many principals were found compiled, how much memory that takes against the configured limit.

mod scenario;
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use brevet::clock::{Clock, SystemClock, SystemRandom, Timestamp};
use brevet::decision::{Asked, Authorizer, Identity, RequestFacts, Settings, Subject};
use brevet::identity::{Group, InlinePolicies, ManagedPolicy, Permissions, PolicyVersion, User, UserCredentials};
use brevet::store::{Feed, Invalidations, Location, Store, Tx, layout, open};
use brevet::telemetry::{names, start_metrics};
use brevet::types::{AccountId, EntityPath, GroupName, Realm, Tags, UniqueId, UniqueIdKind};
use scenario::Spread;
use support::memory::resident_mib;
use support::world::runtime;
use tokio::task::JoinSet;

/// Principals, and resources; `BREVET_BENCH_PRINCIPALS` makes fewer of the first.
const PRINCIPALS: u64 = 1_000_000;
const RESOURCES: u64 = 10_000_000;
/// Limits of `cache.principals` that are measured, the default first.
const LIMITS: [u64; 3] = [10_000, 30_000, 100_000];
/// Groups, each with three policies of three statements; every user is in two of them and has one policy of its own.
const GROUPS: u64 = 1_000;
/// How long it is asked before it is measured, and how long it is measured.
const WARM: Duration = Duration::from_secs(20);
const MEASURED: Duration = Duration::from_secs(10);
/// Questions that are thought up together, while nobody is timed.
const CHUNK: usize = 4_096;
/// What a principal counts at the least.
const ORDINARY_KIB: u64 = 16;

fn account() -> AccountId {
    "111122223333".parse().expect("an account")
}

fn main() {
    let principals = std::env::var("BREVET_BENCH_PRINCIPALS").ok().and_then(|text| text.parse().ok());
    let principals = principals.unwrap_or(PRINCIPALS).max(GROUPS);
    let metrics = start_metrics().expect("the first recorder");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = runtime();
    let store = runtime.block_on(open(&Location::Sqlite(folder.path().join("brevet.db")))).expect("a store");
    let begun = Instant::now();
    runtime.block_on(populate(&store, principals));
    println!("{principals} users in {:.0?}, {RESOURCES} resources, on {} threads", begun.elapsed(), threads());
    println!(
        "{:>10} {:>9} {:>12} {:>9} {:>10} {:>10} {:>10} {:>10} {:>12} {:>10}",
        "principals",
        "limit",
        "decisions/s",
        "hit rate",
        "median",
        "p99",
        "entries",
        "counted",
        "evicted/s",
        "resident"
    );
    // What a smaller cache has left free is taken by the next, so all are measured from here.
    let before = resident_mib(std::process::id());
    for limit in LIMITS {
        let authorizer = Arc::new(runtime.block_on(authorizer(&store, limit)));
        let facts = facts();
        runtime.block_on(load(&authorizer, principals, &facts, WARM));
        let counted = Counted::read(&metrics.render());
        let times = runtime.block_on(load(&authorizer, principals, &facts, MEASURED));
        let after = Counted::read(&metrics.render());
        let (hits, misses) = (after.hits - counted.hits, after.misses - counted.misses);
        println!(
            "{limit:>10} {:>5} MiB {:>12.0} {:>8.1}% {:>10} {:>10} {:>10} {:>6.0} MiB {:>12.0} {:>6.0} MiB",
            limit * ORDINARY_KIB / 1_024,
            times.rate,
            hits / (hits + misses) * 100.0,
            format!("{:.0?}", times.at(0.5)),
            format!("{:.0?}", times.at(0.99)),
            after.entries,
            after.bytes / f64::from(1 << 20),
            (after.evictions - counted.evictions) / times.took.as_secs_f64(),
            resident_mib(std::process::id()) - before,
        );
        drop(authorizer);
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Every user in one transaction with ten thousand others; what a broker's own operations write besides (keys, uses, audit) is left out.
async fn populate(store: &Arc<dyn Store>, principals: u64) {
    const TOGETHER: u64 = 10_000;
    let (random, now) = (SystemRandom, Timestamp(1_795_488_000));
    let mut tx = Tx::new(Arc::clone(store));
    let boundary: ManagedPolicy = managed("boundary", scenario::boundary(), now);
    tx.put(&layout::policy(account(), &boundary.name), &boundary).expect("staged");
    let documents = scenario::policies(100, Spread::ManyServices);
    for number in 0..GROUPS {
        let mut inline = InlinePolicies::default();
        for at in 0..3 {
            // The first of all is the one that denies whoever has no second factor, and is left out.
            let document = documents[1 + (number as usize * 3 + at) % (documents.len() - 1)].clone();
            inline.put(format!("policy-{at}").parse().expect("a name"), document);
        }
        let group = Group {
            name: group_name(number),
            path: EntityPath::default(),
            id: UniqueId::random(UniqueIdKind::Group, &random),
            created: now,
            permissions: Permissions { inline, ..Permissions::default() },
        };
        tx.put(&layout::group(account(), &group.name), &group).expect("staged");
    }
    tx.commit().await.expect("a commit");
    let bound = Realm::default().policy(account(), &EntityPath::default(), "boundary");
    for first in (0..principals).step_by(TOGETHER as usize) {
        let mut tx = Tx::new(Arc::clone(store));
        for number in first..principals.min(first + TOGETHER) {
            let mut inline = InlinePolicies::default();
            inline.put("own".parse().expect("a name"), own_policy(number));
            let user = User {
                name: user_name(number).parse().expect("a name"),
                path: EntityPath::default(),
                id: UniqueId::random(UniqueIdKind::User, &random),
                created: now,
                tags: Tags::default(),
                permissions: Permissions { inline, attached: Vec::new(), boundary: Some(bound.clone()) },
                groups: vec![group_name(number % GROUPS), group_name((number * 7 + 1) % GROUPS)],
                access_keys: Vec::new(),
                mfa_devices: Vec::new(),
                has_login_profile: false,
                credentials: UserCredentials::default(),
            };
            tx.put(&layout::user(account(), &user.name), &user).expect("staged");
        }
        tx.commit().await.expect("a commit");
    }
}

fn managed(name: &str, document: String, now: Timestamp) -> ManagedPolicy {
    ManagedPolicy {
        name: name.parse().expect("a name"),
        path: EntityPath::default(),
        id: UniqueId::random(UniqueIdKind::ManagedPolicy, &SystemRandom),
        created: now,
        updated: now,
        description: None,
        tags: Tags::default(),
        default_version: 1,
        next_version: 2,
        versions: [(1, PolicyVersion { document, created: now })].into(),
    }
}

fn user_name(number: u64) -> String {
    format!("user-{number:07}")
}

fn group_name(number: u64) -> GroupName {
    format!("group-{number}").parse().expect("a name")
}

fn bucket(number: u64) -> u64 {
    number % 10_000
}

/// Reading everything in the buckets of its thousand, and writing what is its own.
fn own_policy(number: u64) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::bucket-{}*"}},{{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::*/${{aws:username}}/*","Condition":{{"IpAddress":{{"aws:SourceIp":"10.0.0.0/8"}}}}}}]}}"#,
        number % 10
    )
}

async fn authorizer(store: &Arc<dyn Store>, principals: u64) -> Authorizer {
    let invalidations = Arc::new(Invalidations::default());
    let bound = Duration::from_secs(3_600);
    let feed = Feed::begin(Arc::clone(store), Arc::clone(&invalidations), bound, Duration::ZERO).await;
    let feed = feed.expect("a feed");
    Authorizer::new(Arc::clone(store), Realm::default(), feed, &invalidations, Settings { principals })
}

fn facts() -> RequestFacts {
    RequestFacts {
        now: SystemClock.now(),
        source_ip: "10.1.2.3".parse().ok(),
        user_agent: None,
        secure_transport: Some(true),
        region: None,
        mfa_now: None,
    }
}

/// What was measured.
struct Times {
    rate: f64,
    took: Duration,
    sorted: Vec<Duration>,
}

impl Times {
    fn at(&self, part: f64) -> Duration {
        self.sorted.get((self.sorted.len() as f64 * part) as usize).copied().unwrap_or_default()
    }
}

/// Asks for so long on every core; only the decisions count, not thinking questions up.
async fn load(authorizer: &Arc<Authorizer>, principals: u64, facts: &RequestFacts, length: Duration) -> Times {
    let mut tasks = JoinSet::new();
    let askers = threads();
    for asker in 0..askers {
        let (authorizer, facts) = (Arc::clone(authorizer), facts.clone());
        tasks.spawn(async move {
            let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (asker as u64 + 1) << 17 ^ length.as_secs());
            let (who, what) = (Zipf::new(principals), Zipf::new(RESOURCES));
            let begun = Instant::now();
            let (mut took, mut asked, mut samples) = (Duration::ZERO, 0_u64, Vec::new());
            while begun.elapsed() < length {
                let questions: Vec<(Subject, &str, String)> =
                    (0..CHUNK).map(|_| question(principals, who.draw(&mut dice), what.draw(&mut dice))).collect();
                let mut before = Instant::now();
                let first = before;
                for (subject, action, resource) in &questions {
                    let answer = authorizer.decide(subject, &facts, Asked::plain(action, resource, None)).await;
                    std::hint::black_box(answer.expect("a decision"));
                    let now = Instant::now();
                    samples.push(now - before);
                    before = now;
                }
                took += before - first;
                asked += CHUNK as u64;
            }
            (took, asked, samples)
        });
    }
    let (mut rate, mut took, mut sorted) = (0.0, Duration::ZERO, Vec::new());
    for (each, asked, samples) in tasks.join_all().await {
        rate += asked as f64 / each.as_secs_f64();
        took = took.max(each);
        sorted.extend(samples);
    }
    sorted.sort_unstable();
    Times { rate, took, sorted }
}

/// The principal and the resource of these ranks. Neighbours in rank are no neighbours in the store.
fn question(principals: u64, who: u64, what: u64) -> (Subject, &'static str, String) {
    let identity = Identity::User(user_name(who * 611_953 % principals).parse().expect("a name"));
    let subject = Subject { account: account(), identity, unique_id: None, session: None };
    let action = if what.is_multiple_of(5) { "s3:PutObject" } else { "s3:GetObject" };
    (subject, action, format!("arn:aws:s3:::bucket-{}/folder/object-{what}", bucket(what)))
}

/// What the metrics say of the cache of principals.
#[derive(Default)]
struct Counted {
    hits: f64,
    misses: f64,
    evictions: f64,
    entries: f64,
    bytes: f64,
}

impl Counted {
    fn read(text: &str) -> Self {
        let value = |name: &str, label: &str| {
            let lines = text.lines().filter(|line| {
                line.starts_with(name) && line.contains(r#"cache="principals""#) && line.contains(label)
            });
            lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
        };
        Self {
            hits: value(names::CACHE_LOOKUPS, r#"outcome="hit""#),
            misses: value(names::CACHE_LOOKUPS, r#"outcome="miss""#),
            evictions: value(names::CACHE_EVICTIONS, ""),
            entries: value(names::CACHE_ENTRIES, ""),
            bytes: value(names::CACHE_BYTES, ""),
        }
    }
}

/// xorshift: the same crowd in every run.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Ranks from 0 by Zipf's law with exponent 1, by rejection-inversion (Hörmann and Derflinger, 1996).
struct Zipf {
    most: f64,
    low: f64,
    high: f64,
}

impl Zipf {
    fn new(count: u64) -> Self {
        // The integral of 1/x is the logarithm; the first rank is cut off at its own weight.
        Self { most: count as f64, low: 1.5_f64.ln() - 1.0, high: (count as f64 + 0.5).ln() }
    }

    fn draw(&self, dice: &mut Dice) -> u64 {
        loop {
            let area = self.high + dice.unit() * (self.low - self.high);
            let x = area.exp();
            let rank = x.round().clamp(1.0, self.most);
            if area >= (rank + 0.5).ln() - 1.0 / rank {
                return rank as u64 - 1;
            }
        }
    }
}
