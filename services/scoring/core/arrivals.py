"""Arrivals against the usual for that hour of the week: a stream is a queue's arrivals or the mentions of an issue.

The usual of an hour of the week is shrunk towards that hour on weekdays (or on the weekend), that towards the hour of
the day, and that towards the stream's whole rate: each by as many hours as its own noise needs (empirical Bayes), so
busy streams keep their Mondays and quiet ones lend each other what they have. Arrivals are over-dispersed (Brown et al.
2005), on two scales: `phi` is variance / mean from minute to minute, `cv2` the squared coefficient of variation of
whole hours about their usual. Compiled: see ARCHITECTURE.md, "Compiled loops".

What a late event can still change:

| its minute | counts in |
|---|---|
| open | the minute, the hour, what is judged |
| closed, its hour open (15 min of lateness reach back at most one hour) | the hour, so what is learnt |
| in an hour that is closed | nothing; counted in `too_late` |
"""

from __future__ import annotations

from typing import Any, ClassVar

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.arrival_rows import HOURS, ArrivalRows
from services.scoring.core.hash_index import HashIndex
from services.scoring.core.tables import Table

STREAMS_MAX = 20_000
"""Of a partition: 500 queues with 40 issues; 2.4 KB each, so 50 MB. Beyond, those without arrivals for longest go."""


class Streams(Table):
    """A row a stream. Read after `close_minute`: `closed` (contacts), `expected` (contacts), `ready` (0: too little is
    known to judge), `phi`, `cv2` (with what is not known of the usual), `rate` by cell (contacts a minute).
    """

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "key": ("u8", 0, 0),
        "tenant": ("i8", 0, 0),
        "offset_ms": ("i8", 0, 0),
        "used": ("i8", 0, 0),
        "count": ("i8", 0, 0),
        "closed": ("i8", -1, 0),
        "expected": ("f8", 0.0, 0),
        "ready": ("i8", 0, 0),
        "phi": ("f8", 1.3, 0),
        "cv2": ("f8", 0.0, 0),
        "hour": ("i8", -1, 0),
        "hour_count": ("f8", 0.0, 0),
        "hour_second": ("f8", 0.0, 0),
        "hour_minutes": ("i8", 0, 0),
        "hour_flagged": ("i8", 0, 0),
        "hour_steps": ("f8", 0.0, 2),
        "usual": ("f8", 0.0, 0),
        "halves": ("f8", 0.0, 4),
        "rate": ("f4", 0.0, HOURS),
        "worth": ("f4", 0.0, HOURS),
        "second": ("f4", 0.5, 48),
        "second_worth": ("f4", 0.0, 48),
        "noise": ("f8", 0.0, 4),
        "day": ("f8", 0.0, 4),
        "run": ("f8", 0.0, 4),
        "settled": ("f8", 0.0, 0),
    }
    key: NDArray[np.uint64]
    tenant: NDArray[np.int64]
    offset_ms: NDArray[np.int64]
    used: NDArray[np.int64]
    settled: NDArray[np.float64]

    def __init__(self) -> None:
        super().__init__()
        self._index = HashIndex()
        self._free: list[int] = []
        self._freed: list[int] = []
        self.minute = -1
        self.too_late = 0

    def row_of(self, key: int, tenant: int = 0, offset_ms: int = 0) -> int:
        """Row of a stream, a new one included. `key` is not 0; the offset is that of the tenant's zone from UTC."""
        keys = np.array([key], np.uint64)
        row = int(self._index.get(keys)[0])
        if row < 0:
            if self.n >= STREAMS_MAX and not self._free:
                self._drop_least_used()
            row = self._free.pop() if self._free else self.add()
            self.key[row], self.tenant[row], self.used[row] = key, tenant, self.minute
            self._index.put(keys, np.array([row]))
        self.offset_ms[row] = offset_ms
        return row

    def _drop_least_used(self) -> None:
        """A sixteenth at once, so that the index is rebuilt seldom."""
        rows = np.argsort(self.used[: self.n], kind="stable")[: max(self.n // 16, 1)].tolist()
        for row in rows:
            self.reset_row(row)
        self._free += rows[::-1]
        self._freed += rows
        kept = np.flatnonzero(self.key[: self.n])
        self._index.rebuild(self.key[kept], kept)

    def take_freed(self) -> list[int]:
        """Rows whose stream was dropped since the last call: whoever keeps something by row forgets it."""
        freed, self._freed = self._freed, []
        return freed

    def take_settled(self) -> list[tuple[int, float]]:
        """Rows whose deviation lasted and became the usual since the last call, and the new usual / the old."""
        rows = np.flatnonzero(self.settled[: self.n])
        settled = [(int(row), float(self.settled[row])) for row in rows]
        self.settled[rows] = 0.0
        return settled

    def note(self, row: int, at_ms: int, count: int = 1) -> None:
        """Contacts at a moment; for late ones see the table above."""
        self.note_each(np.array([row]), np.array([at_ms]), np.array([count]))

    def note_each(self, rows: Any, at_ms: Any, counts: Any) -> None:
        """The same for many: int64 arrays of equal length."""
        if self.minute < 0 and len(at_ms):
            self.minute = int(at_ms[0]) // 60_000
        bound: ArrivalRows = self.rows()
        self.too_late += bound.note(memoryview(rows), memoryview(at_ms), memoryview(counts), self.minute)

    def close_minute(self, seen: bool = True, silent: Any = None) -> None:
        """Close the open minute of every stream; `seen` False in a gap of the feed: neither judged nor learnt.

        `silent` (0 or 1, int64 by row) says the same of single streams.
        """
        bound: ArrivalRows = self.rows()
        r: cython.Py_ssize_t
        minute: cython.longlong = self.minute
        counted: cython.bint = seen
        some: cython.bint = silent is not None
        still: cython.const[cython.longlong][:] = memoryview(silent if some else self.closed)
        for r in range(self.n):
            if bound.key[r] != 0:
                bound.close(r, minute, counted and not (some and still[r] != 0))
        self.minute += 1

    def flag(self, surging: Any) -> None:
        """Streams (0 or 1, int64 by row) that are abnormal in the minute closed last: their hour teaches nothing."""
        bound: ArrivalRows = self.rows()
        on: cython.const[cython.longlong][:] = memoryview(surging)
        r: cython.Py_ssize_t
        for r in range(min(self.n, on.shape[0])):
            bound.hour_flagged[r] += on[r]

    def learn(self, row: int, hour_of_week: int, count: float) -> None:
        """An hour from history: contacts in it. Hour 0 is Monday 00:00 at the tenant's clock."""
        bound: ArrivalRows = self.rows()
        if bound.look(row, hour_of_week):
            bound.judge_hour(row, hour_of_week, bound.rate_now, count, 60.0)
        else:
            bound.learn(row, hour_of_week, count / 60.0)
        bound.hour[row] = -1

    def rows(self) -> Any:
        """The columns bound, for one stream at a time."""
        if self.bound is None or self.bound.version != self.version:
            self.bound = ArrivalRows(self)
        return self.bound

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {
            "minute": self.minute,
            "too_late": self.too_late,
            "free": list(self._free),
            "freed": list(self._freed),
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self.minute, self.too_late = packed["minute"], packed["too_late"]
        self._free, self._freed = list(packed["free"]), list(packed["freed"])
        kept = np.flatnonzero(self.key[: self.n])
        self._index.rebuild(self.key[kept], kept)
