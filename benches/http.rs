//! Questions over HTTP, signatures checked and audit on, beside a bare axum handler that answers the same bytes: who am I, may this
//! user do that, also through a sidecar that keeps the answer, and the same a hundred times in one request.

mod scenario;
mod support;

use support::beside::Beside;
use support::least;
use support::load::CONNECTIONS;
use support::versus::{self, Matter};
use support::world::{self, World};

/// The name of the batch's line.
const BATCH: &str = "AuthZEN, a hundred in a batch";
/// Questions of one.
const IN_A_BATCH: usize = 100;

fn main() {
    let server = world::runtime();
    let world = server.block_on(World::start());
    // Without the policy that demands a second factor: nobody can claim one for another.
    let policies = scenario::policies(11, scenario::Spread::OneService).split_off(1);
    let user = server.block_on(world.scenario_user(&policies));
    let ask = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
        "Action":["brevet:Evaluate","sts:GetWebIdentityToken"],"Resource":"*"}}"#;
    let service = server.block_on(world.user("gateway", ask));
    let token = server.block_on(world.own_token(&service));
    let questions: Vec<Vec<u8>> = (0..CONNECTIONS).map(|i| evaluation(&world, &service, i)).collect();
    let answer = server.block_on(world.once(&questions[0]));
    assert!(answer.contains("\"decision\":true"), "{answer}");
    let batches: Vec<Vec<u8>> = (0..CONNECTIONS).map(|i| batch(&world, &service, i)).collect();
    let answer = server.block_on(world.once(&batches[0]));
    assert_eq!(answer.matches("\"decision\":true").count(), IN_A_BATCH, "{answer}");
    let whoami = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
    let beside = server.block_on(Beside::start(&world));
    let kept: Vec<Vec<u8>> =
        (0..CONNECTIONS).map(|i| beside.question("/access/v1/evaluation", &question(&world, i))).collect();
    for request in &kept {
        server.block_on(beside.knows(request));
    }
    let kept_batches: Vec<Vec<u8>> =
        (0..CONNECTIONS).map(|i| beside.question("/access/v1/evaluations", &batch_of(&world, i))).collect();
    for request in &kept_batches {
        server.block_on(beside.knows(request));
    }
    let matters = [
        Matter {
            name: "GetCallerIdentity",
            path: "/",
            at: None,
            requests: (0..CONNECTIONS).map(|_| world.aws(&user, "sts", &whoami)).collect(),
            budget: Some(0.75),
            least: Some(least::verifies("sts", b"Action=GetCallerIdentity&Version=2011-06-15")),
        },
        Matter {
            name: "AuthZEN evaluation",
            path: "/access/v1/evaluation",
            at: None,
            requests: questions,
            budget: Some(0.80),
            least: Some(least::verifies("brevet", &[b' '; 320])),
        },
        Matter {
            name: "AuthZEN, with a token",
            path: "/access/v1/evaluation",
            at: None,
            requests: (0..CONNECTIONS)
                .map(|i| world.borne(&token, "/access/v1/evaluation", &question(&world, i)))
                .collect(),
            budget: Some(0.80),
            least: None,
        },
        // A service that asks on every request asks the sidecar beside it.
        Matter {
            name: "AuthZEN, kept beside",
            path: "/access/v1/evaluation",
            at: Some(beside.address),
            requests: kept,
            budget: Some(0.80),
            least: None,
        },
        Matter {
            name: "a hundred, kept beside",
            path: "/access/v1/evaluations",
            at: Some(beside.address),
            requests: kept_batches,
            budget: None,
            least: None,
        },
        Matter {
            name: BATCH,
            path: "/access/v1/evaluations",
            at: None,
            requests: batches,
            // What is promised of it is processor time: see the second table.
            budget: None,
            least: Some(least::verifies("brevet", &[b' '; 8_192])),
        },
    ];
    let lines = versus::measure(&server, &world, &matters);
    versus::print(&lines);
    server.block_on(beside.stop());
    server.block_on(world.stop());
}

/// A question of `gateway`, signed.
fn evaluation(world: &World, asker: &brevet::sigv4::Credentials, connection: usize) -> Vec<u8> {
    let body = question(world, connection);
    world.signed(asker, "brevet", "/access/v1/evaluation", "application/json", body.as_bytes())
}

/// A question about the scenario's user.
fn question(world: &World, connection: usize) -> String {
    format!(
        r#"{{"subject":{{"type":"user","id":"arn:aws:iam::{}:user/{}"}},
            "action":{{"name":"s3:GetObject"}},
            "resource":{{"type":"object","id":"arn:aws:s3:::team-5-reports/2026/{connection}.csv"}},
            "context":{{"aws:SourceIp":"10.1.2.3"}}}}"#,
        world.account,
        scenario::USER,
    )
}

/// A batch of questions of `gateway`, signed.
fn batch(world: &World, asker: &brevet::sigv4::Credentials, connection: usize) -> Vec<u8> {
    world.signed(asker, "brevet", "/access/v1/evaluations", "application/json", batch_of(world, connection).as_bytes())
}

/// A batch of questions about the scenario's user, which differ by their resources alone.
fn batch_of(world: &World, connection: usize) -> String {
    let item = |i| {
        format!(r#"{{"resource":{{"type":"object","id":"arn:aws:s3:::team-5-reports/2026/{connection}-{i}.csv"}}}}"#)
    };
    let items: Vec<String> = (0..IN_A_BATCH).map(item).collect();
    format!(
        r#"{{"subject":{{"type":"user","id":"arn:aws:iam::{}:user/{}"}},
            "action":{{"name":"s3:GetObject"}},
            "context":{{"aws:SourceIp":"10.1.2.3"}},
            "evaluations":[{}]}}"#,
        world.account,
        scenario::USER,
        items.join(","),
    )
}
