"""What happens when the machine lets the broker down: killed in mid-write, the disk full, the database gone."""

import json
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from actors import allow, policy
from botocore.exceptions import BotoCoreError, ClientError
from machine import until
from signing import form
from stores import Cluster, Embedded, Postgres
from world import World, make_store

WRITES, WRITERS, KILL_AFTER = 1000, 6, 300
REFUSED = {"ServiceUnavailable", "ServiceFailure"}
TAGS = [{"Key": "batch", "Value": "crash"}, {"Key": "shape", "Value": "whole"}]


@pytest.fixture(params=["sqlite", "postgres"])
def crashing_world(request, tmp_path, postgres_admin_url):
    world = World(tmp_path, make_store(request.param, postgres_admin_url))
    yield world
    world.end()
    world.broker.assert_no_panic()


# Killed


def test_killed_in_the_middle_of_a_thousand_writes_it_keeps_every_acknowledged_one(crashing_world):
    world = crashing_world
    world.root.boto("iam").create_group(GroupName="crowd")
    acknowledged = {"user": set(), "member": set(), "policy": set()}
    lock, enough = threading.Lock(), threading.Event()

    def acknowledge(what: str, name: str) -> None:
        with lock:
            acknowledged[what].add(name)
            if len(acknowledged["user"]) >= KILL_AFTER:
                enough.set()

    def write(worker: int) -> None:
        iam = world.root.boto("iam")
        for number in range(worker, WRITES, WRITERS):
            name = f"user-{number:04}"
            try:
                iam.create_user(UserName=name, Tags=TAGS, Path="/crash/")
                acknowledge("user", name)
                iam.add_user_to_group(GroupName="crowd", UserName=name)
                acknowledge("member", name)
                iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(allow("reports:Read")))
                acknowledge("policy", name)
            except (BotoCoreError, ClientError):
                return  # the broker is gone

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, worker) for worker in range(WRITERS)]
        assert enough.wait(120), "the writers were too slow to be interrupted"
        world.broker.kill()
        for writer in writers:
            writer.result()
    assert len(acknowledged["user"]) < WRITES, "it was killed too late to prove anything"

    world.broker.start()
    iam = world.root.boto("iam")
    pages = iam.get_paginator("list_users").paginate(PathPrefix="/crash/")
    found = {user["UserName"] for page in pages for user in page["Users"]}
    members = {user["UserName"] for page in iam.get_paginator("get_group").paginate(GroupName="crowd") for user in page["Users"]}
    assert acknowledged["user"] <= found, f"lost: {sorted(acknowledged['user'] - found)[:5]}"
    assert acknowledged["member"] <= members, f"lost members: {sorted(acknowledged['member'] - members)[:5]}"
    assert members <= found, "the group has members that do not exist"
    for name in sorted(found):
        user = iam.get_user(UserName=name)["User"]
        assert sorted(user["Tags"], key=lambda tag: tag["Key"]) == TAGS, f"{name} is half-made: {user}"
        groups = [group["GroupName"] for group in iam.list_groups_for_user(UserName=name)["Groups"]]
        assert groups == (["crowd"] if name in members else []), f"{name} and the group disagree"
        policies = iam.list_user_policies(UserName=name)["PolicyNames"]
        assert policies == ["own"] or (policies == [] and name not in acknowledged["policy"])
    # What was not acknowledged can be done now, whether or not it had happened.
    for name in sorted(found - members)[:3]:
        iam.add_user_to_group(GroupName="crowd", UserName=name)
    iam.create_user(UserName="afterwards", Path="/crash/")


# The database gone


@pytest.fixture
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.remove()


def test_while_the_database_is_gone_it_says_so_and_resumes_by_itself(cluster, tmp_path):
    world = World(tmp_path, Postgres(cluster.admin_url))
    try:
        iam = world.root.boto("iam")
        iam.create_user(UserName="before", Tags=TAGS)
        cluster.stop()

        answer = world.root.call(form("CreateUser", UserName="meanwhile"))
        assert answer.code in REFUSED and answer.status in {500, 503}, answer.body
        assert answer.seconds < 20
        until("the broker to say that it is not ready", lambda: world.broker.get("/health/ready").status == 503)
        assert world.broker.get("/health/live").status == 200, "there is nothing that a restart would help"

        cluster.start()

        def works_again():
            return world.root.call(form("CreateUser", UserName="after")).status in {200, 409}

        until("the broker to resume by itself", works_again, 30)
        until("the broker to be ready again", lambda: world.broker.get("/health/ready").status == 200)
        names = {user["UserName"] for user in iam.list_users()["Users"]}
        assert {"before", "after"} <= names and "meanwhile" not in names
        assert iam.get_user(UserName="before")["User"]["Tags"] == TAGS
        world.broker.assert_no_panic()
    finally:
        world.broker.kill()


def asked(world, user: str):
    """What a service hears that asks whether this user may read the report."""
    return world.root.evaluate({"type": "user", "id": user}, "report:read", "arn:aws:report:::q3")


