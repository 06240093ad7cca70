"""What the events of a batch bring to the streams of arrivals and of mentions, and to the root causes.

An arrival is the first fact of a contact that names its queue; a mention is the first that names its issue, which may
be the last of all. Each counts once. Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cython
import numpy as np

from services.scoring.core.arrival_rows import ArrivalRows
from services.scoring.core.issue_rows import IssueRows

BEHIND_MS = 15_000
"""What comes so late counts in the open minute, else feeds that lag would never be judged whole. The backlog of a feed
that was away then adds a quarter to one minute: no surge is so small (`surge.RISE_MIN`)."""

_BEHIND_MS = cython.declare(cython.longlong, BEHIND_MS)
_MINUTE_MS = cython.declare(cython.longlong, 60_000)


@dataclass(slots=True)
class Brought:
    """By event (0 or 1): a contact arrived in its queue, its issue was mentioned; and how many were too late."""

    arrived: Any
    mentioned: Any
    arrivals_too_late: int = 0
    mentions_too_late: int = 0


@cython.final
@cython.cclass
class SurgeFeed:
    """All that a batch is written into, bound once.

    `queue_row` and `issue_row` are the rows of streams by the register's numbers, -1 where there is none.
    """

    contacts_version: cython.longlong
    causes_version: cython.longlong
    arrivals: ArrivalRows
    mentions: ArrivalRows
    causes: IssueRows
    queue_row: cython.longlong[::1]
    issue_row: cython.longlong[::1]
    mention: cython.int[:]
    pressure: cython.float[:]
    since_previous_ms: cython.int[:]

    def __init__(self, queues: Any, issues: Any, causes: Any, contacts: Any, queue_row: Any, issue_row: Any) -> None:
        self.arrivals = queues.rows()
        self.mentions = issues.rows()
        self.causes = causes.rows()
        self.causes_version, self.contacts_version = causes.version, contacts.version
        self.queue_row, self.issue_row = memoryview(queue_row), memoryview(issue_row)
        self.mention = memoryview(contacts.mention)
        self.pressure = memoryview(contacts.pressure)
        self.since_previous_ms = memoryview(contacts.since_previous_ms)

    def fits(self, queues: Any, issues: Any, causes: Any, contacts: Any) -> bool:
        """Whether nothing has moved since."""
        return (
            queues.bound is self.arrivals
            and issues.bound is self.mentions
            and queues.version == queues.bound.version
            and issues.version == issues.bound.version
            and causes.version == self.causes_version
            and contacts.version == self.contacts_version
        )

    def note(
        self, b: Any, facts: Any, rows: Any, strain: Any, open_minute: cython.longlong, whole: cython.bint
    ) -> Brought | None:
        """Apply a batch. Where a queue or an issue has no stream: if `whole`, nothing of it (None), else the rest.

        `rows` are those of its contacts (-1: of none), `strain` is by queue (0..100).
        """
        row: cython.const[cython.Py_ssize_t][::1] = rows if cython.compiled else memoryview(rows)
        at: cython.const[cython.longlong][::1] = b.at_ms if cython.compiled else memoryview(b.at_ms)
        queue: cython.const[cython.Py_ssize_t][::1] = b.queue if cython.compiled else memoryview(b.queue)
        issue: cython.const[cython.Py_ssize_t][::1] = b.issue if cython.compiled else memoryview(b.issue)
        handle_s: cython.const[cython.double][::1] = b.n0 if cython.compiled else memoryview(b.n0)
        arrival: cython.uchar[::1] = facts.arrival if cython.compiled else memoryview(facts.arrival)
        handled: cython.uchar[::1] = facts.handled if cython.compiled else memoryview(facts.handled)
        strains: cython.double[:] = strain if cython.compiled else memoryview(strain)
        n: cython.Py_ssize_t = row.shape[0]
        i: cython.Py_ssize_t
        if whole:
            for i in range(n):
                if queue[i] >= 0 and self.queue_row[queue[i]] < 0:
                    return None
                if issue[i] >= 0 and self.issue_row[issue[i]] < 0:
                    return None
        brought = Brought(*np.zeros((2, n), np.uint8))
        arrived: cython.uchar[::1] = brought.arrived if cython.compiled else memoryview(brought.arrived)
        mentioned: cython.uchar[::1] = brought.mentioned if cython.compiled else memoryview(brought.mentioned)
        open_ms: cython.longlong = open_minute * _MINUTE_MS
        late: cython.longlong = 0
        late_mentions: cython.longlong = 0
        s: cython.Py_ssize_t
        for i in range(n):
            r: cython.Py_ssize_t = row[i]
            if r < 0:
                continue
            at_ms: cython.longlong = at[i]
            if at_ms < open_ms and open_ms - at_ms <= _BEHIND_MS:
                at_ms = open_ms
            if arrival[i] and queue[i] >= 0:
                self.pressure[r] = strains[queue[i]]
                arrived[i] = 1
                s = self.queue_row[queue[i]]
                if s >= 0:
                    late += self.arrivals.note_one(s, at_ms, 1, open_minute)
            known: cython.int = self.mention[r]
            if known < 0:
                if issue[i] < 0:
                    continue
                known = cython.cast(cython.int, 2 * issue[i])
                mentioned[i] = 1
                s = self.issue_row[issue[i]]
                if s >= 0:
                    late_mentions += self.mentions.note_one(s, at_ms, 1, open_minute)
                    self.causes.contact(s, at_ms, 1)
                    self.causes.came_in(s, queue[i])
            s = self.issue_row[known // 2]
            if known % 2 == 0 and self.since_previous_ms[r] >= 0:
                known += 1
                if s >= 0:
                    self.causes.repeat(s, at_ms, self.since_previous_ms[r])
            self.mention[r] = known
            if s >= 0 and handled[i] and handle_s[i] == handle_s[i]:
                self.causes.handled(s, at_ms, self.pressure[r] * handle_s[i] / 60.0)
        brought.arrivals_too_late, brought.mentions_too_late = late, late_mentions
        return brought


def unknown(rows: Any, kept: Any) -> Any:
    """Numbers in `rows` (-1: none) that have no row yet in `kept`, each once, in order of appearance."""
    row: cython.const[cython.Py_ssize_t][::1] = rows if cython.compiled else memoryview(rows)
    there: cython.longlong[::1] = kept if cython.compiled else memoryview(kept)
    i: cython.Py_ssize_t
    found: list[int] = []
    for i in range(row.shape[0]):
        if row[i] >= 0 and there[row[i]] < 0 and row[i] not in found:
            found.append(row[i])
    return found
