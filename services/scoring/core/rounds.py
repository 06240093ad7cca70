"""Order inside a block: rows of one entity apply one after the other, different entities side by side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def distinct(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Sorted rows, each once. Row numbers are small, so marking them is faster than sorting them."""
    if rows.size < 2:
        return rows
    there = np.zeros(int(rows.max()) + 1, bool)
    there[rows] = True
    return there.nonzero()[0]


def rounds(entities: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Positions of the first occurrence of every entity, then of every second one, and so on.

    Within a round no entity stands twice, so a vector operation does what a loop over the rows would do.
    """
    n = entities.size
    if n == 0:
        return
    if n == 1:
        yield np.zeros(1, np.intp)
        return
    order = np.argsort(entities, kind="stable")
    by_entity = entities[order]
    starts = np.flatnonzero(np.concatenate(([True], by_entity[1:] != by_entity[:-1])))
    if starts.size == n:
        yield np.arange(n)
        return
    lengths = np.diff(np.append(starts, n))
    rank = np.empty(n, np.intp)
    rank[order] = np.arange(n) - np.repeat(starts, lengths)
    for k in range(int(lengths.max())):
        yield np.flatnonzero(rank == k)
