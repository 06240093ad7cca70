"""The columnar block: many events as one entry of the log, read back as NumPy arrays without a loop.

`block_wire` says how it lies in the log and writes it; here are its two forms in memory and the reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.contract.block_wire import (
    CONSTANT,
    DENSE,
    MAGIC,
    ROWS_MAX,
    SPARSE,
    VERSION,
    BlockWriter,
    Column,
    Wire,
    code_width,
    decoder,
)  # fmt: skip

_NAN = float("nan")


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


NAMED = ("queue", "agent", "issue", "other", "reason")
HASHED = ("contact", "caller", "previous")
NUMBERS = ("n0", "n1", "n2", "n3", "n4")
CODES: dict[str, int] = {name: i for i, name in enumerate(Row._fields)}
"""Column -> its number on the wire. Append only: the numbers are stored."""


@dataclass(slots=True)
class Block:
    """Columns of equal length n, in the order in which ingest took the events.

    `tenant`, `queue`, `agent`, `issue`, `other`, `reason` are codes into `strings` (0: none); `id` is 16 bytes, the
    UUID or a digest, and `id_strings` holds by row what is not a UUID; n0..n4 are numbers by kind (see `rows.py`).
    """

    n: int
    strings: list[str]
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
    writer = BlockWriter()
    columns = dict(zip(Row._fields, zip(*sorted(rows, key=lambda r: r.kind), strict=True), strict=True))
    for name in NAMED:
        writer.names(CODES[name], b"", columns[name])
    for name in HASHED:
        writer.hashes(CODES[name], b"", b"".join([value.to_bytes(8, "little") for value in columns[name]]))
    writer.integers(CODES["flags"], b"", columns["flags"])
    for name in NUMBERS:
        writer.numbers(CODES[name], b"", [None if value != value else value for value in columns[name]])
    tenants = [r.tenant for r in rows]
    return writer.finish(bytes(r.kind for r in rows), [r.ts_ms for r in rows], [r.id for r in rows], tenants)


def decode_block(data: bytes | memoryview) -> Block:
    """The columns of one entry. Raises BadBlock or NewerBlock; never returns half a block."""
    data = bytes(data)
    if data[:2] != MAGIC or len(data) < 4:
        raise BadBlock("does not begin like a block")
    if data[2] > VERSION:
        raise NewerBlock(f"block version {data[2]}, this service reads up to {VERSION}: upgrade it")
    try:
        wire = decoder.decode(memoryview(data)[3:])
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise BadBlock(f"damaged block: {fault}") from None
    try:
        return _block_of(wire)
    except BadBlock:
        raise
    except (ValueError, TypeError, OverflowError, IndexError) as fault:
        raise BadBlock(f"damaged column: {fault}") from None


def _block_of(wire: Wire) -> Block:
    n = wire.rows
    if not 0 < n <= ROWS_MAX:
        raise BadBlock(f"{n} rows")
    kind = np.frombuffer(wire.kinds, "u1")
    if kind.size != n or len(wire.ids) != 16 * n:
        raise BadBlock("kinds or ids do not fit the rows")
    if len(wire.id_rows) != len(wire.id_strings) or any(not 0 <= r < n for r in wire.id_rows):
        raise BadBlock("id strings do not fit the rows")
    places = _Places(kind)
    given: dict[str, NDArray[Any]] = {}
    for column in wire.columns:
        if not 0 <= column.code < len(Row._fields) or (name := Row._fields[column.code]) not in _DTYPES:
            raise BadBlock(f"unknown column {column.code}")
        if name in given:
            raise BadBlock(f"{name} stands twice")
        given[name] = _column(column, wire, name, places)
    for name, (dtype, default) in _DTYPES.items():
        if name not in given:
            given[name] = np.zeros(n, dtype) if default == 0 else np.full(n, default, dtype)
    return Block(
        n=n,
        strings=wire.strings,
        kind=kind,
        tenant=_tenants(wire),
        ts_ms=_times(wire),
        id=np.frombuffer(wire.ids, "S16"),
        id_strings=dict(zip(wire.id_rows, wire.id_strings, strict=True)),
        **given,
    )


_DTYPES: dict[str, tuple[str, float]] = {
    **dict.fromkeys(NAMED, ("i4", 0)),
    **dict.fromkeys(HASHED, ("u8", 0)),
    "flags": ("u4", 0),
    **dict.fromkeys(NUMBERS, ("f8", _NAN)),
}
_WIRE_TYPES = {
    **dict.fromkeys(NAMED, ("u1", "u2", "u4")),
    **dict.fromkeys(HASHED, ("u8",)),
    "flags": ("u2", "u4"),
    **dict.fromkeys(NUMBERS, ("f8",)),
}


class _Places:
    """Rows of the block for the rows of a column, which stand in kind order."""

    def __init__(self, kind: NDArray[np.uint8]) -> None:
        self._order = np.argsort(kind, kind="stable")
        ends = np.cumsum(np.bincount(kind, minlength=256))
        self._ends = [0, *ends.tolist()]
        self._known: dict[bytes, NDArray[np.intp]] = {b"": self._order}

    def of(self, kinds: bytes) -> NDArray[np.intp]:
        """Rows of these kinds, in the order in which the column holds them."""
        rows = self._known.get(kinds)
        if rows is None:
            if len(set(kinds)) != len(kinds):
                raise BadBlock("a column names a kind twice")
            rows = np.concatenate([self._order[self._ends[k] : self._ends[k + 1]] for k in kinds])
            self._known[kinds] = rows
        return rows


def _column(column: Column, wire: Wire, name: str, places: _Places) -> NDArray[Any]:
    dtype, default = _DTYPES[name]
    if column.dtype not in _WIRE_TYPES[name]:
        raise BadBlock(f"{name} has the unknown dtype {column.dtype!r}")
    values = np.frombuffer(column.values, "<" + column.dtype)
    if name in NAMED and values.size and int(values.max()) >= len(wire.strings):
        raise BadBlock(f"{name} points outside the string table")
    rows = places.of(column.kinds)
    if column.mode == CONSTANT:
        if values.size != 1:
            raise BadBlock("a constant column holds one value")
    elif column.mode == DENSE:
        if values.size != rows.size:
            raise BadBlock(f"{values.size} values for {rows.size} rows")
    elif column.mode == SPARSE:
        numbers = np.frombuffer(column.rows, "<u2")
        if numbers.size != values.size or (numbers.size and int(numbers.max()) >= rows.size):
            raise BadBlock("sparse rows do not fit")
        rows = rows[numbers]
    else:
        raise BadBlock(f"unknown mode {column.mode}")
    out: NDArray[Any] = np.zeros(wire.rows, dtype) if default == 0 else np.full(wire.rows, default, dtype)
    out[rows] = values
    return out


def _times(wire: Wire) -> NDArray[np.int64]:
    if len(wire.times) not in (4 * wire.rows, 8 * wire.rows):
        raise BadBlock("times do not fit the rows")
    dtype = "<u4" if len(wire.times) == 4 * wire.rows else "<i8"
    return np.frombuffer(wire.times, dtype).astype(np.int64) + np.int64(wire.base_ts_ms)


def _tenants(wire: Wire) -> NDArray[np.int32]:
    width = code_width(len(wire.strings))
    if len(wire.tenants) not in (width, width * wire.rows):
        raise BadBlock("tenants do not fit the rows")
    codes = np.frombuffer(wire.tenants, f"<u{width}")
    if int(codes.max()) >= len(wire.strings):
        raise BadBlock("tenant points outside the string table")
    out = np.empty(wire.rows, np.int32)
    out[:] = codes
    return out
