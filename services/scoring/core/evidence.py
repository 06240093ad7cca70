"""The ids of the last events behind a row: an alert names what it stands on.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any, ClassVar

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.batch import Batch, Facts
from services.scoring.core.tables import Table
from shared.contract.rows import STATE, STATE_CODES, STATE_MASK, STATE_SHIFT

KEPT = 6
"""Enough to look the matter up in the ACD; an alert is not a log."""
_NAMES_MAX = 50_000
"""Ids that are not UUIDs are kept as text; beyond this many, those that no row names any more are dropped."""

_KEPT = cython.declare(cython.Py_ssize_t, KEPT)
_AHEAD = cython.declare(cython.Py_ssize_t, 8)
"""Events between asking for a row and using it: about as long as memory takes."""
_RESTS = cython.declare(cython.int, sum(1 << STATE_CODES[s] for s in ("break", "offline")))
_STATE = cython.declare(cython.int, STATE)
_STATE_SHIFT = cython.declare(cython.int, STATE_SHIFT)
_STATE_MASK = cython.declare(cython.int, STATE_MASK)


@cython.final
@cython.cclass
class Ring:
    """The columns of the table, bound where they lie."""

    def __init__(self, evidence: Any) -> None:
        self.version, self.n = evidence.version, evidence.n
        self.ids = memoryview(evidence.ids)
        self.next = memoryview(evidence.next)

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch(self, r: cython.Py_ssize_t) -> cython.void:
        """Begin to bring a row near."""
        if cython.compiled:
            strainwatch_fetch(cython.address(self.ids[r, 0]))  # noqa: F821 - of the .pxd
            strainwatch_fetch(cython.address(self.next[r]))  # noqa: F821

    @cython.cfunc
    @cython.exceptval(check=False)
    def note(self, r: cython.Py_ssize_t, b: Batch, i: cython.Py_ssize_t) -> cython.void:
        """Remember an event; rows up to it are there from then on."""
        at: cython.Py_ssize_t = 2 * (self.next[r] % _KEPT)
        self.ids[r, at] = b.ids[i, 0]
        self.ids[r, at + 1] = b.ids[i, 1]
        self.next[r] += 1
        if r >= self.n:
            self.n = r + 1


class Evidence(Table):
    """A row for each row of the subject: its last event ids, as a ring."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {"ids": ("u8", 0, 2 * KEPT), "next": ("i8", 0, 0)}
    ids: NDArray[np.uint64]
    next: NDArray[np.int64]

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[bytes, str] = {}

    def ring(self, subjects: cython.Py_ssize_t) -> Ring:
        """The bound table, with room for so many subjects. What is noted in it counts after `take`."""
        if subjects > self.n:
            self.reserve(subjects - self.n)
        bound = self.bound
        if bound is None or bound.version != self.version:
            bound = self.bound = Ring(self)
        one: Ring = bound
        one.n = self.n
        return one

    def take(self, ring: Ring, texts: dict[bytes, str]) -> None:
        """What was noted counts; `texts` are the ids that are no UUIDs."""
        self.n = ring.n
        if texts:
            self._texts.update(texts)
            if len(self._texts) > _NAMES_MAX:
                named = {half.tobytes() for half in self.ids[: self.n].reshape(-1, 2)}
                self._texts = {k: v for k, v in self._texts.items() if k in named}

    def of(self, row: int) -> list[str]:
        """Event ids of a row, oldest first."""
        if row >= self.n:
            return []
        count = int(self.next[row])
        out = []
        for k in range(max(count - KEPT, 0), count):
            raw = self.ids[row, 2 * (k % KEPT) : 2 * (k % KEPT) + 2].tobytes()
            text = self._texts.get(raw)
            if text is None:
                h = raw.hex()
                text = f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
            out.append(text)
        return out

    def pack(self) -> dict[str, Any]:
        """See Table."""
        return super().pack() | {"texts": dict(self._texts)}

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._texts = dict(packed["texts"])


def note_facts(
    b: Batch,
    facts: Facts,
    of_queues: Evidence,
    of_agents: Evidence,
    of_arrivals: Evidence,
    of_mentions: Evidence,
    names: Any,
) -> None:
    """Remember the events of a batch by what they say: how a queue fares, what strains an agent, an arrival in a queue,
    the first mention of an issue. `names` are the engine's registers.
    """
    queues: Ring = of_queues.ring(len(names.queues.text))
    agents: Ring = of_agents.ring(len(names.agents.text))
    arrivals: Ring = of_arrivals.ring(len(names.queues.text))
    mentions: Ring = of_mentions.ring(len(names.issues.text))
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for i in range(b.n):
        j = i + _AHEAD
        if cython.compiled and j < b.n:
            if b.agent[j] >= 0 and facts.evident[j]:
                agents.fetch(b.agent[j])
            if b.queue[j] >= 0 and facts.of_queue[j]:
                queues.fetch(b.queue[j])
            if b.queue[j] >= 0 and facts.arrived[j]:
                arrivals.fetch(b.queue[j])
        if b.queue[i] >= 0:
            if facts.of_queue[i]:
                queues.note(b.queue[i], b, i)
            if facts.arrived[i]:
                arrivals.note(b.queue[i], b, i)
        if b.agent[i] >= 0 and facts.evident[i]:
            agents.note(b.agent[i], b, i)
        if b.issue[i] >= 0 and facts.mentioned[i]:
            mentions.note(b.issue[i], b, i)
    of_queues.take(queues, b.id_texts)
    of_agents.take(agents, b.id_texts)
    of_arrivals.take(arrivals, b.id_texts)
    of_mentions.take(mentions, b.id_texts)


def note_rests(b: Batch, rests: Evidence) -> None:
    """Remember the events that tell a break, or the first state of an agent."""
    one: Ring = rests.ring(rests.n)
    i: cython.Py_ssize_t
    for i in range(b.n):
        if b.kind[i] == _STATE and b.agent[i] >= 0:
            state: cython.int = 1 << ((b.flags[i] >> _STATE_SHIFT) & _STATE_MASK)
            if (state & _RESTS) or one.next[b.agent[i]] == 0:
                one.note(b.agent[i], b, i)
    rests.take(one, b.id_texts)


def note_over(b: Batch, over: Any, campaigns: Evidence) -> None:
    """Remember the events of queues that are `over` [event], 0 or 1."""
    told: cython.const[cython.uchar][::1] = over if cython.compiled else memoryview(over)
    queues: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    for i in range(b.n):
        queues = max(queues, b.queue[i] + 1)
    one: Ring = campaigns.ring(queues)
    for i in range(b.n):
        if told[i] and b.queue[i] >= 0:
            one.note(b.queue[i], b, i)
    campaigns.take(one, b.id_texts)
