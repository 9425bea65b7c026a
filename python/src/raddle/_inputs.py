"""Inputs from Hypothesis: each is explored, and the smallest that breaks is kept with its schedule."""

import copy
import functools
import time

from raddle import _explore

LEAST = 0.05
MOST = 100


class _Broken(AssertionError):
    pass


def explore(setup, actors, invariant, inputs, options):
    """Explores `setup(input)` for inputs of a strategy, within the time for all of them."""
    import hypothesis

    begun = time.monotonic()
    results = []

    def left():
        return options.seconds - (time.monotonic() - begun)

    @hypothesis.seed(options.seed)
    @hypothesis.settings(max_examples=MOST, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck), report_multiple_bugs=False)
    @hypothesis.given(inputs)
    def one(value):
        if results and (left() < LEAST or results[-1].interrupted) and not any(it.verdict == "failed" for it in results):
            return
        mine = _explore.dataclasses.replace(options, seconds=max(min(left(), options.seconds / 5), LEAST))
        made = functools.wraps(setup)(lambda: setup(copy.deepcopy(value)))
        found = _explore.search(_explore._model(made, actors, invariant), mine)
        found.input = repr(value)
        results.append(found)
        if found.verdict == "failed":
            raise _Broken

    try:
        one()
    except _Broken:
        # Hypothesis ends with the smallest input that breaks.
        last = next(it for it in reversed(results) if it.verdict == "failed")
        last.schedules = sum(it.schedules for it in results)
        return last
    return _together(results)


def _together(results):
    worst = next((it for it in results if it.verdict == "uncontrolled"), None) or next((it for it in results if it.verdict == "not-found"), results[-1])
    if worst.verdict == "uncontrolled":
        return worst
    # What holds for the inputs that were tried is no proof for all of them.
    runs = sum(it.schedules for it in results)
    coverage = _explore.say("inputs", inputs=len(results), proved=sum(it.verdict == "proved" for it in results), n=runs)
    return _explore.Exploration("not-found", runs, coverage=coverage, interrupted=any(it.interrupted for it in results))
