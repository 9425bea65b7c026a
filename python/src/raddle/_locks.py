"""The controlled lock, and what of `threading`, `time` and `queue` is put in its place while a program is explored."""

import _thread
import asyncio
import concurrent.futures
import concurrent.futures.thread
import contextlib
import functools
import os
import queue
import socket
import subprocess
import sys
import threading
import time

from raddle import _places, _pool
from raddle._words import say
from raddle._world import ACCESS, ACQUIRE, RELEASE, TRY, UPDATE, Abort

active = None
"""The world of the run that goes on."""


_WAIT = threading.Condition.wait.__code__
"""Makes a lock for each wait, which whoever notifies gives back."""


class Lock:
    """A lock that the world knows of. `owner` is an actor, or `True` where somebody else holds it."""

    def __init__(self):
        self.owner = self.place = self.world = None
        self.key = None
        self.is_waiter = False

    def _object(self, world):
        if self.world is not world:
            self.world = world
            world.setup_locks += 1
            self.key = world.object(("lock", None, world.setup_locks))
        return self.key

    def acquire(self, blocking=True, timeout=-1):
        world = active
        me = world.me() if world is not None else None
        if me is None:
            if self.owner is not None and (world is None or not world.abort) and blocking and timeout < 0:
                if hasattr(world, "blocks"):
                    world.blocks(self)
                raise RuntimeError("a lock is taken twice outside of the actors")
            taken = self.owner is None
            self.owner = True
            if taken and hasattr(world, "blocks"):
                self.place = _places.here()[1]
            return taken
        obj = self._object(world)
        if world.trace is not None and sys._getframe(1).f_code is _WAIT:
            self.is_waiter = True
        if not blocking:
            world.point(me, TRY, obj, lock=self)
            if self.owner is not None:
                return False
        elif timeout is not None and timeout >= 0:
            if world.point(me, TRY, obj, lock=self, due=world.clock + int(timeout * 1e6)):
                return False
        else:
            world.point(me, ACQUIRE, obj, lock=self)
        self.owner = me
        self.place = me.place
        return True

    def release(self):
        world = active
        me = world.me() if world is not None else None
        if me is not None and not world.abort:
            obj = self._object(world)
            if self.owner is None:
                world.search.observe(UPDATE, obj)
                raise RuntimeError("release unlocked lock")
            world.point(me, RELEASE, obj, ACCESS, lock=self if world.trace is not None else None)
        elif self.owner is None and not (world is not None and world.abort):
            raise RuntimeError("release unlocked lock")
        self.owner = None

    def locked(self):
        world = active
        me = world.me() if world is not None else None
        if me is not None:
            world.point(me, UPDATE, self._object(world))
        return self.owner is not None

    def _at_fork_reinit(self):
        self.owner = None

    acquire_lock, release_lock, locked_lock = acquire, release, locked

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()


RLock = threading._PyRLock
_REAL_LOCK, _REAL_RLOCK = _thread.LockType, type(threading._CRLock())


def _init(thread, *arguments, **named):
    world = active
    if world is not None:
        world.threads += 1
        thread.__dict__["_raddle_hash"] = world.threads
    _real["__init__"](thread, *arguments, **named)


def _hash(thread):
    """A pool keeps its threads in a set: by address they would be joined in another order each time."""
    number = thread.__dict__.get("_raddle_hash")
    return object.__hash__(thread) if number is None else number


def _spawn(thread):
    world = active
    if world is None:
        return _real["start"](thread)
    if hasattr(world, "needs_threads"):
        world.needs_threads()
    if not thread._initialized:
        raise RuntimeError("thread.__init__() not called")
    if thread.__dict__.get("_raddle") is not None:
        raise RuntimeError("threads can only be started once")

    def body():
        ident = _thread.get_ident()
        thread._ident = ident
        threading._active[ident] = thread
        try:
            thread.run()
        finally:
            threading._active.pop(ident, None)

    thread._started._flag = True
    is_worker = getattr(thread, "_target", None) is concurrent.futures.thread._worker
    thread._raddle = world.spawn(thread.name, body, thread.daemon, is_worker)
    return None


def _join(thread, timeout=None):
    actor = thread.__dict__.get("_raddle")
    if actor is None:
        if active is not None and not thread._started._flag:
            raise RuntimeError("cannot join thread before it is started")
        return _real["join"](thread, timeout)
    if active is not None and active.me() is actor:
        raise RuntimeError("cannot join current thread")
    if active is not None:
        if active.me() is None and not actor.done:
            active.uncontrolled = say("outer-join")
        active.join(actor, timeout)
    return None


def _is_alive(thread):
    actor = thread.__dict__.get("_raddle")
    if actor is None:
        return _real["is_alive"](thread)
    if active is not None and active.me() is not None:
        active.point(active.me(), 9, actor.number)
    return not actor.done


_real = {name: getattr(threading.Thread, name) for name in ("__init__", "__hash__", "start", "join", "is_alive")}
_real_sleep = time.sleep


def _sleep(seconds):
    world = active
    if world is None or world.me() is None:
        return _real_sleep(seconds) if world is None else world.sleep_outside(seconds)
    return world.sleep(seconds)


def _clock(base):
    def clock():
        return base + active.now() if active is not None else base
    return clock


_real_loop = asyncio.events.new_event_loop


