//! Tags: `TagUser`, `UntagUser`, `ListUserTags`, and the same for roles, managed policies, instance profiles, virtual MFA
//! devices, server certificates, OpenID Connect providers and SAML providers.
//!
//! Two keys that differ only in case are the same key.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::any_policy::{aws_policy, find_changeable};
use super::common::{distinct_tags, find_profile, page, page_of};
use super::holder::{self, PolicyHolder};
use super::managed_policy::policy_arn;
use super::server_certificate;
use super::shapes::tag_list;
use crate::authn::mfa;
use crate::crypto::hash::sha256;
use crate::decision::Permit;
use crate::identity::{
    InstanceProfile, ManagedPolicy, MfaDevice, OidcProvider, Role, SamlProvider, ServerCertificate, User,
};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Entity, Key, Tx, layout};
use crate::types::{
    Arn, EntityPath, InstanceProfileName, PageRequest, RoleName, ServerCertificateName, Tag, Tags, UserName,
};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<TagUser>().add::<UntagUser>().add::<ListUserTags>();
    registry.add::<TagRole>().add::<UntagRole>().add::<ListRoleTags>();
    registry.add::<TagPolicy>().add::<UntagPolicy>().add::<ListPolicyTags>();
    registry.add::<TagInstanceProfile>().add::<UntagInstanceProfile>().add::<ListInstanceProfileTags>();
    registry.add::<TagMFADevice>().add::<UntagMFADevice>().add::<ListMFADeviceTags>();
    registry.add::<TagServerCertificate>().add::<UntagServerCertificate>().add::<ListServerCertificateTags>();
    registry
        .add::<TagOpenIDConnectProvider>()
        .add::<UntagOpenIDConnectProvider>()
        .add::<ListOpenIDConnectProviderTags>();
    registry.add::<TagSAMLProvider>().add::<UntagSAMLProvider>().add::<ListSAMLProviderTags>();
}

/// An entity with tags.
pub(super) trait Tagged: Entity + Sync {
    /// What a request names it by.
    type Id: Send + Sync;

