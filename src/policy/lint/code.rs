//! The issue codes of Access Analyzer, each with the type of finding under which AWS lists it.
//!
//! Source: IAM User Guide, `access-analyzer-reference-policy-checks`.

use std::fmt;

use serde::{Serialize, Serializer};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FindingType {
    /// The document is refused.
    Error,
    /// It allows more than its author may think.
    SecurityWarning,
    /// It may not do what its author expects.
    Warning,
    /// It could say the same in a better way.
    Suggestion,
}

impl FindingType {
    /// The word for it in messages to people.
    pub fn word(self) -> &'static str {
        match self {
            FindingType::Error => "error",
            FindingType::SecurityWarning => "security warning",
            FindingType::Warning => "warning",
            FindingType::Suggestion => "suggestion",
        }
    }
}

macro_rules! codes {
    ($($listed:ident { $($variant:ident $name:literal,)+ })+) => {
        /// What a check found, by AWS's name for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names say it, and AWS's page explains each")]
        pub enum IssueCode { $($($variant,)+)+ }

        impl IssueCode {
            /// Every code, in the order of the types of findings.
            pub const ALL: &'static [IssueCode] = &[$($(IssueCode::$variant,)+)+];

            /// AWS's name.
            pub fn name(self) -> &'static str {
                match self { $($(IssueCode::$variant => $name,)+)+ }
            }

            /// The type under which AWS lists it.
            pub fn listed_as(self) -> FindingType {
                match self { $($(IssueCode::$variant)|+ => FindingType::$listed,)+ }
            }
        }
    };
}

