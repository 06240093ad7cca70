"""Event ids seen lately: sending an event twice is harmless."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.hash_index import HashIndex

MARGIN_MS = 660_000
"""Beyond the lateness bound: an event may lie ten minutes ahead, so its twin may come that much later."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
_TENANT_MIX = np.uint64(0xC2B2AE3D27D4EB4F)
_NOT_ZERO = np.uint64(1)


class Seen:
    """64-bit keys of event ids, with the time of the entry that brought them.

    Not part of a checkpoint: a restored engine reads the ids from the log again (`Engine.recall`).
    With a million ids the chance of any false match is 3e-8.
    """

    def __init__(self) -> None:
        self._index = HashIndex()
        self._from_ms = 0

    def forget(self, before_ms: int) -> None:
        """Ids that came before a time count as never seen. They are cleared away when room is needed."""
        self._from_ms = before_ms
        if self._index.crowded:
            keys, came_ms = self._index.items()
            kept = came_ms >= before_ms
            if np.count_nonzero(kept) < 0.75 * kept.size:
                self._index.rebuild(keys[kept], came_ms[kept], room_for=4096)

    def fresh(self, ids: NDArray[np.bytes_], tenant: int, at_ms: int) -> NDArray[np.bool_]:
        """Which ids were not seen yet; all of them are seen from now on."""
        halves = np.ascontiguousarray(ids).view("<u8").reshape(-1, 2)
        with np.errstate(over="ignore"):
            keys = (halves[:, 0] ^ (halves[:, 1] * _MIX)) + np.uint64(tenant) * _TENANT_MIX
        keys |= _NOT_ZERO
        new = self._index.get(keys) < self._from_ms
        if ids.size > 1:
            ordered = np.sort(keys)
            if (ordered[1:] == ordered[:-1]).any():  # the same id twice in one entry: the first counts
                is_first = np.zeros(keys.size, bool)
                is_first[np.unique(keys, return_index=True)[1]] = True
                new &= is_first
        self._index.put(keys[new], np.full(int(np.count_nonzero(new)), at_ms, np.int64))
        return new
