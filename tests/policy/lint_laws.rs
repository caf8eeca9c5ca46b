//! The law of the linter on generated documents: there is an error exactly when the document is refused, for every kind.

use brevet::policy::lint::{FindingType, check, guess};
use brevet::policy::{Document, Kind, Test, statement_spans};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value as Json, json};

/// Mostly one of the good, so that a document often has only one fault, or none.
fn mostly(good: Vec<Json>, bad: Vec<Json>) -> impl Strategy<Value = Json> {
    prop_oneof![9 => select(good), 1 => select(bad)]
}

fn action() -> impl Strategy<Value = Json> {
    mostly(
        vec![json!("sts:AssumeRole"), json!("sts:*"), json!(["sts:TagSession", "STS:AssumeRole*"]), json!("sts:?")],
        vec![
            json!("*"),
            json!("s3:Get*"),
            json!("*:Get"),
            json!("s?:Get"),
            json!("s3:"),
            json!(":Get"),
            json!("Get"),
            json!("a:b:c"),
            json!("s3:${aws:username}"),
            json!("s3:${"),
            json!("s3:a b"),
            json!("é:x"),
            json!("s3:é"),
            json!(""),
            json!([]),
            json!(["s3:*", 7]),
            json!({"a": 1}),
            json!(null),
        ],
    )
}

fn resource() -> impl Strategy<Value = Json> {
    mostly(
        vec![json!("*"), json!("arn:aws:s3:::b"), json!(["arn:aws:s3:::b/${aws:username}", "arn:aws:iam::1:role/*"])],
        vec![
            json!("bucket"),
            json!("*b"),
            json!("arn:*"),
            json!("arn:aws:s3"),
            json!("arn:aws:s3*"),
            json!("arn::s3:::b"),
            json!("arn:a_b:s3:::b"),
            json!("arn:aws:S3:::b"),
            json!("arn:aws:s3:${aws:x}:1:b"),
            json!("arn:aws:${aws:x}:::b"),
            json!("arn:aws:s3::${aws:x}:b"),
            json!("arn:${aws:x}:s3:::b"),
            json!("arn:aws:s3:${*}:1:b"),
            json!("arn:aws:s3:${*}${aws:x}:1:b"),
            json!("arn:aws:s3:::${aws:"),
            json!("arn:aws:s3:::${}"),
            json!("arn:aws:s3:::${ }"),
            json!("arn:aws:s3:::${,'x'}"),
            json!("arn:aws:s3:::${a, 'x}'}${a,'}"),
            json!("arn:aws:s3:::${a, x}"),
            json!("arn:aws:s3:::${a, 'x'y'}"),
            json!("arn:aws:s3:::${a b}"),
            json!("arn:aws:s3:::${a$b}"),
            json!("arn:aws:s3:::${a?}${*}${?}${$}"),
            json!("arn:aws:s3:::\u{e9}${"),
            json!("${aws:x}"),
            json!([]),
            json!(7),
            json!(["*", null]),
        ],
    )
}

fn principal() -> impl Strategy<Value = Json> {
    mostly(
        vec![
            json!("*"),
            json!({"AWS": "*"}),
            json!({"AWS": ["111122223333", "arn:aws:iam::111122223333:user/ann", "AIDAEXAMPLE"]}),
            json!({"Service": "ec2.amazonaws.com", "Federated": ["accounts.google.com"]}),
        ],
        vec![
            json!("ann"),
            json!({}),
            json!([]),
            json!(["*"]),
            json!({"AWS": []}),
            json!({"AWS": "arn:aws:iam::111122223333:group/g"}),
            json!({"AWS": "arn:aws:iam::111122223333:user/*"}),
            json!({"AWS": "arn:aws:iam::111122223333:user/${aws:username}"}),
            json!({"AWS": ["*", ""]}),
            json!({"AWS": "AIDA"}),
            json!({"Service": ""}),
            json!({"Service": "a b"}),
            json!({"Service": "*"}),
            json!({"Service": "a$b"}),
            json!({"Federated": "${"}),
            json!({"Federated": "a b"}),
            json!({"Federated": "x"}),
            json!({"CanonicalUser": "abc"}),
            json!({"CanonicalUser": "a c"}),
            json!({"Group": "g"}),
            json!({"Group": []}),
            json!({"AWS": {"a": "b"}}),
            json!(7),
        ],
    )
}

