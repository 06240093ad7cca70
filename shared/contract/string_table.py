"""The names of a block, as they lie on the wire: a name becomes a string only when somebody asks for it.

Compiled at install; uncompiled it gives the same, slowly.
"""

from __future__ import annotations

import cython
import numpy as np

_FIXED_ARRAY = cython.declare(cython.int, 0x90)
_FIXED_TEXT = cython.declare(cython.int, 0xA0)


class StringTable:
    """A msgpack array of strings; `spans` are the (first, length) of each in `raw`.

    Raises ValueError for other bytes.
    """

    __slots__ = ("_texts", "raw", "spans")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._texts: dict = {}
        self.spans = _spans(raw)
        if not raw.isascii():  # the heads of short strings are not either, so most tables come this way
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


def _spans(data: bytes) -> object:
    raw: cython.const[cython.uchar][::1] = data if cython.compiled else memoryview(data)
    size: cython.Py_ssize_t = raw.shape[0]
    n: cython.Py_ssize_t = -1
    at: cython.Py_ssize_t = 1
    if size and raw[0] & 0xF0 == _FIXED_ARRAY:
        n = raw[0] & 0x0F
    elif size and raw[0] == 0xDC:
        n = _number(raw, 1, 2)
        at = 3
    elif size and raw[0] == 0xDD:
        n = _number(raw, 1, 4)
        at = 5
    if n < 0 or n > size:
        raise ValueError("the string table is no array")
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
        span[i, 0] = at
        span[i, 1] = length
        at += length
    if at != size:
        raise ValueError("the string table is followed by something else")
    return spans


def _check(data: bytes, spans: object) -> None:
    """Decode the names that are not plain ASCII; UnicodeDecodeError is a ValueError."""
    raw: cython.const[cython.uchar][::1] = data if cython.compiled else memoryview(data)
    span: cython.int[:, ::1] = spans if cython.compiled else memoryview(spans)
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t
    for i in range(span.shape[0]):
        bits: cython.int = 0
        for at in range(span[i, 0], span[i, 0] + span[i, 1]):
            bits |= raw[at]
        if bits & 0x80:
            data[span[i, 0] : span[i, 0] + span[i, 1]].decode()
