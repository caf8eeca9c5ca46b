"""Ctrl-C, and Ctrl-C again: a broker and a sidecar finish what has begun, unless they are asked twice."""

import signal
import socket
import subprocess

import pytest
from machine import binary, clean_environment, free_port, until
from stores import Embedded
from workload import AUTHORIZATION
from world import World

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


def begin(port: int, *lines: str) -> socket.socket:
    """A request whose body does not come."""
    connection = socket.create_connection(("127.0.0.1", port), 20)
    head = ["POST /access/v1/evaluation HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json", *lines]
    connection.sendall("\r\n".join([*head, "Content-Length: 10", "Expect: 100-continue", "", ""]).encode())
    said = b""
    while len(said) < len(GO_ON):
        more = connection.recv(len(GO_ON) - len(said))
        assert more, said
        said += more
    assert said == GO_ON
    return connection


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 20).close()
    except OSError:
        return False
    return True


@pytest.fixture
def patient(tmp_path):
    """A broker that would wait for minutes."""
    world = World(tmp_path, Embedded())
    world.broker.stop()
    world.broker.environment |= {"BREVET_SERVER_SHUTDOWN_GRACE": "600", "BREVET_SERVER_REQUEST_TIMEOUT": "600"}
    world.broker.start()
    yield world
    if world.broker.running():
        world.broker.kill()
    world.end()
    world.broker.assert_no_panic()


@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM])
def test_a_broker_that_is_told_twice_waits_for_nobody(patient, again):
    broker = patient.broker
    patient.root.boto("iam").list_users()
    with begin(broker.port) as held:
        broker.process.send_signal(signal.SIGTERM)
        until("it to take no more connections", lambda: not listens(broker.port))
        with pytest.raises(subprocess.TimeoutExpired):
            broker.process.wait(0.5)
        broker.process.send_signal(again)
        assert broker.process.wait(20) == 0, broker.log.read_text()
        assert held.recv(1) == b"", "it is cut off"
    assert [record for record in patient.audit() if record["eventName"] == "ListUsers"], "what was done is recorded"


class Sidecar:
    """A sidecar without a broker: none is needed for this."""

    def __init__(self, folder, *more: str):
        self.runtime, self.out, self.log = folder / "runtime", folder / "sidecar.out", folder / "sidecar.err"
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        options = ["--endpoint", "http://127.0.0.1:1", "--role-arn", "arn:aws:iam::111122223333:role/worker", *more]
        key = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "no-secret"}
        self.process = subprocess.Popen(
            [binary(), "sidecar", *options],
            env=clean_environment(folder / "home", XDG_RUNTIME_DIR=str(self.runtime), **key),
            stdin=subprocess.DEVNULL,
            stdout=self.out.open("wb"),
            stderr=self.log.open("wb"),
        )

    def __enter__(self) -> "Sidecar":
        until("the sidecar to say where it is", lambda: "TOKEN_FILE" in self.out.read_text())
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(20)

    def token_files(self) -> list[str]:
        return [path.name for path in (self.runtime / "brevet").iterdir()]


def test_a_sidecar_that_is_told_twice_waits_for_nobody(tmp_path):
    port = free_port()
    token = tmp_path / "token"
    token.write_text(AUTHORIZATION)
    token.chmod(0o600)
    options = ["--listen", "127.0.0.1:0", "--questions", f"127.0.0.1:{port}", "--authorization-token-file", str(token)]
    with Sidecar(tmp_path, *options) as sidecar, begin(port, f"x-brevet-sidecar-token: {AUTHORIZATION}"):
        sidecar.process.send_signal(signal.SIGINT)
        until("it to take no more connections", lambda: not listens(port))
        sidecar.process.send_signal(signal.SIGINT)
        assert sidecar.process.wait(20) == 0, sidecar.log.read_text()
        assert "answers under way were cut off" in sidecar.log.read_text(), sidecar.log.read_text()
    assert token.read_text() == AUTHORIZATION, "the operator's own file stays"


def test_a_token_that_nobody_can_find_again_is_taken_away(tmp_path):
    port = free_port()
    for listen, left in (("127.0.0.1:0", []), (f"127.0.0.1:{port}", [f"sidecar-{port}.token"])):
        with Sidecar(tmp_path, "--listen", listen) as sidecar:
            assert len(sidecar.token_files()) == 1
            sidecar.process.terminate()
            assert sidecar.process.wait(20) == 0, sidecar.log.read_text()
            assert sidecar.token_files() == left
