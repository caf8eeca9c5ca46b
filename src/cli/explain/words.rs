//! A record, in words. Nothing is said that the record does not say.

use std::fmt::Write as _;

use super::super::audit::printable;
use crate::audit::decisions::{Condition, Near, Record, RecordedStatement};
use crate::policy::Kind;

/// AWS's sentence for what came of it.
pub(super) fn sentence(record: &Record) -> String {
    let who = if record.subject.is_empty() { "nobody" } else { &record.subject };
    let (action, resource) = (&record.action, &record.resource);
    let because = match record.decision.as_str() {
        "allowed" => return format!("User: {who} is authorized to perform: {action} on resource: {resource}"),
        "explicitly_denied" => match record.statements.first() {
            Some(denies) => format!(" with an explicit deny in {}", with_article(&denies.kind)),
            None => String::new(),
        },
        "implicitly_denied" => match &record.missing {
            Some(missing) => format!(" because no {} allows the {action} action", missing.kind),
            None => String::new(),
        },
        "nobody" => format!(": {}", record.reason),
        _ => return format!("No decision could be made: {}", record.reason),
    };
    format!("User: {who} is not authorized to perform: {action} on resource: {resource}{because}")
}

/// What would have to change for it to be allowed; nothing where it is, or where the record does not tell.
pub(super) fn advice(record: &Record) -> Option<String> {
    let (action, resource) = (&record.action, &record.resource);
    match record.decision.as_str() {
        "explicitly_denied" => {
            let denies = record.statements.first()?;
            Some(format!(
                "No policy can allow it while that statement denies it: change {}, or what its conditions read.",
                denies.policy
            ))
        }
        "implicitly_denied" => {
            let missing = record.missing.as_ref()?;
            let kind = &missing.kind;
            let what = if *kind == Kind::Identity.name() {
                format!("Attach a policy to {} that allows {action} on {resource}", behind(&record.subject))
            } else if *kind == Kind::Boundary.name() {
                format!("The permissions boundary of {} has to allow {action} too", behind(&record.subject))
            } else if *kind == Kind::Session.name() {
                format!("The session was made with policies that bound it: make one whose policies allow {action}")
            } else if *kind == Kind::ServiceControl.name() || *kind == Kind::ResourceControl.name() {
                format!("A {kind} at {} has to allow {action}", level(missing.level))
            } else {
                format!("The {kind} of {resource} has to allow {action} to {}", record.subject)
            };
            let or = missing
                .near
                .as_ref()
                .map(|near| format!(", or fulfil the condition on {} in the nearest statement", near.key));
            Some(format!("{what}{}.", or.unwrap_or_default()))
        }
        _ => None,
    }
}

/// Everything that a record says, a line each.
pub(super) fn told(record: &Record) -> String {
    let mut text = String::new();
    let heading = match record.decision.as_str() {
        "allowed" => "ALLOWED",
        "unanswered" => "UNANSWERED",
        _ => "DENIED",
    };
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{}  {heading}  {}", printable(&record.time), printable(&record.id));
    let mut line = |name: &str, said: &str| {
        let name = if name.is_empty() { String::new() } else { format!("{name}:") };
        let _ = writeln!(text, "  {name:<11} {}", printable(said));
    };
    let door = if record.door.is_empty() { String::new() } else { format!(", at the door {}", record.door) };
    line("asked by", &format!("{}{door}", record.asker));
    if !record.subject.is_empty() && (record.subject != record.asker || !record.subject_id.is_empty()) {
        let id = if record.subject_id.is_empty() { String::new() } else { format!(" ({})", record.subject_id) };
        line("about", &format!("{}{id}", record.subject));
    }
    if let Some(session) = &record.session {
        let name = session.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        line("session", &format!("{name}jti {}, from {} until {}", session.jti, session.issued, session.expires));
    }
    line("action", &record.action);
    line("resource", &record.resource);
    line("answer", &sentence(record));
    for statement in &record.statements {
        let what = match (statement.effect.as_str(), record.decision.as_str()) {
            ("Deny", _) => "denied by",
            (_, "allowed") => "allowed by",
            // It allows, and something else must allow too.
            _ => "not enough",
        };
        line(what, &named(statement));
    }
    if let Some(missing) = &record.missing {
        let level = missing.level.map(|at| format!(" at {}", level(Some(at)))).unwrap_or_default();
        line("missing", &format!("{} that allows it{level}", with_article(&missing.kind)));
        if let Some(near) = &missing.near {
            line("nearest", &named(&near.statement));
            line("", &condition_of(near, record));
        }
    }
    for condition in &record.conditions {
        line("read", &format!("{} = {}", condition.key, found(condition)));
    }
    if !record.said.is_empty() {
        line("said", &record.said.join(", "));
    }
    if let Some(known) = knowledge(record) {
        line("knowledge", &known);
    }
    if record.one_in > 1 {
        line("sampled", &format!("this record stands for {} answers like it", record.one_in));
    }
    if record.cut {
        line("cut", "some of what was said, or matched, was too much for the record");
    }
    if let Some(advice) = advice(record) {
        line("to do", &advice);
    }
    text
}

/// What the decision was made on; the audit trail and messages do not tell.
fn knowledge(record: &Record) -> Option<String> {
    if record.revision == 0 {
        return None;
    }
    let degraded = if record.degraded { "; degraded: what was known may have been too old" } else { "" };
    let (revision, max_age) = (record.revision, record.max_age);
    Some(format!("every change up to revision {revision}; to be kept for {max_age} s at the most{degraded}"))
}

fn named(statement: &RecordedStatement) -> String {
    let sid = statement.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
    let number = statement.index.saturating_add(1);
    format!("statement {number}{sid} of {}, {}", statement.policy, with_article(&statement.kind))
}

