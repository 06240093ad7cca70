"""The cells of a block, and how they become the bytes of `block_wire`. Compiled at install; `.pxd` has the types.

All cells are 8 bytes and lie in one piece of memory, column after column, rows in kind order; numbers are the same
memory seen as float64. Uncompiled it gives the same bytes, slowly.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import cython

from shared.contract import block_wire as wire
from shared.contract.block import Row
from shared.contract.block_wire import CODES, HASHED, NAMED, NAN_BITS, NUMBERS, Column
from shared.contract.hashes import string_id

assert sys.byteorder == "little", "Blocks are written from memory as it lies. Run ingest on a little-endian machine."

COLUMNS = (*NAMED, *HASHED, "flags", *NUMBERS)
"""Columns in the order of the cells."""
_COLUMN_COUNT = cython.declare(cython.int, len(COLUMNS))
_LAST_NAME = cython.declare(cython.int, COLUMNS.index("reason"))
_FLAGS = cython.declare(cython.int, COLUMNS.index("flags"))
_FIRST_NUMBER = cython.declare(cython.int, COLUMNS.index("n0"))
_CODES = [CODES[name] for name in COLUMNS]
_LENGTH_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFF)
_NAN_BITS = cython.declare(cython.ulonglong, NAN_BITS)
_NO_NAMES, _NO_NUMBERS = bytes(8 * (len(COLUMNS) - len(NUMBERS))), NAN_BITS.to_bytes(8, "little") * len(NUMBERS)

# Tables, because what a digit is cannot be foreseen, and a branch that is foreseen wrongly costs more than a byte.
_NIBBLES = bytes("0123456789abcdef".find(chr(at)) & 255 for at in range(256))  # no digit: 255
_NIBBLE = cython.declare(cython.uchar[::1], memoryview(bytearray(_NIBBLES)))
_DIGITS_AT = cython.declare(
    cython.uchar[::1], memoryview(bytearray((*range(0, 8, 2), 9, 11, 14, 16, 19, 21, *range(24, 36, 2))))
)


@cython.locals(i=cython.Py_ssize_t, byte=cython.uint, other=cython.uint)
def put_uuid(text: str, out: cython.ulonglong[::1], at: cython.Py_ssize_t) -> cython.bint:
    """Twin of `uuids.uuid_of`: two cells from `at` on, if the text is a canonical UUID."""
    wrong: cython.uint = 0
    half: cython.ulonglong = 0
    if len(text) != 36 or not text.isascii() or not (text[8] == text[13] == text[18] == text[23] == "-"):
        return False
    for i in range(16):
        byte = _NIBBLE[ord(text[_DIGITS_AT[i]])]
        other = _NIBBLE[ord(text[_DIGITS_AT[i] + 1])]
        wrong |= byte | other
        half |= cython.cast(cython.ulonglong, byte << 4 | other) << (i & 7) * 8
        if i & 7 == 7:
            if wrong > 15:
                return False
            out[at + (i >> 3)] = half
            half = 0
    return True


@cython.locals(
    i=cython.Py_ssize_t,
    byte=cython.uint,
    other=cython.uint,
    wrong=cython.uint,
    half=cython.ulonglong,
    start=cython.Py_ssize_t,
)
def put_raw_uuid(
    data: cython.pointer[cython.const[cython.uchar]],
    span: cython.ulonglong,
    out: cython.ulonglong[::1],
    at: cython.Py_ssize_t,
) -> cython.bint:
    """`put_uuid` of a text in UTF-8 that lies in a body: (start) << 32 | (length)."""
    wrong = 0
    half = 0
    start = span >> 32
    if span & _LENGTH_MASK != 36:
        return False
    if not (data[start + 8] == data[start + 13] == data[start + 18] == data[start + 23] == 45):  # dashes
        return False
    for i in range(16):
        byte = _NIBBLE[data[start + _DIGITS_AT[i]]]
        other = _NIBBLE[data[start + _DIGITS_AT[i] + 1]]
        wrong |= byte | other
        half |= cython.cast(cython.ulonglong, byte << 4 | other) << (i & 7) * 8
        if i & 7 == 7:
            if wrong > 15:
                return False
            out[at + (i >> 3)] = half
            half = 0
    return True


class BlockWriter:
    """The cells of one block. Rows are put in the order in which ingest took the events."""

    def __init__(self, kinds: bytes) -> None:
        kind: cython.Py_ssize_t
        n = len(kinds)
        assert 0 < n <= wire.ROWS_MAX, "the publisher splits larger commits"
        self.n = n
        self.kinds = kinds
        self.raw = bytearray(_NO_NAMES * n + _NO_NUMBERS * n)
        self.cells = memoryview(self.raw).cast("Q")
        self.numbers = memoryview(self.raw).cast("d")
        self.spare_raw = bytearray(8 * (n + 2))  # two more for the halves of a UUID
        self.spare = memoryview(self.spare_raw).cast("Q")
        self.id_raw = bytearray(16 * n)
        self.id_cells = memoryview(self.id_raw).cast("Q")
        count = max(kinds) + 1
        self.said = memoryview(bytearray(8 * _COLUMN_COUNT * count)).cast("q")
        self.free = memoryview(bytearray(8 * (count + 1))).cast("q")
        for kind in range(count):
            self.free[kind + 1] = self.free[kind] + kinds.count(kind)
        self.id_rows, self.id_strings, self.ts_ms = [], [], []
        self.known = {None: 0, "": 0}
        self.names = [""]

    def put_id(self, row: cython.Py_ssize_t, event_id: str):
        if not put_uuid(event_id, self.id_cells, 2 * row):
            self.id_rows.append(row)
            self.id_strings.append(event_id)
            self.id_raw[16 * row : 16 * row + 16] = string_id(event_id)

    def code(self, name: str | None) -> cython.ulonglong:
        """The name's number in the order of coming; `finish` gives it its place in the string table."""
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = len(self.names)
            self.names.append(name)
        return found

    def put_raw_id(self, row: cython.Py_ssize_t, body: bytes, span: cython.ulonglong):
        """`put_id` of a text in a body; see `put_raw_uuid`."""
        data: cython.pointer[cython.const[cython.uchar]] = body
        if not put_raw_uuid(data, span, self.id_cells, 2 * row):
            self.put_id(row, data[span >> 32 : (span >> 32) + (span & _LENGTH_MASK)].decode())

    def put_row(self, at_row: int, given: Row) -> None:
        """Put one row whose hashes and codes are known; `kinds` of the block says its kind too."""
        column: cython.Py_ssize_t
        kind: cython.Py_ssize_t = given.kind
        place: cython.Py_ssize_t = self.free[kind]
        self.free[kind] = place + 1
        for column in range(_COLUMN_COUNT):
            value = given[_CODES[column]]
            if value is None or value != value or (value == 0 and column < _FIRST_NUMBER):
                continue
            self.said[column * (self.free.shape[0] - 1) + kind] += 1
            if column >= _FIRST_NUMBER:
                self.numbers[column * self.n + place] = value
            else:
                self.cells[column * self.n + place] = self.code(value) if column <= _LAST_NAME else value
        self.ts_ms.append(given.ts_ms)
        self.put_id(at_row, given.id)

    def finish(self, wanted: list, tenants: list) -> bytes:
        """The bytes of the block: these (column, kinds) in this order; `tenants` is one name if all have the same."""
        i: cython.Py_ssize_t
        n: cython.Py_ssize_t = self.n
        columns: list = [
            made for column, kinds in wanted if column > _LAST_NAME and (made := self.column(column, kinds, 8))
        ]
        # Names get their places in the order in which the block needs them, which is what makes its bytes the same
        # however the events came in.
        places: cython.ulonglong[::1] = memoryview(bytearray(8 * (len(self.names) + len(tenants)))).cast("Q")
        strings: list = [""]
        of_tenants: list = []
        for tenant in tenants:
            i = self.code(tenant)
            if places[i] == 0:
                places[i] = len(strings)
                strings.append(tenant)
            of_tenants.append(places[i])
        for column, _ in wanted:
            if column <= _LAST_NAME:
                self.name_places(column, places, strings)
        width = wire.code_width(len(strings))
        for column, kinds in wanted:
            if column <= _LAST_NAME and (made := self.column(column, kinds, width)):
                columns.append(made)
        base_ms: cython.longlong = min(self.ts_ms)
        wide: cython.bint = max(self.ts_ms) - base_ms >= 1 << 32
        for i in range(n):
            ts_ms: cython.longlong = self.ts_ms[i]
            self.spare[i] = ts_ms - base_ms
        times = self.narrow(n, 8 if wide else 4)
        for i in range(len(of_tenants)):
            self.spare[i] = of_tenants[i]
        codes = self.narrow(len(of_tenants), width)
        ids = bytes(self.id_raw)
        return wire.encode_wire(
            wire.Wire(n, base_ms, self.kinds, times, codes, ids, self.id_rows, self.id_strings, strings, columns)
        )

    @cython.locals(i=cython.Py_ssize_t, cell=cython.ulonglong)
    def name_places(self, column: cython.Py_ssize_t, places: cython.ulonglong[::1], strings: list):
        """Turn a column's numbers of names into places in the string table, which grows by what is new."""
        for i in range(column * self.n, column * self.n + self.n):
            cell = self.cells[i]
            if cell:
                if places[cell] == 0:
                    places[cell] = len(strings)
                    strings.append(self.names[cell])
                self.cells[i] = places[cell]

    @cython.locals(i=cython.Py_ssize_t, cell=cython.ulonglong)
    def column(self, column: cython.Py_ssize_t, kinds: bytes, width: cython.Py_ssize_t):
        """A column of some kinds (none named: all) in its shortest form; None when it says nothing."""
        said: cython.Py_ssize_t = 0
        differs: cython.bint = False
        top: cython.ulonglong = 0
        default: cython.ulonglong = _NAN_BITS if column >= _FIRST_NUMBER else 0
        spare: cython.ulonglong[::1] = self.spare
        n: cython.Py_ssize_t = self.gather(column, kinds)
        for i in range(n):
            cell = spare[i]
            said += cell != default
            differs |= cell != spare[0]
            top = max(top, cell)
        if said == 0:
            return None
        if column == _FLAGS:
            width = 2 if top < 65_536 else 4
        dtype = f"{'f' if column >= _FIRST_NUMBER else 'u'}{width}"
        code = _CODES[column]
        # Row numbers (2 bytes each) cost time on both sides, so they must save a quarter of the bytes.
        if 4 * said * (width + 2) < 3 * n * width:
            return self.sparse(code, kinds, dtype, n, width, default)
        if not differs:
            return Column(code, kinds, wire.CONSTANT, dtype, b"", self.narrow(1, width))
        return Column(code, kinds, wire.DENSE, dtype, b"", self.narrow(n, width))

    def sparse(
        self, code, kinds: bytes, dtype: str, n: cython.Py_ssize_t, width: cython.Py_ssize_t, default: cython.ulonglong
    ):
        i: cython.Py_ssize_t
        at: cython.Py_ssize_t = 0
        rows: list = []
        for i in range(n):
            if self.spare[i] != default:
                rows.append(i)
                self.spare[at] = self.spare[i]
                at += 1
        values = self.narrow(at, width)
        for i in range(at):
            self.spare[i] = rows[i]
        return Column(code, kinds, wire.SPARSE, dtype, self.narrow(at, 2), values)

    @cython.locals(start=cython.Py_ssize_t, i=cython.Py_ssize_t, kind=cython.Py_ssize_t)
    def gather(self, column: cython.Py_ssize_t, kinds: bytes) -> cython.Py_ssize_t:
        """Copy a column's cells of some kinds, side by side, into `spare`; returns how many."""
        # Once all rows are put, the next row of a kind is the first row of the kind after it.
        n: cython.Py_ssize_t = self.n
        at: cython.Py_ssize_t = 0
        for kind in kinds or range(self.free.shape[0] - 1):
            start = column * n + (self.free[kind - 1] if kind else 0)
            for i in range(start, column * n + self.free[kind]):
                self.spare[at] = self.cells[i]
                at += 1
        return at

    def narrow(self, n: cython.Py_ssize_t, width: cython.Py_ssize_t) -> bytes:
        """The first n cells of `spare` in `width` bytes each."""
        if width == 8:
            return bytes(self.spare_raw[: 8 * n])
        if width == 1:
            return bytes(self.spare_raw[: 8 * n : 8])
        out = bytearray(width * n)
        for byte in range(width):
            out[byte::width] = self.spare_raw[byte : 8 * n : 8]
        return bytes(out)


def encode_rows(rows: Sequence[Row]) -> bytes:
    """See `block.encode_block`."""
    writer = BlockWriter(bytes([row.kind for row in rows]))
    for at, row in enumerate(rows):
        writer.put_row(at, row)
    return writer.finish([(column, b"") for column in range(_COLUMN_COUNT)], [row.tenant for row in rows])
