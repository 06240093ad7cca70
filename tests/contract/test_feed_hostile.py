"""Clients of the feed that break the rules of websockets, and what the others notice of it."""

import asyncio
import base64
import contextlib
import os
import struct
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from notify_house import WAIT_S, House, alert, house, token, until

from services.notify import wire
from shared.clock import SystemClock
from shared.contract.frames import SUBPROTOCOL
from shared.log_memory import MemoryLog

pytestmark = pytest.mark.asyncio
TEXT, BINARY, MORE, CLOSE, PING = 1, 2, 0, 8, 9


@pytest_asyncio.fixture
async def notify() -> AsyncIterator[House]:
    async with house(MemoryLog(clock=SystemClock())) as running:
        yield running


class Raw:
    """A socket that says what it wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, notify: House, *lines: str) -> AsyncIterator["Raw"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", notify.port)
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            "GET /v1/feed HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *lines, "", "",
        )  # fmt: skip
        writer.write("\r\n".join(head).encode())
        try:
            yield cls(reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @classmethod
    @contextlib.asynccontextmanager
    async def signed_in(cls, notify: House) -> AsyncIterator["Raw"]:
        lines = f"Sec-WebSocket-Protocol: {SUBPROTOCOL}", f"Authorization: Bearer {token()}"
        async with cls.open(notify, *lines) as raw:
            async with asyncio.timeout(WAIT_S):
                assert b" 101 " in await raw.reader.readuntil(b"\r\n\r\n")
            yield raw

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def close_code(self) -> int | None:
        """Of the close frame that ends the connection; None when it ended without one."""
        code = None
        async with asyncio.timeout(WAIT_S):
            try:
                while True:
                    first, size = await self.reader.readexactly(2)
                    if size >= 126:
                        size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
                    data = await self.reader.readexactly(size)
                    if first & 15 == CLOSE:
                        code = int.from_bytes(data[:2])
            except (asyncio.IncompleteReadError, ConnectionError):
                return code


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, size: int | None = None, masked: bool = True) -> bytes:
    """A client's frame; `size` is what it claims."""
    size = len(data) if size is None else size
    short = size if size < 126 else 126 if size < 1 << 16 else 127
    head = bytes([opcode | (0x80 if fin else 0), short | (0x80 if masked else 0)])
    head += struct.pack("!H", size) if short == 126 else struct.pack("!Q", size) if short == 127 else b""
    return head + (bytes(4) if masked else b"") + data  # a mask of zeros changes nothing


BROKEN = {
    "a frame that claims 2^63 bytes": (frame(TEXT, b"x", size=1 << 63), 1009),
    "a frame that claims a gigabyte": (frame(TEXT, b"x", size=1 << 30), 1009),
    "pieces that are too much together": (
        frame(TEXT, b"x" * 60_000, fin=False) + frame(MORE, b"x" * 60_000, fin=False), 1009,
    ),
    "a frame without a mask": (frame(TEXT, b"{}", masked=False), 1002),
    "reserved bits": (frame(TEXT | 0x40, b"{}"), 1002),
    "an opcode that there is not": (frame(5, b"{}"), 1002),
    "a piece of nothing": (frame(MORE, b"{}"), 1002),
    "a text within a text": (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002),
    "a ping in pieces": (frame(PING, b"x", fin=False), 1002),
    "a ping that is too long": (frame(PING, b"x" * 126), 1002),
    "a close of one byte": (frame(CLOSE, b"x"), 1002),
    "a close with a code that nobody may send": (frame(CLOSE, struct.pack("!H", 1005)), 1002),
    "binary": (frame(BINARY, b"{}"), 4501),
    "text that is no UTF-8": (frame(TEXT, b'{"kind":"note","alert":"\xff\xfe"'), 4501),
    "an empty message": (frame(TEXT), 4501),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
async def test_who_breaks_the_rules_is_closed_with_a_code_and_nobody_else_notices(notify: House, what: str) -> None:
    sent, code = BROKEN[what]
    async with notify.lead() as other, Raw.signed_in(notify) as raw:
        await other.next("board")
        raw.send(sent)
        assert await raw.close_code() == code
        raw.writer.close()
        await until(lambda: len(notify.notify.feed.connections) == 1)
        cursor = str(await notify.engine.publish(alert("a-1")))
        assert await other.alerts(1) == [("a-1", cursor)]


@pytest.mark.parametrize(
    "flood",
    [
        frame(PING, b"x") * 5_000,
        frame(TEXT, b'{"kind":"dance"}') * 5_000,
        frame(TEXT, b"{", fin=False) + frame(MORE, fin=False) * 5_000,
    ],
    ids=["pings", "messages", "empty pieces"],
)
async def test_a_flood_is_stopped_and_nobody_else_waits(notify: House, flood: bytes) -> None:
    async with notify.lead() as other, Raw.signed_in(notify) as raw:
        await other.next("board")
        raw.send(flood)
        assert await raw.close_code() in (4013, None)  # None: the code went down with what was not read any more
        raw.writer.close()
        await until(lambda: len(notify.notify.feed.connections) == 1)
        cursor = str(await notify.engine.publish(alert("a-1")))
        assert await other.alerts(1) == [("a-1", cursor)]


async def test_pongs_that_nobody_asked_for_change_nothing(notify: House) -> None:
    async with Raw.signed_in(notify) as raw:
        raw.send(frame(10, b"hello") * 50)
        raw.send(frame(CLOSE, struct.pack("!H", 1000)))
        assert await raw.close_code() == 1000


@pytest.mark.parametrize("how", ["cut", "half closed", "close and stay", "in the handshake"])
async def test_who_leaves_without_the_closing_handshake_leaves_nothing_behind(
    notify: House, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CLOSE_WAIT_S", 0.2)
    async with contextlib.AsyncExitStack() as stack:
        if how == "in the handshake":
            raw = await stack.enter_async_context(Raw.open(notify, "Sec-WebSocket-Protocol: " + SUBPROTOCOL))
            raw.writer.transport.abort()
        else:
            raw = await stack.enter_async_context(Raw.signed_in(notify))
            await until(lambda: len(notify.notify.hub._subscribers) == 1)
            if how == "cut":
                raw.writer.transport.abort()
            elif how == "half closed":
                raw.writer.write_eof()
            else:
                raw.send(frame(CLOSE, struct.pack("!H", 1000)))
        await until(lambda: not notify.notify.feed.connections)
        await until(lambda: not notify.server.server_state.connections)
    assert not notify.notify.hub._subscribers


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["Sec-WebSocket-Protocol: strainwatch.v9"], 400),
        (["Sec-WebSocket-Protocol: chat, superchat"], 400),
        ([f"Sec-WebSocket-Protocol: chat, {SUBPROTOCOL}"], 101),
        ([], 101),
        (["Sec-WebSocket-Key: !"], 400),
        (["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"], 101),
    ],
)
async def test_handshakes(notify: House, lines: list[str], status: int) -> None:
    async with Raw.open(notify, *lines) as raw, asyncio.timeout(WAIT_S):
        head = await raw.reader.readuntil(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert b"permessage-deflate" not in head
