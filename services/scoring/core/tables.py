"""Columns that grow by doubling, and go into a checkpoint and come back as they were.

A row lies together in memory and its columns are strided views: a large table is touched at random rows, and each then
waits for memory a few times instead of once a column.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

Flag = TypeVar("Flag", np.bool_, np.uint8)

_FIRST_CAPACITY = 64
_LINE = 64
"""Bytes of a cache line. A row of up to one line lies within one."""
_TOGETHER = 4096
"""Rows that are packed at once: they stay within a processor's cache while their columns are taken apart."""


class Table:
    """Rows of entities; subclasses list their columns as `name: (dtype, default, width)` (width 0: one value a row)."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {}

    version: int
    """Grows whenever the columns lie elsewhere; `bound` is what a compiled module keeps of where they lie."""
    bound: Any

    def __init__(self) -> None:
        self.n = 0
        self._capacity = 0
        self.version = 0
        self.bound = None
        self._whole = np.empty(0, np.dtype((np.void, self._layout().itemsize)))
        self._grow(_FIRST_CAPACITY)

    def _grow(self, capacity: int) -> None:
        layout = self._layout()
        room = np.empty(capacity * layout.itemsize + _LINE, np.uint8)
        first = -room.ctypes.data % _LINE
        rows = room[first : first + capacity * layout.itemsize]
        new, laid_out = np.zeros(1, layout), rows.view(layout)
        for name, (_, default, _) in self.columns.items():
            new[name] = default
            setattr(self, name, laid_out[name])
        # Whole rows, not column by column: each would be fetched again for each of its columns.
        whole = rows.view(np.dtype((np.void, layout.itemsize)))
        whole[: self.n] = self._whole[: self.n]
        whole[self.n :] = new.view(whole.dtype)
        self._whole = whole
        self._capacity = capacity
        self.version += 1

    @classmethod
    def _layout(cls) -> np.dtype[np.void]:
        """Of a row: the widest items first, so that each is aligned without a gap."""
        parts = sorted(cls.columns.items(), key=lambda column: -np.dtype(column[1][0]).itemsize)
        names, offsets, end = [], [], 0
        formats: list[Any] = []
        for name, (dtype, _, width) in parts:
            names.append(name)
            formats.append((dtype, (width,)) if width else dtype)
            offsets.append(end)
            end += np.dtype(dtype).itemsize * (width or 1)
        size = 1 << (end - 1).bit_length() if end <= _LINE else -(-end // 8) * 8
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})

    def add(self) -> int:
        """A new row with the defaults; its number."""
        if self.n == self._capacity:
            self._grow(self._capacity * 2)
        self.n += 1
        return self.n - 1

    def add_many(self, count: int) -> NDArray[np.int64]:
        """New rows with the defaults; their numbers."""
        self.reserve(count)
        self.n += count
        return np.arange(self.n - count, self.n)

    def reserve(self, count: int) -> None:
        """Room for so many new rows."""
        while self.n + count > self._capacity:
            self._grow(self._capacity * 2)

    def reset_row(self, row: int) -> None:
        """The defaults again, for a row that is used anew."""
        for name, (_, default, _) in self.columns.items():
            getattr(self, name)[row] = default

    def pack(self) -> dict[str, Any]:
        """Columns as bytes, or in a large table as buffers of bytes."""
        if self.n <= _TOGETHER:
            return {name: getattr(self, name)[: self.n].tobytes() for name in self.columns} | {"n": self.n}
        copies = {name: np.empty_like(getattr(self, name)[: self.n], order="C") for name in self.columns}
        # All columns of some rows, then of the next ones: the rows come from memory once.
        for first in range(0, self.n, _TOGETHER):
            rows = slice(first, min(first + _TOGETHER, self.n))
            for name, copy in copies.items():
                copy[rows] = getattr(self, name)[rows]
        return {name: copy.reshape(-1).view(np.uint8).data for name, copy in copies.items()} | {"n": self.n}

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        n = packed["n"]
        self.n = 0
        self._grow(max(_FIRST_CAPACITY, 1 << max(n - 1, 0).bit_length()))
        self.n = n
        for name, (dtype, _, width) in self.columns.items():
            if name not in packed:
                continue  # of an older version: it stays as a new row has it
            values: NDArray[Any] = np.frombuffer(packed[name], dtype)
            getattr(self, name)[:n] = values.reshape(n, width) if width else values


class StreamTable(Table):
    """Rows numbered as the streams of another table are."""

    def follow(self, n: int, freed: list[int]) -> None:
        """As many rows as there are streams, and those that were dropped forgotten."""
        for row in freed:
            if row < self.n:
                self.reset_row(row)
        if n > self.n:
            self.add_many(n - self.n)


def joined(parts: list[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Rows of all parts, each of which is ascending and none in two of them, ascending."""
    if len(parts) == 1:
        return parts[0]
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.intp)


def longer(flags: NDArray[Flag], n: int) -> NDArray[Flag]:
    """Flags of at least n rows; new ones are off."""
    if flags.size >= n:
        return flags
    grown = np.zeros(max(n, 2 * flags.size), flags.dtype)
    grown[: flags.size] = flags
    return grown
