"""Signature Version 4 as the IAM User Guide describes it ("Create a signed AWS API request"), written down once more here.

The SDKs sign well; these tests also need requests that are signed badly, late, early or not at all, and a second opinion that
shares no code with the broker.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

import urllib3

POOL = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5, read=20))
FORM = "application/x-www-form-urlencoded; charset=utf-8"
VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}


@dataclass
class Key:
    """What a caller signs with."""

    id: str
    secret: str
    token: str | None = None


@dataclass
class Answer:
    """What came back, and after how long."""

    status: int
    body: bytes
    seconds: float
    headers: dict = field(default_factory=dict)

    @property
    def code(self) -> str:
        return self._member("Code")

    @property
    def message(self) -> str:
        return self._member("Message")

    @property
    def request_id(self) -> str:
        return self._member("RequestId")

    def text(self, member: str) -> list[str]:
        return [node.text or "" for node in ElementTree.fromstring(self.body).iter() if node.tag.rpartition("}")[2] == member]

    def _member(self, name: str) -> str:
        try:
            return (self.text(name) or [""])[0]
        except ElementTree.ParseError:
            raise AssertionError(f"{self.status}: not an AWS error document: {self.body[:300]!r}") from None


def utc(seconds_from_now: float = 0) -> datetime:
    return datetime.now(timezone.utc) + timedelta(seconds=seconds_from_now)


def form(action: str, service: str = "iam", **parameters: str) -> bytes:
    """The body of a Query request."""
    return urlencode({"Action": action, "Version": VERSIONS[service], **parameters}).encode()


def send(method: str, url: str, body: bytes = b"", headers: dict | None = None) -> Answer:
    started = time.monotonic()
    answer = POOL.request(method, url, body=body, headers=headers or {})
    return Answer(answer.status, answer.data, time.monotonic() - started, dict(answer.headers))


def signed_headers(
    url: str,
    body: bytes,
    key: Key,
    *,
    method: str = "POST",
    service: str = "iam",
    region: str = "us-east-1",
    at: datetime | None = None,
    content_type: str = FORM,
) -> dict:
    """The headers of a request signed in its Authorization header."""
    stamp = (at or utc()).strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": content_type, "host": urlsplit(url).netloc, "x-amz-date": stamp}
    if key.token:
        headers["x-amz-security-token"] = key.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    path = quote(urlsplit(url).path or "/", safe="/-_.~")
    canonical = "\n".join([method, path, "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signature = _signature(key.secret, stamp, scope, canonical)
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return headers


def presigned(url: str, key: Key, *, service: str, at: datetime | None = None, expires: int = 60, **parameters: str) -> str:
    """A URL signed in its query: anybody who holds it may send it until it expires."""
    stamp = (at or utc()).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/us-east-1/{service}/aws4_request"
    query = parameters | {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key.id}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": "host",
    }
    if key.token:
        query["X-Amz-Security-Token"] = key.token
    line = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query.items()))
    canonical = "\n".join(["GET", "/", line, f"host:{urlsplit(url).netloc}\n", "host", hashlib.sha256(b"").hexdigest()])
    return f"{url}/?{line}&X-Amz-Signature={_signature(key.secret, stamp, scope, canonical)}"


def call(endpoint: str, key: Key, body: bytes, **how) -> Answer:
    """Signs a form body and sends it."""
    return send("POST", endpoint + "/", body, signed_headers(endpoint + "/", body, key, **how))


def _signature(secret: str, stamp: str, scope: str, canonical: str) -> str:
    derived = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(derived, to_sign.encode(), hashlib.sha256).hexdigest()
