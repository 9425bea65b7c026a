"""An event loop whose next step is the strategy's choice, and whose time is virtual."""

import asyncio
import collections

from raddle import _places
from raddle._exploration import Step
from raddle._words import say
from raddle._world import ABANDONED, AWAITED, CUT, DEADLOCK, LATENESS, PASSED, STEP

MOST_STEPS = 3_000
PASSED_OVER = 50
"""How many steps a ready handle may be passed over: a real loop takes turns, so nobody starves."""


class Stop(BaseException):
    """Ends the loop."""


class Loop(asyncio.BaseEventLoop):
    """Runs handles one by one; every ready one and every timer that may fire can be next."""

    def __init__(self, search, record=False):
        super().__init__()
        self.search = search
        self.now = 0
        self.steps = 0
        self.waiting = {}
        self.columns = {}
        self.born = 0
        self.trace = [] if record else None
        self.problems = []
        self.last = -1
        self._clock_resolution = 1e-9
        self.set_exception_handler(lambda _, context: self.problems.append(context))

    def time(self):
        return self.now / 1e6

    def _write_to_self(self):
        pass

    def _process_events(self, events):
        pass

    def run_in_executor(self, executor, function, *arguments):
        """What would run in a thread runs as one step of its own."""
        future = self.create_future()

        def work():
            try:
                result = function(*arguments)
            except BaseException as error:
                if not future.cancelled():
                    future.set_exception(error)
            else:
                if not future.cancelled():
                    future.set_result(result)

        self.call_soon(work)
        return future

    def drive(self, finished):
        """Runs until `finished()`; gives how it ended."""
        asyncio.events._set_running_loop(self)
        try:
            while not finished():
                how = self._step()
                if how is not None:
                    return how
            return PASSED
        finally:
            asyncio.events._set_running_loop(None)

    def _number(self, handle):
        # Handles of one callback are equal, so they are told apart by who they are; keeping them keeps that unique.
        known = self.waiting.get(id(handle))
        if known is None:
            known = self.waiting[id(handle)] = self.born, handle, self.now, self.steps
            self.born = (self.born + 1) % 60_000
        return known[0]

    def _step(self):
        self.steps += 1
        if self.steps > MOST_STEPS:
            return CUT
        while self._ready and any(it._cancelled for it in self._ready):
            self._ready = collections.deque(it for it in self._ready if not it._cancelled)
        timers = [it for it in self._scheduled if not it._cancelled]
        if not self._ready and not timers:
            return DEADLOCK
        ready = {self._number(it): it for it in self._ready}
        armed = {self._number(it): it for it in timers}
        due = {number: int(it._when * 1e6) for number, it in armed.items()}
        latest = 0
        if due:
            first = min(due.values())
            since = min((max(self.waiting[id(it)][2], self._due(it)) for it in self._ready), default=first)
            latest = min(first, since) + LATENESS
        starved = next((it for it in self._ready if self.steps - self.waiting[id(it)][3] > PASSED_OVER), None)
        if starved is not None:
            number = self._number(starved)
        elif len(ready) + sum(it <= latest for it in due.values()) == 1:
            number = next(iter(ready), None)
            if number is None:
                number = min(due, key=due.get)
        else:
            number = self.search.choose(
                self.last, AWAITED, 1, [(it, STEP, 0) for it in ready], [], [(it, it, when, when <= latest) for it, when in due.items()]
            )
            if number < 0:
                return ABANDONED
        self._take(number, ready, armed, due)
        return None

    @staticmethod
    def _due(handle):
        return int(getattr(handle, "_when", 0) * 1e6)

    def _take(self, number, ready, armed, due):
        self.last = number
        if number in ready:
            handle = ready[number]
            self._ready = collections.deque(it for it in self._ready if it is not handle)
        else:
            handle = armed[number]
            self._scheduled = [it for it in self._scheduled if it is not handle]
            handle._scheduled = False
            self.now = max(self.now, due[number])
        self.waiting.pop(id(handle), None)
        if self.trace is not None:
            self.trace.append(self._told(handle))
        handle._run()

    def _column(self, task):
        return self.columns.setdefault(id(task), len(self.columns) + 1)

    def _told(self, handle):
        task = getattr(handle._callback, "__self__", None)
        if isinstance(task, asyncio.Task):
            frames = task.get_stack(limit=1)
            place = (frames[0].f_code.co_filename, frames[0].f_lineno) if frames else None
            return Step(self._column(task), task.get_name(), "runs", "", place if place and _places.is_steered(place[0]) else None)
        return Step(0, say("event-loop"), "runs", getattr(handle._callback, "__name__", ""), None)
