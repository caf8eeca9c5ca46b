//! The table of the condition keys that AWS documents under `aws:`, `iam:` and `sts:`, and of brevet's own, ordered by their names in
//! lower case.
//!
//! `docs/condition-keys.md` is made from it. Keys of identity providers (`accounts.google.com:aud`, `saml:aud`) are their
//! providers' and are not here. Sources: as in `known_key`.

use super::known_key::KeyType::{Arn, Bool, Date, Ip, Numeric, String};
use super::known_key::KnownKey;
use super::known_key::Source::{Asker, Broker, Nobody, Operation, Property};

/// Every key.
pub(super) static TABLE: &[KnownKey] = &[
    KnownKey::one("aws:AssumedRoot", Bool, Broker)
        .holds("that the session is one of `AssumeRoot`: `true`")
        .present("sessions of `AssumeRoot`, and no others: use `Null` in a Deny"),
    KnownKey::many("aws:CalledVia", String, Nobody)
        .holds("the services that passed the request on in the caller's name, in their order")
        .present("a service calls another with its caller's credentials"),
    KnownKey::one("aws:CalledViaAWSMCP", String, Nobody)
        .holds("the MCP server of AWS's that passed the request on in the caller's name")
        .present("requests that come through such a server"),
    KnownKey::one("aws:CalledViaFirst", String, Nobody)
        .holds("the first of the services that passed the request on")
        .present("a service calls another with its caller's credentials"),
    KnownKey::one("aws:CalledViaLast", String, Nobody)
        .holds("the last of the services that passed the request on")
        .present("a service calls another with its caller's credentials"),
    KnownKey::one("aws:ChatbotSourceArn", Arn, Nobody)
        .holds("the configuration of the chat channel that the session acts for")
        .present("sessions that AWS's chat application begins for a channel"),
    KnownKey::one("aws:CurrentTime", Date, Broker).holds("the time of the request").present("always"),
    KnownKey::one("aws:Ec2InstanceSourcePrivateIPv4", Ip, Nobody)
        .holds("the private address of the EC2 instance that the credentials were delivered to")
        .present("credentials of an instance's role"),
    KnownKey::one("aws:Ec2InstanceSourceVpc", String, Nobody)
        .holds("the VPC of the EC2 instance that the credentials were delivered to")
        .present("credentials of an instance's role"),
    KnownKey::one("aws:EpochTime", Date, Broker)
        .holds("the time of the request in seconds since 1970; numeric operators are meant for it too")
        .present("always"),
    KnownKey::one("aws:FederatedProvider", String, Broker)
        .holds("the ARN of the identity provider that vouched for the session's holder")
        .present("sessions of `AssumeRoleWithWebIdentity`, and the role's trust policy when one is asked for"),
    KnownKey::one("aws:IsMcpServiceAction", Bool, Nobody)
        .holds("whether the action is one that an MCP service offers, not one that it takes elsewhere")
        .present("an MCP service decides about its own actions"),
    KnownKey::one("aws:MultiFactorAuthAge", Numeric, Broker)
        .holds("seconds since the second factor was proven")
        .present("the session, or this very request, proved a second factor"),
    KnownKey::one("aws:MultiFactorAuthPresent", Bool, Broker)
        .holds("whether the session, or this very request, proved a second factor")
        .present("sessions, and requests with a code; not long-lived keys alone: use `BoolIfExists` in a Deny"),
    KnownKey::one("aws:PrincipalAccount", String, Broker).holds("the account of whoever calls").present("always"),
    KnownKey::one("aws:PrincipalArn", Arn, Broker)
        .holds("the ARN of the user, of root or of the role; for a session it is the role's, and a federated user has its own")
        .present("always"),
    KnownKey::one("aws:PrincipalIsAWSService", Bool, Broker)
        .holds("whether a service calls in its own name, which none does here: `false`")
        .present("always"),
    KnownKey::one("aws:PrincipalOrgID", String, Nobody)
        .holds("the organization of the caller's account")
        .present("the account belongs to an organization"),
    KnownKey::many("aws:PrincipalOrgPaths", String, Nobody)
        .holds("where in its organization the caller's account stands: `o-…/r-…/ou-…/`")
        .present("the account belongs to an organization"),
    KnownKey::one("aws:PrincipalServiceName", String, Nobody)
        .holds("the name of the service that calls")
        .present("a service calls in its own name"),
    KnownKey::many("aws:PrincipalServiceNamesList", String, Nobody)
        .holds("every name of the service that calls, those of its regions among them")
        .present("a service calls in its own name"),
    KnownKey::one("aws:PrincipalTag/", String, Broker)
        .holds("the value of the session's tag, or else of the tag of the user or role")
        .present("there is such a tag"),
    KnownKey::one("aws:PrincipalType", String, Broker)
        .holds("what the caller is: `Account` (root), `User`, `AssumedRole` or `FederatedUser`")
        .present("always"),
    KnownKey::one("aws:referer", String, Asker)
        .holds("the page that led to the request: the `Referer` header, which a client may invent")
        .present("as the asker gives it"),
    KnownKey::one("aws:RequestedRegion", String, Asker)
        .holds("the region that the request is for")
        .present("requests to the broker: the region they are signed for; or as the asker gives it"),
    KnownKey::one("aws:RequestTag/", String, Asker)
        .holds("the value of a tag that the request brings")
        .present("operations whose input has such a tag, or as the asker gives it"),
    KnownKey::one("aws:ResourceAccount", String, Asker)
        .holds("the account that owns the resource")
        .present("the resource's owner is known; or, if its ARN names no account, as the asker gives it"),
    KnownKey::one("aws:ResourceOrgID", String, Asker)
        .holds("the organization of the account that owns the resource")
        .present("as the asker gives it"),
    KnownKey::many("aws:ResourceOrgPaths", String, Asker)
        .holds("where in its organization the account that owns the resource stands")
        .present("as the asker gives it"),
    KnownKey::one("aws:ResourceTag/", String, Asker)
        .holds(
            "the value of the resource's tag; for operations of the user, role, policy, instance profile, MFA device or identity provider",
        )
        .present("there is such a tag, or as the asker gives it"),
    KnownKey::one("aws:SecureTransport", Bool, Asker)
        .holds("whether the request came over TLS; behind a proxy that ends TLS `false`")
        .present("requests to the broker, or as the asker gives it"),
    KnownKey::one("aws:SignInSessionArn", Arn, Nobody)
        .holds("the session of AWS's OAuth sign-in that the credentials come from")
        .present("credentials of such a sign-in"),
    KnownKey::one("aws:SourceAccount", String, Asker)
        .holds("the account of the resource for which a service calls another")
        .present("as the asker gives it"),
    KnownKey::one("aws:SourceArn", Arn, Asker)
        .holds("the resource for which a service calls another")
        .present("as the asker gives it"),
    KnownKey::one("aws:SourceIdentity", String, Broker)
        .holds("the source identity that was set when a role was assumed; it stays along the chain of roles")
        .present("sessions that have one"),
    KnownKey::one("aws:SourceIp", Ip, Asker)
        .holds("the address that the request came from")
        .present("requests to the broker whose sender's address is known, or as the asker gives it"),
    KnownKey::one("aws:SourceOrgID", String, Asker)
        .holds("the organization of the resource for which a service calls another")
        .present("as the asker gives it"),
    KnownKey::many("aws:SourceOrgPaths", String, Asker)
        .holds("where in its organization the account of that resource stands")
        .present("as the asker gives it"),
    KnownKey::one("aws:SourceVpc", String, Asker)
        .holds("the VPC of the endpoint that the request came through")
        .present("as the asker gives it"),
    KnownKey::one("aws:SourceVpcArn", Arn, Asker)
        .holds("the ARN of the VPC of the endpoint that the request came through")
        .present("as the asker gives it"),
    KnownKey::one("aws:SourceVpce", String, Asker)
        .holds("the VPC endpoint that the request came through")
        .present("as the asker gives it"),
    KnownKey::many("aws:TagKeys", String, Asker)
        .holds("the keys of the tags that the request brings or names")
        .present("operations whose input has tags or tag keys, or as the asker gives it"),
    KnownKey::one("aws:TokenIssueTime", Date, Broker)
        .holds("when the session was issued")
        .present("sessions; not long-lived keys"),
    KnownKey::one("aws:UserAgent", String, Asker)
        .holds("the program that calls: the `User-Agent` header cut at 512 characters, which a client may invent")
        .present("requests to the broker that have the header, or as the asker gives it"),
    KnownKey::one("aws:userid", String, Broker)
        .holds("the unique id of the caller; for a session of a role `ROLE-ID:SESSION-NAME`, of a federated user `ACCOUNT:NAME`")
        .present("always"),
    KnownKey::one("aws:username", String, Broker)
        .holds("the user's name")
        .present("users and their sessions; not root, not roles, not federated users"),
    KnownKey::one("aws:ViaAWSMCPService", Bool, Nobody)
        .holds("whether an MCP server of AWS's passed the request on in the caller's name")
        .present("requests that come through such a server"),
    KnownKey::one("aws:ViaAWSService", Bool, Broker)
        .holds("whether a service passed the request on in the caller's name, which none does here: `false`")
        .present("always"),
    KnownKey::one("aws:VpceAccount", String, Asker)
        .holds("the account that owns the VPC endpoint that the request came through")
        .present("as the asker gives it"),
    KnownKey::one("aws:VpceOrgID", String, Asker)
        .holds("the organization of the account that owns the endpoint")
        .present("as the asker gives it"),
    KnownKey::many("aws:VpceOrgPaths", String, Asker)
        .holds("where in its organization the account that owns the endpoint stands")
        .present("as the asker gives it"),
    KnownKey::one("aws:VpcSourceIp", Ip, Asker)
        .holds("the address inside the VPC that the request came from")
        .present("as the asker gives it"),
    KnownKey::one("brevet:Action/", String, Property)
        .holds("a property of the action that a service asks about")
        .present("questions that carry the property"),
    KnownKey::one("brevet:Resource/", String, Property)
        .holds("a property of the resource that a service asks about")
        .present("questions that carry the property, or about resources that are stored with it"),
    KnownKey::one("brevet:Subject/", String, Property)
        .holds("a property of the subject that a service asks about; what only the broker says is `aws:PrincipalTag/KEY`")
        .present("questions that carry the property, or about subjects that have such a tag"),
    KnownKey::many("iam:AccountPropertyNamespaces", String, Nobody)
        .holds("the groups of account properties that are read or changed")
        .present("`GetAccountProperties`, `PutAccountProperties`"),
    KnownKey::one("iam:AssociatedResourceArn", Arn, Operation)
        .holds("the resource that will use the role which is passed: `arn:aws:ec2:*:ACCOUNT:instance/*`")
        .present("`iam:PassRole` for `AddRoleToInstanceProfile`"),
    KnownKey::one("iam:AWSServiceName", String, Operation)
        .holds("the service that a service-linked role is made for")
        .present("`CreateServiceLinkedRole`"),
    KnownKey::one("iam:DelegationDuration", String, Nobody)
        .holds("for how long the delegation is asked for")
        .present("`CreateDelegationRequest`"),
    KnownKey::one("iam:DelegationRequestOwner", Arn, Nobody)
        .holds("whose delegation request it is")
        .present("operations on delegation requests"),
    KnownKey::one("iam:FIDO-certification", String, Nobody)
        .holds("the FIDO certification level of the security key")
        .present("`EnableMFADevice` with a FIDO security key"),
    KnownKey::one("iam:FIDO-FIPS-140-2-certification", String, Nobody)
        .holds("the FIPS 140-2 validation level of the security key")
        .present("`EnableMFADevice` with a FIDO security key"),
    KnownKey::one("iam:FIDO-FIPS-140-3-certification", String, Nobody)
        .holds("the FIPS 140-3 validation level of the security key")
        .present("`EnableMFADevice` with a FIDO security key"),
    KnownKey::one("iam:NotificationChannel", String, Nobody)
        .holds("where news of the delegation request is sent")
        .present("`CreateDelegationRequest`"),
    KnownKey::one("iam:OrganizationsPolicyId", String, Operation)
        .holds("the organization's policy that a report is asked for")
        .present("`GenerateOrganizationsAccessReport`"),
    KnownKey::one("iam:PassedToService", String, Operation)
        .holds("the service that the role is passed to: `ec2.amazonaws.com`")
        .present("`iam:PassRole` for `AddRoleToInstanceProfile`"),
    KnownKey::one("iam:PermissionsBoundary", Arn, Operation)
        .holds("the permissions boundary that is set, or that the user or role has")
        .present(
            "making users and roles with one, setting or removing it, changing the policies of who has one, and \
             `GetRole`, `UpdateRole`, `UpdateRoleDescription`, `UpdateAssumeRolePolicy` and `DeleteRole`",
        ),
    KnownKey::one("iam:PolicyARN", Arn, Operation)
        .holds("the managed policy that is attached or detached")
        .present("`AttachUserPolicy`, `DetachUserPolicy`, and the same for groups and roles"),
    KnownKey::one("iam:RegisterSecurityKey", String, Nobody)
        .holds("which step of taking a FIDO security key into use it is: `Create` or `Activate`")
        .present("`EnableMFADevice` with a FIDO security key"),
    KnownKey::one("iam:ResourceTag/", String, Operation)
        .holds("the value of the tag of the user or role")
        .present("there is such a tag; `aws:ResourceTag/KEY` is there for every entity with tags"),
    KnownKey::one("iam:RoleTemplateARN", Arn, Nobody)
        .holds("the template that a role is made or looked for by")
        .present("operations on roles from a template"),
    KnownKey::one("iam:ServiceSpecificCredentialAgeDays", Numeric, Operation)
        .holds("in how many days the credential expires")
        .present("`CreateServiceSpecificCredential` with an expiry"),
    KnownKey::one("iam:ServiceSpecificCredentialServiceName", String, Operation)
        .holds("the service that the credential is for")
        .present("operations on service-specific credentials"),
    KnownKey::one("iam:TemplateArn", Arn, Nobody)
        .holds("the template of the permissions that are asked for")
        .present("`CreateDelegationRequest`"),
    KnownKey::one("sts:AWSServiceName", String, Nobody)
        .holds("the service that the bearer token is for")
        .present("a service gets a bearer token for its caller"),
    KnownKey::one("sts:DurationSeconds", Numeric, Operation)
        .holds("for how many seconds the token is asked for")
        .present("`GetWebIdentityToken`; not when a role is assumed"),
    KnownKey::one("sts:ExternalId", String, Operation)
        .holds("the external id by which the role's owner knows on whose behalf the caller acts")
        .present("`AssumeRole` with an `ExternalId`"),
    KnownKey::many("sts:IdentityTokenAudience", String, Operation)
        .holds("whom the identity token is meant for")
        .present("`GetWebIdentityToken`"),
    KnownKey::one("sts:RequestContext/", String, Nobody)
        .holds("a value that a trusted context provider vouches for")
        .present("`AssumeRole` with `ProvidedContexts`"),
    KnownKey::many("sts:RequestContextProviders", Arn, Nobody)
        .holds("the context providers that vouch for the request's values")
        .present("`AssumeRole` with `ProvidedContexts`"),
    KnownKey::one("sts:RoleAuthorizedByIdp", Bool, Nobody)
        .holds("whether the identity provider's token names the role among those it is for")
        .present("`AssumeRoleWithWebIdentity`"),
    KnownKey::one("sts:RoleSessionName", String, Operation)
        .holds("the name that the session will have")
        .present("`AssumeRole`, `AssumeRoleWithWebIdentity`"),
    KnownKey::one("sts:SigningAlgorithm", String, Operation)
        .holds("the algorithm that the identity token is signed with")
        .present("`GetWebIdentityToken`"),
    KnownKey::one("sts:SourceIdentity", String, Operation)
        .holds("the source identity that the session will have")
        .present("`AssumeRole` with a `SourceIdentity`, `AssumeRoleWithWebIdentity` with a token that gives one"),
    KnownKey::one("sts:TaskPolicyArn", Arn, Operation)
        .holds("the policy that says what the root session is for")
        .present("`AssumeRoot`"),
    KnownKey::many("sts:TransitiveTagKeys", String, Operation)
        .holds("the keys of the tags that sessions assumed from this one keep")
        .present("`AssumeRole` with `TransitiveTagKeys`, `AssumeRoleWithWebIdentity` with a token that gives some"),
];
