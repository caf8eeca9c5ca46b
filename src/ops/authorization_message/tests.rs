use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;
use crate::policy::{Decision, Effect, Kind, MatchedStatement, NearMiss, Operator, StatementEffect};

proptest! {
    /// However much a request carried, its message fits into what the operation takes back.
    #[test]
    fn a_message_is_never_too_long(
        conditions in prop::collection::vec(("\\PC{0,300}", prop::collection::vec("\\PC{0,400}", 0..30)), 0..20),
        statements in 0usize..200,
        resource in "[ -~]{0,1600}",
    ) {
        let statement = MatchedStatement {
            policy: "arn:aws:iam::111122223333:policy/some".into(),
            kind: Kind::Identity,
            sid: Some("x".repeat(128).into()),
            index: 0,
            effect: StatementEffect::Deny,
        };
        let denial = Denial {
            principal: "arn:aws:iam::111122223333:user/ann".to_owned(),
            principal_id: "AIDAEXAMPLE".to_owned(),
            principal_account: "111122223333".parse().unwrap(),
            action: "iam:CreateUser".to_owned(),
            resource,
            resource_account: None,
            named: None,
            decision: Decision {
                effect: Effect::ExplicitlyDenied,
                statements: vec![statement; statements],
                missing: None,
            },
            conditions,
            at: Timestamp(0),
        };
        let bytes = padded(&denial, "request").unwrap();
        // A version byte, nonce and tag come to it, and a third by base64.
        prop_assert!((bytes.len() + 64).div_ceil(3) * 4 <= 10_240, "{}", bytes.len());
        let told: Told<'_> = serde_json::from_slice(&bytes).unwrap();
        let fewer = told.conditions.len() < denial.conditions.len() || told.statements.len() < statements;
        prop_assert_eq!(told.cut, fewer || told.resource != denial.resource);
    }

    /// Nor does its length tell what the caller does not know: what nearly allowed, other statements, tags of the entity.
    #[test]
    fn its_length_tells_nothing_hidden(
        agent in "[a-z]{0,256}",
        statements in 0usize..60,
        sid in "[a-z]{0,128}",
        tag in "[a-z]{0,250}",
        near in any::<bool>(),
        path in "[a-z]{0,200}",
    ) {
        let statement = MatchedStatement {
            policy: "arn:aws:iam::111122223333:policy/some".into(),
            kind: Kind::Trust,
            sid: Some(sid.into()),
            index: 7,
            effect: StatementEffect::Allow,
        };
        let denial = |statements: usize, near: bool, tag: Option<&str>, path: &str| Denial {
            principal: "arn:aws:iam::111122223333:user/ann".to_owned(),
            principal_id: "AIDAEXAMPLE".to_owned(),
            principal_account: "111122223333".parse().unwrap(),
            action: "sts:AssumeRole".to_owned(),
            resource: format!("arn:aws:iam::444455556666:role/{path}r"),
            resource_account: Some("444455556666".parse().unwrap()),
            named: Some("role r".to_owned()),
            decision: Decision {
                effect: Effect::ImplicitlyDenied,
                statements: vec![statement.clone(); statements],
                missing: Some(crate::policy::Missing {
                    kind: Kind::Trust,
                    level: None,
                    near: near.then(|| NearMiss {
                        statement: statement.clone(),
                        key: "sts:externalid".to_owned(),
                        operator: Operator::parse("StringEquals").unwrap(),
                        absent: true,
                        expected: ["x".into()].into(),
                    }),
                }),
            },
            conditions: std::iter::once(("aws:UserAgent".to_owned(), vec![agent.clone()]))
                .chain(tag.map(|value| ("aws:ResourceTag/team".to_owned(), vec![value.to_owned()])))
                .collect(),
            at: Timestamp(0),
        };
        let nothing = padded(&denial(0, false, None, ""), "request").unwrap();
        let something = padded(&denial(statements, near, Some(&tag), &path), "request").unwrap();
        prop_assert_eq!(nothing.len(), something.len());
    }
}
