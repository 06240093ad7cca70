"""Entries of the events log: the only things that move the engine's state.

An entry has an id (ms and sequence, given by the log) and exactly one of these bodies:

| body | written by | field |
|---|---|---|
| block of ACD events, with the answers of the repeat-caller index, with the outbound counts | ingest | `b`, `r`, `o` |
| a lead's action | notify | `a` |
| settings | the owner of the partition | `s` |
| what is usual in a tenant, from history | `strainwatch baseline` | `u` |
| that an agent is to be forgotten | `strainwatch forget` | `f` |
| the engine that judges from here on | the owner | `e` |
| a tick, which carries time when nothing else does | the owner | `t` |

Beside its body an entry may carry `p`, the `traceparent` of what wrote it. It is for traces; the engine never reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from shared.contract.actions import Action, decode_action, encode_action
from shared.contract.baseline import Baseline, decode_baseline, encode_baseline
from shared.contract.block import Block, decode_block
from shared.contract.block_reader import put_answers
from shared.contract.rows import DIRECTION_SHIFT, HANDLED, OFFERED, OUTBOUND

_PART_END = 1 << 64
"""Both parts of a position are 64-bit numbers."""


class EntryId(NamedTuple):
    """Position in a log: milliseconds since 1970 UTC and a sequence number within the millisecond."""

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"

    @property
    def before(self) -> EntryId:
        """The position just before: what is read after it begins with this one. START has none."""
        assert self > START
        return EntryId(self.ms, self.seq - 1) if self.seq else EntryId(self.ms - 1, _PART_END - 1)

    @classmethod
    def parse(cls, text: str | bytes) -> EntryId:
        """From `ms-seq`. Raises ValueError."""
        if isinstance(text, bytes):
            text = text.decode()
        ms, dash, seq = text.partition("-")
        if not dash:
            raise ValueError(f"not a position: {text!r}")
        found = cls(int(ms), int(seq))
        if not (0 <= found.ms < _PART_END and 0 <= found.seq < _PART_END):  # the log would refuse the whole command
            raise ValueError(f"not a position: {text!r}")
        return found


START = EntryId(0, 0)
"""Before the first entry of any log."""

ORDINAL_BITS = 20
"""An entry causes at most 2^20 alert changes; the sequence number of an alert's entry keeps the rest."""


def alert_id_of(cause: EntryId, ordinal: int) -> EntryId:
    """Id in the alerts log of the `ordinal`-th change that an entry caused."""
    assert 0 <= ordinal < 1 << ORDINAL_BITS
    return EntryId(cause.ms, (cause.seq << ORDINAL_BITS) + ordinal)


def cause_of(alert_entry: EntryId) -> EntryId:
    """The entry that caused an entry of the alerts log."""
    return EntryId(alert_entry.ms, alert_entry.seq >> ORDINAL_BITS)


class Entry(NamedTuple):
    """One entry as the log returns it."""

    id: EntryId
    fields: Mapping[bytes, bytes]


class Settings(Struct, frozen=True):
    """Settings in force from here on. `document` is the whole TOML file as JSON, defaults not filled in."""

    revision: int
    digest: str
    document: dict[str, Any]
    utc_offsets: dict[str, list[tuple[int, int]]] = {}
    """Zone -> [(from ms, offset s)], so that the engine needs no zone database."""


class EngineMark(Struct, frozen=True):
    """A change of engine: what judges from here on, and the position it restored.

    `published` is how far the engine before had published: what was caused after that is this one's. Empty in entries
    of before it was told: then from the entry itself on.
    """

    engine: str
    restored: str
    published: str = ""


class Forget(Struct, frozen=True):
    """All that is known of an agent is cleared; who comes under that name from here on is new."""

    tenant: str
    agent: str


class Tick(NamedTuple):
    """Time passes; `owner_ms` is the owner's own clock."""

    owner_ms: int


class Events(NamedTuple):
    """A block, and by row the milliseconds since the same caller's previous contact (-1: none known).

    `outbound` is, by row, how often the person has been contacted within 7 days, this contact included (0: not asked);
    None where nothing was asked, as in every entry from before it was counted.
    """

    block: Block
    since_previous_ms: NDArray[np.int64]
    outbound: NDArray[np.int64] | None = None


