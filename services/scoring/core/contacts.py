"""Open contacts: a bounded table, keyed by contact hash. What their events say stands in `contact_facts`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.contact_facts import IS_WAITING
from services.scoring.core.hash_index import HashIndex
from services.scoring.core.tables import Table

Rows = NDArray[np.intp]

FORGOTTEN_AFTER_MS = 3_600_000
"""A contact without an event for an hour is dropped: its end was lost."""
CONTACTS_MAX = 1 << 20
"""Open contacts of a partition. A million in an hour is beyond what one is fed; more is a loop or an attack."""

_TENANT_MIX = np.uint64(0xC2B2AE3D27D4EB4F)
_NOT_ZERO = np.uint64(1)


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
        "since_previous_ms": ("i8", -1, 0),
        "mention": ("i4", -1, 0),  # 2 x its issue, and 1 more once it counted as a repeat; -1: no issue yet
        "pressure": ("f4", 0.0, 0),  # strain of its queue when it arrived
    }
    key: NDArray[np.uint64]
    known: NDArray[np.uint8]
    queue: NDArray[np.int32]
    agent: NDArray[np.int32]
    offered_ms: NDArray[np.int64]
    answered_ms: NDArray[np.int64]
    last_ms: NDArray[np.int64]
    since_previous_ms: NDArray[np.int64]
    mention: NDArray[np.int32]
    pressure: NDArray[np.float32]

    def __init__(self) -> None:
        super().__init__()
        self._index = HashIndex()
        self._free = np.empty(0, np.int64)
        self._free_n = 0

    def __len__(self) -> int:
        return self.n - self._free_n

    def rows_of(self, tenant: int, hashes: NDArray[np.uint64]) -> Rows:
        """Rows of the contacts of a tenant, new ones included."""
        with np.errstate(over="ignore"):
            keys = (hashes + np.uint64(tenant) * _TENANT_MIX) | _NOT_ZERO
        while len(self) + keys.size > CONTACTS_MAX and len(self) + self._unknown(keys) > CONTACTS_MAX:
            used = np.flatnonzero(self.key[: self.n])
            self._drop(used[np.argsort(self.last_ms[used], kind="stable")[: CONTACTS_MAX // 16]])
        free = min(self._free_n, keys.size)  # the last freed first
        supply = np.concatenate(
            [self._free[self._free_n - free : self._free_n][::-1], np.arange(self.n, self.n + keys.size - free)]
        )
        rows, taken = self._index.number(keys, supply)
        if taken:
            self._free_n -= min(taken, free)
            self.add_many(max(taken - free, 0))
            self.key[rows] = keys
        return rows

    def _unknown(self, keys: NDArray[np.uint64]) -> int:
        return int(np.unique(keys[self._index.get(keys) < 0]).size)

    def _drop(self, rows: Rows) -> None:
        for row in rows.tolist():
            self.reset_row(row)
        self._free = np.concatenate([self._free[: self._free_n], rows])
        self._free_n = self._free.size
        self._reindex()

    def _reindex(self) -> None:
        used = np.flatnonzero(self.key[: self.n])
        self._index.rebuild(self.key[used], used)

    def forget(self, now_ms: int) -> list[int]:
        """Drop contacts without an event for an hour; the queues in which some of them were still waiting."""
        used = self.key[: self.n] != 0
        old = np.flatnonzero(used & (self.last_ms[: self.n] < now_ms - FORGOTTEN_AFTER_MS))
        if old.size == 0:
            return []
        waited = self.queue[old[(self.known[old] & IS_WAITING) != 0]]
        self._drop(old)
        queues: list[int] = waited[waited >= 0].tolist()
        return queues

    def pack(self) -> dict[str, Any]:
        """See Table. Free rows keep their order, so that a restored table fills the same rows."""
        return super().pack() | {"free": self._free[: self._free_n].tobytes()}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._free = np.frombuffer(packed["free"], np.int64)
        self._free_n = self._free.size
        self._reindex()
