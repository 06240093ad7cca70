"""What is usual in one tenant, as a document: made from history by `strainwatch baseline`, read by the engine.

Everything is by name, so that it fits whichever engine reads it. The only thing about persons in it are the ids of
agents, as the events carry them, and of each the last handle times by issue or queue, without their moments. It holds
no contact and no caller.

In JSON the columns (`bytes`, little-endian) are base64. A name's code is its place in the list.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from shared.contract.block import NewerBlock
from shared.contract.events import Name

BASELINE_VERSION = 1
BASELINE_BYTES_MAX = 16 << 20
"""Of a document in JSON: 80,000 pairs of an agent and a topic, 4,000 streams and 500 queues. It is one entry of the
log, and while the store takes it in (tens of ms) nothing else is appended."""
PAIRS_MAX = 80_000
STREAMS_MAX = 4_000
WINDOW = 32
"""Handle times of an agent and topic: as many as the engine remembers."""
LOG_STEPS = 2048
"""A handle time t (s) stands as ln t in steps of 1/2048, as the engine keeps it: to 0.05 %, up to 100 days."""
LEVELS = 5
HOURS_OF_DAY, HOURS_OF_WEEK = 24, 168
QUEUE_STREAM, ISSUE_STREAM = 0, 1


class HandleTimeColumns(Struct, frozen=True):
    """A row an (agent, topic), the longest unused first."""

    agent: bytes = b""
    """i4, code."""
    topic: bytes = b""
    """i4: 0 for all topics of the agent, 1 + code of an issue, -1 - code of a queue."""
    count: bytes = b""
    """i4, contacts."""
    logs: bytes = b""
    """i2 [row, WINDOW]: ln of the last handle times in steps of 1/LOG_STEPS, oldest first; 0 beyond `count`."""


class UsualColumns(Struct, frozen=True):
    """A row a queue, by code: sums over days, older days fading. Waits by the hour of the day (UTC) of the arrival."""

    waits_s: bytes = b""
    """f8 [queue, 24]."""
    waits: bytes = b""
    """f8 [queue, 24], contacts."""
    contacts: bytes = b""
    """f8."""
    repeats: bytes = b""
    """f8, contacts that were a repeat caller's."""
    handle_levels: bytes = b""
    """f8 [queue + 1, 5], the last row of all queues together: mean of ln(handle time in s) (of all: 0 is the usual),
    working days it is known from (0: not known), contacts of such a day, variance within a day, and of days' means."""


class StreamColumns(Struct, frozen=True):
    """A row a stream of arrivals. An hour of the week begins Monday 00:00 at the tenant's clock."""

    kind: bytes = b""
    """u1: QUEUE_STREAM, or ISSUE_STREAM (mentions)."""
    code: bytes = b""
    """i4, of the queue or the issue."""
    rate: bytes = b""
    """f4 [stream, 168], contacts a minute by hour of the week."""
    worth: bytes = b""
    """u1 [stream, 168], hours that it is known from."""
    second: bytes = b""
    """f4 [stream, 48]: part of an hour's contacts in its second half, hours of weekdays and of the weekend."""
    second_worth: bytes = b""
    """f4 [stream, 48], contacts."""
    noise: bytes = b""
    """f8 [stream, 4]: sums for the dispersion from minute to minute and of whole hours."""
    run: bytes = b""
    """f8 [stream, 4]: working days that deviated in a row, which way, contacts, expected contacts."""
    phi: bytes = b""
    """f8, variance / mean from minute to minute, at least 1."""


class BaselineDocument(Struct, frozen=True):
    """See the module. Raises ValueError for columns that do not fit together, on decoding msgspec.ValidationError."""

    from_ms: int
    """First event of the history."""
    until_ms: int
    """End of the last day of it, UTC: what is usual is as of then."""
    version: int = BASELINE_VERSION
    agents: list[Name] = []
    queues: list[Name] = []
    issues: list[Name] = []
    issue_since_ms: bytes = b""
    """i8 by issue: when it first came up."""
    patience: bytes = bytes(16)
    """f8 [2]: time waited (s) and contacts abandoned, older days fading."""
    handle_times: HandleTimeColumns = HandleTimeColumns()
    usual: UsualColumns = UsualColumns()
    streams: StreamColumns = StreamColumns()

    def __post_init__(self) -> None:
        if self.version != BASELINE_VERSION:
            raise ValueError(f"baseline version {self.version}, this one reads {BASELINE_VERSION}")
        if not 0 <= self.from_ms <= self.until_ms < 1 << 53:
            raise ValueError("`from_ms` and `until_ms` must be moments in that order")
        for what in ("agents", "queues", "issues"):
            names = getattr(self, what)
            if len(set(names)) != len(names):
                raise ValueError(f"`{what}` names something twice")
        _check_columns(self)


class Baseline(Struct, frozen=True):
    """A document as it stands in the log and in a file, of one tenant. `digest` is that of the document's JSON."""

    tenant: Name
    digest: str
    document: BaselineDocument


def numbers(column: bytes, type_: str, width: int = 0) -> NDArray[Any]:
    """A column as an array, [row] or [row, width]. Raises ValueError when the bytes are not whole rows."""
    values: NDArray[Any] = np.frombuffer(column, f"<{type_}")
    return values.reshape(-1, width) if width else values


def column(values: NDArray[Any], type_: str) -> bytes:
    """The inverse of `numbers`."""
    return np.ascontiguousarray(values, f"<{type_}").tobytes()


def baseline_of(tenant: str, document: BaselineDocument) -> Baseline:
    """With its digest. Raises ValueError when it is too large."""
    data = msgspec.json.encode(document)
    if len(data) > BASELINE_BYTES_MAX:
        raise ValueError(f"the baseline has {len(data):,} bytes, at most {BASELINE_BYTES_MAX:,} fit: give fewer files")
    return Baseline(tenant, _digest(data), document)


