//! `ListPolicies`: the account's own managed policies and AWS's, in one order.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::common::page;
use super::managed_policy::Policy;
use super::shapes::Tail;
use crate::decision::Permit;
use crate::identity::{AwsPolicy, ManagedPolicy, PolicyUsage};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::policy::Context;
use crate::store::{Key, Range, Tx, layout};
use crate::types::{Marker, PageRequest, PolicyName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<ListPolicies>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListPolicies {
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    only_attached: bool,
    path_prefix: Option<String>,
    policy_usage_filter: Option<UsageFilter>,
    marker: Option<String>,
    max_items: Option<u32>,
}

/// Whose policies are listed.
#[derive(Clone, Copy, Deserialize, Default, PartialEq, Eq)]
enum Scope {
    #[default]
    All,
    #[serde(rename = "AWS")]
    Aws,
    Local,
}

/// Which way of using a policy is asked about.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub(super) enum UsageFilter {
    PermissionsPolicy,
    PermissionsBoundary,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyPage {
    policies: Vec<Policy>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListPolicies {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListPolicies";
    const READ_ONLY: bool = true;
    type Output = PolicyPage;

    /// AWS defines no resource for this action.
    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission {
            action: "iam:ListPolicies".to_owned(),
            resource: "*".to_owned(),
            account: Some(call.account()),
            keys: Context::new(),
            trust: None,
        }
        .into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<PolicyPage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let (policies, tail) = self.merged(&page, call, tx).await?;
        Ok(PolicyPage { policies, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

impl ListPolicies {
    /// As [`super::common::list`], but what is wanted depends on a second record: policies and their usage lie in the same order
    /// and are read side by side. AWS's policies are put where their names belong.
    async fn merged(&self, page: &PageRequest, call: &Call<'_>, tx: &mut Tx) -> Result<(Vec<Policy>, Tail), Error> {
        const READ_AT_MOST: usize = 4_000;
        const BATCH: usize = 200;
        let (policies, usages) = (layout::all("policy", call.account()), layout::all("policy-usage", call.account()));
        let begin = page.marker.as_ref().map(Place::of);
        let mut theirs = self.of_aws(begin.as_ref(), call, tx).await?.into_iter().peekable();
        let mut last_read = begin.as_ref().map(|place| place.name.clone());
        let mut found = Found { policies: Vec::new(), last: begin, most: page.max_items };
        let mut read = 0;
        loop {
            let batch = match self.scope {
                Scope::Aws => Vec::new(),
                Scope::All | Scope::Local => {
                    tx.scan::<ManagedPolicy>(&behind(&policies, last_read.as_deref()), BATCH).await?
                }
            };
            if batch.is_empty() {
                break;
            }
            let beside = tx.scan::<PolicyUsage>(&behind(&usages, last_read.as_deref()), BATCH).await?;
            let mut beside: HashMap<Key, PolicyUsage> = beside.into_iter().collect();
            for (_, policy) in batch {
                let key = layout::policy_usage(call.account(), &policy.name);
                let usage = match beside.remove(&key) {
                    Some(usage) => usage,
                    // Between the two reads something was made or deleted.
                    None => tx.get::<PolicyUsage>(&key).await?.unwrap_or_default(),
                };
                let name = policy.name.folded();
                while let Some((place, policy)) = theirs.next_if(|(place, _)| place.name < name) {
                    if !found.put(place, policy) {
                        return Ok(found.cut_off());
                    }
                }
                let wanted = self.wants(policy.path.as_str(), &usage);
                if wanted && found.is_full() || read >= READ_AT_MOST {
                    return Ok(found.cut_off());
                }
                read += 1;
                last_read = Some(name.clone());
                let place = Place { name, aws: false };
                if wanted {
                    found.put(place, Policy::listed(&policy, &usage, call));
                } else {
                    found.last = Some(place);
                }
            }
        }
        for (place, policy) in theirs {
            if !found.put(place, policy) {
                return Ok(found.cut_off());
            }
        }
        Ok((found.policies, Tail::default()))
    }

    /// Those of AWS's policies that are wanted and lie behind a place, in order.
    async fn of_aws(&self, begin: Option<&Place>, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<(Place, Policy)>, Error> {
        /// More than AWS has policies of which an account can have used one.
        const ALL: usize = 4_000;
        if self.scope == Scope::Local {
            return Ok(Vec::new());
        }
        let usages = layout::all("aws-policy-usage", call.account()).children();
        let usages: HashMap<Key, PolicyUsage> = tx.scan::<PolicyUsage>(&usages, ALL).await?.into_iter().collect();
        let none = PolicyUsage::default();
        let mut found = Vec::new();
        for policy in AwsPolicy::all() {
            let place = Place { name: policy.folded_name(), aws: true };
            let name = policy.name.parse::<PolicyName>().map_err(|why| Error::Internal(why.to_string()))?;
            let usage = usages.get(&layout::aws_policy_usage(call.account(), &name)).unwrap_or(&none);
            if begin.is_none_or(|begin| *begin < place) && self.wants(policy.path, usage) {
                found.push((place, Policy::listed_of_aws(policy, usage, call)));
            }
        }
        Ok(found)
    }

    fn wants(&self, path: &str, usage: &PolicyUsage) -> bool {
        let used = match self.policy_usage_filter {
            Some(UsageFilter::PermissionsPolicy) => usage.attachments > 0,
            Some(UsageFilter::PermissionsBoundary) => usage.boundaries > 0,
            None => !self.only_attached || usage.attachments > 0,
        };
        used && self.path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix))
    }
}

/// Where a policy stands in the list: by its name, and the account's own before AWS's of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    name: String,
    aws: bool,
}

impl Place {
    fn of(marker: &Marker) -> Self {
        match marker.name().strip_prefix("aws/") {
            Some(name) => Self { name: name.to_owned(), aws: true },
            None => Self { name: marker.name().to_owned(), aws: false },
        }
    }

    /// A slash is in no name.
    fn marker(&self) -> String {
        Marker::behind(&format!("{}{}", if self.aws { "aws/" } else { "" }, self.name)).encode()
    }
}

/// A page that fills up.
struct Found {
    policies: Vec<Policy>,
    /// The last policy that was looked at.
    last: Option<Place>,
    most: usize,
}

impl Found {
    fn is_full(&self) -> bool {
        self.policies.len() >= self.most
    }

    /// Takes one more, if there is room.
    fn put(&mut self, place: Place, policy: Policy) -> bool {
        let room = !self.is_full();
        if room {
            self.policies.push(policy);
            self.last = Some(place);
        }
        room
    }

    fn cut_off(self) -> (Vec<Policy>, Tail) {
        (self.policies, Tail { is_truncated: true, marker: self.last.as_ref().map(Place::marker) })
    }
}

fn behind(parent: &Key, name: Option<&str>) -> Range {
    let all = parent.children();
    match name {
        Some(name) => all.after(&parent.child(name)),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_leads_back_to_its_place_in_the_order_of_the_list() {
        let place = |name: &str, aws| Place { name: name.to_owned(), aws };
        let list = [place("a", false), place("a", true), place("aws", false), place("aws", true), place("b", false)];
        assert!(list.is_sorted());
        for place in list {
            assert_eq!(Place::of(&Marker::decode(&place.marker()).expect("a marker")), place);
        }
    }
}
