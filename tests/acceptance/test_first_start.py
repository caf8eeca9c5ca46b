"""The first minutes of an operator: nothing is set up, nothing is chosen, and what the terminal shows can be pasted."""

import base64
import json
import os
import re
import shutil
import stat
import subprocess

import boto3
import jwt
import pytest
from machine import binary, clean_environment, until
from stores import Embedded
from world import Broker, make_store


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request, tmp_path, postgres_admin_url):
    """A broker that nobody has told anything, started for the first time."""
    broker = Broker(tmp_path, make_store(request.param, postgres_admin_url))
    broker.start()
    yield broker
    if broker.running():
        broker.stop()
    broker.store.drop()
    broker.assert_no_panic()


@pytest.fixture
def embedded(tmp_path):
    broker = Broker(tmp_path, Embedded())
    yield broker
    if broker.running():
        broker.stop()


def paste_and_ask(broker: Broker, lines: str) -> dict:
    """Pastes the lines into a shell that has nothing else, and asks who that makes one."""
    done = subprocess.run(
        ["sh", "-e"],
        input=f"{lines}\naws --output json sts get-caller-identity\naws --output json iam list-users >/dev/null\n",
        env=clean_environment(broker.folder / "somebody"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{done.stderr}\nafter pasting\n{re.sub('(SECRET_ACCESS_KEY=).*', '', lines)}"
    return json.loads(done.stdout)


def test_what_the_terminal_shows_can_be_pasted_and_works_with_the_cli(fresh):
    told = fresh.exports()
    assert {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} <= set(told)
    assert told["AWS_ENDPOINT_URL"].rstrip("/") == fresh.url
    identity = paste_and_ask(fresh, fresh.export_lines())
    assert re.fullmatch(r"[0-9]{12}", identity["Account"]) and identity["Account"] in fresh.terminal.read_text()
    assert identity["Arn"] == f"arn:aws:iam::{identity['Account']}:root"


def test_a_second_start_finds_everything_again(fresh):
    pasted = fresh.export_lines()
    before = paste_and_ask(fresh, pasted)
    assert fresh.stop() == 0
    fresh.start()
    assert paste_and_ask(fresh, pasted) == before


def test_two_first_starts_choose_different_accounts_and_keys(tmp_path):
    told = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        broker = Broker(folder, Embedded())
        broker.start()
        told.append(broker.exports())
        broker.stop()
    assert told[0]["AWS_ACCESS_KEY_ID"] != told[1]["AWS_ACCESS_KEY_ID"]
    assert told[0]["AWS_SECRET_ACCESS_KEY"] != told[1]["AWS_SECRET_ACCESS_KEY"]


def test_sessions_can_be_signed_with_eddsa(tmp_path):
    broker = Broker(tmp_path, Embedded(), environment={"BREVET_SESSIONS_ALGORITHM": "EdDSA"})
    broker.start()
    try:
        told = broker.exports()
        keys = {"aws_access_key_id": told["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": told["AWS_SECRET_ACCESS_KEY"]}
        sts = boto3.client("sts", endpoint_url=broker.url, region_name=told["AWS_REGION"], **keys)
        token = sts.get_session_token()["Credentials"]["SessionToken"]
        header = jwt.get_unverified_header(token)
        assert header["alg"] == "EdDSA"
        published = {key["kid"]: key for key in broker.json("/.well-known/jwks.json")["keys"]}
        of_token = published[header["kid"]]
        assert (of_token["kty"], of_token["crv"], of_token["alg"]) == ("OKP", "Ed25519", "EdDSA") and "d" not in of_token
        issuer = broker.json("/.well-known/openid-configuration")["issuer"]
        options = {"require": ["iss", "sub", "iat", "exp", "jti"], "verify_aud": False}
        how = {"algorithms": ["EdDSA"], "issuer": issuer, "options": options}
        claims = jwt.decode(token, jwt.PyJWK(of_token), **how)
        assert claims["sub"] == sts.get_caller_identity()["Arn"]
        head, _, signature = token.split(".")
        body = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "arn:aws:iam::1:root"}).encode()).rstrip(b"=").decode()
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(f"{head}.{body}.{signature}", jwt.PyJWK(of_token), **how)
    finally:
        broker.stop()
    broker.assert_no_panic()


