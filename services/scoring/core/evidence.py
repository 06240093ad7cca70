"""The ids of the last events behind a row: an alert names what it stands on.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any, ClassVar

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.tables import Table

KEPT = 6
"""Enough to look the matter up in the ACD; an alert is not a log."""
_NAMES_MAX = 50_000
"""Ids that are not UUIDs are kept as text; beyond this many, those that no row names any more are dropped."""

_KEPT = cython.declare(cython.Py_ssize_t, KEPT)
_AHEAD = cython.declare(cython.Py_ssize_t, 8)
"""Events between asking for a row and using it: about as long as memory takes."""


class Evidence(Table):
    """A row for each row of the subject: its last event ids, as a ring."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {"ids": ("u8", 0, 2 * KEPT), "next": ("i8", 0, 0)}
    ids: NDArray[np.uint64]
    next: NDArray[np.int64]

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[bytes, str] = {}

    def note(self, rows: Any, evident: Any, ids: Any, texts: dict[bytes, str]) -> None:
        """Remember the `evident` events (0 or 1) by row, in order (-1: not at all).

        `ids` is [event, 2], the halves of 16 bytes; `texts` are those that are no UUIDs.
        """
        wanted: cython.const[cython.uchar][::1] = evident if cython.compiled else memoryview(evident)
        row: cython.const[cython.Py_ssize_t][::1] = rows if cython.compiled else memoryview(rows)
        given: cython.const[cython.ulonglong][:, ::1] = ids if cython.compiled else memoryview(ids)
        i: cython.Py_ssize_t
        highest: cython.Py_ssize_t = -1
        for i in range(row.shape[0]):
            if wanted[i]:
                highest = max(highest, row[i])
        if highest < 0:
            return
        if highest >= self.n:
            self.add_many(highest + 1 - self.n)
        kept: cython.ulonglong[:, :] = self.ids if cython.compiled else memoryview(self.ids)
        count: cython.longlong[:] = self.next if cython.compiled else memoryview(self.next)
        for i in range(row.shape[0]):
            if cython.compiled and i + _AHEAD < row.shape[0] and wanted[i + _AHEAD] and row[i + _AHEAD] >= 0:
                strainwatch_fetch(cython.address(kept[row[i + _AHEAD], 0]))  # noqa: F821 - of the .pxd
                strainwatch_fetch(cython.address(count[row[i + _AHEAD]]))  # noqa: F821
            r: cython.Py_ssize_t = row[i] if wanted[i] else -1
            if r >= 0:
                at: cython.Py_ssize_t = 2 * (count[r] % _KEPT)
                kept[r, at] = given[i, 0]
                kept[r, at + 1] = given[i, 1]
                count[r] += 1
        if texts:
            self._texts.update(texts)
            if len(self._texts) > _NAMES_MAX:
                named = {half.tobytes() for half in self.ids[: self.n].reshape(-1, 2)}
                self._texts = {k: v for k, v in self._texts.items() if k in named}

    def of(self, row: int) -> list[str]:
        """Event ids of a row, oldest first."""
        if row >= self.n:
            return []
        count = int(self.next[row])
        out = []
        for k in range(max(count - KEPT, 0), count):
            raw = self.ids[row, 2 * (k % KEPT) : 2 * (k % KEPT) + 2].tobytes()
            text = self._texts.get(raw)
            if text is None:
                h = raw.hex()
                text = f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
            out.append(text)
        return out

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {"texts": dict(self._texts)}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._texts = dict(packed["texts"])
