"""Instance profiles as boto3 and the AWS CLI know them: the waiter ends, pages join up, errors are the classes of the model."""

import json

import pytest
from actors import trust
from world import HOME_ACCOUNT

TRUST = trust({"Service": "ec2.amazonaws.com"})
NAMES = ["Zebra", "ant", "Bee"]
PATH = "/farm/"


@pytest.fixture(scope="module")
def iam(world):
    iam = world.root.boto("iam")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    for name in NAMES:
        iam.create_instance_profile(InstanceProfileName=name, Path=PATH, Tags=[{"Key": "team", "Value": "crew"}])
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="worker")
    iam.create_instance_profile(InstanceProfileName="elsewhere")
    return iam


def test_the_waiter_ends_when_the_profile_is_there(iam):
    waits = {"Delay": 1, "MaxAttempts": 1}
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="Bee", WaiterConfig=waits)


def test_a_profile_carries_its_role_and_its_types(iam):
    profile = iam.get_instance_profile(InstanceProfileName="bee")["InstanceProfile"]
    assert profile["Arn"] == f"arn:aws:iam::{HOME_ACCOUNT}:instance-profile/farm/Bee"
    assert profile["CreateDate"].tzinfo is not None and profile["Tags"] == [{"Key": "team", "Value": "crew"}]
    (role,) = profile["Roles"]
    assert role["RoleName"] == "worker" and role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert iam.get_instance_profile(InstanceProfileName="elsewhere")["InstanceProfile"]["Roles"] == []


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize(
    ("operation", "filters"),
    [("list_instance_profiles", {"PathPrefix": PATH}), ("list_instance_profiles_for_role", {"RoleName": "worker"})],
)
def test_pages_join_up_in_the_order_of_names(iam, operation, filters, size):
    pages = list(iam.get_paginator(operation).paginate(**filters, PaginationConfig={"PageSize": size}))
    assert all(len(page["InstanceProfiles"]) <= size for page in pages)
    assert all(("Marker" in page) == page["IsTruncated"] == (page is not pages[-1]) for page in pages)
    profiles = [profile for page in pages for profile in page["InstanceProfiles"]]
    assert [profile["InstanceProfileName"] for profile in profiles] == ["ant", "Bee", "Zebra"]
    assert all("Tags" not in profile and profile["Roles"][0]["RoleName"] == "worker" for profile in profiles)


def test_pages_of_tags_join_up(iam):
    iam.tag_instance_profile(InstanceProfileName="ant", Tags=[{"Key": f"key-{number}", "Value": ""} for number in range(3)])
    iam.untag_instance_profile(InstanceProfileName="ant", TagKeys=["Team"])
    pages = iam.get_paginator("list_instance_profile_tags").paginate(InstanceProfileName="ant", PaginationConfig={"PageSize": 2})
    assert [tag["Key"] for page in pages for tag in page["Tags"]] == ["key-0", "key-1", "key-2"]


def test_errors_are_the_classes_of_the_model(iam):
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_instance_profile(InstanceProfileName="ZEBRA")
    with pytest.raises(iam.exceptions.LimitExceededException) as full:
        iam.add_role_to_instance_profile(InstanceProfileName="ant", RoleName="worker")
    assert full.value.response["Error"]["Message"] == "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_instance_profile(InstanceProfileName="ant")
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_role(RoleName="worker")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.remove_role_from_instance_profile(InstanceProfileName="elsewhere", RoleName="worker")


def test_the_cli_clears_up(world, iam):
    root = world.root
    root.aws("iam", "create-role", "--role-name", "short-lived", "--assume-role-policy-document", TRUST)
    profile = ("--instance-profile-name", "short-lived")
    made = root.aws("iam", "create-instance-profile", *profile)["InstanceProfile"]
    assert made["InstanceProfileId"].startswith("AIPA") and made["Roles"] == []
    root.aws("iam", "add-role-to-instance-profile", *profile, "--role-name", "short-lived")
    root.aws("iam", "remove-role-from-instance-profile", *profile, "--role-name", "short-lived")
    root.aws("iam", "delete-instance-profile", *profile)
    root.aws("iam", "delete-role", "--role-name", "short-lived")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_instance_profile(InstanceProfileName="short-lived")
