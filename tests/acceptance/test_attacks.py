"""What an attacker with some credentials tries, and what must come of it: nothing."""

import base64
import json
import stat

import pytest
from actors import Actor, allow, policy, trust
from authenticator import Authenticator
from botocore.exceptions import ClientError
from machine import until
from signing import FORM, Key, form, presigned, send, signed_headers
from world import HOME_ACCOUNT, PARTNER_ACCOUNT

WHO = form("GetCallerIdentity", "sts")
LIST_ROLES = form("ListRoles")
SOON_SECONDS = 5


@pytest.fixture(scope="module")
def root(embedded_world):
    return embedded_world.root


@pytest.fixture(scope="module")
def partner(embedded_world):
    return embedded_world.account("partner", PARTNER_ACCOUNT)


def user(root, name: str, *statements: dict) -> Actor:
    """A new user with one inline policy and one access key."""
    iam = root.boto("iam")
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=policy(*statements))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Actor(root.world, name, Key(made["AccessKeyId"], made["SecretAccessKey"]))


def phone(root, name: str, owner: str, path: str = "/") -> tuple[str, Authenticator]:
    """A virtual device, enabled for its owner; its serial number and what shows its codes."""
    iam = root.boto("iam")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, Path=path)["VirtualMFADevice"]
    app = Authenticator(made["Base32StringSeed"].decode())
    first, second = app.first_two()
    iam.enable_mfa_device(
        UserName=owner, SerialNumber=made["SerialNumber"], AuthenticationCode1=first, AuthenticationCode2=second
    )
    return made["SerialNumber"], app


def with_second_factor(actor: Actor, serial: str, app: Authenticator) -> Actor:
    made = actor.boto("sts").get_session_token(SerialNumber=serial, TokenCode=app.next_code())
    return actor.with_session(made["Credentials"], "mfa")


def code_of(call, **parameters) -> str:
    """The error code with which a call is refused, or `let through`."""
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "let through"


# The decision cache must not lend one caller's answer to another.


def test_a_second_factor_is_not_lent_to_the_same_users_long_lived_key(root):
    fresh = {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}
    actor = user(root, "fresh-mfa", allow("iam:ListRoles", Condition=fresh))
    serial, app = phone(root, "fresh-mfa", "fresh-mfa")
    session = with_second_factor(actor, serial, app)
    assert session.call(LIST_ROLES).status == 200
    answer = actor.call(LIST_ROLES)
    assert (answer.status, answer.code) == (403, "AccessDenied"), "the key that showed no second factor was let in"


