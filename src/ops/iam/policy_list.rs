//! `ListPolicies`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::common::{below, page};
use super::managed_policy::Policy;
use super::shapes::Tail;
use crate::decision::Permit;
use crate::identity::{ManagedPolicy, PolicyUsage};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Key, Range, Tx, layout};
use crate::types::{Marker, PageRequest};
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

/// Whose policies are listed. There are no AWS managed policies in this broker.
#[derive(Deserialize, Default)]
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
            keys: Vec::new(),
            trust: None,
        }
        .into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<PolicyPage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let (policies, tail) = match self.scope {
            Scope::Aws => (Vec::new(), Tail::default()),
            Scope::All | Scope::Local => self.local(&page, call, tx).await?,
        };
        Ok(PolicyPage { policies, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

impl ListPolicies {
    /// As [`super::common::list`], but what is wanted depends on a second record: policies and their usage lie in the same order
    /// and are read side by side.
    async fn local(&self, page: &PageRequest, call: &Call<'_>, tx: &mut Tx) -> Result<(Vec<Policy>, Tail), Error> {
        const READ_AT_MOST: usize = 4_000;
        const BATCH: usize = 200;
        let (policies, usages) = (layout::all("policy", call.account()), layout::all("policy-usage", call.account()));
        let mut items = Vec::new();
        let mut read = 0;
        let mut last = page.marker.as_ref().map(|marker| marker.name().to_owned());
        loop {
            let batch = tx.scan::<ManagedPolicy>(&behind(&policies, last.as_deref()), BATCH).await?;
            if batch.is_empty() {
                return Ok((items, Tail::default()));
            }
            let beside = tx.scan::<PolicyUsage>(&behind(&usages, last.as_deref()), BATCH).await?;
            let mut beside: HashMap<Key, PolicyUsage> = beside.into_iter().collect();
            for (_, policy) in batch {
                let key = layout::policy_usage(call.account(), &policy.name);
                let usage = match beside.remove(&key) {
                    Some(usage) => usage,
                    // Between the two reads something was made or deleted.
                    None => tx.get::<PolicyUsage>(&key).await?.unwrap_or_default(),
                };
                let wanted = self.wants(&policy, &usage);
                if wanted && items.len() >= page.max_items || read >= READ_AT_MOST {
                    let marker = last.map(|name| Marker::behind(&name).encode());
                    return Ok((items, Tail { is_truncated: true, marker }));
                }
                read += 1;
                last = Some(policy.name.folded());
                if wanted {
                    items.push(Policy::listed(&policy, &usage, call));
                }
            }
        }
    }

    fn wants(&self, policy: &ManagedPolicy, usage: &PolicyUsage) -> bool {
        let used = match self.policy_usage_filter {
            Some(UsageFilter::PermissionsPolicy) => usage.attachments > 0,
            Some(UsageFilter::PermissionsBoundary) => usage.boundaries > 0,
            None => !self.only_attached || usage.attachments > 0,
        };
        used && below(&policy.path, self.path_prefix.as_deref())
    }
}

fn behind(parent: &Key, name: Option<&str>) -> Range {
    let all = parent.children();
    match name {
        Some(name) => all.after(&parent.child(name)),
        None => all,
    }
}
