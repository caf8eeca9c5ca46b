//! `AssumeRole`: credentials of a role, for whom the role's trust policy and the caller's own policies both let in.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::get_session_token::{check_factor, second_factor};
use super::issue::{Credentials, issue, methods};
use crate::decision::{Identity, Permit};
use crate::identity::{AwsPolicy, Role, quota};
use crate::ops::roles::KnownRole;
use crate::ops::{Call, Demand, Error, Operation, Permission, SecondFactor};
use crate::policy::{Document, Kind};
use crate::session::{Actor, SessionDraft, SessionKind};
use crate::store::Tx;
use crate::types::{AccountId, Arn, RoleName, RoleSessionName, SourceIdentity, Tag, Tags, folded_tag_key};
use crate::wire::model::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumeRole {
    role_arn: String,
    role_session_name: RoleSessionName,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    policy: Option<String>,
    duration_seconds: Option<i64>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    external_id: Option<String>,
    serial_number: Option<String>,
    token_code: Option<String>,
    source_identity: Option<SourceIdentity>,
    #[serde(default)]
    provided_contexts: Vec<ProvidedContext>,
}

#[derive(Deserialize)]
struct PolicyDescriptor {
    // The model does not require it; no policy has an empty one.
    #[serde(default)]
    arn: String,
}

#[derive(Deserialize)]
struct ProvidedContext {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Assumed {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: Option<u32>,
    source_identity: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

/// Seconds that a session lives when the caller does not say: one hour.
const DEFAULT_SECONDS: i64 = 3_600;
/// Seconds that a session lives at the most when a role is assumed from another role: one hour.
const CHAINED_SECONDS: i64 = 3_600;
/// Bytes of session policies, their ARNs and session tags that are called 100 percent.
const PACKED_BYTES: usize = 4_096;
/// Managed policies that one session may be bounded by.
const POLICY_ARNS: usize = 10;

impl Operation for AssumeRole {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRole";
    const READ_ONLY: bool = false;
    type Output = Assumed;

    fn second_factor(&self) -> Option<SecondFactor<'_>> {
        second_factor(self.serial_number.as_deref(), self.token_code.as_deref())
    }

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        check_factor(self.serial_number.as_deref(), self.token_code.as_deref())?;
        if *call.caller.identity() == Identity::Root {
            return Err(Error::Forbidden("Roles may not be assumed by root accounts.".to_owned()));
        }
        let (account, known) = self.find(call).await?;
        let known = known.as_deref();
        let mut demands = vec![self.permission("sts:AssumeRole", account, known).demand()];
        if !self.tags.is_empty() {
            demands.push(self.permission("sts:TagSession", account, known).demand());
        }
        if self.source_identity.is_some() {
            demands.push(self.permission("sts:SetSourceIdentity", account, known).demand());
        }
        Ok(demands)
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, _tx: &mut Tx) -> Result<Assumed, Error> {
        if !self.provided_contexts.is_empty() {
            return Err(Error::NotBuilt("sts:AssumeRole with ProvidedContexts".to_owned()));
        }
        let (account, known) = self.find(call).await?;
        // No trust policy has let the caller in if there is no role; one that vanished meanwhile is refused in the same words.
        let Some(known) = known else { return Err(self.not_authorized(call).await?) };
        let role = &known.role;
        let seconds = self.seconds(call, role)?;
        let arn = call.realm().assumed_role(account, role.name.as_str(), self.role_session_name.as_str());
        let mut draft = SessionDraft::new(
            SessionKind::AssumedRole,
            arn.as_str(),
            account.to_string(),
            role.id.as_str(),
            role.name.as_str(),
        );
        draft.session_name = Some(self.role_session_name.to_string());
        let before = call.caller.session();
        let proven = call.facts.mfa_now.or(before.and_then(|session| session.auth_time));
        draft.amr = methods(proven.is_some());
        draft.auth_time = proven;
        draft.mfa_serial = match call.facts.mfa_now {
            Some(_) => self.serial_number.clone(),
            None => before.and_then(|session| session.mfa_serial.clone()),
        };
        let caller = call.broker.authorizer.principal(call.caller.subject()).await?;
        let caller_arn = call.caller.arn(call.realm(), &caller.arn).to_string();
        draft.act = Some(actors(caller_arn, before.and_then(|session| session.act.as_ref())));
        draft.chain_depth =
            before.map_or(0, |session| session.chain_depth).saturating_add(u8::from(self.chained(call)));
        draft.login_exp = before.and_then(|session| session.login_exp);
        draft.source_identity = self.source_identity(call)?;
        (draft.tags, draft.transitive_tag_keys) = self.tags(call)?;
        draft.policy = self.session_policy()?;
        draft.policy_arns = self.policy_arns(account, call)?;
        let packed = packed_percent(&draft);
        if packed.is_some_and(|percent| percent > 100) {
            return Err(Error::PackedPolicyTooLarge(format!(
                "Packed policy consumes {}% of allotted space, please use smaller policy.",
                packed.unwrap_or_default()
            )));
        }
        let source_identity = draft.source_identity.clone();
        Ok(Assumed {
            credentials: issue(call, account, draft, seconds, Self::NAME)?,
            assumed_role_user: AssumedRoleUser {
                assumed_role_id: format!("{}:{}", role.id, self.role_session_name),
                arn: arn.to_string(),
            },
            packed_policy_size: packed,
            source_identity,
        })
    }
}

