"""Names of agents, of which one can be forgotten: its row then waits, without a name, for the next who is new."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.names import Names


class AgentNames(Names):
    """A forgotten name is gone from the table, its look-ups and its snapshots. No event can name an empty one."""

    def __init__(self) -> None:
        self._free: dict[int, list[int]] = {}
        super().__init__()

    def forget(self, row: int) -> None:
        """Take the name of a row away."""
        self._rename(row, "")

    def free(self, tenant: int) -> NDArray[np.intp]:
        """Rows of a tenant without a name, ascending."""
        return np.array(self._free.get(tenant, ()), np.intp)

    def _add(self, tenant: int, name: str, data: bytes) -> int:
        waiting = self._free.get(tenant)
        if not waiting:
            return super()._add(tenant, name, data)
        row = waiting[0]
        self._rename(row, name)
        return row

    def _rename(self, row: int, name: str) -> None:
        # Names lie side by side, so all are laid out anew: some 50 ms for 20,000, which is rare enough.
        self.text[row] = name
        self.unpack({"text": self.text, "tenant": self.tenant})

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Names."""
        self._free = {}
        super().unpack(packed)
        for row, name in enumerate(self.text):
            if not name:
                self._free.setdefault(self.tenant[row], []).append(row)
                self.of_tenant[self.tenant[row]] -= 1
