"""The door inside uvicorn's protocol: all that the ASGI endpoint promises, and HTTP as the wire has it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import serving_ingest
import test_hostile
import test_ingest_http
from ingest_samples import HANDLED, NOW_MS, OBSERVED
from serving_ingest import blocks, server_of, serving, until
from test_ingest_http import SlowLog

from services.ingest import fast_door
from services.ingest.app import Ingest
from services.ingest.core.admission import BODY_BYTES_MAX
from services.ingest.fast_door import FastDoor
from services.ingest.http_bytes import HEADS_MAX, Heads
from shared import limited_http
from shared.clock import ManualClock
from shared.limited_http import HEAD_BYTES_MAX
from shared.log import LogUnavailable
from shared.log_memory import MemoryLog

pytestmark = pytest.mark.asyncio

for module in (test_ingest_http, test_hostile):  # the same cases through this door
    globals().update({name: value for name, value in vars(module).items() if name.startswith("test_")})


@pytest.fixture(autouse=True)
def the_fast_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_ingest, "FAST", True)


class Caller:
    """A connection that writes bytes and reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(60):
            status = int((await self.reader.readline()).split()[1])
            headers = {}
            while line := (await self.reader.readline()).strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            return status, headers, await self.reader.readexactly(int(headers.get("content-length", "0")))

    async def statuses(self, count: int) -> list[int]:
        return [(await self.answer())[0] for _ in range(count)]

    async def ends(self) -> bool:
        """Whether nothing more comes."""
        async with asyncio.timeout(60):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


@asynccontextmanager
async def calling(client: Any) -> AsyncIterator[Caller]:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # who does not read is soon noticed
    sock.connect((client.base_url.host, client.base_url.port))
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()


def request(
    body: bytes | dict[str, Any] | list[Any] = b"", *headers: str, line: str = "POST /v1/events HTTP/1.1"
) -> bytes:
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [line, "host: x", "authorization: Bearer sk_demo", *headers]
    if not any(header.startswith(("transfer-encoding", "content-length")) for header in headers):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


GET = request(line="GET /healthz HTTP/1.1")


@asynccontextmanager
async def a_call(log: MemoryLog | None = None) -> AsyncIterator[tuple[Caller, Ingest, MemoryLog]]:
    log = log or MemoryLog(clock=ManualClock(NOW_MS))
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest), calling(client) as caller:
        yield caller, ingest, log


async def test_the_door_is_the_fast_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_call() as (caller, ingest, _):

        async def not_here(*_: Any) -> None:
            raise AssertionError("the request went the long way")

        monkeypatch.setattr(ingest, "endpoint", not_here)
        caller.send(request(OBSERVED))
        assert await caller.statuses(1) == [202]
        assert server_of(ingest).server_state.total_requests == 1


async def test_a_request_may_come_byte_by_byte() -> None:
    async with a_call() as (caller, _, log):
        for sent in (request(OBSERVED), request(OBSERVED), request([OBSERVED, HANDLED])):
            for at in range(len(sent)):
                caller.send(sent[at : at + 1])
                await asyncio.sleep(0)
            assert await caller.statuses(1) == [202]
        assert [block.n for block in await blocks(log)] == [1, 1, 2]


async def test_a_request_may_be_cut_anywhere() -> None:
    sent = request(OBSERVED)
    async with a_call() as (caller, _, log):
        for at in range(1, len(sent), 7):
            caller.send(sent[:at])
            await asyncio.sleep(0.001)
            caller.send(sent[at:])
            assert await caller.statuses(1) == [202]
        assert sum(block.n for block in await blocks(log)) == len(range(1, len(sent), 7))


async def test_a_connection_is_kept_and_its_heads_are_remembered() -> None:
    async with a_call() as (caller, ingest, log):
        for number in range(20):
            body = OBSERVED | {"id": f"e-{number:03d}"}
            caller.send(request(body, "x-late: 1") if number % 5 == 4 else request(body))
            status, headers, told = await caller.answer()
            assert (status, json.loads(told)) == (202, {"accepted": 1, "late": 0, "rejected": []})
            assert "connection" not in headers
            assert "date" in headers
        assert [block.event_id(0) for block in await blocks(log)] == [f"e-{n:03d}" for n in range(20)]
        (connection,) = server_of(ingest).server_state.connections
        assert isinstance(connection, FastDoor)
        assert len(connection.heads) == 2


