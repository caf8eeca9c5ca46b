"""Every operation that AWS publishes for IAM and STS gets an answer that its model allows, or says that it is not built.

`brevet coverage --missing` names what is not built. A gap that is not on that list, or a name on it that works, fails here.
"""

import botocore.session
import pytest
from botocore.exceptions import ClientError
from world import HOME_ACCOUNT

MODELS = {name: botocore.session.get_session().get_service_model(name) for name in ("iam", "sts")}
OPERATIONS = [f"{service}:{operation}" for service, model in MODELS.items() for operation in model.operation_names]

# Errors that every operation may answer ("Common Errors" in both API references) besides those that its own model declares.
COMMON = {"AccessDenied", "AccessDeniedException", "ValidationError", "ValidationException", "InvalidParameterValue"}
COMMON |= {"InvalidParameterCombination", "InvalidClientTokenId", "NotAuthorized", "OptInRequired", "Throttling"}

ARN = f"arn:aws:iam::{HOME_ACCOUNT}"
DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"reports:Read","Resource":"*"}]}'
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s:root"},"Action":"sts:AssumeRole"}]}' % ARN

# Values that a model's length and pattern do not tell.
VALUES = {
    "AccessKeyId": "AKIAZZZZZZZZZZZZZZZZ",
    "AssumeRolePolicyDocument": TRUST,
    "AuthenticationCode1": "123456",
    "AuthenticationCode2": "234567",
    "EntityArn": f"{ARN}:user/nobody",
    "NewPassword": "A-long-Enough-pass-word-1",
    "OldPassword": "A-long-Enough-pass-word-0",
    "OpenIDConnectProviderArn": f"{ARN}:oidc-provider/example.com",
    "Password": "A-long-Enough-pass-word-1",
    "PermissionsBoundary": f"{ARN}:policy/nothing",
    "PolicyArn": f"{ARN}:policy/nothing",
    "PolicyDocument": DOCUMENT,
    "PolicySourceArn": f"{ARN}:user/nobody",
    "PrincipalArn": f"{ARN}:role/nothing",
    "RoleArn": f"{ARN}:role/nothing",
    "SAMLProviderArn": f"{ARN}:saml-provider/nothing",
    "SerialNumber": f"{ARN}:mfa/nothing",
    "Url": "https://example.com",
    "VersionId": "v1",
}


def value_of(name: str, shape):
    """A small valid value: from the table above, or as the model describes it."""
    if shape.type_name == "string":
        if name in VALUES:
            return VALUES[name]
        if shape.enum:
            return shape.enum[0]
        return "coverage".ljust(int(shape.metadata.get("min", 0)), "x")[: int(shape.metadata.get("max", 128))]
    if shape.type_name == "structure":
        return minimal(shape)
    if shape.type_name == "list":
        return [value_of(singular(name), shape.member)]
    if shape.type_name == "map":
        return {"coverage": value_of(name, shape.value)}
    if shape.type_name == "boolean":
        return False
    if shape.type_name in {"integer", "long"}:
        return max(1, int(shape.metadata.get("min", 1)))
    if shape.type_name == "timestamp":
        return "2026-01-01T00:00:00Z"
    if shape.type_name == "blob":
        return b"coverage"
    raise AssertionError(f"{name}: {shape.type_name} is a type this test does not know")


def singular(name: str) -> str:
    return {"PolicyInputList": "PolicyDocument", "ActionNames": "ActionName"}.get(name, name.removesuffix("s"))


def minimal(shape) -> dict:
    """Only the required members."""
    return {name: value_of(name, shape.members[name]) for name in shape.required_members}


@pytest.fixture(scope="module")
def missing(embedded_world):
    return set(embedded_world.broker.run("coverage", "--missing").stdout.split())


def test_the_list_of_what_is_not_built_names_published_operations_only(missing):
    assert missing <= set(OPERATIONS), sorted(missing - set(OPERATIONS))
    assert len(OPERATIONS) - len(missing) > 60, "the main job alone takes more operations than that"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_it_answers_as_its_model_allows(embedded_world, missing, operation):
    service, name = operation.split(":")
    model = MODELS[service].operation_model(name)
    client = embedded_world.root.boto(service, parameter_validation=True)
    parameters = minimal(model.input_shape) if model.input_shape else {}
    declared = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes}
    try:
        client._make_api_call(name, parameters)
        code, status, message = "success", 200, ""
    except ClientError as error:
        code = error.response["Error"]["Code"]
        message = error.response["Error"].get("Message", "")
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if operation in missing:
        assert says_not_built(code, message, name), f"it is on the list of what is not built, but answered {code}: {message}"
    else:
        assert not says_not_built(code, message, name), "it is not built, but not on the list"
        assert code in {"success"} | declared | COMMON | UNDECLARED.get(operation, set()), f"{status} {code}: {message}"
        assert status < 500, f"{status} {code}: {message}"


# Errors that AWS answers with and its model does not declare.
UNDECLARED = {"iam:GetAccessKeyLastUsed": {"NoSuchEntity"}}


def says_not_built(code: str, message: str, operation: str) -> bool:
    """How an operation says that AWS has it and this broker does not yet."""
    return code in {"NotImplemented", "UnsupportedOperation", "NotBuilt"} and operation in message
