"""What the SDK expects of every service: pages that join up, waiters that end, errors that are classes, any way of signing."""

import json

import pytest
from actors import allow, policy, trust
from authenticator import Authenticator
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


@pytest.mark.parametrize("size", [1, 2])
def test_pages_of_a_users_own_lists(iam, size):
    user, config = "Zoe-0", {"PageSize": size}
    for name in ("one", "two", "three"):
        iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=DOCUMENT)
    iam.tag_user(UserName=user, Tags=[{"Key": f"key-{n}", "Value": str(n)} for n in range(4)])
    for group in NAMES[:3]:
        iam.add_user_to_group(GroupName=group, UserName=user)

    def joined(operation: str, result: str) -> list:
        return [item for page in iam.get_paginator(operation).paginate(UserName=user, PaginationConfig=config) for item in page[result]]

    assert sorted(joined("list_user_policies", "PolicyNames")) == ["one", "three", "two"]
    assert sorted(tag["Key"] for tag in joined("list_user_tags", "Tags")) == ["key-0", "key-1", "key-2", "key-3"]
    assert sorted(group["GroupName"] for group in joined("list_groups_for_user", "Groups")) == sorted(NAMES[:3])


@pytest.fixture(scope="module")
def belongings(iam):
    """One user, group, role and policy, `Owner`, with three of everything that hangs on them, or as many as there can be."""
    for kind, more in {"user": {}, "group": {}, "role": {"AssumeRolePolicyDocument": TRUST}}.items():
        owner = {f"{kind.capitalize()}Name": "Owner"}
        getattr(iam, f"create_{kind}")(**owner, **more)
        for name in OTHERS:
            arn = f"arn:aws:iam::{HOME_ACCOUNT}:policy/pages/{name}"
            getattr(iam, f"attach_{kind}_policy")(**owner, PolicyArn=arn)
            getattr(iam, f"put_{kind}_policy")(**owner, PolicyName=f"inline-{name}", PolicyDocument=DOCUMENT)
    for name in OTHERS:
        iam.add_user_to_group(GroupName="Owner", UserName=name)
    tags = [{"Key": f"key-{number}", "Value": ""} for number in range(3)]
    iam.tag_role(RoleName="Owner", Tags=tags)
    iam.create_policy(PolicyName="Owner", PolicyDocument=DOCUMENT, Tags=tags)
    for _ in range(4):
        iam.create_policy_version(PolicyArn=OWNED, PolicyDocument=DOCUMENT)
    for name in OTHERS:
        iam.attach_user_policy(UserName=name, PolicyArn=OWNED)
        iam.attach_group_policy(GroupName=name, PolicyArn=OWNED)
        iam.attach_role_policy(RoleName=name, PolicyArn=OWNED)
    keys = {iam.create_access_key(UserName="Owner")["AccessKey"]["AccessKeyId"] for _ in range(2)}
    devices = set()
    for number in range(3):
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=f"owner-{number}")["VirtualMFADevice"]
        phone = Authenticator(device["Base32StringSeed"].decode())
        serial = device["SerialNumber"]
        # The step of now and the next: good even if a step ends in between.
        codes = {"AuthenticationCode1": phone.next_code(), "AuthenticationCode2": phone.next_code()}
        iam.enable_mfa_device(UserName="Owner", SerialNumber=serial, **codes)
        devices.add(serial)
    return {"AccessKeyId": keys, "SerialNumber": devices}


OWNED = f"arn:aws:iam::{HOME_ACCOUNT}:policy/Owner"
OTHERS = NAMES[3:6]
INLINE, TAGS = {f"inline-{name}" for name in OTHERS}, {f"key-{number}" for number in range(3)}

# The owner, then for each list of the answer: what tells its items apart (None: they are names), and which they are (None:
# what the broker called them).
OWNED_LISTS = {
    "list_access_keys": ({"UserName": "Owner"}, {"AccessKeyMetadata": ("AccessKeyId", None)}),
    "list_attached_user_policies": ({"UserName": "Owner"}, {"AttachedPolicies": ("PolicyName", OTHERS)}),
    "list_attached_group_policies": ({"GroupName": "Owner"}, {"AttachedPolicies": ("PolicyName", OTHERS)}),
    "list_attached_role_policies": ({"RoleName": "Owner"}, {"AttachedPolicies": ("PolicyName", OTHERS)}),
    "list_user_policies": ({"UserName": "Owner"}, {"PolicyNames": (None, INLINE)}),
    "list_group_policies": ({"GroupName": "Owner"}, {"PolicyNames": (None, INLINE)}),
    "list_role_policies": ({"RoleName": "Owner"}, {"PolicyNames": (None, INLINE)}),
    "list_policy_versions": ({"PolicyArn": OWNED}, {"Versions": ("VersionId", {"v1", "v2", "v3", "v4", "v5"})}),
    "get_group": ({"GroupName": "Owner"}, {"Users": ("UserName", OTHERS)}),
    "list_entities_for_policy": (
        {"PolicyArn": OWNED},
        {"PolicyUsers": ("UserName", OTHERS), "PolicyGroups": ("GroupName", OTHERS), "PolicyRoles": ("RoleName", OTHERS)},
    ),
    "list_mfa_devices": ({"UserName": "Owner"}, {"MFADevices": ("SerialNumber", None)}),
    "list_virtual_mfa_devices": ({}, {"VirtualMFADevices": ("SerialNumber", None)}),
    "list_role_tags": ({"RoleName": "Owner"}, {"Tags": ("Key", TAGS)}),
    "list_policy_tags": ({"PolicyArn": OWNED}, {"Tags": ("Key", TAGS)}),
}


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize("operation", OWNED_LISTS)
def test_pages_of_what_hangs_on_something_join_up_too(iam, belongings, operation, size):
    owner, results = OWNED_LISTS[operation]
    pages = list(iam.get_paginator(operation).paginate(**owner, PaginationConfig={"PageSize": size}))
    assert all(sum(len(page[result]) for result in results) <= size for page in pages)
    assert all(page["IsTruncated"] == (page is not pages[-1]) for page in pages)
    assert all(("Marker" in page) == page["IsTruncated"] for page in pages)
    for result, (name, expected) in results.items():
        listed = [item[name] if name else item for page in pages for item in page[result]]
        assert sorted(listed) == sorted(expected or belongings[name])


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


def test_waiters_end(iam):
    waits = {"Delay": 1, "MaxAttempts": 1}
    iam.get_waiter("user_exists").wait(UserName="Bea-0", WaiterConfig=waits)
    iam.get_waiter("role_exists").wait(RoleName="Bea-0", WaiterConfig=waits)
    arn = f"arn:aws:iam::{HOME_ACCOUNT}:policy/pages/Bea-0"
    iam.get_waiter("policy_exists").wait(PolicyArn=arn, WaiterConfig=waits)


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
