"""What is usual for a queue: its waits by hour of the day, and its share of repeat callers, from earlier days.

What happened today does not count yet: a bad day is not its own excuse. On a day on which the queue stood above its
alert line, values count only up to a bound, so that the usual does not learn at once from what was just called
abnormal; the bound lies above the usual, so that a change that stays is learnt within days.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats
from services.scoring.core.tables import Table

HOURS = 24
HOUR_MS = 3_600_000
DAY_MS = HOURS * HOUR_MS

UNKNOWN_WAIT_S = 30.0
"""The usual wait before any day is over. Product choice: half the default target."""
SHRINK_CONTACTS = 30.0
"""An hour of a queue speaks for itself as far as it has more contacts than that; else the queue's and the hour's means
do. Product choice: the mean of 30 waits is known to about a fifth."""
HALF_LIFE_DAYS = 28.0
"""After four weeks a day counts half: seasons change, single days do not matter. Product choice."""
CAP_TIMES, CAP_MORE_S = 3.0, 60.0
"""On an abnormal day a wait counts up to three times the usual and a minute. Product choice."""
REPEATS_ENOUGH = 200.0
"""Contacts of earlier days before a share of repeats is usual: a share of 15 % is then known to 2.5 points."""
REPEATS_CAP_TIMES, REPEATS_CAP_MORE = 2.0, 0.05
"""On an abnormal day repeats count up to twice the usual share and 5 points. Product choice."""


class Usual(Table):
    """A row a queue, as in the table of queues. `today_*` joins the sums of earlier days when the day is over."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "offset_ms": ("i8", 0, 0),  # of the tenant's clock from UTC: days and hours are those of that clock
        "day": ("i8", 0, 0),  # the day that `today_*` is of; 0 before the first minute
        "waits_s": ("f8", 0.0, HOURS),
        "waits": ("f8", 0.0, HOURS),
        "contacts": ("f8", 0.0, 0),
        "repeats": ("f8", 0.0, 0),
        "today_waits_s": ("f8", 0.0, HOURS),
        "today_capped_s": ("f8", 0.0, HOURS),
        "today_waits": ("f8", 0.0, HOURS),
        "today_contacts": ("f8", 0.0, 0),
        "today_repeats": ("f8", 0.0, 0),
        "abnormal": ("u1", 0, 0),  # above the alert line at some time today
        "wait_s": ("f8", UNKNOWN_WAIT_S, 0),  # usual at this hour
        "repeat_share": ("f8", np.nan, 0),  # usual, 0..1; NaN until there is enough
    }
    offset_ms: NDArray[np.int64]
    day: NDArray[np.int64]
    waits_s: Floats
    waits: Floats
    contacts: Floats
    repeats: Floats
    today_waits_s: Floats
    today_capped_s: Floats
    today_waits: Floats
    today_contacts: Floats
    today_repeats: Floats
    abnormal: NDArray[np.uint8]
    wait_s: Floats
    repeat_share: Floats

    def __init__(self) -> None:
        super().__init__()
        self._quarter = -1
        self._rows = 0

    def refresh(self, at_ms: int, tenant: NDArray[np.int32], above_line: NDArray[np.bool_]) -> None:
        """Once a minute: note the queues above their alert line, end the day, take the cells of the hour. [rows]"""
        self.abnormal[: self.n] |= above_line
        quarter = at_ms // (HOUR_MS // 4)  # some zones are a half or a quarter of an hour off
        if quarter == self._quarter and self.n == self._rows:
            return
        self._quarter, self._rows = quarter, self.n
        n, local_ms = self.n, at_ms + self.offset_ms[: self.n]
        day, hour = local_ms // DAY_MS, local_ms // HOUR_MS % HOURS
        new = np.flatnonzero(self.day[:n] == 0)
        self.day[new] = day[new]
        over = np.flatnonzero(self.day[:n] != day)
        if over.size:
            self._end_day(over, day[over])
        self.wait_s[:n] = usual_waits(self.waits_s[:n], self.waits[:n], tenant, hour)
        enough = self.contacts[:n] >= REPEATS_ENOUGH
        self.repeat_share[:n] = np.where(enough, self.repeats[:n] / np.maximum(self.contacts[:n], 1.0), np.nan)

    def _end_day(self, r: NDArray[np.intp], day: NDArray[np.int64]) -> None:
        """Earlier days fade, and what was today joins them."""
        kept = np.exp2(np.minimum(self.day[r] - day, 0) / HALF_LIFE_DAYS)  # a change of zone may turn a day back
        abnormal = self.abnormal[r] != 0
        waited_s = np.where(abnormal[:, None], self.today_capped_s[r], self.today_waits_s[r])
        most = (REPEATS_CAP_TIMES * self.repeat_share[r] + REPEATS_CAP_MORE) * self.today_contacts[r]
        capped = abnormal & (self.today_repeats[r] > most)  # never where no share is usual yet: NaN
        repeats = np.where(capped, most, self.today_repeats[r])
        self.waits_s[r] = self.waits_s[r] * kept[:, None] + waited_s
        self.waits[r] = self.waits[r] * kept[:, None] + self.today_waits[r]
        self.contacts[r] = self.contacts[r] * kept + self.today_contacts[r]
        self.repeats[r] = self.repeats[r] * kept + repeats
        for today in (self.today_waits_s, self.today_capped_s, self.today_waits):
            today[r] = 0.0
        self.today_contacts[r] = self.today_repeats[r] = 0.0
        self.abnormal[r] = 0
        self.day[r] = day

    def end_running_day(self) -> None:
        """What is known of today becomes earlier days, as its midnight would make it. A row's day is then tomorrow."""
        for day in np.unique(self.day[: self.n]).tolist():
            self._end_day(np.flatnonzero(self.day[: self.n] == day), day + 1)

    def learn_waits(self, r: NDArray[np.intp], day: int, waits_s: Floats, waits: Floats) -> NDArray[np.bool_]:
        """Take the waits of earlier days [row, hour] where they are of more contacts than a row's own, both as of the
        row's day. `day` is the first one that they do not know. Returns which rows took them.

        A running day that they know begins anew.
        """
        faded = self._faded(r, day)[:, None]
        waits_s, waits = waits_s * faded, waits * faded
        more: NDArray[np.bool_] = waits.sum(axis=1) > self.waits[r].sum(axis=1)
        r = r[more]
        self.waits_s[r], self.waits[r] = waits_s[more], waits[more]
        known = r[self.day[r] < day]
        for today in (self.today_waits_s, self.today_capped_s, self.today_waits):
            today[known] = 0.0
        self._hour = -1
        return more

    def learn_repeats(self, r: NDArray[np.intp], day: int, contacts: Floats, repeats: Floats) -> NDArray[np.bool_]:
        """The same for the share of repeat callers, [row]."""
        faded = self._faded(r, day)
        contacts, repeats = contacts * faded, repeats * faded
        more: NDArray[np.bool_] = contacts > self.contacts[r]
        r = r[more]
        self.contacts[r], self.repeats[r] = contacts[more], repeats[more]
        known = r[self.day[r] < day]
        self.today_contacts[known] = self.today_repeats[known] = 0.0
        self._hour = -1
        return more

    def _faded(self, r: NDArray[np.intp], day: int) -> Floats:
        """What counts, as of a row's own day, of sums as of `day`; these reach to the end of the row's day at most."""
        faded: Floats = np.exp2(np.minimum(day - self.day[r], 1) / HALF_LIFE_DAYS)
        return faded

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {"quarter": self._quarter, "rows": self._rows}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._quarter, self._rows = packed["quarter"], packed["rows"]