fn condition_of(near: &Near, record: &Record) -> String {
    let expected = match &near.expected {
        Some(values) => format!("expects {} {}", near.operator, quoted(values)),
        None => format!("expects {} (what is not told here)", near.operator),
    };
    let read = record.conditions.iter().find(|condition| condition.key.eq_ignore_ascii_case(&near.key));
    let actual = match read {
        _ if near.absent => "the request did not carry it".to_owned(),
        Some(condition) => format!("it was {}", found(condition)),
        None => "its value was not recorded".to_owned(),
    };
    format!("would allow it but for its condition on {}: it {expected}; {actual}", near.key)
}

fn found(condition: &Condition) -> String {
    match (&condition.values, &condition.hashed, condition.removed) {
        (Some(values), ..) => quoted(values),
        (_, Some(hashes), _) => format!("(masked: {})", hashes.join(", ")),
        (.., Some(count)) => format!("(masked: {count} values)").replace("1 values", "1 value"),
        _ => "(not recorded)".to_owned(),
    }
}

fn quoted(values: &[String]) -> String {
    values.iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(", ")
}

fn level(level: Option<usize>) -> String {
    match level {
        Some(0) => "the root of the organization".to_owned(),
        Some(level) => format!("level {level} below the organization's root"),
        None => "its level of the organization".to_owned(),
    }
}

/// The user or role behind an ARN: policies are attached to the role, and not to its session.
fn behind(subject: &str) -> String {
    let role = subject.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next());
    role.map_or_else(|| subject.to_owned(), |role| format!("the role {role}"))
}

fn with_article(kind: &str) -> String {
    let article = if kind == Kind::Identity.name() {
        "an"
    } else if kind == Kind::Trust.name() {
        "the"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::decisions::RecordedMissing;

    fn statement(kind: Kind, effect: &str) -> RecordedStatement {
        RecordedStatement {
            policy: "arn:aws:iam::111122223333:policy/p".to_owned(),
            kind: kind.name().to_owned(),
            index: 1,
            sid: Some("NoWrites".to_owned()),
            effect: effect.to_owned(),
        }
    }

    fn denied(kind: Kind) -> Record {
        let near = Near {
            statement: statement(kind, "Allow"),
            key: "brevet:Resource/owner".to_owned(),
            operator: "StringEquals".to_owned(),
            absent: false,
            expected: Some(vec!["${aws:username}".to_owned()]),
        };
        let values = |key: &str, value: &str| Condition {
            key: key.to_owned(),
            values: Some(vec![value.to_owned()]),
            ..Condition::default()
        };
        Record {
            subject: "arn:aws:sts::111122223333:assumed-role/worker/night".to_owned(),
            action: "record:write".to_owned(),
            resource: "arn:aws:record::111122223333:r1".to_owned(),
            decision: "implicitly_denied".to_owned(),
            missing: Some(RecordedMissing { kind: kind.name().to_owned(), level: None, near: Some(near) }),
            conditions: vec![values("brevet:resource/OWNER", "bob"), values("aws:username", "alice")],
            revision: 7,
            ..Record::default()
        }
    }

    #[test]
    fn what_was_missing_is_told_with_what_would_help() {
        for (kind, advice) in [
            (Kind::Identity, "Attach a policy to the role worker that allows record:write"),
            (Kind::Boundary, "The permissions boundary of the role worker has to allow"),
            (Kind::Session, "The session was made with policies that bound it"),
            (Kind::Resource, "The resource-based policy of arn:aws:record::111122223333:r1 has to allow"),
            (Kind::ServiceControl, "A service control policy at its level"),
        ] {
            let text = told(&denied(kind));
            assert!(text.contains(advice), "{text}");
            assert!(text.contains(&format!("because no {} allows the record:write action", kind.name())), "{text}");
            assert!(text.contains("statement 2 (NoWrites) of arn:aws:iam::111122223333:policy/p"), "{text}");
            assert!(text.contains("expects StringEquals \"${aws:username}\"; it was \"bob\""), "{text}");
            assert!(text.contains("read:       aws:username = \"alice\""), "{text}");
        }
    }

    /// A log may say anything, such as that a statement is the last one that can be counted.
    #[test]
    fn a_statement_of_any_number_is_told() {
        let mut record = denied(Kind::Identity);
        record.statements = vec![RecordedStatement { index: usize::MAX, ..statement(Kind::Identity, "Allow") }];
        assert!(told(&record).contains(&format!("statement {} (NoWrites)", usize::MAX)));
    }

    #[test]
    fn masked_values_are_told_as_masked() {
        let mut record = denied(Kind::Identity);
        let near = record.missing.as_mut().and_then(|missing| missing.near.as_mut()).unwrap();
        near.expected = None;
        let key = "brevet:Resource/owner".to_owned();
        record.conditions = vec![Condition { key, removed: Some(1), ..Condition::default() }];
        let text = told(&record);
        assert!(text.contains("it was (masked: 1 value)") && !text.contains("bob"), "{text}");
    }

    #[test]
    fn a_denial_names_its_statement_and_no_text_speaks_to_the_terminal() {
        let record = Record {
            decision: "explicitly_denied".to_owned(),
            statements: vec![statement(Kind::Boundary, "Deny")],
            resource: "arn:aws:record:::\u{1b}[2J\nDENIED".to_owned(),
            ..denied(Kind::Boundary)
        };
        let text = told(&record);
        assert!(text.contains("with an explicit deny in a permissions boundary"), "{text}");
        assert!(text.contains("denied by:  statement 2 (NoWrites) of arn:aws:iam::111122223333:policy/p"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("\nDENIED"), "{text}");
    }
}
