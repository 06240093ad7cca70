"""From events to the bytes of an entry, for ingest: each event's fields straight into the cells of a block.

Compiled at install; uncompiled it gives the same bytes, slowly.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import cython
from msgspec.structs import astuple

from shared.contract.block_wire import NAN_BITS, NUMBERS
from shared.contract.block_writer import COLUMNS, BlockWriter, put_raw_uuid, put_uuid
from shared.contract.events import Event
from shared.contract.hashes import issue_hash
from shared.contract.plain_events import CELLS, PlainEvents
from shared.contract.rows import (
    DIRECTION_SHIFT,
    FLAGS,
    HANDLED,
    KIND_OF,
    OFFERED,
    OUTBOUND,
    PLACES,
    REASON,
    Asked,
    RowHashes,
)

_COLUMN_COUNT = cython.declare(cython.int, len(COLUMNS))
_REASON = cython.declare(cython.int, COLUMNS.index("reason"))
_CONTACT = cython.declare(cython.int, COLUMNS.index("contact"))
_CALLER = cython.declare(cython.int, COLUMNS.index("caller"))
_FLAGS = cython.declare(cython.int, COLUMNS.index("flags"))
_ISSUE_COLUMN = cython.declare(cython.int, COLUMNS.index("issue"))
_NUMBER = cython.declare(cython.int, COLUMNS.index("n0"))
_ID = cython.declare(cython.int, len(COLUMNS))
_ISSUE = cython.declare(cython.int, len(COLUMNS) + 1)
_PLACES = cython.declare(cython.int, len(COLUMNS) + 2)
_CELLS = cython.declare(cython.Py_ssize_t, CELLS)  # of a plain event: each column's, then its id
_LENGTH_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFF)  # of a text; above it stands where it begins
_NAN_BITS = cython.declare(cython.ulonglong, NAN_BITS)
_DIRECTION_SHIFT = cython.declare(cython.int, DIRECTION_SHIFT)
_OUTBOUND = cython.declare(cython.ulonglong, OUTBOUND)
_OFTEN_EMPTY = [COLUMNS.index(name) for name in ("issue", "other", "reason", "caller", "previous", *NUMBERS[1:])]
"""Columns that a kind may have without any event saying something."""
_FLAG_FIELDS: list = []
"""By kind: (place in an event's tuple, word -> bits)."""
_ORDERS: list = []
"""By kind: its columns as they follow each other in the block."""


def _field_places() -> bytearray:
    """By kind: where in an event's tuple the value of each column stands (-1: nowhere), its id, and its issue."""
    out = bytearray()
    for event_type, kind in KIND_OF.items():
        at = {name: place for place, name in enumerate(event_type.__struct_fields__)}
        fields = PLACES[kind]
        of_columns = [at[fields[name]] if name in fields else -1 for name in COLUMNS]
        issue_at = at["issue"] if kind in (OFFERED, HANDLED) else -1  # whose callers the index is asked for
        out += bytes(place & 255 for place in (*of_columns, at["id"], issue_at))
        flags = FLAGS.get(kind, {})
        _FLAG_FIELDS.append([(at[field], bits) for field, bits in flags.items()])
        _ORDERS.append([COLUMNS.index(name) for name in (*fields, *(["flags"] if flags else []))])
    return out


_FIELD_AT = cython.declare(cython.schar[::1], memoryview(_field_places()).cast("b"))


_FACTOR = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)
_OTHER_FACTOR = cython.declare(cython.ulonglong, 0x94D049BB133111EB)
_ALL_ONES = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_U64 = Struct("<Q")


@cython.cfunc
@cython.exceptval(check=False)
def _mixed(x: cython.ulonglong) -> cython.ulonglong:
    """Twin of `hashes._mixed`."""
    x = (x ^ x >> 30) * _FACTOR & _ALL_ONES
    x = (x ^ x >> 27) * _OTHER_FACTOR & _ALL_ONES
    return x ^ x >> 31


