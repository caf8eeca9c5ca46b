//! `GetResource` and `ListResources`.

use serde_json::{Value, json};

use super::stored::{self, find};
use super::write::{on_own, present};
use crate::decision::Permit;
use crate::identity::StoredResource;
use crate::ops::own::OwnOperation;
use crate::ops::{Call, Error, Permission};
use crate::store::{Tx, layout};
use crate::types::{Marker, PageRequest, ResourceArn};

/// Shows what is stored of a resource.
#[derive(Debug)]
pub struct GetResource {
    /// Which.
    pub arn: ResourceArn,
}

impl OwnOperation for GetResource {
    const NAME: &'static str = "GetResource";
    const READ_ONLY: bool = true;

    fn parameters(&self) -> Value {
        json!({ "arn": self.arn })
    }

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Permission>, Error> {
        let present = present(&self.arn, call, tx).await?;
        Ok(vec![on_own("brevet:GetResource", &self.arn, call)?.with_resource_tags(present.as_slice())])
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Value, Error> {
        let stored = find(tx, call.account(), &self.arn).await?;
        let mut shown = stored::shown(call.account(), &stored);
        shown["policy"] = json!(stored.policy.map(|policy| policy.document));
        Ok(shown)
    }
}

/// Lists the account's stored resources in the order of their ARNs, without their policies.
#[derive(Debug)]
pub struct ListResources {
    /// What their ARNs begin with.
    pub prefix: String,
    /// Which page.
    pub page: PageRequest,
}

impl OwnOperation for ListResources {
    const NAME: &'static str = "ListResources";
    const READ_ONLY: bool = true;

    fn parameters(&self) -> Value {
        json!({ "prefix": self.prefix, "limit": self.page.max_items })
    }

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Permission>, Error> {
        Ok(vec![Permission::on_anything("brevet:ListResources", call.account())])
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Value, Error> {
        let parent = layout::resources(call.account());
        let mut range = parent.beginning(&self.prefix);
        if let Some(marker) = &self.page.marker {
            range = range.after(&parent.child(marker.name()));
        }
        let mut found = tx.scan::<StoredResource>(&range, self.page.max_items.saturating_add(1)).await?;
        let more = found.len() > self.page.max_items;
        found.truncate(self.page.max_items);
        let last = found.last().filter(|_| more).map(|(_, stored)| Marker::behind(stored.arn.as_str()).encode());
        let resources: Vec<Value> = found.iter().map(|(_, stored)| stored::shown(call.account(), stored)).collect();
        Ok(json!({ "resources": resources, "nextToken": last.unwrap_or_default() }))
    }
}
