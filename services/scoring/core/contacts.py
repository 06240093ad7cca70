"""Open contacts: each fact of a contact counts once, the first that is complete, in whatever order events come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats
from services.scoring.core.hash_index import HashIndex, first_seen
from services.scoring.core.rounds import rounds
from services.scoring.core.tables import Table
from shared.contract.rows import ABANDONED, ANSWERED, HANDLED, OFFERED, REPEATED

Rows = NDArray[np.intp]

# What is known of a contact.
ARRIVED, WAITED, ENDED, REPEAT, IS_WAITING, AGENT_KNOWN, HAS_HANDLE, WAIT_OVER = (1 << bit for bit in range(8))

FORGOTTEN_AFTER_MS = 3_600_000
"""A contact without an event for an hour is dropped: its end was lost."""
CONTACTS_MAX = 1 << 20
"""Open contacts of a partition. A million in an hour is beyond what one is fed; more is a loop or an attack."""

_TENANT_MIX = np.uint64(0xC2B2AE3D27D4EB4F)
_NOT_ZERO = np.uint64(1)


@dataclass(slots=True)
class Facts:
    """What the rows of a batch newly say; arrays over the rows of the batch."""

    arrival: NDArray[np.bool_]
    wait_s: Floats  # NaN: no new wait
    abandoned: NDArray[np.bool_]
    handled: NDArray[np.bool_]
    repeat: NDArray[np.bool_]
    agent: Rows  # who has the contact after this row, -1 for nobody yet
    began_ms: NDArray[np.int64]  # of a handled contact: when the agent took it, 0 where unknown
    left_queue: set[int]  # queues whose oldest waiting contact may have changed


class Contacts(Table):
    """A row a contact. `known` are the bits above; times are ms, 0 for unknown."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "key": ("u8", 0, 0),
        "known": ("u1", 0, 0),
        "queue": ("i4", -1, 0),
        "agent": ("i4", -1, 0),
        "offered_ms": ("i8", 0, 0),
        "answered_ms": ("i8", 0, 0),
        "last_ms": ("i8", 0, 0),
        "since_previous_ms": ("i8", -1, 0),
    }
    key: NDArray[np.uint64]
    known: NDArray[np.uint8]
    queue: NDArray[np.int32]
    agent: NDArray[np.int32]
    offered_ms: NDArray[np.int64]
    answered_ms: NDArray[np.int64]
    last_ms: NDArray[np.int64]
    since_previous_ms: NDArray[np.int64]

    def __init__(self) -> None:
        super().__init__()
        self._index = HashIndex()
        self._free: list[int] = []

    def __len__(self) -> int:
        return self.n - len(self._free)

    def rows_of(self, tenant: int, hashes: NDArray[np.uint64]) -> Rows:
        """Rows of the contacts of a tenant, new ones included."""
        with np.errstate(over="ignore"):
            keys = (hashes + np.uint64(tenant) * _TENANT_MIX) | _NOT_ZERO
        rows = self._index.get(keys)
        missing = np.flatnonzero(rows < 0)
        if missing.size:
            new, position = first_seen(keys[missing])
            if len(self) + new.size > CONTACTS_MAX:
                used = np.flatnonzero(self.key[: self.n])
                oldest = np.argsort(self.last_ms[used], kind="stable")[: CONTACTS_MAX // 16]
                self._drop(used[oldest])
                return self.rows_of(tenant, hashes)  # one of the rows found may be gone
            rows[missing] = self._new(new)[position]
        return rows

    def _new(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Rows for new keys; each once."""
        again = min(len(self._free), keys.size)
        rows = self._free[len(self._free) - again :]
        del self._free[len(self._free) - again :]
        out = np.concatenate([np.array(rows, np.int64), self.add_many(keys.size - again)])
        self.key[out] = keys
        self._index.put(keys, out)
        return out

    def _drop(self, rows: Rows) -> None:
        for row in rows.tolist():
            self.reset_row(row)
        self._free.extend(rows.tolist())
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
        queues: list[int] = self.queue[old[(self.known[old] & IS_WAITING) != 0]].tolist()
        self._drop(old)
        return queues

    def apply(
        self,
        rows: Rows,
        kind: NDArray[np.uint8],
        queue: Rows,
        agent: Rows,
        at_ms: NDArray[np.int64],
        wait_s: Floats,
        since_previous_ms: NDArray[np.int64],
    ) -> Facts:
        """Apply contact events in order. All arrays have one length; `queue` and `agent` are rows, -1 for none."""
        n = rows.size
        facts = Facts(
            arrival=np.zeros(n, bool),
            wait_s=np.full(n, np.nan),
            abandoned=np.zeros(n, bool),
            handled=np.zeros(n, bool),
            repeat=np.zeros(n, bool),
            agent=np.full(n, -1, np.intp),
            began_ms=np.zeros(n, np.int64),
            left_queue=set(),
        )
        for i in rounds(rows):
            self._round(i, rows[i], kind[i], queue[i], agent[i], at_ms[i], wait_s[i], since_previous_ms[i], facts)
        return facts

    def _round(
        self,
        i: Rows,
        r: Rows,
        kind: NDArray[np.uint8],
        queue: Rows,
        agent: Rows,
        at_ms: NDArray[np.int64],
        wait_s: Floats,
        since_ms: NDArray[np.int64],
        facts: Facts,
    ) -> None:
        known = self.known[r].copy()
        offered, answered = kind == OFFERED, kind == ANSWERED
        abandoned, handled = kind == ABANDONED, kind == HANDLED
        told_repeat = kind == REPEATED

        arrives = ((known & ARRIVED) == 0) & ~told_repeat
        facts.arrival[i] = arrives
        known[arrives] |= ARRIVED
        first_offer = offered & (self.offered_ms[r] == 0)
        self.offered_ms[r[first_offer]] = at_ms[first_offer]

        # A contact waits from its offer until anything says that it no longer does.
        starts = first_offer & ((known & WAIT_OVER) == 0)
        stops = (answered | abandoned | handled) & ((known & IS_WAITING) != 0)
        if stops.any():
            facts.left_queue.update(self.queue[r[stops]].tolist())
            known[stops] &= 0xFF ^ IS_WAITING
        known[starts] |= IS_WAITING
        placed = queue >= 0
        moves = placed & ((known & IS_WAITING) != 0) & (queue != self.queue[r])
        facts.left_queue.update(self.queue[r[moves]].tolist(), queue[moves].tolist())
        self.queue[r[placed]] = queue[placed]

        waits = (wait_s == wait_s) & (answered | abandoned | handled) & ((known & WAITED) == 0)
        facts.wait_s[i[waits]] = wait_s[waits]
        known[waits] |= WAITED
        known[answered | handled | abandoned] |= WAIT_OVER
        ends_alone = abandoned & ((known & (ENDED | AGENT_KNOWN)) == 0)
        facts.abandoned[i] = ends_alone
        known[abandoned] |= ENDED

        has_agent = agent >= 0
        self.agent[r[has_agent]] = agent[has_agent]
        facts.agent[i] = self.agent[r]
        known[has_agent] |= AGENT_KNOWN
        first_answer = answered & (self.answered_ms[r] == 0)
        self.answered_ms[r[first_answer]] = at_ms[first_answer]

        finishes = handled & ((known & HAS_HANDLE) == 0)
        facts.handled[i] = finishes
        facts.began_ms[i[finishes]] = self.answered_ms[r[finishes]]
        known[handled] |= HAS_HANDLE | ENDED

        # The ACD's own word on a repeat overrides what we found ourselves.
        told = since_ms >= 0
        takes = told & (told_repeat | (self.since_previous_ms[r] < 0))
        self.since_previous_ms[r[takes]] = since_ms[takes]
        counts = ((known & REPEAT) == 0) & ((known & AGENT_KNOWN) != 0) & (self.since_previous_ms[r] >= 0)
        facts.repeat[i] = counts
        known[counts] |= REPEAT

        self.known[r] = known
        self.last_ms[r] = np.maximum(self.last_ms[r], at_ms)

    def waiting_now(self, queues: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of these queues: contacts waiting, and the oldest offer (ms, 0 where none waits)."""
        waiting = np.flatnonzero(self.known[: self.n] & IS_WAITING)
        queue = self.queue[waiting]
        size = max(int(queues.max()), int(queue.max(initial=0))) + 1
        oldest = np.full(size, np.iinfo(np.int64).max)
        np.minimum.at(oldest, queue, self.offered_ms[waiting])
        counts = np.bincount(queue, minlength=size)[queues]
        return counts, np.where(counts > 0, oldest[queues], 0)

    def pack(self) -> dict[str, Any]:
        """See Table. Free rows keep their order, so that a restored table fills the same rows."""
        return super().pack() | {"free": list(self._free)}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._free = list(packed["free"])
        self._reindex()
