"""The last breaks of each agent: the events behind a break that is due."""

from __future__ import annotations

import numpy as np

from services.scoring.core.evidence import Evidence
from services.scoring.core.intake import Batch
from shared.contract.rows import STATE, STATE_CODES, STATE_MASK, STATE_SHIFT

_IS_REST = np.zeros(STATE_MASK + 1, bool)  # by state code
_IS_REST[[STATE_CODES["break"], STATE_CODES["offline"]]] = True


class Rests(Evidence):
    """A row an agent. An agent whose breaks are not known yet has the first state that was told instead."""

    def hear(self, batch: Batch) -> None:
        """Take in a batch."""
        events = (batch.kind == STATE).nonzero()[0]
        if events.size == 0:
            return
        agent = batch.agent[events]
        new = int(agent.max()) + 1 - self.n
        if new > 0:
            self.add_many(new)
        wanted = _IS_REST[(batch.flags[events] >> STATE_SHIFT) & STATE_MASK] | (self.next[agent] == 0)
        if wanted.any():
            evident = np.zeros(batch.kind.size, np.uint8)
            evident[events] = wanted
            self.note(batch.agent, evident, batch.ids, batch.id_texts)
