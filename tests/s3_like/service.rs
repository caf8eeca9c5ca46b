//! A service like S3, small enough to read: buckets in memory, and every request authenticated and decided by a broker through
//! `brevet::service`. It is what the acceptance suite shows boto3, and an example of how a service integrates.
//!
//! Settings are environment variables: `BREVET_ENDPOINT`, `S3_LIKE_LISTEN` (`127.0.0.1:0`), `S3_LIKE_MODE` (`ask` or `derived-keys`),
//! `S3_LIKE_HOST` (what clients write into `Host`; by default where it listens), and the service's own credentials as AWS clients have
//! them.

mod buckets;
mod chunks;
mod refusal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use brevet::client::{Broker, BrokerSettings, ClientError, Environment, source};
use brevet::clock::{SystemClock, SystemRandom};
use brevet::service::{Caller, Mode, Question, Received, Refused, Settings, Verifier};
use brevet::sigv4::{Content, Coverage, RequestParts, query_pairs};

use buckets::{Bucket, Buckets};
use refusal::Refusal;

/// The largest object.
const LARGEST: usize = 16 << 20;

struct Service {
    verifier: Verifier,
    buckets: Mutex<Buckets>,
}

/// A request whose sender is known.
struct Call {
    caller: Caller,
    parts: Parts,
    /// As it was sent, without its frames if it came in chunks.
    body: Bytes,
    query: Vec<(String, String)>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let set = |name: &str| std::env::var(name).ok();
    let listen = set("S3_LIKE_LISTEN").unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let broker = BrokerSettings::at(set("BREVET_ENDPOINT").ok_or("BREVET_ENDPOINT is not set")?, "us-east-1");
    let broker = Broker::new(&broker, Arc::new(SystemClock), Arc::new(SystemRandom))?;
    let mode = match set("S3_LIKE_MODE").as_deref() {
        None | Some("ask") => Mode::Ask,
        Some("derived-keys") => Mode::DerivedKeys,
        Some(_) => return Err("S3_LIKE_MODE is neither ask nor derived-keys".into()),
    };
    let host = set("S3_LIKE_HOST").unwrap_or_else(|| address.to_string());
    let settings = Settings { mode, hosts: vec![host], ..Settings::of("s3") };
    let own = Box::new(|| source::load(&Environment::of_this_process(), None));
    let service = Service { verifier: Verifier::new(broker, own, settings), buckets: Mutex::default() };
    println!("listening on http://{address}");
    let router = Router::new().fallback(answer).with_state(Arc::new(service));
    Ok(axum::serve(listener, router).await?)
}

