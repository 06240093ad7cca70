"""A notify service on a real port, an engine of ten lines behind it, and leads that connect to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx2 as httpx
import msgspec
import numpy as np
import uvicorn
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect

from services.notify.app import Notify
from shared.access import TokenVerifier, mint
from shared.clock import Clock, SystemClock
from shared.contract.actions import Action, Noted
from shared.contract.alerts import Alert, Change, Driver, Subject, SuggestedAction, encode_alert
from shared.contract.entries import EntryId, alert_id_of, parse_entry, tick_fields
from shared.contract.events import rfc3339
from shared.contract.frames import SUBPROTOCOL
from shared.contract.keys import partition_of
from shared.contract.signal_columns import column, driver_columns, minutes_column
from shared.contract.signals import (
    AgentColumns,
    BreakColumns,
    IssueColumns,
    QueueColumns,
    TenantSignals,
    encode_signals,
)
from shared.limited_http import LimitedHttp
from shared.log import Log, Publication

SECRET = b"a secret for tests, of 32 bytes or more"
WAIT_S = 60.0  # bounds a wait for a condition; nothing here takes a second on a quiet machine
AT = "2026-01-31T08:00:00.000Z"


def token(
    *teams: str, tenant: str = "acme", role: Any = "lead", sub: str = "lee", ttl_s: int = 3600, agent: str | None = None
) -> str:
    """A token that is good for an hour."""
    exp_s = SystemClock().now_ms() // 1000 + ttl_s
    return mint(SECRET, tenant=tenant, teams=teams or ("*",), role=role, sub=sub, exp_s=exp_s, agent=agent)


def alert(id: str = "a-1", **fields: Any) -> Alert:
    """An alert about a queue of no team."""
    return Alert(
        **{
            "id": id, "kind": "queue.strain", "severity": "warning", "phase": "open", "tenant": "acme", "team": None,
            "subject": Subject("queue", "billing"), "strain": 71.5, "title": "Billing is under strain",
            "title_zh": "billing 负荷过高",
            "drivers": [Driver("predicted_wait", 71.5, 310.0, "s", "Wait about 310 s", "预计等待 310 秒")],
            "evidence": ["e-1"], "action": SuggestedAction("add_agents", "Ask for help", "请求支援"),
            "opened_at": AT, "updated_at": AT, "owner": None, "history": [Change(AT, "open", "warning")], **fields,
        }
    )  # fmt: skip


def agent_alert(id: str, team: str | None, agent: str = "ann") -> Alert:
    """An alert about an agent."""
    return alert(id, kind="agent.strain", team=team, subject=Subject("agent", agent))


def signals(at_ms: int, tenant: str = "acme") -> TenantSignals:
    """A queue of nobody's team, and an agent in each of two teams."""
    nothing = column([np.nan], "f8")
    return TenantSignals(
        tenant=tenant,
        at_ms=at_ms,
        position=f"{at_ms}-0",
        teams=["team-a", "team-b"],
        states=["available", "on_contact"],
        queues=QueueColumns(
            ids=["billing"],
            team=column([0], "i4"),
            strain=column([12.5], "f8"),
            drivers=driver_columns(["predicted_wait"], ["s"], np.zeros((1, 1)), np.zeros((1, 1))),
            waiting=column([3], "i4"),
            longest_wait_s=column([40.0], "f8"),
            predicted_wait_s=column([45.0], "f8"),
            agents=column([-1], "i4"),
            service_level=column([87.5], "f8"),
            issues=IssueColumns(["refund"], column([1], "u1"), column([0], "i4"), column([62.5], "f4")),
        ),
        agents=AgentColumns(
            ids=["ann", "bo", "cy"],
            team=column([1, 2, 0], "i4"),
            strain=column([40.0, 0.0, 0.0], "f8"),
            drivers=driver_columns(
                ["occupancy"], ["ratio"], np.array([[40.0], [0], [0]]), np.array([[0.97], [0], [0]])
            ),
            state=column([2, 1, 0], "u1"),
            state_since_s=3 * nothing,
            since_break_s=column([5400.0, np.nan, np.nan], "f8"),
            break_min=minutes_column(np.array([12.0, np.nan, np.nan])),
        ),
        breaks=BreakColumns(
            agent=column([0], "i4"),
            minutes=column([12], "u1"),
            counts=column([1], "u1"),
            queue=column([0], "i4"),
            cost_s=column([14.5], "f8"),
        ),
        last_event_ms=at_ms - 1500,
        drivers_off=["agent.check_in"],
    )


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for a condition, bounded."""
    async with asyncio.timeout(WAIT_S):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await asyncio.sleep(0.01)


class Engine:
    """Publishes what a test says, through the port; judges actions when told to."""

    def __init__(self, log: Log, tenant: str = "acme") -> None:
        self.log = log
        self.partition = partition_of(tenant, log.partitions)
        self.generation = 0
        self.alerts: dict[str, Alert] = {}
        self.judged: list[Action] = []

    async def claim(self) -> None:
        """Become the owner."""
        generation = await self.log.claim(self.partition, "test", ttl_ms=600_000)
        assert generation is not None
        self.generation = generation

    async def publish(self, *alerts: Alert, signals: TenantSignals | None = None) -> EntryId:
        """Changes caused by one more entry; the cursor of the last."""
        entry = await self.log.append(self.partition, tick_fields(0))
        return await self.conclude(entry, *alerts, signals=signals)

    async def conclude(self, entry: EntryId, *alerts: Alert, signals: TenantSignals | None = None) -> EntryId:
        """Publish what an entry caused."""
        changes = [(alert_id_of(entry, n), encode_alert(a)) for n, a in enumerate(alerts)]
        lines = [] if signals is None else [encode_signals(signals)]
        await self.log.publish(self.partition, self.generation, Publication(entry, changes, lines))
        self.alerts.update({a.id: a for a in alerts})
        return changes[-1][0] if changes else entry

    async def judge(self) -> None:
        """Turn acknowledgements and notes into changes, until cancelled. What the real engine makes of every action
        stands in `test_actions`."""
        position = (await self.log.state(self.partition)).events_last
        while True:
            for entry in await self.log.read(self.partition, position, block_ms=500):
                position = entry.id
                action = parse_entry(entry.fields)
                if not isinstance(action, Action):
                    continue
                self.judged.append(action)
                old = self.alerts[action.alert]
                noted = isinstance(action, Noted)
                if old.phase == "resolved" or (old.owner is not None and not noted):
                    await self.conclude(entry.id)  # somebody was first: no effect
                    continue
                phase, owner = (old.phase, old.owner) if noted else ("acknowledged", action.by)
                step = Change(rfc3339(entry.id.ms), phase, old.severity, by=action.by)
                new = msgspec.structs.replace(old, phase=phase, owner=owner, history=[*old.history, step])
                await self.conclude(entry.id, new)


class Lead:
    """A websocket client that reads frames one by one."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def next(self, kind: str | None = None, **fields: Any) -> dict[str, Any]:
        """The next frame; with a kind, the next of that kind (others are passed over)."""
        async with asyncio.timeout(WAIT_S):
            while True:
                frame: dict[str, Any] = json.loads(await self.socket.recv())
                if kind is None or (frame["kind"] == kind and fields.items() <= frame.items()):
                    return frame

    async def alerts(self, number: int) -> list[tuple[str, str]]:
        """(alert, cursor) of the next changes."""
        frames = [await self.next("alert") for _ in range(number)]
        return [(frame["alert"]["id"], frame["cursor"]) for frame in frames]

    async def send(self, kind: str, **fields: Any) -> None:
        """A frame."""
        await self.socket.send(json.dumps({"kind": kind, **fields}))

    def pause(self) -> None:
        """Read no more."""
        self.socket.transport.pause_reading()

    def go_on(self) -> None:
        """Read again."""
        self.socket.transport.resume_reading()

    async def closed(self) -> int:
        """The code that the server closed with."""
        async with asyncio.timeout(WAIT_S):
            await self.socket.wait_closed()
        code = self.socket.close_code
        assert code is not None
        return code


