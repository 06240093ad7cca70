"""The cells of a block, taken off the wire into arrays.

Compiled at install; uncompiled it gives the same, slowly. Nothing on the wire is believed: whatever does not fit raises
ValueError or OverflowError, and no cell outside the arrays is touched.
"""

from __future__ import annotations

import cython

from shared.contract.block_wire import (
    CODES,
    CONSTANT,
    DENSE,
    HASHED,
    NAMED,
    NAN_BITS,
    NUMBERS,
    SPARSE,
    code_width,
)  # fmt: skip

WIDE = (*HASHED, *NUMBERS, "ts_ms")
"""Rows of the array of 64 bits; numbers are the bits of a float64, times those of an int64."""
NARROW = ("tenant", *NAMED, "flags")
"""Rows of the array of 32 bits; all but the last are codes into the string table."""

_WIDTHS: dict = {
    **{name: {"u1": 1, "u2": 2, "u4": 4} for name in NAMED},
    **{name: {"u8": 8} for name in HASHED},
    "flags": {"u2": 2, "u4": 4},
    **{name: {"f8": 8} for name in NUMBERS},
}
_PLACES: dict = {
    CODES[name]: (name, WIDE.index(name) if name in WIDE else -1, NARROW.index(name) if name in NARROW else -1)
    for name in _WIDTHS
}
_KIND_CODES = cython.declare(cython.int, 256)
_NUMBER = cython.declare(cython.int, WIDE.index("n0"))
_TS = cython.declare(cython.int, WIDE.index("ts_ms"))
_FLAGS = cython.declare(cython.int, NARROW.index("flags"))
_NAN_BITS = cython.declare(cython.ulonglong, NAN_BITS)
_ALL_ONES = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


@cython.cfunc
@cython.exceptval(check=False)
def _load(data: cython.uchar[::1], at: cython.Py_ssize_t, width: cython.Py_ssize_t) -> cython.ulonglong:
    """The little-endian value of so many bytes."""
    low: cython.ulonglong
    high: cython.ulonglong
    if width == 1:
        return data[at]
    if width == 2:
        return data[at] | data[at + 1] << 8
    low = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | cython.cast(cython.uint, data[at + 3]) << 24
    if width == 4:
        return low
    at += 4
    high = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | cython.cast(cython.uint, data[at + 3]) << 24
    return low | high << 32


def read_cells(wire: object, strings: int, wide_cells: object, narrow_cells: object) -> None:
    """Fill a (WIDE, rows) array of uint64 and a (NARROW, rows) array of zeros of uint32 from a block of the wire.

    `strings` is the size of its string table.
    """
    columns: list = wire.columns
    parts: list = [wire.kinds, wire.times, wire.tenants]
    for column in columns:
        parts += (column.rows, column.values)
    cells: _Cells = _Cells(wide_cells, narrow_cells, bytearray(b"".join(parts)), strings)
    if len(wire.kinds) != cells.n:
        raise ValueError("kinds do not fit the rows")
    cells.order()
    at: cython.Py_ssize_t = cells.n
    cells.times(at, len(wire.times), wire.base_ts_ms)
    at += len(wire.times)
    cells.tenants(at, len(wire.tenants))
    at += len(wire.tenants)
    seen: set = set()
    for column in columns:
        if column.code not in _PLACES or column.code in seen:
            raise ValueError(f"column {column.code} is unknown or stands twice")
        seen.add(column.code)
        cells.column(column, at)
        at += len(column.rows) + len(column.values)


