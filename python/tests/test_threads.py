"""Threads under chosen schedules: what breaks is found, small and repeatable; what cannot break is proved."""

import _thread
import collections
import concurrent.futures
import dataclasses
import functools
import os
import queue
import subprocess
import sys
import threading
import time

import pytest

import raddle

KEPT = threading.Lock()
LOCAL = threading.local()


class State:
    def __init__(self):
        self.n = 0
        self.a, self.b = threading.Lock(), threading.RLock()
        self.items = queue.Queue()


def add(state):
    state.n += 1


def add_guarded(state):
    with state.a:
        state.n += 1


def add_guarded_by_module(state):
    with KEPT:
        state.n += 1


def both(state):
    return state.n == 2


def found(*actors, invariant=both, seconds=10):
    return raddle.explore(State, *actors, invariant=invariant, seconds=seconds)


def test_a_lost_update_needs_one_preemption_and_no_gil():
    result = found(add, add)
    assert (result.verdict, result.preemptions, result.builds) == ("failed", 1, "free-threaded only")
    assert "state.n += 1" in str(result)


def test_a_lost_update_across_a_call_comes_with_the_gil_too():
    def slow(state):
        state.n = int(state.n) + 1

    assert found(slow, slow).builds == "any build"


@pytest.mark.parametrize("actor", [add_guarded, add_guarded_by_module])
def test_a_lock_is_a_proof(actor):
    result = found(actor, actor)
    assert result.verdict == "proved", str(result)


def test_a_deadlock_names_who_waits_and_where():
    def one(state):
        with state.a, state.b:
            pass

    def two(state):
        with state.b, state.a:
            pass

    result = found(one, two, invariant=None)
    assert (result.verdict, result.kind) == ("failed", "deadlock")
    assert "thread 1 waits for" in result.failure and "thread 2 has held it since" in result.failure
    assert "test_threads.py:" in result.failure


def test_a_failure_replays():
    result = found(add, add)
    for _ in range(20):
        again = raddle.replay(result.token, State, add, add, invariant=both)
        assert (again.verdict, again.token) == ("failed", result.token)


def test_a_schedule_of_another_program_is_refused():
    token = found(add, add).token
    with pytest.raises(ValueError, match="another program"):
        raddle.replay(token, State, add, add_guarded, invariant=both)


def test_time_is_virtual():
    def sleeper(state):
        time.sleep(3600)
        state.n += 1

    def early(state):
        state.n += 1

    begin = time.monotonic()
    assert found(sleeper, early).verdict == "proved"
    assert time.monotonic() - begin < 30


def test_a_pool_started_inside_is_under_control():
    def work(state):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: add_guarded(state), range(2)))

    result = found(work, seconds=2)
    assert result.verdict == "not-found", str(result)


def test_threads_started_inside_are_actors():
    def work(state):
        threads = [threading.Thread(target=add, args=(state,)) for _ in range(2)]
        for it in threads:
            it.start()
        for it in threads:
            it.join()

    assert found(work).verdict == "failed"


def test_an_event_looked_at_without_a_lock_is_a_switch_point():
    class Once:
        def __init__(self):
            self.done, self.n = threading.Event(), 0

    def once(state):
        if not state.done.is_set():
            state.done.set()
            state.n += 1

    assert raddle.explore(Once, once, once, invariant=lambda it: it.n == 1).verdict == "failed"


def test_a_search_that_is_cut_short_proves_nothing():
    assert raddle.explore(State, add_guarded, add_guarded, invariant=both, schedules=2).verdict == "not-found"


def test_a_real_wait_is_not_under_control():
    def blocks(state):
        os.read(os.pipe()[0], 1)

    assert found(blocks, add, invariant=None, seconds=8).verdict == "uncontrolled"


def test_a_daemon_that_still_runs_is_not_certified():
    def work(state):
        def tick():
            while True:
                time.sleep(0.1)

        threading.Thread(target=tick, daemon=True).start()
        add_guarded(state)

    result = found(work, invariant=None, seconds=3)
    assert result.verdict == "not-found" and "daemon" in result.coverage, str(result)


