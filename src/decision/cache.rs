//! The exact cache of decisions.
//!
//! A policy set knows which condition keys it reads, so a decision is kept under the principal's stamp, the action, the
//! resource and the values of just those keys. Time itself is not part of the key: a decision that read the time is kept no
//! longer than until the first moment at which time could change it.

use std::sync::Arc;

use moka::sync::Cache;

use crate::clock::Timestamp;
use crate::policy::{Decision, Fact, Facts, KeySet, MatchedStatement, PolicySet, Request};

/// Time runs on by itself, and every request has these keys; they are accounted for by [`Kept::until`] instead.
const PRESENT_TIME: [&str; 2] = ["aws:currenttime", "aws:epochtime"];
/// This one runs on too, but from a moment that differs between sessions, and long-lived keys do not have it at all: it stands
/// in the question as that moment.
const FACTOR_AGE: &str = "aws:multifactorauthage";

/// A decision and how long it holds.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) decision: Arc<Decision>,
    /// The first moment at which it may come out otherwise.
    pub(super) until: Option<Timestamp>,
}

/// Which policies a decision is made from: each has a stamp that nothing else ever had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamps {
    pub(super) principal: u64,
    pub(super) session: Option<u64>,
    pub(super) resource: Option<u64>,
}

/// Everything that a decision depends on, written out in full: two different questions never share a key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Question(Box<[u8]>);

impl Question {
    pub(super) fn new(stamps: Stamps, request: &Request<'_>, sets: &[&PolicySet], now: Timestamp) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&stamps.principal.to_le_bytes());
        for stamp in [stamps.session, stamps.resource] {
            // No stamp is 0.
            bytes.extend_from_slice(&stamp.unwrap_or(0).to_le_bytes());
        }
        put(&mut bytes, Some(&request.action.to_ascii_lowercase()));
        put(&mut bytes, Some(request.resource));
        put(&mut bytes, request.resource_account);
        for set in sets {
            put_keys(&mut bytes, set.keys(), request.context, now);
        }
        Self(bytes.into_boxed_slice())
    }
}

fn put_keys(bytes: &mut Vec<u8>, keys: &KeySet, facts: &dyn Facts, now: Timestamp) {
    for key in keys.iter() {
        let name = key.name();
        if PRESENT_TIME.contains(&name) {
            continue;
        }
        put(bytes, Some(name));
        match facts.fact(key) {
            None => put(bytes, None),
            Some(Fact::Number(age)) if name == FACTOR_AGE => put_value(bytes, Fact::Time(now.plus(-age))),
            Some(value) => put_value(bytes, value),
        }
    }
}

/// Kind and canonical text: `true` and `"true"` may be compared differently, so they are different values.
fn put_value(bytes: &mut Vec<u8>, value: Fact<'_>) {
    bytes.push(match value {
        Fact::Text(_) => 0,
        Fact::Bool(_) => 1,
        Fact::Number(_) => 2,
        Fact::Time(_) => 3,
        Fact::Ip(_) => 4,
        Fact::Bytes(_) => 5,
        Fact::List(_) => 6,
    });
    put(bytes, Some(&value.as_text()));
}

/// Length and bytes, so that neighbouring texts cannot run into each other; an absent text differs from an empty one.
fn put(bytes: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => bytes.extend_from_slice(&u32::MAX.to_le_bytes()),
        Some(text) => {
            bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX - 1).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

/// Holds decisions, bounded by their bytes: of their keys, and of the statements that they name.
#[derive(Debug)]
pub(super) struct Decisions(Cache<Question, Arc<Kept>>);

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Question({} bytes)", self.0.len())
    }
}

impl Decisions {
    pub(super) fn new(bytes: u64) -> Self {
        /// What an entry costs beyond its key and its statements, roughly.
        const OVERHEAD: usize = 400;
        let weigher = |question: &Question, kept: &Arc<Kept>| {
            let statements = kept.decision.statements.capacity() * size_of::<MatchedStatement>();
            u32::try_from(question.0.len() + statements + OVERHEAD).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(bytes).weigher(weigher).build())
    }

    /// A decision that still holds at `now`.
    pub(super) fn find(&self, question: &Question, now: Timestamp) -> Option<Arc<Kept>> {
        self.0.get(question).filter(|kept| kept.until.is_none_or(|until| now < until))
    }

