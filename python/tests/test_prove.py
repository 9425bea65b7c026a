"""A finding is driven by a harness that raddle writes, or it is said what is missing."""

import json
import subprocess
import sys

import pytest

PROGRAM = '''
import asyncio
import random
import threading
import time

class Ledger:
    entries = []

class Account:
    def __init__(self, ledger: Ledger, start: int):
        self.ledger, self.balance = ledger, start
        self.a, self.b = threading.Lock(), threading.Lock()

    def deposit(self, amount: int):
        self.balance = self.balance + amount

    def deposit_guarded(self, amount: int):
        with self.a:
            self.balance = self.balance + amount

    def one(self):
        with self.a:
            with self.b: pass

    def two(self):
        with self.b:
            with self.a: pass

    def needs(self, who): pass

    def stamp(self):
        self.balance = random.random()

TOTAL = 0
CACHE = {}

async def bump():
    global TOTAL
    seen = TOTAL
    await asyncio.sleep(0)
    TOTAL = seen + 1

async def swallows(queue: asyncio.Queue):
    while True:
        try:
            await queue.get()
        except BaseException:
            pass

async def ends(queue: asyncio.Queue):
    try:
        await queue.get()
    finally:
        await asyncio.sleep(0)

async def save(): pass

async def loses():
    save()

def outer():
    total = 0
    def inner():
        nonlocal total
        total = total + 1
    threads = [threading.Thread(target=inner) for _ in range(2)]
    for it in threads: it.start()
    for it in threads: it.join()
    return total

def around():
    async def swallows():
        try:
            await asyncio.sleep(1)
        except BaseException:
            return 1
'''
LINES = PROGRAM.splitlines()
COMMAND = "import sys; from raddle._command import main; sys.exit(main(sys.argv[1]))"


def line(text, after=""):
    begin = next((n for n, it in enumerate(LINES) if after and after in it), 0)
    return next(n for n, it in enumerate(LINES, 1) if n > begin and text in it)


def prove(folder, rule, at, *others, form="json"):
    (folder / "bank.py").write_text(PROGRAM)
    story = [{"act": "acquire", "file": "bank.py", "line": it} for it in others]
    proof = {"kind": "inferred", "because": []}
    finding = {"rule": rule, "file": "bank.py", "line": at, "message": "so it is", "story": story, "proof": proof}
    request = {"target": "bank.py", "format": form, "lang": "en", "options": {"seconds": 3}, "findings": [finding]}
    command = [sys.executable, "-c", COMMAND, json.dumps(request)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if form != "json":
        return done.returncode, done.stdout
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["findings"][0]


@pytest.mark.parametrize(
    ("rule", "at", "others", "kind"),
    [
        ("unguarded-shared-write", line("self.balance = self.balance", "def deposit(self"), (), "invariant"),
        ("await-splits-update", line("TOTAL = seen"), (), "invariant"),
        ("unguarded-shared-write", line("total = total + 1"), (), "invariant"),
        ("lock-order-cycle", line("with self.a: pass"), (line("with self.b: pass"),), "deadlock"),
        ("cancellation-swallowed", line("except BaseException"), (), "invariant"),
        ("coroutine-never-awaited", line("save()", "async def loses"), (), "never-awaited"),
    ],
)
def test_what_is_true_is_replayed(tmp_path, rule, at, others, kind):
    code, finding = prove(tmp_path, rule, at, *others)
    assert (code, finding["proof"]["kind"], finding["exploration"]["kind"]) == (1, "replayed", kind), finding
    request = {"target": finding["exploration"]["target"], "token": finding["proof"]["schedule"], "format": "json", "lang": "en", "options": {}}
    again = subprocess.run([sys.executable, "-c", COMMAND, json.dumps(request)], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert again.returncode == 1, again.stderr


@pytest.mark.parametrize(
    ("rule", "at"),
    [
        ("unguarded-shared-write", line("self.balance = self.balance", "def deposit_guarded")),
        ("cancellation-swallowed", line("await queue.get()", "async def ends")),
        ("self-deadlock", line("with self.b: pass")),
        ("coroutine-never-awaited", line("TOTAL = seen")),
    ],
)
def test_what_is_not_true_is_not_replayed(tmp_path, rule, at):
    code, finding = prove(tmp_path, rule, at)
    assert (code, finding["proof"]["kind"]) == (0, "inferred"), finding


@pytest.mark.parametrize(
    ("rule", "at", "words"),
    [
        ("unguarded-shared-write", line("def needs"), "`Account.needs` needs arguments (who)"),
        ("cancellation-swallowed", line("return 1"), "stands inside another function"),
        ("unguarded-shared-write", line("random.random()"), "do not do the same twice"),
        ("unguarded-shared-write", line("CACHE = {}"), "in no function"),
        ("unbounded-gather", line("TOTAL = seen"), "is not driven by schedules yet"),
    ],
)
def test_what_is_missing_is_said(tmp_path, rule, at, words):
    code, finding = prove(tmp_path, rule, at)
    assert code == 2 and words in finding["needs"], finding


def test_the_text_has_the_token(tmp_path):
    code, said = prove(tmp_path, "await-splits-update", line("TOTAL = seen"), form="text")
    assert code == 1 and "replayed: a schedule of" in said and "replay: raddle replay" in said
