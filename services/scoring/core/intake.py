"""The engine's door for events: from a block to rows of one tenant, screened and in the engine's own codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.seen import Seen
from shared.contract.block import Block
from shared.contract.entries import Events

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
    other: NDArray[np.int32]  # block code of team, department or lead; see `strings`
    contact: NDArray[np.uint64]
    flags: NDArray[np.uint32]
    n0: NDArray[np.float64]
    n1: NDArray[np.float64]
    n2: NDArray[np.float64]
    n4: NDArray[np.float64]
    n3: NDArray[np.float64]
    since_previous_ms: NDArray[np.int64]
    ids: NDArray[np.bytes_]
    id_texts: dict[bytes, str]
    strings: list[str]

    @property
    def n(self) -> int:
        """Number of events."""
        return self.kind.size


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
    order: dict[int, None] = {}
    for code in codes.tolist():
        order.setdefault(code, None)
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
    fresh = seen.fresh(block.id[kept], tenant, now_ms)
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
    out.batch = Batch(
        tenant=tenant,
        kind=block.kind[pick],
        at_ms=np.minimum(ts_ms, now_ms),
        queue=_translate(block.queue[pick], block.strings, tenant, registers.queues),
        agent=_translate(block.agent[pick], block.strings, tenant, registers.agents),
        issue=_translate(block.issue[pick], block.strings, tenant, registers.issues),
        other=block.other[pick],
        contact=block.contact[pick],
        flags=block.flags[pick],
        n0=block.n0[pick],
        n1=block.n1[pick],
        n2=block.n2[pick],
        n3=block.n3[pick],
        n4=block.n4[pick],
        since_previous_ms=events.since_previous_ms[pick],
        ids=block.id[pick],
        id_texts=texts,
        strings=block.strings,
    )
    return out


def _translate(codes: NDArray[np.int32], strings: list[str], tenant: int, names: Names) -> Rows:
    """Block codes to the engine's numbers, new names in order of their codes; code 0 to -1."""
    if codes.size == 1:
        code = int(codes[0])
        return np.array([names.row(tenant, strings[code]) if code else -1], np.intp)
    used = np.flatnonzero(np.bincount(codes, minlength=1))
    table = np.full(int(used[-1]) + 1, -1, np.intp)
    used = used[used > 0]
    rows = names.rows_of(tenant)
    found = [rows.get(strings[code], -1) for code in used.tolist()]
    table[used] = found
    if -1 in found:
        for code in used[np.array(found) < 0].tolist():
            table[code] = names.row(tenant, strings[code])
    return table[codes]
