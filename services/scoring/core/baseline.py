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
from cython.cimports.libc.math import exp, floor, log
from numpy.typing import NDArray

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
TOPICS_MAX = 220_000
"""Baselines of a partition: 20,000 agents with 10 topics, and all of them together; 80 bytes each. Beyond, the least
recently used goes."""
STEPS = 2048
"""A handle time t (s) is kept, and judged, as ln t in steps of 1/2048: to 0.05 %, from 1 s to 100 days."""
COUNT_MAX = 32_000
"""Where a count is that high, half of it is taken off: it is compared with a few tens only. A multiple of WINDOW."""
_MIN_HANDLE_S = 1.0
_USES_MAX = 2**32 - 1
_FIRST_BITS = 10

_WINDOW = cython.declare(cython.Py_ssize_t, WINDOW)
_ENOUGH = cython.declare(cython.Py_ssize_t, ENOUGH)
_MAD_FLOOR = cython.declare(cython.double, MAD_FLOOR)
_ABNORMAL_Z = cython.declare(cython.double, ABNORMAL_Z)
_RELEARN_AFTER = cython.declare(cython.int, RELEARN_AFTER)
_MIN_S = cython.declare(cython.double, _MIN_HANDLE_S)
_STEPS = cython.declare(cython.double, STEPS)
_STEPS_MAX = cython.declare(cython.double, 2**15 - 1)
_COUNT_MAX = cython.declare(cython.int, COUNT_MAX)
_NAN = cython.declare(cython.double, float("nan"))
_GOLDEN = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_MASK64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


