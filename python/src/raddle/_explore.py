"""The search: which strategies in which order, what its end means, and how a failure is made small."""

import contextlib
import copy
import dataclasses
import functools
import gc
import sys
import time
import zlib

from raddle import _bridge, _child, _locks, _points, _pool
from raddle._exploration import Exploration
from raddle._run import Model, NeedsThreads, listening
from raddle._words import Refusal, say
from raddle._world import LATENESS

_monotonic = time.monotonic
LANGUAGE, GIL = "language", "gil"
STRATEGIES = ("auto", "random", "pct", "exhaustive", "bounded", "cancel")
MODELS = ("both", "gil")
SAMPLES = 300
FEW = 100
BOUND = 4
LEAST_BOUND = 3
SHRINKS = 200
CANCELLING = 0x5A5A_5A5A
"""Marks a schedule in which tasks are cancelled: replay has to know."""


@dataclasses.dataclass
class Options:
    """How to search."""

    seconds: float = 5.0
    schedules: int | None = None
    strategy: str = "auto"
    model: str = "both"
    seed: int = 0
    jobs: int = 1

    def __post_init__(self):
        if self.strategy not in STRATEGIES:
            raise ValueError(f"no strategy is called {self.strategy!r}: there are {', '.join(STRATEGIES)}")
        if self.model not in MODELS:
            raise ValueError(f"no model is called {self.model!r}: there are {', '.join(MODELS)}")


