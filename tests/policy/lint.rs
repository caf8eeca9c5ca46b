//! The linter: a table of documents with what is found in them, and the law that an error means what it says.
//!
//! A case gives a `document` (as JSON, which is then written out with a line for each member and item, or as `text`), the `kind`
//! and the findings as `[type, code, line]`, in the order of their places; `mentions` are words of the sentences.

use std::collections::BTreeSet;
use std::path::Path;

use brevet::policy::lint::{FindingType, IssueCode, check};
use brevet::policy::{Document, Kind};
use serde_json::Value as Json;

const KINDS: [(&str, Kind); 7] = [
    ("identity", Kind::Identity),
    ("boundary", Kind::Boundary),
    ("session", Kind::Session),
    ("trust", Kind::Trust),
    ("resource", Kind::Resource),
    ("service-control", Kind::ServiceControl),
    ("resource-control", Kind::ResourceControl),
];

#[test]
fn every_code_is_found_where_it_should_be() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy/lint");
    let mut found = BTreeSet::new();
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let file: Json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for case in file["cases"].as_array().unwrap() {
            let name = format!("{}: {}", path.file_stem().unwrap().display(), case["name"]);
            wrong.extend(run(case, &name, &mut found));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing: Vec<_> = IssueCode::ALL.iter().map(|code| code.name()).filter(|name| !found.contains(name)).collect();
    assert!(missing.is_empty(), "no case shows {missing:?}");
}

fn run(case: &Json, name: &str, found: &mut BTreeSet<&'static str>) -> Option<String> {
    let (_, kind) = *KINDS.iter().find(|(word, _)| case["kind"] == *word).expect(name);
    let text = match case["text"].as_str() {
        Some(text) => text.to_owned(),
        None => serde_json::to_string_pretty(&case["document"]).unwrap(),
    };
    let text = match case["repeated"].as_u64() {
        Some(times) => text.replace("FILL", &"f".repeat(usize::try_from(times).unwrap())),
        None => text,
    };
    let findings = check(&text, kind);
    found.extend(findings.iter().map(|finding| finding.issue_code.name()));
    let listed: Vec<Json> = findings
        .iter()
        .map(|f| serde_json::json!([f.finding_type, f.issue_code, f.locations[0].span.start.line]))
        .collect();
    let sentences: Vec<&str> = findings.iter().map(|finding| finding.details.as_str()).collect();
    let all = sentences.join("\n");
    let mentions = case["mentions"].as_array().cloned().unwrap_or_default();
    let silent = mentions.iter().find(|words| !all.contains(words.as_str().unwrap()));
    if case["findings"].as_array().map(Vec::as_slice) != Some(listed.as_slice()) {
        return Some(format!("{name}\n  found {}\n  not   {}\n{text}", Json::from(listed), case["findings"]));
    }
    if let Some(words) = silent {
        return Some(format!("{name}: no sentence says {words}:\n{all}"));
    }
    let refused = findings.iter().any(|finding| finding.finding_type == FindingType::Error);
    (refused == Document::parse(&text, kind).is_ok()).then(|| format!("{name}: an error is not a refusal"))
}

/// The AWS CLI's reference shows this policy with the findings of `validate-policy`; the shapes must be the same.
#[test]
fn findings_have_the_shape_that_aws_shows() {
    let text = include_str!("lint/trust_of_aws.txt");
    let findings = serde_json::to_value(check(text, Kind::Trust)).unwrap();
    let position = |line: usize, column: usize, offset: usize| serde_json::json!({"line": line, "column": column, "offset": offset});
    let value = |name: &str| serde_json::json!({ "value": name });
    let index = |at: usize| serde_json::json!({ "index": at });
    let page = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html";
    assert_eq!(
        findings[0],
        serde_json::json!({
            "findingDetails": "Add a value to the empty string in the Sid element.",
            "findingType": "SUGGESTION",
            "issueCode": "EMPTY_SID_VALUE",
            "learnMoreLink": format!("{page}#access-analyzer-reference-policy-checks-suggestion-empty-sid-value"),
            "locations": [{
                "path": [value("Statement"), index(0), value("Sid")],
                "span": {"start": position(5, 19, 79), "end": position(5, 21, 81)},
            }],
        })
    );
    let mismatched = &findings[1];
    assert_eq!(mismatched["issueCode"], "MISMATCHED_ACTION_FOR_PRINCIPAL");
    assert_eq!(
        mismatched["locations"],
        serde_json::json!([
            {
                "path": [value("Statement"), index(0), value("Action"), index(0)],
                "span": {"start": position(11, 16, 258), "end": position(11, 32, 274)},
            },
            {
                "path": [value("Statement"), index(0), value("Principal"), value("Federated")],
                "span": {"start": position(8, 29, 170), "end": position(8, 61, 202)},
            },
        ])
    );
}

#[test]
fn a_variable_is_found_within_its_text() {
    let text =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${}"}}"#;
    let finding = check(text, Kind::Identity).remove(0);
    let location = serde_json::to_value(&finding.locations[0]).unwrap();
    assert_eq!(location["path"][2], serde_json::json!({"substring": {"start": 15, "length": 3}}));
    let (start, end) = (finding.locations[0].span.start.offset, finding.locations[0].span.end.offset);
    assert_eq!(&text[start..end], "${}");
}
