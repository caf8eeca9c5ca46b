//! Decisions in process: the pure function on compiled policies, and the authorizer, with compiled principals kept.

mod scenario;
mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brevet::clock::{Clock, SystemClock, Timestamp};
use brevet::decision::{Asked, Identity, RequestFacts, Subject};
use brevet::policy::{
    Context, Document, Effect, Kind, Policies, Policy, PolicySet, Principal, PrincipalKind, Request, evaluate,
};
use brevet::types::AccountId;
use criterion::{Criterion, criterion_group, criterion_main};
use scenario::{Question, Spread, USER, Verdict};
use support::request;
use support::world::{self, World};

const ACCOUNT: &str = "111122223333";

fn compiled(text: &str, kind: Kind, id: String) -> Arc<Policy> {
    let document = Document::parse(text, kind).expect("a valid policy");
    Arc::new(Policy::compile(&document, kind, id))
}

fn identity(count: usize, spread: Spread) -> PolicySet {
    let texts = scenario::policies(count, spread);
    let policies = texts.iter().enumerate().map(|(i, text)| {
        let id = format!("arn:aws:iam::{ACCOUNT}:group/group-{}/policy-{i}", i % scenario::GROUPS);
        compiled(text, Kind::Identity, id)
    });
    PolicySet::new(policies.collect())
}

fn boundary() -> PolicySet {
    let id = format!("arn:aws:iam::{ACCOUNT}:policy/boundary");
    PolicySet::new(vec![compiled(&scenario::boundary(), Kind::Boundary, id)])
}

