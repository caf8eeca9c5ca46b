"""What the SDK expects of every service: pages that join up, errors that are classes, any way of signing."""

import json

import pytest
from actors import allow, policy, trust
from world import HOME_ACCOUNT

NAMES = [f"{word}-{number}" for number in range(3) for word in ("Zoe", "adam", "Bea")]
DOCUMENT = policy(allow("reports:Read"))
TRUST = trust({"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:root"})


@pytest.fixture(scope="module")
def iam(world):
    iam = world.root.boto("iam")
    for name in NAMES:
        iam.create_user(UserName=name, Path="/pages/")
        iam.create_group(GroupName=name, Path="/pages/")
        iam.create_role(RoleName=name, Path="/pages/", AssumeRolePolicyDocument=TRUST)
        iam.create_policy(PolicyName=name, Path="/pages/", PolicyDocument=DOCUMENT)
    iam.create_user(UserName="elsewhere", Path="/other/")
    return iam


LISTS = {
    "list_users": ("Users", "UserName", {"PathPrefix": "/pages/"}),
    "list_groups": ("Groups", "GroupName", {"PathPrefix": "/pages/"}),
    "list_roles": ("Roles", "RoleName", {"PathPrefix": "/pages/"}),
    "list_policies": ("Policies", "PolicyName", {"PathPrefix": "/pages/", "Scope": "Local"}),
}


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("operation", LISTS)
def test_pages_join_up_to_the_whole_list_each_item_once(iam, operation, size):
    result, name, filters = LISTS[operation]
    pages = list(iam.get_paginator(operation).paginate(**filters, PaginationConfig={"PageSize": size}))
    assert all(len(page[result]) <= size for page in pages)
    assert all(page["IsTruncated"] == (page is not pages[-1]) for page in pages)
    assert all(("Marker" in page) == page["IsTruncated"] for page in pages)
    listed = [item[name] for page in pages for item in page[result]]
    assert sorted(listed) == sorted(NAMES)
    assert len(pages) <= -(-len(NAMES) // size) + 1


def test_a_marker_of_somebody_else_is_refused(iam):
    marker = iam.list_users(MaxItems=1)["Marker"]
    for wrong in (marker[:-1] + "~", "nonsense", "x" * 300):
        with pytest.raises(iam.exceptions.ClientError) as error:
            iam.list_users(Marker=wrong)
        assert error.value.response["Error"]["Code"] in {"ValidationError", "InvalidInput"}


def test_somebody_made_between_two_pages_disturbs_neither(iam):
    first = iam.list_users(PathPrefix="/pages/", MaxItems=3)
    iam.create_user(UserName="Aaron-between", Path="/pages/")
    try:
        rest = iam.list_users(PathPrefix="/pages/", Marker=first["Marker"])
        listed = [user["UserName"] for page in (first, rest) for user in page["Users"]]
        assert len(listed) == len(set(listed)) and set(NAMES) <= set(listed)
    finally:
        iam.delete_user(UserName="Aaron-between")


def test_errors_arrive_as_the_classes_that_the_model_declares(iam):
    with pytest.raises(iam.exceptions.NoSuchEntityException) as missing:
        iam.get_user(UserName="nobody")
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert missing.value.response["Error"]["Message"] == "The user with name nobody cannot be found."
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException) as twice:
        iam.create_user(UserName="ADAM-0")
    assert twice.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.create_policy(PolicyName="broken", PolicyDocument="{}")
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.put_role_policy(RoleName="Bea-0", PolicyName="inline", PolicyDocument=DOCUMENT)
        iam.delete_role(RoleName="Bea-0")


def test_an_answer_carries_its_types(iam):
    user = iam.get_user(UserName="Bea-1")["User"]
    assert user["CreateDate"].tzinfo is not None and user["Path"] == "/pages/"
    assert "Tags" not in iam.list_users(PathPrefix="/pages/", MaxItems=1)["Users"][0], "lists carry no tags"
    role = iam.get_role(RoleName="Bea-1")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert role["MaxSessionDuration"] == 3600


def test_policy_versions_come_and_go(iam):
    arn = iam.create_policy(PolicyName="versioned", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    for number in range(4):
        document = policy(allow(f"reports:Verb{number}"))
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=number == 1)
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v3"
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    versions = [version["VersionId"] for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]]
    assert sorted(versions) == ["v2", "v3", "v4", "v5"]


def test_sts_answers_a_presigned_url(world):
    url = world.root.boto("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    from signing import send

    answer = send("GET", url)
    assert answer.status == 200 and answer.text("Account") == [HOME_ACCOUNT]


def test_a_key_id_tells_its_account(world, iam):
    key = iam.create_access_key(UserName="Bea-2")["AccessKey"]["AccessKeyId"]
    assert world.root.boto("sts").get_access_key_info(AccessKeyId=key)["Account"] == HOME_ACCOUNT
