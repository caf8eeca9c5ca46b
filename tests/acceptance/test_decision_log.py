"""The decision log and `brevet explain`, as an operator uses them: why was this denied at 14:03?"""

import json
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from actors import allow, policy
from machine import binary, clean_environment, until
from stores import Embedded
from world import HOME_ACCOUNT, World

RECORD = f"arn:aws:record::{HOME_ACCOUNT}:r1"
ALICE = {"type": "user", "id": "alice"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A broker of its own, which keeps a log and masks something in it."""
    folder = tmp_path_factory.mktemp("decision-log")
    world = World(folder, Embedded())
    world.broker.stop()
    world.broker.environment |= {"BREVET_DECISION_LOG_MODE": "full", "BREVET_DECISION_LOG_MASK": "record:Ssn"}
    world.broker.environment |= {"BREVET_DECISION_LOG_MAX_MIB": "1"}
    world.broker.start()
    yield world
    world.end()
    world.broker.assert_no_panic()


@pytest.fixture(scope="module")
def service(world):
    root = world.root
    guard = policy(
        allow("record:write", Condition={"StringEquals": {"brevet:Resource/owner": "alice"}}),
        allow("record:read", Condition={"StringEquals": {"record:Ssn": "078-05-1120"}}),
        {"Sid": "NoErasing", "Effect": "Deny", "Action": "record:erase", "Resource": "*"},
    )
    root.aws("iam", "create-user", "--user-name", "alice")
    root.aws("iam", "put-user-policy", "--user-name", "alice", "--policy-name", "own", "--policy-document", guard)
    root.aws("iam", "create-user", "--user-name", "service")
    root.aws("iam", "put-user-policy", "--user-name", "service", "--policy-name", "ask", "--policy-document",
             policy(allow("brevet:Evaluate")))  # fmt: skip
    made = root.aws("iam", "create-access-key", "--user-name", "service")["AccessKey"]
    return root.with_session(made | {"SessionToken": None}, "service")


def log(world):
    return world.broker.data_dir / "decisions.jsonl"


def explain(world, *arguments, check=True, stdin=None, **environment):
    where = [] if "--log" in arguments or "--message" in arguments else ["--log", str(log(world))]
    return world.broker.run("explain", *where, *arguments, check=check, stdin=stdin, **environment)


def written(world, answer):
    """The answer's record is in the file."""
    identity = answer["context"]["decision_id"]
    until("the record to be written", lambda: identity in log(world).read_text())
    return identity


def test_why_was_this_denied_at_a_given_minute(world, service):
    asked_at = datetime.now(timezone.utc)
    answer = service.may(ALICE, "record:write", RECORD)
    assert answer["decision"] is False
    identity = written(world, answer)
    arguments = ["--principal", "alice", "--action", "record:write"]
    for at in (asked_at.strftime("%H:%M"), asked_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
               asked_at.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()):  # fmt: skip
        told = explain(world, "--at", at, *arguments).stdout
        assert identity in told and "DENIED" in told
        assert f"User: arn:aws:iam::{HOME_ACCOUNT}:user/alice is not authorized to perform: record:write on resource: {RECORD}" in told
        assert "because no identity-based policy allows the record:write action" in told
        assert f"statement 1 of arn:aws:iam::{HOME_ACCOUNT}:user/alice/own" in told
        assert 'expects StringEquals "alice"; the request did not carry it' in told
        assert f"Attach a policy to arn:aws:iam::{HOME_ACCOUNT}:user/alice that allows record:write" in told
        assert f"{service.who()}, at the door authzen" in told
    shown = json.loads(explain(world, "--id", identity, "--format", "json").stdout)
    assert shown["record"]["missing"]["near"]["expected"] == ["alice"]
    assert "not authorized" in shown["answer"] and "Attach a policy" in shown["to_do"]


def test_a_deny_is_named_by_its_statement(world, service):
    identity = written(world, service.may(ALICE, "record:erase", RECORD))
    told = explain(world, "--id", identity).stdout
    assert "with an explicit deny in an identity-based policy" in told
    assert f"denied by:  statement 3 (NoErasing) of arn:aws:iam::{HOME_ACCOUNT}:user/alice/own" in told
    assert explain(world, "--id", identity, "--decision", "allowed", check=False).returncode == 1


def test_masked_values_are_not_in_the_file_and_told_as_masked(world, service):
    for said in ("219-09-9999", "078-05-1120"):
        identity = written(world, service.may(ALICE, "record:read", RECORD, {"record:Ssn": said}))
    text = log(world).read_text()
    assert "219-09-9999" not in text and "078-05-1120" not in text
    assert "(masked: " in explain(world, "--id", identity).stdout


def test_what_is_not_found_says_why(world, service):
    written(world, service.may(ALICE, "record:write", RECORD))
    nothing = explain(world, "--at", "2020-01-01T14:03", "--principal", "alice", check=False)
    assert nothing.returncode == 1 and not nothing.stdout
    assert "no such decision from 2020-01-01T14:02:00Z until 2020-01-01T14:04:59Z (UTC)" in nothing.stderr
    assert "the latest one like it was at 20" in nothing.stderr
    misspelt = explain(world, "--principal", "alcie", check=False)
    assert misspelt.returncode == 1 and "did you mean `alice`?" in misspelt.stderr
    assert "did you mean" not in explain(world, "--principal", "somebody-else", check=False).stderr


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--principle", "alice"], "--principal"),
        (["--at", "2pm"], "is no time"),
        (["--within", "5"], "--at"),
        (["--last", "0"], "--last"),
        (["--format", "xml"], "json"),
        (["--endpoint", "http://127.0.0.1:1"], "is for --message"),
        (["--log", "nowhere.jsonl"], "nowhere.jsonl: No such file"),
        (["--log", "nowhere.jsonl", "--config", "brevet.toml"], "cannot be used with"),
        (["--message", "x", "--config", "brevet.toml"], "cannot be used with"),
    ],
)
def test_misspelt_options_are_answered_well(world, wrong, told):
    done = explain(world, *wrong, check=False)
    assert done.returncode != 0 and told in done.stderr and not done.stdout


