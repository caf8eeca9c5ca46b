//! Checks requests and asks about their senders.

use std::fmt;
use std::sync::Arc;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use moka::sync::Cache;
use serde_json::{Value, json};

use super::answer::{Answer, Key, SealedKey, Sender, time};
use super::keys::{Kept, Keys, Known};
use super::{Caller, Decision, Question, Refused};
use crate::client::Broker;
use crate::client::source::SourceError;
use crate::clock::Timestamp;
use crate::crypto::hash::sha256;
use crate::crypto::jwe::Recipient;
use crate::sigv4::{Content, Credentials, Refusal, RequestParts, SignedRequest, SigningKey};
use crate::types::SecretBytes;

/// For how many seconds nobody is asked again for a key that is not to be had.
const NO_KEY_SECONDS: i64 = 60;

/// Where the service's own credentials come from.
pub type Own = Box<dyn Fn() -> Result<Credentials, SourceError> + Send + Sync>;

/// How signatures are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The broker checks each.
    Ask,
    /// The service has keys derived, and checks those itself whose key it may have.
    DerivedKeys,
}

/// What a verifier is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name that requests to the service are signed for.
    pub service: String,
    /// How signatures are checked.
    pub mode: Mode,
    /// The names that the service is reached under, as clients write them into `Host`: a request that was signed for another host
    /// was sent to somebody else. Empty where any will do.
    pub hosts: Vec<String>,
    /// The keys that are kept, at the most.
    pub keys: u64,
    /// The decisions that are kept, at the most.
    pub decisions: u64,
}

impl Settings {
    /// Asking for each request to a service, under whatever host name.
    pub fn of(service: impl Into<String>) -> Self {
        Self { service: service.into(), mode: Mode::Ask, hosts: Vec::new(), keys: 10_000, decisions: 100_000 }
    }
}

/// A request as the service received it.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// All but the body.
    pub parts: RequestParts<'a>,
    /// What is known of the body.
    pub content: Content<'a>,
}

/// Checks requests to a service, and asks about their senders.
pub struct Verifier {
    broker: Broker,
    own: Own,
    settings: Settings,
    keys: Keys,
    decisions: Cache<[u8; 32], Arc<(Decision, Timestamp)>>,
}

impl Verifier {
    /// A verifier that has nothing kept yet.
    pub fn new(broker: Broker, own: Own, settings: Settings) -> Self {
        let (keys, decisions) = (Keys::new(settings.keys), Cache::new(settings.decisions));
        Self { broker, own, settings, keys, decisions }
    }

    /// Who sent a request.
    ///
    /// # Errors
    /// [`Refused`] says what its sender is answered.
    pub async fn verify(&self, request: &Received<'_>) -> Result<Caller, Refused> {
        let signed = self.parse(request)?;
        let id = identity(&signed, true);
        if self.settings.mode == Mode::Ask {
            let answer = self.ask(&told(request), None).await?;
            return caller(answer.sender()?, &signed, request);
        }
        let now = self.now();
        match self.keys.find(&id) {
            Some(Kept::Key(known)) if now < known.standing && now < known.ends => {
                signed.verify(&known.key).map_err(|refusal| Refused::signature(&refusal, &self.settings.service))?;
                caller(&known.sender, &signed, request)
            }
            Some(Kept::Key(known)) if now < known.ends => self.again(request, &signed, id, &known).await,
            Some(Kept::AskUntil(until)) if now < until => {
                let answer = self.ask(&told(request), None).await?;
                caller(answer.sender()?, &signed, request)
            }
            _ => self.derive(request, &signed, id).await,
        }
    }

    /// Whether a caller may do something. An answer is kept for as long as the broker says, under all that the question says.
    ///
    /// # Errors
    /// The broker gives no answer; or what it had found good is not good any more.
    pub async fn allowed(&self, caller: &Caller, question: &Question) -> Result<Decision, Refused> {
        let asked = question.asked();
        let id = sha256(
            &[caller.identity.as_slice(), caller.region.as_bytes(), b"\n", asked.to_string().as_bytes()].concat(),
        );
        let now = self.now();
        if let Some(kept) = self.decisions.get(&id)
            && now < kept.1
        {
            return Ok(Decision { kept: true, ..kept.0.clone() });
        }
        let answer = self.ask(&caller.evidence, Some(asked)).await?;
        answer.sender()?;
        let decided = answer.decision.ok_or(Refused::Malformed("it lacks the decision"))?;
        let decision = Decision {
            allowed: decided.decision,
            reason: decided.context.reason,
            revision: decided.context.revision,
            kept: false,
        };
        if decided.context.max_age > 0 {
            let until = now.plus(decided.context.max_age);
            self.decisions.insert(id, Arc::new((decision.clone(), until)));
        }
        Ok(decision)
    }

