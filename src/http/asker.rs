//! Who asks: services sign in to the doors for questions with SigV4, or with a web identity token that is meant for the broker.

use axum::http::header::AUTHORIZATION;

use super::request::Incoming;
use super::router::Doors;
use crate::authn::{self, Caller};
use crate::decision::RequestFacts;
use crate::ops::questions::SERVICE;
use crate::telemetry::names;

impl Incoming {
    /// Who asks, and the facts of their request.
    pub(super) async fn asker(&self, doors: &Doors) -> Result<(Caller, RequestFacts), authn::Error> {
        let mut facts = self.facts(doors);
        let caller = match self.bearer_token() {
            Some(token) => self.bearer(doors, token, &facts).await?,
            None => self.authenticate(doors, &[SERVICE], &facts).await?,
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
        if let Err(error) = &caller {
            metrics::counter!(names::AUTHENTICATION_FAILURES, "cause" => error.cause()).increment(1);
        }
        caller
    }
}