codes! {
    Error {
        JsonSyntaxError "JSON_SYNTAX_ERROR",
        DataTypeMismatch "DATA_TYPE_MISMATCH",
        InvalidPolicyElement "INVALID_POLICY_ELEMENT",
        UnsupportedElementCombination "UNSUPPORTED_ELEMENT_COMBINATION",
        InvalidVersion "INVALID_VERSION",
        MissingStatement "MISSING_STATEMENT",
        UniqueSidsRequired "UNIQUE_SIDS_REQUIRED",
        UnsupportedSid "UNSUPPORTED_SID",
        MissingEffect "MISSING_EFFECT",
        InvalidEffect "INVALID_EFFECT",
        MissingPrincipal "MISSING_PRINCIPAL",
        UnsupportedPrincipal "UNSUPPORTED_PRINCIPAL",
        InvalidPrincipalFormat "INVALID_PRINCIPAL_FORMAT",
        InvalidPrincipalKey "INVALID_PRINCIPAL_KEY",
        UnsupportedWildcardInPrincipal "UNSUPPORTED_WILDCARD_IN_PRINCIPAL",
        InvalidServicePrincipalFormat "INVALID_SERVICE_PRINCIPAL_FORMAT",
        FederatedPrincipalNotSupported "FEDERATED_PRINCIPAL_NOT_SUPPORTED",
        UnsupportedConditionKeyForServicePrincipal "UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL",
        MissingAction "MISSING_ACTION",
        InvalidAction "INVALID_ACTION",
        InvalidServiceInAction "INVALID_SERVICE_IN_ACTION",
        UnsupportedActionInPolicy "UNSUPPORTED_ACTION_IN_POLICY",
        MissingResource "MISSING_RESOURCE",
        InvalidArnPrefix "INVALID_ARN_PREFIX",
        MissingArnField "MISSING_ARN_FIELD",
        InvalidPartition "INVALID_PARTITION",
        InvalidService "INVALID_SERVICE",
        InvalidArnServiceCase "INVALID_ARN_SERVICE_CASE",
        InvalidArnRegion "INVALID_ARN_REGION",
        ArnRegionNotAllowed "ARN_REGION_NOT_ALLOWED",
        InvalidArnAccount "INVALID_ARN_ACCOUNT",
        MissingArnAccount "MISSING_ARN_ACCOUNT",
        InvalidArnResource "INVALID_ARN_RESOURCE",
        InvalidConditionOperator "INVALID_CONDITION_OPERATOR",
        NullWithIfExists "NULL_WITH_IF_EXISTS",
        InvalidConditionKeyFormat "INVALID_CONDITION_KEY_FORMAT",
        InvalidGlobalConditionKey "INVALID_GLOBAL_CONDITION_KEY",
        MissingTagKeyInCondition "MISSING_TAG_KEY_IN_CONDITION",
        DuplicateKeysWithDifferentCase "DUPLICATE_KEYS_WITH_DIFFERENT_CASE",
        MissingQualifier "MISSING_QUALIFIER",
        InvalidConditionDataType "INVALID_CONDITION_DATA_TYPE",
        InvalidConditionMultipleBoolean "INVALID_CONDITION_MULTIPLE_BOOLEAN",
        TypeMismatchIpRange "TYPE_MISMATCH_IP_RANGE",
        PrivateIpAddress "PRIVATE_IP_ADDRESS",
        PrivateNotIpAddress "PRIVATE_NOT_IP_ADDRESS",
        InvalidVpcFormat "INVALID_VPC_FORMAT",
        InvalidVpceFormat "INVALID_VPCE_FORMAT",
        WildcardUsageTooPermissive "WILDCARD_USAGE_TOO_PERMISSIVE",
        VariableUsageTooPermissive "VARIABLE_USAGE_TOO_PERMISSIVE",
        MissingBraceInVariable "MISSING_BRACE_IN_VARIABLE",
        MissingQuoteInVariable "MISSING_QUOTE_IN_VARIABLE",
        UnsupportedSpaceInVariable "UNSUPPORTED_SPACE_IN_VARIABLE",
        UnsupportedSymbolInVariable "UNSUPPORTED_SYMBOL_IN_VARIABLE",
        EmptyVariable "EMPTY_VARIABLE",
        VariableUnsupportedInElement "VARIABLE_UNSUPPORTED_IN_ELEMENT",
        VariableUnsupportedInVersion "VARIABLE_UNSUPPORTED_IN_VERSION",
        InvalidVariableForOperator "INVALID_VARIABLE_FOR_OPERATOR",
        RoleTrustPolicySyntaxErrorNotprincipal "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL",
        RoleTrustPolicyUnsupportedWildcardInPrincipal "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL",
        RoleTrustPolicySyntaxErrorResource "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE",
        InvalidFederatedPrincipalSyntaxInRoleTrustPolicy "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY",
        MismatchedActionForPrincipal "MISMATCHED_ACTION_FOR_PRINCIPAL",
        MissingActionForConditionKey "MISSING_ACTION_FOR_CONDITION_KEY",
        MissingActionForRolesAnywhereTrustPolicy "MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY",
        ScpSyntaxErrorActionWildcard "SCP_SYNTAX_ERROR_ACTION_WILDCARD",
        ScpSyntaxErrorPrincipal "SCP_SYNTAX_ERROR_PRINCIPAL",
        PolicySizeExceedsScpQuota "POLICY_SIZE_EXCEEDS_SCP_QUOTA",
        RcpSyntaxErrorPrincipal "RCP_SYNTAX_ERROR_PRINCIPAL",
        RcpSyntaxErrorAllow "RCP_SYNTAX_ERROR_ALLOW",
        RcpSyntaxErrorNotaction "RCP_SYNTAX_ERROR_NOTACTION",
        PolicySizeExceedsRcpQuota "POLICY_SIZE_EXCEEDS_RCP_QUOTA",
    }
    SecurityWarning {
        AllowWithNotPrincipal "ALLOW_WITH_NOT_PRINCIPAL",
        ForallvaluesWithSingleValuedKey "FORALLVALUES_WITH_SINGLE_VALUED_KEY",
        ForanyvalueWithAudienceClaimType "FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE",
        StringLikeOperatorWithArnConditionKeys "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS",
        UntrustworthyConditionKey "UNTRUSTWORTHY_CONDITION_KEY",
        MissingPairedConditionKeys "MISSING_PAIRED_CONDITION_KEYS",
        DynamodbAttributesWithoutSelect "DYNAMODB_ATTRIBUTES_WITHOUT_SELECT",
        S3PrefixInNegativeContext "S3_PREFIX_IN_NEGATIVE_CONTEXT",
        RestrictAccessToServicePrincipal "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL",
        MissingConditionKeyForOidcPrincipal "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
        MissingGithubRepoConditionKey "MISSING_GITHUB_REPO_CONDITION_KEY",
        PassRoleWithNotResource "PASS_ROLE_WITH_NOT_RESOURCE",
        PassRoleWithStarInActionAndNotResource "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
        PassRoleWithNotActionAndNotResource "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE",
        PassRoleWithStarInResource "PASS_ROLE_WITH_STAR_IN_RESOURCE",
        PassRoleWithStarInActionAndResource "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE",
        PassRoleWithStarInResourceAndNotAction "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
    }
    Warning {
        MissingVersion "MISSING_VERSION",
        DeprecatedGlobalConditionKey "DEPRECATED_GLOBAL_CONDITION_KEY",
        InvalidDateValue "INVALID_DATE_VALUE",
        InvalidRoleReference "INVALID_ROLE_REFERENCE",
        InvalidUserReference "INVALID_USER_REFERENCE",
        WildcardWithoutLikeOperator "WILDCARD_WITHOUT_LIKE_OPERATOR",
        TypeMismatch "TYPE_MISMATCH",
        TypeMismatchBoolean "TYPE_MISMATCH_BOOLEAN",
        TypeMismatchDate "TYPE_MISMATCH_DATE",
        TypeMismatchNumber "TYPE_MISMATCH_NUMBER",
        TypeMismatchString "TYPE_MISMATCH_STRING",
        SpecificGithubRepoAndBranchRecommended "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED",
        UseConditionKeyOnlyWithSupportedServices "USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES",
        PolicySizeExceedsIdentityPolicyQuota "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA",
        PolicySizeExceedsResourcePolicyQuota "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA",
        PolicySizeExceedsRoleTrustPolicyQuota "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA",
        CreateSlrWithNotResource "CREATE_SLR_WITH_NOT_RESOURCE",
        CreateSlrWithStarInActionAndNotResource "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
        CreateSlrWithNotActionAndNotResource "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE",
        CreateSlrWithStarInResource "CREATE_SLR_WITH_STAR_IN_RESOURCE",
        CreateSlrWithStarInActionAndResource "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE",
        CreateSlrWithStarInResourceAndNotAction "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
        RcpMissingRelatedPrincipalConditionKey "RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY",
        RcpMissingRelatedServicePrincipalConditionKey "RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY",
        RcpMissingServiceConditionKeyNullCheck "RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK",
    }
    Suggestion {
        EmptySidValue "EMPTY_SID_VALUE",
        EmptyArrayAction "EMPTY_ARRAY_ACTION",
        EmptyArrayResource "EMPTY_ARRAY_RESOURCE",
        EmptyArrayPrincipal "EMPTY_ARRAY_PRINCIPAL",
        EmptyObjectPrincipal "EMPTY_OBJECT_PRINCIPAL",
        EmptyObjectCondition "EMPTY_OBJECT_CONDITION",
        EmptyArrayCondition "EMPTY_ARRAY_CONDITION",
        EmptyArrayConditionForallvalues "EMPTY_ARRAY_CONDITION_FORALLVALUES",
        EmptyArrayConditionForanyvalue "EMPTY_ARRAY_CONDITION_FORANYVALUE",
        EmptyArrayConditionIfexists "EMPTY_ARRAY_CONDITION_IFEXISTS",
        NullWithQualifier "NULL_WITH_QUALIFIER",
        EquivalentToNullFalse "EQUIVALENT_TO_NULL_FALSE",
        EquivalentToNullTrue "EQUIVALENT_TO_NULL_TRUE",
        RedundantKeyDueToWildcardInCondition "REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION",
        RedundantStatementDueToWildcardInCondition "REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION",
        ImproveIpRange "IMPROVE_IP_RANGE",
        PrivateIpAddressSubset "PRIVATE_IP_ADDRESS_SUBSET",
        PrivateNotIpAddressSubset "PRIVATE_NOT_IP_ADDRESS_SUBSET",
        WildcardInServiceName "WILDCARD_IN_SERVICE_NAME",
        RedundantAction "REDUNDANT_ACTION",
        RedundantResource "REDUNDANT_RESOURCE",
        RedundantStatement "REDUNDANT_STATEMENT",
        RedundantConditionValueNum "REDUNDANT_CONDITION_VALUE_NUM",
        RedundantPrincipalInRoleTrustPolicy "REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY",
        RecommendedConditionKeyForServicePrincipal "RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL",
    }
}

impl IssueCode {
    /// Where AWS explains it.
    pub fn learn_more_link(self) -> String {
        const PAGE: &str =
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html";
        let listed = match self.listed_as() {
            FindingType::Error => "error",
            FindingType::SecurityWarning => "security-warning",
            FindingType::Warning => "general-warning",
            FindingType::Suggestion => "suggestion",
        };
        let title = self.name().to_ascii_lowercase().replace('_', "-");
        format!("{PAGE}#access-analyzer-reference-policy-checks-{listed}-{title}")
    }
}

impl fmt::Display for IssueCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for IssueCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
