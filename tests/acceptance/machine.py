"""The machine that a story runs on: the program under test, free ports, clean environments, and waiting without sleeping long."""

import os
import socket
import sys
import time
from pathlib import Path

import pytest


def binary() -> str:
    """The program under test: what BREVET_BIN names, or the newest build."""
    if named := os.environ.get("BREVET_BIN"):
        return str(Path(named).resolve())
    tree = Path(__file__).resolve().parents[2]
    target = Path(os.environ.get("CARGO_TARGET_DIR", tree / "target"))
    built = [path for path in (target / "debug/brevet", target / "release/brevet") if path.exists()]
    assert built, "there is no brevet to test: cargo build, or set BREVET_BIN"
    return str(max(built, key=lambda path: path.stat().st_mtime))


def not_here(program: str):
    """Somebody else's program that a story needs and this machine has not. Where everything has to have run (`CI=true`) a story that
    did not is a failure, and not one that nobody reads of."""
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(f"there is no {program} on this machine, and CI is set: every story has to be told", pytrace=False)
    pytest.skip(f"there is no {program} for this machine")


def until(what: str, check, seconds: float = 20):
    """Asks again and again until the answer is true: for what other processes do in their own time."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)
    return answer


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of this machine's own AWS configuration reaches a client or a broker."""
    home.mkdir(parents=True, exist_ok=True)
    clients = str(Path(sys.executable).parent)
    base = {"PATH": f"{clients}:{os.environ['PATH']}", "HOME": str(home), "LC_ALL": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true"}
    return base | more


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
