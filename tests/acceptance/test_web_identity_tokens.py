"""Web identity tokens and signing keys: asked for by the AWS CLI and boto3, verified by PyJWT, which knows nothing of brevet."""

import os

import jwt
import pytest
from actors import Actor, allow, policy, trust
from certificates import pem
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from machine import until
from signing import Key
from world import HOME_ACCOUNT, Broker

# The AWS CLI of version 1 would fetch what begins like a URL.
AUDIENCE = "api.example.com"


@pytest.fixture(scope="module")
def issuer(world) -> str:
    """The issuer of the home account, whose principals may have tokens."""
    root = world.root
    with pytest.raises(root.boto("sts").exceptions.OutboundWebIdentityFederationDisabledException):
        root.boto("sts").get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")
    issuer = root.aws("iam", "enable-outbound-web-identity-federation")["IssuerIdentifier"]
    assert issuer == f"{world.endpoint}/outbound/{HOME_ACCOUNT}"
    assert root.boto("iam").get_outbound_web_identity_federation_info()["IssuerIdentifier"] == issuer
    return issuer


@pytest.fixture(scope="module")
def alice(world, issuer) -> Actor:
    root = world.root
    root.aws("iam", "create-user", "--user-name", "alice", "--tags", "Key=team,Value=blue")
    document = policy(allow(["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"]))
    root.aws("iam", "put-user-policy", "--user-name", "alice", "--policy-name", "own", "--policy-document", document)
    key = root.aws("iam", "create-access-key", "--user-name", "alice")["AccessKey"]
    return Actor(world, "alice", Key(key["AccessKeyId"], key["SecretAccessKey"]))


def verified(world, issuer: str, token: str, audience: str = AUDIENCE) -> dict:
    """What a service does that trusts the issuer: discovery, key set, signature, claims."""
    discovered = world.broker.json(issuer.removeprefix(world.endpoint) + "/.well-known/openid-configuration")
    assert discovered["issuer"] == issuer
    assert {"jwks_uri", "response_types_supported", "subject_types_supported"} <= set(discovered)
    key = jwt.PyJWKClient(discovered["jwks_uri"]).get_signing_key_from_jwt(token)
    required = ["iss", "sub", "aud", "iat", "exp", "jti"]
    algorithms = discovered["id_token_signing_alg_values_supported"]
    return jwt.decode(token, key, algorithms=algorithms, audience=audience, issuer=issuer, options={"require": required})


def asked(actor: Actor, algorithm: str, *more: str) -> dict:
    return actor.aws("sts", "get-web-identity-token", "--audience", AUDIENCE, "--signing-algorithm", algorithm, *more)


@pytest.mark.parametrize("algorithm", ["ES384", "ES256", "EdDSA"])
def test_an_independent_library_verifies_the_token_by_discovery(world, issuer, alice, algorithm):
    answer = asked(alice, algorithm, "--duration-seconds", "600", "--tags", "Key=job,Value=nightly")
    token = answer["WebIdentityToken"]
    assert jwt.get_unverified_header(token)["typ"] == "JWT" and jwt.get_unverified_header(token)["alg"] == algorithm
    claims = verified(world, issuer, token)
    assert claims["sub"] == f"arn:aws:iam::{HOME_ACCOUNT}:user/alice" and claims["exp"] - claims["iat"] == 600
    ours = claims["https://sts.amazonaws.com/"]
    assert ours["principal_tags"] == {"team": "blue"} and ours["request_tags"] == {"job": "nightly"}
    assert ours["aws_account"] == HOME_ACCOUNT and ours["source_region"] == "us-east-1"
    with pytest.raises(jwt.InvalidAudienceError):
        verified(world, issuer, token, "https://elsewhere.example")
    with pytest.raises(jwt.InvalidIssuerError):
        key = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json").get_signing_key_from_jwt(token)
        jwt.decode(token, key, algorithms=[algorithm], audience=AUDIENCE, issuer=issuer.replace("1", "2"))
    # A session of the same user is none of these tokens: there is no key for it.
    session = alice.boto("sts").get_session_token()["Credentials"]
    world.hunt.remember_all_in(session, "a session of alice")
    with pytest.raises(jwt.PyJWKClientError):
        jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json").get_signing_key_from_jwt(session["SessionToken"])


