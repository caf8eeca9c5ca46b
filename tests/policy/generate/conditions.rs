//! Conditions with every operator and qualifier, and the requests that they are about.

use brevet::clock::Timestamp;
use brevet::policy::{Context, Value};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value as Json, json};

use super::one_or_many;

/// One or more operators with keys and values.
pub fn condition(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Json> {
    prop::collection::vec(single(), count).prop_map(|conditions| {
        let mut all = json!({});
        for (operator, key, values) in conditions {
            all[operator][key] = values;
        }
        all
    })
}

fn single() -> impl Strategy<Value = (String, &'static str, Json)> {
    let qualified =
        |family: &'static str, names: Vec<&'static str>, keys: Vec<&'static str>, values: BoxedStrategy<Json>| {
            let set = select(vec!["", "", "", "ForAllValues:", "ForAnyValue:"]);
            let exists = select(vec!["", "", "IfExists"]);
            (set, select(names), exists, select(keys), values).prop_map(move |(set, name, exists, key, values)| {
                (format!("{set}{}{exists}", name.replace('_', family)), key, values)
            })
        };
    let ordered =
        || vec!["_Equals", "_NotEquals", "_LessThan", "_LessThanEquals", "_GreaterThan", "_GreaterThanEquals"];
    prop_oneof![
        8 => qualified(
            "String",
            vec!["_Equals", "_NotEquals", "_EqualsIgnoreCase", "_NotEqualsIgnoreCase", "_Like", "_NotLike"],
            vec!["aws:username", "AWS:UserName", "aws:PrincipalTag/Team", "aws:TagKeys", "k:text", "k:bool", "k:number"],
            one_or_many(vec![
                "ann", "ANN", "a*", "?nn", "*", "${aws:username}", "x${aws:PrincipalTag/team}", "${k:none}", "${aws:TagKeys}",
                "${k:none, 'ann'}", "", "ÄNN", "true", "1*",
            ]).boxed(),
        ),
        3 => qualified(
            "Arn",
            vec!["_Equals", "_Like", "_NotEquals", "_NotLike"],
            vec!["k:arn", "aws:TagKeys", "aws:username"],
            one_or_many(vec![
                "*", "**", "arn:aws:sns:*:1:t", "arn:*:t", "${k:arn}", "arn:aws:sns:eu:1:${aws:username}", "arn:aws:sns:e?:*:t*",
                "arn:aws:sns:eu*:*", "arn:*:*:*:*:*", "${k:none}", "arn:aws:sns:eu:1:t${*}",
            ]).boxed(),
        ),
        3 => qualified(
            "Numeric",
            ordered(),
            vec!["k:number", "k:text", "k:date"],
            one_or_many(vec![json!(0), json!("-1.5"), json!("10"), json!("+9.50"), json!(9.5), json!("010.0"), json!("-0")]).boxed(),
        ),
        3 => qualified(
            "Date",
            ordered(),
            vec!["aws:CurrentTime", "k:date", "k:number"],
            one_or_many(vec![
                json!("2020"), json!("2020-04"), json!("2020-04-01"), json!("2020-04-01T00:00Z"), json!("1585699200"),
                json!("2020-04-01T02:00:00+02:00"), json!("2020-03-31T22:30:00.25-01:30"), json!(1_585_699_199),
                json!("-86400"), json!("2020-02-29"),
            ]).boxed(),
        ),
        2 => qualified(
            "",
            vec!["IpAddress", "NotIpAddress"],
            vec!["aws:SourceIp", "k:text"],
            one_or_many(vec![
                "10.0.0.0/8", "10.1.2.3", "10.1.2.3/31", "2001:db8::/32", "2001:db8::1", "0.0.0.0/0", "::/0",
            ]).boxed(),
        ),
        1 => qualified(
            "",
            vec!["Bool"],
            vec!["k:bool", "k:text"],
            one_or_many(vec![json!("true"), json!("False"), json!(false), json!("${k:bool}")]).boxed(),
        ),
        1 => qualified(
            "",
            vec!["BinaryEquals"],
            vec!["k:raw", "k:text"],
            one_or_many(vec!["QQ==", "AQI=", "YW5u", ""]).boxed(),
        ),
        1 => (
            select(vec!["Null", "Null", "ForAnyValue:Null", "ForAllValues:Null"]),
            select(vec!["aws:username", "aws:TagKeys", "k:none", "k:text"]),
            one_or_many(vec![json!("true"), json!("False"), json!(true)]),
        ).prop_map(|(name, key, values)| (name.to_owned(), key, values)),
    ]
}

