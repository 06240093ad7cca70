"""What scoring counts. Plain numbers on the hot path; Prometheus reads them when it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from services.scoring.core.contradictions import REASONS
from shared.telemetry import Tallies

_P = "strainwatch_scoring_"

_COUNTERS = {
    "entries": "Entries of the log applied",
    "events": "Events in those entries",
    "alerts": "Changes of alerts published",
    "late": "Events set aside because they were older than the lateness bound",
    "repeated": "Events dropped because their id had been seen",
    "ahead": "Events more than a minute ahead of the log: a clock fault of their sender",
    "learnt": "Rows (an agent's handle times, a queue's usual waits) that took a baseline from history",
    "gaps": "Jumps of more than 30 s between entries",
    "ticks": "Ticks appended",
    "poison": "Failures of the engine on an entry; three on the same entry set it aside",
    "differing": "Changes that differed from what was published before: the outputs cannot be trusted",
    "epochs": "Losses of acknowledged entries that were found",
    "clock_faults": "Ticks whose owner's clock was more than 5 s away from the log's",
}
_CONTRADICTIONS = "What events told that cannot all be so, by reason; docs/bad-input.md says what is made of each"
Counts = dict[str, int]


@dataclass(slots=True)
class Tally:
    """Counts of one partition since the start of the process."""

    counts: Counts = field(default_factory=lambda: dict.fromkeys([*_COUNTERS, *REASONS], 0))
    step_s: float = 0.0
    clock_difference_s: float = 0.0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a partition stands; ages in seconds, None while unknown."""

    partition: int
    state: str
    lag_s: float | None
    checkpoint_age_s: float | None


class Measures:
    """All partitions of a process. `read` tells where they stand."""

    def __init__(self, registry: CollectorRegistry, read: Callable[[], Iterable[Reading]]) -> None:
        self._tallies: dict[int, Tally] = {}
        self._read_states = read
        registry.register(Tallies(self._read))

    def partition(self, number: int) -> Tally:
        """The tally of one partition."""
        return self._tallies.setdefault(number, Tally())

    def _read(self) -> Iterable[tuple[str, str, Mapping[str, str], float]]:
        for number, tally in self._tallies.items():
            labels = {"partition": str(number)}
            for name, text in _COUNTERS.items():
                yield f"{_P}{name}_total", text, labels, tally.counts[name]
            for reason in REASONS:
                of = {**labels, "reason": reason}
                yield f"{_P}contradictions_total", _CONTRADICTIONS, of, tally.counts[reason]
            yield f"{_P}step_seconds_total", "Time spent in the engine", labels, tally.step_s
            yield f"{_P}clock_difference_seconds", "Owner's clock less the log's", labels, tally.clock_difference_s
            yield f"{_P}skipped_entries", "Entries of the log on the skip list", labels, tally.skipped
        for at in self._read_states():
            labels = {"partition": str(at.partition)}
            yield f"{_P}state", "1 for the state it is in", {**labels, "state": at.state}, 1
            if at.lag_s is not None:
                yield f"{_P}lag_seconds", "Age of the newest entry applied", labels, at.lag_s
            if at.checkpoint_age_s is not None:
                yield f"{_P}checkpoint_age_seconds", "Time since the last checkpoint", labels, at.checkpoint_age_s
