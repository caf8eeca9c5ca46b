//! The policies that a simulation is about: those that are given as text, and those of a user, group or role.
//!
//! Source: IAM API Reference, `SimulatePrincipalPolicy` (parameter `PolicySourceArn`), `Statement` (`SourcePolicyId`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::common::policy_name;
use super::holder::{PolicyHolder, find};
use crate::identity::{AwsPolicy, Group, ManagedPolicy, Permissions, Role, User};
use crate::ops::{Call, Demand, Error, Permission};
use crate::policy::simulate::Input;
use crate::policy::{Kind, Malformed};
use crate::store::{Tx, layout};
use crate::types::{Arn, GroupName, RoleName, Tag, UserName};

/// A user, group or role that is named by its ARN.
pub(super) struct PolicySource {
    arn: Arn,
    entity: Entity,
}

enum Entity {
    User(UserName),
    Group(GroupName),
    Role(RoleName),
}

/// A user, group or role with the policies that stand on it.
pub(super) struct Holder {
    /// `user`, `group` or `role`.
    pub(super) noun: &'static str,
    /// Its name, as it was first written.
    pub(super) name: String,
    /// Its unique id.
    id: String,
    /// Its policies.
    pub(super) permissions: Permissions,
}

/// An entity's policies.
#[derive(Default)]
pub(super) struct Policies {
    /// Its own and those that it inherits.
    pub(super) identity: Vec<Input>,
    /// Its boundary.
    pub(super) boundary: Option<Vec<Input>>,
    /// A user's unique id.
    pub(super) user_id: Option<String>,
    /// The managed policies that are there already.
    attached: BTreeSet<Arn>,
}

