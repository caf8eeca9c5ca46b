"""Revoked sessions, as the AWS CLI, boto3 and an operator see them."""

import base64
import json
import time

import pytest
from actors import allow, policy, trust
from machine import until
from signing import presigned, send, signed_headers
from world import HOME_ACCOUNT

REVOKED = "The security token included in the request was revoked"


@pytest.fixture(scope="module")
def root(world):
    return world.root


@pytest.fixture(scope="module")
def alice(world, root):
    root.aws("iam", "create-user", "--user-name", "alice")
    document = policy(allow(["iam:ListUsers", "sts:AssumeRole"]))
    root.aws("iam", "put-user-policy", "--user-name", "alice", "--policy-name", "own", "--policy-document", document)
    made = root.aws("iam", "create-access-key", "--user-name", "alice")["AccessKey"]
    return root.with_session(made | {"SessionToken": None}, "alice")


@pytest.fixture(scope="module")
def role(root, alice):
    document = trust({"AWS": alice.who()})
    made = root.aws("iam", "create-role", "--role-name", "worker", "--assume-role-policy-document", document)
    return made["Role"]["Arn"]


def login(actor):
    return actor.with_session(actor.aws("sts", "get-session-token")["Credentials"])


def assume(actor, role):
    assumed = actor.aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "work")
    return actor.with_session(assumed["Credentials"], "work")


def revoke(actor, **what):
    url, body = f"{actor.endpoint}/sessions/v1/revoke", json.dumps(what).encode()
    headers = signed_headers(url, body, actor.key, service="brevet", content_type="application/json")
    return send("POST", url, body, headers)


def state(actor) -> str:
    try:
        actor.boto("sts").get_caller_identity()
        return "Ok"
    except actor.boto("sts").exceptions.ClientError as refused:
        return refused.response["Error"]["Code"]


def test_one_session_is_revoked_and_its_holder_is_told(root, alice):
    session, other = login(alice), login(alice)
    url = presigned(session.endpoint, session.key, service="sts", Action="GetCallerIdentity", Version="2011-06-15")
    assert send("GET", url).status == 200
    answer = revoke(root, accessKeyId=session.key.id)
    assert answer.status == 200, answer.body
    assert int(answer.headers["x-brevet-revision"]) > 0
    refused = session.refused("iam", "list-users")
    assert (refused.code, refused.message) == ("ExpiredToken", REVOKED)
    # What was presigned before, as Vault and Kubernetes pass it on, is refused too.
    assert send("GET", url).code == "ExpiredToken"
    assert (state(other), state(alice)) == ("Ok", "Ok")
    assert revoke(alice, accessKeyId=other.key.id).status == 403
    assert state(other) == "Ok"


def test_boto3_gets_new_credentials_where_it_may(root, alice, role):
    """A program whose session was revoked goes on, as it has a way to get another."""
    session = assume(alice, role)
    assert revoke(root, principal=role, descendants=True).status == 200
    assert state(session) == "ExpiredToken"
    assert state(assume(alice, role)) == "Ok", "in the very second"


def test_everybody_logs_out_by_itself(alice, role):
    session = login(alice)
    work = assume(session, role)
    assert revoke(session, ownSession=True, descendants=True).status == 200
    assert (state(session), state(work)) == ("ExpiredToken", "ExpiredToken")
    assert revoke(session, ownSession=True).status == 401


def operator(world, *arguments, check=True):
    command, *rest = arguments
    return world.broker.run("sessions", command, *rest, *world.broker.on_store, check=check)


def test_an_operator_revokes_beside_the_running_broker(world, root, alice, role):
    # Others revoke as well: the trail says who did.
    assert revoke(root, accessKeyId=login(alice).key.id).status == 200
    assert revoke(login(alice), ownSession=True).status == 200
    session = login(alice)
    work, own = assume(session, role), assume(alice, role)
    shown = json.loads(operator(world, "revoke", "--login", session.key.id).stdout)
    assert (shown["revoked"], shown["accessKeyId"], shown["descendants"]) == ("session", session.key.id, True)
    until("the broker has heard of it", lambda: state(session) == "ExpiredToken")
    assert (state(work), state(own)) == ("ExpiredToken", "Ok")
    operator(world, "revoke", "--access-key-id", alice.key.id)
    until("what the key has made ends", lambda: state(own) == "ExpiredToken")
    assert state(alice) == "Ok"
    session = login(alice)
    # Right after a revocation a session counts as issued in the next second: a revocation until now reaches it from then on.
    issued = json.loads(base64.urlsafe_b64decode(session.key.token.split(".")[1] + "=="))["iat"]
    until("the second that it counts from", lambda: time.time() >= issued)
    operator(world, "revoke", "--user", alice.who())
    until("the user's sessions end", lambda: state(session) == "ExpiredToken")
    listed = [json.loads(line) for line in operator(world, "revocations").stdout.splitlines()]
    assert {"session", "access-key", "principal"} <= {line["revoked"] for line in listed}
    assert all(line["account"] == "111111111111" for line in listed)
    assert operator(world, "revocations", "--account", "222222222222").stdout == ""
    records = [record for record in world.audit() if record["eventName"] == "RevokeSessions"]
    assert {record["userIdentity"]["type"] for record in records} >= {"Operator", "Root", "IAMUser"}


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--access-key-id", "ASIA0000000000000000"],
        ["--jti", "AAAA"],
        ["--jti", "AAAA", "--account", "111111111111"],
        ["--role", "arn:aws:iam::111111111111:role/ghost"],
        ["--user", "arn:aws:iam::111111111111:role/worker"],
        ["--role", "arn:aws:iam::111111111111:role/worker", "--issued-until", "9999-01-01T00:00:00Z"],
        ["--role", "arn:aws:iam::111111111111:role/worker", "--issued-until", "tomorrow"],
        ["--role", "arn:aws:iam::111111111111:role/worker", "--user", "arn:aws:iam::111111111111:user/alice"],
    ],
)
def test_what_is_no_revocation_is_told_to_the_operator(world, role, wrong):
    before = operator(world, "revocations").stdout
    done = operator(world, "revoke", *wrong, check=False)
    assert done.returncode != 0 and done.stderr and not done.stdout
    assert operator(world, "revocations").stdout == before


def test_whose_a_key_is_that_its_operator_chose_is_told_to_nobody_else(world, root):
    """The home account's root key was chosen by the operator, so it does not carry its account. To a stranger it is no key."""
    stranger = world.account("stranger", "777788889999")
    absent = root.key.id[:-4] + "ZZZZ"
    answers = [(key, revoke(stranger, accessKeyId=key)) for key in (root.key.id, absent)]
    told = [(answer.status, answer.body.decode().replace(key, "KEY")) for key, answer in answers]
    assert told[0] == told[1] and told[0][0] in (400, 403) and HOME_ACCOUNT not in told[0][1], told
