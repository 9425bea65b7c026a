"""The search: which strategies in which order, what its end means, and how a failure is made small."""

import dataclasses
import gc
import os
import pickle
import signal
import sys
import threading
import time
import zlib

from raddle import _bridge, _locks, _places, _points
from raddle._run import Model
from raddle._world import LATENESS

_monotonic = time.monotonic
LANGUAGE, GIL = "language", "gil"
SAMPLES = 300
TASK_SAMPLES = 2_000
BOUND = 4
LEAST_BOUND = 3
SHRINKS = 200


class ExplorationFailed(AssertionError):
    """Some schedule breaks the program."""


@dataclasses.dataclass
class Exploration:
    """What an exploration found, and what it covered."""

    verdict: str
    """`failed`, `proved`, `not-found` or `uncontrolled`."""
    schedules: int = 0
    preemptions: int | None = None
    token: str | None = None
    builds: str | None = None
    trace: list = dataclasses.field(default_factory=list)
    failure: str = ""
    kind: str = ""
    coverage: str = ""

    def assert_ok(self):
        """Raises where a schedule failed, or the program is out of control."""
        if self.verdict in ("failed", "uncontrolled"):
            raise ExplorationFailed(str(self))
        return self

    def __str__(self):
        if self.verdict != "failed":
            return f"{self.verdict}: {self.coverage}"
        lines = [f"failed ({self.kind}): {self.failure}", ""]
        if self.preemptions is not None:
            lines.append(f"preemptions: {self.preemptions}; fails on: {self.builds}; found after {self.schedules} schedules")
        lines += [table(self.trace), f"replay: {self.token}"]
        return "\n".join(lines)


