"""The policy simulator as the AWS CLI and boto3 know it."""

import json

import pytest
from actors import allow, policy
from world import HOME_ACCOUNT

BUCKET = "arn:aws:s3:::reports"
OFFICE = policy(allow("s3:GetObject", f"{BUCKET}/*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))


@pytest.fixture(scope="module")
def root(world):
    root = world.root
    root.aws("iam", "create-group", "--group-name", "readers")
    root.aws("iam", "put-group-policy", "--group-name", "readers", "--policy-name", "office", "--policy-document", OFFICE)
    root.aws("iam", "create-user", "--user-name", "simulated")
    root.aws("iam", "add-user-to-group", "--group-name", "readers", "--user-name", "simulated")
    return root


def test_the_cli_tries_out_a_group_members_policies(root):
    source = ("--policy-source-arn", f"arn:aws:iam::{HOME_ACCOUNT}:user/simulated")
    keys = root.aws("iam", "get-context-keys-for-principal-policy", *source)
    assert keys == {"ContextKeyNames": ["aws:SourceIp"]}
    call = ("iam", "simulate-principal-policy", *source, "--action-names", "s3:GetObject", "--resource-arns", f"{BUCKET}/q3")
    office = ("--context-entries", "ContextKeyName=aws:SourceIp,ContextKeyType=ip,ContextKeyValues=10.1.2.3")
    (inside,) = root.aws(*call, *office)["EvaluationResults"]
    assert inside["EvalDecision"] == "allowed"
    (statement,) = inside["MatchedStatements"]
    assert statement["SourcePolicyId"] == "group_readers_office"
    assert statement["StartPosition"] == {"Line": 1, "Column": OFFICE.index("[") + 2}
    assert statement["EndPosition"] == {"Line": 1, "Column": OFFICE.index("]}") + 1}
    assert inside["EvalDecisionDetails"] == {} and "MissingContextValues" not in inside["ResourceSpecificResults"][0]
    (anywhere,) = root.aws(*call)["EvaluationResults"]
    assert anywhere["EvalDecision"] == "implicitDeny" and anywhere["MatchedStatements"] == []
    (specific,) = anywhere["ResourceSpecificResults"]
    assert specific["MissingContextValues"] == ["aws:SourceIp"]


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_pages_join_up_to_every_action_on_every_resource(root, size):
    actions, resources = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"], [BUCKET, f"{BUCKET}/q3"]
    pages = list(
        root.boto("iam")
        .get_paginator("simulate_custom_policy")
        .paginate(
            PolicyInputList=[policy(allow("s3:*"))],
            ActionNames=actions,
            ResourceArns=resources,
            PaginationConfig={"PageSize": size},
        )
    )
    results = [result for page in pages for result in page["EvaluationResults"]]
    assert all(len(page["EvaluationResults"]) <= size for page in pages)
    told = [(result["EvalActionName"], result["EvalResourceName"], result["EvalDecision"]) for result in results]
    decision = {"s3": "allowed", "sqs": "implicitDeny"}
    assert told == [(action, resource, decision[action.split(":")[0]]) for action in actions for resource in resources]


def test_boto3_makes_errors_of_what_cannot_be_simulated(root):
    iam = root.boto("iam")
    broken = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*"}]})
    with pytest.raises(iam.exceptions.InvalidInputException, match="must contain resources"):
        iam.simulate_custom_policy(PolicyInputList=[broken], ActionNames=["s3:GetObject"])
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{HOME_ACCOUNT}:role/none", ActionNames=["s3:GetObject"])
