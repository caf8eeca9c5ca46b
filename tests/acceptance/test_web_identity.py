"""Roles taken on with tokens of an OpenID Connect provider that others have written, and with tokens in the shape of Kubernetes'."""

import json
import subprocess
import sys
import time
from pathlib import Path

import boto3
import jwt
import pytest
from actors import REGION, allow, policy
from botocore import UNSIGNED
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import rsa
from issuer import ALGORITHMS, AUDIENCE, FOLDER, HOST, Issuer
from jwt.algorithms import RSAAlgorithm
from machine import clean_environment
from world import HOME_ACCOUNT

ASSUME = "sts:AssumeRoleWithWebIdentity"
CLUSTER = "https://kubernetes.default.svc.cluster.local"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    yield issuer
    issuer.end()


def restart_with(world, settings: dict) -> None:
    others = {name: value for name, value in world.broker.environment.items() if "WEB_IDENTITY" not in name}
    world.broker.environment = others | settings
    world.restart()


def provider(iam, url: str, *clients: str, **more) -> str:
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=f"arn:aws:iam::{HOME_ACCOUNT}:oidc-provider/{url.removeprefix('https://')}")
    return iam.create_open_id_connect_provider(Url=url, ClientIDList=list(clients), **more)["OpenIDConnectProviderArn"]


def role(iam, name: str, provider: str, condition: dict, *actions: str, permissions: dict | None = None) -> str:
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": [ASSUME, *actions], "Condition": condition}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(statement))["Role"]["Arn"]
    if permissions:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(permissions))
    return arn


def anonymous_sts(world):
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 1})
    return boto3.client("sts", endpoint_url=world.endpoint, region_name=REGION, config=config)


def environment(world, role_arn: str, token_file: Path) -> dict[str, str]:
    """What a pod's programs are told: no key of any kind."""
    told = {"AWS_ROLE_ARN": role_arn, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file), "AWS_ROLE_SESSION_NAME": "pod"}
    return clean_environment(world.home("pod"), AWS_ENDPOINT_URL=world.endpoint, AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION, **told)


def run(*command, env) -> str:
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd=FOLDER)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def test_tokens_of_a_real_provider_become_sessions(world, issuer, tmp_path):
    restart_with(world, issuer.settings)
    iam = world.root.boto("iam")
    arn = provider(iam, issuer.url, AUDIENCE, "pipeline")
    condition = {"StringEquals": {f"{HOST}:aud": AUDIENCE, f"{HOST}:environment": "prod"}}
    ship = role(iam, "ship", arn, condition, "sts:TagSession", permissions=allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}}))
    sts = anonymous_sts(world)
    for algorithm in ALGORITHMS:
        token = issuer.access_token(algorithm)
        assert jwt.get_unverified_header(token)["alg"] == algorithm
        answer = sts.assume_role_with_web_identity(RoleArn=ship, RoleSessionName="build-7", WebIdentityToken=token)
        world.hunt.remember_all_in(answer["Credentials"], algorithm)
        assert (answer["Provider"], answer["Audience"], answer["SubjectFromWebIdentityToken"]) == (arn, AUDIENCE, "pipeline")
        assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{HOME_ACCOUNT}:assumed-role/ship/build-7"
        session = world.root.with_session(answer["Credentials"], algorithm)
        assert session.who() == answer["AssumedRoleUser"]["Arn"]
        session.boto("iam").list_users()

    # A person's ID token, from a login in a browser.
    token = issuer.id_token("ann-of-sales")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (jwt.get_unverified_header(token)["alg"], claims["aud"], claims["nonce"]) == ("PS256", AUDIENCE, "n-1")
    people = role(iam, "people", arn, {"StringEquals": {f"{HOST}:sub": "ann-of-sales", f"{HOST}:department": "sales"}})
    answer = sts.assume_role_with_web_identity(RoleArn=people, RoleSessionName="ann", WebIdentityToken=token)
    assert answer["SubjectFromWebIdentityToken"] == "ann-of-sales"
    with pytest.raises(sts.exceptions.ClientError) as refused:
        sts.assume_role_with_web_identity(RoleArn=ship, RoleSessionName="ann", WebIdentityToken=token)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"

    # The tools of a pod know the way themselves.
    file = tmp_path / "token"
    file.write_text(issuer.access_token("RS256"))
    told = environment(world, ship, file)
    expected = f"arn:aws:sts::{HOME_ACCOUNT}:assumed-role/ship/pod"
    assert json.loads(run("aws", "--output", "json", "sts", "get-caller-identity", env=told))["Arn"] == expected
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    assert run(sys.executable, "-c", program, env=told) == expected
    assert run(Path(sys.executable).parent / "node", "web_identity.mjs", env=told) == expected
    cli = ["aws", "--output", "json", "sts", "assume-role-with-web-identity", "--role-arn", ship, "--role-session-name", "cli"]
    bare = {name: value for name, value in told.items() if name not in ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")}
    answer = json.loads(run(*cli, "--web-identity-token", f"file://{file}", "--duration-seconds", "900", env=bare))
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{HOME_ACCOUNT}:assumed-role/ship/cli"

    records = [record for record in world.audit() if record["eventName"] == "AssumeRoleWithWebIdentity"]
    assert {record["userIdentity"]["type"] for record in records} == {"WebIdentityUser"}
    assert file.read_text() not in json.dumps(records)


def test_a_certificate_is_vouched_for_by_the_providers_thumbprint(world, issuer):
    restart_with(world, {"BREVET_WEB_IDENTITY_ADDRESSES": issuer.settings["BREVET_WEB_IDENTITY_ADDRESSES"]})
    iam, sts = world.root.boto("iam"), anonymous_sts(world)
    arn = provider(iam, issuer.url, AUDIENCE, "pipeline", ThumbprintList=["0" * 40])
    ship = role(iam, "pinned", arn, {}, "sts:TagSession")
    ask = {"RoleArn": ship, "RoleSessionName": "work", "WebIdentityToken": issuer.access_token("ES256")}
    with pytest.raises(sts.exceptions.InvalidIdentityTokenException, match="thumbprint"):
        sts.assume_role_with_web_identity(**ask)
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["0" * 40, issuer.thumbprint])
    sts.assume_role_with_web_identity(**ask)


