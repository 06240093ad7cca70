"""The cells of a block, taken off the wire into arrays.

Compiled at install; uncompiled it gives the same, slowly. Nothing on the wire is believed: whatever does not fit raises
ValueError or OverflowError, and no cell outside the arrays is touched.
"""

from __future__ import annotations

import cython
import numpy as np

from shared.contract.block_wire import (
    CODES,
    CONSTANT,
    DENSE,
    HASHED,
    NAMED,
    NAN_BITS,
    NUMBERS,
    ROWS_MAX,
    SPARSE,
)  # fmt: skip
from shared.contract.msgpack_parts import Parts
from shared.contract.string_table import StringTable

WIDE = (*HASHED, *NUMBERS, "ts_ms")
"""Rows of the array of 64 bits; numbers are the bits of a float64, times those of an int64."""
NARROW = ("tenant", *NAMED, "flags")
"""Rows of the array of 32 bits; all but the last are codes into the string table."""

_NAMES: list = sorted(CODES, key=CODES.get)
_WIDTHS: dict = {
    **{name: {"u1": 1, "u2": 2, "u4": 4} for name in NAMED},
    **{name: {"u8": 8} for name in HASHED},
    "flags": {"u2": 2, "u4": 4},
    **{name: {"f8": 8} for name in NUMBERS},
}
"""Column -> its types on the wire -> the bytes of a value."""
_PLACES: list = [
    (
        _WIDTHS.get(name, {}),
        WIDE.index(name) if name in WIDE else -1,
        NARROW.index(name) if name in NARROW else -1,
    )
    for name in _NAMES
]
"""By the number of a column: its types, and its row in either array, -1 for none."""
_PARTS = cython.declare(cython.Py_ssize_t, 10)
_PARTS_OF_COLUMN = cython.declare(cython.Py_ssize_t, 6)
_ROWS_MAX = cython.declare(cython.longlong, ROWS_MAX)
_CONSTANT = cython.declare(cython.int, CONSTANT)
_DENSE = cython.declare(cython.int, DENSE)
_SPARSE = cython.declare(cython.int, SPARSE)
_KIND_CODES = cython.declare(cython.int, 256)
_NUMBER = cython.declare(cython.int, WIDE.index("n0"))
_TS = cython.declare(cython.int, WIDE.index("ts_ms"))
_FLAGS = cython.declare(cython.int, NARROW.index("flags"))
_NAN_BITS = cython.declare(cython.ulonglong, NAN_BITS)
_ALL_ONES = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


