"""One alert to the last of 5,000 connected leads, and the memory of a lead who only listens.

Beside Node `ws` and Starlette's websocket example. All send the same bytes to the same load client, one side after the
other in each round. Ours signs everybody in, reads the alert from the log, judges who sees it, counts, and sends its
board about once a second beside; theirs get the alert by a request and send it on.
"""

from __future__ import annotations

import asyncio
import http.client
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from bench.effort import BenchFault, Effort, Skipped
from bench.machine import LOAD_CPU, SERVER_CPU, on_cpu
from bench.processes import STRAINWATCH, free_port, is_ready, listens, running
from bench.rows import LOWER_IS_BETTER, Row, row
from bench.store import fresh_store, work_folder
from services.notify.core import frames
from services.notify.core.alerts import read_change
from shared.access import mint
from shared.contract.alerts import Alert, Driver, Subject, SuggestedAction, encode_alert
from shared.contract.entries import EntryId, alert_id_of, tick_fields
from shared.contract.frames import SUBPROTOCOL
from shared.log import Log, Publication
from shared.log_redis import open_redis_log

HERE = Path(__file__).parent
LEADS = 5_000
ALERTS = 15
"""Of a round; its value is their median."""
PAUSE_S = 0.37
"""Between alerts. No multiple of it is a second, so that they meet boards at every moment."""
SETTLE_S = 3.0
WAIT_S = 30.0
SPARE_FILES = 500
AOF = "everysec"
SECRET = b"a secret for benchmarks, of 32 bytes or more"
WS, STARLETTE = "Node ws", "Starlette websocket example"
TARGET = 1.0

Publish = Callable[[str], Awaitable[None]]
"""Send an alert with this text in it to all who are connected."""


@dataclass(slots=True)
class _Side:
    """Values per round."""

    last_ms: list[float] = field(default_factory=list)
    lead_kb: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Server:
    process: int
    port: int
    path: str
    headers: tuple[str, ...]
    publish: Publish


def run(effort: Effort, say: Callable[[str], None]) -> list[Row]:
    """Time and memory, ours beside each peer. Raises Skipped, BenchFault."""
    _raise_limit(LEADS + SPARE_FILES)
    sides = {"ours": _Side(), WS: _Side(), STARLETTE: _Side()}
    with work_folder() as folder:
        load, ws = _load_client(folder), _ws_script()
        servers = {
            "ours": _ours,
            WS: lambda log: _peer(["node", str(ws)], log),
            STARLETTE: lambda log: _peer(_STARLETTE, log),
        }
        for number in range(effort.rounds):
            for name, server in servers.items():
                last_ms, lead_kb = asyncio.run(_measure(server, load, effort, folder / "log"))
                sides[name].last_ms.append(median(last_ms))
                sides[name].lead_kb.append(lead_kb)
                spread = f"{min(last_ms):.0f}..{max(last_ms):.0f}"
                say(f"round {number + 1}, {name}: {sides[name].last_ms[-1]:.1f} ms ({spread}), {lead_kb:.1f} KB a lead")
    ours = sides.pop("ours")
    rows = []
    for name, theirs in sides.items():
        rows += [
            row(
                f"fan-out, one alert to the last of {LEADS:,} leads",
                aof=AOF,
                unit=f"ms {LOWER_IS_BETTER}",
                ours=ours.last_ms,
                peer=name,
                theirs=theirs.last_ms,
                target=TARGET,
            ),
            row(
                "fan-out, memory an idle lead",
                unit=f"KB {LOWER_IS_BETTER}",
                ours=ours.lead_kb,
                peer=name,
                theirs=theirs.lead_kb,
                target=TARGET,
            ),
        ]
    return rows


# --- the sides

_STARLETTE = [
    sys.executable, "-m", "uvicorn", "bench.peers.starlette_ws:app", "--loop", "uvloop", "--ws", "websockets-sansio",
    "--ws-per-message-deflate", "false", "--no-access-log", "--log-level", "warning", "--backlog", "4096", "--port",
]  # fmt: skip


@asynccontextmanager
async def _ours(log: Path) -> AsyncIterator[_Server]:
    port = free_port()
    with fresh_store(AOF) as url:
        variables = {
            "STRAINWATCH_REDIS_URL": url,
            "STRAINWATCH_PARTITIONS": "1",
            "STRAINWATCH_PORT": str(port),
            "STRAINWATCH_JWT_SECRET": SECRET.decode(),
        }
        store = await open_redis_log(url, partitions=1)
        try:
            generation = await store.claim(0, "bench", ttl_ms=600_000)
            assert generation is not None
            command = [str(STRAINWATCH), "serve", "notify"]
            with running(command, cpu=SERVER_CPU, variables=variables, answers=lambda: is_ready(port), log=log) as it:
                exp_s = int(time.time()) + 3600
                token = mint(SECRET, tenant="bench", teams=["team-1"], role="lead", sub="lead-1", exp_s=exp_s)
                headers = f"Authorization: Bearer {token}", f"Sec-WebSocket-Protocol: {SUBPROTOCOL}"
                yield _Server(it.pid, port, "/v1/feed", headers, lambda text: _to_log(store, generation, text))
        finally:
            await store.close()


