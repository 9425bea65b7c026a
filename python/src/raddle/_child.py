"""Explored code runs in child processes, so that a crash becomes a report; Ctrl-C ends a search and keeps what it has covered."""

import contextlib
import os
import pickle
import selectors
import signal
import sys
import threading
import time

from raddle._exploration import Exploration
from raddle._words import say

interrupted = False
"""Whether somebody has pressed Ctrl-C: the search ends after the run at hand."""
_PATIENCE = 1.0
"""A second Ctrl-C after so many seconds ends the process; a terminal and a parent may both pass on the first."""


def run(work, jobs=1, quiet=False):
    """Does `work(job)` in a child for each job where that is cheap; gives the first failure, else what says most."""
    global interrupted
    interrupted = False
    if not hasattr(os, "fork") or threading.active_count() > 1:
        with _interruptible(_stop()):
            return work(0)
    sys.stdout.flush()
    sys.stderr.flush()
    children = [_start(work, job, quiet) for job in range(max(jobs, 1))]

    def pass_on(*_):
        for child, _ in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGINT)

    with _interruptible(pass_on):
        return _best(_answers(children))


def _stop():
    begun = []

    def stop(*_):
        global interrupted
        interrupted = True
        now = time.clock_gettime(time.CLOCK_MONOTONIC) if hasattr(time, "clock_gettime") else 0.0
        begun.append(now)
        if now - begun[0] > _PATIENCE:
            os._exit(130)

    return stop


@contextlib.contextmanager
def _interruptible(handler):
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start(work, job, quiet):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.signal(signal.SIGINT, _stop())
        if quiet:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        _answer(lambda: work(job), writer)
    os.close(writer)
    return child, reader


def _answer(work, writer):
    try:
        answer = work()
    except BaseException as error:
        answer = error
    try:
        data = pickle.dumps(answer)
        pickle.loads(data)
    except Exception:
        data = pickle.dumps(RuntimeError(repr(answer)))
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(data)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _answers(children):
    """What each child says; once one has found a failure the others are ended."""
    data = {reader: b"" for _, reader in children}
    answers = {}
    with selectors.DefaultSelector() as selector:
        for child, reader in children:
            selector.register(reader, selectors.EVENT_READ, child)
        while selector.get_map():
            for key, _ in selector.select():
                piece = os.read(key.fd, 1 << 16)
                data[key.fd] += piece
                if not piece:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _, status = os.waitpid(key.data, 0)
                    answers[key.data] = _read(data[key.fd], status)
            if any(isinstance(it, Exploration) and it.verdict in ("failed", "proved") for it in answers.values()):
                for key in list(selector.get_map().values()):
                    os.kill(key.data, signal.SIGKILL)
                    os.waitpid(key.data, 0)
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return [answers[child] for child, _ in children if child in answers]


def _read(data, status):
    if data:
        return pickle.loads(data)
    how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
    return Exploration("uncontrolled", coverage=say("crashed", how=how))


def _best(answers):
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    for verdict in ("failed", "uncontrolled", "proved"):
        for answer in answers:
            if answer.verdict == verdict:
                return answer
    first = answers[0]
    if len(answers) > 1:
        first.schedules = sum(it.schedules for it in answers)
        first.interrupted = any(it.interrupted for it in answers)
        first.coverage = say("interrupted" if first.interrupted else "sample", n=first.schedules)
    return first
