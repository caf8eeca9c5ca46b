//! What IAM's operations have in common: finding entities, pages, documents.

use super::shapes::Tail;
use crate::decision::Identity;
use crate::identity::{Group, InstanceProfile, ManagedPolicy, Role, User, quota};
use crate::ops::{Call, Demand, Error, Permission};
use crate::policy::{AWS_PARTITIONS, Document, Kind, partition_fault};
use crate::store::{Entity, Key, Tx, layout};
use crate::types::{
    Arn, EntityPath, GroupName, InstanceProfileName, Marker, PageRequest, PolicyName, RoleName, Tag, Tags, UserName,
    folded_tag_key,
};

/// The user of a name in the caller's account.
pub(super) async fn find_user(tx: &mut Tx, call: &Call<'_>, name: &UserName) -> Result<User, Error> {
    let found = tx.get::<User>(&layout::user(call.account(), name)).await?;
    found.ok_or_else(|| Error::no_such("user", name))
}

/// The group of a name in the caller's account.
pub(super) async fn find_group(tx: &mut Tx, call: &Call<'_>, name: &GroupName) -> Result<Group, Error> {
    let found = tx.get::<Group>(&layout::group(call.account(), name)).await?;
    found.ok_or_else(|| Error::no_such("group", name))
}

/// The role of a name in the caller's account.
pub(super) async fn find_role(tx: &mut Tx, call: &Call<'_>, name: &RoleName) -> Result<Role, Error> {
    let found = tx.get::<Role>(&layout::role(call.account(), name)).await?;
    found.ok_or_else(|| Error::no_such("role", name))
}

/// The instance profile of a name in the caller's account.
pub(super) async fn find_profile(
    tx: &mut Tx,
    call: &Call<'_>,
    name: &InstanceProfileName,
) -> Result<InstanceProfile, Error> {
    let found = tx.get::<InstanceProfile>(&layout::instance_profile(call.account(), name)).await?;
    found.ok_or_else(|| Error::NoSuchEntity(format!("Instance Profile {name} cannot be found.")))
}

/// The customer managed policy of an ARN in the caller's account.
pub(super) async fn find_policy(tx: &mut Tx, call: &Call<'_>, arn: &Arn) -> Result<ManagedPolicy, Error> {
    let missing = || Error::NoSuchEntity(format!("Policy {arn} was not found."));
    let name = policy_name(call, arn).ok_or_else(missing)?;
    let found = tx.get::<ManagedPolicy>(&layout::policy(call.account(), &name)).await?;
    // The path is part of the ARN, so a policy of the same name under another path is another ARN.
    found.filter(|policy| policy.arn(call.realm(), call.account()) == *arn).ok_or_else(missing)
}

/// The name of a managed policy of the caller's account, from its ARN.
pub(super) fn policy_name(call: &Call<'_>, arn: &Arn) -> Option<PolicyName> {
    let ours = arn.service() == "iam" && arn.account() == Some(call.account());
    arn.name_of_kind("policy").filter(|_| ours)?.parse().ok()
}

/// The ARN that a permission on a user is checked on, and the user's tags. A user that does not exist has the ARN that it
/// would have at the root of the tree; that it does not exist is told only to those who may look.
pub(super) async fn user_resource(tx: &mut Tx, call: &Call<'_>, name: &UserName) -> Result<(Arn, Tags), Error> {
    let found = tx.get::<User>(&layout::user(call.account(), name)).await?;
    Ok(match found {
        Some(user) => (user.arn(call.realm(), call.account()), user.tags),
        None => (call.realm().user(call.account(), &EntityPath::default(), name.as_str()), Tags::default()),
    })
}

/// As [`user_resource`], for a group; groups have no tags.
pub(super) async fn group_resource(tx: &mut Tx, call: &Call<'_>, name: &GroupName) -> Result<(Arn, Tags), Error> {
    let found = tx.get::<Group>(&layout::group(call.account(), name)).await?;
    Ok(match found {
        Some(group) => (group.arn(call.realm(), call.account()), Tags::default()),
        None => (call.realm().group(call.account(), &EntityPath::default(), name.as_str()), Tags::default()),
    })
}

/// As [`user_resource`], for a role.
pub(super) async fn role_resource(tx: &mut Tx, call: &Call<'_>, name: &RoleName) -> Result<(Arn, Tags), Error> {
    let found = tx.get::<Role>(&layout::role(call.account(), name)).await?;
    Ok(match found {
        Some(role) => (role.arn(call.realm(), call.account()), role.tags),
        None => (call.realm().role(call.account(), &EntityPath::default(), name.as_str()), Tags::default()),
    })
}

/// As [`user_resource`], for an instance profile.
pub(super) async fn profile_resource(
    tx: &mut Tx,
    call: &Call<'_>,
    name: &InstanceProfileName,
) -> Result<(Arn, Tags), Error> {
    let found = tx.get::<InstanceProfile>(&layout::instance_profile(call.account(), name)).await?;
    Ok(match found {
        Some(profile) => (profile.arn(call.realm(), call.account()), profile.tags),
        None => (call.realm().instance_profile(call.account(), &EntityPath::default(), name.as_str()), Tags::default()),
    })
}

/// Without a user name an operation is about the caller.
pub(super) fn named<'a>(name: Option<&'a UserName>, call: &'a Call<'_>) -> Result<&'a UserName, Error> {
    match (name, call.caller.identity()) {
        (Some(name), _) | (None, Identity::User(name)) => Ok(name),
        (None, Identity::Root | Identity::Role(_)) => {
            Err(Error::Validation("Must specify userName when calling with non-User credentials".to_owned()))
        }
    }
}