@cython.final
@cython.cclass
class _Cells:
    n: cython.Py_ssize_t
    strings: cython.ulonglong
    data: cython.uchar[::1]
    wide: cython.ulonglong[:, ::1]
    narrow: cython.uint[:, ::1]
    rows: cython.uint[::1]  # of the block: all in kind order, then those of one column
    start: cython.uint[::1]  # by kind: its first place in that order
    values: cython.ulonglong[::1]  # of one column

    def __init__(self, wide: object, narrow: object, data: bytearray, strings: int) -> None:
        self.wide = wide if cython.compiled else memoryview(wide)
        self.narrow = narrow if cython.compiled else memoryview(narrow)
        self.data = memoryview(data)
        self.n = self.wide.shape[1]
        self.strings = strings
        self.rows = memoryview(bytearray(8 * self.n)).cast("I")
        self.start = memoryview(bytearray(4 * (_KIND_CODES + 1))).cast("I")
        self.values = memoryview(bytearray(8 * self.n)).cast("Q")

    def order(self) -> None:
        """Put the rows in kind order, and set all cells to absent."""
        row: cython.Py_ssize_t
        kind: cython.Py_ssize_t
        wide_row: cython.Py_ssize_t
        for row in range(self.n):
            self.start[self.data[row] + 1] += 1
        for kind in range(_KIND_CODES):
            self.start[kind + 1] += self.start[kind]
        for row in range(self.n):
            kind = self.data[row]
            self.rows[self.start[kind]] = row
            self.start[kind] += 1
        for kind in range(_KIND_CODES, 0, -1):  # each has moved on to the start of the next
            self.start[kind] = self.start[kind - 1]
        self.start[0] = 0
        for wide_row in range(_TS):
            absent: cython.ulonglong = 0 if wide_row < _NUMBER else _NAN_BITS
            for row in range(self.n):
                self.wide[wide_row, row] = absent

    def times(self, at: cython.Py_ssize_t, size: cython.Py_ssize_t, base_ms: cython.longlong) -> None:
        row: cython.Py_ssize_t
        if size != 4 * self.n and size != 8 * self.n:
            raise ValueError("times do not fit the rows")
        width: cython.Py_ssize_t = size // self.n
        base: cython.ulonglong = base_ms & _ALL_ONES
        for row in range(self.n):
            self.wide[_TS, row] = base + _load(self.data, at + row * width, width) & _ALL_ONES

    def tenants(self, at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> None:
        row: cython.Py_ssize_t
        width: cython.Py_ssize_t = code_width(self.strings)
        if size != width and size != width * self.n:
            raise ValueError("tenants do not fit the rows")
        for row in range(self.n):
            code: cython.ulonglong = _load(self.data, at + (row * width if size > width else 0), width)
            if code >= self.strings:
                raise ValueError("a tenant points outside the string table")
            self.narrow[0, row] = code

    def rows_of(self, name: str, kinds: bytes) -> int:
        """Bring the rows of these kinds (of all for none), in order, behind the first n; how many they are."""
        kind: cython.Py_ssize_t
        i: cython.Py_ssize_t
        count: cython.Py_ssize_t = 0
        if len(set(kinds)) != len(kinds):
            raise ValueError(f"{name} names a kind twice")
        for kind in kinds:
            for i in range(self.start[kind], self.start[kind + 1]):
                self.rows[self.n + count] = self.rows[i]
                count += 1
        if not kinds:
            for i in range(self.n):
                self.rows[self.n + i] = self.rows[i]
            count = self.n
        return count

    @cython.cfunc
    def load(self, at: cython.Py_ssize_t, width: cython.Py_ssize_t, count: cython.Py_ssize_t) -> cython.void:
        """Bring so many values of a width into `values`."""
        i: cython.Py_ssize_t
        if width == 1:
            for i in range(count):
                self.values[i] = self.data[at + i]
        elif width == 2:
            for i in range(count):
                self.values[i] = _load(self.data, at + 2 * i, 2)
        elif width == 4:
            for i in range(count):
                self.values[i] = _load(self.data, at + 4 * i, 4)
        else:
            for i in range(count):
                self.values[i] = _load(self.data, at + 8 * i, 8)

    def column(self, column: object, at: cython.Py_ssize_t) -> None:
        """Fill the cells of a column, whose rows and values begin at `at`."""
        wide_row: cython.Py_ssize_t
        narrow_row: cython.Py_ssize_t
        name, wide_row, narrow_row = _PLACES[column.code]
        width: cython.Py_ssize_t = _WIDTHS[name].get(column.dtype, 0)
        if width == 0:
            raise ValueError(f"{name} has the unknown dtype {column.dtype!r}")
        count: cython.Py_ssize_t = self.rows_of(name, column.kinds)
        values_at: cython.Py_ssize_t = at + len(column.rows)
        size: cython.Py_ssize_t = len(column.values)
        if size % width:
            raise ValueError(f"{name} ends within a value")
        size //= width
        mode = column.mode
        sparse: cython.bint = mode == SPARSE
        constant: cython.bint = mode == CONSTANT
        if sparse and len(column.rows) != 2 * size:
            raise ValueError(f"{name} has {size} values for other rows")
        if constant and size != 1:
            raise ValueError(f"{name} is constant and has {size} values")
        if mode not in (SPARSE, CONSTANT, DENSE) or (mode == DENSE and size != count):
            raise ValueError(f"{name} has {size} values for {count} rows in mode {mode}")
        if size > self.n:
            raise ValueError(f"{name} has {size} values for {self.n} rows")
        self.load(values_at, width, size)
        i: cython.Py_ssize_t
        if 0 <= narrow_row < _FLAGS:
            for i in range(size):
                if self.values[i] >= self.strings:
                    raise ValueError(f"{name} points outside the string table")
        row: cython.Py_ssize_t
        for i in range(count if constant else size):
            row = i
            if sparse:
                row = _load(self.data, at + 2 * i, 2)
                if row >= count:
                    raise ValueError(f"{name} names a row that it has not")
            row = self.rows[self.n + row]
            if wide_row >= 0:
                self.wide[wide_row, row] = self.values[0 if constant else i]
            else:
                self.narrow[narrow_row, row] = self.values[0 if constant else i]
