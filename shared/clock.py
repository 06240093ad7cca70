"""Time is an argument. Shells are handed a clock; cores are handed milliseconds."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall-clock and steady time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC; may jump when the machine's clock is set."""

    def steady_s(self) -> float:
        """Seconds that never jump, for time-outs."""


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """See Clock."""
        return time.time_ns() // 1_000_000

    def steady_s(self) -> float:
        """See Clock."""
        return time.monotonic()


class ManualClock:
    """A clock that a test moves by hand."""

    def __init__(self, now_ms: int = 1_760_000_000_000) -> None:
        self._now_ms = now_ms
        self._steady_s = 0.0

    def now_ms(self) -> int:
        """See Clock."""
        return self._now_ms

    def steady_s(self) -> float:
        """See Clock."""
        return self._steady_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ms += round(seconds * 1000)
        self._steady_s += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock; steady time does not notice."""
        self._now_ms += round(seconds * 1000)