def refuses_to_start(broker: Broker) -> str:
    """What it says when it does not start at all."""
    process = broker.launch()
    assert process.wait(20) not in (0, None)
    return broker.log.read_text() + broker.terminal.read_text()


def test_a_wrong_master_key_is_a_clear_refusal_to_start(embedded, tmp_path):
    embedded.start()
    embedded.stop()
    stranger_folder = tmp_path / "stranger"
    stranger_folder.mkdir()
    stranger = Broker(stranger_folder, Embedded())
    stranger.start()
    stranger.stop()
    shutil.copy(stranger.data_dir / "master.key", embedded.data_dir / "master.key")
    assert "master key" in refuses_to_start(embedded).lower()


def test_a_missing_master_key_is_a_clear_refusal_to_start(embedded):
    embedded.start()
    embedded.stop()
    (embedded.data_dir / "master.key").unlink()
    assert "master key" in refuses_to_start(embedded).lower()
    assert not (embedded.data_dir / "master.key").exists(), "a new key would hide that the old one is lost"


def test_empty_variables_count_as_absent(embedded, tmp_path):
    """Compose files and charts set variables that they have no value for."""
    names = ["CONFIG", "BOOTSTRAP_ACCOUNT_ID", "STORE_DATABASE"]
    embedded.environment = {f"BREVET_{name}": "" for name in names}
    embedded.start()
    paste_and_ask(embedded, embedded.export_lines())
    embedded.stop()
    # There is a key in a file by now.
    embedded.environment["BREVET_MASTER_KEY"] = ""
    embedded.start()
    paste_and_ask(embedded, embedded.export_lines())
    made = embedded.run("account", "create", *embedded.on_store, "--name", "another", **embedded.environment)
    assert "AccessKeyId" in made.stdout


def test_a_master_key_that_did_not_arrive_is_not_made_up(embedded):
    embedded.environment = {"BREVET_MASTER_KEY": ""}
    assert "BREVET_MASTER_KEY is empty" in refuses_to_start(embedded)
    assert not (embedded.data_dir / "master.key").exists()
    # Nor is a root user's: whoever meant to choose it would find another one in a log.
    names = ["BREVET_BOOTSTRAP_ACCESS_KEY_ID", "BREVET_BOOTSTRAP_SECRET_ACCESS_KEY"]
    embedded.environment = dict.fromkeys(names, "")
    assert "BREVET_BOOTSTRAP_ACCESS_KEY_ID is empty" in refuses_to_start(embedded)
    embedded.environment = dict(zip(names, ["AKIAFIRSTSTARTCHOSEN", ""]))
    assert "BREVET_BOOTSTRAP_SECRET_ACCESS_KEY is empty" in refuses_to_start(embedded)


def test_a_variable_that_cannot_be_read_is_not_passed_over(embedded):
    environment = clean_environment(embedded.folder / "home") | {"BREVET_STORE_DATABASE": b"postgres://u:\xe9@db/brevet"}
    command = [binary(), "serve", *embedded.on_store]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, timeout=30)
    assert done.returncode == 1 and "the variable BREVET_STORE_DATABASE in the environment is not UTF-8" in done.stderr
    assert not embedded.data_dir.exists()


def test_what_nothing_reads_is_named_in_the_log_and_not_shown(embedded):
    embedded.environment = {"BREVET_IMAGE": "registry/of/somebody", "BREVET_SERVICE_HOST": "10.0.0.1"}
    embedded.start()
    told = [line for line in embedded.log.read_text().splitlines() if "nothing reads" in line]
    assert len(told) == 1 and "BREVET_IMAGE" in told[0] and "registry" not in embedded.log.read_text()


