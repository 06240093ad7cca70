"""What the events of a batch add to the strain of their agents, driver by driver.

A driver that is fed by events has its line here; one that is fed by time itself, or that depends on where the agent's
row stands by then (pauses, quality checks), in `agent_strain`.
Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
from cython.cimports.libc.math import exp

from services.scoring.core import agent_drivers as ad
from services.scoring.core.agent_table import HARD_TAU_S, WELL_TAU_S
from services.scoring.core.baseline import Ended
from services.scoring.core.batch import Batch, Facts
from shared.contract.events import OUTCOMES
from shared.contract.rows import ABANDONED, ABUSIVE, ANSWERED, CHECK_IN, COMPLAINT, COMPLIMENT, OUTCOME_MASK

COMPLAINT_HARD, LESS_HARD = 0.5, 0.125
"""What a contact counts among the hard ones, a hostile one being 1: a complaint, as in the strain's default; and one
that is a repeat, unsolved, or long. Hostile contacts weigh more than volume (meta-analyses, see `agent_drivers`); the
numbers are product choices."""
CONTENT = 4
"""A satisfaction from here on (of 5) says that a hard contact ended well. Product choice."""

_HANDLE_TIME = cython.declare(cython.Py_ssize_t, ad.HANDLE_TIME)
_COMPLAINTS = cython.declare(cython.Py_ssize_t, ad.COMPLAINTS)
_REPEAT_CALLERS = cython.declare(cython.Py_ssize_t, ad.REPEAT_CALLERS)
_EXCESS_WAIT = cython.declare(cython.Py_ssize_t, ad.EXCESS_WAIT)
_QUEUE_PRESSURE = cython.declare(cython.Py_ssize_t, ad.QUEUE_PRESSURE)
_CHECK_IN = cython.declare(cython.Py_ssize_t, ad.CHECK_IN)
_SAME_ISSUE = cython.declare(cython.Py_ssize_t, ad.SAME_ISSUE)
_COMPLAINT_HARD = cython.declare(cython.double, COMPLAINT_HARD)
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


@cython.final
@cython.cclass
class _Streaks:
    """Hard and long contacts in a row, in the columns of the table of agents."""

    version: cython.longlong
    hard_run: cython.int[:]
    hard_issue: cython.int[:]
    hard: cython.double[:]
    well: cython.double[:]
    hard_ms: cython.longlong[:]
    long_run: cython.int[:]
    long_issue: cython.int[:]
    long_new: cython.uchar[:]

    def __init__(self, agents: Any) -> None:
        self.version = agents.version
        self.hard_run = memoryview(agents.hard_run)
        self.hard_issue = memoryview(agents.hard_issue)
        self.hard = memoryview(agents.hard)
        self.well = memoryview(agents.well)
        self.hard_ms = memoryview(agents.hard_ms)
        self.long_run = memoryview(agents.long_run)
        self.long_issue = memoryview(agents.long_issue)
        self.long_new = memoryview(agents.long_new)

    def fits(self, agents: Any) -> bool:
        return self.version == agents.version

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
    """How hard a contact was: 1 abusive; less a complaint, a repeat caller, not solved, or long by the own usual."""
    if flags & _ABUSIVE:
        return 1.0
    if flags & _COMPLAINT:
        return _COMPLAINT_HARD
    return _LESS_HARD if less or outcome in (_UNRESOLVED, _ESCALATED) else 0.0


@cython.cfunc
@cython.exceptval(check=False)
def _part(value: cython.double, start: cython.double, full: cython.double) -> cython.double:
    """0 up to `start`, 1 at `full`, and no more. NaN counts 0."""
    part: cython.double = (value - start) / max(full - start, 1e-9)
    return min(part, 1.0) if part > 0.0 else 0.0


@cython.cfunc
def _find_ended(b: Batch, facts: Facts, ended: Ended) -> cython.void:
    """The contacts that ended with an agent."""
    n: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    for i in range(b.n):
        n += facts.handled[i] and b.agent[i] >= 0
    ended.make_room(n)
    ended.n = n
    k: cython.Py_ssize_t = 0
    for i in range(b.n):
        if facts.handled[i] and b.agent[i] >= 0:
            ended.event[k], ended.took_s[k] = i, b.n0[i]
            ended.agent[k] = ended.agent[n + k] = b.agent[i]
            ended.topic[k] = 2 * b.issue[i] + 1 if b.issue[i] >= 0 else 2 * b.queue[i] + 2
            ended.topic[n + k] = 0
            k += 1


@cython.final
@cython.cclass
class _Rates:
    """What of a tenant's parameters is needed for each event."""

    z_from: cython.double
    z_full: cython.double
    per_complaint: cython.double
    per_abusive: cython.double
    per_repeat: cython.double
    target_wait_s: cython.double
    full_wait_s: cython.double
    from_strain: cython.double
    per_contact: cython.double
    same_from: cython.double
    per_same: cython.double
    per_point: cython.double

    def __init__(self, p: Any) -> None:
        self.z_from, self.z_full = p["handle_time"]["z_from"], p["handle_time"]["z_full"]
        self.per_complaint, self.per_abusive = p["complaints"]["per_complaint"], p["complaints"]["per_abusive"]
        self.per_repeat = p["repeat_callers"]["per_contact"]
        self.target_wait_s, self.full_wait_s = p["excess_wait"]["target_wait_s"], p["excess_wait"]["full_s"]
        self.from_strain, self.per_contact = p["queue_pressure"]["from_strain"], p["queue_pressure"]["per_contact"]
        self.same_from, self.per_same = p["same_issue"]["from_contact"], p["same_issue"]["per_contact"]
        self.per_point = p["check_in"]["per_point"]


