//! Why a text is not a policy: the sentence that AWS answers with `MalformedPolicyDocument`, and what exactly was wrong.

/// A document that IAM would refuse. `Display` is AWS's sentence; [`Malformed::detail`] says where and what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Malformed {
    fault: Fault,
    detail: String,
}

impl Malformed {
    pub(super) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self { fault, detail: detail.into() }
    }

    /// The cause.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// What was wrong and where, for the author of the document: AWS's sentence alone often leaves that open.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// The causes for which IAM refuses a document, each with IAM's wording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text of a trust or resource policy is not JSON, or names a key twice, or is nested too deep.
    #[error("This policy contains invalid Json")]
    InvalidJson,
    /// The text does not follow the policy grammar.
    #[error("Syntax errors in policy.")]
    Syntax,
    /// The grammar is kept, but a value is not what its place demands (a date, a number, an address, a variable).
    #[error("The policy failed legacy parsing")]
    LegacyParsing,
    /// `Version` is a date, but not one of the two that exist.
    #[error("Policy document must be version 2012-10-17 or greater.")]
    Version,
    /// No `Action` and no `NotAction`, or an empty list of them.
    #[error("Policy statement must contain actions.")]
    NoActions,
    /// No `Resource` and no `NotResource`, or an empty list of them.
    #[error("Policy statement must contain resources.")]
    NoResources,
    /// A policy that is attached to an identity names a principal.
    #[error("Policy document should not specify a principal.")]
    PrincipalInIdentityPolicy,
    /// An element that this kind of policy must not have.
    #[error("Has prohibited field {0}")]
    ProhibitedField(String),
    /// An element that this kind of policy must have.
    #[error("Missing required field {0}")]
    MissingField(&'static str),
    /// An element that the language does not know, in a trust or resource policy.
    #[error("Unknown field {0}")]
    UnknownField(String),
    /// Two statements have the same `Sid`.
    #[error("Statement IDs (SID) in a single policy must be unique.")]
    SidTwice,
    /// A `Sid` with other characters than letters and digits.
    #[error(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
    )]
    SidCharacters,
    /// An action or condition key without the name of its service.
    #[error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")]
    NoVendor,
    /// An action with more than one colon.
    #[error("Actions/Condition can contain only one colon.")]
    TwoColons,
    /// The service part of an action is not a service name.
    #[error("Vendor {0} is not valid")]
    Vendor(String),
    /// A resource that is neither an ARN nor the single asterisk.
    #[error("Resource {0} must be in ARN format or \"*\".")]
    ResourceFormat(String),
    /// An ARN whose partition cannot be one.
    #[error("Partition \"{partition}\" is not valid for resource \"{resource}\".")]
    Partition {
        /// The second part of the ARN.
        partition: String,
        /// The whole ARN.
        resource: String,
    },
    /// An ARN that ends behind its partition.
    #[error("Resource vendor must be fully qualified and cannot contain regexes.")]
    ResourceVendor,
    /// An ARN of IAM with a region, or with fewer parts than an ARN has.
    #[error("IAM resource {0} cannot contain region information.")]
    IamRegion(String),
    /// An ARN of S3 with a region and no account, or with fewer parts than an ARN has.
    #[error("Resource {0} can not contain region information.")]
    S3Region(String),
    /// An ARN of IAM that names nothing that IAM has.
    #[error(
        "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, \
         server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/."
    )]
    IamResource,
    /// A trust policy about something else than assuming the role.
    #[error("AssumeRole policy may only specify STS AssumeRole actions.")]
    NotAssumeRole,
    /// A principal that cannot be one: a group, a part of a name, an unknown type.
    #[error("Invalid principal in policy: \"{kind}\":\"{value}\"")]
    Principal {
        /// `AWS`, `Service`, `Federated`, `CanonicalUser`, or what stood in its place.
        kind: String,
        /// The value.
        value: String,
    },
}
