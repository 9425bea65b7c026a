"""One run of a model: setup, actors, check; and how it broke, if it did."""

import asyncio
import contextlib
import dataclasses
import gc
import inspect
import threading
import traceback
import warnings

from raddle import _locks, _points, _rules
from raddle._loop import Loop, TaskWorld, WorldLoop, owners, wait_of
from raddle._words import say
from raddle._world import CUT, DEADLOCK, FAILED, PASSED, World, told


MOST_SHOWN = 1_000
"""A run that goes on for ever is shown from its end."""
_unawaited = []
"""Coroutines of the run at hand that nobody has awaited."""
_immortal = []
"""Coroutines that will not be closed: to let them go would close them again, and some never come back from that."""


@dataclasses.dataclass
class Broken:
    """What broke: two runs break in the same way if `kind` and `what` agree."""

    kind: str
    what: str
    text: str
    rule: str | None = None
    waits: list = dataclasses.field(default_factory=list)
    error: BaseException | None = None

    def same(self, other):
        """Whether another run broke in this way."""
        return other is not None and (self.kind, self.what) == (other.kind, other.what)


@dataclasses.dataclass
class Run:
    """How a run ended."""

    outcome: int
    broken: Broken | None
    last: tuple
    more: bool
    uncontrolled: str | None
    trace: list | None


class NeedsThreads(Exception):
    """Tasks alone are not the whole program: it has to run where threads are actors too."""


@contextlib.contextmanager
def listening():
    """While this lasts, warnings are quiet, and coroutines that nobody awaits are noted."""

    def note(coroutine):
        _unawaited.append(coroutine.__qualname__)

    before = warnings._warn_unawaited_coroutine
    warnings._warn_unawaited_coroutine = note
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        warnings._warn_unawaited_coroutine = before