async def test_a_remembered_head_is_judged_anew() -> None:
    async with a_call() as (caller, ingest, log):
        caller.send(request(OBSERVED))
        assert await caller.statuses(1) == [202]
        await log.put_api_key("demo", None)
        await ingest.keys.refresh()
        caller.send(request(OBSERVED))
        status, headers, _ = await caller.answer()
        assert (status, headers["www-authenticate"][:6]) == (401, "Bearer")


async def test_heads_are_remembered_within_bounds_and_only_of_whole_requests() -> None:
    heads = Heads()
    for number in range(HEADS_MAX + 10):
        data = b"POST %d\r\n\r\nabc" % number
        at, values = heads.known(data)
        assert values is None
        heads.remember(data, at, fast_door.head_values([(b"content-length", b"3")]))
        assert heads.known(data)[1] is not None
        assert heads.known(data[:-1])[1] is None
        assert heads.known(data + b"POST")[1] is None
    assert len(heads) <= HEADS_MAX
    data = b"POST x\r\n\r\nabc"
    heads.remember(data, heads.known(data)[0], fast_door.head_values([(b"content-length", b"2")]))
    assert heads.known(data)[1] is None


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    log = SlowLog()
    async with a_call(log) as (caller, _, _):
        log.gate.clear()
        caller.send(
            request(OBSERVED) + request(b"{") + request([OBSERVED, HANDLED]) + GET + request([]) + GET + request(b"[")
        )
        await until(lambda: log.under_way > 0)
        await asyncio.sleep(0.02)
        log.gate.set()
        assert await caller.statuses(7) == [202, 400, 202, 200, 202, 200, 400]
        caller.send(request(OBSERVED))
        assert await caller.statuses(1) == [202]


async def test_a_request_of_the_normal_way_waits_for_the_answers_before_it() -> None:
    log = SlowLog()
    async with a_call(log) as (caller, _, _):
        log.gate.clear()
        caller.send(request(OBSERVED))
        await until(lambda: log.under_way > 0)
        caller.send(GET)
        await asyncio.sleep(0.02)
        log.gate.set()
        assert [(await caller.answer())[2][:10] for _ in range(2)] == [b'{"accepted', b'{"status":']


async def test_many_pipelined_requests_are_all_answered() -> None:
    async with a_call() as (caller, _, log):
        caller.send(request(OBSERVED) * 2000)
        assert await caller.statuses(2000) == [202] * 2000
        assert sum(block.n for block in await blocks(log)) == 2000


async def test_who_does_not_read_is_not_read_from() -> None:
    async with a_call() as (caller, ingest, log):
        caller.reader._limit = 1  # type: ignore[attr-defined]
        sent = request(OBSERVED)
        count = 60_000  # answers of 9 MB, more than the kernel keeps for one connection
        writing = asyncio.create_task(_write(caller, sent, count))
        await until(lambda: bool(server_of(ingest).server_state.connections))
        (connection,) = server_of(ingest).server_state.connections
        assert isinstance(connection, FastDoor)
        await until(lambda: connection.flow.read_paused and connection.flow.write_paused)
        assert ingest.measures.accepted < count
        caller.reader._limit = 1 << 20  # type: ignore[attr-defined]
        assert await caller.statuses(count) == [202] * count
        await writing
        assert sum(block.n for block in await blocks(log)) == count


async def _write(caller: Caller, sent: bytes, count: int) -> None:
    for _ in range(count // 100):
        caller.writer.write(sent * 100)
        await caller.writer.drain()


async def test_chunked_bodies_are_taken() -> None:
    body = json.dumps([OBSERVED, HANDLED]).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at : at + 50]), body[at : at + 50]) for at in range(0, len(body), 50))
    async with a_call() as (caller, _, log):
        for _ in range(2):
            caller.send(request(b"", "transfer-encoding: chunked"), chunks, b"0\r\n\r\n")
            assert await caller.statuses(1) == [202]
        assert [block.n for block in await blocks(log)] == [2, 2]


@pytest.mark.parametrize("line", ["POST /v1/events HTTP/1.0", "POST /v1/events HTTP/1.1"])
async def test_a_connection_that_is_to_close_closes_after_the_answer(line: str) -> None:
    async with a_call() as (caller, _, _):
        caller.send(request(OBSERVED, "connection: close", line=line) + request(OBSERVED))
        status, headers, _ = await caller.answer()
        assert (status, headers["connection"]) == (202, "close")
        assert await caller.ends()