async def _to_log(store: Log, generation: int, text: str) -> None:
    entry = await store.append(0, tick_fields(0))
    changes = [(alert_id_of(entry, 0), encode_alert(_alert(text)))]
    await store.publish(0, generation, Publication(entry, changes))


@asynccontextmanager
async def _peer(command: Sequence[str], log: Path) -> AsyncIterator[_Server]:
    port = free_port()
    with running([*command, str(port)], cpu=SERVER_CPU, variables={}, answers=lambda: listens(port), log=log) as it:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)

        async def publish(text: str) -> None:
            change = read_change(EntryId(1, 0), encode_alert(_alert(text)))
            body = bytes(frames.payload_of(frames.alert_frame(change, "bench").message))
            await asyncio.to_thread(_post, connection, body)

        try:
            yield _Server(it.pid, port, "/", (), publish)
        finally:
            connection.close()


def _post(connection: http.client.HTTPConnection, body: bytes) -> None:
    connection.request("POST", "/publish", body)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 204:
        raise BenchFault(f"the peer answered {answer.status}")


def _alert(text: str) -> Alert:
    return Alert(
        id="a-1", kind="queue.strain", severity="warning", phase="open", tenant="bench", team="team-1",
        subject=Subject("queue", "billing"), strain=71.5, title=text, title_zh="billing 负荷过高",
        drivers=[Driver("predicted_wait", 71.5, 310.0, "s", "Wait about 310 s", "预计等待 310 秒")],
        evidence=["e-1"], action=SuggestedAction("add_agents", "Ask for help", "请求支援"),
        opened_at="2026-01-31T08:00:00.000Z", updated_at="2026-01-31T08:00:00.000Z", owner=None, history=[],
    )  # fmt: skip


# --- measuring


async def _measure(
    server: Callable[[Path], AbstractAsyncContextManager[_Server]], load: Path, effort: Effort, log: Path
) -> tuple[list[float], float]:
    """Milliseconds of each alert to the last lead, and kilobytes a lead."""
    with on_cpu(LOAD_CPU):
        async with server(log) as it:
            process = psutil.Process(it.process)
            before = process.memory_info().rss
            async with _connected(load, it) as said:
                await asyncio.sleep(SETTLE_S)
                lead_kb = (process.memory_info().rss - before) / LEADS / 1024
                took_ms = []
                for number in range(min(ALERTS, effort.probes)):
                    await asyncio.sleep(PAUSE_S)
                    await it.publish(f"probe-{number}-{time.monotonic_ns()}-")
                    took_ms.append(await _last(said, number))
    return took_ms, lead_kb


@asynccontextmanager
async def _connected(load: Path, it: _Server) -> AsyncIterator[asyncio.StreamReader]:
    client = await asyncio.create_subprocess_exec(
        str(load), str(it.port), it.path, str(LEADS), *it.headers,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert client.stdin is not None
    assert client.stdout is not None
    assert client.stderr is not None
    try:
        async with asyncio.timeout(WAIT_S):
            if not (await client.stdout.readline()).startswith(b"up "):
                raise BenchFault(f"not all leads could connect: {(await client.stderr.read(2000)).decode()}")
        yield client.stdout
    except TimeoutError:
        raise BenchFault(f"a lead did not get what all should get within {WAIT_S:g} s") from None
    finally:
        client.stdin.close()
        await client.wait()


async def _last(said: asyncio.StreamReader, number: int) -> float:
    async with asyncio.timeout(WAIT_S):
        words = (await said.readline()).split()
    if words[:2] != [b"last", str(number).encode()]:
        raise BenchFault("a lead was lost while it was measured")
    return float(words[2])


# --- what it needs


def _raise_limit(files: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < files:
        raise Skipped(f"{files:,} open files are needed, {hard:,} allowed (ulimit -Hn {files})")
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


def _load_client(folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Skipped("there is no C compiler for the load client (Debian, Ubuntu: apt-get install gcc)")
    if sys.platform != "linux":
        raise Skipped("the load client is written for Linux")
    made = folder / "fanout_load"
    subprocess.run([compiler, "-O2", "-o", str(made), str(HERE / "fanout_load.c")], check=True)
    return made


def _ws_script() -> Path:
    home = HERE / "peers" / "ws"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Skipped("node and npm are not installed (Debian, Ubuntu: apt-get install nodejs npm)")
    if not (home / "node_modules" / "ws").is_dir():
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=home, capture_output=True, text=True)
        if done.returncode:
            raise Skipped(f"npm could not install ws:\n{done.stderr[-500:]}")
    return home / "server.js"
