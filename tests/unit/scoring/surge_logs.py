"""Logs of the mornings of a week: over-dispersed arrivals, with bursts put in, and nobody watching in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scoring_logs import TENANT, block, hash_of, numbered, tick

from shared.contract.block import Row
from shared.contract.entries import Entry
from shared.contract.rows import HANDLED, OFFERED

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
MONDAY_MS = 1_772_445_600_000
"""10:00 UTC of a Monday: the mornings begin then, and last two hours."""
MORNING_MIN = 120
STEP_MS = 20_000
"""An entry each: less than a clock gap."""
HANDLED_AFTER_MS = 240_000


@dataclass(frozen=True)
class Burst:
    """So many more contacts a minute in a queue, about one issue, from a minute of a day on, for some minutes."""

    day: int
    minute: int
    minutes: int
    queue: str
    issue: str
    more: float


@dataclass
class Centre:
    """`issues` of a queue named in `late` are told only when a contact is handled."""

    seed: int = 1
    rates: dict[str, float] = field(default_factory=lambda: {"billing": 8.0, "cards": 5.0, "loans": 0.5})
    issues: Sequence[str] = ("refund", "address", "lost card")
    late: Iterable[str] = ("cards",)
    phi: float = 2.0
    tenant: str = TENANT

    def __post_init__(self) -> None:
        self._chance = np.random.default_rng(self.seed)
        self._contact = 0

    def days(self, days: Iterable[int], bursts: Sequence[Burst] = ()) -> list[Entry]:
        """The mornings of some days after Monday."""
        rows: list[Row] = []
        entries: list[Entry] = []
        for day in days:
            start_ms = MONDAY_MS + day * DAY_MS
            for minute in range(MORNING_MIN):
                rows += self._minute(start_ms + minute * MINUTE_MS, day, minute, bursts)
            entries += [tick(at_ms) for at_ms in range(start_ms, start_ms + MORNING_MIN * MINUTE_MS, STEP_MS)]
        by_step: dict[int, list[Row]] = {}
        for row in sorted(rows, key=lambda row: row.ts_ms):
            by_step.setdefault((row.ts_ms // STEP_MS + 1) * STEP_MS + 100, []).append(row)
        return numbered([*entries, *(block(at_ms, rows) for at_ms, rows in by_step.items())])

    def _minute(self, at_ms: int, day: int, minute: int, bursts: Sequence[Burst]) -> list[Row]:
        out: list[Row] = []
        for queue, rate in self.rates.items():
            usual = self._chance.gamma(rate / (self.phi - 1), self.phi - 1) if self.phi > 1 else rate
            for _ in range(self._chance.poisson(usual)):
                out += self._rows(queue, self.issues[int(self._chance.integers(len(self.issues)))], at_ms)
        for burst in bursts:
            if burst.day == day and burst.minute <= minute < burst.minute + burst.minutes:
                for _ in range(self._chance.poisson(burst.more)):
                    out += self._rows(burst.queue, burst.issue, at_ms)
        return out

    def _rows(self, queue: str, issue: str, at_ms: int) -> list[Row]:
        self._contact += 1
        offered_ms = at_ms + int(self._chance.integers(MINUTE_MS))
        contact = hash_of(self._contact)
        told = None if queue in self.late else issue
        tail = f"{self.tenant}-{self._contact}"
        return [
            Row(OFFERED, self.tenant, offered_ms, f"o-{tail}", queue=queue, contact=contact, issue=told),
            Row(
                HANDLED,
                self.tenant,
                offered_ms + HANDLED_AFTER_MS,
                f"h-{tail}",
                queue=queue,
                contact=contact,
                issue=issue,
                agent=f"agent-{self._contact % 40}",
                n0=200.0,
                n1=5.0,
            ),
        ]