def test_a_pool_that_nobody_shuts_down_is_no_deadlock():
    def work(state):
        pool = concurrent.futures.ThreadPoolExecutor(2)
        futures = [pool.submit(add_guarded, state) for _ in range(2)]
        assert all(it.result() is None for it in futures)

    result = found(work, seconds=3)
    assert result.verdict in ("not-found", "proved"), str(result)


def test_a_process_that_splits_in_two_is_not_under_control():
    def work(state):
        if os.fork() == 0:
            os._exit(0)

    result = found(work, seconds=3)
    assert result.verdict == "uncontrolled" and "forks" in result.coverage, str(result)


def test_another_process_is_no_part_of_a_proof():
    def work(state):
        subprocess.run([sys.executable, "-c", ""], check=True)

    result = found(work, invariant=None, seconds=3)
    assert result.verdict in ("not-found", "uncontrolled"), str(result)


# what a failure says


def test_the_run_is_shown_with_values_names_and_the_place_of_the_preemption():
    result = found(add, add)
    assert result.rule == "unguarded-shared-write"
    assert [(step.verb, step.what, step.value) for step in result.trace] == [
        ("reads", "state.n", "0"), ("reads", "state.n", "0"), ("writes", "state.n", "1"), ("writes", "state.n", "1"),
    ]
    assert [step.switch for step in result.trace] == [False, True, False, False]


@pytest.mark.parametrize(("first", "second", "rule"), [("a", "b", "lock-order-cycle"), ("b", "a", "lock-order-cycle")])
def test_a_circle_of_locks_has_the_names_of_the_program(first, second, rule):
    def one(state):
        with getattr(state, first):
            with state.b if first == "a" else state.a:
                pass

    def two(state):
        with getattr(state, second):
            with state.b if second == "a" else state.a:
                pass

    result = found(one, two, invariant=None)
    assert result.rule == rule
    assert {it.what for it in result.waits} == {"state.a", "state.b"}
    assert all(it.holder and it.since for it in result.waits)


def test_a_lock_that_nobody_gives_back_has_its_rule():
    def forgets(state):
        state.a.acquire()

    assert found(forgets, forgets, invariant=None).rule == "lock-not-released"


def test_a_lock_of_ones_own_has_its_rule():
    def twice(state):
        with state.a, state.a:
            pass

    assert found(twice, add, invariant=None).rule == "self-deadlock"


def test_a_lost_notification_is_no_lock_of_ones_own():
    class Box:
        def __init__(self):
            self.ready = threading.Condition()

    def waits(box):
        with box.ready:
            box.ready.wait()

    def notifies(box):
        with box.ready:
            box.ready.notify()

    result = raddle.explore(Box, waits, notifies)
    assert (result.kind, result.rule) == ("deadlock", None)
    assert "waits for `box.ready`" in result.failure


def test_a_put_under_a_lock_waits_while_holding_it():
    def puts(state):
        for _ in range(2):
            with state.a:
                state.small.put(1)

    def gets(state):
        with state.a:
            state.small.get()

    def setup():
        state = State()
        state.small = queue.Queue(1)
        return state

    assert raddle.explore(setup, puts, gets).rule == "wait-while-holding-lock"


def test_an_initialisation_that_comes_twice_has_its_rule():
    class Lazy:
        def __init__(self):
            self.made, self.value = 0, None

    def get(lazy):
        if lazy.value is None:
            lazy.value = object()
            lazy.made += 1

    assert raddle.explore(Lazy, get, get, invariant=lambda it: it.made == 1).rule == "lazy-init-race"


def test_no_code_of_the_program_runs_to_show_a_value():
    class Loud:
        def __init__(self):
            self.n, self.shown = 0, 0

        def __repr__(self):
            raise AssertionError("nobody asked")

    class Holder:
        def __init__(self):
            self.loud = Loud()

    def use(holder):
        holder.loud = holder.loud
        holder.loud.n += 1

    result = raddle.explore(Holder, use, use, invariant=lambda it: it.loud.n == 2)
    assert result.verdict == "failed" and any(step.value == "<Loud>" for step in result.trace)


