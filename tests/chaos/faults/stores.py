"""A log server that is full, damaged or emptied."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path

from shared.log import LogUnavailable
from tests.chaos.rows import Chaos, Row, fault
from tests.chaos.system import System, system
from tests.chaos.waiting import until

LEADS = 20
FULL_S = 3.0
"""How long it stays full."""
SPARE_BYTES = 200_000
DISK_MB = 48


async def _full(it: System, row: Row, fill: str) -> None:
    """While it is full nothing is acknowledged that is not in the log, and the answer is 503 with Retry-After."""
    ledger = it.loads[0].ledger
    before = ledger.answers[503]
    await until(lambda: ledger.answers[503] > before, f"events are refused, {fill}")

    async def told() -> bool:
        return (await it.ask("ingest", "/readyz")).status == 503

    await until(told, f"ingest says that it is not ready, {fill}")  # at the brink one more append may have passed
    await asyncio.sleep(FULL_S)
    row.figures["503 meanwhile"] = ledger.answers[503]


@fault("maxmemory reached", "the store refuses writes until it gets more")
async def full_memory(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        await it.owned()
        load = it.load()
        await it.join(LEADS)
        for _ in range(chaos.share(5)):
            used = it.store.run("INFO", "memory")
            assert isinstance(used, dict)
            it.store.run("CONFIG", "SET", "maxmemory", int(used["used_memory"]) + SPARE_BYTES)
            await _full(it, row, "with the memory full")
            at_s = time.monotonic()
            it.store.run("CONFIG", "SET", "maxmemory", 0)
            await until(lambda: load.ledger.acknowledged_at_s > at_s, "events are acknowledged again")  # noqa: B023
            await it.scored_from((await it.state()).events_last)
            row.recovered(time.monotonic() - at_s)
        row.judged(await it.judged())


@fault("disk full under the AOF", "a small file system of its own; room is made again")
async def full_disk(chaos: Chaos, row: Row) -> None:
    if os.geteuid() != 0:
        row.skip("needs root, to mount a small file system")
        return
    folder = chaos.folder / "small-disk"
    folder.mkdir()
    if why := _ran("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)):
        row.skip(f"no file system can be mounted here ({why})")
        return
    try:
        async with system(chaos, row, store_folder=folder) as it:
            await it.owned()
            load = it.load()
            await it.join(LEADS)
            # With fsync at each write the server ends itself rather than go on with a log that it cannot write.
            keeping = asyncio.create_task(it.store.keep_running())
            for _ in range(chaos.share(5)):
                ballast = folder / "ballast"
                with ballast.open("wb", buffering=0) as file, _ends_at_full_disk():
                    while True:
                        file.write(bytes(4096))
                await _full(it, row, "with the disk full")
                at_s = time.monotonic()
                ballast.unlink()
                await until(lambda: load.ledger.acknowledged_at_s > at_s, "events are acknowledged again")  # noqa: B023
                await it.scored_from((await it.state()).events_last)
                row.recovered(time.monotonic() - at_s)
            row.figures["restarts of the server"] = it.store.restarts
            row.judged(await it.judged())
            keeping.cancel()
    finally:
        _ran("umount", "-l", str(folder))


def _ran(*command: str) -> str:
    """Why a command failed; empty when it did not."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip() or "it says nothing" if done.returncode else ""


class _ends_at_full_disk:  # noqa: N801 reads as a word in `with`
    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, fault: object, trace: object) -> bool:
        return isinstance(fault, OSError) and fault.errno == 28


def _tail_file(store_folder: Path) -> Path:
    files = sorted((store_folder / "appendonlydir").glob("*.incr.aof"))
    return max(files, key=lambda path: path.stat().st_mtime)


@fault("AOF tail cut", "a disk that lost acknowledged writes: not promised to be kept, promised to be told")
async def cut_tail(chaos: Chaos, row: Row) -> None:
    lost = 0
    async with system(chaos, row) as it:
        await it.owned()
        load = it.load()
        await it.join(LEADS)
        times = chaos.share(5)
        for _ in range(times):
            await asyncio.sleep(2)
            epoch = (await it.state()).epoch
            lists = sum(len(lead.stretches) for lead in it.leads)
            at_s = time.monotonic()
            it.store.kill()
            path = _tail_file(it.store.folder)
            os.truncate(path, max(0, path.stat().st_size - it.rng.randrange(20_000, 60_000)))
            it.store.start()
            await it.store.answers()
            await until(lambda: load.ledger.acknowledged_at_s > at_s, "events are acknowledged again")  # noqa: B023
            await it.until(lambda state: state.epoch != epoch, "the loss is found")  # noqa: B023
            row.recovered(time.monotonic() - at_s)
            await until(
                lambda: sum(len(lead.stretches) for lead in it.leads) >= lists + LEADS,  # noqa: B023
                "every lead is told that its list is replaced",
            )
        found = await it.judged(lists_max=1 + 2 * times, loss=True)
        lost, found.lost = found.lost, 0
        row.judged(found)
    row.figures["lost by the cut, and told"] = lost


@fault("FLUSHALL", "everything is gone, the API keys too: not promised to be kept, promised to be told")
async def flushed(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        await it.owned()
        load = it.load()
        await it.join(LEADS)
        await asyncio.sleep(2)
        epoch, lists = (await it.state()).epoch, sum(len(lead.stretches) for lead in it.leads)
        at_s = time.monotonic()
        it.store.run("FLUSHALL")
        await it.put_key()
        await until(lambda: load.ledger.acknowledged_at_s > at_s + 1, "events are acknowledged again")
        await it.until(lambda state: state.epoch != epoch, "the loss is found")
        await it.scored_from((await it.state()).events_last)
        row.recovered(time.monotonic() - at_s)
        await until(
            lambda: sum(len(lead.stretches) for lead in it.leads) >= lists + LEADS,
            "every lead is told that its list is replaced",
        )
        found = await it.judged(lists_max=4, loss=True)
        row.figures["lost by it, and told"], found.lost = found.lost, 0
        row.judged(found)


@fault("the log server away at the start", "services wait for it, and say so")
async def late_store(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        await it.owned()
        load = it.load()
        await it.join(LEADS)
        it.store.kill()
        for service in it.services.values():
            service.kill()
        for service in it.services.values():
            await service.gone()
            service.start()
        try:
            await it.state()
            row.expect(False, "the store is not away")
        except LogUnavailable:
            pass
        await asyncio.sleep(2)
        at_s = time.monotonic()
        it.store.start()
        await until(lambda: load.ledger.acknowledged_at_s > at_s, "events are acknowledged again")
        await it.scored_from((await it.state()).events_last)
        row.recovered(time.monotonic() - at_s)
        row.judged(await it.judged())
