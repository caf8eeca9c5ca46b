//! Who sent a request that a proxy received: the bearer of a token, or whoever signed it.

use axum::http::header::AUTHORIZATION;
use serde_json::json;

use super::check::Verdict;
use super::routes::{Callers, Header, Original};
use crate::ops::questions::{Asking, Named, Received, Refusal, Unproven, Who};
use crate::sigv4::{Content, RequestParts};
use crate::types::SecretText;

/// The code for a token, or a signature, of nobody.
pub(super) const NOBODY: &str = "InvalidIdentityToken";
const NO_CREDENTIALS: &str = "MissingAuthenticationToken";
/// How a signature begins in the header, and its parameters in a query.
pub(super) const SIGV4: &str = "AWS4-HMAC-SHA256";
const IN_QUERY: &str = "X-Amz-";

/// What a request carries to prove who sent it.
pub(super) enum Proof<'a> {
    /// A web identity token, which must be for this audience.
    Token { token: &'a str, audience: &'a str },
    /// A signature, which must be for this service.
    Signature { service: &'a str },
}

/// Who sent it.
pub(super) struct Sender {
    /// As it was told who that is.
    pub(super) who: Who,
    pub(super) named: Named,
    /// The region that it was signed for, if it was signed.
    pub(super) region: Option<String>,
    /// Which headers the signature covers, if it was signed.
    pub(super) signed: Option<Vec<String>>,
}

impl<'a> Proof<'a> {
    /// What the request carries of what its route takes, or the verdict where it carries nothing of the kind.
    pub(super) fn of(callers: &'a Callers, original: &Original<'a>) -> Result<Self, Verdict> {
        let authorization = match original.headers.get(AUTHORIZATION.as_str()) {
            Header::None => None,
            Header::One(text) => Some(text),
            Header::Unclear => {
                return Err(Verdict::denied("`authorization` is there more than once, or is no text"));
            }
        };
        let query = original.target.split_once('?').map_or("", |(_, query)| query);
        let is_signed = match authorization {
            Some(text) => text.starts_with(SIGV4),
            None => query.split('&').any(|pair| pair.starts_with(IN_QUERY)),
        };
        if let Some(service) = callers.signed_for.as_deref().filter(|_| is_signed) {
            return Ok(Self::Signature { service });
        }
        match (callers.audience.as_deref(), authorization.and_then(bearer)) {
            (Some(audience), Some(token)) => Ok(Self::Token { token, audience }),
            (Some(_), None) => Err(Verdict::unauthenticated(
                NO_CREDENTIALS,
                "the request needs a web identity token in the header `authorization`, as a bearer's",
                "Bearer",
            )),
            (None, _) => Err(Verdict::unauthenticated(
                NO_CREDENTIALS,
                "the request must be signed with SigV4 for this service",
                SIGV4,
            )),
        }
    }

    /// How to come with better ones (RFC 6750 section 3).
    pub(super) fn challenge(&self) -> &'static str {
        match self {
            Self::Token { .. } => "Bearer error=\"invalid_token\"",
            Self::Signature { .. } => SIGV4,
        }
    }

    /// Who sent the request, if the proxy may ask that; the verdict where it proves nothing.
    ///
    /// # Errors
    /// It may not, or it cannot be found out.
    pub(super) async fn sender(
        &self,
        asking: &Asking<'_>,
        original: &Original<'_>,
        action: &str,
        resource: &str,
    ) -> Result<Result<Sender, Verdict>, Refusal> {
        let shown = || json!({ "action": action, "resource": resource });
        match *self {
            Self::Token { token, audience } => {
                let who = Who::Bearer { token: SecretText::new(token), audience: audience.to_owned() };
                let named = asking.about(&who, shown).await?;
                Ok(Ok(Sender { who, named, region: None, signed: None }))
            }
            Self::Signature { service } => {
                let headers = signed_headers(original);
                let (path, query) = original.target.split_once('?').unwrap_or((original.target, ""));
                let parts = RequestParts { method: original.method, path, query, headers: &headers, body: &[] };
                // A proxy asks before it has the body: whoever reads that holds it to the hash that the signature covers.
                let received = Received { service, parts, content: Content::Unread };
                let sent = match asking.presented(&received).await {
                    Ok(sent) => sent,
                    Err(Unproven::Asker(Refusal::Bad(message))) => {
                        return Ok(Err(Verdict::unauthenticated("IncompleteSignature", &message, SIGV4)));
                    }
                    Err(Unproven::Asker(refusal)) => return Err(refusal),
                    Err(unproven) => {
                        let code = unproven.code_at(service).map_or(NOBODY, |(code, _)| code);
                        return Ok(Err(Verdict::unauthenticated(code, &unproven.told(), SIGV4)));
                    }
                };
                let region = Some(sent.presented.scope.region.clone());
                let named = asking.about_sender(&sent, action, shown).await?;
                let who = sent.who();
                Ok(Ok(Sender { who, named, region, signed: Some(sent.presented.signed_headers) }))
            }
        }
    }
}

/// The headers as the client sent them: a proxy's own request to the broker goes to another host.
fn signed_headers<'a>(original: &Original<'a>) -> Vec<(&'a str, &'a [u8])> {
    let mut headers = original.headers.all();
    headers.retain(|(name, _)| *name != "host" && !name.starts_with(':'));
    headers.extend(original.host.map(|host| ("host", host.as_bytes())));
    headers
}

/// RFC 6750 section 2.1; the scheme's case does not count.
pub(super) fn bearer(text: &str) -> Option<&str> {
    std::str::from_utf8(bearer_of(text.as_bytes())?).ok()
}

/// As [`bearer`], of a header that has not been read as text.
pub(super) fn bearer_of(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("bearer".len())?;
    let token = token.strip_prefix(b" ")?.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer") && !token.is_empty()).then_some(token)
}
