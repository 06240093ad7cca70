"""Agent strain: two leaky integrators per driver, moved in one exact step from the last event that touched the row.

A row's clock is event time. An impulse that arrives late is added as what is left of it; a state that is older than
the one in force never overrides it. Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from cython.cimports.libc.math import exp

from services.scoring.core import agent_drivers as ad
from services.scoring.core import contradictions as odd
from services.scoring.core.agent_rows import AgentRows
from services.scoring.core.agent_table import AgentParameters, Agents, JudgedAgents
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.decay import TAU_FAST_S, TAU_SLOW_S
from shared.contract.rows import (
    ANSWERED,
    CHECK_IN,
    COMPLIMENT,
    HANDLED,
    QUALITY_CHECK,
    STATE,
    STATE_CODES,
    STATE_MASK,
    STATE_SHIFT,
    SUPPORTED,
)

RELIEF = 0.25
"""Part of an agent's load from contacts that a lead's support or a compliment takes away. Product choice."""
_D = cython.declare(cython.Py_ssize_t, len(ad.AGENT_DRIVERS))
_UNSUPPORTED = cython.declare(cython.Py_ssize_t, ad.UNSUPPORTED)
_RECOVERY_GAP = cython.declare(cython.Py_ssize_t, ad.RECOVERY_GAP)
_QUALITY_CHECKS = cython.declare(cython.Py_ssize_t, ad.QUALITY_CHECKS)
_CHECK_IN = cython.declare(cython.Py_ssize_t, ad.CHECK_IN)
_FAST_S = cython.declare(cython.double, TAU_FAST_S)
_SLOW_S = cython.declare(cython.double, TAU_SLOW_S)
_KEPT_RELIEVED = cython.declare(cython.double, 1.0 - RELIEF)
_ANSWERED = cython.declare(cython.int, ANSWERED)
_HANDLED = cython.declare(cython.int, HANDLED)
_STATE = cython.declare(cython.int, STATE)
_SUPPORTED = cython.declare(cython.int, SUPPORTED)
_CHECKED = cython.declare(cython.int, QUALITY_CHECK)
_CHECKED_IN = cython.declare(cython.int, CHECK_IN)
_AVAILABLE = cython.declare(cython.uchar, STATE_CODES["available"])
_BREAK = cython.declare(cython.uchar, STATE_CODES["break"])
_OFFLINE = cython.declare(cython.uchar, STATE_CODES["offline"])
_ON_CONTACT = cython.declare(cython.uchar, STATE_CODES["on_contact"])
_ANSWERED_AT_REST = cython.declare(cython.Py_ssize_t, odd.ANSWERED_AT_REST)
_STATE_SHIFT = cython.declare(cython.int, STATE_SHIFT)
_STATE_MASK = cython.declare(cython.int, STATE_MASK)
_COMPLIMENT = cython.declare(cython.uint, COMPLIMENT)
_NAN = cython.declare(cython.double, float("nan"))
_AHEAD = cython.declare(cython.Py_ssize_t, 8)
"""Events between asking for a row and using it: about as long as memory takes."""


def rows_of(agents: Agents, p: AgentParameters) -> AgentRows:
    """The table with its columns bound."""
    bound = agents.bound
    if bound is None or bound.version != agents.version or bound.p is not p:
        bound = agents.bound = AgentRows(agents, p)
    return bound


def touch(agents: Agents, r: Any, at_ms: Any, p: AgentParameters) -> None:
    """Move rows to `at_ms` [rows] for good, in order; rows already later stay."""
    rows: cython.Py_ssize_t[::1] = r if cython.compiled else memoryview(r)
    at: cython.longlong[::1] = at_ms if cython.compiled else memoryview(at_ms)
    table: AgentRows = rows_of(agents, p)
    i: cython.Py_ssize_t
    for i in range(rows.shape[0]):
        table.touch(rows[i], at[i])


def judge(
    agents: Agents, r: Any, at_ms: cython.longlong, p: AgentParameters, drivers: cython.bint = True
) -> JudgedAgents:
    """Rows `r` at a moment, without changing anything."""
    rows: cython.Py_ssize_t[::1] = r if cython.compiled else memoryview(r)
    n: cython.Py_ssize_t = rows.shape[0]
    out = JudgedAgents(n, drivers=drivers)
    driven: cython.double[:, :, ::1] = out.by_driver if cython.compiled else memoryview(out.by_driver)
    plain: cython.double[:, ::1] = out.by_row if cython.compiled else memoryview(out.by_row)
    table: AgentRows = rows_of(agents, p)
    i: cython.Py_ssize_t
    d: cython.Py_ssize_t
    for i in range(n):
        if i + _AHEAD < n:
            table.fetch(rows[i + _AHEAD])
        table.judge(rows[i], at_ms)
        if drivers:
            table.measure(rows[i])
            for d in range(_D):
                driven[0, i, d] = table.fast[d]
                driven[1, i, d] = table.slow[d]
                driven[2, i, d] = table.level[d]
                driven[3, i, d] = table.value[d]
        plain[0, i], plain[1, i], plain[2, i] = table.busy, table.staffed, table.work_s
        plain[3, i], plain[4, i], plain[5, i] = table.unsupported_s, table.strain, table.borne
        plain[6, i], plain[7, i] = table.lowest, table.highest
    return out


@cython.cfunc
@cython.exceptval(check=False)
def _contact(
    table: AgentRows,
    r: cython.Py_ssize_t,
    at_ms: cython.longlong,
    k: cython.int,
    queue: cython.Py_ssize_t,
    newer: cython.bint,
    past_s: cython.double,
) -> cython.void:
    """A contact was answered or handled. `past_s` is how long it took, if only that tells that it was; else NaN."""
    if at_ms >= table.contact_ms[r]:
        table.contact_ms[r] = at_ms
        if queue >= 0:
            table.queue[r] = queue
    if table.said_state[r]:
        if k == _ANSWERED and newer and table.state[r] in (_BREAK, _OFFLINE):
            table.odd[_ANSWERED_AT_REST] += 1
        return
    # An ACD that sends no states: on contact from answered to handled, available after it.
    if newer:
        table.state[r] = _ON_CONTACT if k == _ANSWERED else _AVAILABLE
        table.state_ms[r] = at_ms
    if past_s == past_s:
        table.add_past_contact(r, at_ms, past_s)


@cython.cfunc
@cython.exceptval(check=False)
def _support(table: AgentRows, r: cython.Py_ssize_t, age_s: cython.double) -> cython.void:
    """A lead spoke with the agent. Told late, it has been so long since; and what it had grown to is over."""
    table.relieve(r, _KEPT_RELIEVED)
    table.all_unsupported_s[r] = min(table.all_unsupported_s[r], age_s)
    table.all_fast[r, _UNSUPPORTED] = table.all_slow[r, _UNSUPPORTED] = 0.0


def apply(agents: Agents, b: Batch, facts: Facts, p: AgentParameters, of_tenant: Any) -> Any:
    """Apply the events of a batch that name an agent, in order; the rows that it touched, ascending.

    What depends on where the row stands by then is added to `facts.amount` here. `of_tenant` is [driver][name].
    """
    pause_s: cython.double = of_tenant["recovery_gap"]["gap_s"]
    per_gap: cython.double = of_tenant["recovery_gap"]["per_contact"]
    per_check: cython.double = of_tenant["quality_checks"]["per_check"]
    strained_factor: cython.double = of_tenant["quality_checks"]["strained_factor"]
    relief_per_point: cython.double = of_tenant["check_in"]["relief_per_point"]
    table: AgentRows = rows_of(agents, p)
    touched = np.empty(b.n, np.intp)
    row: cython.Py_ssize_t[::1] = touched if cython.compiled else memoryview(touched)
    found: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    d: cython.Py_ssize_t
    for i in range(b.n):
        if i + _AHEAD < b.n and b.agent[i + _AHEAD] >= 0:
            table.fetch(b.agent[i + _AHEAD])
        r: cython.Py_ssize_t = b.agent[i]
        if r < 0:
            continue
        row[found] = r
        found += table.meet(r)
        k: cython.int = b.kind[i]
        at_ms: cython.longlong = b.at_ms[i]
        if table.t_ms[r] == 0:
            table.t_ms[r] = at_ms
        table.touch(r, at_ms)
        age_s: cython.double = (table.t_ms[r] - at_ms) / 1000.0
        late: cython.bint = age_s > 0.0
        newer: cython.bint = at_ms >= table.state_ms[r]  # an older state never overrides a newer one
        state: cython.uchar = (b.flags[i] >> _STATE_SHIFT) & _STATE_MASK
        # Told only now that it is over: an ACD without `contact.answered` and states.
        told_past: cython.bint = k == _HANDLED and facts.began_ms[i] == 0 and b.n0[i] == b.n0[i]
        told_past = told_past and not table.said_state[r]
        gap_s: cython.double = -1.0
        if k == _ANSWERED or (k == _STATE and newer and state == _ON_CONTACT and table.state[r] != _ON_CONTACT):
            gap_s = table.take(r, at_ms)
        elif told_past:
            gap_s = table.take(r, at_ms - cython.cast(cython.longlong, b.n0[i] * 1000.0))
        if 0.0 <= gap_s < pause_s:
            facts.bring(i, _RECOVERY_GAP, per_gap * (1.0 - gap_s / pause_s))
        if k == _CHECKED:
            strain: cython.double = table.strain_at(r, at_ms)
            facts.tell(i, _QUALITY_CHECKS, strain)
            facts.bring(i, _QUALITY_CHECKS, per_check * (1.0 + strain / 100.0 * strained_factor))
        brings: cython.uint = facts.brings[i]
        tells: cython.uint = facts.tells[i]
        d = 0
        while (brings | tells) >> d:
            if (brings >> d) & 1 and facts.amount[i, d] != 0.0:
                facts.evident[i] = 1
                table.all_fast[r, d] += facts.amount[i, d] * exp(-age_s / _FAST_S) if late else facts.amount[i, d]
                table.all_slow[r, d] += facts.amount[i, d] * exp(-age_s / _SLOW_S) if late else facts.amount[i, d]
            if (tells >> d) & 1 and facts.measured[i, d] == facts.measured[i, d]:
                table.last[r, d] = facts.measured[i, d]
            d += 1
        if k in (_ANSWERED, _HANDLED):
            _contact(table, r, at_ms, k, b.queue[i], newer, b.n0[i] if told_past else _NAN)
            if k == _HANDLED and facts.began_ms[i] >= 0:
                table.ended_ms[r] = max(table.ended_ms[r], at_ms)
        elif k == _STATE:
            table.say(r, at_ms, state, b.team[i])
        if k == _HANDLED and b.flags[i] & _COMPLIMENT:
            table.relieve(r, _KEPT_RELIEVED)
        elif k == _SUPPORTED:
            _support(table, r, age_s)
        elif k == _CHECKED_IN and b.n0[i] < 3.0:
            table.relieve(r, 1.0 - relief_per_point * (3.0 - b.n0[i]))
    for i in range(found):
        table.mark[row[i]] = 0
    touched = touched[:found]
    touched.sort()
    return touched
