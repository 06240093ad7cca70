"""What scoring counts. Plain numbers on the hot path; Prometheus reads them when it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Histogram

from services.scoring.core.contradictions import REASONS
from shared.contract.signals import TenantSignals
from shared.telemetry import Tallies

_P = "strainwatch_scoring_"

_COUNTERS = {
    "entries": "Entries of the log applied",
    "events": "Events in those entries",
    "alerts": "Changes of alerts published",
    "late": "Events set aside because they were older than the lateness bound",
    "repeated": "Events dropped because their id had been seen",
    "ahead": "Events more than a minute ahead of the log: a clock fault of their sender",
    "unnamed": "Events set aside because their agent or queue is new and there is no room for more names",
    "learnt": "Rows (an agent's handle times, a queue's usual waits) that took a baseline from history",
    "gaps": "Jumps of more than 30 s between entries",
    "ticks": "Ticks appended",
    "poison": "Failures of the engine on an entry; three on the same entry set it aside",
    "differing": "Changes that differed from what was published before: the outputs cannot be trusted",
    "epochs": "Losses of acknowledged entries that were found",
    "clock_faults": "Ticks whose owner's clock was more than 5 s away from the log's",
}
_CONTRADICTIONS = "What events told that cannot all be so, by reason; docs/bad-input.md says what is made of each"
BANDS = ((0.0, "calm"), (40.0, "rising"), (60.0, "strained"), (80.0, "critical"))
"""From which strain on; the steps of the board."""
GROUP_MIN = 5
"""Agents from which on they are told by band: a smaller group would say something of one person."""
Counts = dict[str, int]


@dataclass(slots=True)
class Tally:
    """Counts of one partition since the start of the process."""

    counts: Counts = field(default_factory=lambda: dict.fromkeys([*_COUNTERS, *REASONS], 0))
    step_s: float = 0.0
    clock_difference_s: float = 0.0
    skipped: int = 0
    run_entries: int = 0
    """Entries of the last read."""
    last_events_ms: int = 0
    """When the last entry with events was written; 0 before the first."""
    signals: dict[str, TenantSignals] = field(default_factory=dict)
    """The newest of each tenant."""
    delayed: Callable[[float], None] = lambda _: None
    """Told how long after its entry each change of an alert was published, in s."""

    def stop(self) -> None:
        """The partition is somebody else's now: what was true of it is not ours to tell."""
        self.run_entries = self.last_events_ms = 0
        self.signals.clear()


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a partition stands; ages in seconds, None while unknown."""

    partition: int
    state: str
    lag_s: float | None
    checkpoint_age_s: float | None
    event_age_s: float | None = None


class Measures:
    """All partitions of a process. `read` tells where they stand."""

    def __init__(self, registry: CollectorRegistry, read: Callable[[], Iterable[Reading]]) -> None:
        self._tallies: dict[int, Tally] = {}
        self._read_states = read
        self._delay_s = Histogram(
            f"{_P}alert_delay_seconds",
            "From an entry to the publication of the changes of alerts that it caused",
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        )
        registry.register(Tallies(self._read))

    def partition(self, number: int) -> Tally:
        """The tally of one partition."""
        return self._tallies.setdefault(number, Tally(delayed=self._delay_s.observe))

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
            yield f"{_P}run_entries", "Entries of the last read; 256: more wait", labels, tally.run_entries
        yield from self._floor()
        for at in self._read_states():
            labels = {"partition": str(at.partition)}
            yield f"{_P}state", "1 for the state it is in", {**labels, "state": at.state}, 1
            if at.event_age_s is not None:
                yield f"{_P}event_age_seconds", "Age of the newest entry with events", labels, at.event_age_s
            if at.lag_s is not None:
                yield f"{_P}lag_seconds", "Age of the newest entry applied", labels, at.lag_s
            if at.checkpoint_age_s is not None:
                yield f"{_P}checkpoint_age_seconds", "Time since the last checkpoint", labels, at.checkpoint_age_s

    def _floor(self) -> Iterable[tuple[str, str, Mapping[str, str], float]]:
        """The whole floor in a handful of numbers: all tenants together, no names."""
        told = [signals for tally in self._tallies.values() for signals in tally.signals.values()]
        queues = _by_band(np.frombuffer(b"".join(one.queues.strain for one in told), "<f8"))
        agents = _by_band(np.frombuffer(b"".join(one.agents.strain for one in told), "<f8"))
        if sum(agents) < GROUP_MIN:
            agents = [0] * len(BANDS)
        for place, (_, band) in enumerate(BANDS):
            yield "strainwatch_floor_queues", "Queues by strain", {"band": band}, queues[place]
            few = f"Agents by strain; 0 everywhere while there are fewer than {GROUP_MIN}"
            yield "strainwatch_floor_agents", few, {"band": band}, agents[place]


def _by_band(strain: NDArray[np.float64]) -> list[int]:
    known = strain[strain >= 0.0]  # a queue of which nothing is known has none
    places = np.searchsorted([edge for edge, _ in BANDS], known, "right") - 1
    counts: list[int] = np.bincount(places, minlength=len(BANDS)).tolist()
    return counts
