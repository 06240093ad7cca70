"""Who serves which queue, from the contacts that agents take. Compiled: see ARCHITECTURE.md, "Compiled loops"."""

from __future__ import annotations

from typing import Any, ClassVar

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.batch import Batch
from services.scoring.core.hash_index import HashIndex
from services.scoring.core.tables import Table
from shared.contract.rows import ANSWERED, HANDLED

SERVES_FOR_MS = 3_600_000
"""An agent serves a queue for an hour after the last contact from it. Product choice."""
PAIRS_MIN = 1 << 16
"""So many pairs are kept whatever they say, 16 bytes each: agents and queues that come and go always make new ones."""

_ANSWERED = cython.declare(cython.int, ANSWERED)
_HANDLED = cython.declare(cython.int, HANDLED)


class Service(Table):
    """A row an (agent, queue): when the agent last took a contact of the queue."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "agent": ("i4", 0, 0),
        "queue": ("i4", 0, 0),
        "last_ms": ("i8", 0, 0),
    }
    agent: NDArray[np.int32]
    queue: NDArray[np.int32]
    last_ms: NDArray[np.int64]

    def __init__(self) -> None:
        super().__init__()
        self._index = HashIndex()
        self._clear_at = PAIRS_MIN

    def serve(self, b: Batch) -> int:
        """Note the contacts that events say were taken; when the newest of them was if a pair is new, else -1."""
        # Room first: a growing index or table would lie elsewhere in the midst of the loop.
        self.reserve(b.n)
        self._index.make_room(b.n)
        of_agent: cython.int[:] = self.agent if cython.compiled else memoryview(self.agent)
        of_queue: cython.int[:] = self.queue if cython.compiled else memoryview(self.queue)
        last: cython.longlong[:] = self.last_ms if cython.compiled else memoryview(self.last_ms)
        index: HashIndex = self._index
        newest: cython.longlong = -1
        new: cython.bint = False
        end: cython.Py_ssize_t = self.n
        clear_at: cython.Py_ssize_t = self._clear_at
        i: cython.Py_ssize_t
        for i in range(b.n):
            index.fetch(_key(b.agent[i], b.queue[i]))
        for i in range(b.n):
            if (b.kind[i] != _ANSWERED and b.kind[i] != _HANDLED) or b.agent[i] < 0 or b.queue[i] < 0:
                continue
            key: cython.ulonglong = _key(b.agent[i], b.queue[i])
            row: cython.longlong = index.find(key)
            if row < 0:
                new = True
                if end >= clear_at:
                    self.n = end
                    self._clear()
                    index.make_room(b.n)
                    end, clear_at = self.n, self._clear_at
                row = end
                end += 1
                index.set(key, row)
                of_agent[row], of_queue[row] = cython.cast(cython.int, b.agent[i]), cython.cast(cython.int, b.queue[i])
            last[row] = max(last[row], b.at_ms[i])
            newest = max(newest, b.at_ms[i])
        self.n = end
        return newest if new else -1

    def _clear(self) -> None:
        """Forget the pairs that say nothing any more, and clear again when there are twice as many as are left."""
        n = self.n
        kept = np.flatnonzero(self.last_ms[:n] > self.last_ms[:n].max() - SERVES_FOR_MS)
        for name, (_, default, _) in self.columns.items():
            column = getattr(self, name)
            column[: kept.size] = column[kept]
            column[kept.size : n] = default
        self.n = kept.size
        self._clear_at = max(PAIRS_MIN, 2 * self.n)
        self._number()

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {"clear_at": self._clear_at}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._clear_at = packed["clear_at"]
        self._number()

    def _number(self) -> None:
        keys = [_key(a, q) for a, q in zip(self.agent[: self.n].tolist(), self.queue[: self.n].tolist(), strict=True)]
        self._index.rebuild(np.array(keys, np.uint64), np.arange(self.n))


@cython.cfunc
@cython.exceptval(check=False)
def _key(agent: cython.ulonglong, queue: cython.ulonglong) -> cython.ulonglong:
    return (agent << 32) | (queue + 1)  # 0 is no key
