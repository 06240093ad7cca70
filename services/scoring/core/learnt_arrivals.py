"""What is usual for streams of arrivals, out into a document's columns and in again; see `learnt`.

Whoever keeps the streams says which row stands for which name: here a stream is (kind, code), as in the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.arrivals import Streams
from shared.contract.baseline import STREAMS_MAX, StreamColumns, column, numbers

Rows = NDArray[np.intp]
Stream = tuple[int, int]
"""Kind (QUEUE_STREAM or ISSUE_STREAM) and code of a queue or issue in the document."""

_COLUMNS = {
    "rate": ("f4", 168),
    "worth": ("u1", 168),
    "second": ("f4", 48),
    "second_worth": ("f4", 48),
    "noise": ("f8", 4),
    "run": ("f8", 4),
    "phi": ("f8", 0),
}


def export_streams(streams: Streams, names: Mapping[int, Stream]) -> StreamColumns:
    """Streams by row, in the order given; those without an hour learnt are left out, and of more than STREAMS_MAX those
    with the fewest contacts. The hour that runs is not in it.
    """
    rows = np.array(list(names), np.intp)
    if rows.size:
        known = _known(streams.worth[rows]) > 0.0
        rows = rows[known]
        contacts = (streams.rate[rows] * streams.worth[rows]).sum(axis=1, dtype=np.float64)
        rows = rows[np.sort(np.argsort(-contacts, kind="stable")[:STREAMS_MAX])]
    kinds = np.array([names[row] for row in rows.tolist()], np.int64).reshape(-1, 2)
    columns = {name: column(getattr(streams, name)[rows], type_) for name, (type_, _) in _COLUMNS.items()}
    return StreamColumns(kind=column(kinds[:, 0], "u1"), code=column(kinds[:, 1], "i4"), **columns)


def given_streams(given: StreamColumns) -> list[Stream]:
    """The streams of a document, in the order of its rows."""
    return list(zip(numbers(given.kind, "u1").tolist(), numbers(given.code, "i4").tolist(), strict=True))


def import_streams(streams: Streams, rows: Sequence[int], given: StreamColumns) -> int:
    """Take what a document knows of its streams into these rows (one for each of them, each once); how many took it.

    A row takes it where it is known from more hours of the week than its own, each counted up to what is remembered.
    It is judged by that from the next minute on; the hour and the day that run teach nothing.
    """
    r = np.asarray(rows, np.intp)
    assert r.size == len(given.kind)
    if r.size == 0:
        return 0
    columns: dict[str, NDArray[Any]] = {
        name: numbers(getattr(given, name), type_, width) for name, (type_, width) in _COLUMNS.items()
    }
    more = _known(columns["worth"]) > _known(streams.worth[r])
    for name, values in columns.items():
        getattr(streams, name)[r[more]] = values[more]
    # The running hour and day were compared with what the row no longer knows: they teach nothing.
    for name, value in (("hour", -1), ("day", 0.0)):
        getattr(streams, name)[r[more]] = value
    return int(np.count_nonzero(more))


def _known(worth: NDArray[Any]) -> NDArray[np.float64]:
    hours: NDArray[np.float64] = worth.sum(axis=1, dtype=np.float64)
    return hours
