//! Which kind of policy a text is, when nobody says.

use super::read::member;
use crate::policy::document::Kind;
use crate::policy::source::{self, Value};

/// The kind that a document seems to be of: one that names principals is about a resource when it names that too, and else
/// about the role that it is attached to. Everything else, and what cannot be read, is about an identity.
pub fn guess(text: &str) -> Kind {
    let Ok(root) = source::parse(text) else { return Kind::Identity };
    let Value::Object(entries) = &root.value else { return Kind::Identity };
    let statements = match member(entries, "Statement").map(|entry| &entry.value) {
        Some(node) => match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        },
        None => &[],
    };
    let has = |names: [&str; 2]| {
        statements.iter().any(|statement| match &statement.value {
            Value::Object(entries) => names.iter().any(|name| member(entries, name).is_some()),
            _ => false,
        })
    };
    match (has(["Principal", "NotPrincipal"]), has(["Resource", "NotResource"])) {
        (true, true) => Kind::Resource,
        (true, false) => Kind::Trust,
        (false, _) => Kind::Identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_tells_its_kind_by_its_elements() {
        for (text, kind) in [
            (r#"{"Statement":{"Action":"s3:*","Resource":"*"}}"#, Kind::Identity),
            (r#"{"Statement":[{"Principal":"*","Action":"s3:*","Resource":"*"}]}"#, Kind::Resource),
            (r#"{"Statement":{"NotPrincipal":"*","Action":"sts:AssumeRole"}}"#, Kind::Trust),
            (r#"{"Statement":7}"#, Kind::Identity),
            ("[]", Kind::Identity),
            ("{", Kind::Identity),
        ] {
            assert_eq!(guess(text), kind, "{text}");
        }
    }
}
