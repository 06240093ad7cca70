"""Numbers by 64-bit key: open addressing over NumPy arrays, so that a block of a thousand keys costs a few vector
operations, and a single key a few array reads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Values = NDArray[np.int64]

_FIRST_SIZE = 1 << 10
_GOLDEN = 0x9E3779B97F4A7C15
_MASK64 = (1 << 64) - 1
_FEW = 12
"""Below so many keys a loop over single reads is faster than vector operations (measured)."""


class HashIndex:
    """Key (not 0) -> value. At most half full; linear probing. Nothing is removed: `rebuild` keeps what shall stay."""

    def __init__(self) -> None:
        self._clear(_FIRST_SIZE)

    def _clear(self, size: int) -> None:
        self._size = size
        self._shift = 64 - (size.bit_length() - 1)
        self._keys = np.zeros(size, np.uint64)
        self._values = np.zeros(size, np.int64)
        # Plain reads of single numbers, without making NumPy scalars.
        self._key_at = memoryview(self._keys)  # type: ignore[arg-type]
        self._value_at = memoryview(self._values)  # type: ignore[arg-type]
        self.n = 0

    def get(self, keys: Keys) -> Values:
        """Values of keys, -1 where a key is not there."""
        if keys.size <= _FEW:
            return np.array([self._get_one(k) for k in keys.tolist()], np.int64)
        out = np.full(keys.size, -1, np.int64)
        left = np.arange(keys.size)
        at = self._home(keys)
        while left.size:
            found = self._keys[at]
            hit = found == keys[left]
            out[left[hit]] = self._values[at[hit]]
            on = np.flatnonzero(~hit & (found != 0))
            left, at = left[on], (at[on] + 1) & (self._size - 1)
        return out

    def _get_one(self, key: int) -> int:
        at = (key * _GOLDEN & _MASK64) >> self._shift
        while (found := self._key_at[at]) != 0:
            if found == key:
                return self._value_at[at]
            at = (at + 1) & (self._size - 1)
        return -1

    def put(self, keys: Keys, values: Values) -> None:
        """Set the values of keys; no key may stand twice."""
        if 2 * (self.n + keys.size) > self._size:
            kept = self._keys != 0
            self.rebuild(self._keys[kept], self._values[kept], room_for=keys.size)
        if keys.size <= _FEW:
            for key, value in zip(keys.tolist(), values.tolist(), strict=True):
                self._put_one(key, value)
            return
        left = np.arange(keys.size)
        at = self._home(keys)
        while left.size:
            found = self._keys[at]
            free = found == 0
            # Several keys may want one free place: the last written has it, the others see that and go on.
            self._keys[at[free]] = keys[left[free]]
            placed = self._keys[at] == keys[left]
            self._values[at[placed]] = values[left[placed]]
            self.n += int(np.count_nonzero(placed & free))
            on = np.flatnonzero(~placed)
            left, at = left[on], (at[on] + 1) & (self._size - 1)

    def _put_one(self, key: int, value: int) -> None:
        at = (key * _GOLDEN & _MASK64) >> self._shift
        while (found := self._key_at[at]) != 0 and found != key:
            at = (at + 1) & (self._size - 1)
        if found == 0:
            self._key_at[at] = key
            self.n += 1
        self._value_at[at] = value

    def rebuild(self, keys: Keys, values: Values, room_for: int = 0) -> None:
        """Hold exactly these keys, with room for some more."""
        size = _FIRST_SIZE
        while size < 4 * (keys.size + room_for):
            size *= 2
        self._clear(size)
        for first in range(0, keys.size, 1 << 16):  # bounded temporaries
            self.put(keys[first : first + (1 << 16)], values[first : first + (1 << 16)])

    def items(self) -> tuple[Keys, Values]:
        """All keys and values."""
        kept = self._keys != 0
        return self._keys[kept], self._values[kept]

    @property
    def crowded(self) -> bool:
        """The next few keys would make it grow: a good moment to forget."""
        return 2 * (self.n + 4096) > self._size

    def _home(self, keys: Keys) -> NDArray[np.int64]:
        with np.errstate(over="ignore"):
            return ((keys * np.uint64(_GOLDEN)) >> np.uint64(self._shift)).astype(np.int64)


def first_seen(keys: Keys) -> tuple[Keys, NDArray[np.intp]]:
    """Distinct keys, and the position in them of every key."""
    if keys.size == 1:
        return keys, np.zeros(1, np.intp)
    distinct, position = np.unique(keys, return_inverse=True)
    return distinct, position