class _Envelope(Struct):
    tenant: Name
    digest: str
    document: msgspec.Raw


class _Version(Struct):
    version: int = BASELINE_VERSION


def encode_baseline(baseline: Baseline) -> bytes:
    """JSON, on one line."""
    return msgspec.json.encode(baseline)


_envelope = msgspec.json.Decoder(_Envelope)
_version = msgspec.json.Decoder(_Version)
_document = msgspec.json.Decoder(BaselineDocument)


def decode_baseline(data: bytes) -> Baseline:
    """The inverse, checked.

    Raises NewerBlock for a document of a newer version, msgspec.MsgspecError or ValueError for a broken one.
    """
    if len(data) > BASELINE_BYTES_MAX + 4096:
        raise ValueError(f"{len(data):,} bytes; a baseline has at most {BASELINE_BYTES_MAX:,}")
    envelope = _envelope.decode(data)
    raw = bytes(envelope.document)
    version = _version.decode(raw).version
    if version > BASELINE_VERSION:
        raise NewerBlock(f"baseline version {version}, this service reads up to {BASELINE_VERSION}: upgrade it")
    if _digest(raw) != envelope.digest:
        raise ValueError("the baseline's digest does not fit its document: it was changed or cut")
    return Baseline(envelope.tenant, envelope.digest, _document.decode(raw))


def _digest(document: bytes) -> str:
    return blake2b(document, digest_size=16).hexdigest()


def _check_columns(d: BaselineDocument) -> None:
    _rows("issue_since_ms", d.issue_since_ms, "i8", len(d.issues))
    _sums("patience", d.patience, "f8", 2)
    pairs = len(d.handle_times.agent) // 4
    if pairs > PAIRS_MAX:
        raise ValueError(f"{pairs:,} rows of handle times; at most {PAIRS_MAX:,}")
    agent = _rows("handle_times.agent", d.handle_times.agent, "i4", pairs)
    topic = _rows("handle_times.topic", d.handle_times.topic, "i4", pairs)
    count = _rows("handle_times.count", d.handle_times.count, "i4", pairs)
    logs = _rows("handle_times.logs", d.handle_times.logs, "i2", pairs, WINDOW)
    _codes("handle_times.agent", agent, 0, len(d.agents) - 1)
    _codes("handle_times.topic", topic, -len(d.queues), len(d.issues))
    _codes("handle_times.count", count, 1, (1 << 31) - 1)
    _codes("handle_times.logs", logs, 0, (1 << 15) - 1)
    if np.unique(np.stack([agent, topic]), axis=1).shape[1] != pairs:
        raise ValueError("`handle_times` has an agent and topic twice")
    n = len(d.queues)
    _sums("usual.waits_s", d.usual.waits_s, "f8", n, HOURS_OF_DAY)
    _sums("usual.waits", d.usual.waits, "f8", n, HOURS_OF_DAY)
    contacts = _sums("usual.contacts", d.usual.contacts, "f8", n)
    repeats = _sums("usual.repeats", d.usual.repeats, "f8", n)
    if (repeats > contacts + 1e-9).any():
        raise ValueError("`usual.repeats`: more than contacts")
    levels = _rows("usual.handle_levels", d.usual.handle_levels, "f8", n + 1, LEVELS)
    if not (np.isfinite(levels).all() and (levels[:, 1:] >= 0).all()):
        raise ValueError("`usual.handle_levels`: not a number, or below 0")
    s, n = d.streams, len(d.streams.kind)
    if n > STREAMS_MAX:
        raise ValueError(f"{n:,} streams; at most {STREAMS_MAX:,}")
    kind = _rows("streams.kind", s.kind, "u1", n)
    code = _rows("streams.code", s.code, "i4", n)
    _codes("streams.kind", kind, 0, 1)
    _codes("streams.code", code[kind == QUEUE_STREAM], 0, len(d.queues) - 1)
    _codes("streams.code", code[kind == ISSUE_STREAM], 0, len(d.issues) - 1)
    _sums("streams.rate", s.rate, "f4", n, HOURS_OF_WEEK)
    _rows("streams.worth", s.worth, "u1", n, HOURS_OF_WEEK)
    second = _sums("streams.second", s.second, "f4", n, 2 * HOURS_OF_DAY)
    if (second > 1.0).any():
        raise ValueError("`streams.second`: a part above 1")
    _sums("streams.second_worth", s.second_worth, "f4", n, 2 * HOURS_OF_DAY)
    for name, values in (("noise", s.noise), ("run", s.run)):
        if not np.isfinite(_rows(f"streams.{name}", values, "f8", n, 4)).all():
            raise ValueError(f"`streams.{name}`: not a number")
    if (_sums("streams.phi", s.phi, "f8", n) < 1.0).any():
        raise ValueError("`streams.phi`: below 1")


def _rows(name: str, data: bytes, type_: str, rows: int, width: int = 0) -> NDArray[Any]:
    expected = rows * max(width, 1) * np.dtype(type_).itemsize
    if len(data) != expected:
        raise ValueError(f"`{name}` has {len(data):,} bytes, {expected:,} fit")
    return numbers(data, type_, width)


def _sums(name: str, data: bytes, type_: str, rows: int, width: int = 0) -> NDArray[Any]:
    values = _rows(name, data, type_, rows, width)
    if not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(f"`{name}`: not a number, or below 0")
    return values


def _codes(name: str, values: NDArray[Any], low: int, high: int) -> None:
    if values.size and (values.min() < low or values.max() > high):
        raise ValueError(f"`{name}`: a value outside {low} to {high}")
