"""What the events of a batch bring to the streams of arrivals and of mentions, and to the root causes.

An arrival is the first fact of a contact that names its queue; a mention is the first that names its issue, which may
be the last of all. Each counts once. Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython

from services.scoring.core.arrival_rows import ArrivalRows
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.issue_rows import IssueRows

BEHIND_MS = 15_000
"""What comes so late counts in the open minute, else feeds that lag would never be judged whole. The backlog of a feed
that was away then adds a quarter to one minute: no surge is so small (`surge.RISE_MIN`)."""

_BEHIND_MS = cython.declare(cython.longlong, BEHIND_MS)
_MINUTE_MS = cython.declare(cython.longlong, 60_000)


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
    arrivals_too_late = cython.declare(cython.longlong, visibility="readonly")  # of the last batch
    mentions_too_late = cython.declare(cython.longlong, visibility="readonly")
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

    def note(self, b: Batch, facts: Facts, strain: Any, open_minute: cython.longlong, whole: cython.bint) -> bool:
        """Apply a batch. Where a queue or an issue has no stream: if `whole`, nothing of it (False), else the rest.

        `strain` is by queue (0..100).
        """
        strains: cython.double[:] = strain if cython.compiled else memoryview(strain)
        i: cython.Py_ssize_t
        if whole:
            for i in range(b.n):
                if b.queue[i] >= 0 and self.queue_row[b.queue[i]] < 0:
                    return False
                if b.issue[i] >= 0 and self.issue_row[b.issue[i]] < 0:
                    return False
        open_ms: cython.longlong = open_minute * _MINUTE_MS
        late: cython.longlong = 0
        late_mentions: cython.longlong = 0
        s: cython.Py_ssize_t
        for i in range(b.n):
            r: cython.Py_ssize_t = facts.row[i]
            facts.arrived[i] = facts.mentioned[i] = 0
            if r < 0:
                continue
            at_ms: cython.longlong = b.at_ms[i]
            if at_ms < open_ms and open_ms - at_ms <= _BEHIND_MS:
                at_ms = open_ms
            if facts.arrival[i] and b.queue[i] >= 0:
                self.pressure[r] = strains[b.queue[i]]
                facts.arrived[i] = 1
                s = self.queue_row[b.queue[i]]
                if s >= 0:
                    late += self.arrivals.note_one(s, at_ms, 1, open_minute)
            known: cython.int = self.mention[r]
            if known < 0:
                if b.issue[i] < 0:
                    continue
                known = cython.cast(cython.int, 2 * b.issue[i])
                facts.mentioned[i] = 1
                s = self.issue_row[b.issue[i]]
                if s >= 0:
                    late_mentions += self.mentions.note_one(s, at_ms, 1, open_minute)
                    self.causes.contact(s, at_ms, 1)
                    self.causes.came_in(s, b.queue[i])
            s = self.issue_row[known // 2]
            if known % 2 == 0 and self.since_previous_ms[r] >= 0:
                known += 1
                if s >= 0:
                    self.causes.repeat(s, at_ms, self.since_previous_ms[r])
            self.mention[r] = known
            if s >= 0 and facts.handled[i] and b.n0[i] == b.n0[i]:
                self.causes.handled(s, at_ms, self.pressure[r] * b.n0[i] / 60.0)
        self.arrivals_too_late, self.mentions_too_late = late, late_mentions
        return True


def unknown_queues(b: Batch, kept: Any) -> Any:
    """Queues of a batch that have no row yet in `kept`, each once, in order of appearance."""
    return _unknown(b.queue, kept)


def unknown_issues(b: Batch, kept: Any) -> Any:
    """The same of issues."""
    return _unknown(b.issue, kept)


@cython.cfunc
def _unknown(row: cython.Py_ssize_t[::1], kept: Any) -> list:
    there: cython.longlong[::1] = kept if cython.compiled else memoryview(kept)
    i: cython.Py_ssize_t
    found: list[int] = []
    for i in range(row.shape[0]):
        if row[i] >= 0 and there[row[i]] < 0 and row[i] not in found:
            found.append(row[i])
    return found
