"""One kept-open HTTP connection in an event loop: posts and waits for the answer. Lean, so as not to be measured."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from bench.effort import BenchFault

ANSWER_WAIT_S = 30.0


class Poster:
    """Posts JSON to one path of a server on this machine."""

    def __init__(self, port: int, path: str, key: str) -> None:
        self._port = port
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    async def post(self, body: bytes) -> None:
        """Raises BenchFault for any answer but 202."""
        self._writer.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        try:
            async with asyncio.timeout(ANSWER_WAIT_S):
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = next(h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:"))
                answer = await self._reader.readexactly(int(length[15:]))
        except (TimeoutError, OSError, EOFError, StopIteration) as fault:
            raise BenchFault(f"a post had no whole answer ({fault!r})") from None
        if not head.startswith(b"HTTP/1.1 202 "):
            raise BenchFault(f"a post was answered {head[9:12].decode()} {answer[:300].decode(errors='replace')}")
