"""What is counted in the open minute, by queue, and by issue and department, and what was usual for it.

Counted when an event takes effect, so that a minute is complete when it is over; `tally_minutes` hands it on and opens
the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import tally_feed
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.contacts import Contacts
from services.scoring.core.decay import Floats
from services.scoring.core.hash_index import HashIndex
from services.scoring.core.surge_watch import Compared
from services.scoring.core.tables import Table
from shared.contract.tallies import COUNTERS, QUEUE_COUNTERS

Rows = NDArray[np.intp]

ROWS_AN_EVENT = 4
"""Rows that one event can begin: of what it says, of the department, and two when a contact takes its counts along."""


class QueueTallies(Table):
    """A row a queue; `counts` is [queue, counter]."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {"counts": ("f8", 0.0, len(QUEUE_COUNTERS))}
    counts: Floats


class Tallies(Table):
    """A row a (group, issue, department) of the open minute; `counts` is [row, counter].

    `key` is (group + 1) << 40 | (issue + 1) << 16 | department + 1, where a group is 2 x the code of the queue's team
    + 1, or 2 x the tenant for queues of no team.
    """

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {"key": ("u8", 0, 0), "counts": ("f8", 0.0, len(COUNTERS))}
    key: NDArray[np.uint64]
    counts: Floats

    def __init__(self) -> None:
        super().__init__()
        self.index = HashIndex()
        self.queues = QueueTallies()
        self.since_ms = -1
        """When the open minute began; -1 before the first event."""
        self.compared = (np.zeros((0, 2)), np.zeros((0, 2)))
        """Of queues and of issues, [subject, (contacts, usual)]: of this minute where the usual is known."""

    def note(self, b: Batch, facts: Facts, contacts: Contacts, within_s: Floats, now_ms: int) -> None:
        """Count what a batch newly says; `within_s` is by queue."""
        if self.since_ms < 0:
            self.since_ms = now_ms
        if contacts.queues.n > self.queues.n:
            self.queues.add_many(contacts.queues.n - self.queues.n)
        count = ROWS_AN_EVENT * b.n
        self.reserve(count)
        self.index.make_room(count)
        tally_feed.note(self, contacts, b, facts, within_s, contacts.queues.team)

    def expect(self, compared: Iterable[Compared]) -> None:
        """Add a closed minute's contacts and the usual of them."""
        for minute in compared:
            place = 0 if minute.queues else 1
            sums = self.compared[place]
            n = int(minute.subjects.max(initial=-1)) + 1
            if n > len(sums):
                sums = np.concatenate([sums, np.zeros((n - len(sums), 2))])
                self.compared = (sums, self.compared[1]) if minute.queues else (self.compared[0], sums)
            sums[minute.subjects, 0] += minute.contacts
            sums[minute.subjects, 1] += minute.usual

    def open(self, at_ms: int) -> None:
        """A new minute begins."""
        self.key[: self.n] = 0
        self.counts[: self.n] = 0.0
        self.n = 0
        self.index.rebuild(np.empty(0, np.uint64), np.empty(0, np.int64))
        self.queues.counts[: self.queues.n] = 0.0
        for sums in self.compared:
            sums[:] = 0.0
        self.since_ms = at_ms

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {
            "queues": self.queues.pack(),
            "since_ms": self.since_ms,
            "compared": [sums.tobytes() for sums in self.compared],
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self.queues.unpack(packed["queues"])
        self.since_ms = packed["since_ms"]
        queues, issues = (np.frombuffer(sums).reshape(-1, 2).copy() for sums in packed["compared"])
        self.compared = (queues, issues)
        self.index.rebuild(self.key[: self.n].copy(), np.arange(self.n))
