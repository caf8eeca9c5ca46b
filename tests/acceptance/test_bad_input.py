"""What a broker answers to those who send nonsense, on purpose or not: AWS's error, soon, and it lives on."""

import json

import pytest
from actors import Actor, allow, policy
from signing import FORM, Answer, Key, form, presigned, send, signed_headers, utc

SOON_SECONDS = 5
NO_SUCH_KEY = Key("AKIAZZZZZZZZZZZZZZZZ", "no-such-secret-no-such-secret-no-such-sec")
WHO = form("GetCallerIdentity", "sts")


@pytest.fixture
def root(embedded_world):
    """Root, and the promise that the broker is alive and well after each test."""
    yield embedded_world.root
    assert embedded_world.broker.running(), embedded_world.broker.log.read_text()[-2000:]
    assert embedded_world.broker.get("/health/live").status == 200
    alive = embedded_world.root.call(WHO, service="sts")
    assert alive.status == 200, alive.body
    embedded_world.broker.assert_no_panic()


def refused(answer: Answer, status: int | set[int], code: str | set[str]) -> Answer:
    """Checks that an answer is an AWS error document with this status and code, and came soon."""
    statuses = {status} if isinstance(status, int) else status
    codes = {code} if isinstance(code, str) else code
    assert (answer.status in statuses) and (answer.code in codes), f"{answer.status} {answer.body[:500]!r}"
    assert answer.request_id and answer.message
    assert answer.seconds < SOON_SECONDS, f"{answer.seconds:.1f} s is too long to say no"
    return answer


def post(root: Actor, body: bytes, **headers: str) -> Answer:
    return send("POST", root.endpoint + "/", body, {"content-type": FORM} | headers)


# Who is it?


def test_unsigned(root):
    refused(post(root, form("ListUsers")), 403, "MissingAuthenticationToken")


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 " + "Credential=" * 2000,
        "Bearer something",
        "Basic cm9vdDpyb290",
    ],
    ids=["bare", "empty", "short-scope", "endless", "bearer", "basic"],
)
def test_an_authorization_header_that_is_none(root, authorization):
    codes = {"IncompleteSignature", "MissingAuthenticationToken", "InvalidClientTokenId", "SignatureDoesNotMatch"}
    refused(post(root, form("ListUsers"), authorization=authorization), {400, 403}, codes)


def test_signed_with_the_wrong_secret(root):
    forged = Actor(root.world, "forger", Key(root.key.id, "x" * 40))
    refused(forged.call(form("ListUsers")), 403, "SignatureDoesNotMatch")


def test_changed_after_signing(root):
    headers = signed_headers(root.endpoint + "/", form("ListUsers"), root.key)
    refused(send("POST", root.endpoint + "/", form("DeleteUser", UserName="alice"), headers), 403, "SignatureDoesNotMatch")