def test_the_settings_say_where_the_log_is(world, service, tmp_path):
    identity = written(world, service.may(ALICE, "record:write", RECORD))
    settings, nowhere = tmp_path / "brevet.toml", str(tmp_path / "nowhere.toml")
    settings.write_text(f'[decision_log]\nfile = "{log(world)}"\n')
    run = world.broker.run
    assert identity in run("explain", "--config", str(settings), "--id", identity).stdout
    assert identity in run("explain", "--id", identity, BREVET_CONFIG=str(settings)).stdout
    # The option goes before the variable, which is there for other commands too: a log that is named does without it.
    assert identity in run("explain", "--config", str(settings), "--id", identity, BREVET_CONFIG=nowhere).stdout
    assert identity in explain(world, "--id", identity, BREVET_CONFIG=nowhere).stdout
    assert "nowhere.toml: No such file" in run("explain", "--id", identity, check=False, BREVET_CONFIG=nowhere).stderr


def test_a_killed_broker_leaves_a_log_that_goes_on(world, service):
    before = written(world, service.may(ALICE, "record:write", RECORD))
    world.broker.kill()
    with log(world).open("ab") as torn:
        torn.write(b'{"time":"2026-11-27T1')
    world.broker.start()
    after = written(world, service.may(ALICE, "record:write", RECORD))
    done = explain(world, "--last", "100000")
    assert before in done.stdout and after in done.stdout
    assert "1 lines are no records and were passed over" in done.stderr
    lines = log(world).read_text().splitlines()
    assert sum(not is_json(line) for line in lines) == 1


def is_json(line):
    try:
        return bool(json.loads(line))
    except ValueError:
        return False


