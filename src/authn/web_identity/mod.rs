//! Callers whom an OpenID Connect provider of an account vouches for: the scheme behind `AssumeRoleWithWebIdentity`.
//!
//! Anybody may send a token, so nothing is believed before a signature is checked, and little is done: the issuer that a token names
//! must be a provider of the account in question before a key is looked for; keys are fetched as `issuers` and `fetch` say;
//! the claims must fit the provider. What comes out of it, a [`WebIdentity`], only this module makes.
//!
//! Source: OpenID Connect Core 1.0 section 3.1.3.7; RFC 8725; "OIDC federation" in the IAM user guide.

mod claimed_keys;
mod fetch;
mod fetch_error;
mod issuers;
mod reach;
mod refusal;
mod resolver;
mod session_tags;
mod terms;
mod tls;
mod token;

use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::decision::Federation;
use crate::identity::OidcProvider;
use crate::policy::{Context, Value};
use crate::session::{Keeper, WebIdentityClaims};
use crate::store::{Reader, Store, layout};
use crate::types::{AccountId, OidcIssuer, Realm, SourceIdentity, Tag};
use crate::wire::strict_json;

pub use fetch::UnusableFile;
pub use issuers::Issuers;
pub use refusal::{Refusal, RefusalKind, Refused, Vouched};

use token::{Claims, Unverified};

/// Somebody whom a provider of an account vouches for, with what its token says. Only this module makes one.
#[derive(Clone, Debug)]
pub struct WebIdentity {
    who: Vouched,
    federation: Federation,
    carried: WebIdentityClaims,
    given: session_tags::Given,
}

impl WebIdentity {
    /// Provider, subject and audience.
    pub fn who(&self) -> &Vouched {
        &self.who
    }

    /// Whom decisions about it are about.
    pub fn federation(&self) -> &Federation {
        &self.federation
    }

    /// What its session will say of it.
    pub fn carried(&self) -> &WebIdentityClaims {
        &self.carried
    }

    /// The session tags that the token gives.
    pub fn tags(&self) -> &[Tag] {
        &self.given.tags
    }

    /// The keys of those that pass on to the next role.
    pub fn transitive_tag_keys(&self) -> &[String] {
        &self.given.transitive
    }

    /// The source identity that the token gives.
    pub fn source_identity(&self) -> Option<&SourceIdentity> {
        self.given.source_identity.as_ref()
    }
}

/// Verifies the tokens of web identities.
pub struct WebIdentities {
    store: Arc<dyn Store>,
    realm: Realm,
    ring: Arc<Keeper>,
    issuers: Issuers,
}

impl WebIdentities {
    /// Of these issuers. `ring` says which tokens are the broker's own.
    pub fn new(store: Arc<dyn Store>, realm: Realm, ring: Arc<Keeper>, issuers: Issuers) -> Self {
        Self { store, realm, ring, issuers }
    }

    /// Whom a token is about, if a provider of `account` vouches for it.
    ///
    /// # Errors
    /// [`Refused`] names the check that failed.
    pub async fn verify(&self, token: &str, account: AccountId, now: Timestamp) -> Result<WebIdentity, Refused> {
        let token = Unverified::read(token)?;
        let provider = self.provider(token.issuer()?, account).await?;
        let (issuer, thumbprints) = (&provider.issuer, &provider.thumbprints);
        let keys = self.issuers.keys(account, issuer, thumbprints, token.kid(), now).await.map_err(Refusal::Fetch)?;
        let claims = token.verify(&keys)?;
        self.accept(&claims, &provider, account, now).map_err(|cause| {
            let text = |claim: &str| claims.get(claim).and_then(|value| value.as_str()).map(shown).unwrap_or_default();
            let arn = provider.arn(&self.realm, account);
            let vouched = Vouched { provider: arn, subject: text("sub"), audience: text("aud") };
            Refused { cause, vouched: Some(Box::new(vouched)) }
        })
    }

