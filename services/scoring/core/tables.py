"""Struct-of-arrays that grow by doubling, and go into a checkpoint and come back as they were."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

_FIRST_CAPACITY = 64


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
        self._grow(_FIRST_CAPACITY)

    def _grow(self, capacity: int) -> None:
        for name, (dtype, default, width) in self.columns.items():
            shape = (capacity, width) if width else (capacity,)
            grown = np.full(shape, default, dtype)
            if self.n:
                grown[: self.n] = getattr(self, name)[: self.n]
            setattr(self, name, grown)
        self._capacity = capacity
        self.version += 1

    def add(self) -> int:
        """A new row with the defaults; its number."""
        if self.n == self._capacity:
            self._grow(self._capacity * 2)
        self.n += 1
        return self.n - 1

    def add_many(self, count: int) -> NDArray[np.int64]:
        """New rows with the defaults; their numbers."""
        while self.n + count > self._capacity:
            self._grow(self._capacity * 2)
        self.n += count
        return np.arange(self.n - count, self.n)

    def reset_row(self, row: int) -> None:
        """The defaults again, for a row that is used anew."""
        for name, (_, default, _) in self.columns.items():
            getattr(self, name)[row] = default

    def pack(self) -> dict[str, Any]:
        """Columns as bytes."""
        return {name: getattr(self, name)[: self.n].tobytes() for name in self.columns} | {"n": self.n}

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`. A column that the packed form lacks keeps its default."""
        n = packed["n"]
        self.n = 0
        self._grow(max(_FIRST_CAPACITY, 1 << max(n - 1, 0).bit_length()))
        self.n = n
        for name, (dtype, _, width) in self.columns.items():
            if name in packed:
                values: NDArray[Any] = np.frombuffer(packed[name], dtype)
                getattr(self, name)[:n] = values.reshape(n, width) if width else values
