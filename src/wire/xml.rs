//! Serde from an operation's output struct to AWS Query XML, and the envelopes around it.
//!
//! Source: the "AWS query protocol" page of the Smithy specification (response and error serialization), the example
//! responses of the IAM and STS API references, and XML 1.0 section 2.2 for the characters a document may hold.

mod serializer;

use serde::Serialize;
use thiserror::Error;

/// The namespace of every IAM answer.
pub const IAM_XMLNS: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
/// The namespace of every STS answer.
pub const STS_XMLNS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Whose mistake an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The caller's: status 4xx.
    Sender,
    /// Ours: status 5xx.
    Receiver,
}

/// Why a value cannot be written. All of these are mistakes in a struct, none depends on a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The outermost value must be a struct, because only its fields have names.
    #[error("an output must be a struct, not {0}")]
    NotAStruct(&'static str),
    /// A kind that the Query protocol has no form for, such as an enum variant with data.
    #[error("the query protocol has no form for {0}")]
    Unsupported(&'static str),
    /// A field or a flattened key that cannot be an element's name.
    #[error("`{0}` cannot be the name of an element")]
    BadName(String),
    /// The value's own `Serialize` failed.
    #[error("{0}")]
    Refused(String),
}

/// Appends the fields of a struct as elements: `None` is left out, lists are `member` elements, maps `entry` elements
/// with `key` and `value`, bytes base64. A unit writes nothing.
pub fn encode<T: Serialize + ?Sized>(value: &T, out: &mut String) -> Result<(), EncodeError> {
    value.serialize(serializer::Element { out, name: None })
}

/// The document of a success. `result` is the output struct; an operation that declares no output passes
/// `None::<&()>` and gets no `Result` element. `action` is the operation's own name, never the caller's text.
pub fn response<T: Serialize + ?Sized>(
    action: &str,
    xmlns: &str,
    result: Option<&T>,
    request_id: &str,
) -> Result<String, EncodeError> {
    let mut out = String::with_capacity(512);
    for part in ["<", action, "Response xmlns=\"", xmlns, "\">"] {
        out.push_str(part);
    }
    if let Some(result) = result {
        for part in ["<", action, "Result>"] {
            out.push_str(part);
        }
        encode(result, &mut out)?;
        for part in ["</", action, "Result>"] {
            out.push_str(part);
        }
    }
    out.push_str("<ResponseMetadata>");
    element(&mut out, "RequestId", request_id);
    for part in ["</ResponseMetadata></", action, "Response>"] {
        out.push_str(part);
    }
    Ok(out)
}

/// The document of a refusal or a failure.
pub fn error(xmlns: &str, code: &str, message: &str, fault: Fault, request_id: &str) -> String {
    let mut out = String::with_capacity(256 + message.len());
    for part in ["<ErrorResponse xmlns=\"", xmlns, "\"><Error>"] {
        out.push_str(part);
    }
    element(&mut out, "Type", if fault == Fault::Sender { "Sender" } else { "Receiver" });
    element(&mut out, "Code", code);
    element(&mut out, "Message", message);
    out.push_str("</Error>");
    element(&mut out, "RequestId", request_id);
    out.push_str("</ErrorResponse>");
    out
}

/// Appends text so that a parser reads the same text back. A carriage return is written as a reference, because parsers
/// turn a bare one into a line feed; characters that XML 1.0 forbids even as references become U+FFFD.
pub fn escape(text: &str, out: &mut String) {
    // Most text has nothing to escape, and a scan without branches sees that many bytes at a time. U+FFFE and U+FFFF
    // begin with the byte EF.
    let special = |byte: u8| byte < b' ' || byte == b'&' || byte == b'<' || byte == b'>' || byte == 0xef;
    if !text.bytes().fold(false, |found, byte| found | special(byte)) {
        out.push_str(text);
        return;
    }
    let mut plain = 0; // Start of what has not been copied yet.
    for (at, c) in text.char_indices() {
        let replacement = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '\r' => "&#13;",
            '\t' | '\n' => continue,
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        out.push_str(replacement);
        plain = at + c.len_utf8();
    }
    out.push_str(&text[plain..]);
}

fn element(out: &mut String, name: &str, text: &str) {
    open(out, name);
    escape(text, out);
    close(out, name);
}

fn open(out: &mut String, name: &str) {
    for part in ["<", name, ">"] {
        out.push_str(part);
    }
}

fn close(out: &mut String, name: &str) {
    for part in ["</", name, ">"] {
        out.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;
    use crate::wire::model::{Model, Service};

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tag {
        key: &'static str,
        value: String,
    }

    #[derive(Serialize)]
    enum Status {
        Active,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct User {
        user_name: &'static str,
        #[serde(rename = "MFADevices")]
        mfa_devices: Option<u8>,
        status: Status,
        is_truncated: bool,
        age: i64,
        share: f64,
        tags: Vec<Tag>,
        groups: Vec<&'static str>,
        summary: BTreeMap<&'static str, u32>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output {
        user: User,
    }

    fn user() -> User {
        User {
            user_name: "ana",
            mfa_devices: None,
            status: Status::Active,
            is_truncated: false,
            age: -3,
            share: 0.5,
            tags: vec![Tag { key: "a", value: "<&>\r\n\u{1}é\u{ffff}".into() }],
            groups: vec![],
            summary: [("Users", 2)].into(),
        }
    }

    #[test]
    fn a_response_is_as_aws_writes_it() {
        assert_eq!(
            response("CreateUser", IAM_XMLNS, Some(&Output { user: user() }), "r-1").unwrap(),
            "<CreateUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateUserResult><User>\
             <UserName>ana</UserName><Status>Active</Status><IsTruncated>false</IsTruncated><Age>-3</Age>\
             <Share>0.5</Share><Tags><member><Key>a</Key><Value>&lt;&amp;&gt;&#13;\n\u{fffd}é\u{fffd}</Value></member></Tags>\
             <Groups/><Summary><entry><key>Users</key><value>2</value></entry></Summary></User></CreateUserResult>\
             <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></CreateUserResponse>"
        );
    }

    #[test]
    fn each_special_character_is_seen_without_another_beside_it() {
        for (text, wanted) in [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"), ("\u{1f}", "\u{fffd}")] {
            let mut out = String::new();
            escape(text, &mut out);
            assert_eq!(out, wanted);
        }
        for (text, wanted) in
            [("\u{fffe}", "\u{fffd}"), ("\u{ffff}", "\u{fffd}"), ("\u{fefe}", "\u{fefe}"), ("\t\n", "\t\n")]
        {
            let mut out = String::new();
            escape(text, &mut out);
            assert_eq!(out, wanted);
        }
    }

    #[test]
    fn an_operation_without_output_has_no_result_and_an_empty_output_has_one() {
        let none = response("DeleteUser", IAM_XMLNS, None::<&()>, "r").unwrap();
        assert!(none.starts_with("<DeleteUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseM"));
        #[derive(Serialize)]
        struct Empty {}
        let empty = response("UpdateRole", IAM_XMLNS, Some(&Empty {}), "r").unwrap();
        assert!(empty.contains("<UpdateRoleResult></UpdateRoleResult>"));
    }

    #[test]
    fn an_error_is_as_aws_writes_it() {
        assert_eq!(
            error(STS_XMLNS, "ValidationError", "Value '<' at 'x'", Fault::Sender, "r-2"),
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>ValidationError</Code><Message>Value '&lt;' at 'x'</Message></Error>\
             <RequestId>r-2</RequestId></ErrorResponse>"
        );
        assert!(error(IAM_XMLNS, "ServiceFailure", "", Fault::Receiver, "").contains("<Type>Receiver</Type>"));
    }

    #[test]
    fn flattened_structs_are_fields_not_a_map() {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Page<T> {
            #[serde(flatten)]
            items: T,
            is_truncated: bool,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Groups {
            groups: Vec<u8>,
        }
        #[derive(Serialize)]
        struct Outer {
            page: Page<Groups>,
        }
        let mut out = String::new();
        let page = Page { items: Groups { groups: vec![1] }, is_truncated: true };
        encode(&Outer { page }, &mut out).unwrap();
        let page = "<Groups><member>1</member></Groups><IsTruncated>true</IsTruncated>";
        assert_eq!(out, format!("<page>{page}</page>"));
        out.clear();
        encode(&Page { items: Groups { groups: vec![1] }, is_truncated: true }, &mut out).unwrap();
        assert_eq!(out, page);
    }

    #[test]
    fn what_has_no_form_is_an_error_not_a_guess() {
        #[derive(Serialize)]
        enum Choice {
            Some(u8),
        }
        let mut out = String::new();
        assert!(matches!(encode("text", &mut out), Err(EncodeError::NotAStruct(_))));
        assert!(matches!(encode(&[1, 2], &mut out), Err(EncodeError::NotAStruct(_))));
        assert!(matches!(encode(&BTreeMap::from([("a b", Choice::Some(1))]), &mut out), Err(EncodeError::BadName(_))));
        #[derive(Serialize)]
        struct Field {
            choice: Choice,
        }
        assert!(matches!(encode(&Field { choice: Choice::Some(1) }, &mut out), Err(EncodeError::Unsupported(_))));
        encode(&(), &mut out).unwrap();
    }

    #[test]
    fn bytes_are_base64_and_units_are_nothing() {
        struct Raw(&'static [u8]);
        impl Serialize for Raw {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }
        #[derive(Serialize)]
        struct Blob {
            seed: Raw,
            nothing: (),
        }
        let mut out = String::new();
        encode(&Blob { seed: Raw(b"\xff\x00"), nothing: () }, &mut out).unwrap();
        assert_eq!(out, "<seed>/wA=</seed>");
    }

    #[test]
    fn the_namespaces_are_the_tables() {
        assert_eq!(Model::of(Service::Iam).xmlns(), IAM_XMLNS);
        assert_eq!(Model::of(Service::Sts).xmlns(), STS_XMLNS);
    }
}
