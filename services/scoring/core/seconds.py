"""Whole seconds without an event: which is the first at which anything is due.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython

from services.scoring.core.agent_rows import AgentRows
from services.scoring.core.alerting import Watcher
from services.scoring.core.queue_rows import QueueRows

_SAME = cython.declare(cython.int, -1)


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
