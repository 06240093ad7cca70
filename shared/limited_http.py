"""uvicorn's HTTP protocol with limits that it does not have: on heads, on time, and on connections.

Without them a head that never ends is kept in memory whole, a body that never ends keeps its connection for ever, and
so does a connection on which nothing is ever asked.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.contract.frames import ProblemDetails, encode

HEAD_BYTES_MAX = 32 * 1024
"""Of a request's line and headers: a token has 8 KiB at most, and browsers send along the cookies of whatever else is
served at the same host."""
REQUEST_WAIT_S = 20.0
"""From the first byte of a request to its last. 1 MiB in that time is a modem; a body that never ends would hold its
memory, and the end of the process, for ever."""
LOOK_S = 5.0
"""How often a connection looks whether it is idle or its sender too slow; a timer a request would cost more."""
FULL_RETRY_S = 10
"""When to come back to a process that has as many connections as it takes."""


class LimitedHttp(HttpToolsProtocol):
    """For `uvicorn.Config(http=...)`. Its `limit_concurrency` is how many connections are taken."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # uvicorn would refuse requests of those who are connected; here those who come too many are.
        self._connections_max, self.limit_concurrency = self.limit_concurrency, None
        self._in_head = False
        self._head_bytes = 0  # of what is no body: the head, chunks' own lines, trailers
        self._piece_bytes = 0  # that came at once
        self._begun = 0  # how many requests
        self._bodies = 0  # how many pieces of bodies
        self._receiving = False  # a request has begun and is not whole
        self._since_s = 0.0  # when it began, or when the last answer left
        self._timer: asyncio.TimerHandle | None = None

    # --- from the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        if self._connections_max is not None and len(self.connections) > self._connections_max:
            self.turn_away(503, "This server has as many connections as it takes; come back soon.")
            return
        self._since_s = self.loop.time()
        self._timer = self.loop.call_later(LOOK_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._stop_looking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self.transport.is_closing():
            return
        begun, bodies, self._piece_bytes = self._begun, self._bodies, len(data)
        super().data_received(data)
        # What came with its first byte may belong to requests before it, and what came with a body to the body.
        if self._receiving and (self._begun, self._bodies) == (begun, bodies):
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.turn_away(431, f"Send at most {HEAD_BYTES_MAX:,} bytes of headers.")

    # --- from the parser

    def on_message_begin(self) -> None:
        """See httptools."""
        super().on_message_begin()
        self.begin_request()

    def begin_request(self) -> None:
        """The first byte of a request is here."""
        self._in_head = self._receiving = True
        self._head_bytes = 0
        self._begun += 1
        self._since_s = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools. The trailers of a chunked body come here too: nobody reads them, so they are not kept."""
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        self.note_body()
        super().on_body(body)

    def note_body(self) -> None:
        """A piece of a body is here; how many bytes a body may have is for those who read it."""
        self._bodies += 1
        self._head_bytes = 0

    def head_fits(self) -> bool:
        """Whether a head that came in one piece is no longer than one that comes in several may be."""
        if self._piece_bytes <= HEAD_BYTES_MAX:
            return True
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers) <= HEAD_BYTES_MAX

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._in_head = False
        if self.head_fits():
            super().on_headers_complete()
            return
        app, self.app = self.app, _head_too_large
        try:
            super().on_headers_complete()
        finally:
            self.app = app

    def on_message_complete(self) -> None:
        """See httptools."""
        self._receiving = False
        super().on_message_complete()

    # --- time

    def on_response_complete(self) -> None:
        """From uvicorn, when a request has its answer."""
        self._since_s = self.loop.time()
        super().on_response_complete()

    def is_quiet(self) -> bool:
        """Whether no request is under way or waits."""
        return (self.cycle is None or self.cycle.response_complete) and not self.pipeline

    def owes_answers(self) -> bool:
        """Whether answers are due that uvicorn does not know of; then nobody is late."""
        return False

    def too_slow(self) -> None:
        """A request was not whole in time."""
        structlog.get_logger().info("request.too_slow", waited_s=REQUEST_WAIT_S)
        self.turn_away(408, f"The request was not whole within {REQUEST_WAIT_S:g} s; send it faster.")

    def _look(self) -> None:
        waited_s = self.loop.time() - self._since_s
        self._timer = self.loop.call_later(LOOK_S, self._look)
        if self.owes_answers() or self.transport.is_closing():
            return
        if self._receiving:
            if waited_s > REQUEST_WAIT_S:
                self.too_slow()
        elif self.is_quiet() and waited_s > self.timeout_keep_alive:
            self.transport.close()

    def _stop_looking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def handle_websocket_upgrade(self) -> None:
        """From uvicorn: the connection gets another protocol."""
        self._stop_looking()
        super().handle_websocket_upgrade()

    def turn_away(self, status: int, detail: str) -> None:
        """The last answer of this connection, unless another is half sent."""
        if self.is_quiet() and not self.owes_answers():
            self.transport.write(_last_answer(status, detail, self.server_state.default_headers))
        self.transport.close()


async def _head_too_large(_: Any, __: Any, send: Any) -> None:
    body = _problem(431, f"Send at most {HEAD_BYTES_MAX:,} bytes of headers.")
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 431, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})


def _last_answer(status: int, detail: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    body, phrase = _problem(status, detail), HTTPStatus(status).phrase.encode()
    lines = [b"HTTP/1.1 %d %s" % (status, phrase), *(b"%s: %s" % header for header in headers)]
    lines += [b"content-type: application/problem+json", b"content-length: %d" % len(body), b"connection: close"]
    if status == 503:
        lines.append(b"retry-after: %d" % FULL_RETRY_S)
    return b"\r\n".join([*lines, b"", body])


def _problem(status: int, detail: str) -> bytes:
    title = HTTPStatus(status).phrase
    code = title.lower().replace(" ", "-")
    return encode(ProblemDetails(type=f"urn:strainwatch:problem:{code}", title=title, status=status, detail=detail))
