"""What is due: at an entry, for the rows that it touched; without an event, at which whole second first.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from services.scoring.core.agent_rows import AgentRows
from services.scoring.core.alerting import Watcher
from services.scoring.core.queue_rows import QueueRows

_SAME = cython.declare(cython.int, -1)
_AHEAD = cython.declare(cython.Py_ssize_t, 8)
"""Rows between asking for one and using it: about as long as memory takes."""


def touch_queues(
    near: Any, touched: Any, at_ms: cython.longlong, table: QueueRows, watch: Watcher, hot: Any, strain: Any
) -> tuple:
    """Judge rows `near` at an entry: mark in `hot` which must be judged each second, and note the strain of `touched`.

    Both ascending, the second within the first. Returns the touched rows for which anything is due, whose mark is left
    to the caller, and their [strain, lowest, highest].
    """
    row: cython.const[cython.Py_ssize_t][::1] = near if cython.compiled else memoryview(near)
    chosen: cython.const[cython.Py_ssize_t][::1] = touched if cython.compiled else memoryview(touched)
    flags: cython.uchar[::1] = hot if cython.compiled else memoryview(hot)
    strains: cython.double[:] = strain if cython.compiled else memoryview(strain)
    due, of_due = np.empty(chosen.shape[0], np.intp), np.empty((3, chosen.shape[0]))
    due_row: cython.Py_ssize_t[::1] = due if cython.compiled else memoryview(due)
    value: cython.double[:, ::1] = of_due if cython.compiled else memoryview(of_due)
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t = 0
    k: cython.Py_ssize_t = 0
    table.begin(at_ms)
    for i in range(row.shape[0]):
        q: cython.Py_ssize_t = row[i]
        table.judge(q)
        if j < chosen.shape[0] and chosen[j] == q:
            j += 1
            strains[q] = table.strain
            if watch.step(q, table.strain, 0.0) != _SAME:
                table.bound(q)
                due_row[k] = q
                value[0, k], value[1, k], value[2, k] = table.strain, table.lowest, table.highest
                k += 1
                continue
        if watch.restless(q):
            flags[q] = 1
            continue
        table.bound(q)
        flags[q] = not watch.quiet(q, table.lowest, table.highest)
    return due[:k], of_due[:, :k]


def touch_agents(touched: Any, at_ms: cython.longlong, table: AgentRows, watch: Watcher, hot: Any) -> tuple:
    """The same of agents: [strain, lowest, highest, queue-borne share] of those for whom anything is due."""
    row: cython.const[cython.Py_ssize_t][::1] = touched if cython.compiled else memoryview(touched)
    flags: cython.uchar[::1] = hot if cython.compiled else memoryview(hot)
    n: cython.Py_ssize_t = row.shape[0]
    due, of_due = np.empty(n, np.intp), np.empty((4, n))
    due_row: cython.Py_ssize_t[::1] = due if cython.compiled else memoryview(due)
    value: cython.double[:, ::1] = of_due if cython.compiled else memoryview(of_due)
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t = 0
    for i in range(n):
        if i + _AHEAD < n:
            table.fetch(row[i + _AHEAD])
            watch.fetch(row[i + _AHEAD])
        r: cython.Py_ssize_t = row[i]
        if watch.idle(r) and table.below(r, at_ms, watch.open_line[r]):
            flags[r] = 0
            continue
        table.judge(r, at_ms)
        if watch.step(r, table.strain, table.borne) == _SAME:
            flags[r] = not watch.quiet(r, table.lowest, table.highest)
            continue
        due_row[k] = r
        value[0, k], value[1, k], value[2, k], value[3, k] = table.strain, table.lowest, table.highest, table.borne
        k += 1
    return due[:k], of_due[:, :k]


def first_due(
    first_ms: cython.longlong,
    last_ms: cython.longlong,
    gap_ms: cython.longlong,
    queues: tuple[Any, QueueRows, Watcher],
    agents: tuple[Any, AgentRows, Watcher],
    feeds: tuple[Any, Any, Watcher],
) -> int:
    """The first whole second from `first_ms` to `last_ms` at which a watch would do anything; -1 for none.

    Of queues, agents and feeds: the rows that may change, what judges them (of feeds: since when they are silent, in
    running ms), and their watch. Running time is log time less `gap_ms`.
    """
    queue_rows: cython.const[cython.Py_ssize_t][::1] = memoryview(queues[0])
    agent_rows: cython.const[cython.Py_ssize_t][::1] = memoryview(agents[0])
    feed_rows: cython.const[cython.Py_ssize_t][::1] = memoryview(feeds[0])
    silent_since: cython.const[cython.longlong][::1] = memoryview(feeds[1])
    queue: QueueRows = queues[1]
    agent: AgentRows = agents[1]
    of_queue: Watcher = queues[2]
    of_agent: Watcher = agents[2]
    of_feed: Watcher = feeds[2]
    at_ms: cython.longlong = first_ms
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    while at_ms <= last_ms:
        of_queue.now = at_ms - gap_ms
        of_agent.now = at_ms - gap_ms
        of_feed.now = at_ms - gap_ms
        if queue_rows.shape[0]:
            queue.begin(at_ms)
        for i in range(queue_rows.shape[0]):
            r = queue_rows[i]
            queue.judge(r)
            if of_queue.step(r, queue.strain, 0.0) != _SAME:
                return at_ms
        for i in range(agent_rows.shape[0]):
            r = agent_rows[i]
            agent.judge(r, at_ms)
            if of_agent.step(r, agent.strain, agent.borne) != _SAME:
                return at_ms
        for i in range(feed_rows.shape[0]):
            if of_feed.step(feed_rows[i], (of_feed.now - silent_since[i]) / 1000.0, 0.0) != _SAME:
                return at_ms
        at_ms += 1000
    return -1


def first_due_of(
    first_ms: cython.longlong, last_ms: cython.longlong, gap_ms: cython.longlong, r: Any, value: Any, watch: Watcher
) -> int:
    """The same for rows of one kind whose values (by row of the kind's subject) stay as they are until then."""
    rows: cython.const[cython.Py_ssize_t][::1] = memoryview(r)
    values: cython.const[cython.double][::1] = memoryview(value)
    one: Watcher = watch
    at_ms: cython.longlong = first_ms
    i: cython.Py_ssize_t
    while at_ms <= last_ms:
        one.now = at_ms - gap_ms
        for i in range(rows.shape[0]):
            if one.step(rows[i], values[rows[i]], 0.0) != _SAME:
                return at_ms
        at_ms += 1000
    return -1
