"""Scorers as shards, each with a standby, on a cluster: real processes that are killed, and who goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from shared.contract.entries import tick_fields
from shared.log import Log
from shared.log_redis import open_redis_log
from tests.cluster.load import alerts_of, replayed, until
from tests.cluster.nodes import free_port
from tests.contract.scoring_kit import EAGER, busy_stretch

if TYPE_CHECKING:
    from tests.cluster.nodes import ClusterStore

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from tools.cli import main; main()", "serve", "scoring"]
PARTITIONS = 4


@contextmanager
def scorer(url: str, shard: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`strainwatch serve scoring` of a shard, as people start it; the process and its port."""
    settings = folder / "settings.toml"
    settings.write_bytes(EAGER)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STRAINWATCH_")}
    port = free_port()
    ours = {
        "REDIS_URL": url,
        "PARTITIONS": str(PARTITIONS),
        "SCORING_SHARD": shard,
        "SETTINGS": str(settings),
        "PORT": str(port),
        "DATA_DIR": str(folder),
    }
    environment = {**kept, "PYTHONPATH": str(ROOT), **{f"STRAINWATCH_{name}": value for name, value in ours.items()}}
    with subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=sys.stderr) as started:
        try:
            yield started, port
        finally:
            started.kill()


async def in_phase(port: int, phase: str) -> None:
    """Wait until a scorer says that all its partitions are in a phase."""

    def phases() -> set[str]:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return {at["phase"] for at in json.load(answer)["partitions"]}
        return set()

    async def reached() -> bool:
        return await asyncio.to_thread(phases) == {phase}

    await until(reached, f"the scorer at port {port} is {phase}")


async def judged(log: Log, partition: int) -> None:
    """Wait until a new entry of a partition was judged."""
    stands = await log.append(partition, tick_fields(0))

    async def done() -> bool:
        return (await log.state(partition)).published >= stands

    await until(done, f"partition {partition} is judged")


async def generations(log: Log) -> list[int]:
    return [(await log.state(p)).generation for p in range(PARTITIONS)]


async def test_a_standby_takes_over_the_partitions_of_its_shard_and_no_others(
    cluster_store: ClusterStore, tmp_path: Path
) -> None:
    log = await open_redis_log(cluster_store.url, partitions=PARTITIONS)
    calls = busy_stretch(time.time_ns() // 1_000_000 - 500_000)[:120]
    url = cluster_store.url
    with scorer(url, "0/2", tmp_path) as (first, port), scorer(url, "1/2", tmp_path) as (other, other_port):
        await asyncio.gather(in_phase(port, "running"), in_phase(other_port, "running"))
        before = await generations(log)
        assert all(before)
        # The standby is started only now, so that it is known who is who.
        with scorer(url, "0/2", tmp_path) as (standby, standby_port):
            await in_phase(standby_port, "standby")
            for entry in calls[:60]:
                await asyncio.gather(*(log.append(p, entry.fields) for p in range(PARTITIONS)))
            await asyncio.gather(*(judged(log, p) for p in range(PARTITIONS)))
            assert await generations(log) == before, "nobody takes what has an owner"
            killed_s = time.monotonic()
            first.kill()
            for entry in calls[60:]:
                await asyncio.gather(*(log.append(p, entry.fields) for p in range(PARTITIONS)))
            await asyncio.gather(judged(log, 0), judged(log, 2))
            print(f"\ntaken over within {time.monotonic() - killed_s:.1f} s")
            await asyncio.gather(judged(log, 1), judged(log, 3))
            changed = [now > then for now, then in zip(await generations(log), before, strict=True)]
            assert changed == [True, False, True, False]
            for process in (standby, other):
                process.send_signal(signal.SIGTERM)
            for process in (standby, other):
                assert await asyncio.to_thread(process.wait, 30) == 0
    for partition in range(PARTITIONS):
        alerts = await alerts_of(log, partition)
        assert alerts == await replayed(log, partition, tmp_path)
        assert alerts
    await log.close()
