"""An event loop whose next step is the strategy's choice, and whose time is virtual.

A step of a task, a callback of the program and a timer are choices. What asyncio itself has ready, such as the callback of a
`gather`, only passes on what is done already, and runs at once.
"""

import asyncio
import contextvars
import functools
import inspect
import sys
import threading
import types

from raddle import _places, _seen
from raddle._exploration import Step, Wait
from raddle._words import say
from raddle._world import ABANDONED, AWAITED, CUT, DEADLOCK, LATENESS, OPAQUE, PASSED, READ, STEP, UPDATE, VERBS, Abort, micros

MOST_STEPS = 3_000
PASSED_OVER = 50
"""How many steps a ready handle may be passed over: a real loop takes turns, so nobody starves."""
CANCELS = 60_000
"""From here on a number means that an actor's task is cancelled."""
NEVER = 1 << 60

_copy = contextvars.copy_context
_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)


def _is_own(callback):
    """Whether asyncio itself has made a callback that is no step of a task."""
    if not isinstance(callback, _FUNCTIONS):
        return False
    if isinstance(callback, functools.partial):
        return _is_own(callback.func)
    return (callback.__module__ or "").startswith("asyncio.")


class Handle:
    """What will run; the parts of `asyncio.Handle` and `asyncio.TimerHandle` that are used."""

    __slots__ = ("number", "callback", "arguments", "context", "loop", "since", "step", "due", "is_off", "in_line", "__weakref__")

    def __init__(self, loop, callback, arguments, context, due=None):
        self.number, loop.born = loop.born, (loop.born + 1) % CANCELS
        self.loop, self.callback, self.arguments = loop, callback, arguments
        self.context = _copy() if context is None else context
        self.since, self.step, self.due = loop.now, loop.steps, due
        self.is_off = self.in_line = False

    def cancel(self):
        """It will not run."""
        if not self.is_off:
            self.is_off = True
            self.callback = self.arguments = None
            self.loop._forget(self)

    def cancelled(self):
        """Whether it will not run."""
        return self.is_off

    def when(self):
        """When a timer is due."""
        return self.due / 1e6

    def run(self):
        """Runs it."""
        try:
            self.context.run(self.callback, *self.arguments)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.loop.call_exception_handler({"message": "a callback failed", "exception": error, "handle": self})


def _first_in_line(handles):
    """Without the callbacks that have one before them."""
    found = next((it for it in handles if it.in_line), None)
    return [it for it in handles if it is found or not it.in_line]


class Task(asyncio.Task):
    """A task that sets keep in the order of its number: by address they would be gone through in another order each time."""

    def __init__(self, number, coroutine, **named):
        self.number = number
        super().__init__(coroutine, **named)

    def __hash__(self):
        return self.number


