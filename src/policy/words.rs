//! A policy in plain words: one line for each statement, for people who decide whether it is what they meant.
//!
//! Nothing is left out and nothing is judged: whoever reads the lines has read the document.

use std::fmt::Write as _;

use super::document::{Condition, Document, Listed, PrincipalList, Statement, StatementEffect};

impl Document {
    /// The statements in words, in the order of the text.
    pub fn in_words(&self) -> Vec<String> {
        self.statements().iter().map(Statement::in_words).collect()
    }
}

impl Statement {
    fn in_words(&self) -> String {
        let mut words = String::new();
        if let Some(sid) = &self.sid {
            // Writing into a String cannot fail.
            let _ = write!(words, "{sid}: ");
        }
        words.push_str(match self.effect {
            StatementEffect::Allow => "allows ",
            StatementEffect::Deny => "denies ",
        });
        if let Some(principals) = &self.principals {
            words.push_str(&who(principals));
            words.push(' ');
        }
        words.push_str(&listed(&self.actions, "every action"));
        if let Some(resources) = &self.resources {
            let _ = write!(words, " on {}", listed(resources, "every resource"));
        }
        for (number, condition) in self.conditions.iter().enumerate() {
            words.push_str(if number == 0 { ", if " } else { " and " });
            words.push_str(&when(condition));
        }
        words
    }
}

fn listed(list: &Listed, all: &str) -> String {
    let everything = list.values.iter().any(|value| value == "*");
    match (list.negated, everything) {
        (false, true) => all.to_owned(),
        (false, false) => quoted(&list.values),
        (true, _) => format!("{all} but {}", quoted(&list.values)),
    }
}

fn who(principals: &PrincipalList) -> String {
    let named = [&principals.aws, &principals.services, &principals.federated, &principals.canonical_users];
    let mut all: Vec<&str> = named.into_iter().flatten().map(String::as_str).collect();
    if principals.everyone {
        all.insert(0, "everybody");
    }
    let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
    if principals.negated { format!("everybody but {}", quoted(&all)) } else { quoted(&all) }
}

fn when(condition: &Condition) -> String {
    format!("{} {} {}", condition.key, condition.operator, quoted(&condition.values))
}

fn quoted(values: &[String]) -> String {
    let mut values: Vec<&str> = values.iter().map(String::as_str).collect();
    let Some(last) = values.pop() else { return "nothing".to_owned() };
    if values.is_empty() { last.to_owned() } else { format!("{} or {last}", values.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Kind;

    fn words(text: &str, kind: Kind) -> Vec<String> {
        Document::parse(text, kind).unwrap().in_words()
    }

    #[test]
    fn a_statement_is_a_line_that_leaves_nothing_out() {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":"*","Resource":"*"},
            {"Sid":"NoUsers","Effect":"Deny","NotAction":["iam:Get*","iam:List*"],"Resource":["arn:aws:iam::*:user/a","arn:aws:iam::*:user/b"],
             "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"},"StringNotLike":{"aws:username":["x*","y"]}}},
            {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"NotResource":"arn:aws:s3:::secret/*"}]}"#;
        let expected = [
            "allows every action on every resource",
            "NoUsers: denies every action but iam:Get* or iam:List* on arn:aws:iam::*:user/a or arn:aws:iam::*:user/b, \
             if aws:MultiFactorAuthPresent Bool false and aws:username StringNotLike x* or y",
            "allows s3:GetObject, s3:PutObject or s3:DeleteObject on every resource but arn:aws:s3:::secret/*",
        ];
        assert_eq!(words(text, Kind::Identity), expected);
        let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333",
            "Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
        assert_eq!(words(trust, Kind::Trust), ["allows 111122223333 or ec2.amazonaws.com sts:AssumeRole"]);
    }
}
