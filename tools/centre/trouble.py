"""What is made to go wrong at a planned minute: any number of causes in one day, each known to the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from tools.centre.truth import Cause

TroubleKind = Literal["surge", "burst", "outage", "absence", "abuse", "missed_breaks", "short_breaks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One cause, in minutes from the start. What `size` means, and which subject is needed, depends on the kind:

    surge: the queue's rate is `size` times the usual one, all with `issue` when one is named;
    burst: the rate of one `issue` of the `queue` is `size` times its usual one;
    outage: a system is down, talks of the `queue` take `size` times as long and are rarely resolved;
    absence: part `size` of a `team` is away without notice;
    abuse: part `size` of the contacts of one `agent` are abusive;
    missed_breaks: the breaks of an `agent` do not happen;
    short_breaks: the breaks of an `agent` are over after a minute or so: somebody is needed.

    Raises ValueError: no such kind, no subject, or a number that makes no sense.
    """

    kind: TroubleKind
    at_min: float
    for_min: float
    size: float = 1.0
    queue: str | None = None
    issue: str | None = None
    team: str | None = None
    agent: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(TroubleKind):
            raise ValueError(f"no trouble {self.kind!r}; there are: {', '.join(get_args(TroubleKind))}")
        of_agent = ("abuse", "missed_breaks", "short_breaks")
        needed = {"absence": self.team, **dict.fromkeys(of_agent, self.agent)}.get(self.kind, self.queue)
        if needed is None or (self.kind == "burst" and self.issue is None):
            raise ValueError(f"{self.kind} needs to know whom it hits: a queue, an issue, a team or an agent")
        if self.for_min <= 0:
            raise ValueError("a trouble lasts longer than 0 minutes")
        if self.kind in ("absence", "abuse") and not 0.0 <= self.size <= 1.0:
            raise ValueError(f"the size of {self.kind} is a part, between 0 and 1")
        if self.kind in ("surge", "burst", "outage") and self.size < 1.0:
            raise ValueError(f"the size of {self.kind} is a factor of at least 1")

    @property
    def start_s(self) -> float:
        return 60.0 * self.at_min

    @property
    def end_s(self) -> float:
        return 60.0 * (self.at_min + self.for_min)

    def active(self, now_s: float) -> bool:
        return self.start_s <= now_s < self.end_s

    def cause(self, start_ms: int) -> Cause:
        """As the truth keeps it; `start_ms` is minute 0."""
        times_ms = start_ms + round(self.start_s * 1000), start_ms + round(self.end_s * 1000)
        return Cause(self.kind, *times_ms, self.size, self.queue, self.issue, self.team, self.agent)


class Troubles:
    """All of a day, by kind."""

    def __init__(self, troubles: Iterable[Trouble]) -> None:
        self._by_kind: dict[str, list[Trouble]] = {}
        for trouble in troubles:
            self._by_kind.setdefault(trouble.kind, []).append(trouble)

    def of(self, kind: TroubleKind) -> list[Trouble]:
        return self._by_kind.get(kind, [])

    def outage_factor(self, queue: str, now_s: float) -> float:
        """How many times longer talks of the queue take now."""
        factor = 1.0
        for trouble in self.of("outage"):
            if trouble.queue == queue and trouble.active(now_s):
                factor *= trouble.size
        return factor

    def abusive_part(self, agent: str, now_s: float) -> float:
        """Which part of the agent's contacts is made abusive now."""
        return max((t.size for t in self.of("abuse") if t.agent == agent and t.active(now_s)), default=0.0)

    def misses_break(self, agent: str, now_s: float) -> bool:
        return any(t.agent == agent and t.active(now_s) for t in self.of("missed_breaks"))

    def cuts_break_short(self, agent: str, now_s: float) -> bool:
        return any(t.agent == agent and t.active(now_s) for t in self.of("short_breaks"))