    pub(super) fn keep(&self, question: Question, kept: Arc<Kept>) {
        self.0.insert(question, kept);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::{Context, Document, Kind, Policies, Policy, Principal, PrincipalKind, Value, evaluate};

    const NOW: Timestamp = Timestamp(1_795_488_000);

    /// Conditions over keys that differ between callers who share a principal, in every way in which a key can differ.
    const CONDITIONS: [&str; 9] = [
        r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"600"}}"#,
        r#"{"Null":{"aws:MultiFactorAuthAge":"true"}}"#,
        r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
        r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#,
        r#"{"StringEquals":{"aws:PrincipalTag/team":"red"}}"#,
        r#"{"StringNotEquals":{"aws:PrincipalTag/team":"red"}}"#,
        r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}"#,
        r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-11-24T00:00:00Z"}}"#,
        r#"{"StringLike":{"aws:userid":"${aws:PrincipalTag/team}*"}}"#,
    ];

    fn set() -> impl Strategy<Value = PolicySet> {
        let statement =
            (any::<bool>(), prop::sample::subsequence(&CONDITIONS[..], 0..=2)).prop_map(|(allow, chosen)| {
                let effect = if allow { "Allow" } else { "Deny" };
                let conditions: Vec<&str> = chosen.iter().map(|text| &text[1..text.len() - 1]).collect();
                // Two conditions with one operator would be one member twice, which is no policy.
                let operators: std::collections::HashSet<&str> = chosen.iter().map(|text| &text[..12]).collect();
                let conditions = if operators.len() == conditions.len() { conditions.join(",") } else { String::new() };
                format!(r#"{{"Effect":"{effect}","Action":"s:Do","Resource":"*","Condition":{{{conditions}}}}}"#)
            });
        prop::collection::vec(statement, 1..4).prop_map(|statements| {
            let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
            let document = Document::parse(&text, Kind::Identity).expect("a policy");
            PolicySet::new(vec![Arc::new(Policy::compile(&document, Kind::Identity, "p"))])
        })
    }

    fn context() -> impl Strategy<Value = Context> {
        let age = prop::option::of(prop::sample::select(vec![0_i64, 300, 599, 600, 900]));
        let team = prop::option::of(prop::sample::select(vec!["red", "blue", "", "true"]));
        let keys = prop::option::of(prop::sample::subsequence(vec!["a", "b", "c"], 0..=2));
        (age, prop::option::of(any::<bool>()), team, keys).prop_map(|(age, present, team, keys)| {
            let mut context = Context::new();
            context.set("aws:CurrentTime", NOW);
            context.set("aws:userid", "red1");
            if let Some(age) = age {
                context.set("aws:MultiFactorAuthAge", age);
            }
            if let Some(present) = present {
                context.set("aws:MultiFactorAuthPresent", present);
            }
            if let Some(team) = team {
                context.set("aws:PrincipalTag/team", team);
            }
            if let Some(keys) = keys {
                context.set("aws:TagKeys", keys.into_iter().map(str::to_owned).collect::<Vec<_>>());
            }
            context
        })
    }

    fn principal() -> Principal {
        Principal {
            kind: PrincipalKind::User,
            account: "111111111111".into(),
            arn: "arn:aws:iam::111111111111:user/u".into(),
            issuer_arn: None,
            unique_id: "AIDA".into(),
        }
    }

    fn request<'a>(principal: &'a Principal, context: &'a Context) -> Request<'a> {
        Request { principal, action: "s:Do", resource: "*", resource_account: None, context }
    }

    fn decide(set: &PolicySet, context: &Context) -> Decision {
        evaluate(&request(&principal(), context), &Policies::of(set)).explain()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// The cache never lends one caller's answer to another: two callers who would share a kept answer have the same one.
        #[test]
        fn whoever_shares_a_question_shares_its_answer(set in set(), one in context(), other in context()) {
            let principal = principal();
            let stamps = Stamps { principal: 1, session: None, resource: None };
            let question = |context| Question::new(stamps, &request(&principal, context), &[&set], NOW);
            if question(&one) == question(&other) {
                prop_assert_eq!(decide(&set, &one), decide(&set, &other));
            }
        }

        /// A kept answer is the answer until the moment that was said.
        #[test]
        fn a_kept_answer_holds_until_its_end(set in set(), context in context(), later in 1_i64..1_200) {
            let until = set.valid_until(NOW, &context);
            let then = NOW.plus(later);
            if until.is_none_or(|until| then < until) {
                let mut moved = context.clone();
                moved.set("aws:CurrentTime", then);
                if let Some(Value::Number(age)) = context.get(FACTOR_AGE) {
                    moved.set("aws:MultiFactorAuthAge", *age + later);
                }
                prop_assert_eq!(decide(&set, &context), decide(&set, &moved));
            }
        }
    }
}
