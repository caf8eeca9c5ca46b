"""The two stores that a broker can stand on, and throw-away PostgreSQL clusters to put the second one in."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from machine import free_port


class Embedded:
    """SQLite in the broker's data directory: the default, no option needed."""

    name = "sqlite"
    options: list[str] = []

    def everything_in_it(self, data_dir: Path) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in sorted(data_dir.rglob("*")) if p.is_file() and p.name != "master.key"}

    def drop(self) -> None:
        pass


class Postgres:
    """A fresh database of its own on a PostgreSQL server."""

    name = "postgres"

    def __init__(self, admin_url: str):
        self.admin_url = admin_url
        self.database = f"brevet_{secrets.token_hex(6)}"
        self.url = urlsplit(admin_url)._replace(path=f"/{self.database}").geturl()
        self.options = ["--database", self.url]
        self._sql(f"CREATE DATABASE {self.database}")

    def everything_in_it(self, data_dir: Path) -> dict[str, bytes]:
        dump = subprocess.run([tool("pg_dump"), self.url], capture_output=True, check=True, timeout=120).stdout
        assert b"CREATE TABLE" in dump, "the dump of the database holds no table"
        files = Embedded().everything_in_it(data_dir)
        return files | {"pg_dump": dump}

    def drop(self) -> None:
        self._sql(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")

    def _sql(self, statement: str) -> None:
        command = [tool("psql"), self.admin_url, "-q", "-X", "-v", "ON_ERROR_STOP=1", "-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"psql: {done.stderr}"


class Cluster:
    """A PostgreSQL server of our own that can be stopped and started, on a free loopback port, gone afterwards."""

    def __init__(self):
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="brevet-postgres-"))
        self.user = None
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root, so it runs as the user its package made, or as nobody.
            self.user = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
            shutil.chown(self.folder, self.user)
        self._run("initdb", "-D", self.data, "-U", "brevet", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.start()

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    @property
    def admin_url(self) -> str:
        return f"postgres://brevet@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._run("pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", settings, "start")

    def stop(self) -> None:
        """Stops at once and cuts every connection, as a power failure would."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        try:
            self.stop()
        except AssertionError:
            pass  # it is stopped already
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, name: str, *arguments: str) -> None:
        command = [tool(name), *arguments]
        if self.user:
            command = ["runuser", "-u", self.user, "--", *command]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=120, cwd="/"
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"


def tool(name: str) -> str:
    """A program of PostgreSQL: on the path, or where Debian keeps the server's own."""
    versioned = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4].split(".")[0]))
    found = str(versioned[-1]) if versioned else shutil.which(name)
    assert found, f"{name} of PostgreSQL is not installed (Debian: apt-get install postgresql)"
    return found