def test_a_denial_without_a_second_factor_is_not_forgotten_after_one(root):
    absent = {"Null": {"aws:MultiFactorAuthAge": "true"}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": absent}
    actor = user(root, "null-mfa", allow("iam:ListRoles"), deny)
    serial, app = phone(root, "null-mfa", "null-mfa")
    session = with_second_factor(actor, serial, app)
    assert session.call(LIST_ROLES).status == 200
    assert actor.call(LIST_ROLES).status == 403, "an explicit denial was passed over by a kept answer"


def test_a_denial_of_a_key_is_not_kept_for_the_session_with_a_second_factor(root):
    fresh = {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}
    actor = user(root, "late-mfa", allow("iam:ListRoles", Condition=fresh))
    serial, app = phone(root, "late-mfa", "late-mfa")
    assert actor.call(LIST_ROLES).status == 403
    assert with_second_factor(actor, serial, app).call(LIST_ROLES).status == 200


# Tags: keys that are one key to the decision must be one key to whoever checks them.

KELVIN = "\u212a"  # lower case of the Kelvin sign is the letter k
LOOK_ALIKE = f"buc{KELVIN}et"


def tag(key: str, value: str) -> dict:
    return {"Key": key, "Value": value}


@pytest.fixture(scope="module")
def tagged_role(root):
    """A role that trusts one user with `bucket=public`; who has `bucket=secret` may list roles."""
    actor = user(root, "tagger", allow(["sts:AssumeRole", "sts:TagSession"]))
    public = {"StringEquals": {"aws:RequestTag/bucket": "public"}}
    document = policy({
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:user/tagger"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": public,
    })
    iam = root.boto("iam")
    role = iam.create_role(RoleName="tagged", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    secret = {"StringEquals": {"aws:PrincipalTag/bucket": "secret"}}
    rights = policy(allow("iam:ListRoles", Condition=secret), allow(["sts:AssumeRole", "sts:TagSession"]))
    iam.put_role_policy(RoleName="tagged", PolicyName="inline", PolicyDocument=rights)
    return actor, role


def test_a_session_tag_is_what_the_condition_on_request_tags_has_seen(tagged_role):
    actor, role = tagged_role
    sts = actor.boto("sts")
    tags = [tag(LOOK_ALIKE, "secret"), tag("bucket", "public")]
    try:
        made = sts.assume_role(RoleArn=role, RoleSessionName="twice", Tags=tags)
    except ClientError:
        return
    answer = actor.with_session(made["Credentials"]).call(LIST_ROLES)
    assert answer.status == 403, "`aws:RequestTag/bucket` was seen as public, `aws:PrincipalTag/bucket` as secret"


def test_a_transitive_tag_cannot_be_replaced_along_the_chain(root, tagged_role):
    actor, first = tagged_role
    document = policy({
        "Effect": "Allow",
        "Principal": {"AWS": first},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    })
    iam = root.boto("iam")
    second = iam.create_role(RoleName="chained", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    secret = {"StringEquals": {"aws:PrincipalTag/bucket": "secret"}}
    iam.put_role_policy(RoleName="chained", PolicyName="inline", PolicyDocument=policy(allow("iam:ListRoles", Condition=secret)))
    made = actor.boto("sts").assume_role(
        RoleArn=first, RoleSessionName="first", Tags=[tag("bucket", "public")], TransitiveTagKeys=["bucket"]
    )
    session = actor.with_session(made["Credentials"], "first")
    assert code_of(
        session.boto("sts").assume_role, RoleArn=second, RoleSessionName="plain", Tags=[tag("bucket", "secret")]
    ) != "let through"
    try:
        made = session.boto("sts").assume_role(RoleArn=second, RoleSessionName="second", Tags=[tag(LOOK_ALIKE, "secret")])
    except ClientError:
        return
    answer = session.with_session(made["Credentials"], "second").call(LIST_ROLES)
    assert answer.status == 403, "a transitive tag was replaced by a look-alike"


def test_a_users_tag_cannot_be_shadowed_by_a_look_alike(root):
    """A user that may give himself any tag but `bucket` must not change what `aws:PrincipalTag/bucket` is."""
    secret = {"StringEquals": {"aws:PrincipalTag/bucket": "secret"}}
    own = {"ForAllValues:StringNotEquals": {"aws:TagKeys": ["bucket", "Bucket"]}}
    actor = user(root, "shadow", allow("iam:ListRoles", Condition=secret), allow("iam:TagUser", Condition=own))
    root.boto("iam").tag_user(UserName="shadow", Tags=[tag("bucket", "public")])
    assert code_of(actor.boto("iam").tag_user, UserName="shadow", Tags=[tag("bucket", "secret")]) == "AccessDenied"
    code_of(actor.boto("iam").tag_user, UserName="shadow", Tags=[tag(LOOK_ALIKE, "secret")])
    assert actor.call(LIST_ROLES).status == 403, "the tag `bucket` was replaced by a look-alike"


def test_a_transitive_key_in_other_letters_is_the_same_tag_or_refused(root, tagged_role):
    actor, first = tagged_role
    try:
        made = actor.boto("sts").assume_role(
            RoleArn=first, RoleSessionName="first", Tags=[tag("bucket", "public")], TransitiveTagKeys=["BUCKET"]
        )
    except ClientError:
        return
    claims = claims_of(made["Credentials"]["SessionToken"])
    assert claims["ttk"][0] in claims["tags"], f"the tag will be lost in the next session: {claims['ttk']} of {claims['tags']}"


def test_session_tags_have_no_reserved_names(tagged_role):
    actor, role = tagged_role
    tags = [tag("bucket", "public"), tag("aws:reserved", "x")]
    code = code_of(actor.boto("sts").assume_role, RoleArn=role, RoleSessionName="reserved", Tags=tags)
    assert code != "let through"


# Second factors.


def claims_of(token: str) -> dict:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_the_serial_number_is_the_devices_own(root):
    actor = user(root, "serial")
    serial, app = phone(root, "serial-phone", "serial", "/phones/")
    other = serial.replace("/phones/", "/approved/hardware/")
    code = code_of(actor.boto("sts").get_session_token, SerialNumber=other, TokenCode=app.next_code())
    assert code == "AccessDenied", f"{other} does not exist and went into the session token and the audit trail"


def test_a_code_is_good_once(root):
    actor = user(root, "once")
    iam = root.boto("iam")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="once")["VirtualMFADevice"]
    app = Authenticator(made["Base32StringSeed"].decode())
    first, second = app.first_two()
    iam.enable_mfa_device(
        UserName="once", SerialNumber=made["SerialNumber"], AuthenticationCode1=first, AuthenticationCode2=second
    )
    sts = actor.boto("sts")
    for used in (first, second):
        assert code_of(sts.get_session_token, SerialNumber=made["SerialNumber"], TokenCode=used) == "AccessDenied"
    third = app.next_code()
    assert code_of(sts.get_session_token, SerialNumber=made["SerialNumber"], TokenCode=third) == "let through"
    assert code_of(sts.get_session_token, SerialNumber=made["SerialNumber"], TokenCode=third) == "AccessDenied"


def test_another_users_device_proves_nothing(root):
    user(root, "owner")
    thief = user(root, "thief")
    serial, app = phone(root, "owners", "owner")
    assert code_of(thief.boto("sts").get_session_token, SerialNumber=serial, TokenCode=app.next_code()) == "AccessDenied"


def test_guessing_codes_is_slowed_down(root):
    actor = user(root, "guesser")
    serial, app = phone(root, "guessed", "guesser")
    right, sts = app.next_code(), actor.boto("sts")
    wrong = [code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in app.shown][:5]
    for guess in wrong:
        assert code_of(sts.get_session_token, SerialNumber=serial, TokenCode=guess) == "AccessDenied"
    assert code_of(sts.get_session_token, SerialNumber=serial, TokenCode=right) == "AccessDenied"


# One request must not hold the broker up.


def test_a_long_value_against_many_wildcards_is_answered_soon(partner):
    """Whoever writes policies of any one account can write this one and ask this question; a request may have 1 MiB."""
    iam = partner.boto("iam")
    iam.create_user(UserName="wild")
    like = {"StringLike": {"my:key": "*" + "a?" * 2_900 + "b*"}}
    arn = iam.create_policy(PolicyName="wild", PolicyDocument=policy(allow("s3:Get", Condition=like)))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="wild", PolicyArn=arn)
    wild = {"type": "user", "id": f"arn:aws:iam::{PARTNER_ACCOUNT}:user/wild"}
    answer = partner.evaluate(wild, "s3:Get", "arn:aws:s3:::x", {"my:key": "a" * 60_000})
    assert answer.seconds < 2, f"{answer.seconds:.1f} s for one decision about 60 kB, on a thread that others wait for"


def test_a_policy_that_is_all_depth_is_refused_soon(root):
    deep = "[" * 2_000 + "]" * 2_000
    body = form("CreatePolicy", PolicyName="deep", PolicyDocument='{"Version":"2012-10-17","Statement":' + deep + "}")
    answer = root.call(body)
    assert (answer.status, answer.code) == (400, "MalformedPolicyDocument") and answer.seconds < SOON_SECONDS


@pytest.mark.parametrize("name", ["Tags.member.99999999999999999999.Key", "Tags.member.-1.Key", "Tags.member.0.Key", "Tags..Key", ".", "Tags.member.1.Key.Key.Key"])
def test_list_indexes_of_all_kinds(root, name):
    answer = root.call(form("CreateUser", UserName="indexes", **{name: "x"}))
    # AWS answers a query string that it cannot read with 404.
    assert answer.status == (404 if answer.code == "MalformedQueryString" else 400), answer.body
    assert answer.seconds < SOON_SECONDS


def test_deep_json_in_a_question(root):
    url, body = root.endpoint + "/access/v1/evaluation", b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    answer = send("POST", url, body, signed_headers(url, body, root.key, service="brevet", content_type="application/json"))
    assert answer.status == 400 and answer.seconds < SOON_SECONDS


# Signatures.


def test_parameters_in_the_query_do_not_count_beside_a_body(root):
    url = presigned(root.endpoint, root.key, service="sts", Action="GetCallerIdentity", Version="2011-06-15")
    answer = send("POST", url, form("ListUsers"), {"content-type": FORM})
    assert answer.status == 403, "a presigned GET was turned into a POST"


def test_an_unsigned_body_is_refused(root):
    body = form("ListUsers")
    headers = signed_headers(root.endpoint + "/", body, root.key) | {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    assert send("POST", root.endpoint + "/", body, headers).code == "SignatureDoesNotMatch"


def test_scopes_of_services_are_not_mixed_up(root):
    assert root.call(LIST_ROLES, service="sts").status == 403
    assert root.call(WHO, service="iam").status == 403
    assert root.call(WHO, service="brevet").status == 403
    url, body = root.endpoint + "/access/v1/evaluation", b"{}"
    headers = signed_headers(url, body, root.key, service="iam", content_type="application/json")
    assert send("POST", url, body, headers).status == 401


def test_a_parameter_given_twice_is_refused(root):
    answer = root.call(form("ListRoles") + b"&Action=DeleteUser")
    assert (answer.status, answer.code) == (404, "MalformedQueryString"), answer.body


# Session tokens.


@pytest.fixture(scope="module")
def session(root):
    actor = user(root, "holder", allow("iam:ListRoles"))
    return actor.with_session(actor.boto("sts").get_session_token()["Credentials"])


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"kid": "other"}, {"typ": "JWT"}, {"crit": ["x"]}])
def test_a_token_with_another_header_is_refused(session, header):
    head, body, signature = session.key.token.split(".")
    changed = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))) | header
    for end in (signature, ""):
        token = ".".join([_b64(json.dumps(changed).encode()), body, end])
        forged = Actor(session.world, "forger", Key(session.key.id, session.key.secret, token))
        assert forged.call(WHO, service="sts").status == 403


