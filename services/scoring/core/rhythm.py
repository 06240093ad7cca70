"""How long a feed is quiet while all is well, so that silence is noticed as soon as it is out of the ordinary.

A feed that observes its queues every few seconds is out of order after half a minute; one that sends a contact now and
then is not. The line is three times the longest pause of the last hours, within bounds; the line of the settings is the
upper one. Times are running milliseconds.
"""

from __future__ import annotations

HOUR_MS = 3_600_000
HOURS = 6
"""Pauses are remembered for so many hours: a quiet lunch time still counts in the afternoon. Product choice."""
HEARD_MS_MIN = 600_000
"""Nothing is usual before a feed was heard for ten minutes of these hours: then the line of the settings holds."""
TIMES_LONGEST = 3
"""Random arrivals hardly ever pause three times as long as in any of the last hours: the longest of 1,000 pauses is
about 7 means, and 21 means are exceeded once in 1,300 million pauses."""
LINE_MS_MIN = 20_000
"""However dense a feed: a proxy that restarts and a connection that is set up anew take that long. Product choice."""


class Rhythm:
    """Of one feed. `line_ms` is the silence that is out of the ordinary, 0 while too little is known."""

    def __init__(self) -> None:
        self.line_ms = 0
        self._hour = 0
        self._longest_ms = [0] * HOURS
        self._heard_ms = [0] * HOURS

    def paused(self, gap_ms: int, running_ms: int) -> None:
        """An event took effect so long after the one before.

        What was out of the ordinary counts only as far as the line: an outage is not learnt, yet a feed that has become
        slower is after some alerts, as the line trebles with each. A pause longer than all that is remembered is a
        night, and teaches nothing.
        """
        if gap_ms >= HOURS * HOUR_MS:
            return
        hour = running_ms // HOUR_MS
        if hour != self._hour:
            self._turn(hour)
        if self.line_ms:
            gap_ms = min(gap_ms, self.line_ms)
        place = hour % HOURS
        self._heard_ms[place] += gap_ms
        if gap_ms > self._longest_ms[place]:
            self._longest_ms[place] = gap_ms

    def learn(self, running_ms: int) -> bool:
        """Once a minute: draw the line anew; True when it moved."""
        before = self.line_ms
        self._turn(running_ms // HOUR_MS)
        known = sum(self._heard_ms) >= HEARD_MS_MIN
        self.line_ms = max(TIMES_LONGEST * max(self._longest_ms), LINE_MS_MIN) if known else 0
        return self.line_ms != before

    def _turn(self, hour: int) -> None:
        """Forget the hours that lie too far back."""
        for passed in range(self._hour + 1, min(hour, self._hour + HOURS) + 1):
            self._longest_ms[passed % HOURS] = self._heard_ms[passed % HOURS] = 0
        self._hour = hour

    def pack(self) -> list[int]:
        """All state."""
        return [self.line_ms, self._hour, *self._longest_ms, *self._heard_ms]

    def unpack(self, packed: list[int]) -> None:
        """The inverse of `pack`."""
        self.line_ms, self._hour = packed[:2]
        self._longest_ms, self._heard_ms = list(packed[2 : 2 + HOURS]), list(packed[2 + HOURS :])
