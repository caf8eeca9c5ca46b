"""Those who act in the stories: each has a key, and the tools that people have: the AWS CLI, boto3, and plain signed HTTP."""

import json
import re
import subprocess
from dataclasses import dataclass

import boto3
from botocore.config import Config
from machine import clean_environment
from signing import Answer, Key, call, send, signed_headers

REGION = "us-east-1"


@dataclass
class Refusal:
    """How the AWS CLI reports that a service said no."""

    code: str
    operation: str
    message: str


class Actor:
    """Somebody with a key, at a broker."""

    def __init__(self, world, name: str, key: Key, endpoint: str | None = None):
        self.world, self.name, self.key = world, name, key
        self.endpoint = endpoint or world.endpoint

    def at(self, broker) -> "Actor":
        """The same person at another broker of the fleet."""
        return Actor(self.world, self.name, self.key, broker.url)

    def with_session(self, credentials: dict, name: str = "session") -> "Actor":
        """The same person, holding temporary credentials instead."""
        key = Key(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
        return Actor(self.world, f"{self.name}-{name}", key, self.endpoint)

    # The AWS CLI

    def environment(self) -> dict[str, str]:
        keys = {"AWS_ACCESS_KEY_ID": self.key.id, "AWS_SECRET_ACCESS_KEY": self.key.secret}
        if self.key.token:
            keys["AWS_SESSION_TOKEN"] = self.key.token
        place = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}
        return clean_environment(self.world.home(self.name), **keys, **place)

    def run_aws(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["aws", "--output", "json", *arguments],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.world.home(self.name),
        )

    def aws(self, *arguments: str) -> dict:
        """`aws ARGUMENTS`, which must succeed; its answer."""
        done = self.run_aws(*arguments)
        assert done.returncode == 0, f"{self.name}: aws {' '.join(arguments[:2])}: {done.stderr.strip()}"
        answer = json.loads(done.stdout) if done.stdout.strip() else {}
        self.world.hunt.remember_all_in(answer, f"{arguments[1]} by {self.name}")
        return answer

    def refused(self, *arguments: str) -> Refusal:
        """`aws ARGUMENTS`, which the broker must refuse; how it did."""
        done = self.run_aws(*arguments)
        assert done.returncode != 0, f"{self.name}: aws {' '.join(arguments[:2])} was let through: {done.stdout.strip()}"
        told = re.search(r"An error occurred \((.+?)\) when calling the (\w+) operation(?: \([^)]*\))?: (.*)", done.stderr, re.DOTALL)
        assert told, f"{self.name}: aws {' '.join(arguments[:2])} failed, but not by the broker's answer: {done.stderr.strip()}"
        return Refusal(told[1], told[2], told[3].strip())

    def who(self) -> str:
        """The ARN under which the broker knows this actor."""
        return self.aws("sts", "get-caller-identity")["Arn"]

    # boto3

    def boto(self, service: str, **config):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.key.id,
            aws_secret_access_key=self.key.secret,
            aws_session_token=self.key.token,
            config=Config(**({"retries": {"max_attempts": 1}, "connect_timeout": 5, "read_timeout": 30} | config)),
        )

    # Plain HTTP

    def call(self, body: bytes, **how) -> Answer:
        return call(self.endpoint, self.key, body, **how)

    def evaluate(self, subject: dict, action: str, resource: str, context: dict | None = None) -> Answer:
        """Asks for one decision about somebody (AuthZEN 1.0 evaluation)."""
        question = {
            "subject": subject,
            "action": {"name": action},
            "resource": {"type": "arn", "id": resource},
            "context": context or {},
        }
        url, body = f"{self.endpoint}/access/v1/evaluation", json.dumps(question).encode()
        headers = signed_headers(url, body, self.key, service="brevet", content_type="application/json")
        return send("POST", url, body, headers)

    def may(self, subject: dict, action: str, resource: str, context: dict | None = None) -> dict:
        """The decision itself, where the broker gives one."""
        answer = self.evaluate(subject, action, resource, context)
        assert answer.status == 200, f"{self.name} asked about {action}: {answer.status} {answer.body[:500]!r}"
        return json.loads(answer.body)


def policy(*statements: dict) -> str:
    """A policy document as text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def trust(principal: dict, **condition) -> str:
    """A trust policy: who may assume the role, and under which condition."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return policy(statement | ({"Condition": condition} if condition else {}))
