"""Writes down what Terraform's AWS provider asks: `python record.py >requests.txt` in this folder, with Terraform installed.

Each line is one request, in the order in which it was sent: the stage, the resource, what Terraform was doing, the answer's
status, and the body with what differs from run to run as `{Name}`. Repeated looks at the same thing are left out.
"""

import re
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl, quote_plus

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from signing import send
from test_terraform import Terraform, plugins
from world import PARTNER_ACCOUNT, World, make_store

STAGES = {"made": ("first", "apply"), "changed": ("second", "apply"), "destroyed": ("second", "destroy")}
DOING = {"ApplyResourceChange": "apply", "ReadResource": "refresh", "ReadDataSource": "look"}
# What the next run makes anew: keys and certificates, and what the broker chooses.
FRESH = {"CertificateBody", "PrivateKey", "SSHPublicKeyBody", "SAMLMetadataDocument", "Password"}
FRESH |= {"AccessKeyId", "CertificateId", "DeletionTaskId", "ServiceSpecificCredentialId", "SSHPublicKeyId"}


def listen(world) -> tuple[ThreadingHTTPServer, list[tuple[str, int]]]:
    """Stands between Terraform and the broker, whose log cuts long bodies short; every body and its answer's status."""
    heard = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = send("POST", world.endpoint + self.path, body, dict(self.headers))
            heard.append((body.decode(), answer.status))
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["content-type"])
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    Thread(target=server.serve_forever, daemon=True).start()
    return server, heard


def field(name: str, entry: str) -> str:
    found = re.search(rf"\b{re.escape(name)}=(\S+)", entry)
    return found[1] if found else "-"


def sent(log: str) -> list[str]:
    """The entries of a log about requests, each begun by its time; fields may stand before and after a body."""
    entries = re.split(r"^(?=\d{4}-\d\d-\d\dT)", log, flags=re.MULTILINE)
    return [entry for entry in entries if "HTTP Request Sent" in entry]


def written(body: str) -> str:
    given = []
    for name, value in parse_qsl(body, keep_blank_values=True):
        given.append(f"{name}={quote_plus(f'{{{name}}}' if name in FRESH else value, safe='/:{}')}")
    return "&".join(given)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), make_store("sqlite", None))
        world.account("partner", PARTNER_ACCOUNT)
        work = Path(folder) / "terraform"
        work.mkdir()
        terraform = Terraform(world.root, work)
        terraform.must("init", "-input=false", *plugins())
        server, heard = listen(world)
        terraform.environment |= {"TF_LOG_PROVIDER": "DEBUG", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}
        for stage, (variant, command) in STAGES.items():
            log = work / f"{stage}.log"
            terraform.environment["TF_LOG_PATH"] = str(log)
            heard.clear()
            terraform.must(command, "-auto-approve", "-input=false", "-parallelism=1", stage=variant)
            told, seen = sent(log.read_text()), set()
            assert len(told) == len(heard), "each request is in the log, and passed by here"
            for entry, (body, status) in zip(told, heard):
                if doing := DOING.get(field("tf_rpc", entry)):
                    assert f"Action={field('rpc.method', entry)}&" in body + "&"
                    what = f"data.{field('tf_data_source_type', entry)}" if doing == "look" else field("tf_resource_type", entry)
                    line = f"{stage} {what} {doing} {status} {written(body)}"
                    if line not in seen:
                        print(line)
                    # What was read before a change is read again after it.
                    seen = seen | {line} if re.match("(Get|List|Simulate)", field("rpc.method", entry)) else set()
        server.shutdown()
        world.end()


if __name__ == "__main__":
    main()
