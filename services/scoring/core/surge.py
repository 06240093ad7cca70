"""Surges: when has a stream's arrivals risen above its usual, whenever that began and by how much?

Poisson-FOCuS (Ward et al., JASA 2023) keeps the few starts that can still be the best one: those on the lower hull of
contacts against expected contacts; that is a CUSUM for every rise of at least `RISE_MIN` at once. A start with c
contacts where b were expected is then judged by the negative-binomial likelihood ratio of its own rise r against none,

    c ln r - (c + k) ln((r b + k) / (b + k)),   r = max(c / b, RISE_MIN),   k = b / (phi - 1 + cv2 b),

whose variance b (phi + cv2 b) is that of over-dispersed arrivals under a usual that is itself uncertain (`cv2`); with
phi 1 and cv2 0 it is Poisson's. Dividing by phi instead (quasi-Poisson) is wrong where it matters: few contacts in
clumps have far heavier tails than a scaled Poisson count. Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any, ClassVar

import cython
import numpy as np
from cython.cimports.libc.math import log
from numpy.typing import NDArray

from services.scoring.core.tables import StreamTable

STARTS = 12
"""Possible starts kept; FOCuS needs about ln(minutes) of them. When full, the two next to each other in time merge."""
RISE_MIN = 1.25
"""Smaller rises are no surge: staff absorb them, and errors of the usual look like them. Product choice."""
RISE_OVER = 2.0
"""The end is judged against this rise (or the surge's own where that is lower): 1.44 of the usual is then half way. A
surge to more than four times the usual is judged against half of its own rise: where next to nothing is usual, hours
without a contact would hardly speak against twice that."""
OVER = 6.9
"""Evidence that a surge is over: ln 1000; one that goes on is cut short in under 1 of 1,000 minutes. Product choice."""
LEVEL_MAX = 5.0
"""Of the statistic in thresholds: beyond five, more says nothing new."""
THRESHOLD_MIN = 3.0
"""However large the budget: twenty to one is the least to interrupt somebody for. Product choice."""
_MINUTES_A_DAY = 1440.0

_STARTS = cython.declare(cython.Py_ssize_t, STARTS)
_RISE = cython.declare(cython.double, RISE_MIN)
_RISE_OVER = cython.declare(cython.double, RISE_OVER)
_LEAN = cython.declare(cython.double, (RISE_MIN - 1.0) / float(np.log(RISE_MIN)))
"""Contacts / expected below which the newer of two starts is better for every rise of at least RISE_MIN."""
_OVER = cython.declare(cython.double, OVER)
_LEVEL_MAX = cython.declare(cython.double, LEVEL_MAX)
_LEAST = cython.declare(cython.double, THRESHOLD_MIN)


# ln(false alarms a minute) at threshold 0, by expectation (contacts a minute) and phi, and what a unit of threshold
# takes off it: measured by bench/surge_threshold.py with 10 million minutes each. Few contacts in clumps raise fewer
# alarms: their streams get the lower threshold that they can afford.
EXPECTED = (0.05, 0.2, 1.0, 5.0, 20.0, 100.0)
PHI = (1.0, 1.5, 2.5, 5.0)
SLOPE = 0.952
LN_FALSE = (
    (-1.66, -3.45, -4.21, -5.38),
    (-1.29, -2.52, -3.23, -4.15),
    (-1.26, -1.60, -2.27, -2.73),
    (-1.21, -1.36, -1.58, -1.83),
    (-1.21, -1.25, -1.32, -1.48),
    (-1.70, -1.54, -1.43, -1.34),
)
_SLOPE = cython.declare(cython.double, SLOPE)
_LN_EXPECTED = cython.declare(cython.double[::1], memoryview(np.log(np.array(EXPECTED))))
_LN_PHI = cython.declare(cython.double[::1], memoryview(np.log(np.array(PHI))))
_LN_FALSE = cython.declare(cython.double[:, ::1], memoryview(np.array(LN_FALSE)))


def threshold(false_a_minute: float, expected: float, phi: float) -> float:
    """Statistic at which a stream raises so many false alarms a minute."""
    return threshold_of(log(false_a_minute), expected, phi)


@cython.cfunc
@cython.exceptval(check=False)
def threshold_of(ln_false: cython.double, expected: cython.double, phi: cython.double) -> cython.double:
    """Between the measured ones, bilinear in the logarithms; beyond them, that of the nearest."""
    i: cython.Py_ssize_t = 0
    j: cython.Py_ssize_t = 0
    x: cython.double = log(expected)
    y: cython.double = log(phi)
    while i < _LN_EXPECTED.shape[0] - 2 and x > _LN_EXPECTED[i + 1]:
        i += 1
    while j < _LN_PHI.shape[0] - 2 and y > _LN_PHI[j + 1]:
        j += 1
    x = min(max((x - _LN_EXPECTED[i]) / (_LN_EXPECTED[i + 1] - _LN_EXPECTED[i]), 0.0), 1.0)
    y = min(max((y - _LN_PHI[j]) / (_LN_PHI[j + 1] - _LN_PHI[j]), 0.0), 1.0)
    low: cython.double = _LN_FALSE[i, j] + y * (_LN_FALSE[i, j + 1] - _LN_FALSE[i, j])
    high: cython.double = _LN_FALSE[i + 1, j] + y * (_LN_FALSE[i + 1, j + 1] - _LN_FALSE[i + 1, j])
    return max((low + x * (high - low) - ln_false) / _SLOPE, _LEAST)


class Surges(StreamTable):
    """A row a stream, numbered as the streams are. Read after `step`: `value` (statistic in thresholds: 1 raises the
    alarm, 0 ends it), `surging` (0 or 1), `since` (minute in which the surge began), `observed` and `expected`
    (contacts since then).
    """

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "ln_false": ("f8", -15.0, 0),
        "threshold": ("f8", 0.0, 0),
        "starts": ("i8", 0, 0),
        "start": ("i8", 0, STARTS),
        "contacts": ("f8", 0.0, STARTS),
        "usual": ("f8", 0.0, STARTS),
        "value": ("f8", 0.0, 0),
        "surging": ("i8", 0, 0),
        "since": ("i8", -1, 0),
        "observed": ("f8", 0.0, 0),
        "expected": ("f8", 0.0, 0),
        "over": ("f8", 0.0, 0),
    }
    ln_false: NDArray[np.float64]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]
    surging: NDArray[np.int64]
    since: NDArray[np.int64]
    observed: NDArray[np.float64]
    expected: NDArray[np.float64]

    def share_budget(self, tenants: Any, ready: Any, budget_a_day: Any) -> None:
        """A tenant's false alarms a day (float64 by tenant number) shared alike by its streams that are ready.

        To be called whenever one of them may have changed: once an hour.
        """
        counts = np.bincount(tenants[: self.n], weights=ready[: self.n] != 0, minlength=len(budget_a_day))
        ln_false = np.log(np.maximum(budget_a_day, 1e-9) / (_MINUTES_A_DAY * np.maximum(counts, 1.0)))
        self.ln_false[: self.n] = ln_false[tenants[: self.n]]

    def step(self, minute: int, contacts: Any, expected: Any, ready: Any, phi: Any, cv2: Any) -> None:
        """Judge a closed minute of all streams: the columns of the same name after `close_minute`.

        A row with contacts -1 (unseen) or that is not ready stays as it is.
        """
        rows: _Rows = self._rows()
        x: cython.const[cython.longlong][:] = memoryview(contacts)
        e: cython.const[cython.double][:] = memoryview(expected)
        known: cython.const[cython.longlong][:] = memoryview(ready)
        by_minute: cython.const[cython.double][:] = memoryview(phi)
        by_hour: cython.const[cython.double][:] = memoryview(cv2)
        at: cython.longlong = minute
        r: cython.Py_ssize_t
        for r in range(self.n):
            if x[r] >= 0 and known[r] != 0:
                rows.threshold[r] = threshold_of(rows.ln_false[r], e[r], by_minute[r])
                rows.step(r, at, x[r], e[r], by_minute[r], by_hour[r])

    def _rows(self) -> Any:
        if self.bound is None or self.bound.version != self.version:
            self.bound = _Rows(self)
        return self.bound


@cython.final
@cython.cclass
class _Rows:
    """The columns, bound once."""

    version = cython.declare(cython.longlong, visibility="readonly")
    ln_false: cython.double[:]
    threshold: cython.double[:]
    starts: cython.longlong[:]
    start: cython.longlong[:, :]
    contacts: cython.double[:, :]
    usual: cython.double[:, :]
    value: cython.double[:]
    surging: cython.longlong[:]
    since: cython.longlong[:]
    observed: cython.double[:]
    expected: cython.double[:]
    over: cython.double[:]
    best: cython.Py_ssize_t

    def __init__(self, surges: Surges) -> None:
        self.version = surges.version
        self.ln_false = memoryview(surges.ln_false)
        self.threshold = memoryview(surges.threshold)
        self.starts = memoryview(surges.starts)
        self.start = memoryview(surges.start)
        self.contacts = memoryview(surges.contacts)
        self.usual = memoryview(surges.usual)
        self.value = memoryview(surges.value)
        self.surging = memoryview(surges.surging)
        self.since = memoryview(surges.since)
        self.observed = memoryview(surges.observed)
        self.expected = memoryview(surges.expected)
        self.over = memoryview(surges.over)
        self.best = 0

    @cython.cfunc
    @cython.exceptval(check=False)
    def step(
        self,
        r: cython.Py_ssize_t,
        minute: cython.longlong,
        x: cython.double,
        e: cython.double,
        phi: cython.double,
        cv2: cython.double,
    ) -> cython.void:
        """A minute of one stream: alarm, go on, or end."""
        self.add(r, minute, x, e)
        level: cython.double = self.statistic(r, phi, cv2) / self.threshold[r]
        if self.surging[r] == 0:
            self.value[r] = min(level, _LEVEL_MAX)
            if level < 1.0:
                return
            self.surging[r] = 1
            self.since[r] = self.start[r, self.best]
            self.observed[r] = self.contacts[r, self.best]
            self.expected[r] = self.usual[r, self.best]
            self.over[r] = 0.0
            return
        self.observed[r] += x
        self.expected[r] += e
        own: cython.double = max(self.observed[r] / self.expected[r], _RISE)
        rise: cython.double = max(min(own, _RISE_OVER), 0.5 * own)
        # Of the fall back to the usual against none: the noise is that of the surge, not that of the usual.
        self.over[r] = max(self.over[r] + ratio_of(x, rise * e, 1.0 / rise, phi, cv2), 0.0)
        if self.over[r] >= _OVER:
            self.starts[r] = 0
            self.surging[r] = 0
            self.since[r] = -1
            self.value[r] = self.observed[r] = self.expected[r] = self.over[r] = 0.0
        else:
            self.value[r] = min(max(level, 1.0), _LEVEL_MAX) * (1.0 - self.over[r] / _OVER)

    @cython.cfunc
    @cython.exceptval(check=False)
    def add(self, r: cython.Py_ssize_t, minute: cython.longlong, x: cython.double, e: cython.double) -> cython.void:
        """Contacts and expectation of a minute onto every start, one that begins here included; then the hull."""
        i: cython.Py_ssize_t
        n: cython.Py_ssize_t = self.starts[r]
        if n == _STARTS:
            n = self.merge(r)
        self.start[r, n] = minute
        self.contacts[r, n] = self.usual[r, n] = 0.0
        n += 1
        for i in range(n):
            self.contacts[r, i] += x
            self.usual[r, i] += e
        # The newest start leaves while what came before it, up to the next older one, was at least as steep.
        while n >= 2:
            before: cython.double = self.contacts[r, n - 2] - self.contacts[r, n - 1]
            usual: cython.double = self.usual[r, n - 2] - self.usual[r, n - 1]
            if self.contacts[r, n - 1] * usual > before * self.usual[r, n - 1]:
                break
            n -= 1
        if n == 1 and self.contacts[r, 0] <= _LEAN * self.usual[r, 0]:
            n = 0
        while n >= 2 and (self.contacts[r, 0] - self.contacts[r, 1] <= _LEAN * (self.usual[r, 0] - self.usual[r, 1])):
            self.leave(r, 0, n)
            n -= 1
        self.starts[r] = n

    @cython.cfunc
    @cython.exceptval(check=False)
    def leave(self, r: cython.Py_ssize_t, gone: cython.Py_ssize_t, n: cython.Py_ssize_t) -> cython.void:
        """Take one start out of n."""
        i: cython.Py_ssize_t
        for i in range(gone, n - 1):
            self.start[r, i] = self.start[r, i + 1]
            self.contacts[r, i] = self.contacts[r, i + 1]
            self.usual[r, i] = self.usual[r, i + 1]

    @cython.cfunc
    @cython.exceptval(check=False)
    def merge(self, r: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Room for a start: one goes whose next newer one is nearest in time; how many are left."""
        i: cython.Py_ssize_t
        gone: cython.Py_ssize_t = 1
        for i in range(2, _STARTS - 1):
            if self.start[r, i + 1] - self.start[r, i] < self.start[r, gone + 1] - self.start[r, gone]:
                gone = i
        self.leave(r, gone, _STARTS)
        return _STARTS - 1

    @cython.cfunc
    @cython.exceptval(check=False)
    def statistic(self, r: cython.Py_ssize_t, phi: cython.double, cv2: cython.double) -> cython.double:
        """Of the best start, which is left in `best`; 0 when there is none."""
        i: cython.Py_ssize_t
        most: cython.double = 0.0
        self.best = 0
        for i in range(self.starts[r]):
            c: cython.double = self.contacts[r, i]
            b: cython.double = self.usual[r, i]
            s: cython.double = ratio_of(c, b, max(c / b, _RISE), phi, cv2)
            if s > most:
                most = s
                self.best = i
        return most


@cython.cfunc
@cython.exceptval(check=False)
def ratio_of(
    c: cython.double, b: cython.double, rise: cython.double, phi: cython.double, cv2: cython.double
) -> cython.double:
    """Log likelihood ratio of `rise` against none, for c contacts where b were expected."""
    k: cython.double = b / max(phi - 1.0 + cv2 * b, 1e-6)
    return c * log(rise) - (c + k) * log(1.0 + (rise - 1.0) * b / (b + k))
