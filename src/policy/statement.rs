//! From JSON to a statement: every rule about its elements.
//!
//! Source: IAM User Guide, `reference_policies_grammar` and the pages of the elements; the sentences are those of the IAM API.

use super::compile::Matcher;
use super::document::{Condition, Kind, Listed, PrincipalList, Statement, StatementEffect, Version};
use super::json::{Json, Object};
use super::malformed::{Fault, Malformed};
use super::operator::Operator;
use super::parse::unknown_element;
use super::principal::account_of;
use super::resource;

const STATEMENT_ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// Reads one statement.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub(super) kind: Kind,
    pub(super) version: Version,
    /// The place of the statement in the policy, from 0.
    pub(super) index: usize,
}

impl Reader {
    pub(super) fn statement(self, mut object: Object) -> Result<(Statement, Matcher), Malformed> {
        if let Some(unknown) = object.names().find(|name| !STATEMENT_ELEMENTS.contains(name)) {
            return Err(unknown_element(self.kind, unknown, &format!("statement {}", self.index)));
        }
        let sid = self.sid(object.remove("Sid"))?;
        let effect = self.effect(object.remove("Effect"))?;
        let principals = self.principals(&mut object)?;
        let actions = self.actions(&mut object)?;
        let resources = self.resources(&mut object)?;
        let conditions = match object.remove("Condition") {
            None => Vec::new(),
            Some(Json::Object(operators)) => self.conditions(operators)?,
            Some(_) => return Err(self.syntax("Condition is an object")),
        };
        let matcher = Matcher::new(
            self.version,
            sid.as_deref(),
            effect,
            principals.as_ref(),
            &actions,
            resources.as_ref(),
            &conditions,
        )
        .map_err(|why| self.malformed(Fault::LegacyParsing, why))?;
        Ok((Statement { sid, effect, principals, actions, resources, conditions }, matcher))
    }

