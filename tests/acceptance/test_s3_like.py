"""A service like S3 that knows nobody itself: boto3 talks to it, and a broker says who calls and what they may, in both modes."""

import base64
import hmac
import json
import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import boto3
import botocore.auth
import pytest
from actors import REGION, Actor, allow, policy, trust
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from machine import binary, clean_environment, until
from signing import Key, send, signed_headers
from world import HOME_ACCOUNT, PARTNER_ACCOUNT

SERVICE = f"arn:aws:brevet::{HOME_ACCOUNT}:service/s3"


def make_user(root: Actor, name: str, *statements: dict) -> Actor:
    iam = root.boto("iam")
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*statements))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Actor(root.world, name, Key(made["AccessKeyId"], made["SecretAccessKey"]))


class S3Like:
    """One process of the service."""

    def __init__(self, world, own: Key, mode: str):
        program = os.environ.get("BREVET_S3_LIKE") or str(Path(binary()).parent / "examples" / "s3_like")
        assert Path(program).exists(), "there is no s3_like: cargo build --example s3_like"
        environment = clean_environment(
            world.home(f"s3-{mode}"),
            BREVET_ENDPOINT=world.endpoint,
            S3_LIKE_MODE=mode,
            AWS_ACCESS_KEY_ID=own.id,
            AWS_SECRET_ACCESS_KEY=own.secret,
        )
        self.log = world.folder / f"s3-{mode}.err"
        self.out = world.folder / f"s3-{mode}.out"
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self.process = subprocess.Popen([program], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        found = until("the service to listen", lambda: re.search(r"http://\S+", self.out.read_text()))
        self.url = found[0]

    def client(self, key: Key, **config):
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
            aws_session_token=key.token,
            config=Config(signature_version="s3v4", retries={"max_attempts": 1}, s3={"addressing_style": "path"} | config.pop("s3", {}), **config),
        )

    def end(self):
        self.process.terminate()
        self.process.wait(10)
        assert "panicked" not in self.log.read_text()


@pytest.fixture(scope="module")
def people(embedded_world):
    """Who is there: alice may do all with S3, reader nothing by herself; partner's bob may read what others let him."""
    root, partner = embedded_world.root, embedded_world.account("partner", PARTNER_ACCOUNT)
    enrolled = [allow(["brevet:VerifyRequest", "brevet:DeriveKeys"], SERVICE), allow("brevet:DeriveKeys", "arn:aws:iam::*:*")]
    alice = make_user(root, "s3-alice", allow("s3:*"), allow("sts:AssumeRole"))
    role = root.boto("iam").create_role(RoleName="s3-worker", AssumeRolePolicyDocument=trust({"AWS": HOME_ACCOUNT}))["Role"]
    root.boto("iam").put_role_policy(RoleName="s3-worker", PolicyName="own", PolicyDocument=policy(allow("s3:GetObject")))
    return {
        "files": make_user(root, "s3-files", *enrolled),
        "alice": alice,
        "reader": make_user(root, "s3-reader"),
        "bob": make_user(partner, "s3-bob", allow("s3:GetObject", "arn:aws:s3:::shared-*/*")),
        "eve": make_user(partner, "s3-eve"),
        "role": role["Arn"],
    }


@pytest.fixture(scope="module", params=["ask", "derived-keys"])
def service(request, embedded_world, people):
    running = S3Like(embedded_world, people["files"].key, request.param)
    running.client(people["alice"].key).create_bucket(Bucket="private")
    yield running
    running.end()


def refused(call, **parameters) -> str:
    with pytest.raises(ClientError) as told:
        call(**parameters)
    return told.value.response["Error"]["Code"]


def test_a_bucket_and_its_objects_live_and_go(service, people):
    s3 = service.client(people["alice"].key)
    s3.create_bucket(Bucket="alices")
    assert "alices" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    for key in ["plain", "with space+and%percent", "a//b/../c", "ümlaut/日本", "x" * 500]:
        s3.put_object(Bucket="alices", Key=key, Body=key.encode() * 3, Metadata={"of": "a test"})
        assert s3.get_object(Bucket="alices", Key=key)["Body"].read() == key.encode() * 3
    listed = s3.list_objects_v2(Bucket="alices", Prefix="a/")["Contents"]
    assert [entry["Key"] for entry in listed] == ["a//b/../c"]
    s3.delete_object(Bucket="alices", Key="plain")
    assert refused(s3.get_object, Bucket="alices", Key="plain") == "NoSuchKey"
    assert refused(s3.create_bucket, Bucket="alices") == "BucketAlreadyExists"
    s3.delete_bucket(Bucket="alices")
    assert refused(s3.list_objects_v2, Bucket="alices") == "NoSuchBucket"


