"""How a block lies in the log, and the writer that puts it there column by column.

Layout (version 1, little-endian, self-contained): magic `SB`, a version byte, then one msgpack array (`Wire`).
Kinds, times, ids and tenants stand in the order in which ingest took the events. All other columns stand in *kind
order*: the rows sorted by kind, in their order within a kind. A column names the kinds that have it and says nothing
of the others; within its kinds it holds one value for all, a value a row, or values with row numbers.
That way ingest writes each field of each kind in one run, and the reader places it with one indexed assignment.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from shared.contract.hashes import string_id
from shared.contract.uuids import uuid_bytes, uuid_of

MAGIC = b"SB"
VERSION = 1
ROWS_MAX = 65_535
"""Row numbers of sparse columns are 16 bits; ingest commits at most this many events at once."""

CONSTANT, DENSE, SPARSE = 0, 1, 2
NO_HASH = bytes(8)
"""What stands for "no contact", "no caller"."""

_NAN = float("nan")
_SPARSE_GAIN = 0.75  # row numbers cost time on both sides, so they must save a quarter of the bytes


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


encoder = msgspec.msgpack.Encoder()
decoder = msgspec.msgpack.Decoder(Wire)


def code_width(strings: int) -> int:
    """Bytes of a code into a string table of this size."""
    return 1 if strings < 256 else 2 if strings < 65_536 else 4


Values = Sequence[Any]


class BlockWriter:
    """Collects the columns of one block, each in kind order, for the kinds it names (none: all).

    Plain lists and `array`: NumPy costs some microseconds a column, more than all the values of a small block.
    """

    def __init__(self) -> None:
        self._named: list[tuple[int, bytes, Values]] = []
        self._columns: list[Column] = []

    def names(self, code: int, kinds: bytes, values: Sequence[str | None]) -> None:
        """A column of names, at least one; None and "" say nothing."""
        self._named.append((code, kinds, values))  # how wide codes are is known at the end

    def hashes(self, code: int, kinds: bytes, values: bytes | bytearray) -> None:
        """A column of hashes, 8 bytes each; 0 where there is none."""
        packed = bytes(values)
        said = None  # which of eight zero bytes begin a hash need only be asked when there are any
        if NO_HASH in packed:
            said = np.flatnonzero(np.frombuffer(packed, "<u8")).tolist()
        self._add(code, kinds, "u8", packed, said)

    def numbers(self, code: int, kinds: bytes, values: Sequence[float | None]) -> None:
        """A column of numbers; None says nothing."""
        said = None
        try:
            packed = _packed("d", values)
        except TypeError:  # the quickest way to find out that there is a None
            said = [row for row, value in enumerate(values) if value is not None]
            packed = _packed("d", [_NAN if value is None else value for value in values])
        self._add(code, kinds, "f8", packed, said)

    def integers(self, code: int, kinds: bytes, values: Sequence[int]) -> None:
        """A column of non-negative integers below 2^32; 0 says nothing."""
        dtype, letter = ("u2", "H") if max(values) < 65_536 else ("u4", "I")
        self._add(code, kinds, dtype, _packed(letter, values), _not_zero(values))

    def _add(self, code: int, kinds: bytes, dtype: str, packed: bytes, said: list[int] | None) -> None:
        """Store a column in its shortest form; `said` are the rows that are not the default (None: all)."""
        size = int(dtype[1])
        n = len(packed) // size
        if said is not None and not said:
            return
        if said is not None and len(said) * (size + 2) < len(packed) * _SPARSE_GAIN:
            values = np.frombuffer(packed, "<" + dtype)[said].tobytes()
            self._columns.append(Column(code, kinds, SPARSE, dtype, _packed("H", said), values))
        elif packed == packed[:size] * n:
            self._columns.append(Column(code, kinds, CONSTANT, dtype, b"", packed[:size]))
        else:
            self._columns.append(Column(code, kinds, DENSE, dtype, b"", packed))

    def finish(self, kinds: bytes, ts_ms: Sequence[int], ids: Sequence[str], tenants: Sequence[str]) -> bytes:
        """The bytes of the block. All in the order of the events; `tenants` is one name if all have the same."""
        n = len(kinds)
        assert 0 < n <= ROWS_MAX, "the publisher splits larger commits"
        # One dictionary of all names, then one look-up a name: both run in C for a whole column.
        codes: dict[Any, int] = dict.fromkeys(chain(("",), tenants, *[values for _, _, values in self._named]), 0)
        codes.pop(None, None)
        strings = list(codes)
        codes.update(zip(strings, range(len(strings)), strict=True))
        codes[None] = 0
        width = code_width(len(strings))
        dtype, letter = f"u{width}", {1: "B", 2: "H", 4: "I"}[width]
        for code, of_kinds, values in self._named:
            coded = list(map(codes.__getitem__, values))
            self._add(code, of_kinds, dtype, _packed(letter, coded), _not_zero(coded))
        base = min(ts_ms)
        wide = max(ts_ms) - base >= 1 << 32
        times = _packed("q" if wide else "I", [ts - base for ts in ts_ms])
        id_bytes, id_rows, id_strings = _id_bytes(ids)
        of_tenants = _packed(letter, [codes[tenant] for tenant in tenants])
        wire = Wire(n, base, kinds, times, of_tenants, id_bytes, id_rows, id_strings, strings, self._columns)
        return MAGIC + bytes((VERSION,)) + encoder.encode(wire)


def _packed(letter: str, values: Iterable[Any]) -> bytes:
    """Values side by side, little-endian; `letter` is that of `array`."""
    packed = array(letter, values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _not_zero(values: Sequence[int]) -> list[int] | None:
    """Rows that are not 0; None: all."""
    return None if all(values) else [row for row, value in enumerate(values) if value]


def _id_bytes(ids: Sequence[str]) -> tuple[bytes, list[int], list[str]]:
    """16 bytes an id; ids that are not UUIDs in their canonical form are listed by row."""
    raw = uuid_bytes(ids)
    return _id_bytes_one_by_one(ids) if raw is None else (raw, [], [])


def _id_bytes_one_by_one(ids: Sequence[str]) -> tuple[bytes, list[int], list[str]]:
    out, rows, strings = [], [], []
    for row, text in enumerate(ids):
        raw = uuid_of(text)
        if raw is not None:
            out.append(raw)
            continue
        rows.append(row)
        strings.append(text)
        out.append(string_id(text))
    return b"".join(out), rows, strings