class Model:
    """What is explored."""

    def __init__(self, setup, actors, invariant, fingerprint, target="", teardown=None):
        self.setup, self.actors, self.invariant, self.fingerprint = setup, actors, invariant, fingerprint
        self.target, self.teardown = target, teardown
        self.is_async = [inspect.iscoroutinefunction(it) for it in actors]
        self.has_tasks = any(self.is_async)
        self.only_tasks = bool(actors) and all(self.is_async)
        self.runs = 0
        self.cancels = False
        self.doubts = set()
        self.loop = None
        self.names = {key: [say(key, n=n + 1) for n in range(len(actors))] if len(actors) > 1 else [say("main")] for key in ("task", "thread")}

    def run(self, search, model="language", record=False):
        """One run under a strategy."""
        self.runs += 1
        if self.runs % 1_000 == 0:
            gc.collect()
        _unawaited.clear()
        search.begin()
        if record and self.only_tasks:
            with _points.Monitoring():
                return self._judged(self._tasks(search, record), record)
        return self._judged(self._tasks(search, record) if self.only_tasks else self._threads(search, model, record), record)

    def _judged(self, run, record):
        if self.teardown is not None:
            self.teardown()
        if run.broken is None and _unawaited:
            text = say("never-awaited", name=_unawaited[0])
            run.broken, run.outcome = Broken("never-awaited", text, text, "coroutine-never-awaited"), FAILED
        if run.trace is not None:
            run.trace = _rules.telling(run.trace)[-MOST_SHOWN:]
        if record and run.broken is not None and run.broken.rule is None and run.broken.kind != "deadlock":
            run.broken.rule = _rules.of_run(run.trace, run.broken.error, self.only_tasks)
        return run

    def _judge(self, state, outcome, errors, waits, ended=()):
        if outcome == DEADLOCK:
            return Broken("deadlock", "deadlock", told(waits), _rules.of_deadlock(waits, ended), waits)
        if outcome != PASSED:
            return None
        for name, error in errors:
            where = "".join(traceback.format_exception(error)[-3:])
            return Broken("exception", type(error).__name__, f"{say('exception', actor=name, error=repr(error))}\n{where}", error=error)
        try:
            holds = self.invariant is None or self.invariant(state)
        except Exception as error:
            return Broken("check", type(error).__name__, say("check-exception", error=repr(error)), error=error)
        return None if holds or holds is None else Broken("invariant", "invariant", say("invariant"))

    def _threads(self, search, model, record):
        world = World(search, model, record)
        owners.clear()
        _locks.active = world
        try:
            state = self.setup() if self.setup is not None else None
            arguments = () if self.setup is None else (state,)
            for number, (actor, is_async) in enumerate(zip(self.actors, self.is_async)):
                if not is_async:
                    _begin(self.names["thread"][number], actor, arguments)
            if self.has_tasks:
                loop = WorldLoop(world)
                tasks = [it for it, is_async in zip(self.actors, self.is_async) if is_async]
                _begin(say("event-loop"), loop.all, (tasks, arguments))
            outcome = world.run()
            world.settle()
            errors = [(it.name, it.error) for it in world.actors if it.error is not None and not isinstance(it.error, SystemExit)]
            broken = None if world.uncontrolled else self._judge(state, outcome, errors, world.waits, [it.name for it in world.actors if it not in world.stuck])
        finally:
            _locks.active = None
            for loop in world.loops:
                _discard(loop)
        if broken is not None and outcome == PASSED:
            outcome = FAILED
        last = search.last(self.fingerprint)
        self.doubts.update(world.doubts)
        if not all(it.was_fair for it in world.loops):
            self.doubts.add("unfair")
        return Run(outcome, broken, last, search.end(outcome, world.waiting), world.uncontrolled, world.trace)

    def _tasks(self, search, record):
        loop = self.loop
        if loop is None or loop.is_closed():
            loop = self.loop = Loop(search, record)
        else:
            loop.begin(search, record)
        asyncio.events.set_event_loop(loop)
        world = _locks.active = TaskWorld(loop)
        loop.settle = world.settle
        owners.clear()
        try:
            asyncio.events._set_running_loop(loop)
            try:
                state = self.setup() if self.setup is not None else None
            finally:
                asyncio.events._set_running_loop(None)
            arguments = () if self.setup is None else (state,)
            tasks = [loop.create_task(it(*arguments), name=name) for it, name in zip(self.actors, self.names["task"])]
            loop.cancels = tasks if self.cancels else None
            outcome = loop.drive(tasks)
            if loop.needs_threads:
                raise NeedsThreads
            broken, outcome = self._judge_tasks(loop, tasks, state, outcome)
            del state, arguments
        finally:
            _locks.active = None
            _discard(loop)
            asyncio.events.set_event_loop(None)
        self.doubts.update(world.doubts)
        if not loop.was_fair:
            self.doubts.add("unfair")
        return Run(outcome, broken, search.last(self.fingerprint), search.end(outcome, []), world.uncontrolled, loop.trace)

    def _judge_tasks(self, loop, tasks, state, outcome):
        errors = [(it.get_name(), it.exception()) for it in tasks if it.done() and not it.cancelled() and it.exception()]
        waits = ([loop.stuck] if loop.stuck is not None else []) + _stuck(tasks, loop)
        broken = self._judge(state, outcome, errors, waits, [it.get_name() for it in tasks if it.done()])
        if outcome == CUT:
            text = "\n".join([say("hang", n=loop.steps), told(waits).partition("\n")[2]])
            swallowed = any(it.cancelling() and not it.done() for it in loop.tasks)
            broken = Broken("hang", "hang", text, "cancellation-swallowed" if swallowed else None, waits)
            outcome = FAILED
        task = loop.cancelled
        if broken is None and task is not None and task.done() and not task.cancelled():
            text = say("swallowed", actor=task.get_name())
            broken = Broken("cancellation-swallowed", task.get_name(), text, "cancellation-swallowed")
        if broken is not None and outcome == PASSED:
            outcome = FAILED
        return broken, outcome


def _begin(name, function, arguments):
    """Starts an actor that `threading` knows: for one it does not know, it would make up a thread, once for each ident."""
    threading.Thread(target=function, args=arguments, name=name, daemon=False).start()


def _stuck(tasks, loop):
    current = loop.stuck.actor if loop.stuck is not None else None
    others = sorted({it for it in loop.tasks if not it.done()} - set(tasks), key=asyncio.Task.get_name)
    return [wait_of(it) for it in [*tasks, *others] if not it.done() and it.get_name() != current]


def _discard(loop):
    """Ends what a loop left behind without letting it go on."""
    loop.soon, loop.own, loop.later = [], [], []
    left = [it for it in loop.tasks if not it.done()]
    loop.tasks = []
    if not left:
        return
    loop.set_exception_handler(lambda *_: None)
    # Code that is closed and swallows it has to reach its next await, which asks for the running loop.
    asyncio.events._set_running_loop(loop)
    for task in left:
        task._log_destroy_pending = False
        coroutine = task.get_coro()
        try:
            coroutine.close()
        except BaseException:
            _immortal.append((task, coroutine))
    asyncio.events._set_running_loop(None)
    loop.soon, loop.own, loop.later = [], [], []
    loop.close()