def table(trace):
    """One column an actor, one line a step."""
    actors = {number: name for number, name, *_ in trace}
    order = sorted(actors)
    width = max(24, min(48, 150 // max(len(order), 1)))
    lines = ["  ".join(actors[it].ljust(width) for it in order).rstrip()]
    for number, _, verb, name, place in trace[-60:]:
        cell = f"{_places.shown(place)} {verb} {name}".strip() if place else f"{verb} {name}"
        lines.append(("  " * order.index(number) + " " * width * order.index(number) + cell[:width + 30]).rstrip())
        text = _places.text(place)
        if text:
            lines.append("  " * order.index(number) + " " * width * order.index(number) + "  " + text[:width + 20])
    return "\n".join(lines)


class _Searching:
    def __init__(self, model, seconds, schedules, seed):
        self.model, self.seed = model, seed
        self.begin = _monotonic()
        self.seconds = seconds
        self.most = schedules if schedules is not None else sys.maxsize
        self.count = 0
        self.uncontrolled = None

    def late(self, part=1.0):
        return self.count >= self.most or _monotonic() - self.begin > self.seconds * part

    def through(self, search, until, build=LANGUAGE):
        """Runs until something breaks (gives it), the search ends or time is up."""
        known = len(_points.hot)
        while not self.late(until):
            run = self.model.run(search, build)
            self.count += 1
            if run.uncontrolled:
                self.uncontrolled = run.uncontrolled
                return None, False
            if len(_points.hot) != known:
                return None, True
            if run.broken is not None:
                return run, False
            if not run.more:
                return None, False
        return None, False

    def samples(self, until, build=LANGUAGE, most=SAMPLES):
        """A sample of schedules of two kinds; learns the names that are written."""
        rounds = 0
        kinds = [_bridge.Search("random", self.seed), _bridge.Search("pct", self.seed, 3), _bridge.Search("pct", self.seed + 1, 2)]
        while rounds < most and not self.late(until):
            search = kinds[rounds % len(kinds)] if rounds else _bridge.Search("replay", token=_undisturbed())
            known = len(_points.hot)
            run = self.model.run(search, build)
            rounds += 1
            self.count += 1
            if run.uncontrolled:
                self.uncontrolled = run.uncontrolled
                return None
            # A run in which a name was learnt has fewer points than its replay would have.
            if run.broken is not None and len(_points.hot) == known:
                return run
        return None

    def exhaust(self, kind, until, build=LANGUAGE, limit=BOUND):
        """All schedules; begins anew when a name is learnt."""
        while True:
            search = _bridge.Search(kind, limit=limit)
            found, anew = self.through(search, until, build)
            if not anew:
                return found, search.coverage()


def _undisturbed():
    return _bridge.Search("random").last(0)[0]


def _threads(searching):
    """Gives a failing run, or nothing and what is covered."""
    found = searching.samples(0.15)
    if found or searching.uncontrolled:
        return found, ("some", 0)
    if searching.model.has_tasks:
        return searching.samples(1.0, most=sys.maxsize), ("some", 0)
    found, coverage = searching.exhaust("exhaustive", 0.55)
    if found or searching.uncontrolled or coverage[0] == "all":
        return found, coverage
    found, coverage = searching.exhaust("bounded", 1.0)
    return found, coverage


def _steady(model):
    """Whether the same choices lead to the same run."""
    search = _bridge.Search("random", 7)
    first = model.run(search)
    again = [model.run(_bridge.Search("replay", token=first.last[0])) for _ in range(2)]
    return first.uncontrolled is None and all(it.last == again[0].last and it.outcome == again[0].outcome for it in again)


def _explore(model, seconds, schedules, seed):
    searching = _Searching(model, seconds, schedules, seed)
    if model.only_tasks:
        found, coverage = searching.samples(0.5, most=TASK_SAMPLES), ("some", 0)
    else:
        found, coverage = _threads(searching)
    if found is None:
        return _nothing(searching, coverage)
    return _small(searching, found)


def _nothing(searching, coverage):
    count = searching.count
    if searching.uncontrolled:
        return Exploration("uncontrolled", count, coverage=searching.uncontrolled)
    if not searching.model.only_tasks and not _steady(searching.model):
        return Exploration("uncontrolled", count, coverage="the same choices do not lead to the same run")
    kind, number = coverage
    within = f"timers early or late by up to {LATENESS // 1000} ms"
    if kind == "all":
        return Exploration("proved", count, coverage=f"all schedules of this program, threads only, {within}; {count} runs")
    if kind == "bound" and number >= LEAST_BOUND:
        text = f"all schedules with up to {number} preemptions, threads only, {within}; {count} runs"
        return Exploration("proved", count, coverage=text)
    return Exploration("not-found", count, coverage=f"nothing broke in {count} schedules; there are others")


def _small(searching, found):
    model, broken = searching.model, found.broken

    enough = _monotonic() + min(3.0, searching.seconds / 3)

    def again(token):
        if _monotonic() > enough:
            return None
        run = model.run(_bridge.Search("replay", token=token))
        return run.last if broken.same(run.broken) else None

    confirmed = again(found.last[0])
    if confirmed is None:
        return Exploration("uncontrolled", searching.count, coverage=f"a failure that does not come again: {broken.text}")
    token, preemptions, _ = _bridge.shrink(confirmed, SHRINKS, again)
    last = model.run(_bridge.Search("replay", token=token), record=True)
    builds = "any build" if model.only_tasks else _builds(searching, broken)
    text = last.broken.text if last.broken is not None else broken.text
    return Exploration("failed", searching.count, preemptions, token, builds, last.trace or [], text, broken.kind)


def _builds(searching, broken):
    """Whether the failure also comes where only the GIL's own switches are possible."""
    with_gil = _Searching(searching.model, min(1.5, searching.seconds / 4), None, searching.seed)
    found = with_gil.samples(0.5, GIL, 150)
    coverage = ("some", 0)
    if found is None:
        found, coverage = with_gil.exhaust("bounded", 1.0, GIL, 2)
    if found is not None:
        return "any build"
    return "free-threaded only" if coverage[0] in ("all", "bound") else "free-threaded; not found with the GIL"


def _fingerprint(functions):
    names = "|".join(getattr(it, "__qualname__", repr(type(it))) for it in functions if it is not None)
    return zlib.crc32(names.encode())


def _guarded(work):
    """Does the work in a child where that is cheap: what crashes there is a report."""
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return work()
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _child(work, reader, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    if data:
        answer = pickle.loads(data)
        if isinstance(answer, BaseException):
            raise answer
        return answer
    how = f"signal {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else f"status {status}"
    return Exploration("uncontrolled", coverage=f"the process that explores ended with {how}")


def _child(work, reader, writer):
    os.close(reader)
    try:
        answer = work()
    except BaseException as error:
        answer = error
    try:
        data = pickle.dumps(answer)
    except Exception:
        data = pickle.dumps(RuntimeError(repr(answer)))
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(data)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _steered(model, work):
    _points.hot.clear()
    was = gc.isenabled()
    gc.disable()
    try:
        if model.only_tasks:
            return work()
        with _locks.controlled(), _points.Monitoring():
            return work()
    finally:
        if was:
            gc.enable()


def explore(setup, *actors, invariant=None, seconds=5.0, schedules=None, seed=0):
    """Explores `setup()` handed to each actor, with `invariant(state)` at the end."""
    if not actors:
        raise TypeError("explore needs a setup and at least one actor")
    model = Model(setup, actors, invariant, _fingerprint((setup, *actors)))
    return _guarded(lambda: _steered(model, lambda: _explore(model, seconds, schedules, seed)))


def replay(token, setup, *actors, invariant=None):
    """Runs one schedule again."""
    fingerprint = _fingerprint((setup, *actors))
    if _bridge.fingerprint(token) != fingerprint:
        raise ValueError("this schedule belongs to another program")
    model = Model(setup, actors, invariant, fingerprint)

    def work():
        for _ in range(3):
            run = model.run(_bridge.Search("replay", token=token), record=True)
        if run.uncontrolled:
            return Exploration("uncontrolled", 1, coverage=run.uncontrolled)
        if run.broken is None:
            return Exploration("not-found", 1, coverage="this schedule passes")
        return Exploration("failed", 1, run.last[1], token, None, run.trace or [], run.broken.text, run.broken.kind)

    return _guarded(lambda: _steered(model, work))
