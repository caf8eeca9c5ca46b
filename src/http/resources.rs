//! The resources door: `POST /resources/v1/...` stores what the broker is to know of resources that other services guard.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::aws;
use super::json_door::{self, Counted, Signed};
use super::refusal::Refusal;
use super::router::Doors;
use crate::identity;
use crate::ops::resources::{
    Change, DeleteResource, DeleteResourceType, GetResource, ListResourceTypes, ListResources, PutResource,
    PutResourceType,
};
use crate::ops::{OwnOperation, perform};
use crate::policy::Claims;
use crate::types::{Marker, PageRequest, ResourceArn};

/// Bytes of a request's body, at the most: the longest policy with all its white space, written as a text within JSON, and attributes.
const BODY_LIMIT: usize = 128 << 10;
/// The longest page of a list.
const LONGEST_PAGE: usize = 1_000;

/// What is to be stored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    arn: String,
    attributes: Option<Claims>,
    /// `null` takes the policy away.
    #[serde(default, deserialize_with = "given")]
    policy: Option<Option<String>>,
}

/// A member that is there, be it `null`.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    arn: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    prefix: String,
    limit: Option<usize>,
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutType {
    r#type: String,
    actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedType {
    r#type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Does one of the operations, which the path names.
pub(super) async fn operation(
    State(doors): State<Doors>,
    Path(operation): Path<String>,
    request: Request<Body>,
) -> Response {
    let started = std::time::Instant::now();
    const OPERATIONS: [&str; 7] = ["delete", "delete-type", "get", "list", "list-types", "put", "put-type"];
    let Some(operation) = OPERATIONS.into_iter().find(|known| *known == operation) else {
        return aws::no_such_path(State(doors)).await;
    };
    let request_id = doors.broker.new_id();
    let done = done(&doors, operation, request, &request_id).await;
    json_door::answer(&doors, done, &request_id, Counted { door: "resources", operation, started })
}

type Done = Result<(Value, Option<u64>), Refusal>;

async fn done(doors: &Doors, operation: &str, request: Request<Body>, request_id: &str) -> Done {
    let signed = Signed::read(doors, request, BODY_LIMIT).await?;
    let run = Run { doors, signed: &signed, request_id };
    match operation {
        "put" => {
            let put: Put = signed.body("a resource")?;
            let attributes = put.attributes.map(identity::attributes).transpose();
            let attributes = attributes.map_err(|error| Refusal::bad(format!("attributes: {error}.")))?;
            run.perform(&PutResource(Change { arn: arn(&put.arn)?, attributes, policy: put.policy })).await
        }
        "get" => run.perform(&GetResource { arn: arn(&signed.body::<Named>("a resource's name")?.arn)? }).await,
        "delete" => run.perform(&DeleteResource { arn: arn(&signed.body::<Named>("a resource's name")?.arn)? }).await,
        "list" => run.perform(&list(signed.body("a request for a list")?)?).await,
        "put-type" => {
            let put: PutType = signed.body("a resource type")?;
            let name = put.r#type.parse().map_err(|error| Refusal::bad(format!("type: {error}.")))?;
            let actions: Result<_, _> = put.actions.iter().map(|action| action.parse()).collect();
            let actions = actions.map_err(|error| Refusal::bad(format!("actions: {error}.")))?;
            run.perform(&PutResourceType { name, actions }).await
        }
        "delete-type" => {
            let named: NamedType = signed.body("a resource type's name")?;
            let name = named.r#type.parse().map_err(|error| Refusal::bad(format!("type: {error}.")))?;
            run.perform(&DeleteResourceType { name }).await
        }
        _ => {
            let Nothing {} = signed.body("an empty object")?;
            run.perform(&ListResourceTypes).await
        }
    }
}

struct Run<'a> {
    doors: &'a Doors,
    signed: &'a Signed,
    request_id: &'a str,
}

impl Run<'_> {
    async fn perform(&self, asked: &impl OwnOperation) -> Done {
        let performed = perform(&self.signed.call(self.doors, self.request_id), asked).await;
        let performed = performed.map_err(|error| Refusal::of_operation(&error, self.request_id))?;
        Ok((performed.answer, performed.revision.map(|revision| revision.0)))
    }
}

fn arn(text: &str) -> Result<ResourceArn, Refusal> {
    text.parse().map_err(|error| Refusal::bad(format!("arn: {error}.")))
}

fn list(wanted: List) -> Result<ListResources, Refusal> {
    if wanted.prefix.len() > ResourceArn::MOST_BYTES {
        return Err(Refusal::bad(format!("prefix: no ARN is longer than {} bytes.", ResourceArn::MOST_BYTES)));
    }
    let max_items = wanted.limit.unwrap_or(PageRequest::DEFAULT_ITEMS);
    if !(1..=LONGEST_PAGE).contains(&max_items) {
        return Err(Refusal::bad(format!("limit: a page has 1 to {LONGEST_PAGE} resources.")));
    }
    let token = wanted.token.filter(|token| !token.is_empty());
    let read = |text: String| {
        let marker = Marker::decode(&text).filter(|marker| marker.name().len() <= ResourceArn::MOST_BYTES);
        marker.ok_or_else(|| Refusal::bad("token: it is none that a page has given."))
    };
    let marker = token.map(read).transpose()?;
    Ok(ListResources { prefix: wanted.prefix, page: PageRequest { marker, max_items } })
}
