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


CASES = """
import asyncio
import threading
import unittest

class Threads(unittest.TestCase):
    def setUp(self):
        self.n = 0

    def add(self):
        self.n = self.n + 1

    def test_lost(self):
        threads = [threading.Thread(target=self.add) for _ in range(2)]
        for it in threads: it.start()
        for it in threads: it.join()
        self.assertEqual(self.n, 2)

    def test_calm(self):
        self.add()
        self.assertEqual(self.n, 1)

    def test_skips(self):
        self.skipTest("not here")

class Tasks(unittest.IsolatedAsyncioTestCase):
    async def test_split(self):
        total = 0

        async def add():
            nonlocal total
            seen = total
            await asyncio.sleep(0)
            total = seen + 1

        await asyncio.gather(add(), add())
        self.assertEqual(total, 2)
"""


def test_cases_of_unittest_are_explored(tmp_path):
    (tmp_path / "test_cases.py").write_text(CASES)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--raddle-all", "--raddle-seconds", "3", "test_cases.py"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120).stdout
    assert "2 failed, 2 passed" in said, said
    assert "FAILED test_cases.py::Threads::test_lost" in said and "FAILED test_cases.py::Tasks::test_split" in said
