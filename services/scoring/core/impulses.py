"""What the events of a batch add to the strain of their agents, driver by driver.

A driver that is fed by events has its line here; one that is fed by time itself, or that depends on where the agent's
row stands by then (pauses, quality checks), in `agent_strain`.
Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cython
import numpy as np
from cython.cimports.libc.math import exp

from services.scoring.core import agent_drivers as ad
from services.scoring.core.agent_table import HARD_TAU_S, WELL_TAU_S
from shared.contract.events import OUTCOMES
from shared.contract.rows import ABANDONED, ABUSIVE, ANSWERED, CHECK_IN, COMPLAINT, COMPLIMENT, OUTCOME_MASK

LESS_HARD = 0.125
"""What a contact counts among the hard ones that is neither hostile nor a complaint, but a repeat, unsolved, or long.
Hostile contacts weigh more than volume (meta-analyses, see `agent_drivers`); the number is a product choice."""
CONTENT = 4
"""A satisfaction from here on (of 5) says that a hard contact ended well. Product choice."""

_HANDLE_TIME = cython.declare(cython.Py_ssize_t, ad.HANDLE_TIME)
_COMPLAINTS = cython.declare(cython.Py_ssize_t, ad.COMPLAINTS)
_REPEAT_CALLERS = cython.declare(cython.Py_ssize_t, ad.REPEAT_CALLERS)
_EXCESS_WAIT = cython.declare(cython.Py_ssize_t, ad.EXCESS_WAIT)
_QUEUE_PRESSURE = cython.declare(cython.Py_ssize_t, ad.QUEUE_PRESSURE)
_CHECK_IN = cython.declare(cython.Py_ssize_t, ad.CHECK_IN)
_SAME_ISSUE = cython.declare(cython.Py_ssize_t, ad.SAME_ISSUE)
_LESS_HARD = cython.declare(cython.double, LESS_HARD)
_HARD_S = cython.declare(cython.double, HARD_TAU_S)
_WELL_S = cython.declare(cython.double, WELL_TAU_S)
_ABANDONED = cython.declare(cython.int, ABANDONED)
_ANSWERED = cython.declare(cython.int, ANSWERED)
_CHECKED_IN = cython.declare(cython.int, CHECK_IN)
_ABUSIVE = cython.declare(cython.uint, ABUSIVE)
_COMPLAINT = cython.declare(cython.uint, COMPLAINT)
_COMPLIMENT = cython.declare(cython.uint, COMPLIMENT)
_OUTCOME = cython.declare(cython.uint, OUTCOME_MASK)
_RESOLVED = cython.declare(cython.uint, OUTCOMES.index("resolved") + 1)
_UNRESOLVED = cython.declare(cython.uint, OUTCOMES.index("unresolved") + 1)
_ESCALATED = cython.declare(cython.uint, OUTCOMES.index("escalated") + 1)
_CONTENT = cython.declare(cython.double, CONTENT)
_AHEAD = cython.declare(cython.Py_ssize_t, 8)
"""Events between asking for a row and using it: about as long as memory takes."""
_LONG = cython.declare(cython.uchar, 1)
_NEW_ISSUE = cython.declare(cython.uchar, 2)
_EXCESS_WAIT_MAX = cython.declare(cython.double, 2.0)
"""An excess wait counts up to twice the full one: beyond it the caller is as sour as can be."""


@dataclass(slots=True)
class Brought:
    """What events bring to their agents, by event."""

    amount: Any  # [event, driver]
    measured: Any  # [event, driver], NaN: nothing measured
    evident: Any  # [event], 0 or 1: it brings anything


@cython.final
@cython.cclass
class _Streaks:
    """Hard and long contacts in a row, in the columns of the table of agents."""

    hard_run: cython.int[:]
    hard_issue: cython.int[:]
    hard: cython.double[:]
    well: cython.double[:]
    hard_ms: cython.longlong[:]
    long_run: cython.int[:]
    long_issue: cython.int[:]
    long_new: cython.uchar[:]

    def __init__(self, agents: Any) -> None:
        self.hard_run = memoryview(agents.hard_run)
        self.hard_issue = memoryview(agents.hard_issue)
        self.hard = memoryview(agents.hard)
        self.well = memoryview(agents.well)
        self.hard_ms = memoryview(agents.hard_ms)
        self.long_run = memoryview(agents.long_run)
        self.long_issue = memoryview(agents.long_issue)
        self.long_new = memoryview(agents.long_new)

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch(self, r: cython.Py_ssize_t) -> cython.void:
        """Begin to bring a row near."""
        if cython.compiled:
            strainwatch_fetch(cython.address(self.hard[r]))  # noqa: F821 - of the .pxd
            strainwatch_fetch(cython.address(self.hard_run[r]))  # noqa: F821

    @cython.cfunc
    @cython.exceptval(check=False)
    def end(
        self, r: cython.Py_ssize_t, issue: cython.int, at_ms: cython.longlong, hard: cython.double, well: cython.bint
    ) -> cython.int:
        """A contact ended, so hard (0: soft): hard ones in a row about its issue, itself included.

        0 after a soft one or without issue.
        """
        if hard > 0.0:
            age_s: cython.double = (at_ms - self.hard_ms[r]) / 1000.0
            if age_s > 0.0:
                self.hard[r] *= exp(-age_s / _HARD_S)
                self.well[r] *= exp(-age_s / _WELL_S)
                self.hard_ms[r] = at_ms
                age_s = 0.0
            self.hard[r] += hard * exp(age_s / _HARD_S)  # one that is told late has faded since
            if well:
                self.well[r] += hard * exp(age_s / _WELL_S)
        if hard > 0.0 and issue >= 0:
            self.hard_run[r] = self.hard_run[r] + 1 if self.hard_issue[r] == issue else 1
            self.hard_issue[r] = issue
        else:
            self.hard_run[r] = 0
            self.hard_issue[r] = -1
        return self.hard_run[r]

    @cython.cfunc
    @cython.exceptval(check=False)
    def was_long(self, r: cython.Py_ssize_t, issue: cython.int, new: cython.bint) -> cython.void:
        """It was long by the agent's own usual; `new`: its issue is new."""
        self.long_run[r] = self.long_run[r] + 1 if self.long_issue[r] == issue else 1
        self.long_issue[r] = issue
        self.long_new[r] = 1 if new else 0


