//! The cases in `cases/`: each file names the page of AWS's documentation that its cases are drawn from.
//!
//! A case gives a principal, policies and requests; a request is `[action, resource, outcome]` with an optional object of
//! `context`, `account` (who owns the resource), `because` and `missing` (layer and key of the near miss).

use std::path::Path;

use brevet::policy::{Context, Effect};
use serde_json::Value as Json;

use crate::case::{Asked, Texts, principal, value};

#[test]
fn documented_cases_come_out_as_documented() {
    let folder = Path::new(file!()).with_file_name("cases");
    let folder =
        if folder.is_dir() { folder } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy/cases") };
    let mut requests = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let file: Json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(
            file["page"].as_str().is_some_and(|page| page.starts_with("https://docs.aws.amazon.com/")),
            "{}",
            path.display()
        );
        for case in file["cases"].as_array().unwrap() {
            requests += run(case, &format!("{}: {}", path.file_stem().unwrap().display(), case["name"]));
        }
    }
    assert!(requests > 150, "only {requests} requests were read from {}", folder.display());
}

fn run(case: &Json, name: &str) -> usize {
    let texts = |key: &str| case.get(key).map(|v| v.as_array().unwrap().iter().map(policy).collect::<Vec<_>>());
    let policies = Texts {
        identity: texts("identity").unwrap_or_default(),
        boundary: texts("boundary"),
        session: texts("session"),
        resource: texts("resource").or_else(|| texts("trust")),
        trust: case.get("trust").is_some(),
    }
    .compile();
    let requests = case["requests"].as_array().unwrap();
    for request in requests {
        let more = &request[3];
        let mut context = Context::new();
        for source in [&case["context"], &more["context"]] {
            for (key, json) in source.as_object().into_iter().flatten() {
                context.set(key, value(json));
            }
        }
        let who = more["as"].as_str().or(case["as"].as_str()).unwrap();
        let asked = Asked {
            principal: principal(who),
            action: request[0].as_str().unwrap().to_owned(),
            resource: request[1].as_str().unwrap().to_owned(),
            resource_account: more["account"].as_str().or(case["account"].as_str()).map(str::to_owned),
            context,
        };
        let decision = policies.decide(&asked);
        let outcome = match decision.effect {
            Effect::Allowed => "allowed",
            Effect::ExplicitlyDenied => "denied",
            Effect::ImplicitlyDenied => "not allowed",
        };
        let shown = format!("{name}, {request}, {decision:#?}");
        assert_eq!(outcome, request[2].as_str().unwrap(), "{shown}");
        assert_eq!(decision.is_allowed(), outcome == "allowed", "{shown}");
        assert_eq!(decision.missing.is_some(), outcome == "not allowed", "{shown}");
        if let Some(because) = more["because"].as_str() {
            assert_eq!(decision.because(&asked.action), because, "{shown}");
        }
        if let Some(sids) = more["sids"].as_array() {
            let found: Vec<_> = decision.statements.iter().map(|s| s.sid.as_deref().unwrap_or("")).collect();
            assert_eq!(found, sids.iter().map(|s| s.as_str().unwrap()).collect::<Vec<_>>(), "{shown}");
        }
        if let Some(expected) = more["missing"].as_str() {
            let missing = decision.missing.as_ref().unwrap();
            let near = missing
                .near
                .as_ref()
                .map(|near| format!(" {} {}{}", near.operator, near.key, if near.absent { " absent" } else { "" }));
            assert_eq!(format!("{:?}{}", missing.kind, near.unwrap_or_default()), expected, "{shown}");
        }
    }
    requests.len()
}

/// A policy, or only its statement or statements, which get version 2012-10-17.
fn policy(json: &Json) -> String {
    match json {
        Json::Object(object) if object.contains_key("Statement") => json.to_string(),
        statement => serde_json::json!({"Version": "2012-10-17", "Statement": statement}).to_string(),
    }
}
