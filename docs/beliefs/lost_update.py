"""A bare `counter += 1` loses nothing on CPython 3.10 and later with a GIL; a call between reading and writing does.

Since 3.10 the interpreter looks whether it should give the GIL away only at calls, at backward jumps and at the start
of functions (`eval_breaker` in Python/ceval.c). Nothing of that stands between the load and the store of `+= 1`.
"""

import sys
import threading

THREADS = 4
ROUNDS = 100_000

bare = 0
called = 0


def same(number):
    return number + 1


def add_bare():
    global bare
    for _ in range(ROUNDS):
        bare += 1


def add_called():
    global called
    for _ in range(ROUNDS):
        called = same(called)


def run(target):
    threads = [threading.Thread(target=target) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


sys.setswitchinterval(1e-6)
has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
run(add_bare)
if has_gil:
    assert bare == THREADS * ROUNDS, f"{THREADS * ROUNDS - bare} updates lost"
# A schedule is chance, so the second half is given a few tries.
for _ in range(20):
    called = 0
    run(add_called)
    if called < THREADS * ROUNDS:
        break
else:
    raise AssertionError("no update was lost in twenty runs")
