"""The table of queues, their parameters by row, and queues at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats
from services.scoring.core.queue_drivers import ARRIVALS_SURGE, QUEUE_DRIVERS, SCALE_PER_DRIVER
from services.scoring.core.tables import Table
from services.scoring.core.usual_waits import Usual

Times = NDArray[np.int64]

D = len(QUEUE_DRIVERS)
MINUTE_MS = 60_000

# Sums that decay, each with its own time constant (s). Means are ratios of two sums of one constant.
ARRIVALS, WAIT_SUM, WAIT_COUNT, WITHIN, ENDED, ABANDONED, HANDLE_SUM, HANDLE_COUNT, JOINED, REPEATS = range(10)
TAU_S = (1200.0, 600.0, 600.0, 1800.0, 1800.0, 1800.0, 7200.0, 7200.0, 7200.0, 7200.0)


class Queues(Table):
    """A row a queue; `usual` has the same rows."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "tenant": ("i4", 0, 0),
        "team": ("i4", 0, 0),
        "t_ms": ("i8", 0, 0),
        "first_ms": ("i8", 0, 0),
        "sums": ("f8", 0.0, len(TAU_S)),
        "waiting": ("i8", 0, 0),  # counted from contacts
        "oldest_ms": ("i8", 0, 0),  # offer of the oldest that waits, 0 for none
        "first_waiting": ("i4", -1, 0),  # row of that contact, -1 for none
        "last_waiting": ("i4", -1, 0),
        "observed_ms": ("i8", 0, 0),
        "observed_waiting": ("f8", 0.0, 0),
        "observed_counted": ("f8", 0.0, 0),  # what the contacts said at that moment
        "observed_longest_s": ("f8", np.nan, 0),
        "observed_agents": ("f8", np.nan, 0),
        "felt_s2": ("f8", 0.0, 0),  # square of the longest wait of the last minutes, fading
        "needed": ("f8", np.nan, 0),  # agents for a wait within its target, counted at the last whole minute
        "held_ms": ("i8", 0, 0),  # where its feed is silent, the moment at which it stands still; 0 for not
        "strain": ("f8", 0.0, 0),  # when last judged; what its contacts bring to their agents
        "surge": ("f8", 0.0, 0),  # of arrivals, in thresholds, 0 while there is none; changes at whole minutes
        "surge_percent": ("f8", np.nan, 0),  # arrivals since it began in % of the usual
    }
    tenant: NDArray[np.int32]
    team: NDArray[np.int32]
    t_ms: Times
    first_ms: Times
    sums: Floats
    waiting: Times
    oldest_ms: Times
    first_waiting: NDArray[np.int32]
    last_waiting: NDArray[np.int32]
    observed_ms: Times
    observed_waiting: Floats
    observed_counted: Floats
    observed_longest_s: Floats
    observed_agents: Floats
    felt_s2: Floats
    needed: Floats
    held_ms: Times
    strain: Floats
    surge: Floats
    surge_percent: Floats

    def __init__(self) -> None:
        super().__init__()
        self.usual = Usual()
        self.some_held = False
        """Whether `held_ms` of any row is not 0: the look at all rows that most entries need not take."""

    def add(self) -> int:
        """See Table."""
        self.usual.add()
        return super().add()

    def add_many(self, count: int) -> NDArray[np.int64]:
        """See Table."""
        self.usual.add_many(count)
        return super().add_many(count)

    def above_line(self, at_ms: int, p: QueueParameters) -> NDArray[np.bool_]:
        """Queues whose last contact, within a minute, found them at their alert line or above. [rows]"""
        above: NDArray[np.bool_] = (self.strain[: self.n] >= p.alert_line[: self.n]) & (
            self.t_ms[: self.n] > at_ms - MINUTE_MS
        )
        return above

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {"usual": self.usual.pack()}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        self.usual.unpack(packed["usual"])
        super().unpack(packed)
        self.some_held = bool(self.held_ms[: self.n].any())


@dataclass(slots=True)
class QueueParameters:
    """Parameters by row of the table, shape [queue] ([queue, driver] for weight, 0 where a driver is off)."""

    weight: Floats
    scale: Floats
    target_wait_s: Floats
    patience_rate: Floats  # per s
    recent_target_s: Floats
    load_line: Floats  # 0..1
    goal: Floats  # 0..1
    usual_abandoned: Floats  # 0..1
    full_abandoned: Floats  # 0..1
    within_s: Floats
    full_repeats: Floats  # 0..1
    full_short: Floats  # 0..1
    full_surge: Floats  # thresholds
    alert_line: Floats  # strain


class JudgedQueues:
    """Queues at a moment; shapes [rows] and [rows, driver].

    `longest_s` is NaN where nobody waits. The strain stays between `lowest` and `highest` for a minute if no event
    comes. Without `drivers` what is by driver has no rows.
    """

    __slots__ = (
        "agents", "by_driver", "by_row", "highest", "level", "longest_s", "lowest", "predicted_s", "strain", "value",
        "waiting",
    )  # fmt: skip

    def __init__(self, rows: int, *, drivers: bool = True) -> None:
        self.by_driver, self.by_row = np.empty((2, rows if drivers else 0, D)), np.empty((7, rows))
        self.level, self.value = self.by_driver
        self.strain, self.waiting, self.longest_s, self.predicted_s, self.agents, self.lowest, self.highest = (
            self.by_row
        )


def scale_of(weight: Floats) -> Floats:
    """Scale of the drivers that are on. A surge comes on top of the others: most of the day it is 0, and with its
    weight in the scale they would all say less then; it is its own scale only where nothing else is on.
    """
    surge = weight[..., ARRIVALS_SURGE]
    scale: Floats = SCALE_PER_DRIVER * np.maximum(np.maximum(weight.sum(axis=-1) - surge, surge), 1e-9)
    return scale
