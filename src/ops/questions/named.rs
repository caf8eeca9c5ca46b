//! What a question calls actions and resources, in IAM's terms: `read` on the record `r1` is `record:read` on
//! `arn:aws:record::111122223333:r1`.

use std::borrow::Cow;

use super::Refusal;
use crate::types::{AccountId, Arn, Realm};

/// Bytes of an action's name.
const LONGEST_ACTION: usize = 256;
/// Bytes of a resource's id that is no ARN.
const LONGEST_ID: usize = 1_024;
/// Bytes of a resource's type.
const LONGEST_TYPE: usize = 64;

/// The IAM action: `service:Name` as it stands; a name alone is one of the resource's type.
///
/// # Errors
/// It can be no action: it has wildcards, or characters that no action has.
pub fn action<'a>(name: &'a str, resource_type: &str) -> Result<Cow<'a, str>, Refusal> {
    let plain = name.len() <= LONGEST_ACTION && name.bytes().all(|b| b.is_ascii_graphic() && b != b'*' && b != b'?');
    match name.bytes().position(|byte| byte == b':') {
        Some(colon) if plain && (1..name.len() - 1).contains(&colon) => Ok(Cow::Borrowed(name)),
        None if plain && !name.is_empty() => {
            let service = service(resource_type).ok_or_else(|| {
                Refusal::bad(format!(
                    "`action.name` must have the form service:Action, such as reports:Read, where `resource.type` is no name of \
                     a service: 1 to {LONGEST_TYPE} letters, digits, `-`, `_` or `.`"
                ))
            })?;
            Ok(Cow::Owned(format!("{service}:{name}")))
        }
        _ => Err(Refusal::bad(
            "`action.name` must be a name such as read, or have the form service:Action, such as reports:Read",
        )),
    }
}

/// The ARN: as it stands; any other id is one of the asker's account and of its type.
///
/// # Errors
/// It can be no ARN, or the type cannot be part of one.
pub fn resource(realm: &Realm, asker: AccountId, kind: &str, id: &str) -> Result<Arn, Refusal> {
    if id.starts_with("arn:") {
        let arn: Arn = id.parse().map_err(|_| {
            Refusal::bad("`resource.id` must be an ARN, such as arn:aws:reports:::q3, or begin otherwise")
        })?;
        // An account that cannot be one would count as none, and the resource as the subject's own.
        return match arn.owner() {
            "" | "aws" => Ok(arn),
            _ if arn.account().is_some() => Ok(arn),
            _ => Err(Refusal::bad("the account in `resource.id` must have twelve digits, or be empty")),
        };
    }
    if id.is_empty() || id.len() > LONGEST_ID {
        return Err(Refusal::bad(format!("`resource.id` must have 1 to {LONGEST_ID} bytes")));
    }
    let service = service(kind).ok_or_else(|| {
        Refusal::bad(format!(
            "`resource.type` must have 1 to {LONGEST_TYPE} letters, digits, `-`, `_` or `.` where `resource.id` is no ARN"
        ))
    })?;
    let arn = format!("arn:{}:{service}::{asker}:{id}", realm.partition);
    arn.parse().map_err(|_| Refusal::bad("`resource.id` has characters that no ARN has"))
}

/// The type as the name of a service.
fn service(kind: &str) -> Option<&str> {
    let fits = (1..=LONGEST_TYPE).contains(&kind.len())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    fits.then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(kind: &str, id: &str) -> Result<String, String> {
        let realm = Realm { partition: "aws".to_owned(), region: "us-east-1".to_owned() };
        let account = "111122223333".parse().unwrap();
        resource(&realm, account, kind, id).map(|arn| arn.to_string()).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_name_alone_is_of_the_resources_type() {
        assert_eq!(action("read", "record").unwrap(), "record:read");
        assert_eq!(action("s3:GetObject", "record").unwrap(), "s3:GetObject");
        assert_eq!(arn("record", "r1").unwrap(), "arn:aws:record::111122223333:r1");
        assert_eq!(arn("record", "a/b:c").unwrap(), "arn:aws:record::111122223333:a/b:c");
        assert_eq!(arn("record", "arn:aws:s3:::b/k").unwrap(), "arn:aws:s3:::b/k");
    }

    #[test]
    fn what_could_mean_something_else_in_an_arn_or_a_policy_is_refused() {
        for (name, kind) in [
            ("", "t"),
            ("*", "t"),
            ("re?d", "t"),
            ("read", ""),
            ("read", "a:b"),
            ("read", "a*"),
            (":x", "t"),
            ("x:", "t"),
            ("a b", "t"),
        ] {
            assert!(action(name, kind).is_err(), "{name} {kind}");
        }
        for (kind, id) in
            [("", "x"), ("a:b", "x"), ("a/b", "x"), ("t*", "x"), ("t", ""), ("t", "arn:aws:s3::12:b"), ("t", "arn:x")]
        {
            assert!(arn(kind, id).is_err(), "{kind} {id}");
        }
    }
}