class StreamLead(Lead):
    """The same over server-sent events: a client of forty lines, so that nothing reads ahead of the test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._text = b""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ids: list[str] = []
        """Of the events so far."""
        self.retries: list[int] = []
        self.comments = 0
        self._last: dict[str, Any] = {}

    async def begin(self) -> None:
        """Read the head of the answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}

    async def body(self) -> bytes:
        """All of an answer that ends."""
        return await self._reader.readexactly(int(self.headers["content-length"]))

    async def next(self, kind: str | None = None, **fields: Any) -> dict[str, Any]:
        """See Lead. Raises EOFError when the response is over."""
        async with asyncio.timeout(WAIT_S):
            while True:
                frame = self._frame(await self._event())
                if frame is not None and (kind is None or (frame["kind"] == kind and fields.items() <= frame.items())):
                    return frame

    async def _event(self) -> bytes:
        while b"\n\n" not in self._text:
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            data = await self._reader.readexactly(size + 2)
            if not size:
                raise EOFError
            self._text += data[:-2]
        event, _, self._text = self._text.partition(b"\n\n")
        return event

    def _frame(self, event: bytes) -> dict[str, Any] | None:
        fields = {}
        for line in event.split(b"\n"):
            name, _, value = line.decode().partition(":")
            fields[name] = value.removeprefix(" ")
        self.comments += "" in fields
        if "retry" in fields:
            self.retries.append(int(fields["retry"]))
        if "id" in fields:
            self.ids.append(fields["id"])
        if "data" not in fields:
            return None
        self._last = json.loads(fields["data"])
        assert self._last["kind"] == fields["event"]
        return self._last

    async def send(self, kind: str, **fields: Any) -> None:
        """Nothing can be said here."""
        raise NotImplementedError

    def pause(self) -> None:
        """See Lead."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def go_on(self) -> None:
        """See Lead."""
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]

    async def closed(self) -> int:
        """The code of the goodbye, after which the response is over."""
        with contextlib.suppress(EOFError, asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self.next()
        return int(self._last["code"]) if self._last.get("kind") == "goodbye" else 1006


class House:
    """The running service."""

    def __init__(self, notify: Notify, server: uvicorn.Server, port: int, engine: Engine) -> None:
        self.notify = notify
        self.server = server
        self.port = port
        self.engine = engine

    @property
    def http(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def epoch(self) -> str:
        """Of the log."""
        return self.notify.hub.partition("acme").epoch

    def open(self, authorization: str | None = None, path: str = "/v1/feed", **options: Any) -> connect:
        """A websocket connection, not yet opened."""
        headers = {} if authorization is None else {"Authorization": f"Bearer {authorization}"}
        headers.update(options.pop("headers", {}))
        options = {"subprotocols": [SUBPROTOCOL], "additional_headers": headers, "proxy": None, **options}
        return connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    @contextlib.asynccontextmanager
    async def lead(self, *teams: str, **claims: Any) -> AsyncIterator[Lead]:
        """A signed-in lead."""
        # Without limits of its own the client always reads, so that a close is never stuck behind frames.
        async with self.open(token(*teams, **claims), max_size=None, max_queue=None) as socket:
            yield Lead(socket)

    @contextlib.asynccontextmanager
    async def stream(self, authorization: str | None = None, **headers: str) -> AsyncIterator[StreamLead]:
        """A request for server-sent events."""
        # A small window: what is not read waits at the server, whatever this machine's kernel is set to.
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=1 << 24)
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if authorization is not None:
            lines.append(f"Authorization: Bearer {authorization}")
        writer.write("\r\n".join(["GET /v1/stream HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode())
        lead = StreamLead(reader, writer)
        try:
            await lead.begin()
            yield lead
        finally:
            writer.transport.abort()

    @contextlib.asynccontextmanager
    async def joined(self, transport: str, *teams: str, **claims: Any) -> AsyncIterator[Lead]:
        """A signed-in lead over either transport."""
        by = self.stream(token(*teams, **claims)) if transport == "stream" else self.lead(*teams, **claims)
        async with by as lead:
            yield lead

    @contextlib.asynccontextmanager
    async def resumed(
        self, transport: str, *teams: str, epoch: str, cursor: str
    ) -> AsyncIterator[tuple[Lead, dict[str, Any]]]:
        """A lead who goes on after a cursor, and the hello that answers to it."""
        if transport == "stream":
            async with self.stream(token(*teams), Last_Event_ID=f"{epoch}:{cursor}") as lead:
                yield lead, await lead.next()
            return
        async with self.lead(*teams) as lead:
            await lead.next("hello")
            await lead.send("resume", epoch=epoch, cursor=cursor)
            while "recovered" not in (answer := await lead.next("hello")):
                pass
            yield lead, answer

    async def knows(self, cursor: EntryId) -> None:
        """Wait until the service has read up to a cursor."""
        partition = self.notify.hub.partition("acme")
        await until(lambda: partition.top >= cursor)


class QuietServer(uvicorn.Server):
    """Leaves signals to the test runner, and says goodbye before it waits for connections, as the product's does."""

    drain: Callable[[], None]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn.Server."""
        self.drain()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See uvicorn.Server."""
        yield