def test_only_the_owner_can_read_the_master_key_and_the_store(embedded):
    embedded.start()
    for path in embedded.data_dir.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path.name} is {stat.S_IMODE(path.stat().st_mode):o}"


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("BREVET_DECISION_LOG_FILE", "nowhere/decisions.jsonl", "nowhere/decisions.jsonl"),
        ("BREVET_DECISION_LOG_MASK", "aws:SourceIpp", "did you mean `aws:SourceIp`?"),
        ("BREVET_WEB_IDENTITY_KEY_FILES", "https://a.example nowhere.json", "nowhere.json"),
        ("BREVET_WEB_IDENTITY_AUTHORITIES", "a.example nowhere.pem", "nowhere.pem"),
        ("BREVET_SESSIONS_RSA_KEYS", "nowhere.pem", "nowhere.pem"),
        ("BREVET_DOORS_ROUTES", "nowhere.toml", "nowhere.toml"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_before_anything_is_made(embedded, setting, value, told):
    embedded.environment = {"BREVET_DECISION_LOG_MODE": "full", setting: value}
    assert told in refuses_to_start(embedded)
    assert not list(embedded.data_dir.glob("*")), "a first start that fails leaves a first start to be made"
    embedded.environment = {"BREVET_DECISION_LOG_MODE": "full"}
    embedded.start()
    paste_and_ask(embedded, embedded.export_lines())


def test_a_first_start_that_fails_after_the_account_was_made_shows_its_key(tmp_path):
    """A disk that is full somewhere in the first start, wherever that is: either there is no account yet, or its key was shown."""
    shown = unlaid = 0
    for size in range(64, 1_024, 8):
        folder = tmp_path / str(size)
        folder.mkdir()
        broker = Broker(folder, Embedded(), file_size=size * 1_024)
        if broker.launch() and not failed_before_it_was_ready(broker):
            broker.stop()
            break
        before = broker.exports()
        broker.file_size = None
        broker.start()
        try:
            if "This is the first start" in broker.terminal.read_text().partition("brevet is ready")[2]:
                assert not before, "what was shown first belongs to no account"
                unlaid += 1
            else:
                assert before and "AWS_ENDPOINT_URL" not in before, f"nobody has the key of the account made in {size} KiB"
                lines = f"{broker.export_lines()}\nexport AWS_ENDPOINT_URL={broker.url}"
                assert before["AWS_SECRET_ACCESS_KEY"] not in broker.log.read_text()
                paste_and_ask(broker, lines)
                shown += 1
        finally:
            broker.stop()
        broker.assert_no_panic()
    else:
        pytest.fail("no size was enough for a first start")
    assert shown and unlaid, (shown, unlaid)


def failed_before_it_was_ready(broker: Broker) -> bool:
    until("the broker to be ready, or to have failed", lambda: broker.process.poll() is not None or "ready at" in broker.terminal.read_text())
    return broker.process.poll() is not None


@pytest.mark.parametrize("reader", ["full", "gone"])
def test_a_key_that_could_not_be_shown_is_no_secret_that_somebody_has(embedded, reader):
    """Without its key there is no way into the first account: whoever started the broker is told, and what to do."""
    command = [binary(), "serve", *embedded.on_store, "--listen", f"127.0.0.1:{embedded.port}"]
    if reader == "full":
        out = os.open("/dev/full", os.O_WRONLY)
    else:
        gone, out = os.pipe()
        os.close(gone)
    environment = clean_environment(embedded.folder / "home")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True, env=environment, timeout=30)
    os.close(out)
    assert done.returncode == 1
    assert f"nobody has it; remove brevet.db and what begins so in the folder {embedded.data_dir}" in done.stderr, done.stderr
    for file in embedded.data_dir.glob("brevet.db*"):
        file.unlink()
    embedded.start()
    paste_and_ask(embedded, embedded.export_lines())