def test_errors_arrive_as_the_classes_that_the_model_declares(world, alice):
    sts = alice.boto("sts")
    with pytest.raises(sts.exceptions.JWTPayloadSizeExceededException):
        tags = [{"Key": f"key-{number}", "Value": "é" * 256} for number in range(50)]
        sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384", Tags=tags)
    iam, trusted = world.root.boto("iam"), trust({"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:user/alice"})
    role = iam.create_role(RoleName="brief", AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    iam.put_role_policy(RoleName="brief", PolicyName="own", PolicyDocument=policy(allow("sts:GetWebIdentityToken")))
    given = sts.assume_role(RoleArn=role, RoleSessionName="run", DurationSeconds=900)["Credentials"]
    world.hunt.remember_all_in(given, "a brief session")
    session = alice.with_session(given)
    with pytest.raises(sts.exceptions.SessionDurationEscalationException):
        session.boto("sts").get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384", DurationSeconds=3600)
    with pytest.raises(sts.exceptions.ClientError) as refused:
        sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="RS256")
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert "sessions.rsa_keys" in refused.value.response["Error"]["Message"]
    assert alice.refused("sts", "get-web-identity-token", "--audience", AUDIENCE, "--signing-algorithm", "HS256").code == "ValidationError"


# RS256, with keys of the operator's


def rsa_file(world, name: str, bits: int = 2048, mode: int = 0o600, form=serialization.PrivateFormat.PKCS8) -> str:
    key = rsa.generate_private_key(65537, bits)
    path = world.folder / f"{name}.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    path.chmod(mode)
    return str(path)


def restarted_with(world, *files: str) -> None:
    world.broker.environment["BREVET_SESSIONS_RSA_KEYS"] = ",".join(files)
    world.restart()


def test_rs256_is_signed_with_the_operators_key_which_changes_without_a_gap(world, issuer, alice):
    old, new = rsa_file(world, "old"), rsa_file(world, "new", 3072, 0o640, serialization.PrivateFormat.TraditionalOpenSSL)
    jwks = f"{issuer.removeprefix(world.endpoint)}/.well-known/jwks.json"

    def published() -> list[str]:
        keys = world.broker.json(jwks)["keys"]
        assert not any({"d", "p", "q"} & set(key) for key in keys)
        return [key["kid"] for key in keys if key["alg"] == "RS256"]

    assert published() == []
    restarted_with(world, old)
    first = asked(alice, "RS256")["WebIdentityToken"]
    assert verified(world, issuer, first)["sub"].endswith(":user/alice")
    # The new key is shown before it signs, the old one after it has.
    restarted_with(world, old, new)
    assert len(published()) == 2 and published()[0] == jwt.get_unverified_header(first)["kid"]
    assert jwt.get_unverified_header(asked(alice, "RS256")["WebIdentityToken"])["kid"] == published()[0]
    restarted_with(world, new, old)
    second = asked(alice, "RS256")["WebIdentityToken"]
    assert jwt.get_unverified_header(second)["kid"] == published()[0] != jwt.get_unverified_header(first)["kid"]
    for token in (first, second):
        verified(world, issuer, token)
    restarted_with(world, new)
    verified(world, issuer, second)
    with pytest.raises(jwt.PyJWKClientError):
        verified(world, issuer, first)
    listed = world.broker.run("keys", "list", *world.broker.on_store, BREVET_SESSIONS_RSA_KEYS=new).stdout
    assert f"{published()[0]}  web-identity  RS256  signs (sessions.rsa_keys)" in listed.splitlines()
    refused = world.broker.run("keys", "remove", published()[0], *world.broker.on_store, check=False, BREVET_SESSIONS_RSA_KEYS=new)
    assert refused.returncode != 0 and "sessions.rsa_keys" in refused.stderr
    # The other algorithms do not need it.
    verified(world, issuer, asked(alice, "ES384")["WebIdentityToken"])


