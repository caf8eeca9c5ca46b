"""Stored resources, as plain HTTP and an operator see them."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from actors import allow, policy
from signing import send, signed_headers
from world import HOME_ACCOUNT

RECORD = f"arn:aws:record::{HOME_ACCOUNT}:record-1"


@pytest.fixture(scope="module")
def root(world):
    return world.root


def resources(actor, operation, **members):
    url, body = f"{actor.endpoint}/resources/v1/{operation}", json.dumps(members).encode()
    headers = signed_headers(url, body, actor.key, service="brevet", content_type="application/json")
    return send("POST", url, body, headers)


def operator(world, *arguments, check=True):
    return world.broker.run("resources", *arguments, *world.broker.on_store, check=check)


def test_a_resource_is_stored_changed_listed_and_forgotten(world, root):
    stored = resources(root, "put", arn=RECORD, attributes={"status": "active"})
    assert stored.status == 200, stored.body
    assert int(stored.headers["x-brevet-revision"]) > 0
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "record:read", "Resource": RECORD}],
        }
    )
    assert resources(root, "put", arn=RECORD, policy=document).status == 200
    got = json.loads(resources(root, "get", arn=RECORD).body)
    assert (got["attributes"], got["policy"], got["hasPolicy"]) == ({"status": "active"}, document, True)
    listed = json.loads(resources(root, "list", prefix="arn:aws:record:").body)
    assert [one["arn"] for one in listed["resources"]] == [RECORD]
    assert resources(root, "delete", arn=RECORD).status == 200
    gone = resources(root, "get", arn=RECORD)
    assert (gone.status, json.loads(gone.body)["code"]) == (404, "NoSuchEntity")
    records = [record for record in world.audit() if record["eventName"] == "PutResource"]
    assert records[0]["requestParameters"] == {"arn": RECORD, "attributes": {"status": "active"}}
    assert records[0]["eventSource"] == "brevet"


def test_an_operator_stores_beside_the_running_broker(world, root):
    bucket = "arn:aws:s3:::operators-bucket"
    operator(world, "put", bucket, "--account", HOME_ACCOUNT, "--attribute", "team=red", "--attribute", "note=a=b")
    got = json.loads(resources(root, "get", arn=bucket).body)
    assert got["attributes"] == {"team": "red", "note": "a=b"}
    assert json.loads(operator(world, "get", bucket, "--account", HOME_ACCOUNT).stdout)["attributes"] == got["attributes"]
    operator(world, "types", "put", "s3", "--account", HOME_ACCOUNT, "--action", "GetObject")
    types = json.loads(resources(root, "list-types").body)["types"]
    assert [(one["type"], one["actions"]) for one in types] == [("s3", ["GetObject"])]
    operator(world, "types", "delete", "s3", "--account", HOME_ACCOUNT)
    assert operator(world, "types", "list", "--account", HOME_ACCOUNT).stdout == ""
    listed = operator(world, "list", "--account", HOME_ACCOUNT, "--prefix", bucket).stdout.splitlines()
    assert [json.loads(line)["arn"] for line in listed] == [bucket]
    operator(world, "delete", bucket, "--account", HOME_ACCOUNT)
    assert resources(root, "get", arn=bucket).status == 404
    kinds = {record["userIdentity"]["type"] for record in world.audit() if record["eventName"] == "PutResource"}
    assert "Operator" in kinds


@pytest.mark.parametrize(
    "wrong",
    [
        ["put", "arn:aws:s3:::b*", "--account", HOME_ACCOUNT],
        ["put", "arn:aws:s3:::b"],
        ["put", "arn:aws:s3:::b", "--account", "999999999999"],
        ["put", RECORD, "--account", "222222222222"],
        ["put", RECORD, "--attribute", "novalue"],
        ["put", RECORD, "--attribute", "a=1", "--attribute", "A=2"],
        ["put", RECORD, "--policy", "/nonexistent"],
        ["get", "arn:aws:s3:::not-stored", "--account", HOME_ACCOUNT],
        ["delete", "arn:aws:s3:::not-stored", "--account", HOME_ACCOUNT],
        ["types", "put", "record", "--account", HOME_ACCOUNT],
        ["types", "delete", "nothing", "--account", HOME_ACCOUNT],
    ],
)
def test_an_operators_mistake_is_told_and_changes_nothing(world, wrong):
    refused = operator(world, *wrong, check=False)
    assert refused.returncode != 0
    assert refused.stderr
    assert not refused.stdout


def test_whoever_may_do_everything_in_one_account_reaches_nothing_of_another(world, root):
    partner = world.account("partner", "222222222222")
    assert resources(root, "put", arn="arn:aws:s3:::roots").status == 200
    assert resources(partner, "get", arn="arn:aws:s3:::roots").status == 404
    assert resources(partner, "put", arn="arn:aws:s3:::roots").status == 409
    assert resources(partner, "put", arn=RECORD).status == 403
    assert resources(root, "delete", arn="arn:aws:s3:::roots").status == 200


def test_a_flood_of_writes_of_one_resource_leaves_one_of_them(root):
    arn = f"arn:aws:record::{HOME_ACCOUNT}:contested"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: resources(root, "put", arn=arn, attributes={"n": str(n)}), range(40)))
    # Whoever loses again and again is told so, and nothing of it is stored.
    assert {answer.status for answer in answers} <= {200, 409}
    assert sum(answer.status == 200 for answer in answers) >= 8
    assert json.loads(resources(root, "get", arn=arn).body)["attributes"]["n"].isdigit()
    assert resources(root, "delete", arn=arn).status == 200


def test_a_user_needs_the_permission_on_the_arn(root):
    root.aws("iam", "create-user", "--user-name", "keeper")
    document = policy(allow("brevet:PutResource", f"arn:aws:record::{HOME_ACCOUNT}:keepers/*"))
    root.aws("iam", "put-user-policy", "--user-name", "keeper", "--policy-name", "own", "--policy-document", document)
    made = root.aws("iam", "create-access-key", "--user-name", "keeper")["AccessKey"]
    keeper = root.with_session(made | {"SessionToken": None}, "keeper")
    assert resources(keeper, "put", arn=f"arn:aws:record::{HOME_ACCOUNT}:keepers/1").status == 200
    refused = resources(keeper, "put", arn=RECORD)
    assert (refused.status, json.loads(refused.body)["code"]) == (403, "AccessDenied")
    assert resources(keeper, "put", arn="arn:aws:record::222222222222:keepers/1").status == 403