    /// What can be seen without a key: that the request is signed, in time, for this service and this host.
    fn parse<'a>(&self, request: &Received<'a>) -> Result<SignedRequest<'a>, Refused> {
        let refused = |refusal: Refusal| Refused::signature(&refusal, &self.settings.service);
        let signed = SignedRequest::parse_told(&request.parts, request.content).map_err(refused)?;
        let signed = signed.ok_or_else(|| refused(Refusal::MissingAuthenticationToken))?;
        signed.check_time(self.now()).map_err(refused)?;
        signed.check_service(&self.settings.service).map_err(refused)?;
        let host = request.parts.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = host.and_then(|(_, value)| std::str::from_utf8(value).ok()).unwrap_or_default();
        let ours =
            self.settings.hosts.is_empty() || self.settings.hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        if ours { Ok(signed) } else { Err(refused(Refusal::SignatureDoesNotMatch)) }
    }

    /// Asks the broker about a sender whose key is at hand: it may have been revoked since.
    async fn again(
        &self,
        request: &Received<'_>,
        signed: &SignedRequest<'_>,
        id: [u8; 32],
        known: &Known,
    ) -> Result<Caller, Refused> {
        // Who does not have the secret costs the broker nothing, and the sender not its key.
        signed.verify(&known.key).map_err(|refusal| Refused::signature(&refusal, &self.settings.service))?;
        let began = self.now();
        let answer = self.ask(&told(request), None).await?;
        let sender = match answer.sender() {
            Ok(sender) => sender,
            Err(refused) => {
                self.keys.forget(&id);
                return Err(refused);
            }
        };
        let standing = began.plus(answer.max_age.unwrap_or(0));
        let known = Known { key: known.key.clone(), sender: sender.clone(), standing, ends: known.ends };
        self.keys.keep(id, Kept::Key(Arc::new(known)));
        caller(sender, signed, request)
    }

    async fn derive(
        &self,
        request: &Received<'_>,
        signed: &SignedRequest<'_>,
        id: [u8; 32],
    ) -> Result<Caller, Refused> {
        let recipient = Recipient::new().map_err(|_| Refused::Malformed("no key pair can be drawn"))?;
        let began = self.now();
        let question = json!({
            "service": self.settings.service,
            "request": told(request),
            "recipient": recipient.public(),
        });
        let answer = Answer::read(self.broker.ask("/keys/v1/derive", &question, &(self.own)()?).await?)?;
        let sender = answer.sender()?;
        let kept = match &answer.key {
            None => Kept::AskUntil(began.plus(NO_KEY_SECONDS)),
            Some(sealed) => Kept::Key(Arc::new(Known {
                key: open(recipient, sealed, signed)?,
                sender: sender.clone(),
                standing: began.plus(answer.max_age.unwrap_or(0)),
                ends: time(&sealed.good_until)?,
            })),
        };
        self.keys.keep(id, kept);
        caller(sender, signed, request)
    }

    async fn ask(&self, request: &Value, asked: Option<Value>) -> Result<Answer, Refused> {
        let mut question = json!({ "service": self.settings.service, "request": request });
        if let Some(asked) = asked {
            question["question"] = asked;
        }
        Answer::read(self.broker.ask("/requests/v1/verify", &question, &(self.own)()?).await?)
    }

    fn now(&self) -> Timestamp {
        self.broker.clock().now()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("broker", &self.broker)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The key in a sealed answer, if it is the one that was asked for.
fn open(recipient: Recipient, sealed: &Key, signed: &SignedRequest<'_>) -> Result<SigningKey, Refused> {
    let wrong = || Refused::Malformed("the key is not the one that was asked for");
    let plain =
        recipient.open(&sealed.jwe, &sealed.recipient).map_err(|_| Refused::Malformed("the key does not open"))?;
    let sealed: SealedKey = serde_json::from_slice(plain.expose()).map_err(|_| wrong())?;
    if sealed.scope != signed.scope().to_string() || sealed.kid != signed.access_key_id() {
        return Err(wrong());
    }
    let bytes = BASE64URL_NOPAD.decode(sealed.k.as_bytes()).map_err(|_| wrong())?;
    let key = SigningKey::from_secret(&SecretBytes::new(bytes)).ok_or_else(wrong)?;
    signed.verify(&key).map_err(|_| wrong())?;
    Ok(key)
}

fn caller(sender: &Sender, signed: &SignedRequest<'_>, request: &Received<'_>) -> Result<Caller, Refused> {
    let at = |text: &Option<String>| text.as_deref().map(time).transpose();
    if sender.access_key_id != signed.access_key_id() {
        return Err(Refused::Malformed("it is about another key"));
    }
    Ok(Caller {
        arn: sender.arn.clone(),
        account: sender.account.clone(),
        user_id: sender.user_id.clone(),
        kind: sender.kind.clone(),
        principal: sender.principal.clone(),
        access_key_id: sender.access_key_id.clone(),
        session_name: sender.session_name.clone(),
        mfa_at: at(&sender.mfa_at)?,
        expires: at(&sender.expires)?,
        region: signed.scope().region.clone(),
        body: signed.coverage().clone(),
        signed_headers: signed.signed_headers().map(str::to_owned).collect(),
        identity: identity(signed, false),
        evidence: Arc::new(told(request)),
    })
}

/// The key that a request claims to be signed with, and its token; with the scope of the signature, which keys have one of.
fn identity(signed: &SignedRequest<'_>, scope: bool) -> [u8; 32] {
    let token = sha256(signed.session_token().unwrap_or_default().as_bytes());
    let scope = if scope { signed.scope().to_string() } else { String::new() };
    sha256(&[signed.access_key_id().as_bytes(), b"\n", &token, scope.as_bytes()].concat())
}

/// A request as the broker is told of it: of the body no more than its SHA-256, of the headers those that are text.
fn told(request: &Received<'_>) -> Value {
    let Received { parts, content } = request;
    let text = |(name, value): &(&str, &[u8])| Some((name.to_string(), std::str::from_utf8(value).ok()?.to_owned()));
    let headers: Vec<(String, String)> = parts.headers.iter().filter_map(text).collect();
    let mut told = json!({ "method": parts.method, "path": parts.path, "query": parts.query, "headers": headers });
    let hash = match content {
        Content::Whole(body) => Some(sha256(body)),
        Content::Hashed(hash) => Some(*hash),
        Content::Unread => None,
    };
    if let Some(hash) = hash {
        told["body_sha256"] = json!(HEXLOWER.encode(&hash));
    }
    told
}
