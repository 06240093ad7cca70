"""Watches over lines: which row of a kind may open, close, worsen, escalate or wake, at which second.

A watch keeps phases and timers as arrays. Times are *running* milliseconds: log time less all clock gaps, so that holds
and silence do not run through a gap. Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.alert_phases import TRANSITIONS, P, T
from services.scoring.core.decay import Floats
from services.scoring.core.tables import Table

NOTICE, WARNING, CRITICAL = 0, 1, 2
BORNE_SHARE = 0.6
"""A queue alert speaks for an agent whose strain comes to at least this part from the queue. Product choice."""

_NONE = cython.declare(cython.int, int(P.NONE))
_OPEN = cython.declare(cython.int, int(P.OPEN))
_PENDING = cython.declare(cython.int, int(P.PENDING))
_SNOOZED = cython.declare(cython.int, int(P.SNOOZED))
_SUPPRESSED = cython.declare(cython.int, int(P.SUPPRESSED))
_CRITICAL = cython.declare(cython.int, CRITICAL)
_BORNE_SHARE = cython.declare(cython.double, BORNE_SHARE)
_MINUTE_MS = cython.declare(cython.longlong, 60_000)
_ABOVE = cython.declare(cython.longlong, -1)
_CLOSED = cython.declare(cython.longlong, -2)
"""In `below_since`: a lead closed the alert, so the row is left alone until it has been under its closing line, or
turns critical where it was not. Else what opens without a hold would be back in the next second."""
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


_SAME = cython.declare(cython.int, -1)
_MOVES = cython.declare(cython.int, -2)
"""Only timers or the pending phase move; nobody is told."""
_TRIGGERS = (T.HELD, T.CALMED, T.WORSENED, T.UNCOVERED, T.WOKE, T.OVERDUE)
_HELD = cython.declare(cython.int, 0)
_CALMED = cython.declare(cython.int, 1)
_WORSENED = cython.declare(cython.int, 2)
_UNCOVERED = cython.declare(cython.int, 3)
_WOKE = cython.declare(cython.int, 4)
_OVERDUE = cython.declare(cython.int, 5)


@cython.final
@cython.cclass
class Watcher:
    """The columns of a watch, bound once; and one row at a time, at the moment `now`."""

    def __init__(self, watch: Any, rule: Lines) -> None:
        self.version, self.rule = watch.version, rule
        self.now = 0
        self.phase = memoryview(watch.phase)
        self.severity = memoryview(watch.severity)
        self.since = memoryview(watch.since)
        self.below_since = memoryview(watch.below_since)
        self.snoozed_until = memoryview(watch.snoozed_until)
        self.open_line = memoryview(rule.open_line)
        self.open_hold_s = memoryview(rule.open_hold_s)
        self.close_line = memoryview(rule.close_line)
        self.close_hold_s = memoryview(rule.close_hold_s)
        self.critical_line = memoryview(rule.critical_line)
        self.escalate_after_s = memoryview(rule.escalate_after_s)

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch(self, r: cython.Py_ssize_t) -> cython.void:
        """Begin to bring a row near."""
        if cython.compiled:
            strainwatch_fetch(cython.address(self.since[r]))  # noqa: F821 - of the .pxd
            strainwatch_fetch(cython.address(self.open_line[r]))  # noqa: F821

    @cython.cfunc
    @cython.exceptval(check=False)
    def idle(self, r: cython.Py_ssize_t) -> cython.bint:
        """Whether a row has no alert, none that is pending, and none that a lead closed and that may be told again."""
        return self.phase[r] == _NONE and self.below_since[r] != _CLOSED

    @cython.cfunc
    @cython.exceptval(check=False)
    def step(self, r: cython.Py_ssize_t, value: cython.double, borne: cython.double) -> cython.int:
        """What happens to a row: a trigger, _MOVES or _SAME."""
        phase: cython.int = self.phase[r]
        if phase == _NONE:
            if self.below_since[r] == _CLOSED:
                return _MOVES if self.reopens(r, value, value) else _SAME
            return _MOVES if value >= self.open_line[r] else _SAME
        if phase == _PENDING:
            if value < self.open_line[r]:
                return _MOVES
            return _HELD if self.now - self.since[r] >= self.open_hold_s[r] * 1000.0 else _SAME
        below: cython.bint = value < self.close_line[r]
        below_since: cython.longlong = self.below_since[r]
        if below != (below_since >= 0):
            return _MOVES
        if below and self.now - below_since >= self.close_hold_s[r] * 1000.0:
            return _CALMED
        if self.severity[r] < _CRITICAL and value >= self.critical_line[r]:
            return _WORSENED
        if phase == _SUPPRESSED and borne < _BORNE_SHARE:
            return _UNCOVERED
        if phase == _SNOOZED and self.now >= self.snoozed_until[r]:
            return _WOKE
        escalate_ms: cython.double = self.escalate_after_s[r] * 1000.0
        if phase == _OPEN and escalate_ms > 0.0 and self.now - self.since[r] >= escalate_ms:
            return _OVERDUE
        return _SAME

    @cython.cfunc
    @cython.exceptval(check=False)
    def reopens(self, r: cython.Py_ssize_t, low: cython.double, high: cython.double) -> cython.bint:
        """Whether a row that a lead closed may be told of again, somewhere between two values."""
        return low < self.close_line[r] or (self.severity[r] < _CRITICAL and high >= self.critical_line[r])

    @cython.cfunc
    @cython.exceptval(check=False)
    def move(self, r: cython.Py_ssize_t, value: cython.double) -> cython.bint:
        """Move timers and the pending phase; whether anything moved."""
        phase: cython.int = self.phase[r]
        if phase == _NONE:
            if self.below_since[r] == _CLOSED:
                if not self.reopens(r, value, value):
                    return False
                self.below_since[r], self.severity[r] = _ABOVE, 0
                if value < self.open_line[r]:
                    return True
            self.phase[r], self.since[r] = _PENDING, self.now
        elif phase == _PENDING:
            if value >= self.open_line[r]:
                return False
            self.phase[r] = _NONE
        else:
            below: cython.bint = value < self.close_line[r]
            if below == (self.below_since[r] >= 0):
                return False
            self.below_since[r] = self.now if below else _ABOVE
        return True

    @cython.cfunc
    @cython.exceptval(check=False)
    def restless(self, r: cython.Py_ssize_t) -> cython.bint:
        """Whether something may be due within a minute whatever the value does: then its bounds need not be known."""
        phase: cython.int = self.phase[r]
        if phase == _PENDING:
            return self.since[r] + self.open_hold_s[r] * 1000.0 <= self.now + _MINUTE_MS
        return phase == _SUPPRESSED

    @cython.cfunc
    @cython.exceptval(check=False)
    def quiet(self, r: cython.Py_ssize_t, low: cython.double, high: cython.double) -> cython.bint:
        """Whether nothing can be due within a minute while the value stays between two bounds."""
        phase: cython.int = self.phase[r]
        end: cython.longlong = self.now + _MINUTE_MS
        if phase == _NONE:
            if self.below_since[r] == _CLOSED:
                return not self.reopens(r, low, high)
            return high < self.open_line[r]
        if phase == _PENDING:
            return low >= self.open_line[r] and self.since[r] + self.open_hold_s[r] * 1000.0 > end
        below_since: cython.longlong = self.below_since[r]
        if phase == _SUPPRESSED or (self.severity[r] < _CRITICAL and high >= self.critical_line[r]):
            return False
        if below_since < 0 and low < self.close_line[r]:
            return False
        if below_since >= 0 and (high >= self.close_line[r] or below_since + self.close_hold_s[r] * 1000.0 <= end):
            return False
        escalate_ms: cython.double = self.escalate_after_s[r] * 1000.0
        if phase == _OPEN and escalate_ms > 0.0 and self.since[r] + escalate_ms <= end:
            return False
        return phase != _SNOOZED or self.snoozed_until[r] > end


class Watch(Table):
    """Phases and timers of one kind of alert; a row is a row of the kind's subject."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "phase": ("u1", 0, 0),
        "severity": ("u1", 0, 0),
        "since": ("i8", 0, 0),  # of the pending phase, or of the last change of phase
        "below_since": ("i8", -1, 0),  # under the closing line since, -1 for not, -2 for closed by a lead
        "snoozed_until": ("i8", 0, 0),
    }
    phase: NDArray[np.uint8]
    severity: NDArray[np.uint8]
    since: NDArray[np.int64]
    below_since: NDArray[np.int64]
    snoozed_until: NDArray[np.int64]

    def cover(self, rows: int) -> None:
        """At least that many rows."""
        if rows > self.n:
            self.add_many(rows - self.n)

    def watcher(self, rule: Lines, running_ms: cython.longlong) -> Watcher:
        """The watch with its columns bound, at a moment."""
        bound = self.bound
        if bound is None or bound.version != self.version or bound.rule is not rule:
            bound = self.bound = Watcher(self, rule)
        one: Watcher = bound
        one.now = running_ms
        return one

    def scan(self, r: Any, value: Any, running_ms: cython.longlong, rule: Lines, borne: Any) -> list[tuple[int, T]]:
        """What happens at one moment, as (index into `r`, trigger); timers and pending phases move by themselves.

        `borne` is the queue-borne share of the value, [rows].
        """
        rows: cython.const[cython.Py_ssize_t][::1] = r if cython.compiled else memoryview(r)
        values: cython.double[::1] = value if cython.compiled else memoryview(value)
        shares: cython.double[::1] = borne if cython.compiled else memoryview(borne)
        one: Watcher = self.watcher(rule, running_ms)
        i: cython.Py_ssize_t
        out: list[tuple[int, T]] = []
        for i in range(rows.shape[0]):
            what: cython.int = one.step(rows[i], values[i], shares[i])
            if what == _SAME:
                continue
            if one.move(rows[i], values[i]):
                what = one.step(rows[i], values[i], shares[i])
            if what >= 0:
                out.append((i, _TRIGGERS[what]))
        return out

    def hot(self, r: Any, lowest: Any, highest: Any, running_ms: cython.longlong, rule: Lines) -> Any:
        """Rows for which something may be due within a minute while their value stays between two bounds, [rows]."""
        rows: cython.const[cython.Py_ssize_t][::1] = r if cython.compiled else memoryview(r)
        low: cython.double[::1] = lowest if cython.compiled else memoryview(lowest)
        high: cython.double[::1] = highest if cython.compiled else memoryview(highest)
        one: Watcher = self.watcher(rule, running_ms)
        out = np.empty(rows.shape[0], np.uint8)
        hot: cython.uchar[::1] = out if cython.compiled else memoryview(out)
        i: cython.Py_ssize_t
        for i in range(rows.shape[0]):
            hot[i] = not one.quiet(rows[i], low[i], high[i])
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
            closed = trigger is T.CLOSED
            self.below_since[row] = -2 if closed else -1
            self.severity[row] = self.severity[row] if closed else 0
        return new