@pytest.mark.parametrize("head", [f"content-length: {10 << 20}", "transfer-encoding: chunked"])
async def test_a_body_that_is_too_large_is_refused_early_and_the_answer_can_be_read(head: str) -> None:
    async with a_call() as (caller, ingest, _):
        caller.send(request(b"", head))
        if "chunked" in head:
            caller.send((b"%x\r\n" % 65_536 + b" " * 65_536 + b"\r\n") * (BODY_BYTES_MAX // 65_536 + 2))
        status, headers, _ = await caller.answer()
        assert (status, headers["connection"]) == (413, "close")
        caller.send(b" " * 100_000)  # read over, not refused, so that nobody loses the answer
        assert await caller.ends()
        assert ingest.measures.answers[413] == 1


async def test_a_head_that_is_too_long_is_refused_also_in_one_piece() -> None:
    async with a_call() as (caller, _, log):
        caller.send(request(OBSERVED, "x: " + "y" * HEAD_BYTES_MAX))
        assert await caller.statuses(1) == [431]
        assert await blocks(log) == []
    async with a_call() as (caller, _, log):
        caller.send(request(OBSERVED, "x: " + "y" * (HEAD_BYTES_MAX // 2)), request([OBSERVED] * 400))
        assert await caller.statuses(2) == [202, 202]  # a long body is no long head


@pytest.mark.parametrize("key", ["sk_demo", "sk_other"])
async def test_trailers_that_never_end_are_given_up_and_others_read_over(key: str) -> None:
    chunked = request(b"", "transfer-encoding: chunked").replace(b"sk_demo", key.encode())
    body = b"%x\r\n%s\r\n0\r\n" % (len(json.dumps(OBSERVED)), json.dumps(OBSERVED).encode())
    async with a_call() as (caller, _, log):
        caller.send(chunked, body)
        with contextlib.suppress(ConnectionError):
            for _ in range(16 * HEAD_BYTES_MAX // 1_000):
                caller.send(b"a: " + b"b" * 1_000 + b"\r\n")
                await caller.writer.drain()
                await asyncio.sleep(0)
        with contextlib.suppress(ConnectionError, IndexError):  # it may go down with what was not read any more
            assert await caller.statuses(1) == [431 if key == "sk_demo" else 401]
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                await caller.reader.read()
        assert await blocks(log) == []
    async with a_call() as (caller, _, log):
        caller.send(chunked, body, b"authorization: Bearer sk_demo\r\n\r\n")
        assert await caller.statuses(1) == [202 if key == "sk_demo" else 401]


async def test_a_refused_head_with_a_small_body_keeps_the_connection() -> None:
    async with a_call() as (caller, _, log):
        caller.send(request(OBSERVED, "content-type: text/plain") + request(OBSERVED))
        assert await caller.statuses(2) == [415, 202]
        assert len(await blocks(log)) == 1


async def test_who_asks_before_sending_is_told_to_go_on() -> None:
    sent = request(OBSERVED, "expect: 100-continue")
    head, body = sent.split(b"\r\n\r\n")
    async with a_call() as (caller, _, _):
        for _ in range(2):
            caller.send(head + b"\r\n\r\n")
            assert (await caller.answer())[0] == 100
            caller.send(body)
            assert await caller.statuses(1) == [202]
        caller.send(request(OBSERVED) + head + b"\r\n\r\n")
        assert await caller.statuses(2) == [202, 100]
        caller.send(body)
        assert await caller.statuses(1) == [202]


async def test_who_asks_before_sending_and_may_not_is_told_so_at_once() -> None:
    async with a_call() as (caller, _, _):
        caller.send(request(OBSERVED, "expect: 100-continue", "content-type: text/plain").split(b"\r\n\r\n")[0])
        caller.send(b"\r\n\r\n")
        status, headers, _ = await caller.answer()
        assert (status, headers["connection"]) == (415, "close")
        assert await caller.ends()


async def test_a_sender_that_hangs_up_within_a_body_leaves_nothing() -> None:
    async with a_call() as (caller, ingest, log):
        caller.send(request(OBSERVED)[:-10])
        await asyncio.sleep(0.01)
        caller.writer.close()
        await until(lambda: not server_of(ingest).server_state.connections)
        assert await blocks(log) == []


async def test_a_sender_that_hangs_up_before_its_answer_harms_nobody() -> None:
    log = SlowLog()
    async with a_call(log) as (caller, ingest, _):
        log.gate.clear()
        caller.send(request(OBSERVED) * 3)
        await until(lambda: ingest.publisher.waiting_events == 3)
        caller.writer.close()
        await until(lambda: not server_of(ingest).server_state.connections)
        log.gate.set()
        await ingest.publisher.drain()
        assert sum(log.appends) == 3


async def test_a_body_that_never_ends_is_given_up_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_http, "LOOK_S", 0.02)
    monkeypatch.setattr(limited_http, "REQUEST_WAIT_S", 0.1)
    async with a_call() as (caller, _, _):
        caller.send(request(OBSERVED))
        assert await caller.statuses(1) == [202]
        caller.send(request(OBSERVED)[:-1])
        status, headers, body = await caller.answer()
        assert (status, headers["connection"]) == (408, "close")
        assert "whole" in json.loads(body)["detail"]
        assert await caller.ends()


async def test_a_connection_without_requests_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_http, "LOOK_S", 0.02)
    async with serving(MemoryLog(clock=ManualClock(NOW_MS)), ManualClock(NOW_MS)) as (client, ingest):
        server_of(ingest).config.timeout_keep_alive = 0
        async with calling(client) as caller:
            assert await caller.ends()


async def test_what_is_no_http_ends_the_connection_after_the_answers_that_are_due() -> None:
    log = SlowLog()
    async with a_call(log) as (caller, _, _):
        log.gate.clear()
        caller.send(request(OBSERVED) + b"\x00\x01 what\r\n\r\n")
        await until(lambda: log.under_way > 0)
        log.gate.set()
        assert await caller.statuses(1) == [202]
        assert await caller.ends()
    async with a_call() as (caller, _, _):
        caller.send(b"\x00\x01 what\r\n\r\n")
        assert await caller.statuses(1) == [400]
        assert await caller.ends()


async def test_other_methods_and_paths_go_the_normal_way() -> None:
    async with a_call() as (caller, _, _):
        for line, status in (
            ("OPTIONS /v1/events HTTP/1.1", 405),
            ("PUT /v1/events HTTP/1.1", 405),
            ("POST /v1/nothing HTTP/1.1", 404),
            ("POST /v1/events?x=1 HTTP/1.1", 202),
            ("GET /metrics HTTP/1.1", 200),
        ):
            caller.send(request(OBSERVED, line=line))
            assert await caller.statuses(1) == [status], line
        caller.send(request(OBSERVED))
        assert await caller.statuses(1) == [202]
        caller.send(request(line="HEAD /healthz HTTP/1.1"))
        assert (await caller.reader.readline()).startswith(b"HTTP/1.1 200")


async def test_at_the_end_all_that_has_begun_is_answered() -> None:
    log = SlowLog()
    async with (
        serving(log, ManualClock(NOW_MS)) as (client, ingest),
        calling(client) as waiting,
        calling(client) as sending,
        calling(client) as idle,
    ):
        idle.send(request(OBSERVED))
        assert await idle.statuses(1) == [202]
        log.gate.clear()
        waiting.send(request(OBSERVED) + request(HANDLED))
        sent = request(OBSERVED)
        sending.send(sent[:-20])
        await until(lambda: ingest.publisher.waiting_events == 2)
        await asyncio.sleep(0.02)
        server = server_of(ingest)
        server.should_exit = True
        assert await idle.ends()
        sending.send(sent[-20:])
        await until(lambda: ingest.publisher.waiting_events == 3)
        log.gate.set()
        assert [(await waiting.answer())[1].get("connection") for _ in range(2)] == [None, "close"]
        assert await waiting.ends()
        status, headers, _ = await sending.answer()
        assert (status, headers["connection"]) == (202, "close")
        assert await sending.ends()
        await until(lambda: not server.server_state.connections)


async def test_a_fault_of_ours_in_the_door_is_500(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_call() as (caller, ingest, _):
        with monkeypatch.context() as broken:
            broken.setattr(ingest.publisher, "submit", None)
            caller.send(request(OBSERVED))
            assert await caller.statuses(1) == [500]
        caller.send(request(OBSERVED))
        assert await caller.statuses(1) == [202]


async def test_the_log_away_is_said_to_every_request_of_the_entry() -> None:
    log = SlowLog()
    async with a_call(log) as (caller, _, _):
        log.fault = LogUnavailable("away")
        caller.send(request(OBSERVED) * 3)
        for _ in range(3):
            status, headers, _ = await caller.answer()
            assert (status, headers["retry-after"]) == (503, "2")


@pytest.fixture(autouse=True)
def no_task_is_left() -> Iterator[None]:
    yield
    assert not serving_ingest.SERVERS
