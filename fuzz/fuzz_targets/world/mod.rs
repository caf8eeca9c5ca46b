//! A broker in this process, and its doors without a network: what a target gives them is what came over a connection.
//!
//! Its store is in a folder of its own, which the next run removes. The time stands still, and account and root key are always the
//! same, so that an input does today what it did yesterday.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use brevet::authn::ClientCertificate;
use brevet::clock::{Clock, SystemRandom, Timestamp};
use brevet::config::Config;
use brevet::http::{Doors, Followers, Repeated, Routes, Visitor, router};
use brevet::ops::{Broker, Registry};
use brevet::server::{Bootstrap, Server};
use brevet::sigv4::{Credentials, RequestParts, sign_headers};
use brevet::types::SecretText;
use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};
use tokio::runtime::Runtime;
use tower::ServiceExt;

pub const NOW: Timestamp = Timestamp(1_795_488_101);
pub const ACCOUNT: &str = "111122223333";
const HOST: &str = "broker.example";

#[derive(Debug)]
struct StandsStill;

impl Clock for StandsStill {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A broker with a service that may ask it everything, `gate`, and whoever a target makes beside.
#[allow(dead_code, reason = "no target uses all of it")]
pub struct World {
    runtime: Runtime,
    router: Router,
    root: Credentials,
    gate: Arc<ClientCertificate>,
    pub broker: Arc<Broker>,
}

/// An answer, whatever it is.
#[allow(dead_code, reason = "no target looks at all of it")]
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: Vec<u8>,
}

