"""What `/readyz` says: which dependency is not well, since when, and whether it hinders."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from shared.clock import ManualClock
from shared.log import LogUnavailable, Store
from shared.log_memory import MemoryLog
from shared.readiness import Dependency, Readiness
from shared.redis_store import read_info
from shared.store_watch import StoreWatch


@pytest.mark.asyncio
async def test_a_fault_is_named_with_its_reason_and_since_when() -> None:
    clock = ManualClock()
    found = [Dependency("log"), Dependency("settings", hinders=False)]

    async def ask() -> list[Dependency]:
        return found

    readiness = Readiness(clock, ask)
    first = await readiness.look()
    assert (first.ready, first.body["status"], first.body["faults"]) == (True, "ready", {})
    clock.advance(60)
    found = [Dependency("log", "does not answer"), Dependency("settings", "an older file", hinders=False)]
    begun = await readiness.look()
    clock.advance(30)
    later = await readiness.look()
    assert not later.ready
    assert later.body["faults"] == {"log": "does not answer"}, "what does not hinder is no fault"
    log, settings = later.body["dependencies"]
    assert log == {
        "name": "log",
        "well": False,
        "hinders": True,
        "since": "2025-10-09T08:54:20.000Z",
        "detail": "does not answer",
    }
    assert log == begun.body["dependencies"][0], "the moment does not move while it lasts"
    assert settings["well"] is False
    found = [Dependency("log")]
    assert (await readiness.look()).body["dependencies"][0]["since"] == "2025-10-09T08:54:50.000Z"


class _SkewedLog(MemoryLog):
    """A store whose clock, memory and answers a test sets."""

    seen = Store("0", 0, 0, 0, False, 0)
    away = False

    async def store(self) -> list[Store]:
        if self.away:
            raise LogUnavailable("the plug is pulled")
        return [self.seen]


@pytest.mark.asyncio
async def test_a_wrong_clock_is_told_from_5_s_on_and_hinders_nobody() -> None:
    clock = ManualClock()
    log = _SkewedLog(clock=clock)
    watch = StoreWatch(log, clock, CollectorRegistry())
    for off_s, well in ((0, True), (4.9, True), (-6, False), (301, False)):
        log.seen = Store("0", clock.now_ms() - round(off_s * 1000), 5, 10, False, 0)
        await watch.look()
        assert watch.clock_difference_s == off_s
        (at,) = watch.dependencies()
        assert (at.fault is None, at.hinders) == (well, False)
    assert at.fault == "this machine's clock is 301 s ahead of the log's; set both by NTP"


@pytest.mark.asyncio
async def test_what_the_store_says_is_shown_and_kept_while_it_is_away() -> None:
    clock, registry = ManualClock(), CollectorRegistry()
    log = _SkewedLog(clock=clock)
    log.seen = Store("0", clock.now_ms(), 850, 1000, True, 3)
    watch = StoreWatch(log, clock, registry)

    def shown() -> list[float | None]:
        names = ("memory_bytes", "memory_limit_bytes", "write_faults", "evictions_total")
        of_node = [registry.get_sample_value(f"strainwatch_store_{name}", {"node": "0"}) for name in names]
        return [registry.get_sample_value("strainwatch_store_up"), *of_node]

    assert shown() == [0, 0, 0, 0, 0]
    await watch.look()
    assert shown() == [1, 850, 1000, 1, 3]
    log.away = True
    await watch.look()
    assert shown() == [0, 850, 1000, 1, 3]


INFO = """# Server\r
server_time_usec:1760000000123456\r
# Memory\r
used_memory:1048576\r
maxmemory:4194304\r
# Persistence\r
aof_enabled:{aof}\r
aof_last_write_status:{aof_write}\r
aof_last_bgrewrite_status:ok\r
rdb_last_bgsave_status:{rdb}\r
# Stats\r
evicted_keys:2\r
"""


@pytest.mark.parametrize(
    ("aof", "aof_write", "rdb", "fails"),
    [(1, "ok", "ok", False), (1, "err", "ok", True), (1, "ok", "err", False), (0, "ok", "err", True)],
)
def test_info_is_read_and_the_disk_that_counts_is_that_of_the_log(
    aof: int, aof_write: str, rdb: str, fails: bool
) -> None:
    seen = read_info(INFO.format(aof=aof, aof_write=aof_write, rdb=rdb), "0")
    assert seen == Store("0", 1_760_000_000_123, 1_048_576, 4_194_304, fails, 2)
    with pytest.raises(LogUnavailable, match="Redis 7"):
        read_info("# Server\r\n", "0")
