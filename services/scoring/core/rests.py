"""The last breaks of each agent: the events behind a break that is due."""

from __future__ import annotations

import numpy as np

from services.scoring.core.evidence import Evidence
from services.scoring.core.intake import Batch
from shared.contract.rows import STATE, STATE_CODES, STATE_MASK, STATE_SHIFT

_RESTS = (STATE_CODES["break"], STATE_CODES["offline"])


class Rests(Evidence):
    """A row an agent. An agent whose breaks are not known yet has the first state that was told instead."""

    def hear(self, batch: Batch) -> None:
        """Take in a batch."""
        events = np.flatnonzero((batch.kind == STATE) & (batch.agent >= 0))
        if events.size == 0:
            return
        agent, state = batch.agent[events], (batch.flags[events] >> STATE_SHIFT) & STATE_MASK
        known = np.zeros(int(agent.max()) + 1, bool)
        known[: self.n] = self.next[: self.n][: known.size] > 0
        rows = np.full(batch.kind.size, -1, np.intp)
        rows[events] = np.where(np.isin(state, _RESTS) | ~known[agent], agent, -1)
        self.note(rows, batch.ids, batch.id_texts)
