"""From the post of an event that opens an alert to the alert's frame at a websocket client, 500 events/s beside it.

`serve all` with its embedded log, as a user starts it and on any CPU; each probe is an event of a queue of its own.
Sender and client share this process and its clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from bench.effort import BenchFault, Effort, percentile
from bench.poster import Poster
from bench.processes import STRAINWATCH, free_port, is_ready, running
from bench.rows import LOWER_IS_BETTER, Row, row
from bench.store import work_folder
from bench.workload import events, shift_start
from shared.contract.frames import SUBPROTOCOL

TENANT = "bench"
AOF = "always"  # what the embedded server does
EVENTS_PATH = "/v1/events"
SCALES = ((1_000, 25), (20_000, 500))
"""Agents and queues: a centre, and one whose contacts make 500 events a second."""
PER_S = 500
PER_S_MIN = 0.9 * PER_S
"""Less than this, and the times were not taken beside the load that they claim."""
CONNECTIONS = 16  # of the ACD; each sends its next event when it is due and the last was answered
FILL_PER_AGENT = 4
FILL_BATCH = 500
SETTLE_S = 2.0
FRAME_WAIT_S = 20.0
PAUSE_S = (0.02, 0.18)
"""Between probes: they fall anywhere into a second, the moment in which boards are built included."""
TARGET_P99_MS = 100.0
SETTINGS = """\
revision = 1
[alerts."queue.strain"]
open_hold_s = 0
"""


@dataclass(frozen=True, slots=True)
class House:
    """A running `serve all`."""

    port: int
    key: str
    token: str


def run(effort: Effort, say: Callable[[str], None]) -> list[Row]:
    """p50, p99 and the events/s that got through beside, for each scale. Raises BenchFault."""
    rows = []
    for agents, queues in SCALES:
        p50, p99, beside = [], [], []
        for number in range(effort.rounds):
            with serving() as house:
                took_ms, per_s = asyncio.run(_probe(house, agents, queues, effort.probes, number))
            p50.append(percentile(took_ms, 50))
            p99.append(percentile(took_ms, 99))
            beside.append(per_s)
            said = f"p50 {p50[-1]:.1f} ms, p99 {p99[-1]:.1f} ms, {per_s:.0f} events/s beside"
            say(f"{agents:,} agents, round {number + 1}: {said}")
        unit = f"ms {LOWER_IS_BETTER}"
        rows += [
            row(f"end to end p50, {agents:,} agents", aof=AOF, unit=unit, ours=p50),
            row(f"end to end p99, {agents:,} agents", aof=AOF, unit=unit, ours=p99, target=TARGET_P99_MS),
            row(f"end to end load beside, {agents:,} agents", aof=AOF, unit="events/s", ours=beside, target=PER_S_MIN),
        ]
    return rows


@contextmanager
def serving() -> Iterator[House]:
    """`serve all` on a free port, with a key and a lead's token."""
    with work_folder() as folder:
        settings = folder / "settings.toml"
        settings.write_text(SETTINGS)
        port = free_port()
        variables = {
            "STRAINWATCH_DATA_DIR": str(folder / "data"),
            "STRAINWATCH_SETTINGS": str(settings),
            "STRAINWATCH_PORT": str(port),
        }
        command = [str(STRAINWATCH), "serve", "all"]
        with running(command, cpu=None, variables=variables, answers=lambda: is_ready(port), log=folder / "log"):
            key = _printed(variables, "keys", "create", "--tenant", TENANT)
            who = ("--tenant", TENANT, "--teams", "*", "--role", "lead", "--sub", "bench")
            yield House(port, key, _printed(variables, "token", *who))


