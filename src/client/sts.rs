//! The STS operations that the command line and the sidecar need, with typed inputs and answers.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html>. The broker checks patterns and
//! limits; here nothing is checked twice, but by whoever would go on asking in vain: [`AssumeRole::check`].

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::xml::Answer;
use super::{Broker, ClientError};
use crate::clock::Timestamp;
use crate::sigv4::Credentials;
use crate::types::Arn;
use crate::types::secret::SecretText;
use crate::wire::model::{Model, Service};
use crate::wire::tree::Node;
use crate::wire::validate::validate;

/// The version that every STS request names.
const VERSION: &str = "2011-06-15";
/// The bytes that stand for themselves in a form (RFC 3986, section 2.3).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An MFA device and the code that it shows.
#[derive(Debug, Clone)]
pub struct MfaProof {
    /// The device's ARN or serial number.
    pub serial: String,
    /// The six digits; good for one call.
    pub code: SecretText,
}

/// What `AssumeRole` is asked for.
#[derive(Debug, Clone, Default)]
pub struct AssumeRole {
    /// The role to become.
    pub role_arn: String,
    /// The session's name, which ends the session's ARN.
    pub session_name: String,
    /// How long, in seconds; the broker's default when absent.
    pub duration_seconds: Option<u32>,
    /// The secret-less password between two accounts that the trust policy may ask for.
    pub external_id: Option<String>,
    /// A session policy (JSON) that narrows what the role may do.
    pub policy: Option<String>,
    /// ARNs of managed policies that narrow it too.
    pub policy_arns: Vec<String>,
    /// A proof of MFA.
    pub mfa: Option<MfaProof>,
    /// Session tags: key and value.
    pub tags: Vec<(String, String)>,
    /// Keys of the tags that pass on to the next role in a chain.
    pub transitive_tag_keys: Vec<String>,
    /// Who is behind the session.
    pub source_identity: Option<String>,
}

/// Credentials that expire.
#[derive(Debug, Clone)]
pub struct SessionCredentials {
    /// `ASIA…`.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretText,
    /// The session token.
    pub session_token: SecretText,
    /// When they expire.
    pub expiration: Timestamp,
}

impl SessionCredentials {
    /// The same, to sign with.
    pub fn to_sign_with(&self) -> Credentials {
        Credentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: Some(self.session_token.clone()),
        }
    }
}

/// What `AssumeRole` answers.
#[derive(Debug, Clone)]
pub struct AssumedRole {
    /// The session's credentials.
    pub credentials: SessionCredentials,
    /// The session's ARN.
    pub arn: String,
    /// The role's unique id and the session's name, joined by a colon.
    pub assumed_role_id: String,
    /// How much of the room for policies and tags the session takes, in per cent.
    pub packed_policy_size: Option<u32>,
    /// Who is behind the session.
    pub source_identity: Option<String>,
}

/// What `GetCallerIdentity` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account's twelve digits.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
    /// The caller's unique id.
    pub user_id: String,
}

impl AssumeRole {
    fn form(&self) -> Form {
        let mut form = Form::new("AssumeRole");
        form.add("RoleArn", &self.role_arn);
        form.add("RoleSessionName", &self.session_name);
        form.add_number("DurationSeconds", self.duration_seconds);
        form.add_some("ExternalId", self.external_id.as_deref());
        form.add_some("Policy", self.policy.as_deref());
        for (n, arn) in (1..).zip(&self.policy_arns) {
            form.add(&format!("PolicyArns.member.{n}.arn"), arn);
        }
        for (n, (key, value)) in (1..).zip(&self.tags) {
            form.add(&format!("Tags.member.{n}.Key"), key);
            form.add(&format!("Tags.member.{n}.Value"), value);
        }
        for (n, key) in (1..).zip(&self.transitive_tag_keys) {
            form.add(&format!("TransitiveTagKeys.member.{n}"), key);
        }
        form.add_some("SourceIdentity", self.source_identity.as_deref());
        form.add_mfa(self.mfa.as_ref());
        form
    }

