"""A master is killed: what an asynchronous replica can lose, what confirmation keeps, and that a loss is seen and told.

`CLUSTER_KILLS=n` kills n masters in each of the first tests; the figures of docs/scaling.md are such a run.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry

from services.scoring.app import Scoring
from services.scoring.scorer import Timing
from shared.clock import SystemClock
from shared.contract.entries import START, Events, parse_entry
from shared.contract.keys import PartitionKeys, partition_of
from shared.log import LogUnavailable
from shared.log_redis import RedisLog, open_redis_log
from shared.redis_confirm import Confirmation
from tests.cluster.load import Load, alerts_of, replayed, until
from tests.cluster.nodes import ClusterNode, ClusterStore, running_cluster
from tests.contract.notify_house import house
from tests.contract.scoring_kit import CALLS, EAGER, settings_from
from tests.contract.serving_ingest import serving
from tools.bank_calls import BankCalls

if TYPE_CHECKING:
    import httpx2

pytestmark = pytest.mark.asyncio

KILLS = int(os.environ.get("CLUSTER_KILLS", "1"))
PARTITIONS = 4
DEMO = partition_of("demo", PARTITIONS)
EVENTS_KEY = PartitionKeys(DEMO).events


@pytest.fixture(scope="module")
def six_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterStore]:
    """Three masters with a replica each."""
    with running_cluster(tmp_path_factory.mktemp("nodes"), replicas=True, timeout_ms=2_000) as store:
        yield store


@pytest.fixture
def cluster(six_nodes: ClusterStore) -> ClusterStore:
    """All six at work, and empty."""
    six_nodes.revive()
    six_nodes.run("FLUSHALL")
    return six_nodes


@asynccontextmanager
async def opened(cluster: ClusterStore, confirm: Confirmation | None = None) -> AsyncIterator[RedisLog]:
    log = await open_redis_log(cluster.url, partitions=PARTITIONS, confirm=confirm)
    try:
        yield log
    finally:
        await log.close()


def cut_off(cluster: ClusterStore, master: ClusterNode) -> ClusterNode:
    """From now on its replica gets nothing; the replica, which stands still."""
    replica = cluster.replica_of(master)
    master.run("WAIT", 1, 5_000)
    replica.suspend()
    master.cut_off_replicas()
    return replica


async def back_as_replica(victim: ClusterNode, replica: ClusterNode) -> None:
    """Start a killed master when its replica has taken its place: until then nobody could confirm anything."""
    await until(replica.primary_is, "the replica takes the place of its master")
    victim.start()


@pytest.mark.parametrize("confirm", [None, Confirmation(1)], ids=["asynchronous", "confirmed"])
async def test_a_master_killed_under_load_is_replaced_and_the_others_go_on(
    cluster: ClusterStore, confirm: Confirmation | None
) -> None:
    acked = lost = 0
    away_s: list[float] = []
    for kill in range(KILLS):
        async with opened(cluster, confirm) as log:
            load, partition = Load(log), kill % PARTITIONS
            key = PartitionKeys(partition).events
            victim = cluster.master_of(key)
            beside = [p for p in range(PARTITIONS) if cluster.master_of(PartitionKeys(p).events) is not victim]
            async with load.running():
                await load.more(partition)
                replica = cluster.replica_of(victim)
                victim.kill()
                at_kill = len(load.acked[partition])
                for other in beside:
                    await load.more(other, 5)
                assert len(load.acked[partition]) - at_kill <= 1, "one answer may have been under way"
                if confirm is not None:
                    await back_as_replica(victim, replica)
                await load.more(partition)
            gone = await load.lost(partition)
            before = [stands for stands, _ in load.acked[partition]]
            assert gone == sorted(gone)
            if gone:  # a tail, without holes
                at = before.index(gone[0])
                assert before[at : at + len(gone)] == gone
            for other in beside:
                assert not await load.lost(other)
            acked += len(before)
            lost += len(gone)
            away_s.append(load.pause_s_max[partition])
        if kill + 1 < KILLS:
            cluster.revive()
    away_s.sort()
    print(
        f"\nkills {KILLS}, acknowledged {acked}, lost {lost}, away p50 {away_s[KILLS // 2]:.2f} max {away_s[-1]:.2f} s"
    )
    if confirm is not None:
        assert lost == 0


async def test_what_a_replica_does_not_have_is_not_confirmed_and_what_was_confirmed_is_kept(
    cluster: ClusterStore,
) -> None:
    async with opened(cluster, Confirmation(1, wait_ms=300)) as log:
        load = Load(log)
        async with load.running():
            await load.more(DEMO)
        sure = len(load.acked[DEMO])
        master = cluster.master_of(EVENTS_KEY)
        replica = cut_off(cluster, master)
        stored = master.run("XLEN", EVENTS_KEY)
        for _ in range(3):
            with pytest.raises(LogUnavailable, match="Only 0 of 1 replicas"):
                await log.append(DEMO, {b"t": b"unsure"})
        assert master.run("XLEN", EVENTS_KEY) == stored + 3, "they are in the log all the same"
        await log.append(DEMO, {b"t": b"not promised"}, promised=False)
        assert await log.claim(DEMO, "owner", ttl_ms=1_000), "what waits for replicas holds up nothing else"
        master.kill()
        replica.resume()
        await back_as_replica(master, replica)
        async with load.running():
            await load.more(DEMO)
        assert len(load.acked[DEMO]) > sure
        assert not await load.lost(DEMO)


async def test_disks_can_be_asked_to_confirm(cluster: ClusterStore) -> None:
    async with opened(cluster, Confirmation(1, on_disk=True)) as log:
        for _ in range(3):
            await log.append(DEMO, {b"t": b"1"})
        # How many made it in time is the disks' affair; that one replica is never two is ours.
        with pytest.raises(LogUnavailable, match=r"Only [01] of 2 replicas"):
            async with opened(cluster, Confirmation(2, on_disk=True, wait_ms=200)) as greedy:
                await greedy.append(DEMO, {b"t": b"1"})


def calls() -> list[dict[str, Any]]:
    """Events of a busy quarter of an hour, as if it were now."""
    with CALLS.open() as lines:
        events = [event for event in BankCalls(lines).events() if 983_786_400_000 <= event["ts"] < 983_787_300_000]
    start_ms = SystemClock().now_ms() - 600_000
    return [event | {"ts": event["ts"] - 983_786_400_000 + start_ms} for event in events]


async def post(client: httpx2.AsyncClient, events: list[dict[str, Any]]) -> int:
    """Post a few at a time, each until they are taken, as an ACD does; how often it was told to come again."""
    again = 0
    for at in range(0, len(events), 6):
        while (answer := await client.post("/v1/events", json=events[at : at + 6])).status_code != 202:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) > 0
            again += 1
            await asyncio.sleep(0.1)
    return again


def scoring(log: RedisLog) -> Scoring:
    return Scoring(
        log=log,
        clock=SystemClock(),
        registry=CollectorRegistry(),
        settings=settings_from(EAGER),
        timing=Timing(tick_ms=200, checkpoint_s=1.0),
        engine="tested",
    )


async def judged(log: RedisLog) -> None:
    """Wait until all that the log holds was judged."""
    end = (await log.state(DEMO)).events_last

    async def done() -> bool:
        return (await log.state(DEMO)).published >= end

    await until(done, "all is judged")


async def test_a_lost_tail_is_found_and_told_and_the_line_goes_on(cluster: ClusterStore, tmp_path: Path) -> None:
    events = calls()
    third = len(events) // 3
    async with opened(cluster) as log, opened(cluster) as scorers, opened(cluster) as notifies:
        service = scoring(scorers)
        await service.start()
        async with serving(log, SystemClock()) as (client, ingest), house(notifies, judged=True) as notify:
            await post(client, events[:third])
            await judged(log)
            epoch = (await log.state(DEMO)).epoch
            master = cluster.master_of(EVENTS_KEY)
            async with notify.lead(tenant="demo") as lead:
                assert (await lead.next("hello"))["epoch"] == epoch
                replica = cut_off(cluster, master)
                kept = await stored(log)
                await post(client, events[third : 2 * third])
                await judged(log)
                assert len(await stored(log)) == 2 * third
                seen = await lead.next("alert")
                master.kill()
                replica.resume()
                told = await lead.next("hello", recovered=False)
                while told["epoch"] == epoch:  # first that the end moved back, then by whom it was found
                    told = await lead.next("hello", recovered=False)
                state = await log.state(DEMO)
                assert told["epoch"] == state.epoch != epoch
                assert service._measures.partition(DEMO).counts["epochs"] == 1
                assert await stored(log) == kept == [event["id"] for event in events[:third]]
                async with notify.lead(tenant="demo") as late:
                    await late.next("hello")
                    await late.send("resume", epoch=epoch, cursor=seen["cursor"])
                    assert (await late.next("hello", recovered=False))["epoch"] == state.epoch
                await post(client, events[third:])  # a sender that keeps what it sent may send it again
                await judged(log)
                assert ingest.measures.losses == 1, "who had promised it says so too"
        await service.drain()
        alerts = await alerts_of(log, DEMO)
        assert len(alerts) > 5
        assert alerts == await replayed(log, DEMO, tmp_path)
        assert (await log.state(DEMO)).differing == 0


async def stored(log: RedisLog) -> list[str]:
    """Ids of the events in the log, in its order."""
    found, after = [], START
    while entries := await log.read(DEMO, after):
        for body in (parse_entry(entry.fields) for entry in entries):
            if isinstance(body, Events):
                found += [body.block.event_id(row) for row in range(len(body.block.kind))]
        after = entries[-1].id
    return found


async def test_over_a_failover_the_line_loses_nothing_that_was_confirmed(cluster: ClusterStore, tmp_path: Path) -> None:
    events = calls()
    half = len(events) // 2
    async with opened(cluster, Confirmation(1)) as log, opened(cluster) as scorers:
        service = scoring(scorers)
        await service.start()
        async with serving(log, SystemClock()) as (client, ingest):
            await post(client, events[:half])
            began_s = time.monotonic()
            master = cluster.master_of(EVENTS_KEY)
            replica = cluster.replica_of(master)
            master.kill()
            posting = asyncio.create_task(post(client, events[half:]))
            await back_as_replica(master, replica)
            again = await posting
            away_s = time.monotonic() - began_s
            assert again > 0, "a 503 said so while nobody had the partition"
            assert ingest.measures.accepted == len(events)
            await judged(log)
        await service.drain()
        held = await stored(log)
        print(f"\naccepted {len(events)}, stored {len(held)}, told to come again {again} times in {away_s:.1f} s")
        assert set(held) == {event["id"] for event in events}, (
            "each is there at least once; scoring drops a second copy"
        )
        assert await alerts_of(log, DEMO) == await replayed(log, DEMO, tmp_path)
