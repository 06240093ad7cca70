"""The second door: `POST /v1/events` taken inside uvicorn's protocol, on the same port as everything else.

An ASGI request costs a scope, a task and four messages, together more than all that ingest does with one event. Here a
request goes from the parser to the `Door` and its answer to the socket. Whatever is not plainly `POST /v1/events`, and
whatever comes on a connection that is busy with such a request, goes the normal way; there the ASGI endpoint with the
same `Door` gives the same answers.

Answers leave in the order of the requests: those of this door wait in `_replies`; a request for the normal way that
comes behind them waits in uvicorn's own pipeline until they are gone; and while one of that kind is under way or waits,
nothing is taken here.
"""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

import structlog

from services.ingest.core.admission import BODY_BYTES_MAX
from services.ingest.core.problems import Answer, problem
from services.ingest.door import EVENTS_PATH, Door, HeadValues, Pass, Pending, head_values
from services.ingest.http_bytes import CONTINUE, AnswerBytes, Heads
from shared.limited_http import REQUEST_WAIT_S, LimitedHttp

LINGER_S = 2.0
"""How long we go on reading, and forget what we read, after a last answer to a request that is still being sent: closed
at once, the sender's own writing would fail before it has read why."""
REPLIES_MAX = 256
"""Requests of a connection whose answers are due; a sender that pipelines more waits until some are gone."""


class _Reply:
    """The answer to one request, in its place among the others of the connection; called when its commit is done."""

    __slots__ = ("answer", "close", "door", "pending")

    def __init__(self, door: FastDoor, close: bool, outcome: Answer | Pending) -> None:
        self.door = door
        self.close = close
        self.answer: Answer | None = None
        self.pending: Pending | None = None
        if isinstance(outcome, Answer):
            self.answer = outcome
        else:
            self.pending = outcome

    def __call__(self) -> None:
        assert self.pending is not None
        self.answer = self.door.door.answer(self.pending)
        self.door.send_replies()


class _Body:
    """A request whose body is still coming."""

    __slots__ = ("data", "request")

    def __init__(self, request: Pass | None) -> None:
        self.request = request
        """None: it has its answer already, and the body is only read over."""
        self.data: bytes | bytearray = b""

    def add(self, part: bytes) -> None:
        if not self.data:
            self.data = part  # mostly the whole body, which then is not copied
        else:
            if isinstance(self.data, bytes):
                self.data = bytearray(self.data)
            self.data += part


class _Busy:
    """Stands for a cycle of uvicorn's that is not complete, so that uvicorn puts the next one into its pipeline."""

    response_complete = False