    /// Where it lies, and what it is.
    fn find(tx: &mut Tx, call: &Call<'_>, id: &Self::Id) -> impl Future<Output = Result<(Key, Self), Error>> + Send;
    /// Its ARN and tags, of one that can be looked at, whether or not it can be changed.
    fn look(tx: &mut Tx, call: &Call<'_>, id: &Self::Id) -> impl Future<Output = Result<(Arn, Tags), Error>> + Send {
        async move {
            let (_, entity) = Self::find(tx, call, id).await?;
            Ok((entity.arn(call), entity.tags().clone()))
        }
    }
    /// Its ARN.
    fn arn(&self, call: &Call<'_>) -> Arn;
    /// The ARN that a permission is checked on when there is no such entity.
    fn arn_of_missing(call: &Call<'_>, id: &Self::Id) -> Result<Arn, Error>;
    /// Its tags.
    fn tags(&self) -> &Tags;
    /// Its tags.
    fn tags_mut(&mut self) -> &mut Tags;
}

macro_rules! tagged_holder {
    ($holder:ident, $name:ident) => {
        impl Tagged for $holder {
            type Id = $name;

            async fn find(tx: &mut Tx, call: &Call<'_>, name: &$name) -> Result<(Key, Self), Error> {
                let found = holder::find::<$holder>(tx, call, name).await?;
                Ok((<$holder as PolicyHolder>::key(call.account(), name), found))
            }

            fn arn(&self, call: &Call<'_>) -> Arn {
                $holder::arn(self, call.realm(), call.account())
            }

            fn arn_of_missing(call: &Call<'_>, name: &$name) -> Result<Arn, Error> {
                Ok(<$holder as PolicyHolder>::arn_at_root(call.realm(), call.account(), name))
            }

            fn tags(&self) -> &Tags {
                &self.tags
            }

            fn tags_mut(&mut self) -> &mut Tags {
                &mut self.tags
            }
        }
    };
}

tagged_holder!(User, UserName);
tagged_holder!(Role, RoleName);

impl Tagged for ManagedPolicy {
    type Id = String;

    async fn find(tx: &mut Tx, call: &Call<'_>, arn: &String) -> Result<(Key, Self), Error> {
        let policy = find_changeable(tx, call, &policy_arn(arn)?).await?;
        Ok((layout::policy(call.account(), &policy.name), policy))
    }

    /// AWS's policies have no tags, and get none.
    async fn look(tx: &mut Tx, call: &Call<'_>, arn: &String) -> Result<(Arn, Tags), Error> {
        let parsed = policy_arn(arn)?;
        if aws_policy(call, &parsed).is_some() {
            return Ok((parsed, Tags::default()));
        }
        let (_, policy) = Self::find(tx, call, arn).await?;
        Ok((parsed, policy.tags))
    }

    fn arn(&self, call: &Call<'_>) -> Arn {
        ManagedPolicy::arn(self, call.realm(), call.account())
    }

    fn arn_of_missing(_call: &Call<'_>, arn: &String) -> Result<Arn, Error> {
        policy_arn(arn)
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Tagged for InstanceProfile {
    type Id = InstanceProfileName;

    async fn find(tx: &mut Tx, call: &Call<'_>, name: &InstanceProfileName) -> Result<(Key, Self), Error> {
        let profile = find_profile(tx, call, name).await?;
        Ok((layout::instance_profile(call.account(), name), profile))
    }

    fn arn(&self, call: &Call<'_>) -> Arn {
        InstanceProfile::arn(self, call.realm(), call.account())
    }

    fn arn_of_missing(call: &Call<'_>, name: &InstanceProfileName) -> Result<Arn, Error> {
        Ok(call.realm().instance_profile(call.account(), &EntityPath::default(), name.as_str()))
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Tagged for MfaDevice {
    type Id = String;

    async fn find(tx: &mut Tx, call: &Call<'_>, serial: &String) -> Result<(Key, Self), Error> {
        let missing = || Error::NoSuchEntity(format!("VirtualMFADevice with serial number {serial} doesn't exist."));
        let name = mfa::device_name(call.realm(), call.account(), serial).ok_or_else(missing)?;
        let key = layout::mfa_device(call.account(), &name);
        let found = tx.get::<MfaDevice>(&key).await?.filter(|device| device.serial.as_str() == serial);
        Ok((key, found.ok_or_else(missing)?))
    }

    fn arn(&self, _call: &Call<'_>) -> Arn {
        self.serial.clone()
    }

    fn arn_of_missing(call: &Call<'_>, serial: &String) -> Result<Arn, Error> {
        // The serial number of a hardware device is not an ARN.
        let at_root = || call.realm().virtual_mfa(call.account(), &EntityPath::default(), serial);
        Ok(serial.parse().unwrap_or_else(|_| at_root()))
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Tagged for ServerCertificate {
    type Id = ServerCertificateName;

    async fn find(tx: &mut Tx, call: &Call<'_>, name: &ServerCertificateName) -> Result<(Key, Self), Error> {
        let found = server_certificate::find(tx, call, name).await?;
        Ok((layout::server_certificate(call.account(), name), found))
    }

    fn arn(&self, call: &Call<'_>) -> Arn {
        ServerCertificate::arn(self, call.realm(), call.account())
    }

    fn arn_of_missing(call: &Call<'_>, name: &ServerCertificateName) -> Result<Arn, Error> {
        Ok(server_certificate::arn_at_root(call, name))
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagPage {
    tags: Vec<Tag>,
    is_truncated: bool,
    marker: Option<String>,
}

macro_rules! tags {
    ($entity:ty, $(#[$attribute:meta])? $field:ident: $id:ty, [$tag:ident, $untag:ident, $list:ident]) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $tag {
            $(#[$attribute])?
            $field: $id,
            tags: Vec<Tag>,
        }

        impl Operation for $tag {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($tag);
            const READ_ONLY: bool = false;
            type Output = ();

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                let permission =
                    permission::<$entity>(concat!("iam:", stringify!($tag)), &self.$field, call, tx).await?;
                Ok(permission.with_request_tags(&self.tags).into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
                let (key, mut entity) = <$entity as Tagged>::find(tx, call, &self.$field).await?;
                merge(entity.tags_mut(), distinct_tags(self.tags.clone())?)?;
                Ok(tx.put(&key, &entity)?)
            }
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $untag {
            $(#[$attribute])?
            $field: $id,
            tag_keys: Vec<String>,
        }

        impl Operation for $untag {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($untag);
            const READ_ONLY: bool = false;
            type Output = ();

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                let action = concat!("iam:", stringify!($untag));
                let permission = permission::<$entity>(action, &self.$field, call, tx).await?;
                Ok(permission.with("aws:TagKeys", self.tag_keys.clone()).into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
                let (key, mut entity) = <$entity as Tagged>::find(tx, call, &self.$field).await?;
                self.tag_keys.iter().for_each(|key| entity.tags_mut().remove(key));
                Ok(tx.put(&key, &entity)?)
            }
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $list {
            $(#[$attribute])?
            $field: $id,
            marker: Option<String>,
            max_items: Option<u32>,
        }

        impl Operation for $list {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($list);
            const READ_ONLY: bool = true;
            type Output = TagPage;

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                Ok(permission::<$entity>(concat!("iam:", stringify!($list)), &self.$field, call, tx).await?.into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<TagPage, Error> {
                let page = page(self.marker.as_deref(), self.max_items)?;
                let (_, tags) = <$entity as Tagged>::look(tx, call, &self.$field).await?;
                Ok(tag_page(&tags, &page))
            }
        }
    };
}

tags!(User, user_name: UserName, [TagUser, UntagUser, ListUserTags]);
tags!(Role, role_name: RoleName, [TagRole, UntagRole, ListRoleTags]);
tags!(ManagedPolicy, policy_arn: String, [TagPolicy, UntagPolicy, ListPolicyTags]);
tags!(
    InstanceProfile,
    instance_profile_name: InstanceProfileName,
    [TagInstanceProfile, UntagInstanceProfile, ListInstanceProfileTags]
);
tags!(MfaDevice, serial_number: String, [TagMFADevice, UntagMFADevice, ListMFADeviceTags]);
tags!(
    OidcProvider,
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    [TagOpenIDConnectProvider, UntagOpenIDConnectProvider, ListOpenIDConnectProviderTags]
);
tags!(
    SamlProvider,
    #[serde(rename = "SAMLProviderArn")]
    arn: String,
    [TagSAMLProvider, UntagSAMLProvider, ListSAMLProviderTags]
);
tags!(
    ServerCertificate,
    server_certificate_name: ServerCertificateName,
    [TagServerCertificate, UntagServerCertificate, ListServerCertificateTags]
);

/// A permission on an entity, with its tags as condition keys.
pub(super) async fn permission<T: Tagged>(
    action: &str,
    id: &T::Id,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Permission, Error> {
    match T::look(tx, call, id).await {
        Ok((arn, tags)) => Ok(Permission::on(action, &arn, call.account()).with_resource_tags(tags.as_slice())),
        Err(Error::NoSuchEntity(_)) => Ok(Permission::on(action, &T::arn_of_missing(call, id)?, call.account())),
        Err(error) => Err(error),
    }
}

/// Adds tags to those that are there; a tag whose key is there replaces it.
fn merge(tags: &mut Tags, added: Tags) -> Result<(), Error> {
    added.iter().for_each(|tag| tags.set(tag.clone()));
    if tags.len() > Tags::MOST {
        return Err(Error::quota("TagsPerEntity", Tags::MOST));
    }
    Ok(())
}

fn tag_page(tags: &Tags, page: &PageRequest) -> TagPage {
    let mut tags = tag_list(tags);
    tags.sort_by_key(order);
    let (tags, tail) = page_of(tags, page, order);
    TagPage { tags, is_truncated: tail.is_truncated, marker: tail.marker }
}

/// A text in whose order tags are listed, unlike for any two keys, and short enough for a marker: AWS's model allows markers of
/// 320 characters, and keys of 128 characters of four bytes.
fn order(tag: &Tag) -> String {
    const LONGEST: usize = 160;
    let folded = tag.key.to_ascii_lowercase();
    if folded.len() <= LONGEST {
        return folded;
    }
    let mut head = folded.clone();
    head.truncate(head.floor_char_boundary(LONGEST));
    head + &data_encoding::HEXLOWER.encode(&sha256(folded.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Marker;

    fn tag(key: &str) -> Tag {
        Tag { key: key.to_owned(), value: "v".to_owned() }
    }

    fn tags(keys: impl IntoIterator<Item = String>) -> Tags {
        Tags::distinct(keys.into_iter().map(|key| tag(&key)).collect()).expect("distinct")
    }

    #[test]
    fn the_limit_counts_what_is_there_after_merging() {
        let mut full = tags((0..50).map(|n| format!("k{n}")));
        assert!(merge(&mut full, tags(["K7".to_owned()])).is_ok());
        assert_eq!((full.len(), full.iter().filter(|tag| tag.key == "K7").count()), (50, 1));
        assert!(matches!(merge(&mut full, tags(["more".to_owned()])), Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn pages_of_the_longest_keys_follow_one_another_and_their_markers_fit_the_model() {
        let wide = "\u{10400}".repeat(127);
        let all = tags(["b".to_owned(), format!("{wide}x"), format!("{wide}y"), "A".to_owned()]);
        let mut seen = Vec::new();
        let mut marker = None;
        for _ in 0..4 {
            let page = tag_page(&all, &PageRequest { marker, max_items: 1 });
            seen.extend(page.tags.into_iter().map(|tag| tag.key));
            assert!(page.marker.as_ref().is_none_or(|marker| marker.len() <= 320));
            marker = page.marker.as_deref().and_then(Marker::decode);
        }
        assert!(marker.is_none());
        assert_eq!(seen[..2], ["A", "b"]);
        assert_eq!(all.len(), seen.iter().collect::<std::collections::HashSet<_>>().len());
    }
}
