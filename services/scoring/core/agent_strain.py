"""Agent strain: two leaky integrators per driver, moved in one exact step from the last event that touched the row.

A row's clock is event time. An impulse that arrives late is added as what is left of it; a state that is older than
the one in force never overrides it. Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from cython.cimports.libc.math import exp

from services.scoring.core.agent_drivers import AGENT_DRIVERS, OCCUPANCY, QUEUE_BORNE, RELIEVED, SINCE_BREAK
from services.scoring.core.agent_table import AgentParameters, Agents, JudgedAgents
from services.scoring.core.decay import TAU_FAST_S, TAU_SLOW_S
from shared.contract.rows import ANSWERED, COMPLIMENT, HANDLED, STATE, STATE_CODES, STATE_MASK, STATE_SHIFT, SUPPORTED

BREAK_HEALS_FASTER = 3.0
"""Decay in a break against decay at work. Off-task withdrawal heals, on-task does not; the factor is chosen."""
WORK_PAID_PER_BREAK_S = 12.0
"""A second of break pays for 12 s of work: 5 min an hour (health and safety practice for screen and call work)."""
TAU_OCCUPANCY_S = 1_800.0
"""Window of the occupancy that is shown: 30 min."""
RELIEF = 0.25
"""Part of an agent's load from contacts that a lead's support or a compliment takes away. Product choice."""

_D = cython.declare(cython.Py_ssize_t, len(AGENT_DRIVERS))
_OCCUPANCY = cython.declare(cython.Py_ssize_t, OCCUPANCY)
_SINCE_BREAK = cython.declare(cython.Py_ssize_t, SINCE_BREAK)
_FAST_S = cython.declare(cython.double, TAU_FAST_S)
_SLOW_S = cython.declare(cython.double, TAU_SLOW_S)
_WINDOW_S = cython.declare(cython.double, TAU_OCCUPANCY_S)
_HEALS = cython.declare(cython.double, BREAK_HEALS_FASTER)
_PAYS = cython.declare(cython.double, WORK_PAID_PER_BREAK_S)
_KEPT_RELIEVED = cython.declare(cython.double, 1.0 - RELIEF)
# An impulse counts tau_fast/tau_slow in the slow integrator, so that a steady load brings both to the same height.
_SLOW_HEIGHT = cython.declare(cython.double, TAU_FAST_S / TAU_SLOW_S)
_KEPT_A_MINUTE = cython.declare(cython.double, 0.999 * exp(-60.0 / TAU_FAST_S))
_KEPT_RESTING = cython.declare(cython.double, 0.999 * exp(-60.0 * BREAK_HEALS_FASTER / TAU_FAST_S))
_GROWTH_A_MINUTE = cython.declare(cython.double, 1.0 - exp(-60.0 / TAU_FAST_S))
"""A rated driver's level cannot rise by more than this (times its weight) in a minute: both integrators are means."""


def _bits(*states: str) -> int:
    return sum(1 << STATE_CODES[s] for s in states)


# By state code, as bits: time on contact (after-contact work is work), time staffed, time that counts towards a break,
# rest.
_BUSY = cython.declare(cython.int, _bits("on_contact", "acw"))
_STAFFED = cython.declare(cython.int, _bits("available", "reserved", "on_contact", "acw"))
_AT_WORK = cython.declare(cython.int, _bits("available", "reserved", "on_contact", "acw", "meeting"))
_RESTS = cython.declare(cython.int, _bits("break", "offline"))

