//! From JSON to a document: the envelope around the statements.
//!
//! Source: IAM User Guide, `reference_policies_grammar`; the sentences are those of the IAM API.

use super::document::{Document, Kind, Version};
use super::json::Json;
use super::malformed::{Fault, Malformed};
use super::statement::Reader;

pub(super) fn document(text: &str, kind: Kind) -> Result<Document, Malformed> {
    let json = Json::parse(text)
        .map_err(|why| Malformed::new(if kind.names_principals() { Fault::InvalidJson } else { Fault::Syntax }, why))?;
    of_json(json, kind)
}

pub(super) fn of_json(json: Json, kind: Kind) -> Result<Document, Malformed> {
    let Json::Object(mut object) = json else { return Err(syntax("a policy is a JSON object")) };
    let version = version(object.remove("Version"))?;
    let id = match object.remove("Id") {
        None => None,
        Some(Json::Text(id)) => Some(id),
        Some(_) => return Err(syntax("Id is a text")),
    };
    let statements = match object.remove("Statement") {
        Some(Json::List(items)) => items,
        Some(one @ Json::Object(_)) => vec![one],
        Some(_) => return Err(syntax("Statement is an object or a list of objects")),
        None if kind.names_principals() => {
            return Err(Malformed::new(Fault::MissingField("Statement"), "there is no Statement"));
        }
        None => return Err(syntax("there is no Statement")),
    };
    if let Some(unknown) = object.names().next() {
        return Err(unknown_element(kind, unknown, "the policy"));
    }
    if statements.is_empty() {
        return Err(syntax("Statement is an empty list"));
    }
    let mut read = Vec::with_capacity(statements.len());
    for (index, item) in statements.into_iter().enumerate() {
        let Json::Object(object) = item else { return Err(syntax(format!("statement {index} is not an object"))) };
        read.push(Reader { kind, version, index }.statement(object)?);
    }
    let mut sids: Vec<&str> = read.iter().filter_map(|(statement, _)| statement.sid.as_deref()).collect();
    sids.retain(|sid| !sid.is_empty());
    sids.sort_unstable();
    if let Some([sid, _]) = sids.array_windows().find(|[a, b]| a == b) {
        return Err(Malformed::new(Fault::SidTwice, format!("`{sid}` names two statements")));
    }
    Ok(Document::new(version, id, read))
}

fn version(json: Option<Json>) -> Result<Version, Malformed> {
    match json {
        None => Ok(Version::V2008),
        Some(Json::Text(text)) => match text.as_str() {
            "2008-10-17" => Ok(Version::V2008),
            "2012-10-17" => Ok(Version::V2012),
            other if is_date(other) => {
                Err(Malformed::new(Fault::Version, format!("`{other}` is no version of the language")))
            }
            other => Err(syntax(format!("`{other}` is no version of the language"))),
        },
        Some(_) => Err(syntax("Version is a text")),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() })
}

fn syntax(detail: impl Into<String>) -> Malformed {
    Malformed::new(Fault::Syntax, detail)
}

pub(super) fn unknown_element(kind: Kind, name: &str, place: &str) -> Malformed {
    let fault = if kind.names_principals() { Fault::UnknownField(name.to_owned()) } else { Fault::Syntax };
    Malformed::new(fault, format!("{place} has an unknown element `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, kind: Kind) -> String {
        document(text, kind).map_or_else(|malformed| malformed.to_string(), |_| "valid".to_owned())
    }

    #[test]
    fn the_envelope_is_checked_too() {
        let statement = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
        let sid = r#"{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
        for (text, sentence) in [
            (format!(r#"{{"Statement":{statement}}}"#), "valid"),
            (format!(r#"{{"Version":"2008-10-17","Id":"x","Statement":[{statement},{statement}]}}"#), "valid"),
            (
                format!(r#"{{"Version":"2011-10-17","Statement":{statement}}}"#),
                "Policy document must be version 2012-10-17 or greater.",
            ),
            (format!(r#"{{"Version":"new","Statement":{statement}}}"#), "Syntax errors in policy."),
            (format!(r#"{{"Version":20121017,"Statement":{statement}}}"#), "Syntax errors in policy."),
            (format!(r#"{{"Statement":{statement},"Extra":1}}"#), "Syntax errors in policy."),
            (format!(r#"{{"Statement":[{sid},{sid}]}}"#), "Statement IDs (SID) in a single policy must be unique."),
            (r#"{"Statement":[]}"#.to_owned(), "Syntax errors in policy."),
            (r#"{"Statement":["x"]}"#.to_owned(), "Syntax errors in policy."),
            (r#"{"Version":"2012-10-17"}"#.to_owned(), "Syntax errors in policy."),
            ("null".to_owned(), "Syntax errors in policy."),
            ("".to_owned(), "Syntax errors in policy."),
            (format!(r#"{{"Statement":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000)), "Syntax errors in policy."),
        ] {
            assert_eq!(fault(&text, Kind::Identity), sentence, "{}", text.get(..80).unwrap_or(&text));
        }
    }

    #[test]
    fn the_detail_says_where_and_what() {
        let text =
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringIs":{"a:b":"c"}}}]}"#;
        let malformed = document(text, Kind::Identity).err().unwrap();
        assert_eq!(malformed.detail(), "statement 0: there is no condition operator `StringIs`");
    }
}
