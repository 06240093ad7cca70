"""How a block lies in the log: `encoder` puts it there, `block_reader` takes it off.

Layout (version 1, little-endian, self-contained): magic `SB`, a version byte, then one msgpack array (`Wire`).
Kinds, times, ids and tenants stand in the order in which ingest took the events. All other columns stand in *kind
order*: the rows sorted by kind, in their order within a kind. A column names the kinds that have it and says nothing
of the others; within its kinds it holds one value for all, a value a row, or values with row numbers.
That way a field that only some kinds have costs nothing for the others.
"""

from __future__ import annotations

import msgspec

MAGIC = b"SB"
VERSION = 1
ROWS_MAX = 65_535
"""Row numbers of sparse columns are 16 bits; ingest commits at most this many events at once."""

CONSTANT, DENSE, SPARSE = 0, 1, 2

NAMED = ("queue", "agent", "issue", "other", "reason")
HASHED = ("contact", "caller", "previous")
NUMBERS = ("n0", "n1", "n2", "n3", "n4")
CODES = {name: code for code, name in enumerate(("kind", "tenant", "ts_ms", "id", *NAMED, *HASHED, "flags", *NUMBERS))}
"""Column -> its number on the wire. Append only: the numbers are stored."""
NAN_BITS = 0x7FF8000000000000
"""The number that says nothing."""


class Column(msgspec.Struct, array_like=True):
    """One column of some kinds (none named: of all). `rows` are u2 positions among the column's rows."""

    code: int
    kinds: bytes
    mode: int
    dtype: str
    rows: bytes
    values: bytes


class Wire(msgspec.Struct, array_like=True):
    """The whole block. `times` are u4 or i8 ms after `base_ts_ms`; `tenants` one code, or one a row."""

    rows: int
    base_ts_ms: int
    kinds: bytes
    times: bytes
    tenants: bytes
    ids: bytes
    id_rows: list[int]
    id_strings: list[str]
    strings: list[str]
    columns: list[Column]


_encoder = msgspec.msgpack.Encoder()


def code_width(strings: int) -> int:
    """Bytes of a code into a string table of this size."""
    return 1 if strings < 256 else 2 if strings < 65_536 else 4


def encode_wire(wire: Wire) -> bytes:
    """The bytes of a block."""
    return MAGIC + bytes((VERSION,)) + _encoder.encode(wire)