def test_a_log_that_was_put_aside_is_read_too(world, service):
    """The file is nearly full of what was before; the next answers find no room in it."""
    first = written(world, service.may(ALICE, "record:write", RECORD))
    world.broker.stop()
    old = json.loads(explain(world, "--id", first, "--format", "json").stdout)["record"]
    room = 1024 * 1024 - log(world).stat().st_size - 1_500
    line = json.dumps(old | {"id": "filling", "reason": "x" * 900}) + "\n"
    with log(world).open("a") as file:
        file.write(line * (room // len(line)))
    world.broker.start()
    for _ in range(4):
        last = written(world, service.may(ALICE, "record:write", RECORD))
    aside = log(world).with_name("decisions.jsonl.1")
    assert aside.exists() and aside.stat().st_mode & 0o777 == 0o600 == log(world).stat().st_mode & 0o777
    assert first not in log(world).read_text() and first in aside.read_text()
    for identity in (first, last):
        assert identity in explain(world, "--id", identity).stdout


def test_a_record_that_could_not_be_written_is_missing_and_the_log_says_so(world, service):
    """Answers go on while the log cannot be written. They name a record then that never gets there."""
    kept = log(world).read_bytes()
    log(world).unlink()
    log(world).mkdir()
    lost = service.may(ALICE, "record:write", RECORD)["context"]["decision_id"]
    dropped = 'brevet_decision_log_dropped_total{cause="write"} '
    until("the record to be lost", lambda: dropped in world.broker.get("/metrics").body.decode())
    log(world).rmdir()
    answer = service.may(ALICE, "record:write", RECORD)
    until("the log to be there again", log(world).is_file)
    written(world, answer)
    done = explain(world, "--id", lost, check=False)
    assert done.returncode == 1 and not done.stdout
    assert "1 decisions were not recorded: the log could not keep up, or could not be written" in done.stderr
    with log(world).open("ab") as file:
        file.write(kept)


def test_what_the_broker_refuses_itself_is_explained_from_the_audit_trail(world, service):
    refused = service.refused("iam", "create-user", "--user-name", "mallory")
    assert refused.code == "AccessDenied"
    command = ["audit", *world.broker.on_store, "--format", "json"]
    until("the refusal is in the trail", lambda: "mallory" in world.broker.run(*command).stdout)
    trail = world.broker.run(*command).stdout
    done = explain(world, "--log", "-", "--principal", "service", "--action", "iam:*", stdin=trail)
    assert "because no identity-based policy allows the iam:CreateUser action" in done.stdout
    assert not done.stderr


def test_an_encoded_message_is_explained(world, service):
    """AWS's services put it into what callers are told; the broker decodes it for whoever may."""
    refused = service.refused("sts", "assume-role", "--role-arn", f"arn:aws:iam::{HOME_ACCOUNT}:role/x", "--role-session-name", "work")
    encoded = refused.message.partition("Encoded authorization failure message:")[2].strip()
    key = world.root.key
    variables = {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret, "AWS_ENDPOINT_URL": world.endpoint}
    done = explain(world, "--message", encoded, **variables)
    assert "sts:AssumeRole" in done.stdout and "DENIED" in done.stdout


def test_the_log_can_go_to_standard_output(tmp_path):
    environment = clean_environment(tmp_path / "home", BREVET_DECISION_LOG_MODE="full", BREVET_DECISION_LOG_OUTPUT="stdout")
    process = subprocess.Popen(
        [binary(), "serve", "--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0"],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path,
    )  # fmt: skip
    try:
        head = json.loads(process.stdout.readline())
        assert head["log"]["version"] == 1
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert not (tmp_path / "data/decisions.jsonl").exists()


def test_no_secret_of_the_story_is_in_the_log(world, service):
    session = service.aws("sts", "get-session-token")["Credentials"]
    subject = {"type": "session", "id": "s", "properties": {"session_token": session["SessionToken"]}}
    said = {"record:Url": f"https://host/?token={session['SessionToken'][-64:]}"}
    identity = written(world, service.may(subject, "record:write", RECORD, said))
    told = explain(world, "--id", identity).stdout
    assert "session:    jti " in told
    for content in (log(world).read_bytes(), told.encode()):
        assert world.hunt.found_in(content, "the decision log") == []
