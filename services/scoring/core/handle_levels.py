"""How long contacts of a queue take from day to day: a change for everybody is told once, and then it is the usual.

An agent's own baseline (`baseline`) follows such a change within about 32 contacts and has nothing to say of it: a new
program that makes every contact a fifth longer lies well within what single contacts vary by. Over a day's contacts of
a queue it is plain. A day counts by the mean of ln(handle time) against the usual, each contact up to a bound. A day
that is abnormal teaches nothing; when three working days in a row were so in the same direction, that is the usual.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats
from services.scoring.core.tables import Table

Rows = NDArray[np.intp]

DAY_MS = 86_400_000
ENOUGH_DAYS = 3.0
"""Silent below three working days: two cannot say what is usual. Product choice."""
ENOUGH_CONTACTS = 30.0
"""Of a day, to count at all: the mean of 30 contacts is known to about 10 %."""
WORKING = 0.5
"""A working day has at least half of the contacts of the mean one."""
CHANGED = float(np.log(1.1))
"""Smaller changes are learnt without a word: 10 % of handle time is what schedules reckon with. Product choice."""
ABNORMAL_SD = 2.5
"""Standard errors of a day's mean from the usual; three days in a row are then one chance in two million."""
LASTING_DAYS = 3
"""Working days until a deviation is the usual. Product choice."""
MEMORY_DAYS = 20.0
"""A day weighs at least that part of the usual: four weeks of working days. Product choice."""
TOGETHER = 0.5
"""It is everywhere when, without the queue that deviates most, at least that part of the deviation is left. Product
choice."""
_WITHIN, _WITHIN_WORTH = 0.6**2, 100.0
_BETWEEN, _BETWEEN_WORTH = 0.03**2, 5.0
"""Assumed variance of ln(handle time) within a day and of days' means (3 %), and their worth."""


class Settled(NamedTuple):
    """A change that lasted: of a queue, or of all queues of its tenant (-1). `ratio` is new usual / old."""

    tenant: int
    queue: int
    ratio: float


