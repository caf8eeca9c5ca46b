//! One broker's endpoint and the rules for talking to it: signed POSTs of the Query protocol, bounded in time and
//! size, no redirects, and plain HTTP only where nobody can listen.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Response, Url};

use super::backoff::draw;
use super::passing::Question;
use super::xml::Answer;
use super::{Backoff, ClientError, tls};
use crate::clock::{Clock, Random};
use crate::sigv4::{self, Credentials, RequestParts};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
/// How often one call is tried in all.
const MAX_TRIES: u32 = 3;
/// The content type of the Query protocol.
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// The most characters of a broker's error message that are passed on.
const MAX_MESSAGE: usize = 1_024;
/// What stands in the place of text that may hold a password.
const HIDDEN: &str = "…";

/// Where a broker is and how to talk to it.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerSettings {
    /// `https://…`, or `http://…` on a loopback address.
    pub endpoint: String,
    /// The region that signatures name.
    pub region: String,
    /// Trust the certificate authorities in this PEM file and no others; without it, those of the machine.
    pub ca_file: Option<PathBuf>,
    /// Allow plain HTTP to an address that is not loopback. Whoever listens on the way then sees the credentials.
    pub allow_plain_http: bool,
    /// The proxy for HTTPS endpoints. Plain HTTP never goes through a proxy.
    pub https_proxy: Option<String>,
    /// Hosts that are not reached through the proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long one try may take in all.
    pub total_timeout: Duration,
    /// The wait between tries.
    pub backoff: Backoff,
}

impl BrokerSettings {
    /// The broker at `endpoint` with the usual settings: 3 s to connect, 10 s in all.
    pub fn at(endpoint: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            region: region.into(),
            ca_file: None,
            allow_plain_http: false,
            https_proxy: None,
            no_proxy: None,
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            backoff: Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(2) },
        }
    }
}

impl std::fmt::Debug for BrokerSettings {
    /// Without what may be passwords: the endpoint's and the proxy's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrokerSettings")
            .field("endpoint", &repeatable(&self.endpoint))
            .field("region", &self.region)
            .field("ca_file", &self.ca_file)
            .field("allow_plain_http", &self.allow_plain_http)
            .field("https_proxy", &self.https_proxy.as_ref().map(|_| HIDDEN))
            .field("no_proxy", &self.no_proxy)
            .field("connect_timeout", &self.connect_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("backoff", &self.backoff)
            .finish()
    }
}

