"""Handle time against an agent's own usual: a robust, log-normal baseline per agent and topic.

Call handle times are log-normal (Brown et al. 2005), so the usual is the median of ln(handle time) over the last
contacts, its spread the MAD, and the robust z = 0.6745 (ln x - median) / MAD (Iglewicz & Hoaglin 1993).
The topic is the issue, or the queue where no issue is known; topic 0 is all of them: while there is too little about a
topic, its usual is shrunk towards that. Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any, ClassVar

import cython
import numpy as np
from cython.cimports.libc.math import exp, log
from numpy.typing import NDArray

from services.scoring.core.hash_index import HashIndex
from services.scoring.core.tables import Table

Rows = NDArray[np.intp]

WINDOW = 32
"""Contacts remembered per agent and topic: some days of one issue; the median of 32 has a standard error of 0.2 sd."""
ENOUGH = 10
"""Silent below: with fewer values MAD is too uncertain to call anything long. Product choice."""
MAD_FLOOR = 0.05
"""In log units (5 %): equal handle times must not make every second count."""
ABNORMAL_Z = 3.5
"""Not learnt when above (a baseline does not learn from what it just called abnormal)."""
RELEARN_AFTER = 20
"""...unless that many came in a row: then the work has changed, and the new length is the usual. Product choice."""
TOPICS_MAX = 200_000
"""Baselines of a partition (20,000 agents with 10 topics); 150 MB in memory. Beyond, the least recently used goes."""
_MIN_HANDLE_S = 1.0

_AHEAD = cython.declare(cython.Py_ssize_t, 4)
"""Contacts between asking for their rows and using them."""
_WINDOW = cython.declare(cython.Py_ssize_t, WINDOW)
_ENOUGH = cython.declare(cython.Py_ssize_t, ENOUGH)
_MAD_FLOOR = cython.declare(cython.double, MAD_FLOOR)
_ABNORMAL_Z = cython.declare(cython.double, ABNORMAL_Z)
_RELEARN_AFTER = cython.declare(cython.int, RELEARN_AFTER)
_MIN_S = cython.declare(cython.double, _MIN_HANDLE_S)


class HandleTimes(Table):
    """A row an (agent, topic): the last values of ln(handle time in s)."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "agent": ("i8", 0, 0),
        "topic": ("i8", 0, 0),
        "logs": ("f4", np.nan, WINDOW),
        "count": ("i8", 0, 0),
        "abnormal_run": ("i4", 0, 0),
        "used": ("i8", 0, 0),
    }
    agent: NDArray[np.int64]
    topic: NDArray[np.int64]
    logs: NDArray[np.float32]
    count: NDArray[np.int64]
    abnormal_run: NDArray[np.int32]
    used: NDArray[np.int64]

    def __init__(self) -> None:
        super().__init__()
        self._index = HashIndex()
        self._uses = 0

    def rows_of(self, agents: Rows, topics: Rows) -> Rows:
        """Rows of these pairs, new ones included."""
        keys = _pair_keys(agents, topics)
        if self.n + keys.size > TOPICS_MAX and self.n + np.unique(keys[self._index.get(keys) < 0]).size > TOPICS_MAX:
            self._drop_least_used()
        rows, taken = self._index.number(keys, np.arange(self.n, self.n + keys.size))
        if taken:
            self.add_many(taken)
            self.agent[rows], self.topic[rows] = agents, topics
        return rows

    def _drop_least_used(self) -> None:
        """Keep the newest 15/16."""
        kept = np.sort(np.argsort(self.used[: self.n], kind="stable")[self.n // 16 :])
        for name in self.columns:
            column = getattr(self, name)
            column[: kept.size] = column[kept]
        dropped = np.arange(kept.size, self.n)
        self.n = kept.size
        for row in dropped.tolist():
            self.reset_row(row)
        self._index.rebuild(_pair_keys(self.agent[: self.n], self.topic[: self.n]), np.arange(self.n))

    def observe(self, rows: Any, whole: Any, handle_s: Any) -> tuple[Any, Any, Any]:
        """Judge and then learn one handle time a row, in order; `whole` are the rows of all topics of these agents.

        Returns the robust z and the ratio to the own usual (1.0 is usual), both NaN while silent, and whether the topic
        is young to its agent (0 or 1) while the others are not.
        """
        row: cython.const[cython.longlong][::1] = rows if cython.compiled else memoryview(rows)
        all_of: cython.const[cython.longlong][::1] = whole if cython.compiled else memoryview(whole)
        given_s: cython.const[cython.double][::1] = handle_s if cython.compiled else memoryview(handle_s)
        logs: cython.float[:, :] = self.logs if cython.compiled else memoryview(self.logs)
        count: cython.longlong[:] = self.count if cython.compiled else memoryview(self.count)
        abnormal_run: cython.int[:] = self.abnormal_run if cython.compiled else memoryview(self.abnormal_run)
        used: cython.longlong[:] = self.used if cython.compiled else memoryview(self.used)
        z_of, ratio_of = np.full(row.shape[0], np.nan), np.full(row.shape[0], np.nan)
        young_of = np.zeros(row.shape[0], np.uint8)
        z: cython.double[::1] = z_of if cython.compiled else memoryview(z_of)
        ratio: cython.double[::1] = ratio_of if cython.compiled else memoryview(ratio_of)
        young: cython.uchar[::1] = young_of if cython.compiled else memoryview(young_of)
        ordered: cython.double[::1] = memoryview(np.empty(WINDOW))
        uses: cython.longlong = self._uses
        i: cython.Py_ssize_t
        n: cython.Py_ssize_t = row.shape[0]
        for i in range(n):
            if cython.compiled and i + _AHEAD < n:
                strainwatch_fetch(cython.address(logs[row[i + _AHEAD], 0]))  # noqa: F821 - of the .pxd
                strainwatch_fetch(cython.address(logs[row[i + _AHEAD], _WINDOW - 1]))  # noqa: F821
                strainwatch_fetch(cython.address(count[row[i + _AHEAD]]))  # noqa: F821
                strainwatch_fetch(cython.address(logs[all_of[i + _AHEAD], 0]))  # noqa: F821
                strainwatch_fetch(cython.address(logs[all_of[i + _AHEAD], _WINDOW - 1]))  # noqa: F821
                strainwatch_fetch(cython.address(count[all_of[i + _AHEAD]]))  # noqa: F821
            r: cython.Py_ssize_t = row[i]
            o: cython.Py_ssize_t = all_of[i]
            x: cython.double = log(max(given_s[i], _MIN_S))
            known: cython.Py_ssize_t = min(count[r], _WINDOW)
            abnormal: cython.bint = False
            median: cython.double
            mad: cython.double
            if known >= _ENOUGH:
                median = _median_of(logs, r, known, ordered)
                mad = _mad_of(ordered, known, median)
                z[i] = 0.6745 * (x - median) / mad
                ratio[i] = exp(x - median)
                abnormal = abs(z[i]) > _ABNORMAL_Z
            elif count[o] >= _ENOUGH and o != r:
                # Too few about this topic: shrunk towards all topics, with the spread of all.
                of_all: cython.Py_ssize_t = min(count[o], _WINDOW)
                topic_median: cython.double = _median_of(logs, r, known, ordered) if known > 0 else 0.0
                median = _median_of(logs, o, of_all, ordered)
                mad = _mad_of(ordered, of_all, median)
                median = (_ENOUGH * median + known * topic_median) / (_ENOUGH + known)
                z[i] = 0.6745 * (x - median) / mad
                ratio[i] = exp(x - median)
            young[i] = count[r] < 2 * _ENOUGH and count[o] - count[r] >= _ENOUGH
            uses += 1
            used[r] = used[o] = uses
            if _learns(abnormal_run, count, r, abnormal):
                logs[r, count[r] % _WINDOW] = x
                count[r] += 1
            if o != r and _learns(abnormal_run, count, o, abs(z[i]) > _ABNORMAL_Z):
                logs[o, count[o] % _WINDOW] = x
                count[o] += 1
        self._uses = uses
        return z_of, ratio_of, young_of

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {"uses": self._uses}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._uses = packed["uses"]
        self._index.rebuild(_pair_keys(self.agent[: self.n], self.topic[: self.n]), np.arange(self.n))


def _pair_keys(agents: Any, topics: Any) -> Any:
    agent: cython.const[cython.longlong][:] = agents if cython.compiled else memoryview(agents)
    topic: cython.const[cython.longlong][:] = topics if cython.compiled else memoryview(topics)
    keys = np.empty(agent.shape[0], np.uint64)
    key: cython.ulonglong[::1] = keys if cython.compiled else memoryview(keys)
    i: cython.Py_ssize_t
    for i in range(agent.shape[0]):
        key[i] = (cython.cast(cython.ulonglong, agent[i]) + 1) << 33 | topic[i]  # 0 is no key
    return keys


@cython.cfunc
@cython.exceptval(check=False)
def _learns(
    abnormal_run: cython.int[:], count: cython.longlong[:], r: cython.Py_ssize_t, abnormal: cython.bint
) -> cython.bint:
    """Whether a row learns a value; after a long run of abnormal ones it begins anew."""
    abnormal_run[r] = abnormal_run[r] + 1 if abnormal else 0
    if abnormal_run[r] >= _RELEARN_AFTER:
        abnormal_run[r] = 0
        count[r] = 0
        return True
    return not abnormal


@cython.cfunc
@cython.exceptval(check=False)
def _median_of(
    logs: cython.float[:, :], r: cython.Py_ssize_t, n: cython.Py_ssize_t, ordered: cython.double[::1]
) -> cython.double:
    """Median of the first n values of a row, which are left in `ordered`."""
    k: cython.Py_ssize_t
    for k in range(n):
        ordered[k] = logs[r, k]
    return _median(ordered, n)


@cython.cfunc
@cython.exceptval(check=False)
def _mad_of(ordered: cython.double[::1], n: cython.Py_ssize_t, median: cython.double) -> cython.double:
    """Median absolute deviation of the first n values of `ordered`, with its floor."""
    k: cython.Py_ssize_t
    for k in range(n):
        ordered[k] = abs(ordered[k] - median)
    return max(_median(ordered, n), _MAD_FLOOR)


@cython.cfunc
@cython.exceptval(check=False)
def _median(values: cython.double[::1], n: cython.Py_ssize_t) -> cython.double:
    """Median of the first n values, which it puts in order."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for i in range(1, n):
        x: cython.double = values[i]
        k = i
        while k > 0 and values[k - 1] > x:
            values[k] = values[k - 1]
            k -= 1
        values[k] = x
    return 0.5 * (values[(n - 1) // 2] + values[n // 2])
