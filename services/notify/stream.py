"""The feed as server-sent events: for programs without websockets, and for pages behind a proxy that eats them.

What goes to the client, and when, is the `Subscriber`'s matter, as for a websocket; here it becomes one HTTP response
that does not end. A client says nothing but where to go on (`Last-Event-ID`); it acts over REST.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from typing import Annotated, Any, cast

from fastapi import APIRouter, Header, Request, Response
from starlette.types import Receive, Scope, Send

from services.notify.core import frames
from services.notify.core.frames import Farewell, Frame
from services.notify.door import Actor, Door
from services.notify.feed import Feed
from services.notify.problems import ProblemRoute, Refusal
from services.notify.schemas import PROBLEMS
from services.notify.subscriber import Subscriber
from services.notify.wire import CLOSE_WAIT_S, FLUSH_S, PIPE_BYTES, FullPipe

PATH = "/stream"
HEARTBEAT_S = 15.0
"""Below the idle limits of common proxies (30 s and up), and what tells a client that silence is not a dead line."""
RETRY_MS = (1_000, 5_000)
"""When a client whose connection broke comes back; each draws its own, so that a thousand leads do not come at once."""
RESTART_RETRY_MS = (2_000, 10_000)
"""The same at a restart, in which all of them are sent away in one moment."""
FULL_RETRY_S = 10  # for somebody else to leave
MARK_MAX = 256  # an epoch and a cursor are some 50 characters

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep events back until it has a page of them
]


def routes(feed: Feed, door: Door) -> APIRouter:
    """`GET /v1/stream`."""
    router = APIRouter(prefix="/v1", route_class=ProblemRoute, tags=["leads"])

    @router.get(PATH, summary="The feed as server-sent events", response_class=Response, responses=_RESPONSES)
    async def stream(
        request: Request,
        last_event_id: Annotated[str | None, Header(description="The newest id you have seen: go on after it.")] = None,
    ) -> Response:
        """The frames of the websocket feed: `event` is the frame's kind, `data` its JSON, `id` where to go on.

        With `Last-Event-ID` the first event is a hello with `recovered`: true, and every change since follows exactly
        once; or false, with all live alerts, which replace your list. Without, changes after the hello follow.
        A comment comes every 15 s. Before the server closes it says goodbye, and whether to come back.
        """
        actor = door.leading(request)
        if feed.draining:
            raise Refusal(503, frames.RESTARTING.reason, Retry_After=str(1 + secrets.randbelow(5)))
        if not feed.takes(1):
            raise Refusal(503, "This server has as many connections as it takes.", Retry_After=str(FULL_RETRY_S))
        if not feed.has_room_for(actor.claims):
            raise Refusal(429, frames.TOO_MANY_CONNECTIONS.reason, Retry_After=str(FULL_RETRY_S))
        return EventStream(feed, actor, last_event_id or None)

    return router


class EventStream(Response):
    """One connection: a response that lasts. It is the `Pipe` of its subscriber."""

    transport = "stream"
    media_type = "text/event-stream"

    def __init__(self, feed: Feed, actor: Actor, mark: str | None) -> None:
        super().__init__()
        self._feed = feed
        self._clock = feed.clock
        self._claims = actor.claims
        self._scope = actor.scope
        self._mark = mark
        self._subscriber: Subscriber | None = None
        self._owed: list[bytes] = []
        self._owed_bytes = 0
        """Of what was not handed to the server yet, which keeps about as much again."""
        self._wake = asyncio.Event()
        self._overdue: asyncio.TimerHandle | None = None
        self._full: FullPipe | None = None
        self._beat_due_s = self._clock.steady_s() + HEARTBEAT_S
        self._transport: asyncio.Transport | None = None
        self.full = False
        self.closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As a response is called: until one of the two sides ends it."""
        self._transport = _transport_of(receive)
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        hearing = asyncio.ensure_future(_gone(receive))
        writing = asyncio.ensure_future(self._write_on(send))
        self._feed.connections[self] = None
        try:
            self._open()
            await asyncio.wait([hearing, writing], return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
        finally:
            self._leave()
            self._feed.connections.pop(self, None)
            if self._overdue is not None:
                self._overdue.cancel()
            for task in (hearing, writing):
                task.cancel()
            await asyncio.gather(hearing, writing, return_exceptions=True)

    def _open(self) -> None:
        self._push(f"retry: {_drawn(RETRY_MS)}\n\n".encode())
        if self._feed.draining:  # since the request was let in
            self.shutdown()
            return
        self._subscriber = Subscriber(self._feed.hub, self._scope, self)
        self._feed.joined(self._claims)
        if self._mark is None:
            self._subscriber.open()
        else:
            epoch, cursor = frames.read_mark(self._mark) if len(self._mark) <= MARK_MAX else ("", "")
            self._subscriber.open_after(epoch, cursor)

    # --- the pipe (see subscriber.Pipe)

    def write(self, frame: Frame) -> None:
        """See subscriber.Pipe."""
        self._push(frame.event)

    def _push(self, data: bytes) -> None:
        if self.closed:
            return
        self._owed.append(data)
        self._owed_bytes += len(data)
        if not self.full and self._owed_bytes > PIPE_BYTES:
            self.full = True
            self._full = FullPipe(self._clock.steady_s(), self.unsent_bytes)
        self._wake.set()

    @property
    def unsent_bytes(self) -> int:
        """What waits here for the client to read."""
        return self._owed_bytes + (0 if self._transport is None else self._transport.get_write_buffer_size())

    async def _write_on(self, send: Send) -> None:
        """Hand on what is owed, at the pace at which the client reads."""
        while self._owed or not self.closed:
            if not self._owed:
                self._wake.clear()
                await self._wake.wait()
                continue
            data = b"".join(self._owed)
            self._owed.clear()
            await send({"type": "http.response.body", "body": data, "more_body": True})
            if self.full:  # an empty part goes nowhere, but waits until the server's own buffer has drained
                await send({"type": "http.response.body", "body": b"", "more_body": True})
            self._owed_bytes -= len(data)
            if self.full and self._owed_bytes <= PIPE_BYTES // 4:
                self.full, self._full = False, None
                if self._subscriber is not None:
                    self._subscriber.pump()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    # --- its end

    def look_after(self, now_s: float, now_ms: int) -> None:
        """See feed.Connection."""
        if self.closed:
            return
        if self._transport is not None and self._transport.is_closing():
            self._leave()  # gone, with another request behind this one: uvicorn tells only the newest of them
        elif now_ms >= self._claims.exp * 1000:
            self._goodbye(frames.TOKEN_EXPIRED)
        elif self._full is not None and self._full.stalled(now_s, self.unsent_bytes):
            self._feed.hub.metrics.slow_closes.inc()
            self._leave()
            self._end_within(0)  # a goodbye would only wait behind the rest
        elif self._full is not None and self._full.slow(now_s):
            self._feed.hub.metrics.slow_closes.inc()
            self._goodbye(frames.SLOW, within_s=FLUSH_S)
        elif now_s >= self._beat_due_s:
            self._beat_due_s = now_s + HEARTBEAT_S
            if not self.full:
                self._push(b":\n\n")

    def judge_token(self) -> None:
        """See feed.Connection."""
        if not self.closed and self._feed.verifier.ended(self._claims) is not None:
            self._goodbye(frames.TOKEN_REVOKED)

    def shutdown(self) -> None:
        """See feed.Connection."""
        if not self.closed:
            self._push(f"retry: {_drawn(RESTART_RETRY_MS)}\n".encode())
            self._goodbye(frames.RESTARTING)
        elif self._overdue is not None:
            self._end_within(CLOSE_WAIT_S)  # a slow client may have been given longer

    def _goodbye(self, farewell: Farewell, within_s: float = CLOSE_WAIT_S) -> None:
        self.write(frames.goodbye_frame(farewell))
        self._leave()
        self._feed.hub.metrics.goodbyes.labels(str(farewell.code)).inc()
        self._end_within(within_s)

    def _leave(self) -> None:
        self.closed = True
        self._wake.set()
        if self._subscriber is not None:
            self._subscriber.close()
            self._subscriber = None
            self._feed.left(self._claims)

    def _end_within(self, seconds: float) -> None:
        """End when the client has read all, or after so long; what it did not read by then is dropped."""
        if self._overdue is not None:
            self._overdue.cancel()
        if self._transport is not None:
            self._overdue = asyncio.get_running_loop().call_later(seconds, self._transport.abort)


async def _gone(receive: Receive) -> None:
    """Return when the client is gone; a body that it may send says nothing."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport_of(receive: Receive) -> asyncio.Transport | None:
    """uvicorn's own connection, by way of the method it gave us; None with another server.

    ASGI knows no way to let go of a client that does not read, nor to keep old boards out of megabytes of kernel
    memory. Without it the kernel's own timeout does the first.
    """
    transport: Any = getattr(getattr(receive, "__self__", None), "transport", None)
    if not hasattr(transport, "abort"):
        return None
    with contextlib.suppress(OSError, AttributeError):
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, PIPE_BYTES)
    return cast(asyncio.Transport, transport)


def _drawn(between: tuple[int, int]) -> int:
    return between[0] + secrets.randbelow(between[1] - between[0])


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events until one side ends it.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'event: alert\nid: 4f1c9a27:1769846400000-3\ndata: {"kind":"alert","cursor":...}\n\n',
            }
        },
    },
    **PROBLEMS,
}
