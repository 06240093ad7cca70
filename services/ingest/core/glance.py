"""What a quick look at a whole body tells, so that the usual body needs no closer one. Compiled at install."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import cython

from shared.contract.events import REFUSED_KEYS, SECONDS_SINCE_1970

_QUOTE = cython.declare(cython.int, ord('"'))
_COLON = cython.declare(cython.int, ord(":"))
_SPACE = cython.declare(cython.int, ord(" "))
_MIN_MS = SECONDS_SINCE_1970.stop


def _lengths(size: int, index: Callable[[bytes], int]) -> array[int]:
    """A table of the refused keys: at the index of a key, a bit for its length."""
    out = array("I", bytes(4 * size))
    for key in REFUSED_KEYS:
        out[index(key.encode())] |= 1 << len(key)
    return out


_BY_START = cython.declare(cython.uint[::1], _lengths(256, lambda key: key[0]))
_BY_END = cython.declare(cython.uint[::1], _lengths(65_536, lambda key: key[len(key) - 1] << 8 | key[len(key) - 2]))


def may_carry_refused(body: bytes) -> bool:
    """False when no event in a body of JSON has a refused key; True when decoding has to say."""
    if not cython.compiled or b"\\" in body:
        return True  # byte by byte is slower than decoding; and an escape may hide a key
    at: cython.Py_ssize_t
    end: cython.Py_ssize_t
    start: cython.Py_ssize_t
    lengths: cython.uint
    data: cython.const[cython.uchar][::1] = body
    for at in range(3, len(body)):
        if data[at] != _COLON:
            continue
        end = at - 1  # of the key: its last quote
        while end > 2 and data[end] <= _SPACE:
            end -= 1
        lengths = _BY_END[data[end - 1] << 8 | data[end - 2]] if data[end] == _QUOTE else 0
        start = end
        while lengths and start > 0:
            if lengths & 1 and data[start - 1] == _QUOTE and _BY_START[data[start]] >> (end - start) & 1:
                return True
            lengths >>= 1
            start -= 1
    return False


def plain_times(events: list, max_ms: int) -> list[int] | None:
    """The `ts` of all events, if each is an int that can be no time in seconds, up to `max_ms`; else None."""
    out: list = []
    for event in events:
        ts = event.ts
        if type(ts) is not int or not _MIN_MS <= ts <= max_ms:
            return None
        out.append(ts)
    return out
