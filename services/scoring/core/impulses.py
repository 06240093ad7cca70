"""What the events of a batch add to the strain of their agents, driver by driver.

A driver that is fed by events has its line here; one that is fed by time itself stands in `agent_strain`.
Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from services.scoring.core import agent_drivers as ad
from shared.contract.rows import ABANDONED, ABUSIVE, ANSWERED, COMPLAINT

_HANDLE_TIME = cython.declare(cython.Py_ssize_t, ad.HANDLE_TIME)
_COMPLAINTS = cython.declare(cython.Py_ssize_t, ad.COMPLAINTS)
_REPEAT_CALLERS = cython.declare(cython.Py_ssize_t, ad.REPEAT_CALLERS)
_EXCESS_WAIT = cython.declare(cython.Py_ssize_t, ad.EXCESS_WAIT)
_QUEUE_PRESSURE = cython.declare(cython.Py_ssize_t, ad.QUEUE_PRESSURE)
_ABANDONED = cython.declare(cython.int, ABANDONED)
_ANSWERED = cython.declare(cython.int, ANSWERED)
_ABUSIVE = cython.declare(cython.uint, ABUSIVE)
_COMPLAINT = cython.declare(cython.uint, COMPLAINT)
_EXCESS_WAIT_MAX = cython.declare(cython.double, 2.0)
"""An excess wait counts up to twice the full one: beyond it the caller is as sour as can be."""


@cython.cfunc
@cython.exceptval(check=False)
def _part(value: cython.double, start: cython.double, full: cython.double) -> cython.double:
    """0 up to `start`, 1 at `full`, and no more. NaN counts 0."""
    part: cython.double = (value - start) / max(full - start, 1e-9)
    return min(part, 1.0) if part > 0.0 else 0.0


def impulses(b: Any, facts: Any, handle_times: Any, queue_strain: Any, p: Any) -> tuple[Any, Any]:
    """Amounts and measured values [event, driver]; `p` are the tenant's agent parameters, [driver][name]."""
    kind: cython.const[cython.uchar][::1] = memoryview(b.kind)
    agent: cython.const[cython.Py_ssize_t][::1] = memoryview(b.agent)
    queue: cython.const[cython.Py_ssize_t][::1] = memoryview(b.queue)
    flags: cython.const[cython.uint][::1] = memoryview(b.flags)
    n1: cython.const[cython.double][::1] = memoryview(b.n1)
    handled: cython.uchar[::1] = memoryview(facts.handled)
    repeat: cython.uchar[::1] = memoryview(facts.repeat)
    waits: cython.double[::1] = memoryview(facts.wait_s)
    strains: cython.double[::1] = memoryview(queue_strain)
    n: cython.Py_ssize_t = kind.shape[0]
    amounts, measured = np.zeros((n, len(ad.AGENT_DRIVERS))), np.full((n, len(ad.AGENT_DRIVERS)), np.nan)
    amount: cython.double[:, ::1] = memoryview(amounts)
    value: cython.double[:, ::1] = memoryview(measured)
    z_from: cython.double = p["handle_time"]["z_from"]
    z_full: cython.double = p["handle_time"]["z_full"]
    per_complaint: cython.double = p["complaints"]["per_complaint"]
    per_abusive: cython.double = p["complaints"]["per_abusive"]
    per_repeat: cython.double = p["repeat_callers"]["per_contact"]
    target_wait_s: cython.double = p["excess_wait"]["target_wait_s"]
    full_wait_s: cython.double = p["excess_wait"]["full_s"]
    from_strain: cython.double = p["queue_pressure"]["from_strain"]
    per_contact: cython.double = p["queue_pressure"]["per_contact"]
    i: cython.Py_ssize_t
    ended = [i for i in range(n) if handled[i] and agent[i] >= 0]
    if ended:
        events = np.array(ended)
        # A topic is an issue (odd) or a queue (even); 0 is neither, so that a key is never 0.
        topics = np.where(b.issue[events] >= 0, 2 * b.issue[events] + 1, 2 * b.queue[events] + 2)
        z, ratio = handle_times.observe(handle_times.rows_of(b.agent[events], topics), b.n0[events])
        _handle_times(amount, value, memoryview(events), memoryview(z), memoryview(ratio), z_from, z_full)
    for i in range(n):
        if agent[i] < 0:
            continue
        if handled[i]:
            # An abusive contact counts as that, not as a complaint besides.
            if flags[i] & _ABUSIVE:
                amount[i, _COMPLAINTS] = per_abusive
            elif flags[i] & _COMPLAINT:
                amount[i, _COMPLAINTS] = per_complaint
        if repeat[i]:
            amount[i, _REPEAT_CALLERS] = per_repeat
        wait_s: cython.double = waits[i]
        if wait_s == wait_s and kind[i] != _ABANDONED:
            # Beyond what was announced, else beyond the target.
            expected_s: cython.double = target_wait_s
            if kind[i] == _ANSWERED and n1[i] == n1[i]:
                expected_s = n1[i]
            beyond_s: cython.double = max(wait_s - expected_s, 0.0)
            amount[i, _EXCESS_WAIT] = min(beyond_s / full_wait_s, _EXCESS_WAIT_MAX)
            value[i, _EXCESS_WAIT] = beyond_s
            if queue[i] >= 0:
                # 0 below the line, `per_contact` at strain 100.
                strain: cython.double = strains[queue[i]]
                amount[i, _QUEUE_PRESSURE] = per_contact * max(strain - from_strain, 0.0) / (100.0 - from_strain)
                value[i, _QUEUE_PRESSURE] = strain
    return amounts, measured


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
