"""The ids of the last events behind a row: an alert names what it stands on."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.rounds import rounds
from services.scoring.core.tables import Table

Rows = NDArray[np.intp]

KEPT = 6
"""Enough to look the matter up in the ACD; an alert is not a log."""
_NAMES_MAX = 50_000
"""Ids that are not UUIDs are kept as text; beyond this many, those that no row names any more are dropped."""


class Evidence(Table):
    """A row for each row of the subject: its last event ids, as a ring."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {"ids": ("S16", b"", KEPT), "next": ("i8", 0, 0)}
    ids: NDArray[np.bytes_]
    next: NDArray[np.int64]

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[bytes, str] = {}

    def note(self, rows: Rows, ids: NDArray[np.bytes_], texts: dict[bytes, str]) -> None:
        """Remember events by row, in order; `texts` holds the ids that are not UUIDs."""
        if rows.size == 0:
            return
        while self.n <= int(rows.max()):
            self.add()
        for i in rounds(rows):
            r = rows[i]
            self.ids[r, self.next[r] % KEPT] = ids[i]
            self.next[r] += 1
        if texts:
            self._texts.update(texts)
            if len(self._texts) > _NAMES_MAX:
                named = set(self.ids[: self.n].ravel().tolist())
                self._texts = {k: v for k, v in self._texts.items() if k in named}

    def of(self, row: int) -> list[str]:
        """Event ids of a row, oldest first."""
        if row >= self.n:
            return []
        count = int(self.next[row])
        out = []
        for k in range(max(count - KEPT, 0), count):
            raw = bytes(self.ids[row, k % KEPT])
            text = self._texts.get(raw)
            if text is None:
                h = raw.ljust(16, b"\0").hex()
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
