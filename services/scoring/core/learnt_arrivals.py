"""What is usual for streams of arrivals, out into a document's columns and in again; see `learnt`.

Whoever keeps the streams says which row stands for which name: here a stream is (kind, code), as in the document.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def export_streams(*known: tuple[Streams, Mapping[int, Stream]]) -> StreamColumns:
    """Streams of tables by row, in the order given; those without an hour learnt are left out, and of more than
    STREAMS_MAX those with the fewest contacts. The hour that runs is not in it.
    """
    parts = [(streams, np.array(list(names), np.intp)) for streams, names in known]
    values: dict[str, NDArray[Any]] = {
        name: np.concatenate([getattr(streams, name)[rows] for streams, rows in parts]) for name in _COLUMNS
    }
    kinds = np.array([name for _, names in known for name in names.values()], np.int64).reshape(-1, 2)
    learnt = np.flatnonzero(_known(values["worth"]) > 0.0)
    contacts = (values["rate"][learnt] * values["worth"][learnt]).sum(axis=1, dtype=np.float64)
    taken = learnt[np.sort(np.argsort(-contacts, kind="stable")[:STREAMS_MAX])]
    columns = {name: column(values[name][taken], type_) for name, (type_, _) in _COLUMNS.items()}
    return StreamColumns(kind=column(kinds[taken, 0], "u1"), code=column(kinds[taken, 1], "i4"), **columns)


def given_streams(given: StreamColumns) -> list[Stream]:
    """The streams of a document, in the order of its rows."""
    return list(zip(numbers(given.kind, "u1").tolist(), numbers(given.code, "i4").tolist(), strict=True))


def import_streams(streams: Streams, rows: Mapping[Stream, int], given: StreamColumns) -> int:
    """Take what a document knows of streams into the rows that stand for them, each once; how many took it.

    A row takes it where it is known from more hours of the week than its own, each counted up to what is remembered.
    It is judged by that from the next minute on; the hour and the day that run teach nothing.
    """
    places = [(i, rows[stream]) for i, stream in enumerate(given_streams(given)) if stream in rows]
    if not places:
        return 0
    there, r = np.array(places, np.intp).T
    columns: dict[str, NDArray[Any]] = {
        name: numbers(getattr(given, name), type_, width)[there] for name, (type_, width) in _COLUMNS.items()
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
