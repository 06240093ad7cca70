"""A TCP proxy that misbehaves on demand: latency, throttle, silence (half-open), reset, refusal, cut after n bytes, and
traps that spring when certain bytes go by. It stands between two parts of the system, and nothing in them knows.

Upwards is from the client to the server behind the proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

Way = Literal["up", "down"]
Target = str | tuple[str, int]
"""A unix socket's path, or host and port."""
CHUNK_BYTES = 1 << 16
ACCEPT_PAUSE_S = 0.02
CONNECT_S = 5.0


@dataclass
class Trap:
    """Springs once, at the first chunk that holds all of `needles` on its way.

    With `swallow` nothing goes through any more from that moment on, either way, the chunk included (or, with
    `after`, the chunk still goes through and only what follows is swallowed): the other side can be killed at leisure,
    and it was cut at exactly this point.
    """

    needles: tuple[bytes, ...]
    way: Way = "up"
    after: bool = False
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    on_spring: Callable[[], object] = lambda: None

    def fits(self, way: Way, data: bytes) -> bool:
        """Whether this chunk springs it."""
        return not self.sprung.is_set() and way == self.way and all(needle in data for needle in self.needles)


class _Link:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.writers: dict[Way, asyncio.StreamWriter] = {"up": server, "down": client}
        self.dead = False

    def reset(self) -> None:
        """End both halves with RST."""
        for writer in self.writers.values():
            sock = writer.get_extra_info("socket")
            if sock is not None and sock.family != socket.AF_UNIX:
                with contextlib.suppress(OSError, ValueError):  # it may have ended by itself in this moment
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class FaultProxy:
    """Listens on a free port; see the module. All faults may be changed at any time."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.port = 0
        self.latency_s = 0.0
        """Added to each chunk, each way."""
        self.bytes_per_s: float | None = None
        """Of each connection, downwards."""
        self.refusing = False
        self.passed = 0
        """Bytes, both ways."""
        self._open: dict[Way, asyncio.Event] = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._links: set[_Link] = set()
        self._traps: list[Trap] = []
        self._cut_in: dict[Way, int | None] = {"up": None, "down": None}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.heal()

    # --- faults

    def silence(self, *ways: Way) -> None:
        """Pass nothing on (both ways when none is named), with connections left open: a half-open line, a partition
        that drops packets. New connections are accepted and hear nothing."""
        for way in ways or ("up", "down"):
            self._open[way].clear()

    def heal(self) -> None:
        """Pass everything on again, at full speed. What was held back goes first, as TCP would send it again."""
        self.refusing = False
        self.latency_s, self.bytes_per_s = 0.0, None
        for gate in self._open.values():
            gate.set()

    def refuse(self) -> None:
        """Hang up on whoever connects, and reset those who are."""
        self.refusing = True
        self.reset()

    def reset(self) -> None:
        """Reset all connections."""
        for link in tuple(self._links):
            link.dead = True
            link.reset()

    def cut_after(self, size: int, way: Way) -> None:
        """Reset the connection that carries the `size`-th byte from now on, after that byte."""
        self._cut_in[way] = size

    def trap(self, *needles: bytes, way: Way = "up", after: bool = False) -> Trap:
        """Set a trap; see Trap."""
        self._traps.append(Trap(needles, way, after))
        return self._traps[-1]

    # --- carrying

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK_BYTES, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End all."""
        if self._server is not None:
            self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            await self._open["up"].wait()
            async with asyncio.timeout(CONNECT_S):
                if isinstance(self.target, str):
                    back, forth = await asyncio.open_unix_connection(self.target, limit=CHUNK_BYTES)
                else:
                    back, forth = await asyncio.open_connection(*self.target, limit=CHUNK_BYTES)
        except (OSError, TimeoutError):
            writer.transport.abort()
            return
        link = _Link(writer, forth)
        self._links.add(link)
        pumps = [
            asyncio.ensure_future(self._pump(link, "up", reader)),
            asyncio.ensure_future(self._pump(link, "down", back)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(pumps, timeout=ACCEPT_PAUSE_S)  # the other half may still have a last word
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._links.discard(link)
            for end in (writer, forth):
                end.transport.abort() if link.dead else end.close()

    async def _pump(self, link: _Link, way: Way, reader: asyncio.StreamReader) -> None:
        out = link.writers[way]
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                if way == "down" and self.bytes_per_s:
                    await asyncio.sleep(len(data) / self.bytes_per_s)
                await self._open[way].wait()
                if self._trapped(way, data, out):
                    await asyncio.Event().wait()  # swallowed; the line stays up until somebody ends it
                cut = self._cut_in[way]
                if cut is not None and cut <= len(data):
                    self._cut_in[way] = None
                    out.write(data[:cut])
                    await asyncio.sleep(0)  # the last bytes leave before the reset
                    link.dead = True
                    return
                if cut is not None:
                    self._cut_in[way] = cut - len(data)
                self.passed += len(data)
                out.write(data)
                await out.drain()
            if out.can_write_eof():
                out.write_eof()

    def _trapped(self, way: Way, data: bytes, out: asyncio.StreamWriter) -> bool:
        trap = next((trap for trap in self._traps if trap.fits(way, data)), None)
        if trap is None:
            return False
        self._traps.remove(trap)
        self.silence()
        if trap.after:
            out.write(data)
        trap.sprung.set()
        trap.on_spring()
        return not trap.after


@asynccontextmanager
async def proxied(target: Target) -> AsyncIterator[FaultProxy]:
    """A proxy for the length of a block."""
    proxy = FaultProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
