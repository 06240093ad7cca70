"""Which agents serve which queues, and how far two queues share them.

Refreshed once a minute of log time (and soon after a first contact), from the last hour of service.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.agent_table import Agents
from services.scoring.core.decay import Floats
from services.scoring.core.service import SERVES_FOR_MS, Service
from shared.contract.rows import STATE_CODES

Times = NDArray[np.int64]

ACTIVE_FOR_MS = 1_200_000
"""Without agent states, an agent is taken to be there for 20 min after the last contact. Product choice."""
REFRESH_MS = 60_000
SOON_MS = 5_000

_THERE = np.zeros(8, bool)
_THERE[[STATE_CODES[s] for s in ("available", "reserved", "on_contact", "acw")]] = True


class Pools:
    """Sparse overlap of queues: entry k says that `overlap[k]` of the agents of `other[k]` also serve `queue[k]`.

    Sorted by (queue, other); includes (q, q) with 1 for every queue that has agents. `agents[q]` counts those active.
    """

    def __init__(self) -> None:
        self.version = 0
        """Grows whenever the arrays lie elsewhere."""
        self.queue: Times = np.empty(0, np.int64)
        self.other: Times = np.empty(0, np.int64)
        self.overlap: Floats = np.empty(0)
        self.agents: Floats = np.empty(0)
        self._index()

    def refresh(self, service: Service, agents: Agents, due: NDArray[np.bool_], at_ms: int) -> None:
        """Recompute the queues that are `due` from who served what in the last hour and who is there at `at_ms`.

        `due` has an element a queue; queues of one tenant are due together, as only they can share agents.
        """
        queues = due.size
        active = is_active(agents, at_ms)
        used = np.flatnonzero(service.last_ms[: service.n] > at_ms - SERVES_FOR_MS)
        used = used[active[service.agent[used]] & due[service.queue[used]]]
        order = np.lexsort((service.queue[used], service.agent[used]))
        agent = service.agent[used][order].astype(np.int64)
        queue = service.queue[used][order].astype(np.int64)
        counts = np.bincount(queue, minlength=queues).astype(np.float64)
        counts[: self.agents.size] = np.where(due[: self.agents.size], counts[: self.agents.size], self.agents)
        codes = [queue * queues + queue]
        for step in range(1, agent.size):
            same = np.flatnonzero(agent[step:] == agent[:-step])
            if same.size == 0:
                break
            a, b = queue[same], queue[same + step]
            codes += [a * queues + b, b * queues + a]
        code, shared = np.unique(np.concatenate(codes), return_counts=True)
        kept = ~due[self.queue]
        joined = np.concatenate([self.queue[kept] * queues + self.other[kept], code])
        # Ratios of whole numbers: exact in every order.
        overlap = np.concatenate([self.overlap[kept], shared / counts[code % max(queues, 1)]])
        order = np.argsort(joined, kind="stable")
        self.queue, self.other = joined[order] // max(queues, 1), joined[order] % max(queues, 1)
        self.overlap, self.agents = overlap[order], counts
        self._index()

    def _index(self) -> None:
        """Entries of queue q are those from `start[q]` up to `start[q + 1]`."""
        self.version += 1
        self.start = np.searchsorted(self.queue, np.arange(self.agents.size + 1)).astype(np.int64)

    def pack(self) -> dict[str, Any]:
        """Columns as bytes."""
        return {
            "queue": self.queue.tobytes(),
            "other": self.other.tobytes(),
            "overlap": self.overlap.tobytes(),
            "agents": self.agents.tobytes(),
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        self.queue = np.frombuffer(packed["queue"], "i8").copy()
        self.other = np.frombuffer(packed["other"], "i8").copy()
        self.overlap = np.frombuffer(packed["overlap"], "f8").copy()
        self.agents = np.frombuffer(packed["agents"], "f8").copy()
        self._index()


def is_active(agents: Agents, at_ms: int) -> NDArray[np.bool_]:
    """Agents who could take a contact or are on one; where no state is sent, those with a recent contact."""
    n = agents.n
    there = _THERE[agents.state[:n]]
    recent = agents.contact_ms[:n] > at_ms - ACTIVE_FOR_MS
    active: NDArray[np.bool_] = there & ((agents.said_state[:n] != 0) | recent)
    return active
