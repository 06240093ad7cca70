"""The table of queues, their parameters by row, and queues at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.decay import Floats
from services.scoring.core.queue_drivers import QUEUE_DRIVERS, SCALE_PER_DRIVER
from services.scoring.core.tables import Table

Times = NDArray[np.int64]

D = len(QUEUE_DRIVERS)

# Sums that decay, each with its own time constant (s). Means are ratios of two sums of one constant.
ARRIVALS, WAIT_SUM, WAIT_COUNT, WITHIN, ENDED, ABANDONED, HANDLE_SUM, HANDLE_COUNT, LEFT, WAITED = range(10)
TAU_S = (900.0, 600.0, 600.0, 1800.0, 1800.0, 1800.0, 7200.0, 7200.0, 7200.0, 7200.0)


class Queues(Table):
    """A row a queue."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {
        "tenant": ("i4", 0, 0),
        "team": ("i4", 0, 0),
        "t_ms": ("i8", 0, 0),
        "first_ms": ("i8", 0, 0),
        "sums": ("f8", 0.0, len(TAU_S)),
        "waiting": ("i8", 0, 0),  # counted from contacts
        "oldest_ms": ("i8", 0, 0),  # offer of the oldest that waits, 0 for none
        "observed_ms": ("i8", 0, 0),
        "observed_waiting": ("f8", 0.0, 0),
        "observed_longest_s": ("f8", np.nan, 0),
        "observed_agents": ("f8", np.nan, 0),
        "strain": ("f8", 0.0, 0),  # when last judged; what its contacts bring to their agents
    }
    tenant: NDArray[np.int32]
    team: NDArray[np.int32]
    t_ms: Times
    first_ms: Times
    sums: Floats
    waiting: Times
    oldest_ms: Times
    observed_ms: Times
    observed_waiting: Floats
    observed_longest_s: Floats
    observed_agents: Floats
    strain: Floats


@dataclass(slots=True)
class QueueParameters:
    """Parameters by row of the table, shape [queue] ([queue, driver] for weight, 0 where a driver is off)."""

    weight: Floats
    scale: Floats
    target_wait_s: Floats
    recent_target_s: Floats
    load_line: Floats  # 0..1
    goal: Floats  # 0..1
    usual_abandoned: Floats  # 0..1
    full_abandoned: Floats  # 0..1
    within_s: Floats


class JudgedQueues:
    """Queues at a moment; shapes [rows] and [rows, driver].

    `longest_s` is NaN where nobody waits. The strain stays between `lowest` and `highest` for a minute if no event
    comes.
    """

    __slots__ = (
        "agents", "by_driver", "by_row", "highest", "level", "longest_s", "lowest", "predicted_s", "strain", "value",
        "waiting",
    )  # fmt: skip

    def __init__(self, rows: int) -> None:
        self.by_driver, self.by_row = np.empty((2, rows, D)), np.empty((7, rows))
        self.level, self.value = self.by_driver
        self.strain, self.waiting, self.longest_s, self.predicted_s, self.agents, self.lowest, self.highest = (
            self.by_row
        )


def scale_of(weight: Floats) -> Floats:
    """Scale of the drivers that are on."""
    scale: Floats = SCALE_PER_DRIVER * np.maximum(weight.sum(axis=-1), 1e-9)
    return scale
