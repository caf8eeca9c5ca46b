"""A workload beside its sidecar: boto3 with nothing configured but where to fetch credentials."""

import json
import re
import subprocess
import sys

from machine import binary, clean_environment, free_port, until
from signing import Answer, Key, send

AUTHORIZATION = "a-long-random-word-only-the-pod-knows-5c1e"

# What runs in the workload's process. Moving the expiry is how it notices "too old" without waiting for an hour.
WORKLOAD = """
import datetime, json, boto3
session = boto3.Session()
first = session.client("sts").get_caller_identity()["Arn"]
credentials = session.get_credentials()
assert credentials.method == "container-role", credentials.method
first_key = credentials.get_frozen_credentials()
credentials._expiry_time = datetime.datetime.now(datetime.timezone.utc)
renewed = credentials.get_frozen_credentials()
assert not credentials.refresh_needed(), "renewed credentials are too old already"
second = session.client("sts").get_caller_identity()["Arn"]
print(json.dumps({
    "first_arn": first, "first_key": first_key.access_key, "arn_after_renewal": second, "key_after_renewal": renewed.access_key,
    "secrets": [{"SecretAccessKey": one.secret_key, "SessionToken": one.token} for one in (first_key, renewed)],
}))
"""


class Sidecar:
    """`brevet sidecar`, holding a workload's own key and lending out a role's credentials on loopback."""

    def __init__(self, world, key: Key, role_arn: str):
        self.world, self.key, self.role_arn = world, key, role_arn
        self.port = free_port()
        self.token_file = world.home("sidecar") / "authorization-token"
        self.token_file.write_text(AUTHORIZATION)
        self.token_file.chmod(0o600)
        world.hunt.remember("the sidecar's authorization token", AUTHORIZATION)

    def __enter__(self) -> "Sidecar":
        options = ["--endpoint", self.world.endpoint, "--listen", f"127.0.0.1:{self.port}", "--role-arn", self.role_arn]
        out, log = self.world.folder / "sidecar.out", self.world.folder / "sidecar.err"
        environment = {"AWS_ACCESS_KEY_ID": self.key.id, "AWS_SECRET_ACCESS_KEY": self.key.secret, "AWS_REGION": "us-east-1"}
        self.process = subprocess.Popen(
            [binary(), "sidecar", *options, "--authorization-token-file", str(self.token_file)],
            env=clean_environment(self.world.home("sidecar"), **environment),
            stdin=subprocess.DEVNULL,
            stdout=out.open("wb"),
            stderr=log.open("wb"),
        )
        until("the sidecar to listen", lambda: self._printed(out, log) or self._answers())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    url = None

    def _printed(self, out, log) -> bool:
        """The sidecar says under which URL it serves, as the variable that SDKs read."""
        assert self.process.poll() is None, f"the sidecar exited:\n{log.read_text()}"
        told = re.search(r"AWS_CONTAINER_CREDENTIALS_FULL_URI=[\"']?(\S+?)[\"']?\s", out.read_text() + log.read_text())
        if told:
            self.url = told[1]
        return self.url is not None and self._answers()

    def _answers(self) -> bool:
        if self.url is None:
            return False
        try:
            return self.without_token().status > 0
        except Exception:  # not listening yet
            return False

    def without_token(self) -> Answer:
        return send("GET", self.url)

    def with_token(self, token: str) -> Answer:
        return send("GET", self.url, headers={"authorization": token})


def ask_as_workload(world, sidecar: Sidecar) -> dict:
    """Runs boto3 in a process that has no key of its own; what it found out."""
    environment = {
        "AWS_ENDPOINT_URL": world.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": sidecar.url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(sidecar.token_file),
    }
    done = subprocess.run(
        [sys.executable, "-c", WORKLOAD],
        env=clean_environment(world.home("workload"), **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    world.hunt.remember_all_in(answer.pop("secrets"), "the workload")
    return answer
