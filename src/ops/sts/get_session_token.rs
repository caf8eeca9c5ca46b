//! `GetSessionToken`: temporary credentials of the caller itself, most often to prove a second factor once and work with it for
//! a while.

use serde::{Deserialize, Serialize};

use super::issue::{Credentials, issue, methods};
use crate::decision::{Identity, Permit};
use crate::ops::{Call, Demand, Error, Operation, SecondFactor};
use crate::session::{SessionDraft, SessionKind};
use crate::store::Tx;
use crate::wire::model::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSessionToken {
    duration_seconds: Option<i64>,
    serial_number: Option<String>,
    token_code: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Session {
    credentials: Credentials,
}

/// Seconds that a session lives when the caller does not say: twelve hours.
const DEFAULT_SECONDS: i64 = 43_200;
/// Seconds that the root user's sessions live at the most: one hour. AWS shortens longer ones without an error.
const ROOT_SECONDS: i64 = 3_600;

impl Operation for GetSessionToken {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetSessionToken";
    const READ_ONLY: bool = false;
    type Output = Session;

    fn second_factor(&self) -> Option<SecondFactor<'_>> {
        second_factor(self.serial_number.as_deref(), self.token_code.as_deref())
    }

    async fn demands(&self, _call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(vec![Demand::Authenticated])
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, _tx: &mut Tx) -> Result<Session, Error> {
        check_factor(self.serial_number.as_deref(), self.token_code.as_deref())?;
        let entity = call.broker.authorizer.principal(call.caller.subject()).await?;
        let name = own_name(call);
        let arn = call.caller.arn(call.realm(), &entity.arn);
        let mut draft = SessionDraft::new(
            SessionKind::SessionToken,
            arn.as_str(),
            call.account().to_string(),
            entity.unique_id.as_str(),
            name,
        );
        draft.amr = methods(call.facts.mfa_now.is_some());
        draft.auth_time = call.facts.mfa_now;
        draft.mfa_serial = call.facts.mfa_now.and(self.serial_number.clone());
        let seconds = seconds(self.duration_seconds, call);
        Ok(Session { credentials: issue(call, call.account(), draft, seconds, Self::NAME).await? })
    }
}

/// The name of the user who calls; nothing for the root user.
pub(super) fn own_name<'a>(call: &'a Call<'_>) -> &'a str {
    match call.caller.identity() {
        Identity::User(name) => name.as_str(),
        Identity::Root | Identity::Role(_) => "",
    }
}

/// For how many seconds a session is given that the caller's own key begins.
pub(super) fn seconds(asked: Option<i64>, call: &Call<'_>) -> i64 {
    let seconds = asked.unwrap_or(DEFAULT_SECONDS);
    if *call.caller.identity() == Identity::Root { seconds.min(ROOT_SECONDS) } else { seconds }
}

/// Serial number and code, if both came.
pub(super) fn second_factor<'a>(serial: Option<&'a str>, code: Option<&'a str>) -> Option<SecondFactor<'a>> {
    Some(SecondFactor { serial: serial?, code: code? })
}

/// One without the other is a mistake, not a session without a second factor.
pub(super) fn check_factor(serial: Option<&str>, code: Option<&str>) -> Result<(), Error> {
    match (serial, code) {
        (Some(_), None) => Err(Error::Forbidden(
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.".to_owned(),
        )),
        (None, Some(_)) => Err(Error::Forbidden(
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.".to_owned(),
        )),
        _ => Ok(()),
    }
}