def test_signed_for_another_service(root):
    refused(root.call(form("ListUsers"), service="s3"), 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("minutes", [-16, 16, -60 * 24 * 400], ids=["late", "early", "a year ago"])
def test_signed_by_a_skewed_clock(root, minutes):
    refused(root.call(form("ListUsers"), at=utc(minutes * 60)), 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_a_little_off_is_forgiven(root, minutes):
    assert root.call(form("ListUsers"), at=utc(minutes * 60)).status == 200


def test_any_region_is_accepted_in_the_scope(root):
    assert root.call(form("ListUsers"), region="eu-somewhere-7").status == 200


def test_a_presigned_url_works_until_it_expires(root):
    parameters = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
    url = presigned(root.endpoint, root.key, service="sts", **parameters)
    assert send("GET", url).status == 200
    expired = presigned(root.endpoint, root.key, service="sts", at=utc(-120), expires=60, **parameters)
    refused(send("GET", expired), {400, 403}, {"SignatureDoesNotMatch", "RequestExpired"})
    refused(send("GET", url.replace("GetCallerIdentity", "GetSessionToken")), 403, "SignatureDoesNotMatch")


def test_an_unknown_key(root):
    stranger = Actor(root.world, "stranger", NO_SUCH_KEY)
    refused(stranger.call(form("ListUsers")), 403, "InvalidClientTokenId")


def test_a_disabled_and_a_deleted_key(root):
    iam = root.boto("iam")
    iam.create_user(UserName="disabled")
    made = iam.create_access_key(UserName="disabled")["AccessKey"]
    holder = Actor(root.world, "holder", Key(made["AccessKeyId"], made["SecretAccessKey"]))
    assert holder.call(WHO, service="sts").status == 200
    iam.update_access_key(UserName="disabled", AccessKeyId=holder.key.id, Status="Inactive")
    refused(holder.call(WHO, service="sts"), 403, "InvalidClientTokenId")
    iam.update_access_key(UserName="disabled", AccessKeyId=holder.key.id, Status="Active")
    assert holder.call(WHO, service="sts").status == 200
    iam.delete_access_key(UserName="disabled", AccessKeyId=holder.key.id)
    refused(holder.call(WHO, service="sts"), 403, "InvalidClientTokenId")


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "A" * 20_000], ids=["x", "dots", "alg none", "long"])
def test_a_session_token_that_is_none(root, token):
    bearer = Actor(root.world, "bearer", Key(root.key.id, root.key.secret, token))
    refused(bearer.call(WHO, service="sts"), {400, 403}, {"InvalidClientTokenId", "IncompleteSignature"})


# What does it ask?


def test_an_unknown_action(root):
    answer = refused(root.call(form("MakeCoffee")), 400, "InvalidAction")
    assert "MakeCoffee" in answer.message


def test_a_wrong_version(root):
    body = b"Action=ListUsers&Version=1999-01-01"
    refused(root.call(body), 400, {"InvalidAction", "NoSuchVersion"})


def test_no_action_at_all(root):
    refused(root.call(b"Version=2010-05-08"), {400, 403, 404}, {"MissingAction", "InvalidAction"})


def test_a_known_operation_that_is_not_built_says_so(root):
    missing = root.world.broker.run("coverage", "--missing").stdout.split()
    if not missing:
        return  # everything is built: there is nothing to say
    service, operation = missing[0].split(":")
    answer = root.call(form(operation, service), service=service)
    assert 400 <= answer.status <= 501 and answer.status != 500
    assert operation in answer.message and answer.code not in {"InvalidAction", "AccessDenied"}


def test_a_missing_parameter_is_named(root):
    answer = refused(root.call(form("CreateUser")), 400, {"ValidationError", "MissingParameter"})
    assert "username" in answer.message.lower()


@pytest.mark.parametrize("name", ["no spaces", "a" * 65, "", "naïve", "semi;colon", "tab\t", "../../etc"])
def test_a_value_that_breaks_its_pattern(root, name):
    answer = refused(root.call(form("CreateUser", UserName=name)), 400, {"ValidationError", "InvalidParameterValue"})
    assert "username" in answer.message.lower()


MALFORMED = {"MalformedInput", "MalformedQueryString", "ValidationError", "InvalidParameterValue", "InvalidAction", "MissingAction"}
MALFORMED |= {"InvalidParameterCombination", "InvalidQueryParameter", "SerializationException"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"&&&&",
        b"=&=&=",
        b"Action",
        b"Action=%zz&Version=2010-05-08",
        b"Action=CreateUser&Version=2010-05-08&UserName=%",
        b"Action=CreateUser&Version=2010-05-08&UserName=%ff%fe",
        b"Action=CreateUser&Version=2010-05-08&UserName=\xff\xfe",
        b"Action=CreateUser&Version=2010-05-08&UserName=nul%00byte",
        b'{"Action": "ListUsers"}',
        b"\x00\x01\x02\x03",
        b"Action=ListUsers&Version=2010-05-08&MaxItems=many",
        b"Action=ListUsers&Version=2010-05-08&MaxItems=99999999999999999999999",
        b"Action=ListUsers&Version=2010-05-08&MaxItems=-1",
    ],
    ids=lambda body: body[:48].decode("latin-1"),
)
def test_a_malformed_form(root, body):
    refused(root.call(body), {400, 404}, MALFORMED)


