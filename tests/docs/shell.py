"""Runs the commands of a document, in their order, in one shell beside a broker of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import documents

READY_WITHIN_SECONDS = 30
DOCUMENT_WITHIN_SECONDS = 300


def binary() -> Path:
    """The program under test: what BREVET_BIN names, or the newest build."""
    if named := os.environ.get("BREVET_BIN"):
        return Path(named).resolve()
    target = Path(os.environ.get("CARGO_TARGET_DIR", documents.TREE / "target"))
    built = [path for path in (target / "debug/brevet", target / "release/brevet") if path.exists()]
    assert built, "there is no brevet to test: cargo build, or set BREVET_BIN"
    return max(built, key=lambda path: path.stat().st_mtime)


class Desk:
    """A folder as the reader would have one: a broker running in it, `brevet` on the path, nothing else configured."""

    def __init__(self, folder: Path):
        self.folder = folder
        for place in ("bin", "home/.aws"):
            (folder / place).mkdir(parents=True)
        # A copy, so that a build while the tests run changes nothing.
        shutil.copy2(binary(), folder / "bin/brevet")
        clients = Path(sys.executable).parent
        self.environment = {
            "PATH": f"{folder / 'bin'}:{clients}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            # Every broker of the documents takes a free port, so that they can run side by side.
            "BREVET_SERVER_LISTEN": "127.0.0.1:0",
        }
        self.broker = None

    def start(self) -> None:
        """`brevet dev`, and the variables that it prints for pasting."""
        out, err = self.folder / "broker.out", self.folder / "broker.err"
        self.broker = subprocess.Popen(
            ["brevet", "dev"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=out.open("wb"),
            stderr=err.open("wb"),
            start_new_session=True,
        )
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while "Stop it with" not in out.read_text():
            assert self.broker.poll() is None, f"the broker exited:\n{err.read_text()}"
            assert time.monotonic() < deadline, "the broker did not print that it is ready"
            time.sleep(0.02)
        self.environment |= dict(re.findall(r"^export (\w+)=(\S+)$", out.read_text(), re.MULTILINE))

    def stop(self) -> None:
        if self.broker is not None and self.broker.poll() is None:
            self.broker.terminate()
            self.broker.wait(30)

    def run(self, document: Path) -> None:
        """Runs the document's commands; fails at the first that does not end as it should."""
        blocks = documents.commands(document)
        script = self.folder / "commands.sh"
        script.write_text(PROLOGUE + "".join(as_script(block, number) for number, block in enumerate(blocks)))
        log = self.folder / "commands.log"
        with log.open("wb") as output:
            shell = subprocess.Popen(
                ["bash", str(script)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = shell.wait(DOCUMENT_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                code = "none: it took too long"
            finally:
                # What the document has left running in the background belongs to the shell's own session.
                try:
                    os.killpg(shell.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                shell.wait()
        said = log.read_text(errors="replace")
        reached = [int(number) for number in (self.folder / REACHED).read_text().split()]
        where = f"{documents.name(document)}:{blocks[reached[-1]].line}" if reached else documents.name(document)
        assert code == 0, f"the commands that begin at {where} ended with status {code}:\n{said[-4000:]}"
        assert len(reached) == len(blocks), "not every block was run"


REACHED = "reached"

# Errors end the run, also within functions and pipes. `must_fail` is what a leading `!` becomes, which a shell would let pass;
# what the AWS CLI is refused must be refused by the broker's answer, not by a broker that is not there.
PROLOGUE = f"""set -eEuo pipefail
: >{REACHED}
must_fail() {{
  local said
  if said=$("$@" 2>&1); then echo "this should have been refused: $*"; exit 1; fi
  printf '%s\\n' "$said" >&2
  case "$*" in *"aws "*) grep --quiet 'An error occurred (' <<<"$said" ;; esac
}}
"""


def as_script(block: documents.Block, number: int) -> str:
    text = re.sub(r"^! ", "must_fail ", block.text, flags=re.MULTILINE)
    return f"echo {number} >>{REACHED}\n{text}"
