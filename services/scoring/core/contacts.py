"""Open contacts: a bounded table, keyed by contact hash. What their events say stands in `contact_facts`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import contact_facts
from services.scoring.core.batch import Batch, Facts
from services.scoring.core.contradictions import REASONS
from services.scoring.core.hash_index import HashIndex
from services.scoring.core.queue_table import Queues
from services.scoring.core.tables import Table

FORGOTTEN_AFTER_MS = 3_600_000
"""A contact without an event for an hour is dropped: its end was lost."""
CONTACTS_MAX = 1 << 20
"""Open contacts of a partition. A million in an hour is beyond what one is fed; more is a loop or an attack."""


class Contacts(Table):
    """A row a contact. `known` are the bits of `contact_facts`; times are ms, 0 for unknown."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "key": ("u8", 0, 0),
        "known": ("u1", 0, 0),
        "queue": ("i4", -1, 0),
        "agent": ("i4", -1, 0),
        "offered_ms": ("i8", 0, 0),
        "answered_ms": ("i8", 0, 0),
        "last_ms": ("i8", 0, 0),
        "since_previous_ms": ("i4", -1, 0),
        "ahead": ("i4", -1, 0),  # in the line of its queue: a row, -1 for none
        "behind": ("i4", -1, 0),
        "mention": ("i4", -1, 0),  # 2 x its issue, and 1 more once it counted as a repeat; -1: no issue yet
        "pressure": ("f4", 0.0, 0),  # strain of its queue when it arrived
        "told": ("u1", 0, 0),  # what is counted of it in the tallies, the bits of `tally_feed`
        "waited_s": ("u2", 0, 0),  # there, in whole seconds
    }
    key: NDArray[np.uint64]
    known: NDArray[np.uint8]
    queue: NDArray[np.int32]
    agent: NDArray[np.int32]
    offered_ms: NDArray[np.int64]
    answered_ms: NDArray[np.int64]
    last_ms: NDArray[np.int64]
    since_previous_ms: NDArray[np.int32]
    ahead: NDArray[np.int32]
    behind: NDArray[np.int32]
    mention: NDArray[np.int32]
    pressure: NDArray[np.float32]
    told: NDArray[np.uint8]
    waited_s: NDArray[np.uint16]

    def __init__(self, queues: Queues) -> None:
        super().__init__()
        self.queues = queues  # in which they wait
        self.contradictions = np.zeros(len(REASONS), np.int64)  # since somebody last set them to 0
        self._index = HashIndex()
        self.free = np.empty(0, np.int64)
        self.free_n = 0

    def __len__(self) -> int:
        return self.n - self.free_n

    def take(self, b: Batch, facts: Facts) -> None:
        """Find the rows of the contacts that events name, new ones included, and apply the events."""
        count = b.n
        if len(self) + count > CONTACTS_MAX:
            keys = np.array([contact_facts.key_of_contact(b.tenant, h) for h in b.contact], np.uint64)
            while len(self) + np.unique(keys[self._index.get(keys) < 0]).size > CONTACTS_MAX:
                used = np.flatnonzero(self.key[: self.n])
                self._drop(used[np.argsort(self.last_ms[used], kind="stable")[: CONTACTS_MAX // 16]])
        self.reserve(count)
        self._index.make_room(count)
        contact_facts.rows_of(self, self._index, b, facts)
        contact_facts.facts_of(self, b, facts)

    def _drop(self, rows: NDArray[np.intp]) -> None:
        contact_facts.leave_lines(self, rows)
        for row in rows.tolist():
            self.reset_row(row)
        self.free = np.concatenate([self.free[: self.free_n], rows])
        self.free_n = self.free.size
        self._reindex()

    def _reindex(self) -> None:
        used = np.flatnonzero(self.key[: self.n])
        self._index.rebuild(self.key[used], used)

    def forget(self, now_ms: int) -> None:
        """Drop contacts without an event for an hour; those that were still waiting leave their lines."""
        used = self.key[: self.n] != 0
        old = np.flatnonzero(used & (self.last_ms[: self.n] < now_ms - FORGOTTEN_AFTER_MS))
        if old.size:
            self._drop(old)

    def pack(self) -> dict[str, Any]:
        """See Table. Free rows keep their order, so that a restored table fills the same rows."""
        return super().pack() | {"free": self.free[: self.free_n].tobytes()}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self.free = np.frombuffer(packed["free"], np.int64)
        self.free_n = self.free.size
        self._reindex()
