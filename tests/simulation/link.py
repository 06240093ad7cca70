"""A connection between a lead and notify: bytes both ways, each way in order, at the pace of the seed."""

from __future__ import annotations

import asyncio
from contextvars import Context
from random import Random
from typing import Any, Protocol

from tests.simulation.loop import Machine

PIECE_BYTES = 8 * 1024
"""What goes over at a time; a reader who stalls leaves the rest with the sender."""


class Reader(Protocol):
    """The lead's end."""

    stalled: bool

    def received(self, data: bytes) -> None:
        """Bytes came."""

    def cut(self) -> None:
        """Nothing comes any more."""


class Link(asyncio.Transport):
    """The server's end, as its protocol sees it; `send` and `hang_up` are the lead's."""

    def __init__(self, machine: Machine, reader: Reader, rng: Random) -> None:
        super().__init__()
        self._machine = machine
        self._loop = machine.loop
        self._reader = reader
        self._rng = rng
        self._protocol: Any = None
        self._unsent = bytearray()
        self._high, self._low = 64 * 1024, 16 * 1024
        self._paused = self._moving = self._closing = self._gone = False
        self._arrives_s = 0.0

    def connect(self, protocol: Any) -> None:
        """The server takes the connection."""
        self._protocol = protocol
        self._machine.soon(protocol.connection_made, self)

    # --- the server's end

    def get_protocol(self) -> Any:
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("10.0.0.7", 40_000) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None
        assert low is not None
        self._high, self._low = high, low

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def is_closing(self) -> bool:
        return self._closing

    def write(self, data: Any) -> None:
        if self._gone or self._closing:
            return
        self._unsent += data
        self.move()
        if len(self._unsent) > self._high and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if not self._unsent:
                self._end()

    def abort(self) -> None:
        self._closing = True
        self._unsent.clear()
        self._end()

    # --- the way

    def move(self) -> None:
        """Carry what waits, unless somebody does already or the reader does not read."""
        if self._unsent and not self._moving and not self._gone and not self._reader.stalled:
            self._moving = True
            self._loop.call_later(self._rng.uniform(0.0005, 0.03), self._carry, context=_nowhere())

    def _carry(self) -> None:
        self._moving = False
        if self._gone or self._reader.stalled:
            return
        piece = bytes(self._unsent[:PIECE_BYTES])
        del self._unsent[:PIECE_BYTES]
        self._reader.received(piece)
        if self._gone:
            return
        if self._paused and len(self._unsent) <= self._low:
            self._paused = False
            self._machine.soon(self._protocol.resume_writing)
        if self._unsent:
            self.move()
        elif self._closing:
            self._end()

    def _end(self) -> None:
        if not self._gone:
            self._gone = True
            self._machine.soon(self._protocol.connection_lost, None)
            self._loop.call_later(self._rng.uniform(0.0005, 0.03), self._reader.cut, context=_nowhere())

    # --- the lead's end

    def send(self, data: bytes) -> None:
        """Bytes from the lead."""
        self._arrives_s = max(self._arrives_s, self._loop.time() + self._rng.uniform(0.0005, 0.03))
        self._loop.call_at(self._arrives_s, self._arrive, data, context=_nowhere())

    def _arrive(self, data: bytes) -> None:
        if not self._gone:
            self._machine.soon(self._take, data)

    def _take(self, data: bytes) -> None:
        if not self._gone:
            self._protocol.data_received(data)

    def hang_up(self) -> None:
        """The lead's network is gone: no goodbye, both ends find out."""
        if not self._gone:
            self._gone = True
            self._unsent.clear()
            self._machine.soon(self._protocol.connection_lost, ConnectionResetError())

    def server_died(self) -> None:
        """The machine was killed: its kernel resets the connection."""
        if not self._gone:
            self._gone = True
            self._loop.call_later(self._rng.uniform(0.0005, 0.03), self._reader.cut, context=_nowhere())


def _nowhere() -> Context:
    return Context()
