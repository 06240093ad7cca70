"""Event ids seen lately: sending an event twice is harmless."""

from __future__ import annotations

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.hash_index import HashIndex

MARGIN_MS = 660_000
"""Beyond the lateness bound: an event may lie ten minutes ahead, so its twin may come that much later."""

_LOOK_MS = cython.declare(cython.longlong, 1_000)
"""So long after it was last looked at what may be cleared away: a look goes through all ids, in vain while few are old
enough."""
_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_TENANT_MIX = cython.declare(cython.ulonglong, 0xC2B2AE3D27D4EB4F)
_MASK64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


@cython.final
@cython.cclass
class Seen:
    """64-bit keys of event ids, with the time of the entry that brought them.

    Not part of a checkpoint: a restored engine reads the ids from the log again (`Engine.recall`).
    With a million ids the chance of any false match is 3e-8.
    """

    def __init__(self) -> None:
        self._index = HashIndex()
        self._from_ms = self._looked_ms = 0

    def forget(self, before_ms: cython.longlong) -> None:
        """Ids that came before a time count as never seen. They are cleared away when room is needed."""
        self._from_ms = before_ms
        if self._index.crowded and before_ms >= self._looked_ms + _LOOK_MS:
            self._looked_ms = before_ms
            keys, came_ms = self._index.items()
            kept = came_ms >= before_ms
            if np.count_nonzero(kept) < 0.75 * kept.size:
                self._index.rebuild(keys[kept], came_ms[kept], 4096)

    def fresh(self, ids: NDArray[np.bytes_], tenant: cython.ulonglong, at_ms: cython.longlong) -> NDArray[np.bool_]:
        """Which ids were not seen yet; all of them are seen from now on. Of the same id twice the first counts."""
        halves = np.ascontiguousarray(ids).view(np.uint64)
        half: cython.const[cython.ulonglong][::1] = halves if cython.compiled else memoryview(halves)
        new = np.empty(len(half) // 2, np.uint8)
        new_one: cython.uchar[::1] = new if cython.compiled else memoryview(new)
        self.make_room(len(new_one))
        i: cython.Py_ssize_t
        for i in range(len(new_one)):
            self.fetch(half[2 * i], half[2 * i + 1], tenant)
        for i in range(len(new_one)):
            new_one[i] = self.is_new(half[2 * i], half[2 * i + 1], tenant, at_ms)
        return new.view(np.bool_)

    def make_room(self, more: cython.longlong) -> None:
        """Room for so many more ids, before `is_new` is asked of them."""
        self._index.make_room(more)

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch(self, first: cython.ulonglong, second: cython.ulonglong, tenant: cython.ulonglong) -> cython.void:
        """Begin to bring near what `is_new` looks at."""
        self._index.fetch(_key(first, second, tenant))

    @cython.cfunc
    @cython.exceptval(check=False)
    def is_new(
        self, first: cython.ulonglong, second: cython.ulonglong, tenant: cython.ulonglong, at_ms: cython.longlong
    ) -> cython.bint:
        """Whether an id, by the halves of its 16 bytes, was not seen yet; it is from now on."""
        key: cython.ulonglong = _key(first, second, tenant)
        new: cython.bint = self._index.find(key) < self._from_ms
        if new:
            self._index.set(key, at_ms)
        return new


@cython.cfunc
@cython.exceptval(check=False)
def _key(first: cython.ulonglong, second: cython.ulonglong, tenant: cython.ulonglong) -> cython.ulonglong:
    """64 bits of the 16 bytes, each half well mixed: ids that count in both halves must not meet."""
    key: cython.ulonglong = (first ^ (tenant * _TENANT_MIX & _MASK64)) * _MIX & _MASK64
    key = ((key ^ (key >> 32)) + second & _MASK64) * _TENANT_MIX & _MASK64
    return (key ^ (key >> 29)) | 1  # 0 is no key