@cython.cfunc
@cython.exceptval(check=False)
def _hardness(flags: cython.uint, outcome: cython.uint, less: cython.bint) -> cython.double:
    """How hard a contact was: 1 a complaint or abusive; less a repeat caller, not solved, or long by the own usual."""
    if flags & (_ABUSIVE | _COMPLAINT):
        return 1.0
    return _LESS_HARD if less or outcome in (_UNRESOLVED, _ESCALATED) else 0.0


@cython.cfunc
@cython.exceptval(check=False)
def _part(value: cython.double, start: cython.double, full: cython.double) -> cython.double:
    """0 up to `start`, 1 at `full`, and no more. NaN counts 0."""
    part: cython.double = (value - start) / max(full - start, 1e-9)
    return min(part, 1.0) if part > 0.0 else 0.0


@cython.cfunc
def _ended(
    handled: cython.uchar[::1],
    agent: cython.const[cython.Py_ssize_t][::1],
    issue: cython.const[cython.Py_ssize_t][::1],
    queue: cython.const[cython.Py_ssize_t][::1],
    handle_s: cython.const[cython.double][::1],
) -> tuple:
    """Contacts that ended with an agent: their events, and twice over [2, ended] agents and topics, and what they took.

    A topic is an issue (odd) or a queue (even); the second time it is 0: all topics together.
    """
    n: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    for i in range(handled.shape[0]):
        n += handled[i] and agent[i] >= 0
    events, pairs, took_s = np.empty(n, np.int64), np.zeros((2, 2 * n), np.int64), np.empty(n)
    event: cython.longlong[::1] = events if cython.compiled else memoryview(events)
    pair: cython.longlong[:, ::1] = pairs if cython.compiled else memoryview(pairs)
    took: cython.double[::1] = took_s if cython.compiled else memoryview(took_s)
    k: cython.Py_ssize_t = 0
    for i in range(handled.shape[0]):
        if handled[i] and agent[i] >= 0:
            event[k], took[k] = i, handle_s[i]
            pair[0, k] = pair[0, n + k] = agent[i]
            pair[1, k] = 2 * issue[i] + 1 if issue[i] >= 0 else 2 * queue[i] + 2
            k += 1
    return events, pairs, took_s


