"""Team leads: websocket clients that come back by themselves and resume by their cursor, and write down what they saw.

A lead keeps the cursors of the changes it was shown, in stretches: a stretch begins at a hello that says where the list
stands (the first one, or `recovered: false`), and goes on over any number of connections. The checker then asks that
each stretch is the alerts log from its beginning to its end: no change missing, none twice, none in another order.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import socket
import struct
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.contract.entries import START, EntryId

ALERT, BOARD = b'{"kind":"alert"', b'{"kind":"board"'
AGAIN_S = (0.05, 0.5)
"""The pause before coming back; each draws its own."""
CONNECT_S = 20.0


@dataclass
class Stretch:
    """What one lead saw after a hello that replaced its list."""

    base: EntryId
    epoch: str
    cursors: list[EntryId] = field(default_factory=list)

    @property
    def last(self) -> EntryId:
        """Where it stands."""
        return self.cursors[-1] if self.cursors else self.base


@dataclass
class Seen:
    """What all leads saw, once: cursor -> the alert's bytes. `conflicts` are cursors shown with different bytes."""

    alerts: dict[EntryId, bytes] = field(default_factory=dict)
    conflicts: list[EntryId] = field(default_factory=list)
    first_at_s: dict[EntryId, float] = field(default_factory=dict)

    def put(self, cursor: EntryId, alert: bytes) -> None:
        """One more sight of a change."""
        known = self.alerts.setdefault(cursor, alert)
        if known is not alert and known != alert:
            self.conflicts.append(cursor)


class Lead(asyncio.Protocol):
    """One lead. `reading` may be turned off (a stalled reader) or slowed by pausing."""

    def __init__(self, port: int, token: str, seen: Seen, rng: random.Random, receive_bytes: int = 0) -> None:
        self.port, self.token, self._seen, self._rng = port, token, seen, rng
        self._receive_bytes = receive_bytes
        """What the kernel may hold for it; 0: as much as it likes."""
        self.stretches: list[Stretch] = []
        self.goodbyes: list[int] = []
        self.faults: list[str] = []
        self.boards = 0
        self.connects = 0
        self.resumed = 0
        self.live = asyncio.Event()
        """Set while connected and joined (the answer to `resume` came)."""
        self.on_live: Callable[[], None] = lambda: None
        self.on_alert: Callable[[EntryId], None] = lambda cursor: None
        self.ended_at_s = 0.0
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._upgraded = False
        self._waiting_for_answer = False
        self._task: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self.stay_away = False

    # --- life

    def start(self) -> None:
        """Connect, and come back for ever."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._transport is not None:
            self._transport.abort()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._ended.clear()
            sock = socket.socket()
            try:
                sock.setblocking(False)
                if self._receive_bytes:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
                async with asyncio.timeout(CONNECT_S):
                    await loop.sock_connect(sock, ("127.0.0.1", self.port))
                    await loop.create_connection(lambda: self, sock=sock)
            except (OSError, TimeoutError):
                sock.close()
            else:
                await self._ended.wait()
            if self.stay_away:
                return
            await asyncio.sleep(self._rng.uniform(*AGAIN_S))

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._buffer.clear()
        self._upgraded, self._waiting_for_answer = False, bool(self.stretches)
        self.connects += 1
        key = base64.b64encode(os.urandom(16)).decode()
        self._write(
            f"GET /v1/feed HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: strainwatch.v1\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.live.clear()
        self.ended_at_s = time.monotonic()
        self._transport = None
        self._ended.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                self.faults.append(f"handshake refused: {bytes(self._buffer[:80])!r}")
                self._abort()
                return
            del self._buffer[: end + 4]
            self._upgraded = True
        while (frame := self._frame()) is not None:
            self._heard(*frame)

    def _frame(self) -> tuple[int, bytes] | None:
        """Opcode and payload of the next whole frame; servers do not mask, and ours do not fragment."""
        held = len(self._buffer)
        if held < 2:
            return None
        size, at = self._buffer[1], 2
        if size == 126:
            if held < 4:
                return None
            size, at = struct.unpack_from("!H", self._buffer, 2)[0], 4
        elif size == 127:
            if held < 10:
                return None
            size, at = struct.unpack_from("!Q", self._buffer, 2)[0], 10
        if held < at + size:
            return None
        opcode, payload = self._buffer[0] & 15, bytes(self._buffer[at : at + size])
        del self._buffer[: at + size]
        return opcode, payload

    # --- what is said

    def _heard(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._write(_masked(10, payload))
        elif opcode == 8:
            self._abort()
        elif payload.startswith(BOARD):
            self.boards += 1
        elif payload.startswith(ALERT):
            if not self._waiting_for_answer:
                self._change(payload)
        else:
            frame = json.loads(payload)
            if frame["kind"] == "hello":
                self._hello(frame)
            elif frame["kind"] == "goodbye":
                self.goodbyes.append(frame["code"])
            else:
                self.faults.append(f"unexpected frame {payload[:120]!r}")

    def _hello(self, frame: dict[str, object]) -> None:
        cursor, epoch = EntryId.parse(str(frame["cursor"])), str(frame["epoch"])
        recovered = frame.get("recovered")
        if recovered is None and self.stretches:
            here = self.stretches[-1]
            self._say({"kind": "resume", "epoch": here.epoch, "cursor": str(here.last)})
            return
        if recovered is True:
            if cursor != self.stretches[-1].last or epoch != self.stretches[-1].epoch:
                self.faults.append(f"resumed at {cursor} of {epoch}, asked for {self.stretches[-1].last}")
            self.resumed += 1
        else:
            self.stretches.append(Stretch(cursor, epoch))
        self._waiting_for_answer = False
        self.live.set()
        self.on_live()

    def _change(self, payload: bytes) -> None:
        # {"kind":"alert","cursor":"...","alert":{...}}: the alert stands there byte for byte as in the log
        head, _, rest = payload.partition(b',"alert":')
        cursor = EntryId.parse(json.loads(head + b"}")["cursor"])
        self._seen.put(cursor, rest[:-1])
        self.stretches[-1].cursors.append(cursor)
        self.on_alert(cursor)

    def pause(self) -> None:
        """Read nothing any more: the kernel's buffers fill."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def drop(self) -> None:
        """Lose the connection; it comes back."""
        self._abort()

    @property
    def last(self) -> EntryId | None:
        """Where it stands; None before its first hello."""
        return self.stretches[-1].last if self.stretches else None

    def _say(self, frame: dict[str, str]) -> None:
        self._write(_masked(1, json.dumps(frame).encode()))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _masked(opcode: int, payload: bytes) -> bytes:
    mask = os.urandom(4)
    size = len(payload)
    head = (
        struct.pack("!BB", 0x80 | opcode, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 254, size)
    )
    return head + mask + bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))