    /// The provider whose tokens have exactly this issuer.
    async fn provider(&self, claimed: &str, account: AccountId) -> Result<OidcProvider, Refused> {
        let ring = self.ring.ring();
        if claimed.strip_prefix(ring.issuer()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(Refusal::OwnToken.into());
        }
        let none = || Refused::from(Refusal::NoProvider(shown(claimed)));
        let issuer = OidcIssuer::from_url(claimed).map_err(|_| none())?;
        // Read each time: a provider that was deleted a moment ago vouches for nobody.
        let mut reader = Reader::new(Arc::clone(&self.store));
        let found = reader.get::<OidcProvider>(&layout::oidc_provider(account, &issuer)).await?;
        found.filter(|provider| provider.issuer == issuer).ok_or_else(none)
    }

    fn accept(
        &self,
        claims: &Claims,
        provider: &OidcProvider,
        account: AccountId,
        now: Timestamp,
    ) -> Result<WebIdentity, Refusal> {
        let issuer = provider.issuer.as_str();
        let Fitting { subject, audience, given, keys } = fitting(claims, issuer, &provider.client_ids, now)?;
        let amr = keys
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(&format!("{issuer}:amr")))
            .map(|(_, value)| texts(value));
        let mut context = Context::new();
        for (key, value) in keys {
            context.set(&key, value);
        }
        let arn = provider.arn(&self.realm, account);
        Ok(WebIdentity {
            carried: WebIdentityClaims {
                aud: texts(&audience.key),
                sub: subject.clone(),
                amr: amr.unwrap_or_default(),
            },
            federation: Federation::new(arn.clone(), issuer, context),
            who: Vouched { provider: arn, subject, audience: audience.client },
            given,
        })
    }
}

/// Claims that fit a provider.
struct Fitting {
    subject: String,
    audience: terms::Audience,
    given: session_tags::Given,
    keys: Vec<(String, Value)>,
}

fn fitting(claims: &Claims, issuer: &str, clients: &[String], now: Timestamp) -> Result<Fitting, Refusal> {
    terms::check_times(claims, now)?;
    let subject = terms::subject(claims)?.to_owned();
    let audience = terms::audience(claims, clients)?;
    let given = session_tags::of(claims)?;
    let keys = claimed_keys::of(issuer, claims, audience.key.clone(), audience.all.clone())?;
    Ok(Fitting { subject, audience, given, keys })
}

/// The condition keys that a token with these claims would have, in JSON, at a provider of `issuer` with `clients`. It says nothing of
/// who wrote them: for trying what a trust policy will see.
///
/// # Errors
/// The check that would fail.
pub fn condition_keys(
    claims: &[u8],
    issuer: &OidcIssuer,
    clients: &[String],
    now: Timestamp,
) -> Result<Vec<(String, Value)>, Refusal> {
    let claims = strict_json::object(claims, token::DEEPEST).map_err(Refusal::NotAToken)?;
    fitting(&claims, issuer.as_str(), clients, now).map(|fitting| fitting.keys)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(texts) => texts.clone(),
        other => vec![other.as_text().into_owned()],
    }
}

/// A text of the sender's, cut where nothing is lost by it.
fn shown(text: &str) -> String {
    text.chars().take(255).collect()
}

impl fmt::Debug for WebIdentities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebIdentities").field("issuers", &self.issuers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a token claims: it is refused, or all of it is said in keys of its issuer, none twice.
        #[test]
        fn claims_become_keys_of_their_issuer_or_nothing(
            more in r#"("(sub|AUD|azp|a|A|a/b|https://aws.amazon.com/tags)":("x"|7|true|null|\["y"\]|\{"b":\{"c":1\}\}),){0,3}"#,
        ) {
            let text = format!(r#"{{{more}"aud":"app","exp":2000000000,"sub":"ann"}}"#);
            let issuer: OidcIssuer = "idp.example/t".parse().expect("an issuer");
            if let Ok(keys) = condition_keys(text.as_bytes(), &issuer, &["app".to_owned()], Timestamp(1_800_000_000)) {
                let folded: std::collections::HashSet<String> = keys.iter().map(|(key, _)| key.to_ascii_lowercase()).collect();
                prop_assert_eq!(folded.len(), keys.len());
                prop_assert!(keys.iter().all(|(key, _)| key.starts_with("idp.example/t:")));
                prop_assert!(keys.iter().any(|(key, value)| key == "idp.example/t:sub" && *value == Value::from("ann")));
            }
        }
    }
}