def _new_loop():
    from raddle._loop import WorldLoop

    return WorldLoop(active) if active is not None and active.me() is not None else _real_loop()


def _new_thread(function, arguments, named=None):
    world = active
    if world is None:
        return _thread.start_new_thread(function, arguments, named or {})
    if hasattr(world, "needs_threads"):
        world.needs_threads()
    return world.spawn(say("thread", n=len(world.actors) + 1), lambda: function(*arguments, **(named or {})), True).number


def _outside(real):
    """A function that is as it was, and leaves a doubt in the run that calls it."""

    @functools.wraps(real)
    def noted(*arguments, **named):
        if active is not None:
            active.doubts.add("outside")
        return real(*arguments, **named)

    return noted


def _no_fork():
    world = active
    if world is None:
        return _real_fork()
    world.uncontrolled = say("forks")
    raise Abort


def _end_at_once():
    if active is not None:
        os._exit(70)


class _Local(_thread._local):
    """Thread-local data: from now on each actor has a thread of its own."""

    def __new__(cls, *arguments, **named):
        _pool.is_fresh = True
        return super().__new__(cls, *arguments, **named)


_real_fork = getattr(os, "fork", None)
_OUTSIDE = [(subprocess.Popen, "__init__"), (socket.socket, "connect"), (socket.socket, "bind"), (os, "system"), (os, "posix_spawn"), (os, "posix_spawnp")]
if _real_fork is not None:
    # However it was forked: two processes that explore would both write the answer.
    os.register_at_fork(after_in_child=_end_at_once)
_now = _clock(1_000.0)
_wall = _clock(1_700_000_000.0)
_INSTEAD = [
    (_thread.allocate_lock, Lock), (_REAL_LOCK, Lock), (threading.RLock, RLock), (threading._CRLock, RLock), (queue.SimpleQueue, queue._PySimpleQueue),
    (asyncio.new_event_loop, _new_loop), (_thread._local, _Local), (_thread.start_new_thread, _new_thread), (time.sleep, _sleep), (time.monotonic, _now), (time.perf_counter, _now), (time.time, _wall),
]
_BY_ID = {id(real): instead for real, instead in _INSTEAD}


def _new_for(value):
    """What stands in for a value that a module or a class keeps; nothing if it may stay."""
    instead = _BY_ID.get(id(value))
    if instead is not None:
        return instead
    kind = type(value)
    if kind is _REAL_LOCK:
        return Lock()
    if kind is _REAL_RLOCK:
        return RLock()
    if kind is threading.Condition:
        return threading.Condition()
    if kind in (threading.Event, threading.Semaphore, threading.BoundedSemaphore, queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        again = kind.__new__(kind)
        for name, part in list(vars(value).items()):
            vars(again)[name] = part
        return again if _deep(again) else None
    return None


def _deep(value):
    """Puts controlled locks into a synchroniser of the library that was made earlier."""
    lock = Lock()
    parts = vars(value)
    if "mutex" in parts:
        parts["mutex"] = lock
        for name in ("not_empty", "not_full", "all_tasks_done"):
            parts[name] = threading.Condition(lock)
    if "_cond" in parts:
        parts["_cond"] = threading.Condition(lock)
    return True


def _scanned():
    for name, module in list(sys.modules.items()):
        filename = getattr(module, "__file__", None)
        steered = filename is None and name == "__main__" or filename and _places.is_steered(filename)
        if steered and not name.startswith(("_pytest", "pytest", "pluggy")) or name in ("threading", "queue", "time", "concurrent.futures.thread", "concurrent.futures._base", "asyncio", "asyncio.events", "_thread"):
            yield module


@contextlib.contextmanager
def controlled():
    """While this lasts, locks, threads and time are the world's."""
    undo = []

    def put(owner, name, value):
        undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    for owner, name in _OUTSIDE:
        if hasattr(owner, name):
            put(owner, name, _outside(getattr(owner, name)))
    if _real_fork is not None:
        put(os, "fork", _no_fork)
    put(threading, "local", _Local)
    _pool.is_fresh = False
    # Pools log what ends their workers, and the end of a run does.
    put(concurrent.futures._base.LOGGER, "disabled", True)
    from raddle import _loop

    put(asyncio.Lock, "acquire", _loop.noted_acquire)
    for name, method in (("__init__", _init), ("__hash__", _hash), ("start", _spawn), ("join", _join), ("is_alive", _is_alive)):
        put(threading.Thread, name, method)
    for module in _scanned():
        library = not _places.is_steered(getattr(module, "__file__", None) or "")
        for name, value in list(vars(module).items()):
            if not library and isinstance(value, _thread._local):
                _pool.is_fresh = True
            instead = _new_for(value)
            if instead is not None:
                put(module, name, instead)
            elif isinstance(value, type) and value.__module__ == module.__name__ and not library:
                for inner, kept in list(vars(value).items()):
                    if isinstance(kept, _thread._local):
                        _pool.is_fresh = True
                    replaced = _new_for(kept)
                    if replaced is not None:
                        put(value, inner, replaced)
            elif not library and hasattr(value, "__dict__") and not isinstance(value, (type, type(sys))) and not callable(value):
                for inner, kept in list(vars(value).items()):
                    if isinstance(kept, _thread._local):
                        _pool.is_fresh = True
                    replaced = _new_for(kept)
                    if replaced is not None:
                        put(value, inner, replaced)
    try:
        yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)