@dataclass
class Watched:
    """What the checker found of all leads."""

    leads: int = 0
    gaps: int = 0
    doubles: int = 0
    other_bytes: int = 0
    void: int = 0
    """Times that a list was replaced although nothing was lost."""
    resumed: int = 0
    told: list[str] = field(default_factory=list)


def check_leads(leads: list[Lead], seen: Seen, log: list[tuple[EntryId, bytes]], *, stretches_max: int = 1) -> Watched:
    """Compare what leads saw with the alerts log (of their epoch, whole). `stretches_max`: lists that each may get."""
    found, order, held = Watched(len(leads)), [at for at, _ in log], dict(log)
    found.other_bytes = len(seen.conflicts) + sum(held.get(at) != data for at, data in seen.alerts.items())
    for number, lead in enumerate(leads):
        found.resumed += lead.resumed
        # Who saw an empty log knows nothing: that the first change after it was the first of all, nobody can tell.
        lists = [stretch for stretch in lead.stretches if stretch.last > START or stretch is lead.stretches[-1]]
        found.void += max(0, len(lists) - stretches_max)
        found.told += [f"lead {number}: {fault}" for fault in lead.faults[:2]]
        for stretch in lead.stretches:
            wanted = order[bisect_right(order, stretch.base) : bisect_right(order, stretch.last)]
            if stretch.cursors == wanted:
                continue
            unique = sorted(set(stretch.cursors))
            found.doubles += len(stretch.cursors) - len(unique)
            missing = [at for at in wanted if unique[bisect_left(unique, at) : bisect_left(unique, at) + 1] != [at]]
            found.gaps += len(missing)
            found.told.append(
                f"lead {number} from {stretch.base}: {len(stretch.cursors)} changes, {len(wanted)} expected; missing "
                f"{[str(at) for at in missing[:3]]}; connected {lead.connects} times"
            )
            if not missing and len(stretch.cursors) == len(unique):
                found.doubles += 1  # in another order: as bad
    return found
