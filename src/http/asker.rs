//! Who asks: services sign in to the doors for questions with SigV4, with a web identity token that is meant for the broker, or with
//! a client certificate.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;

use super::request::{Incoming, count};
use super::router::Doors;
use crate::authn::{self, Caller, ClientCertificate};
use crate::decision::RequestFacts;
use crate::ops::questions::SERVICE;

impl Incoming {
    /// Who asks, and the facts of their request. A client certificate counts where nothing else says who it is.
    pub(super) async fn asker(&self, doors: &Doors) -> Result<(Caller, RequestFacts), authn::Error> {
        let mut facts = self.facts(doors);
        let caller = match (self.bearer_token(), self.certificate()) {
            (Some(token), _) => self.bearer(doors, token, &facts).await?,
            (None, Some(certificate)) => {
                let broker = &doors.broker;
                let named = broker.certificates.authenticate(certificate, &broker.authorizer, facts.now).await;
                named.inspect_err(count)?
            }
            (None, None) => self.authenticate(doors, &[SERVICE], &facts).await?,
        };
        facts.region = Some(caller.region().to_owned());
        Ok((caller, facts))
    }

    /// RFC 6750 section 2.1; the scheme's case does not count.
    fn bearer_token(&self) -> Option<&str> {
        let value = self.parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    async fn bearer(&self, doors: &Doors, token: &str, facts: &RequestFacts) -> Result<Caller, authn::Error> {
        let (audience, region) = (&doors.public_url, &doors.broker.realm.region);
        let caller = doors.broker.authenticator.bearers().sign_in(token, audience, region, facts.now).await;
        caller.inspect_err(count)
    }

    /// The client certificate, of a request that comes without other credentials: a wrong signature is not made good by it.
    fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        let query = self.parts.uri.query().unwrap_or_default();
        let other = self.parts.headers.contains_key(AUTHORIZATION) || query.to_ascii_lowercase().contains("x-amz-");
        self.parts.extensions.get::<Arc<ClientCertificate>>().filter(|_| !other)
    }
}