impl PolicySource {
    /// Reads an ARN.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let parsed = text.parse::<Arn>().ok().filter(|arn| arn.service() == "iam");
        let found = parsed.and_then(|arn| {
            let entity = if let Some(name) = arn.name_of_kind("user") {
                Entity::User(name.parse().ok()?)
            } else if let Some(name) = arn.name_of_kind("group") {
                Entity::Group(name.parse().ok()?)
            } else {
                Entity::Role(arn.name_of_kind("role")?.parse().ok()?)
            };
            Some(Self { arn, entity })
        });
        found.ok_or_else(|| {
            Error::InvalidInput(format!("Invalid Entity Arn: {text} does not clearly define entity type and name."))
        })
    }

    /// The ARN, if it is a user's.
    pub(super) fn user_arn(&self) -> Option<&Arn> {
        matches!(self.entity, Entity::User(_)).then_some(&self.arn)
    }

    /// The ARN, if it is a role's.
    pub(super) fn role_arn(&self) -> Option<&Arn> {
        matches!(self.entity, Entity::Role(_)).then_some(&self.arn)
    }

    /// The permission to look at its policies. Other accounts' entities cannot be looked at, whatever the permission.
    pub(super) async fn demand(&self, action: &str, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let tags = match &self.entity {
            Entity::User(name) => self.tags::<User>(name, call, tx).await?,
            Entity::Group(name) => self.tags::<Group>(name, call, tx).await?,
            Entity::Role(name) => self.tags::<Role>(name, call, tx).await?,
        };
        Ok(Permission::on(action, &self.arn, call.account()).with_resource_tags(&tags).into())
    }

    async fn tags<H: PolicyHolder>(&self, name: &H::Name, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Tag>, Error> {
        let found = tx.get::<H>(&H::key(call.account(), name)).await?;
        let found = found.filter(|holder| holder.arn(call.realm(), call.account()) == self.arn);
        Ok(found.map(|holder| holder.tags().to_vec()).unwrap_or_default())
    }

    /// The entity itself, and behind it, if it is a user, its groups.
    pub(super) async fn holders(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Holder>, Error> {
        if self.arn.account() != Some(call.account()) {
            let theirs = self.arn.account().map(|account| account.to_string()).unwrap_or_default();
            return Err(Error::InvalidInput(format!(
                "Invalid Policy Source Arn: caller's account {} does not have access to policies in account {theirs}",
                call.account()
            )));
        }
        Ok(match &self.entity {
            Entity::User(name) => {
                let user: User = self.entity(name, call, tx).await?;
                let mut holders = vec![Holder::of(&user, user.id.to_string())];
                for name in &user.groups {
                    // A group that was deleted between two reads gives nothing.
                    if let Some(group) = tx.get::<Group>(&layout::group(call.account(), name)).await? {
                        holders.push(Holder::of(&group, group.id.to_string()));
                    }
                }
                holders
            }
            Entity::Group(name) => {
                let group: Group = self.entity(name, call, tx).await?;
                vec![Holder::of(&group, group.id.to_string())]
            }
            Entity::Role(name) => {
                let role: Role = self.entity(name, call, tx).await?;
                vec![Holder::of(&role, role.id.to_string())]
            }
        })
    }

    /// Its policies, inherited ones included.
    pub(super) async fn policies(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Policies, Error> {
        let holders = self.holders(call, tx).await?;
        let mut policies = Policies::default();
        for holder in &holders {
            policies.add(holder, call, tx).await?;
        }
        if let Some(entity) = holders.into_iter().next() {
            policies.set_boundary(&entity.permissions, call, tx).await?;
            policies.user_id = Some(entity.id).filter(|_| matches!(self.entity, Entity::User(_)));
        }
        Ok(policies)
    }

    /// The entity. The path is part of the ARN, so one of the same name under another path is another entity.
    async fn entity<H: PolicyHolder>(&self, name: &H::Name, call: &Call<'_>, tx: &mut Tx) -> Result<H, Error> {
        let found = find::<H>(tx, call, name).await?;
        if found.arn(call.realm(), call.account()) != self.arn {
            return Err(Error::no_such(H::NOUN, name));
        }
        Ok(found)
    }
}

impl Holder {
    fn of<H: PolicyHolder>(holder: &H, id: String) -> Self {
        Self { noun: H::NOUN, name: holder.name().to_string(), id, permissions: holder.permissions().clone() }
    }
}

impl Policies {
    async fn add(&mut self, holder: &Holder, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        for (name, document) in holder.permissions.inline.iter() {
            let id = format!("{}_{}_{name}", holder.noun, holder.name);
            self.identity.push(stored(id, document, Kind::Identity)?);
        }
        for arn in &holder.permissions.attached {
            // One that a user has and inherits is one policy.
            if self.attached.insert(arn.clone()) {
                self.identity.extend(managed(arn, Kind::Identity, call, tx).await?);
            }
        }
        Ok(())
    }

    /// A boundary whose policy is gone still bounds: it allows nothing.
    async fn set_boundary(&mut self, permissions: &Permissions, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        if let Some(arn) = &permissions.boundary {
            self.boundary = Some(managed(arn, Kind::Boundary, call, tx).await?.into_iter().collect());
        }
        Ok(())
    }
}

async fn managed(arn: &Arn, kind: Kind, call: &Call<'_>, tx: &mut Tx) -> Result<Option<Input>, Error> {
    let found = managed_document(arn, call, tx).await?;
    found.map(|(name, document)| stored(name, &document, kind)).transpose()
}

/// Name and document of a managed policy of AWS or of the account.
pub(super) async fn managed_document(
    arn: &Arn,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Option<(String, Cow<'static, str>)>, Error> {
    if AwsPolicy::owns(arn) {
        let unknown = || Error::PolicyEvaluation(format!("The policy {arn} is not known to this broker."));
        let policy = AwsPolicy::named_by(arn).ok_or_else(unknown)?;
        return Ok(Some((policy.name.to_owned(), policy.document(&call.realm().partition))));
    }
    let Some(name) = policy_name(call, arn) else { return Ok(None) };
    let found = tx.get::<ManagedPolicy>(&layout::policy(call.account(), &name)).await?;
    let document = found.as_ref().and_then(|policy| Some((policy.name.to_string(), policy.default_document()?)));
    Ok(document.map(|(name, document)| (name, Cow::Owned(document.to_owned()))))
}

/// Documents are held to the grammar when they are written, so one that does not parse was damaged.
fn stored(id: String, document: &str, kind: Kind) -> Result<Input, Error> {
    Input::read(id.clone(), document, kind)
        .map_err(|malformed| Error::PolicyEvaluation(format!("The policy {id} could not be evaluated. {malformed}")))
}

/// Policies that the request carries.
pub(super) fn given(texts: &[String], list: &str, kind: Kind) -> Result<Vec<Input>, Error> {
    let numbered = (1..).zip(texts).map(|(number, text)| (format!("{list}.{number}"), text));
    numbered.map(|(id, text)| Input::read(id.clone(), text, kind).map_err(|why| malformed(&id, &why))).collect()
}

/// IAM's sentence, and which of the policies it is about, and where.
pub(super) fn malformed(id: &str, why: &Malformed) -> Error {
    Error::InvalidInput(format!("{why} ({id}: {})", why.detail()))
}
