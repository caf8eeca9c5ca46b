//! AWS's SDK for Rust, pointed at a broker and living in the world's time.

use aws_sdk_iam::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::config::{BehaviorVersion, ConfigBag, Intercept, Region, RuntimeComponents, SharedHttpClient};
use aws_sdk_iam::error::BoxError;
use brevet::clock::{Clock, ShiftedClock, Timestamp};
use brevet::sigv4::{Credentials, RequestParts, sign_headers};

use super::{Keys, Running};

const REGION: &str = "us-east-1";

/// A client of IAM. It does not try again: a test wants to see the first answer.
pub fn iam(keys: &Keys, at: &Running) -> aws_sdk_iam::Client {
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(at.url.as_str())
        .credentials_provider(credentials(keys))
        .retry_config(RetryConfig::disabled())
        .http_client(plain_http())
        .interceptor(WorldTime::of(keys, at, "iam"))
        .build();
    aws_sdk_iam::Client::from_conf(config)
}

/// A client of STS.
pub fn sts(keys: &Keys, at: &Running) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(at.url.as_str())
        .credentials_provider(credentials(keys))
        .retry_config(RetryConfig::disabled())
        .http_client(plain_http())
        .interceptor(WorldTime::of(keys, at, "sts"))
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

/// A client of STS without credentials, for what needs no signature.
pub fn anonymous_sts(at: &Running) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(at.url.as_str())
        .retry_config(RetryConfig::disabled())
        .http_client(plain_http())
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

fn credentials(keys: &Keys) -> aws_credential_types::Credentials {
    aws_credential_types::Credentials::new(&keys.id, &keys.secret, keys.token.clone(), None, "test")
}

fn plain_http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

/// The SDK signs with the machine's time. Once the world's has moved on, requests are signed again with that; until then the
/// SDK's own signature goes out.
#[derive(Debug)]
struct WorldTime {
    clock: ShiftedClock,
    credentials: Credentials,
    service: &'static str,
}

impl WorldTime {
    fn of(keys: &Keys, at: &Running, service: &'static str) -> Self {
        Self { clock: at.clock.clone(), credentials: keys.credentials(), service }
    }
}

impl Intercept for WorldTime {
    fn name(&self) -> &'static str {
        "world time"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let now = self.clock.now();
        let signed_at = request.headers().get("x-amz-date").and_then(Timestamp::parse_compact);
        if signed_at.is_some_and(|signed| (signed.seconds() - now.seconds()).abs() < 300) {
            return Ok(());
        }
        let (_, rest) = request.uri().split_once("://").ok_or("an absolute URI")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let kind = request.headers().get("content-type").unwrap_or_default();
        let headers: [(&str, &[u8]); 2] = [("host", host.as_bytes()), ("content-type", kind.as_bytes())];
        let parts = RequestParts {
            method: request.method(),
            path: &format!("/{path}"),
            query: "",
            headers: &headers,
            body: request.body().bytes().ok_or("a body in memory")?,
        };
        for (name, value) in sign_headers(&parts, &self.credentials, REGION, self.service, now) {
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}
