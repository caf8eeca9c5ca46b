//! Credentials as the document that AWS's tools read from a `credential_process`.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Process credential provider": version 1, the expiration in ISO 8601.

use serde::{Deserialize, Serialize};

use super::sts::SessionCredentials;
use crate::clock::Timestamp;
use crate::types::secret::SecretText;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document<T> {
    version: u32,
    access_key_id: T,
    secret_access_key: T,
    session_token: T,
    expiration: T,
}

/// The document on one line, without a line end.
pub fn to_json(credentials: &SessionCredentials) -> SecretText {
    let expiration = credentials.expiration.iso8601();
    let document = Document {
        version: 1,
        access_key_id: credentials.access_key_id.as_str(),
        secret_access_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.expose(),
        expiration: expiration.as_str(),
    };
    // A struct of strings and a number always serialises.
    SecretText::new(serde_json::to_string(&document).unwrap_or_default())
}

/// The credentials in a document; `None` if it is not such a document.
pub fn from_json(json: &[u8]) -> Option<SessionCredentials> {
    let document: Document<String> = serde_json::from_slice(json).ok()?;
    Some(SessionCredentials {
        access_key_id: document.access_key_id,
        secret_access_key: SecretText::new(document.secret_access_key),
        session_token: SecretText::new(document.session_token),
        expiration: Timestamp::parse_iso8601(&document.expiration).filter(|_| document.version == 1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"Version":1,"AccessKeyId":"ASIAX","SecretAccessKey":"s\"x","SessionToken":"t","Expiration":"2026-11-24T02:41:41Z"}"#;

    #[test]
    fn documents_read_back_as_they_were_written() {
        let credentials = from_json(JSON.as_bytes()).expect("a document");
        assert_eq!(credentials.secret_access_key.expose(), "s\"x");
        assert_eq!(to_json(&credentials).expose(), JSON);
    }

    #[test]
    fn other_documents_are_not_credentials() {
        for json in ["", "{}", &JSON.replace(":1,", ":2,"), &JSON.replace("2026-11-24T", "soon ")] {
            assert!(from_json(json.as_bytes()).is_none(), "{json}");
        }
    }
}
