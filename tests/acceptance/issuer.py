"""An OpenID Connect provider that others have written, and what it takes to run one: keys, a certificate, a process."""

import base64
import datetime
import hashlib
import http.client
import ipaddress
import json
import re
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from certificates import PEM, name, pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

FOLDER = Path(__file__).parent / "javascript"
HOST = "login.example.test"
AUDIENCE = "sts.example.test"
SECRET = "a-secret-of-the-test-alone"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]


def authority():
    """A certificate authority: certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(name("test authority"), name("test authority"), key.public_key(), x509.random_serial_number(), now - day, now + day)
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256()), key


def server_certificate(host: str, issuer, issuer_key):
    """A server's certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(
        issuer.subject, name(host), key.public_key(), x509.random_serial_number(), issuer.not_valid_before_utc, issuer.not_valid_after_utc
    )
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return builder.sign(issuer_key, hashes.SHA256()), key


def private_jwks() -> list[dict]:
    """One key for each kind of algorithm, with its private half."""
    keys = {
        "rsa": (RSAAlgorithm, rsa.generate_private_key(65537, 2048)),
        "p-256": (ECAlgorithm, ec.generate_private_key(ec.SECP256R1())),
        "p-384": (ECAlgorithm, ec.generate_private_key(ec.SECP384R1())),
        "ed25519": (OKPAlgorithm, ed25519.Ed25519PrivateKey.generate()),
    }
    jwks = []
    for kid, (algorithm, key) in keys.items():
        jwk = algorithm.to_jwk(key, as_dict=True)
        jwk.pop("key_ops", None)
        jwks.append(jwk | {"kid": kid, "use": "sig"})
    return jwks


class Issuer:
    """`oidc-provider` for node, serving HTTPS on a port of this machine."""

    url = f"https://{HOST}"

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        ca, ca_key = authority()
        certificate, key = server_certificate(HOST, ca, ca_key)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(ca.public_bytes(PEM))
        self.thumbprint = ca.fingerprint(hashes.SHA1()).hex()
        given = {
            "issuer": self.url,
            "audience": AUDIENCE,
            "secret": SECRET,
            "keys": private_jwks(),
            "tls_certificate": (certificate.public_bytes(PEM) + ca.public_bytes(PEM)).decode(),
            "tls_key": pem(key),
        }
        (folder / "given.json").write_text(json.dumps(given))
        node = Path(sys.executable).parent / "node"
        assert node.exists() and (FOLDER / "node_modules/oidc-provider").is_dir(), "tests/run prepare installs node and oidc-provider"
        self.log = (folder / "issuer.err").open("wb")
        self.process = subprocess.Popen(
            [node, "issuer.mjs", folder / "given.json"], cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.port = int(self.process.stdout.readline())
        self.cookies = {}

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()
        self.log.close()

    @property
    def settings(self) -> dict[str, str]:
        """What tells a broker where it is and who vouches for its certificate."""
        return {
            "BREVET_WEB_IDENTITY_ADDRESSES": f"{HOST} 127.0.0.1:{self.port}",
            "BREVET_WEB_IDENTITY_AUTHORITIES": f"{HOST} {self.ca_file}",
        }

    def request(self, method: str, path: str, form: dict | None = None, client: str | None = None):
        """Status, headers and body of one request, with the cookies of those before."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=ssl.create_default_context(cafile=str(self.ca_file)), timeout=20)
        headers = {"Host": HOST}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        if client:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{client}:{SECRET}".encode()).decode()
        body = None
        if form is not None:
            headers["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(form)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for line in answer.headers.get_all("set-cookie") or []:
            key, value = line.split(";")[0].split("=", 1)
            self.cookies[key] = value
        connection.close()
        return answer.status, answer.headers, text

    def access_token(self, algorithm: str) -> str:
        """A token for a machine: OAuth's client credentials grant, with an access token that names its audience."""
        form = {"grant_type": "client_credentials", "resource": f"https://broker.example/{algorithm}", "scope": "assume"}
        status, _, text = self.request("POST", "/token", form, "pipeline")
        assert status == 200, text
        return json.loads(text)["access_token"]

    def id_token(self, user: str) -> str:
        """A token for a person, who logs in and consents in a browser."""
        verifier = "v" * 43
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "client_id": AUDIENCE,
            "response_type": "code",
            "scope": "openid profile",
            "redirect_uri": "https://app.example.test/callback",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "nonce": "n-1",
        }
        where = "/auth?" + urlencode(query)
        for _ in range(12):
            if where.startswith("https://app.example.test/"):
                break
            status, headers, text = self.request("GET", where)
            if status == 200:
                # A form of the provider's: the login, and then the consent.
                prompt = re.search(r'name="prompt" value="(\w+)"', text)[1]
                form = {"prompt": prompt} | ({"login": user, "password": "any"} if prompt == "login" else {})
                status, headers, text = self.request("POST", where, form)
            assert status in (302, 303), f"{where}: {status} {text[:500]}"
            location = headers["location"]
            where = location if not location.startswith(self.url) else location.removeprefix(self.url)
        code = parse_qs(urlsplit(where).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": query["redirect_uri"], "code_verifier": verifier}
        status, _, text = self.request("POST", "/token", form, AUDIENCE)
        assert status == 200, text
        return json.loads(text)["id_token"]
