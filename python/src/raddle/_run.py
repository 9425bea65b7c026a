"""One run of a model: setup, actors, check; and how it broke, if it did."""

import asyncio
import dataclasses
import gc
import inspect
import threading
import traceback
import warnings

from raddle import _locks
from raddle._exploration import Wait
from raddle._loop import Loop
from raddle._words import say
from raddle._world import CUT, DEADLOCK, FAILED, OPAQUE, PASSED, World, told


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


class Model:
    """What is explored."""

    def __init__(self, setup, actors, invariant, fingerprint, target="", teardown=None):
        self.setup, self.actors, self.invariant, self.fingerprint = setup, actors, invariant, fingerprint
        self.target, self.teardown = target, teardown
        self.is_async = [inspect.iscoroutinefunction(it) for it in actors]
        self.has_tasks = any(self.is_async)
        self.only_tasks = bool(actors) and all(self.is_async)
        self.runs = 0

    def run(self, search, model="language", record=False):
        """One run under a strategy."""
        self.runs += 1
        if self.runs % 500 == 0:
            gc.collect()
        search.begin()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("ignore")
            warnings.filterwarnings("always", message=".*was never awaited", category=RuntimeWarning)
            run = self._tasks(search, record) if self.only_tasks else self._threads(search, model, record)
            if self.teardown is not None:
                self.teardown()
            if run.broken is None and said:
                text = str(said[0].message)
                run.broken, run.outcome = Broken("never-awaited", text, text), FAILED
        return run

    def _judge(self, state, outcome, errors, waits):
        if outcome == DEADLOCK:
            return Broken("deadlock", "deadlock", told(waits), None, waits)
        if outcome != PASSED:
            return None
        for name, error in errors:
            where = "".join(traceback.format_exception(error)[-3:])
            return Broken("exception", type(error).__name__, f"{say('exception', actor=name, error=repr(error))}\n{where}")
        try:
            holds = self.invariant is None or self.invariant(state)
        except Exception as error:
            return Broken("check", type(error).__name__, say("check-exception", error=repr(error)))
        return None if holds or holds is None else Broken("invariant", "invariant", say("invariant"))

    def _threads(self, search, model, record):
        world = World(search, model, record)
        _locks.active = world
        loop = None
        try:
            state = self.setup() if self.setup is not None else None
            arguments = () if self.setup is None else (state,)
            for number, (actor, is_async) in enumerate(zip(self.actors, self.is_async)):
                if not is_async:
                    _begin(say("thread", n=number + 1) if len(self.actors) > 1 else say("main"), actor, arguments)
            if self.has_tasks:
                loop = _WorldLoop(search, world)
                tasks = [it for it, is_async in zip(self.actors, self.is_async) if is_async]
                _begin(say("event-loop"), loop.all, (tasks, arguments))
            outcome = world.run()
            errors = [(it.name, it.error) for it in world.actors if it.error is not None and not isinstance(it.error, SystemExit)]
            broken = None if world.uncontrolled else self._judge(state, outcome, errors, world.waits)
        finally:
            _locks.active = None
            if loop is not None:
                _discard(loop)
        if broken is not None and outcome == PASSED:
            outcome = FAILED
        last = search.last(self.fingerprint)
        return Run(outcome, broken, last, search.end(outcome, world.waiting), world.uncontrolled, world.trace)

    def _tasks(self, search, record):
        loop = Loop(search, record)
        asyncio.events.set_event_loop(loop)
        try:
            asyncio.events._set_running_loop(loop)
            try:
                state = self.setup() if self.setup is not None else None
            finally:
                asyncio.events._set_running_loop(None)
            arguments = () if self.setup is None else (state,)
            tasks = [loop.create_task(it(*arguments), name=say("task", n=n + 1)) for n, it in enumerate(self.actors)]
            outcome = loop.drive(lambda: all(it.done() for it in tasks))
            errors = [(it.get_name(), it.exception()) for it in tasks if it.done() and not it.cancelled() and it.exception()]
            broken = self._judge(state, outcome, errors, _stuck(tasks))
            if outcome == CUT:
                text = "\n".join([say("hang", n=loop.steps), told(_stuck(tasks)).partition("\n")[2]])
                broken = Broken("hang", "hang", text)
                outcome = FAILED
            if broken is not None and outcome == PASSED:
                outcome = FAILED
            del state, arguments, errors
        finally:
            _discard(loop)
            asyncio.events.set_event_loop(None)
        last = search.last(self.fingerprint)
        return Run(outcome, broken, last, search.end(outcome, []), None, loop.trace)


def _begin(name, function, arguments):
    """Starts an actor that `threading` knows: for one it does not know, it would make up a thread, once for each ident."""
    threading.Thread(target=function, args=arguments, name=name, daemon=False).start()


def _stuck(tasks):
    waits = []
    for task in tasks:
        if not task.done():
            frames = task.get_stack()
            place = (frames[-1].f_code.co_filename, frames[-1].f_lineno) if frames else None
            waits.append(Wait(task.get_name(), "", place, None, None))
    return waits


def _discard(loop):
    """Ends what a loop left behind without letting it go on."""
    loop._ready.clear()
    loop._scheduled.clear()
    loop.set_exception_handler(lambda *_: None)
    # Code that is closed and swallows it has to reach its next await, which asks for the running loop.
    asyncio.events._set_running_loop(loop)
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False
        coroutine = task.get_coro()
        try:
            coroutine.close()
        except BaseException:
            _immortal.append((task, coroutine))
    asyncio.events._set_running_loop(None)
    loop._ready.clear()
    loop.close()


class _WorldLoop(Loop):
    """A loop that is one of several actors: it gives way before each of its steps."""

    def __init__(self, search, world):
        super().__init__(search)
        self.world = world

    def time(self):
        return self.world.clock / 1e6

    def call_soon_threadsafe(self, callback, *arguments, context=None):
        handle = self.call_soon(callback, *arguments, context=context)
        self.actor.waits = False
        return handle

    def all(self, functions, arguments):
        """Runs coroutine functions to their end."""
        self.actor = self.world.me()
        asyncio.events._set_running_loop(self)
        try:
            tasks = [self.create_task(it(*arguments), name=say("task", n=n + 1)) for n, it in enumerate(functions)]
            while not all(it.done() for it in tasks):
                self._one()
        finally:
            asyncio.events._set_running_loop(None)
        for task in tasks:
            if not task.cancelled() and task.exception():
                raise task.exception()

    def _one(self):
        timers = [it for it in self._scheduled if not it._cancelled]
        me, world = self.actor, self.world
        if self._ready:
            world.point(me, OPAQUE, 0)
            self._ready.popleft()._run()
        elif timers:
            first = min(timers, key=lambda it: it._when)
            if world.point(me, OPAQUE, 0, due=int(first._when * 1e6), waits=True):
                self._scheduled = [it for it in self._scheduled if it is not first]
                first._run()
        else:
            world.point(me, OPAQUE, 0, waits=True)
