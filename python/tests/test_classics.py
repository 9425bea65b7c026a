"""Of every classic the broken one breaks, the mended one does not, and no broken one is certified."""

import classics
import pytest

import raddle

NAMES = sorted(name.removesuffix("_BUG") for name in vars(classics) if name.endswith("_BUG"))
TOO_MANY = {"BUFFER", "MUTEX", "POOL", "STOP", "BARRIER", "LOOP", "RACE", "JOIN", "PHILOSOPHERS"}
"""Mended ones with perhaps more schedules than there is time for here."""


def explored(name):
    setup, actors, check = getattr(classics, name)
    return raddle.explore(setup, *actors, invariant=check, seconds=6)


@pytest.mark.parametrize("name", NAMES)
def test_the_broken_one_breaks_and_replays(name):
    result = explored(f"{name}_BUG")
    assert result.verdict == "failed", str(result)
    assert result.preemptions <= 3
    setup, actors, check = getattr(classics, f"{name}_BUG")
    again = raddle.replay(result.token, setup, *actors, invariant=check)
    assert (again.verdict, again.kind, again.token) == ("failed", result.kind, result.token)


@pytest.mark.parametrize("name", NAMES)
def test_the_mended_one_does_not(name):
    result = explored(f"{name}_FIX")
    assert result.verdict == "proved" or name in TOO_MANY and result.verdict == "not-found", str(result)
