//! The cases in `cases/`: each file names the page of AWS's documentation that its cases are drawn from.
//!
//! A case gives a principal (`as`), policies and requests. Policies are `identity`, `boundary`, `session`, `resource` or `trust`,
//! each a list of policies, and `scps` and `rcps`, which are lists of levels. A request is `[action, resource, outcome]` with an
//! optional object of `context`, `as`, `account` (who owns the resource), `because`, `sids` and `missing` (kind, level and the
//! near miss). A case may also hold `documents`, which are `[kind, policy, sentence]`, with "valid" for those that are.
//!
//! The model is held to the same cases: what the laws compare the engine with has to say what AWS says.

use std::path::Path;

use brevet::policy::{Context, Document, Effect, Kind, ResourceRule};
use serde_json::Value as Json;

use crate::case::{Asked, Texts, answer, principal, value};
use crate::model;

#[test]
fn documented_cases_come_out_as_documented() {
    let folder = Path::new(file!()).with_file_name("cases");
    let folder =
        if folder.is_dir() { folder } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy/cases") };
    let (mut requests, mut documents) = (0, 0);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let file: Json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let page = file["page"].as_str();
        assert!(page.is_some_and(|page| page.starts_with("https://docs.aws.amazon.com/")), "{}", path.display());
        for case in file["cases"].as_array().unwrap() {
            let name = format!("{}: {}", path.file_stem().unwrap().display(), case["name"]);
            requests += decide(case, &name);
            documents += read(case, &name);
        }
    }
    assert!(requests > 850 && documents > 80, "{requests} requests, {documents} documents in {}", folder.display());
}

fn decide(case: &Json, name: &str) -> usize {
    let texts = policies(case);
    let compiled = texts.compile();
    let requests = case["requests"].as_array().map_or(&[][..], Vec::as_slice);
    for request in requests {
        let more = &request[3];
        let asked = asked(case, request);
        let decision = compiled.decide(&asked);
        let shown = format!("{name}, {request}, {decision:#?}");
        let outcome = match decision.effect {
            Effect::Allowed => "allowed",
            Effect::ExplicitlyDenied => "denied",
            Effect::ImplicitlyDenied => "not allowed",
        };
        assert_eq!(outcome, request[2].as_str().unwrap(), "{shown}");
        assert_eq!(decision.is_allowed(), outcome == "allowed", "{shown}");
        assert_eq!(decision.missing.is_some(), outcome == "not allowed", "{shown}");
        if let Some(because) = more["because"].as_str() {
            assert_eq!(decision.because(&asked.action), because, "{shown}");
        }
        let found = answer(&decision);
        if let Some(sids) = more["sids"].as_array() {
            let found: Vec<_> = found.statements.iter().map(|s| s.sid.as_deref().unwrap_or("")).collect();
            assert_eq!(found, sids.iter().map(|s| s.as_str().unwrap()).collect::<Vec<_>>(), "{shown}");
        }
        if let Some(expected) = more["missing"].as_str() {
            assert_eq!(found.missing.as_ref().map(model::Missing::to_string).as_deref(), Some(expected), "{shown}");
        }
        assert_eq!(model::answer(&texts, &asked), found, "{name}, {request}");
    }
    requests.len()
}

fn policies(case: &Json) -> Texts {
    let list = |json: &Json| json.as_array().unwrap().iter().map(policy).collect::<Vec<_>>();
    let texts = |key: &str| case.get(key).map(list);
    let levels = |key: &str| case.get(key).map(|v| v.as_array().unwrap().iter().map(list).collect());
    Texts {
        identity: texts("identity").unwrap_or_default(),
        boundary: texts("boundary"),
        session: texts("session"),
        resource: texts("resource").or_else(|| texts("trust")),
        trust: case.get("trust").is_some(),
        rule: case["rule"].as_str().map(|rule| match rule {
            "suffices" => ResourceRule::Suffices,
            "required" => ResourceRule::Required,
            "trust" => ResourceRule::Trust,
            other => panic!("no rule {other}"),
        }),
        scps: levels("scps").unwrap_or_default(),
        rcps: levels("rcps").unwrap_or_default(),
    }
}

fn asked(case: &Json, request: &Json) -> Asked {
    let more = &request[3];
    let mut context = Context::new();
    for source in [&case["context"], &more["context"]] {
        for (key, json) in source.as_object().into_iter().flatten() {
            context.set(key, value(json));
        }
    }
    Asked {
        principal: principal(more["as"].as_str().or(case["as"].as_str()).unwrap()),
        action: request[0].as_str().unwrap().to_owned(),
        resource: request[1].as_str().unwrap().to_owned(),
        resource_account: more["account"].as_str().or(case["account"].as_str()).map(str::to_owned),
        context,
    }
}

fn read(case: &Json, name: &str) -> usize {
    let documents = case["documents"].as_array().map_or(&[][..], Vec::as_slice);
    for document in documents {
        let kind = match document[0].as_str().unwrap() {
            "identity" => Kind::Identity,
            "boundary" => Kind::Boundary,
            "session" => Kind::Session,
            "trust" => Kind::Trust,
            "resource" => Kind::Resource,
            "scp" => Kind::ServiceControl,
            "rcp" => Kind::ResourceControl,
            other => panic!("no kind {other}"),
        };
        let found = Document::parse(&policy(&document[1]), kind).map_or_else(|e| e.to_string(), |_| "valid".to_owned());
        assert_eq!(found, document[2].as_str().unwrap(), "{name}, {document}");
    }
    documents.len()
}

/// A policy as an object or as its text, or only its statement or statements, which get version 2012-10-17.
fn policy(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Object(object) if object.contains_key("Statement") => json.to_string(),
        statement => serde_json::json!({"Version": "2012-10-17", "Statement": statement}).to_string(),
    }
}
