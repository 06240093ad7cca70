"""Senders that never come to an end, by the protocol that all services are served by."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request
from notify_house import WAIT_S, until

from shared import limited_http
from shared.limited_http import HEAD_BYTES_MAX
from tools.server import Server, connections_limit, listening_socket

pytestmark = pytest.mark.asyncio


class Caller:
    """A socket that says what it wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def status(self) -> int | None:
        """Of the next answer; None when the connection ends without one."""
        async with asyncio.timeout(WAIT_S):
            try:
                return int((await self.reader.readuntil(b"\r\n\r\n")).split()[1])
            except (ConnectionError, asyncio.IncompleteReadError):
                return None

    async def ends(self) -> bool:
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionError):
                await self.reader.read()
            return True


@contextlib.asynccontextmanager
async def serving(connections_max: int | None = None) -> AsyncIterator[tuple[int, Server]]:
    app = FastAPI()

    @app.post("/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    @app.get("/hold")
    async def hold(request: Request) -> None:
        await asyncio.sleep(0.3)

    async def nothing() -> None: ...

    sock = listening_socket("127.0.0.1", 0)
    server = Server(app, None, nothing, connections_max=connections_max)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    await server.serving.wait()
    try:
        yield sock.getsockname()[1], server
    finally:
        server.should_exit = True
        await task
        sock.close()


@contextlib.asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()


GET = b"GET /healthy HTTP/1.1\r\nHost: x\r\n"


async def test_a_head_that_never_ends_is_cut_off_however_it_comes() -> None:
    async with serving() as (port, server):
        for piece in (b"X: " + b"y" * 1_000 + b"\r\n", b"y" * 1_000):
            async with calling(port) as caller:
                caller.writer.write(GET + (b"X: " if piece[:1] == b"y" else b""))
                with contextlib.suppress(ConnectionError):
                    for _ in range(4 * HEAD_BYTES_MAX // 1_000):
                        caller.writer.write(piece)
                        await caller.writer.drain()
                        await asyncio.sleep(0)
                assert await caller.status() in (431, None)  # None: it went down with what was not read any more
                assert await caller.ends()
        await until(lambda: not server.server_state.connections)
        async with calling(port) as caller:  # whole, in one piece
            caller.writer.write(GET + b"X: " + b"y" * (HEAD_BYTES_MAX + 10) + b"\r\n\r\n")
            assert await caller.status() == 431
        async with calling(port) as caller:
            caller.writer.write(b"GET /" + b"y" * (2 * HEAD_BYTES_MAX) + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await caller.status() in (400, 431)
        async with calling(port) as caller:
            caller.writer.write(GET + b"X: " + b"y" * (HEAD_BYTES_MAX - 100) + b"\r\n\r\n")
            assert await caller.status() == 404
        await until(lambda: not server.server_state.connections)


CHUNKED = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("piece", [b"a: " + b"b" * 1_000 + b"\r\n", b"b" * 1_000], ids=["lines", "one line"])
@pytest.mark.parametrize("begin", [b"2\r\n[]\r\n0\r\n", b"2;a="], ids=["trailers", "the line of a chunk"])
async def test_what_is_no_body_has_an_end_behind_the_head_too(begin: bytes, piece: bytes) -> None:
    async with serving() as (port, server):
        async with calling(port) as caller:
            caller.writer.write(CHUNKED + begin)
            with contextlib.suppress(ConnectionError):
                for _ in range(16 * HEAD_BYTES_MAX // 1_000):
                    caller.writer.write(piece)
                    await caller.writer.drain()
                    await asyncio.sleep(0)
            assert await caller.status() in (400, 431, None)  # 400: an extension has no line feed
            assert await caller.ends()
        await until(lambda: not server.server_state.connections)


async def test_trailers_are_read_over_and_bodies_are_as_long_as_their_reader_takes() -> None:
    async with serving() as (port, _), calling(port) as caller:
        caller.writer.write(CHUNKED + b"2\r\n[]\r\n0\r\nHost: y\r\n\r\n")
        assert await caller.status() == 200
    async with serving() as (port, _), calling(port) as caller:
        caller.writer.write(CHUNKED)
        for _ in range(2 * HEAD_BYTES_MAX // 16):
            caller.writer.write(b"10\r\n" + b"x" * 16 + b"\r\n")
            await caller.writer.drain()
        caller.writer.write(b"0\r\n\r\n")
        assert await caller.status() == 200


async def test_heads_and_bodies_that_come_too_slowly_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_http, "LOOK_S", 0.02)
    monkeypatch.setattr(limited_http, "REQUEST_WAIT_S", 0.2)
    body = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123"
    chunks = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    async with serving() as (port, server):
        for sent in (b"G", GET, body, chunks):
            async with calling(port) as caller:
                caller.writer.write(sent)
                assert await caller.ends()
        async with calling(port) as caller:
            caller.writer.write(GET)
            assert await caller.status() == 408
        async with calling(port) as caller:  # an answer that takes long is no slow sender
            caller.writer.write(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await caller.status() == 200
        await until(lambda: not server.server_state.connections)


async def test_a_connection_on_which_nothing_is_asked_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_http, "LOOK_S", 0.02)
    async with serving() as (port, server):
        server.config.timeout_keep_alive = 0
        async with calling(port) as caller:
            assert await caller.ends()


async def test_who_comes_when_all_connections_are_taken_is_told_when_to_come_back() -> None:
    async with serving(connections_max=2) as (port, server):
        async with calling(port) as first, calling(port) as second:
            for caller in (first, second):
                caller.writer.write(GET + b"\r\n")
                assert await caller.status() == 404
            async with calling(port) as third:
                head = await asyncio.wait_for(third.reader.readuntil(b"\r\n\r\n"), WAIT_S)
                assert b" 503 " in head
                assert b"retry-after: 10" in head
                assert await third.ends()
            second.writer.write(GET + b"\r\n")  # who is in stays in
            await second.reader.readuntil(b"}")
            assert await second.status() == 404
        await until(lambda: not server.server_state.connections)
        async with calling(port) as fourth:
            fourth.writer.write(GET + b"\r\n")
            assert await fourth.status() == 404


async def test_every_answer_has_the_headers_that_keep_browsers_safe_and_no_banner() -> None:
    async with serving() as (port, _):
        for sent in (GET + b"\r\n", b"\x00\r\n\r\n", GET + b"X: " + b"y" * 40_000 + b"\r\n\r\n"):
            async with calling(port) as caller:
                caller.writer.write(sent)
                head = (await asyncio.wait_for(caller.reader.readuntil(b"\r\n\r\n"), WAIT_S)).lower()
                for line in (
                    b"x-content-type-options: nosniff",
                    b"referrer-policy: no-referrer",
                    b"permissions-policy",
                ):
                    assert head.count(line) == 1, (sent[:20], head)
                assert b"\r\nserver:" not in head
                assert b"access-control" not in head


async def test_a_process_takes_no_more_connections_than_it_may_have_files() -> None:
    assert 1 <= connections_limit(50) <= 50
    assert connections_limit(1 << 40) < 1 << 40
