"""What really happened in the simulated centre: kept apart from the events, for judging what was made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.centre.fatigue import Fatigue


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that was made to go wrong. `size`: the factor of a surge, the part of the agents absent."""

    kind: str
    start_ms: int
    end_ms: int
    size: float
    queue: str | None = None
    issue: str | None = None
    team: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Minute:
    """One queue at the end of one minute. The load counts first contacts, at their true rate and mean handle time."""

    ts_ms: int
    queue: str
    offered_load_erlang: float
    agents_staffed: int
    agents_busy: int
    waiting: int
    longest_wait_s: float


@dataclass(slots=True)
class QueueTruth:
    """Counts and sums of one queue since the beginning; waits include the ringing."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    repeats: int = 0
    wait_sum_s: float = 0.0
    handle_sum_s: float = 0.0


@dataclass(slots=True)
class AgentTruth:
    """Seconds in each state, and the breaks that were taken and missed.

    `rested_ms`: (from, to) of each break that was taken whole and of each time off duty, `to` None while it lasts;
    `denied_ms`: when a break should have been that was missed or cut short, and which of the two.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    breaks_taken: int = 0
    breaks_missed: int = 0
    rested_ms: list[tuple[int, int | None]] = field(default_factory=list)
    denied_ms: list[tuple[int, str]] = field(default_factory=list)
    fatigue: Fatigue = field(default_factory=Fatigue)

    @property
    def busy_s(self) -> float:
        return sum(self.seconds.get(state, 0.0) for state in ("reserved", "on_contact", "acw"))

    @property
    def occupancy(self) -> float:
        """Busy time over busy and available time; breaks, meetings and time off duty are in neither."""
        return self.busy_s / max(self.busy_s + self.seconds.get("available", 0.0), 1e-9)


@dataclass(slots=True)
class Truth:
    """All of it. `minutes` grows by one row per queue and minute."""

    queues: dict[str, QueueTruth]
    agents: dict[str, AgentTruth] = field(default_factory=dict)
    causes: list[Cause] = field(default_factory=list)
    minutes: list[Minute] = field(default_factory=list)
