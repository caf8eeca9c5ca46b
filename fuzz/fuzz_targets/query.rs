//! Bytes from anywhere through the whole way in of the Query protocol, and the refusal on its way out.
//!
//! First byte: which operation validates; the rest: a body. Nothing may panic, and a message stays bounded whatever the
//! parameters are.

#![no_main]

use brevet::wire::form::Form;
use brevet::wire::model::{Model, Service};
use brevet::wire::query::decode;
use brevet::wire::tree::Node;
use brevet::wire::validate::validate;
use brevet::wire::xml;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

const OPERATIONS: [(Service, &str); 8] = [
    (Service::Iam, "CreateUser"),
    (Service::Iam, "ChangePassword"),
    (Service::Iam, "CreateAccountAlias"),
    (Service::Iam, "CreateDelegationRequest"),
    (Service::Iam, "SimulateCustomPolicy"),
    (Service::Iam, "UpdateAccountPasswordPolicy"),
    (Service::Sts, "AssumeRole"),
    (Service::Sts, "AssumeRoleWithWebIdentity"),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only the reading matters")]
struct Input {
    user_name: Option<String>,
    max_items: Option<i32>,
    require_symbols: Option<bool>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only the reading matters")]
struct Tag {
    key: String,
    value: String,
}

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let Ok(form) = Form::parse(body) else { return };
    let Ok(tree) = Node::of(&form) else { return };
    let (service, name) = OPERATIONS[usize::from(*first) % OPERATIONS.len()];
    let operation = Model::of(service).operation(name).expect("a published operation");
    if let Err(violations) = validate(operation, &tree) {
        let message = violations.to_string();
        assert!(message.len() < 64 * 1024, "{} bytes", message.len());
        xml::error(xml::IAM_XMLNS, violations.code(), &message, xml::Fault::Sender, "id");
    }
    let _ = decode::<Input>(&tree);
    let _ = decode::<serde_json::Value>(&tree);
});