    fn sid(self, json: Option<Json>) -> Result<Option<String>, Malformed> {
        match json {
            None => Ok(None),
            Some(Json::Text(sid)) if self.kind == Kind::Resource || sid.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Ok(Some(sid))
            }
            Some(Json::Text(sid)) => Err(self.malformed(Fault::SidCharacters, format!("Sid is `{sid}`"))),
            Some(_) => Err(self.syntax("Sid is a text")),
        }
    }

    fn effect(self, json: Option<Json>) -> Result<StatementEffect, Malformed> {
        match json {
            Some(Json::Text(text)) if text == "Allow" => Ok(StatementEffect::Allow),
            Some(Json::Text(text)) if text == "Deny" => Ok(StatementEffect::Deny),
            // Near enough for IAM's grammar, and not for what reads it next.
            Some(Json::Text(text)) if ["allow", "deny"].iter().any(|effect| text.eq_ignore_ascii_case(effect)) => {
                Err(self.malformed(Fault::LegacyParsing, "Effect is neither Allow nor Deny: case counts"))
            }
            Some(_) => Err(self.syntax("Effect is neither Allow nor Deny")),
            None if self.kind.names_principals() => Err(self.missing("Effect")),
            None => Err(self.syntax("there is no Effect")),
        }
    }

    fn principals(self, object: &mut Object) -> Result<Option<PrincipalList>, Malformed> {
        let (negated, json) = match self.twins(object, "Principal", "NotPrincipal")? {
            None if self.kind.names_principals() => return Err(self.missing("Principal")),
            None => return Ok(None),
            Some(_) if !self.kind.names_principals() => {
                let detail = "only trust policies and policies of resources name principals";
                return Err(self.malformed(Fault::PrincipalInIdentityPolicy, detail));
            }
            Some(found) => found,
        };
        if self.kind == Kind::ResourceControl && (negated || json != Json::Text("*".to_owned())) {
            return Err(self.syntax("a resource control policy is about everybody: its Principal is \"*\""));
        }
        if self.kind == Kind::Trust && negated {
            let field = Fault::ProhibitedField("NotPrincipal".to_owned());
            return Err(self.malformed(field, "a trust policy names whom it trusts"));
        }
        let mut list = PrincipalList { negated, ..PrincipalList::default() };
        match json {
            Json::Text(text) if text == "*" => list.everyone = true,
            Json::Object(types) if !types.is_empty() => {
                for (kind, values) in types {
                    self.principal_values(&mut list, &kind, values)?;
                }
            }
            Json::Object(_) => return Err(self.missing("Principal")),
            Json::Text(text) => return Err(self.principal("AWS", &text)),
            _ => return Err(self.syntax("Principal is \"*\" or an object")),
        }
        Ok(Some(list))
    }

    fn principal_values(self, list: &mut PrincipalList, kind: &str, json: Json) -> Result<(), Malformed> {
        let values = self.texts(json, "Principal")?;
        if values.is_empty() {
            return Err(self.missing("Principal"));
        }
        for value in values {
            let plain = !value.is_empty() && !value.contains(['*', '?', '$', ' ']);
            match kind {
                "AWS" if value == "*" => list.everyone = true,
                "AWS" if is_aws_principal(&value) => list.aws.push(value),
                "Service" if plain => list.services.push(value),
                "Federated" if plain => list.federated.push(value),
                "CanonicalUser" if plain && self.kind == Kind::Resource => list.canonical_users.push(value),
                _ => return Err(self.principal(kind, &value)),
            }
        }
        Ok(())
    }

    fn actions(self, object: &mut Object) -> Result<Listed, Malformed> {
        let Some((negated, json)) = self.twins(object, "Action", "NotAction")? else {
            return Err(if self.kind == Kind::Trust {
                self.missing("Action")
            } else {
                self.malformed(Fault::NoActions, "there is neither Action nor NotAction")
            });
        };
        let values = self.texts(json, "Action")?;
        if values.is_empty() {
            return Err(self.malformed(Fault::NoActions, "the list of actions is empty"));
        }
        for action in &values {
            self.action(action)?;
        }
        Ok(Listed { negated, values })
    }

    fn action(self, action: &str) -> Result<(), Malformed> {
        let of_trust = |vendor: &str| self.kind != Kind::Trust || vendor.eq_ignore_ascii_case("sts");
        let detail = || format!("action `{action}`");
        if action == "*" {
            return if of_trust(action) { Ok(()) } else { Err(self.malformed(Fault::NotAssumeRole, detail())) };
        }
        let (vendor, name) = action.split_once(':').ok_or_else(|| self.malformed(Fault::NoVendor, detail()))?;
        if name.contains(':') {
            return Err(self.malformed(Fault::TwoColons, detail()));
        }
        if vendor.is_empty() {
            return Err(self.malformed(Fault::NoVendor, detail()));
        }
        if vendor != "*" && !vendor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Err(self.malformed(Fault::Vendor(vendor.to_owned()), detail()));
        }
        let printable = |b: u8| b.is_ascii_graphic() && !b"\"'$`{}<>\\".contains(&b);
        if name.is_empty() || !name.bytes().all(printable) {
            return Err(self.malformed(Fault::LegacyParsing, detail()));
        }
        if of_trust(vendor) { Ok(()) } else { Err(self.malformed(Fault::NotAssumeRole, detail())) }
    }

    fn resources(self, object: &mut Object) -> Result<Option<Listed>, Malformed> {
        let Some((negated, json)) = self.twins(object, "Resource", "NotResource")? else {
            return match self.kind {
                Kind::Trust => Ok(None),
                Kind::Resource | Kind::ResourceControl => Err(self.missing("Resource")),
                _ => Err(self.malformed(Fault::NoResources, "there is neither Resource nor NotResource")),
            };
        };
        if self.kind == Kind::Trust {
            let name = if negated { "NotResource" } else { "Resource" };
            return Err(self.malformed(Fault::ProhibitedField(name.to_owned()), "a trust policy is about its own role"));
        }
        let values = self.texts(json, "Resource")?;
        if values.is_empty() {
            return Err(self.malformed(Fault::NoResources, "the list of resources is empty"));
        }
        for resource in &values {
            self.resource(resource)?;
        }
        Ok(Some(Listed { negated, values }))
    }

    fn resource(self, resource: &str) -> Result<(), Malformed> {
        if resource == "*" {
            return Ok(());
        }
        resource::check(resource).map_err(|(fault, why)| self.malformed(fault, why))
    }

    fn conditions(self, operators: Object) -> Result<Vec<Condition>, Malformed> {
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            let operator = Operator::parse(&name)
                .ok_or_else(|| self.syntax(format!("there is no condition operator `{name}`")))?;
            let Json::Object(keys) = keys else {
                return Err(self.syntax(format!("`{name}` is followed by an object of keys")));
            };
            for (key, values) in keys {
                match key.split_once(':') {
                    Some((vendor, rest)) if !vendor.is_empty() && !rest.is_empty() => {}
                    _ => return Err(self.malformed(Fault::NoVendor, format!("condition key `{key}`"))),
                }
                let values = self.values(values, &key)?;
                if values.is_empty() {
                    return Err(self.syntax(format!("condition key `{key}` has no values")));
                }
                conditions.push(Condition { operator, key: key.into_owned(), values });
            }
        }
        Ok(conditions)
    }

    /// The values of a condition key, where quotes around numbers and booleans are optional.
    fn values(self, json: Json, key: &str) -> Result<Vec<String>, Malformed> {
        let items = match json {
            Json::List(items) => items,
            one => vec![one],
        };
        items
            .into_iter()
            .map(|item| match item {
                Json::Text(text) | Json::Number(text) => Ok(text),
                Json::Bool(value) => Ok(value.to_string()),
                _ => Err(self.syntax(format!("a value of condition key `{key}` is no text, number or boolean"))),
            })
            .collect()
    }

    /// A text or a list of texts.
    fn texts(self, json: Json, element: &str) -> Result<Vec<String>, Malformed> {
        let items = match json {
            Json::List(items) => items,
            one => vec![one],
        };
        items
            .into_iter()
            .map(|item| match item {
                Json::Text(text) => Ok(text),
                _ => Err(self.syntax(format!("{element} is a text or a list of texts"))),
            })
            .collect()
    }

    /// Takes an element or its `Not…` twin; both at once is an error.
    fn twins(self, object: &mut Object, plain: &str, negated: &str) -> Result<Option<(bool, Json)>, Malformed> {
        match (object.remove(plain), object.remove(negated)) {
            (Some(_), Some(_)) => Err(self.syntax(format!("both {plain} and {negated} are given"))),
            (Some(json), None) => Ok(Some((false, json))),
            (None, Some(json)) => Ok(Some((true, json))),
            (None, None) => Ok(None),
        }
    }

    fn principal(self, kind: &str, value: &str) -> Malformed {
        let fault = Fault::Principal { kind: kind.to_owned(), value: value.to_owned() };
        self.malformed(fault, format!("`{value}` cannot be a principal of type {kind}"))
    }

    fn missing(self, element: &'static str) -> Malformed {
        self.malformed(Fault::MissingField(element), format!("there is no {element}"))
    }

    fn syntax(self, detail: impl AsRef<str>) -> Malformed {
        self.malformed(Fault::Syntax, detail)
    }

    fn malformed(self, fault: Fault, detail: impl AsRef<str>) -> Malformed {
        Malformed::new(fault, format!("statement {}: {}", self.index, detail.as_ref()))
    }
}

