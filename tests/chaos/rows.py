"""The table of faults, a row for each, and what a row says when it has run."""

from __future__ import annotations

import random
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.judgement import Judgement
from tests.chaos.nursery import Nursery


@dataclass
class Row:
    """One fault: how often it was done, and what came of it."""

    name: str
    what: str
    runs: int = 0
    judgements: int = 0
    equal: int = 0
    """Judgements in which alerts, signals and what leads saw were the oracle's."""
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    alerts: int = 0
    resumed: int = 0
    recovery_s: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""

    def recovered(self, seconds: float) -> None:
        """The fault was done once, and after so long all went on."""
        self.runs += 1
        self.recovery_s.append(seconds)

    def judged(self, found: Judgement) -> None:
        """The oracle has compared."""
        self.judgements += 1
        self.equal += not found.faults
        self.acknowledged += found.acknowledged
        self.lost += found.lost
        self.doubled += found.doubled
        self.alerts += found.alerts
        self.resumed += found.watched.resumed
        self.answers += found.answers
        self.faults += found.faults

    def expect(self, holds: object, otherwise: str) -> None:
        """A promise of this fault alone."""
        if not holds:
            self.faults.append(otherwise)

    def skip(self, why: str) -> None:
        """It cannot be done here."""
        self.skipped = why

    @property
    def well(self) -> bool:
        """Whether every promise was kept."""
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        """For the results file."""
        ordered = sorted(self.recovery_s)

        def at(part: float) -> float:
            return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2)

        return {
            "fault": self.name,
            "what": self.what,
            "runs": self.runs,
            "skipped": self.skipped or None,
            "acknowledged": self.acknowledged,
            "lost": self.lost,
            "doubled": self.doubled,
            "judgements": self.judgements,
            "equal": self.equal,
            "alert_changes": self.alerts,
            "resumes": self.resumed,
            "recovery_p50_s": at(0.5) if ordered else None,
            "recovery_p99_s": at(0.99) if ordered else None,
            "recovery_max_s": round(ordered[-1], 2) if ordered else None,
            "answers": {str(status): number for status, number in sorted(self.answers.items())},
            "figures": {name: value for name, value in self.figures.items() if name != "took"},
            "faults": self.faults[:20],
        }


@dataclass
class Chaos:
    """One run of the harness."""

    runs: int
    """Of each kill; faults that take long or are costly do a part of them."""
    first_seed: int
    folder: Path
    store: str = "valkey"
    """Which log server."""
    nursery: Nursery | None = None
    """Where services are forked from; None: each is started by itself, imports and all."""
    until_s: float = float("inf")
    """When to end (monotonic): a fault that repeats stops there, and the row says how often it was done."""
    so_far: Callable[[Row], None] = lambda row: None
    """Told of a row that goes on, when what it has done until now was judged: a long run that is cut counts so far."""
    lives: Counter[str] = field(default_factory=Counter)

    def seed(self, row: Row) -> int:
        """Of this life of this fault: the same on each day, whatever else runs."""
        return zlib.crc32(f"{self.first_seed} {row.name} {self.lives[row.name]}".encode())

    def life(self, row: Row) -> Path:
        """A folder for the next life."""
        self.lives[row.name] += 1
        name = "".join(c if c.isalnum() else "-" for c in row.name)
        return self.folder / f"{name[-24:]}-{self.lives[row.name]}"  # short: a socket's path is 107 bytes at most

    def share(self, part: int) -> int:
        """How often a fault is done that costs as much as `part` kills; at least once."""
        return max(1, self.runs // part)

    def rng(self, row: Row) -> random.Random:
        """For choices outside of a system."""
        return random.Random(self.seed(row))

    def over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.until_s


Family = Callable[[Chaos, Row], Awaitable[None]]
FAULTS: dict[str, tuple[str, Family]] = {}
"""Name -> what it is, and the function that does it; in the order of the table."""


def fault(name: str, what: str) -> Callable[[Family], Family]:
    """Put a fault into the table."""

    def put(do: Family) -> Family:
        FAULTS[name] = (what, do)
        return do

    return put
