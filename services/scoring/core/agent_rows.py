"""One agent at a time: two leaky integrators per driver, moved in one exact step from the last event of the row.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

import cython
import numpy as np
from cython.cimports.libc.math import exp

from services.scoring.core import agent_drivers as ad
from services.scoring.core import contradictions as odd
from services.scoring.core.agent_table import BREAK_HEALS_FASTER, OCCUPANCY_FLOOR, AgentParameters, Agents
from services.scoring.core.decay import TAU_FAST_S, TAU_SLOW_S
from shared.contract.rows import STATE_CODES

BREAK_BEGINS_S = 120.0
"""The first two minutes away pay for no work: who is called back after one had no break. Product choice."""
WORK_PAID_PER_BREAK_S = 20.0
"""A second of break from then on pays for 20 s of work, so that 5 min pay for an hour (health and safety practice for
screen and call work)."""
TAU_OCCUPANCY_S = 1_800.0
"""Window of the occupancy that is shown: 30 min."""

_D = cython.declare(cython.Py_ssize_t, len(ad.AGENT_DRIVERS))
_OCCUPANCY = cython.declare(cython.Py_ssize_t, ad.OCCUPANCY)
_SINCE_BREAK = cython.declare(cython.Py_ssize_t, ad.SINCE_BREAK)
_UNSUPPORTED = cython.declare(cython.Py_ssize_t, ad.UNSUPPORTED)
_FAST_S = cython.declare(cython.double, TAU_FAST_S)
_SLOW_S = cython.declare(cython.double, TAU_SLOW_S)
_WINDOW_S = cython.declare(cython.double, TAU_OCCUPANCY_S)
# One exponential serves all: `move` multiplies what is left after half as long as the slow one.
assert 2.0 * TAU_SLOW_S == 5.0 * TAU_OCCUPANCY_S == 15.0 * TAU_FAST_S
assert BREAK_HEALS_FASTER == 3.0
_BEGINS_S = cython.declare(cython.double, BREAK_BEGINS_S)
_PAYS = cython.declare(cython.double, WORK_PAID_PER_BREAK_S)
# An impulse counts tau_fast/tau_slow in the slow integrator, so that a steady load brings both to the same height.
_SLOW_HEIGHT = cython.declare(cython.double, TAU_FAST_S / TAU_SLOW_S)
_KEPT_A_MINUTE = cython.declare(cython.double, 0.999 * exp(-60.0 / TAU_FAST_S))
_KEPT_RESTING = cython.declare(cython.double, 0.999 * exp(-60.0 * BREAK_HEALS_FASTER / TAU_FAST_S))
_GROWTH_A_MINUTE = cython.declare(cython.double, 1.0 - exp(-60.0 / TAU_FAST_S))
"""A rated driver's level cannot rise by more than this (times its weight) in a minute: both integrators are means."""
_ROUNDED = cython.declare(cython.double, 1.0 - 1e-12)
"""So that a bound stays one after rounding."""
_SURELY = cython.declare(cython.double, 1.0 - 1e-9)
"""The same for a bound of that bound."""


def _bits(*states: str) -> int:
    return sum(1 << STATE_CODES[s] for s in states)


# By state code, as bits: time on contact (after-contact work is work), time staffed, time that counts towards a break,
# rest.
_BUSY = cython.declare(cython.int, _bits("on_contact", "acw"))
_STAFFED = cython.declare(cython.int, _bits("available", "reserved", "on_contact", "acw"))
_AT_WORK = cython.declare(cython.int, _bits("available", "reserved", "on_contact", "acw", "meeting"))
_RESTS = cython.declare(cython.int, _bits("break", "offline"))

_BORNE = cython.declare(cython.int, sum(1 << d for d in ad.QUEUE_BORNE))
_RELIEVED = cython.declare(cython.int, sum(1 << d for d in ad.RELIEVED))
_RATED = cython.declare(cython.int, sum(1 << d for d in ad.RATED))
_COUNTED = cython.declare(cython.int, sum(1 << d for d in ad.COUNTED))
_OCCUPANCY_FLOOR = cython.declare(cython.double, OCCUPANCY_FLOOR)
_STATE_OUT_OF_ORDER = cython.declare(cython.Py_ssize_t, odd.STATE_OUT_OF_ORDER)
_TWO_STATES = cython.declare(cython.Py_ssize_t, odd.TWO_STATES)
_TWO_TEAMS = cython.declare(cython.Py_ssize_t, odd.TWO_TEAMS)
_ON_CONTACT = cython.declare(cython.uchar, STATE_CODES["on_contact"])
_ACW = cython.declare(cython.uchar, STATE_CODES["acw"])


