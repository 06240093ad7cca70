"""The columnar block: many events as one entry of the log, read back as NumPy arrays without a loop.

`block_wire` says how it lies in the log and writes it; here are its two forms in memory and the reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contract.block_reader import NARROW, WIDE, read_block, read_ids
from shared.contract.block_wire import CODES, MAGIC, VERSION
from shared.contract.string_table import StringTable

_NAN = float("nan")
_U1, _U4, _U8, _I4, _I8, _F8, _S16 = map(np.dtype, ("u1", "u4", "u8", "i4", "i8", "f8", "S16"))


class BadBlock(ValueError):
    """These bytes are not a block. The entry is damaged: keep it, set it aside, look at who wrote it."""


class NewerBlock(ValueError):
    """A newer Strainwatch wrote this block. Upgrade this service (order: scoring, notify, ingest)."""


class Row(NamedTuple):
    """One event on its way into a block. Strings are names, None for absent; numbers are NaN for absent."""

    kind: int
    tenant: str
    ts_ms: int
    id: str
    queue: str | None = None
    agent: str | None = None
    issue: str | None = None
    other: str | None = None  # team of a state, department of a handled contact, lead of a support
    reason: str | None = None
    contact: int = 0
    caller: int = 0
    previous: int = 0
    flags: int = 0
    n0: float = _NAN
    n1: float = _NAN
    n2: float = _NAN
    n3: float = _NAN
    n4: float = _NAN


assert tuple(CODES) == Row._fields


def _wide(name: str, dtype: np.dtype[Any]) -> property:
    row = WIDE.index(name)
    return property(lambda block: block.wide[row].view(dtype))


def _narrow(name: str, dtype: np.dtype[Any]) -> property:
    row = NARROW.index(name)
    return property(lambda block: block.narrow[row].view(dtype))


@dataclass(slots=True)
class Block:
    """Columns of equal length n, in the order in which ingest took the events.

    `tenant`, `queue`, `agent`, `issue`, `other`, `reason` are codes into `strings` (0: none); `id` is 16 bytes, the
    UUID or a digest, and `id_strings` holds by row what is not a UUID; n0..n4 are numbers by kind (see `rows.py`).
    Columns are cut out of two arrays when somebody asks for them: to cut all would cost as much as to fill them.
    """

    n: int
    strings: StringTable
    kind: NDArray[np.uint8]
    ids: NDArray[np.uint64]
    """The halves of each `id`, [n, 2]."""
    wide: NDArray[np.uint64]
    """The columns of 64 bits, [WIDE, n]."""
    narrow: NDArray[np.uint32]
    """Those of 32 bits, [NARROW, n]."""
    id_strings: dict[int, str] = field(default_factory=dict)

    tenant = _narrow("tenant", _I4)
    queue = _narrow("queue", _I4)
    agent = _narrow("agent", _I4)
    issue = _narrow("issue", _I4)
    other = _narrow("other", _I4)
    reason = _narrow("reason", _I4)
    flags = _narrow("flags", _U4)
    contact = _wide("contact", _U8)
    caller = _wide("caller", _U8)
    previous = _wide("previous", _U8)
    n0 = _wide("n0", _F8)
    n1 = _wide("n1", _F8)
    n2 = _wide("n2", _F8)
    n3 = _wide("n3", _F8)
    n4 = _wide("n4", _F8)
    ts_ms = _wide("ts_ms", _I8)
    id = property(lambda block: block.ids.view(_S16).reshape(-1))

    def event_id(self, row: int) -> str:
        """The id of one event as the ACD sent it."""
        given = self.id_strings.get(row)
        if given is not None:
            return given
        h = bytes(self.id[row]).ljust(16, b"\0").hex()
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def encode_block(rows: Sequence[Row]) -> bytes:
    """The bytes of one entry. At most ROWS_MAX rows, at least one.

    For rows that exist anyway (tests, tools); ingest writes from events, see `encoder.py`.
    """
    from shared.contract.block_writer import encode_rows

    return encode_rows(rows)


def decode_block(data: bytes | memoryview) -> Block:
    """The columns of one entry. Raises BadBlock or NewerBlock; never returns half a block."""
    data = _begun(data)
    try:
        kinds, ids, id_strings, strings, wide, narrow = read_block(data, 3)
    except (ValueError, OverflowError) as fault:
        raise BadBlock(f"damaged block: {fault}") from None
    halves = np.frombuffer(ids, _U8).reshape(-1, 2)
    return Block(len(kinds), strings, np.frombuffer(kinds, _U1), halves, wide, narrow, id_strings)


def event_ids(data: bytes, since_ms: int) -> list[tuple[str, NDArray[np.bytes_]]]:
    """Tenants of one entry, in order of appearance, each with the ids of its events that are not older than `since_ms`.

    Reads little else, so it is many times as fast as the block, and does not find all that may be wrong with it. Raises
    BadBlock or NewerBlock.
    """
    data = _begun(data)
    try:
        found = read_ids(data, 3, since_ms)
    except (ValueError, OverflowError) as fault:
        raise BadBlock(f"damaged block: {fault}") from None
    if found is not None:
        return [found]
    block = decode_block(data)
    tenant, recent = block.tenant, block.ts_ms >= since_ms
    return [(block.strings[code], block.id[(tenant == code) & recent]) for code in dict.fromkeys(tenant.tolist())]


def _begun(data: bytes | memoryview) -> bytes:
    data = bytes(data)
    if data[:2] != MAGIC or len(data) < 4:
        raise BadBlock("does not begin like a block")
    if data[2] > VERSION:
        raise NewerBlock(f"block version {data[2]}, this service reads up to {VERSION}: upgrade it")
    return data
