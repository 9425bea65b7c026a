"""Tasks under chosen schedules, alone and beside threads."""

import asyncio
import threading
import time

import pytest

import raddle


class State:
    def __init__(self):
        self.n = 0
        self.lock = asyncio.Lock()


async def split(state):
    seen = state.n
    await asyncio.sleep(0)
    state.n = seen + 1


async def guarded(state):
    async with state.lock:
        await split(state)


def both(state):
    return state.n == 2


def test_an_update_split_by_an_await_is_lost():
    result = raddle.explore(State, split, split, invariant=both)
    assert (result.verdict, result.builds, result.rule) == ("failed", "any build", "await-splits-update")
    assert ("writes", "state.n", "1") in [(step.verb, step.what, step.value) for step in result.trace]
    assert raddle.replay(result.token, State, split, split, invariant=both).verdict == "failed"


def test_a_lock_is_a_proof_for_tasks():
    result = raddle.explore(State, guarded, guarded, invariant=both, seconds=5)
    assert result.verdict == "proved" and "tasks only" in result.coverage, str(result)


def test_tasks_with_more_orders_than_time_are_not_proved():
    result = raddle.explore(State, *[guarded] * 6, seconds=2)
    assert result.verdict == "not-found" and "departures" in result.coverage, str(result)


def test_timers_an_hour_apart_keep_their_order():
    async def first(state):
        await asyncio.sleep(1)
        state.n = 1

    async def second(state):
        await asyncio.sleep(3600)
        state.n *= 2

    assert raddle.explore(State, first, second, invariant=both, seconds=3).verdict == "proved"


def test_a_task_and_a_thread_share_a_counter():
    async def task(state):
        state.n += 1

    def thread(state):
        state.n += 1

    assert raddle.explore(State, task, thread, invariant=both).verdict == "failed"


def test_a_wake_up_from_a_thread_reaches_the_loop():
    class Shared:
        def __init__(self):
            self.loop, self.done, self.ready = None, False, threading.Event()

    async def waits(state):
        state.loop, state.future = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        state.ready.set()
        state.done = await state.future

    def wakes(state):
        state.ready.wait()
        state.loop.call_soon_threadsafe(state.future.set_result, True)

    result = raddle.explore(Shared, waits, wakes, invariant=lambda it: it.done, seconds=2)
    assert result.verdict in ("not-found", "proved"), str(result)


def test_a_task_that_ticks_for_ever_starves_nobody():
    async def ticks():
        while True:
            await asyncio.sleep(0.01)

    async def user(state):
        task = asyncio.create_task(ticks())
        await asyncio.sleep(0.05)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            state.n = 2

    assert raddle.explore(State, user, invariant=both, seconds=8).verdict in ("not-found", "proved")


def bump(state):
    state.n = state.n + 1


async def in_a_thread(state):
    await asyncio.to_thread(bump, state)


async def in_a_pool(state):
    await asyncio.get_running_loop().run_in_executor(None, bump, state)


@pytest.mark.parametrize("actor", [in_a_thread, in_a_pool])
def test_what_runs_in_a_pool_is_no_step_of_the_loop(actor):
    result = raddle.explore(State, actor, actor, invariant=both)
    assert result.verdict == "failed" and result.trace, str(result)
    again = raddle.replay(result.token, State, actor, actor, invariant=both)
    assert (again.verdict, again.token) == ("failed", result.token)


def test_what_runs_in_a_pool_one_after_the_other_is_fine():
    async def twice(state):
        await in_a_thread(state)
        await in_a_pool(state)

    result = raddle.explore(State, twice, invariant=both, seconds=3)
    assert result.verdict in ("not-found", "proved"), str(result)


def test_a_loop_that_the_program_runs_itself_is_under_control():
    async def program():
        state = State()
        await asyncio.gather(split(state), split(state))
        assert both(state)

    def main(_):
        asyncio.run(program())

    result = raddle.explore(lambda: None, main)
    assert (result.verdict, result.kind) == ("failed", "exception"), str(result)


def test_a_loop_that_the_program_runs_itself_may_be_fine():
    async def program():
        state = State()
        async with asyncio.timeout(5):
            await asyncio.gather(guarded(state), guarded(state))
        assert both(state)

    def main(_):
        asyncio.run(program())

    result = raddle.explore(lambda: None, main, seconds=3)
    assert result.verdict in ("not-found", "proved"), str(result)


def test_a_thread_lock_across_an_await_is_a_deadlock_and_no_hang():
    class Locked:
        def __init__(self):
            self.lock = threading.Lock()

    async def holds(state):
        with state.lock:
            await asyncio.sleep(0)

    result = raddle.explore(Locked, holds, holds)
    assert (result.verdict, result.kind) == ("failed", "deadlock"), str(result)


