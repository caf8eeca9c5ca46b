//! Condition keys as documents spell them: what people are told must be what they wrote, though case does not count in a key.
//!
//! Source: IAM API Reference, `GetContextKeysForCustomPolicy`.

use std::collections::HashSet;

use super::document::{Document, Statement, Version};
use super::template::variable_end;

/// The condition keys that documents read, in conditions and as variables, in the order and in the spelling of the text (that
/// of conditions is by operator and key). A key that is spelled in several ways is there once, as it was written first.
pub fn written_keys<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Vec<String> {
    let mut keys = Vec::new();
    let mut known = HashSet::new();
    for document in documents {
        let variables = document.version() == Version::V2012;
        for statement in document.statements() {
            each_key(statement, variables, &mut |key| {
                if known.insert(key.to_ascii_lowercase()) {
                    keys.push(key.to_owned());
                }
            });
        }
    }
    keys
}

fn each_key(statement: &Statement, variables: bool, tell: &mut impl FnMut(&str)) {
    let of_text = |text: &str, tell: &mut dyn FnMut(&str)| {
        if variables {
            each_variable(text, tell);
        }
    };
    if let Some(resources) = &statement.resources {
        resources.values.iter().for_each(|value| of_text(value, tell));
    }
    for condition in &statement.conditions {
        tell(&condition.key);
        condition.values.iter().for_each(|value| of_text(value, tell));
    }
}

/// The keys of the variables in a text: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`; `${*}` and its like are none.
fn each_variable(text: &str, tell: &mut dyn FnMut(&str)) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let Some((inside, behind)) = variable_end(after) else { return };
        let key = inside.split_once(',').map_or(inside, |(key, _)| key).trim();
        if !matches!(key, "*" | "?" | "$") {
            tell(key);
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Kind, Policy, PolicySet};

    fn document(version: &str, statement: &str) -> Document {
        Document::parse(&format!(r#"{{"Version":"{version}","Statement":{{{statement}}}}}"#), Kind::Identity).unwrap()
    }

    const STATEMENT: &str = r#""Effect":"Allow","Action":"s3:*",
        "Resource":["arn:aws:s3:::b/${aws:UserName}/${*}","arn:aws:s3:::b/${aws:PrincipalTag/Team, 'a}b'}/${AWS:username}"],
        "Condition":{"StringLike":{"s3:Prefix":["x${aws:userid}"]},"Null":{"aws:TagKeys":"true"}}"#;

    #[test]
    fn keys_are_told_once_and_as_they_are_written() {
        let keys = written_keys([&document("2012-10-17", STATEMENT), &document("2012-10-17", STATEMENT)]);
        assert_eq!(keys, ["aws:UserName", "aws:PrincipalTag/Team", "aws:TagKeys", "s3:Prefix", "aws:userid"]);
    }

    #[test]
    fn the_old_version_has_no_variables() {
        assert_eq!(written_keys([&document("2008-10-17", STATEMENT)]), ["aws:TagKeys", "s3:Prefix"]);
    }

    #[test]
    fn the_keys_are_those_that_a_compiled_policy_reads() {
        for version in ["2012-10-17", "2008-10-17"] {
            let document = document(version, STATEMENT);
            let set = PolicySet::new(vec![Policy::compile(&document, Kind::Identity, "p").into()]);
            let mut written: Vec<_> = written_keys([&document]).iter().map(|key| key.to_ascii_lowercase()).collect();
            written.sort();
            assert_eq!(set.keys().iter().map(|key| key.name()).collect::<Vec<_>>(), written, "{version}");
        }
    }
}