def impulses(b: Any, facts: Any, agents: Any, handle_times: Any, issue_ages: Any, queue_strain: Any, p: Any) -> Brought:
    """What a batch brings, and what it says of the streaks of its agents; `p` is [driver][name] of the tenant."""
    kind: cython.const[cython.uchar][::1] = b.kind if cython.compiled else memoryview(b.kind)
    agent: cython.const[cython.Py_ssize_t][::1] = b.agent if cython.compiled else memoryview(b.agent)
    queue: cython.const[cython.Py_ssize_t][::1] = b.queue if cython.compiled else memoryview(b.queue)
    flags: cython.const[cython.uint][::1] = b.flags if cython.compiled else memoryview(b.flags)
    issue: cython.const[cython.Py_ssize_t][::1] = b.issue if cython.compiled else memoryview(b.issue)
    at: cython.const[cython.longlong][::1] = b.at_ms if cython.compiled else memoryview(b.at_ms)
    n0: cython.const[cython.double][::1] = b.n0 if cython.compiled else memoryview(b.n0)
    n1: cython.const[cython.double][::1] = b.n1 if cython.compiled else memoryview(b.n1)
    n2: cython.const[cython.double][::1] = b.n2 if cython.compiled else memoryview(b.n2)
    handled: cython.uchar[::1] = facts.handled if cython.compiled else memoryview(facts.handled)
    repeat: cython.uchar[::1] = facts.repeat if cython.compiled else memoryview(facts.repeat)
    ended_repeat: cython.uchar[::1] = facts.ended_repeat if cython.compiled else memoryview(facts.ended_repeat)
    waits: cython.double[::1] = facts.wait_s if cython.compiled else memoryview(facts.wait_s)
    strains: cython.double[:] = queue_strain if cython.compiled else memoryview(queue_strain)
    n: cython.Py_ssize_t = kind.shape[0]
    drivers = len(ad.AGENT_DRIVERS)
    brought = Brought(np.zeros((n, drivers)), np.full((n, drivers), np.nan), np.zeros(n, np.uint8))
    amount: cython.double[:, ::1] = brought.amount if cython.compiled else memoryview(brought.amount)
    value: cython.double[:, ::1] = brought.measured if cython.compiled else memoryview(brought.measured)
    note: cython.uchar[::1] = memoryview(np.zeros(n, np.uint8))
    streaks: _Streaks = _Streaks(agents)
    z_from: cython.double = p["handle_time"]["z_from"]
    z_full: cython.double = p["handle_time"]["z_full"]
    per_complaint: cython.double = p["complaints"]["per_complaint"]
    per_abusive: cython.double = p["complaints"]["per_abusive"]
    per_repeat: cython.double = p["repeat_callers"]["per_contact"]
    target_wait_s: cython.double = p["excess_wait"]["target_wait_s"]
    full_wait_s: cython.double = p["excess_wait"]["full_s"]
    from_strain: cython.double = p["queue_pressure"]["from_strain"]
    per_contact: cython.double = p["queue_pressure"]["per_contact"]
    same_from: cython.double = p["same_issue"]["from_contact"]
    per_same: cython.double = p["same_issue"]["per_contact"]
    per_point: cython.double = p["check_in"]["per_point"]
    i: cython.Py_ssize_t
    events, pairs, took_s = _ended(handled, agent, issue, queue, n0)
    if len(events):
        rows, whole = handle_times.rows_of(*pairs).reshape(2, -1)
        z, ratio, young = handle_times.observe(rows, whole, took_s)
        _handle_times(amount, value, memoryview(events), memoryview(z), memoryview(ratio), z_from, z_full)
        _long_ones(note, memoryview(events), memoryview(z), memoryview(young), z_from, b.issue, b.at_ms, issue_ages)
    for i in range(n):
        if i + _AHEAD < n and handled[i + _AHEAD] and agent[i + _AHEAD] >= 0:
            streaks.fetch(agent[i + _AHEAD])
        if agent[i] < 0:
            continue
        if handled[i]:
            # An abusive contact counts as that, not as a complaint besides.
            if flags[i] & _ABUSIVE:
                amount[i, _COMPLAINTS] = per_abusive
            elif flags[i] & _COMPLAINT:
                amount[i, _COMPLAINTS] = per_complaint
            outcome: cython.uint = flags[i] & _OUTCOME
            hard: cython.double = _hardness(flags[i], outcome, ended_repeat[i] != 0 or (note[i] & _LONG) != 0)
            well: cython.bint = outcome == _RESOLVED or (flags[i] & _COMPLIMENT) != 0 or n2[i] >= _CONTENT
            run: cython.int = streaks.end(agent[i], issue[i], at[i], hard, well)
            if run >= same_from:
                amount[i, _SAME_ISSUE] = per_same
                value[i, _SAME_ISSUE] = run
            if note[i] & _LONG:
                streaks.was_long(agent[i], issue[i], (note[i] & _NEW_ISSUE) != 0)
        elif kind[i] == _CHECKED_IN and n0[i] == n0[i]:
            amount[i, _CHECK_IN] = per_point * max(n0[i] - 3.0, 0.0)
            value[i, _CHECK_IN] = n0[i]
        if repeat[i]:
            amount[i, _REPEAT_CALLERS] = per_repeat
        wait_s: cython.double = waits[i]
        if wait_s == wait_s and kind[i] != _ABANDONED:
            # Beyond what was announced, else beyond the target.
            announced: cython.bint = kind[i] == _ANSWERED and n1[i] == n1[i]
            expected_s: cython.double = n1[i] if announced else target_wait_s
            value[i, _EXCESS_WAIT] = max(wait_s - expected_s, 0.0)
            amount[i, _EXCESS_WAIT] = min(value[i, _EXCESS_WAIT] / full_wait_s, _EXCESS_WAIT_MAX)
            if queue[i] >= 0:
                # 0 below the line, `per_contact` at strain 100.
                value[i, _QUEUE_PRESSURE] = strains[queue[i]]
                above: cython.double = max(strains[queue[i]] - from_strain, 0.0)
                amount[i, _QUEUE_PRESSURE] = per_contact * above / (100.0 - from_strain)
    return brought


