//! What a service tells of a request that it received, and what it asks about it.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use serde::Deserialize;
use serde_json::{Value as JsonValue, json};

use super::Refusal;
use crate::http::check::MOST_HEADERS;
use crate::ops::questions::{self, Answered, Asking, Properties, Question, Said, Shown};
use crate::policy::{Claims, Document, Kind, Policy, PolicySet};
use crate::sigv4::{Content, RequestParts};
use crate::types::{AccountId, Arn};
use crate::wire::strict_json;

/// Bytes of a resource's policy that is passed along: as many as S3 lets a bucket's have.
const LARGEST_POLICY: usize = 20 * 1_024;

/// A request as the service received it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    method: String,
    path: String,
    #[serde(default)]
    query: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_sha256: Option<String>,
}

/// What the service knows of the body.
pub(super) enum Body {
    Whole(Vec<u8>),
    Hashed([u8; 32]),
    Unread,
}

impl Body {
    pub(super) fn content(&self) -> Content<'_> {
        match self {
            Self::Whole(bytes) => Content::Whole(bytes),
            Self::Hashed(hash) => Content::Hashed(*hash),
            Self::Unread => Content::Unread,
        }
    }
}

impl Told {
    /// The headers, if no HTTP server could have taken one of them for several.
    pub(super) fn headers(&self) -> Result<Vec<(&str, &[u8])>, Refusal> {
        if self.headers.len() > MOST_HEADERS {
            return Err(Refusal::bad(format!("`request.headers` has more than {MOST_HEADERS} members")));
        }
        if self.headers.iter().any(|(_, value)| value.chars().any(|c| c.is_control() && c != '\t')) {
            return Err(Refusal::bad("a value in `request.headers` has characters that no header has"));
        }
        Ok(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect())
    }

    pub(super) fn parts<'a>(&'a self, headers: &'a [(&'a str, &'a [u8])]) -> RequestParts<'a> {
        RequestParts { method: &self.method, path: &self.path, query: &self.query, headers, body: b"" }
    }

    pub(super) fn body(&self) -> Result<Body, Refusal> {
        match (&self.body, &self.body_sha256) {
            (None, None) => Ok(Body::Unread),
            (Some(text), None) => {
                let bytes = BASE64.decode(text.as_bytes());
                Ok(Body::Whole(bytes.map_err(|_| Refusal::bad("`request.body` must be in base64"))?))
            }
            (None, Some(text)) => {
                let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
                let hash = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                let wrong = || Refusal::bad("`request.body_sha256` must be a SHA-256 in hexadecimal");
                Ok(Body::Hashed(hash.ok_or_else(wrong)?))
            }
            (Some(_), Some(_)) => Err(Refusal::bad("give `request.body` or `request.body_sha256`, not both")),
        }
    }
}

/// What the service asks: may the sender do that with this resource.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    action: String,
    resource: String,
    resource_account: Option<AccountId>,
    /// Where something stands twice in it nobody knows which of the two its author meant.
    #[serde(default, deserialize_with = "strict_json::member")]
    resource_policy: Option<JsonValue>,
    #[serde(default)]
    context: Claims,
    #[serde(default)]
    properties: Three,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Three {
    #[serde(default)]
    subject: Claims,
    #[serde(default)]
    resource: Claims,
    #[serde(default)]
    action: Claims,
}

/// The answer to a question.
pub(super) struct Decided {
    pub(super) answered: Answered,
    pub(super) action: String,
    pub(super) resource: Arn,
}

impl Asked {
    /// The answer.
    pub(super) async fn answer(self, asking: &Asking<'_>, shown: &Shown) -> Result<Decided, Refusal> {
        let (realm, account) = (&asking.broker.realm, asking.asker.account());
        let action = questions::action(&self.action, "")?.into_owned();
        let resource = questions::resource(realm, account, "", &self.resource)?;
        let owner = match (resource.account(), self.resource_account) {
            (Some(named), Some(said)) if named != said => {
                return Err(Refusal::bad("`resource_account` is another than that in `resource`"));
            }
            (Some(owner), _) => owner,
            // A resource that nobody owns would count as the sender's own.
            (None, said) => said.unwrap_or(account),
        };
        let policy = self.resource_policy.map(|document| policy(document, resource.as_str())).transpose()?;
        let mut said = Said::nothing();
        said.claims(&with_region(self.context, &shown.presented.scope.region))?;
        said.claimed_properties(Properties::Subject, &self.properties.subject)?;
        said.claimed_properties(Properties::Resource, &self.properties.resource)?;
        said.claimed_properties(Properties::Action, &self.properties.action)?;
        let told = || json!({ "type": "request", "action": action, "resource": resource.as_str() });
        let subject = asking.about_sender(shown, &action, told).await?;
        let question = Question { action: &action, resource: &resource, said: &said, policy: policy.as_ref() };
        let answered = asking.answer_about(&subject, &question, owner).await?;
        Ok(Decided { answered, action, resource })
    }
}

/// The region stands in the signature, so that nobody needs to say it.
fn with_region(Claims(mut context): Claims, region: &str) -> Claims {
    const KEY: &str = "aws:RequestedRegion";
    if !context.iter().any(|(name, _)| name.eq_ignore_ascii_case(KEY)) {
        context.push((KEY.to_owned(), JsonValue::from(region)));
    }
    Claims(context)
}

/// The resource's policy, as an object or as the text of one.
fn policy(document: JsonValue, resource: &str) -> Result<PolicySet, Refusal> {
    let text = match document {
        JsonValue::String(text) => text,
        other => other.to_string(),
    };
    if text.len() > LARGEST_POLICY {
        return Err(Refusal::bad(format!("`resource_policy` is larger than {LARGEST_POLICY} bytes")));
    }
    let parsed = Document::parse(&text, Kind::Resource);
    let parsed = parsed.map_err(|error| Refusal::bad(format!("`resource_policy` is no policy: {error}")))?;
    Ok(PolicySet::new(vec![std::sync::Arc::new(Policy::compile(&parsed, Kind::Resource, resource))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two effects the last one counted, where the same policy as a text was refused.
    #[test]
    fn a_policy_says_everything_once_whether_it_is_an_object_or_a_text() {
        let read = |policy: &str| {
            let text =
                format!(r#"{{"action":"s3:GetObject","resource":"arn:aws:s3:::b/x","resource_policy":{policy}}}"#);
            serde_json::from_str::<Asked>(&text).map(|asked| asked.resource_policy.is_some())
        };
        let twice = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Effect":"Allow"}}"#;
        assert!(read(twice).is_err_and(|error| error.to_string().contains("`Effect` is given twice")));
        let text = JsonValue::from(twice);
        assert!(policy(text, "arn:aws:s3:::b/x").is_err());
        assert!(read(r#"{"Statement":[]}"#).is_ok_and(|there| there));
        assert!(read("null").is_ok_and(|there| !there));
    }
}
