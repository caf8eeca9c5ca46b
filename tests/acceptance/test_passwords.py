"""Passwords and what an account asks of them, as boto3 and the AWS CLI know them."""

import pytest
from actors import Actor
from signing import Key

FIRST, SECOND, THIRD = "Tr0ub4dor&3-first", "Tr0ub4dor&3-second", "Tr0ub4dor&3-third"


def user(world, name: str) -> Actor:
    """A user with a key of its own."""
    iam = world.root.boto("iam")
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    world.hunt.remember(f"{name}'s secret access key", made["SecretAccessKey"])
    return Actor(world, name, Key(made["AccessKeyId"], made["SecretAccessKey"]))


def test_a_password_policy_is_set_read_and_deleted(world):
    root = world.root
    none = root.refused("iam", "get-account-password-policy")
    assert (none.code, none.operation) == ("NoSuchEntity", "GetAccountPasswordPolicy")
    root.aws("iam", "update-account-password-policy")
    assert root.aws("iam", "get-account-password-policy") == {
        "PasswordPolicy": {
            "MinimumPasswordLength": 6,
            "RequireSymbols": False,
            "RequireNumbers": False,
            "RequireUppercaseCharacters": False,
            "RequireLowercaseCharacters": False,
            "AllowUsersToChangePassword": False,
            "ExpirePasswords": False,
        }
    }
    iam = root.boto("iam")
    iam.update_account_password_policy(MinimumPasswordLength=12, MaxPasswordAge=90, HardExpiry=False, PasswordReusePrevention=5)
    found = iam.get_account_password_policy()["PasswordPolicy"]
    wanted = {"MinimumPasswordLength": 12, "ExpirePasswords": True, "MaxPasswordAge": 90, "HardExpiry": False, "PasswordReusePrevention": 5}
    assert wanted.items() <= found.items()
    root.aws("iam", "delete-account-password-policy")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_account_password_policy()


def test_a_user_changes_its_own_password(world):
    root, iam = world.root, world.root.boto("iam")
    for number, password in enumerate((FIRST, SECOND, THIRD)):
        world.hunt.remember(f"alice's password {number}", password)
    alice = user(world, "alice")
    iam.create_login_profile(UserName="alice", Password=FIRST, PasswordResetRequired=True)
    change = ("iam", "change-password", "--old-password", FIRST, "--new-password", SECOND)
    assert alice.refused(*change).code == "AccessDenied"
    root.aws("iam", "update-account-password-policy", "--allow-users-to-change-password", "--password-reuse-prevention", "2")
    weak = alice.refused("iam", "change-password", "--old-password", FIRST, "--new-password", "weak")
    assert (weak.code, weak.message) == ("PasswordPolicyViolation", "Password should have a minimum length of 6")
    wrong = alice.refused("iam", "change-password", "--old-password", THIRD, "--new-password", SECOND)
    assert (wrong.code, wrong.message) == ("AccessDenied", "The old password was incorrect.")
    alice.aws(*change)
    assert not iam.get_login_profile(UserName="alice")["LoginProfile"]["PasswordResetRequired"]
    again = alice.boto("iam")
    with pytest.raises(again.exceptions.PasswordPolicyViolationException):
        again.change_password(OldPassword=SECOND, NewPassword=FIRST)
    again.change_password(OldPassword=SECOND, NewPassword=THIRD)
    assert root.refused(*change).code == "InvalidUserType"
    shown = [record for record in world.audit() if record["eventName"] == "ChangePassword"]
    assert len(shown) == 7 and all(record["requestParameters"]["newPassword"] == "HIDDEN_DUE_TO_SECURITY_REASONS" for record in shown)
