from collections.abc import Awaitable, Callable
from typing import Any, overload

class ExplorationFailed(AssertionError): ...

class Exploration:
    verdict: str
    schedules: int
    preemptions: int | None
    token: str | None
    builds: str | None
    trace: list[tuple[int, str, str, str, tuple[str, int] | None]]
    failure: str
    kind: str
    coverage: str
    def assert_ok(self) -> Exploration: ...

type Actor[State] = Callable[[State], object] | Callable[[State], Awaitable[object]]

@overload
def explore[State](setup: Callable[[], State], /, *actors: Actor[State], invariant: Callable[[State], object] | None = None, seconds: float = 5.0, schedules: int | None = None, seed: int = 0) -> Exploration: ...
@overload
def explore[Function: Callable[..., Any]](*, seconds: float = 5.0, schedules: int | None = None, seed: int = 0) -> Callable[[Function], Function]: ...
def replay[State](token: str, setup: Callable[[], State], /, *actors: Actor[State], invariant: Callable[[State], object] | None = None) -> Exploration: ...
