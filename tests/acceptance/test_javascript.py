"""The AWS SDK for JavaScript, on the node of the virtual environment: tests/acceptance/javascript has its tests."""

import json
import re
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
from actors import allow, policy, trust
from certificates import certificate, pem, ssh_public_key
from cryptography.hazmat.primitives.asymmetric import rsa
from test_saml_providers import metadata
from told_elsewhere import STS_TOLD_ELSEWHERE, TOLD_ELSEWHERE
from world import HOME_ACCOUNT, PARTNER_ACCOUNT

FOLDER = Path(__file__).parent / "javascript"


def somebody(world) -> dict:
    """The key of a user who may do all that STS has, and a role that trusts it."""
    iam = world.root.boto("iam")
    iam.enable_organizations_root_credentials_management()
    arn = iam.create_user(UserName="js-ann")["User"]["Arn"]
    iam.put_user_policy(UserName="js-ann", PolicyName="p", PolicyDocument=policy(allow("sts:*")))
    iam.create_role(RoleName="js-worker", AssumeRolePolicyDocument=trust({"AWS": arn}))
    key = iam.create_access_key(UserName="js-ann")["AccessKey"]
    return {name: key[name] for name in ("AccessKeyId", "SecretAccessKey")}


@pytest.mark.parametrize("tests", ["lives", "credentials", "sts"])
def test_the_sdk_for_javascript(world, tests, tmp_path):
    node = Path(sys.executable).parent / "node"
    assert node.exists() and (FOLDER / "node_modules").is_dir(), "tests/run prepare installs node and the SDK for JavaScript"
    if tests in ("lives", "sts") and not (world.folder / "partner").exists():
        (world.folder / "partner").touch()
        # An installation with two accounts is an organization.
        world.account("partner", PARTNER_ACCOUNT)
    key, other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    missing = world.broker.run("coverage", "--missing").stdout.split()
    sts = botocore.session.get_session().get_service_model("sts").operation_names
    operations = botocore.session.get_session().get_service_model("iam").operation_names
    given = {
        "account": HOME_ACCOUNT,
        "operations": [name for name in operations if f"iam:{name}" not in missing and name not in TOLD_ELSEWHERE],
        "sts": [name for name in sts if f"sts:{name}" not in missing],
        "elsewhere": sorted(STS_TOLD_ELSEWHERE),
        "partner": PARTNER_ACCOUNT,
        "user": somebody(world) if tests == "sts" else None,
        "certificate": certificate("js.example", key, "js.example", key),
        "key": pem(key),
        "other_key": pem(other),
        "ssh_key": ssh_public_key(key),
        "saml_metadata": metadata(key),
        "passwords": ["Tr0ub4dor&3-first", "Tr0ub4dor&3-second"],
    }
    (tmp_path / "given.json").write_text(json.dumps(given))
    done = subprocess.run(
        [node, "--test", "--test-reporter=spec", f"{tests}.test.mjs"],
        cwd=FOLDER,
        env=world.root.environment() | {"BREVET_TEST_GIVEN": str(tmp_path / "given.json"), "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-8000:]
    assert int(re.search(r"ℹ pass (\d+)", said)[1]) >= 3 and re.search(r"ℹ skipped 0", said), said[-2000:]
