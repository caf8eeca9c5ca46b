//! An answer as the doors that speak JSON show it, written straight from what was decided: a tree of values in between would be most
//! of what an answer costs, and asking a serializer member by member most of the rest.

use super::Answered;
use crate::policy::{MatchedStatement, StatementEffect, StatementRef};
use crate::store::Revision;

impl Answered {
    /// Writes the answer to whether `action` is allowed as a JSON object, with `most` of its statements: the decision, and in its `context`
    /// all that is told beside it.
    pub fn write_json(&self, action: &str, most: usize, to: &mut Vec<u8>) {
        let written = Written {
            decision_id: self.decision_id.as_deref(),
            degraded: self.degraded,
            max_age: self.max_age,
            reason: &self.reason(action),
            revision: self.revision,
            is_allowed: self.is_allowed(),
        };
        written.write_json(self.statements().map(MatchedStatement::as_ref).take(most), to);
    }
}

/// What is told of an answer beside its statements.
pub(super) struct Written<'a> {
    pub(super) decision_id: Option<&'a str>,
    pub(super) degraded: bool,
    pub(super) max_age: i64,
    pub(super) reason: &'a str,
    pub(super) revision: Revision,
    pub(super) is_allowed: bool,
}

impl Written<'_> {
    /// As [`Answered::write_json`].
    pub(super) fn write_json<'s>(&self, statements: impl Iterator<Item = StatementRef<'s>>, to: &mut Vec<u8>) {
        to.extend_from_slice(b"{\"context\":{");
        if let Some(id) = self.decision_id {
            to.extend_from_slice(b"\"decision_id\":");
            text(id, to);
            to.push(b',');
        }
        // Told only of an answer that is.
        if self.degraded {
            to.extend_from_slice(b"\"degraded\":true,");
        }
        to.extend_from_slice(b"\"max_age\":");
        number(u64::try_from(self.max_age).unwrap_or_default(), to);
        to.extend_from_slice(b",\"reason\":");
        text(self.reason, to);
        to.extend_from_slice(b",\"revision\":");
        number(self.revision.0, to);
        to.extend_from_slice(b",\"statements\":[");
        for (at, one) in statements.enumerate() {
            if at > 0 {
                to.push(b',');
            }
            statement(one, to);
        }
        to.extend_from_slice(b"]},\"decision\":");
        to.extend_from_slice(if self.is_allowed { b"true}" } else { b"false}" });
    }
}

fn statement(one: StatementRef<'_>, to: &mut Vec<u8>) {
    to.extend_from_slice(match one.effect {
        StatementEffect::Allow => b"{\"effect\":\"Allow\",\"policy\":",
        StatementEffect::Deny => b"{\"effect\":\"Deny\",\"policy\":",
    });
    text(one.policy, to);
    to.extend_from_slice(b",\"sid\":");
    match one.sid {
        Some(sid) => text(sid, to),
        None => to.extend_from_slice(b"null"),
    }
    to.extend_from_slice(b",\"statement\":");
    number(u64::try_from(one.index).unwrap_or_default(), to);
    to.push(b'}');
}

/// A text. Hardly one has anything to be escaped, and looking for that in all of its bytes together costs less than one by one.
fn text(text: &str, to: &mut Vec<u8>) {
    let special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if text.bytes().fold(false, |any, byte| any | special(byte)) {
        // Writing into a Vec cannot fail.
        let _ = serde_json::to_writer(to, text);
    } else {
        to.push(b'"');
        to.extend_from_slice(text.as_bytes());
        to.push(b'"');
    }
}

fn number(number: u64, to: &mut Vec<u8>) {
    // Nor does this.
    let _ = serde_json::to_writer(to, &number);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::decision::Answer;
    use crate::policy::{Decision, Effect, Kind};
    use crate::store::Revision;

    fn answered(allowed: bool, policy: &str, sid: Option<&str>, revision: u64, max_age: i64) -> Answered {
        let matched = MatchedStatement {
            policy: policy.into(),
            kind: Kind::Identity,
            sid: sid.map(Into::into),
            index: 3,
            effect: if allowed { StatementEffect::Allow } else { StatementEffect::Deny },
        };
        let effect = if allowed { Effect::Allowed } else { Effect::ExplicitlyDenied };
        let decision = Decision { effect, statements: vec![matched; 2], missing: None };
        let revision = Revision(revision);
        let principal_arn = String::new();
        Answered {
            answer: Some(Answer { decision, revision, until: None, degraded: false, principal_arn }),
            nobody: "",
            revision,
            max_age,
            holds_for: None,
            degraded: false,
            foreign: false,
            decision_id: None,
            told: None,
            owner: None,
        }
    }

    fn written(answered: &Answered, most: usize) -> Value {
        let mut to = Vec::new();
        answered.write_json("s3:GetObject", most, &mut to);
        serde_json::from_slice(&to).expect("JSON")
    }

    #[test]
    fn what_is_rare_is_told_where_it_is_so() {
        let mut answered = answered(false, "p", None, 7, 0);
        let plain = written(&answered, 1);
        let statement = json!({ "effect": "Deny", "policy": "p", "sid": null, "statement": 3 });
        let reason = "denied with an explicit deny in an identity-based policy";
        let context = json!({ "max_age": 0, "reason": reason, "revision": 7, "statements": [statement] });
        assert_eq!(plain, json!({ "decision": false, "context": context }));
        (answered.degraded, answered.decision_id) = (true, Some("id\"1".to_owned()));
        let told = written(&answered, 1);
        assert_eq!((&told["context"]["degraded"], &told["context"]["decision_id"]), (&json!(true), &json!("id\"1")));
    }

    proptest! {
        #[test]
        fn it_reads_as_what_was_decided(
            allowed: bool,
            policy in any::<String>(),
            sid in proptest::option::of("[\\x00-\\x7f\u{e9}\u{2028}\u{1f600}]{0,8}"),
            revision: u64,
            max_age in 0..i64::MAX,
            most in 0..4_usize,
        ) {
            let read = written(&answered(allowed, &policy, sid.as_deref(), revision, max_age), most);
            let context = &read["context"];
            prop_assert_eq!(&read["decision"], &json!(allowed));
            prop_assert_eq!((&context["revision"], &context["max_age"]), (&json!(revision), &json!(max_age)));
            let effect = if allowed { "Allow" } else { "Deny" };
            let statement = json!({ "effect": effect, "policy": policy, "sid": sid, "statement": 3 });
            prop_assert_eq!(&context["statements"], &json!(vec![statement; most.min(2)]));
        }
    }
}
