//! Audit records of what an operator does on the store directly, without a request.

use serde_json::Value;

use crate::audit::{Event, UserIdentity};
use crate::clock::{Clock, Random};

/// The account of records that belong to no account.
pub const INSTALLATION: &str = "installation";

/// A record of `name`, done by whoever can read the master key.
pub fn event(
    name: &str,
    account: &str,
    parameters: Value,
    response: Value,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Event {
    let now = clock.now();
    Event {
        event_version: Event::VERSION,
        user_identity: UserIdentity {
            kind: "Operator",
            principal_id: String::new(),
            arn: String::new(),
            account_id: account.to_owned(),
            access_key_id: String::new(),
            user_name: None,
            identity_provider: None,
            session_context: None,
        },
        event_time: now.iso8601(),
        event_source: "brevet".to_owned(),
        event_name: name.to_owned(),
        aws_region: String::new(),
        source_ip_address: String::new(),
        user_agent: "brevet".to_owned(),
        error_code: None,
        error_message: None,
        request_parameters: parameters,
        response_elements: response,
        additional_event_data: Value::Null,
        request_id: String::new(),
        event_id: crate::types::random_uuid(random),
        read_only: false,
        event_type: "AwsApiCall",
        management_event: true,
        recipient_account_id: account.to_owned(),
        event_category: "Management",
        time: now,
    }
}
