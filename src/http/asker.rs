//! Who asks: services sign in to the doors for questions with SigV4, with a web identity token that is meant for the broker, or with
//! a client certificate.

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;

use super::check::PROXY_AUTHORIZATION;
use super::request::{Incoming, count};
use super::router::Doors;
use super::sender::bearer_of;
use super::visitor::Visitor;
use crate::authn::{self, Caller, ClientCertificate};
use crate::clock::Timestamp;
use crate::decision::RequestFacts;
use crate::ops::questions::SERVICE;
use crate::ops::{Broker, Knowledge};
use crate::session::SessionError;

impl Incoming {
    /// Who asks, and the facts of their request. A client certificate counts where nothing else says who it is.
    pub(super) async fn asker(&self, doors: &Doors) -> Result<(Caller, RequestFacts), authn::Error> {
        if let Some(certificate) = self.certificate() {
            return self.certified(doors, certificate).await;
        }
        let facts = self.facts(doors);
        let authorization = self.parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let caller = match authorization.and_then(bearer_of) {
            Some(token) => self.bearer(doors, token, &facts).await?,
            None => self.authenticate(doors, &[SERVICE], &facts).await?,
        };
        in_region(caller, facts)
    }

    /// Which proxy asks that sends its client's headers along: by its certificate, or by a token in a header of its own, which a
    /// client cannot put before the certificate.
    pub(super) async fn proxy(&self, doors: &Doors) -> Result<(Caller, RequestFacts), authn::Error> {
        match self.visitor.as_ref().and_then(Visitor::certificate) {
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
        let found = || broker.certificates.authenticate(certificate, &broker.authorizer, facts.now);
        // A connection has one certificate all the time.
        let caller = self.again_or(broker, facts.now, |last| last.certificate().is_some(), found).await?;
        in_region(caller, facts)
    }

    async fn token_in(&self, doors: &Doors, header: &str) -> Result<(Caller, RequestFacts), authn::Error> {
        let facts = self.facts(doors);
        let mut all = self.parts.headers.get_all(header).iter();
        let token = match (all.next(), all.next()) {
            (Some(one), None) => bearer_of(one.as_bytes()),
            _ => None,
        };
        let Some(token) = token else {
            count(&authn::Error::Anonymous);
            return Err(authn::Error::Anonymous);
        };
        in_region(self.bearer(doors, token, &facts).await?, facts)
    }

    async fn bearer(&self, doors: &Doors, token: &[u8], facts: &RequestFacts) -> Result<Caller, authn::Error> {
        let broker = &doors.broker;
        let found = async || {
            // Tokens are long: whether they are text is asked of all bytes together.
            let token = std::str::from_utf8(token).map_err(|_| authn::Error::Token(SessionError::Malformed))?;
            let (audience, region) = (&doors.public_url, &broker.realm.region);
            broker.authenticator.bearers().sign_in(token, audience, region, facts.now).await
        };
        self.again_or(broker, facts.now, |last| last.came_with(token), found).await
    }

    /// Whoever came last over this connection, with the same as now, or else whom `found` finds.
    async fn again_or(
        &self,
        broker: &Broker,
        now: Timestamp,
        with_the_same: impl FnOnce(&Caller) -> bool,
        found: impl AsyncFnOnce() -> Result<Caller, authn::Error>,
    ) -> Result<Caller, authn::Error> {
        if let Some(caller) = self.visitor.as_ref().and_then(|visitor| visitor.again(broker, now, with_the_same)) {
            return Ok(caller);
        }
        // Before anything is looked up: what changes meanwhile ends it.
        let knowledge = Knowledge::now(broker);
        let caller = found().await.inspect_err(count)?;
        if let (Some(visitor), Some(knowledge)) = (&self.visitor, knowledge) {
            visitor.found(&caller, now, knowledge);
        }
        Ok(caller)
    }

    /// The client certificate, of a request that comes without other credentials: a wrong signature is not made good by it.
    fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        let certificate = self.visitor.as_ref().and_then(Visitor::certificate)?;
        let query = self.parts.uri.query().unwrap_or_default();
        let other = self.parts.headers.contains_key(AUTHORIZATION) || query.to_ascii_lowercase().contains("x-amz-");
        (!other).then_some(certificate)
    }
}

fn in_region(caller: Caller, mut facts: RequestFacts) -> Result<(Caller, RequestFacts), authn::Error> {
    facts.region = Some(Arc::clone(caller.region()));
    Ok((caller, facts))
}
