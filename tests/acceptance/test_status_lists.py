"""Token Status Lists, read as a verifier reads them that knows nothing of brevet: PyJWT, zlib, and the draft."""

import base64
import json
import time
import zlib

import jwt
import pytest
from actors import Actor, allow, policy, trust
from machine import until
from signing import Key, send, signed_headers
from world import HOME_ACCOUNT

AUDIENCE = "api.example.com"


@pytest.fixture(scope="module")
def issuer(world) -> str:
    return world.root.aws("iam", "enable-outbound-web-identity-federation")["IssuerIdentifier"]


@pytest.fixture(scope="module")
def alice(world, issuer) -> Actor:
    root = world.root
    root.aws("iam", "create-user", "--user-name", "alice")
    document = policy(allow(["sts:GetWebIdentityToken", "sts:AssumeRole"]))
    root.aws("iam", "put-user-policy", "--user-name", "alice", "--policy-name", "own", "--policy-document", document)
    key = root.aws("iam", "create-access-key", "--user-name", "alice")["AccessKey"]
    return Actor(world, "alice", Key(key["AccessKeyId"], key["SecretAccessKey"]))


@pytest.fixture(scope="module")
def role(world, alice) -> str:
    document = trust({"AWS": HOME_ACCOUNT})
    made = world.root.aws("iam", "create-role", "--role-name", "worker", "--assume-role-policy-document", document)
    own = policy(allow(["sts:GetWebIdentityToken", "sts:AssumeRole"]))
    world.root.aws("iam", "put-role-policy", "--role-name", "worker", "--policy-name", "own", "--policy-document", own)
    return made["Role"]["Arn"]


def assume(actor, role):
    assumed = actor.aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "work")
    return actor.with_session(assumed["Credentials"], "work")


def login(actor):
    return actor.with_session(actor.aws("sts", "get-session-token")["Credentials"])


def token(actor, algorithm="ES384") -> str:
    asked = ["--audience", AUDIENCE, "--signing-algorithm", algorithm, "--duration-seconds", "600"]
    return actor.aws("sts", "get-web-identity-token", *asked)["WebIdentityToken"]


def verified(text: str, issuer: str, **checks) -> dict:
    key = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json").get_signing_key_from_jwt(text)
    return jwt.decode(text, key, algorithms=[jwt.get_unverified_header(text)["alg"]], issuer=issuer, **checks)


def is_valid(text: str, issuer: str, at=None) -> bool:
    """The rules of "Referenced Token" and "Validation Rules": whoever cannot follow one of them refuses."""
    entry = verified(text, issuer, audience=AUDIENCE)["status"]["status_list"]
    answer = send("GET", at(entry["uri"]) if at else entry["uri"], headers={"accept": "application/statuslist+jwt"})
    assert answer.status == 200 and answer.headers["content-type"] == "application/statuslist+jwt"
    assert answer.headers["cache-control"] == "public, max-age=60"
    listed = answer.body.decode()
    header = jwt.get_unverified_header(listed)
    assert header["typ"] == "statuslist+jwt" and header["alg"] == jwt.get_unverified_header(text)["alg"]
    claims = verified(listed, issuer, options={"require": ["sub", "iat", "exp"]})
    assert claims["sub"] == entry["uri"] and claims["iat"] <= time.time() + 1 and claims["ttl"] == 60
    bits, packed = claims["status_list"]["bits"], claims["status_list"]["lst"]
    assert bits == 1
    octets = zlib.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    assert 0 <= entry["idx"] < len(octets) * 8
    return octets[entry["idx"] // 8] >> (entry["idx"] % 8) & 1 == 0


def revoke(actor, **what):
    url, body = f"{actor.endpoint}/sessions/v1/revoke", json.dumps(what).encode()
    answer = send("POST", url, body, signed_headers(url, body, actor.key, service="brevet", content_type="application/json"))
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("algorithm", ["ES384", "ES256", "EdDSA"])
def test_a_token_is_valid_until_its_session_is_revoked(world, issuer, alice, role, algorithm):
    session, other = assume(alice, role), assume(alice, role)
    first, second, theirs = token(session, algorithm), token(session, algorithm), token(other, algorithm)
    assert all(is_valid(text, issuer) for text in (first, second, theirs))
    revoke(world.root, accessKeyId=session.key.id)
    assert [is_valid(text, issuer) for text in (first, second, theirs)] == [False, False, True]


def test_what_descends_from_a_login_is_told_too(world, issuer, alice, role):
    begun = login(alice)
    chained = token(assume(assume(begun, role), role))
    by_key, spared = token(alice), token(assume(alice, role))
    revoke(world.root, accessKeyId=begun.key.id, descendants=True)
    assert [is_valid(text, issuer) for text in (chained, by_key, spared)] == [False, True, True]
    revoke(world.root, accessKeyId=alice.key.id)
    assert [is_valid(text, issuer) for text in (by_key, spared)] == [False, False]
    assert is_valid(token(alice), issuer), "what the key has made since lives"


def test_all_of_a_role_until_now_are_told_by_every_broker(world, issuer, alice, role):
    other = world.another_broker()
    old = token(assume(alice, role))
    at_other = lambda uri: uri.replace(world.endpoint, other.url)
    assert is_valid(old, issuer) and is_valid(old, issuer, at=at_other)
    revoke(world.root, principal=role)
    assert not is_valid(old, issuer)
    until("the other broker has heard of it", lambda: not is_valid(old, issuer, at=at_other))
    assert is_valid(token(assume(alice, role)), issuer)


def test_nobody_hears_of_lists_that_no_token_has_named(world, issuer, alice, role):
    uri = jwt.decode(token(assume(alice, role)), options={"verify_signature": False})["status"]["status_list"]["uri"]
    assert send("GET", uri).status == 200
    place, _, name = uri.rpartition("/")
    sealed = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))
    assert b"ASIA" not in sealed and b"AROA" not in sealed, "whom the token is for does not learn whose sessions it descends from"
    for forged in [
        f"{uri}A",
        uri[:-1],
        f"{place}/{name[:40]}{'B' if name[40] == 'A' else 'A'}{name[41:]}",
        f"{place}/{base64.urlsafe_b64encode(b'ES384/ASIAIOSFODNN7EXAMPLE/AROA1/1795488101').decode()}",
        uri.replace(HOME_ACCOUNT, "222222222222"),
        uri.replace(HOME_ACCOUNT, "home"),
        f"{place}/",
        f"{place}/{'A' * 5000}",
    ]:
        assert send("GET", forged).status == 404, forged
    assert send("GET", f"{uri}?time=1686925000").status == 501
    assert send("GET", uri, headers={"accept": "application/statuslist+cwt"}).status == 406
    assert send("POST", uri).status == 405
