"""Scoring from the log: entries of 1,000 events read through the log's port, decoded, and judged by all drivers.

The log holds 500,000 events a second of its own time, so each measured second has its share of whole seconds that are
evaluated, with their board. The peer is a loop over dictionaries for the same drivers (see `peers/plain_scorer.py` for
what it leaves out); it gets the same events, decoded beforehand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import islice

import redis

from bench.effort import BenchFault, Effort
from bench.machine import SERVER_CPU, on_cpu
from bench.peers.plain_scorer import Event, PlainScorer, plain_events
from bench.recorded import block_entries
from bench.rows import Row, row
from bench.store import fresh_store
from services.scoring.core.engine import Engine
from services.scoring.tenure import READ_ENTRIES
from shared.contract.entries import START, EntryId, Events, parse_entry
from shared.contract.keys import PartitionKeys
from shared.log import Log
from shared.log_redis import open_redis_log

AOF = "always"
BLOCK = 1_000
STEP_MS = 2
WARM_BLOCKS = 100
"""By then all agents and queues are known, and tables grow no more than on any day."""
FIRST_MS = 1_772_442_847_500
"""Half past a second: the first blocks end before the next whole second, the measured ones go past it."""
TARGET_PER_S = 500_000.0
PEER = "plain Python loop over dictionaries, the same drivers"
TARGET_RATIO = 10.0
PEER_PART = 10
"""The peer is slower by more than that: a tenth of the blocks takes it longer still."""
PARTITION = 0


def run(effort: Effort, say: Callable[[str], None]) -> list[Row]:
    """Two rows: alone, and beside the peer. Raises BenchFault."""
    with fresh_store(AOF) as url:
        _write(url, WARM_BLOCKS + effort.blocks)
        with on_cpu(SERVER_CPU):
            ours, theirs = asyncio.run(_rounds(url, effort, say))
    name, unit = "scoring from the log", "events/s"
    return [
        row(name, aof=AOF, unit=unit, ours=ours, target=TARGET_PER_S),
        row(
            f"{name}, beside plain Python", aof=AOF, unit=unit, ours=ours, peer=PEER, theirs=theirs, target=TARGET_RATIO
        ),
    ]


def _write(url: str, blocks: int) -> None:
    entries = block_entries(3, first_ms=FIRST_MS, step_ms=STEP_MS, events_each=BLOCK)
    with redis.Redis.from_url(url) as store:
        for at_ms, fields in islice(entries, blocks):
            store.xadd(PartitionKeys(PARTITION).events, fields, id=f"{at_ms}-0")


async def _rounds(url: str, effort: Effort, say: Callable[[str], None]) -> tuple[list[float], list[float]]:
    log = await open_redis_log(url)
    try:
        blocks = await _decoded(log, WARM_BLOCKS + max(effort.blocks // PEER_PART, 1))
        ours, theirs = [], []
        for number in range(effort.rounds):
            ours.append(await _rate(log, effort.blocks))
            theirs.append(_peer_rate(blocks))
            say(f"round {number + 1}: {ours[-1]:,.0f} events/s, plain Python {theirs[-1]:,.0f}")
        return ours, theirs
    finally:
        await log.close()


async def _rate(log: Log, blocks: int) -> float:
    """Events a second of one pass over the log, after its first part."""
    engine = Engine()
    position = await _score(log, engine, START, WARM_BLOCKS)
    began_s = time.perf_counter()
    await _score(log, engine, position, blocks)
    return blocks * BLOCK / (time.perf_counter() - began_s)


async def _score(log: Log, engine: Engine, position: EntryId, blocks: int) -> EntryId:
    """Let the engine take so many entries after `position`; where it then stands."""
    taken = 0
    while taken < blocks:
        entries = await log.read(PARTITION, position, count=min(READ_ENTRIES, blocks - taken))
        for entry in entries:
            report = engine.step(entry)
            if aside := set_aside(report.counts):
                raise BenchFault(f"events were set aside: {aside}")
        taken += len(entries)
        position = engine.position
    return position


def set_aside(counts: dict[str, int]) -> dict[str, int]:
    """Events that the engine did not take as they came. Contradictions are no such thing: they count."""
    return {name: counts[name] for name in ("late", "repeated", "ahead", "unnamed") if name in counts}


async def _decoded(log: Log, count: int) -> list[tuple[int, list[Event]]]:
    """Time and events of the first blocks."""
    blocks: list[tuple[int, list[Event]]] = []
    position = START
    while len(blocks) < count:
        for entry in await log.read(PARTITION, position, count=min(READ_ENTRIES, count - len(blocks))):
            body = parse_entry(entry.fields)
            assert isinstance(body, Events)
            blocks.append((entry.id.ms, plain_events(body)))
            position = entry.id
    return blocks


def _peer_rate(blocks: list[tuple[int, list[Event]]]) -> float:
    """Events a second of the peer, after the first part."""
    scorer = PlainScorer()
    for at_ms, events in blocks[:WARM_BLOCKS]:
        scorer.step(events, at_ms)
    scorer.count_agents(blocks[WARM_BLOCKS][0])
    began_s = time.perf_counter()
    for at_ms, events in blocks[WARM_BLOCKS:]:
        scorer.step(events, at_ms)
    return (len(blocks) - WARM_BLOCKS) * BLOCK / (time.perf_counter() - began_s)