class FastDoor(LimitedHttp):
    """uvicorn's protocol with a door of its own for events. Use `fast_door(door)` as `uvicorn.Config(http=...)`."""

    door: ClassVar[Door]
    heads: ClassVar[Heads]
    answers: ClassVar[AnswerBytes]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._replies: deque[_Reply] = deque()
        self._body: _Body | None = None
        self._ending = False  # nothing more is read but to be forgotten
        self._last = False  # no request after those that have begun
        self._values: HeadValues | None = None  # of a request just parsed whose head may be remembered

    # --- from the transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._replies.clear()
        self._body = None
        self._ending = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._ending:
            return
        if self._receiving or self._last or not self.is_quiet():
            super().data_received(data)
            return
        # Parser and connection stand between two requests: one whole request under a head that was parsed before may
        # pass without the parser, which never notices.
        head_bytes, values = self.heads.known(data)
        if values is not None:
            self._unset_keepalive_if_required()
            request = self.door.check(*values)
            self._reply(self._taken(request, data[head_bytes:]) if isinstance(request, Pass) else request)
            return
        self._values = None
        super().data_received(data)
        if self._values is not None and not self._receiving and not self._values.traceparent:  # that comes but once
            self.heads.remember(data, head_bytes, self._values)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        if len(self._replies) < REPLIES_MAX and not self.pipeline:
            self.flow.resume_reading()

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        super().pause_writing()
        self.flow.pause_reading()  # who does not read its answers is not asked for more

    # --- from the parser

    def on_message_begin(self) -> None:
        """See httptools."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._body = None
        self.begin_request()

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._in_head = False
        if self._ending or self.transport.is_closing() or (self._replies and self._replies[-1].close):
            self._ending = True  # it comes behind the last that is answered
        elif self.parser.should_upgrade() and self._replies:
            self._replies[-1].close = self._ending = True  # the answers that are due would end up in the websocket
        elif (
            self.url == EVENTS_PATH
            and self.parser.get_method() == b"POST"
            and self.is_quiet()
            and not self.parser.should_upgrade()
            and self.head_fits()
            and not (self.expect_100_continue and self._replies)  # its interim answer has to wait for theirs
        ):
            self._begin()
        else:
            self._hand_on()

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        self.note_body()
        if self._ending:
            return
        if self._body is None:
            super().on_body(body)
        elif self._body.request is not None:
            self._body.add(body)
            if len(self._body.data) > BODY_BYTES_MAX:
                self._end(self.door.too_large())

    def on_message_complete(self) -> None:
        """See httptools."""
        self._receiving = False
        if self._ending:
            return
        body, self._body = self._body, None
        if body is None:
            super().on_message_complete()
        elif body.request is not None:
            self._reply(self._taken(body.request, bytes(body.data)), close=not self._keeps_alive())

    def send_400_response(self, msg: str) -> None:
        """From uvicorn, for what is not HTTP: the end of the connection, after the answers that are due."""
        if self._replies:
            self._replies[-1].close = self._ending = True
        elif not self._ending:
            super().send_400_response(msg)

    def _begin(self) -> None:
        """Judge the head of a request for this door."""
        values = head_values(self.headers)
        request = self.door.check(*values)
        if isinstance(request, Pass):
            self._body = _Body(request)
            if self.expect_100_continue:
                self.transport.write(CONTINUE)
            elif values.content_length and self._keeps_alive():  # with a length it is not chunked
                self._values = values
        elif request.status == 413 or self.expect_100_continue or not self._keeps_alive():
            # Its body is too much to be read over; or whether it comes at all is the sender's choice.
            self._end(request)
        else:
            self._body = _Body(None)
            self._reply(request)

    def _hand_on(self) -> None:
        """Let uvicorn have the request, behind the answers that this door still owes."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        if self._replies:
            self.cycle = _Busy()  # type: ignore[assignment]
        super().on_headers_complete()

    def _taken(self, request: Pass, body: bytes) -> Answer | Pending:
        try:
            return self.door.take(request, body)
        except Exception:  # ours; the parser would tell the sender that it does not speak HTTP
            structlog.get_logger().exception("request.failed")
            return self.door.counted(problem(500, "the events could not be taken; this fault is ours and was logged"))

    def _keeps_alive(self) -> bool:
        return not self._last and self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()

    # --- answers

    def _reply(self, outcome: Answer | Pending, *, close: bool = False) -> None:
        """Queue the answer to a request."""
        self._last = self._last or close
        reply = _Reply(self, close, outcome)
        self._replies.append(reply)
        if reply.pending is None:
            self.send_replies()
        else:
            reply.pending.commit.when_done(reply)
        if len(self._replies) >= REPLIES_MAX:
            self.flow.pause_reading()

    def _end(self, answer: Answer) -> None:
        """Answer a request that is not read to its end; nothing is read after it."""
        self._ending = True
        self._receiving = False
        self._body = None
        self._reply(answer, close=True)

    def send_replies(self) -> None:
        """Send what is due and has its turn."""
        replies = self._replies
        if self.transport.is_closing():
            replies.clear()
            return
        out, sent = [], None
        headers = self.server_state.default_headers
        while replies and replies[0].answer is not None:
            sent = replies.popleft()
            assert sent.answer is not None
            out.append(self.answers.of(sent.answer, headers, sent.close))
            if sent.close:
                break
        if sent is None:
            return
        self.transport.write(out[0] if len(out) == 1 else b"".join(out))
        self.server_state.total_requests += len(out)
        self._since_s = self.loop.time()
        if sent.close:
            self._close()
        elif not replies:
            if self.pipeline:
                cycle, app = self.pipeline.pop()
                self._start_asgi_task(cycle, app)
            elif not self.flow.write_paused:
                self.flow.resume_reading()

    def _close(self) -> None:
        """After the last answer."""
        if not self._ending:
            self.transport.close()
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._stop_looking()
        self._timer = self.loop.call_later(LINGER_S, self.transport.close)

    def shutdown(self) -> None:
        """From uvicorn, when the process ends: answer what has begun, take nothing new."""
        self._last = True
        if not self.is_quiet():
            super().shutdown()
        elif self._body is not None and self._body.request is not None:
            pass  # its answer will be the last
        elif self._replies:
            self._replies[-1].close = True
        else:
            super().shutdown()

    # --- time

    def owes_answers(self) -> bool:
        """See LimitedHttp."""
        return bool(self._replies)

    def too_slow(self) -> None:
        """See LimitedHttp."""
        structlog.get_logger().info("request.too_slow", waited_s=REQUEST_WAIT_S)
        if self.is_quiet():
            detail = f"the request was not whole within {REQUEST_WAIT_S:g} s; send it faster or in smaller parts"
            self._end(self.door.counted(problem(408, detail)))
        else:  # its answer may be half sent
            self.transport.close()

    def turn_away(self, status: int, detail: str) -> None:
        """See LimitedHttp."""
        if self._body is not None and self._body.request is None:
            self.transport.close()  # it has its answer, and was only read over
        else:
            super().turn_away(status, detail)

    def handle_websocket_upgrade(self) -> None:
        """From uvicorn: the connection gets another protocol."""
        if not self._ending:
            super().handle_websocket_upgrade()


def fast_door(door: Door) -> type[FastDoor]:
    """The class for `uvicorn.Config(http=...)`, bound to a door."""
    return type("BoundFastDoor", (FastDoor,), {"door": door, "heads": Heads(), "answers": AnswerBytes()})
