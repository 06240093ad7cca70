"""Memory of the store an event: our blocks beside one JSON entry an event, of the same events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import msgspec
import redis

from bench.effort import Effort
from bench.recorded import SECRET, TENANT
from bench.rows import LOWER_IS_BETTER, Row, row
from bench.store import fresh_store
from bench.workload import events
from shared.contract.encoder import EventsEncoder
from shared.contract.entries import block_fields
from shared.contract.events import event_decoder
from shared.contract.keys import PartitionKeys
from shared.contract.rows import RowHashes
from shared.log import Lookup
from shared.log_redis import open_redis_log

EVENTS = 20_000
AOF = "everysec"  # nothing of it lies in memory
PARTITION = 0
PEER = "one JSON entry an event"
TARGET = 1 / 3

Stored = tuple[float, float]
"""Bytes an event: of the stream alone, and of all that the events left in the store."""


def run(effort: Effort, say: Callable[[str], None]) -> list[Row]:
    """Rows for blocks of 100 and of 1."""
    hundred, single, json = [], [], []
    for number in range(effort.rounds):
        sent = list(islice(events(10 + number, time.time_ns() // 1_000_000), EVENTS))
        json.append(_as_json(sent))
        hundred.append(_as_blocks(sent, 100))
        single.append(_as_blocks(sent, 1))
        say(f"round {number + 1}: blocks of 100 {hundred[-1][0]:.0f}, of 1 {single[-1][0]:.0f}, JSON {json[-1][0]:.0f}")
    unit = f"bytes {LOWER_IS_BETTER}"
    rows = []
    for ours, size, target in ((hundred, 100, TARGET), (single, 1, None)):
        for what, bound, which in (("", target, 0), (", with the index of callers", None, 1)):
            rows.append(
                row(
                    f"redis memory per event, blocks of {size}{what}",
                    aof=AOF,
                    unit=unit,
                    ours=[value[which] for value in ours],
                    peer=PEER,
                    theirs=[value[which] for value in json],
                    target=bound,
                )
            )
    return rows


def _as_json(sent: Sequence[dict[str, Any]]) -> Stored:
    with fresh_store(AOF) as url, redis.Redis.from_url(url) as store:
        before = _used(store)
        for first in range(0, len(sent), 1000):
            with store.pipeline(transaction=False) as pipe:
                for event in sent[first : first + 1000]:
                    pipe.xadd("events", {"d": msgspec.json.encode(event)})
                pipe.execute()
        return _stored(store, "events", before, len(sent))


def _as_blocks(sent: Sequence[dict[str, Any]], size: int) -> Stored:
    with fresh_store(AOF) as url, redis.Redis.from_url(url) as store:
        before = _used(store)
        asyncio.run(_append(url, sent, size))
        return _stored(store, PartitionKeys(PARTITION).events, before, len(sent))


async def _append(url: str, sent: Sequence[dict[str, Any]], size: int) -> None:
    """As ingest does it."""
    decoder, hashes = event_decoder(), RowHashes(TENANT, SECRET)
    log = await open_redis_log(url)
    try:
        for first in range(0, len(sent), size):
            part = [decoder.decode(msgspec.json.encode(event)) for event in sent[first : first + size]]
            encoder = EventsEncoder()
            encoder.add(TENANT, hashes, part, [event["ts"] for event in sent[first : first + size]])
            block, asked = encoder.finish()
            await log.append(PARTITION, block_fields(block), [Lookup(*question) for question in asked])
    finally:
        await log.close()


def _stored(store: Any, key: str, before: int, count: int) -> Stored:
    return store.memory_usage(key, samples=0) / count, (_used(store) - before) / count


def _used(store: Any) -> int:
    """Bytes of data, without what connections and replication need."""
    return int(store.memory_stats()["dataset.bytes"])
