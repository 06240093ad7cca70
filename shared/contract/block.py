"""The columnar block: many events as one entry of the log, read back as NumPy arrays without a loop.

`block_wire` says how it lies in the log and writes it; here are its two forms in memory and the reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.contract.block_reader import NARROW, WIDE, read_cells
from shared.contract.block_wire import CODES, MAGIC, ROWS_MAX, VERSION, Column
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


class _Read(msgspec.Struct, array_like=True):
    """A `Wire` as it is read: the string table stays as it lies there."""

    rows: int
    base_ts_ms: int
    kinds: bytes
    times: bytes
    tenants: bytes
    ids: bytes
    id_rows: list[int]
    id_strings: list[str]
    strings: msgspec.Raw
    columns: list[Column]


_decoder = msgspec.msgpack.Decoder(_Read)


@dataclass(slots=True)
class Block:
    """Columns of equal length n, in the order in which ingest took the events.

    `tenant`, `queue`, `agent`, `issue`, `other`, `reason` are codes into `strings` (0: none); `id` is 16 bytes, the
    UUID or a digest, and `id_strings` holds by row what is not a UUID; n0..n4 are numbers by kind (see `rows.py`).
    """

    n: int
    strings: StringTable
    kind: NDArray[np.uint8]
    tenant: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    id: NDArray[np.bytes_]
    queue: NDArray[np.int32]
    agent: NDArray[np.int32]
    issue: NDArray[np.int32]
    other: NDArray[np.int32]
    reason: NDArray[np.int32]
    contact: NDArray[np.uint64]
    caller: NDArray[np.uint64]
    previous: NDArray[np.uint64]
    flags: NDArray[np.uint32]
    n0: NDArray[np.float64]
    n1: NDArray[np.float64]
    n2: NDArray[np.float64]
    n3: NDArray[np.float64]
    n4: NDArray[np.float64]
    id_strings: dict[int, str] = field(default_factory=dict)

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
    data = bytes(data)
    if data[:2] != MAGIC or len(data) < 4:
        raise BadBlock("does not begin like a block")
    if data[2] > VERSION:
        raise NewerBlock(f"block version {data[2]}, this service reads up to {VERSION}: upgrade it")
    try:
        wire = _decoder.decode(memoryview(data)[3:])
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise BadBlock(f"damaged block: {fault}") from None
    try:
        return _block_of(wire)
    except (ValueError, OverflowError) as fault:
        raise BadBlock(f"damaged block: {fault}") from None


def _block_of(wire: _Read) -> Block:
    n = wire.rows
    if not 0 < n <= ROWS_MAX:
        raise ValueError(f"{n} rows")
    if len(wire.ids) != 16 * n:
        raise ValueError("ids do not fit the rows")
    if len(wire.id_rows) != len(wire.id_strings) or any(not 0 <= row < n for row in wire.id_rows):
        raise ValueError("id strings do not fit the rows")
    # Two arrays for all columns: each array that is made costs more than the cells of a small block.
    wide, narrow = np.empty((len(WIDE), n), _U8), np.zeros((len(NARROW), n), _U4)
    strings = StringTable(bytes(wire.strings))
    read_cells(wire, len(strings), wide, narrow)
    contact, caller, previous = wide[:3]
    n0, n1, n2, n3, n4 = wide[3:8].view(_F8)
    tenant, queue, agent, issue, other, reason = narrow[:6].view(_I4)
    return Block(
        n=n,
        strings=strings,
        kind=np.frombuffer(wire.kinds, _U1),
        tenant=tenant,
        ts_ms=wide[8].view(_I8),
        id=np.frombuffer(wire.ids, _S16),
        queue=queue,
        agent=agent,
        issue=issue,
        other=other,
        reason=reason,
        contact=contact,
        caller=caller,
        previous=previous,
        flags=narrow[6],
        n0=n0,
        n1=n1,
        n2=n2,
        n3=n3,
        n4=n4,
        id_strings=dict(zip(wire.id_rows, wire.id_strings, strict=True)),
    )


assert WIDE == ("contact", "caller", "previous", "n0", "n1", "n2", "n3", "n4", "ts_ms")
assert NARROW == ("tenant", "queue", "agent", "issue", "other", "reason", "flags")
