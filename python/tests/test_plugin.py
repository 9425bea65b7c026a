"""`pytest --raddle` explores what is marked, and nothing happens without it."""

import subprocess
import sys

PROGRAM = '''
import threading
import raddle

@raddle.explore(seconds=5)
def test_counter():
    state = {"n": 0}
    def add():
        state["n"] = state["n"] + 1
    threads = [threading.Thread(target=add) for _ in range(2)]
    for it in threads: it.start()
    for it in threads: it.join()
    assert state["n"] == 2
'''


def run(folder, *options):
    (folder / "test_it.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "pytest", "-q", *options, "test_it.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_marked_test_fails_under_some_schedule(tmp_path):
    said = run(tmp_path, "--raddle")
    assert said.returncode == 1
    assert "AssertionError" in said.stdout and "replay: " in said.stdout


def test_without_the_option_it_runs_once(tmp_path):
    assert run(tmp_path).returncode == 0


def test_a_token_replays(tmp_path):
    said = run(tmp_path, "--raddle", "--raddle-seconds", "3")
    token = next(line for line in said.stdout.splitlines() if "replay: " in line).split()[-2]
    again = run(tmp_path, f"--raddle-replay={token}")
    assert again.returncode == 1 and "found in the first schedule" in again.stdout
    assert "not a token" in run(tmp_path, "--raddle-replay=zzzz").stdout


def test_a_marker_does_as_well(tmp_path):
    program = PROGRAM.replace("@raddle.explore(seconds=5)", "@pytest.mark.raddle(seconds=3)").replace("import raddle", "import pytest")
    (tmp_path / "test_it.py").write_text(program)
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "--raddle", "test_it.py"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120).returncode == 1
