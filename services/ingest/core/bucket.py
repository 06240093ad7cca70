"""A token bucket: so many at once, so many a second after that."""

from __future__ import annotations


class Bucket:
    """Tokens that come back at `rate` a second, up to `burst`.

    The price of a request is known only after its body was read, so it may be paid with debt: who has any token left
    may go, and waits afterwards until the debt is paid.
    """

    __slots__ = ("_burst", "_level", "_rate", "_seen_s")

    def __init__(self, rate: float, burst: float, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._seen_s = now_s

    def wait_s(self, now_s: float) -> float:
        """0 when there is a token now, else the seconds until there is one."""
        self._level = min(self._burst, self._level + (now_s - self._seen_s) * self._rate)
        self._seen_s = now_s
        return 0.0 if self._level >= 1.0 else (1.0 - self._level) / self._rate

    def take(self, count: int) -> None:
        """Pay, with debt if need be."""
        self._level -= count
