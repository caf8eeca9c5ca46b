"""The AuthZEN doors at every level, by plain HTTP, with the certification scenario's fixture made by the AWS CLI.

Source: `certification/authorization-api-1_0-scenario.md` of the OpenID AuthZEN working group.
"""

import json

import jwt
import pytest
from actors import allow, policy
from signing import Key, send, signed_headers
from world import HOME_ACCOUNT

RECORDS = f"arn:aws:record::{HOME_ACCOUNT}:"
ALICE, BOB = {"type": "user", "id": "alice"}, {"type": "user", "id": "bob"}
ADMIN_BOB = BOB | {"properties": {"role": "admin"}}
READ, WRITE = {"name": "read"}, {"name": "write"}
RECORD_1, RECORD_2 = {"type": "record", "id": "record-1"}, {"type": "record", "id": "record-2"}
ARCHIVED = RECORD_2 | {"properties": {"status": "archived"}}


def post(actor, path, document, *, body=None, kind="application/json", **headers):
    url, body = f"{actor.endpoint}{path}", json.dumps(document).encode() if body is None else body
    signed = signed_headers(url, body, actor.key, service="brevet", content_type=kind)
    return send("POST", url, body, signed | headers)


@pytest.fixture(scope="module")
def enforcer(world):
    """The scenario's fixture, and whoever may ask about it."""
    root = world.root
    role = {"StringEquals": {"brevet:Subject/role": "admin", "brevet:Resource/status": "archived"}}
    everybody = policy(allow("record:read", RECORDS + "*"), allow("record:write", RECORDS + "*", Condition=role))
    editors = policy(
        allow("record:write", RECORDS + "*", Condition={"StringNotEquals": {"brevet:Resource/status": "archived"}}),
        allow("record:delete", RECORDS + "*", Condition={"Bool": {"brevet:Action/soft": "true"}}),
    )
    arns = {}
    for name, document in (("everybody", everybody), ("editors", editors)):
        made = root.aws("iam", "create-policy", "--policy-name", name, "--policy-document", document)
        arns[name] = made["Policy"]["Arn"]
    root.aws("iam", "create-user", "--user-name", "alice")
    root.aws("iam", "create-user", "--user-name", "bob", "--tags", "Key=role,Value=admin")
    for user, name in (("alice", "everybody"), ("alice", "editors"), ("bob", "everybody")):
        root.aws("iam", "attach-user-policy", "--user-name", user, "--policy-arn", arns[name])
    for record, status in (("record-1", "active"), ("record-2", "archived")):
        stored = post(root, "/resources/v1/put", {"arn": RECORDS + record, "attributes": {"status": status}})
        assert stored.status == 200, stored.body
    declared = post(root, "/resources/v1/put-type", {"type": "record", "actions": ["read", "write", "delete"]})
    assert declared.status == 200, declared.body
    root.aws("iam", "create-user", "--user-name", "enforcer")
    may = policy(allow(["brevet:Evaluate", "brevet:Search"]))
    root.aws("iam", "put-user-policy", "--user-name", "enforcer", "--policy-name", "ask", "--policy-document", may)
    key = root.aws("iam", "create-access-key", "--user-name", "enforcer")["AccessKey"]
    return type(root)(world, "enforcer", Key(key["AccessKeyId"], key["SecretAccessKey"]))


def question(subject, action, resource, **more):
    return {"subject": subject, "action": action, "resource": resource} | more


def decision(enforcer, *parts, **more):
    answer = post(enforcer, "/access/v1/evaluation", question(*parts, **more))
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    decided = json.loads(answer.body)
    assert isinstance(decided["decision"], bool) and isinstance(decided["context"], dict)
    return decided["decision"]


def decisions(enforcer, **batch):
    answer = post(enforcer, "/access/v1/evaluations", batch)
    assert answer.status == 200, answer.body
    answered = json.loads(answer.body)
    assert "decision" not in answered
    return [one["decision"] for one in answered["evaluations"]]


def results(enforcer, what, **query):
    answer = post(enforcer, f"/access/v1/search/{what}", query)
    assert answer.status == 200, answer.body
    assert list(json.loads(answer.body)) == ["page", "results"], "the page comes first"
    found = json.loads(answer.body)
    assert found["page"]["next_token"] == ""
    return found["results"]


