"""Numbers by 64-bit key: open addressing over arrays, in compiled loops."""

from __future__ import annotations

import cython
import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Values = NDArray[np.int64]

_FIRST_BITS = cython.declare(cython.int, 10)
_GOLDEN = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_MASK64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


@cython.final
@cython.cclass
class HashIndex:
    """Key (not 0) -> value. At most half full; linear probing. Nothing is removed: `rebuild` keeps what shall stay.

    Compiled modules also have `find` and `set` for a single key; `set` only after `make_room`.
    """

    def __init__(self) -> None:
        self._clear(_FIRST_BITS)

    def _clear(self, bits: cython.int) -> None:
        size = 1 << bits
        self._last = size - 1
        self._shift = 64 - bits
        # A key and its value side by side: in a large index each look-up then waits for memory once.
        self._slots = memoryview(np.zeros(2 * size, np.uint64))
        self.n = 0

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch(self, key: cython.ulonglong) -> cython.void:
        """Begin to bring the place of a key near, for a `find` soon after."""
        if cython.compiled:
            at: cython.ulonglong = (key * _GOLDEN & _MASK64) >> self._shift
            strainwatch_fetch(cython.address(self._slots[2 * at]))  # noqa: F821 - of the .pxd

    @cython.cfunc
    @cython.exceptval(check=False)
    def find(self, key: cython.ulonglong) -> cython.longlong:
        """Value of a key, -1 where it is not there."""
        at: cython.ulonglong = (key * _GOLDEN & _MASK64) >> self._shift
        while self._slots[2 * at] != key:
            if self._slots[2 * at] == 0:
                return -1
            at = (at + 1) & self._last
        return self._slots[2 * at + 1]

    @cython.cfunc
    @cython.exceptval(check=False)
    def set(self, key: cython.ulonglong, value: cython.longlong) -> cython.void:
        """Set the value (0 or more) of a key; there must be room."""
        at: cython.ulonglong = (key * _GOLDEN & _MASK64) >> self._shift
        while self._slots[2 * at] != key:
            if self._slots[2 * at] == 0:
                self._slots[2 * at] = key
                self.n += 1
                break
            at = (at + 1) & self._last
        self._slots[2 * at + 1] = value

    def get(self, keys: Keys) -> Values:
        """Values of keys, -1 where a key is not there."""
        key: cython.const[cython.ulonglong][::1] = keys if cython.compiled else memoryview(keys)
        values = np.empty(len(key), np.int64)
        value: cython.longlong[::1] = values if cython.compiled else memoryview(values)
        i: cython.Py_ssize_t
        for i in range(len(key)):
            value[i] = self.find(key[i])
        return values

    def put(self, keys: Keys, values: Values) -> None:
        """Set the values of keys."""
        key: cython.const[cython.ulonglong][::1] = keys if cython.compiled else memoryview(keys)
        value: cython.const[cython.longlong][::1] = values if cython.compiled else memoryview(values)
        if len(key) != len(value):
            raise ValueError(f"{len(key)} keys with {len(value)} values")
        self.make_room(len(key))
        i: cython.Py_ssize_t
        for i in range(len(key)):
            self.set(key[i], value[i])

    def number(self, keys: Keys, supply: Values) -> tuple[Values, int]:
        """Values of keys; each new key takes the next value of `supply`, in order. Also how many were taken."""
        key: cython.const[cython.ulonglong][::1] = keys if cython.compiled else memoryview(keys)
        new: cython.const[cython.longlong][::1] = supply if cython.compiled else memoryview(supply)
        values = np.empty(len(key), np.int64)
        value: cython.longlong[::1] = values if cython.compiled else memoryview(values)
        self.make_room(len(key))
        i: cython.Py_ssize_t
        taken: cython.Py_ssize_t = 0
        for i in range(len(key)):
            self.fetch(key[i])
        for i in range(len(key)):
            value[i] = self.find(key[i])
            if value[i] < 0:
                value[i] = new[taken]
                self.set(key[i], value[i])
                taken += 1
        return values, taken

    def make_room(self, more: cython.longlong) -> None:
        """Grow where needed, so that it can take so many more keys."""
        if 2 * (self.n + more) <= self._last + 1:
            return
        before: cython.ulonglong[::1] = self._slots
        self._clear(_bits_for(self.n + more))
        at: cython.Py_ssize_t
        for at in range(0, before.shape[0], 2):
            if before[at] != 0:
                self.set(before[at], before[at + 1])

    def rebuild(self, keys: Keys, values: Values, room_for: cython.longlong = 0) -> None:
        """Hold exactly these keys, with room for some more."""
        self._clear(_bits_for(len(keys) + room_for))
        self.put(keys, values)

    def items(self) -> tuple[Keys, Values]:
        """All keys and values."""
        keys, values = np.empty(self.n, np.uint64), np.empty(self.n, np.int64)
        key: cython.ulonglong[::1] = memoryview(keys)
        value: cython.longlong[::1] = memoryview(values)
        at: cython.ulonglong
        i: cython.Py_ssize_t = 0
        for at in range(self._last + 1):
            if self._slots[2 * at] != 0:
                key[i], value[i] = self._slots[2 * at], self._slots[2 * at + 1]
                i += 1
        return keys, values

    @property
    def crowded(self) -> bool:
        """The next few keys would make it grow: a good moment to forget."""
        return 2 * (self.n + 4096) > self._last + 1


@cython.cfunc
@cython.exceptval(check=False)
def _bits_for(keys: cython.longlong) -> cython.int:
    """Of a size of which so many keys are a quarter to a half, or less."""
    bits: cython.int = _FIRST_BITS
    while (cython.cast(cython.longlong, 1) << bits) < 4 * keys:
        bits += 1
    return bits
