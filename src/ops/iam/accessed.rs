//! What the reports of last access are about: a user, group, role or policy, its policies, and those who can use them.
//!
//! Source: IAM API Reference, `GenerateServiceLastAccessedDetails`. Only policies of permissions count, inherited ones included: no
//! boundaries, trust policies or policies of resources.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::any_policy::find_any;
use super::managed_policy::{on_policy, policy_arn};
use super::membership::Member;
use super::policy_source::{PolicySource, managed_document};
use super::policy_use::{Usage, UsedPolicy};
use super::service_access::{policies, read};
use crate::identity::{EntityUse, PolicyUse, Role, User};
use crate::ops::{Call, Demand, Error};
use crate::policy::Document;
use crate::store::{Key, Range, Tx, layout};
use crate::types::{Arn, EntityPath, GroupName, RoleName, UserName};

/// What a report is about, by its ARN.
pub(super) struct Subject {
    arn: Arn,
    kind: Kind,
}

enum Kind {
    User(UserName),
    Group(GroupName),
    Role(RoleName),
    Policy,
}

/// A user or role that can use the policies, and what it used.
pub(super) struct Reacher {
    pub(super) arn: Arn,
    pub(super) name: String,
    /// `USER` or `ROLE`.
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) path: EntityPath,
    pub(super) used: EntityUse,
}

/// Where the users and roles go, one by one.
pub(super) type Visitor<'a> = &'a mut (dyn FnMut(Reacher) + Send);

/// Records that are read together.
const BATCH: usize = 500;