@cython.cfunc
def _handle_times(
    amount: cython.double[:, ::1],
    value: cython.double[:, ::1],
    events: cython.longlong[::1],
    z: cython.double[::1],
    ratio: cython.double[::1],
    z_from: cython.double,
    z_full: cython.double,
) -> cython.void:
    """One-sided, at most 1: long contacts add, short ones never subtract. z is NaN while the own usual is unknown."""
    k: cython.Py_ssize_t
    for k in range(events.shape[0]):
        amount[events[k], _HANDLE_TIME] = _part(z[k], z_from, z_full)
        value[events[k], _HANDLE_TIME] = ratio[k]


@cython.cfunc
def _long_ones(
    note: cython.uchar[::1],
    events: cython.longlong[::1],
    z: cython.double[::1],
    young: cython.uchar[::1],
    z_from: cython.double,
    issues: Any,
    at_ms: Any,
    issue_ages: Any,
) -> cython.void:
    """Note the contacts that were long by the agent's own usual, and those of them whose issue is new."""
    k: cython.Py_ssize_t
    for k in range(events.shape[0]):
        if z[k] >= z_from:
            i: cython.Py_ssize_t = events[k]
            note[i] |= _LONG
            if issues[i] >= 0 and (young[k] or issue_ages.is_new(issues[i], at_ms[i])):
                note[i] |= _NEW_ISSUE
