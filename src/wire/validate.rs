//! A request's parameters against the constraints that AWS publishes for the operation, in AWS's words.
//!
//! Every violation is found, in the order of the model's members, and all are told in one message:
//! `2 validation errors detected: Value '' at 'roleArn' failed to satisfy constraint: …; Value null at …`. Where one value
//! breaks several constraints the order is pattern, values, length, as AWS answers it. A value that may be a secret is
//! left out of the message (`Value at 'password' failed …`), which is AWS's form for it too.

use std::fmt;

use data_encoding::BASE64;

use super::model::{Kind, Member, Operation, Pattern, Shape};
use super::path::Path;
use super::tree::{Branch, Misfit, Node};

/// The longest part of a value that a message repeats, in bytes.
pub const MAX_ECHO: usize = 1024;
/// The most violations that a message tells one by one. All are counted.
pub const MAX_TOLD: usize = 20;

/// Why a request is refused before the operation sees it. `Display` is the message on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violations {
    /// A parameter is not of the kind that its member is: text for a number, a structure for a list.
    Malformed {
        /// The place, as AWS prints it.
        path: String,
        /// What was expected there.
        expected: Expected,
    },
    /// Constraints are not met.
    Constraints {
        /// How many.
        count: usize,
        /// The first [`MAX_TOLD`] of them in full sentences.
        told: Vec<String>,
    },
}

/// What a malformed parameter should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Another kind of node.
    Node(Misfit),
    /// A 32-bit whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Base64 text.
    Base64,
}

impl Violations {
    /// AWS's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "MalformedInput",
            Self::Constraints { .. } => "ValidationError",
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { path, expected } => match expected {
                Expected::Node(misfit) => write!(f, "Unexpected structure of '{path}': {misfit}"),
                Expected::Integer => write!(f, "The value at '{path}' is not an integer"),
                Expected::Boolean => write!(f, "The value at '{path}' is not a boolean: it must be true or false"),
                Expected::Base64 => write!(f, "The value at '{path}' is not base64"),
            },
            Self::Constraints { count, told } => {
                let plural = if *count == 1 { "" } else { "s" };
                write!(f, "{count} validation error{plural} detected: {}", told.join("; "))?;
                match count.saturating_sub(told.len()) {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                }
            }
        }
    }
}

impl std::error::Error for Violations {}

/// Holds a request against the operation's input. Parameters that the operation does not have are ignored. The tree's
/// own limits bound the work: each value is matched against one pattern, in linear time.
///
/// # Errors
/// What is not met.
pub fn validate(operation: &Operation, tree: &Node<'_>) -> Result<(), Violations> {
    validate_but(operation, tree, &[])
}

/// As [`validate`], but values of the shapes of these names may be longer than AWS has it: the operation knows how long.
///
/// # Errors
/// What is not met.
pub fn validate_but(operation: &Operation, tree: &Node<'_>, longer: &[&str]) -> Result<(), Violations> {
    let mut found = Found { longer, count: 0, told: Vec::new() };
    let root = Path::ROOT;
    let branch = tree.fields().map_err(|misfit| malformed(&root, Expected::Node(misfit)))?;
    found.members(&operation.input, branch, &root, false)?;
    match found.count {
        0 => Ok(()),
        count => Err(Violations::Constraints { count, told: found.told }),
    }
}

struct Found<'l> {
    longer: &'l [&'l str],
    count: usize,
    told: Vec<String>,
}

/// A value as a message shows it.
#[derive(Clone, Copy)]
enum Shown<'v> {
    Null,
    Text(&'v str),
    /// A secret, or a list or map, whose values stand in their own places.
    Withheld,
}

