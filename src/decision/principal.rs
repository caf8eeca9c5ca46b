//! A principal's policies, found and compiled: its own, those of its groups, its boundary.

use crate::identity::{Account, Group, ManagedPolicy, PasswordPolicy, Permissions, Role, User};
use crate::policy::{Document, Kind, Policy, PolicySet, Principal};
use crate::store::{Reader, StoreError, layout};
use crate::types::{AccountId, Arn, PolicyName, Realm, Tags};

use super::aws_policies::AwsPolicies;
use super::subject::{Identity, SessionFacts, Subject};
use crate::session::SessionKind;
use std::sync::Arc;

/// What a decision about a principal needs, made once and kept until a record that it was read from changes.
#[derive(Debug)]
pub struct CompiledPrincipal {
    /// The entity's ARN.
    pub arn: Arn,
    /// `AIDA…`, `AROA…`, or the account's id for its root user.
    pub unique_id: String,
    /// The name of a user, as it was first written.
    pub user_name: Option<String>,
    /// The entity's tags.
    pub tags: Tags,
    /// Inline and attached policies, inherited ones included.
    pub identity: PolicySet,
    /// The permissions boundary; an empty set allows nothing.
    pub boundary: Option<PolicySet>,
    /// The entity in the policy engine's terms, as whoever is not known by the name of a session.
    pub(super) principal: Principal,
}

impl CompiledPrincipal {
    /// Reads and compiles; `None` when there is no such entity.
    ///
    /// # Errors
    /// The store cannot be read, or holds a policy that is not one: then nothing is decided.
    pub(super) async fn load(
        reader: &mut Reader,
        realm: &Realm,
        aws: &AwsPolicies,
        account: AccountId,
        identity: &Identity,
    ) -> Result<Option<Self>, StoreError> {
        let from = &mut Sources { reader, aws, account };
        match identity {
            Identity::Root => Self::root(from, realm).await,
            Identity::User(name) => {
                let Some(user) = from.reader.get::<User>(&layout::user(account, name)).await? else { return Ok(None) };
                Self::user(from, realm, user).await.map(Some)
            }
            Identity::Role(name) => {
                let Some(role) = from.reader.get::<Role>(&layout::role(account, name)).await? else { return Ok(None) };
                let arn = role.arn(realm, account);
                let mut policies = Vec::new();
                from.collect(arn.as_str(), &role.permissions, &mut policies).await?;
                let unique_id = role.id.to_string();
                Ok(Some(Self {
                    principal: without_session(realm, account, identity, &arn, &unique_id),
                    unique_id,
                    user_name: None,
                    tags: role.tags,
                    identity: PolicySet::new(policies),
                    boundary: from.boundary(&role.permissions).await?,
                    arn,
                }))
            }
        }
    }

    /// How much memory its policies take, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.identity.bytes() + self.boundary.as_ref().map_or(0, PolicySet::bytes)
    }

    async fn root(from: &mut Sources<'_>, realm: &Realm) -> Result<Option<Self>, StoreError> {
        let found = from.reader.get::<Account>(&layout::account(from.account)).await?;
        Ok(found.map(|account| {
            let (arn, unique_id) = (realm.root(account.id), account.id.to_string());
            Self {
                principal: without_session(realm, account.id, &Identity::Root, &arn, &unique_id),
                arn,
                unique_id,
                user_name: None,
                tags: Tags::default(),
                identity: PolicySet::new(Vec::new()),
                boundary: None,
            }
        }))
    }

    async fn user(from: &mut Sources<'_>, realm: &Realm, user: User) -> Result<Self, StoreError> {
        let account = from.account;
        let arn = user.arn(realm, account);
        let mut policies = Vec::new();
        from.collect(arn.as_str(), &user.permissions, &mut policies).await?;
        for name in &user.groups {
            // A group that was deleted between two reads grants nothing; the load is repeated anyhow, see `Authorizer`.
            if let Some(group) = from.reader.get::<Group>(&layout::group(account, name)).await? {
                let group_arn = group.arn(realm, account);
                from.collect(group_arn.as_str(), &group.permissions, &mut policies).await?;
            }
        }
        let password_policy = from.reader.get::<PasswordPolicy>(&layout::password_policy(account)).await?;
        if password_policy.is_some_and(|policy| policy.users_may_change) {
            policies.push(compile(&own_password(&arn), Kind::Identity, "AllowUsersToChangePassword")?);
        }
        let unique_id = user.id.to_string();
        Ok(Self {
            user_name: Some(user.name.to_string()),
            boundary: from.boundary(&user.permissions).await?,
            identity: PolicySet::new(policies),
            principal: without_session(realm, account, &Identity::User(user.name), &arn, &unique_id),
            tags: user.tags,
            unique_id,
            arn,
        })
    }
}

fn without_session(realm: &Realm, account: AccountId, identity: &Identity, arn: &Arn, unique_id: &str) -> Principal {
    let subject = Subject { account, identity: identity.clone(), unique_id: None, session: None };
    subject.principal(realm, arn, unique_id)
}

/// The policies of a session, which bound it.
///
/// # Errors
/// As [`CompiledPrincipal::load`].
pub(super) async fn session_policies(
    reader: &mut Reader,
    aws: &AwsPolicies,
    account: AccountId,
    session: &SessionFacts,
) -> Result<PolicySet, StoreError> {
    let mut from = Sources { reader, aws, account };
    let mut policies = Vec::new();
    if let Some(document) = &session.policy {
        policies.push(compile(document, Kind::Session, "session-policy")?);
    }
    for arn in &session.policy_arns {
        // A policy that is gone allows nothing any more.
        policies.extend(from.managed(arn, Kind::Session).await?);
    }
    // The policy of a root session's task only denies, from everything that root may.
    if session.kind == SessionKind::AssumedRoot && !policies.is_empty() {
        policies.push(compile(EVERYTHING, Kind::Session, "root")?);
    }
    Ok(PolicySet::new(policies))
}

