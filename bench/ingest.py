"""Ingest, one event a request and in batches of 100, beside `peers/fastapi_app.py`.

Both validate every event and answer when the same store has confirmed it; only ours also authenticates, counts, and
looks up repeat callers. A server has one CPU; store and load share another.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import psutil
import redis

from bench.effort import BenchFault, Effort
from bench.load import SEPARATOR, need_wrk, post, write_bodies
from bench.machine import SERVER_CPU
from bench.processes import STRAINWATCH, free_port, is_ready, listens, running
from bench.rows import LOWER_IS_BETTER, Row, row
from bench.store import AOF_SETTINGS, fresh_store, work_folder
from bench.workload import bodies
from shared.access import EVENTS_WRITE, encode_api_key, new_api_key
from shared.contract.keys import API_KEYS_KEY
from tools.http_post import HttpPoster

BATCH = 100
EVENTS = 150_000
"""Different events that are sent in turn. Their 48,000 contacts do not fit into any cache of ours."""
SINGLE_CONNECTIONS, BATCH_CONNECTIONS = 64, 16
KEYS = 8
"""API keys that take turns: each may send 200,000 events a second."""
TARGET_SINGLE, TARGET_BATCH = 5.0, 12.0

FLAT = "FastAPI + pydantic + redis-py"
UNION = "FastAPI + pydantic, a model per event type + redis-py"


@dataclass(slots=True)
class _Rates:
    """Of one side, a value per round."""

    single: list[float] = field(default_factory=list)  # requests/s
    batch: list[float] = field(default_factory=list)  # events/s
    single_us: list[float] = field(default_factory=list)  # CPU time of the server an event
    batch_us: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Server:
    """A server under test."""

    process: int
    port: int
    keys: list[str]

    def cpu_s(self) -> float:
        """CPU time that it has used."""
        used = psutil.Process(self.process).cpu_times()
        return float(used.user + used.system)


@dataclass(frozen=True, slots=True)
class _Bodies:
    """Files of bodies."""

    single: Path
    batch: Path


def run(effort: Effort, say: Callable[[str], None]) -> list[Row]:
    """Rows for both settings of the store. Raises Skipped, BenchFault."""
    need_wrk()
    return [r for aof in AOF_SETTINGS for r in _rows(aof, effort, say)]


def _rows(aof: str, effort: Effort, say: Callable[[str], None]) -> Iterator[Row]:
    ours, flat, union = _Rates(), _Rates(), _Rates()
    with work_folder() as folder:
        for number in range(effort.rounds):
            now_ms = time.time_ns() // 1_000_000  # anew for each round: events of a quarter of an hour ago are late
            sent = _Bodies(
                write_bodies(folder / "single", bodies(1, now_ms, EVENTS, 1)),
                write_bodies(folder / "batch", bodies(2, now_ms, EVENTS // BATCH, BATCH)),
            )
            with fresh_store(aof) as url, _strainwatch(url, folder) as server:
                _measure(ours, server, "/v1/events", "/v1/events", sent, effort)
            with fresh_store(aof) as url, _peer(url, folder) as server:
                _measure(flat, server, "/e", "/b", sent, effort)
                _measure(union, server, "/union/e", "/union/b", sent, effort)
            say(
                f"{aof} round {number + 1}: single {ours.single[-1]:,.0f} / {flat.single[-1]:,.0f} / "
                f"{union.single[-1]:,.0f} requests/s, batch {ours.batch[-1]:,.0f} / {flat.batch[-1]:,.0f} / "
                f"{union.batch[-1]:,.0f} events/s (ours / {FLAT} / {UNION})"
            )
    # Rates suffer from whatever else the machine does; CPU time an event hardly does.
    for name, ours_us, theirs_us in (
        ("ingest single, CPU of the server", ours.single_us, flat.single_us),
        (f"ingest batch of {BATCH}, CPU of the server", ours.batch_us, flat.batch_us),
    ):
        yield row(name, aof=aof, unit=f"us/event {LOWER_IS_BETTER}", ours=ours_us, peer=FLAT, theirs=theirs_us)
    for peer, theirs, targeted in ((FLAT, flat, True), (UNION, union, False)):
        yield row(
            "ingest single",
            aof=aof,
            unit="requests/s",
            ours=ours.single,
            peer=peer,
            theirs=theirs.single,
            target=TARGET_SINGLE if targeted else None,
        )
        yield row(
            f"ingest batch of {BATCH}",
            aof=aof,
            unit="events/s",
            ours=ours.batch,
            peer=peer,
            theirs=theirs.batch,
            target=TARGET_BATCH if targeted else None,
        )


def _measure(rates: _Rates, server: _Server, single: str, batch: str, sent: _Bodies, effort: Effort) -> None:
    for path, file, events, connections, per_s, cpu_us in (
        (single, sent.single, 1, SINGLE_CONNECTIONS, rates.single, rates.single_us),
        (batch, sent.batch, BATCH, BATCH_CONNECTIONS, rates.batch, rates.batch_us),
    ):
        load = partial(post, server.port, path, bodies=file, keys=server.keys, connections=connections)
        _check(server, path, file, events)
        load(seconds=effort.warm_s)
        began_s = server.cpu_s()
        done = load(seconds=effort.measure_s)
        if not done.requests:
            raise BenchFault(f"{path} answered nothing within {effort.measure_s} s")
        per_s.append(events * done.per_s)
        cpu_us.append(1e6 * (server.cpu_s() - began_s) / (events * done.requests))


def _check(server: _Server, path: str, file: Path, events: int) -> None:
    """Every event of a body is taken; a 202 alone would not say so."""
    with file.open("rb") as bodies_file:
        body = bodies_file.read(1 << 20).partition(SEPARATOR)[0]
    poster = HttpPoster(f"http://127.0.0.1:{server.port}{path}", server.keys[0])
    try:
        answer = poster.post(body)
    finally:
        poster.close()
    taken = msgspec.json.decode(answer.body, type=_Taken) if answer.status == 202 else _Taken()
    if taken.accepted != events or taken.late:
        raise BenchFault(f"{path} answered {answer.status} {answer.body[:500].decode(errors='replace')}")


class _Taken(msgspec.Struct):
    accepted: int = 0
    late: int = 0


@contextmanager
def _strainwatch(url: str, folder: Path) -> Iterator[_Server]:
    """`strainwatch serve ingest`, with API keys of one tenant."""
    texts = []
    with redis.Redis.from_url(url) as store:
        for _ in range(KEYS):
            text, record = new_api_key("bench", [EVENTS_WRITE], random_bytes=secrets.token_bytes, now_ms=0)
            store.hset(API_KEYS_KEY, record.id, encode_api_key(record))
            texts.append(text)
    port = free_port()
    variables = {
        "STRAINWATCH_REDIS_URL": url,
        "STRAINWATCH_PORT": str(port),
        "STRAINWATCH_CALLER_SECRET": secrets.token_hex(32),
    }
    command = [str(STRAINWATCH), "serve", "ingest"]
    log = folder / "ours.log"
    with running(command, cpu=SERVER_CPU, variables=variables, answers=lambda: is_ready(port), log=log) as process:
        yield _Server(process.pid, port, texts)


@contextmanager
def _peer(url: str, folder: Path) -> Iterator[_Server]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "bench.peers.fastapi_app:app", "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
    ]
    variables, log = {"PEER_REDIS_URL": url}, folder / "peer.log"
    with running(command, cpu=SERVER_CPU, variables=variables, answers=lambda: listens(port), log=log) as process:
        yield _Server(process.pid, port, ["sk_any"])
