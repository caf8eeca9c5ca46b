//! `brevet policy validate`, as somebody uses it who has just heard of it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const GOOD: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {"Effect": "Allow", "Action": "reports:Read", "Resource": "arn:aws:reports:::q3"}
}"#;
const BROKEN: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Permit", "Action": "reports:Read", "Resource": "*"},
    {"Effect": "Allow", "Action": ["reports:Read", "reports"], "Resource": "q3"}
  ]
}"#;
const UNWISE: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
}"#;
const TRUST: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}
}"#;

fn validate(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_brevet"))
        .args(["policy", "validate"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have given up before it read anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn desk() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("good.json", GOOD), ("broken.json", BROKEN), ("unwise.json", UNWISE), ("trust.json", TRUST)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn a_good_policy_passes_quietly() {
    let desk = desk();
    let (status, out, err) = told(&validate(desk.path(), &["good.json"], ""));
    assert_eq!((status, out.as_str()), (0, ""));
    assert_eq!(
        err,
        "good.json: taken as an identity policy, by its elements; --type says otherwise\n\
         0 errors, 0 security warnings, 0 warnings, 0 suggestions\n"
    );
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let desk = desk();
    let (status, out, err) = told(&validate(desk.path(), &["broken.json", "trust.json", "--type", "identity"], ""));
    assert_eq!(status, 1);
    assert_eq!(
        out,
        "broken.json:4:16: error INVALID_EFFECT: The effect Permit is not valid. Use Allow or Deny.\n    \
             at Statement[0].Effect\n\
         broken.json:5:52: error INVALID_ACTION: The action reports does not exist.\n    \
             an action begins with its service and a colon\n    \
             at Statement[1].Action[1]\n\
         broken.json:5:76: error INVALID_ARN_PREFIX: Add the required prefix (arn) to the resource ARN.\n    \
             at Statement[1].Resource\n\
         trust.json:3:16: error MISSING_RESOURCE: Add a Resource or NotResource element to the policy statement.\n    \
             at Statement\n\
         trust.json:3:36: error UNSUPPORTED_PRINCIPAL: The policy type IDENTITY_POLICY does not support the Principal element. Remove the Principal element.\n    \
             at Statement.Principal\n"
    );
    assert!(err.ends_with("5 errors, 0 security warnings, 0 warnings, 0 suggestions\n"), "{err}");
}

#[test]
fn text_that_is_not_json_is_shown_where_it_goes_wrong() {
    let desk = desk();
    let (status, out, _) =
        told(&validate(desk.path(), &[], "{\n  \"Version\": \"2012-10-17\"\n  \"Statement\": []\n}"));
    assert_eq!(status, 1);
    assert!(out.starts_with("<stdin>:3:3: error JSON_SYNTAX_ERROR: Fix the JSON syntax error at index 30 line 3 column 2.\n    a comma or a closing brace should stand here\n"), "{out}");
}

#[test]
fn a_document_cannot_write_on_the_terminal() {
    let desk = desk();
    let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "\u001b[2J\nAllow", "\u0007": 1}}"#;
    let (_, out, _) = told(&validate(desk.path(), &[], text));
    assert!(out.contains(r"The effect \u{1b}[2J\nAllow is not valid."), "{out}");
    assert!(!out.contains(['\u{1b}', '\u{7}']), "{out}");
}

#[test]
fn standard_input_and_files_are_read_alike() {
    let desk = desk();
    for arguments in [&["-"][..], &[], &["--type=trust", "-"]] {
        let (status, out, err) = told(&validate(desk.path(), arguments, TRUST));
        assert_eq!((status, out.as_str()), (0, ""), "{arguments:?}");
        assert!(err.starts_with("<stdin>: taken as a trust policy"), "{err}");
    }
}

#[test]
fn warnings_fail_only_when_they_are_denied() {
    let desk = desk();
    let (status, out, _) = told(&validate(desk.path(), &["unwise.json"], ""));
    assert_eq!(status, 0);
    assert!(out.contains("unwise.json:3:46: security warning PASS_ROLE_WITH_STAR_IN_RESOURCE: "), "{out}");
    assert_eq!(told(&validate(desk.path(), &["unwise.json", "--deny-warnings"], "")).0, 1);
    assert_eq!(told(&validate(desk.path(), &["good.json", "--deny-warnings"], "")).0, 0);
}

#[test]
fn json_is_what_validate_policy_answers() {
    let desk = desk();
    let (status, out, err) = told(&validate(desk.path(), &["broken.json", "--format", "json"], ""));
    assert_eq!((status, err.as_str()), (1, ""));
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["findings"]);
    let members: Vec<_> = answer["findings"][1].as_object().unwrap().keys().collect();
    assert_eq!(members, ["findingDetails", "findingType", "issueCode", "learnMoreLink", "locations"]);
    let (status, out, _) = told(&validate(desk.path(), &["good.json", "--format=json"], ""));
    assert_eq!((status, out.split_whitespace().collect::<String>().as_str()), (0, r#"{"findings":[]}"#));
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_checked() {
    let desk = desk();
    std::fs::write(desk.path().join("large.json"), " ".repeat((1 << 20) + 1)).unwrap();
    std::fs::write(desk.path().join("latin.json"), b"\"\xe9\"").unwrap();
    for (file, why) in [("absent.json", "No such file"), ("large.json", "larger than"), ("latin.json", "not UTF-8")] {
        let (status, out, err) = told(&validate(desk.path(), &[file, "broken.json"], ""));
        assert_eq!(status, 2, "{file}");
        assert!(err.contains(&format!("brevet: {file}: {why}")), "{err}");
        assert!(out.contains("broken.json:4:16"), "{out}");
    }
}

#[test]
fn a_misspelt_option_is_answered_with_the_right_one() {
    let desk = desk();
    let (status, _, err) = told(&validate(desk.path(), &["--tipe", "trust", "trust.json"], ""));
    assert_eq!(status, 2);
    assert!(err.contains("--type"), "{err}");
    let (status, _, err) = told(&validate(desk.path(), &["--type", "rol", "trust.json"], ""));
    assert_eq!(status, 2);
    assert!(err.contains("identity") && err.contains("trust"), "{err}");
}
