"""How many runs a second of processor time an exploration makes, for small programs; the switches are random.

usage: python schedules.py, where raddle is installed
"""

import asyncio
import threading
import time

from raddle import _bridge, _explore
from raddle._run import Model

CLOCKS = [time.process_time, time.time]
"""In a list, where the explorer does not put its own clock in their place."""


class State:
    def __init__(self):
        self.n = 0
        self.lock = threading.Lock()
        self.ready = threading.Condition()
        self.items = []


def add(state):
    state.n += 1


def add_guarded(state):
    with state.lock:
        state.n += 1


def produce(state):
    with state.ready:
        state.items.append(1)
        state.ready.notify()


def consume(state):
    with state.ready:
        while not state.items:
            state.ready.wait()
        state.items.pop()


async def four_steps(state):
    for _ in range(3):
        seen = state.n
        await asyncio.sleep(0)
        state.n = seen + 1


def measure(name, runs, *actors):
    """Prints one line."""
    model = Model(State, actors, None, 1)

    def work():
        for _ in range(300):
            model.run(_bridge.Search("random", 2))
        search = _bridge.Search("random", 1)
        before = [clock() for clock in CLOCKS]
        for _ in range(runs):
            model.run(search)
        cpu, wall = (clock() - begun for clock, begun in zip(CLOCKS, before))
        print(f"{name:14} {runs / cpu:9,.0f} runs a CPU second {runs / wall:9,.0f} a second", flush=True)

    _explore._steered(model, work)


if __name__ == "__main__":
    measure("lost update", 5_000, add, add)
    measure("lock", 5_000, add_guarded, add_guarded)
    measure("condition", 3_000, produce, consume)
    measure("8-step tasks", 20_000, four_steps, four_steps)
