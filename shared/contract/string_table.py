"""The names of a block, as they lie on the wire: a name becomes a string only when somebody asks for it.

Compiled at install; uncompiled it gives the same, slowly.
"""

from __future__ import annotations

import cython
import numpy as np

_FIXED_ARRAY = cython.declare(cython.int, 0x90)
_FIXED_TEXT = cython.declare(cython.int, 0xA0)
_TOP_BITS = cython.declare(cython.ulonglong, 0x8080808080808080)
_BOTTOM_BITS = cython.declare(cython.ulonglong, 0x0101010101010101)


class StringTable:
    """A msgpack array of strings in `raw`, from `first` to `end`; `spans` are the (first, length) of each in `raw`.

    Raises ValueError for other bytes.
    """

    __slots__ = ("_texts", "end", "raw", "spans")

    def __init__(self, raw: bytes, first: int = 0) -> None:
        self.raw = raw
        self._texts: dict = {}
        self.spans, self.end, plain = _spans(raw, first)
        if not plain:
            _check(raw, self.spans)

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, code: int) -> str:
        text = self._texts.get(code)
        if text is None:
            first, length = self.spans[code].tolist()
            text = self._texts[code] = self.raw[first : first + length].decode()
        return text


@cython.cfunc
def _number(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, width: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """The big-endian number of so many bytes; -1 where they are not all there."""
    if at + width > raw.shape[0]:
        return -1
    value: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    for i in range(width):
        value = value << 8 | raw[at + i]
    return value


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _word(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.ulonglong:
    """Eight bytes as one number."""
    low: cython.uint = raw[at] | raw[at + 1] << 8 | raw[at + 2] << 16 | cython.cast(cython.uint, raw[at + 3]) << 24
    at += 4
    high: cython.uint = raw[at] | raw[at + 1] << 8 | raw[at + 2] << 16 | cython.cast(cython.uint, raw[at + 3]) << 24
    return low | cython.cast(cython.ulonglong, high) << 32


def _spans(data: bytes, at: cython.Py_ssize_t) -> tuple:
    raw: cython.const[cython.uchar][::1] = data if cython.compiled else memoryview(data)
    size: cython.Py_ssize_t = raw.shape[0]
    n: cython.Py_ssize_t = -1
    begin: cython.int = raw[at] if at < size else 0
    at += 1
    if begin & 0xF0 == _FIXED_ARRAY:
        n = begin & 0x0F
    elif begin == 0xDC:
        n = _number(raw, at, 2)
        at += 2
    elif begin == 0xDD:
        n = _number(raw, at, 4)
        at += 4
    if n < 0 or n > size:
        raise ValueError("the string table is no array")
    first: cython.Py_ssize_t = at
    heads: cython.Py_ssize_t = 0  # bytes beyond ASCII that are not of a name
    spans = np.empty((n, 2), np.int32)
    span: cython.int[:, ::1] = spans if cython.compiled else memoryview(spans)
    i: cython.Py_ssize_t
    for i in range(n):
        head: cython.int = raw[at] if at < size else 0
        width: cython.Py_ssize_t = 0
        length: cython.Py_ssize_t = -1
        if head & 0xE0 == _FIXED_TEXT:
            length = head & 0x1F
        elif 0xD9 <= head <= 0xDB:
            width = 1 << (head - 0xD9)
            length = _number(raw, at + 1, width)
        at += 1 + width
        if length < 0 or length > size - at:
            raise ValueError("the string table ends within a name, or holds something else")
        heads += 1 if width == 0 else _beyond_ascii(raw, at - 1 - width, at)
        span[i, 0] = at
        span[i, 1] = length
        at += length
    return spans, at, _beyond_ascii(raw, first, at) == heads


@cython.cfunc
@cython.exceptval(check=False)
def _beyond_ascii(
    raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """How many bytes are not plain ASCII."""
    count: cython.Py_ssize_t = 0
    while at + 8 <= end:
        # Their top bits, each moved to the bottom of its byte and added up in the highest.
        count += ((_word(raw, at) & _TOP_BITS) >> 7) * _BOTTOM_BITS >> 56 & 0xFF
        at += 8
    while at < end:
        count += raw[at] >> 7
        at += 1
    return count


def _check(data: bytes, spans: object) -> None:
    """Decode the names that are not plain ASCII; UnicodeDecodeError is a ValueError."""
    raw: cython.const[cython.uchar][::1] = data if cython.compiled else memoryview(data)
    span: cython.int[:, ::1] = spans if cython.compiled else memoryview(spans)
    i: cython.Py_ssize_t
    for i in range(span.shape[0]):
        at: cython.Py_ssize_t = span[i, 0]
        end: cython.Py_ssize_t = at + span[i, 1]
        bits: cython.ulonglong = 0
        if end - at >= 8:  # eight at a time, the last eight in any case
            while at + 8 < end:
                bits |= _word(raw, at)
                at += 8
            bits |= _word(raw, end - 8)
        else:
            while at < end:
                bits |= raw[at]
                at += 1
        if bits & _TOP_BITS:
            data[span[i, 0] : span[i, 0] + span[i, 1]].decode()
