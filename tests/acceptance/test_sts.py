"""STS's operations through the AWS CLI and boto3: each with success, or with the answer that it is not built."""

import json

import botocore.session
import pytest
from actors import Actor, allow, policy, trust
from authenticator import Authenticator
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from signing import Key
from world import HOME_ACCOUNT, PARTNER_ACCOUNT

MODEL = botocore.session.get_session().get_service_model("sts")
ROLE = f"arn:aws:iam::{HOME_ACCOUNT}:role/worker"
AUDIT = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
READS = policy(allow("reports:Read"))
ASSERTION = {
    "RoleArn": ROLE,
    "PrincipalArn": f"arn:aws:iam::{HOME_ACCOUNT}:saml-provider/corp",
    "SAMLAssertion": "PHNhbWw+PC9zYW1sPg==",
}


@pytest.fixture(scope="module")
def ann(world) -> Actor:
    """A user with a phone, in an organization whose root sessions are on."""
    root = world.root
    world.account("partner", PARTNER_ACCOUNT)
    iam = root.boto("iam")
    iam.enable_organizations_root_credentials_management()
    iam.enable_outbound_web_identity_federation()
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(allow(["sts:*", "reports:*"])))
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust({"AWS": arn}))
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    world.hunt.remember_all_in(made, "ann")
    return Actor(world, "ann", Key(made["AccessKeyId"], made["SecretAccessKey"]))


def phone(root, name: str) -> tuple[str, Authenticator]:
    iam = root.boto("iam")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    app = Authenticator(made["Base32StringSeed"].decode())
    first, second = app.first_two()
    where = {"UserName": "ann", "SerialNumber": made["SerialNumber"]}
    iam.enable_mfa_device(**where, AuthenticationCode1=first, AuthenticationCode2=second)
    return made["SerialNumber"], app


def calls(ann: Actor, serial: str, app: Authenticator):
    """Every operation that is built, with what it is asked here."""
    yield "GetCallerIdentity", {}
    yield "GetAccessKeyInfo", {"AccessKeyId": ann.key.id}
    yield "GetSessionToken", {"SerialNumber": serial, "TokenCode": app.next_code(), "DurationSeconds": 900}
    yield "GetFederationToken", {"Name": "Bob", "Policy": READS, "DurationSeconds": 900}
    yield "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "work", "Policy": READS, "DurationSeconds": 900}
    yield "DecodeAuthorizationMessage", {"EncodedMessage": encoded_denial(ann)}
    yield "GetWebIdentityToken", {"Audience": ["books"], "SigningAlgorithm": "ES384"}
    yield "AssumeRoot", {"TargetPrincipal": PARTNER_ACCOUNT, "TaskPolicyArn": {"arn": AUDIT}, "DurationSeconds": 900}


def encoded_denial(ann: Actor) -> str:
    """What a refusal carries for those who may decode it."""
    with pytest.raises(ClientError) as caught:
        ann.boto("iam").create_user(UserName="mole")
    return caught.value.response["Error"]["Message"].partition("Encoded authorization failure message: ")[2].strip()