@cython.cfunc
@cython.locals(
    kind=cython.Py_ssize_t,
    at=cython.Py_ssize_t,
    place=cython.Py_ssize_t,
    column=cython.Py_ssize_t,
    cell=cython.ulonglong,
    flags=cython.ulonglong,
)
def _put(block: BlockWriter, row: cython.Py_ssize_t, hashes: object, events: list, asked: list):
    """Put events of one tenant from a row on; `asked` gets the questions to the repeat-caller index."""
    n: cython.Py_ssize_t = block.n
    cells: cython.ulonglong[::1] = block.cells
    spare: cython.ulonglong[::1] = block.spare
    first: cython.ulonglong = hashes.uuid_keys[0]
    second: cython.ulonglong = hashes.uuid_keys[1]
    caller_keyed = hashes.caller_keyed
    kinds: cython.uchar[::1] = bytearray(block.kinds)
    kind_count: cython.Py_ssize_t = block.free.shape[0] - 1
    for event in events:
        kind = kinds[row]
        place = block.free[kind]
        block.free[kind] += 1
        values: tuple = astuple(event)
        for column in range(_COLUMN_COUNT):
            at = _FIELD_AT[kind * _PLACES + column]
            if at < 0:
                continue
            value = values[at]
            if value is None:
                continue
            block.said[column * kind_count + kind] += 1
            if column >= _NUMBER:
                block.numbers[column * n + place] = value
            elif column < _REASON:
                cells[column * n + place] = block.code(value)
            elif column == _REASON:
                cells[column * n + place] = block.code(REASON.get(value, "other"))
            elif column == _CALLER:
                keyed = caller_keyed.copy()
                keyed.update(value.encode())
                cells[column * n + place] = _U64.unpack(keyed.digest())[0] or 1
            elif put_uuid(value, spare, n):
                cell = _mixed((spare[n] + first) & _ALL_ONES)
                cells[column * n + place] = _mixed(cell ^ spare[n + 1] ^ second) or 1
            else:
                cells[column * n + place] = hashes.contact(value)
        flags = 0
        for at, bits in _FLAG_FIELDS[kind]:
            value = values[at]
            if value is not None:
                flags |= bits[value]
        if flags:
            cells[_FLAGS * n + place] = flags
            block.said[_FLAGS * kind_count + kind] += 1
        block.put_id(row, values[_FIELD_AT[kind * _PLACES + _ID]])
        cell = cells[_CALLER * n + place]
        at = _FIELD_AT[kind * _PLACES + _ISSUE]
        if cell and at >= 0:
            outbound = _U64.pack(cell) if (flags >> _DIRECTION_SHIFT) & 3 == _OUTBOUND else b""
            cell ^= issue_hash(values[at])
            asked.append((_U64.pack(cell), cells[_CONTACT * n + place], block.ts_ms[row], outbound))
        row += 1


