"""Explores the schedules of concurrent Python programs."""

from raddle._exploration import Exploration, ExplorationFailed, Step, Wait
from raddle._explore import explore as _explore_model, replay

__all__ = ["Exploration", "ExplorationFailed", "Step", "Wait", "explore", "replay"]


def explore(*parts, **options):
    """`explore(setup, *actors, invariant=…)` explores a model; `@explore(seconds=…)` marks a test for `pytest --raddle`."""
    if parts:
        return _explore_model(*parts, **options)

    def mark(function):
        function.__raddle__ = options
        return function

    return mark