RULES = [
    (ALICE, READ, RECORD_1, True),
    (ALICE, WRITE, RECORD_1, True),
    (BOB, READ, RECORD_1, True),
    (BOB, WRITE, RECORD_1, False),
    (ALICE, WRITE, ARCHIVED, False),
    (ADMIN_BOB, WRITE, ARCHIVED, True),
    (ALICE, {"name": "delete", "properties": {"soft": True}}, RECORD_1, True),
    (ALICE, {"name": "delete", "properties": {"soft": False}}, RECORD_1, False),
]


@pytest.mark.parametrize("number", range(1, 9))
def test_the_eight_decisions(enforcer, number):
    *parts, expected = RULES[number - 1]
    assert decision(enforcer, *parts) is expected
    assert decision(enforcer, *parts, context={"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}) is expected
    bodies = {post(enforcer, "/access/v1/evaluation", question(*parts)).body for _ in range(3)}
    assert len(bodies) == 1, "the same question has the same answer"


def test_what_is_unknown_is_ignored(enforcer):
    assert decision(enforcer, ALICE, READ, RECORD_1, foo="bar", futureField={"nested": True})
    assert decision(enforcer, ALICE | {"x": 1}, READ | {"properties": {"method": "GET"}}, RECORD_1 | {"y": []})


BAD = [
    {"action": READ, "resource": RECORD_1},
    {"subject": ALICE, "resource": RECORD_1},
    {"subject": ALICE, "action": READ},
    {"subject": {"id": "alice"}, "action": READ, "resource": RECORD_1},
    {"subject": {"type": "user"}, "action": READ, "resource": RECORD_1},
    {"subject": ALICE, "action": {}, "resource": RECORD_1},
    {"subject": ALICE, "action": READ, "resource": {"id": "record-1"}},
    {"subject": ALICE, "action": READ, "resource": {"type": "record"}},
    {"subject": "alice", "action": READ, "resource": RECORD_1},
    {"subject": ALICE, "action": {"name": 123}, "resource": RECORD_1},
    [],
]


@pytest.mark.parametrize("door", ["evaluation", "evaluations"])
@pytest.mark.parametrize("bad", BAD, ids=json.dumps)
def test_what_is_no_question_is_status_400(enforcer, door, bad):
    refused = post(enforcer, f"/access/v1/{door}", bad)
    assert refused.status == 400
    assert json.loads(refused.body)["error"]


DOORS = ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"]


@pytest.mark.parametrize("door", DOORS)
def test_bodies_content_types_and_names_of_requests(enforcer, door):
    good = json.dumps(question(ALICE, READ, RECORD_1)).encode()
    path = f"/access/v1/{door}"
    for body in (b"", b"{", b"not json", good + b"x"):
        assert post(enforcer, path, None, body=body).status == 400, body
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        assert post(enforcer, path, None, body=good, kind=kind).status == 400, kind
    assert post(enforcer, path, None, body=good, kind="application/json; charset=utf-8").status == 200
    named = post(enforcer, path, None, body=good, **{"x-request-id": "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"})
    assert (named.status, named.headers["x-request-id"]) == (200, "bfe9eb29-ab87-4ca3-be83-a1d5d8305716")
    for method in ("GET", "PUT", "DELETE"):
        assert send(method, enforcer.endpoint + path).status == 405
    stranger = send("POST", enforcer.endpoint + path, good, {"content-type": "application/json"})
    assert (stranger.status, "AWS4-HMAC-SHA256" in stranger.headers["www-authenticate"]) == (401, True)


def test_batches(enforcer):
    assert decisions(enforcer, subject=BOB, resource=RECORD_1, evaluations=[{"action": READ}, {"action": WRITE}]) == [True, False]
    archived = [{"resource": RECORD_1 | {"properties": {"status": "active"}}}, {"resource": ARCHIVED}]
    assert decisions(enforcer, subject=ALICE, action=WRITE, evaluations=archived) == [True, False]
    assert decisions(enforcer, subject=ALICE, action=WRITE, resource={"type": "record"}, evaluations=archived) == [True, False]
    assert decisions(enforcer, action=WRITE, resource=ARCHIVED, evaluations=[{"subject": ALICE}, {"subject": ADMIN_BOB}]) == [False, True]
    whole = [question(ALICE, READ, RECORD_1), question(BOB, WRITE, RECORD_1)]
    assert decisions(enforcer, evaluations=whole) == [True, False]
    assert decisions(enforcer, subject=ALICE, action=READ, evaluations=[{"resource": RECORD_1}, {}]) == [True, False]
    assert decisions(enforcer, evaluations=[{"action": READ, "resource": RECORD_1}]) == [False], "nobody is the subject"
    for without in ({}, {"evaluations": []}):
        answer = post(enforcer, "/access/v1/evaluations", question(ALICE, READ, RECORD_1) | without)
        assert json.loads(answer.body)["decision"] is True and "evaluations" not in json.loads(answer.body)


@pytest.mark.parametrize(
    ("semantic", "actions", "expected"),
    [
        ("execute_all", [READ, WRITE, READ], [True, False, True]),
        ("deny_on_first_deny", [READ, WRITE, READ], [True, False]),
        ("permit_on_first_permit", [WRITE, READ, WRITE], [False, True]),
    ],
)
def test_semantics(enforcer, semantic, actions, expected):
    evaluations = [{"action": action} for action in actions]
    options = {"evaluations_semantic": semantic}
    assert decisions(enforcer, subject=BOB, resource=RECORD_1, evaluations=evaluations, options=options) == expected
    options = {"evaluations_semantic": "bogus_value"}
    batch = {"subject": BOB, "resource": RECORD_1, "evaluations": evaluations, "options": options}
    assert post(enforcer, "/access/v1/evaluations", batch).status == 400


def test_searches(enforcer):
    users, records = {"type": "user"}, {"type": "record"}
    assert results(enforcer, "subject", subject=users, action=READ, resource=RECORD_1) == [ALICE, BOB]
    assert results(enforcer, "resource", subject=ALICE, action=READ, resource=records) == [RECORD_1, RECORD_2]
    assert results(enforcer, "action", subject=ALICE, resource=RECORD_1) == [READ, WRITE]
    assert results(enforcer, "subject", subject=users, action=WRITE, resource=ARCHIVED) == [BOB]
    assert results(enforcer, "resource", subject=ADMIN_BOB, action=WRITE, resource=records) == [RECORD_2]
    assert WRITE in results(enforcer, "action", subject=ADMIN_BOB, resource=ARCHIVED)
    assert results(enforcer, "action", subject={"type": "user", "id": "nonexistent-user"}, resource=RECORD_1) == []
    assert results(enforcer, "subject", subject={"type": "spaceship"}, action=READ, resource=RECORD_1) == []


def test_pages_of_a_search(enforcer):
    query = {"subject": {"type": "user"}, "action": READ, "resource": RECORD_1}
    first = json.loads(post(enforcer, "/access/v1/search/subject", query | {"page": {"limit": 1}}).body)
    assert (first["results"], first["page"]["count"]) == ([ALICE], 1)
    token = first["page"]["next_token"]
    second = json.loads(post(enforcer, "/access/v1/search/subject", query | {"page": {"token": token}}).body)
    assert (second["results"], second["page"]["next_token"]) == ([BOB], "")
    for changed in ({"action": WRITE}, {"resource": RECORD_2}, {"context": {"a": "b"}}, {"page": {"token": token[1:]}}):
        refused = post(enforcer, "/access/v1/search/subject", query | {"page": {"token": token}} | changed)
        assert refused.status == 400, changed


@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("subject", {"subject": {"type": "user"}, "resource": RECORD_1}),
        ("resource", {"action": READ, "resource": {"type": "record"}}),
        ("action", {"subject": ALICE}),
        ("subject", {"subject": {"type": "user"}, "action": READ, "resource": {"type": "record"}}),
        ("resource", {"subject": {"type": "user"}, "action": READ, "resource": {"type": "record"}}),
        ("subject", {"subject": {"type": "user"}, "action": READ, "resource": RECORD_1, "page": {"limit": -1}}),
    ],
)
def test_what_is_no_search_is_status_400(enforcer, what, query):
    assert post(enforcer, f"/access/v1/search/{what}", query).status == 400