fn principal() -> Principal {
    Principal {
        kind: PrincipalKind::User,
        account: ACCOUNT.to_owned(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{USER}"),
        issuer_arn: None,
        unique_id: "AIDAEXAMPLE".to_owned(),
    }
}

/// What a door knows of a request, some of which no policy asks for.
fn context(question: &Question) -> Context {
    let now = Timestamp(1_795_488_101);
    let mut context = Context::new();
    context.set("aws:CurrentTime", now);
    context.set("aws:EpochTime", now.seconds());
    context.set("aws:SourceIp", question.source_ip.parse::<std::net::IpAddr>().expect("an address"));
    context.set("aws:MultiFactorAuthPresent", question.mfa);
    context.set("aws:PrincipalArn", format!("arn:aws:iam::{ACCOUNT}:user/{USER}"));
    context.set("aws:PrincipalAccount", ACCOUNT);
    context.set("aws:PrincipalType", "User");
    context.set("aws:userid", "AIDAEXAMPLE");
    context.set("aws:username", USER);
    context.set("aws:SecureTransport", true);
    context.set("aws:UserAgent", "aws-cli/2.31.0");
    context.set("aws:RequestedRegion", request::REGION);
    context
}

fn effect(verdict: Verdict) -> Effect {
    match verdict {
        Verdict::Allowed => Effect::Allowed,
        Verdict::Forbidden => Effect::ExplicitlyDenied,
        Verdict::NotAllowed => Effect::ImplicitlyDenied,
    }
}

fn uncached(criterion: &mut Criterion) {
    let principal = principal();
    let boundary = boundary();
    for spread in [Spread::OneService, Spread::ManyServices] {
        let mut group = criterion.benchmark_group(format!("decide, {}", spread.name()));
        for count in [1, 10, 100, 1_000] {
            let identity = identity(count, spread);
            let policies = Policies { boundary: Some(&boundary), ..Policies::of(&identity) };
            for question in scenario::questions(count) {
                let context = context(&question);
                let request = Request {
                    principal: &principal,
                    action: question.action,
                    resource: &question.resource,
                    resource_account: None,
                    context: &context,
                };
                assert_eq!(evaluate(&request, &policies).effect(), effect(question.verdict), "{question:?}");
                group.bench_function(format!("{}/{count}", question.name), |bencher| {
                    bencher.iter(|| evaluate(black_box(&request), black_box(&policies)));
                });
            }
        }
    }
}

/// Compiling is what a cache of principals saves.
fn compile(criterion: &mut Criterion) {
    let texts = scenario::policies(10, Spread::OneService);
    criterion.bench_function("compile 10 policies", |bencher| {
        bencher.iter(|| {
            let policies = texts.iter().map(|text| compiled(black_box(text), Kind::Identity, "p".to_owned()));
            PolicySet::new(policies.collect())
        });
    });
    let largest = scenario::largest_policy();
    criterion.bench_function("compile a policy of 6 KB", |bencher| {
        bencher.iter(|| PolicySet::new(vec![compiled(black_box(&largest), Kind::Identity, "p".to_owned())]));
    });
}

/// The authorizer of a running broker, its principals compiled already: everything that a door has to do for a decision.
fn authorizer(criterion: &mut Criterion) {
    let runtime = world::runtime();
    let world = runtime.block_on(World::start());
    runtime.block_on(world.scenario_user(&scenario::policies(10, Spread::OneService)));
    let subject = subject(world.account);
    let authorizer = &world.broker.authorizer;
    let mut group = criterion.benchmark_group("authorizer, 10 policies");
    for question in scenario::questions(10) {
        let facts = facts(&question);
        let asked = Asked::plain(question.action, &question.resource, None);
        let answer = runtime.block_on(authorizer.decide(&subject, &facts, asked)).expect("a decision");
        assert_eq!(answer.decision.effect, effect(question.verdict), "{question:?}");
        let name = question.name;
        group.bench_function(format!("{name}, the effect"), |bencher| {
            bencher.iter_custom(|times| {
                runtime.block_on(timed(times, async |_| {
                    let prepared = authorizer.prepare(&subject, &facts, false).await.expect("a subject");
                    authorizer.decided(&prepared, asked).expect("a decision").effect()
                }))
            });
        });
        group.bench_function(format!("{name}, all reasons"), |bencher| {
            bencher.iter_custom(|times| {
                runtime.block_on(timed(times, async |_| authorizer.decide(&subject, &facts, asked).await))
            });
        });
        let prepared = runtime.block_on(authorizer.prepare(&subject, &facts, false)).expect("a subject");
        group.bench_function(format!("{name}, prepared"), |bencher| {
            bencher.iter(|| authorizer.decided(black_box(&prepared), black_box(asked)).map(|decided| decided.effect()));
        });
    }
    batches(&mut group, &runtime, &world, &subject);
    group.finish();
    runtime.block_on(world.stop());
}

/// A hundred decisions with all their reasons, about one subject and each about another.
fn batches(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    runtime: &tokio::runtime::Runtime,
    world: &World,
    subject: &Subject,
) {
    let authorizer = &world.broker.authorizer;
    let [question, ..] = scenario::questions(10);
    let facts = facts(&question);
    let resources: Vec<String> = (0..100).map(|i| format!("{}.{i}", question.resource)).collect();
    let asked: Vec<Asked<'_>> = resources.iter().map(|on| Asked::plain(question.action, on, None)).collect();
    group.bench_function("batch of 100, one subject", |bencher| {
        bencher.iter_custom(|times| {
            runtime.block_on(timed(times, async |_| {
                let prepared = authorizer.prepare(subject, &facts, false).await.expect("a subject");
                let answers = asked.iter().map(|asked| authorizer.decided(&prepared, *asked).map(|one| one.answer()));
                answers.collect::<Result<Vec<_>, _>>()
            }))
        });
    });
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let subjects: Vec<Subject> = (0..100)
        .map(|i| {
            let name = format!("batch-{i}");
            runtime.block_on(world.user(&name, policy));
            let identity = Identity::User(name.parse().expect("a name"));
            Subject { account: world.account, identity, unique_id: None, session: None }
        })
        .collect();
    group.bench_function("batch of 100, each another subject", |bencher| {
        bencher.iter_custom(|times| {
            runtime.block_on(timed(times, async |_| {
                let mut answers = Vec::with_capacity(asked.len());
                for (subject, asked) in subjects.iter().zip(&asked) {
                    answers.push(authorizer.decide(subject, &facts, *asked).await);
                }
                answers
            }))
        });
    });
}

async fn timed<T>(times: u64, mut work: impl AsyncFnMut(u64) -> T) -> Duration {
    let begun = Instant::now();
    for i in 0..times {
        black_box(work(i).await);
    }
    begun.elapsed()
}

fn subject(account: AccountId) -> Subject {
    Subject { account, identity: Identity::User(USER.parse().expect("a name")), unique_id: None, session: None }
}

fn facts(question: &Question) -> RequestFacts {
    let now = SystemClock.now();
    RequestFacts {
        now,
        source_ip: question.source_ip.parse().ok(),
        user_agent: Some("aws-cli/2.31.0".into()),
        secure_transport: Some(true),
        region: Some(request::REGION.into()),
        mfa_now: question.mfa.then_some(now),
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(40)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500));
    targets = uncached, compile, authorizer
}
criterion_main!(benches);