class HandleTimes(Table):
    """A row an (agent, topic): the last values of ln(handle time in s), in steps of 1/STEPS."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "logs": ("i2", 0, WINDOW),  # a ring: the next one goes to count % WINDOW
        "agent": ("i4", 0, 0),
        "topic": ("i4", 0, 0),
        "used": ("u4", 0, 0),
        "count": ("i2", 0, 0),
        "abnormal_run": ("i1", 0, 0),
    }
    agent: NDArray[np.int32]
    topic: NDArray[np.int32]
    logs: NDArray[np.int16]
    count: NDArray[np.int16]
    abnormal_run: NDArray[np.int8]
    used: NDArray[np.uint32]

    def __init__(self) -> None:
        super().__init__()
        self._uses = 0
        self._index(0)

    # The index has row numbers alone, 4 bytes each: whether a row is the one asked for is seen in the row, which is
    # needed anyway.

    def _index(self, more: int) -> None:
        """Number all rows anew, with room for more; at most half full."""
        bits = _FIRST_BITS
        while 1 << bits < 2 * (self.n + more):
            bits += 1
        self._shift = 64 - bits
        self._slots = np.full(1 << bits, -1, np.int32)
        self.bound = None
        pairs: _Pairs = _pairs_of(self)
        r: cython.Py_ssize_t
        for r in range(self.n):
            pairs.slots[pairs.place(pairs.agent[r], pairs.topic[r])] = r

    def rows_of(self, agents: Rows, topics: Rows) -> Rows:
        """Rows of these pairs, new ones included."""
        agent: cython.longlong[:] = agents if cython.compiled else memoryview(agents)
        topic: cython.longlong[:] = topics if cython.compiled else memoryview(topics)
        rows = np.empty(agent.shape[0], np.int64)
        _find(self, agent, topic, memoryview(rows))
        return rows

    def hear(self, ended: Ended) -> None:
        """Judge and then learn the handle times of contacts that ended; see `observe`."""
        n: cython.Py_ssize_t = ended.n
        _find(self, ended.agent[: 2 * n], ended.topic[: 2 * n], ended.row)
        _observe(self, ended.row[:n], ended.row[n : 2 * n], ended.took_s, ended.z, ended.ratio, ended.young)

    def _unknown(self, agents: Any, topics: Any) -> int:
        pairs: _Pairs = _pairs_of(self)
        new = {
            (agent, topic)
            for agent, topic in zip(agents, topics, strict=True)
            if pairs.slots[pairs.place(agent, topic)] < 0
        }
        return len(new)

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
        self._index(dropped.size)

    def _renumber_uses(self) -> None:
        """In the same order, from 1 on."""
        order = np.argsort(self.used[: self.n], kind="stable")
        self.used[order] = np.arange(1, self.n + 1)
        self._uses = self.n

    def observe(self, rows: Any, whole: Any, handle_s: Any) -> tuple[Any, Any, Any]:
        """Judge and then learn one handle time a row, in order; `whole` are the rows of all topics of these agents.

        Returns the robust z and the ratio to the own usual (1.0 is usual), both NaN while silent, and whether the topic
        is young to its agent (0 or 1) while the others are not.
        """
        z, ratio, young = np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows), np.uint8)
        row, all_of, took_s = (memoryview(given) for given in (rows, whole, handle_s))
        _observe(self, row, all_of, took_s, memoryview(z), memoryview(ratio), memoryview(young))
        return z, ratio, young

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {"uses": self._uses}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._uses = packed["uses"]
        self._index(0)


@cython.final
@cython.cclass
class Ended:
    """The `n` contacts of a batch that ended with an agent, in memory that the next batch uses again.

    `event` tells which of the batch each is. `agent` and `topic` (and their `row`) stand twice over: first with the
    contacts' topics, an issue (odd) or a queue (even), then with topic 0, all of them together. `took_s` is what
    HandleTimes hears, `z`, `ratio` and `young` what it says; see HandleTimes.observe.
    """

    def __init__(self) -> None:
        self.n = self.room = 0

    def make_room(self, contacts: int) -> None:
        """Room for so many contacts."""
        if contacts <= self.room:
            return
        n = max(contacts, 2 * self.room, 256)
        self.room = n
        self.event, self.took_s = memoryview(np.empty(n, np.int64)), memoryview(np.empty(n))
        pairs = np.empty((3, 2 * n), np.int64)
        self.agent, self.topic, self.row = memoryview(pairs[0]), memoryview(pairs[1]), memoryview(pairs[2])
        self.z, self.ratio, self.young = (
            memoryview(np.empty(n)),
            memoryview(np.empty(n)),
            memoryview(np.empty(n, np.uint8)),
        )


@cython.final
@cython.cclass
class _Pairs:
    """Where the pairs lie: the columns and the index."""

    version: cython.longlong
    slots: cython.int[::1]
    agent: cython.int[:]
    topic: cython.int[:]
    count: cython.short[:]
    logs: cython.short[:, :]
    abnormal_run: cython.schar[:]
    used: cython.uint[:]
    ordered: cython.int[::1]  # room for the values of one row
    shift: cython.int
    last: cython.ulonglong

    def __init__(self, table: Any) -> None:
        self.version = table.version
        self.slots = memoryview(table._slots)
        self.agent, self.topic = memoryview(table.agent), memoryview(table.topic)
        self.count, self.logs = memoryview(table.count), memoryview(table.logs)
        self.abnormal_run, self.used = memoryview(table.abnormal_run), memoryview(table.used)
        self.ordered = memoryview(np.empty(WINDOW, np.intc))
        self.shift, self.last = table._shift, table._slots.size - 1

    def fits(self, table: Any) -> bool:
        return self.version == table.version

    @cython.cfunc
    @cython.exceptval(check=False)
    def home(self, agent: cython.ulonglong, topic: cython.ulonglong) -> cython.ulonglong:
        return (((agent << 32 | topic) + 1) * _GOLDEN & _MASK64) >> self.shift

    @cython.cfunc
    @cython.exceptval(check=False)
    def place(self, agent: cython.longlong, topic: cython.longlong) -> cython.Py_ssize_t:
        """Slot of a pair, or the empty one where it would be."""
        at: cython.ulonglong = self.home(agent, topic)
        while self.slots[at] >= 0:
            r: cython.Py_ssize_t = self.slots[at]
            if self.agent[r] == agent and self.topic[r] == topic:
                break
            at = (at + 1) & self.last
        return at

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch_slot(self, agent: cython.longlong, topic: cython.longlong) -> cython.void:
        """Begin to bring a slot near, for a look-up soon after."""
        if cython.compiled:
            strainwatch_fetch(cython.address(self.slots[self.home(agent, topic)]))  # noqa: F821 - of the .pxd

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch_row(self, agent: cython.longlong, topic: cython.longlong) -> cython.void:
        """The same of the row that is most likely meant."""
        if cython.compiled:
            r: cython.Py_ssize_t = self.slots[self.home(agent, topic)]
            if r >= 0:
                # A row is longer than a line of the cache: its first, and its last with the count.
                strainwatch_fetch(cython.address(self.agent[r]))  # noqa: F821 - of the .pxd
                strainwatch_fetch(cython.address(self.count[r]))  # noqa: F821


def _pairs_of(table: Any) -> _Pairs:
    if table.bound is None or not table.bound.fits(table):
        table.bound = _Pairs(table)
    return table.bound


@cython.cfunc
def _find(table: Any, agent: cython.longlong[:], topic: cython.longlong[:], row: cython.longlong[::1]) -> cython.void:
    """Put the rows of pairs into `row`, new ones included."""
    more: cython.Py_ssize_t = agent.shape[0]
    if table.n + more > TOPICS_MAX and table.n + table._unknown(agent, topic) > TOPICS_MAX:
        table._drop_least_used()
    table.reserve(more)
    if 2 * (table.n + more) > table._slots.size:
        table._index(more)
    pairs: _Pairs = _pairs_of(table)
    end: cython.Py_ssize_t = table.n
    i: cython.Py_ssize_t
    for i in range(more):
        pairs.fetch_slot(agent[i], topic[i])
    for i in range(more):
        pairs.fetch_row(agent[i], topic[i])
    for i in range(more):
        at: cython.Py_ssize_t = pairs.place(agent[i], topic[i])
        if pairs.slots[at] < 0:
            pairs.agent[end], pairs.topic[end] = agent[i], topic[i]
            pairs.slots[at] = end
            end += 1
        row[i] = pairs.slots[at]
    table.n = end


@cython.cfunc
def _observe(
    table: Any,
    row: cython.const[cython.longlong][::1],
    all_of: cython.const[cython.longlong][::1],
    given_s: cython.const[cython.double][::1],
    z: cython.double[::1],
    ratio: cython.double[::1],
    young: cython.uchar[::1],
) -> cython.void:
    """See HandleTimes.observe."""
    pairs: _Pairs = _pairs_of(table)
    if table._uses + row.shape[0] > _USES_MAX:
        table._renumber_uses()
    uses: cython.uint = table._uses
    i: cython.Py_ssize_t
    for i in range(row.shape[0]):
        r: cython.Py_ssize_t = row[i]
        o: cython.Py_ssize_t = all_of[i]
        steps: cython.double = floor(log(max(given_s[i], _MIN_S)) * _STEPS + 0.5)
        x: cython.short = cython.cast(cython.short, min(steps, _STEPS_MAX))
        known: cython.Py_ssize_t = min(pairs.count[r], _WINDOW)
        abnormal: cython.bint = False
        z[i] = ratio[i] = _NAN
        median: cython.double
        mad: cython.double
        if known >= _ENOUGH:
            median = _median_of(pairs.logs, r, known, pairs.ordered)
            mad = _mad_of(pairs.ordered, known, median)
            z[i] = 0.6745 * (x - median) / mad
            ratio[i] = exp((x - median) / _STEPS)
            abnormal = abs(z[i]) > _ABNORMAL_Z
        elif pairs.count[o] >= _ENOUGH and o != r:
            # Too few about this topic: shrunk towards all topics, with the spread of all.
            of_all: cython.Py_ssize_t = min(pairs.count[o], _WINDOW)
            topic_median: cython.double = _median_of(pairs.logs, r, known, pairs.ordered) if known > 0 else 0.0
            median = _median_of(pairs.logs, o, of_all, pairs.ordered)
            mad = _mad_of(pairs.ordered, of_all, median)
            median = (_ENOUGH * median + known * topic_median) / (_ENOUGH + known)
            z[i] = 0.6745 * (x - median) / mad
            ratio[i] = exp((x - median) / _STEPS)
        young[i] = pairs.count[r] < 2 * _ENOUGH and pairs.count[o] - pairs.count[r] >= _ENOUGH
        uses += 1
        pairs.used[r] = pairs.used[o] = uses
        if _learns(pairs.abnormal_run, pairs.count, r, abnormal):
            _keep(pairs.logs, pairs.count, r, x)
        if o != r and _learns(pairs.abnormal_run, pairs.count, o, abs(z[i]) > _ABNORMAL_Z):
            _keep(pairs.logs, pairs.count, o, x)
    table._uses = uses


@cython.cfunc
@cython.exceptval(check=False)
def _learns(
    abnormal_run: cython.schar[:], count: cython.short[:], r: cython.Py_ssize_t, abnormal: cython.bint
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
def _keep(logs: cython.short[:, :], count: cython.short[:], r: cython.Py_ssize_t, x: cython.short) -> cython.void:
    logs[r, count[r] % _WINDOW] = x
    count[r] = count[r] + 1 if count[r] + 1 < _COUNT_MAX else _COUNT_MAX // 2


@cython.cfunc
@cython.exceptval(check=False)
def _median_of(
    logs: cython.short[:, :], r: cython.Py_ssize_t, n: cython.Py_ssize_t, ordered: cython.int[::1]
) -> cython.double:
    """Median of the first n values of a row, which are left in `ordered`."""
    k: cython.Py_ssize_t
    for k in range(n):
        ordered[k] = logs[r, k]
    return 0.5 * _twice_median(ordered, n)


@cython.cfunc
@cython.exceptval(check=False)
def _mad_of(ordered: cython.int[::1], n: cython.Py_ssize_t, median: cython.double) -> cython.double:
    """Median absolute deviation of the first n values of `ordered`, in steps, with its floor."""
    k: cython.Py_ssize_t
    twice: cython.int = cython.cast(cython.int, 2.0 * median)
    for k in range(n):
        ordered[k] = abs(2 * ordered[k] - twice)
    return max(0.25 * _twice_median(ordered, n), _MAD_FLOOR * _STEPS)


@cython.cfunc
@cython.exceptval(check=False)
def _twice_median(values: cython.int[::1], n: cython.Py_ssize_t) -> cython.int:
    """Twice the median of the first n values, which it puts in order."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for i in range(1, n):
        x: cython.int = values[i]
        k = i
        while k > 0 and values[k - 1] > x:
            values[k] = values[k - 1]
            k -= 1
        values[k] = x
    return values[(n - 1) // 2] + values[n // 2]