/// What a request knows: each key as often absent as not.
pub fn context() -> impl Strategy<Value = Context> {
    let text = || select(vec!["ann", "ann", "Ann", "xann", "", "*", "a:b", "änn", "true"]).prop_map(Value::from);
    let arn = select(vec![
        "arn:aws:sns:eu:1:t",
        "arn:aws:sns:eu:1:ann",
        "arn:aws:sns:eu:x:1:t",
        "arn:aws:sns:eu:1:t*",
        "no arn",
        "",
    ]);
    let tags = subsequence(vec!["ann", "bob", "", "arn:aws:sns:eu:1:t"], 0..=3);
    let number = prop_oneof![
        select(vec![
            "0",
            "-1.5",
            "9.5",
            "10.00",
            "11",
            "many",
            "1e1",
            ".5",
            "+0",
            " 10 ",
            "95E-1",
            "1e99999999999",
            "9.500000000000000000001",
            "1e",
            "."
        ])
        .prop_map(Value::from),
        select(vec![0_i64, -2, 10, 1_585_699_200]).prop_map(Value::from),
    ];
    let moments = vec![-86_400_i64, 1_585_699_199, 1_585_699_200, 1_585_699_201, 1_577_836_800];
    let date = prop_oneof![
        select(moments.clone()).prop_map(Value::from),
        select(moments.clone()).prop_map(|at| Value::from(Timestamp(at))),
        select(vec![
            "2020",
            "2020-04-01T00:00:00.250Z",
            "2020-04-01T01:00:00+01:00",
            "2020-13",
            "soon",
            "2020-02-29T24:00Z",
            "1585699200"
        ])
        .prop_map(Value::from),
    ];
    let ip = prop_oneof![
        select(vec!["10.1.2.3", "192.0.2.1", "2001:db8::1", "::ffff:10.1.2.2", "nowhere"]).prop_map(Value::from),
        select(vec!["10.1.2.2", "2001:db8:1::", "::ffff:10.9.9.9"])
            .prop_map(|ip| Value::from(ip.parse::<std::net::IpAddr>().unwrap())),
    ];
    let raw = prop_oneof![
        select(vec![vec![1_u8, 2], vec![b'A'], vec![]]).prop_map(Value::from),
        select(vec!["A", "ann", ""]).prop_map(Value::from),
    ];
    (
        [prop::option::of(text()), prop::option::of(text()), prop::option::of(text())],
        prop::option::of(tags.prop_map(|tags| Value::from(tags.into_iter().map(str::to_owned).collect::<Vec<_>>()))),
        prop::option::of(arn.prop_map(Value::from)),
        [prop::option::of(number.boxed()), prop::option::of(date.boxed()), prop::option::of(ip.boxed())],
        prop::option::of(any::<bool>().prop_map(Value::from)),
        (prop::option::of(raw), prop::option::of(select(moments).prop_map(|at| Value::from(Timestamp(at))))),
    )
        .prop_map(|([username, tag, text], tags, arn, [number, date, ip], bool, (raw, now))| {
            let values = [
                ("aws:username", username),
                ("aws:PrincipalTag/Team", tag),
                ("k:text", text),
                ("aws:TagKeys", tags),
                ("k:arn", arn),
                ("k:number", number),
                ("k:date", date),
                ("aws:SourceIp", ip),
                ("k:bool", bool),
                ("k:raw", raw),
                ("aws:CurrentTime", now),
            ];
            let mut context = Context::new();
            for (key, value) in values {
                if let Some(value) = value {
                    context.set(key, value);
                }
            }
            context
        })
}