/// A broker that can be called.
#[derive(Clone)]
pub struct Broker {
    pub(super) endpoint: Url,
    pub(super) host: String,
    region: String,
    backoff: Backoff,
    pub(super) http: reqwest::Client,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Broker {
    /// Checks the settings and sets up the HTTP client; does not connect.
    pub fn new(settings: &BrokerSettings, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self, ClientError> {
        let endpoint = checked_endpoint(settings)?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(settings.ca_file.as_deref())?)
            .user_agent(concat!("brevet/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.total_timeout);
        if let Some(proxy) = settings.https_proxy.as_deref().filter(|_| endpoint.scheme() == "https") {
            let skip = settings.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
            let proxy =
                reqwest::Proxy::https(proxy).map_err(|_| ClientError::Setup("the proxy's URL is bad".to_owned()))?;
            builder = builder.proxy(proxy.no_proxy(skip));
        }
        let http = builder.build().map_err(|e| ClientError::Setup(cause(&e)))?;
        let host = match (endpoint.host_str(), endpoint.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(unusable(settings, "it names no host")),
        };
        Ok(Self { endpoint, host, region: settings.region.clone(), backoff: settings.backoff, http, clock, random })
    }

    /// The endpoint, for people and for cache keys. It holds no password.
    pub fn endpoint(&self) -> &str {
        self.endpoint.as_str()
    }

    /// The region that signatures name.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The clock that signatures and expiries are told by.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Posts a form to STS, signed with `credentials`. A call that failed in passing is signed anew and tried again,
    /// three times in all; one that carries a one-time code only if the code cannot have been used up.
    pub(super) async fn post(
        &self,
        form: &str,
        credentials: &Credentials,
        one_time: bool,
    ) -> Result<Answer, ClientError> {
        let may_repeat = |error: &ClientError| !one_time || error.is_before_any_effect();
        self.persist(|| self.post_once(form, credentials), may_repeat).await
    }

    /// Posts JSON to one of the broker's own doors, signed with `credentials`. A call that failed in passing is signed anew and tried
    /// again: questions may be asked twice.
    pub async fn ask(
        &self,
        path: &'static str,
        question: &serde_json::Value,
        credentials: &Credentials,
    ) -> Result<serde_json::Value, ClientError> {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let question = Question { method: Method::POST, path, headers, body: question.to_string().into() };
        self.persist(|| self.ask_once(&question, credentials), |_| true).await
    }

    /// What comes of a call that is tried again, three times in all, after it failed in passing and where it may be repeated.
    async fn persist<T, F: Future<Output = Result<T, ClientError>>>(
        &self,
        call: impl Fn() -> F,
        may_repeat: impl Fn(&ClientError) -> bool,
    ) -> Result<T, ClientError> {
        let mut tries = 1;
        loop {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !error.is_passing() || !may_repeat(&error) || tries >= MAX_TRIES {
                return Err(error);
            }
            let wait = self.backoff.wait(tries, draw(self.random.as_ref()));
            tracing::debug!(%error, tries, wait_ms = wait.as_millis(), "trying the broker again");
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    async fn ask_once(&self, question: &Question, credentials: &Credentials) -> Result<serde_json::Value, ClientError> {
        let passed = self.pass(question, Some(credentials)).await?;
        let status = passed.status.as_u16();
        let answer: serde_json::Value = serde_json::from_slice(&passed.body)
            .map_err(|_| ClientError::Malformed { status, reason: "it is not JSON" })?;
        if status == 200 {
            return Ok(answer);
        }
        let text = |name: &str| answer.get(name).and_then(serde_json::Value::as_str).map(printable);
        match (text("code"), text("error")) {
            (Some(code), message) => {
                Err(ClientError::Refused { status, code, message: message.unwrap_or_default(), request_id: None })
            }
            _ => Err(ClientError::Malformed { status, reason: "it is an error without a code" }),
        }
    }

    /// A request with what the signature of these credentials adds to it.
    pub(super) fn signed(
        &self,
        mut request: RequestBuilder,
        parts: &RequestParts<'_>,
        credentials: &Credentials,
        service: &str,
    ) -> Result<RequestBuilder, ClientError> {
        for (name, value) in sigv4::sign_headers(parts, credentials, &self.region, service, self.clock.now()) {
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| ClientError::Setup("the source credentials do not fit into a header".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        Ok(request)
    }

    async fn post_once(&self, form: &str, credentials: &Credentials) -> Result<Answer, ClientError> {
        let headers: [(&str, &[u8]); 2] = [("host", self.host.as_bytes()), ("content-type", FORM.as_bytes())];
        let parts = RequestParts {
            method: "POST",
            path: self.endpoint.path(),
            query: "",
            headers: &headers,
            body: form.as_bytes(),
        };
        let request = self.http.post(self.endpoint.clone()).header(CONTENT_TYPE, FORM).body(form.to_owned());
        let request = self.signed(request, &parts, credentials, "sts")?;
        let response = request.send().await.map_err(classify)?;
        let status = response.status().as_u16();
        let body = bounded(response).await?;
        let malformed = |reason| ClientError::Malformed { status, reason };
        let text = std::str::from_utf8(&body).map_err(|_| malformed("it is not UTF-8"))?;
        match status {
            200 => Answer::read(text).map_err(malformed),
            300..=399 => Err(malformed("it is a redirect, and redirects are not followed")),
            _ => Err(refusal(status, &Answer::read(text).map_err(malformed)?)),
        }
    }
}

impl std::fmt::Debug for Broker {
    /// Without the HTTP client, which knows the proxy's password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("endpoint", &self.endpoint.as_str())
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

fn checked_endpoint(settings: &BrokerSettings) -> Result<Url, ClientError> {
    let bad = |reason| unusable(settings, reason);
    let url = Url::parse(&settings.endpoint).map_err(|_| bad("it is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it carries a user name or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it has a query or a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if settings.allow_plain_http || is_loopback(&url) => Ok(url),
        "http" => Err(bad("plain HTTP is for loopback addresses only, unless it is allowed expressly")),
        _ => Err(bad("its scheme is neither https nor http")),
    }
}

fn unusable(settings: &BrokerSettings, reason: &'static str) -> ClientError {
    ClientError::Endpoint { endpoint: repeatable(&settings.endpoint).to_owned(), reason }
}

/// What may be shown of an endpoint. Before an `@` there may be a password, in text that is no URL too.
fn repeatable(endpoint: &str) -> &str {
    if endpoint.contains('@') { HIDDEN } else { endpoint }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub(super) async fn bounded(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let too_large = ClientError::TooLarge { limit: MAX_ANSWER };
    if response.content_length().is_some_and(|length| length > MAX_ANSWER as u64) {
        return Err(too_large);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(classify)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(super) fn classify(error: reqwest::Error) -> ClientError {
    if error.is_connect() {
        ClientError::Connect(cause(&error))
    } else if error.is_timeout() {
        ClientError::Timeout
    } else {
        ClientError::Transport(cause(&error))
    }
}

/// The innermost cause: the layers around it say the same thing in more words.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn refusal(status: u16, answer: &Answer) -> ClientError {
    match answer.text("ErrorResponse/Error/Code").filter(|code| !code.is_empty()) {
        Some(code) => ClientError::Refused {
            status,
            code: printable(code),
            message: printable(answer.text("ErrorResponse/Error/Message").unwrap_or_default()),
            request_id: answer.text("ErrorResponse/RequestId").map(printable),
        },
        None => ClientError::Malformed { status, reason: "it is an error without a code" },
    }
}

/// What another machine wrote, made fit for a terminal and a log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SystemClock, SystemRandom};

    fn broker(settings: &BrokerSettings) -> Result<Broker, ClientError> {
        Broker::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom))
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for endpoint in ["http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost", "https://broker.example"] {
            assert!(broker(&BrokerSettings::at(endpoint, "us-east-1")).is_ok(), "{endpoint}");
        }
        for endpoint in [
            "http://broker.example",
            "http://10.0.0.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "ftp://localhost",
            "localhost:8080",
            "https://broker.example/?x=1",
            "https://broker.example/#x",
            "",
        ] {
            let refused = broker(&BrokerSettings::at(endpoint, "us-east-1"));
            assert!(matches!(refused, Err(ClientError::Endpoint { .. })), "{endpoint}");
        }
        let mut settings = BrokerSettings::at("http://10.0.0.1", "us-east-1");
        settings.allow_plain_http = true;
        assert!(broker(&settings).is_ok());
    }

    #[test]
    fn a_password_in_the_endpoint_is_refused_and_not_repeated() {
        for endpoint in [
            "https://me:hunter2@broker.example",
            "https://me:hunter2@b:99999",
            "https://me:hunter2@",
            "https://me:hunter2@broker.example/?x=1",
            "me:hunter2@broker.example",
            "//me:hunter2@broker.example",
        ] {
            let settings = BrokerSettings::at(endpoint, "us-east-1");
            let error = broker(&settings).map(|_| ()).expect_err("refused");
            for shown in [error.to_string(), format!("{error:?}"), format!("{settings:?}")] {
                assert!(!shown.contains("hunter2"), "{shown}");
            }
        }
        let plain = broker(&BrokerSettings::at("ftp://broker.example", "us-east-1")).map(|_| ()).expect_err("refused");
        assert!(plain.to_string().contains("ftp://broker.example"), "{plain}");
    }

    #[test]
    fn the_proxys_password_does_not_print() {
        let mut settings = BrokerSettings::at("https://broker.example", "us-east-1");
        settings.https_proxy = Some("http://me:hunter2@proxy.example:3128".to_owned());
        let broker = broker(&settings).expect("usable");
        for shown in [format!("{settings:?}"), format!("{broker:?}")] {
            assert!(shown.contains("https://broker.example") && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn the_signed_host_is_the_one_that_is_sent() {
        for (endpoint, host) in [
            ("https://broker.example", "broker.example"),
            ("https://broker.example:443", "broker.example"),
            ("https://broker.example:8443/sts", "broker.example:8443"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            let broker = broker(&BrokerSettings::at(endpoint, "us-east-1")).expect("usable");
            assert_eq!(broker.host, host, "{endpoint}");
        }
    }

    #[test]
    fn a_refusal_is_printable_and_short() {
        let text = format!(
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no\u{9b}31m {}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>",
            "x".repeat(5_000)
        );
        let error = refusal(403, &Answer::read(&text).expect("well-formed"));
        let ClientError::Refused { code, message, request_id, status } = error else { unreachable!("a refusal") };
        assert_eq!((status, code.as_str(), request_id.as_deref()), (403, "AccessDenied", Some("r-1")));
        assert!(message.chars().count() <= 1_024 && !message.chars().any(char::is_control));
    }
}
