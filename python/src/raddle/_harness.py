"""What a harness of `raddle prove` needs: the module as its program imports it, a fresh start for each run, and the orders of calls.

Where nothing says what is right, this does: what several calls at once leave behind and give back must be what some order of these
calls, one after the other, leaves and gives back.
"""

import asyncio
import collections
import contextlib
import importlib
import inspect
import itertools
import os
import sys
import threading
import types

from raddle._fresh import PLAIN, Fresh
from raddle._words import Refusal, say

_PATIENCE = 5.0
_DEEPEST = 4


def load(path):
    """A file as a module, by its name from the folder above its outermost package."""
    path = os.path.abspath(path)
    folder, name = os.path.dirname(path), os.path.splitext(os.path.basename(path))[0]
    parts = [] if name == "__init__" else [name]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(".".join(parts))
    except (Exception, SystemExit) as error:
        raise Refusal("cannot-load", place=path, reason=f"{type(error).__name__}: {error}") from error


def seen(value, depth=0):
    """A value that can be compared: plain data as it is, of objects their attributes."""
    if type(value) in PLAIN:
        return value
    if depth > _DEEPEST:
        return type(value).__name__
    if isinstance(value, dict):
        return "dict", tuple((seen(key, depth + 1), seen(it, depth + 1)) for key, it in value.items())
    if isinstance(value, (list, tuple, collections.deque)):
        return type(value).__name__, tuple(seen(it, depth + 1) for it in value)
    if isinstance(value, (set, frozenset)):
        return "set", tuple(sorted((repr(seen(it, depth + 1)) for it in value)))
    if isinstance(value, BaseException):
        return "raised", type(value).__name__
    if type(value).__module__ in _LIBRARY:
        # Under control a lock is of another type; what a queue holds is the program's.
        inside = getattr(value, "queue", getattr(value, "_queue", None))
        return ("queue", tuple(seen(it, depth + 1) for it in inside)) if inside is not None else "a part of the library"
    attributes = getattr(value, "__dict__", None)
    if isinstance(value, (types.FunctionType, types.ModuleType, type)) or not isinstance(attributes, dict):
        return type(value).__name__
    return type(value).__name__, tuple((name, seen(it, depth + 1)) for name, it in sorted(attributes.items()))


_LIBRARY = {"threading", "queue", "asyncio.locks", "asyncio.queues", "_thread", "raddle._locks", "concurrent.futures.thread", "logging"}


class _State:
    def __init__(self, objects, calls):
        self.objects, self.results = objects, [None] * calls
        self.spans = [(0, 0)] * calls
        self.moments = 0

    def moment(self):
        """A number for now; later ones are larger."""
        self.moments += 1
        return self.moments


class Serial:
    """A model whose check is that some order of the calls explains its end: one that an onlooker could have seen.

    Each actor makes its calls one after the other. A call that had ended before another began comes before it.
    """

    def __init__(self, module, build, actors):
        self.fresh, self.build = Fresh(module), build
        self.calls = [call for calls in actors for call in calls]
        begins = itertools.accumulate((len(calls) for calls in actors), initial=0)
        self.rows = [list(range(begin, begin + len(calls))) for begin, calls in zip(begins, actors)]
        self.is_async = any(map(inspect.iscoroutinefunction, self.calls))
        self.ends = self._within_time()

    def setup(self):
        """A fresh start."""
        self.fresh.begin()
        return _State(self.build(), len(self.calls))

    def end(self, state):
        """What the calls have left behind and given back."""
        return tuple(map(seen, state.results)), tuple(sorted((name, seen(it)) for name, it in state.objects.items())), self.fresh.now(seen)

    def check(self, state):
        """Whether some order explains it."""
        end = self.end(state)
        return any(it == end and _could_be_seen(order, state.spans) for order, it in self.ends)

    def actors(self):
        """Each actor, noting what its calls give back and when they are made."""
        return [self._actor(number, row) for number, row in enumerate(self.rows)]

    def _actor(self, number, row):
        if self.is_async and all(inspect.iscoroutinefunction(self.calls[at]) for at in row):

            async def actor(state):
                for at in row:
                    begun = state.moment()
                    try:
                        state.results[at] = await self.calls[at](state.objects)
                    except Exception as error:
                        state.results[at] = error
                    state.spans[at] = begun, state.moment()

        else:

            def actor(state):
                for at in row:
                    self._call(state, at)

        actor.__qualname__ = f"actor {number + 1}"
        return actor

    def _call(self, state, at):
        begun = state.moment()
        try:
            state.results[at] = self.calls[at](state.objects)
        except Exception as error:
            state.results[at] = error
        state.spans[at] = begun, state.moment()

    def one_by_one(self, state, order):
        """The calls in an order; gives a coroutine if some are."""
        if not self.is_async:
            for at in order:
                self._call(state, at)
            return None

        async def tasks():
            for at in order:
                begun = state.moment()
                try:
                    done = self.calls[at](state.objects)
                    state.results[at] = await done if inspect.isawaitable(done) else done
                except Exception as error:
                    state.results[at] = error
                state.spans[at] = begun, state.moment()

        return tasks()

    def _within_time(self):
        ends, failed = [], []

        def work():
            for order in _interleavings(self.rows):
                state = self.setup()
                tasks = self.one_by_one(state, order)
                if tasks is not None:
                    asyncio.run(tasks)
                ends.append((order, self.end(state)))
                failed.append([it for it in state.results if isinstance(it, BaseException)])

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(_PATIENCE)
        if thread.is_alive():
            raise Refusal("prove-no-end")
        if all(len(it) == len(self.calls) for it in failed):
            raise Refusal("prove-raises", error=repr(failed[0][0]) if failed else "?")
        return ends


