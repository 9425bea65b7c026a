"""Inputs that Hypothesis makes, and checks that nobody has to write."""

import asyncio
import queue
import threading

import pytest

import raddle


class Register:
    """Keeps the largest number that it was told."""

    def __init__(self, guarded):
        self.largest, self.guarded, self.lock = 0, guarded, threading.Lock()

    def tell(self, number):
        if self.guarded:
            with self.lock:
                self._tell(number)
        else:
            self._tell(number)

    def _tell(self, number):
        if number > self.largest:
            self.largest = number


def test_the_smallest_input_that_breaks_is_kept_with_its_schedule():
    strategies = pytest.importorskip("hypothesis.strategies")

    class Shared:
        def __init__(self, numbers):
            self.numbers, self.register = numbers, Register(False)

    def first(shared):
        shared.register.tell(shared.numbers[0])

    def second(shared):
        shared.register.tell(shared.numbers[1])

    def is_largest(shared):
        return shared.register.largest == max(0, *shared.numbers)

    inputs = strategies.lists(strategies.integers(0, 50), min_size=2, max_size=2)
    result = raddle.explore(Shared, first, second, invariant=is_largest, inputs=inputs, seconds=10)
    assert result.verdict == "failed" and sorted(eval(result.input)) == [1, 2], str(result)
    again = raddle.replay(result.token, Shared, first, second, invariant=is_largest, input=eval(result.input))
    assert again.verdict == "failed"


def test_inputs_that_do_not_break_are_counted_and_no_proof():
    strategies = pytest.importorskip("hypothesis.strategies")

    def tells(register):
        register.tell(3)

    result = raddle.explore(Register, tells, tells, invariant=lambda it: it.largest == 3, inputs=strategies.just(True), seconds=3)
    assert result.verdict == "not-found" and "with all their schedules" in result.coverage, str(result)


class Box:
    def __init__(self):
        self.items, self.lock = [1, 2], threading.Lock()

    def take(self):
        return self.items.pop() if self.items else None

    def size(self):
        return len(self.items)

    def size_twice(self):
        return len(self.items), len(self.items)

    def swap(self):
        first = self.take()
        second = self.take()
        return first, second


def test_calls_that_no_order_explains():
    result = raddle.explore(Box, Box.swap, Box.swap, invariant="linearizable")
    assert (result.verdict, result.kind) == ("failed", "invariant"), str(result)
    again = raddle.replay(result.token, Box, Box.swap, Box.swap, invariant="linearizable")
    assert again.verdict == "failed"


def test_calls_that_some_order_explains():
    assert raddle.explore(Box, [Box.size, Box.take], [Box.take], invariant="linearizable").verdict == "proved"


def test_calls_that_are_one_only_together():
    assert raddle.explore(Box, Box.size_twice, Box.take, invariant="linearizable").verdict == "failed"
    assert raddle.explore(Box, [Box.size, Box.size], Box.take, invariant="linearizable").verdict == "proved"


def test_a_queue_of_the_library_is_linearizable():
    def put(number):
        return lambda jobs: jobs.put(number)

    def get(jobs):
        return jobs.get()

    result = raddle.explore(queue.Queue, [put(1), get], [put(2)], invariant="linearizable", seconds=8)
    assert result.verdict in ("proved", "not-found"), str(result)


def test_tasks_are_calls_too():
    class Account:
        def __init__(self):
            self.balance = 1

        async def spend(self):
            if self.balance > 0:
                await asyncio.sleep(0)
                self.balance -= 1
                return True
            return False

    assert raddle.explore(Account, Account.spend, Account.spend, invariant="linearizable").verdict == "failed"
