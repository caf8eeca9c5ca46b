//! Gives a user or group another name: every record that carries the old one changes in the same transaction.
//!
//! Unique ids, memberships, keys, devices, policies and sessions stay. Policies that name the entity by its ARN do not follow, as in AWS.

use super::membership::Member;
use super::policy_use::UsedPolicy;
use crate::identity::{
    AccessKey, Group, KeyOwner, LoginProfile, Membership, MfaDevice, PolicyUse, RenamedUser, ServiceCredential,
    SigningCertificate, SshPublicKey, User,
};
use crate::ops::{Call, Error};
use crate::store::{Entity, Key, Tx, layout};
use crate::types::{Arn, GroupName, UserName};

pub(super) async fn user(tx: &mut Tx, call: &Call<'_>, mut user: User, name: UserName) -> Result<(), Error> {
    let account = call.account();
    let old = std::mem::replace(&mut user.name, name.clone());
    if old.folded() != name.folded() && tx.get::<User>(&layout::user(account, &name)).await?.is_some() {
        return Err(Error::exists("User", &name));
    }
    for id in &user.access_keys {
        let key = layout::access_key(id);
        if let Some(mut found) = tx.get::<AccessKey>(&key).await? {
            found.owner = KeyOwner::User(name.clone());
            tx.put(&key, &found)?;
        }
    }
    for serial in &user.mfa_devices {
        let Some(device) = crate::authn::mfa::device_name(call.realm(), account, serial) else { continue };
        let key = layout::mfa_device(account, &device);
        if let Some(mut found) = tx.get::<MfaDevice>(&key).await? {
            found.owner = Some(name.clone());
            tx.put(&key, &found)?;
        }
    }
    credentials(tx, call, &user).await?;
    for group in &user.groups {
        tx.delete(&layout::member(account, group, &old))?;
        tx.put(&layout::member(account, group, &name), &Member { user: name.clone() })?;
    }
    let uses = policies_of(&user.permissions.attached, user.permissions.boundary.as_ref());
    move_policy_uses(tx, call, uses, "user", (&old.folded(), &name.folded()), name.as_str()).await?;
    let profile = layout::login_profile(account, &old);
    move_record::<LoginProfile>(tx, &profile, &layout::login_profile(account, &name)).await?;
    tx.put(&layout::renamed_user(account, user.id.as_str()), &RenamedUser { name: name.clone() })?;
    tx.delete(&layout::user(account, &old))?;
    Ok(tx.put(&layout::user(account, &name), &user)?)
}

/// Certificates, SSH keys and service-specific credentials. The names by which services know the last stay: whoever takes the
/// old user name gets others.
async fn credentials(tx: &mut Tx, call: &Call<'_>, user: &User) -> Result<(), Error> {
    let account = call.account();
    for id in &user.credentials.signing_certificates {
        let key = layout::signing_certificate(account, id);
        if let Some(mut found) = tx.get::<SigningCertificate>(&key).await? {
            found.owner = KeyOwner::User(user.name.clone());
            tx.put(&key, &found)?;
        }
    }
    for id in &user.credentials.ssh_public_keys {
        let key = layout::ssh_public_key(account, id.as_str());
        if let Some(mut found) = tx.get::<SshPublicKey>(&key).await? {
            found.owner = user.name.clone();
            tx.put(&key, &found)?;
        }
    }
    for id in &user.credentials.service_specific {
        let key = layout::service_credential(account, id.as_str());
        if let Some(mut found) = tx.get::<ServiceCredential>(&key).await? {
            found.owner = user.name.clone();
            tx.put(&key, &found)?;
        }
    }
    Ok(())
}

pub(super) async fn group(tx: &mut Tx, call: &Call<'_>, mut group: Group, name: GroupName) -> Result<(), Error> {
    let account = call.account();
    let old = std::mem::replace(&mut group.name, name.clone());
    if old.folded() != name.folded() && tx.get::<Group>(&layout::group(account, &name)).await?.is_some() {
        return Err(Error::exists("Group", &name));
    }
    // Read before the members are: whoever joins or leaves meanwhile changes it, and this begins anew.
    tx.get::<Membership>(&layout::membership(account, &old)).await?;
    let mut range = layout::members(account, &old).children();
    loop {
        let members = tx.scan::<Member>(&range, 500).await?;
        let Some((last, _)) = members.last() else { break };
        range = range.after(last);
        for (key, member) in members {
            let user_key = layout::user(account, &member.user);
            if let Some(mut user) = tx.get::<User>(&user_key).await? {
                user.groups.iter_mut().filter(|of| of.folded() == old.folded()).for_each(|of| *of = name.clone());
                tx.put(&user_key, &user)?;
            }
            tx.delete(&key)?;
            tx.put(&layout::member(account, &name, &member.user), &member)?;
        }
    }
    let uses = policies_of(&group.permissions.attached, None);
    move_policy_uses(tx, call, uses, "group", (&old.folded(), &name.folded()), name.as_str()).await?;
    let membership = layout::membership(account, &old);
    move_record::<Membership>(tx, &membership, &layout::membership(account, &name)).await?;
    tx.delete(&layout::group(account, &old))?;
    Ok(tx.put(&layout::group(account, &name), &group)?)
}

/// The policies that an entity uses, each with how it uses it.
fn policies_of(attached: &[Arn], boundary: Option<&Arn>) -> Vec<(Arn, &'static str)> {
    let attached = attached.iter().map(|arn| (arn.clone(), "attached"));
    attached.chain(boundary.map(|arn| (arn.clone(), "boundary"))).collect()
}

async fn move_policy_uses(
    tx: &mut Tx,
    call: &Call<'_>,
    uses: Vec<(Arn, &'static str)>,
    kind: &str,
    (old, new): (&str, &str),
    name: &str,
) -> Result<(), Error> {
    for (arn, usage) in uses {
        let Some(policy) = UsedPolicy::of(call, &arn) else { continue };
        let all = policy.uses(call.account(), usage, kind);
        let from = all.child(old);
        if let Some(mut found) = tx.get::<PolicyUse>(&from).await? {
            found.name = name.to_owned();
            tx.delete(&from)?;
            tx.put(&all.child(new), &found)?;
        }
    }
    Ok(())
}

async fn move_record<T: Entity>(tx: &mut Tx, from: &Key, to: &Key) -> Result<(), Error> {
    if let Some(found) = tx.get::<T>(from).await? {
        tx.delete(from)?;
        tx.put(to, &found)?;
    }
    Ok(())
}
