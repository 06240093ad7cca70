"""When each tenant's feed last had an effect: an ACD that went quiet is not calm, nor is one whose clock is off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.rhythm import Rhythm

Rows = NDArray[np.intp]


class Silence:
    """By tenant. Running milliseconds are log time less all clock gaps: silence does not run through a gap."""

    def __init__(self) -> None:
        self.gap_total_ms = 0
        """Clock gaps so far; running time is log time less this."""
        self.event_ms: list[int] = []
        """Log time of the last event that took effect, 0 for none yet."""
        self._event_running: list[int] = []
        self._rhythms: list[Rhythm] = []
        self._late_ms: list[int] = []  # age of the newest late event since then, 0 for none

    def cover(self, tenants: int, running_ms: int) -> None:
        """At least that many tenants; new ones begin now."""
        while len(self.event_ms) < tenants:
            self.event_ms.append(0)
            self._event_running.append(running_ms)
            self._late_ms.append(0)
            self._rhythms.append(Rhythm())

    def heard(self, tenant: int, now_ms: int, running_ms: int) -> None:
        """An event took effect."""
        if self.event_ms[tenant]:
            self._rhythms[tenant].paused(running_ms - self._event_running[tenant], running_ms)
        self.event_ms[tenant], self._event_running[tenant], self._late_ms[tenant] = now_ms, running_ms, 0

    def heard_late(self, tenant: int, age_ms: int, now_ms: int) -> None:
        """Only a late event came. A feed that never sent others is watched too."""
        self._late_ms[tenant] = age_ms
        self.event_ms[tenant] = self.event_ms[tenant] or now_ms

    def learn(self, running_ms: int) -> bool:
        """Once a minute: what is usual for each feed; True when the line of one moved."""
        return sum(rhythm.learn(running_ms) for rhythm in self._rhythms) > 0

    def lines_s(self, tenants: int) -> NDArray[np.float64]:
        """Silence that is out of the ordinary, by tenant; infinite where too little is known."""
        known = [rhythm.line_ms / 1000.0 or np.inf for rhythm in self._rhythms[:tenants]]
        return np.array(known + [np.inf] * (tenants - len(known)))

    def watched(self, last_running_ms: int, open_line_s: NDArray[np.float64], phase: NDArray[np.uint8]) -> Rows:
        """Tenants for which silence may open or end an alert up to a moment."""
        return np.array(
            [
                t
                for t, since in enumerate(self._event_running)
                if (last_running_ms - since >= open_line_s[t] * 1000.0 or phase[t]) and self.event_ms[t]
            ],
            np.intp,
        )

    def told_ms(self, open_line_s: NDArray[np.float64]) -> list[tuple[int, int]]:
        """(tenant, log time at which its silence is told if no event comes); none for one that was never heard."""
        return [
            (t, since + self.gap_total_ms + int(line_s * 1000.0))
            for t, (since, line_s) in enumerate(zip(self._event_running, open_line_s.tolist(), strict=False))
            if self.event_ms[t]
        ]

    def table(self, tenants: Rows, running_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Seconds of silence, [moment, tenant]."""
        silence: NDArray[np.float64] = (running_ms[:, None] - self.since(tenants)) / 1000.0
        return silence

    def since(self, tenants: Rows) -> NDArray[np.int64]:
        """Running time of the last event that took effect, by tenant."""
        return np.array([self._event_running[t] for t in tenants.tolist()], np.int64)

    def seconds(self, tenant: int, at_ms: int) -> float:
        """Seconds of silence of one tenant at a log time."""
        return (at_ms - self.gap_total_ms - self._event_running[tenant]) / 1000.0

    def late_age_s(self, tenant: int) -> float:
        """How old the events are that arrive too late, 0 when none did since the last good one."""
        return self._late_ms[tenant] / 1000.0

    def pack(self) -> dict[str, Any]:
        """All state."""
        return {
            "gap_total_ms": self.gap_total_ms,
            "event_ms": self.event_ms,
            "event_running": self._event_running,
            "late_ms": self._late_ms,
            "rhythms": [rhythm.pack() for rhythm in self._rhythms],
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        self.gap_total_ms = packed["gap_total_ms"]
        self.event_ms, self._event_running = list(packed["event_ms"]), list(packed["event_running"])
        self._late_ms = list(packed["late_ms"])
        self._rhythms = [Rhythm() for _ in self.event_ms]
        for rhythm, kept in zip(self._rhythms, packed["rhythms"], strict=True):
            rhythm.unpack(kept)
