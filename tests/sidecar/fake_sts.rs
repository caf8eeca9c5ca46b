//! An STS that answers what a test tells it to, and remembers what it was asked. It checks no signature: the real
//! broker's tests do that.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use brevet::client::{Backoff, Broker, BrokerSettings};
use brevet::clock::{Clock, ShiftedClock, SystemClock, SystemRandom, Timestamp};
use brevet::sigv4::Credentials;
use brevet::types::SecretText;
use http::{HeaderMap, StatusCode};
use hyper::body::Frame;

/// What to answer to one call.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Credentials that last for so many seconds (fewer than one: already expired).
    Credentials(i64),
    /// AWS's error form.
    Error(u16, &'static str),
    /// Any body.
    Raw(u16, String),
    /// A body of so many bytes, without a length beforehand.
    Flood(usize),
    /// A redirect to another place.
    Redirect,
    /// No answer at all.
    Silence,
}

/// One call as it came.
#[derive(Debug, Clone)]
pub struct Call {
    /// The form's members.
    pub form: BTreeMap<String, String>,
    /// The access key id in the signature.
    pub access_key_id: String,
}

impl Call {
    /// A member of the form.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.form.get(name).map(String::as_str)
    }
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    calls: Vec<Call>,
}

/// A running fake.
#[derive(Clone)]
pub struct FakeSts {
    pub clock: ShiftedClock,
    pub endpoint: String,
    script: Arc<Mutex<Script>>,
}

impl FakeSts {
    /// Starts one on a free port of the loopback address.
    pub async fn start() -> Self {
        let clock = ShiftedClock::new(Arc::new(SystemClock));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let fake = Self { clock, endpoint, script: Arc::default() };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    /// What to answer next. When nothing is left, the answer is credentials for an hour.
    pub fn then(&self, answers: impl IntoIterator<Item = Answer>) -> &Self {
        self.script.lock().expect("whole").answers.extend(answers);
        self
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.script.lock().expect("whole").calls.clone()
    }

    /// The actions called so far.
    pub fn actions(&self) -> Vec<String> {
        self.calls().iter().filter_map(|call| call.get("Action").map(str::to_owned)).collect()
    }

    /// Settings for talking to it that do not make a test wait.
    pub fn settings(&self) -> BrokerSettings {
        BrokerSettings {
            total_timeout: Duration::from_millis(500),
            backoff: Backoff { base: Duration::from_millis(1), cap: Duration::from_millis(2) },
            ..BrokerSettings::at(&self.endpoint, "us-east-1")
        }
    }

    /// A client of it.
    pub fn broker(&self) -> Broker {
        Broker::new(&self.settings(), Arc::new(self.clock.clone()), Arc::new(SystemRandom)).expect("good settings")
    }
}

/// A long-lived key.
pub fn long_lived_key() -> Credentials {
    Credentials {
        access_key_id: "AKIAEXAMPLE".to_owned(),
        secret_access_key: SecretText::new("long-lived-secret"),
        session_token: None,
    }
}

async fn answer(State(fake): State<FakeSts>, headers: HeaderMap, body: String) -> Response {
    let form: BTreeMap<String, String> = body.split('&').filter_map(|pair| pair.split_once('=')).map(decoded).collect();
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let access_key_id = authorization.split_once("Credential=").and_then(|(_, rest)| rest.split('/').next());
    let action = form.get("Action").cloned().unwrap_or_default();
    let (answer, number) = {
        let mut script = fake.script.lock().expect("whole");
        script.calls.push(Call { form, access_key_id: access_key_id.unwrap_or_default().to_owned() });
        (script.answers.pop_front().unwrap_or(Answer::Credentials(3_600)), script.calls.len())
    };
    match answer {
        Answer::Credentials(seconds) => success(&action, number, fake.clock.now().plus(seconds)).into_response(),
        Answer::Error(status, code) => {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>told to</Message></Error><RequestId>req-{number}</RequestId></ErrorResponse>"
            );
            (StatusCode::from_u16(status).expect("a status"), body).into_response()
        }
        Answer::Raw(status, body) => (StatusCode::from_u16(status).expect("a status"), body).into_response(),
        Answer::Flood(left) => Response::new(Body::new(Flood { left })),
        Answer::Redirect => (StatusCode::FOUND, [("location", "http://127.0.0.1:1/")], "").into_response(),
        Answer::Silence => std::future::pending().await,
    }
}

fn decoded((name, value): (&str, &str)) -> (String, String) {
    let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
    (name.to_owned(), value)
}

fn success(action: &str, number: usize, expiration: Timestamp) -> String {
    let credentials = format!(
        "<Credentials><AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>secret-{number}</SecretAccessKey><SessionToken>token-{number}</SessionToken><Expiration>{expiration}</Expiration></Credentials>"
    );
    let result = match action {
        "AssumeRole" => format!(
            "{credentials}<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/app/brevet</Arn><AssumedRoleId>AROAX:brevet</AssumedRoleId></AssumedRoleUser><PackedPolicySize>7</PackedPolicySize>"
        ),
        "GetSessionToken" => credentials,
        _ => "<Arn>arn:aws:iam::123456789012:user/Bob</Arn><UserId>AIDAX</UserId><Account>123456789012</Account>"
            .to_owned(),
    };
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>req-{number}</RequestId></ResponseMetadata></{action}Response>"
    )
}

/// A body in pieces, whose length nobody is told beforehand.
struct Flood {
    left: usize,
}

impl HttpBody for Flood {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let size = self.left.min(4_096);
        self.left -= size;
        Poll::Ready((size > 0).then(|| Ok(Frame::data(Bytes::from(vec![b'x'; size])))))
    }
}
