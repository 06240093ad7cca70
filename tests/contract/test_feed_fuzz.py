"""Random bytes over the feed's websocket, against a real server: it answers by the rules, logs no fault, serves on."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notify_house import WAIT_S, House, Lead, alert, house, token, until

from shared.clock import SystemClock
from shared.contract.frames import SUBPROTOCOL
from shared.log_memory import MemoryLog

EXAMPLES = 120
CODES = {1000, 1002, 1007, 1009, 1012, 4013, 4500, 4501, 4502, None}
"""What a connection may be closed with by us; None: without a close frame, when the client cut it or it was lost."""


@dataclass
class Running:
    """A service in a thread of its own, and what it logged."""

    notify: House
    loop: asyncio.AbstractEventLoop
    faults: list[str]

    def call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)


class Faults(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self.found.append(record.getMessage())


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    heard, ready, ended = Faults(), threading.Event(), threading.Event()
    logging.getLogger().addHandler(heard)
    kept: list[Running] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: heard.found.append(str(context)))
        async with house(MemoryLog(clock=SystemClock())) as notify:
            kept.append(Running(notify, loop, heard.found))
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(WAIT_S)
    yield kept[0]
    ended.set()
    thread.join(WAIT_S)
    logging.getLogger().removeHandler(heard)


def head(*lines: str) -> bytes:
    fixed = (
        "GET /v1/feed HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
    )  # fmt: skip
    return "\r\n".join([*fixed, *lines, "", ""]).encode()


def spoken(port: int, pieces: list[bytes]) -> tuple[bytes, int | None]:
    """Send pieces, stop sending, read to the end: the head of the answer and the code of the close frame."""
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as sock:
        with contextlib.suppress(OSError):  # closed while we were sending
            for piece in pieces:
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
        data = b""
        with contextlib.suppress(OSError):
            while part := sock.recv(65_536):
                data += part
    answer, _, rest = data.partition(b"\r\n\r\n")
    return answer, close_code(rest)


def close_code(data: bytes) -> int | None:
    at = 0
    while at + 2 <= len(data):
        opcode, size = data[at] & 15, data[at + 1]
        at += 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size = int.from_bytes(data[at : at + wide])
            at += wide
        if opcode == 8:
            return int.from_bytes(data[at : at + 2])
        at += size
    return None


def made(fin: bool, rsv: int, opcode: int, masked: bool, payload: bytes, claims: int | None) -> bytes:
    size = len(payload) if claims is None else claims
    short = size if size < 126 else 126 if size < 1 << 16 else 127
    wide = struct.pack("!H", size) if short == 126 else struct.pack("!Q", size) if short == 127 else b""
    return bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short]) + wide + (bytes(4) if masked else b"") + payload


ODD = {
    "deep lists": b"[" * 30_000, "deep objects": b'{"kind":' * 5_000, "too long": b"x" * 70_000,
    "no UTF-8": b'"\xff\xfe"', "nothing": b"", "null": b"null", "infinite": b"1e999",
}  # fmt: skip
WORDS = st.sampled_from(["authenticate", "resume", "acknowledge", "assign", "snooze", "close", "note", "board", "x"])
TEXTS = st.text(max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS, lambda inner: st.lists(inner, max_size=3)
)
MESSAGES = st.one_of(
    st.binary(max_size=200),
    st.fixed_dictionaries(
        {"kind": WORDS | VALUES},
        optional=dict.fromkeys(("token", "epoch", "cursor", "alert", "to", "for_s", "note", "text"), VALUES),
    ).map(lambda said: json.dumps(said).encode()),
    st.sampled_from(sorted(ODD)).map(ODD.__getitem__),
)
FRAMES = st.builds(
    made,
    fin=st.booleans() | st.just(True),
    rsv=st.sampled_from([0, 0, 0, 0, 4, 2, 1, 7]),
    opcode=st.sampled_from([1, 1, 1, 1, 0, 2, 8, 9, 10, 3, 11, 15]),
    masked=st.sampled_from([True, True, True, True, False]),
    payload=MESSAGES,
    claims=st.none() | st.sampled_from([0, 125, 126, 65_536, 1 << 31, (1 << 63) - 1, (1 << 64) - 1]),
)
FLOODS = st.builds(
    lambda opcode, times: made(True, 0, opcode, True, b"x", None) * times,
    st.sampled_from([9, 10, 1]),
    st.integers(100, 2_000),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """A handshake, sometimes with a token or a header that is not good, and what comes after it, cut anywhere."""
    lines = draw(
        st.sampled_from(
            [
                (), (f"Authorization: Bearer {token()}",), ("Authorization: Bearer x.y.z",), ("Authorization: x",),
                ("Origin: https://evil.example",), ("Sec-WebSocket-Extensions: permessage-deflate",),
                ("Content-Length: 5",), ("Transfer-Encoding: chunked",), ("X: " + "y" * 9_000,),
            ]
        )
    )  # fmt: skip
    signed_in = made(True, 0, 1, True, b'{"kind":"authenticate","token":"%s"}' % token().encode(), None)
    said = draw(st.lists(FRAMES | FLOODS | st.just(signed_in), max_size=6))
    data = head(*lines) + b"".join(said)
    cuts = sorted(draw(st.lists(st.integers(0, min(len(data), 2_000)), max_size=3)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


async def a_lead(notify: House, stack: contextlib.AsyncExitStack) -> Lead:
    lead = await stack.enter_async_context(notify.lead(sub="other"))
    await lead.next("hello")
    return lead


def test_no_bytes_bring_the_feed_down_and_nobody_else_notices(running: Running) -> None:
    notify, stack = running.notify, contextlib.AsyncExitStack()
    other: Lead = running.call(a_lead(notify, stack))
    count = 0

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(conversations())
    def one(pieces: list[bytes]) -> None:
        nonlocal count
        count += 1
        answer, code = spoken(notify.port, pieces)
        if answer:  # else the request was cut before its end
            status = int(answer.split()[1])
            assert status in (101, 400, 403, 431), answer
        assert code in CODES
        assert not running.faults

    one()
    assert count >= EXAMPLES // 2

    async def told() -> None:
        cursor = str(await notify.engine.publish(alert("a-1")))
        assert await other.alerts(1) == [("a-1", cursor)]
        await until(lambda: len(notify.notify.feed.connections) == 1)
        assert notify.notify.feed.waiting == 0
        await stack.aclose()

    running.call(told())
    assert not running.faults
