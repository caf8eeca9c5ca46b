"""botocore's own parser reads the documents that the Rust tests (tests/wire/outputs.rs) hold the encoder to."""

import datetime
import pathlib

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import QueryParser

DOCUMENTS = pathlib.Path(__file__).resolve().parent.parent / "wire" / "fixtures" / "outputs"
REQUEST_ID = "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE"


def moment(hour):
    return datetime.datetime(2026, 11, 24, hour, tzinfo=datetime.timezone.utc)


PLAIN_USER = {
    "Path": "/division_abc/",
    "UserName": "Jürg+Bob",
    "UserId": "AIDACKCEVSQ6C2EXAMPLE",
    "Arn": "arn:aws:iam::123456789012:user/division_abc/Bob",
    "CreateDate": moment(3),
}
USER = {
    **PLAIN_USER,
    "PermissionsBoundary": {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/b",
    },
    "Tags": [{"Key": "team", "Value": "<r&d>"}, {"Key": "lines", "Value": "a\r\nb\tc"}],
}
EVALUATION = {
    "EvalActionName": "s3:GetObject",
    "EvalDecision": "allowed",
    "MatchedStatements": [],
    "MissingContextValues": ["aws:SourceIp"],
    "EvalDecisionDetails": {},
}
STATEMENT = {"SourcePolicyId": "PolicyInputList.1", "StartPosition": {"Line": 1, "Column": 40}}

READ = {
    "GetUser": {"User": USER},
    "ListUsers": {"Users": [PLAIN_USER, PLAIN_USER], "IsTruncated": True, "Marker": "next"},
    "GetAccountSummary": {"SummaryMap": {"Users": 32, "UsersQuota": 150}},
    "SimulateCustomPolicy": {
        "EvaluationResults": [
            {
                **EVALUATION,
                "MatchedStatements": [STATEMENT],
                "EvalDecisionDetails": {"PolicyInputList.1": "allowed"},
            },
            EVALUATION,
        ],
        "IsTruncated": False,
    },
    "AssumeRole": {
        "Credentials": {
            "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
            "SessionToken": "eyJ.a.b",
            "Expiration": moment(4),
        },
        "PackedPolicySize": 6,
    },
    "UpdateRole": {},
    "DeleteUser": {},
}


def parse(document, operation, status):
    service = "sts" if operation == "AssumeRole" else "iam"
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    response = {"status_code": status, "headers": {}, "body": (DOCUMENTS / document).read_bytes().rstrip(b"\n")}
    return QueryParser().parse(response, model.operation_model(operation).output_shape)


@pytest.mark.parametrize("operation", READ)
def test_botocore_reads_the_answer(operation):
    found = parse(f"{operation}.xml", operation, 200)
    metadata = found.pop("ResponseMetadata")
    assert found == READ[operation]
    assert metadata["RequestId"] == REQUEST_ID


def test_botocore_reads_the_error():
    found = parse("error.xml", "GetUser", 404)
    assert found["Error"] == {"Type": "Sender", "Code": "NoSuchEntity", "Message": "The user with name <x> & co"}
    assert found["ResponseMetadata"]["RequestId"] == REQUEST_ID


def test_every_document_is_read():
    assert {p.stem for p in DOCUMENTS.glob("*.xml")} == set(READ) | {"error"}