async fn answer(State(service): State<Arc<Service>>, request: Request<Body>) -> Response {
    match service.serve(request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

impl Service {
    async fn serve(&self, request: Request<Body>) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, LARGEST)
            .await
            .map_err(|_| Refusal::new(400, "EntityTooLarge", "The object is too large."))?;
        let call = self.authenticate(parts, body).await?;
        let path = call.parts.uri.path().trim_start_matches('/').to_owned();
        let (bucket, key) = path.split_once('/').unwrap_or((path.as_str(), ""));
        let decode = |text: &str| {
            let text = percent_encoding::percent_decode_str(text).decode_utf8();
            text.map(|text| text.into_owned()).map_err(|_| Refusal::new(400, "InvalidURI", "The path is not UTF-8."))
        };
        let (bucket, key) = (decode(bucket)?, decode(key)?);
        match (call.parts.method.as_str(), bucket.as_str(), key.as_str()) {
            ("GET", "", "") => self.list_buckets(&call).await,
            (_, "", _) => Err(Refusal::new(405, "MethodNotAllowed", "There is no such operation.")),
            (method, bucket, "") if call.asks("policy") => self.bucket_policy(method, bucket, &call).await,
            ("PUT", bucket, "") => self.create_bucket(bucket, &call).await,
            ("DELETE", bucket, "") => self.delete_bucket(bucket, &call).await,
            ("GET", bucket, "") => self.list_objects(bucket, &call).await,
            ("PUT", bucket, key) => self.put_object(bucket, key, &call).await,
            ("GET" | "HEAD", bucket, key) => self.get_object(bucket, key, &call).await,
            ("DELETE", bucket, key) => self.delete_object(bucket, key, &call).await,
            _ => Err(Refusal::new(405, "MethodNotAllowed", "There is no such operation.")),
        }
    }

    /// Who sent it; its body is one that they signed, or left open themselves.
    async fn authenticate(&self, parts: Parts, body: Bytes) -> Result<Call, Refusal> {
        let headers: Vec<(&str, &[u8])> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let query = parts.uri.query().unwrap_or_default();
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let received = RequestParts { method, path, query, headers: &headers, body: &body };
        let caller = self.verifier.verify(&Received { parts: received, content: Content::Whole(&body) }).await?;
        let query = query_pairs(query).ok_or_else(|| Refusal::new(400, "InvalidURI", "The query cannot be read."))?;
        let body = match &caller.body {
            Coverage::Signed | Coverage::Unsigned => body,
            Coverage::Streaming(how) if how == "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => chunks::joined(&body)?,
            // Whoever signs each chunk wants each signature checked.
            Coverage::Streaming(_) | Coverage::Declared(_) => {
                return Err(Refusal::new(
                    501,
                    "NotImplemented",
                    "Chunks that are signed one by one are not supported.",
                ));
            }
        };
        Ok(Call { caller, parts, body, query })
    }

    /// Whether the sender may do this with a bucket or what is in it.
    async fn allow(&self, call: &Call, action: &str, path: &str, bucket: Option<&Bucket>) -> Result<(), Refusal> {
        let resource = format!("arn:aws:s3:::{path}");
        let owner = bucket.map_or(call.caller.account.as_str(), |bucket| bucket.owner.as_str());
        let mut question = Question::new(action, resource).of_account(owner);
        if let Some(policy) = bucket.and_then(|bucket| bucket.policy.as_deref()) {
            question = question.with_policy(policy);
        }
        if let Some(prefix) = call.value("prefix") {
            question = question.with_key("s3:prefix", prefix);
        }
        let decision = self.verifier.allowed(&call.caller, &question).await?;
        if decision.allowed {
            return Ok(());
        }
        Err(Refusal::new(403, "AccessDenied", format!("{} is not authorized to perform {action}.", call.caller.arn)))
    }

    /// Likewise, for a bucket that must be there. Whoever may not is not told whether it is.
    async fn bucket(&self, call: &Call, action: &str, bucket: &str, key: &str) -> Result<Bucket, Refusal> {
        let found = self.buckets().get(bucket);
        let path = if key.is_empty() { bucket.to_owned() } else { format!("{bucket}/{key}") };
        self.allow(call, action, &path, found.as_ref()).await?;
        found.ok_or_else(|| Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist."))
    }

    async fn list_buckets(&self, call: &Call) -> Result<Response, Refusal> {
        self.allow(call, "s3:ListAllMyBuckets", "*", None).await?;
        Ok(buckets::listed(&self.buckets().of(&call.caller.account)).into_response())
    }

    async fn create_bucket(&self, bucket: &str, call: &Call) -> Result<Response, Refusal> {
        self.allow(call, "s3:CreateBucket", bucket, None).await?;
        if !self.buckets().create(bucket, &call.caller.account) {
            return Err(Refusal::new(409, "BucketAlreadyExists", "The requested bucket name is not available."));
        }
        Ok(([("location", format!("/{bucket}"))], "").into_response())
    }

    async fn delete_bucket(&self, bucket: &str, call: &Call) -> Result<Response, Refusal> {
        self.bucket(call, "s3:DeleteBucket", bucket, "").await?;
        self.buckets().delete(bucket);
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    async fn bucket_policy(&self, method: &str, bucket: &str, call: &Call) -> Result<Response, Refusal> {
        match method {
            "PUT" => {
                let found = self.bucket(call, "s3:PutBucketPolicy", bucket, "").await?;
                let text = std::str::from_utf8(&call.body).unwrap_or_default();
                // Whether it is a policy the broker knows: it is asked with it.
                let with_it = Bucket { policy: Some(text.to_owned()), ..found };
                match self.allow(call, "s3:PutBucketPolicy", bucket, Some(&with_it)).await {
                    // The owner may lock itself out; then only its root user's way is left.
                    Ok(()) => {}
                    Err(refusal) if refusal.code == "AccessDenied" => {}
                    Err(refusal) if refusal.code == "InvalidRequest" => {
                        return Err(Refusal::new(400, "MalformedPolicy", "The document is not a valid policy."));
                    }
                    Err(other) => return Err(other),
                }
                self.buckets().set_policy(bucket, with_it.policy);
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            "GET" => {
                let found = self.bucket(call, "s3:GetBucketPolicy", bucket, "").await?;
                let none = || Refusal::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist.");
                Ok(found.policy.ok_or_else(none)?.into_response())
            }
            "DELETE" => {
                self.bucket(call, "s3:DeleteBucketPolicy", bucket, "").await?;
                self.buckets().set_policy(bucket, None);
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            _ => Err(Refusal::new(405, "MethodNotAllowed", "There is no such operation.")),
        }
    }

    async fn list_objects(&self, bucket: &str, call: &Call) -> Result<Response, Refusal> {
        let found = self.bucket(call, "s3:ListBucket", bucket, "").await?;
        Ok(buckets::contents(bucket, &found, call.value("prefix").unwrap_or_default()).into_response())
    }

    async fn put_object(&self, bucket: &str, key: &str, call: &Call) -> Result<Response, Refusal> {
        self.bucket(call, "s3:PutObject", bucket, key).await?;
        self.buckets().put(bucket, key, call.body.clone());
        Ok(([("etag", buckets::etag(&call.body))], "").into_response())
    }

    async fn get_object(&self, bucket: &str, key: &str, call: &Call) -> Result<Response, Refusal> {
        let found = self.bucket(call, "s3:GetObject", bucket, key).await?;
        let body = found.objects.get(key).cloned();
        let body = body.ok_or_else(|| Refusal::new(404, "NoSuchKey", "The specified key does not exist."))?;
        Ok(([("etag", buckets::etag(&body)), ("content-type", "binary/octet-stream".to_owned())], body).into_response())
    }

    async fn delete_object(&self, bucket: &str, key: &str, call: &Call) -> Result<Response, Refusal> {
        self.bucket(call, "s3:DeleteObject", bucket, key).await?;
        self.buckets().remove(bucket, key);
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn asks(&self, name: &str) -> bool {
        self.value(name).is_some()
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        if let Refused::Broker(ClientError::Refused { status: 400, .. }) = &refused {
            eprintln!("a question was none: {refused}");
            return Self::new(400, "InvalidRequest", "The request cannot be decided.");
        }
        if !matches!(refused, Refused::Request { .. }) {
            eprintln!("nobody can be served: {refused}");
        }
        let (code, status, message) = refused.answer();
        Self::new(status, code, message)
    }
}
