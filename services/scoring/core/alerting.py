"""Watches over lines: which row of a kind may open, close, worsen, escalate or wake, at which second.

A watch keeps phases and timers as arrays; it finds the first moment at which anything is due in one vector operation,
so quiet seconds cost nothing. Times are *running* milliseconds: log time less all clock gaps, so that holds and
silence do not run through a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.alert_phases import TRANSITIONS, P, T
from services.scoring.core.decay import Floats
from services.scoring.core.tables import Table

Rows = NDArray[np.intp]

# Plain numbers for comparing arrays: an enum member costs a search for array methods at every comparison.
_NONE = int(P.NONE)
_OPEN = int(P.OPEN)
_PENDING = int(P.PENDING)
_SNOOZED = int(P.SNOOZED)
_SUPPRESSED = int(P.SUPPRESSED)

WARNING, CRITICAL = 1, 2
_MINUTE_MS = 60_000
SEVERITY_WORDS = ("notice", "warning", "critical")


@dataclass(slots=True)
class Lines:
    """Rules by row, shape [rows]; holds and times in seconds, escalate_after_s 0 for never."""

    open_line: Floats
    open_hold_s: Floats
    close_line: Floats
    close_hold_s: Floats
    critical_line: Floats
    escalate_after_s: Floats


class Watch(Table):
    """Phases and timers of one kind of alert; a row is a row of the kind's subject."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "phase": ("u1", 0, 0),
        "severity": ("u1", 0, 0),
        "since": ("i8", 0, 0),  # of the pending phase, or of the last change of phase
        "below_since": ("i8", -1, 0),  # under the closing line since, -1 for not
        "snoozed_until": ("i8", 0, 0),
    }
    phase: NDArray[np.uint8]
    severity: NDArray[np.uint8]
    since: NDArray[np.int64]
    below_since: NDArray[np.int64]
    snoozed_until: NDArray[np.int64]

    def cover(self, rows: int) -> None:
        """At least that many rows."""
        while self.n < rows:
            self.add()

    def first_due(
        self, r: Rows, value: Floats, running_ms: NDArray[np.int64], rule: Lines, borne: Floats | None
    ) -> int:
        """Index of the first of K moments at which `scan` would do anything for these rows; K if none.

        `value` is [K, rows], `running_ms` [K]; `borne` [K, rows] is the queue-borne share, where the kind has one.
        """
        phase = self.phase[r]
        over = value >= rule.open_line
        if not phase.any():
            first = over.any(axis=1)
            return int(np.argmax(first)) if first.any() else running_ms.size
        at = running_ms[:, None]
        below = value < rule.close_line
        pending = phase == _PENDING
        live = phase >= _OPEN
        due = over & (phase == _NONE)
        if pending.any():
            due |= pending & (~over | (at - self.since[r] >= rule.open_hold_s * 1000.0))
        if live.any():
            since_below = self.below_since[r]
            was_below = since_below >= 0
            due |= live & (below != was_below)
            due |= live & was_below & below & (at - since_below >= rule.close_hold_s * 1000.0)
            due |= live & (self.severity[r] < CRITICAL) & (value >= rule.critical_line)
            overdue = (phase == _OPEN) & (rule.escalate_after_s > 0)
            due |= overdue & (at - self.since[r] >= rule.escalate_after_s * 1000.0)
            due |= (phase == _SNOOZED) & (at >= self.snoozed_until[r])
            if borne is not None:
                due |= (phase == _SUPPRESSED) & (borne < BORNE_SHARE)
        moments = due.any(axis=1)
        return int(np.argmax(moments)) if moments.any() else running_ms.size

    def quiet_minute(self, r: Rows, lowest: Floats, highest: Floats, running_ms: int, rule: Lines) -> NDArray[np.bool_]:
        """Rows for which nothing can be due within a minute while their value stays between two bounds, [rows]."""
        phase = self.phase[r]
        quiet = highest < rule.open_line
        if not phase.any():
            return quiet
        end_ms = running_ms + _MINUTE_MS
        since = self.since[r]
        waits = (lowest >= rule.open_line) & (since + rule.open_hold_s * 1000.0 > end_ms)
        quiet = np.where(phase == _PENDING, waits, quiet)
        since_below = self.below_since[r]
        above = (since_below < 0) & (lowest >= rule.close_line)
        below = (since_below >= 0) & (highest < rule.close_line) & (since_below + rule.close_hold_s * 1000.0 > end_ms)
        calm = (above | below) & ((self.severity[r] == CRITICAL) | (highest < rule.critical_line))
        unhurried = (rule.escalate_after_s <= 0) | (since + rule.escalate_after_s * 1000.0 > end_ms)
        calm &= (phase != _OPEN) | unhurried
        calm &= (phase != _SNOOZED) | (self.snoozed_until[r] > end_ms)
        return np.where(phase >= _OPEN, calm & (phase != _SUPPRESSED), quiet)

    def scan(self, r: Rows, value: Floats, running_ms: int, rule: Lines, borne: Floats | None) -> list[tuple[int, T]]:
        """What happens at one moment, as (index into `r`, trigger); timers and pending phases move by themselves."""
        out: list[tuple[int, T]] = []
        over = value >= rule.open_line
        below = value < rule.close_line
        phase = self.phase[r]
        risen = (phase == _NONE) & over
        rows = r[risen]
        self.phase[rows], self.since[rows] = TRANSITIONS[P.NONE, T.ROSE], running_ms
        dipped = r[(phase == _PENDING) & ~over]
        self.phase[dipped] = TRANSITIONS[P.PENDING, T.DIPPED]

        phase = self.phase[r]
        live = phase >= _OPEN
        since_below = self.below_since[r]
        self.below_since[r[live & below & (since_below < 0)]] = running_ms
        self.below_since[r[live & ~below]] = -1
        since_below = self.below_since[r]

        held = (phase == _PENDING) & (running_ms - self.since[r] >= rule.open_hold_s * 1000.0)
        calmed = live & (since_below >= 0) & (running_ms - since_below >= rule.close_hold_s * 1000.0)
        worse = live & ~calmed & (self.severity[r] < CRITICAL) & (value >= rule.critical_line)
        overdue = (phase == _OPEN) & ~calmed & (rule.escalate_after_s > 0)
        overdue &= running_ms - self.since[r] >= rule.escalate_after_s * 1000.0
        woke = (phase == _SNOOZED) & ~calmed & (running_ms >= self.snoozed_until[r])
        bare = np.zeros(r.size, bool) if borne is None else (phase == _SUPPRESSED) & ~calmed & (borne < BORNE_SHARE)
        for mask, trigger in (
            (held, T.HELD),
            (calmed, T.CALMED),
            (worse, T.WORSENED),
            (bare & ~worse, T.UNCOVERED),
            (woke & ~worse, T.WOKE),
            (overdue & ~worse, T.OVERDUE),
        ):
            out.extend((i, trigger) for i in np.flatnonzero(mask).tolist())
        out.sort(key=lambda pair: pair[0])
        return out

    def go(self, row: int, trigger: T, running_ms: int) -> P | None:
        """Take a transition; the new phase, or None where the table knows none."""
        phase = P(int(self.phase[row]))
        new = TRANSITIONS.get((phase, trigger))
        if new is None:
            return None
        if new is not phase:
            self.phase[row], self.since[row] = new, running_ms
        if new is P.NONE:
            self.below_since[row] = -1
            self.severity[row] = 0
        return new


BORNE_SHARE = 0.6
"""A queue alert speaks for an agent whose strain comes to at least this part from the queue. Product choice."""
