//! `brevet policy evaluate`, as somebody uses it who keeps tests of policies in a repository.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value as Json, json};

/// A team's first cases: a user reads below his own name, a boundary, guardrails, a trust policy.
fn cases() -> Vec<Json> {
    let own = json!({"Version": "2012-10-17", "Statement": {"Sid": "Own", "Effect": "Allow", "Action": "s3:*",
        "Resource": "arn:aws:s3:::b/${aws:username}/*"}});
    let all = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let no_s3 = json!({"Statement": {"Sid": "NoS3", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}});
    let ann = "arn:aws:iam::111122223333:user/ann";
    let read = |more: Json| {
        let mut case = json!({"principal": ann, "action": "s3:GetObject", "resource": "arn:aws:s3:::b/ann/k",
            "identity_policies": [own]});
        for (key, value) in more.as_object().unwrap() {
            case[key] = value.clone();
        }
        case
    };
    let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/ci"}, "Condition": {"StringEquals": {"sts:ExternalId": "x"}}}});
    vec![
        read(json!({"name": "own object", "expected": "Allowed"})),
        read(json!({"name": "another's object", "resource": "arn:aws:s3:::b/bob/k", "expected": "ImplicitlyDenied"})),
        read(json!({"name": "another's bucket", "resource_account": "444455556666", "expected": "ImplicitlyDenied"})),
        read(json!({"name": "not by name", "context": {"aws:username": null}, "expected": "ImplicitlyDenied"})),
        read(json!({"name": "boundary", "boundary": no_s3, "expected": "ExplicitlyDenied"})),
        read(json!({"name": "session", "session_policies": [], "expected": "Allowed"})),
        read(json!({"name": "guardrails", "scps": [[all], [all, no_s3]], "expected": "ExplicitlyDenied"})),
        read(json!({"name": "a level without policies", "scps": [[all], []], "expected": "ImplicitlyDenied"})),
        json!({"name": "trusted role", "principal": "arn:aws:sts::111122223333:assumed-role/ci/build", "action": "sts:AssumeRole",
            "resource": "arn:aws:iam::444455556666:role/deploy", "identity_policies": [all], "resource_policy": trust,
            "context": {"sts:ExternalId": "x"}, "expected": "Allowed"}),
        json!({"name": "trusted role, no external id", "principal": "arn:aws:sts::111122223333:assumed-role/ci/build",
            "action": "sts:AssumeRole", "resource": "arn:aws:iam::444455556666:role/deploy", "identity_policies": [all],
            "resource_policy": trust, "expected": "ImplicitlyDenied"}),
        json!({"name": "KMS asks its own policy", "principal": ann, "action": "kms:Decrypt",
            "resource": "arn:aws:kms:eu-west-1:111122223333:key/k", "identity_policies": [all],
            "expected": "ImplicitlyDenied"}),
        json!({"name": "a service", "principal": {"Service": "sns.amazonaws.com"}, "action": "sqs:SendMessage",
            "resource": "arn:aws:sqs:eu-west-1:111122223333:q", "expected": "Allowed",
            "resource_policy": {"Statement": {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage", "Resource": "*"}}}),
    ]
}

fn lines(cases: &[Json]) -> String {
    cases.iter().map(|case| format!("{case}\n")).collect()
}

fn evaluate(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_brevet"))
        .args(["policy", "evaluate"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // A command that stopped at a wrong option has not read its input.
    let _ = writer.join().unwrap();
    output
}

fn answers(output: &Output) -> Vec<Json> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn expectations_that_are_met_are_told_one_line_each() {
    let output = evaluate(&[], &lines(&cases()));
    let answers = answers(&output);
    assert_eq!(output.status.code(), Some(0), "{answers:#?}");
    assert_eq!(answers.len(), cases().len());
    for (answer, case) in answers.iter().zip(cases()) {
        assert_eq!(answer["name"], case["name"]);
        assert_eq!(answer["decision"], case["expected"], "{answer}");
        assert_eq!(answer["as_expected"], true);
    }
    assert_eq!(
        answers[0]["statements"],
        json!([{"policy": "identity_policies[0]", "index": 0, "sid": "Own", "effect": "Allow"}])
    );
    assert_eq!(answers[6]["statements"][0]["policy"], "scps[1][1]");
    assert_eq!(answers[6]["reason"], "with an explicit deny in a service control policy");
    assert_eq!(answers[7]["missing"], json!({"kind": "ServiceControl", "level": 1}));
    let nearly = &answers[9]["missing"]["nearly"];
    assert_eq!(
        (&nearly["key"], &nearly["operator"], &nearly["absent"]),
        (&json!("sts:externalid"), &json!("StringEquals"), &json!(true))
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "12 cases: 12 as expected, 0 otherwise\n");
}

#[test]
fn a_difference_fails_the_run_and_is_shown() {
    let mut cases = cases();
    cases[1]["expected"] = json!("Allowed");
    cases[2].as_object_mut().unwrap().remove("expected");
    let output = evaluate(&["--failures-only", "-"], &lines(&cases));
    let answers = answers(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(answers.len(), 1, "only the failure is shown");
    assert_eq!(
        (&answers[0]["line"], &answers[0]["expected"], &answers[0]["as_expected"]),
        (&json!(2), &json!("Allowed"), &json!(false))
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "12 cases: 10 as expected, 1 otherwise, 1 without an expectation\n"
    );
}

#[test]
fn what_cannot_be_read_is_said_by_line_and_fails_the_run() {
    let good = cases()[0].to_string();
    for (line, complaint) in [
        (r#"{"principal":"*","action":"s3:x","boundry":[]}"#, "unknown field `boundry`"),
        (r#"{"principal":"ann","action":"s3:x"}"#, "`ann` is no principal"),
        (r#"{"principal":"*"}"#, "missing field `action`"),
        (r#"{"principal":"*","action":"s3:x","expected":"allowed"}"#, "`allowed` is none of Allowed"),
        (r#"{"principal":"*","action":"s3:x","context":{"k:x":{"a":1}}}"#, "context: k:x: a value is a text"),
        (
            r#"{"principal":"*","action":"s3:x","identity_policies":[{"Statement":{"Effect":"Allow","Effect":"Deny"}}]}"#,
            "the key `Effect` appears twice",
        ),
        (
            r#"{"principal":"*","action":"s3:x","scps":[[{"Statement":{"Effect":"Allow","Action":"x","Resource":"*"}}]]}"#,
            "scps[0][0]: Actions/Conditions must be prefaced by a vendor",
        ),
        ("{", "EOF while parsing"),
    ] {
        let output = evaluate(&[], &format!("{good}\n\n{line}\n{good}"));
        let answers = answers(&output);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert_eq!(answers.len(), 3, "the others are decided all the same: {line}");
        assert_eq!(answers[1]["line"], 3, "{line}");
        assert!(answers[1]["error"].as_str().unwrap().contains(complaint), "{line}: {}", answers[1]);
    }
    let output = evaluate(&["/no/such/file.jsonl"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/file.jsonl"));
    let output = evaluate(&["--failure-only"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--failures-only"), "the nearest option is named");
}