def usual_waits(waits_s: Floats, waits: Floats, tenant: NDArray[np.int32], hour: int | NDArray[np.int64]) -> Floats:
    """Usual wait of each queue at an hour of the day (of its tenant's), s, from sums and counts by [queue, hour].

    A cell is shrunk towards (mean of the queue) x (mean of the hour) / (mean of the tenant), and these two towards the
    tenant's mean, each as if by 30 contacts.
    """
    of_queue_s, of_queue = waits_s.sum(axis=1), waits.sum(axis=1)
    at_hour = np.arange(tenant.size), hour

    def of_tenant(values: Floats) -> Floats:
        return np.bincount(tenant, values)[tenant].astype(np.float64)

    counted = of_tenant(of_queue)
    mean_s = np.where(counted > 0.0, of_tenant(of_queue_s) / np.maximum(counted, 1e-9), UNKNOWN_WAIT_S)
    queue_s = _shrunk(of_queue_s, of_queue, mean_s)
    hour_s = _shrunk(of_tenant(waits_s[at_hour]), of_tenant(waits[at_hour]), mean_s)
    return _shrunk(waits_s[at_hour], waits[at_hour], queue_s * hour_s / np.maximum(mean_s, 1.0))


def _shrunk(total: Floats, count: Floats, towards: Floats) -> Floats:
    mean: Floats = (total + SHRINK_CONTACTS * towards) / (count + SHRINK_CONTACTS)
    return mean
