"""Signals: strain now, each second, from scoring to notify; and the board that a lead sees."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class DriverShare(Struct, frozen=True):
    """A driver on the board; words come from its name."""

    name: str
    share: float
    value: float | None
    unit: str


class QueueSignal(Struct, frozen=True):
    """A queue now. `strain` is null until something is known about the queue."""

    id: str
    team: str | None
    strain: float
    drivers: list[DriverShare]
    waiting: int
    longest_wait_s: float | None
    predicted_wait_s: float | None = None
    agents: int | None = None


class AgentSignal(Struct, frozen=True):
    """An agent now. `state` is null when the ACD never said one and no contact shows it."""

    id: str
    team: str | None
    strain: float
    drivers: list[DriverShare]
    state: str | None
    state_since_s: float | None = None
    since_break_s: float | None = None


class TenantSignals(Struct):
    """All signals of one tenant at one moment (`at_ms`), before any entry of that millisecond or later."""

    tenant: str
    at_ms: int
    position: str
    queues: list[QueueSignal]
    agents: list[AgentSignal]
    last_event_ms: int | None = None
    """Entry time of the newest event that took effect: how old the board's data is."""
    drivers_off: list[str] = []
    """Drivers without any source in this tenant, as `agent.<name>` or `queue.<name>`: shown as "no data"."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(TenantSignals)


def encode_signals(signals: TenantSignals) -> bytes:
    """The bytes of one entry of the signals log."""
    return _encoder.encode(signals)


def decode_signals(data: bytes) -> TenantSignals:
    """From the signals log. Raises msgspec.ValidationError."""
    return _decoder.decode(data)