def test_a_token_is_good_only_with_its_own_key(root, session):
    second = session.world.root.boto("sts").get_session_token()["Credentials"]
    mixed = [
        Key(session.key.id, session.key.secret, second["SessionToken"]),
        Key(second["AccessKeyId"], second["SecretAccessKey"], session.key.token),
        Key(second["AccessKeyId"], session.key.secret, second["SessionToken"]),
        Key(root.key.id, root.key.secret, session.key.token),
        Key(session.key.id, session.key.secret),
    ]
    for key in mixed:
        assert Actor(root.world, "mixer", key).call(WHO, service="sts").status == 403


def test_a_session_ends_with_its_user_and_is_not_of_the_next_of_that_name(root):
    actor = user(root, "phoenix", allow("iam:ListRoles"))
    serial, app = phone(root, "ashes", "phoenix")
    old = with_second_factor(actor, serial, app)
    assert old.call(LIST_ROLES).status == 200
    iam = root.boto("iam")
    iam.deactivate_mfa_device(UserName="phoenix", SerialNumber=serial)
    iam.delete_access_key(UserName="phoenix", AccessKeyId=actor.key.id)
    iam.delete_user_policy(UserName="phoenix", PolicyName="inline")
    iam.delete_user(UserName="phoenix")
    assert old.call(WHO, service="sts").status == 403
    user(root, "Phoenix", allow("iam:ListRoles"))
    assert old.call(WHO, service="sts").status == 403 and old.call(LIST_ROLES).status == 403