def kubernetes_claims(namespace: str, account: str) -> dict:
    """What the API server writes into a projected token."""
    now = int(time.time())
    return {
        "aud": ["sts.example.test"],
        "exp": now + 3607,
        "iat": now,
        "iss": CLUSTER,
        "jti": "2c6e6f1f-3f1c-4b7e-9a55-0d5f3b3cf0a1",
        "kubernetes.io": {
            "namespace": namespace,
            "node": {"name": "node-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
            "pod": {"name": f"{account}-7d4f", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
            "serviceaccount": {"name": account, "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
            "warnafter": now + 3607,
        },
        "nbf": now,
        "sub": f"system:serviceaccount:{namespace}:{account}",
    }


def test_service_accounts_of_a_cluster_that_cannot_be_asked(world, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "cluster-1", "use": "sig", "alg": "RS256"}
    keys = tmp_path / "cluster.json"
    keys.write_text(json.dumps({"keys": [jwk]}))
    restart_with(world, {"BREVET_WEB_IDENTITY_KEY_FILES": f"{CLUSTER} {keys}"})
    iam, sts = world.root.boto("iam"), anonymous_sts(world)
    cluster = CLUSTER.removeprefix("https://")
    arn = provider(iam, CLUSTER, "sts.example.test")
    condition = {"StringEquals": {f"{cluster}:kubernetes.io/namespace": "shop", f"{cluster}:kubernetes.io/serviceaccount/name": "till"}}
    till = role(iam, "till", arn, condition)

    def token(claims, key=key, kid="cluster-1", algorithm="RS256"):
        # The API server writes no typ.
        return jwt.encode(claims, key, algorithm, {"kid": kid, "typ": None})

    def ask(token):
        return sts.assume_role_with_web_identity(RoleArn=till, RoleSessionName="till", WebIdentityToken=token)

    claims = kubernetes_claims("shop", "till")
    assert ask(token(claims))["SubjectFromWebIdentityToken"] == "system:serviceaccount:shop:till"
    for other in [kubernetes_claims("bank", "till"), kubernetes_claims("shop", "thief")]:
        with pytest.raises(sts.exceptions.ClientError, match="AccessDenied"):
            ask(token(other))
    with pytest.raises(sts.exceptions.ExpiredTokenException):
        ask(token(claims | {"exp": int(time.time()) - 301}))
    with pytest.raises(sts.exceptions.IDPRejectedClaimException, match="nbf"):
        ask(token(claims | {"nbf": int(time.time()) + 400}))
    with pytest.raises(sts.exceptions.InvalidIdentityTokenException, match="audience"):
        ask(token(claims | {"aud": [CLUSTER]}))
    with pytest.raises(sts.exceptions.InvalidIdentityTokenException, match="kid"):
        ask(token(claims, kid="cluster-2"))
    stranger = rsa.generate_private_key(65537, 2048)
    with pytest.raises(sts.exceptions.InvalidIdentityTokenException, match="signature"):
        ask(token(claims, stranger))
    # The public key as the secret of a symmetric algorithm.
    forged = jwt.encode(claims, jwk["n"], "HS256", {"kid": "cluster-1"})
    with pytest.raises(sts.exceptions.InvalidIdentityTokenException, match="alg"):
        ask(forged)
    with pytest.raises(sts.exceptions.IDPCommunicationErrorException, match="allow_networks"):
        inside = provider(iam, "https://localhost", "sts.example.test")
        sts.assume_role_with_web_identity(
            RoleArn=role(iam, "inside", inside, {}), RoleSessionName="inside", WebIdentityToken=token(claims | {"iss": "https://localhost"})
        )


def test_files_that_cannot_be_used_are_told_at_the_start(world, tmp_path):
    broken = tmp_path / "keys.json"
    broken.write_text("{}")
    for setting, value in [("KEY_FILES", f"{CLUSTER} {broken}"), ("AUTHORITIES", f"{HOST} {broken}"), ("ADDRESSES", "nonsense")]:
        done = world.broker.run("serve", *world.broker.on_store, "--listen", "127.0.0.1:0", check=False, **{f"BREVET_WEB_IDENTITY_{setting}": value})
        assert done.returncode != 0 and f"web_identity.{setting.lower()}" in done.stderr, done.stderr
