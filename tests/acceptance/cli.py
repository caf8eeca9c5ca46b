"""The AWS CLI, started once and forked for each command: what takes a second a command otherwise takes a tenth.

Run as a program, this file is the server: it loads the CLI, then reads one command a line (JSON) and answers with what it
printed and how it ended. A fork is a process of its own, so no command leaves anything behind for the next.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

from botocore import xform_name


class CommandLine:
    """Somebody at a shell who types `aws iam ...`, and which commands have succeeded."""

    def __init__(self, actor):
        self.actor = actor
        self.succeeded: set[str] = set()
        self.server = subprocess.Popen(
            [sys.executable, __file__],
            env=actor.environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=actor.world.home(actor.name),
        )

    def close(self) -> None:
        self.server.stdin.close()
        self.server.wait(20)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """`aws ARGUMENTS`: its exit code, what it printed, and what it complained about."""
        self.server.stdin.write(json.dumps(arguments) + "\n")
        self.server.stdin.flush()
        status, printed, complaint = json.loads(self.server.stdout.readline())
        if status == 0 and arguments[0] == "iam":
            self.succeeded.add(arguments[1])
        return status, printed, complaint

    def text(self, command: str, *more: str, **parameters) -> str:
        """`aws iam COMMAND --parameter value ...`, which must succeed; what it printed."""
        status, printed, complaint = self.run("iam", *command.split(), *options(parameters), *more)
        assert status == 0, f"aws iam {command}: exit {status}: {complaint or printed}"
        return printed

    def __call__(self, command: str, *more: str, **parameters):
        """The answer in JSON; nothing where the command answers nothing."""
        printed = self.text(command, *more, "--output", "json", **parameters)
        answer = json.loads(printed) if printed.strip() else {}
        self.actor.world.hunt.remember_all_in(answer, command)
        return answer

    def refused(self, command: str, *more: str, **parameters) -> str:
        """The code with which the broker refuses the command."""
        status, printed, complaint = self.run("iam", *command.split(), *options(parameters), *more)
        assert status != 0 and "An error occurred (" in complaint, f"aws iam {command}: exit {status}: {printed}{complaint}"
        return complaint.partition("An error occurred (")[2].partition(")")[0]


def options(parameters: dict) -> list[str]:
    """`UserName="alice"` as `--user-name alice`: lists of words as words, switches as switches, anything else as JSON."""
    given = []
    for name, value in parameters.items():
        option = xform_name(name, "-")
        if isinstance(value, bool):
            given.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            given += [f"--{option}", *value]
        else:
            given += [f"--{option}", json.dumps(value) if isinstance(value, (dict, list)) else str(value)]
    return given


def serve() -> None:
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    # Imported here what every command needs, not again in every fork.
    driver.session.get_service_model("iam")
    for line in sys.stdin:
        arguments = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                status = 255
                with contextlib.suppress(BaseException):
                    status = driver.main(arguments)
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        print(json.dumps([status, *texts]), flush=True)


if __name__ == "__main__":
    serve()
