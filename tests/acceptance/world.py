"""The world of a story: a running broker on one of its stores, the programs that stand around it, and what must stay secret."""

import json
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

from actors import Actor
from hunt import Hunt
from machine import binary, clean_environment, free_port, until
from signing import Answer, Key, send
from stores import Embedded, Postgres

HOME_ACCOUNT = "111111111111"
PARTNER_ACCOUNT = "222222222222"
READY_WITHIN_SECONDS = 30


class Broker:
    """One process of `brevet`, and what it printed: `terminal` is its standard output, `log` its standard error."""

    def __init__(self, folder: Path, store, *, command="dev", port=None, name="broker", environment=None, file_size=None):
        self.store, self.command, self.name = store, command, name
        self.folder, self.data_dir = folder, folder / "data"
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment or {}
        self.file_size = file_size
        self.process = None

    @property
    def terminal(self) -> Path:
        return self.folder / f"{self.name}.out"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.err"

    @property
    def on_store(self) -> list[str]:
        """The options that say which store a command works on."""
        return ["--data-dir", str(self.data_dir), *self.store.options]

    def launch(self) -> subprocess.Popen:
        with self.terminal.open("ab") as terminal, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [binary(), self.command, *self.on_store, "--listen", f"127.0.0.1:{self.port}"],
                env=clean_environment(self.folder / "home", **self.environment),
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=log,
                cwd=self.folder,
                # With a limit on the size of files, a write over it must come back as an error, not as a signal.
                restore_signals=self.file_size is None,
                preexec_fn=self._limit_files if self.file_size else None,
            )
        return self.process

    def start(self) -> float:
        """Starts the broker and returns after how many seconds it was ready."""
        started = time.monotonic()
        self.launch()
        until(f"{self.command} to be ready", self._ready_or_dead, READY_WITHIN_SECONDS)
        return time.monotonic() - started

    def stop(self) -> int:
        """Asks it to finish what it has begun and go."""
        self.process.terminate()
        return self.process.wait(20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def get(self, path: str) -> Answer:
        return send("GET", self.url + path)

    def json(self, path: str) -> dict:
        answer = self.get(path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.body[:300]!r}"
        return json.loads(answer.body)

    def run(self, *arguments: str, stdin: str | None = None, check: bool = True, **environment: str) -> subprocess.CompletedProcess:
        """Runs another command of the same binary to its end."""
        given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(
            [binary(), *arguments],
            env=clean_environment(self.folder / "home", **environment),
            capture_output=True,
            text=True,
            timeout=60,
            **given,
        )
        assert not check or done.returncode == 0, f"brevet {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}"
        return done

    def exports(self) -> dict[str, str]:
        """The `export NAME=value` lines that the terminal shows for pasting."""
        return dict(re.findall(r"^\s*export (\w+)=[\"']?([^\"'\s]*)", self.terminal.read_text(), re.MULTILINE))

    def export_lines(self) -> str:
        return "\n".join(line.strip() for line in self.terminal.read_text().splitlines() if line.strip().startswith("export "))

    def assert_no_panic(self) -> None:
        for path in (self.log, self.terminal):
            assert b"panicked" not in path.read_bytes(), f"a panic is in {path.name}:\n{path.read_text(errors='replace')[-2000:]}"

    def _ready_or_dead(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"{self.command} exited {self.process.returncode}:\n{self.log.read_text(errors='replace')[-3000:]}")
        try:
            return self.get("/health/ready").status == 200
        except Exception:  # not listening yet
            return False

    def _limit_files(self) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_size, resource.RLIM_INFINITY))


class World:
    """A broker of the story's home account, its root user, and everybody who comes to be."""

    def __init__(self, folder: Path, store, **broker):
        self.folder, self.store, self.hunt = folder, store, Hunt()
        key = Key("AKIA" + "BREVETACCEPT" + "ROOT", "acceptance/root+secret/0123456789ABCDEFG")
        bootstrap = {
            "BREVET_BOOTSTRAP_ACCOUNT_ID": HOME_ACCOUNT,
            "BREVET_BOOTSTRAP_ACCESS_KEY_ID": key.id,
            "BREVET_BOOTSTRAP_SECRET_ACCESS_KEY": key.secret,
        }
        self.hunt.remember("the first root's secret access key", key.secret)
        self.broker = Broker(folder, store, environment=bootstrap, **broker)
        self.root = Actor(self, "root", key)
        self.others: list[Broker] = []
        self.ready_after = self.broker.start()

    @property
    def endpoint(self) -> str:
        return self.broker.url

    def home(self, name: str) -> Path:
        """A home directory that nobody else has."""
        path = self.folder / "homes" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def another_broker(self) -> Broker:
        """One more broker of the fleet: the same store and master key, a listener of its own."""
        other = Broker(self.folder, self.store, command="serve", name=f"broker-{len(self.others) + 2}")
        self.others.append(other)
        other.start()
        return other

    def restart(self) -> None:
        assert self.broker.stop() == 0, "the broker did not leave in order"
        self.broker.start()

    def audit(self, *filters: str) -> list[dict]:
        """The trail, as `brevet audit` prints it."""
        lines = self.broker.run("audit", *self.broker.on_store, "--format", "json", "--limit", "100000", *filters).stdout
        return [json.loads(line) for line in lines.splitlines()]

    def account(self, name: str, account_id: str) -> Actor:
        """A further account, made beside the running broker; answers its root."""
        command = ["account", "create", *self.broker.on_store, "--name", name, "--account-id", account_id]
        made = json.loads(self.broker.run(*command).stdout)
        assert made["AccountId"] == account_id
        self.hunt.remember_all_in(made, name)
        return Actor(self, name, Key(made["AccessKeyId"], made["SecretAccessKey"]))

    def end(self) -> None:
        for broker in [self.broker, *self.others]:
            if broker.running():
                broker.stop()
        self.store.drop()


def make_store(name: str, postgres_admin_url):
    """`postgres_admin_url` is called only where it is needed, as it may start a server."""
    return Embedded() if name == "sqlite" else Postgres(postgres_admin_url())