class _Searching:
    """One search, and how much of its time and of its runs is left."""

    def __init__(self, model, options):
        self.model, self.seed, self.options = model, options.seed, options
        self.begin = _monotonic()
        self.seconds = options.seconds
        self.most = options.schedules if options.schedules is not None else sys.maxsize
        self.build = GIL if options.model == "gil" else LANGUAGE
        self.count = 0
        self.uncontrolled = None

    def late(self, part=1.0):
        return _child.interrupted or self.count >= self.most or _monotonic() - self.begin > self.seconds * part

    def run(self, search):
        """One run, and whether a name was learnt: it has fewer points than its replay would have."""
        known = len(_points.hot)
        run = self.model.run(search, self.build)
        self.count += 1
        self.uncontrolled = run.uncontrolled
        return run, len(_points.hot) != known

    def samples(self, until, kinds=("random", "pct", "pct"), most=SAMPLES):
        """A sample of schedules; learns the names that are written."""
        searches = [_bridge.Search(kind, self.seed + n, 3 - n // 2) for n, kind in enumerate(kinds)]
        rounds = 0
        # On a machine with much else to do the first part of the time may be over after a few runs.
        while rounds < most and not self.late(until if rounds >= FEW else max(until, 0.5)):
            search = searches[rounds % len(searches)] if rounds else _bridge.Search("replay", token=_undisturbed())
            run, is_new = self.run(search)
            rounds += 1
            if self.uncontrolled:
                return None
            if run.broken is not None and not is_new:
                return run
        return None

    def exhaust(self, kind, until, limit=BOUND):
        """All schedules; begins anew when a name is learnt."""
        search = _bridge.Search(kind, limit=limit)
        while not self.late(until):
            run, is_new = self.run(search)
            if self.uncontrolled:
                break
            if is_new:
                search = _bridge.Search(kind, limit=limit)
            elif run.broken is not None:
                return run, search.coverage()
            elif not run.more:
                break
        return None, search.coverage()


def _undisturbed():
    return _bridge.Search("random").last(0)[0]


def _search(searching):
    """Gives a failing run, or nothing and what is covered."""
    strategy = searching.options.strategy
    if strategy == "cancel":
        return searching.exhaust("orders", 1.0)
    if strategy in ("random", "pct"):
        return searching.samples(1.0, (strategy,), sys.maxsize), ("some", 0)
    found = searching.samples(0.15)
    if found or searching.uncontrolled:
        return found, ("some", 0)
    if searching.model.has_tasks:
        found, coverage = searching.exhaust("orders", 0.6)
        if found or searching.uncontrolled or coverage[0] == "all":
            return found, coverage
        return searching.samples(1.0, most=sys.maxsize), coverage
    coverage = ("some", 0)
    if strategy != "bounded":
        found, coverage = searching.exhaust("exhaustive", 0.55 if strategy == "auto" else 1.0)
    if found or searching.uncontrolled or coverage[0] == "all" or strategy == "exhaustive":
        return found, coverage
    found, coverage = searching.exhaust("bounded", 1.0 if strategy == "bounded" else 0.8)
    if found or searching.uncontrolled or coverage[0] in ("all", "bound") and coverage[1] >= BOUND or strategy == "bounded":
        return found, coverage
    # What is left of the time is better spent on a sample than on the end of a search that will not end.
    searching.seed += FEW
    known = len(_points.hot)
    found = searching.samples(1.0, most=sys.maxsize)
    # A name learnt late is one that the search before knew nothing of.
    return found, coverage if len(_points.hot) == known else ("some", 0)


def _steady(model):
    """Whether the same choices lead to the same run, once no more names are learnt."""
    for _ in range(5):
        known = len(_points.hot)
        runs = [model.run(_bridge.Search("random", seed=7)) for _ in range(2)]
        if len(_points.hot) == known:
            break
    return runs[0].last == runs[1].last and runs[0].outcome == runs[1].outcome


def _explored(model, options):
    searching = _Searching(model, options)
    found, coverage = _search(searching)
    it = _nothing(searching, coverage) if found is None or searching.uncontrolled else _small(searching, found)
    it.target, it.interrupted = model.target, _child.interrupted
    return it


def _nothing(searching, coverage):
    count = searching.count
    if searching.uncontrolled:
        return Exploration("uncontrolled", count, coverage=searching.uncontrolled)
    if not _steady(searching.model):
        return Exploration("uncontrolled", count, coverage=say("not-steady"))
    if _child.interrupted:
        return Exploration("not-found", count, coverage=say("interrupted", n=count))
    kind, number = coverage
    model = searching.model
    doubts = sorted(model.doubts)
    if kind == "all" and "unfair" in doubts:
        kind = "some"
    what = "tasks-only" if model.only_tasks else "threads-and-tasks" if model.has_tasks else "threads-only"
    values = {"what": say(what), "within": say("within", ms=LATENESS // 1000), "n": count}
    if doubts:
        return Exploration("not-found", count, coverage="; ".join([say("sample", n=count), *(say(f"doubt-{it}") for it in doubts)]))
    if kind == "all":
        return Exploration("proved", count, coverage=say("all-cancels" if model.cancels else "all", **values))
    if kind == "bound" and model.has_tasks:
        return Exploration("not-found", count, coverage=say("departures", bound=number, **values))
    if kind == "bound" and number >= LEAST_BOUND:
        return Exploration("proved", count, coverage=say("bound", bound=number, **values))
    return Exploration("not-found", count, coverage=say("sample", n=count))


def _small(searching, found):
    model, broken, build = searching.model, found.broken, searching.build
    enough = _monotonic() + min(3.0, searching.seconds / 3)

    def again(token):
        if _monotonic() > enough:
            return None
        run = model.run(_bridge.Search("replay", token=token), build)
        return run.last if broken.same(run.broken) else None

    confirmed = again(found.last[0])
    if confirmed is None:
        return Exploration("uncontrolled", searching.count, coverage=say("not-again", text=broken.text))
    token, preemptions, _ = _bridge.shrink(confirmed, SHRINKS, again)
    last = model.run(_bridge.Search("replay", token=token), build, record=True)
    builds = "any build" if model.only_tasks or build == GIL else _builds(searching, broken)
    it = _failed(last.broken or broken, last.trace)
    it.schedules, it.preemptions, it.token, it.builds = searching.count, preemptions, token, builds
    return it


def _failed(broken, trace):
    return Exploration("failed", trace=trace or [], failure=broken.text, kind=broken.kind, rule=broken.rule, waits=broken.waits)


def _builds(searching, broken):
    """Whether the failure also comes where only the GIL's own switches are possible."""
    options = dataclasses.replace(searching.options, seconds=min(1.5, searching.seconds / 4), schedules=None, model="gil")
    with_gil = _Searching(searching.model, options)
    found = with_gil.samples(0.5, most=150)
    coverage = ("some", 0)
    if found is None:
        found, coverage = with_gil.exhaust("bounded", 1.0, 2)
    if found is not None:
        return "any build"
    return "free-threaded only" if coverage[0] in ("all", "bound") else "free-threaded; not found with the GIL"


def fingerprint(functions):
    """What tells one program from another, and outlives edits inside of them."""
    names = "|".join(it if isinstance(it, str) else getattr(it, "__qualname__", repr(type(it))) for it in functions if it is not None)
    return zlib.crc32(names.encode())


def _steered(model, work):
    """Does the work where what the model uses is under control; anew where tasks turn out not to be alone."""
    _points.hot.clear()
    was = gc.isenabled()
    gc.disable()
    # What is there already stays, so it need not be looked through again and again.
    gc.freeze()
    try:
        roots = [it for it in (model.setup, *model.actors, model.invariant) if it is not None]
        with _locks.controlled(roots), listening():
            if model.only_tasks:
                with contextlib.suppress(NeedsThreads):
                    return work()
                if model.cancels:
                    raise Refusal("cancel-with-threads")
                model.only_tasks = False
            with _points.Monitoring():
                return work()
    finally:
        _pool.close()
        gc.unfreeze()
        if was:
            gc.enable()


def search(model, options, quiet=False):
    """Explores a model, in as many processes as the options say."""

    if options.strategy == "cancel":
        _cancelling(model)

    def work(job):
        mine = options
        if job:
            kind = "pct" if job % 2 else "random"
            mine = dataclasses.replace(options, seed=options.seed + 1000 * job, strategy=kind if options.strategy == "auto" else options.strategy)
        return _steered(model, lambda: _explored(model, mine))

    return _child.run(work, options.jobs, quiet)


def _cancelling(model):
    if not model.only_tasks:
        raise Refusal("cancel-without-tasks")
    model.cancels = True
    model.fingerprint ^= CANCELLING


def again(model, token, options, quiet=False):
    """Runs one schedule of a model again."""
    try:
        belongs_to = _bridge.fingerprint(token)
    except ValueError:
        raise Refusal("bad-token", token=token) from None
    if belongs_to == model.fingerprint ^ CANCELLING:
        _cancelling(model)
    elif belongs_to != model.fingerprint:
        raise ValueError(say("other-program"))
    build = GIL if options.model == "gil" else LANGUAGE

    def work(_):
        # The first runs learn which names are written; until then a run has fewer points.
        for _ in range(3):
            run = model.run(_bridge.Search("replay", token=token), build, record=True)
        if run.uncontrolled:
            it = Exploration("uncontrolled", coverage=run.uncontrolled)
        elif run.broken is None:
            it = Exploration("not-found", coverage=say("passes"))
        else:
            it = _failed(run.broken, run.trace)
            it.preemptions, it.token = run.last[1], token
        it.schedules, it.target = 1, model.target
        return it

    return _child.run(lambda job: _steered(model, lambda: work(job)), 1, quiet)


def explore(setup, *actors, invariant=None, inputs=None, **options):
    """Explores `setup()` handed to each actor, with `invariant(state)` at the end; with `inputs`, `setup(input)` for many of them.

    Where nothing says what is right, `invariant="linearizable"` asks that some order of the calls explains what they give back and
    leave behind; an actor may be a list of calls then.
    """
    if not actors:
        raise TypeError("explore needs a setup and at least one actor")
    options = Options(**options)
    if inputs is not None:
        from raddle import _inputs

        return _inputs.explore(setup, actors, invariant, inputs, options)
    return search(_model(setup, actors, invariant), options)


def _model(setup, actors, invariant):
    mark = fingerprint((setup, *(it for actor in actors for it in (actor if isinstance(actor, (list, tuple)) else [actor]))))
    if invariant == "linearizable":
        from raddle import _harness

        setup, actors, invariant = _harness.linearizable(setup, actors)
    return Model(setup, actors, invariant, mark)


def replay(token, setup, *actors, invariant=None, input=None, **options):
    """Runs one schedule again."""
    if input is not None:
        made = setup
        setup = functools.wraps(made)(lambda: made(copy.deepcopy(input)))
    return again(_model(setup, actors, invariant), token, Options(**options))
