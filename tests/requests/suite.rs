//! All cases of all operations against one broker. Each operation has an account of its own, so that its answers do not depend
//! on what the others do at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use brevet::clock::{Random, SystemRandom};
use brevet::config::Config;
use brevet::ops::Registry;
use brevet::server::{Foundation, create_account};
use brevet::types::AccountId;
use brevet::wire::model::{Model, Operation, Service};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::broken::complaint;
use super::cases::{body, cases};
use super::dice::Dice;
use super::expect::Expected;
use super::report::{self, Line};
use super::sample::Sampler;
use super::sender::Sender;
use crate::world::policies::{allow, trust};
use crate::world::{Backend, Keys, Running, World};

/// Operations that are asked at the same time.
const AT_ONCE: usize = 12;
/// Complaints that are told in full.
const TOLD: usize = 30;

/// Every operation that this broker has built.
pub fn built() -> Vec<(Service, &'static Operation)> {
    let registry = Registry::new();
    let of = |service: Service| {
        let names = registry.names(service);
        names.into_iter().map(move |name| (service, Model::of(service).operation(name).unwrap()))
    };
    [Service::Iam, Service::Sts].into_iter().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_answers_generated_and_forged_requests_as_the_model_says() {
    // What is tested is not how busy the machine is.
    let patient = |config: &mut Config| config.store.staleness_bound = Duration::from_secs(60);
    let (world, broker) = World::begin_with(Backend::Sqlite, patient).await;
    let sender = Sender::to(&broker);
    let limit = world.config.server.request_limit;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let foundation = Foundation::find(&world.config.store, None, &random).await.unwrap();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut accounts = Vec::new();
    for (service, operation) in built() {
        let made = create_account(&foundation, None, &operation.name, &world.clock, &*random).await.unwrap();
        let root = Keys::long_lived(made.access_key.as_str(), made.secret.expose());
        accounts.push((service, operation, made.id, root));
    }
    foundation.store.close().await;
    let mut tasks = JoinSet::new();
    for (service, operation, account, root) in accounts {
        let name = format!("{}:{}", service.name(), operation.name);
        let (sender, turns) = (sender.clone(), Arc::clone(&turns));
        tasks.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            let keys = furnish(&sender, account, &root).await;
            let (line, complaints) = ask(&sender, service, operation, account, &keys, limit).await;
            (name, line, complaints)
        });
    }
    let mut lines = BTreeMap::new();
    let mut complaints = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (name, line, found) = done.unwrap();
        complaints.extend(found.into_iter().map(|text| format!("{name}: {text}")));
        lines.insert(name, line);
    }
    let count = complaints.len();
    complaints.sort();
    let differences = report::hold(&lines);
    complaints.truncate(TOLD);
    assert!(count == 0, "{count} answers are wrong, the first of them:\n{}", complaints.join("\n"));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    alive(&world, &broker).await;
}

/// After all that, the broker answers and stops as ever.
async fn alive(world: &World, broker: &Running) {
    let who = body("2011-06-15", "GetCallerIdentity", &[]);
    let reply = Sender::to(broker).post(who, Some((&world.root.keys, "sts"))).await.unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// What `sample.rs` names, and a user who may do everything; that user's keys.
async fn furnish(sender: &Sender, account: AccountId, root: &Keys) -> Keys {
    let trust = trust(&account.to_string(), &["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], None);
    let everything = allow("*", "*");
    let notes = allow("notes:Read", "*");
    let calls: [(&str, &[(&str, &str)]); 9] = [
        ("CreateUser", &[("UserName", "administrator")]),
        ("PutUserPolicy", &[("UserName", "administrator"), ("PolicyName", "own"), ("PolicyDocument", &everything)]),
        ("CreateUser", &[("UserName", "someone")]),
        ("CreateGroup", &[("GroupName", "crew")]),
        ("CreateRole", &[("RoleName", "worker"), ("AssumeRolePolicyDocument", &trust)]),
        ("CreatePolicy", &[("PolicyName", "thing"), ("PolicyDocument", &notes)]),
        ("CreateInstanceProfile", &[("InstanceProfileName", "machines")]),
        ("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "thing")]),
        ("CreateAccessKey", &[("UserName", "administrator")]),
    ];
    let mut last = String::new();
    for (action, parameters) in calls {
        let pairs: Vec<(String, String)> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let reply = sender.post(body("2010-05-08", action, &pairs), Some((root, "iam"))).await.unwrap();
        assert_eq!(reply.status, 200, "{action}: {reply:?}");
        last = reply.text;
    }
    let of = |name: &str| {
        let (_, rest) = last.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    Keys::long_lived(&of("AccessKeyId"), &of("SecretAccessKey"))
}

async fn ask(
    sender: &Sender,
    service: Service,
    operation: &'static Operation,
    account: AccountId,
    keys: &Keys,
    limit: usize,
) -> (Line, Vec<String>) {
    let mut line = Line::default();
    let mut complaints = Vec::new();
    let version = Model::of(service).api_version();
    let mut unsigned = BTreeSet::new();
    // Long texts take their time, and the broker runs on these threads too.
    let make = move || cases(version, operation, &mut Sampler { account, dice: Dice::of(&operation.name) });
    for case in tokio::task::spawn_blocking(make).await.unwrap() {
        // A door that refuses a body unread may close the connection on whoever is still sending it.
        if case.body.len() > limit {
            line.count(case.kind, "too-large-to-send");
            continue;
        }
        let answer = sender.post(case.body.clone(), Some((keys, service.name()))).await;
        let complaint = match &answer {
            Ok(reply) => complaint(operation, &case, reply),
            Err(error) => Some(error.clone()),
        };
        line.count(case.kind, answer.as_ref().map_or("none", |reply| &reply.code));
        let Some(complaint) = complaint else {
            // One of each kind that is wrong is sent by nobody too: they hear that they are nobody, and not what is wrong.
            if case.expected != Expected::Inside && !operation.unsigned && unsigned.insert(case.kind) {
                let reply = sender.post(case.body, None).await;
                line.count("unsigned", reply.as_ref().map_or("none", |reply| &reply.code));
                if !reply.as_ref().is_ok_and(|reply| reply.code == "MissingAuthenticationToken" && reply.status == 403)
                {
                    complaints.push(format!("{} unsigned, {}: {reply:?}", case.kind, case.what));
                }
            }
            continue;
        };
        let shown =
            answer.map_or_else(|error| error, |reply| format!("{} {} {}", reply.status, reply.code, reply.message));
        let text = format!("{}, {}: {complaint}; answered {shown}", case.kind, case.what);
        complaints.push(text.chars().take(700).collect());
    }
    (line, complaints)
}