    /// Whether any broker could say yes to this: AWS's constraints are met, ARNs are those of a role and of policies, a policy is JSON.
    ///
    /// # Errors
    /// What is wrong, in AWS's words as far as it has any.
    pub fn check(&self) -> Result<(), NeverGranted> {
        let form = self.form();
        // Its own encoding is read again as the broker reads it.
        let form =
            crate::wire::form::Form::parse(form.0.as_bytes()).map_err(|error| NeverGranted(error.to_string()))?;
        let tree = Node::of(&form).map_err(|error| NeverGranted(error.to_string()))?;
        if let Some(operation) = Model::of(Service::Sts).operation("AssumeRole") {
            validate(operation, &tree).map_err(|violations| NeverGranted(violations.to_string()))?;
        }
        if !is_arn_of(&self.role_arn, "role") {
            return Err(NeverGranted(format!("`{}` is not the ARN of a role", self.role_arn)));
        }
        if let Some(wrong) = self.policy_arns.iter().find(|arn| !is_arn_of(arn, "policy")) {
            return Err(NeverGranted(format!("`{wrong}` is not the ARN of a managed policy")));
        }
        if let Some(policy) = &self.policy {
            serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(policy)
                .map_err(|why| NeverGranted(format!("the session policy is not a JSON object: {why}")))?;
        }
        Ok(())
    }
}

fn is_arn_of(text: &str, kind: &str) -> bool {
    text.parse::<Arn>()
        .is_ok_and(|arn| arn.service() == "iam" && arn.name_of_kind(kind).is_some_and(|name| !name.is_empty()))
}

/// A request that no broker grants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NeverGranted(String);

impl Broker {
    /// Becomes a role for a time.
    pub async fn assume_role(&self, input: &AssumeRole, as_caller: &Credentials) -> Result<AssumedRole, ClientError> {
        let form = input.form();
        let answer = self.post(&form.0, as_caller, input.mfa.is_some()).await?;
        let result = Fields { answer: &answer, within: "AssumeRoleResponse/AssumeRoleResult" };
        Ok(AssumedRole {
            credentials: self.credentials(&result)?,
            arn: result.must("AssumedRoleUser/Arn")?.to_owned(),
            assumed_role_id: result.must("AssumedRoleUser/AssumedRoleId")?.to_owned(),
            packed_policy_size: result.get("PackedPolicySize").and_then(|text| text.parse().ok()),
            source_identity: result.get("SourceIdentity").map(str::to_owned),
        })
    }

    /// Exchanges long-lived credentials, with a proof of MFA if there is one, for a session of the same user.
    pub async fn get_session_token(
        &self,
        duration_seconds: Option<u32>,
        mfa: Option<&MfaProof>,
        as_caller: &Credentials,
    ) -> Result<SessionCredentials, ClientError> {
        let mut form = Form::new("GetSessionToken");
        form.add_number("DurationSeconds", duration_seconds);
        form.add_mfa(mfa);
        let answer = self.post(&form.0, as_caller, mfa.is_some()).await?;
        self.credentials(&Fields { answer: &answer, within: "GetSessionTokenResponse/GetSessionTokenResult" })
    }

    /// What an encoded authorization message says, as JSON.
    pub async fn decode_authorization_message(
        &self,
        message: &str,
        as_caller: &Credentials,
    ) -> Result<String, ClientError> {
        let mut form = Form::new("DecodeAuthorizationMessage");
        form.add("EncodedMessage", message);
        let answer = self.post(&form.0, as_caller, false).await?;
        let within = "DecodeAuthorizationMessageResponse/DecodeAuthorizationMessageResult";
        Ok(Fields { answer: &answer, within }.must("DecodedMessage")?.to_owned())
    }

    /// Who the broker says the caller is.
    pub async fn get_caller_identity(&self, as_caller: &Credentials) -> Result<CallerIdentity, ClientError> {
        let answer = self.post(&Form::new("GetCallerIdentity").0, as_caller, false).await?;
        let result = Fields { answer: &answer, within: "GetCallerIdentityResponse/GetCallerIdentityResult" };
        Ok(CallerIdentity {
            account: result.must("Account")?.to_owned(),
            arn: result.must("Arn")?.to_owned(),
            user_id: result.must("UserId")?.to_owned(),
        })
    }

    fn credentials(&self, result: &Fields<'_>) -> Result<SessionCredentials, ClientError> {
        let expiration = Timestamp::parse_iso8601(&without_fraction(result.must("Credentials/Expiration")?));
        let expiration = expiration.ok_or(malformed("the expiration is not a date"))?;
        if expiration <= self.clock().now() {
            return Err(ClientError::ExpiredOnArrival { expiration });
        }
        Ok(SessionCredentials {
            access_key_id: result.must("Credentials/AccessKeyId")?.to_owned(),
            secret_access_key: SecretText::new(result.must("Credentials/SecretAccessKey")?),
            session_token: SecretText::new(result.must("Credentials/SessionToken")?),
            expiration,
        })
    }
}

/// A form body; wiped when dropped, because it may hold a code.
struct Form(Zeroizing<String>);

