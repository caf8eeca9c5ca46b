//! Issuing sessions over HTTP, each one durable in the audit trail before it is handed out, beside a bare axum handler that answers
//! the same bytes.

mod scenario;
mod support;

use support::least;
use support::load::CONNECTIONS;
use support::versus::{self, Matter};
use support::world::{self, World};

fn main() {
    let server = world::runtime();
    let world = server.block_on(World::start());
    let role = format!("arn:aws:iam::{}:role/deploy", world.account);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::*:role/deploy"},
        {"Effect":"Allow","Action":"sts:GetSessionToken","Resource":"*"}]}"#;
    let user = server.block_on(world.user("builder", policy));
    server.block_on(make_role(&world));
    let assume = |connection: usize| {
        let name = format!("build-{connection}");
        let parameters = [
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", role.as_str()),
            ("RoleSessionName", name.as_str()),
        ];
        world.aws(&user, "sts", &parameters)
    };
    let session = [("Action", "GetSessionToken"), ("Version", "2011-06-15")];
    let matters = [
        Matter {
            name: "AssumeRole",
            path: "/",
            at: None,
            tls: None,
            requests: (0..CONNECTIONS).map(assume).collect(),
            budget: Some(0.35),
            least: Some(least::signs()),
        },
        Matter {
            name: "GetSessionToken",
            path: "/",
            at: None,
            tls: None,
            requests: (0..CONNECTIONS).map(|_| world.aws(&user, "sts", &session)).collect(),
            budget: Some(0.35),
            least: Some(least::signs()),
        },
    ];
    let lines = versus::measure(&server, &world, &matters);
    versus::print(&lines);
    server.block_on(world.stop());
}

async fn make_role(world: &World) {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{}:root"}},
            "Action":"sts:AssumeRole"}}}}"#,
        world.account
    );
    let parameters = [("Action", "CreateRole"), ("RoleName", "deploy"), ("AssumeRolePolicyDocument", trust.as_str())];
    world.iam(&parameters).await;
}
