"""The engine's door for events: from a block to rows of one tenant, screened and in the engine's own codes.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.hash_index import HashIndex
from services.scoring.core.seen import Seen
from shared.contract.block import Block
from shared.contract.entries import Events
from shared.contract.rows import STATE
from shared.contract.string_table import StringTable

Rows = NDArray[np.intp]

_FNV_BASIS = cython.declare(cython.ulonglong, 0xCBF29CE484222325)
_FNV_PRIME = cython.declare(cython.ulonglong, 0x100000001B3)
_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_TENANT_MIX = cython.declare(cython.ulonglong, 0xC2B2AE3D27D4EB4F)
_MASK64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)

AHEAD_FAULT_MS = 60_000
"""An event more than a minute ahead of the log takes effect now, and is counted as a clock fault."""


class Names:
    """Names of one kind within tenants, numbered in order of appearance."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.text: list = []
        self.tenant: list = []
        self.index = HashIndex()
        # All names as UTF-8, one after the other, and where each begins: a look-up compares bytes that lie together.
        self.bytes = np.zeros(1 << 12, np.uint8)
        self.begins = np.zeros(1 << 8, np.int64)

    def row(self, tenant: int, name: str) -> int:
        """Number of a name, new ones included."""
        data = name.encode()
        found = self._find(tenant, data, 0, len(data))
        return self._add(tenant, name, data) if found < 0 else found

    def find(self, tenant: int, name: str) -> int | None:
        """Number of a known name."""
        data = name.encode()
        found = self._find(tenant, data, 0, len(data))
        return None if found < 0 else found

    def _find(self, tenant: int, data: bytes, first: int, length: int) -> int:
        return _Lookup(self, tenant).find(data, first, length)

    def _add(self, tenant: int, name: str, data: bytes) -> int:
        row = len(self.text)
        first = int(self.begins[row])
        while first + len(data) > self.bytes.size:
            self.bytes = np.concatenate([self.bytes, np.zeros_like(self.bytes)])
        if row + 2 > self.begins.size:
            self.begins = np.concatenate([self.begins, np.zeros_like(self.begins)])
        self.bytes[first : first + len(data)] = np.frombuffer(data, np.uint8)
        self.begins[row + 1] = first + len(data)
        self.text.append(name)
        self.tenant.append(tenant)
        _Lookup(self, tenant).put(data, row)
        return row

    def pack(self) -> dict[str, Any]:
        """Names in order."""
        return {"text": self.text, "tenant": self.tenant}

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        self._clear()
        for tenant, name in zip(packed["tenant"], packed["text"], strict=True):
            self._add(tenant, name, name.encode())


@cython.final
@cython.cclass
class _Lookup:
    """The names of one tenant by their bytes."""

    tenant: cython.ulonglong
    index: HashIndex
    bytes: cython.uchar[::1]
    begins: cython.longlong[::1]

    def __init__(self, names: Names, tenant: cython.ulonglong) -> None:
        self.tenant = tenant * _TENANT_MIX & _MASK64
        self.index = names.index
        self.bytes = memoryview(names.bytes)
        self.begins = memoryview(names.begins)

    @cython.cfunc
    @cython.exceptval(check=False)
    def key(
        self, data: cython.const[cython.uchar][::1], first: cython.Py_ssize_t, length: cython.Py_ssize_t
    ) -> cython.ulonglong:
        """FNV-1a, well mixed, of a tenant and a name."""
        key: cython.ulonglong = self.tenant ^ _FNV_BASIS
        i: cython.Py_ssize_t
        for i in range(first, first + length):
            key = (key ^ data[i]) * _FNV_PRIME & _MASK64
        return ((key ^ (key >> 32)) * _MIX & _MASK64) | 1  # 0 is no key

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch(self, key: cython.ulonglong) -> cython.void:
        """Begin to bring near what `at` compares."""
        if cython.compiled:
            row: cython.longlong = self.index.find(key)
            if row >= 0:
                strainwatch_fetch(cython.address(self.bytes[self.begins[row]]))  # noqa: F821 - of the .pxd

    @cython.cfunc
    @cython.exceptval(check=False)
    def at(
        self,
        key: cython.ulonglong,
        data: cython.const[cython.uchar][::1],
        first: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
    ) -> cython.longlong:
        """The number under a key if it is of this name, -1 if there is none, -2 if it is of another."""
        row: cython.longlong = self.index.find(key)
        if row < 0:
            return -1
        begins: cython.longlong = self.begins[row]
        if self.begins[row + 1] - begins != length:
            return -2
        i: cython.Py_ssize_t
        for i in range(length):
            if self.bytes[begins + i] != data[first + i]:
                return -2
        return row

    def find(self, data: Any, first: cython.Py_ssize_t, length: cython.Py_ssize_t) -> int:
        view: cython.const[cython.uchar][::1] = data if cython.compiled else memoryview(data)
        return self.look(self.key(view, first, length), view, first, length)

    @cython.cfunc
    @cython.exceptval(check=False)
    def look(
        self,
        key: cython.ulonglong,
        data: cython.const[cython.uchar][::1],
        first: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
    ) -> cython.longlong:
        """Number of a name of this key, -1 for a new one."""
        found: cython.longlong = self.at(key, data, first, length)
        while found == -2:  # two names of one key: the later is kept under the next one
            key = (key + 2) & _MASK64
            found = self.at(key, data, first, length)
        return found

    def put(self, data: Any, row: cython.longlong) -> None:
        """Keep a new name's number."""
        view: cython.const[cython.uchar][::1] = data if cython.compiled else memoryview(data)
        key: cython.ulonglong = self.key(view, 0, len(data))
        while self.index.find(key) >= 0:
            key = (key + 2) & _MASK64
        self.index.make_room(1)
        self.index.set(key, row)


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
    outbound: NDArray[np.int64] | None  # contacts to the same person within 7 days, 0 for not asked; None: none asked
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
        outbound=None if events.outbound is None else events.outbound[pick],
        ids=block.id[pick].view("<u8").reshape(-1, 2),
        id_texts=texts,
    )
    return out


def _rows(codes: Any, strings: StringTable, tenant: int, names: Names) -> Any:
    """Block codes to the engine's numbers, new names in order of appearance; code 0 to -1."""
    code: cython.const[cython.int][::1] = codes if cython.compiled else memoryview(codes)
    raw: cython.const[cython.uchar][::1] = strings.raw if cython.compiled else memoryview(strings.raw)
    span: cython.int[:, ::1] = strings.spans if cython.compiled else memoryview(strings.spans)
    out = np.empty(code.shape[0], np.intp)
    rows: cython.Py_ssize_t[::1] = out if cython.compiled else memoryview(out)
    keys: cython.ulonglong[::1] = memoryview(np.zeros(len(strings), np.uint64))
    found: cython.longlong[::1] = memoryview(np.full(len(strings), -1))
    lookup: _Lookup = _Lookup(names, tenant)
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    for i in range(code.shape[0]):
        c = code[i]
        if c and keys[c] == 0:
            keys[c] = lookup.key(raw, span[c, 0], span[c, 1])
            lookup.index.fetch(keys[c])
    for c in range(keys.shape[0]):
        if keys[c] != 0:
            lookup.fetch(keys[c])
    for i in range(code.shape[0]):
        c = code[i]
        if c and found[c] < 0:
            found[c] = lookup.look(keys[c], raw, span[c, 0], span[c, 1])
            if found[c] < 0:
                found[c] = names.row(tenant, strings[c])
                lookup = _Lookup(names, tenant)  # its arrays may lie elsewhere now
        rows[i] = found[c] if c else -1
    return out