def test_a_role_session_ends_with_its_role(root):
    iam = root.boto("iam")
    assumer = user(root, "assumer", allow("sts:AssumeRole"))
    document = trust({"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:user/assumer"})
    role = iam.create_role(RoleName="mayfly", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    made = assumer.boto("sts").assume_role(RoleArn=role, RoleSessionName="day")["Credentials"]
    held = assumer.with_session(made)
    assert held.call(WHO, service="sts").status == 200
    iam.delete_role(RoleName="mayfly")
    assert held.call(WHO, service="sts").status == 403
    iam.create_role(RoleName="mayfly", AssumeRolePolicyDocument=document)
    assert held.call(WHO, service="sts").status == 403


# Names in other letters, other accounts.


def test_a_denial_by_name_holds_in_every_spelling(root):
    target = f"arn:aws:iam::{HOME_ACCOUNT}:user/Precious"
    root.boto("iam").create_user(UserName="Precious")
    deny = {"Effect": "Deny", "Action": "*", "Resource": target}
    actor = user(root, "speller", allow("iam:*"), deny)
    iam = actor.boto("iam")
    for name in ("Precious", "precious", "PRECIOUS"):
        assert code_of(iam.get_user, UserName=name) == "AccessDenied"
        assert code_of(iam.create_access_key, UserName=name) == "AccessDenied"
        assert code_of(iam.put_user_policy, UserName=name, PolicyName="p", PolicyDocument=policy(allow("*"))) == "AccessDenied"
        assert code_of(iam.update_user, UserName=name, NewUserName="mine") == "AccessDenied"
        assert code_of(iam.delete_user, UserName=name) == "AccessDenied"


def test_nobody_is_renamed_onto_a_name_that_is_denied(root):
    target = f"arn:aws:iam::{HOME_ACCOUNT}:user/crown"
    actor = user(root, "pretender", allow("iam:*"), {"Effect": "Deny", "Action": "*", "Resource": target})
    assert code_of(actor.boto("iam").update_user, UserName="pretender", NewUserName="crown") == "AccessDenied"


def test_a_user_does_not_make_keys_of_the_root_user(root):
    actor = user(root, "climber", allow("iam:*", f"arn:aws:iam::{HOME_ACCOUNT}:user/climber"))
    assert code_of(actor.boto("iam").create_access_key, UserName="root") in {"AccessDenied", "NoSuchEntity"}
    assert actor.boto("iam").create_access_key()["AccessKey"]["UserName"] == "climber"


def test_another_accounts_things_are_out_of_reach(root, partner):
    iam = root.boto("iam")
    arn = iam.create_policy(PolicyName="ours", PolicyDocument=policy(allow("*")))["Policy"]["Arn"]
    theirs = partner.boto("iam")
    theirs.create_user(UserName="far")
    assert code_of(theirs.attach_user_policy, UserName="far", PolicyArn=arn) != "let through"
    assert code_of(theirs.get_policy, PolicyArn=arn) != "let through"
    assert code_of(theirs.put_user_permissions_boundary, UserName="far", PermissionsBoundary=arn) != "let through"
    user(root, "near")
    serial, app = phone(root, "near-phone", "near")
    assert code_of(theirs.delete_virtual_mfa_device, SerialNumber=serial) != "let through"
    answer = partner.evaluate({"type": "user", "id": f"arn:aws:iam::{HOME_ACCOUNT}:user/near"}, "s3:Get", "arn:aws:s3:::x")
    assert answer.status == 403


def test_claimed_context_does_not_replace_what_the_broker_knows(root):
    me = {"type": "user", "id": f"arn:aws:iam::{HOME_ACCOUNT}:user/holder"}
    for key in ("aws:PrincipalArn", "AWS:principaltag/x", "aws:MultiFactorAuthPresent", "aws:CurrentTime", "sts:ExternalId", "aws:userid"):
        assert root.evaluate(me, "s3:Get", "arn:aws:s3:::x", {key: "x"}).status == 400


# What was changed is seen by the next request.


def test_the_next_request_sees_every_change(root):
    actor, iam = user(root, "quick"), root.boto("iam")
    may = lambda: actor.call(LIST_ROLES).status == 200  # noqa: E731
    yes, no = policy(allow("iam:ListRoles")), policy(allow("iam:ListUsers"))
    arn = iam.create_policy(PolicyName="quick", PolicyDocument=no)["Policy"]["Arn"]
    iam.create_group(GroupName="quick")
    for _ in range(3):
        assert not may()
        iam.attach_group_policy(GroupName="quick", PolicyArn=arn)
        iam.add_user_to_group(GroupName="quick", UserName="quick")
        assert not may()
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=yes, SetAsDefault=True)
        assert may()
        iam.update_group(GroupName="quick", NewGroupName="quick2")
        assert may()
        iam.detach_group_policy(GroupName="quick2", PolicyArn=arn)
        assert not may()
        iam.update_group(GroupName="quick2", NewGroupName="quick")
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=arn)
        arn = iam.create_policy(PolicyName="quick", PolicyDocument=no)["Policy"]["Arn"]
        iam.attach_user_policy(UserName="quick", PolicyArn=arn)
        assert not may()
        iam.put_user_policy(UserName="quick", PolicyName="p", PolicyDocument=yes)
        assert may()
        iam.put_user_permissions_boundary(UserName="quick", PermissionsBoundary=arn)
        assert not may()
        iam.delete_user_permissions_boundary(UserName="quick")
        assert may()
        iam.update_user(UserName="quick", NewUserName="QUICK")
        assert may()
        iam.update_user(UserName="QUICK", NewUserName="quick")
        iam.delete_user_policy(UserName="quick", PolicyName="p")
        iam.detach_user_policy(UserName="quick", PolicyArn=arn)
        iam.remove_user_from_group(GroupName="quick", UserName="quick")