Body = Events | Action | Settings | Baseline | Forget | EngineMark | Tick

_settings = msgspec.json.Decoder(Settings)
_engine = msgspec.json.Decoder(EngineMark)
_forget = msgspec.json.Decoder(Forget)


class BadEntry(ValueError):
    """The entry has no body that this version knows."""


def block_fields(block: bytes) -> dict[bytes, bytes]:
    """Fields of a block entry; the append script adds `r` and `o`."""
    return {b"b": block}


def trace_fields(traceparent: bytes) -> dict[bytes, bytes]:
    """What names the trace of an entry, beside its body."""
    return {b"p": traceparent}


def traceparent_of(fields: Mapping[bytes, bytes]) -> bytes:
    """The trace of an entry, empty for none."""
    return fields.get(b"p", b"")


def action_fields(action: Action) -> dict[bytes, bytes]:
    """Fields of an action entry."""
    return {b"a": encode_action(action)}


def settings_fields(settings: Settings) -> dict[bytes, bytes]:
    """Fields of a settings entry."""
    return {b"s": msgspec.json.encode(settings)}


def baseline_fields(baseline: Baseline) -> dict[bytes, bytes]:
    """Fields of a baseline entry."""
    return {b"u": encode_baseline(baseline)}


def forget_fields(order: Forget) -> dict[bytes, bytes]:
    """Fields of an order to forget."""
    return {b"f": msgspec.json.encode(order)}


def engine_fields(mark: EngineMark) -> dict[bytes, bytes]:
    """Fields of an engine entry."""
    return {b"e": msgspec.json.encode(mark)}


def tick_fields(owner_ms: int) -> dict[bytes, bytes]:
    """Fields of a tick."""
    return {b"t": b"%d" % owner_ms}


def lookup_rows(block: Block) -> NDArray[np.intp]:
    """Rows of a block for which the append script asked the repeat-caller index, in the order of its answers."""
    return np.flatnonzero((block.caller != 0) & ((block.kind == OFFERED) | (block.kind == HANDLED)))


def outbound_rows(block: Block) -> NDArray[np.intp]:
    """Of the `lookup_rows`, those of outbound contacts: for these the append script also counts."""
    rows = lookup_rows(block)
    out: NDArray[np.intp] = rows[(block.flags[rows] >> DIRECTION_SHIFT) & 3 == OUTBOUND]
    return out


def parse_entry(fields: Mapping[bytes, bytes]) -> Body:
    """The body of an entry.

    Raises BadBlock, NewerBlock, BadEntry, msgspec.MsgspecError or ValueError; a newer block (or baseline) must stop the
    reader, all others are poison.
    """
    data = fields.get(b"b")
    if data is not None:
        block = decode_block(data)
        values = np.frombuffer(fields.get(b"r") or b"", "<i8")
        since, asked = put_answers(block.kind, block.caller, values, (OFFERED, HANDLED))
        if values.size not in (0, asked):
            raise BadEntry(f"{values.size} answers for {asked} callers")
        return Events(block, since, _outbound(block, fields.get(b"o")))
    if (data := fields.get(b"t")) is not None:
        return Tick(int(data))
    if (data := fields.get(b"a")) is not None:
        return decode_action(data)
    if (data := fields.get(b"s")) is not None:
        return _settings.decode(data)
    if (data := fields.get(b"u")) is not None:
        return decode_baseline(data)
    if (data := fields.get(b"e")) is not None:
        return _engine.decode(data)
    if (data := fields.get(b"f")) is not None:
        return _forget.decode(data)
    raise BadEntry(f"no known body among the fields {sorted(fields)}")


def _outbound(block: Block, counts: bytes | None) -> NDArray[np.int64] | None:
    if not counts:
        return None
    rows, values = outbound_rows(block), np.frombuffer(counts, "<u2")
    if values.size != rows.size:
        raise BadEntry(f"{values.size} counts for {rows.size} outbound contacts")
    out = np.zeros(block.n, np.int64)
    out[rows] = values
    return out
