//! Answers of the Query protocol in JSON, for whoever asks for it with `Accept: application/json`.
//!
//! AWS does not document the form. It is what its services answer, and what programs read that hand a presigned
//! `GetCallerIdentity` on, such as aws-iam-authenticator: the elements of the XML as members, lists without `member`, moments as
//! seconds since 1970.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::model::{Kind, Member, Operation, Shape};
use super::xml::{EncodeError, Fault};
use crate::clock::Timestamp;

/// The document of a success; as [`super::xml::response`].
///
/// # Errors
/// The output cannot be written.
pub fn response<T: Serialize + ?Sized>(
    operation: &Operation,
    result: Option<&T>,
    request_id: &str,
) -> Result<String, EncodeError> {
    let name = &operation.name;
    let mut document = Map::new();
    if let (Some(result), Some(members)) = (result, &operation.output) {
        let value = serde_json::to_value(result).map_err(|error| EncodeError::Refused(error.to_string()))?;
        document.insert(format!("{name}Result"), structure(members, value));
    }
    document.insert("ResponseMetadata".to_owned(), json!({ "RequestId": request_id }));
    Ok(written(&json!({ format!("{name}Response"): document })))
}

/// The document of a refusal or a failure; as [`super::xml::error`].
pub fn error(code: &str, message: &str, fault: Fault, request_id: &str) -> String {
    let kind = match fault {
        Fault::Sender => "Sender",
        Fault::Receiver => "Receiver",
    };
    written(&json!({ "Error": { "Code": code, "Message": message, "Type": kind }, "RequestId": request_id }))
}

/// The document's text, in which nothing looks like markup. Whoever hands a signed request on may expect XML and be lenient: then what
/// a caller wrote into a name must not pass for an element of the answer.
fn written(document: &Value) -> String {
    // Outside of strings JSON has none of these characters.
    document.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn structure(members: &[Member], value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let shape_of = |name: &str| members.iter().find(|member| member.name == name).map(|member| &*member.shape);
    let written = fields.into_iter().map(|(name, value)| {
        let value = match shape_of(&name) {
            Some(shape) => of_shape(shape, value),
            None => value,
        };
        (name, value)
    });
    Value::Object(written.collect())
}

fn of_shape(shape: &Shape, value: Value) -> Value {
    match (&shape.kind, value) {
        (Kind::Structure(members), value) => structure(members, value),
        (Kind::List(element), Value::Array(values)) => {
            values.into_iter().map(|value| of_shape(element, value)).collect()
        }
        (Kind::Timestamp, Value::String(text)) => {
            Timestamp::parse_iso8601(&text).map_or(Value::String(text), |moment| Value::from(moment.seconds()))
        }
        (_, value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::model::{Model, Service};

    fn read(action: &str, output: &Value) -> Value {
        let operation = Model::of(Service::Sts).operation(action).unwrap();
        serde_json::from_str(&response(operation, Some(output), "id-1").unwrap()).unwrap()
    }

    #[test]
    fn the_elements_of_the_xml_are_members() {
        let output = json!({ "UserId": "AIDA", "Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/\"" });
        let document = read("GetCallerIdentity", &output);
        let expected = json!({ "GetCallerIdentityResponse": {
            "GetCallerIdentityResult": output, "ResponseMetadata": { "RequestId": "id-1" } } });
        assert_eq!(document, expected);
    }

    #[test]
    fn moments_are_numbers() {
        let credentials = json!({ "AccessKeyId": "ASIA", "Expiration": "2026-11-24T02:41:41Z" });
        let document = read("GetSessionToken", &json!({ "Credentials": credentials }));
        let result = &document["GetSessionTokenResponse"]["GetSessionTokenResult"]["Credentials"];
        assert_eq!(result, &json!({ "AccessKeyId": "ASIA", "Expiration": 1_795_488_101 }));
    }

    /// Vault once took XML inside a JSON answer for the answer (CVE-2020-16250).
    #[test]
    fn nothing_in_it_looks_like_markup() {
        let text = "<GetCallerIdentityResponse>&amp;</GetCallerIdentityResponse>";
        let operation = Model::of(Service::Sts).operation("GetCallerIdentity").unwrap();
        let answer = response(operation, Some(&json!({ "Arn": text })), text).unwrap();
        let refusal = error("ValidationError", text, Fault::Sender, text);
        for document in [answer, refusal] {
            assert!(!document.contains(['<', '>', '&']), "{document}");
            let read: Value = serde_json::from_str(&document).unwrap();
            assert!(read.to_string().matches(text).count() == 2, "{read}");
        }
    }

    #[test]
    fn errors_have_their_type() {
        let document: Value =
            serde_json::from_str(&error("AccessDenied", "no \"way\"", Fault::Sender, "id-2")).unwrap();
        let told = json!({ "Code": "AccessDenied", "Message": "no \"way\"", "Type": "Sender" });
        assert_eq!(document, json!({ "Error": told, "RequestId": "id-2" }));
    }
}
