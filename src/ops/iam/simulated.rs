//! The answer of the policy simulator: pages of `EvaluationResult`.
//!
//! Source: IAM API Reference, `EvaluationResult`, `ResourceSpecificResult`, `Statement`. `SourcePolicyType` is what IAM is seen to
//! answer (`IAM Policy`, `Resource Policy`); the values that its reference lists are not.

use std::collections::BTreeMap;

use serde::Serialize;

use super::common::page;
use crate::ops::Error;
use crate::policy::simulate::{Extent, Matched, Place, Simulated, Simulation};
use crate::policy::{Effect, Kind};
use crate::types::Marker;

/// A page of results.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResultPage {
    evaluation_results: Vec<EvaluationResult>,
    is_truncated: bool,
    marker: Option<String>,
}

/// An action on a resource.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EvaluationResult {
    eval_action_name: String,
    eval_resource_name: String,
    eval_decision: &'static str,
    matched_statements: Vec<Statement>,
    missing_context_values: Vec<String>,
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
    eval_decision_details: Option<Details>,
    resource_specific_results: Option<Vec<ResourceSpecificResult>>,
}

/// The same for one resource that is named.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceSpecificResult {
    eval_resource_name: String,
    eval_resource_decision: &'static str,
    matched_statements: Vec<Statement>,
    missing_context_values: Option<Vec<String>>,
    eval_decision_details: Option<Details>,
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
}

type Details = BTreeMap<&'static str, &'static str>;

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct BoundaryDetail {
    allowed_by_permissions_boundary: bool,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    source_policy_id: String,
    source_policy_type: &'static str,
    start_position: Option<Position>,
    end_position: Option<Position>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct Position {
    line: usize,
    column: usize,
}

impl ResultPage {
    /// The page that `Marker` and `MaxItems` ask for. Only its results are worked out.
    pub(super) async fn of(
        simulation: &Simulation,
        marker: Option<&str>,
        max_items: Option<u32>,
    ) -> Result<Self, Error> {
        /// After so many results, others have their turn: large policies take their time.
        const AT_A_STRETCH: usize = 32;
        let page = page(marker, max_items)?;
        let begin = match &page.marker {
            Some(marker) => marker.name().parse().map_err(|_| Error::Validation("Invalid Marker.".to_owned()))?,
            None => 0_usize,
        };
        let end = begin.saturating_add(page.max_items).min(simulation.len());
        let mut evaluation_results = Vec::new();
        for at in begin..end {
            if at % AT_A_STRETCH == 0 {
                tokio::task::yield_now().await;
            }
            evaluation_results.extend(simulation.result(at).map(EvaluationResult::of));
        }
        let is_truncated = end < simulation.len();
        Ok(Self {
            evaluation_results,
            is_truncated,
            marker: is_truncated.then(|| Marker::behind(&end.to_string()).encode()),
        })
    }
}

impl EvaluationResult {
    fn of(simulated: Simulated<'_>) -> Self {
        let statements: Vec<Statement> = simulated.statements.iter().map(Statement::of).collect();
        let boundary = simulated.by_boundary.map(|allowed| BoundaryDetail { allowed_by_permissions_boundary: allowed });
        let details: Option<Details> = simulated.sides.map(|sides| {
            [(kind_name(Kind::Identity), word(sides.identity)), (kind_name(Kind::Resource), word(sides.resource))]
                .into()
        });
        // Keys are missing for a resource where one is named, and altogether where none is.
        let named = simulated.resource != "*";
        let (missing, missing_here) = if named { (&[][..], simulated.missing) } else { (simulated.missing, &[][..]) };
        let specific = ResourceSpecificResult {
            eval_resource_name: simulated.resource.to_owned(),
            eval_resource_decision: word(simulated.effect),
            matched_statements: statements.clone(),
            missing_context_values: (!missing_here.is_empty()).then(|| missing_here.to_vec()),
            eval_decision_details: details.clone(),
            permissions_boundary_decision_detail: boundary.clone(),
        };
        Self {
            eval_action_name: simulated.action.to_owned(),
            eval_resource_name: simulated.resource.to_owned(),
            eval_decision: word(simulated.effect),
            matched_statements: statements,
            missing_context_values: missing.to_vec(),
            permissions_boundary_decision_detail: boundary,
            // Within an account the details are there and empty, if a resource is named.
            eval_decision_details: details.or_else(|| named.then(Details::new)),
            resource_specific_results: named.then(|| vec![specific]),
        }
    }
}

impl Statement {
    fn of(matched: &Matched<'_>) -> Self {
        Self {
            source_policy_id: matched.policy.to_owned(),
            source_policy_type: kind_name(matched.kind),
            start_position: matched.extent.map(|Extent { start, .. }| start.into()),
            end_position: matched.extent.map(|Extent { end, .. }| end.into()),
        }
    }
}

impl From<Place> for Position {
    fn from(Place { line, column }: Place) -> Self {
        Self { line, column }
    }
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Allowed => "allowed",
        Effect::ExplicitlyDenied => "explicitDeny",
        Effect::ImplicitlyDenied => "implicitDeny",
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Resource | Kind::Trust | Kind::ResourceControl => "Resource Policy",
        Kind::Identity | Kind::Boundary | Kind::Session | Kind::ServiceControl => "IAM Policy",
    }
}
