//! A sidecar that answers questions in this process, with a key of its own and a role that it takes on at the broker.

use std::net::SocketAddr;
use std::sync::Arc;

use brevet::client::sts::AssumeRole;
use brevet::client::{Broker, BrokerSettings, Environment};
use brevet::clock::{SystemClock, SystemRandom};
use brevet::sidecar::questions::{Doorkeeper, QuestionListener, QuestionSettings, Questions};
use brevet::sidecar::{AuthorizationToken, Keeper, RoleSource};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::world::{self, World};

/// What those send who may ask on loopback.
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// As `brevet sidecar` has it: 64 MiB.
const ROOM: usize = 64 << 20;

/// A sidecar.
pub struct Beside {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Beside {
    /// Starts one on a free port, which may ask about everybody and follow what changes.
    pub async fn start(world: &World) -> Self {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let own = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}"#;
        let key = world.user("beside", own).await;
        let role = role(world).await;
        let settings = BrokerSettings::at(format!("http://{}", world.address), "us-east-1");
        let broker = Broker::new(&settings, clock.clone(), random.clone()).expect("good settings");
        let environment = Environment::of([
            ("AWS_ACCESS_KEY_ID", key.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", key.secret_access_key.expose()),
        ]);
        let role = AssumeRole { role_arn: role, session_name: "beside".to_owned(), ..AssumeRole::default() };
        let source = RoleSource { broker, environment, profile: None, role };
        let keeper = Arc::new(Keeper::new(source, clock, random.clone()));
        keeper.renew_if_due().await;
        keeper.current().expect("credentials");
        let settings = QuestionSettings { room: ROOM, degraded: std::time::Duration::ZERO };
        let questions = Questions::new(keeper, random, settings);
        let listener = QuestionListener::loopback(SocketAddr::from(([127, 0, 0, 1], 0)), false).await.expect("a port");
        let address = listener.address().expect("an address");
        let doorkeeper = Doorkeeper { token: AuthorizationToken::new(TOKEN).expect("a token") };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(questions.run(vec![listener], doorkeeper, async move {
            let _ = stopped.await;
        }));
        Self { address, stop, task }
    }

    /// A question, ready to send.
    pub fn question(&self, path: &str, body: &str) -> Vec<u8> {
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nuser-agent: brevet-bench/1\r\n\
             x-brevet-sidecar-token: {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .into_bytes()
    }

    /// Asks until the answer is kept: what was asked before the sidecar follows the changes is forgotten once it does.
    pub async fn knows(&self, question: &[u8]) {
        let asked = async {
            while !world::once(self.address, None, question).await.contains("\"served_by\":\"sidecar\"") {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), asked).await.expect("the answer is kept");
    }

    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// The role that it asks with.
async fn role(world: &World) -> String {
    let account = world.account;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:AssumeRole",
            "Principal":{{"AWS":"arn:aws:iam::{account}:user/beside"}}}}}}"#
    );
    let may = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
        "Action":["brevet:Evaluate","brevet:FollowChanges"],"Resource":"*"}}"#;
    let made = [("Action", "CreateRole"), ("RoleName", "asker"), ("AssumeRolePolicyDocument", &trust)];
    world.iam(&made).await;
    let put = [("Action", "PutRolePolicy"), ("RoleName", "asker"), ("PolicyName", "own"), ("PolicyDocument", may)];
    world.iam(&put).await;
    format!("arn:aws:iam::{account}:role/asker")
}