_BORNE = cython.declare(cython.int, sum(1 << d for d in QUEUE_BORNE))
_RELIEVED = cython.declare(cython.int, sum(1 << d for d in RELIEVED))
_ANSWERED = cython.declare(cython.int, ANSWERED)
_HANDLED = cython.declare(cython.int, HANDLED)
_STATE = cython.declare(cython.int, STATE)
_SUPPORTED = cython.declare(cython.int, SUPPORTED)
_AVAILABLE = cython.declare(cython.uchar, STATE_CODES["available"])
_ON_CONTACT = cython.declare(cython.uchar, STATE_CODES["on_contact"])
_STATE_SHIFT = cython.declare(cython.int, STATE_SHIFT)
_STATE_MASK = cython.declare(cython.int, STATE_MASK)
_COMPLIMENT = cython.declare(cython.uint, COMPLIMENT)


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
        self.weight = memoryview(p.weight)
        self.scale = memoryview(p.scale)
        self.occupancy_line = memoryview(p.occupancy_line)
        self.break_line_s = memoryview(p.break_line_s)
        self.fast = memoryview(np.empty(_D))
        self.slow = memoryview(np.empty(_D))
        self.level = memoryview(np.empty(_D))

    @cython.cfunc
    @cython.exceptval(check=False)
    def move(self, r: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.void:
        d: cython.Py_ssize_t
        dt_s: cython.double = (at_ms - self.t_ms[r]) / 1000.0
        self.busy, self.staffed, self.work_s = self.all_busy[r], self.all_staffed[r], self.all_work_s[r]
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
        healed_s: cython.double = dt_s * _HEALS if rests else dt_s
        fast_left: cython.double = exp(-healed_s / _FAST_S)
        slow_left: cython.double = exp(-healed_s / _SLOW_S)
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
            over_s: cython.double = min(max(self.work_s + dt_s - self.break_line_s[self.tenant[r]], 0.0), dt_s)
            self.fast[_SINCE_BREAK] += 1.0 - exp(-over_s / _FAST_S)
            self.slow[_SINCE_BREAK] += 1.0 - exp(-over_s / _SLOW_S)
            self.work_s += dt_s
        elif rests:
            self.work_s = max(self.work_s - dt_s * _PAYS, 0.0)
        window_left: cython.double = exp(-dt_s / _WINDOW_S)
        self.busy = self.busy * window_left + busy * (1.0 - window_left)
        self.staffed = self.staffed * window_left + staffed * (1.0 - window_left)

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
            elif d == _SINCE_BREAK:
                one = 0.5 * (self.fast[d] + self.slow[d])
            else:
                one = 0.5 * (self.fast[d] + self.slow[d] * _SLOW_HEIGHT)
            one *= self.weight[tenant, d]
            self.level[d] = one
            whole += one
            if (_BORNE >> d) & 1:
                from_queue += one
            if d != _OCCUPANCY and d != _SINCE_BREAK:
                low += one * kept
        scale: cython.double = self.scale[tenant]
        rated: cython.double = self.weight[tenant, _OCCUPANCY] + self.weight[tenant, _SINCE_BREAK]
        self.strain = 100.0 * (1.0 - exp(-whole / scale))
        self.lowest = 100.0 * (1.0 - exp(-low / scale))
        self.highest = 100.0 * (1.0 - exp(-(whole + _GROWTH_A_MINUTE * rated) / scale))
        self.borne = from_queue / max(whole, 1e-300)


def rows_of(agents: Agents, p: AgentParameters) -> AgentRows:
    """The table with its columns bound."""
    bound = agents.bound
    if bound is None or bound.version != agents.version or bound.p is not p:
        bound = agents.bound = AgentRows(agents, p)
    return bound


def touch(agents: Agents, r: Any, at_ms: Any, p: AgentParameters) -> None:
    """Move rows to `at_ms` [rows] for good, in order; rows already later stay."""
    rows: cython.Py_ssize_t[::1] = memoryview(r)
    at: cython.longlong[::1] = memoryview(at_ms)
    table: AgentRows = rows_of(agents, p)
    i: cython.Py_ssize_t
    for i in range(rows.shape[0]):
        table.touch(rows[i], at[i])


def judge(agents: Agents, r: Any, at_ms: cython.longlong, p: AgentParameters) -> JudgedAgents:
    """Rows `r` at a moment, without changing anything."""
    rows: cython.Py_ssize_t[::1] = memoryview(r)
    n: cython.Py_ssize_t = rows.shape[0]
    out = JudgedAgents(n)
    driven: cython.double[:, :, ::1] = memoryview(out.by_driver)
    plain: cython.double[:, ::1] = memoryview(out.by_row)
    table: AgentRows = rows_of(agents, p)
    i: cython.Py_ssize_t
    d: cython.Py_ssize_t
    for i in range(n):
        table.judge(rows[i], at_ms)
        for d in range(_D):
            driven[0, i, d] = table.fast[d]
            driven[1, i, d] = table.slow[d]
            driven[2, i, d] = table.level[d]
        plain[0, i], plain[1, i], plain[2, i] = table.busy, table.staffed, table.work_s
        plain[3, i], plain[4, i] = table.strain, table.borne
        plain[5, i], plain[6, i] = table.lowest, table.highest
    return out


def apply(agents: Agents, b: Any, amounts: Any, measured: Any, began_ms: Any, p: AgentParameters) -> None:
    """Apply the events of a batch that name an agent, in order.

    `amounts` and `measured` are [event, driver]; `began_ms` is, for the first `contact.handled` of a contact, when its
    agent took it (0: unknown), else -1.
    """
    kind: cython.const[cython.uchar][::1] = memoryview(b.kind)
    at: cython.const[cython.longlong][::1] = memoryview(b.at_ms)
    agent: cython.const[cython.Py_ssize_t][::1] = memoryview(b.agent)
    queue: cython.const[cython.Py_ssize_t][::1] = memoryview(b.queue)
    team: cython.const[cython.Py_ssize_t][::1] = memoryview(b.team)
    flags: cython.const[cython.uint][::1] = memoryview(b.flags)
    handle_s: cython.const[cython.double][::1] = memoryview(b.n0)
    amount: cython.double[:, ::1] = memoryview(amounts)
    value: cython.double[:, ::1] = memoryview(measured)
    began: cython.longlong[::1] = memoryview(began_ms)
    table: AgentRows = rows_of(agents, p)
    i: cython.Py_ssize_t
    d: cython.Py_ssize_t
    for i in range(kind.shape[0]):
        r: cython.Py_ssize_t = agent[i]
        if r < 0:
            continue
        k: cython.int = kind[i]
        at_ms: cython.longlong = at[i]
        if table.t_ms[r] == 0:
            table.t_ms[r] = at_ms
        table.touch(r, at_ms)
        age_s: cython.double = (table.t_ms[r] - at_ms) / 1000.0
        for d in range(_D):
            if amount[i, d] != 0.0:
                table.all_fast[r, d] += amount[i, d] * exp(-age_s / _FAST_S)
                table.all_slow[r, d] += amount[i, d] * exp(-age_s / _SLOW_S)
            if value[i, d] == value[i, d]:
                table.last[r, d] = value[i, d]
        newer: cython.bint = at_ms >= table.state_ms[r]  # an older state never overrides a newer one
        if k in (_ANSWERED, _HANDLED):
            table.contact_ms[r] = max(table.contact_ms[r], at_ms)
            if queue[i] >= 0:
                table.queue[r] = queue[i]
            if not table.said_state[r]:
                # An ACD that sends no states: on contact from answered to handled, available after it.
                if newer:
                    table.state[r] = _ON_CONTACT if k == _ANSWERED else _AVAILABLE
                    table.state_ms[r] = at_ms
                if began[i] == 0 and handle_s[i] == handle_s[i]:
                    table.add_past_contact(r, at_ms, handle_s[i])
        elif k == _STATE and newer:
            table.state[r] = (flags[i] >> _STATE_SHIFT) & _STATE_MASK
            table.state_ms[r] = at_ms
            table.said_state[r] = 1
            if team[i] >= 0:
                table.team[r] = team[i] + 1
        if k == _SUPPORTED or (k == _HANDLED and flags[i] & _COMPLIMENT):
            for d in range(_D):
                if (_RELIEVED >> d) & 1:
                    table.all_fast[r, d] *= _KEPT_RELIEVED
                    table.all_slow[r, d] *= _KEPT_RELIEVED


def minutes_of_break_until(
    judged: JudgedAgents,
    row: cython.Py_ssize_t,
    weight: Any,
    scale: cython.double,
    line: cython.double,
    longest_min: cython.int = 120,
) -> int | None:
    """Minutes of break after which the strain of a judged row is below `line`; None when it takes longer than that.

    `weight` [driver] and `scale` are the parameters of the agent's tenant.
    """
    fast: cython.double[:, ::1] = memoryview(judged.fast)
    slow: cython.double[:, ::1] = memoryview(judged.slow)
    w: cython.double[::1] = memoryview(weight)
    minute: cython.int
    d: cython.Py_ssize_t
    for minute in range(longest_min + 1):
        fast_left: cython.double = exp(-minute * 60.0 * _HEALS / _FAST_S)
        slow_left: cython.double = exp(-minute * 60.0 * _HEALS / _SLOW_S)
        whole: cython.double = 0.0
        for d in range(_D):
            height: cython.double = 1.0 if d in (_OCCUPANCY, _SINCE_BREAK) else _SLOW_HEIGHT
            whole += 0.5 * w[d] * max(fast[row, d] * fast_left, 0.0 if d == _OCCUPANCY else -1.0)
            whole += 0.5 * w[d] * max(slow[row, d] * slow_left * height, 0.0 if d == _OCCUPANCY else -1.0)
        if 100.0 * (1.0 - exp(-whole / scale)) < line:
            return minute
    return None
