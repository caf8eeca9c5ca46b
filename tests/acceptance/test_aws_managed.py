"""AWS managed policies as boto3 and the AWS CLI know them: pages join up, documents arrive decoded, errors are the model's."""

import pytest

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture(scope="module")
def iam(world):
    iam = world.root.boto("iam")
    iam.create_group(GroupName="aws-readers")
    iam.attach_group_policy(GroupName="aws-readers", PolicyArn=READ_ONLY)
    return iam


def test_the_document_is_the_published_one(iam):
    policy = iam.get_policy(PolicyArn=ADMINISTRATOR)["Policy"]
    assert policy["PolicyId"] == "ANPAIWMBCKSKIEE64ZLYK" and policy["CreateDate"].isoformat() == "2015-02-06T18:39:46+00:00"
    assert policy["Description"] == "Provides full access to AWS services and resources."
    version = iam.get_policy_version(PolicyArn=ADMINISTRATOR, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    assert version["Document"] == {"Version": "2012-10-17", "Statement": [statement]} and version["IsDefaultVersion"]


def test_the_largest_document_arrives_whole(iam):
    policy = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
    version = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    actions = [action for statement in version["Document"]["Statement"] for action in statement["Action"]]
    assert len(actions) > 2000 and "s3:Get*" in actions and policy["AttachmentCount"] == 1


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_pages_join_up(iam, size):
    pages = list(iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": size}))
    assert all(len(page["Policies"]) <= size for page in pages)
    names = [policy["PolicyName"] for page in pages for policy in page["Policies"]]
    assert names == sorted(set(names), key=str.lower) and len(names) > 50


def test_errors_are_the_classes_of_the_model(iam):
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.attach_group_policy(GroupName="aws-readers", PolicyArn="arn:aws:iam::aws:policy/NoSuchAccess")
    with pytest.raises(iam.exceptions.ClientError) as refused:
        iam.delete_policy(PolicyArn=READ_ONLY)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_cli_lists_and_clears_up(world, iam):
    root = world.root
    listed = root.aws("iam", "list-policies", "--scope", "AWS", "--only-attached")["Policies"]
    assert [policy["PolicyName"] for policy in listed] == ["ReadOnlyAccess"]
    group = iam.get_group(GroupName="aws-readers")["Group"]["Arn"]
    services = ("--service-namespaces", "s3", "no-such-service")
    opened = root.aws("iam", "list-policies-granting-service-access", "--arn", group, *services)
    policies = {entry["ServiceNamespace"]: entry["Policies"] for entry in opened["PoliciesGrantingServiceAccess"]}
    assert policies["s3"] == [{"PolicyName": "ReadOnlyAccess", "PolicyType": "MANAGED", "PolicyArn": READ_ONLY}]
    assert policies["no-such-service"] == []
    root.aws("iam", "detach-group-policy", "--group-name", "aws-readers", "--policy-arn", READ_ONLY)
    root.aws("iam", "delete-group", "--group-name", "aws-readers")
    assert root.aws("iam", "list-policies", "--scope", "AWS", "--only-attached")["Policies"] == []
