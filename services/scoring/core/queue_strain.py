"""Queue strain: what events add to the sums of their queues, and queues judged at a moment.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from services.scoring.core import queue_table as qt
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.pools import Pools
from services.scoring.core.queue_rows import QueueRows
from services.scoring.core.queue_table import JudgedQueues, QueueParameters, Queues
from services.scoring.core.waiting import erlang_a_wait_s
from shared.contract.rows import HANDLED, OBSERVED, OFFERED

_D = cython.declare(cython.Py_ssize_t, qt.D)
_ARRIVALS = cython.declare(cython.Py_ssize_t, qt.ARRIVALS)
_WAIT_SUM = cython.declare(cython.Py_ssize_t, qt.WAIT_SUM)
_WAIT_COUNT = cython.declare(cython.Py_ssize_t, qt.WAIT_COUNT)
_WITHIN = cython.declare(cython.Py_ssize_t, qt.WITHIN)
_ENDED = cython.declare(cython.Py_ssize_t, qt.ENDED)
_ABANDONED = cython.declare(cython.Py_ssize_t, qt.ABANDONED)
_HANDLE_SUM = cython.declare(cython.Py_ssize_t, qt.HANDLE_SUM)
_HANDLE_COUNT = cython.declare(cython.Py_ssize_t, qt.HANDLE_COUNT)
_JOINED = cython.declare(cython.Py_ssize_t, qt.JOINED)
_REPEATS = cython.declare(cython.Py_ssize_t, qt.REPEATS)
_OBSERVED = cython.declare(cython.int, OBSERVED)
_OFFERED = cython.declare(cython.int, OFFERED)
_HANDLED = cython.declare(cython.int, HANDLED)
_NAN = cython.declare(cython.double, float("nan"))


def rows_of(queues: Queues, p: QueueParameters, pools: Pools) -> QueueRows:
    """The table with its columns bound."""
    bound = queues.bound
    if (
        bound is None
        or bound.version != queues.version
        or bound.p is not p
        or bound.pools is not pools
        or bound.pools_version != pools.version
    ):
        bound = queues.bound = QueueRows(queues, p, pools)
    return bound


def add(
    queues: Queues,
    q: cython.Py_ssize_t,
    at_ms: cython.longlong,
    column: cython.Py_ssize_t,
    amount: cython.double,
    p: QueueParameters,
    pools: Pools,
) -> None:
    """Add to one sum of a queue; its row is moved on to `at_ms` if it was not there yet."""
    table: QueueRows = rows_of(queues, p, pools)
    table.touch(q, at_ms)
    table.sums[q, column] += amount * table.left(q, at_ms, column)


@cython.cfunc
@cython.exceptval(check=False)
def _ms(span_s: cython.double) -> cython.longlong:
    """A span that an event tells, up to a day; 0 where it tells none."""
    return cython.cast(cython.longlong, min(max(span_s, 0.0), 86_400.0) * 1000.0) if span_s == span_s else 0


def apply(queues: Queues, b: Batch, facts: Facts, p: QueueParameters, pools: Pools) -> Any:
    """Apply the events of a batch that name a queue, in order; the rows that it touched, ascending."""
    newest_ms = np.zeros(queues.n, np.int64)
    newest: cython.longlong[::1] = newest_ms if cython.compiled else memoryview(newest_ms)
    table: QueueRows = rows_of(queues, p, pools)
    i: cython.Py_ssize_t
    q: cython.Py_ssize_t
    for i in range(b.n):
        q = b.queue[i]
        if q >= 0 and b.at_ms[i] > newest[q]:
            newest[q] = b.at_ms[i]
    touched = newest_ms.nonzero()[0]
    rows: cython.Py_ssize_t[::1] = touched if cython.compiled else memoryview(touched)
    for i in range(rows.shape[0]):
        q = rows[i]
        if table.first_ms[q] == 0:
            table.first_ms[q] = newest[q]
            table.t_ms[q] = newest[q]
        table.touch(q, newest[q])
    for i in range(b.n):
        q = b.queue[i]
        if q < 0:
            continue
        at_ms: cython.longlong = b.at_ms[i]
        if b.kind[i] == _OBSERVED:
            if at_ms >= table.observed_ms[q]:  # an older observation never overrides a newer one
                table.observed_ms[q] = at_ms
                table.observed_waiting[q] = b.n0[i]
                table.observed_counted[q] = facts.counted[i]
                table.observed_longest_s[q] = b.n1[i]
                table.observed_agents[q] = b.n2[i] if b.n2[i] == b.n2[i] else b.n3[i] + b.n4[i]
            continue
        wait_s: cython.double = facts.wait_s[i]
        waited: cython.bint = wait_s == wait_s
        # Facts count when they happened, whichever event is the first to tell them.
        taken_ms: cython.longlong = at_ms - _ms(b.n0[i]) if b.kind[i] == _HANDLED else at_ms
        if facts.arrival[i]:
            joined_ms: cython.longlong = at_ms
            if b.kind[i] != _OFFERED:
                joined_ms = taken_ms - _ms(b.n1[i] if b.kind[i] == _HANDLED else b.n0[i])
            table.sums[q, _ARRIVALS] += table.left(q, joined_ms, _ARRIVALS)
            table.sums[q, _JOINED] += table.left(q, joined_ms, _JOINED)
            table.today_contacts[q] += 1.0
        if facts.repeat[i]:
            table.sums[q, _REPEATS] += table.left(q, at_ms, _REPEATS)
            table.today_repeats[q] += 1.0
        if waited:
            left: cython.double = table.left(q, taken_ms, _WAIT_SUM)  # one for both: they have one time constant
            table.sums[q, _WAIT_SUM] += wait_s * left
            table.sums[q, _WAIT_COUNT] += left
            table.note_wait(q, taken_ms, wait_s)
        if waited or facts.abandoned[i]:
            left = table.left(q, taken_ms, _ENDED)
            table.sums[q, _ENDED] += left
            if not facts.abandoned[i] and wait_s <= table.within_s[q]:
                table.sums[q, _WITHIN] += left
        if facts.abandoned[i]:
            table.sums[q, _ABANDONED] += table.left(q, at_ms, _ABANDONED)
        if facts.handled[i] and b.n0[i] == b.n0[i]:
            left = table.left(q, at_ms, _HANDLE_SUM)
            table.sums[q, _HANDLE_SUM] += b.n0[i] * left
            table.sums[q, _HANDLE_COUNT] += left
    return touched


def near(queues: Queues, r: Any, pools: Pools) -> Any:
    """Rows `r` and all that share agents with them, ascending."""
    rows: cython.const[cython.Py_ssize_t][::1] = r if cython.compiled else memoryview(r)
    start: cython.longlong[::1] = pools.start if cython.compiled else memoryview(pools.start)
    other: cython.longlong[::1] = pools.other if cython.compiled else memoryview(pools.other)
    found = np.zeros(queues.n, np.uint8)
    there: cython.uchar[::1] = found if cython.compiled else memoryview(found)
    pooled: cython.Py_ssize_t = start.shape[0] - 1
    i: cython.Py_ssize_t
    e: cython.Py_ssize_t
    for i in range(rows.shape[0]):
        there[rows[i]] = 1
        if rows[i] < pooled:
            for e in range(start[rows[i]], start[rows[i] + 1]):
                there[other[e]] = 1
    return found.nonzero()[0]


def staff(queues: Queues, r: Any, at_ms: cython.longlong, p: QueueParameters, pools: Pools) -> None:
    """Count at a moment how many agents rows `r` need."""
    rows: cython.const[cython.Py_ssize_t][::1] = r if cython.compiled else memoryview(r)
    table: QueueRows = rows_of(queues, p, pools)
    i: cython.Py_ssize_t
    table.begin(at_ms)
    for i in range(rows.shape[0]):
        table.staff(rows[i])


def judge(
    queues: Queues, r: Any, at_ms: cython.longlong, p: QueueParameters, pools: Pools, drivers: cython.bint = True
) -> JudgedQueues:
    """Rows `r` at a moment, without changing anything. Parameters and pools are those of the whole table."""
    rows: cython.const[cython.Py_ssize_t][::1] = r if cython.compiled else memoryview(r)
    n: cython.Py_ssize_t = rows.shape[0]
    out = JudgedQueues(n, drivers=drivers)
    driven: cython.double[:, :, ::1] = out.by_driver if cython.compiled else memoryview(out.by_driver)
    plain: cython.double[:, ::1] = out.by_row if cython.compiled else memoryview(out.by_row)
    table: QueueRows = rows_of(queues, p, pools)
    i: cython.Py_ssize_t
    d: cython.Py_ssize_t
    table.begin(at_ms)
    for i in range(n):
        q: cython.Py_ssize_t = rows[i]
        table.judge(q)
        table.bound(q)
        if drivers:
            for d in range(_D):
                driven[0, i, d] = table.level[d]
                driven[1, i, d] = table.value[d]
        plain[0, i], plain[1, i], plain[2, i] = table.strain, table.waiting[q], table.longest_s[q]
        plain[3, i], plain[4, i] = table.predicted_s, table.agents
        plain[5, i], plain[6, i] = table.lowest, table.highest
    return out


def what_if(
    queues: Queues, r: Any, fewer: cython.double, at_ms: cython.longlong, p: QueueParameters, pools: Pools
) -> Any:
    """How much longer the predicted wait of rows `r` gets with so many agents fewer, s; NaN where nobody serves it.

    It is Erlang A's wait that grows: one who has long waited already does not hide what a break costs the others.
    With nobody left a caller waits until the patience ends.
    """
    rows: cython.const[cython.Py_ssize_t][::1] = r if cython.compiled else memoryview(r)
    out = np.empty(rows.shape[0])
    cost_s: cython.double[::1] = out if cython.compiled else memoryview(out)
    table: QueueRows = rows_of(queues, p, pools)
    i: cython.Py_ssize_t
    table.begin(at_ms)
    for i in range(rows.shape[0]):
        q: cython.Py_ssize_t = rows[i]
        rate: cython.double = table.patience_rate[q]
        table.pool(q)
        if table.agents <= 0.0:
            cost_s[i] = _NAN
            continue
        load: cython.double = table.offered + table.backlog
        now_s: cython.double = erlang_a_wait_s(load, table.agents, table.pooled_handle_s, rate)
        then_s: cython.double = 1.0 / rate
        if table.agents - fewer >= 1.0:
            then_s = erlang_a_wait_s(load, table.agents - fewer, table.pooled_handle_s, rate)
        cost_s[i] = max(then_s - now_s, 0.0)
    return out