impl Subject {
    /// Reads an ARN.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let found = text.parse::<Arn>().ok().filter(|arn| arn.service() == "iam").and_then(|arn| {
            let kind = if let Some(name) = arn.name_of_kind("user") {
                Kind::User(name.parse().ok()?)
            } else if let Some(name) = arn.name_of_kind("group") {
                Kind::Group(name.parse().ok()?)
            } else if let Some(name) = arn.name_of_kind("role") {
                Kind::Role(name.parse().ok()?)
            } else {
                arn.name_of_kind("policy").map(|_| Kind::Policy)?
            };
            Some(Self { arn, kind })
        });
        found.ok_or_else(|| Error::InvalidInput(format!("Invalid ARN: {text} names no user, group, role or policy.")))
    }

    /// The permission to ask about it.
    pub(super) async fn demand(&self, action: &str, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        match self.kind {
            Kind::Policy => on_policy(action, self.arn.as_str(), call, tx).await,
            _ => PolicySource::parse(self.arn.as_str())?.demand(action, call, tx).await,
        }
    }

    /// Its policies, those that it inherits included.
    ///
    /// # Errors
    /// As [`Subject::policies`].
    pub(super) async fn documents(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Document>, Error> {
        Ok(self.policies(call, tx).await?.into_iter().map(|(_, document)| document).collect())
    }

    /// Its policies by name, those that it inherits included.
    ///
    /// # Errors
    /// `NoSuchEntity`: there is nothing of this ARN in the account.
    pub(super) async fn policies(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<(String, Document)>, Error> {
        if let Kind::Policy = self.kind {
            let arn = policy_arn(self.arn.as_str())?;
            find_any(tx, call, &arn).await?;
            let found = managed_document(&arn, call, tx).await?;
            return found.map(|(name, document)| Ok((name.clone(), read(&name, &document)?))).into_iter().collect();
        }
        let holders = PolicySource::parse(self.arn.as_str())?.holders(call, tx).await?;
        let found = policies(&holders, call, tx).await?;
        Ok(found.into_iter().map(|(policy, document)| (policy.policy_name, document)).collect())
    }

    /// Everybody who can use its policies.
    pub(super) async fn visit(&self, call: &Call<'_>, visitor: Visitor<'_>) -> Result<(), Error> {
        let mut tx = Tx::new(Arc::clone(&call.broker.store));
        match &self.kind {
            Kind::User(name) => visit_user(name, call, &mut tx, visitor).await,
            Kind::Role(name) => visit_role(name, call, &mut tx, visitor).await,
            Kind::Group(name) => visit_members(name, call, visitor).await,
            Kind::Policy => self.visit_users_of_policy(call, visitor).await,
        }
    }

    /// Whoever has the policy by itself and through a group is one of them, once.
    async fn visit_users_of_policy(&self, call: &Call<'_>, visitor: Visitor<'_>) -> Result<(), Error> {
        let Some(policy) = UsedPolicy::of(call, &self.arn) else { return Ok(()) };
        let mut seen = HashSet::new();
        let mut once = |reacher: Reacher| {
            if seen.insert(reacher.id.clone()) {
                visitor(reacher);
            }
        };
        for kind in ["user", "role", "group"] {
            let mut range = policy.uses(call.account(), Usage::Attached.as_str(), kind).children();
            loop {
                let mut tx = Tx::new(Arc::clone(&call.broker.store));
                let batch = tx.scan::<PolicyUse>(&range, BATCH).await?;
                let Some((last, _)) = batch.last() else { break };
                range = range.after(last);
                for (_, used_by) in &batch {
                    let name = used_by.name.as_str();
                    match kind {
                        "user" => visit_named_user(name, call, &mut tx, &mut once).await?,
                        "role" => {
                            if let Ok(name) = name.parse() {
                                visit_role(&name, call, &mut tx, &mut once).await?;
                            }
                        }
                        _ => {
                            if let Ok(name) = name.parse() {
                                visit_members(&name, call, &mut once).await?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

async fn visit_members(group: &GroupName, call: &Call<'_>, visitor: Visitor<'_>) -> Result<(), Error> {
    let parent: Key = layout::members(call.account(), group);
    let mut range: Range = parent.children();
    loop {
        // A reader for each batch: one that has seen a large group remembers all of it.
        let mut tx = Tx::new(Arc::clone(&call.broker.store));
        let batch = tx.scan::<Member>(&range, BATCH).await?;
        let Some((last, _)) = batch.last() else { return Ok(()) };
        range = range.after(last);
        for (_, member) in &batch {
            visit_user(&member.user, call, &mut tx, visitor).await?;
        }
    }
}

async fn visit_named_user(name: &str, call: &Call<'_>, tx: &mut Tx, visitor: Visitor<'_>) -> Result<(), Error> {
    match name.parse() {
        Ok(name) => visit_user(&name, call, tx, visitor).await,
        Err(_) => Ok(()),
    }
}

/// One who was deleted a moment ago is left out.
async fn visit_user(name: &UserName, call: &Call<'_>, tx: &mut Tx, visitor: Visitor<'_>) -> Result<(), Error> {
    let account = call.account();
    let Some(user) = tx.get::<User>(&layout::user(account, name)).await? else { return Ok(()) };
    let used = call.broker.usage.of_entity(account, user.id.as_str(), tx).await?;
    visitor(Reacher {
        arn: user.arn(call.realm(), account),
        name: user.name.to_string(),
        kind: "USER",
        id: user.id.to_string(),
        path: user.path,
        used,
    });
    Ok(())
}

async fn visit_role(name: &RoleName, call: &Call<'_>, tx: &mut Tx, visitor: Visitor<'_>) -> Result<(), Error> {
    let account = call.account();
    let Some(role) = tx.get::<Role>(&layout::role(account, name)).await? else { return Ok(()) };
    let used = call.broker.usage.of_entity(account, role.id.as_str(), tx).await?;
    visitor(Reacher {
        arn: role.arn(call.realm(), account),
        name: role.name.to_string(),
        kind: "ROLE",
        id: role.id.to_string(),
        path: role.path,
        used,
    });
    Ok(())
}

/// The services that brevet itself answers for.
pub(super) const OWN_SERVICES: [&str; 3] = ["brevet", "iam", "sts"];

/// The services that documents open: those that they name, and of those that brevet knows by itself or has seen used, the ones
/// that a wildcard covers.
pub(super) fn opened(documents: &[Document], seen: &BTreeSet<String>) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = OWN_SERVICES.map(str::to_owned).into();
    known.extend(seen.iter().cloned());
    known.extend(documents.iter().flat_map(Document::named_services));
    known.retain(|namespace| documents.iter().any(|document| document.allows_some_of(namespace)));
    known
}

/// What AWS calls a service; the namespace for one that is not AWS's.
pub(super) fn service_name(namespace: &str) -> String {
    match namespace {
        "dynamodb" => "Amazon DynamoDB",
        "ec2" => "Amazon EC2",
        "iam" => "AWS Identity and Access Management",
        "kms" => "AWS Key Management Service",
        "lambda" => "AWS Lambda",
        "organizations" => "AWS Organizations",
        "s3" => "Amazon S3",
        "secretsmanager" => "AWS Secrets Manager",
        "sns" => "Amazon SNS",
        "sqs" => "Amazon SQS",
        "ssm" => "AWS Systems Manager",
        "sts" => "AWS Security Token Service",
        other => other,
    }
    .to_owned()
}
