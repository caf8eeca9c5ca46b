"""boto3 against the broker: every paginator and waiter that botocore has for IAM, every declared error as its class, resources."""

import json
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from urllib.parse import unquote

import boto3
import botocore.session
import pytest
from actors import REGION, Actor, allow, policy, trust
from authenticator import Authenticator
from botocore import xform_name
from botocore.exceptions import WaiterError
from certificates import certificate, pem, ssh_public_key
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from machine import until
from signing import Key
from test_coverage import minimal
from test_saml_providers import metadata
from world import HOME_ACCOUNT, PARTNER_ACCOUNT

MODEL = botocore.session.get_session().get_service_model("iam")
DOCUMENT = policy(allow("reports:Read"))
TRUST = trust({"Service": "ec2.amazonaws.com"})
# Not in the order of their letters in ASCII: lists follow names without regard to case.
THREE = ["adam", "Bea", "zoe"]
TAGS = [{"Key": f"key-{number}", "Value": str(number)} for number in range(3)]
PATH = "/boto/"


def arn(kind: str, name: str) -> str:
    return f"arn:aws:iam::{HOME_ACCOUNT}:{kind}/{name}"


def data(name: str) -> dict:
    return json.loads(files("botocore").joinpath(f"data/iam/2010-05-08/{name}.json").read_text())


@pytest.fixture(scope="module")
def iam(world):
    return world.root.boto("iam")


@pytest.fixture(scope="module")
def crowd(world, iam):
    """Three of everything that a list tells, on owners called Bea; what the broker named itself, by member."""
    named: dict[str, list[str]] = {"AccessKeyId": [], "SerialNumber": [], "SSHPublicKeyId": [], "CertificateId": []}
    for name in THREE:
        iam.create_user(UserName=name, Path=PATH)
        iam.create_group(GroupName=name, Path=PATH)
        iam.create_role(RoleName=name, Path=PATH, AssumeRolePolicyDocument=TRUST)
        iam.create_policy(PolicyName=name, Path=PATH, PolicyDocument=DOCUMENT)
        iam.create_instance_profile(InstanceProfileName=name, Path=PATH)
        key = rsa.generate_private_key(65537, 2048)
        body = certificate(name, key, name, key)
        iam.upload_server_certificate(ServerCertificateName=name, Path=PATH, CertificateBody=body, PrivateKey=pem(key))
        shown = iam.upload_ssh_public_key(UserName="adam", SSHPublicKeyBody=ssh_public_key(key))["SSHPublicKey"]
        named["SSHPublicKeyId"].append(shown["SSHPublicKeyId"])
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
        named["SerialNumber"].append(device["SerialNumber"])
        first, second = Authenticator(device["Base32StringSeed"].decode()).first_two()
        codes = {"AuthenticationCode1": first, "AuthenticationCode2": second}
        iam.enable_mfa_device(UserName="adam", SerialNumber=device["SerialNumber"], **codes)
    for name in THREE:
        policy_arn = arn("policy", f"boto/{name}")
        for kind in ("user", "group", "role"):
            owner = {f"{kind.capitalize()}Name": "Bea"}
            getattr(iam, f"attach_{kind}_policy")(**owner, PolicyArn=policy_arn)
            getattr(iam, f"put_{kind}_policy")(**owner, PolicyName=name, PolicyDocument=DOCUMENT)
        iam.add_user_to_group(GroupName="Bea", UserName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="Bea")
    for name in ("adam", "zoe"):
        iam.add_user_to_group(GroupName=name, UserName="Bea")
    for _ in range(2):
        named["AccessKeyId"].append(iam.create_access_key(UserName="Bea")["AccessKey"]["AccessKeyId"])
        key = rsa.generate_private_key(65537, 2048)
        made = iam.upload_signing_certificate(UserName="Bea", CertificateBody=certificate("x", key, "x", key))["Certificate"]
        named["CertificateId"].append(made["CertificateId"])
        iam.create_policy_version(PolicyArn=arn("policy", "boto/Bea"), PolicyDocument=DOCUMENT)
    iam.create_account_alias(AccountAlias="brevet-boto")
    named["oidc"] = iam.create_open_id_connect_provider(Url="https://boto.example.com")["OpenIDConnectProviderArn"]
    named["saml"] = iam.create_saml_provider(Name="boto", SAMLMetadataDocument=metadata(key))["SAMLProviderArn"]
    for kind, owner in tag_owners(named).items():
        getattr(iam, f"tag_{xform_name(kind)}")(**owner, Tags=TAGS)
    return named