fn condition() -> impl Strategy<Value = Json> {
    let names: Vec<String> = Test::ALL.iter().map(|test| test.name().to_owned()).collect();
    let operator =
        (select(vec!["", "", "", "ForAllValues:", "ForAnyValue:"]), select(names), prop::bool::weighted(0.2));
    let operator =
        operator.prop_map(|(set, test, if_exists)| format!("{set}{test}{}", if if_exists { "IfExists" } else { "" }));
    let operator = prop_oneof![30 => operator, 1 => select(vec!["StringEqual".to_owned(), String::new()])];
    let key = select(vec![
        "aws:username",
        "aws:SourceIp",
        "aws:userid",
        "aws:MultiFactorAuthAge",
        "AWS:UserName",
        "a:b:c",
        "aws:x",
        "aws:ARN",
        "aws:ResourceTag/",
        "s3:prefix",
        "x",
        ":x",
        "x:",
        "",
    ]);
    let value = select(vec![
        json!("a"),
        json!("a*"),
        json!("*"),
        json!("true"),
        json!("FALSE"),
        json!(true),
        json!(1),
        json!(-1.5),
        json!(1e30),
        json!("1e3"),
        json!("12"),
        json!("2020-04-01"),
        json!("2020"),
        json!("1585699200"),
        json!("10.0.0.0/8"),
        json!("203.0.113.9/24"),
        json!("10.0.0.0/33"),
        json!("fd00::1"),
        json!("YQ=="),
        json!("arn:aws:s3:::b"),
        json!("${aws:username}"),
        json!("${aws:"),
        json!("${}"),
        json!("${a, 'true'}"),
        json!("${A, 'x}"),
        json!("${*}"),
        json!("İ${"),
        json!(""),
        json!([]),
        json!(["a", true]),
        json!([1, 2]),
        json!(["true", "false"]),
        json!(null),
        json!({}),
        json!([["a"]]),
        json!([null]),
    ]);
    let block = (operator, prop::collection::vec((key, value), 0..3)).prop_map(|(operator, keys)| {
        let keys: Map<String, Json> = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        json!({ operator: keys })
    });
    prop_oneof![20 => block, 1 => select(vec![json!([]), json!({}), json!({"Bool": "x"}), json!("x")])]
}

