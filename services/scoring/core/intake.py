"""The engine's door for events: from a block to rows of one tenant, screened and in the engine's own codes.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from services.scoring.core.batch import NAMED, Batch
from services.scoring.core.names import ANY_KIND, NO_ROOM, Codes, Names
from services.scoring.core.seen import Seen
from shared.contract.block import Block
from shared.contract.block_reader import NARROW, WIDE
from shared.contract.block_wire import NUMBERS, ROWS_MAX
from shared.contract.entries import Events
from shared.contract.rows import HANDLED, STATE

Rows = NDArray[np.intp]

_ROWS = np.arange(ROWS_MAX)
"""All rows of a block, for as many as it has."""
_QUEUE, _AGENT, _ISSUE, _TEAM, _DEPARTMENT = range(len(NAMED))
_QUEUE_CODES, _AGENT_CODES, _ISSUE_CODES = NARROW.index("queue"), NARROW.index("agent"), NARROW.index("issue")
_OTHER_CODES, _FLAGS, _CONTACTS = NARROW.index("other"), NARROW.index("flags"), WIDE.index("contact")
_NUMBERS = slice(WIDE.index(NUMBERS[0]), WIDE.index(NUMBERS[0]) + len(NUMBERS))

AHEAD_FAULT_MS = 60_000
"""An event more than a minute ahead of the log takes effect now, and is counted as a clock fault."""
_AHEAD_FAULT_MS = cython.declare(cython.longlong, AHEAD_FAULT_MS)

NAMES_MAX = {"agents": 50_000, "queues": 5_000, "issues": 10_000, "teams": 5_000, "departments": 5_000}
"""Names of each kind that events of one tenant may bring. Rows are kept for good, as what was learnt is;
so what is no name (the id of a session, a caller's number) would fill the memory. The largest centre that is measured
has 20,000 agents and 500 queues."""


@dataclass(slots=True)
class Screened:
    """What became of the events of one tenant in an entry."""

    batch: Batch | None
    late: int = 0
    repeated: int = 0
    ahead: int = 0
    oldest_late_ms: int = 0  # age of the newest late event, 0 for none
    unnamed: int = 0  # of an agent or a queue for which there is no room; an issue or a team is left out of its event


@dataclass(slots=True)
class Registers:
    """All names the engine knows."""

    tenants: Names = field(default_factory=Names)
    agents: Names = field(default_factory=Names)
    queues: Names = field(default_factory=Names)
    issues: Names = field(default_factory=Names)
    teams: Names = field(default_factory=Names)
    departments: Names = field(default_factory=Names)


def by_tenant(block: Block) -> list[tuple[str, Rows]]:
    """Rows of each tenant of a block, tenants in order of appearance; a tenant's rows keep their order."""
    tenant = block.tenant
    code: cython.const[cython.int][::1] = tenant if cython.compiled else memoryview(tenant)
    i: cython.Py_ssize_t
    for i in range(code.shape[0]):
        if code[i] != code[0]:
            return [(block.strings[c], np.flatnonzero(tenant == c)) for c in dict.fromkeys(tenant.tolist())]
    return [(block.strings[code[0]], _ROWS[: block.n])]


def screen(
    events: Events,
    rows: Rows,
    tenant: cython.ulonglong,
    now_ms: cython.longlong,
    late_before_ms: cython.longlong,
    seen: Seen,
    registers: Registers,
) -> Screened:
    """Drop repeats, set late events aside, pull future ones to now, and translate the rest."""
    block = events.block
    ids, sent_ms = block.ids, block.ts_ms
    row: cython.const[cython.Py_ssize_t][::1] = rows if cython.compiled else memoryview(rows)
    ts_ms: cython.const[cython.longlong][::1] = sent_ms if cython.compiled else memoryview(sent_ms)
    half: cython.const[cython.ulonglong][:, ::1] = ids if cython.compiled else memoryview(ids)
    kept, at_ms = np.empty(row.shape[0], np.intp), np.empty(row.shape[0], np.int64)
    keep: cython.Py_ssize_t[::1] = kept if cython.compiled else memoryview(kept)
    at: cython.longlong[::1] = at_ms if cython.compiled else memoryview(at_ms)
    n: cython.Py_ssize_t = 0
    late: cython.Py_ssize_t = 0
    ahead: cython.Py_ssize_t = 0
    newest_late_ms: cython.longlong = 0
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    seen.make_room(row.shape[0])
    for i in range(row.shape[0]):
        r = row[i]
        if ts_ms[r] >= late_before_ms:
            keep[n] = r
            seen.fetch(half[r, 0], half[r, 1], tenant)
            n += 1
        else:
            newest_late_ms = max(newest_late_ms, ts_ms[r]) if late else ts_ms[r]
            late += 1
    in_time: cython.Py_ssize_t = n
    n = 0
    for i in range(in_time):
        r = keep[i]
        if seen.is_new(half[r, 0], half[r, 1], tenant, now_ms):
            keep[n] = r
            at[n] = min(ts_ms[r], now_ms)
            ahead += ts_ms[r] > now_ms + _AHEAD_FAULT_MS
            n += 1
    out = Screened(None, late, in_time - n, ahead, now_ms - newest_late_ms if late else 0)
    if n:
        out.batch = _batch(events, tenant, None if n == block.n else kept[:n], at_ms[:n], registers)
        out.unnamed = n - (out.batch.n if out.batch else 0)
    return out


def _batch(events: Events, tenant: cython.ulonglong, pick: Any, at_ms: Any, registers: Registers) -> Any:
    """The picked events of a block (None: all), in the engine's codes, but for those without room; None for none."""
    block = events.block
    whole: cython.bint = pick is None  # as most entries are taken: their columns go on as they are
    kind = block.kind if whole else block.kind[pick]
    wide = block.wide if whole else block.wide.take(pick, axis=1)
    narrow = block.narrow if whole else block.narrow.take(pick, axis=1)
    since_ms = events.since_previous_ms if whole else events.since_previous_ms[pick]
    outbound = events.outbound if whole or events.outbound is None else events.outbound[pick]
    codes = Codes(block.strings, kind, narrow, tenant)
    codes.number(_QUEUE, _QUEUE_CODES, registers.queues, ANY_KIND, NAMES_MAX["queues"], NO_ROOM)
    codes.number(_AGENT, _AGENT_CODES, registers.agents, ANY_KIND, NAMES_MAX["agents"], NO_ROOM)
    if codes.refused:
        room = np.flatnonzero((codes.named[_QUEUE] != NO_ROOM) & (codes.named[_AGENT] != NO_ROOM))
        place = room if whole else pick[room]
        return _batch(events, tenant, place, at_ms[room], registers) if place.size else None
    codes.number(_ISSUE, _ISSUE_CODES, registers.issues, ANY_KIND, NAMES_MAX["issues"], -1)
    codes.number(_TEAM, _OTHER_CODES, registers.teams, STATE, NAMES_MAX["teams"], -1)
    codes.number(_DEPARTMENT, _OTHER_CODES, registers.departments, HANDLED, NAMES_MAX["departments"], -1)
    ids = block.ids if whole else block.ids[pick]
    texts = {}
    if block.id_strings:
        place = range(block.n) if whole else pick.tolist()
        texts = {ids[i].tobytes(): block.id_strings[r] for i, r in enumerate(place) if r in block.id_strings}
    numbers = wide[_NUMBERS].view(np.float64)
    return Batch(
        tenant, kind, at_ms, codes.named, wide[_CONTACTS], narrow[_FLAGS], numbers, since_ms, outbound, ids, texts
    )
