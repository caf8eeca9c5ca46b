//! Properties: what is encoded as a Query request decodes to the same, what is encoded as XML parses to the same.

use std::collections::BTreeMap;

use brevet::wire::form::Form;
use brevet::wire::query::decode;
use brevet::wire::tree::Node;
use brevet::wire::xml;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::xml_reader::{self, Element};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sample {
    name: String,
    number: Option<i64>,
    flag: bool,
    #[serde(rename = "MFADevices")]
    mfa_devices: Vec<String>,
    inner: Option<Inner>,
    entries: Vec<Inner>,
    counts: BTreeMap<String, u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inner {
    key: String,
    values: Vec<String>,
}

fn inner() -> impl Strategy<Value = Inner> {
    (any::<String>(), vec(any::<String>(), 0..4)).prop_map(|(key, values)| Inner { key, values })
}

fn sample() -> impl Strategy<Value = Sample> {
    let texts = vec(any::<String>(), 0..13);
    let counts = btree_map(any::<String>(), any::<u32>(), 0..4);
    (any::<String>(), option::of(any::<i64>()), any::<bool>(), texts, option::of(inner()), vec(inner(), 0..3), counts)
        .prop_map(|(name, number, flag, mfa_devices, inner, entries, counts)| Sample {
            name,
            number,
            flag,
            mfa_devices,
            inner,
            entries,
            counts,
        })
}

// The wire form, written apart from the code under test. `stride` leaves gaps between indexes.
fn pairs(name: &str, value: &Value, stride: usize, out: &mut Vec<String>) {
    let below = |segment: &str| if name.is_empty() { segment.to_owned() } else { format!("{name}.{segment}") };
    let mut leaf = |text: &str| {
        out.push(format!("{name}={}", utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%20", "+")));
    };
    match value {
        Value::Null => {}
        Value::Array(elements) if elements.is_empty() => leaf(""),
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                pairs(&below(&format!("member.{}", (at + 1) * stride)), element, stride, out);
            }
        }
        Value::Object(entries) if name == "Counts" && entries.is_empty() => leaf(""),
        Value::Object(entries) if name == "Counts" => {
            for (at, (key, value)) in entries.iter().enumerate() {
                let entry = below(&format!("entry.{}", (at + 1) * stride));
                pairs(&format!("{entry}.key"), &Value::from(key.as_str()), stride, out);
                pairs(&format!("{entry}.value"), value, stride, out);
            }
        }
        Value::Object(members) => {
            for (member, value) in members {
                pairs(&below(member), value, stride, out);
            }
        }
        Value::String(text) => leaf(text),
        other => leaf(&other.to_string()),
    }
}

fn sent() -> impl Strategy<Value = (Sample, Vec<String>)> {
    (sample(), 1..5usize).prop_flat_map(|(sample, stride)| {
        let mut parameters = Vec::new();
        pairs("", &serde_json::to_value(&sample).unwrap(), stride, &mut parameters);
        (Just(sample), Just(parameters).prop_shuffle())
    })
}

fn text_of(parent: &Element, name: &str) -> Option<String> {
    parent.child(name).map(|e| e.text.clone())
}

// What a reader may expect of text: characters that XML forbids have been replaced.
fn allowed(text: &str) -> String {
    let forbidden =
        |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if forbidden(c) { '\u{fffd}' } else { c }).collect()
}

fn check_inner(element: &Element, wanted: &Inner) -> Result<(), TestCaseError> {
    prop_assert_eq!(text_of(element, "Key"), Some(allowed(&wanted.key)));
    let values: Vec<&str> = element.child("Values").unwrap().children.iter().map(|e| e.text.as_str()).collect();
    prop_assert_eq!(values, wanted.values.iter().map(|v| allowed(v)).collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_query_decodes_to_what_was_encoded((sample, parameters) in sent()) {
        let body = parameters.join("&");
        let form = Form::parse(body.as_bytes()).unwrap();
        prop_assert_eq!(decode::<Sample>(&Node::of(&form).unwrap()).unwrap(), sample);
    }

    #[test]
    fn xml_parses_to_what_was_encoded(sample in sample()) {
        let text = xml::response("Sample", xml::IAM_XMLNS, Some(&sample), "id").unwrap();
        let root = xml_reader::read(&text).unwrap();
        prop_assert_eq!(root.name.as_str(), "SampleResponse");
        let result = root.child("SampleResult").unwrap();
        prop_assert_eq!(text_of(result, "Name"), Some(allowed(&sample.name)));
        prop_assert_eq!(text_of(result, "Number"), sample.number.map(|n| n.to_string()));
        prop_assert_eq!(text_of(result, "Flag"), Some(sample.flag.to_string()));
        let devices = &result.child("MFADevices").unwrap().children;
        prop_assert!(devices.iter().all(|e| e.name == "member"));
        prop_assert_eq!(devices.len(), sample.mfa_devices.len());
        for (element, device) in devices.iter().zip(&sample.mfa_devices) {
            prop_assert_eq!(&element.text, &allowed(device));
        }
        prop_assert_eq!(result.child("Inner").is_some(), sample.inner.is_some());
        for (element, inner) in result.child("Inner").iter().zip(&sample.inner) {
            check_inner(element, inner)?;
        }
        let entries = &result.child("Entries").unwrap().children;
        prop_assert_eq!(entries.len(), sample.entries.len());
        for (element, entry) in entries.iter().zip(&sample.entries) {
            check_inner(element, entry)?;
        }
        let counts = &result.child("Counts").unwrap().children;
        prop_assert_eq!(counts.len(), sample.counts.len());
        for (element, (key, count)) in counts.iter().zip(&sample.counts) {
            prop_assert_eq!(element.name.as_str(), "entry");
            prop_assert_eq!(text_of(element, "key"), Some(allowed(key)));
            prop_assert_eq!(text_of(element, "value"), Some(count.to_string()));
        }
    }
}
