"""The checked-in tables and requests are what the installed botocore publishes and writes."""

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent


@pytest.mark.parametrize("script", ["make_table.py", "make_inputs.py"])
def test_in_step_with_the_installed_botocore(script):
    run = subprocess.run([sys.executable, HERE / script, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
