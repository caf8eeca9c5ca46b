"""Questions beside the program: the sidecar's own process, its socket, and a broker that goes away and comes back."""

import http.client
import json
import socket
import stat
import subprocess

import pytest
from actors import allow, policy
from machine import binary, clean_environment, free_port, until
from signing import Key, send
from workload import AUTHORIZATION
from world import HOME_ACCOUNT

QUESTION = {
    "subject": {"type": "user", "id": "reader-beside"},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "r1"},
}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("sidecar", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(self.path))


class Beside:
    """`brevet sidecar` with both places for questions."""

    def __init__(self, world, key, role_arn, *more):
        self.port = free_port()
        self.socket = world.folder / f"questions-{self.port}.sock"
        token = world.home("beside") / f"token-{self.port}"
        token.write_text(AUTHORIZATION)
        token.chmod(0o600)
        options = ["--endpoint", world.endpoint, "--listen", "127.0.0.1:0", "--role-arn", role_arn]
        options += ["--questions", f"127.0.0.1:{self.port}", "--questions-socket", str(self.socket), *more]
        environment = {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret, "AWS_REGION": "us-east-1"}
        self.out, self.log = world.folder / f"beside-{self.port}.out", world.folder / f"beside-{self.port}.err"
        self.process = subprocess.Popen(
            [binary(), "sidecar", *options, "--authorization-token-file", str(token)],
            env=clean_environment(world.home("beside"), **environment),
            stdin=subprocess.DEVNULL,
            stdout=self.out.open("wb"),
            stderr=self.log.open("wb"),
        )
        until("the sidecar to say where it is", lambda: "BREVET_QUESTIONS_SOCKET" in self.out.read_text())

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0, self.log.read_text()

    def ask(self, question=QUESTION, **headers):
        headers = {"content-type": "application/json", "x-brevet-sidecar-token": AUTHORIZATION, **headers}
        return send("POST", f"http://127.0.0.1:{self.port}/access/v1/evaluation", json.dumps(question).encode(), headers)

    def ask_on_socket(self):
        connection = UnixConnection(self.socket)
        connection.request("POST", "/access/v1/evaluation", json.dumps(QUESTION), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def health(self):
        return json.loads(send("GET", f"http://127.0.0.1:{self.port}/health").body)


@pytest.fixture(scope="module")
def asker(world):
    iam = world.root.boto("iam")
    iam.create_user(UserName="beside")
    made = iam.create_access_key(UserName="beside")["AccessKey"]
    world.hunt.remember("the key of the sidecar beside", made["SecretAccessKey"])
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:user/beside"}}
    may = {"Effect": "Allow", "Action": ["brevet:Evaluate", "brevet:FollowChanges"], "Resource": "*"}
    role = iam.create_role(RoleName="beside", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="beside", PolicyName="own", PolicyDocument=policy(may))
    iam.create_user(UserName="reader-beside")
    iam.put_user_policy(UserName="reader-beside", PolicyName="own", PolicyDocument=policy(allow("record:read", "*")))
    return Key(made["AccessKeyId"], made["SecretAccessKey"]), role


@pytest.fixture
def beside(world, asker):
    beside = Beside(world, *asker)
    until("it follows", lambda: beside.health()["following"])
    yield beside
    beside.stop()


def decision(answer):
    assert answer.status == 200, answer.body
    return json.loads(answer.body)["decision"]


def test_answers_are_kept_until_something_changes(world, beside):
    assert decision(beside.ask()) is True
    kept = beside.ask()
    assert kept.headers["x-brevet-served-by"] == "sidecar"
    assert json.loads(kept.body)["context"]["served_by"] == "sidecar"
    status, told = beside.ask_on_socket()
    assert (status, told["context"]["served_by"]) == (200, "sidecar")
    assert stat.S_IMODE(beside.socket.stat().st_mode) == 0o600
    assert beside.health()["served"]["asked"] == 1
    iam = world.root.boto("iam")
    iam.delete_user_policy(UserName="reader-beside", PolicyName="own")
    until("the change to be heard", lambda: decision(beside.ask()) is False)
    iam.put_user_policy(UserName="reader-beside", PolicyName="own", PolicyDocument=policy(allow("record:read", "*")))
    until("the change to be heard", lambda: decision(beside.ask()) is True)
    for token in ({"x-brevet-sidecar-token": ""}, {"x-brevet-sidecar-token": "guessed-by-somebody"}):
        assert beside.ask(**token).status == 403


def test_a_broker_that_is_away_is_told_of_and_found_again(world, asker, beside):
    lenient = Beside(world, *asker, "--degraded-seconds", "3600")
    try:
        until("it follows", lambda: lenient.health()["following"])
        assert decision(beside.ask()) is True and decision(lenient.ask()) is True
        world.broker.stop()
        until("it refuses", lambda: beside.ask().status == 503)
        refused = beside.ask()
        assert (json.loads(refused.body)["code"], refused.headers["x-brevet-cut-off"]) == ("CutOff", "true")
        until("it is degraded", lambda: json.loads(lenient.ask().body)["context"].get("degraded") is True)
        assert json.loads(lenient.ask().body)["decision"] is True
        world.broker.start()
        for one in (beside, lenient):
            until("it follows again", lambda one=one: one.health()["following"])
            asked = one.health()["served"]["asked"]
            answer = one.ask()
            assert decision(answer) is True and answer.headers["x-brevet-served-by"] == "sidecar"
            assert one.health()["served"]["asked"] == asked, "nothing has changed: it is good again"
    finally:
        if not world.broker.running():
            world.broker.start()
        lenient.stop()
    assert not lenient.socket.exists()