class Loop(asyncio.BaseEventLoop):
    """Runs handles one by one; every ready one and every timer that may fire can be next."""

    def __init__(self, search, record=False):
        super().__init__()
        self._clock_resolution = 1e-9
        self.begin(search, record)

    def begin(self, search, record=False):
        """Nothing is left of the run before."""
        self.search = search
        self.now = self.steps = self.born = 0
        self.soon, self.own, self.later, self.tasks = [], [], [], []
        self.lined = False
        self.columns = {}
        self.trace = [] if record else None
        self.problems = []
        self.last = -1
        self.cancels = self.cancelled = None
        self.was_fair = True
        self.needs_threads = False
        self.stuck = None
        self.set_exception_handler(self._note)

    def _note(self, _, context):
        self.problems.append(context)

    def create_task(self, coro, *, name=None, context=None, **eager):
        if self._closed:
            self._check_closed()
        if self._task_factory is not None:
            task = super().create_task(coro, name=name, context=context, **eager)
        else:
            task = Task(len(self.tasks), coro, loop=self, name=name, context=context, **eager)
        self.tasks.append(task)
        return task

    def time(self):
        return self.now / 1e6

    def call_soon(self, callback, *arguments, context=None):
        if self._closed:
            self._check_closed()
        handle = Handle(self, callback, arguments, context)
        if isinstance(getattr(callback, "__self__", None), asyncio.Task):
            self.soon.append(handle)
        elif _is_own(callback):
            self.own.append(handle)
        else:
            # asyncio promises that callbacks are called in the order in which they are registered.
            handle.in_line = True
            self.lined = True
            self.soon.append(handle)
        return handle

    def call_at(self, when, callback, *arguments, context=None):
        if self._closed:
            self._check_closed()
        handle = Handle(self, callback, arguments, context, round(when * 1e6))
        self.later.append(handle)
        return handle

    def call_later(self, delay, callback, *arguments, context=None):
        return self.call_at(self.time() + delay, callback, *arguments, context=context)

    def call_soon_threadsafe(self, callback, *arguments, context=None):
        return self.call_soon(callback, *arguments, context=context)

    def _forget(self, handle):
        for handles in (self.soon, self.own, self.later):
            for at, it in enumerate(handles):
                if it is handle:
                    del handles[at]
                    return

    def _write_to_self(self):
        pass

    def _process_events(self, events):
        pass

    def run_in_executor(self, executor, function, *arguments):
        self.needs_threads = True
        return self.create_future()

    def drive(self, tasks):
        """Runs until all of them are done; gives how it ended."""
        left = list(tasks)
        asyncio.events._set_running_loop(self)
        self._thread_id = threading.get_ident()
        try:
            while True:
                while left and left[-1].done():
                    left.pop()
                if not left:
                    return PASSED
                how = self._step()
                if how is not None:
                    return how
        finally:
            self._thread_id = None
            asyncio.events._set_running_loop(None)

    def _step(self):
        self.steps += 1
        if self.steps > MOST_STEPS:
            return CUT
        if self.own:
            self.own.pop(0).run()
            return None
        soon, later = self.soon, self.later
        if not soon and not later:
            return DEADLOCK
        if len(soon) == 1 and not later and self.cancels is None:
            handle = soon.pop()
        else:
            handle = self._pick()
            if handle is None:
                return ABANDONED
        if handle.due is not None and handle.due > self.now:
            self.now = handle.due
        if self.trace is not None:
            self.settle()
            self.trace.append(self._told(handle))
        self.last = handle.number
        handle.run()
        if self.needs_threads:
            return ABANDONED
        return DEADLOCK if self.stuck is not None else None

    def _pick(self):
        """The strategy's choice, taken out of its list."""
        soon, later = self.soon, self.later
        if self.lined:
            soon = _first_in_line(soon)
        timers = []
        if not later and self.cancels is None and self.steps - soon[0].step <= PASSED_OVER:
            # The oldest comes first, so nobody else was passed over for longer.
            at = self.search.choose_step(self.last, [it.number for it in soon])
            if at < 0:
                return None
            handle = soon[at]
            self._forget(handle)
            return handle
        if later:
            first = min(it.due for it in later)
            since = min((it.since if it.due is None else max(it.since, it.due) for it in soon), default=first)
            latest = min(first, since) + LATENESS
            timers = [(it.number, it.number, it.due, it.due <= latest) for it in later]
        chosen = self._starved()
        if chosen is None:
            cancels = self._cancels()
            runnable = [(it.number, STEP, 0) for it in soon]
            if len(soon) + sum(it[3] for it in timers) + len(cancels) == 1:
                chosen = soon[0].number if soon else next(it[0] for it in timers if it[3])
            else:
                chosen = self.search.choose(self.last, AWAITED, 1, runnable, [], timers + cancels)
        if chosen < 0:
            return None
        if chosen >= CANCELS:
            return self._cancelling(chosen - CANCELS)
        for it in (*soon, *later):
            if it.number == chosen:
                self._forget(it)
                return it
        raise AssertionError("a strategy chooses among what it was given")

    def _starved(self):
        for it in self.soon:
            if self.steps - it.step > PASSED_OVER:
                self.was_fair = False
                return it.number
        return None

    def _cancels(self):
        """A task that waits may be cancelled, if that is explored, once in a run."""
        if not self.cancels or self.cancelled is not None:
            return []
        waits = [n for n, it in enumerate(self.cancels) if not it.done() and inspect.getcoroutinestate(it.get_coro()) == inspect.CORO_SUSPENDED]
        return [(CANCELS + n, CANCELS + n, NEVER + n, True) for n in waits]

    def _cancelling(self, n):
        task = self.cancelled = self.cancels[n]
        return Handle(self, task.cancel, (), None)

    def _column(self, task):
        return self.columns.setdefault(id(task), len(self.columns) + 1)

    def _told(self, handle):
        task = getattr(handle.callback, "__self__", None)
        verb = "cancels" if self.cancels and handle.callback == getattr(self.cancelled, "cancel", None) else "runs"
        if isinstance(task, asyncio.Task):
            return Step(self._column(task), task.get_name(), verb, "", place_of(task))
        return Step(0, say("event-loop"), "runs", getattr(handle.callback, "__name__", ""), None)

    def settle(self):
        """Before a step is taken down, the one before is over."""


