"""OpenID Connect providers as boto3 and the AWS CLI know them."""

import pytest
from actors import allow, policy
from world import HOME_ACCOUNT

THUMBPRINT = "0123456789abcdef0123456789abcdef01234567"


def test_a_provider_lives_from_its_making_to_its_deletion(world):
    root = world.root
    iam = root.boto("iam")
    arn = f"arn:aws:iam::{HOME_ACCOUNT}:oidc-provider/server.example.com/tenant"
    url = "https://server.example.com/tenant"
    made = root.aws("iam", "create-open-id-connect-provider", "--url", url, "--client-id-list", "app", "--thumbprint-list", THUMBPRINT)
    assert made == {"OpenIDConnectProviderArn": arn}
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_open_id_connect_provider(Url=url)
    assert root.aws("iam", "list-open-id-connect-providers") == {"OpenIDConnectProviderList": [{"Arn": arn}]}

    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="other")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="other")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="app")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["a" * 40, "b" * 40])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}])
    found = root.aws("iam", "get-open-id-connect-provider", "--open-id-connect-provider-arn", arn)
    assert found.pop("CreateDate")
    assert found == {
        "Url": "server.example.com/tenant",
        "ClientIDList": ["other"],
        "ThumbprintList": ["a" * 40, "b" * 40],
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
    }
    pages = list(iam.get_paginator("list_open_id_connect_provider_tags").paginate(OpenIDConnectProviderArn=arn, PaginationConfig={"PageSize": 1}))
    assert [tag["Key"] for page in pages for tag in page["Tags"]] == ["a", "b"]
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["a", "b"])

    # A role may trust it before and after it is there, as with AWS.
    trust = policy({"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"})
    iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=trust)
    for _ in range(2):
        root.aws("iam", "delete-open-id-connect-provider", "--open-id-connect-provider-arn", arn)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    iam.update_assume_role_policy(RoleName="pipeline", PolicyDocument=trust)


def test_what_aws_refuses_is_refused(world):
    iam = world.root.boto("iam")
    refused = world.root.refused("iam", "create-open-id-connect-provider", "--url", "http://server.example.com")
    assert (refused.code, refused.message) == ("ValidationError", "Invalid Open ID Connect Provider URL")
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.create_open_id_connect_provider(Url="https://server.example.com", ClientIDList=[f"client-{n}" for n in range(101)])
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.create_open_id_connect_provider(Url="https://server.example.com", ThumbprintList=[f"{n:040}" for n in range(6)])
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_a_policy_names_the_providers_that_it_is_about(world):
    root = world.root
    iam = root.boto("iam")
    ours = f"arn:aws:iam::{HOME_ACCOUNT}:oidc-provider/ours.example.com"
    iam.create_user(UserName="keeper")
    key = iam.create_access_key(UserName="keeper")["AccessKey"]
    iam.put_user_policy(UserName="keeper", PolicyName="own", PolicyDocument=policy(allow("iam:*", ours)))
    keeper = root.with_session(key | {"SessionToken": None}, "keeper").boto("iam")
    keeper.create_open_id_connect_provider(Url="https://ours.example.com")
    with pytest.raises(iam.exceptions.ClientError) as refused:
        keeper.create_open_id_connect_provider(Url="https://theirs.example.com")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    keeper.delete_open_id_connect_provider(OpenIDConnectProviderArn=ours)
