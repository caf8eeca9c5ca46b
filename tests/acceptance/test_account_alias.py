"""The alias of an account as boto3 and the AWS CLI know it."""

import pytest


def test_an_alias_is_made_replaced_and_deleted(world):
    root = world.root
    iam = root.boto("iam")
    assert iam.list_account_aliases()["AccountAliases"] == []
    root.aws("iam", "create-account-alias", "--account-alias", "example-corp")
    assert root.aws("iam", "list-account-aliases") == {"AccountAliases": ["example-corp"]}
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_account_alias(AccountAlias="example-corp")
    iam.create_account_alias(AccountAlias="example-labs")
    pages = list(iam.get_paginator("list_account_aliases").paginate(PaginationConfig={"PageSize": 1}))
    assert [alias for page in pages for alias in page["AccountAliases"]] == ["example-labs"]
    assert not pages[-1]["IsTruncated"] and "Marker" not in pages[-1]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_account_alias(AccountAlias="example-corp")
    with pytest.raises(iam.exceptions.ClientError) as malformed:
        iam.create_account_alias(AccountAlias="two--dashes")
    assert malformed.value.response["Error"]["Code"] == "ValidationError"
    root.aws("iam", "delete-account-alias", "--account-alias", "example-labs")
    assert root.aws("iam", "list-account-aliases") == {"AccountAliases": []}
