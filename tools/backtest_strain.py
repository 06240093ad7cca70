"""Strain of each minute of one replay: by queue, and of agents only how it is distributed over five or more."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.contract import signal_columns
from shared.contract.signals import TenantSignals

MINUTE_MS = 60_000
AGENTS_MIN = 5
"""Fewer people than this at work make a distribution in which one can tell who is who."""

QueueKey = tuple[str, str]
GroupKey = tuple[str, str | None]
"""Tenant and team; None for all of the tenant's agents together."""


@dataclass(slots=True)
class Line:
    """Values at minutes: `minutes` since 1970, ascending, and the values there."""

    minutes: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, minute: int, value: float) -> None:
        self.minutes.append(minute)
        self.values.append(value)

    @property
    def strain_minutes(self) -> float:
        """Sum of strain x minutes."""
        return sum(self.values)


@dataclass(slots=True)
class Band:
    """How strain is distributed over a group of agents at each minute."""

    p50: Line = field(default_factory=Line)
    p90: Line = field(default_factory=Line)
    top: Line = field(default_factory=Line)

    def add(self, minute: int, strains: NDArray[np.float64]) -> None:
        """One minute. Percentiles are values that someone has (the next lower rank), so that no rounding enters."""
        ordered = np.sort(strains)
        last = ordered.size - 1
        self.p50.add(minute, float(ordered[last * 50 // 100]))
        self.p90.add(minute, float(ordered[last * 90 // 100]))
        self.top.add(minute, float(ordered[last]))


@dataclass(slots=True)
class StrainOfDay:
    """Gathers the signals of whole minutes."""

    queues: dict[QueueKey, Line] = field(default_factory=dict)
    groups: dict[GroupKey, Band] = field(default_factory=dict)
    teams: set[tuple[str, str]] = field(default_factory=set)
    tenants: set[str] = field(default_factory=set)

    def add(self, signals: TenantSignals) -> None:
        """One tenant at one minute."""
        minute = signals.at_ms // MINUTE_MS
        tenant = signals.tenant
        self.tenants.add(tenant)
        self.teams.update((tenant, team) for team in signals.teams)
        queues = signal_columns.Queues(signals)
        for name, strain in zip(queues.ids, queues.strain.tolist(), strict=True):
            self.queues.setdefault((tenant, name), Line()).add(minute, strain)
        agents = signal_columns.Agents(signals)
        state = signal_columns.read(signals.agents.state, "u1", len(agents.ids))
        at_work = np.ones(state.size, np.bool_)
        if "offline" in signals.states:
            at_work = state != signals.states.index("offline") + 1
        self._group((tenant, None), minute, agents.strain[at_work])
        for place, team in enumerate(signals.teams, start=1):
            self._group((tenant, team), minute, agents.strain[at_work & (agents.team == place)])

    def _group(self, key: GroupKey, minute: int, strains: NDArray[np.float64]) -> None:
        if strains.size >= AGENTS_MIN:
            self.groups.setdefault(key, Band()).add(minute, strains)


def most_strained(days: list[StrainOfDay], count: int) -> list[QueueKey]:
    """Queues with the most strain-minutes on any side, the most first."""
    minutes: dict[QueueKey, float] = {}
    for day in days:
        for key, line in day.queues.items():
            minutes[key] = max(minutes.get(key, 0.0), line.strain_minutes)
    return sorted(minutes, key=lambda key: (-minutes[key], key))[:count]
