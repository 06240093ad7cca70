"""The last breaks of each agent: the events behind a break that is due."""

from __future__ import annotations

from services.scoring.core.batch import Batch
from services.scoring.core.evidence import Evidence, note_rests


class Rests(Evidence):
    """A row an agent. An agent whose breaks are not known yet has the first state that was told instead."""

    def hear(self, batch: Batch, agents: int) -> None:
        """Take in a batch; `agents` is how many there are."""
        if agents > self.n:
            self.add_many(agents - self.n)
        note_rests(batch, self)
