"""Outbound contacts to the same person too often, by queue: a campaign is a queue.

How often somebody was contacted within 7 days is counted in the append (see `append.lua`), and comes with the entry.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.batch import Batch
from services.scoring.core.decay import Floats
from services.scoring.core.evidence import Evidence, note_over

Rows = NDArray[np.intp]


class Campaigns(Evidence):
    """A row a queue: how often the person was contacted that was last contacted too often, and by which events."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {**Evidence.columns, "count": ("i8", 0, 0)}
    count: NDArray[np.int64]

    def hear(self, batch: Batch, line: Floats) -> Rows:
        """Take in a batch; the queues, ascending, in which somebody was now contacted `line` [queue] times or more."""
        if batch.outbound is None:
            return np.empty(0, np.intp)
        queue = np.asarray(batch.queue)
        asked = (batch.outbound > 0) & (queue >= 0)
        over = np.zeros(batch.n, bool)
        over[asked] = batch.outbound[asked] >= line[queue[asked]]
        queues: Rows = np.unique(queue[over])
        if queues.size:
            note_over(batch, over.view(np.uint8), self)
            self.count[queues] = 0
            np.maximum.at(self.count, queue[over], batch.outbound[over])
        return queues
