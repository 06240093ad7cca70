"""A primary under three sentinels is killed: the log finds the new one, and says when it found a replica instead."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from shared.contract.entries import START, tick_fields
from shared.log import LogUnavailable
from shared.log_redis import RedisLog, open_redis_log
from shared.redis_confirm import Confirmation
from tests.cluster.load import Load, answered, until
from tests.cluster.nodes import Node, SentinelStore, running_sentinel

pytestmark = pytest.mark.asyncio

KILLS = int(os.environ.get("CLUSTER_KILLS", "1"))
ENOUGH = int(os.environ.get("SENTINEL_CONFIRM", "0"))
"""Replicas that must confirm in the first test; for figures by hand. Fewer than there are is no promise."""
TICK = tick_fields(1)


@pytest.fixture(scope="module")
def four_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelStore]:
    """A primary, three replicas, three sentinels that lose patience after a second."""
    folder = tmp_path_factory.mktemp("sentinel")
    with running_sentinel(folder, replicas=3, sentinels=3, down_ms=1_000) as store:
        yield store


@pytest.fixture
def house(four_servers: SentinelStore) -> SentinelStore:
    """Empty. Those that were killed stay so: sentinels take ten seconds until they trust one that came back."""
    four_servers.settled()
    four_servers.run("FLUSHALL")
    return four_servers


async def test_a_primary_killed_under_load_is_replaced(house: SentinelStore) -> None:
    acked = lost = 0
    away_s: list[float] = []
    for _ in range(KILLS):
        house.revive()
        log = await open_redis_log(house.url, partitions=2, confirm=Confirmation(ENOUGH) if ENOUGH else None)
        load, breaks = Load(log), log.breaks
        async with load.running():
            await load.more(0)
            waiting = asyncio.create_task(log.read(0, START, count=1, block_ms=2_000))
            house.primary().kill()
            await load.more(0)
            await load.more(1)
            await asyncio.gather(waiting, return_exceptions=True)
        assert log.breaks > breaks
        for partition in range(2):
            acked += len(load.acked[partition])
            lost += len(await load.lost(partition))
            away_s.append(load.pause_s_max[partition])
        await log.close()
    away_s.sort()
    print(f"\nkills {KILLS}, acknowledged {acked}, lost {lost}, away p50 {away_s[KILLS]:.2f} max {away_s[-1]:.2f} s")


async def test_what_every_replica_confirmed_is_kept_whichever_takes_over(house: SentinelStore) -> None:
    acked = 0
    for kill in range(KILLS):
        if kill:
            house.revive()
        replicas = sum(server.running for server in house.servers) - 1
        log = await open_redis_log(house.url, partitions=2, confirm=Confirmation(replicas, wait_ms=300))
        load = Load(log)
        async with load.running():
            await load.more(0)
            house.primary().kill()
            await until(house.found, "another is the primary")
        await until(answered(partial(log.state, 0)), "the log finds it")
        assert not await load.lost(0)
        assert not await load.lost(1)
        acked += len(load.acked[0]) + len(load.acked[1])
        await until(partial(refused, log, replicas), "one of them is gone, so nothing counts any more")
        await log.close()
    print(f"\nkills {KILLS}, confirmed by every replica {acked}, lost 0")


async def refused(log: RedisLog, replicas: int) -> bool:
    """Whether an entry is not confirmed for want of replicas."""
    try:
        await log.append(0, TICK)
    except LogUnavailable as fault:
        return f"of {replicas} replicas confirmed" in str(fault)
    return False


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """A primary and its replica that no sentinel looks after, so that none of them corrects a change of roles."""
    with ExitStack() as nodes:
        primary = Node(tmp_path / "primary")
        nodes.callback(primary.kill)
        replica = Node(tmp_path / "replica", f"replicaof 127.0.0.1 {primary.port}\n")
        nodes.callback(replica.kill)
        yield primary, replica


async def test_a_replica_that_a_sentinel_takes_for_the_primary_is_refused_until_it_is(
    house: SentinelStore, pair: tuple[Node, Node]
) -> None:
    sentinel, (primary, replica) = house.sentinels[0], pair
    sentinel.run("SENTINEL", "MONITOR", "other", "127.0.0.1", replica.port, 1)
    url = f"redis+sentinel://127.0.0.1:{sentinel.port}/other"
    try:
        with pytest.raises(LogUnavailable, match="is a slave, not the primary"):
            await open_redis_log(url, partitions=2)
        replica.run("REPLICAOF", "NO", "ONE")
        log = await open_redis_log(url, partitions=2)
        await log.append(0, TICK)
        reading = asyncio.create_task(log.read(1, START, block_ms=2_000))
        await until(lambda: int(replica.info("clients")["blocked_clients"]) == 1, "the read waits")
        breaks = log.breaks
        replica.run("REPLICAOF", "127.0.0.1", primary.port)
        with pytest.raises(LogUnavailable, match="no longer the primary"):
            await reading
        assert log.breaks > breaks
        for call in (lambda: log.append(0, TICK), lambda: log.read(0, START), log.ping):
            with pytest.raises(LogUnavailable, match=r"primary|slave"):
                await call()
        await log.close()
    finally:
        sentinel.run("SENTINEL", "REMOVE", "other")


async def test_a_sentinel_that_is_down_or_not_one_is_passed_over_and_a_wrong_name_is_told(house: SentinelStore) -> None:
    up = house.sentinels[1].port
    server = house.primary().port
    log = await open_redis_log(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{server},127.0.0.1:{up}/main", partitions=2)
    await log.append(0, TICK)
    await log.close()
    with pytest.raises(LogUnavailable, match="knows no service 'other'"):
        await open_redis_log(f"redis+sentinel://127.0.0.1:{up}/other")
    with pytest.raises(LogUnavailable, match=r"No sentinel of redis\+sentinel://127.0.0.1:1/main answers"):
        await open_redis_log("redis+sentinel://:secret@127.0.0.1:1/main")


async def test_sentinels_and_servers_ask_for_their_own_passwords(house: SentinelStore) -> None:
    running = [server for server in house.servers if server.running]
    try:
        for server in running:  # a sentinel that gives one another role ends its connections
            user = ("ACL", "SETUSER", "ingest", "on", ">for servers", "~*", "&*", "+@all")
            await until(partial(server.run, *user), "a server takes a user")
        sentinel = house.sentinels[0]
        sentinel.run("ACL", "SETUSER", "asker", "on", ">for sentinels", "~*", "&*", "+@all")
        place = f"127.0.0.1:{sentinel.port}/main"
        asker = "sentinel_username=asker&sentinel_password=for%20sentinels"
        log = await open_redis_log(f"redis+sentinel://ingest:for%20servers@{place}?{asker}", partitions=2)
        await log.append(0, TICK)
        await log.close()
        for wrong in (
            f"ingest:no@{place}?{asker}",
            f"ingest:for%20servers@{place}?sentinel_username=asker&sentinel_password=no",
        ):
            with pytest.raises(LogUnavailable, match="refuses the password"):
                await open_redis_log(f"redis+sentinel://{wrong}")
    finally:
        for node in (*running, house.sentinels[0]):
            node.run("ACL", "DELUSER", "ingest", "asker")