impl AssumeRole {
    /// The role, if it exists.
    async fn find(&self, call: &Call<'_>) -> Result<(AccountId, Option<Arc<KnownRole>>), Error> {
        let arn: Arn = self.role_arn.parse().map_err(|_| Error::Validation(format!("{} is invalid", self.role_arn)))?;
        let ours = arn.partition() == call.realm().partition && arn.service() == "iam";
        let name: Option<RoleName> = arn.name_of_kind("role").filter(|_| ours).and_then(|name| name.parse().ok());
        let (Some(account), Some(name)) = (arn.account(), name) else {
            return Err(Error::Validation(format!("{} is invalid", self.role_arn)));
        };
        let known = call.broker.roles.find(account, &name).await?;
        Ok((account, known.filter(|known| known.arn == arn)))
    }

    /// The sentence that a caller without permission reads too.
    async fn not_authorized(&self, call: &Call<'_>) -> Result<Error, Error> {
        let entity: Arc<_> = call.broker.authorizer.principal(call.caller.subject()).await?;
        let arn = call.caller.arn(call.realm(), &entity.arn);
        let role = &self.role_arn;
        Ok(Error::Forbidden(format!("User: {arn} is not authorized to perform: sts:AssumeRole on resource: {role}")))
    }

    /// A role that does not exist trusts nobody: the caller reads what is read about one that does.
    fn permission(&self, action: &str, account: AccountId, known: Option<&KnownRole>) -> Permission {
        let mut permission = Permission {
            action: action.to_owned(),
            resource: self.role_arn.clone(),
            account: Some(account),
            keys: Vec::new(),
            trust: Some(known.map_or_else(Arc::default, |known| Arc::clone(&known.trust))),
        };
        permission = permission
            .with("sts:RoleSessionName", self.role_session_name.as_str())
            .with_some("sts:ExternalId", self.external_id.as_deref())
            .with_some("sts:SourceIdentity", self.source_identity.as_ref().map(SourceIdentity::as_str))
            .with_resource_tags(known.map_or(&[], |known| known.role.tags.as_slice()))
            .with_request_tags(&self.tags);
        if !self.transitive_tag_keys.is_empty() {
            permission = permission.with("sts:TransitiveTagKeys", self.transitive_tag_keys.clone());
        }
        permission
    }

    fn chained(&self, call: &Call<'_>) -> bool {
        matches!(call.caller.identity(), Identity::Role(_))
    }

