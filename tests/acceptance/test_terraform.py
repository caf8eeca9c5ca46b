"""Terraform with its real AWS provider: a configuration of every IAM resource is made, found unchanged, changed, taken over,
repaired and destroyed.

Terraform and its provider come from no package registry, so they are used where they are and not installed: `terraform` on the
path, and the provider in BREVET_TEST_TERRAFORM_PLUGINS, in one of the folders that terraform itself looks in, or fetched by
`terraform init`. Where they cannot be had, the run says so; what the provider asks is played by test_terraform_requests.py.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from authenticator import Authenticator
from certificates import certificate, pem, ssh_public_key
from cryptography.hazmat.primitives.asymmetric import rsa
from test_saml_providers import metadata
from world import HOME_ACCOUNT, PARTNER_ACCOUNT

SOURCE = Path(__file__).parent / "terraform"
PROVIDER = "registry.terraform.io/hashicorp/aws"
PLACES = ("~/.terraform.d/plugins", "~/.local/share/terraform/plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")


def plugins() -> list[str]:
    """Where the provider is on this machine; nothing where terraform has to fetch it."""
    places = [os.environ.get("BREVET_TEST_TERRAFORM_PLUGINS", ""), *PLACES, *map(str, Path("/opt").glob("*"))]
    found = [place for place in map(os.path.expanduser, places) if place and (Path(place) / PROVIDER).is_dir()]
    return [f"-plugin-dir={found[0]}"] if found else []


class Terraform:
    """A folder with the configuration, and who runs it."""

    def __init__(self, actor, folder: Path):
        self.folder = folder
        shutil.copy(SOURCE / "main.tf", folder)
        key = rsa.generate_private_key(65537, 2048)
        variables = {
            "server_certificate": certificate("www.example", key, "www.example", key),
            "server_key": pem(key),
            "ssh_key": ssh_public_key(key),
            "saml_metadata": metadata(key),
        }
        mine = {f"TF_VAR_{name}": value for name, value in variables.items()}
        self.environment = actor.environment() | mine | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}

    def run(self, *arguments: str, stage: str = "first") -> subprocess.CompletedProcess:
        command = ["terraform", *arguments]
        environment = self.environment | {"TF_VAR_stage": stage}
        return subprocess.run(
            command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240
        )

    def must(self, *arguments: str, stage: str = "first", status: int = 0) -> str:
        done = self.run(*arguments, stage=stage)
        said = f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        assert done.returncode == status, f"terraform {arguments[0]}: exit {done.returncode}, not {status}:\n{said}"
        return done.stdout

    def apply(self, stage: str = "first") -> tuple[int, int, int, int]:
        """Imported, added, changed, destroyed."""
        said = self.must("apply", "-auto-approve", "-input=false", "-no-color", stage=stage)
        counts = re.search(r"Apply complete! Resources: (?:(\d+) imported, )?(\d+) added, (\d+) changed, (\d+) destroyed", said)
        return tuple(int(count or 0) for count in counts.groups())

    def differs(self, stage: str = "first") -> bool:
        """Whether a fresh look finds anything that is not as the configuration has it; what, goes to the report of a failure."""
        done = self.run("plan", "-detailed-exitcode", "-input=false", "-no-color", stage=stage)
        assert done.returncode in (0, 2), done.stdout[-6000:] + done.stderr[-3000:]
        print(done.stdout[done.stdout.find("Terraform will perform") :])
        return done.returncode == 2

    def found(self) -> dict:
        return json.loads(self.must("output", "-json", "found"))


@pytest.fixture(scope="module")
def terraform(embedded_world, tmp_path_factory):
    if not shutil.which("terraform"):
        pytest.skip("terraform is not on the path: its provider was NOT run, only its requests were played")
    # Accounts beside one's own are an organization, which has features.
    embedded_world.account("partner", PARTNER_ACCOUNT)
    made = Terraform(embedded_world.root, tmp_path_factory.mktemp("terraform"))
    done = made.run("init", "-input=false", "-no-color", *plugins())
    if done.returncode != 0 and not plugins():
        pytest.skip("terraform cannot fetch the AWS provider: it was NOT run, only its requests were played")
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.story
class TestTerraform:
    def test_0_the_configuration_has_all_that_the_provider_has(self, terraform):
        schema = json.loads(terraform.must("providers", "schema", "-json"))["provider_schemas"][PROVIDER]
        configuration = (SOURCE / "main.tf").read_text()
        for kind, schemas in {"resource": "resource_schemas", "data": "data_source_schemas"}.items():
            configured = set(re.findall(rf'^{kind} "(aws_iam_\w+)"', configuration, re.M))
            assert configured == {name for name in schema[schemas] if name.startswith("aws_iam_")}

    def test_1_everything_is_made_and_a_second_look_finds_no_difference(self, terraform):
        imported, added, changed, destroyed = terraform.apply()
        assert (imported, changed, destroyed) == (0, 0, 0) and added == len(re.findall(r"^resource ", (SOURCE / "main.tf").read_text(), re.M))
        assert not terraform.differs()
        found = terraform.found()
        assert found == {
            "alias": "brevet-first",
            "allowed": True,
            "by_name": f"arn:aws:iam::{HOME_ACCOUNT}:policy/team/read",
            "by_url": f"arn:aws:iam::{HOME_ACCOUNT}:oidc-provider/oidc.example.com/app",
            "issuer": f"arn:aws:iam::{HOME_ACCOUNT}:root",
            "key": "Active",
            "members": ["alice", "bruno"],
            "plain": found["plain"],
            "profiles": ["worker"],
            "roles": ["worker"],
            "same_role": True,
            "users": ["alice"],
        }

    def test_2_it_is_changed_and_again_nothing_differs(self, terraform):
        _, _, changed, _ = terraform.apply("second")
        assert changed > 10
        assert not terraform.differs("second")
        found = terraform.found()
        assert (found["alias"], found["members"], found["key"]) == ("brevet-second", ["bruno-renamed"], "Inactive")

    def test_3_what_is_there_already_is_taken_over_as_it_is(self, terraform):
        imports = (SOURCE / "import.tf").read_text()
        resources = re.findall(r"to = (\S+)", imports)
        terraform.must("state", "rm", *resources)
        (terraform.folder / "import.tf").write_text(imports)
        try:
            imported, added, _, destroyed = terraform.apply("second")
        finally:
            (terraform.folder / "import.tf").unlink()
        assert (imported, added, destroyed) == (len(resources), 0, 0)
        assert not terraform.differs("second")

    def test_4_what_others_changed_is_seen_and_repaired(self, embedded_world, terraform):
        iam = embedded_world.root.boto("iam")
        iam.delete_user_policy(UserName="alice", PolicyName="inline")
        iam.detach_role_policy(RoleName=terraform.found()["plain"], PolicyArn=f"arn:aws:iam::{HOME_ACCOUNT}:policy/team/read")
        iam.tag_role(RoleName="worker", Tags=[{"Key": "team", "Value": "others"}])
        iam.put_role_policy(RoleName="worker", PolicyName="smuggled", PolicyDocument=json.dumps(SMUGGLED))
        iam.delete_account_alias(AccountAlias="brevet-second")
        iam.delete_virtual_mfa_device(SerialNumber=f"arn:aws:iam::{HOME_ACCOUNT}:mfa/devices/phone")
        assert terraform.differs("second")
        terraform.apply("second")
        assert not terraform.differs("second")
        assert iam.list_role_policies(RoleName="worker")["PolicyNames"] == ["inline"]

    def test_5_it_is_destroyed_and_nothing_is_left(self, embedded_world, terraform):
        # What a user has come to hold meanwhile goes with them, as `force_destroy` has it: the provider looks for all of it.
        iam = embedded_world.root.boto("iam")
        alice, key = {"UserName": "alice"}, rsa.generate_private_key(65537, 2048)
        iam.create_access_key(**alice)
        iam.upload_ssh_public_key(**alice, SSHPublicKeyBody=ssh_public_key(key))
        iam.upload_signing_certificate(**alice, CertificateBody=certificate("alice", key, "alice", key))
        iam.create_service_specific_credential(**alice, ServiceName="codecommit.amazonaws.com")
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName="alice")["VirtualMFADevice"]
        first, second = Authenticator(device["Base32StringSeed"].decode()).first_two()
        codes = {"AuthenticationCode1": first, "AuthenticationCode2": second}
        iam.enable_mfa_device(**alice, SerialNumber=device["SerialNumber"], **codes)
        terraform.must("destroy", "-auto-approve", "-input=false", "-no-color", stage="second")
        assert terraform.must("state", "list") == ""
        details = iam.get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"])
        left = [details[kind] for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")]
        assert left == [[], [], [], []]


SMUGGLED = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