class Room:
    """What is kept from batch to batch: where the streaks lie, and the rates of the tenant that spoke last."""

    def __init__(self) -> None:
        self.ended = Ended()
        self._streaks: _Streaks | None = None
        self._of: Any = None
        self._rates: _Rates | None = None

    def streaks_of(self, agents: Any) -> _Streaks:
        """Those of the table, bound where its columns lie."""
        if self._streaks is None or not self._streaks.fits(agents):
            self._streaks = _Streaks(agents)
        return self._streaks

    def rates_of(self, p: Any) -> _Rates:
        """Those of a tenant's [driver][name]."""
        if self._of is not p:
            self._of, self._rates = p, _Rates(p)
        return self._rates


def impulses(
    b: Batch, facts: Facts, agents: Any, handle_times: Any, issue_ages: Any, queue_strain: Any, p: Any, room: Any
) -> None:
    """What a batch brings, and says of its agents' streaks; `p` is of the tenant."""
    strains: cython.double[:] = queue_strain if cython.compiled else memoryview(queue_strain)
    streaks: _Streaks = room.streaks_of(agents)
    rates: _Rates = room.rates_of(p)
    _clear(b, facts)
    ended: Ended = room.ended
    _find_ended(b, facts, ended)
    if ended.n:
        handle_times.hear(ended)
        _handle_times(facts, ended, rates)
        _long_ones(b, facts, ended, rates.z_from, issue_ages)
    i: cython.Py_ssize_t
    for i in range(b.n):
        if i + _AHEAD < b.n and facts.handled[i + _AHEAD] and b.agent[i + _AHEAD] >= 0:
            streaks.fetch(b.agent[i + _AHEAD])
        if b.agent[i] < 0:
            continue
        if facts.handled[i]:
            # An abusive contact counts as that, not as a complaint besides.
            if b.flags[i] & _ABUSIVE:
                facts.bring(i, _COMPLAINTS, rates.per_abusive)
            elif b.flags[i] & _COMPLAINT:
                facts.bring(i, _COMPLAINTS, rates.per_complaint)
            outcome: cython.uint = b.flags[i] & _OUTCOME
            hard: cython.double = _hardness(
                b.flags[i], outcome, facts.ended_repeat[i] != 0 or (facts.long_one[i] & _LONG) != 0
            )
            well: cython.bint = outcome == _RESOLVED or (b.flags[i] & _COMPLIMENT) != 0 or b.n2[i] >= _CONTENT
            run: cython.int = streaks.end(b.agent[i], b.issue[i], b.at_ms[i], hard, well)
            if run >= rates.same_from:
                facts.bring(i, _SAME_ISSUE, rates.per_same)
                facts.tell(i, _SAME_ISSUE, run)
            if facts.long_one[i] & _LONG:
                streaks.was_long(b.agent[i], b.issue[i], (facts.long_one[i] & _NEW_ISSUE) != 0)
        elif b.kind[i] == _CHECKED_IN and b.n0[i] == b.n0[i]:
            facts.bring(i, _CHECK_IN, rates.per_point * max(b.n0[i] - 3.0, 0.0))
            facts.tell(i, _CHECK_IN, b.n0[i])
        if facts.repeat[i]:
            facts.bring(i, _REPEAT_CALLERS, rates.per_repeat)
        wait_s: cython.double = facts.wait_s[i]
        if wait_s == wait_s and b.kind[i] != _ABANDONED:
            # Beyond what was announced, else beyond the target.
            expected_s: cython.double = (
                b.n1[i] if b.kind[i] == _ANSWERED and b.n1[i] == b.n1[i] else rates.target_wait_s
            )
            excess_s: cython.double = max(wait_s - expected_s, 0.0)
            facts.tell(i, _EXCESS_WAIT, excess_s)
            facts.bring(i, _EXCESS_WAIT, min(excess_s / rates.full_wait_s, _EXCESS_WAIT_MAX))
            if b.queue[i] >= 0:
                # 0 below the line, `rates.per_contact` at strain 100.
                facts.tell(i, _QUEUE_PRESSURE, strains[b.queue[i]])
                above: cython.double = max(strains[b.queue[i]] - rates.from_strain, 0.0)
                facts.bring(i, _QUEUE_PRESSURE, rates.per_contact * above / (100.0 - rates.from_strain))


@cython.cfunc
@cython.exceptval(check=False)
def _clear(b: Batch, facts: Facts) -> cython.void:
    """Nothing brought yet to any agent."""
    i: cython.Py_ssize_t
    for i in range(b.n):
        facts.evident[i] = facts.long_one[i] = 0
        facts.brings[i] = facts.tells[i] = 0


@cython.cfunc
@cython.exceptval(check=False)
def _handle_times(facts: Facts, ended: Ended, rates: _Rates) -> cython.void:
    """One-sided, at most 1: long contacts add, short ones never subtract. z is NaN while the own usual is unknown."""
    k: cython.Py_ssize_t
    for k in range(ended.n):
        facts.bring(ended.event[k], _HANDLE_TIME, _part(ended.z[k], rates.z_from, rates.z_full))
        facts.tell(ended.event[k], _HANDLE_TIME, ended.ratio[k])


@cython.cfunc
def _long_ones(b: Batch, facts: Facts, ended: Ended, z_from: cython.double, issue_ages: Any) -> cython.void:
    """Note the contacts that were long by the agent's own usual, and those of them whose issue is new."""
    k: cython.Py_ssize_t
    for k in range(ended.n):
        if ended.z[k] >= z_from:
            i: cython.Py_ssize_t = ended.event[k]
            facts.long_one[i] |= _LONG
            if b.issue[i] >= 0 and (ended.young[k] or issue_ages.is_new(b.issue[i], b.at_ms[i])):
                facts.long_one[i] |= _NEW_ISSUE
