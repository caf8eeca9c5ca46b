//! A record as one line of JSON, byte for byte as serde writes [`Event`].
//!
//! Every request has a record, and of a record most is names of members and texts that need no escaping: they are copied as they are,
//! where a general writer looks at each byte of each.

use std::fmt::Write;

use serde::Serialize;

use super::event::{Event, UserIdentity};

/// The record as JSON.
///
/// # Errors
/// One of its values has no form as JSON.
pub(super) fn json(event: &Event<'_>) -> serde_json::Result<Vec<u8>> {
    /// Most records fit, so that few are moved while they are written.
    const USUAL: usize = 1_024;
    let mut out = Json(Vec::with_capacity(USUAL));
    out.text("{\"eventVersion\":", event.event_version)?;
    out.raw(",\"userIdentity\":");
    identity(&mut out, &event.user_identity)?;
    out.raw(",\"eventTime\":\"");
    // Digits and signs: nothing to escape, and writing into memory does not fail.
    let _ = write!(out, "{}", event.event_time);
    out.raw("\"");
    out.text(",\"eventSource\":", &event.event_source)?;
    out.text(",\"eventName\":", &event.event_name)?;
    out.text(",\"awsRegion\":", &event.aws_region)?;
    out.text(",\"sourceIPAddress\":", &event.source_ip_address)?;
    out.text(",\"userAgent\":", &event.user_agent)?;
    out.some_text(",\"errorCode\":", event.error_code.as_deref())?;
    out.some_text(",\"errorMessage\":", event.error_message.as_deref())?;
    out.value(",\"requestParameters\":", &event.request_parameters)?;
    out.value(",\"responseElements\":", &event.response_elements)?;
    if !event.additional_event_data.is_null() {
        out.value(",\"additionalEventData\":", &event.additional_event_data)?;
    }
    out.text(",\"requestID\":", &event.request_id)?;
    out.text(",\"eventID\":", &event.event_id)?;
    out.raw(if event.read_only { ",\"readOnly\":true" } else { ",\"readOnly\":false" });
    out.text(",\"eventType\":", event.event_type)?;
    out.raw(if event.management_event { ",\"managementEvent\":true" } else { ",\"managementEvent\":false" });
    out.text(",\"recipientAccountId\":", &event.recipient_account_id)?;
    out.text(",\"eventCategory\":", event.event_category)?;
    out.raw("}");
    Ok(out.0)
}

fn identity(out: &mut Json, by: &UserIdentity<'_>) -> serde_json::Result<()> {
    let given = |text: &'_ str| !text.is_empty();
    out.text("{\"type\":", by.kind)?;
    out.text(",\"principalId\":", &by.principal_id)?;
    out.some_text(",\"arn\":", Some(&*by.arn).filter(|text| given(text)))?;
    out.some_text(",\"accountId\":", Some(&*by.account_id).filter(|text| given(text)))?;
    out.some_text(",\"accessKeyId\":", Some(&*by.access_key_id).filter(|text| given(text)))?;
    out.some_text(",\"userName\":", by.user_name.as_deref())?;
    out.some_text(",\"identityProvider\":", by.identity_provider.as_deref())?;
    if let Some(session) = &by.session_context {
        out.value(",\"sessionContext\":", session)?;
    }
    out.raw("}");
    Ok(())
}

/// JSON that is being written.
struct Json(Vec<u8>);

impl Json {
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// `before`, and the text in quotes.
    fn text(&mut self, before: &str, text: &str) -> serde_json::Result<()> {
        self.raw(before);
        let special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        if text.bytes().fold(false, |found, byte| found | special(byte)) {
            return serde_json::to_writer(&mut self.0, text);
        }
        self.0.push(b'"');
        self.raw(text);
        self.0.push(b'"');
        Ok(())
    }

    fn some_text(&mut self, before: &str, text: Option<&str>) -> serde_json::Result<()> {
        text.map_or(Ok(()), |text| self.text(before, text))
    }

    fn value(&mut self, before: &str, value: &impl Serialize) -> serde_json::Result<()> {
        self.raw(before);
        serde_json::to_writer(&mut self.0, value)
    }
}

impl Write for Json {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.raw(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::event::SessionContext;
    use super::*;
    use crate::clock::Timestamp;

    fn session(issuer: Value, source: Option<String>) -> SessionContext {
        SessionContext { session_issuer: issuer, attributes: json!({}), source_identity: source, assumed_root: None }
    }

    proptest! {
        /// Whatever the texts are, and whichever there are: the record is what serde makes of it.
        #[test]
        fn a_record_is_written_as_serde_writes_it(
            texts in prop::collection::vec("[ -~\"\\\\é\u{0}-\u{1f}\u{7f}\u{2028}]{0,12}", 14),
            some in prop::collection::vec(any::<bool>(), 8),
            seconds in 0..253_402_300_799_i64,
        ) {
            let text = |at: usize| Cow::Borrowed(texts[at].as_str());
            let maybe = |at: usize| some[at].then(|| texts[at].clone());
            let event = Event {
                event_version: Event::VERSION,
                user_identity: UserIdentity {
                    kind: "IAMUser",
                    principal_id: text(0),
                    arn: if some[0] { text(1) } else { Cow::Borrowed("") },
                    account_id: maybe(1).unwrap_or_default(),
                    access_key_id: text(2),
                    user_name: maybe(2).map(Cow::Owned),
                    identity_provider: maybe(3),
                    session_context: some[4].then(|| session(json!({ "type": &texts[3] }), maybe(5))),
                },
                event_time: Timestamp(seconds),
                event_source: text(4),
                event_name: text(5),
                aws_region: text(6),
                source_ip_address: texts[7].clone(),
                user_agent: text(8),
                error_code: maybe(6),
                error_message: maybe(7),
                request_parameters: Cow::Owned(json!({ "a": &texts[9], "b": [1, null] })),
                response_elements: Value::Null,
                additional_event_data: if some[3] { json!({ "c": &texts[10] }) } else { Value::Null },
                request_id: text(11),
                event_id: texts[12].clone(),
                read_only: some[5],
                event_type: "AwsApiCall",
                management_event: true,
                recipient_account_id: texts[13].clone(),
                event_category: "Management",
            };
            let written = json(&event).expect("it has a form");
            prop_assert!(!written.contains(&b'\n'));
            prop_assert_eq!(String::from_utf8(written), String::from_utf8(serde_json::to_vec(&event).expect("it has a form")));
        }
    }
}