def tag_owners(named: dict) -> dict[str, dict]:
    return {
        "User": {"UserName": "Bea"},
        "Role": {"RoleName": "Bea"},
        "Policy": {"PolicyArn": arn("policy", "boto/Bea")},
        "InstanceProfile": {"InstanceProfileName": "Bea"},
        "MFADevice": {"SerialNumber": arn("mfa", "Bea")},
        "OpenIDConnectProvider": {"OpenIDConnectProviderArn": named["oidc"]},
        "SAMLProvider": {"SAMLProviderArn": named["saml"]},
        "ServerCertificate": {"ServerCertificateName": "Bea"},
    }


USER, GROUP, ROLE = {"UserName": "Bea"}, {"GroupName": "Bea"}, {"RoleName": "Bea"}
PREFIX = {"PathPrefix": PATH}
SIMULATED = {"ActionNames": ["reports:Read", "reports:Write", "reports:List"], "ResourceArns": ["arn:aws:reports:::a"]}

# For each paginator: its input; then for each list of its answer the member that tells the items apart (None: they are names),
# and the items in their order. A name of `crowd` stands for what the broker called them, in any order.
PAGINATORS = {
    "GetAccountAuthorizationDetails": (
        {"Filter": ["User", "Group", "Role", "LocalManagedPolicy"]},
        {
            "UserDetailList": ("UserName", THREE),
            "GroupDetailList": ("GroupName", THREE),
            "RoleDetailList": ("RoleName", THREE),
            "Policies": ("PolicyName", THREE),
        },
    ),
    "GetGroup": (GROUP, {"Users": ("UserName", THREE)}),
    "ListAccessKeys": (USER, {"AccessKeyMetadata": ("AccessKeyId", "AccessKeyId")}),
    "ListAccountAliases": ({}, {"AccountAliases": (None, ["brevet-boto"])}),
    "ListAttachedGroupPolicies": (GROUP, {"AttachedPolicies": ("PolicyName", THREE)}),
    "ListAttachedRolePolicies": (ROLE, {"AttachedPolicies": ("PolicyName", THREE)}),
    "ListAttachedUserPolicies": (USER, {"AttachedPolicies": ("PolicyName", THREE)}),
    "ListEntitiesForPolicy": (
        {"PolicyArn": arn("policy", "boto/Bea")},
        {"PolicyGroups": ("GroupName", ["Bea"]), "PolicyUsers": ("UserName", ["Bea"]), "PolicyRoles": ("RoleName", ["Bea"])},
    ),
    "ListGroupPolicies": (GROUP, {"PolicyNames": (None, THREE)}),
    "ListGroups": (PREFIX, {"Groups": ("GroupName", THREE)}),
    "ListGroupsForUser": (USER, {"Groups": ("GroupName", THREE)}),
    "ListInstanceProfiles": (PREFIX, {"InstanceProfiles": ("InstanceProfileName", THREE)}),
    "ListInstanceProfilesForRole": (ROLE, {"InstanceProfiles": ("InstanceProfileName", THREE)}),
    "ListMFADevices": ({"UserName": "adam"}, {"MFADevices": ("SerialNumber", "SerialNumber")}),
    "ListPolicies": ({"Scope": "Local"} | PREFIX, {"Policies": ("PolicyName", THREE)}),
    "ListPolicyVersions": ({"PolicyArn": arn("policy", "boto/Bea")}, {"Versions": ("VersionId", ["v3", "v2", "v1"])}),
    "ListRolePolicies": (ROLE, {"PolicyNames": (None, THREE)}),
    "ListRoles": (PREFIX, {"Roles": ("RoleName", THREE)}),
    "ListServerCertificates": (PREFIX, {"ServerCertificateMetadataList": ("ServerCertificateName", THREE)}),
    "ListSigningCertificates": (USER, {"Certificates": ("CertificateId", "CertificateId")}),
    "ListSSHPublicKeys": ({"UserName": "adam"}, {"SSHPublicKeys": ("SSHPublicKeyId", "SSHPublicKeyId")}),
    "ListUserPolicies": (USER, {"PolicyNames": (None, THREE)}),
    "ListUsers": (PREFIX, {"Users": ("UserName", THREE)}),
    "ListVirtualMFADevices": ({}, {"VirtualMFADevices": ("SerialNumber", "SerialNumber")}),
    "SimulateCustomPolicy": ({"PolicyInputList": [DOCUMENT]} | SIMULATED, {"EvaluationResults": ("EvalActionName", SIMULATED["ActionNames"])}),
    "SimulatePrincipalPolicy": (
        {"PolicySourceArn": arn("user", "boto/Bea")} | SIMULATED,
        {"EvaluationResults": ("EvalActionName", SIMULATED["ActionNames"])},
    ),
}
KEYS = [tag["Key"] for tag in TAGS]


