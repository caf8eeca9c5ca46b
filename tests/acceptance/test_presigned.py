"""`GetCallerIdentity` signed by one program and sent by another: how Vault and Kubernetes let people in by their AWS identity.

The requests are made with botocore's signer in the form in which Vault's `aws` auth method and aws-iam-authenticator make, check
and send them; what those read in the answer is read here.
"""

import base64
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import botocore.auth
import botocore.session
import pytest
from actors import Actor, allow, policy, trust
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from signing import Answer, Key, send
from world import HOME_ACCOUNT

STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"
SERVER_ID = "vault.example.com"


@pytest.fixture(scope="module")
def people(embedded_world) -> dict[str, Actor]:
    """Everybody who may sign: a user, the user's session, a role's session, a federated user."""
    root = embedded_world.root
    iam = root.boto("iam")
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(allow("sts:GetFederationToken")))
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = Actor(embedded_world, "ann", Key(made["AccessKeyId"], made["SecretAccessKey"]))
    iam.create_role(RoleName="node", AssumeRolePolicyDocument=trust({"AWS": arn}))
    sts = ann.boto("sts")
    role = sts.assume_role(RoleArn=f"arn:aws:iam::{HOME_ACCOUNT}:role/node", RoleSessionName="i-1")["Credentials"]
    return {
        f"arn:aws:iam::{HOME_ACCOUNT}:user/ann": ann,
        f"arn:aws:iam::{HOME_ACCOUNT}:user/ann ": ann.with_session(sts.get_session_token()["Credentials"]),
        f"arn:aws:sts::{HOME_ACCOUNT}:assumed-role/node/i-1": ann.with_session(role, "role"),
        f"arn:aws:sts::{HOME_ACCOUNT}:federated-user/Bob": ann.with_session(sts.get_federation_token(Name="Bob")["Credentials"], "bob"),
    }


def credentials(actor: Actor) -> Credentials:
    return Credentials(actor.key.id, actor.key.secret, actor.key.token)


# Vault: `vault login -method=aws` signs a POST and hands on method, URL, headers and body; the server sends them to STS.

BODY = b"Action=GetCallerIdentity&Version=2011-06-15"


def vault_login(actor: Actor, server_id: str = SERVER_ID, extra: dict | None = None, service: str = "sts") -> dict:
    """What the client hands to Vault's `auth/aws/login`."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "X-Vault-AWS-IAM-Server-ID": server_id}
    request = AWSRequest("POST", actor.endpoint + "/", headers=headers | (extra or {}), data=BODY)
    SigV4Auth(credentials(actor), service, "us-east-1").add_auth(request)
    signed = {name: [value] for name, value in request.headers.items()}
    return {
        "iam_http_request_method": "POST",
        "iam_request_url": base64.b64encode(request.url.encode()).decode(),
        "iam_request_body": base64.b64encode(BODY).decode(),
        "iam_request_headers": base64.b64encode(json.dumps(signed).encode()).decode(),
    }


def vault_server(login: dict, endpoint: str, server_id: str = SERVER_ID) -> Answer:
    """What the server makes of it: the identity's header must be there and signed; then the request goes to its own STS endpoint."""
    headers = {name: ",".join(values) for name, values in json.loads(base64.b64decode(login["iam_request_headers"])).items()}
    by_name = {name.lower(): value for name, value in headers.items()}
    assert by_name["x-vault-aws-iam-server-id"] == server_id
    assert "x-vault-aws-iam-server-id" in by_name["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers["Host"] = urlsplit(endpoint).netloc
    return send(login["iam_http_request_method"], endpoint + "/", base64.b64decode(login["iam_request_body"]), headers)


def identity_in_xml(answer: Answer) -> dict[str, str]:
    assert answer.status == 200, answer.body
    document = ElementTree.fromstring(answer.body)
    assert document.tag == f"{STS}GetCallerIdentityResponse"
    result = document.find(f"{STS}GetCallerIdentityResult")
    return {name: result.find(STS + name).text for name in ("Arn", "UserId", "Account")}


def test_vault_learns_who_signed(people):
    for arn, actor in people.items():
        found = identity_in_xml(vault_server(vault_login(actor), actor.endpoint))
        assert (found["Arn"], found["Account"]) == (arn.strip(), HOME_ACCOUNT)
        assert found["UserId"] == actor.boto("sts").get_caller_identity()["UserId"]


def test_vault_with_the_headers_that_the_go_sdk_signs(people):
    """It signs the length too, and sends `User-Agent` unsigned."""
    for actor in people.values():
        login = vault_login(actor, extra={"Content-Length": str(len(BODY))})
        signed = base64.b64decode(login["iam_request_headers"]).decode()
        assert "content-length;content-type;host" in signed
        assert identity_in_xml(vault_server(login, actor.endpoint))["Account"] == HOME_ACCOUNT


def changed(login: dict, **headers) -> dict:
    signed = json.loads(base64.b64decode(login["iam_request_headers"]))
    names = {name.lower().replace("-", "_"): name for name in signed}
    for name, value in headers.items():
        signed.pop(names[name])
        if value is not None:
            signed[names[name]] = [value]
    return login | {"iam_request_headers": base64.b64encode(json.dumps(signed).encode()).decode()}


def code(answer: Answer) -> str:
    return f"{answer.status} {answer.code}"


def test_a_request_for_one_vault_is_none_for_another(people):
    actor = next(iter(people.values()))
    stolen = changed(vault_login(actor, "other.example.com"), x_vault_aws_iam_server_id=SERVER_ID)
    assert code(vault_server(stolen, actor.endpoint)) == "403 SignatureDoesNotMatch"
    without = changed(vault_login(actor), x_vault_aws_iam_server_id=None)
    headers = {name: values[0] for name, values in json.loads(base64.b64decode(without["iam_request_headers"])).items()}
    answer = send("POST", actor.endpoint + "/", BODY, headers)
    assert answer.status == 403 and answer.code in {"SignatureDoesNotMatch", "IncompleteSignature"}, answer.body


def test_a_replayed_request_says_no_more_than_who_signed(people):
    actor = next(iter(people.values()))
    login = vault_login(actor)
    for _ in range(2):
        identity_in_xml(vault_server(login, actor.endpoint))
    for body in (b"Action=GetSessionToken&Version=2011-06-15", BODY + b"&X=1"):
        other = login | {"iam_request_body": base64.b64encode(body).decode()}
        assert code(vault_server(other, actor.endpoint)) == "403 SignatureDoesNotMatch"
    assert vault_server(vault_login(actor, service="iam"), actor.endpoint).status == 403, "signed for another service"


def test_a_request_of_half_an_hour_ago_is_refused(people, monkeypatch):
    actor = next(iter(people.values()))
    at_another_time(monkeypatch, -30)
    answer = vault_server(vault_login(actor), actor.endpoint)
    assert answer.status in (400, 403) and answer.code in {"SignatureDoesNotMatch", "RequestExpired"}


def at_another_time(monkeypatch, minutes: int) -> None:
    """botocore signs as if it were so many minutes later."""
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *a, **k: now(*a, **k) + timedelta(minutes=minutes))


