"""An account's users, groups, roles and policies in one answer, as boto3 and the AWS CLI know it."""

import json

from actors import allow, policy


def test_authorization_details_come_page_by_page(world):
    iam = world.root.boto("iam")
    document = policy(allow("notes:Read"))
    for name in ("alice", "bob"):
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    iam.create_group(GroupName="crew")
    arn = iam.create_policy(PolicyName="notes", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="crew", PolicyArn=arn)
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1}))
    assert len(pages) == 4
    details = [(key, one) for page in pages for key in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies") for one in page[key]]
    assert [key for key, _ in details] == ["UserDetailList", "UserDetailList", "GroupDetailList", "Policies"]
    # botocore has decoded the documents.
    assert details[0][1]["UserPolicyList"] == [{"PolicyName": "own", "PolicyDocument": json.loads(document)}]
    assert details[2][1]["AttachedManagedPolicies"] == [{"PolicyName": "notes", "PolicyArn": arn}]
    assert details[3][1]["PolicyVersionList"][0]["Document"] == json.loads(document)
    told = world.root.aws("iam", "get-account-authorization-details", "--filter", "User", "LocalManagedPolicy")
    assert (len(told["UserDetailList"]), told["GroupDetailList"], len(told["Policies"])) == (2, [], 1)
