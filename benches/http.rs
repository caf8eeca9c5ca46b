//! Questions over HTTP, signatures checked and audit on, beside a bare axum handler that answers the same bytes: who am I, may this
//! user do that, also through a sidecar that keeps the answer, and the same a hundred times in one request.

mod scenario;
mod support;

use brevet::sigv4::Credentials;
use support::beside::Beside;
use support::least;
use support::load::CONNECTIONS;
use support::mutual::Mutual;
use support::versus::{self, Matter};
use support::world::{self, World};

const ONE: &str = "/access/v1/evaluation";
const MANY: &str = "/access/v1/evaluations";
/// Questions of a batch.
const IN_A_BATCH: usize = 100;

fn main() {
    let server = world::runtime();
    // One that answers what is asked again within a second as before, as the binary does, and one that makes every answer anew.
    let (again, anew) = (server.block_on(Asked::start(16 << 20)), server.block_on(Asked::start(0)));
    let whoami = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
    let beside = server.block_on(Beside::start(&again.world));
    let all = |request: &dyn Fn(usize) -> Vec<u8>| (0..CONNECTIONS).map(request).collect::<Vec<_>>();
    let kept = all(&|i| beside.question(ONE, &question(&again.world, i)));
    let kept_batches = all(&|i| beside.question(MANY, &batch(&again.world, i)));
    for request in kept.iter().chain(&kept_batches) {
        server.block_on(beside.knows(request));
    }
    let line = |name, path, asked: &Asked, requests| Matter {
        name,
        path,
        at: Some(asked.world.address),
        tls: None,
        requests,
        // What is promised of batches is processor time: see the second table.
        budget: (path == ONE).then_some(0.80),
        least: None,
    };
    // Who signs in by certificate shows it once, when the connection begins.
    let shown = |name, asked: &Asked, mutual: &Mutual| Matter {
        at: Some(mutual.address),
        tls: Some(mutual.tls.clone()),
        ..line(name, ONE, asked, all(&|i| asked.world.unsigned(ONE, &question(&asked.world, i))))
    };
    let borne_over_tls = |name, asked: &Asked, mutual: &Mutual| {
        let audience = format!("https://{}", mutual.address);
        let token = server.block_on(asked.world.token_for(&asked.gateway, &audience));
        let requests = all(&|i| asked.world.borne(&token, ONE, &question(&asked.world, i)));
        Matter { requests, ..shown(name, asked, mutual) }
    };
    let (mutual_again, mutual_anew) = (server.block_on(again.mutual()), server.block_on(anew.mutual()));
    let at_the_sidecar =
        |name, path, requests| Matter { at: Some(beside.address), ..line(name, path, &again, requests) };
    let matters = [
        Matter {
            name: "GetCallerIdentity",
            path: "/",
            at: None,
            tls: None,
            requests: (0..CONNECTIONS).map(|_| again.world.aws(&again.user, "sts", &whoami)).collect(),
            budget: Some(0.75),
            least: Some(least::verifies("sts", b"Action=GetCallerIdentity&Version=2011-06-15")),
        },
        Matter {
            least: Some(least::verifies("brevet", &[b' '; 320])),
            ..line("AuthZEN, signed, anew", ONE, &anew, all(&|i| anew.signed(ONE, &question(&anew.world, i))))
        },
        Matter {
            least: Some(least::verifies("brevet", &[b' '; 320])),
            ..line("AuthZEN, signed, again", ONE, &again, all(&|i| again.signed(ONE, &question(&again.world, i))))
        },
        line("AuthZEN, token, anew", ONE, &anew, all(&|i| anew.borne(ONE, &question(&anew.world, i)))),
        line("AuthZEN, token, again", ONE, &again, all(&|i| again.borne(ONE, &question(&again.world, i)))),
        borne_over_tls("AuthZEN, token, TLS, anew", &anew, &mutual_anew),
        borne_over_tls("AuthZEN, token, TLS, again", &again, &mutual_again),
        shown("AuthZEN, certificate, anew", &anew, &mutual_anew),
        shown("AuthZEN, certificate, again", &again, &mutual_again),
        // A service that asks on every request asks the sidecar beside it.
        at_the_sidecar("AuthZEN, kept beside", ONE, kept),
        Matter {
            least: Some(least::reads(&batch(&anew.world, 0))),
            ..line("a hundred, signed, anew", MANY, &anew, all(&|i| anew.signed(MANY, &batch(&anew.world, i))))
        },
        line("a hundred, token, anew", MANY, &anew, all(&|i| anew.borne(MANY, &batch(&anew.world, i)))),
        line("a hundred, token, again", MANY, &again, all(&|i| again.borne(MANY, &batch(&again.world, i)))),
        at_the_sidecar("a hundred, kept beside", MANY, kept_batches),
    ];
    let lines = versus::measure(&server, &again.world, &matters);
    versus::print(&lines);
    server.block_on(beside.stop());
    server.block_on(mutual_again.stop());
    server.block_on(mutual_anew.stop());
    server.block_on(again.world.stop());
    server.block_on(anew.world.stop());
}

/// A broker that is asked by a gateway about the scenario's user.
struct Asked {
    world: World,
    user: Credentials,
    gateway: Credentials,
    /// The gateway's, for this broker.
    token: String,
}

impl Asked {
    /// One that keeps answers in `room` bytes.
    async fn start(room: u64) -> Self {
        let world = World::start_with(|config| config.cache.answers = room).await;
        // Without the policy that demands a second factor: nobody can claim one for another.
        let policies = scenario::policies(11, scenario::Spread::OneService).split_off(1);
        let user = world.scenario_user(&policies).await;
        let ask = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
            "Action":["brevet:Evaluate","sts:GetWebIdentityToken"],"Resource":"*"}}"#;
        let gateway = world.user("gateway", ask).await;
        let token = world.own_token(&gateway).await;
        let asked = Self { world, user, gateway, token };
        let answer = asked.world.once(&asked.signed(ONE, &question(&asked.world, 0))).await;
        assert!(answer.contains("\"decision\":true"), "{answer}");
        let answer = asked.world.once(&asked.borne(MANY, &batch(&asked.world, 0))).await;
        assert_eq!(answer.matches("\"decision\":true").count(), IN_A_BATCH, "{answer}");
        asked
    }

    /// The broker once more, over TLS, which asks the gateway for its certificate.
    async fn mutual(&self) -> Mutual {
        let arn = format!("arn:aws:iam::{}:user/gateway", self.world.account);
        let mutual = Mutual::start(&self.world.config, self.world.folder.path(), &arn).await;
        let asked = self.world.unsigned(ONE, &question(&self.world, 0));
        let answer = world::once(mutual.address, Some(&mutual.tls.connector), &asked).await;
        assert!(answer.contains("\"decision\":true"), "{answer}");
        mutual
    }

    fn signed(&self, path: &str, body: &str) -> Vec<u8> {
        self.world.signed(&self.gateway, "brevet", path, "application/json", body.as_bytes())
    }

    fn borne(&self, path: &str, body: &str) -> Vec<u8> {
        self.world.borne(&self.token, path, body)
    }
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

/// A batch of questions about the scenario's user, which differ by their resources alone.
fn batch(world: &World, connection: usize) -> String {
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