#[allow(dead_code, reason = "no target uses all of it")]
impl World {
    /// Starts it, with this table of routes unless that is empty.
    pub fn start(routes: &str) -> Self {
        let folder = folder();
        let mut config = Config::default();
        config.server.listen = ([127, 0, 0, 1], 0).into();
        config.server.public_url = Some(format!("https://{HOST}"));
        config.store.data_dir = folder.join("data");
        let path = folder.join("routes.toml");
        let table = if routes.is_empty() {
            Routes::default()
        } else {
            std::fs::write(&path, routes).expect("a file");
            Routes::read(&path).expect("a table of routes")
        };
        let secret = "root-secret-root-secret-root-secret-root";
        let bootstrap = Bootstrap {
            account: Some(ACCOUNT.parse().expect("an account")),
            root_key: Some(("AKIAIOSFODNN7EXAMPLE".parse().expect("a key"), SecretText::new(secret))),
            master_key: None,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let start = Server::start(&config, &bootstrap, Arc::new(StandsStill), Arc::new(SystemRandom), None);
        let server = runtime.block_on(start).expect("the broker starts");
        let broker = Arc::clone(server.broker());
        runtime.spawn(server.run(std::future::pending()));
        let doors = Doors {
            broker: Arc::clone(&broker),
            registry: Arc::new(Registry::new()),
            public_url: format!("https://{HOST}").into(),
            metrics: None,
            counts: Arc::default(),
            proxies: Arc::default(),
            request_limit: 1 << 20,
            routes: Arc::new(table),
            followers: Arc::new(Followers::among(8)),
            status_lists: Arc::default(),
            signed_metadata: Arc::default(),
            repeated: Arc::new(Repeated::new(1 << 20)),
        };
        let root = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: SecretText::new(secret),
            session_token: None,
        };
        let world = Self { runtime, router: router(doors), root, gate: Arc::new(certificate("gate")), broker };
        let ask = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"brevet:*","Resource":"*"}}"#;
        world.user("gate", ask);
        world
    }

    /// Makes a user who may do what `policy` says.
    pub fn user(&self, name: &str, policy: &str) {
        self.iam(&[("Action", "CreateUser"), ("UserName", name)]);
        let put = [("Action", "PutUserPolicy"), ("UserName", name), ("PolicyName", "own"), ("PolicyDocument", policy)];
        self.iam(&put);
    }

    /// A key of a user.
    pub fn key_of(&self, user: &str) -> Credentials {
        let made = self.iam(&[("Action", "CreateAccessKey"), ("UserName", user)]);
        Credentials {
            access_key_id: element(&made, "AccessKeyId"),
            secret_access_key: SecretText::new(element(&made, "SecretAccessKey")),
            session_token: None,
        }
    }

    /// A web identity token of a user, good for an hour.
    pub fn token_of(&self, key: &Credentials, audience: &str) -> String {
        let parameters = [
            ("Action", "GetWebIdentityToken"),
            ("Version", "2011-06-15"),
            ("Audience.member.1", audience),
            ("SigningAlgorithm", "ES256"),
            ("DurationSeconds", "3600"),
        ];
        element(&self.aws(key, "sts", &parameters), "WebIdentityToken")
    }

    /// A session token of a user's.
    pub fn session_of(&self, key: &Credentials) -> String {
        element(&self.aws(key, "sts", &[("Action", "GetSessionToken"), ("Version", "2011-06-15")]), "SessionToken")
    }

    /// Runs an IAM operation as the root user; it must succeed.
    pub fn iam(&self, parameters: &[(&str, &str)]) -> String {
        self.aws(&self.root, "iam", &[parameters, &[("Version", "2010-05-08")]].concat())
    }

    fn aws(&self, key: &Credentials, service: &str, parameters: &[(&str, &str)]) -> String {
        let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let kind = "application/x-www-form-urlencoded";
        let answer = self.signed(key, service, "/", kind, pairs.join("&").as_bytes());
        let text = String::from_utf8(answer.body).expect("text");
        assert_eq!(answer.status, StatusCode::OK, "{text}");
        text
    }

    /// Sends what the root user has signed for the broker's own doors.
    pub fn by_root(&self, path: &str, body: &[u8]) -> Answer {
        self.signed(&self.root, "brevet", path, "application/json", body)
    }

    fn signed(&self, key: &Credentials, service: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let headers: [(&str, &[u8]); 2] = [("host", HOST.as_bytes()), ("content-type", kind.as_bytes())];
        let parts = RequestParts { method: "POST", path, query: "", headers: &headers, body };
        let mut request = Request::post(path).header("host", HOST).header("content-type", kind);
        for (name, value) in sign_headers(&parts, key, "us-east-1", service, NOW) {
            request = request.header(name, value);
        }
        self.send(request.body(Body::from(body.to_vec())).expect("a request"))
    }

    /// Sends what `gate` asks.
    pub fn by_gate(&self, path: &str, more: &[(&str, &[u8])], body: Vec<u8>) -> Option<Answer> {
        let mut request = Request::post(path).body(Body::from(body)).ok()?;
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
        for (name, value) in more {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            request.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(self.send_by_gate(request))
    }

    /// Sends a request as if it came over a connection on which `gate` has shown its certificate.
    pub fn send_by_gate(&self, request: Request<Body>) -> Answer {
        self.send_by(&self.gate, request)
    }

    /// The same with another certificate, which a handshake would have verified.
    pub fn send_by(&self, certificate: &Arc<ClientCertificate>, mut request: Request<Body>) -> Answer {
        let visitor = Visitor::new(([192, 0, 2, 9], 443).into(), true, Some(Arc::clone(certificate)));
        request.extensions_mut().insert(visitor);
        self.send(request)
    }

    /// Sends a request of nobody's, or of whoever it says.
    pub fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
            let (parts, body) = answer.into_parts();
            (parts, to_bytes(body, 64 << 20).await.expect("a body that ends"))
        });
        // Whatever strangers send is their fault, not the broker's.
        assert_ne!(parts.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(&body));
        Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }
}

/// A folder for this process. Those of processes that are gone are removed.
fn folder() -> PathBuf {
    let all = std::env::temp_dir().join("brevet-fuzz");
    for old in std::fs::read_dir(&all).into_iter().flatten().flatten() {
        let name = old.file_name();
        if !PathBuf::from("/proc").join(&name).exists() {
            let _ = std::fs::remove_dir_all(old.path());
        }
    }
    let own = all.join(std::process::id().to_string());
    std::fs::create_dir_all(&own).expect("a folder");
    own
}

/// What a handshake would have verified: a certificate for a user of the account.
fn certificate(user: &str) -> ClientCertificate {
    let mut params = CertificateParams::default();
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/{user}");
    params.subject_alt_names = vec![SanType::URI(arn.as_str().try_into().expect("a URI"))];
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    let made = params.self_signed(&KeyPair::generate().expect("a key pair")).expect("a certificate");
    ClientCertificate::of_verified(made.der())
}

pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn element(answer: &str, name: &str) -> String {
    let (_, rest) = answer.split_once(&format!("<{name}>")).expect("the element");
    rest.split('<').next().unwrap_or_default().to_owned()
}
