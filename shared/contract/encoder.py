"""From events to the bytes of an entry, for ingest: what `encode_block` makes of their rows, several times faster.

Events are taken apart field by field for each kind, some hundred at a time: what is done to many values at once is
done in C, and while the log is still busy with the entry before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shared.contract.block import CODES, HASHED, NAMED, NUMBERS
from shared.contract.block_wire import BlockWriter
from shared.contract.events import Event
from shared.contract.hashes import issue_hash
from shared.contract.rows import FLAGS_OF_ALL, HANDLED, KIND_OF, OFFERED, PLACES, REASON, Asked, RowHashes

RUN = 256
"""Events taken apart together. More are hardly cheaper, and would be left for when the log waits for us."""


def _taking_apart(fields: Sequence[str]) -> Callable[[list[Any]], tuple[list[Any], ...]]:
    """A function that gives the values of these fields of some events, a list each."""
    # Code of its own for each kind, because the interpreter reads an attribute twice as fast where it meets objects
    # of one class only; `attrgetter` is the slow way.
    lists = "".join(f"[event.{field} for event in events]," for field in fields)
    taking: Callable[[list[Any]], tuple[list[Any], ...]] = eval(f"lambda events: ({lists})")  # noqa: S307 # our words
    return taking


_APART = tuple(_taking_apart(tuple(places.values())) for places in PLACES)


class EventsEncoder:
    """Collects the events of one entry. Rows stand in the order in which they were added."""

    def __init__(self) -> None:
        self._ts_ms: list[int] = []
        self._ids: list[str] = []
        self._kinds = bytearray()
        self._columns: dict[int, dict[str, Any]] = {}
        self._runs: list[tuple[str, int]] = []  # tenant, how many rows in a row
        self._waiting: list[Event] = []
        self._of: tuple[str, RowHashes] | None = None  # whose those are

    @property
    def rows(self) -> int:
        """Events so far."""
        return len(self._ts_ms)

    def add(self, tenant: str, hashes: RowHashes, events: Sequence[Event], ts_ms: Sequence[int]) -> None:
        """Add events of one tenant, with their times in ms."""
        if self._of is None or self._of[0] != tenant:
            self._take_waiting()
            self._of = (tenant, hashes)
        self._ts_ms += ts_ms
        self._waiting += events
        if len(self._waiting) >= RUN:
            self._take_waiting()

    def _take_waiting(self) -> None:
        if self._waiting and self._of is not None:
            tenant, hashes = self._of
            events, self._waiting = self._waiting, []
            self._take(hashes, events)
            self._ids += [event.id for event in events]
            self._runs.append((tenant, len(events)))

    def _take(self, hashes: RowHashes, events: list[Event]) -> None:
        """Take events of one tenant apart."""
        kinds = bytes(map(KIND_OF.__getitem__, map(type, events)))
        self._kinds += kinds
        groups: dict[int, list[Event]] = {}
        for kind, event in zip(kinds, events, strict=True):
            group = groups.get(kind)
            if group is None:
                groups[kind] = [event]
            else:
                group.append(event)
        contacts: list[str] = []
        for kind, group in groups.items():
            columns = self._columns.get(kind)
            if columns is None:
                columns = self._columns[kind] = _empty_columns(kind)
            for (name, column), values in zip(columns.items(), _APART[kind](group), strict=False):
                if name == "contact":
                    contacts += values
                elif name == "caller":
                    column += hashes.callers(values)
                elif name == "previous":
                    column += hashes.contacts(values)
                elif name == "reason":
                    column += [REASON.get(value, "other") for value in values]
                else:
                    column += values
            if kind in FLAGS_OF_ALL:
                columns["flags"] += FLAGS_OF_ALL[kind](group)
        hashed, start = hashes.contacts(contacts), 0
        for kind, group in groups.items():
            if "contact" in self._columns[kind]:
                end = start + 8 * len(group)
                self._columns[kind]["contact"] += hashed[start:end]
                start = end

    def finish(self) -> tuple[bytes, list[Asked]]:
        """The block, and what to ask the repeat-caller index in the order of `entries.lookup_rows`. Call it once."""
        self._take_waiting()
        merged: dict[str, tuple[bytearray, Any]] = {}
        asked = self._asked()
        for kind in sorted(self._columns):
            for name, column in self._columns[kind].items():
                if name in _OFTEN_EMPTY and _is_empty(column):
                    continue
                if name in merged:
                    merged[name][0].append(kind)
                    merged[name][1].extend(column)
                else:
                    merged[name] = (bytearray((kind,)), column)
        writer = BlockWriter()
        for name, (kinds, column) in merged.items():
            _WRITE[name](writer, CODES[name], bytes(kinds), column)
        tenants = list({tenant: None for tenant, _ in self._runs})
        if len(tenants) > 1:
            tenants = [tenant for tenant, n in self._runs for _ in range(n)]
        return writer.finish(bytes(self._kinds), self._ts_ms, self._ids, tenants), asked

    def _asked(self) -> list[Asked]:
        """The questions of all rows, in their order."""
        kinds = np.frombuffer(bytes(self._kinds), "u1")
        rows, keys, contacts = [], [], []
        for kind in (OFFERED, HANDLED):
            columns = self._columns.get(kind)
            if columns is None:
                continue
            callers = np.frombuffer(bytes(columns["caller"]), "<u8")
            said = np.flatnonzero(callers)
            if said.size:
                issues = columns["issue"]
                hashes = np.array([issue_hash(issues[at]) for at in said.tolist()], "<u8")
                rows.append(np.flatnonzero(kinds == kind)[said])
                keys.append(callers[said] ^ hashes)
                contacts.append(np.frombuffer(bytes(columns["contact"]), "<u8")[said])
        if not rows:
            return []
        order = np.argsort(np.concatenate(rows), kind="stable")  # quick with two rows of ascending numbers
        packed = np.concatenate(keys)[order].tobytes()
        ts_ms = map(self._ts_ms.__getitem__, np.concatenate(rows)[order].tolist())
        asked = zip(np.concatenate(contacts)[order].tolist(), ts_ms, strict=True)
        return [(packed[8 * at : 8 * at + 8], contact, ts) for at, (contact, ts) in enumerate(asked)]


def _empty_columns(kind: int) -> dict[str, Any]:
    columns: dict[str, Any] = {name: bytearray() if name in HASHED else [] for name in PLACES[kind]}
    if kind in FLAGS_OF_ALL:
        columns["flags"] = []
    return columns


_WRITE: dict[str, Callable[[BlockWriter, int, bytes, Any], None]] = {
    **dict.fromkeys(NAMED, BlockWriter.names),
    **dict.fromkeys(HASHED, BlockWriter.hashes),
    **dict.fromkeys(NUMBERS, BlockWriter.numbers),
    "flags": BlockWriter.integers,
}
_OFTEN_EMPTY = frozenset({"issue", "other", "reason", "caller", "previous", "n1", "n2", "n3", "n4"})
"""Columns that a kind may have without any event saying something."""


def _is_empty(column: Any) -> bool:
    if isinstance(column, bytearray):
        return not any(column)
    return column[0] is None and column.count(None) == len(column)
