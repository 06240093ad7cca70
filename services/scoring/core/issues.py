"""Root causes: what each issue has to do with a surge, how often its contacts come back, and what they cost.

An issue explains of the excess (observed - expected) / sum over the tenant's issues of max(0, observed - expected).
Repeats are counted both ways (the same caller with the same issue within seven days): backward, live, as the part of
the last seven days' contacts that were repeats; forward, matured, as the part of contacts of an earlier week that were
followed by one. Only the second is the complement of first-contact resolution, and it is known a week late.
A cost is strain-minutes: strain of the queue (0..100) when the contact arrived x minutes that it was handled.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.issue_rows import BIN_MS, BINS, DAY_MS, DAYS, PLACES, REPEAT_DAYS, IssueRows
from services.scoring.core.tables import StreamTable

_UNTOUCHED = -1


class Cause(NamedTuple):
    """One issue in a window. Counts are contacts; a rate is None while it has no contacts to be taken over."""

    row: int
    observed: float
    expected: float
    share: float
    repeat_share: float | None
    backward_repeat_rate: float | None
    forward_repeat_rate: float | None
    strain_minutes: float


class Issues(StreamTable):
    """A row an issue, numbered as its stream of mentions is. `follow` keeps the number of rows bounded as theirs."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "bin": ("i8", _UNTOUCHED, BINS),
        "observed": ("f4", 0.0, BINS),
        "expected": ("f4", 0.0, BINS),
        "again": ("f4", 0.0, BINS),
        "cost": ("f8", 0.0, BINS),
        "day": ("i8", _UNTOUCHED, DAYS),
        "contacts": ("f4", 0.0, DAYS),
        "repeats": ("f4", 0.0, DAYS),
        "followed": ("f4", 0.0, DAYS),
        "place": ("i4", -1, PLACES),  # queues of the last contacts, a ring
        "places": ("i8", 0, 0),  # written into it so far
    }
    bin: NDArray[np.int64]
    observed: NDArray[np.float32]
    expected: NDArray[np.float32]
    again: NDArray[np.float32]
    cost: NDArray[np.float64]
    day: NDArray[np.int64]
    contacts: NDArray[np.float32]
    repeats: NDArray[np.float32]
    followed: NDArray[np.float32]
    place: NDArray[np.int32]
    places: NDArray[np.int64]

    def rows(self) -> IssueRows:
        """The columns bound, for one issue at a time."""
        if self.bound is None or self.bound.version != self.version:
            self.bound = IssueRows(self)
        bound: IssueRows = self.bound
        return bound

    def note_contact(self, row: int, at_ms: int, count: int = 1) -> None:
        """Contacts with the issue were offered; late ones count where they belong, after four hours by day only."""
        self.rows().note_contact(row, at_ms, count)

    def note_repeat(self, row: int, at_ms: int, since_previous_s: float) -> None:
        """A contact (noted by `note_contact` too) was a repeat of one that came so long before."""
        self.rows().note_repeat(row, at_ms, round(since_previous_s * 1000))

    def note_cost(self, row: int, at_ms: int, queue_strain: float, handle_s: float) -> None:
        """A contact that was handled: the strain of its queue (0..100) when it arrived, and how long it took."""
        self.rows().note_cost(row, at_ms, queue_strain * handle_s / 60.0)

    def expect(self, rows: NDArray[np.int64], at_ms: int, expected: NDArray[np.float64]) -> None:
        """What a minute that began at `at_ms` was expected to bring, for each of these different rows."""
        number = at_ms // BIN_MS
        slot = number % BINS
        kept = self.bin[rows, slot] <= number
        rows = rows[kept]
        self._renew(rows[self.bin[rows, slot] < number], slot, number)
        self.expected[rows, slot] += expected[kept]

    def _renew(self, rows: NDArray[np.int64], slot: int, number: int) -> None:
        if rows.size:
            self.bin[rows, slot] = number
            for column in (self.observed, self.expected, self.again, self.cost):
                column[rows, slot] = 0.0

    def part_in(self, row: int, queue: int) -> float:
        """Part of the last contacts with an issue that were in a queue, 0 while there are none."""
        known = min(int(self.places[row]), PLACES)
        return int(np.count_nonzero(self.place[row, :known] == queue)) / known if known else 0.0

    def backward_repeat_rate(self, row: int, at_ms: int) -> float | None:
        """Part of the contacts of the last seven days (today and the six before, UTC) that were repeats. Live."""
        today = at_ms // DAY_MS
        return self._rate(self.repeats, row, today - REPEAT_DAYS + 1, today)

    def forward_repeat_rate(self, row: int, at_ms: int) -> float | None:
        """Part of the contacts of the seven days before those, all older than seven days, that were followed by one."""
        today = at_ms // DAY_MS
        return self._rate(self.followed, row, today - 2 * REPEAT_DAYS, today - REPEAT_DAYS - 1)

    def _rate(self, column: NDArray[np.float32], row: int, first: int, last: int) -> float | None:
        meant = (self.day[row] >= first) & (self.day[row] <= last)
        contacts = float(self.contacts[row, meant].sum())
        return min(float(column[row, meant].sum()) / contacts, 1.0) if contacts > 0 else None

    def causes(self, rows: NDArray[np.int64], since_ms: int, at_ms: int) -> list[Cause]:
        """These issues of one tenant between two moments (whole bins, the one of each moment included, at most the last
        four hours), those that explain most first; where that is equal, those that cost most, then by row.
        """
        last = at_ms // BIN_MS
        first = max(since_ms // BIN_MS, last - BINS + 1)
        meant = (self.bin[rows] >= first) & (self.bin[rows] <= last)
        observed, expected, again, cost = (
            np.where(meant, column[rows], 0.0).sum(1, np.float64)
            for column in (self.observed, self.expected, self.again, self.cost)
        )
        excess = np.maximum(observed - expected, 0.0)
        whole = float(excess.sum())
        shares = (observed - expected) / whole if whole > 0.0 else np.zeros(rows.size)
        found = [
            Cause(
                row=row,
                observed=float(observed[i]),
                expected=float(expected[i]),
                share=float(shares[i]),
                repeat_share=min(float(again[i] / observed[i]), 1.0) if observed[i] > 0 else None,
                backward_repeat_rate=self.backward_repeat_rate(row, at_ms),
                forward_repeat_rate=self.forward_repeat_rate(row, at_ms),
                strain_minutes=float(cost[i]),
            )
            for i, row in enumerate(rows.tolist())
        ]
        return sorted(found, key=lambda cause: (-cause.share, -cause.strain_minutes, cause.row))
