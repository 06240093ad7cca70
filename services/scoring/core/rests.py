"""The last breaks of each agent: the events behind a break that is due."""

from __future__ import annotations

from services.scoring.core.evidence import Evidence
from services.scoring.core.intake import Batch
from services.scoring.core.stretches import rests_told


class Rests(Evidence):
    """A row an agent. An agent whose breaks are not known yet has the first state that was told instead."""

    def hear(self, batch: Batch, agents: int) -> None:
        """Take in a batch; `agents` is how many there are."""
        if agents > self.n:
            self.add_many(agents - self.n)
        told = rests_told(batch.kind, batch.flags, batch.agent, self.next)
        if told is not None:
            self.note(batch.agent, told, batch.ids, batch.id_texts)
