//! Nested answers, held to documents that botocore's own parser reads (`tests/coverage/test_outputs.py`).

use std::collections::BTreeMap;

use brevet::wire::xml::{self, Fault, IAM_XMLNS, STS_XMLNS};
use serde::Serialize;

const ID: &str = "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetUser {
    user: User,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListUsers {
    users: Vec<User>,
    is_truncated: bool,
    marker: Option<&'static str>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct User {
    path: &'static str,
    user_name: &'static str,
    user_id: &'static str,
    arn: &'static str,
    create_date: &'static str,
    password_last_used: Option<&'static str>,
    permissions_boundary: Option<Boundary>,
    tags: Option<Vec<Tag>>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Boundary {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: &'static str,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: &'static str,
    value: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    summary_map: BTreeMap<&'static str, u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Simulation {
    evaluation_results: Vec<Evaluation>,
    is_truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Evaluation {
    eval_action_name: &'static str,
    eval_decision: &'static str,
    matched_statements: Vec<Statement>,
    missing_context_values: Vec<&'static str>,
    eval_decision_details: BTreeMap<&'static str, &'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    source_policy_id: &'static str,
    start_position: Position,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Position {
    line: u32,
    column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRole {
    credentials: Credentials,
    packed_policy_size: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: &'static str,
    secret_access_key: &'static str,
    session_token: &'static str,
    expiration: &'static str,
}

#[derive(Serialize)]
struct Nothing {}

fn user() -> User {
    User {
        path: "/division_abc/",
        user_name: "Jürg+Bob",
        user_id: "AIDACKCEVSQ6C2EXAMPLE",
        arn: "arn:aws:iam::123456789012:user/division_abc/Bob",
        create_date: "2026-11-24T03:00:00Z",
        password_last_used: None,
        permissions_boundary: Some(Boundary {
            permissions_boundary_type: "PermissionsBoundaryPolicy",
            permissions_boundary_arn: "arn:aws:iam::123456789012:policy/b",
        }),
        tags: Some(vec![Tag { key: "team", value: "<r&d>" }, Tag { key: "lines", value: "a\r\nb\tc" }]),
    }
}

#[track_caller]
fn document(written: &str, fixture: &str) {
    assert_eq!(written, fixture.trim_end_matches('\n'));
}

#[test]
fn get_user() {
    let written = xml::response("GetUser", IAM_XMLNS, Some(&GetUser { user: user() }), ID).unwrap();
    document(&written, include_str!("fixtures/outputs/GetUser.xml"));
}

#[test]
fn list_users() {
    let plain = User { permissions_boundary: None, tags: None, ..user() };
    let page = ListUsers { users: vec![plain.clone(), plain], is_truncated: true, marker: Some("next") };
    let written = xml::response("ListUsers", IAM_XMLNS, Some(&page), ID).unwrap();
    document(&written, include_str!("fixtures/outputs/ListUsers.xml"));
}

#[test]
fn get_account_summary() {
    let summary = Summary { summary_map: [("Users", 32), ("UsersQuota", 150)].into() };
    let written = xml::response("GetAccountSummary", IAM_XMLNS, Some(&summary), ID).unwrap();
    document(&written, include_str!("fixtures/outputs/GetAccountSummary.xml"));
}

#[test]
fn simulate_custom_policy() {
    let statement =
        Statement { source_policy_id: "PolicyInputList.1", start_position: Position { line: 1, column: 40 } };
    let evaluation = |details| Evaluation {
        eval_action_name: "s3:GetObject",
        eval_decision: "allowed",
        matched_statements: vec![],
        missing_context_values: vec!["aws:SourceIp"],
        eval_decision_details: details,
    };
    let simulation = Simulation {
        evaluation_results: vec![
            Evaluation { matched_statements: vec![statement], ..evaluation([("PolicyInputList.1", "allowed")].into()) },
            evaluation(BTreeMap::new()),
        ],
        is_truncated: false,
    };
    let written = xml::response("SimulateCustomPolicy", IAM_XMLNS, Some(&simulation), ID).unwrap();
    document(&written, include_str!("fixtures/outputs/SimulateCustomPolicy.xml"));
}

#[test]
fn assume_role() {
    let credentials = Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE",
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
        session_token: "eyJ.a.b",
        expiration: "2026-11-24T04:00:00Z",
    };
    let written =
        xml::response("AssumeRole", STS_XMLNS, Some(&AssumeRole { credentials, packed_policy_size: 6 }), ID).unwrap();
    document(&written, include_str!("fixtures/outputs/AssumeRole.xml"));
}

#[test]
fn update_role_and_delete_user() {
    let written = xml::response("UpdateRole", IAM_XMLNS, Some(&Nothing {}), ID).unwrap();
    document(&written, include_str!("fixtures/outputs/UpdateRole.xml"));
    let written = xml::response("DeleteUser", IAM_XMLNS, None::<&()>, ID).unwrap();
    document(&written, include_str!("fixtures/outputs/DeleteUser.xml"));
}

#[test]
fn an_error() {
    let written = xml::error(IAM_XMLNS, "NoSuchEntity", "The user with name <x> & co", Fault::Sender, ID);
    document(&written, include_str!("fixtures/outputs/error.xml"));
}