def expected(name: str, answer: dict) -> None:
    """What the answer must say."""
    if name == "GetCallerIdentity":
        assert answer["Arn"] == f"arn:aws:iam::{HOME_ACCOUNT}:user/ann"
    elif name == "GetAccessKeyInfo":
        assert answer["Account"] == HOME_ACCOUNT
    elif name == "DecodeAuthorizationMessage":
        assert json.loads(answer["DecodedMessage"])["allowed"] is False
    elif name == "GetWebIdentityToken":
        assert answer["WebIdentityToken"].count(".") == 2 and "Expiration" in answer
    else:
        assert {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"} == set(answer["Credentials"])
    if name == "GetFederationToken":
        user = {"FederatedUserId": f"{HOME_ACCOUNT}:Bob", "Arn": f"arn:aws:sts::{HOME_ACCOUNT}:federated-user/Bob"}
        assert answer["FederatedUser"] == user and 0 < answer["PackedPolicySize"] < 10
    if name == "AssumeRole":
        assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{HOME_ACCOUNT}:assumed-role/worker/work"


def built(world) -> set[str]:
    missing = world.broker.run("coverage", "--missing").stdout.split()
    return {name for name in MODEL.operation_names if f"sts:{name}" not in missing}


def shapes(value) -> list[str]:
    """The command line's options."""
    def text(value):
        if isinstance(value, dict):
            return ",".join(f"{name}={inner}" for name, inner in value.items())
        return value[0] if isinstance(value, list) else str(value)

    return [part for name, inner in value.items() for part in (f"--{xform_name(name, '-')}", text(inner))]


def test_the_cli_and_boto3_do_every_operation(world, ann):
    done = set()
    for way in ("cli", "boto3"):
        serial, app = phone(world.root, f"phone-{way}")
        for name, parameters in calls(ann, serial, app):
            if way == "cli":
                answer = ann.aws("sts", xform_name(name, "-"), *shapes(parameters))
            else:
                answer = getattr(ann.boto("sts"), xform_name(name))(**parameters)
                answer.pop("ResponseMetadata")
            expected(name, answer)
            done.add(name)
    # Whoever has an identity provider's token has signed nothing: tests/acceptance/test_web_identity.py.
    assert done | {"AssumeRoleWithWebIdentity"} >= built(world), "each is done here or has a story of its own"


def test_what_the_sessions_are(world, ann):
    sts = ann.boto("sts")
    bob = ann.with_session(sts.get_federation_token(Name="Bob", Policy=READS)["Credentials"], "bob")
    assert bob.who() == f"arn:aws:sts::{HOME_ACCOUNT}:federated-user/Bob"
    assert bob.refused("iam", "list-users").code == "InvalidClientTokenId"
    refused = bob.refused("sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "work")
    assert (refused.code, refused.message) == ("AccessDenied", "Cannot call AssumeRole with session credentials")
    plain = ann.with_session(sts.get_session_token()["Credentials"], "plain")
    assert plain.refused("iam", "list-users").code == "InvalidClientTokenId"
    assert plain.refused("sts", "get-federation-token", "--name", "Eve").message == "Cannot call GetFederationToken with session credentials"
    root = ann.with_session(sts.assume_root(TargetPrincipal=PARTNER_ACCOUNT, TaskPolicyArn={"arn": AUDIT})["Credentials"], "root")
    assert root.who() == f"arn:aws:iam::{PARTNER_ACCOUNT}:root"
    assert len(root.aws("iam", "list-access-keys")["AccessKeyMetadata"]) == 1
    assert root.refused("iam", "list-users").code == "AccessDenied"
    kinds = {record["userIdentity"]["type"] for record in world.audit()}
    assert {"FederatedUser", "Root", "IAMUser"} <= kinds


def not_built(code: str, status: int, message: str, name: str) -> None:
    assert (code, status) == ("NotImplemented", 501)
    assert message == f"sts:{name} is declared by AWS and not built in this broker yet."


def test_what_is_not_built_says_so(world, ann):
    missing = set(MODEL.operation_names) - built(world)
    if "GetDelegatedAccessToken" in missing:
        refused = ann.refused("sts", "get-delegated-access-token", "--trade-in-token", "token-1")
        not_built(refused.code, 501, refused.message, "GetDelegatedAccessToken")
    if "AssumeRoleWithSAML" in missing:
        # Nobody signs this one: the CLI and boto3 send it without a key, and so does whoever has none.
        refused = ann.refused("sts", "assume-role-with-saml", *shapes(ASSERTION))
        not_built(refused.code, 501, refused.message, "AssumeRoleWithSAML")
    unsigned = botocore.session.get_session().create_client(
        "sts", endpoint_url=ann.endpoint, region_name="us-east-1", config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0})
    )
    for name, parameters in (("AssumeRoleWithSAML", ASSERTION), ("GetDelegatedAccessToken", {"TradeInToken": "token-1"})):
        for client in (ann.boto("sts"), unsigned):
            if name not in missing or (client is unsigned and name != "AssumeRoleWithSAML"):
                continue
            with pytest.raises(ClientError) as caught:
                getattr(client, xform_name(name))(**parameters)
            error, status = caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
            not_built(error["Code"], status, error["Message"], name)
