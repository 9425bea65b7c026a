"""OS threads that carry one actor after another: to start a thread for each actor of each run would take longer than the run.

What an actor could find of the one before it is kept away: context variables are fresh, and where the program has thread-local data
each actor gets a thread of its own.
"""

import _thread
import contextvars
import os

_allocate = _thread.allocate_lock
_start = _thread.start_new_thread
_idle = []
is_fresh = False
"""Whether every actor gets a new thread."""


class Carrier:
    """A thread that waits for an actor. Its baton is the actor's, too."""

    __slots__ = ("baton", "ended", "job", "leaves")

    def __init__(self):
        self.baton, self.ended = _allocate(), _allocate()
        self.baton.acquire()
        self.ended.acquire()
        self.job, self.leaves = None, is_fresh
        _start(self._serve, ())

    def _serve(self):
        while True:
            self.baton.acquire()
            if self.job is not None:
                function, arguments = self.job
                self.job = None
                contextvars.Context().run(function, *arguments)
                function = arguments = None
                leaves = self.leaves
                self.ended.release()
                if leaves:
                    return
            elif self.leaves:
                return


def take(function, *arguments):
    """A thread that will run this once its baton is released."""
    carrier = _idle.pop() if _idle and not is_fresh else Carrier()
    carrier.job = function, arguments
    return carrier


def give_back(carrier):
    """Its actor has ended and its baton is with nobody."""
    if not carrier.leaves:
        _idle.append(carrier)


def close():
    """Ends the threads that wait."""
    while _idle:
        carrier = _idle.pop()
        carrier.leaves = True
        carrier.baton.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
