//! Who asks: services sign in to the doors for questions with SigV4, with a web identity token that is meant for the broker, or with
//! a client certificate.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;

use super::check::PROXY_AUTHORIZATION;
use super::request::{Incoming, count};
use super::router::Doors;
use super::sender::bearer;
use crate::authn::{self, Caller, ClientCertificate};
use crate::decision::RequestFacts;
use crate::ops::questions::SERVICE;

impl Incoming {
    /// Who asks, and the facts of their request. A client certificate counts where nothing else says who it is.
    pub(super) async fn asker(&self, doors: &Doors) -> Result<(Caller, RequestFacts), authn::Error> {
        if let Some(certificate) = self.certificate() {
            return self.certified(doors, certificate).await;
        }
        let facts = self.facts(doors);
        let caller = match self.bearer_token() {
            Some(token) => self.bearer(doors, token, &facts).await?,
            None => self.authenticate(doors, &[SERVICE], &facts).await?,
        };
        in_region(caller, facts)
    }

    /// Which proxy asks that sends its client's headers along: by its certificate, or by a token in a header of its own, which a
    /// client cannot put before the certificate.
    pub(super) async fn proxy(&self, doors: &Doors) -> Result<(Caller, RequestFacts), authn::Error> {
        match self.parts.extensions.get::<Arc<ClientCertificate>>() {
            Some(certificate) => self.certified(doors, certificate).await,
            None => self.token_in(doors, PROXY_AUTHORIZATION).await,
        }
    }

    /// Who asks by gRPC: with a token, or else a certificate. There are no signatures over its messages.
    pub(super) async fn token_or_certificate(&self, doors: &Doors) -> Result<(Caller, RequestFacts), authn::Error> {
        match self.certificate() {
            Some(certificate) => self.certified(doors, certificate).await,
            None => self.token_in(doors, AUTHORIZATION.as_str()).await,
        }
    }

    async fn certified(
        &self,
        doors: &Doors,
        certificate: &Arc<ClientCertificate>,
    ) -> Result<(Caller, RequestFacts), authn::Error> {
        let (facts, broker) = (self.facts(doors), &doors.broker);
        let caller = broker.certificates.authenticate(certificate, &broker.authorizer, facts.now).await;
        in_region(caller.inspect_err(count)?, facts)
    }

    async fn token_in(&self, doors: &Doors, header: &str) -> Result<(Caller, RequestFacts), authn::Error> {
        let facts = self.facts(doors);
        let mut all = self.parts.headers.get_all(header).iter();
        let token = match (all.next(), all.next()) {
            (Some(one), None) => one.to_str().ok().and_then(bearer),
            _ => None,
        };
        let Some(token) = token else {
            count(&authn::Error::Anonymous);
            return Err(authn::Error::Anonymous);
        };
        in_region(self.bearer(doors, token, &facts).await?, facts)
    }

    fn bearer_token(&self) -> Option<&str> {
        // Tokens are long: whether they are text is asked of all bytes together.
        let value = self.parts.headers.get(AUTHORIZATION)?.as_bytes();
        bearer(std::str::from_utf8(value).ok()?)
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

fn in_region(caller: Caller, mut facts: RequestFacts) -> Result<(Caller, RequestFacts), authn::Error> {
    facts.region = Some(caller.region().to_owned());
    Ok((caller, facts))
}