def test_the_metadata_is_signed_by_the_broker(world, enforcer):
    answer = send("GET", f"{enforcer.endpoint}/.well-known/authzen-configuration")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    metadata = json.loads(answer.body)
    base = metadata["policy_decision_point"]
    assert base == enforcer.endpoint
    paths = {name: url.removeprefix(base) for name, url in metadata.items() if name.endswith("_endpoint")}
    assert paths == {
        "access_evaluation_endpoint": "/access/v1/evaluation",
        "access_evaluations_endpoint": "/access/v1/evaluations",
        "search_subject_endpoint": "/access/v1/search/subject",
        "search_resource_endpoint": "/access/v1/search/resource",
        "search_action_endpoint": "/access/v1/search/action",
    }
    signed = metadata.pop("signed_metadata")
    header = jwt.get_unverified_header(signed)
    published = {key["kid"]: key for key in world.broker.json("/.well-known/jwks.json")["keys"]}
    key = jwt.PyJWK(published[header["kid"]])
    claims = jwt.decode(signed, key.key, algorithms=[header["alg"]], issuer=base, options={"require": ["iss", "exp", "iat"]})
    assert {name: claims[name] for name in metadata} == metadata
    assert "signed_metadata" not in claims
    head, body, signature = signed.split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        forged = ("B" if signature[0] == "A" else "A") + signature[1:]
        jwt.decode(f"{head}.{body}.{forged}", key.key, algorithms=[header["alg"]], issuer=base)
    # It is nobody's session.
    token = Key(enforcer.key.id, enforcer.key.secret, signed)
    refused = post(type(enforcer)(world, "forger", token), "/access/v1/evaluation", question(ALICE, READ, RECORD_1))
    assert refused.status == 401


