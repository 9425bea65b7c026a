"""What an exploration found, as a value, and as JSON."""

import dataclasses
import json
from typing import NamedTuple

from raddle import _places


class ExplorationFailed(AssertionError):
    """Some schedule breaks the program."""


class Step(NamedTuple):
    """One step of the failing run."""

    actor: int
    """A number; the columns of a table are in its order."""
    name: str
    """The actor's name."""
    verb: str
    """`reads`, `writes`, `updates`, `acquires`, `tries`, `releases`, `starts`, `joins`, `runs`, `calls`, `waits`, `notifies`, `cancels` or `clock`."""
    what: str
    """What it touches, as the program calls it."""
    place: tuple | None
    """File and line."""
    value: str = ""
    """The value that was read or written, where it is known."""
    switch: bool = False
    """Whether the actor before was preempted here."""


class Wait(NamedTuple):
    """One actor of a deadlock."""

    actor: str
    what: str
    """The lock or the actor that it waits for."""
    place: tuple | None
    holder: str | None
    """Who holds the lock."""
    since: tuple | None
    """Where it was taken."""


@dataclasses.dataclass
class Exploration:
    """What an exploration found, and what it covered."""

    verdict: str
    """`failed`, `proved`, `not-found` or `uncontrolled`."""
    schedules: int = 0
    preemptions: int | None = None
    token: str | None = None
    builds: str | None = None
    """`any build`, `free-threaded only` or `free-threaded; not found with the GIL`."""
    trace: list = dataclasses.field(default_factory=list)
    failure: str = ""
    kind: str = ""
    """`deadlock`, `exception`, `check`, `invariant`, `hang`, `never-awaited` or `cancellation-swallowed`."""
    coverage: str = ""
    rule: str | None = None
    """The name of the rule, as `raddle check` has it."""
    waits: list = dataclasses.field(default_factory=list)
    """Of a deadlock: who waits for whom, in the order of the circle where there is one."""
    target: str = ""
    """What was explored, as the command line takes it."""
    interrupted: bool = False
    """Whether somebody pressed Ctrl-C."""

    def assert_ok(self):
        """Raises where a schedule failed, or the program is out of control."""
        if self.verdict in ("failed", "uncontrolled"):
            raise ExplorationFailed(str(self))
        return self

    def __str__(self):
        from raddle import _told

        return _told.told(self)

    def as_data(self):
        """As plain data, with the lines of the source."""
        data = dataclasses.asdict(self)
        data["trace"] = [_step(it) for it in self.trace]
        data["waits"] = [_wait(it) for it in self.waits]
        return data

    def to_json(self, indent=None):
        """As JSON; `raddle explore --format json` prints a list of these."""
        return json.dumps(self.as_data(), ensure_ascii=False, indent=indent)

    def to_html(self):
        """As a page that needs no other file."""
        from raddle import _page

        return _page.page([self])


def _place(place):
    return None if place is None else {"file": place[0], "line": place[1], "source": _places.text(place)}


def _step(step):
    return {**step._asdict(), "place": _place(step.place)}


def _wait(wait):
    return {**wait._asdict(), "place": _place(wait.place), "since": _place(wait.since)}
