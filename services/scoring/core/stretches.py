"""Agents' stretches: hard contacts that are still felt, and work since a real break; what is due about them, and when.

They move with time alone, and are judged for every agent that an entry touches: all of it is one compiled pass.
Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from cython.cimports.libc.math import exp

from services.scoring.core.agent_rows import BREAK_BEGINS_S, WORK_PAID_PER_BREAK_S
from services.scoring.core.agent_table import HARD_TAU_S, Agents
from services.scoring.core.alerting import Watcher
from shared.contract.rows import STATE_CODES

UNHEARD_MS = 7_200_000
"""An agent of whom nothing was heard for 2 h has gone without a word: their work is not counted on. Product choice."""
HOT, LIVE = 1, 2
"""Marks of an agent: to be judged each second; with an alert, one that is pending, or one that a lead closed."""
BETWEEN = -1.0
"""The value of a kind that is told at one moment (a recognition, a contact too many), at every other moment: below any
line, so that the alert resolves after `close_hold_s`."""

_HOT = cython.declare(cython.uchar, HOT)
_LIVE = cython.declare(cython.uchar, LIVE)
_HARD_S = cython.declare(cython.double, HARD_TAU_S)
_KEPT_A_MINUTE = cython.declare(cython.double, 0.999 * exp(-60.0 / HARD_TAU_S))
_BEGINS_S = cython.declare(cython.double, BREAK_BEGINS_S)
_PAYS = cython.declare(cython.double, WORK_PAID_PER_BREAK_S)
_UNHEARD_MS = cython.declare(cython.longlong, UNHEARD_MS)
_BETWEEN = cython.declare(cython.double, BETWEEN)
_MINUTE_MS = cython.declare(cython.longlong, 60_000)
_WORKS = cython.declare(
    cython.int, sum(1 << STATE_CODES[s] for s in ("available", "reserved", "on_contact", "acw", "meeting"))
)
_RESTS = cython.declare(cython.int, sum(1 << STATE_CODES[s] for s in ("break", "offline")))
_SAME = cython.declare(cython.int, -1)


@cython.final
@cython.cclass
class StretchRows:
    """The columns of the table of agents, bound once; and one row at a time, at a moment."""

    def __init__(self, agents: Agents) -> None:
        self.version = agents.version
        self.state = memoryview(agents.state)
        self.said_state = memoryview(agents.said_state)
        self.rest_ms = memoryview(agents.rest_ms)
        self.t_ms = memoryview(agents.t_ms)
        self.work_s = memoryview(agents.work_s)
        self.hard = memoryview(agents.hard)
        self.hard_ms = memoryview(agents.hard_ms)
        self.felt = self.felt_low = self.worked_min = self.worked_low = self.worked_high = 0.0

    @cython.cfunc
    @cython.exceptval(check=False)
    def judge(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.void:
        """Both measures of a row at a moment, and the bounds within which they stay for a minute without an event."""
        self.work(r, at_ms)
        self.feel(r, at_ms)

    @cython.cfunc
    @cython.exceptval(check=False)
    def feel(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.void:
        """Hard contacts that are still felt: never more than `hard` of the row."""
        self.felt = self.hard[r]
        if self.felt > 0.0:
            self.felt *= exp(-max(at_ms - self.hard_ms[r], 0) / 1000.0 / _HARD_S)
        self.felt_low = self.felt * _KEPT_A_MINUTE

    @cython.cfunc
    @cython.exceptval(check=False)
    def work(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.void:
        """Minutes of work since a break."""
        self.worked_min = self.worked_low = self.worked_high = 0.0
        unheard_ms: cython.longlong = at_ms - self.t_ms[r]
        if not self.said_state[r] or unheard_ms >= _UNHEARD_MS:
            return
        dt_s: cython.double = max(unheard_ms, 0) / 1000.0
        state: cython.int = 1 << self.state[r]
        self.worked_min = self.work_s[r] / 60.0
        if state & _WORKS:
            self.worked_min = (self.work_s[r] + dt_s) / 60.0
        elif state & _RESTS:
            away_s: cython.double = (at_ms - self.rest_ms[r]) / 1000.0 - _BEGINS_S
            self.worked_min = max(self.work_s[r] - min(max(away_s, 0.0), dt_s) * _PAYS, 0.0) / 60.0
        self.worked_low = self.worked_high = self.worked_min
        if state & _WORKS:
            self.worked_high += 1.001
        elif state & _RESTS:
            self.worked_low = max(self.worked_min - _PAYS * 1.001, 0.0)
        if unheard_ms + _MINUTE_MS >= _UNHEARD_MS:
            self.worked_low = 0.0

    @cython.cfunc
    @cython.exceptval(check=False)
    def due(self, r: cython.Py_ssize_t, hard: Watcher, rest: Watcher, thanks: Watcher) -> cython.bint:
        """Whether anything happens to the judged row now."""
        if hard.step(r, self.felt, 0.0) != _SAME or rest.step(r, self.worked_min, 0.0) != _SAME:
            return True
        return thanks.step(r, _BETWEEN, 0.0) != _SAME

    @cython.cfunc
    @cython.exceptval(check=False)
    def quiet(self, r: cython.Py_ssize_t, hard: Watcher, rest: Watcher, thanks: Watcher) -> cython.bint:
        """Whether nothing can happen to the judged row within a minute without an event."""
        if not hard.quiet(r, self.felt_low, self.felt):
            return False
        return rest.quiet(r, self.worked_low, self.worked_high) and thanks.quiet(r, _BETWEEN, _BETWEEN)


def measure(rows: StretchRows, r: Any, at_ms: cython.longlong) -> Any:
    """Hard contacts still felt, and minutes of work since a break (0 where no states are told), [2, rows]."""
    row: cython.const[cython.Py_ssize_t][::1] = r if cython.compiled else memoryview(r)
    out = np.empty((2, row.shape[0]))
    values: cython.double[:, ::1] = out if cython.compiled else memoryview(out)
    i: cython.Py_ssize_t
    for i in range(row.shape[0]):
        rows.judge(row[i], at_ms)
        values[0, i] = rows.felt
        values[1, i] = rows.worked_min
    return out


def heat(
    rows: StretchRows, r: Any, at_ms: cython.longlong, watchers: tuple[Watcher, Watcher, Watcher], hot: Any
) -> Any:
    """Mark in `hot` [agents] which rows must be judged each second of the next minute (HOT), and which have an alert
    (LIVE); the rows for which anything is due now.

    `watchers` are those of hard streaks, of breaks and of recognitions.
    """
    row: cython.const[cython.Py_ssize_t][::1] = r if cython.compiled else memoryview(r)
    flags: cython.uchar[::1] = hot if cython.compiled else memoryview(hot)
    hard: Watcher = watchers[0]
    rest: Watcher = watchers[1]
    thanks: Watcher = watchers[2]
    due = np.empty(row.shape[0], np.intp)
    due_row: cython.Py_ssize_t[::1] = due if cython.compiled else memoryview(due)
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t = 0
    for i in range(row.shape[0]):
        a: cython.Py_ssize_t = row[i]
        rows.work(a, at_ms)
        # Most rows have no such alert and are far from one: their watches need not be looked at.
        if flags[a] == 0 and rows.hard[a] < hard.open_line[a] and rows.worked_high < rest.open_line[a]:
            continue
        rows.feel(a, at_ms)
        if rows.due(a, hard, rest, thanks):
            due_row[k] = a
            k += 1
        flags[a] = _HOT if not rows.quiet(a, hard, rest, thanks) else 0
        if not (hard.idle(a) and rest.idle(a) and thanks.idle(a)):
            flags[a] |= _LIVE
    return due[:k]


def first_due(
    first_ms: cython.longlong,
    last_ms: cython.longlong,
    gap_ms: cython.longlong,
    rows: StretchRows,
    agents: Any,
    watchers: tuple[Watcher, Watcher, Watcher],
    queues: Any,
    contacts: Watcher,
) -> int:
    """The first whole second from `first_ms` to `last_ms` at which a watch would do anything; -1 for none.

    Of these agents, see `heat`; and of these queues, whose watch `contacts` is told at one moment too. Running time is
    log time less `gap_ms`.
    """
    row: cython.const[cython.Py_ssize_t][::1] = agents if cython.compiled else memoryview(agents)
    queue: cython.const[cython.Py_ssize_t][::1] = queues if cython.compiled else memoryview(queues)
    hard: Watcher = watchers[0]
    rest: Watcher = watchers[1]
    thanks: Watcher = watchers[2]
    at_ms: cython.longlong = first_ms
    i: cython.Py_ssize_t
    while at_ms <= last_ms:
        hard.now = rest.now = thanks.now = contacts.now = at_ms - gap_ms
        for i in range(row.shape[0]):
            rows.judge(row[i], at_ms)
            if rows.due(row[i], hard, rest, thanks):
                return at_ms
        for i in range(queue.shape[0]):
            if contacts.step(queue[i], _BETWEEN, 0.0) != _SAME:
                return at_ms
        at_ms += 1000
    return -1
