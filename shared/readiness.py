"""Whether a process can do its work now: what it depends on, which of that is not well, and since when.

`GET /readyz` answers 200 while everything that hinders is well, else 503, and says in both cases:

    {"status": "not ready",
     "faults": {"log": "..."},                                  only what hinders, for a quick look
     "dependencies": [{"name": "log", "well": false, "hinders": true, "since": "2026-...Z", "detail": "..."}, ...]}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.clock import Clock
from shared.contract.events import rfc3339


class Dependency(NamedTuple):
    """Something a process cannot do without, or not well. `fault` says what is wrong with it, None while it is well.

    What does not hinder is shown, but the process stays in the rotation.
    """

    name: str
    fault: str | None = None
    hinders: bool = True


class Verdict(NamedTuple):
    """What `/readyz` answers."""

    ready: bool
    body: dict[str, Any]


def hindering(dependencies: Sequence[Dependency]) -> dict[str, str]:
    """Name -> fault of what keeps the process from its work."""
    return {one.name: one.fault for one in dependencies if one.fault is not None and one.hinders}


class Readiness:
    """Asks for the dependencies and remembers since when each has been as it is, to the moment of the first look."""

    def __init__(
        self,
        clock: Clock,
        ask: Callable[[], Awaitable[Sequence[Dependency]]],
        more: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        """`more` are further facts of the answer, such as where each partition stands."""
        self._clock = clock
        self._ask = ask
        self._more = more
        self._since: dict[str, tuple[bool, int]] = {}

    async def look(self) -> Verdict:
        """How things stand now."""
        dependencies = await self._ask()
        now_ms = self._clock.now_ms()
        since: dict[str, tuple[bool, int]] = {}
        for one in dependencies:
            well = one.fault is None
            before = self._since.get(one.name)
            since[one.name] = before if before is not None and before[0] == well else (well, now_ms)
        self._since = since
        faults = hindering(dependencies)
        return Verdict(
            not faults,
            {
                "status": "not ready" if faults else "ready",
                "faults": faults,
                "dependencies": [
                    {
                        "name": one.name,
                        "well": one.fault is None,
                        "hinders": one.hinders,
                        "since": rfc3339(since[one.name][1]),
                        "detail": one.fault or "",
                    }
                    for one in dependencies
                ],
                **self._more(),
            },
        )
