"""A feed server that does as a test tells it: serves the built page and speaks the real frames of the contract.

It stands in for notify only where a test must break things on purpose: stop the boards, drop the connection, refuse.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import mimetypes
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import fake_desk
import fake_house
import msgspec
import scenes
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from shared.contract.alerts import Alert
from shared.contract.course import SubjectCourse
from shared.contract.frames import (
    SUBPROTOCOL,
    AlertFrame,
    AnyClientFrame,
    BoardFrame,
    Goodbye,
    GoodbyeCode,
    Hello,
    Problem,
    ServerFrame,
    encode,
)
from shared.contract.rules import RuleCount
from shared.contract.signals import AgentSignal, BreakDue, QueueSignal

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TOKEN = "good-token"
EPOCH = "epoch-1"


class FakeFeed:
    """`async with FakeFeed(dist) as feed:`; what the page sent is in `received`."""

    def __init__(self, dist: Path, port: int = 0, board_every_s: float = 0.25) -> None:
        self.dist, self.board_every_s, self._port = dist, board_every_s, port
        self.received: list[dict[str, Any]] = []
        self.log: list[tuple[str, Alert]] = []
        self.live: dict[str, Alert] = {}
        self.queues: Callable[[float], list[QueueSignal]] = lambda ago_s: []
        self.agents: list[AgentSignal] = []
        self.breaks: list[BreakDue] = []
        self.data_age_s: float | None = 0.4
        self.drivers_off: list[str] = []
        self.boards = self.accepting = self.answer_actions = True
        self.courses: dict[tuple[str, str], SubjectCourse] = {}
        self.refusal: str | None = None
        self.rules: list[RuleCount] | None = None  # in place of what the log gives
        self._cursor = itertools.count(1)
        self._clients: set[ServerConnection] = set()
        self._server: Server | None = None

    async def __aenter__(self) -> FakeFeed:
        self._server = await serve(
            self._feed,
            "127.0.0.1",
            self._port,
            process_request=self._http,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            close_timeout=1,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        self._beat = asyncio.create_task(self._boards())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._beat.cancel()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    # --- what a test does

    async def publish(self, alert: Alert, cursor: str | None = None) -> str:
        """One change of an alert to every client; the same `cursor` twice is a repeat."""
        cursor = cursor or f"c-{next(self._cursor)}"
        self.log.append((cursor, alert))
        self.live[alert.id] = alert
        for client in list(self._clients):
            await self._send(client, AlertFrame(cursor=cursor, alert=alert))
        return cursor

    async def goodbye(self, code: int, reason: str, reconnect: bool) -> None:
        for client in list(self._clients):
            await self._send(client, Goodbye(code=code, reason=reason, reconnect=reconnect))
            await client.close(code, reason)

    def drop(self) -> None:
        """Cuts every connection without a word."""
        for client in list(self._clients):
            client.transport.abort()

    def received_of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.received if frame["kind"] == kind]

    def board(self, ago_s: float = 0.0) -> BoardFrame:
        at = datetime.now(UTC) - timedelta(seconds=ago_s)
        return BoardFrame(
            epoch=EPOCH, cursor=self._top(), at=at.isoformat().replace("+00:00", "Z"),
            queues=self.queues(ago_s), agents=self.agents, breaks=self.breaks,
            data_age_s=self.data_age_s, drivers_off=self.drivers_off,
        )  # fmt: skip

    # --- the server

    def _top(self) -> str:
        return self.log[-1][0] if self.log else "c-0"

    async def _boards(self) -> None:
        while True:
            if self.boards:
                for client in list(self._clients):
                    await self._send(client, self.board())
            await asyncio.sleep(self.board_every_s)

    async def _feed(self, client: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            first = self._take(await asyncio.wait_for(client.recv(), 30))
            if first.get("token") != TOKEN:
                code = GoodbyeCode.BAD_TOKEN
                await self._send(client, Goodbye(code=code, reason="unknown token", reconnect=False))
                await client.close(code)
                return
            await self._send(client, Hello(version="1", epoch=EPOCH, cursor=self._top(), teams=["*"]))
            self._clients.add(client)
            try:
                async for message in client:
                    await self._answer(client, self._take(message))
            finally:
                self._clients.discard(client)

    def _take(self, message: str | bytes) -> dict[str, Any]:
        frame: dict[str, Any] = msgspec.json.decode(message)
        msgspec.convert(frame, AnyClientFrame)  # the page speaks the contract, or this test fails
        self.received.append(frame)
        return frame

    async def _answer(self, client: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["kind"] == "resume":
            for answer in self._resumed(frame):
                await self._send(client, answer)
        elif frame["kind"] in fake_desk.ACTIONS and self.refusal:
            await self._send(client, Problem(detail=self.refusal, alert=frame["alert"], status=409))
        elif frame["kind"] in fake_desk.ACTIONS and self.answer_actions:
            await self.publish(fake_desk.acted(self.live[frame["alert"]], frame))

    def _resumed(self, frame: dict[str, Any]) -> Iterator[ServerFrame]:
        cursors = ["c-0", *(cursor for cursor, _ in self.log)]
        if frame["epoch"] != EPOCH or frame["cursor"] not in cursors:
            alerts = [alert for alert in self.live.values() if alert.phase != "resolved"]
            yield Hello(version="1", epoch=EPOCH, cursor=self._top(), teams=["*"], recovered=False, alerts=alerts)
            return
        yield Hello(version="1", epoch=EPOCH, cursor=frame["cursor"], teams=["*"], recovered=True)
        for cursor, alert in self.log[cursors.index(frame["cursor"]) :]:
            yield AlertFrame(cursor=cursor, alert=alert)

    async def _send(self, client: ServerConnection, frame: ServerFrame) -> None:
        with contextlib.suppress(ConnectionClosed):
            await client.send(encode(frame).decode())

    def _http(self, connection: ServerConnection, request: Request) -> Response | None:
        path = unquote(urlsplit(request.path).path)
        if path == "/v1/feed":
            return None if self.accepting else connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "not now\n")
        if path == "/v1/history":
            return self._course(connection, request)
        if (told := fake_desk.answer(request.path, self.log, self.rules)) is not None:
            known = request.headers.get("Authorization") == f"Bearer {TOKEN}"
            return _response(told, "application/json") if known else connection.respond(HTTPStatus.UNAUTHORIZED, "\n")
        if told := fake_house.answer(path):
            return _response(told, "application/json")
        file = (self.dist / (path.lstrip("/") or "index.html")).resolve()
        if not file.is_relative_to(self.dist.resolve()) or not file.is_file():
            return connection.respond(HTTPStatus.NOT_FOUND, "no such file\n")
        return _response(file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream")

    def _course(self, connection: ServerConnection, request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return connection.respond(HTTPStatus.UNAUTHORIZED, "no token\n")
        asked = parse_qs(urlsplit(request.path).query)
        course = self.courses.get((asked["type"][0], asked["id"][0])) or scenes.recent(self.queues, asked["id"][0])
        if course is None:
            return connection.respond(HTTPStatus.NOT_FOUND, "not on this board\n")
        return _response(encode(course), "application/json")


def _response(body: bytes, media_type: str) -> Response:
    headers = Headers()
    headers["Content-Type"] = media_type
    headers["Content-Length"] = str(len(body))
    headers["Content-Security-Policy"] = POLICY
    headers["Connection"] = "close"
    return Response(HTTPStatus.OK, "OK", headers, body)
