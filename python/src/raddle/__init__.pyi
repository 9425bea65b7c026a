from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple, overload

class ExplorationFailed(AssertionError): ...

class Step(NamedTuple):
    actor: int
    name: str
    verb: str
    what: str
    place: tuple[str, int] | None
    value: str = ""
    switch: bool = False

class Wait(NamedTuple):
    actor: str
    what: str
    place: tuple[str, int] | None
    holder: str | None
    since: tuple[str, int] | None

class Exploration:
    verdict: Literal["failed", "proved", "not-found", "uncontrolled"]
    schedules: int
    preemptions: int | None
    token: str | None
    builds: str | None
    trace: list[Step]
    failure: str
    kind: str
    coverage: str
    rule: str | None
    waits: list[Wait]
    target: str
    interrupted: bool
    def assert_ok(self) -> Exploration: ...
    def as_data(self) -> dict[str, Any]: ...
    def to_json(self, indent: int | None = None) -> str: ...
    def to_html(self) -> str: ...

type Actor[State] = Callable[[State], object] | Callable[[State], Awaitable[object]]
type Strategy = Literal["auto", "random", "pct", "exhaustive", "bounded", "cancel"]
type Model = Literal["both", "gil"]

@overload
def explore[State](setup: Callable[[], State], /, *actors: Actor[State], invariant: Callable[[State], object] | None = None, seconds: float = 5.0, schedules: int | None = None, strategy: Strategy = "auto", model: Model = "both", seed: int = 0, jobs: int = 1) -> Exploration: ...
@overload
def explore[Function: Callable[..., Any]](*, seconds: float = 5.0, schedules: int | None = None, strategy: Strategy = "auto", model: Model = "both", seed: int = 0, jobs: int = 1) -> Callable[[Function], Function]: ...
def replay[State](token: str, setup: Callable[[], State], /, *actors: Actor[State], invariant: Callable[[State], object] | None = None, model: Model = "both") -> Exploration: ...
