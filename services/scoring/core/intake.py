"""The engine's door for events: from a block to rows of one tenant, screened and in the engine's own codes.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.seen import Seen
from shared.contract.block import Block
from shared.contract.entries import Events
from shared.contract.rows import STATE

Rows = NDArray[np.intp]

AHEAD_FAULT_MS = 60_000
"""An event more than a minute ahead of the log takes effect now, and is counted as a clock fault."""


class Names:
    """Names of one kind within tenants, numbered in order of appearance."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.tenant: list[int] = []
        self._rows: dict[int, dict[str, int]] = {}

    def rows_of(self, tenant: int) -> dict[str, int]:
        """Number by name of a tenant's names."""
        return self._rows.setdefault(tenant, {})

    def row(self, tenant: int, name: str) -> int:
        """Number of a name, new ones included."""
        rows = self.rows_of(tenant)
        found = rows.get(name)
        if found is None:
            found = rows[name] = len(self.text)
            self.text.append(name)
            self.tenant.append(tenant)
        return found

    def find(self, tenant: int, name: str) -> int | None:
        """Number of a known name."""
        return self.rows_of(tenant).get(name)

    def pack(self) -> dict[str, Any]:
        """Names in order."""
        return {"text": self.text, "tenant": self.tenant}

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        self.text, self.tenant = list(packed["text"]), list(packed["tenant"])
        self._rows = {}
        for row, (tenant, name) in enumerate(zip(self.tenant, self.text, strict=True)):
            self.rows_of(tenant)[name] = row


@dataclass(slots=True)
class Batch:
    """Events of one tenant that take effect, in log order; -1 where an event names no such thing."""

    tenant: int
    kind: NDArray[np.uint8]
    at_ms: NDArray[np.int64]
    queue: Rows
    agent: Rows
    issue: Rows
    team: Rows  # of an agent's state
    contact: NDArray[np.uint64]
    flags: NDArray[np.uint32]
    n0: NDArray[np.float64]
    n1: NDArray[np.float64]
    n2: NDArray[np.float64]
    n3: NDArray[np.float64]
    n4: NDArray[np.float64]
    since_previous_ms: NDArray[np.int64]
    ids: NDArray[np.uint64]  # [event, 2]: halves of the 16 bytes
    id_texts: dict[bytes, str]


@dataclass(slots=True)
class Screened:
    """What became of the events of one tenant in an entry."""

    batch: Batch | None
    late: int = 0
    repeated: int = 0
    ahead: int = 0
    oldest_late_ms: int = 0  # age of the newest late event, 0 for none


@dataclass(slots=True)
class Registers:
    """All names the engine knows."""

    tenants: Names = field(default_factory=Names)
    agents: Names = field(default_factory=Names)
    queues: Names = field(default_factory=Names)
    issues: Names = field(default_factory=Names)
    teams: Names = field(default_factory=Names)


def by_tenant(block: Block) -> list[tuple[str, Rows]]:
    """Rows of each tenant of a block, tenants in order of appearance; a tenant's rows keep their order."""
    codes = block.tenant
    if (codes == codes[0]).all():
        return [(block.strings[int(codes[0])], np.arange(block.n))]
    order = dict.fromkeys(codes.tolist())
    return [(block.strings[code], np.flatnonzero(codes == code)) for code in order]


def screen(
    events: Events, rows: Rows, tenant: int, now_ms: int, late_before_ms: int, seen: Seen, registers: Registers
) -> Screened:
    """Drop repeats, set late events aside, pull future ones to now, and translate the rest."""
    block = events.block
    ts_ms = block.ts_ms[rows]
    late = ts_ms < late_before_ms
    out = Screened(None, late=int(np.count_nonzero(late)))
    kept = rows
    if out.late:
        out.oldest_late_ms = int(now_ms - ts_ms[late].max())
        kept = rows[~late]
        if kept.size == 0:
            return out
    fresh = seen.fresh(block.id[kept] if kept.size < block.n else block.id, tenant, now_ms)
    if not fresh.all():
        out.repeated = int(kept.size - np.count_nonzero(fresh))
        kept = kept[fresh]
        if kept.size == 0:
            return out
    pick: Any = slice(None) if kept.size == block.n else kept  # most entries are taken whole
    ts_ms = block.ts_ms[pick]
    out.ahead = int(np.count_nonzero(ts_ms > now_ms + AHEAD_FAULT_MS))
    texts = {}
    if block.id_strings:
        known = block.id_strings
        texts = {bytes(block.id[r]): known[r] for r in kept.tolist() if r in known}
    kind = block.kind[pick]
    other = block.other[pick]
    out.batch = Batch(
        tenant=tenant,
        kind=kind,
        at_ms=np.minimum(ts_ms, now_ms),
        queue=_rows(block.queue[pick], block.strings, tenant, registers.queues),
        agent=_rows(block.agent[pick], block.strings, tenant, registers.agents),
        issue=_rows(block.issue[pick], block.strings, tenant, registers.issues),
        team=_rows(np.where(kind == STATE, other, 0), block.strings, tenant, registers.teams),
        contact=block.contact[pick],
        flags=block.flags[pick],
        n0=block.n0[pick],
        n1=block.n1[pick],
        n2=block.n2[pick],
        n3=block.n3[pick],
        n4=block.n4[pick],
        since_previous_ms=events.since_previous_ms[pick],
        ids=block.id[pick].view("<u8").reshape(-1, 2),
        id_texts=texts,
    )
    return out


def _rows(codes: Any, strings: list, tenant: int, names: Names) -> Any:
    """Block codes to the engine's numbers, new names in order of appearance; code 0 to -1."""
    code: cython.const[cython.int][::1] = memoryview(codes)
    out = np.empty(code.shape[0], np.intp)
    rows: cython.Py_ssize_t[::1] = memoryview(out)
    found: cython.Py_ssize_t[::1] = memoryview(np.full(len(strings), -1))
    known: dict = names.rows_of(tenant)
    i: cython.Py_ssize_t
    for i in range(code.shape[0]):
        c: cython.Py_ssize_t = code[i]
        if c and found[c] < 0:
            name = strings[c]
            row = known.get(name)
            found[c] = names.row(tenant, name) if row is None else row
        rows[i] = found[c] if c else -1
    return out
