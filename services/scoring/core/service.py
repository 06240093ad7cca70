"""Who serves which queue, from the contacts that agents take. Compiled: see ARCHITECTURE.md, "Compiled loops"."""

from __future__ import annotations

from typing import Any, ClassVar

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.hash_index import HashIndex
from services.scoring.core.tables import Table
from shared.contract.rows import ANSWERED, HANDLED

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

    def serve(self, kinds: Any, agents: Any, queues: Any, at_ms: Any) -> int:
        """Note the contacts that events say were taken; when the newest of them was if a pair is new, else -1."""
        kind: cython.const[cython.uchar][::1] = kinds if cython.compiled else memoryview(kinds)
        agent: cython.const[cython.Py_ssize_t][::1] = agents if cython.compiled else memoryview(agents)
        queue: cython.const[cython.Py_ssize_t][::1] = queues if cython.compiled else memoryview(queues)
        at: cython.const[cython.longlong][::1] = at_ms if cython.compiled else memoryview(at_ms)
        last: cython.longlong[:] = self.last_ms if cython.compiled else memoryview(self.last_ms)
        index: HashIndex = self._index
        newest: cython.longlong = -1
        new: cython.bint = False
        i: cython.Py_ssize_t
        for i in range(kind.shape[0]):
            index.fetch(_key(agent[i], queue[i]))
        for i in range(kind.shape[0]):
            if (kind[i] != _ANSWERED and kind[i] != _HANDLED) or agent[i] < 0 or queue[i] < 0:
                continue
            row: cython.longlong = index.find(_key(agent[i], queue[i]))
            if row < 0:
                new = True
                row = self._add_pair(agent[i], queue[i])
                last = memoryview(self.last_ms)
            last[row] = max(last[row], at[i])
            newest = max(newest, at[i])
        return newest if new else -1

    def _add_pair(self, agent: int, queue: int) -> int:
        row = self.add()
        self.agent[row], self.queue[row] = agent, queue
        self._index.put(np.array([_key(agent, queue)], np.uint64), np.array([row]))
        return row

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        keys = [_key(a, q) for a, q in zip(self.agent[: self.n].tolist(), self.queue[: self.n].tolist(), strict=True)]
        self._index.rebuild(np.array(keys, np.uint64), np.arange(self.n))


@cython.cfunc
@cython.exceptval(check=False)
def _key(agent: cython.ulonglong, queue: cython.ulonglong) -> cython.ulonglong:
    return (agent << 32) | (queue + 1)  # 0 is no key