# What is left behind for others to read.


def test_secrets_of_refused_requests_are_told_to_nobody(root):
    secret = "pass\u0007word-of-nobody-else"
    answer = root.call(form("CreateLoginProfile", UserName="nobody", Password=secret))
    assert answer.status >= 400 and b"word-of-nobody-else" not in answer.body
    answer = root.call(form("GetSessionToken", "sts", SerialNumber="arn:aws:iam::1:mfa/x", TokenCode="98765x-code"), service="sts")
    assert answer.status >= 400 and b"98765x" not in answer.body, answer.body
    trail = json.dumps(root.world.audit())
    assert "word-of-nobody-else" not in trail and "98765x" not in trail


def test_files_are_their_owners_alone(root):
    for path in [root.world.broker.data_dir, *root.world.broker.data_dir.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0, f"{path.name} has mode {mode:o}"


def test_what_no_operation_answers_is_on_record_too(root):
    """A signed request for something that is not built, or that nobody declares, is an attempt all the same."""
    answer = root.call(form("GetDelegationRequest"))
    assert answer.status == 501
    # Refusals are recorded a moment later.
    named = lambda: any(event["requestID"] == answer.request_id for event in root.world.audit())  # noqa: E731
    until("an authenticated caller's attempt to be on record", named)


def test_questions_about_others_are_on_record(root):
    me = {"type": "user", "id": f"arn:aws:iam::{HOME_ACCOUNT}:user/holder"}
    outsider = user(root, "asker")
    assert outsider.evaluate(me, "s3:Get", "arn:aws:s3:::x").status == 403

    def recorded() -> bool:
        events = [event for event in root.world.audit() if "brevet" in event["eventSource"]]
        return any("asker" in json.dumps(event["userIdentity"]) for event in events)

    until("a refused question to be on record", recorded)


def test_whether_a_role_exists_is_not_told_to_strangers(root, partner):
    """A stranger of another account, who may call `sts:AssumeRole` as far as his own account goes."""
    root.boto("iam").create_role(RoleName="hidden", AssumeRolePolicyDocument=trust({"AWS": HOME_ACCOUNT}))
    iam = partner.boto("iam")
    iam.create_user(UserName="stranger")
    iam.put_user_policy(UserName="stranger", PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole")))
    made = iam.create_access_key(UserName="stranger")["AccessKey"]
    stranger = Actor(root.world, "stranger", Key(made["AccessKeyId"], made["SecretAccessKey"]))

    def told(name: str) -> tuple[int, str, str, int]:
        role = f"arn:aws:iam::{HOME_ACCOUNT}:role/{name}"
        answer = stranger.call(form("AssumeRole", "sts", RoleArn=role, RoleSessionName="abc"), service="sts")
        # The reasons are encoded for the role's owner; their length tells nothing either.
        sentence, encoded = answer.message.split(" Encoded authorization failure message: ")
        return answer.status, answer.code, sentence.replace(name, "NAME"), len(encoded)

    assert told("hidden") == told("absent")


def test_a_session_that_was_handed_out_is_accepted(root):
    """However long the chain of roles: a session that the broker will not take must not be handed out."""
    iam = root.boto("iam")
    iam.create_role(RoleName="loop", AssumeRolePolicyDocument=trust({"AWS": HOME_ACCOUNT}))
    iam.put_role_policy(RoleName="loop", PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole")))
    actor = user(root, "looper", allow("sts:AssumeRole"))
    body = form("AssumeRole", "sts", RoleArn=f"arn:aws:iam::{HOME_ACCOUNT}:role/loop", RoleSessionName="abc")
    for turn in range(140):
        answer = actor.call(body, service="sts")
        if answer.status != 200:
            assert answer.code != "InvalidClientTokenId", f"turn {turn}: the session of the turn before is not accepted"
            return
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        actor = Actor(root.world, "looper", Key(*[answer.text(name)[0] for name in names]))


def test_a_rotation_by_hand_is_on_record(root):
    """It ends every session of the installation, as `brevet account create` is on record as `CreateAccount`."""
    root.world.broker.run("keys", "rotate", *root.world.broker.on_store, "--drop-previous")
    names = {event["eventName"] for event in root.world.audit()}
    assert any("rotate" in name.lower() or "signingkey" in name.lower() for name in names), sorted(names)


def test_nobody_writes_lines_of_their_own_into_the_printed_trail(root):
    """A caller without any permission; the operator reads the trail on a terminal."""
    forger = user(root, "penman")
    line = "2026-11-24T00:00:00Z  arn:aws:iam::111111111111:root  127.0.0.1  iam:DeleteUser  ok"
    assert forger.call(form("CreateRole", RoleName=f"x\n{line}\x1b[2K", AssumeRolePolicyDocument="{}")).status == 400
    # Refusals are recorded a moment later.
    broker = root.world.broker
    until("the refusal to be on record", lambda: any("penman" in str(event["userIdentity"]) for event in root.world.audit()))
    printed = broker.run("audit", *broker.on_store, "--limit", "50").stdout
    assert line not in printed.splitlines() and not any("DeleteUser  ok" in row and row.startswith("2026-11-24T00:00:00Z") for row in printed.splitlines())
    assert "\x1b" not in printed
