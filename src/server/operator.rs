//! Audit records of what an operator does on the store directly, without a request.

use std::borrow::Cow;

use serde_json::Value;

use crate::audit::{Event, UserIdentity};
use crate::clock::{Clock, Random};

/// The account of records that belong to no account.
pub const INSTALLATION: &str = "installation";

/// A record of `name`, done by whoever can read the master key.
pub fn event<'a>(
    name: &'a str,
    account: &str,
    parameters: Value,
    response: Value,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Event<'a> {
    let now = clock.now();
    Event {
        event_version: Event::VERSION,
        user_identity: UserIdentity {
            kind: "Operator",
            principal_id: "".into(),
            arn: "".into(),
            account_id: account.to_owned(),
            access_key_id: "".into(),
            user_name: None,
            identity_provider: None,
            session_context: None,
        },
        event_time: now,
        event_source: "brevet".into(),
        event_name: name.into(),
        aws_region: "".into(),
        source_ip_address: String::new(),
        user_agent: "brevet".into(),
        error_code: None,
        error_message: None,
        request_parameters: Cow::Owned(parameters),
        response_elements: response,
        additional_event_data: Value::Null,
        request_id: "".into(),
        event_id: crate::types::random_uuid(random),
        read_only: false,
        event_type: "AwsApiCall",
        management_event: true,
        recipient_account_id: account.to_owned(),
        event_category: "Management",
    }
}
