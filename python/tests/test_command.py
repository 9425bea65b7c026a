"""What `raddle explore` does once the native `raddle` has found this interpreter: targets, formats, exit codes, languages."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = '''
import threading

class Account:
    def __init__(self):
        self.balance = 0

    def deposit(self):
        self.balance = self.balance + 1

    def twice(self):
        threads = [threading.Thread(target=self.deposit) for _ in range(2)]
        for it in threads: it.start()
        for it in threads: it.join()
        assert self.balance == 2

def is_two(account):
    return account.balance == 2

BUG = (Account, [Account.deposit, Account.deposit], is_two)
FINE = (Account, [Account.deposit], None)

def main():
    print("hello")
    Account().twice()

def greedy(account):
    pass
'''
TEST = '''
import threading
import pytest

@pytest.fixture
def counts():
    return []

class TestCounts:
    def test_add(self, counts):
        def add():
            if not counts:
                counts.append(1)
        threads = [threading.Thread(target=add) for _ in range(2)]
        for it in threads: it.start()
        for it in threads: it.join()
        assert len(counts) == 1

def test_calm(counts):
    counts.append(1)
    assert counts == [1]
'''
COMMAND = "import sys; from raddle._command import main; sys.exit(main(sys.argv[1]))"


def start(folder, target, token=None, form="json", lang="en", **options):
    request = {"target": target, "token": token, "format": form, "lang": lang, "options": options}
    command = [sys.executable, "-c", COMMAND, json.dumps(request)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")


def run(folder, target, **options):
    process = start(folder, target, **options)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "bank.py").write_text(PROGRAM)
    (tmp_path / "test_counts.py").write_text(TEST)
    (tmp_path / "script.py").write_text("import threading\nprint('once')\n")
    return tmp_path


@pytest.mark.parametrize("target", ["bank.py::BUG", "bank.py::main", "bank.py", "bank.py::Account.twice", "test_counts.py::TestCounts::test_add"])
def test_what_breaks_ends_with_one_and_replays(folder, target):
    code, out, err = run(folder, target)
    assert code == 1, err
    (found,) = json.loads(out)["explorations"]
    assert found["verdict"] == "failed" and any(step["place"]["source"] for step in found["trace"])
    code, out, err = run(folder, found["target"], token=found["token"])
    assert code == 1, err
    (again,) = json.loads(out)["explorations"]
    assert (again["token"], again["failure"].splitlines()[0]) == (found["token"], found["failure"].splitlines()[0])


@pytest.mark.parametrize("target", ["bank.py::FINE", "script.py", "test_counts.py::test_calm"])
def test_what_does_not_break_ends_with_zero(folder, target):
    code, out, err = run(folder, target, seconds=2)
    assert code == 0, err
    assert json.loads(out)["explorations"][0]["verdict"] == "proved"


def test_every_test_of_a_file_is_explored(folder):
    code, out, _ = run(folder, "test_counts.py", seconds=2)
    assert code == 1
    assert [it["verdict"] for it in json.loads(out)["explorations"]] == ["failed", "proved"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere.py", "there is no file `nowhere.py`"),
        ("bank.py::nothing", "`bank.py` has no `nothing`"),
        ("bank.py::greedy", "needs arguments (account)"),
        ("test_counts.py::test_gone", "pytest finds no test"),
        ("broken.py", "cannot be loaded: invalid syntax"),
    ],
)
def test_what_cannot_be_explored_ends_with_two_and_says_why(folder, target, words):
    (folder / "broken.py").write_text("def main(:\n")
    code, out, err = run(folder, target)
    assert (code, out) == (2, "")
    assert words in err


def test_bad_tokens_are_refused(folder):
    assert "is not a token" in run(folder, "bank.py::BUG", token="hello!")[2]
    token = json.loads(run(folder, "bank.py::BUG")[1])["explorations"][0]["token"]
    assert "another program" in run(folder, "bank.py::FINE", token=token)[2]


def test_it_speaks_chinese(folder):
    code, out, _ = run(folder, "bank.py::BUG", form="text", lang="zh")
    assert code == 1
    assert out.startswith("失败 bank.py::BUG") and "线程 1" in out and "重放：raddle replay" in out


def test_the_page_needs_nothing_else(folder):
    code, out, _ = run(folder, "bank.py::BUG", form="html")
    assert code == 1
    assert out.startswith("<!doctype html>") and "self.balance = self.balance + 1" in out
    assert "http" not in out and "<script" not in out and "src=" not in out


def test_ctrl_c_keeps_what_was_covered(folder):
    (folder / "long.py").write_text(
        "import threading\nlock = threading.Lock()\nn = 0\n"
        "def one(_):\n    global n\n    for _ in range(9):\n        with lock: n += 1\n"
        "MANY = (lambda: None, [one, one, one], None)\n"
    )
    process = start(folder, "long.py::MANY", form="text", seconds=100)
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted: nothing broke in" in out


@pytest.mark.skipif(not hasattr(os, "fork"), reason="jobs are forked")
def test_jobs_find_it_too(folder):
    code, out, err = run(folder, "bank.py::BUG", jobs=3)
    assert code == 1, err
    assert json.loads(out)["explorations"][0]["preemptions"] == 1