def _frames(task):
    """The frames in which a task waits, outermost first."""
    coroutine = task.get_coro()
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None) or getattr(coroutine, "ag_frame", None)
        if frame is None:
            return
        yield frame
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None) or getattr(coroutine, "ag_await", None)


def place_of(task):
    """Where a task waits, as far as that is the program's own code."""
    place = None
    for frame in _frames(task):
        if _places.is_steered(frame.f_code.co_filename):
            place = frame.f_code.co_filename, frame.f_lineno
    return place


def wait_of(task):
    """What a task waits for; of a lock also who holds it."""
    mine = found = None
    for frame in _frames(task):
        if _places.is_steered(frame.f_code.co_filename):
            mine, found = frame, None
        elif found is None and not _places.is_own(frame.f_code.co_filename):
            found = frame.f_locals.get("self")
    what = _seen.path_to(found, mine) if mine is not None and found is not None else ""
    holder, since = owners.get(id(found), (None, None)) if isinstance(found, asyncio.Lock) and found.locked() else (None, None)
    name = holder.get_name() if holder is not None else None
    return Wait(task.get_name(), what or (say("a-task-lock") if name else ""), place_of(task), name, since)


owners = {}
"""By the identity of an `asyncio.Lock`: the task that took it last, and where."""
acquire = asyncio.Lock.acquire


async def noted_acquire(lock):
    """`asyncio.Lock.acquire`, which also notes who holds it."""
    done = await acquire(lock)
    owners[id(lock)] = asyncio.current_task(), _places.here()[1]
    return done


class TaskWorld:
    """What locks, threads and time are while tasks run alone: one that would wait in a real lock stops the loop for good."""

    abort = False
    uncontrolled = None
    threads = 0

    def __init__(self, loop):
        self.loop = loop
        self.trace = loop.trace
        self.doubts = set()
        self.unsettled = None

    def me(self):
        """Tasks are no actors of a world."""

    def now(self):
        """Virtual time, in seconds."""
        return self.loop.now / 1e6

    def sleep_outside(self, seconds):
        """All tasks wait while one sleeps in its thread."""
        self.loop.now += micros(seconds)

    def note(self, op, what, code, offset):
        """Takes down what a task touches, in the run that is shown."""
        task = asyncio.current_task(self.loop)
        if task is None or op == OPAQUE:
            return
        self.settle()
        frame = sys._getframe()
        while frame is not None and frame.f_code is not code:
            frame = frame.f_back
        look = None if frame is None else _seen.value_at(frame, code, offset)
        value = look() if look is not None and op == READ else ""
        place = (code.co_filename, frame.f_lineno) if frame is not None else None
        text = _seen.what_at(code, offset) or what
        self.trace.append(Step(self.loop._column(task), task.get_name(), VERBS[op], text, place, value))
        self.unsettled = look if op != READ else None

    def settle(self):
        """The last step is over: what it has written can be seen."""
        look, self.unsettled = self.unsettled, None
        if look is not None:
            self.trace[-1] = self.trace[-1]._replace(value=look())

    def needs_threads(self):
        """A thread is started: tasks alone are not the whole program."""
        self.loop.needs_threads = True
        raise Abort

    def blocks(self, lock):
        """A lock is held and will not be given back: whoever could is not run."""
        task = asyncio.current_task(self.loop)
        name = task.get_name() if task is not None else say("event-loop")
        self.loop.stuck = Wait(name, say("a-lock"), _places.here()[1], say("event-loop"), lock.place)
        raise Abort