def test_a_body_may_be_large_open_or_in_chunks(service, people):
    key = people["alice"].key
    s3 = service.client(key)
    large = os.urandom(3 << 20)
    s3.put_object(Bucket="private", Key="large", Body=large)
    assert s3.get_object(Bucket="private", Key="large")["Body"].read() == large
    unsigned = service.client(key, s3={"payload_signing_enabled": False})
    unsigned.put_object(Bucket="private", Key="open", Body=b"open")
    assert s3.get_object(Bucket="private", Key="open")["Body"].read() == b"open"
    # In chunks, as SDKs send streams over HTTPS: the signature covers what stands in the headers.
    for content in (b"streamed", b"exchanged on its way, as TLS alone can prevent"):
        request = AWSRequest("PUT", f"{service.url}/private/streamed")
        request.headers["X-Amz-Trailer"] = "x-amz-checksum-crc32"
        request.headers["Content-Encoding"] = "aws-chunked"
        request.context["checksum"] = {"request_algorithm": {"algorithm": "crc32", "in": "trailer", "name": "x-amz-checksum-crc32"}}
        botocore.auth.S3SigV4Auth(Credentials(key.id, key.secret), "s3", REGION).add_auth(request)
        assert request.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        body = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n" % (len(content), content)
        assert send("PUT", request.url, body, dict(request.headers.items())).status == 200
        assert s3.get_object(Bucket="private", Key="streamed")["Body"].read() == content


def test_who_signs_wrongly_is_told_in_s3s_words(service, people, monkeypatch):
    alice = people["alice"].key
    get = {"Bucket": "private", "Key": "k"}
    service.client(alice).put_object(**get, Body=b"x")
    assert refused(service.client(Key(alice.id, alice.secret[::-1])).get_object, **get) == "SignatureDoesNotMatch"
    assert refused(service.client(Key("AKIAIOSFODNN7EXAMPLE", "x")).get_object, **get) == "InvalidAccessKeyId"
    session = people["alice"].boto("sts").assume_role(RoleArn=people["role"], RoleSessionName="work")["Credentials"]
    id, secret, token = (session[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    assert refused(service.client(Key(id, secret, token[:-6] + "AAAAAA")).get_object, **get) == "InvalidToken"
    assert refused(service.client(Key(id, secret)).get_object, **get) == "InvalidToken"
    anonymous = send("GET", f"{service.url}/private/k")
    assert (anonymous.status, anonymous.code) == (403, "AccessDenied")
    now = botocore.auth.get_current_datetime
    for skew in (-20, 20):
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda skew=skew: now() + timedelta(minutes=skew))
        assert refused(service.client(alice).get_object, **get) == "RequestTimeTooSkewed"
    monkeypatch.undo()
    assert service.client(alice).get_object(**get)["Body"].read() == b"x"


def test_a_body_that_was_exchanged_is_refused(service, people):
    key = people["alice"].key
    request = AWSRequest("PUT", f"{service.url}/private/k", data=b"what alice sent")
    botocore.auth.S3SigV4Auth(Credentials(key.id, key.secret), "s3", REGION).add_auth(request)
    answer = send("PUT", request.url, b"what somebody made of it", dict(request.headers.items()))
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    # Signed for another host, sent here.
    other = AWSRequest("PUT", "http://other.example/private/k", data=b"x")
    botocore.auth.S3SigV4Auth(Credentials(key.id, key.secret), "s3", REGION).add_auth(other)
    answer = send("PUT", request.url, b"x", dict(other.headers.items()) | {"Host": "other.example"})
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_a_presigned_url_is_good_for_what_it_says(service, people, monkeypatch):
    s3 = service.client(people["alice"].key)
    s3.put_object(Bucket="private", Key="k", Body=b"presigned")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "private", "Key": "k"}, ExpiresIn=604_800)
    assert send("GET", url).body == b"presigned"
    assert send("GET", url.replace("/k?", "/other?")).code == "SignatureDoesNotMatch"
    assert send("DELETE", url).code == "SignatureDoesNotMatch"
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "private", "Key": "up"}, ExpiresIn=60)
    assert send("PUT", put, b"uploaded").status == 200
    assert s3.get_object(Bucket="private", Key="up")["Body"].read() == b"uploaded"
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now() - timedelta(days=2))
    of_then = s3.generate_presigned_url("get_object", Params={"Bucket": "private", "Key": "k"}, ExpiresIn=604_800)
    over = s3.generate_presigned_url("get_object", Params={"Bucket": "private", "Key": "k"}, ExpiresIn=3_600)
    monkeypatch.undo()
    assert send("GET", of_then).body == b"presigned"
    assert send("GET", over).code == "AccessDenied"