def _interleavings(rows):
    """Every order of all calls that keeps each actor's own."""
    left = [row for row in rows if row]
    if not left:
        yield ()
    for at, row in enumerate(left):
        for rest in _interleavings([*left[:at], row[1:], *left[at + 1:]]):
            yield (row[0], *rest)


def _could_be_seen(order, spans):
    """Whether no call in it comes after one that began only when it had ended."""
    return not any(spans[later][1] < spans[earlier][0] for at, earlier in enumerate(order) for later in order[at + 1:])


def linearizable(setup, actors):
    """`(setup, actors, check)` for actors that are calls of the state, or lists of such calls."""
    rows = [list(it) if isinstance(it, (list, tuple)) else [it] for it in actors]
    calls = [[_on_state(it) for it in row] for row in rows]
    it = Serial(types.ModuleType("raddle"), lambda: {"state": setup()}, calls)
    return it.setup, it.actors(), it.check


def _on_state(function):
    if inspect.iscoroutinefunction(function):

        async def call(objects):
            return await function(objects["state"])

        return call
    return lambda objects: function(objects["state"])


def serial(module, build, calls):
    """`(setup, actors, check)` for calls that are to be as if one came after the other."""
    it = Serial(module, build, [[call] for call in calls])
    return it.setup, it.actors(), it.check


def control(module, build, calls):
    """`(setup, actors, check)` for the same calls one after the other in one actor: breaks where they do not do the same twice."""
    it = Serial(module, build, [[call] for call in calls])
    order = range(len(calls))
    if it.is_async:

        async def one_by_one(state):
            await it.one_by_one(state, order)

    else:

        def one_by_one(state):
            it.one_by_one(state, order)

    return it.setup, [one_by_one], it.check


def together(module, build, calls, is_quiet=False):
    """`(setup, actors, check)` for calls of which only deadlocks and lost coroutines count; quiet ones may raise."""
    passed_over = Exception if is_quiet else ()
    fresh = Fresh(module)

    def setup():
        fresh.begin()
        return _State(build(), len(calls))

    def actor(call):
        if inspect.iscoroutinefunction(call):

            async def runs(state):
                with contextlib.suppress(passed_over):
                    await call(state.objects)
        else:

            def runs(state):
                with contextlib.suppress(passed_over):
                    call(state.objects)

        return runs

    return setup, [actor(it) for it in calls], None


def cancelled(module, build, call, after):
    """`(setup, actors, check)`: a task is cancelled after so many seconds and must not go on as if it had not been."""
    fresh = Fresh(module)

    def setup():
        fresh.begin()
        return _State(build(), 1)

    async def cancels(state):
        task = asyncio.create_task(call(state.objects), name=say("task", n=2))
        await asyncio.sleep(after)
        if not task.done():
            task.cancel()
            # Time is virtual; an hour is longer than any cleaning up.
            await asyncio.wait([task], timeout=3600)
            state.results[0] = not task.done() or not task.cancelled() and task.exception() is None

    return setup, [cancels], lambda state: not state.results[0]