def paginated(operation: str, crowd: dict) -> tuple[dict, dict]:
    if operation in PAGINATORS:
        return PAGINATORS[operation]
    return tag_owners(crowd)[operation.removeprefix("List").removesuffix("Tags")], {"Tags": ("Key", KEYS)}


@pytest.mark.parametrize("operation", data("paginators-1")["pagination"])
def test_every_paginator_walks_pages_in_one_order_and_meets_each_item_once(iam, crowd, operation):
    given, results = paginated(operation, crowd)
    found = {}
    for size in (1, 2, 1000):
        pages = list(iam.get_paginator(xform_name(operation)).paginate(**given, PaginationConfig={"PageSize": size}))
        assert all(sum(len(page.get(result, [])) for result in results) <= size for page in pages)
        assert all(("Marker" in page) == page["IsTruncated"] == (page is not pages[-1]) for page in pages)
        found[size] = {result: [item[name] if name else item for page in pages for item in page.get(result, [])] for result, (name, _) in results.items()}
        total = sum(map(len, found[size].values()))
        assert -(-total // size) <= len(pages) <= -(-total // size) + 1
    assert found[1] == found[2] == found[1000], "the order does not depend on the size of pages"
    for result, (_, expected) in results.items():
        if isinstance(expected, str):
            assert sorted(found[1][result]) == sorted(crowd[expected])
        else:
            assert found[1][result] == expected


def test_a_paginator_goes_on_where_another_stopped(iam, crowd):
    paginator = iam.get_paginator("list_users")
    begun = paginator.paginate(**PREFIX, PaginationConfig={"MaxItems": 2, "PageSize": 1}).build_full_result()
    assert [user["UserName"] for user in begun["Users"]] == THREE[:2]
    rest = paginator.paginate(**PREFIX, PaginationConfig={"StartingToken": begun["NextToken"]}).build_full_result()
    assert [user["UserName"] for user in rest["Users"]] == THREE[2:] and "NextToken" not in rest
    assert list(paginator.paginate(**PREFIX).search("Users[].UserName")) == THREE


WAITED = {
    "UserExists": ("user", {"UserName": "awaited"}, {}),
    "RoleExists": ("role", {"RoleName": "awaited"}, {"AssumeRolePolicyDocument": TRUST}),
    "PolicyExists": ("policy", {"PolicyArn": arn("policy", "awaited")}, {"PolicyDocument": DOCUMENT}),
    "InstanceProfileExists": ("instance_profile", {"InstanceProfileName": "awaited"}, {}),
}


@pytest.mark.parametrize("name", data("waiters-2")["waiters"])
def test_every_waiter_waits_for_what_is_not_there_and_ends_when_it_is(world, iam, name):
    kind, which, more = WAITED[name]
    waiter = iam.get_waiter(xform_name(name))
    with pytest.raises(WaiterError) as vain:
        waiter.wait(**which, WaiterConfig={"Delay": 0, "MaxAttempts": 2})
    assert "Max attempts exceeded" in str(vain.value) and vain.value.last_response["Error"]["Code"] == "NoSuchEntity"
    with ThreadPoolExecutor(1) as pool:
        asked = len(world.audit())
        waiting = pool.submit(waiter.wait, **which, WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
        until("the waiter to have asked", lambda: len(world.audit()) > asked)
        create = which | more if "PolicyArn" not in which else {"PolicyName": "awaited"} | more
        getattr(iam, f"create_{kind}")(**create)
        assert waiting.result(30) is None
    getattr(iam, f"delete_{kind}")(**which)


def test_every_paginator_and_waiter_is_one_that_botocore_has(iam, crowd):
    operations = set(data("paginators-1")["pagination"])
    assert set(PAGINATORS) | {f"List{kind}Tags" for kind in tag_owners(crowd)} == operations
    assert set(WAITED) == set(data("waiters-2")["waiters"])


# Errors

# What AWS declares and nobody can bring about here, with the reason.
NOT_PROVOKED = {
    "ConcurrentModificationException": "needs a write that loses to others many times over",
    "CredentialReportExpiredException": "needs four hours",
    "CredentialReportNotReadyException": "needs to ask while a report is being made",
    "OpenIdIdpCommunicationErrorException": "no identity provider is asked when one is made",
    "OrganizationNotInAllFeaturesModeException": "an installation has all features",
    "PolicyEvaluationException": "needs a damaged store",
    "PolicyNotAttachableException": "no policy is kept for service-linked roles alone",
    "ReportGenerationLimitExceededException": "reports on organizations have no such limit",
    "ServiceAccessNotEnabledException": "IAM is trusted in every organization here",
    "ServiceFailureException": "needs a broker that fails",
}


class Provocations:
    """How to bring about each error: a method is called as the error is, without `Exception`."""

    def __init__(self, world, crowd):
        self.world, self.iam, self.crowd = world, world.root.boto("iam"), crowd
        self.key = rsa.generate_private_key(65537, 2048)

    def user_of(self, actions: str):
        """A client of a user who may do what is said."""
        if not [user for user in self.iam.list_users()["Users"] if user["UserName"] == "provoker"]:
            self.iam.create_user(UserName="provoker")
            self.iam.put_user_policy(UserName="provoker", PolicyName="p", PolicyDocument=policy(allow(actions)))
        made = self.iam.create_access_key(UserName="provoker")["AccessKey"]
        return Actor(self.world, "provoker", Key(made["AccessKeyId"], made["SecretAccessKey"])).boto("iam")

    def AccountNotManagementOrDelegatedAdministrator(self):
        self.partner = self.world.account("partner", PARTNER_ACCOUNT)
        self.partner.boto("iam").list_organizations_features()

    def CallerIsNotManagementAccount(self):
        self.partner.boto("iam").enable_organizations_root_sessions()

    def CredentialReportNotPresent(self):
        self.iam.get_credential_report()

    def DeleteConflict(self):
        self.iam.delete_user(UserName="Bea")

    def DuplicateCertificate(self):
        body = certificate("z", self.key, "z", self.key)
        for _ in range(2):
            self.iam.upload_signing_certificate(UserName="zoe", CertificateBody=body)

    def DuplicateSSHPublicKey(self):
        for _ in range(2):
            self.iam.upload_ssh_public_key(UserName="zoe", SSHPublicKeyBody=ssh_public_key(self.key))

    def EntityAlreadyExists(self):
        self.iam.create_role(RoleName="BEA", AssumeRolePolicyDocument=TRUST)

    def EntityTemporarilyUnmodifiable(self):
        own = self.user_of("iam:ChangePassword")
        self.iam.create_login_profile(UserName="provoker", Password="Tr0ub4dor&3-first")
        for _ in range(50):
            try:
                own.change_password(OldPassword="Tr0ub4dor&3-wrong", NewPassword="Tr0ub4dor&3-second")
            except own.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "AccessDenied":
                    raise

    def FeatureDisabled(self):
        self.iam.disable_outbound_web_identity_federation()

    def FeatureEnabled(self):
        for _ in range(2):
            self.iam.enable_outbound_web_identity_federation()

    def InvalidAuthenticationCode(self):
        codes = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000000"}
        self.iam.resync_mfa_device(UserName="adam", SerialNumber=arn("mfa", "Bea"), **codes)

    def InvalidCertificate(self):
        key = ec.generate_private_key(ec.SECP521R1())
        self.iam.upload_signing_certificate(UserName="zoe", CertificateBody=certificate("z", key, "z", key))

    def InvalidInput(self):
        for _ in range(2):
            self.iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")

    def InvalidPublicKey(self):
        self.iam.upload_ssh_public_key(UserName="zoe", SSHPublicKeyBody=ssh_public_key(rsa.generate_private_key(65537, 1024)))

    def InvalidUserType(self):
        self.iam.change_password(OldPassword="Tr0ub4dor&3-first", NewPassword="Tr0ub4dor&3-second")

    def KeyPairMismatch(self):
        other = pem(rsa.generate_private_key(65537, 2048))
        body = certificate("z", self.key, "z", self.key)
        self.iam.upload_server_certificate(ServerCertificateName="z", CertificateBody=body, PrivateKey=other)

    def LimitExceeded(self):
        self.iam.create_access_key(UserName="Bea")

    def MalformedCertificate(self):
        self.iam.upload_server_certificate(ServerCertificateName="z", CertificateBody="nonsense", PrivateKey=pem(self.key))

    def MalformedPolicyDocument(self):
        self.iam.put_user_policy(UserName="zoe", PolicyName="broken", PolicyDocument="{}")

    def NoSuchEntity(self):
        self.iam.get_user(UserName="nobody")

    def OrganizationNotFound(self):
        self.iam.list_organizations_features()

    def PasswordPolicyViolation(self):
        self.iam.create_login_profile(UserName="zoe", Password="short")

    def ServiceNotSupported(self):
        self.iam.create_service_specific_credential(UserName="zoe", ServiceName="s3.amazonaws.com")

    def UnmodifiableEntity(self):
        role = self.iam.create_service_linked_role(AWSServiceName="boto.example.com")["Role"]
        self.iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=arn("policy", "boto/Bea"))

    def UnrecognizedPublicKeyEncoding(self):
        self.iam.upload_ssh_public_key(UserName="zoe", SSHPublicKeyBody="no key at all")


DECLARED = {shape.name for operation in MODEL.operation_names for shape in MODEL.operation_model(operation).error_shapes}
# An account is alone before it has a partner.
ORDER = sorted(DECLARED - set(NOT_PROVOKED), key=lambda name: (name != "OrganizationNotFoundException", name))


@pytest.fixture(scope="module")
def provocations(world, crowd):
    return Provocations(world, crowd)


@pytest.mark.parametrize("name", ORDER)
def test_every_declared_error_arrives_as_its_class(iam, provocations, name):
    kind = getattr(iam.exceptions, name)
    with pytest.raises(iam.exceptions.ClientError) as told:
        getattr(provocations, name.removesuffix("Exception"))()
    error = told.value.response
    shape = MODEL.shape_for(name).metadata.get("error", {"code": name, "httpStatusCode": 400})
    # Two clients have two classes of one name, so it is the name that is compared.
    assert type(told.value).__name__ == kind.__name__, error["Error"]
    assert (error["Error"]["Code"], error["Error"]["Type"]) == (shape["code"], "Sender")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == shape["httpStatusCode"]
    assert error["Error"]["Message"] and error["ResponseMetadata"]["RequestId"]


OWNERS = {"UserName", "GroupName", "RoleName", "InstanceProfileName", "PolicyArn"}


def asks_for_an_owner(operation: str) -> bool:
    """Whether an operation is on something by its name; these two are what gives the name."""
    if operation in {"CreateUser", "CreateGroup"}:
        return False
    model = MODEL.operation_model(operation)
    required = set(model.input_shape.required_members) if model.input_shape else set()
    return bool(required & OWNERS) and "NoSuchEntityException" in {shape.name for shape in model.error_shapes}


@pytest.mark.parametrize("operation", filter(asks_for_an_owner, MODEL.operation_names))
def test_what_is_asked_of_nobody_is_not_found(iam, operation):
    with pytest.raises(iam.exceptions.NoSuchEntityException) as told:
        iam._make_api_call(operation, minimal(MODEL.operation_model(operation).input_shape))
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


# Resources


@pytest.fixture(scope="module")
def resources(world):
    key = {"aws_access_key_id": world.root.key.id, "aws_secret_access_key": world.root.key.secret}
    return boto3.resource("iam", endpoint_url=world.endpoint, region_name=REGION, **key)


def test_resources_of_boto3_live_and_end(resources):
    user = resources.create_user(UserName="resource", Path="/r/")
    group = resources.create_group(GroupName="resource")
    role = resources.create_role(RoleName="resource", AssumeRolePolicyDocument=TRUST)
    managed = resources.create_policy(PolicyName="resource", PolicyDocument=DOCUMENT)
    profile = resources.create_instance_profile(InstanceProfileName="resource")
    assert (user.arn, role.assume_role_policy_document) == (arn("user", "r/resource"), json.loads(TRUST))
    assert managed.attachment_count == 0 and managed.default_version.document == json.loads(DOCUMENT)

    user.add_group(GroupName="resource")
    assert [one.name for one in user.groups.all()] == ["resource"] and [one.name for one in group.users.all()] == ["resource"]
    for holder in (user, group, role):
        holder.attach_policy(PolicyArn=managed.arn)
        assert [one.arn for one in holder.attached_policies.all()] == [managed.arn]
        kind = type(holder).__name__.removeprefix("iam.")
        inline = getattr(resources, f"{kind}Policy")("resource", "inline")
        inline.put(PolicyDocument=DOCUMENT)
        assert inline.policy_document == json.loads(DOCUMENT)
        assert [one.name for one in holder.policies.all()] == ["inline"]
    assert [one.name for one in managed.attached_users.all()] == ["resource"]
    version = managed.create_version(PolicyDocument=policy(allow("reports:*")), SetAsDefault=True)
    managed.reload()
    assert managed.default_version_id == version.version_id == "v2"
    assert [one.version_id for one in managed.versions.page_size(1)] == ["v2", "v1"]
    profile.add_role(RoleName="resource")
    assert [one.name for one in resources.InstanceProfile("resource").roles] == ["resource"]
    pair = user.create_access_key_pair()
    assert [key.id for key in user.access_keys.all()] == [pair.id]
    login = user.create_login_profile(Password="Tr0ub4dor&3-first")
    assert login.password_reset_required is False

    login.delete()
    pair.deactivate()
    pair.delete()
    profile.remove_role(RoleName="resource")
    profile.delete()
    for holder in (user, group, role):
        holder.detach_policy(PolicyArn=managed.arn)
        for inline in holder.policies.all():
            inline.delete()
    user.remove_group(GroupName="resource")
    resources.PolicyVersion(managed.arn, "v1").delete()
    for one in (user, group, role, managed):
        one.delete()
    assert "resource" not in [one.name for one in resources.users.all()]


def test_documents_travel_percent_encoded(iam, crowd):
    """boto3 decodes them on arrival; on the wire they are as in RFC 3986."""
    seen = []
    iam.meta.events.register_first("before-parse.iam.GetUserPolicy", lambda response_dict, **_: seen.append(response_dict["body"]))
    got = iam.get_user_policy(UserName="Bea", PolicyName="Bea")
    assert got["PolicyDocument"] == json.loads(DOCUMENT)
    encoded = seen[0].decode().partition("<PolicyDocument>")[2].partition("</PolicyDocument>")[0]
    assert unquote(encoded) == DOCUMENT and not set(encoded) & set(' "{}:[],')