def test_threads_that_carry_one_actor_after_another_keep_nothing_of_it():
    import contextvars

    variable = contextvars.ContextVar("variable", default=0)
    made = []

    def uses(state):
        if not made:
            made.append(threading.local())
        assert variable.get() == 0 and not hasattr(LOCAL, "n")
        variable.set(1)
        LOCAL.n = made[0].n = 1
        add_guarded(state)

    result = found(uses, uses)
    assert result.verdict == "proved", str(result)


# locks that the program made before, wherever it keeps them


@dataclasses.dataclass
class Made:
    lock: object = dataclasses.field(default_factory=threading.Lock)
    n: int = 0


class Kept:
    lock = threading.Lock()
    locks = {"a": [threading.Lock()]}


BOTH_NAMES = KEPT
TUPLE = (threading.Lock(), threading.RLock())
NEW = functools.partial(threading.Lock)
MANY = collections.defaultdict(threading.Lock)
READY = threading.Event()
JOBS = queue.Queue()


def closed_over():
    lock = threading.Lock()

    def add(state):
        with lock:
            state.n += 1

    return add


def by_default(state, lock=threading.Lock()):
    with lock:
        state.n += 1


def by_class(state):
    with Kept.lock:
        state.n += 1


def by_element(state):
    with Kept.locks["a"][0]:
        state.n += 1


def by_tuple(state):
    with TUPLE[0], TUPLE[1]:
        state.n += 1


def by_factory(state):
    with MANY["state"]:
        state.n += 1


@pytest.mark.parametrize("actor", [closed_over(), by_default, by_class, by_element, by_tuple, by_factory])
def test_a_lock_made_before_is_under_control_wherever_it_is_kept(actor):
    result = found(actor, actor)
    assert result.verdict == "proved", str(result)


def test_a_factory_of_locks_is_under_control():
    def add_made(made):
        with made.lock:
            made.n += 1

    assert raddle.explore(Made, add_made, add_made, invariant=both).verdict == "proved"


def test_a_lock_is_one_lock_whatever_its_names():
    def other(state):
        with BOTH_NAMES:
            state.n += 1

    assert found(add_guarded_by_module, other).verdict == "proved"
    assert BOTH_NAMES is KEPT and isinstance(KEPT, _thread.LockType)


def test_what_a_run_leaves_in_the_module_is_gone_in_the_next():
    def sets(state):
        assert not READY.is_set() and JOBS.empty()
        READY.set()
        JOBS.put(1)
        KEPT.acquire()

    result = found(sets, invariant=None, seconds=2)
    assert result.verdict == "proved", str(result)
    assert not READY.is_set() and JOBS.empty()


def test_a_lock_that_setup_holds_is_held():
    def setup():
        state = State()
        state.a.acquire()
        return state

    def gives_back(state):
        state.a.release()

    assert raddle.explore(setup, add_guarded, gives_back).verdict == "proved"
    assert raddle.explore(setup, add_guarded).kind == "deadlock"


@pytest.mark.parametrize("pause", [lambda: None, lambda: time.sleep(0), lambda: time.sleep(0.01)])
def test_waiting_in_a_spin_is_no_failure(pause):
    def spins(state):
        while not state.n:
            pause()
        state.n += 1

    def sets(state):
        state.n = 1

    result = found(spins, sets, seconds=4)
    assert result.verdict in ("proved", "not-found"), str(result)


@pytest.mark.parametrize("timeout", [0.01, 0.1, 1 / 3, 1e-7])
def test_a_wait_with_a_timeout_comes_to_its_end(timeout):
    def waits(state):
        state.items.put(1)
        state.items.maxsize = 1
        with pytest.raises(queue.Full):
            state.items.put(2, timeout=timeout)
        with pytest.raises(queue.Empty):
            queue.Queue().get(timeout=timeout)

    result = found(waits, invariant=None, seconds=3)
    assert result.verdict == "proved", str(result)