class WorldLoop(Loop):
    """A loop that is one of several actors: it gives way before each of its steps, and what goes next is a choice as well."""

    def __init__(self, world):
        self.world = world
        self.actor = None
        super().__init__(world.search)
        world.loops.append(self)

    @property
    def now(self):
        """The world's time."""
        return self.world.clock

    @now.setter
    def now(self, value):
        self.world.clock = max(self.world.clock, value)

    def time(self):
        return self.world.now()

    def _write_to_self(self):
        if self.actor is not None:
            self.actor.waits = False

    def call_soon_threadsafe(self, callback, *arguments, context=None):
        me = self.world.me()
        if me is not None and me is not self.actor and not self.world.abort:
            self.world.point(me, UPDATE, self.world.object(("loop", "call_soon_threadsafe", 0)))
        handle = self.call_soon(callback, *arguments, context=context)
        self._write_to_self()
        return handle

    def run_in_executor(self, executor, function, *arguments):
        return asyncio.BaseEventLoop.run_in_executor(self, executor, function, *arguments)

    def all(self, functions, arguments):
        """Runs coroutine functions as tasks to their end, and ends the pool that they have used."""
        self.actor = self.world.me()
        asyncio.events._set_running_loop(self)
        self._thread_id = threading.get_ident()
        try:
            tasks = [self.create_task(it(*arguments), name=say("task", n=n + 1)) for n, it in enumerate(functions)]
            self._until(tasks)
            if self._default_executor is not None:
                self._until([self.create_task(self.shutdown_default_executor())])
        finally:
            self._thread_id = None
            asyncio.events._set_running_loop(None)
        for task in tasks:
            if not task.cancelled() and task.exception():
                raise task.exception()

    def _until(self, tasks):
        while not all(it.done() for it in tasks):
            self._run_once()

    def _run_once(self):
        world = self.world
        if world.abort:
            raise Abort
        me = self.actor = world.me()
        if self.own:
            self.own.pop(0).run()
        elif self.soon:
            world.point(me, OPAQUE, 0)
            handle = self.soon.pop() if len(self.soon) == 1 and not self.later else self._pick()
            if handle is None:
                world.finish(ABANDONED)
                raise Abort
            self._go(handle)
        elif self.later:
            first = min(self.later, key=lambda it: it.due)
            if world.point(me, OPAQUE, 0, due=first.due, waits=True) and not first.is_off:
                self._forget(first)
                self._go(first)
        else:
            world.point(me, OPAQUE, 0, waits=True)

    def _go(self, handle):
        self.steps += 1
        if handle.due is not None:
            self.now = handle.due
        if self.world.trace is not None:
            step = self._told(handle)
            self.world.trace.append(step._replace(actor=1000 + step.actor))
        self.last = handle.number
        handle.run()

    def waits(self):
        """The tasks that do not end."""
        return [wait_of(it) for it in sorted(asyncio.all_tasks(self), key=asyncio.Task.get_name)]
