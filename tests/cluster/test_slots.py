"""A log whose partitions live on several masters, while their slots move from one to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from shared.contract.entries import START, EntryId, tick_fields
from shared.contract.keys import API_KEYS_KEY, META_KEY, PartitionKeys
from shared.log import LogUnavailable, Lookup, Publication
from shared.log_redis import RedisLog, open_redis_log
from shared.redis_cluster import SLOTS, slot_of
from tests.cluster.load import Load, until

if TYPE_CHECKING:
    from tests.cluster.nodes import ClusterStore, SentinelStore

pytestmark = pytest.mark.asyncio

TICK = tick_fields(1)
KEYS = [PartitionKeys(p) for p in range(4)]


@pytest_asyncio.fixture
async def log(cluster_store: ClusterStore) -> AsyncIterator[RedisLog]:
    opened = await open_redis_log(cluster_store.url, partitions=4)
    yield opened
    await opened.close()


def other_master(store: ClusterStore, key: str) -> ClusterStore:
    """One that does not have the key."""
    holder = store.master_of(key)
    return next(node for node in store.masters() if node is not holder)


async def test_a_slot_is_that_of_the_hash_tag_as_the_cluster_counts_it(cluster_store: ClusterStore) -> None:
    keys = [META_KEY, API_KEYS_KEY, *(key.events for key in KEYS), "", "a{}b", "{x", "}{y}z", "a{b}c{d}", "ä{ö}ü"]
    node = cluster_store.nodes[0]
    assert [slot_of(key) for key in keys] == [node.run("CLUSTER", "KEYSLOT", key) for key in keys]
    assert slot_of(KEYS[1].alerts) == slot_of(KEYS[1].outbox_notes("x")) == slot_of(KEYS[1].callers + "00")
    assert 0 <= slot_of("sw:{0}:events") < SLOTS


async def test_partitions_are_spread_over_the_masters(cluster_store: ClusterStore, log: RedisLog) -> None:
    for partition in range(4):
        await log.append(partition, TICK)
    holding = [node for node in cluster_store.nodes if node.run("KEYS", "sw:{*:events")]
    assert len(holding) == 3
    await log.ping()


async def test_a_slot_that_moved_is_followed_and_told(cluster_store: ClusterStore, log: RedisLog) -> None:
    generation = await log.claim(0, "owner", ttl_ms=60_000)
    assert generation is not None
    first = await log.append(0, TICK, [Lookup(b"caller-1", 1, 1)])
    waiting = asyncio.create_task(log.read(0, first, block_ms=2_000))
    breaks = log.breaks
    cluster_store.move_slot(slot_of(KEYS[0].events), other_master(cluster_store, KEYS[0].events))
    second = await log.append(0, TICK, [Lookup(b"caller-1", 2, 5)])
    assert log.breaks > breaks, "who reads must look whether its position still stands"
    assert [entry.id for entry in await waiting] == [second], "a read that waits goes along"
    assert [entry.id for entry in await log.read(0, START)] == [first, second]
    await log.publish(0, generation, Publication(second, [(EntryId(second.ms, 1 << 20), b"change")]))
    assert (await log.state(0)).published == second


async def test_what_an_owner_writes_is_not_sent_after_a_slot(cluster_store: ClusterStore, log: RedisLog) -> None:
    generation = await log.claim(1, "owner", ttl_ms=60_000)
    assert generation is not None
    entry = await log.append(1, TICK)
    cluster_store.move_slot(slot_of(KEYS[1].events), other_master(cluster_store, KEYS[1].events))
    with pytest.raises(LogUnavailable, match="Another node"):
        await log.publish(1, generation, Publication(entry, [(entry, b"change")]))
    assert (await log.state(1)).published == START
    await log.publish(1, generation, Publication(entry, [(entry, b"change")]))
    assert (await log.state(1)).published == entry


async def test_in_the_middle_of_a_move_keys_are_found_where_they_are(
    cluster_store: ClusterStore, log: RedisLog
) -> None:
    lookups = [Lookup(bytes([n]) * 8, n, n) for n in range(3)]
    ids = [await log.append(2, TICK, lookups)]
    slot, source = slot_of(KEYS[2].events), cluster_store.master_of(KEYS[2].events)
    target = other_master(cluster_store, KEYS[2].events)
    target.run("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
    source.run("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
    source.run("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", KEYS[2].events)
    ids.append(await log.append(2, TICK))
    assert [entry.id for entry in await log.read(2, START, block_ms=100)] == ids
    with pytest.raises(LogUnavailable, match="moving keys"):
        await log.append(2, TICK, lookups)  # its keys are on both nodes, so neither can do it in one step
    while keys := source.run("CLUSTER", "GETKEYSINSLOT", slot, 10):
        source.run("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
    ids.append(await log.append(2, TICK, lookups))
    for node in (target, source):
        node.run("CLUSTER", "SETSLOT", slot, "NODE", target.id)
    ids.append(await log.append(2, TICK, lookups))
    assert [entry.id for entry in await log.read(2, START)] == ids


@pytest.mark.parametrize("way", ["key by key", "whole"])
async def test_nothing_acknowledged_is_lost_or_doubled_while_slots_move_under_load(
    cluster_store: ClusterStore, log: RedisLog, way: str
) -> None:
    load = Load(log)
    async with load.running():
        for partition in (0, 1, 0):
            await load.more(partition)
            slot, target = slot_of(KEYS[partition].events), other_master(cluster_store, KEYS[partition].events)
            if way == "key by key":
                await asyncio.to_thread(cluster_store.move_slot, slot, target)
            elif not await asyncio.to_thread(cluster_store.move_slot_whole, slot, target):
                pytest.skip("these servers move slots only key by key (Valkey 9 moves them whole)")
        await load.more(0)
        await load.more(1)
    print(f"\n{way}: refused {sum(load.refused.values())}, longest pause {max(load.pause_s_max.values()):.2f} s")
    for partition in range(4):
        assert not await load.lost(partition)
        held = [entry.fields[b"t"] for entry in await log.read(partition, START, count=100_000)]
        assert len(held) - len(set(held)) == 0, "an entry that was refused was not written"


async def test_scripts_are_told_to_each_node_that_does_not_know_them(
    cluster_store: ClusterStore, log: RedisLog
) -> None:
    for node in cluster_store.nodes:
        node.run("SCRIPT", "FLUSH")
    for partition in range(4):
        await asyncio.gather(*(log.append(partition, TICK, [Lookup(b"caller-1", 1, 1)]) for _ in range(4)))
        assert len(await log.read(partition, START)) == 4


async def test_a_slot_without_a_node_is_named_and_the_others_work(cluster_store: ClusterStore, log: RedisLog) -> None:
    slot, nodes = slot_of(KEYS[3].events), cluster_store.nodes
    holder = cluster_store.master_of_slot(slot)
    await log.append(3, TICK)
    for node in nodes:
        node.run("CLUSTER", "DELSLOTS", slot)
    fresh = await open_redis_log(cluster_store.url, partitions=4)
    for found in (log, fresh):
        with pytest.raises(LogUnavailable, match=r"Look at CLUSTER INFO"):
            await found.append(3, TICK)
        await found.append(0, TICK)
    await fresh.close()
    holder.run("CLUSTER", "ADDSLOTS", slot)
    await until(lambda: all(b"slots_assigned:16384" in node.run("CLUSTER", "INFO") for node in nodes), "told around")
    await log.append(3, TICK)


async def test_a_url_of_the_other_kind_says_which_one_is_right(
    cluster_store: ClusterStore, sentinel_store: SentinelStore
) -> None:
    port = next(n for n in cluster_store.nodes if n is not cluster_store.master_of(META_KEY)).port
    with pytest.raises(LogUnavailable, match=r"Begin STRAINWATCH_REDIS_URL with redis\+cluster://"):
        await open_redis_log(f"redis://127.0.0.1:{port}")
    with pytest.raises(LogUnavailable, match="The log store is no cluster"):
        await open_redis_log(f"redis+cluster://127.0.0.1:{sentinel_store.servers[0].port}")
    with pytest.raises(LogUnavailable, match=r"No node of redis\+cluster://127.0.0.1:1 answers"):
        await open_redis_log("redis+cluster://127.0.0.1:1")


async def test_a_closed_log_stays_closed(cluster_store: ClusterStore) -> None:
    log = await open_redis_log(cluster_store.url)
    await log.close()
    for call in (lambda: log.append(0, TICK), lambda: log.read(0, START), lambda: log.state(5)):
        with pytest.raises(LogUnavailable, match="closed by this program"):
            await call()
