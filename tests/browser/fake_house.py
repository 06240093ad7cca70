"""The REST side that the shell of the page talks to, as a test tells it: signing in, the own day, reports, the stream.

It stands in for notify where a test must choose what comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import scenes
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from shared.contract.alerts import Alert
from shared.contract.frames import AlertFrame, BoardFrame, Hello, ServerFrame, encode
from shared.contract.signals import DriverShare

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{issuer}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LEAD = {"sub": "lena@example.org", "tenant": "demo", "teams": ["*"], "role": "lead", "agent": None, "zone": None}
MAY = ["board", "alerts", "acknowledge", "assign", "snooze", "close", "note", "report"]
AGENT = {
    "sub": "agent-07",
    "tenant": "demo",
    "teams": [],
    "role": "agent",
    "agent": "agent-07",
    "zone": "Europe/Madrid",
}
REPORT = Path(__file__).parent / "report.html"


def answer(path: str) -> bytes | None:
    """What every feed of these tests says of the person and of signing in."""
    known: dict[str, Any] = {"/v1/me": {**LEAD, "may": MAY}, "/v1/signin": {"oidc": None}}
    return encode(known[path]) if path in known else None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def own_day(**fields: Any) -> dict[str, Any]:
    """A hard afternoon."""
    drivers = [
        DriverShare("occupancy", 24.1, 93, "%"), DriverShare("complaints", 15.6, 3, "contacts"),
        DriverShare("since_break", 13.2, 145, "min"), DriverShare("repeat_callers", 8.4, 4, "contacts"),
        DriverShare("check_in", 4.2, 4, "of 5"),
    ]  # fmt: skip
    stored = [
        ("Your strain each second, with its reasons", "每秒的负荷及其原因", 8),
        ("The events of your phone system: contacts, states, check-ins", "话务系统的事件：联络、状态和反馈", 93_600),
        ("Alerts about you, and what was done about them", "与您有关的提醒及处理情况", 604_800),
        ("How long your last contacts took, to compare you with yourself and nobody else", "最近联络的时长", None),
    ]
    day = {
        "id": "agent-07", "team": "Billing", "strain": sum(d.share for d in drivers),
        "drivers": [msgspec.to_builtins(d) for d in drivers], "state": "on_contact", "break_min": 14, "at": now(),
        "data_age_s": 0.6, "check_in_at": None,
        "stored": [dict(zip(("what", "what_zh", "for_s"), each, strict=True)) for each in stored],
    }  # fmt: skip
    return day | fields


class FakeHouse:
    """`async with FakeHouse(dist) as house:`; `asked` holds method, path and query of all that came to `/v1`."""

    def __init__(self, dist: Path, board: Any = None) -> None:
        self.dist, self.board = dist, board
        self.me: dict[str, Any] = {**LEAD, "may": MAY}
        self.oidc: dict[str, str] | None = None
        self.day: dict[str, Any] = own_day()
        self.check_in_status = 200
        self.answering = self.streaming = True
        self.asked: list[tuple[str, str, str]] = []
        self.bodies: list[Any] = []
        self.tokens: set[str] = set()
        self.resumed: list[str] = []
        self.live: dict[str, Alert] = {}
        self._streams: list[asyncio.Queue[tuple[str, ServerFrame] | None]] = []

    async def __aenter__(self) -> FakeHouse:
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        # No websocket comes through here, as behind some proxies.
        config = uvicorn.Config(self._app(), ws="none", log_level="warning", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        self._task = asyncio.create_task(self._server.serve([listener]))
        while not self._server.started:  # noqa: ASYNC110 uvicorn tells nobody
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.cut()
        self._server.should_exit = True
        await self._task

    def cut(self) -> None:
        """Ends every stream without a word."""
        for stream in self._streams:
            stream.put_nowait(None)
        self._streams.clear()

    def publish(self, cursor: str, alert: Alert) -> None:
        self.live[alert.id] = alert
        for stream in self._streams:
            stream.put_nowait((cursor, AlertFrame(cursor=cursor, alert=alert)))

    def _app(self) -> Starlette:
        routes = [
            Route("/", self._page),
            Route("/v1/{path:path}", self._rest, methods=["GET", "POST"]),
            Mount("/", StaticFiles(directory=self.dist)),
        ]
        return Starlette(routes=routes)

    async def _page(self, _: Request) -> Response:
        issuer = f" {self.oidc['issuer']}" if self.oidc else ""
        headers = {"Content-Security-Policy": POLICY.format(issuer=issuer), "Cache-Control": "no-store"}
        return FileResponse(self.dist / "index.html", headers=headers)

    async def _rest(self, request: Request) -> Response:
        path = request.path_params["path"]
        self.asked.append((request.method, path, request.url.query))
        self.tokens.add(request.headers.get("authorization", "").removeprefix("Bearer "))
        if not self.answering:
            return _problem(503, "The log does not answer; try again.")
        known: dict[str, Any] = {
            "me": self.me, "signin": {"oidc": self.oidc}, "agents/me": self.day | {"at": now()}, "board": {},
        }  # fmt: skip
        if request.method == "POST":
            self.bodies.append(await request.json())
            status = self.check_in_status if path == "agents/me/check-in" else 200
            return _problem(429, "Too soon.", {"Retry-After": "240"}) if status == 429 else JSONResponse({}, status)
        if path == "stream":
            return self._stream(request)
        if path == "reports/shift":
            return self._report(request)
        if path == "history" and self.board and (course := scenes.recent(self.board, request.query_params["id"])):
            return Response(encode(course), media_type="application/json")
        return JSONResponse(known[path]) if path in known else _problem(404, "There is no such thing here.")

    def _report(self, request: Request) -> Response:
        if "text/html" in request.headers["accept"]:
            return FileResponse(REPORT, media_type="text/html")
        return JSONResponse({"period": {"from": "2026-03-02T06:00:00Z"}})

    def _stream(self, request: Request) -> Response:
        if not self.streaming:
            return _problem(503, "Not now.")
        mark = request.headers["last-event-id"]
        self.resumed.append(mark)
        stream: asyncio.Queue[tuple[str, ServerFrame] | None] = asyncio.Queue()
        alerts = list(self.live.values())
        again = mark.startswith("e-1:")
        top = mark.removeprefix("e-1:") if again else "c-0"
        stream.put_nowait(
            (
                top,
                Hello(
                    version="1", epoch="e-1", cursor=top, teams=["*"], recovered=again, alerts=None if again else alerts
                ),
            ),
        )
        self._streams.append(stream)

        async def events() -> AsyncIterator[bytes]:
            while True:
                try:
                    async with asyncio.timeout(0.25):
                        item = await stream.get()
                except TimeoutError:
                    item = ("", self._board())
                if item is None:
                    return
                cursor, frame = item
                head = f"id: e-1:{cursor}\n" if cursor else ""
                yield f"{head}event: {frame.__struct_config__.tag}\ndata: ".encode() + encode(frame) + b"\n\n"

        return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    def _board(self) -> BoardFrame:
        queues = self.board(0) if self.board else []
        return BoardFrame(epoch="e-1", cursor="c-0", at=now(), queues=queues, agents=[], data_age_s=0.4)


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"status": status, "detail": detail}, status, headers, "application/problem+json")