fn statement() -> impl Strategy<Value = Json> {
    let effect = mostly(vec![json!("Allow"), json!("Deny")], vec![json!("allow"), json!(1), json!(null)]);
    let sid = mostly(vec![json!("A"), json!("B"), json!("")], vec![json!("a b"), json!(7)]);
    let there = prop::bool::weighted(0.95);
    let mostly_plain = |names: [&'static str; 2]| prop_oneof![4 => Just(names[0]), 1 => Just(names[1])];
    (
        (prop::option::of(sid), effect, there, prop::option::weighted(0.6, condition())),
        (mostly_plain(["Principal", "NotPrincipal"]), prop::option::of(principal())),
        (mostly_plain(["Action", "NotAction"]), prop::option::weighted(0.95, action())),
        (mostly_plain(["Resource", "NotResource"]), prop::option::weighted(0.6, resource())),
        prop::option::weighted(0.05, select(vec!["Effects", "Action", "NotAction", "NotResource", "Principal"])),
    )
        .prop_map(|((sid, effect, there, condition), principal, action, resource, more)| {
            let mut object = Map::new();
            let mut add = |name: &str, value: Option<Json>| {
                value.map(|value| object.insert(name.to_owned(), value));
            };
            add("Sid", sid);
            add("Effect", there.then_some(effect));
            add("Condition", condition);
            add(principal.0, principal.1);
            add(action.0, action.1);
            add(resource.0, resource.1);
            more.into_iter().for_each(|name| add(name, Some(json!("*"))));
            Json::Object(object)
        })
}

fn document() -> impl Strategy<Value = String> {
    let version = mostly(
        vec![json!("2012-10-17"), json!("2012-10-17"), json!("2008-10-17")],
        vec![json!("2012-10-18"), json!("new"), json!(2012)],
    );
    let several = prop::collection::vec(statement(), 0..4).prop_map(Json::Array);
    let statements =
        prop_oneof![10 => statement(), 10 => several, 1 => select(vec![json!("x"), json!(["x"]), json!(null)])];
    let more = prop::option::weighted(0.1, select(vec![("Id", json!("x")), ("Id", json!(7)), ("Extra", json!(1))]));
    (prop::option::weighted(0.8, version), prop::option::weighted(0.97, statements), more).prop_map(
        |(version, statements, more)| {
            let mut object = Map::new();
            version.map(|version| object.insert("Version".to_owned(), version));
            statements.map(|statements| object.insert("Statement".to_owned(), statements));
            more.map(|(name, value)| object.insert(name.to_owned(), value));
            Json::Object(object).to_string()
        },
    )
}

/// A slip of the keyboard: a character less, one more, or another one.
fn slip() -> impl Strategy<Value = (Index, u8, char)> {
    let chars = select(vec!['"', '{', '}', '[', ']', ',', ':', '\\', '*', '$', 'A', '7', ' ', '\n', 'é', '\u{0}']);
    (any::<Index>(), 0_u8..3, chars)
}

fn mutated(text: &str, slips: &[(Index, u8, char)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (index, how, char) in slips {
        let at = index.index(chars.len() + 1);
        match how {
            0 if at < chars.len() => drop(chars.remove(at)),
            1 if at < chars.len() => chars[at] = *char,
            _ => chars.insert(at, *char),
        }
    }
    chars.into_iter().collect()
}

#[test]
fn the_documents_are_neither_all_good_nor_all_bad() {
    let mut runner = TestRunner::deterministic();
    let texts: Vec<String> = (0..1_000).map(|_| document().new_tree(&mut runner).unwrap().current()).collect();
    for kind in Kind::ALL {
        let accepted = texts.iter().filter(|text| Document::parse(text, kind).is_ok()).count();
        assert!((10..=900).contains(&accepted), "{kind:?} accepts {accepted} of {}", texts.len());
    }
}

fn hold_the_law(text: &str) -> Result<(), TestCaseError> {
    for kind in Kind::ALL {
        let findings = check(text, kind);
        let errors: Vec<_> = findings.iter().filter(|finding| finding.finding_type == FindingType::Error).collect();
        match Document::parse(text, kind) {
            Ok(_) => prop_assert!(errors.is_empty(), "{kind:?} accepts {text}\nbut {errors:#?}"),
            Err(why) => prop_assert!(!errors.is_empty(), "{kind:?} refuses {text}\nfor {}", why.detail()),
        }
        let length = text.chars().count();
        for location in findings.iter().flat_map(|finding| &finding.locations) {
            prop_assert!(
                location.span.start <= location.span.end && location.span.end.offset <= length,
                "{location:?}"
            );
        }
    }
    let _ = (guess(text), statement_spans(text));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn an_error_is_a_refusal_and_a_refusal_is_an_error(text in document()) {
        hold_the_law(&text)?;
    }

    #[test]
    fn also_after_slips_of_the_keyboard(text in document(), slips in prop::collection::vec(slip(), 1..3)) {
        hold_the_law(&mutated(&text, &slips))?;
    }
}
