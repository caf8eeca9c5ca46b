//! Requests as botocore writes them, one or two for every published operation: read back equal, and found valid.
//!
//! `fixtures/inputs.json` is written by `tests/coverage/make_inputs.py`.

use brevet::wire::form::Form;
use brevet::wire::model::{Model, Service};
use brevet::wire::query::decode;
use brevet::wire::tree::Node;
use brevet::wire::validate::validate;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Case {
    service: String,
    operation: String,
    body: String,
    parameters: Value,
}

#[test]
fn every_request_that_botocore_writes_is_read_back_and_valid() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/inputs.json")).unwrap();
    let mut operations = 0;
    for case in &cases {
        let service = if case.service == "iam" { Service::Iam } else { Service::Sts };
        let model = Model::of(service);
        let form = Form::parse(case.body.as_bytes()).unwrap();
        assert_eq!(form.action(), Some(case.operation.as_str()));
        assert_eq!(form.version(), Some(model.api_version()));
        let tree = Node::of(&form).unwrap();
        let mut found: Map<String, Value> = decode(&tree).unwrap();
        found.remove("Action");
        found.remove("Version");
        assert_eq!(Value::Object(found), as_text(&case.parameters), "{} {}", case.operation, case.body);
        let operation = model.operation(&case.operation).unwrap();
        assert_eq!(validate(operation, &tree), Ok(()), "{}", case.operation);
        operations += 1;
    }
    let published = Model::of(Service::Iam).operations().count() + Model::of(Service::Sts).operations().count();
    assert!(operations >= published, "{operations} requests for {published} operations");
}

// Without a struct to say what a member is, every value is text and an empty list is an empty value.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), as_text(value))).collect(),
        Value::Array(elements) if elements.is_empty() => Value::from(""),
        Value::Array(elements) => elements.iter().map(as_text).collect(),
        Value::String(_) => value.clone(),
        other => Value::from(other.to_string()),
    }
}
