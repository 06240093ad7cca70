"""A contact centre under strain, and the ACD that sends its events: at least once, again and again until a 202.

What was sent, what was acknowledged and every answer are written down here; the oracle compares it with the log.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

QUEUES, AGENTS = 6, 24
ANSWER_S = 15.0
"""Longer than ingest may take; an ACD gives up after about that long, and sends again."""
AGAIN_S = 0.1


@dataclass
class Answer:
    """One HTTP answer; status 0 when the connection ended before it was whole."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Ledger:
    """What was sent and what came back."""

    tenant: str = "demo"
    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Answers that should not be: a 5xx that is no 503 with Retry-After, a 4xx to a good event."""
    resent: int = 0
    acknowledged_at_s: float = 0.0
    """When the last 202 came (monotonic)."""

    def note(self, ids: list[str], answer: Answer) -> bool:
        """Write an answer down; True when the events are acknowledged."""
        self.answers[answer.status] += 1
        if answer.status == 202:
            said = json.loads(answer.body)
            if said["accepted"] != len(ids) or said["rejected"]:
                self.wrong.append(f"202 {answer.body[:200]!r} to {len(ids)} good events")
                return True
            self.acknowledged.update(ids)
            self.acknowledged_at_s = time.monotonic()
            return True
        if answer.status and not (answer.status in (503, 429) and "retry-after" in answer.headers):
            self.wrong.append(f"{answer.status} {answer.body[:300]!r}")
        return False


class Centre:
    """Events of a day at a call centre whose queues flood and empty again, from one seed."""

    def __init__(self, rng: random.Random, name: str, now_ms: Callable[[], int]) -> None:
        self._rng, self._name, self._now_ms = rng, name, now_ms
        self._number = 0

    def batch(self, size: int) -> list[dict[str, object]]:
        """So many events of this moment."""
        events = []
        for _ in range(size):
            self._number += 1
            events.append(self._event() | {"id": f"{self._name}-{self._number}", "ts": self._now_ms()})
        return events

    def _event(self) -> dict[str, object]:
        rng = self._rng
        queue, agent = f"queue-{rng.randrange(QUEUES)}", f"agent-{rng.randrange(AGENTS)}"
        contact = f"{self._name}-c{rng.randrange(5_000)}"
        kind = rng.random()
        if kind < 0.2:
            flooded = rng.random() < 0.5
            return {
                "type": "queue.observed", "queue": queue, "waiting": 60 if flooded else 0,
                "longest_wait_s": 900 if flooded else 0, "agents_staffed": 4, "agents_busy": 4,
            }  # fmt: skip
        if kind < 0.45:
            caller = f"+49{rng.randrange(3_000):06d}"
            return {
                "type": "contact.offered", "contact": contact, "queue": queue, "caller": caller,
                "issue": rng.choice(["billing", "outage", "returns"]),
            }  # fmt: skip
        if kind < 0.65:
            wait_s = rng.randrange(0, 600)
            return {"type": "contact.answered", "contact": contact, "queue": queue, "agent": agent, "wait_s": wait_s}
        if kind < 0.9:
            return {
                "type": "contact.handled", "contact": contact, "queue": queue, "agent": agent,
                "handle_time_s": rng.randrange(60, 900),
                "complaint": rng.random() < 0.2, "abusive": rng.random() < 0.05,
            }  # fmt: skip
        return {"type": "agent.state", "agent": agent, "state": rng.choice(["available", "acw", "break"]),
                "team": f"team-{rng.randrange(3)}"}  # fmt: skip


class Client:
    """One keep-alive connection; dials again when it ended."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self._key = port, key
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: bytes, wait_s: float = ANSWER_S) -> Answer:
        """Post; status 0 when no whole answer came."""
        return await self.ask("POST", path, body, wait_s)

    async def ask(self, method: str, path: str, body: bytes = b"", wait_s: float = ANSWER_S) -> Answer:
        """One request and its answer."""
        try:
            async with asyncio.timeout(wait_s):
                if self._writer is None:
                    self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
                assert self._reader is not None
                self._writer.write(
                    f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._key}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                return await self._answer(self._reader)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return Answer(0, {}, b"")

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(head[0].split(" ")[1]), headers, body)

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


class Load:
    """Senders that go on until stopped. `ports` are tried in turn, so that two ingest processes get the same events."""

    def __init__(
        self,
        ports: list[int],
        key: str,
        rng: random.Random,
        *,
        senders: int = 4,
        batch: int = 5,
        pause_s: float = 0.04,
        copies: float = 0.03,
        name: str = "e",
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`copies`: the part of requests that is sent once more after its 202."""
        self.ledger = Ledger()
        self._ports, self._key, self._rng = ports, key, rng
        self._batch, self._pause_s, self._copies = batch, pause_s, copies
        self._centres = [Centre(random.Random(rng.random()), f"{name}{i}", now_ms) for i in range(senders)]
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.latencies_s: deque[float] = deque(maxlen=20_000)

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._send(centre)) for centre in self._centres]

    async def stop(self, within_s: float = 60.0) -> None:
        """Send nothing new; return when everything sent is acknowledged."""
        self._stopping.set()
        async with asyncio.timeout(within_s):
            await asyncio.gather(*self._tasks)

    def fault(self) -> BaseException | None:
        """What ended a sender too early."""
        return next((t.exception() for t in self._tasks if t.done() and not t.cancelled() and t.exception()), None)

    async def _send(self, centre: Centre) -> None:
        clients = [Client(port, self._key) for port in self._ports]
        try:
            while not self._stopping.is_set():
                events = centre.batch(1 + self._rng.randrange(2 * self._batch - 1))
                await self._until_taken(clients, events)
                if self._rng.random() < self._copies:
                    self.ledger.resent += 1
                    await self._until_taken(clients[::-1], events)
                await asyncio.sleep(self._pause_s * self._rng.uniform(0.2, 1.8))
        finally:
            for client in clients:
                client.close()

    async def _until_taken(self, clients: list[Client], events: list[dict[str, object]]) -> None:
        ids, body = [str(event["id"]) for event in events], json.dumps(events).encode()
        self.ledger.sent.update(ids)
        number = 0
        while True:
            began_s = time.monotonic()
            answer = await clients[number % len(clients)].post("/v1/events", body)
            if self.ledger.note(ids, answer):
                self.latencies_s.append(time.monotonic() - began_s)
                return
            number += 1
            self.ledger.resent += 1
            await asyncio.sleep(AGAIN_S)
