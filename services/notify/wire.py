"""A websocket inside uvicorn, on its port: handshake, frames, pings, goodbyes, limits. What is said is not its matter.

uvicorn hands over each connection that asks to become a websocket. The `websockets` package's sans-I/O protocol does
handshake, framing and control frames; what goes to many is written to the transport as prebuilt bytes. There is no
task, no queue and no timer per connection: whoever owns the connections calls `check` for their deadlines.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from services.notify.core import frames
from services.notify.metrics import Metrics
from services.notify.problems import problem_body
from shared.clock import Clock
from shared.contract.frames import SUBPROTOCOL, GoodbyeCode

MESSAGE_BYTES_MAX = 64 * 1024  # a token is at most 8 KiB, a note 280 characters
MESSAGES_PER_MIN = 100  # a person with two hands; also the burst that may come at once
PING_EVERY_S = 20.0  # below the idle limits of common proxies (30 s and up)
PONG_WAIT_S = 20.0  # a laptop that changes its network is back within that, or gone
SLOW_S = 10.0  # so long a full pipe may not drain: a board ten seconds old helps nobody
STALLED_S = 8.0  # so long nothing at all may be taken: with a second for the next board, gone within ten
CLOSE_WAIT_S = 1.0  # for the other side's half of the closing handshake
FLUSH_S = 10.0  # for a slow client to read what is on its way, the goodbye at its end
PIPE_BYTES = (
    64 * 1024
)  # unsent bytes from which on a pipe is full; then the newest board only, and changes as it drains

_logger = logging.getLogger("strainwatch.notify.wire")
_logger.setLevel(logging.WARNING)  # the library tells of each connection at INFO


class FullPipe:
    """A pipe that holds more unsent bytes than it should, since when, and since when none of them went."""

    __slots__ = ("_least_bytes", "_moved_s", "_since_s")

    def __init__(self, now_s: float, unsent_bytes: int) -> None:
        self._since_s = self._moved_s = now_s
        self._least_bytes = unsent_bytes

    def slow(self, now_s: float) -> bool:
        """Whether it is full for too long."""
        return now_s - self._since_s > SLOW_S

    def stalled(self, now_s: float, unsent_bytes: int) -> bool:
        """Whether nobody reads at its other end."""
        if unsent_bytes < self._least_bytes:
            self._least_bytes, self._moved_s = unsent_bytes, now_s
        return now_s - self._moved_s > STALLED_S


class Wire(asyncio.Protocol):
    """One connection, from its handshake to its close. A subclass says what its frames mean."""

    clock: Clock
    metrics: Metrics
    transport = "websocket"
    __slots__ = (
        "_close_timer", "_conn", "_connections", "_full", "_parts", "_ping", "_ping_due_s", "_tokens", "_tokens_s",
        "_transport", "closed", "full",
    )  # fmt: skip

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        """As uvicorn calls it."""
        self._connections: set[Any] = server_state.connections
        self._conn = ServerProtocol(select_subprotocol=_select_subprotocol, max_size=MESSAGE_BYTES_MAX, logger=_logger)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._parts: list[bytes] = []
        self._close_timer: asyncio.TimerHandle | None = None
        self._tokens, self._tokens_s = float(MESSAGES_PER_MIN), 0.0
        self._ping: bytes | None = None
        self._ping_due_s = self.clock.steady_s() + PING_EVERY_S
        """When to ping, or until when the pong must have come."""
        self._full: FullPipe | None = None
        self.full = False
        self.closed = False

    # --- what a subclass says

    def _opening(self, request: Request) -> tuple[HTTPStatus, str] | None:
        """Why the handshake is refused; None to accept it."""
        raise NotImplementedError

    def _opened(self, request: Request) -> None:
        """The handshake is done."""
        raise NotImplementedError

    def _message(self, data: bytes) -> None:
        """A whole text message."""
        raise NotImplementedError

    def _drained(self) -> None:
        """The pipe takes more again."""
        raise NotImplementedError

    def _left(self) -> None:
        """Nothing will be read or written any more; called at least once."""
        raise NotImplementedError

    @property
    def peer(self) -> str | None:
        """The address at the other end; a proxy's, when one stands between."""
        name = self._transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple) else None

    # --- the pipe (see subscriber.Pipe)

    def write(self, frame: frames.Frame) -> None:
        """See subscriber.Pipe."""
        if not self.closed:
            self._transport.write(frame.message)

    def pause_writing(self) -> None:
        """From the transport: more than PIPE_BYTES wait."""
        self.full = True
        self._full = FullPipe(self.clock.steady_s(), self.unsent_bytes)

    def resume_writing(self) -> None:
        """From the transport: they are gone."""
        self.full, self._full = False, None
        if not self.closed:
            self._drained()

    @property
    def unsent_bytes(self) -> int:
        """What waits here for the client to read."""
        return self._transport.get_write_buffer_size()

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From uvicorn."""
        self._transport = cast(asyncio.Transport, transport)
        _let_go(self._transport.get_protocol())
        self._transport.set_write_buffer_limits(high=PIPE_BYTES, low=PIPE_BYTES // 4)
        _tune(self._transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """From the transport."""
        self.closed = True
        self._connections.discard(self)
        self._left()
        if self._close_timer is not None:
            self._close_timer.cancel()

    def eof_received(self) -> None:
        """From the transport: the other side is gone."""

    def shutdown(self) -> None:
        """From uvicorn, when the process ends."""
        if self._conn.state is OPEN:
            self._goodbye(frames.RESTARTING)
            return
        if self._close_timer is not None:
            self._close_timer.cancel()  # a slow client may have been given longer
            self._close_timer = None
        self._close_within(CLOSE_WAIT_S)

    def check(self, now_s: float) -> None:
        """Look after the deadlines of this connection."""
        if self.closed:
            return
        if self._full is not None and self._full.stalled(now_s, self.unsent_bytes):
            self.metrics.slow_closes.inc()
            self._transport.abort()  # a goodbye would only wait behind the rest
        elif self._full is not None and self._full.slow(now_s):
            self.metrics.slow_closes.inc()
            self._goodbye(frames.SLOW)
        elif now_s >= self._ping_due_s and self._conn.state is OPEN:
            self._keep_alive(now_s)

    def _keep_alive(self, now_s: float) -> None:
        if self._ping is not None:
            self._transport.abort()  # no pong: nobody is there to hear a goodbye
            return
        self._ping = secrets.token_bytes(4)
        self._conn.send_ping(self._ping)
        self._flush()
        self._ping_due_s = now_s + PONG_WAIT_S

    # --- in

    def data_received(self, data: bytes) -> None:
        """From the transport; at first the request that uvicorn read."""
        self._conn.receive_data(data)
        for event in self._conn.events_received():
            if isinstance(event, Request):
                self._handshake(event)
            elif not self.closed:
                self._received(cast(Frame, event))
        self._flush()
        if self._conn.close_expected() and not self.closed:
            # They said goodbye, or broke the protocol; the answer is on its way.
            self.closed = True
            self._left()
            self._close_within(CLOSE_WAIT_S)

    def _received(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.PONG:
            if self._ping is not None and bytes(frame.data) == self._ping:
                self._ping = None
                self._ping_due_s = self.clock.steady_s() + PING_EVERY_S
            return
        if opcode is Opcode.CLOSE:
            return
        if not self._within_rate():
            reason = f"More than {MESSAGES_PER_MIN} messages a minute."
            self._goodbye(frames.Farewell(GoodbyeCode.TOO_MANY_MESSAGES, reason, reconnect=True))
        elif opcode is Opcode.BINARY:
            self._goodbye(frames.Farewell(GoodbyeCode.BAD_FRAME, "Frames are JSON texts.", reconnect=False))
        elif opcode is not Opcode.PING:
            self._parts.append(bytes(frame.data))
            if frame.fin:
                message, self._parts = b"".join(self._parts), []
                self._message(message)

    def _within_rate(self) -> bool:
        now_s = self.clock.steady_s()
        grown = self._tokens + (now_s - self._tokens_s) * MESSAGES_PER_MIN / 60
        self._tokens, self._tokens_s = min(grown, MESSAGES_PER_MIN) - 1, now_s
        return self._tokens >= 0

    def _handshake(self, request: Request) -> None:
        refusal = self._opening(request)
        if refusal is not None:
            self._refuse(*refusal)
            return
        response = self._conn.accept(request)
        self._conn.send_response(response)
        self._flush()
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._opened(request)
        else:
            self._close_within(CLOSE_WAIT_S)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        response = self._conn.reject(status, "")
        body = problem_body(status, detail)
        headers = Headers(
            [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body))), ("Connection", "close")]
        )
        self._conn.send_response(Response(response.status_code, response.reason_phrase, headers, body))
        self.closed = True
        self._flush()
        self._transport.close()

    # --- out

    def _flush(self) -> None:
        for data in self._conn.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._close_within(CLOSE_WAIT_S)  # nothing more will be said

    def _goodbye(self, farewell: frames.Farewell) -> None:
        if self.closed or self._conn.state is not OPEN:
            return
        self.write(frames.goodbye_frame(farewell))
        self._conn.send_close(farewell.code, _short(farewell.reason))
        self.closed = True
        self._left()
        self._flush()
        self.metrics.goodbyes.labels(str(farewell.code)).inc()
        self._close_within(FLUSH_S if farewell is frames.SLOW else CLOSE_WAIT_S)

    def _close_within(self, seconds: float) -> None:
        """Close when the other side has, or after so long; what it does not read by then is dropped."""
        if self._conn.close_rcvd is not None or (self._conn.state is not OPEN and self._conn.close_sent is None):
            self._transport.close()
        if self._close_timer is None:
            self._close_timer = asyncio.get_running_loop().call_later(seconds, self._transport.abort)


def _select_subprotocol(_: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    if SUBPROTOCOL in offered:
        return Subprotocol(SUBPROTOCOL)
    if offered:
        raise NegotiationError(f"this server speaks {SUBPROTOCOL}")
    return None


def _short(reason: str) -> str:
    return reason.encode()[:123].decode(errors="ignore")  # what fits into a close frame


def _let_go(before: Any) -> None:
    """Free the HTTP connection that this was before the upgrade. It and its parser hold each other, and would wait for
    the garbage collector, which runs seldom here: about 1 KB a lead."""
    if getattr(before, "parser", None) is not None:
        before.parser = None


def _tune(transport: asyncio.Transport) -> None:
    """Socket options; what a platform does not have is left out."""
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        # A reader that stopped is found out by the kernel, also where what waits for it is too little to fill the pipe.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALLED_S * 1000))
    with contextlib.suppress(OSError, AttributeError):
        # Unsent bytes wait with us, where an old board can be left out, not in megabytes of kernel memory.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, PIPE_BYTES)