impl Form {
    fn new(action: &str) -> Self {
        Self(Zeroizing::new(format!("Action={action}&Version={VERSION}")))
    }

    fn add(&mut self, name: &str, value: &str) {
        self.0.push('&');
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(utf8_percent_encode(value, FORM));
    }

    fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn add_number(&mut self, name: &str, value: Option<u32>) {
        if let Some(value) = value {
            self.add(name, &value.to_string());
        }
    }

    fn add_mfa(&mut self, mfa: Option<&MfaProof>) {
        if let Some(mfa) = mfa {
            self.add("SerialNumber", &mfa.serial);
            self.add("TokenCode", mfa.code.expose());
        }
    }
}

/// The members of one result.
struct Fields<'a> {
    answer: &'a Answer,
    within: &'static str,
}

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.answer.text(&format!("{}/{name}", self.within)).filter(|text| !text.is_empty())
    }

    fn must(&self, name: &str) -> Result<&'a str, ClientError> {
        self.get(name).ok_or(malformed("a member is missing"))
    }
}

fn malformed(reason: &'static str) -> ClientError {
    ClientError::Malformed { status: 200, reason }
}

/// `2026-11-24T02:41:41.123Z` without the fraction that other brokers than this one write.
fn without_fraction(date: &str) -> String {
    match date.split_once('.') {
        Some((whole, rest)) if rest.trim_end_matches('Z').bytes().all(|b| b.is_ascii_digit()) => format!("{whole}Z"),
        _ => date.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_values_are_encoded_so_that_every_reader_agrees() {
        let mut form = Form::new("AssumeRole");
        form.add("Policy", "a b+c&d=e/é~");
        assert_eq!(*form.0, "Action=AssumeRole&Version=2011-06-15&Policy=a%20b%2Bc%26d%3De%2F%C3%A9~");
    }

    #[test]
    fn what_no_broker_grants_is_known_beforehand() {
        let fine = AssumeRole {
            role_arn: "arn:aws:iam::111122223333:role/team/worker".to_owned(),
            session_name: "brevet".to_owned(),
            duration_seconds: Some(900),
            external_id: Some("12".to_owned()),
            policy: Some(r#"{"Version": "2012-10-17", "Statement": []}"#.to_owned()),
            policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
            mfa: None,
            tags: vec![("team".to_owned(), "a b".to_owned())],
            transitive_tag_keys: vec!["team".to_owned()],
            source_identity: Some("alice".to_owned()),
        };
        assert_eq!(fine.check(), Ok(()));
        let told = |change: &dyn Fn(&mut AssumeRole)| {
            let mut wrong = fine.clone();
            change(&mut wrong);
            wrong.check().expect_err("refused").to_string()
        };
        for role in
            ["arn:aws:iam::111122223333:user/alice", "arn:aws:sts::111122223333:role/worker", "a-role-but-no-arn-of-it"]
        {
            let said = told(&|request| request.role_arn = role.to_owned());
            assert_eq!(said, format!("`{role}` is not the ARN of a role"));
        }
        assert_eq!(
            told(&|request| request.role_arn = "foo".to_owned()),
            "1 validation error detected: Value 'foo' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20"
        );
        for (what, said) in [
            (told(&|request| request.session_name = "a b".to_owned()), "'roleSessionName'"),
            (told(&|request| request.duration_seconds = Some(899)), "'durationSeconds'"),
            (told(&|request| request.external_id = Some("1".to_owned())), "'externalId'"),
            (told(&|request| request.source_identity = Some("a b".to_owned())), "'sourceIdentity'"),
            (told(&|request| request.tags = vec![(String::new(), String::new())]), "'tags.1.member.key'"),
            (told(&|request| request.policy = Some("{".to_owned())), "not a JSON object"),
            (told(&|request| request.policy = Some("[]".to_owned())), "not a JSON object"),
            (
                told(&|request| request.policy_arns = vec!["arn:aws:iam::111122223333:role/worker".to_owned()]),
                "managed policy",
            ),
        ] {
            assert!(what.contains(said), "{what}");
        }
    }

    #[test]
    fn dates_with_and_without_a_fraction_are_read() {
        for date in ["2026-11-24T02:41:41Z", "2026-11-24T02:41:41.5Z", "2026-11-24T02:41:41.123456Z"] {
            assert_eq!(Timestamp::parse_iso8601(&without_fraction(date)), Some(Timestamp(1_795_488_101)), "{date}");
        }
        assert_eq!(Timestamp::parse_iso8601(&without_fraction("2026-11-24T02:41:41.1+01Z")), None);
    }
}