# Little-endian values of a width each: the compiler makes one load of the bytes.


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _load2(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.uint:
    return data[at] | data[at + 1] << 8


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _load4(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.uint:
    return data[at] | data[at + 1] << 8 | data[at + 2] << 16 | cython.cast(cython.uint, data[at + 3]) << 24


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _load8(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.ulonglong:
    return _load4(data, at) | cython.cast(cython.ulonglong, _load4(data, at + 4)) << 32


def read_block(data: bytes, first: int) -> tuple:
    """A block from where its msgpack begins: kinds and ids (bytes), texts of ids by row, names, and the cells.

    The cells are a (WIDE, rows) array of uint64 and a (NARROW, rows) array of uint32.
    """
    wire: Parts = Parts(data, first)
    if wire.array() != _PARTS:
        raise ValueError("not the parts of a block")
    n: cython.longlong = wire.number()
    if not 0 < n <= _ROWS_MAX:
        raise ValueError(f"{n} rows")
    base_ms: cython.longlong = wire.number()
    kinds: cython.Py_ssize_t = wire.blob()
    if wire.size != n:
        raise ValueError("kinds do not fit the rows")
    times: cython.Py_ssize_t = wire.blob()
    times_size: cython.Py_ssize_t = wire.size
    tenants: cython.Py_ssize_t = wire.blob()
    tenants_size: cython.Py_ssize_t = wire.size
    ids: cython.Py_ssize_t = wire.blob()
    if wire.size != 16 * n:
        raise ValueError("ids do not fit the rows")
    id_rows = [wire.number() for _ in range(wire.array())]
    texts = [wire.text() for _ in range(wire.array())]
    if len(id_rows) != len(texts) or (id_rows and not 0 <= min(id_rows) <= max(id_rows) < n):
        raise ValueError("id strings do not fit the rows")
    strings = StringTable(data, wire.at)
    wire.at = strings.end
    # Two arrays for all columns: each array that is made costs more than the cells of a small block.
    wide_cells, narrow_cells = np.empty((len(WIDE), n), np.uint64), np.zeros((len(NARROW), n), np.uint32)
    cells: _Cells = _Cells(wide_cells, narrow_cells, data, len(strings))
    cells.order(kinds)
    cells.times(times, times_size, base_ms)
    cells.tenants(tenants, tenants_size)
    seen: cython.uint = 0
    for _ in range(wire.array()):
        seen |= cells.column(wire, seen)
    if wire.at != len(data):
        raise ValueError("followed by something else")
    kinds_of = data[kinds : kinds + n]
    return kinds_of, data[ids : ids + 16 * n], dict(zip(id_rows, texts, strict=True)), strings, wide_cells, narrow_cells


def read_ids(raw: bytes, first: cython.Py_ssize_t, since_ms: cython.longlong) -> object:
    """The tenant of a block and its event ids, where all events are of one tenant and none is older than `since_ms`.

    None for any other block. What else is said of the events is stepped over, and may be anything.
    """
    data: cython.const[cython.uchar][::1] = raw if cython.compiled else memoryview(raw)
    wire: Parts = Parts(raw, first)
    wire.array()
    n: cython.longlong = wire.number()
    if not 0 < n <= _ROWS_MAX:
        raise ValueError(f"{n} rows")
    base_ms: cython.longlong = wire.number()
    wire.blob()
    times: cython.Py_ssize_t = wire.blob()
    if wire.size != 4 * n:
        return None  # times that lie weeks apart
    row: cython.Py_ssize_t
    for row in range(n):
        if base_ms + _load4(data, times + 4 * row) < since_ms:
            return None
    tenants: cython.Py_ssize_t = wire.blob()
    tenants_size: cython.Py_ssize_t = wire.size
    ids: cython.Py_ssize_t = wire.blob()
    if wire.size != 16 * n:
        raise ValueError("ids do not fit the rows")
    for _ in range(wire.array()):
        wire.number()
    for _ in range(wire.array()):
        wire.text()
    strings: cython.Py_ssize_t = wire.array()
    if tenants_size != (1 if strings < 256 else 2 if strings < 65_536 else 4):
        return None
    code: cython.Py_ssize_t = 0
    for row in range(tenants_size):
        code |= cython.cast(cython.Py_ssize_t, data[tenants + row]) << 8 * row
    if code >= strings:
        raise ValueError("the tenant points outside the string table")
    for _ in range(code):
        wire.text()
    return wire.text(), np.frombuffer(raw, "S16", n, ids)


@cython.final
@cython.cclass
class _Cells:
    n: cython.Py_ssize_t
    strings: cython.ulonglong
    data: cython.const[cython.uchar][::1]
    wide: cython.ulonglong[:, ::1]
    narrow: cython.uint[:, ::1]
    count: cython.Py_ssize_t  # rows of one column
    rows: cython.uint[::1]  # of the block: all in kind order, then room for those of one column
    places: cython.uint[::1]  # of a sparse column: the rows of its values
    start: cython.uint[::1]  # by kind: its first place in that order
    values: cython.ulonglong[::1]  # of one column

    def __init__(self, wide: object, narrow: object, data: bytes, strings: cython.ulonglong) -> None:
        self.wide = wide if cython.compiled else memoryview(wide)
        self.narrow = narrow if cython.compiled else memoryview(narrow)
        self.data = data if cython.compiled else memoryview(data)
        self.n = self.wide.shape[1]
        self.strings = strings
        self.rows = memoryview(bytearray(8 * self.n)).cast("I")
        self.places = memoryview(bytearray(4 * self.n)).cast("I")
        self.start = memoryview(bytearray(4 * (_KIND_CODES + 1))).cast("I")
        self.values = memoryview(bytearray(8 * self.n)).cast("Q")

    @cython.cfunc
    def order(self, kinds: cython.Py_ssize_t) -> cython.void:
        """Put the rows in kind order, and set all cells to absent; `kinds` is where those of the rows begin."""
        row: cython.Py_ssize_t
        kind: cython.Py_ssize_t
        wide_row: cython.Py_ssize_t
        for row in range(self.n):
            self.start[self.data[kinds + row] + 1] += 1
        for kind in range(_KIND_CODES):
            self.start[kind + 1] += self.start[kind]
        for row in range(self.n):
            kind = self.data[kinds + row]
            self.rows[self.start[kind]] = row
            self.start[kind] += 1
        for kind in range(_KIND_CODES, 0, -1):  # each has moved on to the start of the next
            self.start[kind] = self.start[kind - 1]
        self.start[0] = 0
        wide: cython.ulonglong[:, ::1] = self.wide
        for wide_row in range(_TS):
            absent: cython.ulonglong = 0 if wide_row < _NUMBER else _NAN_BITS
            for row in range(self.n):
                wide[wide_row, row] = absent

    @cython.cfunc
    def times(self, at: cython.Py_ssize_t, size: cython.Py_ssize_t, base_ms: cython.longlong) -> cython.void:
        row: cython.Py_ssize_t
        if size != 4 * self.n and size != 8 * self.n:
            raise ValueError("times do not fit the rows")
        base: cython.ulonglong = base_ms & _ALL_ONES
        self.load(at, size // self.n, self.n)
        for row in range(self.n):
            self.wide[_TS, row] = base + self.values[row] & _ALL_ONES

    @cython.cfunc
    def tenants(self, at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.void:
        row: cython.Py_ssize_t
        width: cython.Py_ssize_t = 1 if self.strings < 256 else 2 if self.strings < 65_536 else 4
        if size != width and size != width * self.n:
            raise ValueError("tenants do not fit the rows")
        codes: cython.Py_ssize_t = size // width
        self.load(at, width, codes)
        for row in range(codes):
            if self.values[row] >= self.strings:
                raise ValueError("a tenant points outside the string table")
        for row in range(self.n):
            self.narrow[0, row] = cython.cast(cython.uint, self.values[row if codes > 1 else 0])

    @cython.cfunc
    def rows_of(self, at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Where in `rows` those of these kinds (of all for none) begin, in order; `count` is how many they are.

        Mostly the kinds are neighbours; where they are not, their rows are brought together behind the first n.
        """
        kind: cython.Py_ssize_t
        i: cython.Py_ssize_t
        k: cython.Py_ssize_t
        first: cython.Py_ssize_t = 0
        together: cython.bint = True
        self.count = 0 if size else self.n
        for k in range(size):
            kind = self.data[at + k]
            for i in range(k):
                if self.data[at + i] == kind:
                    raise ValueError("a column names a kind twice")
            if self.start[kind] == self.start[kind + 1]:
                continue
            if self.count == 0:
                first = self.start[kind]
            together = together and self.start[kind] == first + self.count
            self.count += self.start[kind + 1] - self.start[kind]
        if together:
            return first
        self.count = 0
        for k in range(size):
            kind = self.data[at + k]
            for i in range(self.start[kind], self.start[kind + 1]):
                self.rows[self.n + self.count] = self.rows[i]
                self.count += 1
        return self.n

    @cython.cfunc
    def load(self, at: cython.Py_ssize_t, width: cython.Py_ssize_t, count: cython.Py_ssize_t) -> cython.void:
        """Bring so many values of a width into `values`."""
        i: cython.Py_ssize_t
        data: cython.const[cython.uchar][::1] = self.data
        values: cython.ulonglong[::1] = self.values
        if width == 1:
            for i in range(count):
                values[i] = data[at + i]
        elif width == 2:
            for i in range(count):
                values[i] = _load2(data, at + 2 * i)
        elif width == 4:
            for i in range(count):
                values[i] = _load4(data, at + 4 * i)
        else:
            for i in range(count):
                values[i] = _load8(data, at + 8 * i)

    @cython.cfunc
    def column(self, wire: Parts, seen: cython.uint) -> cython.uint:
        """Fill the cells of the next column; the bit of its number, which is not among those `seen`."""
        if wire.array() != _PARTS_OF_COLUMN:
            raise ValueError("not the parts of a column")
        code: cython.longlong = wire.number()
        if not 0 <= code < len(_PLACES) or (seen >> code) & 1:
            raise ValueError(f"column {code} is unknown or stands twice")
        wide_row: cython.Py_ssize_t
        narrow_row: cython.Py_ssize_t
        widths, wide_row, narrow_row = _PLACES[code]
        name = _NAMES[code]
        kinds: cython.Py_ssize_t = wire.blob()
        first: cython.Py_ssize_t = self.rows_of(kinds, wire.size)
        count: cython.Py_ssize_t = self.count
        mode: cython.longlong = wire.number()
        dtype = wire.text()
        width: cython.Py_ssize_t = widths.get(dtype, 0)
        if width == 0:
            raise ValueError(f"{name} has the unknown dtype {dtype!r}")
        at: cython.Py_ssize_t = wire.blob()
        rows_size: cython.Py_ssize_t = wire.size
        values_at: cython.Py_ssize_t = wire.blob()
        size: cython.Py_ssize_t = wire.size
        if size % width:
            raise ValueError(f"{name} ends within a value")
        size //= width
        sparse: cython.bint = mode == _SPARSE
        constant: cython.bint = mode == _CONSTANT
        if sparse and rows_size != 2 * size:
            raise ValueError(f"{name} has {size} values for other rows")
        if constant and size != 1:
            raise ValueError(f"{name} is constant and has {size} values")
        if mode not in (_SPARSE, _CONSTANT, _DENSE) or (mode == _DENSE and size != count):
            raise ValueError(f"{name} has {size} values for {count} rows in mode {mode}")
        if size > self.n:
            raise ValueError(f"{name} has {size} values for {self.n} rows")
        self.load(values_at, width, size)
        i: cython.Py_ssize_t
        values: cython.ulonglong[::1] = self.values
        if 0 <= narrow_row < _FLAGS:
            for i in range(size):
                if values[i] >= self.strings:
                    raise ValueError(f"{name} points outside the string table")
        place: cython.uint[::1] = self.rows[first:]
        if sparse:  # the rows that have a value come first
            for i in range(size):
                if _load2(self.data, at + 2 * i) >= count:
                    raise ValueError(f"{name} names a row that it has not")
                self.places[i] = place[_load2(self.data, at + 2 * i)]
            place = self.places
        filled: cython.Py_ssize_t = count if constant else size
        wide: cython.ulonglong[:, ::1] = self.wide
        narrow: cython.uint[:, ::1] = self.narrow
        step: cython.Py_ssize_t = 0 if constant else 1
        if wide_row >= 0:
            for i in range(filled):
                wide[wide_row, place[i]] = values[step * i]
        else:
            for i in range(filled):
                narrow[narrow_row, place[i]] = cython.cast(cython.uint, values[step * i])
        return cython.cast(cython.uint, 1) << code


def put_answers(kinds: object, callers: object, answers: object, asking: object) -> tuple:
    """The answers, in order, of the rows that asked: those of `asking` kinds with a caller; and how many asked.

    -1 where nobody asked, or the answers are at an end.
    """
    kind: cython.const[cython.uchar][::1] = kinds if cython.compiled else memoryview(kinds)
    caller: cython.const[cython.ulonglong][::1] = callers if cython.compiled else memoryview(callers)
    answer: cython.const[cython.longlong][::1] = answers if cython.compiled else memoryview(answers)
    cells = np.empty(kind.shape[0], np.int64)
    cell: cython.longlong[::1] = cells if cython.compiled else memoryview(cells)
    one: cython.int
    other: cython.int
    one, other = asking
    asked: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    for i in range(cell.shape[0]):
        cell[i] = -1
        if caller[i] != 0 and (kind[i] == one or kind[i] == other):
            if asked < answer.shape[0]:
                cell[i] = answer[asked]
            asked += 1
    return cells, asked