@pytest.mark.parametrize("degraded", ["0", "600"])
def test_while_the_database_is_gone_services_are_refused_or_told_that_service_is_degraded(cluster, tmp_path, degraded):
    world = World(tmp_path, Postgres(cluster.admin_url))
    try:
        world.broker.environment |= {"BREVET_STORE_DEGRADED_SERVICE": degraded, "BREVET_STORE_STALENESS_BOUND": "1"}
        world.restart()
        iam = world.root.boto("iam")
        for user in ("alice", "never-asked-about"):
            iam.create_user(UserName=user)
            iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=policy(allow("report:read")))
        fresh = json.loads(asked(world, "alice").body)
        assert fresh["decision"] is True and "degraded" not in fresh["context"], fresh
        cluster.stop()
        until("the broker to know nothing recent", lambda: b'"stale"' in world.broker.get("/health/ready").body)

        answer = asked(world, "alice")
        if degraded == "0":
            assert answer.status == 503, answer.body
        else:
            told = json.loads(answer.body)
            assert told["decision"] is True and told["context"]["degraded"] is True, told
            assert told["context"]["max_age"] == 0, "nobody keeps a guess"
        unknown = asked(world, "never-asked-about")
        assert unknown.status == 503, "what was never read cannot be known"
        # The broker itself does nothing on old knowledge, whatever it tells services.
        assert world.root.call(form("ListUsers")).status in {500, 503}
        assert world.root.call(form("GetCallerIdentity", service="sts"), service="sts").status in {500, 503}

        cluster.start()
        until("service as before", lambda: "degraded" not in asked(world, "alice").body.decode(), 30)
        until("the answers to be good again", lambda: asked(world, "alice").status == 200, 30)
        world.broker.assert_no_panic()
    finally:
        world.broker.kill()


# The disk full


class SmallDisk:
    """A file system of a few megabytes, where the machine lets us mount one."""

    how = "a small disk"

    def __init__(self, folder):
        self.world = World(folder, Embedded())
        self.filler = folder / "filler"

    def fill(self) -> None:
        with self.filler.open("wb", buffering=0) as filler:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while filler.write(b"\xff" * size) == size:
                        pass
                except OSError:
                    pass

    def make_room(self) -> None:
        self.filler.unlink()


class SmallFiles:
    """A limit on the size of the broker's files, where nothing can be mounted."""

    how = "files of limited size"

    def __init__(self, folder):
        self.world = World(folder, Embedded(), file_size=1 << 30)

    def fill(self) -> None:
        largest = max(path.stat().st_size for path in self.world.broker.data_dir.rglob("*") if path.is_file())
        self._limit(str(largest))

    def make_room(self) -> None:
        self._limit("unlimited")

    def _limit(self, size: str) -> None:
        pid = str(self.world.broker.process.pid)
        subprocess.run(["prlimit", "--pid", pid, f"--fsize={size}:unlimited"], check=True)


@pytest.fixture
def small_file_system(tmp_path):
    """A folder with a file system of its own, of 32 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)], capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here (it takes root): the limit on file sizes stands in for it")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=["disk", "files"])
def small_disk(request, tmp_path):
    if request.param == "disk":
        disk = SmallDisk(request.getfixturevalue("small_file_system"))
    else:
        disk = SmallFiles(tmp_path)
    yield disk
    disk.world.broker.kill()


def test_while_the_disk_is_full_writes_are_refused_and_nothing_is_lost(small_disk):
    world = small_disk.world
    document = policy(allow([f"reports:Action{i}" for i in range(60)]))
    acknowledged = []

    def write(number: int):
        name = f"user-{number:04}"
        answer = world.root.call(form("CreateUser", UserName=name))
        if answer.status == 200:
            acknowledged.append(name)
            answer = world.root.call(form("PutUserPolicy", UserName=name, PolicyName="law", PolicyDocument=document))
        return answer

    for number in range(20):
        assert write(number).status == 200
    small_disk.fill()
    refusal = None
    for number in range(20, 4000):
        answer = write(number)
        if answer.status != 200:
            refusal = answer
            break
    assert refusal is not None, f"four thousand writes went into {small_disk.how}"
    assert refusal.code in REFUSED and refusal.status in {500, 503}, refusal.body
    assert refusal.seconds < 20
    assert world.broker.running() and world.broker.get("/health/live").status == 200

    small_disk.make_room()
    until("the broker to resume by itself", lambda: world.root.call(form("CreateUser", UserName="after")).status in {200, 409}, 30)

    def everybody():
        pages = world.root.boto("iam").get_paginator("list_users").paginate()
        return {user["UserName"] for page in pages for user in page["Users"]}

    assert set(acknowledged) | {"after"} <= everybody()
    world.broker.kill()
    world.broker.start()
    assert set(acknowledged) | {"after"} <= everybody()
    world.broker.assert_no_panic()