def test_a_key_that_cannot_be_used_stops_the_start_and_says_why(world):
    good = rsa_file(world, "good")
    text = world.folder / "text.pem"
    text.write_text("no key")
    text.chmod(0o600)
    elliptic = world.folder / "elliptic.pem"
    elliptic.write_text(pem(ec.generate_private_key(ec.SECP256R1())))
    elliptic.chmod(0o600)
    pipe = world.folder / "pipe"
    os.mkfifo(pipe, 0o600)
    wrong = {
        str(world.folder / "absent.pem"): "No such file",
        rsa_file(world, "open", mode=0o644): "may be read by everybody",
        rsa_file(world, "short", 1024): "it is not an RSA key of 2,048 to 4,096 bits",
        str(elliptic): "it is not an RSA key",
        str(text): "it is not one unencrypted private key",
        str(pipe): "not a file",
        f"{good},{good}": "listed twice",
    }
    for files, why in wrong.items():
        other = Broker(world.folder, world.store, command="serve", name="refused", environment={"BREVET_SESSIONS_RSA_KEYS": files})
        process = other.launch()
        assert process.wait(20) != 0, files
        said = other.log.read_text()
        assert "sessions.rsa_keys" in said and why in said, f"{files}: {said}"
        other.log.unlink()


# Keys on the command line


def test_a_leaked_key_is_removed_beside_the_running_broker(world, alice):
    broker = world.broker
    session = alice.with_session(alice.boto("sts").get_session_token()["Credentials"])
    world.hunt.remember("a session's secret", session.key.secret)
    assert session.who().endswith(":user/alice")
    bad = jwt.get_unverified_header(session.key.token)["kid"]
    lines = broker.run("keys", "list", *broker.on_store).stdout.splitlines()
    assert f"{bad}  sessions      ES256  signs" in lines
    next_kid = next(line.split()[0] for line in lines if " sessions " in line and "signs from" in line)
    assert sum(" web-identity " in line for line in lines) == 6, "three algorithms, each with a key and the next"

    done = broker.run("keys", "remove", bad, *broker.on_store)
    assert f"{bad} is removed: every session that it signed ends" in done.stderr
    assert f"{next_kid}  sessions      ES256  signs" in done.stdout.splitlines() and bad not in done.stdout

    def refused():
        answer = session.run_aws("sts", "get-caller-identity")
        return "InvalidClientTokenId" in answer.stderr

    until("the session to end", refused)
    fresh = alice.boto("sts").get_session_token()["Credentials"]
    world.hunt.remember_all_in(fresh, "a session of alice")
    assert jwt.get_unverified_header(fresh["SessionToken"])["kid"] == next_kid
    records = [event for event in world.audit() if event["eventName"] == "RemoveSigningKey"]
    assert [event["requestParameters"] for event in records] == [{"keyId": bad}]
    # What is no key is not removed, not recorded, and never taken for an option: thumbprints may begin with hyphens.
    for kid in (bad, "-habc", "--help-me", "-", "x" * 5000):
        done = broker.run("keys", "remove", kid, *broker.on_store, check=False)
        assert done.returncode != 0 and "there is no signing key" in done.stderr, f"{kid:.20}: {done.stdout} {done.stderr}"
    assert len([event for event in world.audit() if event["eventName"] == "RemoveSigningKey"]) == 1


def test_the_age_of_the_keys_is_measured(world):
    metrics = world.broker.get("/metrics").body.decode()
    for labels in ('use="sessions",algorithm="ES256"', 'use="web-identity",algorithm="ES384"'):
        assert f"brevet_signing_key_age_seconds{{{labels}}}" in metrics, metrics


def test_an_assumed_role_proves_the_role(world, issuer, alice):
    root = world.root
    document = trust({"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:user/alice"})
    root.aws("iam", "create-role", "--role-name", "deploy", "--path", "/ci/", "--assume-role-policy-document", document)
    root.boto("iam").put_role_policy(RoleName="deploy", PolicyName="own", PolicyDocument=policy(allow("sts:GetWebIdentityToken")))
    role = f"arn:aws:iam::{HOME_ACCOUNT}:role/ci/deploy"
    root.boto("iam").put_user_policy(UserName="alice", PolicyName="more", PolicyDocument=policy(allow("sts:AssumeRole", role)))
    given = alice.boto("sts").assume_role(RoleArn=role, RoleSessionName="run")["Credentials"]
    world.hunt.remember_all_in(given, "a session of the role")
    session = alice.with_session(given)
    claims = verified(world, issuer, asked(session, "ES384")["WebIdentityToken"])
    assert claims["sub"] == role
    assert claims["https://sts.amazonaws.com/"]["original_session_exp"].endswith("Z")