enum Constraint<'c> {
    NotNull,
    Pattern(&'c Pattern),
    Values(&'c [String]),
    MinLength(i64),
    MaxLength(i64),
    MinValue(i64),
    MaxValue(i64),
}

impl Found<'_> {
    fn members(
        &mut self,
        members: &[Member],
        branch: Option<&Branch<'_>>,
        path: &Path<'_>,
        secret: bool,
    ) -> Result<(), Violations> {
        for member in members {
            let path = path.member(&member.name);
            match branch.and_then(|branch| branch.get(&member.name)) {
                Some(node) => self.value(&member.shape, node, &path, secret || is_secret(&member.name))?,
                None if member.required => self.add(Shown::Null, &path, &Constraint::NotNull),
                None => {}
            }
        }
        Ok(())
    }

    // Recursion is as deep as the tree, which is bounded.
    fn value(&mut self, shape: &Shape, node: &Node<'_>, path: &Path<'_>, secret: bool) -> Result<(), Violations> {
        let secret = secret || shape.sensitive;
        let misfit = |misfit| malformed(path, Expected::Node(misfit));
        match &shape.kind {
            Kind::Structure(members) => self.members(members, node.fields().map_err(misfit)?, path, secret)?,
            Kind::List(element) => {
                let elements = node.elements().map_err(misfit)?;
                self.length(shape, elements.len(), Shown::Withheld, path);
                for (index, node) in elements {
                    self.value(element, node, &path.element(index), secret)?;
                }
            }
            Kind::Map(key_shape, value_shape) => {
                let entries = node.entries().map_err(misfit)?;
                self.length(shape, entries.len(), Shown::Withheld, path);
                for (index, key, node) in entries {
                    self.value(key_shape, &Node::Leaf(key), &path.entry(index, "key"), secret)?;
                    self.value(value_shape, node, &path.entry(index, "value"), secret)?;
                }
            }
            Kind::Text { pattern, allowed } => {
                let text = node.text().map_err(misfit)?;
                let shown = if secret { Shown::Withheld } else { Shown::Text(text) };
                if let Some(pattern) = pattern
                    && !pattern.matches(text)
                {
                    self.add(shown, path, &Constraint::Pattern(pattern));
                }
                if !allowed.is_empty() && !allowed.iter().any(|value| value == text) {
                    self.add(shown, path, &Constraint::Values(allowed));
                }
                self.length(shape, text.chars().count(), shown, path);
            }
            Kind::Integer => {
                let text = node.text().map_err(misfit)?;
                let number: i32 = text.parse().map_err(|_| malformed(path, Expected::Integer))?;
                let shown = if secret { Shown::Withheld } else { Shown::Text(text) };
                if let Some(max) = shape.max.filter(|max| i64::from(number) > *max) {
                    self.add(shown, path, &Constraint::MaxValue(max));
                }
                if let Some(min) = shape.min.filter(|min| i64::from(number) < *min) {
                    self.add(shown, path, &Constraint::MinValue(min));
                }
            }
            Kind::Boolean => {
                if !matches!(node.text().map_err(misfit)?, "true" | "false") {
                    return Err(malformed(path, Expected::Boolean));
                }
            }
            Kind::Timestamp => {
                node.text().map_err(misfit)?;
            }
            Kind::Blob => {
                let text = node.text().map_err(misfit)?;
                let bytes = BASE64.decode(text.as_bytes()).map_err(|_| malformed(path, Expected::Base64))?;
                self.length(shape, bytes.len(), Shown::Withheld, path);
            }
        }
        Ok(())
    }

    fn length(&mut self, shape: &Shape, length: usize, shown: Shown<'_>, path: &Path<'_>) {
        let bounded = !self.longer.contains(&&*shape.name);
        if let Some(max) = shape.max.filter(|max| bounded && exceeds(length, *max)) {
            self.add(shown, path, &Constraint::MaxLength(max));
        }
        if let Some(min) = shape.min.filter(|min| i64::try_from(length).is_ok_and(|length| length < *min)) {
            self.add(shown, path, &Constraint::MinLength(min));
        }
    }

    fn add(&mut self, shown: Shown<'_>, path: &Path<'_>, constraint: &Constraint<'_>) {
        self.count += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push(format!("Value {shown}at '{path}' failed to satisfy constraint: Member must {constraint}"));
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null "),
            Self::Withheld => Ok(()),
            Self::Text(text) if text.len() <= MAX_ECHO => write!(f, "'{text}' "),
            Self::Text(text) => write!(f, "'{}...' ", &text[..text.floor_char_boundary(MAX_ECHO)]),
        }
    }
}

impl fmt::Display for Constraint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNull => f.write_str("not be null"),
            Self::Pattern(pattern) => write!(f, "satisfy regular expression pattern: {}", pattern.source()),
            Self::Values(values) => write!(f, "satisfy enum value set: [{}]", values.join(", ")),
            Self::MinLength(min) => write!(f, "have length greater than or equal to {min}"),
            Self::MaxLength(max) => write!(f, "have length less than or equal to {max}"),
            Self::MinValue(min) => write!(f, "have value greater than or equal to {min}"),
            Self::MaxValue(max) => write!(f, "have value less than or equal to {max}"),
        }
    }
}

