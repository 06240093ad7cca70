"""Handle time against an agent's own usual: a robust, log-normal baseline per agent and topic.

Call handle times are log-normal (Brown et al. 2005), so the usual is the median of ln(handle time) over the last
contacts, its spread the MAD, and the robust z = 0.6745 (ln x - median) / MAD (Iglewicz & Hoaglin 1993).
The topic is the issue, or the queue where no issue is known.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats
from services.scoring.core.hash_index import HashIndex, first_seen
from services.scoring.core.rounds import rounds
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


class HandleTimes(Table):
    """A row an (agent, topic): the last values of ln(handle time in s)."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "agent": ("i4", 0, 0),
        "topic": ("i8", 0, 0),
        "logs": ("f4", np.nan, WINDOW),
        "count": ("i8", 0, 0),
        "abnormal_run": ("i4", 0, 0),
        "used": ("i8", 0, 0),
    }
    agent: NDArray[np.int32]
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
        rows = self._index.get(keys)
        missing = np.flatnonzero(rows < 0)
        if missing.size:
            new, position = first_seen(keys[missing])
            if self.n + new.size > TOPICS_MAX:
                self._drop_least_used()
                return self.rows_of(agents, topics)  # rows have moved
            rows[missing] = self._new(new)[position]
        return rows

    def _new(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        rows = self.add_many(keys.size)
        self.agent[rows], self.topic[rows] = (keys >> _TOPIC_BITS) - np.uint64(1), keys & _TOPIC_MASK
        self._index.put(keys, rows)
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

    def observe(self, rows: Rows, handle_s: Floats) -> tuple[Floats, Floats]:
        """Judge and then learn one handle time a row, in order.

        Returns the robust z and the ratio to the own usual (1.0 is usual); both NaN while silent.
        """
        z = np.full(rows.size, np.nan)
        ratio = np.full(rows.size, np.nan)
        log_s = np.log(np.maximum(handle_s, _MIN_HANDLE_S))
        for i in rounds(rows):
            z[i], ratio[i] = self._one_each(rows[i], log_s[i])
        return z, ratio

    def _one_each(self, r: Rows, x: Floats) -> tuple[Floats, Floats]:
        z = np.full(r.size, np.nan)
        ratio = np.full(r.size, np.nan)
        judged = np.flatnonzero(self.count[r] >= ENOUGH)
        if judged.size:
            logs = self.logs[r[judged]].astype(np.float64)
            known = np.minimum(self.count[r[judged]], WINDOW)
            median = _median(logs, known)
            mad = np.maximum(_median(np.abs(logs - median[:, None]), known), MAD_FLOOR)
            off = x[judged] - median
            z[judged] = 0.6745 * off / mad
            ratio[judged] = np.exp(off)
        with np.errstate(invalid="ignore"):
            abnormal = np.abs(z) > ABNORMAL_Z
        run = np.where(abnormal, self.abnormal_run[r] + 1, 0)
        relearns = run >= RELEARN_AFTER
        if relearns.any():
            again = r[relearns]
            self.logs[again] = np.nan
            self.count[again] = 0
            run[relearns] = 0
        self.abnormal_run[r] = run
        learns = ~abnormal | relearns
        at = r[learns]
        self.logs[at, self.count[at] % WINDOW] = x[learns]
        self.count[at] += 1
        self._uses += 1
        self.used[r] = self._uses
        return z, ratio

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {"uses": self._uses}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._uses = packed["uses"]
        self._index.rebuild(_pair_keys(self.agent[: self.n], self.topic[: self.n]), np.arange(self.n))


_TOPIC_BITS = np.uint64(33)
_TOPIC_MASK = np.uint64((1 << 33) - 1)


def _pair_keys(agents: NDArray[Any], topics: NDArray[Any]) -> NDArray[np.uint64]:
    return ((agents.astype(np.uint64) + np.uint64(1)) << _TOPIC_BITS) | topics.astype(np.uint64)  # 0 is no key


def _median(values: Floats, known: NDArray[np.int64]) -> Floats:
    """Median of the first `known` values of each row in order of size; NaN sorts last, so the rest is not looked at."""
    ordered = np.sort(values, axis=1)
    rows = np.arange(values.shape[0])
    return 0.5 * (ordered[rows, (known - 1) // 2] + ordered[rows, known // 2])