def _printed(variables: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [STRAINWATCH, *arguments], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


async def _probe(house: House, agents: int, queues: int, probes: int, seed: int) -> tuple[list[float], float]:
    """Times of the probes in ms, and the events a second beside them."""
    pause = random.Random(seed)
    async with _feed(house) as feed, Poster(house.port, EVENTS_PATH, house.key) as poster:
        await accepted(poster)
        await fill(house, agents, queues, seed)
        async with _background(house, agents, queues, seed) as sent:
            await asyncio.sleep(SETTLE_S)
            sent.begin()
            took_ms = []
            for number in range(probes):
                await asyncio.sleep(pause.uniform(*PAUSE_S))
                took_ms.append(await _one(poster, feed, f"probe-{number}"))
            per_s = sent.per_s()
    return took_ms, per_s


async def accepted(poster: Poster) -> None:
    """Return when the new key is in force."""
    until_s = time.monotonic() + FRAME_WAIT_S
    while True:
        try:
            await poster.post(_event({"type": "agent.state", "agent": "agent-00000", "state": "available"}))
        except BenchFault:
            if time.monotonic() > until_s:
                raise
            await asyncio.sleep(0.2)
        else:
            return


async def _one(poster: Poster, feed: _Feed, queue: str) -> float:
    """Milliseconds from the post of an event to the frame of the alert that it opens."""
    body = _event({"type": "queue.observed", "queue": queue, "waiting": 500, "longest_wait_s": 3600.0})
    arrived = feed.expect(queue)
    began_s = time.perf_counter()
    await poster.post(body)
    try:
        async with asyncio.timeout(FRAME_WAIT_S):
            return 1000 * (await arrived - began_s)
    except TimeoutError:
        raise BenchFault(f"no alert of {queue} came within {FRAME_WAIT_S:g} s") from None


def _event(fields: dict[str, Any]) -> bytes:
    return msgspec.json.encode({**fields, "id": str(uuid4()), "ts": time.time_ns() // 1_000_000})


async def fill(house: House, agents: int, queues: int, seed: int) -> None:
    """Let the centre be known before anything is timed."""
    now_ms = time.time_ns() // 1_000_000
    scale = {"agents": agents, "queues": queues}
    source = chain(shift_start(now_ms, **scale), events(100 + seed, now_ms, **scale))
    async with Poster(house.port, EVENTS_PATH, house.key) as poster:
        for _ in range(agents * FILL_PER_AGENT // FILL_BATCH):
            await poster.post(msgspec.json.encode([next(source) for _ in range(FILL_BATCH)]))


# --- the client


class _Alert(msgspec.Struct):
    subject: dict[str, str]


class _AlertFrame(msgspec.Struct):
    alert: _Alert


class _Feed:
    """When alerts arrived, by their subject. Boards are read and dropped."""

    def __init__(self) -> None:
        self._expected: dict[str, asyncio.Future[float]] = {}

    def expect(self, subject: str) -> asyncio.Future[float]:
        """Done with the time at which the first alert about the subject is here."""
        future = self._expected[subject] = asyncio.get_running_loop().create_future()
        return future

    async def read(self, socket: ClientConnection) -> None:
        """Until the connection ends."""
        decoder = msgspec.json.Decoder(_AlertFrame)
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await socket.recv(decode=False)
                at_s = time.perf_counter()
                if frame.startswith(b'{"kind":"alert"'):
                    future = self._expected.pop(decoder.decode(frame).alert.subject["id"], None)
                    if future is not None:
                        future.set_result(at_s)


@asynccontextmanager
async def _feed(house: House) -> AsyncIterator[_Feed]:
    feed = _Feed()
    async with connect(
        f"ws://127.0.0.1:{house.port}/v1/feed",
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers={"Authorization": f"Bearer {house.token}"},
        compression=None,
        max_size=None,
    ) as socket:
        task = asyncio.create_task(feed.read(socket))
        try:
            yield feed
        finally:
            task.cancel()
            await asyncio.wait([task])


# --- the load beside it


class _Sent:
    """Events that were confirmed."""

    def __init__(self) -> None:
        self.count = 0
        self.begin()

    def begin(self) -> None:
        """Count from here."""
        self._from, self._began_s = self.count, time.perf_counter()

    def per_s(self) -> float:
        """Since `begin`."""
        return (self.count - self._from) / (time.perf_counter() - self._began_s)


@asynccontextmanager
async def _background(house: House, agents: int, queues: int, seed: int) -> AsyncIterator[_Sent]:
    sent = _Sent()
    source = events(200 + seed, 0, agents=agents, queues=queues)
    tasks = [asyncio.create_task(_send(house, source, sent, number)) for number in range(CONNECTIONS)]
    try:
        yield sent
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _send(house: House, source: Iterator[dict[str, Any]], sent: _Sent, number: int) -> None:
    every_s = CONNECTIONS / PER_S
    due_s = time.perf_counter() + number / PER_S
    async with Poster(house.port, EVENTS_PATH, house.key) as poster:
        while True:
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            await poster.post(msgspec.json.encode({**next(source), "ts": time.time_ns() // 1_000_000}))
            sent.count += 1
            due_s += every_s