@cython.final
@cython.cclass
class AgentRows:
    """The columns of the table, bound once; and one row at a time, moved to a moment, as the table stays as it is."""

    def __init__(self, agents: Agents, p: AgentParameters) -> None:
        self.version, self.p = agents.version, p
        self.tenant = memoryview(agents.tenant)
        self.team = memoryview(agents.team)
        self.state = memoryview(agents.state)
        self.state_ms = memoryview(agents.state_ms)
        self.rest_ms = memoryview(agents.rest_ms)
        self.said_state = memoryview(agents.said_state)
        self.t_ms = memoryview(agents.t_ms)
        self.contact_ms = memoryview(agents.contact_ms)
        self.queue = memoryview(agents.queue)
        self.last = memoryview(agents.last)
        self.all_fast = memoryview(agents.fast)
        self.all_slow = memoryview(agents.slow)
        self.all_busy = memoryview(agents.busy)
        self.all_staffed = memoryview(agents.staffed)
        self.all_work_s = memoryview(agents.work_s)
        self.all_unsupported_s = memoryview(agents.unsupported_s)
        self.taken_ms = memoryview(agents.taken_ms)
        self.ended_ms = memoryview(agents.ended_ms)
        self.weight = memoryview(p.weight)
        self.scale = memoryview(p.scale)
        self.occupancy_line = memoryview(p.occupancy_line)
        self.break_line_s = memoryview(p.break_line_s)
        self.support_line_s = memoryview(p.support_line_s)
        self.per_contact = memoryview(p.per_contact)
        rated = p.weight[:, list(ad.RATED)].sum(axis=1)
        self.rated = memoryview(rated)
        self.growth_left = memoryview(np.exp(-_GROWTH_A_MINUTE * rated / p.scale) * _ROUNDED)
        self.odd = memoryview(agents.contradictions)
        self.team_changes = memoryview(agents.team_changes)
        self.mark = memoryview(np.zeros(len(agents.tenant), np.uint8))
        self.fast = memoryview(np.empty(_D))
        self.slow = memoryview(np.empty(_D))
        self.level = memoryview(np.empty(_D))
        self.value = memoryview(np.empty(_D))

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch(self, r: cython.Py_ssize_t) -> cython.void:
        """Begin to bring a row near: one address in each line of memory that is worked with."""
        if cython.compiled:
            strainwatch_fetch(cython.address(self.t_ms[r]))  # noqa: F821 - of the .pxd
            strainwatch_fetch(cython.address(self.all_fast[r, 5]))  # noqa: F821
            strainwatch_fetch(cython.address(self.all_slow[r, 1]))  # noqa: F821
            strainwatch_fetch(cython.address(self.all_slow[r, 9]))  # noqa: F821
            strainwatch_fetch(cython.address(self.all_busy[r]))  # noqa: F821
            strainwatch_fetch(cython.address(self.taken_ms[r]))  # noqa: F821
            strainwatch_fetch(cython.address(self.state[r]))  # noqa: F821

    @cython.cfunc
    @cython.exceptval(check=False)
    def move(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.void:
        d: cython.Py_ssize_t
        dt_s: cython.double = (at_ms - self.t_ms[r]) / 1000.0
        self.busy, self.staffed, self.work_s = self.all_busy[r], self.all_staffed[r], self.all_work_s[r]
        self.unsupported_s = self.all_unsupported_s[r]
        if dt_s <= 0.0:
            for d in range(_D):
                self.fast[d] = self.all_fast[r, d]
                self.slow[d] = self.all_slow[r, d]
            return
        state: cython.int = 1 << self.state[r]
        rests: cython.bint = (state & _RESTS) != 0
        at_work: cython.bint = (state & _AT_WORK) != 0
        busy: cython.double = 1.0 if state & _BUSY else 0.0
        staffed: cython.double = 1.0 if state & _STAFFED else 0.0
        # One exponential serves all three: see the assertion above.
        root: cython.double = exp(-dt_s / (2.0 * _SLOW_S))
        slow_left: cython.double = root * root
        window_left: cython.double = slow_left * slow_left * root
        fast_left: cython.double = window_left * window_left * window_left
        if rests:
            slow_left = slow_left * slow_left * slow_left
            fast_left = fast_left * fast_left * fast_left
        for d in range(_D):
            self.fast[d] = self.all_fast[r, d] * fast_left
            self.slow[d] = self.all_slow[r, d] * slow_left
        # Occupancy: load is 1 on contact, below 0 when idle, 0 exactly at the line.
        line: cython.double = self.occupancy_line[self.tenant[r]]
        load: cython.double = (busy - line * staffed) / (1.0 - line)
        self.fast[_OCCUPANCY] += load * (1.0 - fast_left)
        self.slow[_OCCUPANCY] += load * (1.0 - slow_left)
        # Since the last break: load is 1 from the moment on that the line is passed.
        if at_work:
            self.rise(_SINCE_BREAK, self.work_s + dt_s - self.break_line_s[self.tenant[r]], dt_s)
            self.work_s += dt_s
        elif rests:
            away_s: cython.double = (at_ms - self.rest_ms[r]) / 1000.0 - _BEGINS_S
            self.work_s = max(self.work_s - min(max(away_s, 0.0), dt_s) * _PAYS, 0.0)
        # Unsupported: the same, but for work since a lead spoke. Without states only contacts are known to be work.
        if at_work if self.said_state[r] else busy > 0.0:
            self.rise(_UNSUPPORTED, self.unsupported_s + dt_s - self.support_line_s[self.tenant[r]], dt_s)
            self.unsupported_s += dt_s
        self.busy = self.busy * window_left + busy * (1.0 - window_left)
        self.staffed = self.staffed * window_left + staffed * (1.0 - window_left)

    @cython.cfunc
    @cython.exceptval(check=False)
    def rise(self, d: cython.Py_ssize_t, over_s: cython.double, dt_s: cython.double) -> cython.void:
        """A rated driver whose line was passed `over_s` before the end of a step of `dt_s`."""
        if over_s > 0.0:
            over_s = min(over_s, dt_s)
            self.fast[d] += 1.0 - exp(-over_s / _FAST_S)
            self.slow[d] += 1.0 - exp(-over_s / _SLOW_S)

    @cython.cfunc
    @cython.exceptval(check=False)
    def touch(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.void:
        """Move a row for good; one that is already later stays."""
        d: cython.Py_ssize_t
        if at_ms <= self.t_ms[r]:
            return
        self.move(r, at_ms)
        for d in range(_D):
            self.all_fast[r, d] = self.fast[d]
            self.all_slow[r, d] = self.slow[d]
        self.all_busy[r], self.all_staffed[r], self.all_work_s[r] = self.busy, self.staffed, self.work_s
        self.all_unsupported_s[r] = self.unsupported_s
        self.t_ms[r] = at_ms

    @cython.cfunc
    @cython.exceptval(check=False)
    def add_past_contact(self, r: cython.Py_ssize_t, at_ms: cython.longlong, handle_s: cython.double) -> cython.void:
        """Time on contact that is known only now that it is over (an ACD without `contact.answered` and states).

        The row counted as idle in that time; what a busy stretch would have left more is added.
        """
        age_s: cython.double = max((self.t_ms[r] - at_ms) / 1000.0, 0.0)
        above: cython.double = 1.0 - self.occupancy_line[self.tenant[r]]
        self.all_fast[r, _OCCUPANCY] += (exp(-age_s / _FAST_S) - exp(-(age_s + handle_s) / _FAST_S)) / above
        self.all_slow[r, _OCCUPANCY] += (exp(-age_s / _SLOW_S) - exp(-(age_s + handle_s) / _SLOW_S)) / above
        self.all_busy[r] += exp(-age_s / _WINDOW_S) - exp(-(age_s + handle_s) / _WINDOW_S)

    @cython.cfunc
    @cython.exceptval(check=False)
    def take(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.double:
        """A contact is taken: s since the last one ended; -1 where none has ended since the last was taken.

        After-contact work up to that moment is work: no pause at all.
        """
        gap_s: cython.double = -1.0
        if self.state[r] == _ACW and self.said_state[r] and self.taken_ms[r] < self.state_ms[r] <= at_ms:
            gap_s = 0.0
        elif self.taken_ms[r] < self.ended_ms[r] <= at_ms:
            gap_s = (at_ms - self.ended_ms[r]) / 1000.0
        self.taken_ms[r] = max(self.taken_ms[r], at_ms)
        return gap_s

    @cython.cfunc
    @cython.exceptval(check=False)
    def relieve(self, r: cython.Py_ssize_t, kept: cython.double) -> cython.void:
        """Leave this part of what contacts brought."""
        d: cython.Py_ssize_t
        for d in range(_D):
            if (_RELIEVED >> d) & 1:
                self.all_fast[r, d] *= kept
                self.all_slow[r, d] *= kept

    @cython.cfunc
    @cython.exceptval(check=False)
    def say(
        self, r: cython.Py_ssize_t, at_ms: cython.longlong, state: cython.uchar, team: cython.Py_ssize_t
    ) -> cython.void:
        """The ACD tells a state, and perhaps the team (-1: not). One older than that in force is kept out."""
        if at_ms < self.state_ms[r]:
            self.odd[_STATE_OUT_OF_ORDER] += 1
            return
        if ((_BUSY >> self.state[r]) & 1) and not ((_BUSY >> state) & 1):
            self.ended_ms[r] = max(self.ended_ms[r], at_ms)
        if self.said_state[r] and self.state_ms[r] == at_ms and self.state[r] != state:
            self.odd[_TWO_STATES] += 1
        if (_RESTS >> state) & 1 and not (self.said_state[r] and (_RESTS >> self.state[r]) & 1):
            self.rest_ms[r] = at_ms
        self.state[r] = state
        self.state_ms[r] = at_ms
        self.said_state[r] = 1
        if team >= 0 and self.team[r] != team + 1:
            if self.team[r] != 0:
                self.odd[_TWO_TEAMS] += 1
            self.team[r] = team + 1
            self.team_changes[0] += 1

    @cython.cfunc
    @cython.exceptval(check=False)
    def judge(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.void:
        """Move to a moment; levels, strain, and the bounds within which it stays for a minute without an event."""
        d: cython.Py_ssize_t
        tenant: cython.Py_ssize_t = self.tenant[r]
        self.move(r, at_ms)
        # Impulses decay in a minute by no more than this, in a break faster; what time itself feeds may fall at once.
        kept: cython.double = _KEPT_RESTING if (1 << self.state[r]) & _RESTS else _KEPT_A_MINUTE
        whole: cython.double = 0.0
        from_queue: cython.double = 0.0
        low: cython.double = 0.0
        for d in range(_D):
            one: cython.double
            if d == _OCCUPANCY:
                one = 0.5 * (max(self.fast[d], 0.0) + max(self.slow[d], 0.0))
            elif (_RATED >> d) & 1:
                one = 0.5 * (self.fast[d] + self.slow[d])
            else:
                one = 0.5 * (self.fast[d] + self.slow[d] * _SLOW_HEIGHT)
            one *= self.weight[tenant, d]
            self.level[d] = one
            whole += one
            if (_BORNE >> d) & 1:
                from_queue += one
            if not (_RATED >> d) & 1:
                low += one * kept
        scale: cython.double = self.scale[tenant]
        left: cython.double = exp(-whole / scale)
        self.strain = 100.0 * (1.0 - left)
        self.lowest = 100.0 * (1.0 - exp(-low / scale))
        self.highest = 100.0 * (1.0 - left * self.growth_left[tenant])
        self.borne = from_queue / max(whole, 1e-300)

    @cython.cfunc
    @cython.exceptval(check=False)
    def measure(self, r: cython.Py_ssize_t) -> cython.void:
        """What each driver of the judged row measures, in its unit; NaN where nothing was measured."""
        d: cython.Py_ssize_t
        for d in range(_D):
            if (_COUNTED >> d) & 1:  # as contacts that are still felt
                self.value[d] = self.slow[d] / self.per_contact[self.tenant[r], d]
            else:
                self.value[d] = self.last[r, d]
        part: cython.double = self.busy / max(self.staffed, _OCCUPANCY_FLOOR)
        self.value[_OCCUPANCY] = 100.0 * min(max(part, 0.0), 1.0)
        self.value[_SINCE_BREAK] = self.work_s / 60.0
        self.value[_UNSUPPORTED] = self.unsupported_s / 3600.0

    @cython.cfunc
    @cython.exceptval(check=False)
    def below(self, r: cython.Py_ssize_t, at_ms: cython.longlong, line: cython.double) -> cython.bint:
        """Whether a row surely stays below a line for a minute from `at_ms` on without an event.

        So it is with most rows that are touched, and no exponential is needed to see it: impulses only decay, a rated
        driver rises by no more than the time that passes in parts of tau, and 1 - exp(-x) is at most 2x / (2 + x).
        """
        d: cython.Py_ssize_t
        tenant: cython.Py_ssize_t = self.tenant[r]
        ahead_s: cython.double = max(at_ms - self.t_ms[r], 0) / 1000.0 + 60.0
        whole: cython.double = self.rated[tenant] * ahead_s / _FAST_S
        for d in range(_D):
            slow_height: cython.double = 1.0 if (_RATED >> d) & 1 else _SLOW_HEIGHT
            one: cython.double = max(self.all_fast[r, d], 0.0) + max(self.all_slow[r, d], 0.0) * slow_height
            whole += 0.5 * one * self.weight[tenant, d]
        return 200.0 * whole < line * _SURELY * (2.0 * self.scale[tenant] + whole)

    @cython.cfunc
    @cython.exceptval(check=False)
    def strain_at(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.double:
        """Strain of a row at a moment."""
        self.judge(r, at_ms)
        return self.strain

    @cython.cfunc
    @cython.exceptval(check=False)
    def meet(self, r: cython.Py_ssize_t) -> cython.int:
        """1 when a row is met for the first time since its mark was cleared."""
        if self.mark[r]:
            return 0
        self.mark[r] = 1
        return 1