class Levels(Table):
    """A row whatever has days: what is usual of them, and a run of those that were abnormal the same way."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "usual": ("f8", np.nan, 0),  # mean of ln(handle time in s)
        "days": ("f8", 0.0, 0),  # working days it is known from
        "a_day": ("f8", 0.0, 0),  # contacts of a working day
        "within": ("f8", _WITHIN, 0),
        "between": ("f8", _BETWEEN, 0),
        "run": ("f8", 0.0, 0),  # days in a row, below 0 when shorter
        "run_sums": ("f8", 0.0, 2),  # of those days: contacts, deviations
    }
    usual: Floats
    days: Floats
    a_day: Floats
    within: Floats
    between: Floats
    run: Floats
    run_sums: Floats

    def cover(self, n: int) -> None:
        """At least so many rows."""
        if n > self.n:
            self.add_many(n - self.n)

    def working(self, count: Floats) -> Rows:
        """Rows whose day has enough contacts to count."""
        return np.flatnonzero((count >= ENOUGH_CONTACTS) & (count >= WORKING * self.a_day[: self.n]))

    def abnormal(self, r: Rows, count: Floats, mean: Floats) -> NDArray[np.bool_]:
        """Whether a day of these rows is far from the usual; `mean` is the deviation from it."""
        days = np.maximum(self.days[r], 1.0)
        error = np.sqrt((self.within[r] / np.maximum(count, 1.0) + self.between[r]) * (1.0 + 1.0 / days))
        far: NDArray[np.bool_] = np.abs(mean) > np.maximum(CHANGED, ABNORMAL_SD * error)
        return far & (self.days[r] >= ENOUGH_DAYS)

    def follow(self, r: Rows, abnormal: NDArray[np.bool_], count: Floats, mean: Floats) -> Rows:
        """Count days in a row; the rows whose deviation has lasted."""
        way = np.where(abnormal, np.sign(mean), 0.0)
        anew = way * self.run[r] <= 0.0
        self.end_run(r[anew])
        self.run[r] += way
        self.run_sums[r] += np.where(abnormal[:, None], np.stack([count, count * mean], axis=1), 0.0)
        return r[np.abs(self.run[r]) >= LASTING_DAYS]

    def lasting(self, r: Rows) -> Floats:
        """Mean deviation in the run of rows."""
        mean: Floats = self.run_sums[r, 1] / self.run_sums[r, 0]
        return mean

    def end_run(self, r: Rows) -> None:
        """What comes next is another run."""
        self.run[r] = 0.0
        self.run_sums[r] = 0.0

    def learn(self, r: Rows, count: Floats, mean: Floats, spread: Floats) -> None:
        """A normal day; `mean` is the deviation from the usual, of a first day the mean itself."""
        known = self.usual[r] == self.usual[r]
        weight = 1.0 / np.minimum(self.days[r] + 1.0, MEMORY_DAYS)
        self.usual[r] = np.where(known, self.usual[r] + weight * mean, mean)
        self.a_day[r] += weight * (count - self.a_day[r])
        self.within[r] += np.minimum(count / _WITHIN_WORTH, 1.0) * weight * (spread - self.within[r])
        beyond = np.clip(mean * mean - spread / count, 0.0, 25.0 * _BETWEEN)
        chance = np.where(known, np.minimum(weight, 1.0 / _BETWEEN_WORTH), 0.0)
        self.between[r] = np.maximum(self.between[r] + chance * (beyond - self.between[r]), _BETWEEN / 4.0)
        self.days[r] = np.minimum(self.days[r] + 1.0, MEMORY_DAYS)


KNOWN = ("usual", "days", "a_day", "within", "between")
"""Columns that are worth keeping for another engine."""


def _columns(table: Levels, r: Rows) -> Floats:
    values = np.stack([getattr(table, name)[r] for name in KNOWN], axis=1)
    known: Floats = np.where(values[:, 1:2] > 0.0, values, 0.0)
    return known


class HandleLevels:
    """Of all queues, in the numbers of the engine's register, and of their tenants."""

    def __init__(self) -> None:
        self.queues, self.tenants = Levels(), Levels()
        self.settled: list[Settled] = []
        """Whoever announces them takes them away within the step."""
        self._day = -1
        self.today = np.zeros((0, 3))
        """By queue: contacts, their deviations from the usual (or 0), these squared. See `handled_feed`."""

    def cover(self, queues: int) -> None:
        """At least so many queues."""
        if queues > self.today.shape[0]:
            self.today = np.concatenate([self.today, np.zeros((queues - self.today.shape[0], 3))])
            self.queues.cover(queues)

    def end_days(self, at_ms: int, tenants: NDArray[np.int32]) -> None:
        """Once a minute: end the day (UTC) when another has begun. `tenants` is by queue."""
        day = at_ms // DAY_MS
        if day == self._day:
            return
        if self._day >= 0 and self.queues.n:
            self._end_day(tenants[: self.queues.n])
        self._day = day

    def _end_day(self, tenants: NDArray[np.int32]) -> None:
        of, today = self.queues, self.today
        self.today = np.zeros_like(today)
        everywhere = self._everywhere(tenants, np.where((of.usual[: of.n] == of.usual[: of.n])[:, None], today, 0.0))
        r = of.working(today[:, 0])
        count, mean = today[r, 0], today[r, 1] / today[r, 0]
        spread = np.maximum(today[r, 2] / count - mean * mean, 1e-4)
        abnormal = of.abnormal(r, count, mean)
        teaches = ~(abnormal | everywhere[tenants[r]])
        of.learn(r[teaches], count[teaches], mean[teaches], spread[teaches])
        lasted = of.follow(r, abnormal, count, mean)
        shift = of.lasting(lasted)
        for q, by in zip(lasted.tolist(), shift.tolist(), strict=True):
            self.settled.append(Settled(int(tenants[q]), q, float(np.exp(by))))
        of.usual[lasted] += shift
        of.end_run(lasted)

    def _everywhere(self, tenants: NDArray[np.int32], today: Floats) -> NDArray[np.bool_]:
        """Tenants whose day was abnormal in their queues together. One for whom that has lasted is told of, and the
        change is the usual of all its queues, also of those with too few contacts to tell.
        """
        of, n = self.tenants, int(tenants.max()) + 1
        of.cover(n)
        count, total, squares = (np.bincount(tenants, today[:, i], of.n).astype(np.float64) for i in range(3))
        most = np.zeros(of.n, np.intp)  # the queue of each that deviates most
        order = np.argsort(np.abs(today[:, 1]), kind="stable")
        most[tenants[order]] = order  # the last one of a tenant stays
        r = of.working(count)
        largest = today[most[r]]
        count, mean, squares = count[r], total[r] / count[r], squares[r]
        rest = (total[r] - largest[:, 1]) / np.maximum(count - largest[:, 0], 1.0)
        together = (count - largest[:, 0] >= ENOUGH_CONTACTS) & (rest * np.sign(mean) >= TOGETHER * np.abs(mean))
        abnormal = of.abnormal(r, count, mean) & together
        normal = ~abnormal
        spread = np.maximum(squares / count - mean * mean, 1e-4)
        of.learn(r[normal], count[normal], mean[normal], spread[normal])
        lasted = of.follow(r, abnormal, count, mean)
        for tenant, shift in zip(lasted.tolist(), of.lasting(lasted).tolist(), strict=True):
            self.settled.append(Settled(tenant, -1, float(np.exp(shift))))
            its = np.flatnonzero(tenants == tenant)
            self.queues.usual[its] += shift
            self.queues.end_run(its)
        of.end_run(lasted)
        found = np.zeros(of.n, bool)
        found[r[abnormal]] = True
        return found

    def known(self, queues: Rows, tenant: int, tenants: NDArray[np.int32], now_ms: int) -> Floats:
        """What is known of these queues and, last, of their tenant (of no row: zeros), as if the day were over.

        [row, what], in the order of KNOWN; `tenants` is by queue.
        """
        over = HandleLevels()
        over.unpack(self.pack())
        over.cover(int(queues.max(initial=-1)) + 1)
        over.end_days(now_ms + DAY_MS, tenants)
        over.tenants.cover(tenant + 1)
        return np.concatenate([_columns(over.queues, queues), _columns(over.tenants, np.array([tenant]))])

    def learn(self, queues: Rows, tenant: int, given: Floats) -> int:
        """Take what is known [row, what] where it is from more days than a row's own; how many rows took it.

        The running day of a queue that took it begins anew, as does a run of days that deviated.
        """
        self.cover(int(queues.max(initial=-1)) + 1)
        self.tenants.cover(tenant + 1)
        number = 0
        for table, rows, values in (
            (self.queues, queues, given[:-1]),
            (self.tenants, np.array([tenant]), given[-1:]),
        ):
            more = values[:, KNOWN.index("days")] > table.days[rows]
            for i, name in enumerate(KNOWN):
                getattr(table, name)[rows[more]] = values[more, i]
            table.end_run(rows[more])
            number += int(np.count_nonzero(more))
            if table is self.queues:
                self.today[rows[more]] = 0.0
        return number

    def pack(self) -> dict[str, Any]:
        """All state."""
        return {
            "queues": self.queues.pack(),
            "tenants": self.tenants.pack(),
            "day": self._day,
            "today": self.today.tobytes(),
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        self.queues.unpack(packed["queues"])
        self.tenants.unpack(packed["tenants"])
        self._day = packed["day"]
        self.today = np.frombuffer(packed["today"]).reshape(-1, 3).copy()