/// What the root user may.
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// What `AllowUsersToChangePassword` of the account's password policy gives a user: to change its own password, and to see what a
/// password is held to. It is a permission like any other: denials, boundaries and session policies stand above it.
///
/// Source: IAM API Reference, `PasswordPolicy`.
fn own_password(user: &Arn) -> String {
    // A path may contain what a pattern would take for a wildcard.
    let literal = user.as_str().replace('$', "${$}").replace('*', "${*}").replace('?', "${?}");
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Action": "iam:ChangePassword", "Resource": literal },
            { "Effect": "Allow", "Action": "iam:GetAccountPasswordPolicy", "Resource": "*" },
        ],
    })
    .to_string()
}

/// Where policies come from: the store, and what AWS has for every account.
struct Sources<'a> {
    reader: &'a mut Reader,
    aws: &'a AwsPolicies,
    account: AccountId,
}

impl Sources<'_> {
    async fn collect(
        &mut self,
        owner: &str,
        permissions: &Permissions,
        policies: &mut Vec<Arc<Policy>>,
    ) -> Result<(), StoreError> {
        for (name, document) in permissions.inline.iter() {
            policies.push(compile(document, Kind::Identity, &format!("{owner}/{name}"))?);
        }
        for arn in &permissions.attached {
            // What a user has and inherits from groups is one policy.
            if !policies.iter().any(|known| known.id() == arn.as_str()) {
                policies.extend(self.managed(arn, Kind::Identity).await?);
            }
        }
        Ok(())
    }

    async fn boundary(&mut self, permissions: &Permissions) -> Result<Option<PolicySet>, StoreError> {
        let Some(arn) = &permissions.boundary else { return Ok(None) };
        // A boundary whose policy is gone still bounds: it allows nothing.
        let policies = self.managed(arn, Kind::Boundary).await?.into_iter().collect();
        Ok(Some(PolicySet::new(policies)))
    }

    /// The managed policy of an ARN, one of AWS's or one of the account's.
    async fn managed(&mut self, arn: &Arn, kind: Kind) -> Result<Option<Arc<Policy>>, StoreError> {
        if let Some(policy) = self.aws.find(arn, kind)? {
            return Ok(Some(policy));
        }
        let own = arn.account() == Some(self.account);
        let name = arn.name_of_kind("policy").filter(|_| own).and_then(|name| name.parse::<PolicyName>().ok());
        let Some(name) = name else { return Ok(None) };
        let found = self.reader.get::<ManagedPolicy>(&layout::policy(self.account, &name)).await?;
        let document = found.as_ref().and_then(ManagedPolicy::default_document);
        document.map(|document| compile(document, kind, arn.as_str())).transpose()
    }
}

fn compile(document: &str, kind: Kind, id: &str) -> Result<Arc<Policy>, StoreError> {
    // Documents are held to the grammar when they are written, so one that does not parse was damaged: refuse to decide.
    let parsed = Document::parse(document, kind).map_err(|error| StoreError::corrupt(id, &error.to_string()))?;
    Ok(Arc::new(Policy::compile(&parsed, kind, id)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::{Context, Policies, Principal, PrincipalKind, Request, evaluate};
    use crate::types::EntityPath;

    fn allows(set: &PolicySet, user: &Arn, action: &str, resource: &str) -> bool {
        let principal = Principal {
            kind: PrincipalKind::User,
            account: "111122223333".to_owned(),
            arn: user.to_string(),
            issuer_arn: None,
            unique_id: "AIDAEXAMPLE".to_owned(),
        };
        let context = Context::new();
        let account = Some("111122223333");
        let request = Request { principal: &principal, action, resource, resource_account: account, context: &context };
        evaluate(&request, &Policies::of(set)).explain().is_allowed()
    }

    proptest! {
        /// Whatever a path is made of: it is taken literally, and never keeps a user's policies from being compiled.
        #[test]
        fn a_user_may_change_its_own_password_and_nobody_elses(
            inside in "[!-\x7f]{0,30}",
            other in "[!-\x7f]{0,30}",
            name in "[a-z+=,.@-]{1,8}",
            stranger in "[a-z+=,.@-]{1,8}",
        ) {
            let realm = Realm { partition: "aws".to_owned(), region: "us-east-1".to_owned() };
            let account: AccountId = "111122223333".parse().expect("an account");
            let path = |inside: &str| format!("/{inside}/").parse::<EntityPath>().unwrap_or_default();
            let user = realm.user(account, &path(&inside), &name);
            let compiled = compile(&own_password(&user), Kind::Identity, "AllowUsersToChangePassword");
            let set = PolicySet::new(vec![compiled.expect("a policy")]);
            prop_assert!(allows(&set, &user, "iam:ChangePassword", user.as_str()));
            prop_assert!(allows(&set, &user, "iam:GetAccountPasswordPolicy", "*"));
            prop_assert!(!allows(&set, &user, "iam:UpdateLoginProfile", user.as_str()));
            for elses in [realm.user(account, &path(&inside), &stranger), realm.user(account, &path(&other), &name)] {
                prop_assert_eq!(allows(&set, &user, "iam:ChangePassword", elses.as_str()), elses == user);
            }
        }
    }
}