def test_what_is_asked_is_counted(world, enforcer):
    decision(enforcer, ALICE, READ, RECORD_1)
    metrics = send("GET", f"{enforcer.endpoint}/metrics").body.decode()
    for operation in ("evaluation", "evaluations", "search-subject", "search-resource", "search-action"):
        assert f'door="authzen",operation="{operation}"' in metrics
    world.broker.assert_no_panic()


@pytest.mark.parametrize("questions", [1, 2])
def test_what_is_asked_again_in_a_second_is_answered_from_memory_and_counted(enforcer, questions):
    def counted(line):
        metrics = send("GET", f"{enforcer.endpoint}/metrics").body.decode()
        values = [float(text.rsplit(" ", 1)[1]) for text in metrics.splitlines() if text.startswith(line)]
        return values[0] if values else 0.0

    def ask():
        if questions == 1:
            assert decision(enforcer, ALICE, READ, RECORD_1)
        else:
            assert decisions(enforcer, subject=ALICE, action=READ, evaluations=[{"resource": RECORD_1}] * questions) == [True] * questions

    hits, allowed = 'brevet_cache_lookups_total{cache="answers",outcome="hit"}', 'brevet_decisions_total{outcome="allowed"}'
    hits_before, allowed_before, asked = counted(hits), counted(allowed), 0
    # Three in one second are enough, whenever the machine finds the time for that.
    while counted(hits) == hits_before and asked < 1_000:
        for _ in range(5):
            ask()
            asked += 1
    assert counted(hits) > hits_before
    # Whether the asker may ask is a decision too, told again or not.
    assert counted(allowed) == allowed_before + asked * (1 + questions)


def test_each_question_of_a_batch_is_counted_once(enforcer):
    def counted(*lines):
        metrics = send("GET", f"{enforcer.endpoint}/metrics").body.decode().splitlines()
        return [sum(float(text.rsplit(" ", 1)[1]) for text in metrics if text.startswith(line)) for line in lines]

    lines = ('brevet_decisions_total{outcome="allowed"}', 'brevet_decisions_total{outcome="implicit-deny"}',
             'brevet_cache_lookups_total{cache="resources"')
    # More than are looked up together, of two types in turn, of which one is nobody's business.
    resources = [{"type": "record" if at % 70 < 50 else "letter", "id": f"counted-{at}"} for at in range(210)]
    for _ in range(2):
        before = counted(*lines)
        told = decisions(enforcer, subject=ALICE, action=READ, evaluations=[{"resource": resource} for resource in resources])
        assert told == [resource["type"] == "record" for resource in resources]
        # Whether the asker may ask is a decision too.
        assert [now - then for now, then in zip(counted(*lines), before)] == [151, 60, 210]