def test_an_account_whose_key_nobody_saw_is_told_of(embedded):
    embedded.start()
    command = [binary(), "account", "create", *embedded.on_store, "--name", "another"]
    gone, out = os.pipe()
    os.close(gone)
    environment = clean_environment(embedded.folder / "home")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True, env=environment, timeout=30)
    os.close(out)
    assert done.returncode == 1 and "nobody has it; make another account" in done.stderr, done.stderr


def test_a_decision_log_on_a_full_standard_output_is_told_as_such(embedded):
    """And not under the name of a file that nobody writes."""
    environment = clean_environment(
        embedded.folder / "home",
        BREVET_BOOTSTRAP_ACCESS_KEY_ID="AKIAFIRSTSTARTCHOSEN",
        BREVET_BOOTSTRAP_SECRET_ACCESS_KEY="a secret that its owner has chosen",
        BREVET_DECISION_LOG_MODE="full",
        BREVET_DECISION_LOG_OUTPUT="stdout",
    )
    command = [binary(), "serve", *embedded.on_store, "--listen", f"127.0.0.1:{embedded.port}"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, timeout=30
        )
    assert done.returncode == 1
    assert "the decision log on standard output: " in done.stderr and "decisions.jsonl" not in done.stderr, done.stderr
    assert "nobody has it" not in done.stderr, "whoever has chosen the key has it"


def test_plain_http_is_refused_off_loopback(embedded):
    command = ["serve", *embedded.on_store, "--listen", f"0.0.0.0:{embedded.port}"]
    done = embedded.run(*command, check=False)
    assert done.returncode != 0 and "tls" in (done.stderr + done.stdout).lower()


def test_a_request_that_has_begun_is_finished_at_shutdown(embedded):
    embedded.start()
    assert embedded.stop() == 0
    assert not embedded.running()


SIGNED = {
    "method": "GET",
    "uri": "/?Action=GetCallerIdentity&Version=2011-06-15",
    "headers": [["host", "sts.example"], ["x-amz-date", "20260101T000000Z"]],
    "body_base64": "",
    "access_key": "AKIDEXAMPLE",
    "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "session_token": None,
    "now": "20260101T000100Z",
    "region": "us-east-1",
    "service": "sts",
}


def by_botocore(request: dict) -> dict:
    """The same request with the headers that botocore signs it with."""
    from unittest import mock

    from botocore import auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    signer = auth.SigV4Auth(Credentials(request["access_key"], request["secret_key"]), request["service"], request["region"])
    plain = AWSRequest(method=request["method"], url="http://sts.example" + request["uri"], headers={"host": "sts.example"})
    import datetime

    moment = datetime.datetime.strptime(dict(request["headers"])["x-amz-date"], "%Y%m%dT%H%M%SZ")
    with mock.patch("botocore.auth.get_current_datetime", lambda *a, **k: moment):
        signer.add_auth(plain)
    headers = [[name.lower(), value] for name, value in plain.headers.items()]
    return request | {"headers": headers}


def test_sigv4_verify_says_that_a_good_signature_is_good(embedded):
    done = embedded.run("sigv4", "verify", stdin=json.dumps(by_botocore(SIGNED)), check=False)
    assert done.returncode == 0, done.stderr


def test_sigv4_verify_shows_why_a_bad_one_is_bad(embedded):
    request = by_botocore(SIGNED) | {"uri": "/?Action=GetCallerIdentity&Version=2011-06-16"}
    done = embedded.run("sigv4", "verify", stdin=json.dumps(request), check=False)
    assert done.returncode == 1
    assert "Action=GetCallerIdentity&Version=2011-06-16" in done.stderr, "the canonical request is what people compare"
    assert "AWS4-HMAC-SHA256\n20260101T000000Z" in done.stderr, "and the string to sign"
    assert request["secret_key"] not in done.stderr + done.stdout
