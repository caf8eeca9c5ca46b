//! Searches over HTTP in an account of ten thousand stored resources and a hundred thousand users: every page of a search for resources,
//! and the first pages of one for subjects, with the policies of the users compiled and not. By how long a page takes, and how long a
//! processor is at it.

mod scenario;
mod support;

use std::time::{Duration, Instant};

use brevet::clock::{SystemRandom, Timestamp};
use brevet::identity::{InlinePolicies, Permissions, StoredResource, User, UserCredentials};
use brevet::sigv4::Credentials;
use brevet::store::{Tx, layout};
use brevet::types::{EntityPath, ResourceArn, Tag, Tags, UniqueId, UniqueIdKind};
use support::load;
use support::request::ask;
use support::spent::Spent;
use support::world::{self, World};

/// How many there are; `BREVET_BENCH_USERS` makes fewer of the second.
const RESOURCES: usize = 10_000;
const USERS: usize = 100_000;
/// Records of one commit.
const TOGETHER: usize = 10_000;
/// Pages of the search for subjects that are looked at; their users are then compiled.
const PAGES_OF_SUBJECTS: usize = 10;
/// Times that each search is repeated; the least is shown.
const TURNS: usize = 5;

fn main() {
    let users = std::env::var("BREVET_BENCH_USERS").ok().and_then(|text| text.parse().ok()).unwrap_or(USERS);
    let server = world::runtime();
    let world = server.block_on(World::start());
    let may = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["brevet:Evaluate","brevet:Search"],"Resource":"*"}}"#;
    // Before the account has more users than it could make by itself.
    let asker = server.block_on(world.user("gateway", may));
    server.block_on(fill(&world, users));
    println!("{RESOURCES} resources, {users} users; the least of {TURNS} turns after the first");
    println!("{:<34} {:>6} {:>8} {:>12} {:>12} {:>12}", "", "pages", "found", "a page", "serving", "store");
    let resources =
        r#""subject":{"type":"user","id":"user-0000001"},"action":{"name":"read"},"resource":{"type":"record"}"#;
    let subjects =
        r#""subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record","id":"record-0000001"}"#;
    for (name, path, query, most) in [
        ("resources", "/access/v1/search/resource", resources, usize::MAX),
        ("subjects", "/access/v1/search/subject", subjects, PAGES_OF_SUBJECTS),
    ] {
        let client = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let turn = || client.block_on(search(&world, &asker, path, query, most));
        print_line(&format!("{name}, for the first time"), &turn());
        let again = (0..TURNS).map(|_| turn()).min_by(|a, b| a.served[1].total_cmp(&b.served[1])).expect("a turn");
        print_line(&format!("{name}, again"), &again);
    }
    server.block_on(world.stop());
}

/// What pages came to.
struct Pages {
    pages: usize,
    found: usize,
    each: Duration,
    /// Microseconds of processor time for each page: of the load, of the runtime that serves, of the store.
    served: [f64; 3],
}

fn print_line(name: &str, came: &Pages) {
    let [_, served, stored] = came.served.map(|micros| format!("{:.2} ms", micros / 1_000.0));
    let each = format!("{:.2} ms", came.each.as_secs_f64() * 1_000.0);
    println!("{name:<34} {:>6} {:>8} {each:>12} {served:>12} {stored:>12}", came.pages, came.found);
}

/// Page after page of a search.
async fn search(world: &World, asker: &Credentials, path: &str, query: &str, most: usize) -> Pages {
    let mut stream = load::connect(world.address, None).await;
    let (mut token, mut pages, mut found) = (String::new(), 0, 0);
    let (before, begun) = (Spent::now(), Instant::now());
    while pages < most {
        let body = format!(r#"{{{query},"page":{{"limit":1000,"token":"{token}"}}}}"#);
        let request = world.signed(asker, "brevet", path, "application/json", body.as_bytes());
        let answer = ask(&mut stream, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        (pages, found) = (pages + 1, found + answer.matches(r#""id":"#).count());
        let (_, rest) = answer.split_once(r#""next_token":""#).expect("whether there is more");
        token = rest.split('"').next().unwrap_or_default().to_owned();
        if token.is_empty() {
            break;
        }
    }
    Pages {
        pages,
        found,
        each: begun.elapsed() / u32::try_from(pages).unwrap_or(u32::MAX),
        served: Spent::now().each_since(before, pages as f64),
    }
}

/// Users with a policy of their own, and resources that some of them are allowed.
async fn fill(world: &World, users: usize) {
    let (random, now) = (SystemRandom, Timestamp(1_795_488_000));
    let store = &world.broker.store;
    for first in (0..users).step_by(TOGETHER) {
        let mut tx = Tx::new(store.clone());
        for number in first..users.min(first + TOGETHER) {
            let mut inline = InlinePolicies::default();
            inline.put("own".parse().expect("a name"), policy(number));
            let user = User {
                name: format!("user-{number:07}").parse().expect("a name"),
                path: EntityPath::default(),
                id: UniqueId::random(UniqueIdKind::User, &random),
                created: now,
                tags: Tags::default(),
                permissions: Permissions { inline, ..Permissions::default() },
                groups: Vec::new(),
                access_keys: Vec::new(),
                mfa_devices: Vec::new(),
                has_login_profile: false,
                credentials: UserCredentials::default(),
            };
            tx.put(&layout::user(world.account, &user.name), &user).expect("staged");
        }
        tx.commit().await.expect("a commit");
    }
    let mut tx = Tx::new(store.clone());
    for number in 0..RESOURCES {
        let arn = format!("arn:aws:record::{}:record-{number:07}", world.account);
        let arn: ResourceArn = arn.parse().expect("an ARN");
        let team = Tag { key: "team".to_owned(), value: format!("team-{}", number % 10) };
        let attributes = Tags::distinct(vec![team]).expect("tags");
        let stored = StoredResource { arn: arn.clone(), created: now, changed: now, attributes, policy: None };
        tx.put(&layout::resource(world.account, &arn), &stored).expect("staged");
    }
    let last = tx.commit().await.expect("a commit");
    world.broker.feed.reach(last, Duration::from_secs(60)).await.expect("all of it is heard of");
}

/// Reading what is of the user's team: every tenth record.
fn policy(number: usize) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"record:read","Resource":"*","Condition":{{"StringEquals":{{"aws:ResourceTag/team":"team-{}"}}}}}},{{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::*/${{aws:username}}/*"}}]}}"#,
        number % 10
    )
}
