"""What a harness of `raddle prove` needs: the module as its program imports it, a fresh start for each run, and the orders of calls.

Where nothing says what is right, this does: what several calls at once leave behind and give back must be what some order of these
calls, one after the other, leaves and gives back.
"""

import asyncio
import collections
import contextlib
import copy
import importlib
import inspect
import itertools
import os
import sys
import threading
import types

from raddle._words import Refusal, say

PLAIN = (int, float, complex, bool, str, bytes, type(None))
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


class Fresh:
    """The plain data of a module and of its classes, as it is now; to be put back before each run."""

    def __init__(self, module):
        owners = [module, *(it for it in vars(module).values() if isinstance(it, type) and it.__module__ == module.__name__)]
        self.kept = [(owner, name, value, copy.deepcopy(value)) for owner in owners for name, value in list(vars(owner).items()) if self.is_data(name, value)]

    @staticmethod
    def is_data(name, value):
        """Whether it can be copied without running any of the program."""
        return not name.startswith("__") and _is_plain(value)

    def begin(self):
        """Puts it back: containers stay who they are."""
        for owner, name, value, copied in self.kept:
            again = copy.deepcopy(copied)
            if isinstance(value, dict | set):
                value.clear()
                value.update(again)
            elif isinstance(value, list):
                value[:] = again
            setattr(owner, name, value if isinstance(value, dict | set | list) else again)

    def now(self):
        """What it is now, to be compared."""
        return tuple((name, seen(vars(owner).get(name))) for owner, name, _, _ in self.kept)


def _is_plain(value, depth=0):
    if type(value) in PLAIN:
        return True
    if depth > _DEEPEST or type(value) not in (list, dict, set, tuple):
        return False
    inside = [*value, *value.values()] if type(value) is dict else value
    return all(_is_plain(it, depth + 1) for it in inside)


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


class Serial:
    """A model whose check is that some order of the calls explains its end."""

    def __init__(self, module, build, calls):
        self.fresh, self.build, self.calls = Fresh(module), build, calls
        self.is_async = any(map(inspect.iscoroutinefunction, calls))
        self.ends = self._within_time()

    def setup(self):
        """A fresh start."""
        self.fresh.begin()
        return _State(self.build(), len(self.calls))

    def end(self, state):
        """What the calls have left behind and given back."""
        return tuple(map(seen, state.results)), tuple(sorted((name, seen(it)) for name, it in state.objects.items())), self.fresh.now()

    def check(self, state):
        """Whether some order explains it."""
        return self.end(state) in self.ends

    def actors(self):
        """Each call, noting what it gives back."""
        return [self._actor(at, call) for at, call in enumerate(self.calls)]

    def _actor(self, at, call):
        if inspect.iscoroutinefunction(call):

            async def actor(state):
                try:
                    state.results[at] = await call(state.objects)
                except Exception as error:
                    state.results[at] = error

        else:

            def actor(state):
                try:
                    state.results[at] = call(state.objects)
                except Exception as error:
                    state.results[at] = error

        actor.__qualname__ = f"call {at + 1}"
        return actor

    def _one_by_one(self, order):
        actors = self.actors()
        state = self.setup()

        async def tasks():
            for at in order:
                done = actors[at](state)
                if inspect.isawaitable(done):
                    await done

        if self.is_async:
            asyncio.run(tasks())
        else:
            for at in order:
                actors[at](state)
        return state

    def _within_time(self):
        ends, failed = [], []

        def work():
            for order in itertools.permutations(range(len(self.calls))):
                state = self._one_by_one(order)
                ends.append(self.end(state))
                failed.extend(it for it in state.results if isinstance(it, BaseException))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(_PATIENCE)
        if thread.is_alive():
            raise Refusal("prove-no-end")
        if len(failed) == len(ends) * len(self.calls):
            raise Refusal("prove-raises", error=repr(failed[0]) if failed else say("nowhere"))
        return ends


def serial(module, build, calls):
    """`(setup, actors, check)` for calls that are to be as if one came after the other."""
    it = Serial(module, build, calls)
    return it.setup, it.actors(), it.check


def control(module, build, calls):
    """`(setup, actors, check)` for the same calls one after the other in one actor: breaks where they do not do the same twice."""
    it = Serial(module, build, calls)
    actors = it.actors()
    if it.is_async:

        async def one_by_one(state):
            for actor in actors:
                done = actor(state)
                if inspect.isawaitable(done):
                    await done

    else:

        def one_by_one(state):
            for actor in actors:
                actor(state)

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
