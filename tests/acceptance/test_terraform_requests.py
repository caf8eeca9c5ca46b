"""What Terraform's AWS provider asks for each of its IAM resources, played again where there is no Terraform.

terraform/requests.txt holds what provider 5.100 sent, in its order, as it made, refreshed, changed and destroyed the
configuration beside it (terraform/record.py wrote it down). The broker must answer as it did, and what the provider said of a
resource must be in what it reads back: that is how it finds no difference.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode
from xml.etree import ElementTree

import pytest
from certificates import certificate, pem, ssh_public_key
from cryptography.hazmat.primitives.asymmetric import rsa
from test_saml_providers import metadata
from world import PARTNER_ACCOUNT

REQUESTS = Path(__file__).parent / "terraform/requests.txt"
READS = ("Get", "List", "Simulate")
# Said once and never told again, or told in another form.
NOT_TOLD = {"Action", "Version", "PrivateKey", "Password", "GlobalEndpointTokenVersion"}


@dataclass
class Request:
    stage: str
    resource: str
    doing: str
    status: int
    parameters: dict[str, str]

    @property
    def action(self) -> str:
        return self.parameters["Action"]

    @property
    def reads(self) -> bool:
        return self.action.startswith(READS)


def requests() -> list[Request]:
    lines = (line.split(" ", 4) for line in REQUESTS.read_text().splitlines())
    return [
        Request(stage, resource, doing, int(status), dict(parse_qsl(body, keep_blank_values=True)))
        for stage, resource, doing, status, body in lines
    ]


class Player:
    """Sends the requests again; what the broker or this run has chosen stands for its name in them."""

    def __init__(self, world):
        self.root = world.root
        key = rsa.generate_private_key(65537, 2048)
        self.known = {
            "CertificateBody": certificate("www", key, "www", key).strip(),
            "PrivateKey": pem(key).strip(),
            "SSHPublicKeyBody": ssh_public_key(key),
            "SAMLMetadataDocument": metadata(key),
            "Password": "Tr0ub4dor&3-first-x",
        }

    def filled(self, request: Request) -> dict[str, str]:
        return {name: self.known[name] if value == f"{{{name}}}" else value for name, value in request.parameters.items()}

    def play(self, request: Request) -> ElementTree.Element:
        filled = self.filled(request)
        service = "sts" if filled["Version"] == "2011-06-15" else "iam"
        answer = self.root.call(urlencode(filled).encode(), service=service)
        assert answer.status == request.status, f"{request.stage} {request.resource}: {request.action}: {answer.status} {answer.body[:600]!r}"
        tree = ElementTree.fromstring(answer.body)
        for node in tree.iter():
            name = node.tag.rpartition("}")[2]
            if name.endswith(("Id", "TaskId")) and name != "RequestId" and node.text:
                self.known[name] = node.text
        return tree


def texts(tree: ElementTree.Element) -> str:
    """All that an answer tells, documents as they were before they were percent-encoded."""
    told = [node.text or "" for node in tree.iter() if node.tag.rpartition("}")[2] != "RequestId"]
    return "\n".join([*told, *map(unquote, told)])


class Play:
    """The requests of a stage after another, what was said of each resource, and what was read of it afterwards."""

    def __init__(self, world):
        self.player = Player(world)
        self.said: dict[tuple, bool] = {}

    def stage(self, stage: str) -> None:
        for request in (one for one in requests() if one.stage == stage):
            answer = self.player.play(request)
            resource = request.resource.removeprefix("data.")
            if request.reads:
                # By its owner's name it was asked for, and found.
                told = "\n".join([texts(answer), *request.parameters.values()])
                for said in self.said:
                    if said[0] == resource and said[3].removeprefix("https://") in told:
                        self.said[said] = True
            elif re.match("Create|Upload|Put|Add|Attach|Update|Tag", request.action):
                for name, value in self.player.filled(request).items():
                    if name not in NOT_TOLD:
                        self.said.setdefault((resource, request.action, name, value), False)

    def unread(self) -> list[tuple]:
        return [said for said, read in self.said.items() if not read]


@pytest.fixture(scope="module")
def play(world):
    # Accounts beside one's own are an organization, which has features.
    world.account("partner", PARTNER_ACCOUNT)
    return Play(world)


@pytest.mark.story
class TestTheProvidersRequests:
    def test_1_everything_is_made(self, play):
        play.stage("made")

    def test_2_a_second_look_tells_what_the_first_did(self, play):
        for request in (one for one in requests() if one.stage == "made" and one.reads):
            assert texts(play.player.play(request)) == texts(play.player.play(request)), request.action

    def test_3_it_is_looked_at_and_changed(self, play):
        play.stage("changed")

    def test_4_it_is_destroyed(self, world, play):
        play.stage("destroyed")
        details = world.root.boto("iam").get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"])
        assert not any(details[kind] for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"))

    def test_5_what_was_said_of_a_resource_was_read_of_it(self, play):
        unread = play.unread()
        assert not unread, unread


def test_the_requests_are_of_every_resource_that_is_configured():
    configured = set(re.findall(r'^(?:resource|data) "(\w+)"', (REQUESTS.parent / "main.tf").read_text(), re.M))
    # These two are worked out by the provider itself.
    configured -= {"aws_iam_policy_document", "aws_partition", "aws_iam_session_context"}
    assert {request.resource.removeprefix("data.") for request in requests()} == configured
