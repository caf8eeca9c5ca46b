//! Bytes from anywhere through the whole of the way in. The fuzz target `query` does the same for longer.

use brevet::wire::form::Form;
use brevet::wire::model::{Model, Service};
use brevet::wire::query::decode;
use brevet::wire::tree::Node;
use brevet::wire::validate::validate;
use brevet::wire::xml;
use proptest::prelude::*;
use serde::Deserialize;

use super::xml_reader;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    _user_name: Option<String>,
    _max_items: Option<i32>,
    _tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    _key: String,
    _value: String,
}

fn through(bytes: &[u8]) {
    let Ok(form) = Form::parse(bytes) else { return };
    let Ok(tree) = Node::of(&form) else { return };
    for operation in ["CreateUser", "SimulateCustomPolicy", "CreateDelegationRequest", "ListUsers"] {
        let operation = Model::of(Service::Iam).operation(operation).unwrap();
        if let Err(violations) = validate(operation, &tree) {
            let text = xml::error(xml::IAM_XMLNS, violations.code(), &violations.to_string(), xml::Fault::Sender, "r");
            assert!(text.len() < 200_000, "{}", text.len());
            xml_reader::read(&text).unwrap();
        }
    }
    let _ = decode::<Input>(&tree);
    let _ = decode::<serde_json::Value>(&tree);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        through(&bytes);
    }

    #[test]
    fn bytes_that_look_like_a_request(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("UserName"), Just("Tags"), Just("MaxItems"), Just("member"), Just("entry"), Just("key"), Just("value"),
                Just("1"), Just("2"), Just("Key"), Just("Value"), Just("."), Just("."), Just("."), Just("="), Just("="),
                Just("&"), Just("&"), Just("%00"), Just("%C3%A9"), Just("+"), Just("ContextEntries"), Just("Permissions"),
            ],
            0..60,
        )
    ) {
        through(parts.concat().as_bytes());
    }
}