def test_a_session_has_what_its_role_has(service, people):
    service.client(people["alice"].key).put_object(Bucket="private", Key="k", Body=b"x")
    session = people["alice"].boto("sts").assume_role(RoleArn=people["role"], RoleSessionName="work")["Credentials"]
    worker = people["alice"].with_session(session).key
    s3 = service.client(worker)
    assert s3.get_object(Bucket="private", Key="k")["Body"].read() == b"x"
    assert refused(s3.put_object, Bucket="private", Key="k", Body=b"y") == "AccessDenied"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "private", "Key": "k"}, ExpiresIn=60)
    assert send("GET", url).body == b"x"
    narrow = people["alice"].boto("sts").assume_role(
        RoleArn=people["role"], RoleSessionName="narrow", Policy=policy(allow("s3:GetObject", "arn:aws:s3:::private/other"))
    )["Credentials"]
    narrow = service.client(people["alice"].with_session(narrow, "narrow").key)
    assert refused(narrow.get_object, Bucket="private", Key="k") == "AccessDenied"


def test_a_buckets_policy_lets_in_and_keeps_out(service, people):
    alice, reader = (service.client(people[name].key) for name in ("alice", "reader"))
    bob, eve = (service.client(people[name].key) for name in ("bob", "eve"))
    alice.create_bucket(Bucket="shared-1")
    get = {"Bucket": "shared-1", "Key": "k"}
    alice.put_object(**get, Body=b"shared")
    for stranger in (reader, bob, eve):
        assert refused(stranger.get_object, **get) == "AccessDenied"
        # Whether a bucket is there is not for everybody to know.
        assert refused(stranger.get_object, Bucket="no-such-bucket", Key="k") in ("AccessDenied", "NoSuchBucket")
    assert refused(alice.put_bucket_policy, Bucket="shared-1", Policy='{"Version": "2012-10-17"}') == "MalformedPolicy"
    arns = [f"arn:aws:iam::{HOME_ACCOUNT}:user/s3-reader", *(f"arn:aws:iam::{PARTNER_ACCOUNT}:user/s3-{name}" for name in ("bob", "eve"))]
    lets = {"Effect": "Allow", "Principal": {"AWS": arns}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shared-1/*"}
    alice.put_bucket_policy(Bucket="shared-1", Policy=policy(lets))
    assert json.loads(alice.get_bucket_policy(Bucket="shared-1")["Policy"])["Statement"] == [lets]
    for friend in (reader, bob):
        assert friend.get_object(**get)["Body"].read() == b"shared"
        assert refused(friend.put_object, **get, Body=b"y") == "AccessDenied"
    assert refused(eve.get_object, **get) == "AccessDenied", "her own account does not let her"
    denies = {"Effect": "Deny", "Principal": {"AWS": HOME_ACCOUNT}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shared-1/*"}
    alice.put_bucket_policy(Bucket="shared-1", Policy=policy(lets, denies))
    assert refused(alice.get_object, **get) == "AccessDenied"
    assert bob.get_object(**get)["Body"].read() == b"shared"
    alice.delete_bucket_policy(Bucket="shared-1")
    assert refused(bob.get_object, **get) == "AccessDenied"
    assert alice.get_object(**get)["Body"].read() == b"shared"


def test_what_is_taken_away_at_the_broker_is_gone_here_within_the_bound(service, people):
    root = people["files"].world.root
    name = f"s3-leaver-{service.process.pid}"
    leaver = make_user(root, name, allow("s3:GetObject"))
    s3 = service.client(leaver.key)
    get = {"Bucket": "private", "Key": "k"}
    service.client(people["alice"].key).put_object(**get, Body=b"x")
    assert s3.get_object(**get)["Body"].read() == b"x"
    root.boto("iam").update_access_key(UserName=name, AccessKeyId=leaver.key.id, Status="Inactive")

    def gone() -> bool:
        try:
            s3.get_object(**get)
        except ClientError as told:
            assert told.response["Error"]["Code"] == "InvalidAccessKeyId"
            return True
        return False

    # The broker's staleness bound is five seconds.
    until("the key to be refused", gone, 8)


def test_who_was_given_keys_is_on_record(service, people, embedded_world):
    records = [record for record in embedded_world.audit() if record["eventName"] == "DeriveKeys"]
    if "derived-keys" in str(service.log):
        given = [record["requestParameters"] for record in records if "errorCode" not in record or record["errorCode"] is None]
        assert any(one["principal"].endswith(":user/s3-alice") and one["accessKeyId"] == people["alice"].key.id for one in given)
        assert not any(PARTNER_ACCOUNT in one["principal"] for one in given)
    else:
        assert not records
    for secret in (people["alice"].key.secret, people["files"].key.secret):
        assert secret not in service.log.read_text() + service.out.read_text()


def opened(jwe: str, private) -> dict:
    """What is sealed in a JWE, opened by the letter of RFC 7518 section 4.6 and RFC 8037, with no code of the broker's."""

    def decode(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    protected, encrypted_key, nonce, content, tag = jwe.split(".")
    header = json.loads(decode(protected))
    assert (header["alg"], header["enc"], encrypted_key) == ("ECDH-ES", "A256GCM", "")
    epk = {name: decode(header["epk"][name]) for name in ("x", "y") if name in header["epk"]}
    if isinstance(private, x25519.X25519PrivateKey):
        shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(epk["x"]))
    else:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + epk["x"] + epk["y"])
        shared = private.exchange(ec.ECDH(), point)
    parties = [b"A256GCM", b"", decode(header["apv"])]
    info = b"".join(len(part).to_bytes(4, "big") + part for part in parties) + (256).to_bytes(4, "big")
    key = ConcatKDFHash(hashes.SHA256(), 32, info).derive(shared)
    return json.loads(AESGCM(key).decrypt(decode(nonce), decode(content) + decode(tag), protected.encode())) | {"header": header}


@pytest.mark.parametrize("curve", ["X25519", "P-256"])
def test_a_derived_key_is_what_the_secret_becomes_and_opens_with_other_libraries(people, curve):
    alice, files = people["alice"].key, people["files"]

    def encode(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    if curve == "X25519":
        private = x25519.X25519PrivateKey.generate()
        recipient = {"kty": "OKP", "crv": "X25519", "x": encode(private.public_key().public_bytes_raw())}
    else:
        private = ec.generate_private_key(ec.SECP256R1())
        numbers = private.public_key().public_numbers()
        recipient = {"kty": "EC", "crv": "P-256", "x": encode(numbers.x.to_bytes(32, "big")), "y": encode(numbers.y.to_bytes(32, "big"))}
    request = AWSRequest("GET", "http://files.example/b/k")
    botocore.auth.S3SigV4Auth(Credentials(alice.id, alice.secret), "s3", "eu-west-1").add_auth(request)
    headers = [["Host", "files.example"], *([name, value] for name, value in request.headers.items())]
    told = {"method": "GET", "path": "/b/k", "headers": headers}
    url, body = f"{files.endpoint}/keys/v1/derive", json.dumps({"service": "s3", "request": told, "recipient": recipient}).encode()
    answer = send("POST", url, body, signed_headers(url, body, files.key, service="brevet", content_type="application/json"))
    assert answer.status == 200, answer.body
    key = json.loads(answer.body)["key"]
    jwk = opened(key["jwe"], private)
    date, region, service, _ = key["scope"].split("/")
    expected = ("AWS4" + alice.secret).encode()
    for part in (date, region, service, "aws4_request"):
        expected = hmac.digest(expected, part.encode(), "sha256")
    assert (region, service, jwk["kid"], jwk["scope"]) == ("eu-west-1", "s3", alice.id, key["scope"])
    assert jwk["k"] == encode(expected)
    assert base64.urlsafe_b64decode(jwk["header"]["apv"] + "==").decode() == key["recipient"] == f"arn:aws:iam::{HOME_ACCOUNT}:user/s3-files"
