"""How fast one person may act."""

from __future__ import annotations

KEPT_MAX = 10_000
"""People remembered; more than any centre has leads. Those who paused longest are forgotten, and start anew."""


class Paces:
    """A bucket of tokens for each person: `burst` at once, and so many a minute."""

    def __init__(self, per_min: float, burst: float) -> None:
        self._per_s = per_min / 60
        self._burst = burst
        self._of: dict[tuple[str, str], tuple[float, float]] = {}
        """(tenant, sub) -> tokens left, and when they were counted; the one who acted last stands last."""

    def take(self, who: tuple[str, str], now_s: float) -> float:
        """Take a token: 0.0, or in how many seconds there is one."""
        left, at_s = self._of.pop(who, (self._burst, now_s))
        left = min(self._burst, left + (now_s - at_s) * self._per_s)
        taken = left >= 1.0
        self._of[who] = (left - 1.0 if taken else left, now_s)
        if len(self._of) > KEPT_MAX:
            del self._of[next(iter(self._of))]
        return 0.0 if taken else (1.0 - left) / self._per_s
