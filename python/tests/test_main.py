"""`python -m raddle` is the command line."""

import os
import subprocess
import sys

import pytest

RADDLE = os.environ.get("RADDLE_BINARY")


def run(path, *arguments):
    environment = {**os.environ, "PATH": path}
    command = [sys.executable, "-m", "raddle", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


@pytest.mark.skipif(not RADDLE, reason="RADDLE_BINARY does not name the binary")
def test_arguments_and_exit_codes_pass_through(tmp_path):
    (tmp_path / "app.py").write_text("async def f():\n    pass\n\nasync def g():\n    f()\n")
    said = run(os.path.dirname(RADDLE), "check", "--no-cache", "--lang", "en", str(tmp_path))
    assert said.returncode == 1
    assert "coroutine-never-awaited" in said.stdout
    assert run(os.path.dirname(RADDLE), "check", "--no-such-option").returncode == 2


def test_a_missing_program_is_told(tmp_path):
    said = run(str(tmp_path), "--version")
    if said.returncode == 0:
        pytest.skip("the program stands beside this Python")
    assert "neither beside this Python nor on the path" in said.stderr
