"""Tasks under chosen schedules, alone and beside threads."""

import asyncio
import threading

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
    assert (result.verdict, result.builds) == ("failed", "any build")
    assert raddle.replay(result.token, State, split, split, invariant=both).verdict == "failed"


def test_tasks_are_sampled_and_never_proved():
    assert raddle.explore(State, guarded, guarded, invariant=both, seconds=2).verdict == "not-found"


def test_timers_an_hour_apart_keep_their_order():
    async def first(state):
        await asyncio.sleep(1)
        state.n = 1

    async def second(state):
        await asyncio.sleep(3600)
        state.n *= 2

    assert raddle.explore(State, first, second, invariant=both, seconds=1).verdict == "not-found"


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
    assert result.verdict == "not-found", str(result)


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

    assert raddle.explore(State, user, invariant=both, seconds=8).verdict == "not-found"