@cython.cfunc
@cython.locals(
    i=cython.Py_ssize_t, kind=cython.Py_ssize_t, place=cython.Py_ssize_t, column=cython.Py_ssize_t,
    base=cython.Py_ssize_t, start=cython.Py_ssize_t, end=cython.Py_ssize_t, cell=cython.ulonglong,
    issue=cython.ulonglong, flags=cython.ulonglong,
)  # fmt: skip
def _put_plain(block: BlockWriter, row: cython.Py_ssize_t, hashes: object, events: PlainEvents, asked: list):
    """Twin of `_put` for events that are still places in their body."""
    n: cython.Py_ssize_t = block.n
    cells: cython.ulonglong[::1] = block.cells
    spare: cython.ulonglong[::1] = block.spare
    kinds: bytes = events.kinds
    body: bytes = events.body
    data: cython.pointer[cython.const[cython.uchar]] = body
    first: cython.ulonglong = hashes.uuid_keys[0]
    second: cython.ulonglong = hashes.uuid_keys[1]
    caller_keyed = hashes.caller_keyed
    kind_count: cython.Py_ssize_t = block.free.shape[0] - 1
    for i in range(len(kinds)):
        kind = kinds[i]
        place = block.free[kind]
        block.free[kind] += 1
        base = _CELLS * i
        issue = 0
        for column in range(_COLUMN_COUNT):
            cell = events.cells[base + column]
            if cell == (_NAN_BITS if column >= _NUMBER else 0):
                continue
            block.said[column * kind_count + kind] += 1
            if column < _FLAGS:
                start = cell >> 32
                end = start + (cell & _LENGTH_MASK)
                if column < _REASON:
                    cell = block.code(data[start:end].decode("utf-8"))
                    if column == _ISSUE_COLUMN:
                        issue = cell
                elif column == _REASON:
                    cell = block.code(REASON.get(data[start:end].decode("utf-8"), "other"))
                elif column == _CALLER:
                    keyed = caller_keyed.copy()
                    keyed.update(data[start:end])
                    cell = _U64.unpack(keyed.digest())[0] or 1
                elif put_raw_uuid(data, cell, spare, n):
                    cell = _mixed((spare[n] + first) & _ALL_ONES)
                    cell = _mixed(cell ^ spare[n + 1] ^ second) or 1
                else:
                    cell = hashes.contact(data[start:end].decode("utf-8"))
            cells[column * n + place] = cell
        block.put_raw_id(row, body, events.cells[base + _COLUMN_COUNT])
        cell = cells[_CALLER * n + place]
        if cell and _FIELD_AT[kind * _PLACES + _ISSUE] >= 0:
            flags = cells[_FLAGS * n + place]
            outbound = _U64.pack(cell) if (flags >> _DIRECTION_SHIFT) & 3 == _OUTBOUND else b""
            if issue:
                cell ^= issue_hash(block.names[issue])
            asked.append((_U64.pack(cell), cells[_CONTACT * n + place], events.ts_ms[i], outbound))
        row += 1


@cython.cfunc
def _wanted(block: BlockWriter) -> list:
    """(column, kinds that have it), in the order of the events' fields."""
    kind_count: cython.Py_ssize_t = block.free.shape[0] - 1
    kinds_of: dict = {}
    for kind in range(kind_count):
        if kind in block.kinds:
            for column in _ORDERS[kind]:
                if column not in _OFTEN_EMPTY or block.said[column * kind_count + kind]:
                    kinds_of.setdefault(column, bytearray()).append(kind)
    return [(column, bytes(kinds)) for column, kinds in kinds_of.items()]


class EventsEncoder:
    """Collects the events of one entry. Rows stand in the order in which they were added."""

    def __init__(self) -> None:
        self._lots: list[list] = []  # tenant, its hashes, a list of events or PlainEvents
        self._ts_ms: list[int] = []

    @property
    def rows(self) -> int:
        """Events so far."""
        return len(self._ts_ms)

    def add(self, tenant: str, hashes: RowHashes, events: Sequence[Event] | PlainEvents, ts_ms: Sequence[int]) -> None:
        """Add events of one tenant, with their times in ms."""
        self._ts_ms += ts_ms
        if isinstance(events, PlainEvents):
            self._lots.append([tenant, hashes, events])
            return
        if self._lots:
            last = self._lots[len(self._lots) - 1]
            if last[0] == tenant and not isinstance(last[2], PlainEvents):
                last[2] += events
                return
        self._lots.append([tenant, hashes, list(events)])

    def finish(self) -> tuple[bytes, list[Asked]]:
        """The block, and what to ask the repeat-caller index in the order of `entries.lookup_rows`. Call it once."""
        kinds = b"".join([_kinds(events) for _, _, events in self._lots])
        writer = BlockWriter(kinds)
        writer.ts_ms = self._ts_ms
        asked: list = []
        row = 0
        for _, hashes, events in self._lots:
            if isinstance(events, PlainEvents):
                _put_plain(writer, row, hashes, events, asked)
            else:
                _put(writer, row, hashes, events, asked)
            row += len(events)
        tenants = list({tenant: None for tenant, _, _ in self._lots})
        if len(tenants) > 1:
            tenants = [tenant for tenant, _, events in self._lots for _ in range(len(events))]
        return writer.finish(_wanted(writer), tenants), asked


@cython.cfunc
def _kinds(events: object) -> bytes:
    """The kind of each event."""
    if isinstance(events, PlainEvents):
        plain: PlainEvents = events
        return plain.kinds
    return bytes([KIND_OF[type(event)] for event in events])
