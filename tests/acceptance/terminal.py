"""Somebody at a terminal: the AWS CLI with a profile whose `credential_process` is `brevet credentials`, which asks for a code."""

import fcntl
import json
import os
import pty
import select
import shlex
import subprocess
import termios
import time
from dataclasses import dataclass
from pathlib import Path

from machine import binary, clean_environment

PROFILE = "partner"


@dataclass
class Sitting:
    """One command at the terminal: what the CLI answered and whether the terminal asked for anything."""

    identity: dict
    prompted: bool
    screen: str


def aws_at_a_terminal(world, actor, home: Path, settings: list[str], arguments: list[str], code: str | None) -> Sitting:
    """Runs `aws --profile partner ARGUMENTS` with a controlling terminal; types `code` once something is asked there."""
    config = home / ".aws/config"
    config.parent.mkdir(exist_ok=True)
    command = shlex.join([binary(), "credentials", "--endpoint", world.endpoint, *settings])
    config.write_text(f"[profile {PROFILE}]\nregion = us-east-1\ncredential_process = {command}\n")
    keys = {"AWS_ACCESS_KEY_ID": actor.key.id, "AWS_SECRET_ACCESS_KEY": actor.key.secret}
    environment = clean_environment(home, AWS_ENDPOINT_URL=world.endpoint, AWS_REGION="us-east-1", **keys)

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["aws", "--output", "json", "--profile", PROFILE, *arguments],
        env=environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    screen, typed = b"", False
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([ours], [], [], 0.05)[0]:
            try:
                screen += os.read(ours, 4096)
            except OSError:
                break  # the last one at the terminal has left
        if screen and code and not typed:
            os.write(ours, f"{code}\n".encode())
            typed = True
    os.close(ours)
    answer, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, f"aws at a terminal: {complaint.decode()}\non the screen: {screen.decode(errors='replace')}"
    return Sitting(json.loads(answer), bool(screen.strip()), screen.decode(errors="replace"))