# Kubernetes: aws-iam-authenticator presigns a GET for a minute, with the cluster in a signed header, and calls it a token.

PREFIX = "k8s-aws-v1."
CLUSTER = "x-k8s-aws-id"


def token(actor: Actor, cluster: str = "prod", expires: int = 60) -> str:
    url = f"{actor.endpoint}/?Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest("GET", url, headers={CLUSTER: cluster})
    SigV4QueryAuth(credentials(actor), "sts", "us-east-1", expires=expires).add_auth(request)
    return PREFIX + base64.urlsafe_b64encode(request.url.encode()).rstrip(b"=").decode()


# The parameters that the authenticator's server lets through.
ALLOWED = {"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-security-token"}
ALLOWED |= {"x-amz-signature", "x-amz-signedheaders"}


def kubernetes(token: str, endpoint: str, cluster: str = "prod") -> Answer:
    """The server: only this host, path and action, with the cluster's name among the signed headers."""
    assert token.startswith(PREFIX)
    encoded = token.removeprefix(PREFIX)
    url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    parts = urlsplit(url)
    query = {name.lower(): values for name, values in parse_qs(parts.query, strict_parsing=True).items()}
    assert parts.netloc == urlsplit(endpoint).netloc and parts.path == "/" and set(query) <= ALLOWED
    assert all(len(values) == 1 for values in query.values()) and query["action"] == ["GetCallerIdentity"]
    assert sorted(query["x-amz-signedheaders"][0].split(";")) == ["host", CLUSTER]
    return send("GET", url, headers={CLUSTER: cluster, "accept": "application/json"})


def test_kubernetes_learns_who_signed(people):
    """The answer is read as JSON, as the authenticator asks for it."""
    for arn, actor in people.items():
        answer = kubernetes(token(actor), actor.endpoint)
        assert answer.status == 200, answer.body
        assert answer.headers["content-type"] == "application/json"
        document = json.loads(answer.body)["GetCallerIdentityResponse"]
        result = document["GetCallerIdentityResult"]
        assert (result["Arn"], result["Account"]) == (arn.strip(), HOME_ACCOUNT)
        assert result["UserId"] == actor.boto("sts").get_caller_identity()["UserId"]
        assert document["ResponseMetadata"]["RequestId"] == answer.headers["x-amzn-requestid"]


def test_a_token_for_one_cluster_is_none_for_another(people):
    actor = next(iter(people.values()))
    answer = kubernetes(token(actor, "staging"), actor.endpoint)
    assert answer.status == 403
    error = json.loads(answer.body)
    assert error["Error"]["Code"] == "SignatureDoesNotMatch" and error["Error"]["Type"] == "Sender" and error["RequestId"]


def test_a_token_ends_after_its_minute(people, monkeypatch):
    actor = next(iter(people.values()))
    at_another_time(monkeypatch, -2)
    assert kubernetes(token(actor), actor.endpoint).status in (400, 403)
    assert kubernetes(token(actor, expires=900), actor.endpoint).status == 200


def test_what_eks_get_token_prints(people):
    """The AWS CLI has the same in it: `aws eks get-token`."""
    from awscli.customizations.eks.get_token import STSClientFactory, TokenGenerator

    for arn, actor in people.items():
        session = botocore.session.get_session()
        session.set_credentials(actor.key.id, actor.key.secret, actor.key.token)
        session.set_config_variable("region", "us-east-1")
        sts = session.create_client("sts", endpoint_url=actor.endpoint, region_name="us-east-1")
        STSClientFactory(session)._register_k8s_aws_id_handlers(sts)
        answer = kubernetes(TokenGenerator(sts).get_token("prod"), actor.endpoint)
        assert json.loads(answer.body)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Arn"] == arn.strip()
