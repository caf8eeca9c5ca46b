//! A sidecar that answers questions, in this process, and the wire between it and a broker, which a test can cut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brevet::client::sts::AssumeRole;
use brevet::client::{Backoff, Broker, BrokerSettings, Environment};
use brevet::clock::SystemRandom;
use brevet::sidecar::questions::{Doorkeeper, QuestionListener, QuestionSettings, Questions};
use brevet::sidecar::{AuthorizationToken, Keeper, RoleSource};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::policies::{document, trust};
use super::{Running, User, World};

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A wire to a broker.
#[derive(Clone)]
pub struct Wire {
    pub address: SocketAddr,
    state: Arc<Mutex<WireState>>,
}

struct WireState {
    target: Option<String>,
    open: Vec<JoinHandle<()>>,
    /// How long a connection lasts at the most.
    lasts: Option<Duration>,
    /// How many did not.
    ended: Arc<AtomicUsize>,
}

impl Wire {
    pub async fn to(broker: &Running) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let target = Some(broker.host().to_owned());
        let state = WireState { target, open: Vec::new(), lasts: None, ended: Arc::default() };
        let wire = Self { address, state: Arc::new(Mutex::new(state)) };
        let state = Arc::clone(&wire.state);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut state = state.lock().expect("whole");
                // Nobody at the other end: the connection ends at once.
                let Some(target) = state.target.clone() else { continue };
                let (lasts, ended) = (state.lasts.unwrap_or(Duration::MAX), Arc::clone(&state.ended));
                state.open.push(tokio::spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(target).await {
                        let copied = tokio::io::copy_bidirectional(&mut near, &mut far);
                        if tokio::time::timeout(lasts, copied).await.is_err() {
                            ended.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }));
            }
        });
        wire
    }

    /// Cuts it: what is under way ends, and nothing begins.
    pub fn cut(&self) {
        let mut state = self.state.lock().expect("whole");
        state.target = None;
        state.open.drain(..).for_each(|open| open.abort());
    }

    /// Ends what is under way, and from now on whatever takes longer than this, as many a gateway does.
    pub fn lasts(&self, longest: Duration) {
        let mut state = self.state.lock().expect("whole");
        state.lasts = Some(longest);
        state.open.drain(..).for_each(|open| open.abort());
    }

    /// How many connections it has ended because they took too long.
    pub fn ended(&self) -> usize {
        self.state.lock().expect("whole").ended.load(Ordering::Relaxed)
    }

    /// Leads it to this broker.
    pub fn mend(&self, broker: &Running) {
        self.state.lock().expect("whole").target = Some(broker.host().to_owned());
    }
}

/// A sidecar.
pub struct Beside {
    pub address: SocketAddr,
    pub keeper: Arc<Keeper>,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

/// An answer of it.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub json: Value,
    headers: reqwest::header::HeaderMap,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Who answered.
    pub fn by(&self) -> &str {
        self.header("x-brevet-served-by").unwrap_or_default()
    }

    /// The decision, of an evaluation.
    pub fn decision(&self) -> &Value {
        &self.json["decision"]
    }
}

/// The user whose key a sidecar has, and the role that it takes on to ask with.
pub struct Service {
    pub user: User,
    pub role: String,
}

impl Service {
    pub async fn new(world: &World, at: &Running) -> Self {
        let root = world.root.at(at);
        let user = root.user("service").await;
        let actions = ["brevet:Evaluate", "brevet:FollowChanges", "brevet:VerifyRequest"];
        let may = document([json!({ "Effect": "Allow", "Action": actions, "Resource": "*" })]);
        let role = root.role("asker", &trust(&user.arn, &["sts:AssumeRole"], None), &may).await;
        Self { user, role }
    }

    /// A sidecar at this wire's end.
    pub async fn beside(&self, world: &World, wire: &Wire) -> Beside {
        self.beside_with(world, wire, Duration::ZERO, Vec::new()).await
    }

    pub async fn beside_with(
        &self,
        world: &World,
        wire: &Wire,
        degraded: Duration,
        more: Vec<QuestionListener>,
    ) -> Beside {
        let settings = BrokerSettings {
            total_timeout: Duration::from_secs(5),
            backoff: Backoff { base: Duration::from_millis(10), cap: Duration::from_millis(20) },
            ..BrokerSettings::at(format!("http://{}", wire.address), "us-east-1")
        };
        let (clock, random) = (Arc::new(world.clock.clone()), Arc::new(SystemRandom));
        let broker = Broker::new(&settings, clock.clone(), random.clone()).expect("good settings");
        let keys = &self.user.keys;
        let environment =
            Environment::of([("AWS_ACCESS_KEY_ID", keys.id.as_str()), ("AWS_SECRET_ACCESS_KEY", &keys.secret)]);
        let role =
            AssumeRole { role_arn: self.role.clone(), session_name: "beside".to_owned(), ..AssumeRole::default() };
        let source = RoleSource { broker, environment, profile: None, role };
        let keeper = Arc::new(Keeper::new(source, clock, random.clone()));
        keeper.renew_if_due().await;
        keeper.current().expect("credentials");
        let settings = QuestionSettings { room: 1 << 20, degraded };
        let questions = Questions::new(Arc::clone(&keeper), random, settings);
        let listener = QuestionListener::loopback("127.0.0.1:0".parse().expect("an address"), false).await;
        let listener = listener.expect("bound");
        let address = listener.address().expect("an address");
        let listeners = std::iter::once(listener).chain(more).collect();
        let (stop, stopped) = oneshot::channel();
        let doorkeeper = Doorkeeper { token: AuthorizationToken::new(TOKEN).expect("a token") };
        let running = tokio::spawn(questions.run(listeners, doorkeeper, async move {
            let _ = stopped.await;
        }));
        Beside { address, keeper, client: reqwest::Client::new(), stop: Some(stop), running: Some(running) }
    }
}

impl Beside {
    /// Asks at the AuthZEN door.
    pub async fn ask(&self, question: &Value) -> Reply {
        self.ask_with(question, &[]).await
    }

    pub async fn ask_with(&self, question: &Value, more: &[(&str, &str)]) -> Reply {
        let kind = ("content-type", "application/json");
        let headers: Vec<(&str, &str)> =
            [kind, ("x-brevet-sidecar-token", TOKEN)].into_iter().chain(more.iter().copied()).collect();
        self.send("POST", "/access/v1/evaluation", &headers, question.to_string()).await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Reply {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(method, format!("http://{}{path}", self.address)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the sidecar answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a whole answer");
        Reply { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    /// How it stands.
    pub async fn health(&self) -> Value {
        self.send("GET", "/health", &[], String::new()).await.json
    }

    /// How many questions it has passed on.
    pub async fn asked(&self) -> u64 {
        self.health().await["served"]["asked"].as_u64().expect("a number")
    }

    /// Waits until it follows the changes up to this revision.
    pub async fn follows(&self, broker: &Running) {
        let latest = broker.broker.store.revision().await.expect("the store answers").0;
        super::within(Duration::from_secs(10), "the sidecar follows", || async {
            let health = self.health().await;
            health["following"] == true && health["revision"].as_u64().is_some_and(|through| through >= latest)
        })
        .await;
    }

    pub async fn stop(mut self) {
        if let (Some(stop), Some(running)) = (self.stop.take(), self.running.take()) {
            let _ = stop.send(());
            running.await.expect("it ends without a panic");
        }
    }
}
