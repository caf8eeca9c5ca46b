"""Every command of `aws iam`: each entity from its making to its end, output formats, queries, pages and waiters."""

import json

import botocore.session
import pytest
from actors import Actor, allow, policy, trust
from authenticator import Authenticator, one_time_code
from botocore import xform_name
from certificates import certificate, pem, ssh_public_key
from cli import CommandLine
from cryptography.hazmat.primitives.asymmetric import rsa
from machine import until
from signing import Key
from test_saml_providers import metadata
from told_elsewhere import TOLD_ELSEWHERE
from world import HOME_ACCOUNT, PARTNER_ACCOUNT

DOCUMENT = policy(allow("reports:Read"))
TRUST = trust({"Service": "ec2.amazonaws.com"})
NAMES = ["ann", "Ben", "cleo"]


def arn(kind: str, name: str) -> str:
    return f"arn:aws:iam::{HOME_ACCOUNT}:{kind}/{name}"


def names(answer: list[dict], member: str) -> list[str]:
    return [item[member] for item in answer]


@pytest.fixture(scope="module")
def aws(world):
    command_line = CommandLine(world.root)
    yield command_line
    command_line.close()


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def file(tmp_path):
    """A file with a text, as the CLI reads it."""

    def written(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return f"file://{tmp_path / name}"

    return written


def tagged(aws, kind: str, **owner) -> None:
    """Whatever has tags is tagged, listed over pages, and untagged in one way."""
    keys = ["one", "two", "three"]
    aws(f"tag-{kind}", **owner, Tags=[{"Key": key, "Value": f"of {key}"} for key in keys])
    # The shorthand of the command line says the same.
    aws(f"tag-{kind}", "--tags", "Key=four,Value=of four", **owner)
    listed = aws(f"list-{kind}-tags", **owner)["Tags"]
    assert sorted(names(listed, "Key")) == ["four", "one", "three", "two"] and listed[0]["Value"] == f"of {listed[0]['Key']}"
    first = aws(f"list-{kind}-tags", **owner, MaxItems=3)
    rest = aws(f"list-{kind}-tags", **owner, StartingToken=next_token(first))["Tags"]
    assert first["Tags"] + rest == listed
    aws(f"untag-{kind}", **owner, TagKeys=[*keys, "four"])
    assert aws(f"list-{kind}-tags", **owner)["Tags"] == []


def next_token(page: dict) -> str:
    """Where the CLI goes on: its own token after --max-items, or the service's marker where it does not page itself."""
    return page.get("NextToken") or page["Marker"]


@pytest.mark.story
class TestEveryCommand:
    def test_users_and_groups(self, aws):
        for name in NAMES:
            made = aws("create-user", UserName=name, Path="/crew/")["User"]
            assert made["UserId"].startswith("AIDA") and made["CreateDate"].endswith("Z")
            aws("create-group", GroupName=f"group-{name}", Path="/crew/")
            aws("add-user-to-group", GroupName="group-ann", UserName=name)
        assert aws.refused("create-user", UserName="ANN") == "EntityAlreadyExists"
        assert names(aws("list-users", PathPrefix="/crew/")["Users"], "UserName") == NAMES
        assert len(aws("list-groups", PathPrefix="/crew/")["Groups"]) == 3
        assert names(aws("get-group", GroupName="group-ann")["Users"], "UserName") == NAMES
        assert names(aws("list-groups-for-user", UserName="Ben")["Groups"], "GroupName") == ["group-ann"]
        tagged(aws, "user", UserName="cleo")
        aws("update-user", UserName="ann", NewUserName="anna", NewPath="/")
        assert aws("get-user", UserName="anna")["User"]["Arn"] == arn("user", "anna")
        aws("update-group", GroupName="group-ann", NewGroupName="group-anna")
        assert aws.refused("get-user", UserName="ann") == "NoSuchEntity"
        assert aws.refused("delete-group", GroupName="group-anna") == "DeleteConflict"

    def test_pages_formats_and_queries(self, aws):
        # The CLI joins pages itself, as many as it takes, or stops where it is told and goes on from there.
        whole = aws("list-users", PathPrefix="/")["Users"]
        assert aws("list-users", PageSize=1)["Users"] == whole and len(whole) == 3
        alone = aws("list-users", "--no-paginate", "--max-items", "1")
        assert alone["IsTruncated"] and alone["Users"] == whole[:1]
        assert aws("list-users", "--no-paginate", "--max-items", "2", Marker=alone["Marker"])["Users"] == whole[1:]
        joined, more = [], ()
        for _ in whole:
            page = aws("list-users", *more, MaxItems=1)
            joined += page["Users"]
            more = ("--starting-token", page["NextToken"]) if "NextToken" in page else ()
        assert joined == whole and not more
        query = ("--query", "Users[].[UserName,Path]")
        assert aws.text("list-users", *query, "--output", "text") == "anna\t/\nBen\t/crew/\ncleo\t/crew/\n"
        table = aws.text("list-users", *query, "--output", "table")
        assert "|  Ben " in table and table.startswith("---")
        assert aws("list-users", "--query", "length(Users[?Path=='/crew/'])") == 2
        assert aws.text("get-user", "--query", "User.Arn", "--output", "text", UserName="anna").strip() == arn("user", "anna")
        # An input described in a file, and the skeleton of one.
        assert json.loads(aws.text("create-user", "--generate-cli-skeleton"))["UserName"] == ""
        given = json.dumps({"PathPrefix": "/crew/", "MaxItems": 1})
        assert len(aws("list-users", "--cli-input-json", given)["Users"]) >= 1

    def test_waiters_end(self, aws):
        aws("create-role", RoleName="awaited", AssumeRolePolicyDocument=TRUST)
        aws("create-policy", PolicyName="awaited", PolicyDocument=DOCUMENT)
        aws("create-instance-profile", InstanceProfileName="awaited")
        assert aws.text("wait user-exists", UserName="Ben") == ""
        assert aws.text("wait role-exists", RoleName="awaited") == ""
        assert aws.text("wait policy-exists", PolicyArn=arn("policy", "awaited")) == ""
        assert aws.text("wait instance-profile-exists", InstanceProfileName="awaited") == ""
        aws("delete-role", RoleName="awaited")
        aws("delete-policy", PolicyArn=arn("policy", "awaited"))
        aws("delete-instance-profile", InstanceProfileName="awaited")

    def test_what_a_user_holds(self, world, aws, rsa_key, file):
        user = {"UserName": "Ben"}
        key = aws("create-access-key", **user)["AccessKey"]
        ben = CommandLine(Actor(world, "Ben", Key(key["AccessKeyId"], key["SecretAccessKey"])))
        aws("put-user-policy", **user, PolicyName="self", PolicyDocument=policy(allow(["iam:ChangePassword", "iam:GetUser"])))
        assert ben("get-user")["User"]["UserName"] == "Ben"
        first, second = "Tr0ub4dor&3-first", "Tr0ub4dor&3-second"
        aws("create-login-profile", **user, Password=first, PasswordResetRequired=True)
        ben("change-password", OldPassword=first, NewPassword=second)
        aws.succeeded |= ben.succeeded
        ben.close()
        assert not aws("get-login-profile", **user)["LoginProfile"]["PasswordResetRequired"]
        aws("update-login-profile", **user, PasswordResetRequired=True)
        aws("delete-login-profile", **user)
        assert aws("get-access-key-last-used", AccessKeyId=key["AccessKeyId"])["UserName"] == "Ben"
        assert aws("list-access-keys", **user)["AccessKeyMetadata"][0]["Status"] == "Active"
        aws("update-access-key", **user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
        aws("delete-access-key", **user, AccessKeyId=key["AccessKeyId"])

        ssh = aws("upload-ssh-public-key", **user, SSHPublicKeyBody=file("key.pub", ssh_public_key(rsa_key)))["SSHPublicKey"]
        which = user | {"SSHPublicKeyId": ssh["SSHPublicKeyId"]}
        assert aws("get-ssh-public-key", **which, Encoding="SSH")["SSHPublicKey"]["Fingerprint"] == ssh["Fingerprint"]
        aws("update-ssh-public-key", **which, Status="Inactive")
        assert names(aws("list-ssh-public-keys", **user)["SSHPublicKeys"], "Status") == ["Inactive"]
        aws("delete-ssh-public-key", **which)

        body = file("signing.pem", certificate("ben", rsa_key, "ben", rsa_key))
        made = aws("upload-signing-certificate", **user, CertificateBody=body)["Certificate"]
        which = user | {"CertificateId": made["CertificateId"]}
        aws("update-signing-certificate", **which, Status="Inactive")
        assert names(aws("list-signing-certificates", **user)["Certificates"], "Status") == ["Inactive"]
        aws("delete-signing-certificate", **which)

        made = aws("create-service-specific-credential", **user, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
        which = user | {"ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
        assert aws("reset-service-specific-credential", **which)["ServiceSpecificCredential"]["ServicePassword"] != made["ServicePassword"]
        aws("update-service-specific-credential", **which, Status="Inactive")
        assert len(aws("list-service-specific-credentials", **user)["ServiceSpecificCredentials"]) == 1
        aws("delete-service-specific-credential", **which)
        aws("delete-user-policy", **user, PolicyName="self")

    def test_an_mfa_device(self, world, aws, tmp_path):
        for form, name in (("Base32StringSeed", "phone"), ("QRCodePNG", "tablet")):
            saved = tmp_path / name
            bootstrap = ("--bootstrap-method", form, "--outfile", str(saved))
            made = aws("create-virtual-mfa-device", *bootstrap, VirtualMFADeviceName=name)["VirtualMFADevice"]
            assert made["SerialNumber"] == arn("mfa", name)
        assert saved.read_bytes().startswith(b"\x89PNG")
        seed = (tmp_path / "phone").read_text()
        world.hunt.remember("the phone's seed", seed)
        phone = Authenticator(seed)
        owned = {"UserName": "Ben", "SerialNumber": arn("mfa", "phone")}
        first, second = phone.first_two()
        aws("enable-mfa-device", **owned, AuthenticationCode1=first, AuthenticationCode2=second)
        ahead = [one_time_code(phone.seed, phone.last_step + step) for step in (1, 2)]
        aws("resync-mfa-device", **owned, AuthenticationCode1=ahead[0], AuthenticationCode2=ahead[1])
        assert aws("get-mfa-device", **owned)["UserName"] == "Ben"
        assert names(aws("list-mfa-devices", UserName="Ben")["MFADevices"], "SerialNumber") == [arn("mfa", "phone")]
        free = aws("list-virtual-mfa-devices", AssignmentStatus="Unassigned")["VirtualMFADevices"]
        assert names(free, "SerialNumber") == [arn("mfa", "tablet")]
        tagged(aws, "mfa-device", SerialNumber=arn("mfa", "phone"))
        aws("deactivate-mfa-device", **owned)
        for name in ("phone", "tablet"):
            aws("delete-virtual-mfa-device", SerialNumber=arn("mfa", name))

    def test_policies_and_their_versions(self, aws, file):
        described = {"PolicyDocument": file("policy.json", DOCUMENT), "Description": "Reads reports"}
        which = {"PolicyArn": aws("create-policy", PolicyName="read", Path="/team/", **described)["Policy"]["Arn"]}
        assert which == {"PolicyArn": arn("policy", "team/read")}
        wider = policy(allow("reports:*"))
        assert aws("create-policy-version", **which, PolicyDocument=wider)["PolicyVersion"]["VersionId"] == "v2"
        aws("set-default-policy-version", **which, VersionId="v2")
        assert aws("get-policy", **which)["Policy"]["DefaultVersionId"] == "v2"
        # The CLI shows documents as JSON, not as they travel.
        assert aws("get-policy-version", **which, VersionId="v2")["PolicyVersion"]["Document"] == json.loads(wider)
        assert names(aws("list-policy-versions", **which)["Versions"], "VersionId") == ["v2", "v1"]
        aws("delete-policy-version", **which, VersionId="v1")
        tagged(aws, "policy", **which)
        assert names(aws("list-policies", Scope="Local")["Policies"], "PolicyName") == ["read"]
        assert "AdministratorAccess" in names(aws("list-policies", Scope="AWS", PageSize=5)["Policies"], "PolicyName")

    @pytest.mark.parametrize("kind", ["user", "group", "role"])
    def test_who_holds_policies(self, aws, kind):
        if kind == "role":
            made = aws("create-role", RoleName="ann", AssumeRolePolicyDocument=TRUST, MaxSessionDuration=7200)["Role"]
            assert made["AssumeRolePolicyDocument"] == json.loads(TRUST)
        name = {"user": "Ben", "group": "group-Ben", "role": "ann"}[kind]
        holder, which = {f"{kind.capitalize()}Name": name}, {"PolicyArn": arn("policy", "team/read")}
        aws(f"attach-{kind}-policy", **holder, **which)
        assert names(aws(f"list-attached-{kind}-policies", **holder)["AttachedPolicies"], "PolicyName") == ["read"]
        entities = aws("list-entities-for-policy", **which)
        assert names(entities[f"Policy{kind.capitalize()}s"], f"{kind.capitalize()}Name") == [name]
        aws(f"put-{kind}-policy", **holder, PolicyName="inline", PolicyDocument=DOCUMENT)
        assert aws(f"list-{kind}-policies", **holder)["PolicyNames"] == ["inline"]
        assert aws(f"get-{kind}-policy", **holder, PolicyName="inline")["PolicyDocument"] == json.loads(DOCUMENT)
        granting = aws("list-policies-granting-service-access", Arn=arn(kind, name if kind == "role" else f"crew/{name}"), ServiceNamespaces=["reports"])
        assert len(granting["PoliciesGrantingServiceAccess"][0]["Policies"]) == 2
        if kind != "group":
            aws(f"put-{kind}-permissions-boundary", **holder, PermissionsBoundary=which["PolicyArn"])
            boundary = aws(f"get-{kind}", **holder)[kind.capitalize()]["PermissionsBoundary"]
            assert boundary == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": which["PolicyArn"]}
            aws(f"delete-{kind}-permissions-boundary", **holder)
        assert aws.refused("delete-policy", **which) == "DeleteConflict"
        aws(f"delete-{kind}-policy", **holder, PolicyName="inline")
        aws(f"detach-{kind}-policy", **holder, **which)

    def test_roles_and_instance_profiles(self, aws):
        role = {"RoleName": "ann"}
        aws("update-role", **role, Description="Works", MaxSessionDuration=3600)
        assert aws("update-role-description", **role, Description="Works more")["Role"]["Description"] == "Works more"
        aws("update-assume-role-policy", **role, PolicyDocument=trust({"AWS": HOME_ACCOUNT}))
        assert names(aws("list-roles", PathPrefix="/")["Roles"], "RoleName") == ["ann"]
        tagged(aws, "role", **role)
        profile = {"InstanceProfileName": "farm"}
        aws("create-instance-profile", **profile, Path="/farm/")
        aws("add-role-to-instance-profile", **profile, **role)
        assert names(aws("get-instance-profile", **profile)["InstanceProfile"]["Roles"], "RoleName") == ["ann"]
        assert len(aws("list-instance-profiles", PathPrefix="/farm/")["InstanceProfiles"]) == 1
        assert len(aws("list-instance-profiles-for-role", **role)["InstanceProfiles"]) == 1
        tagged(aws, "instance-profile", **profile)
        aws("remove-role-from-instance-profile", **profile, **role)
        aws("delete-instance-profile", **profile)
        aws("delete-role", **role)
        linked = aws("create-service-linked-role", AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="cli")["Role"]
        task = aws("delete-service-linked-role", RoleName=linked["RoleName"])["DeletionTaskId"]
        assert aws("get-service-linked-role-deletion-status", DeletionTaskId=task)["Status"] == "SUCCEEDED"

    def test_providers(self, aws, rsa_key, file):
        print1, print2 = "cf23df2207d99a74fbe169e3eba035e633b65d94", "0123456789abcdef0123456789abcdef01234567"
        made = aws("create-open-id-connect-provider", Url="https://oidc.example.com/cli", ClientIDList=["one"], ThumbprintList=[print1])
        provider = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
        aws("add-client-id-to-open-id-connect-provider", **provider, ClientID="two")
        aws("remove-client-id-from-open-id-connect-provider", **provider, ClientID="one")
        aws("update-open-id-connect-provider-thumbprint", **provider, ThumbprintList=[print2])
        shown = aws("get-open-id-connect-provider", **provider)
        assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"]) == ("oidc.example.com/cli", ["two"], [print2])
        assert aws("list-open-id-connect-providers")["OpenIDConnectProviderList"] == [{"Arn": made["OpenIDConnectProviderArn"]}]
        tagged(aws, "open-id-connect-provider", **provider)
        aws("delete-open-id-connect-provider", **provider)

        document = metadata(rsa_key)
        provider = {"SAMLProviderArn": aws("create-saml-provider", Name="cli", SAMLMetadataDocument=file("idp.xml", document))["SAMLProviderArn"]}
        assert aws("get-saml-provider", **provider)["SAMLMetadataDocument"] == document
        aws("update-saml-provider", **provider, SAMLMetadataDocument=document)
        assert len(aws("list-saml-providers")["SAMLProviderList"]) == 1
        tagged(aws, "saml-provider", **provider)
        aws("delete-saml-provider", **provider)

    def test_server_certificates(self, aws, rsa_key, file):
        body = certificate("www", rsa_key, "www", rsa_key)
        certified = {"CertificateBody": file("www.pem", body), "PrivateKey": file("www.key", pem(rsa_key))}
        aws("upload-server-certificate", ServerCertificateName="www", **certified)
        tagged(aws, "server-certificate", ServerCertificateName="www")
        aws("update-server-certificate", ServerCertificateName="www", NewServerCertificateName="web")
        assert aws("get-server-certificate", ServerCertificateName="web")["ServerCertificate"]["CertificateBody"] == body.strip()
        listed = aws("list-server-certificates")["ServerCertificateMetadataList"]
        assert names(listed, "ServerCertificateName") == ["web"]
        aws("delete-server-certificate", ServerCertificateName="web")

    def test_the_account(self, world, aws):
        aws("create-account-alias", AccountAlias="brevet-cli")
        assert aws("list-account-aliases")["AccountAliases"] == ["brevet-cli"]
        aws("delete-account-alias", AccountAlias="brevet-cli")
        aws("update-account-password-policy", MinimumPasswordLength=12, RequireSymbols=True)
        assert aws("get-account-password-policy")["PasswordPolicy"]["RequireSymbols"] is True
        aws("delete-account-password-policy")
        assert aws("get-account-summary")["SummaryMap"]["Users"] == 3
        assert names(aws("get-account-authorization-details", Filter=["User"])["UserDetailList"], "UserName") == ["anna", "Ben", "cleo"]
        aws("set-security-token-service-preferences", GlobalEndpointTokenVersion="v2Token")
        aws("enable-outbound-web-identity-federation")
        assert aws("get-outbound-web-identity-federation-info")["JwtVendingEnabled"] is True
        aws("disable-outbound-web-identity-federation")
        world.account("partner", PARTNER_ACCOUNT)
        aws("enable-organizations-root-sessions")
        aws("enable-organizations-root-credentials-management")
        organization = aws("list-organizations-features")
        assert organization["EnabledFeatures"] == ["RootCredentialsManagement", "RootSessions"]
        aws("disable-organizations-root-sessions")
        aws("disable-organizations-root-credentials-management")
        path = f"{organization['OrganizationId']}/r-{organization['OrganizationId'][2:]}"
        job = {"JobId": aws("generate-organizations-access-report", EntityPath=path)["JobId"]}
        report = until("the report is complete", lambda: completed(aws("get-organizations-access-report", **job)), 30)
        assert "iam" in names(report["AccessDetails"], "ServiceNamespace")

    def test_reports(self, aws):
        until("the report is complete", lambda: aws("generate-credential-report")["State"] == "COMPLETE", 30)
        assert aws("get-credential-report")["ReportFormat"] == "text/csv"
        aws("put-user-policy", UserName="cleo", PolicyName="storage", PolicyDocument=policy(allow("s3:GetObject")))
        job = {"JobId": aws("generate-service-last-accessed-details", Arn=arn("user", "crew/cleo"))["JobId"]}
        details = until("the details are complete", lambda: completed(aws("get-service-last-accessed-details", **job)), 30)
        assert names(details["ServicesLastAccessed"], "ServiceNamespace") == ["s3"]
        assert aws("get-service-last-accessed-details-with-entities", **job, ServiceNamespace="s3")["EntityDetailsList"]

    def test_the_simulator(self, aws):
        actions, source = ["s3:GetObject", "s3:PutObject"], arn("user", "crew/cleo")
        principal = aws("simulate-principal-policy", PolicySourceArn=source, ActionNames=actions)
        custom = aws("simulate-custom-policy", PolicyInputList=[policy(allow("s3:GetObject"))], ActionNames=actions, PageSize=1)
        for answer in (principal, custom):
            assert names(answer["EvaluationResults"], "EvalDecision") == ["allowed", "implicitDeny"]
        conditional = policy(allow("a:B", Condition={"StringEquals": {"aws:RequestedRegion": "x"}}))
        assert aws("get-context-keys-for-custom-policy", PolicyInputList=[conditional])["ContextKeyNames"] == ["aws:RequestedRegion"]
        assert aws("get-context-keys-for-principal-policy", PolicySourceArn=source)["ContextKeyNames"] == []

    def test_a_summary_in_words(self, aws):
        summary = aws("get-human-readable-summary", EntityArn=arn("user", "crew/cleo"))
        assert summary["SummaryState"] == "AVAILABLE" and "- allows s3:GetObject on " in summary["SummaryContent"]

    def test_everybody_leaves(self, aws):
        aws("delete-user-policy", UserName="cleo", PolicyName="storage")
        aws("delete-policy", PolicyArn=arn("policy", "team/read"))
        for name in ("anna", "Ben", "cleo"):
            aws("remove-user-from-group", GroupName="group-anna", UserName=name)
            aws("delete-user", UserName=name)
        for name in ("anna", "Ben", "cleo"):
            aws("delete-group", GroupName=f"group-{name}")
        details = aws("get-account-authorization-details", Filter=["User", "Role", "Group", "LocalManagedPolicy"])
        assert not any(details[kind] for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"))

    def test_no_command_was_left_out(self, world, aws):
        missing = world.broker.run("coverage", "--missing").stdout.split()
        operations = set(botocore.session.get_session().get_service_model("iam").operation_names) - TOLD_ELSEWHERE
        commands = {xform_name(name, "-") for name in operations if f"iam:{name}" not in missing}
        assert sorted(commands - aws.succeeded) == []


def completed(report: dict) -> dict | None:
    return report if report["JobStatus"] == "COMPLETED" else None
