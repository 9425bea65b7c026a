"""Threads under chosen schedules: what breaks is found, small and repeatable; what cannot break is proved."""

import concurrent.futures
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
    import _thread

    def blocks(state):
        state.real.acquire()

    def setup():
        state = State()
        state.real = real()
        state.real.acquire()
        return state

    kept = {"real": _thread.allocate_lock}
    real = lambda: kept["real"]()
    assert raddle.explore(setup, blocks, add, seconds=8).verdict == "uncontrolled"


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
        import os

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
