"""msgpack, part by part, by somebody who knows what comes: nothing is made of what is only stepped over.

Compiled at install; uncompiled it gives the same, slowly.
"""

from __future__ import annotations

import cython


@cython.final
@cython.cclass
class Parts:
    """Some msgpack from `first` on; `at` is where the next part begins, `size` that of the last blob or text.

    What is something else than was asked for, or ends too early, is a ValueError.
    """

    def __init__(self, data: bytes, first: cython.Py_ssize_t) -> None:
        self.raw = data
        self.data = data if cython.compiled else memoryview(data)
        self.at = first
        self.size = 0

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def big(self, width: cython.Py_ssize_t, value: cython.longlong) -> cython.longlong:
        """A big-endian number of so many bytes, after what `value` stands for."""
        i: cython.Py_ssize_t
        if self.at + width > self.data.shape[0]:
            raise ValueError("ends within a number")
        for i in range(width):
            value = value * 256 + self.data[self.at + i]
        self.at += width
        return value

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def array(self) -> cython.Py_ssize_t:
        """How many parts an array has."""
        head: cython.int = self.big(1, 0)
        if head & 0xF0 == 0x90:
            return head & 0x0F
        if head != 0xDC and head != 0xDD:
            raise ValueError("no array")
        count: cython.Py_ssize_t = self.big(2 if head == 0xDC else 4, 0)
        if count > self.data.shape[0]:
            raise ValueError("an array of more than there is")
        return count

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def number(self) -> cython.longlong:
        """A whole number."""
        head: cython.int = self.big(1, 0)
        if head < 0x80:
            return head
        if head >= 0xE0:
            return head - 256
        if 0xCC <= head <= 0xCE:
            return self.big(1 << (head - 0xCC), 0)
        if head < 0xCF or head > 0xD3 or self.at >= self.data.shape[0]:
            raise ValueError("no number")
        negative: cython.bint = self.data[self.at] >= 0x80
        if head == 0xCF:
            if negative:
                raise ValueError("a number that is too large")
            return self.big(8, 0)
        return self.big(1 << (head - 0xD0), -1 if negative else 0)

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def span(self, width: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Come across so many bytes, or as many as a number of `width` bytes says; where they begin."""
        self.size = self.big(width, 0) if width else size
        if self.size > self.data.shape[0] - self.at:
            raise ValueError("ends within bytes")
        self.at += self.size
        return self.at - self.size

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def blob(self) -> cython.Py_ssize_t:
        """Where some bytes begin, `size` of them."""
        head: cython.int = self.big(1, 0)
        if not 0xC4 <= head <= 0xC6:
            raise ValueError("no bytes")
        return self.span(1 << (head - 0xC4), 0)

    @cython.cfunc
    def text(self) -> object:
        """A string."""
        head: cython.int = self.big(1, 0)
        if head & 0xE0 != 0xA0 and not 0xD9 <= head <= 0xDB:
            raise ValueError("no text")
        first: cython.Py_ssize_t = self.span(0 if head < 0xD9 else 1 << (head - 0xD9), head & 0x1F)
        return self.raw[first : first + self.size].decode()