// Members that hold a secret whether or not the model marks their shape: it leaves out the codes of an MFA device.
fn is_secret(name: &str) -> bool {
    const SECRETS: [&str; 10] = [
        "AuthenticationCode1",
        "AuthenticationCode2",
        "NewPassword",
        "OldPassword",
        "Password",
        "PrivateKey",
        "SAMLAssertion",
        "SessionToken",
        "TokenCode",
        "WebIdentityToken",
    ];
    SECRETS.contains(&name) || name.ends_with("SecretAccessKey")
}

fn exceeds(length: usize, max: i64) -> bool {
    i64::try_from(length).map_or(true, |length| length > max)
}

fn malformed(path: &Path<'_>, expected: Expected) -> Violations {
    Violations::Malformed { path: path.to_string(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::form::Form;
    use crate::wire::model::{Model, Service};

    fn check(service: Service, action: &str, text: &str) -> Result<(), Violations> {
        let form = Form::parse(text.as_bytes()).unwrap();
        validate(Model::of(service).operation(action).unwrap(), &Node::of(&form).unwrap())
    }

    #[track_caller]
    fn refused(service: Service, action: &str, text: &str, code: &str, message: &str) {
        let error = check(service, action, text).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, message));
    }

    #[test]
    fn what_meets_the_constraints_passes() {
        check(Service::Iam, "CreateUser", "UserName=ana&Path=/a/&Tags.member.1.Key=k&Tags.member.1.Value=&X.y=1")
            .unwrap();
        check(Service::Iam, "CreateUser", "UserName=ana&Tags=").unwrap();
        check(Service::Iam, "ListUsers", "").unwrap();
        check(Service::Iam, "ListUsers", "MaxItems=1000").unwrap();
        check(Service::Sts, "GetCallerIdentity", "Action=GetCallerIdentity").unwrap();
    }

    #[test]
    fn a_pattern_is_told_with_the_value_and_the_field() {
        refused(
            Service::Iam,
            "CreateUser",
            "UserName=x+y",
            "ValidationError",
            r"1 validation error detected: Value 'x y' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+",
        );
        refused(
            Service::Iam,
            "TagUser",
            "UserName=a&Tags.member.6.Key=ok&Tags.member.6.Value=a,b",
            "ValidationError",
            r"1 validation error detected: Value 'a,b' at 'tags.6.member.value' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*",
        );
    }

    #[test]
    fn several_violations_stand_in_one_message_in_the_order_of_the_model() {
        refused(
            Service::Sts,
            "AssumeRoleWithWebIdentity",
            "RoleArn=&RoleSessionName=ab&DurationSeconds=1",
            "ValidationError",
            r"4 validation errors detected: Value '' at 'roleArn' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+; Value '' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20; Value null at 'webIdentityToken' failed to satisfy constraint: Member must not be null; Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
        );
    }

    #[test]
    fn limits_and_value_sets_have_their_wording() {
        for (action, text, constraint) in [
            ("GetUser", format!("UserName={}", "a".repeat(129)), "have length less than or equal to 128"),
            ("ListUsers", "MaxItems=0".into(), "have value greater than or equal to 1"),
            ("ListUsers", "MaxItems=1001".into(), "have value less than or equal to 1000"),
            (
                "UpdateAccessKey",
                "AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=On".into(),
                "satisfy enum value set: [Active, Inactive, Expired]",
            ),
            ("TagUser", "UserName=a".into(), "not be null"),
        ] {
            let message = check(Service::Iam, action, &text).unwrap_err().to_string();
            assert!(message.starts_with("1 validation error detected: Value "), "{message}");
            assert!(message.ends_with(&format!("failed to satisfy constraint: Member must {constraint}")), "{message}");
        }
        let tags: Vec<String> = (1..=51).map(|i| format!("TagKeys.member.{i}=k")).collect();
        refused(
            Service::Iam,
            "UntagUser",
            &format!("UserName=a&{}", tags.join("&")),
            "ValidationError",
            "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must have length less than or equal to 50",
        );
    }

    #[test]
    fn lengths_count_characters() {
        let path = |n: usize| format!("UserName=a&Tags.member.1.Key={}&Tags.member.1.Value=v", "%C3%A9".repeat(n));
        assert!(check(Service::Iam, "TagUser", &path(128)).is_ok());
        assert!(check(Service::Iam, "TagUser", &path(129)).is_err());
    }

    #[test]
    fn a_value_that_is_too_long_and_of_the_wrong_characters_is_told_both() {
        let value = " ".repeat(129);
        let pattern = r"[\w+=,.@-]+";
        refused(
            Service::Iam,
            "GetUser",
            &format!("UserName={}", "+".repeat(129)),
            "ValidationError",
            &format!(
                "2 validation errors detected: Value '{value}' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}; Value '{value}' at 'userName' failed to satisfy constraint: Member must have length less than or equal to 128",
            ),
        );
    }

    #[test]
    fn malformed_parameters_are_told_apart() {
        for (text, message) in [
            ("MaxItems=ten", "The value at 'maxItems' is not an integer"),
            ("MaxItems=", "The value at 'maxItems' is not an integer"),
            ("MaxItems=2147483648", "The value at 'maxItems' is not an integer"),
            ("MaxItems.x=1", "Unexpected structure of 'maxItems': a single value is expected"),
        ] {
            refused(Service::Iam, "ListUsers", text, "MalformedInput", message);
        }
        refused(
            Service::Iam,
            "TagUser",
            "UserName=a&Tags.member.1=x",
            "MalformedInput",
            "Unexpected structure of 'tags.1.member': a structure is expected",
        );
        refused(
            Service::Iam,
            "UpdateLoginProfile",
            "UserName=a&PasswordResetRequired=yes",
            "MalformedInput",
            "The value at 'passwordResetRequired' is not a boolean: it must be true or false",
        );
    }

    #[test]
    fn secrets_are_never_repeated() {
        let cases = [
            (Service::Iam, "ChangePassword", "OldPassword=%01s3cret&NewPassword=%01s3cret"),
            (Service::Iam, "CreateLoginProfile", "UserName=a&Password=%01s3cret"),
            (
                Service::Iam,
                "EnableMFADevice",
                "UserName=a&SerialNumber=123456789&AuthenticationCode1=s3cret1&AuthenticationCode2=s3cret2",
            ),
            (Service::Iam, "UploadServerCertificate", "ServerCertificateName=a&CertificateBody=b&PrivateKey=%01s3cret"),
            (Service::Sts, "GetSessionToken", "TokenCode=s3cret"),
            (Service::Sts, "AssumeRoleWithWebIdentity", "WebIdentityToken=s3c"),
            (Service::Sts, "AssumeRoleWithSAML", "SAMLAssertion=s3c"),
        ];
        for (service, action, text) in cases {
            let error = check(service, action, text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("s3c"), "{shown}");
            assert!(shown.contains("Value at '"), "{shown}");
        }
    }

    #[test]
    fn what_the_model_marks_is_withheld_whatever_its_name() {
        let kind = Kind::Text { pattern: None, allowed: Vec::new() };
        let shape = Shape { name: "t".into(), kind, min: Some(9), max: None, sensitive: true };
        let operation = Operation {
            name: "Test".into(),
            input: vec![Member { name: "Seed".into(), required: true, shape: shape.into() }],
            output: None,
            result_wrapper: None,
            unsigned: false,
            errors: Vec::new(),
            pagination: None,
        };
        let form = Form::parse(b"Seed=hush").unwrap();
        let message = validate(&operation, &Node::of(&form).unwrap()).unwrap_err().to_string();
        assert!(message.contains("Value at 'seed'") && !message.contains("hush"), "{message}");
    }

    #[test]
    fn the_model_marks_the_secrets_of_inputs() {
        fn marked(shape: &Shape) -> bool {
            shape.sensitive
                || match &shape.kind {
                    Kind::Structure(members) => members.iter().any(|m| marked(&m.shape)),
                    Kind::List(element) => marked(element),
                    _ => false,
                }
        }
        let inputs = [Service::Iam, Service::Sts].map(Model::of).into_iter().flat_map(Model::operations);
        let names: std::collections::BTreeSet<&str> =
            inputs.flat_map(|o| &o.input).filter(|m| marked(&m.shape)).map(|m| m.name.as_str()).collect();
        for name in ["NewPassword", "OldPassword", "Password", "PrivateKey", "SAMLAssertion", "WebIdentityToken"] {
            assert!(names.contains(name), "{name} is no longer marked: {names:?}");
        }
    }

    #[test]
    fn messages_are_bounded() {
        let long = format!("UserName={}", "é".repeat(MAX_ECHO));
        let message = check(Service::Iam, "GetUser", &long).unwrap_err().to_string();
        assert!(message.len() < 2 * (MAX_ECHO + 200) && message.contains("é...' at 'userName'"), "{message}");
        let many: Vec<String> = (1..=500).map(|i| format!("TagKeys.member.{i}=")).collect();
        let message =
            check(Service::Iam, "UntagUser", &format!("UserName=a&{}", many.join("&"))).unwrap_err().to_string();
        assert!(message.starts_with("1001 validation errors detected: "), "{message}");
        assert!(message.ends_with("; and 981 more"), "{message}");
    }
}