def test_time_that_is_slept_in_a_coroutine_is_virtual():
    async def sleeper(state):
        time.sleep(3600)
        state.n += 1

    begin = time.monotonic()
    assert raddle.explore(State, sleeper, sleeper, invariant=both).verdict == "proved"
    assert time.monotonic() - begin < 60


# cancellation as a decision


async def swallows(state):
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        pass


async def leaks(state):
    await state.lock.acquire()
    await asyncio.sleep(1)
    state.lock.release()


async def cleans(state):
    async with state.lock:
        try:
            await asyncio.sleep(1)
        finally:
            await asyncio.sleep(0)


def test_a_swallowed_cancellation_is_found_and_replays():
    result = raddle.explore(State, swallows, strategy="cancel")
    assert (result.verdict, result.kind, result.rule) == ("failed", "cancellation-swallowed", "cancellation-swallowed")
    assert any(step.verb == "cancels" for step in result.trace)
    again = raddle.replay(result.token, State, swallows)
    assert (again.verdict, again.kind) == ("failed", "cancellation-swallowed")


def test_a_lock_that_a_cancellation_leaks_is_a_deadlock():
    result = raddle.explore(State, leaks, leaks, strategy="cancel")
    assert (result.verdict, result.kind) == ("failed", "deadlock"), str(result)
    assert raddle.explore(State, leaks, leaks).verdict == "proved"


def test_cleaning_up_is_proved():
    result = raddle.explore(State, cleans, cleans, strategy="cancel")
    assert result.verdict == "proved" and "one cancellation" in result.coverage, str(result)


def test_threads_are_not_cancelled():
    with pytest.raises(Exception, match="only tasks can be cancelled"):
        raddle.explore(State, bump, strategy="cancel")


def test_a_circle_of_asyncio_locks_has_holders():
    class Locks:
        def __init__(self):
            self.a, self.b = asyncio.Lock(), asyncio.Lock()

    async def one(state):
        async with state.a:
            await asyncio.sleep(0)
            async with state.b:
                pass

    async def two(state):
        async with state.b:
            await asyncio.sleep(0)
            async with state.a:
                pass

    result = raddle.explore(Locks, one, two)
    assert (result.kind, result.rule) == ("deadlock", "lock-order-cycle")
    assert [(it.actor, it.what, it.holder) for it in result.waits] == [("task 1", "state.b", "task 2"), ("task 2", "state.a", "task 1")]


def test_callbacks_keep_their_order_and_tasks_need_not():
    class Order:
        def __init__(self):
            self.seen = []

    async def calls(order):
        loop = asyncio.get_running_loop()
        for it in range(3):
            loop.call_soon(order.seen.append, it)
            loop.call_soon(lambda it=it: order.seen.append(it + 10))
        done = loop.create_future()
        loop.call_soon(done.set_result, None)
        await done

    async def noise(order):
        await asyncio.sleep(0)

    def is_in_line(order):
        return order.seen == [0, 10, 1, 11, 2, 12]

    assert raddle.explore(Order, calls, noise, invariant=is_in_line, seconds=4).verdict in ("proved", "not-found")

    async def first(order):
        order.seen.append(1)

    async def second(order):
        order.seen.append(2)

    assert raddle.explore(Order, first, second, invariant=lambda it: it.seen == [1, 2]).verdict == "failed"


def test_waiting_in_a_spin_is_no_failure():
    async def spins(state):
        while not state.n:
            await asyncio.sleep(0)
        state.n += 1

    async def sets(state):
        await asyncio.sleep(0)
        state.n = 1

    assert raddle.explore(State, spins, sets, invariant=both, seconds=4).verdict in ("proved", "not-found")


def test_a_set_of_tasks_is_gone_through_in_one_order():
    class Seen:
        def __init__(self):
            self.order = []

    async def gathers(seen):
        async def child(name):
            try:
                await asyncio.sleep(5)
            finally:
                seen.order.append(name)

        tasks = {asyncio.create_task(child(it)) for it in range(6)}
        await asyncio.sleep(0)
        for it in tasks:
            it.cancel()
        await asyncio.wait(tasks)

    def is_in_order(seen):
        return seen.order == sorted(seen.order)

    result = raddle.explore(Seen, gathers, invariant=is_in_order, seconds=3)
    assert result.verdict == "failed", str(result)
    for _ in range(5):
        assert raddle.replay(result.token, Seen, gathers, invariant=is_in_order).verdict == "failed"