def test_duplicate_parameters(root):
    body = form("CreateUser", UserName="first") + b"&UserName=second"
    refused(root.call(body), 404, "MalformedQueryString")
    names = [user["UserName"] for user in root.boto("iam").list_users()["Users"]]
    assert "first" not in names and "second" not in names


def test_list_indexes_out_of_order_are_sorted_as_numbers(root):
    tags = {}
    for index in (11, 2, 1, 10, 9, 3, 4, 5, 6, 7, 8):
        tags |= {f"Tags.member.{index}.Value": f"value-{index:02}", f"Tags.member.{index}.Key": f"key-{index:02}"}
    assert root.call(form("CreateUser", UserName="many-tags", **tags)).status == 200
    listed = root.boto("iam").list_user_tags(UserName="many-tags")["Tags"]
    assert sorted((tag["Key"], tag["Value"]) for tag in listed) == [(f"key-{i:02}", f"value-{i:02}") for i in range(1, 12)]


@pytest.mark.parametrize("index", ["0", "-1", "01x", "4294967296", "99999999999999999999", "1e3", "", "2000000000"])
def test_a_list_index_that_is_none_or_absurd(root, index):
    tag = {f"Tags.member.{index}.Key": "k", f"Tags.member.{index}.Value": "v"}
    answer = root.call(form("CreateUser", UserName="absurd", **tag))
    assert answer.seconds < SOON_SECONDS
    if index == "2000000000" and answer.status == 200:
        return  # a number like any other, as long as nobody makes a list that long
    refused(answer, {400, 404}, MALFORMED)


def test_too_many_members(root):
    tags = {f"Tags.member.{i}.{part}": f"{part}{i}" for i in range(1, 20_000) for part in ("Key", "Value")}
    codes = MALFORMED | {"LimitExceeded", "RequestEntityTooLarge"}
    refused(root.call(form("CreateUser", UserName="heavy", **tags)), {400, 404, 409, 413}, codes)


def test_member_names_nested_a_thousand_deep(root):
    body = form("CreateUser", UserName="deep") + b"&" + b"Tags.member.1." * 1000 + b"Key=x"
    refused(root.call(body), 404, "MalformedQueryString")


def test_a_body_of_ten_megabytes(root):
    body = form("CreateUser", UserName="x" * 10_000_000)
    codes = MALFORMED | {"RequestEntityTooLarge", "RequestTooLarge"}
    refused(root.call(body), {400, 413}, codes)
    # The rest of it is not read, so nobody may send another request behind it.
    assert root.call(body).headers.get("connection") == "close"
    refused(post(root, body), {400, 403, 413}, codes | {"MissingAuthenticationToken"})


def test_headers_of_a_hundred_kilobytes(root):
    headers = signed_headers(root.endpoint + "/", WHO, root.key, service="sts")
    answer = send("POST", root.endpoint + "/", WHO, headers | {"x-filler": "y" * 100_000})
    assert answer.status in {200, 400, 413, 431} and answer.seconds < SOON_SECONDS


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "BREW"])
def test_a_method_that_no_door_takes(root, method):
    answer = send(method, root.endpoint + "/", WHO)
    assert 400 <= answer.status < 500 and answer.seconds < SOON_SECONDS


def test_a_path_that_no_door_has(root):
    assert root.world.broker.get("/no/such/door").status in {403, 404}


# Policy documents


