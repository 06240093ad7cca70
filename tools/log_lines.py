"""Entries of the log as lines of text: what `strainwatch log export` writes and `strainwatch replay` reads.

One JSON object a line. A block and its answers are base64, the other bodies are text as they stand in the log:

    {"partition":0,"skip":"1760000000123-0"}                      an entry that was set aside; before all entries
    {"partition":0,"stream":"events","id":"1760000000000-0","fields":{"b":"UZ...","r":"AAA..."}}
    {"partition":0,"stream":"events","id":"1760000001000-0","fields":{"t":"1760000001000"}}
    {"partition":0,"stream":"alerts","id":"1760000001000-0","alert":{...}}       byte for byte the log's JSON
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from shared.contract.entries import Entry, EntryId

_TEXT = frozenset({b"t", b"a", b"s", b"e", b"u", b"f"})
_BINARY = frozenset({b"b", b"r", b"o"})


class Skipped(NamedTuple):
    """An entry that is applied as a tick of the same time."""

    partition: int
    id: EntryId


class EventsLine(NamedTuple):
    """An entry of the events stream."""

    partition: int
    entry: Entry


class AlertLine(NamedTuple):
    """A change of an alert; `data` are the bytes of the alerts log."""

    partition: int
    id: EntryId
    data: bytes


Line = Skipped | EventsLine | AlertLine


class _Line(Struct, omit_defaults=True):
    partition: int
    skip: str | UnsetType = UNSET
    stream: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    fields: dict[str, str] | UnsetType = UNSET
    raw: dict[str, str] | UnsetType = UNSET
    """Fields that this version does not know or that are not text: name and value both as base64."""
    alert: Raw | UnsetType = UNSET


_decoder = msgspec.json.Decoder(_Line)


def skip_line(partition: int, position: EntryId) -> bytes:
    """The line of an entry on the skip list."""
    return msgspec.json.encode(_Line(partition, skip=str(position)))


def events_line(partition: int, entry: Entry) -> bytes:
    """The line of an entry of the events stream."""
    fields: dict[str, str] = {}
    raw: dict[str, str] = {}
    for name, value in entry.fields.items():
        text = _text(value) if name in _TEXT else None
        if name in _BINARY:
            fields[name.decode()] = _base64(value)
        elif text is not None:
            fields[name.decode()] = text
        else:
            raw[_base64(name)] = _base64(value)
    line = _Line(partition, stream="events", id=str(entry.id), fields=fields)
    if raw:
        line.raw = raw
    return msgspec.json.encode(line)


def alert_line(partition: int, position: EntryId, data: bytes) -> bytes:
    """The line of a change of an alert."""
    return msgspec.json.encode(_Line(partition, stream="alerts", id=str(position), alert=Raw(data)))


def read_line(data: bytes) -> Line:
    """The inverse of the three. Raises ValueError that says what is wrong."""
    try:
        line = _decoder.decode(data)
        if isinstance(line.skip, str):
            return Skipped(line.partition, EntryId.parse(line.skip))
        if not isinstance(line.id, str):
            raise ValueError("neither `skip` nor `id`")
        position = EntryId.parse(line.id)
        if isinstance(line.alert, Raw):
            return AlertLine(line.partition, position, bytes(line.alert))
        return EventsLine(line.partition, Entry(position, _fields(line)))
    except (ValueError, binascii.Error) as fault:  # msgspec's faults are ValueErrors
        raise ValueError(f"is not a line of `strainwatch log export`: {fault}") from None


def _fields(line: _Line) -> Mapping[bytes, bytes]:
    if not isinstance(line.fields, dict):
        raise ValueError("an entry without `fields`")
    out = {
        name.encode(): base64.b64decode(value, validate=True) if name.encode() in _BINARY else value.encode()
        for name, value in line.fields.items()
    }
    if isinstance(line.raw, dict):
        for name, value in line.raw.items():
            out[base64.b64decode(name, validate=True)] = base64.b64decode(value, validate=True)
    return out


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