/// An account, a user, a role, a session, or the unique id that is left when one of them was deleted. Never a part of a name.
pub(super) fn is_aws_principal(value: &str) -> bool {
    if account_of(value).is_some() {
        return true;
    }
    let Some(arn) = value.strip_prefix("arn:") else {
        let id = ["AIDA", "AROA"].iter().any(|prefix| value.starts_with(prefix));
        return id && value.len() > 4 && value.bytes().all(|b| b.is_ascii_graphic() && !b"*?$\"".contains(&b));
    };
    let mut parts = arn.splitn(5, ':');
    let (Some(partition), Some(service), Some(region), Some(account), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let kinds: &[&str] = match service {
        "iam" => &["user/", "role/"],
        "sts" => &["assumed-role/", "federated-user/"],
        _ => return false,
    };
    let names = |prefix: &&str| {
        resource.strip_prefix(prefix).is_some_and(|name| !name.is_empty() && (service != "sts" || !name.ends_with('/')))
    };
    !partition.is_empty()
        && partition.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && kinds.iter().any(names)
        && !resource.contains(['*', '?', '$', ' ', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Document;

    fn fault(text: &str, kind: Kind) -> String {
        Document::parse(text, kind).map_or_else(|malformed| malformed.to_string(), |_| "valid".to_owned())
    }

    fn identity(elements: &str) -> String {
        fault(&format!(r#"{{"Version":"2012-10-17","Statement":{{{elements}}}}}"#), Kind::Identity)
    }

    fn trust(elements: &str) -> String {
        fault(&format!(r#"{{"Version":"2012-10-17","Statement":[{{{elements}}}]}}"#), Kind::Trust)
    }

    #[test]
    fn principals_are_whole_names() {
        for value in [
            "123456789012",
            "arn:aws:iam::123456789012:root",
            "arn:aws-cn:iam::123456789012:user/a/b",
            "arn:aws:iam::123456789012:role/r",
            "arn:aws:sts::123456789012:assumed-role/r/s",
            "arn:aws:sts::123456789012:federated-user/f",
            "AIDAEXAMPLE",
            "AROAEXAMPLE:s",
        ] {
            assert!(is_aws_principal(value), "{value}");
        }
        for value in [
            "",
            "12345678901",
            "arn:aws:iam::123456789012:user/*",
            "arn:aws:iam::123456789012:group/g",
            "arn:aws:iam::*:root",
            "arn:*ws:iam::123456789012:user/u",
            "arn:aws:iam::123456789012:user/",
            "arn:aws:sts::123456789012:assumed-role/r/",
            "arn:aws:s3:::b",
            "arn:aws:iam:eu:123456789012:user/u",
            "arn:aws:iam::123456789012:user/${aws:username}",
            "AGPAEXAMPLE",
            "root",
        ] {
            assert!(!is_aws_principal(value), "{value}");
        }
    }

    #[test]
    fn a_statement_must_be_whole() {
        for (elements, sentence) in [
            (r#""Effect":"Allow","Action":"s3:*","Resource":"*""#, "valid"),
            (r#""Effect":"Allow","NotAction":["s3:*"],"NotResource":["arn:aws:s3:::b"]"#, "valid"),
            (r#""Effect":"Allow","Resource":"*""#, "Policy statement must contain actions."),
            (r#""Effect":"Allow","Action":[],"Resource":"*""#, "Policy statement must contain actions."),
            (r#""Effect":"Allow","Action":"s3:*""#, "Policy statement must contain resources."),
            (r#""Effect":"Allow","Action":"s3:*","Resource":[]"#, "Policy statement must contain resources."),
            (r#""Action":"s3:*","Resource":"*""#, "Syntax errors in policy."),
            (r#""Effect":"allow","Action":"s3:*","Resource":"*""#, "The policy failed legacy parsing"),
            (r#""Effect":"permit","Action":"s3:*","Resource":"*""#, "Syntax errors in policy."),
            (r#""Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*""#, "Syntax errors in policy."),
            (r#""Effect":"Allow","Action":{"a":"b"},"Resource":"*""#, "Syntax errors in policy."),
            (r#""Effect":"Allow","Action":"s3:*","Resource":7"#, "Syntax errors in policy."),
            (r#""Effect":"Allow","Action":"s3:*","Resource":"*","Extra":1"#, "Syntax errors in policy."),
            (r#""Effect":"Allow","Effect":"Deny","Action":"s3:*","Resource":"*""#, "Syntax errors in policy."),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*""#,
                "Policy document should not specify a principal.",
            ),
            (
                r#""Effect":"Allow","Action":"GetObject","Resource":"*""#,
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ),
            (r#""Effect":"Allow","Action":"s3:a:b","Resource":"*""#, "Actions/Condition can contain only one colon."),
            (r#""Effect":"Allow","Action":"s?:Get","Resource":"*""#, "Vendor s? is not valid"),
            (r#""Effect":"Allow","Action":"s3:","Resource":"*""#, "The policy failed legacy parsing"),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"bucket""#,
                r#"Resource bucket must be in ARN format or "*"."#,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3""#,
                "Resource arn:aws:s3 can not contain region information.",
            ),
            (r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3*""#, "valid"),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn::s3:::b""#,
                r#"Partition "" is not valid for resource "arn::s3:::b"."#,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:${aws:RequestedRegion}:1:b""#,
                "The policy failed legacy parsing",
            ),
            (
                r#""Sid":"a b","Effect":"Allow","Action":"s3:*","Resource":"*""#,
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
            ),
        ] {
            assert_eq!(identity(elements), sentence, "{elements}");
        }
    }

    #[test]
    fn conditions_are_checked_when_they_are_read() {
        for (condition, sentence) in [
            ("{}", "valid"),
            (r#"{"StringEquals":{}}"#, "valid"),
            (
                r#"{"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"aws:MultiFactorAuthAge":[3600,"60"]}}"#,
                "valid",
            ),
            (r#"{"StringEqual":{"aws:username":"a"}}"#, "Syntax errors in policy."),
            (r#"{"NullIfExists":{"aws:username":"true"}}"#, "Syntax errors in policy."),
            (r#"{"StringEquals":"a"}"#, "Syntax errors in policy."),
            (r#"{"StringEquals":{"aws:username":[]}}"#, "Syntax errors in policy."),
            (r#"{"StringEquals":{"aws:username":null}}"#, "Syntax errors in policy."),
            (r#"{"StringEquals":{"aws:username":[["a"]]}}"#, "Syntax errors in policy."),
            (
                r#"{"StringEquals":{"username":"a"}}"#,
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ),
            (r#"{"DateLessThan":{"aws:CurrentTime":"soon"}}"#, "The policy failed legacy parsing"),
            (r#"{"StringLike":{"aws:username":"${aws:"}}"#, "The policy failed legacy parsing"),
            ("[]", "Syntax errors in policy."),
        ] {
            let elements = format!(r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{condition}"#);
            assert_eq!(identity(&elements), sentence, "{condition}");
        }
    }

    #[test]
    fn a_trust_policy_names_principals_and_no_resource() {
        for (elements, sentence) in [
            (r#""Sid":"","Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole""#, "valid"),
            (r#""Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","sts:TagSession"]"#, "valid"),
            (
                r#""Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity""#,
                "valid",
            ),
            (r#""Effect":"Allow","Action":"sts:AssumeRole""#, "Missing required field Principal"),
            (r#""Effect":"Allow","Principal":{},"Action":"sts:AssumeRole""#, "Missing required field Principal"),
            (r#""Principal":"*","Action":"sts:AssumeRole""#, "Missing required field Effect"),
            (r#""Effect":"Allow","Principal":"*""#, "Missing required field Action"),
            (
                r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*""#,
                "Has prohibited field Resource",
            ),
            (r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Foo":"*""#, "Unknown field Foo"),
            (
                r#""Effect":"Allow","Principal":"*","Action":"s3:*""#,
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ),
            (
                r#""Effect":"Allow","Principal":"*","Action":"*""#,
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ),
            (
                r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/*"},"Action":"sts:AssumeRole""#,
                r#"Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/*""#,
            ),
            (
                r#""Effect":"Allow","Principal":{"Group":"g"},"Action":"sts:AssumeRole""#,
                r#"Invalid principal in policy: "Group":"g""#,
            ),
        ] {
            assert_eq!(trust(elements), sentence, "{elements}");
        }
        assert_eq!(fault("{", Kind::Trust), "This policy contains invalid Json");
    }
}