def put_policy(root: Actor, document: str) -> Answer:
    root.call(form("CreateUser", UserName="lawyer"))
    return root.call(form("PutUserPolicy", UserName="lawyer", PolicyName="law", PolicyDocument=document))


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "null",
        "[]",
        '""',
        "{}",
        '{"Version":"2012-10-17"}',
        '{"Version":"2030-01-01","Statement":[]}',
        policy({"Effect": "Perhaps", "Action": "*", "Resource": "*"}),
        policy({"Effect": "Allow", "Resource": "*"}),
        policy({"Effect": "Allow", "Action": "*"}),
        policy({"Effect": "Allow", "Action": "nonsense", "Resource": "*"}),
        policy({"Effect": "Allow", "Action": "s3:Get*", "Resource": "not-an-arn"}),
        policy(allow("*", Condition={"StringMatchesSomehow": {"aws:username": "alice"}})),
        policy(allow("*", Principal={"AWS": "*"})),
        policy(allow("*", Surprise=True)),
    ],
    ids=lambda document: document[:60],
)
def test_a_policy_that_is_none(root, document):
    refused(put_policy(root, document), 400, "MalformedPolicyDocument")


@pytest.mark.parametrize(
    "document",
    [
        "[" * 1000 + "]" * 1000,
        '{"a":' * 1000 + "1" + "}" * 1000,
        '{"Version":"2012-10-17","Statement":' + "[" * 500 + "]" * 500 + "}",
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":' + "[" * 400 + '"*"' + "]" * 400 + ',"Resource":"*"}]}',
    ],
    ids=["lists", "objects", "statements", "actions"],
)
def test_a_policy_nested_a_thousand_deep(root, document):
    refused(put_policy(root, document), {400, 409}, {"MalformedPolicyDocument", "LimitExceeded"})
    as_managed = form("CreatePolicy", PolicyName="deep", PolicyDocument=document)
    refused(root.call(as_managed), {400, 409}, {"MalformedPolicyDocument", "LimitExceeded"})


def test_a_policy_over_the_limit(root):
    document = policy(allow([f"service{i}:Action{i}" for i in range(400)]))
    refused(put_policy(root, document), {400, 409}, {"LimitExceeded", "ValidationError"})


# The decision door


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"subject":{}}',
        b'{"subject":{"type":"alien","id":"x"},"action":{"name":"a:B"},"resource":{"type":"arn","id":"*"}}',
        b"[" * 5000,
        b'{"subject":"\xff"}',
    ],
    ids=["empty", "cut", "list", "null", "poor", "alien", "deep", "not UTF-8"],
)
def test_a_question_that_is_none(root, body):
    url = f"{root.endpoint}/access/v1/evaluation"
    answer = send("POST", url, body, signed_headers(url, body, root.key, service="brevet", content_type="application/json"))
    assert 400 <= answer.status < 500 and answer.seconds < SOON_SECONDS, answer.body


def test_a_question_by_nobody(root):
    body = json.dumps({"subject": {"type": "user", "id": "x"}, "action": {"name": "a:B"}, "resource": {"type": "arn", "id": "*"}})
    answer = send("POST", f"{root.endpoint}/access/v1/evaluation", body.encode(), {"content-type": "application/json"})
    assert answer.status in {401, 403}


# One-time codes


def test_wrong_codes_do_not_enable_a_device(root):
    iam = root.boto("iam")
    iam.create_user(UserName="guesser")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="guessed")["VirtualMFADevice"]["SerialNumber"]
    for first, second in (("000000", "000000"), ("12345", "123456"), ("abcdef", "ghijkl")):
        codes = {"AuthenticationCode1": first, "AuthenticationCode2": second}
        answer = root.call(form("EnableMFADevice", UserName="guesser", SerialNumber=device, **codes))
        refused(answer, {400, 403}, {"InvalidAuthenticationCode", "ValidationError"})
    assert iam.list_mfa_devices(UserName="guesser")["MFADevices"] == []