    fn seconds(&self, call: &Call<'_>, role: &Role) -> Result<i64, Error> {
        let longest = i64::from(role.max_session_duration);
        let seconds = self.duration_seconds.unwrap_or(DEFAULT_SECONDS);
        if self.chained(call) && seconds > CHAINED_SECONDS {
            return Err(Error::Validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
                    .to_owned(),
            ));
        }
        if seconds > longest {
            return Err(Error::Validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned(),
            ));
        }
        Ok(seconds)
    }

    /// Once set it stays along the whole chain.
    fn source_identity(&self, call: &Call<'_>) -> Result<Option<String>, Error> {
        let before = call.caller.session().and_then(|session| session.source_identity.clone());
        let asked = self.source_identity.as_ref().map(ToString::to_string);
        match (before, asked) {
            (Some(before), Some(asked)) if before != asked => {
                Err(Error::Forbidden("The source identity of a session cannot be changed.".to_owned()))
            }
            (before, asked) => Ok(before.or(asked)),
        }
    }

    /// The session's tags: those of the request, and the transitive ones of the session before.
    fn tags(&self, call: &Call<'_>) -> Result<(BTreeMap<String, String>, Vec<String>), Error> {
        let asked = Tags::distinct(self.tags.clone()).ok_or_else(|| {
            Error::Validation("Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned())
        })?;
        if asked.iter().any(|tag| folded_tag_key(&tag.key).starts_with("aws:")) {
            return Err(Error::Validation("Tag keys that begin with aws: are reserved.".to_owned()));
        }
        let mut transitive = Vec::new();
        for key in &self.transitive_tag_keys {
            let Some(tag) = asked.find(key) else {
                return Err(Error::Validation(format!("The transitive tag key {key} is not among the tags.")));
            };
            transitive.push(tag.key.clone());
        }
        let mut tags: BTreeMap<String, String> = asked.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        if let Some(session) = call.caller.session() {
            for key in &session.transitive_tag_keys {
                if asked.get(key).is_some() {
                    return Err(Error::Validation(format!(
                        "One of the specified transitive tag keys can't be set because it conflicts with a transitive \
                         tag key from the calling session: {key}"
                    )));
                }
                if let Some(value) = session.tags.get(key) {
                    tags.insert(key.clone(), value.clone());
                    transitive.push(key.clone());
                }
            }
        }
        if tags.len() > Tags::MOST {
            return Err(Error::Validation(format!("A session has at most {} tags.", Tags::MOST)));
        }
        Ok((tags, transitive))
    }

    fn session_policy(&self) -> Result<Option<String>, Error> {
        let Some(text) = &self.policy else { return Ok(None) };
        if quota::policy_size(text) > quota::SESSION_POLICY_SIZE {
            return Err(Error::PackedPolicyTooLarge(format!(
                "The session policy is larger than {} characters.",
                quota::SESSION_POLICY_SIZE
            )));
        }
        Document::parse(text, Kind::Session).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))?;
        // Written again without white space: a session token is carried with every request.
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))?;
        Ok(Some(value.to_string()))
    }

    fn policy_arns(&self, account: AccountId, call: &Call<'_>) -> Result<Vec<String>, Error> {
        if self.policy_arns.len() > POLICY_ARNS {
            return Err(Error::Validation(format!("A session is bounded by at most {POLICY_ARNS} managed policies.")));
        }
        for descriptor in &self.policy_arns {
            let arn = descriptor.arn.parse::<Arn>().ok();
            let usable = arn.is_some_and(|arn| {
                let own = arn.account() == Some(account) && arn.name_of_kind("policy").is_some();
                own || arn.partition() == call.realm().partition && AwsPolicy::named_by(&arn).is_some()
            });
            if !usable {
                return Err(Error::Validation(format!(
                    "{} is not a managed policy of the role's account or of AWS.",
                    descriptor.arn
                )));
            }
        }
        Ok(self.policy_arns.iter().map(|descriptor| descriptor.arn.clone()).collect())
    }
}

/// Who acts, and in whose name before: the latest of them and the first. A program may renew its session from itself for ever,
/// so what lies between is not kept.
fn actors(caller: String, before: Option<&Actor>) -> Actor {
    /// Actors in a token at the most.
    const KEPT: usize = 8;
    let mut chain: Vec<String> = vec![caller];
    chain.extend(before.into_iter().flat_map(Actor::chain).map(str::to_owned));
    if chain.len() > KEPT {
        chain.drain(KEPT - 1..chain.len() - 1);
    }
    let first = Actor::new(chain.pop().unwrap_or_default());
    chain.into_iter().rev().fold(first, |before, name| Actor::after(name, Some(before)))
}

/// How much of the space for session policies and tags is used; nothing where the session has neither.
fn packed_percent(draft: &SessionDraft) -> Option<u32> {
    let policies =
        draft.policy.as_ref().map_or(0, String::len) + draft.policy_arns.iter().map(String::len).sum::<usize>();
    let tags = draft.tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    let bytes = policies + tags;
    (bytes > 0).then(|| u32::try_from((bytes * 100).div_ceil(PACKED_BYTES)).unwrap_or(u32::MAX))
}