@contextlib.asynccontextmanager
async def house(log: Log, clock: Clock | None = None, *, judged: bool = False, **options: Any) -> AsyncIterator[House]:
    """Run notify on a free port. `judged`: a real scorer owns the partition."""
    engine = Engine(log)
    if not judged:
        await engine.claim()
    options = {"verifier": TokenVerifier(SECRET), **options}
    notify = Notify(log=log, clock=clock or SystemClock(), registry=CollectorRegistry(), **options)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        notify.app(), ws=notify.feed_protocol(), log_level="warning", timeout_graceful_shutdown=3, http=LimitedHttp
    )
    server = QuietServer(config)
    server.drain = notify.feed.drain
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield House(notify, server, listener.getsockname()[1], engine)
    finally:
        server.should_exit = True
        await serving
        listener.close()


@contextlib.asynccontextmanager
async def judging(engine: Engine) -> AsyncIterator[Engine]:
    """The engine at work."""
    task = asyncio.create_task(engine.judge())
    await asyncio.sleep(0)
    try:
        yield engine
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def client(notify: House, *teams: str, **claims: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in lead."""
    headers = {"Authorization": f"Bearer {token(*teams, **claims)}"}
    async with httpx.AsyncClient(base_url=notify.http, headers=headers, timeout=WAIT_S, trust_env=False) as lead:
        yield lead