/// A permission on a user, with the user's tags as condition keys.
pub(super) async fn on_user(action: &str, name: &UserName, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
    let (arn, tags) = user_resource(tx, call, name).await?;
    Ok(Permission::on(action, &arn, call.account()).with_resource_tags(tags.as_slice()).into())
}

/// What part of a list `Marker` and `MaxItems` ask for.
pub(super) fn page(marker: Option<&str>, max_items: Option<u32>) -> Result<PageRequest, Error> {
    let marker = match marker {
        Some(text) => Some(Marker::decode(text).ok_or_else(|| Error::Validation("Invalid Marker.".to_owned()))?),
        None => None,
    };
    let max_items = max_items.and_then(|n| usize::try_from(n).ok()).unwrap_or(PageRequest::DEFAULT_ITEMS);
    Ok(PageRequest { marker, max_items })
}

/// One page of the records below `parent`, in the order of their names, of those that `keep` wants.
///
/// A page reads a bounded number of records: where few are wanted it may come out short, and says that there is more.
pub(super) async fn list<T: Entity>(
    tx: &mut Tx,
    parent: &Key,
    page: &PageRequest,
    keep: impl Fn(&T) -> bool,
) -> Result<(Vec<T>, Tail), Error> {
    const READ_AT_MOST: usize = 4_000;
    let mut range = parent.children();
    if let Some(marker) = &page.marker {
        range = range.after(&parent.child(marker.name()));
    }
    let mut items: Vec<T> = Vec::new();
    let mut last_name: Option<String> = None;
    let mut read = 0;
    loop {
        let batch = tx.scan::<T>(&range, (page.max_items + 1).clamp(2, 1_001)).await?;
        let Some((last_key, _)) = batch.last() else { return Ok((items, Tail::default())) };
        range = range.after(last_key);
        for (key, item) in batch {
            let full = items.len() >= page.max_items;
            if full && keep(&item) || read >= READ_AT_MOST {
                let marker = last_name.map(|name| Marker::behind(&name).encode());
                return Ok((items, Tail { is_truncated: true, marker }));
            }
            read += 1;
            if !full {
                last_name = key.parts().and_then(|mut parts| parts.pop());
                if keep(&item) {
                    items.push(item);
                }
            }
        }
    }
}

/// All records below `parent`, in the order of their names: for lists that AWS does not page.
pub(super) async fn list_all<T: Entity>(tx: &mut Tx, parent: &Key) -> Result<Vec<T>, Error> {
    const AT_ONCE: usize = 1_000;
    let mut range = parent.children();
    let mut all = Vec::new();
    loop {
        let batch = tx.scan::<T>(&range, AT_ONCE).await?;
        let Some((last_key, _)) = batch.last() else { return Ok(all) };
        range = range.after(last_key);
        all.extend(batch.into_iter().map(|(_, item)| item));
    }
}

/// One page of a list that is in memory already, ordered by name.
pub(super) fn page_of<T>(all: Vec<T>, page: &PageRequest, name: impl Fn(&T) -> String) -> (Vec<T>, Tail) {
    let mut rest = all.into_iter().filter(|item| page.begins_before(&name(item)));
    let items: Vec<T> = rest.by_ref().take(page.max_items).collect();
    let is_truncated = rest.next().is_some();
    let marker = items.last().filter(|_| is_truncated).map(|item| Marker::behind(&name(item)).encode());
    (items, Tail { is_truncated, marker })
}

/// Whether a path is below a `PathPrefix`.
pub(super) fn below(path: &EntityPath, prefix: Option<&str>) -> bool {
    prefix.is_none_or(|prefix| path.as_str().starts_with(prefix))
}

/// Holds a policy document to the grammar and to a size, which AWS counts without white space.
pub(super) fn check_document(document: &str, kind: Kind, limit: usize, quota_name: &str) -> Result<Document, Error> {
    if quota::policy_size(document) > limit {
        return Err(Error::quota(quota_name, limit));
    }
    Document::parse(document, kind).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))
}

/// Holds a policy of permissions to the grammar, to a size, and to partitions that there are: AWS's, and this installation's own.
pub(super) fn check_permissions(
    document: &str,
    call: &Call<'_>,
    limit: usize,
    quota_name: &str,
) -> Result<Document, Error> {
    let parsed = check_document(document, Kind::Identity, limit, quota_name)?;
    let resources = parsed.statements().iter().flat_map(|statement| &statement.resources);
    for resource in resources.flat_map(|listed| &listed.values) {
        let Some(partition) = resource.split(':').nth(1) else { continue };
        if partition != call.realm().partition
            && !AWS_PARTITIONS.contains(&partition)
            && !partition.contains(['*', '?'])
        {
            return Err(Error::MalformedPolicyDocument(partition_fault(resource).to_string()));
        }
    }
    Ok(parsed)
}

/// Tags of a request: no key twice, no more than AWS allows.
pub(super) fn distinct_tags(tags: Vec<Tag>) -> Result<Tags, Error> {
    let tags = Tags::distinct(tags).ok_or_else(|| {
        Error::InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned())
    })?;
    if tags.len() > Tags::MOST {
        return Err(Error::quota("TagsPerEntity", Tags::MOST));
    }
    if tags.iter().any(|tag| folded_tag_key(&tag.key).starts_with("aws:")) {
        return Err(Error::InvalidInput("System tags may not be added to or removed from a resource.".to_owned()));
    }
    Ok(tags)
}
