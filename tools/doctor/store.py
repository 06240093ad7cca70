"""What the log store says of itself, and where the partitions of the log stand."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from services.scoring.identity import engine_name
from shared.access import decode_api_key
from shared.clock import SystemClock
from shared.contract.block import NewerBlock
from shared.contract.block_wire import VERSION as BLOCK_VERSION
from shared.contract.entries import START, EntryId, Settings, parse_entry
from shared.contract.keys import META_KEY, PartitionKeys
from shared.log import Log, LogUnavailable
from shared.redis_address import parse_address
from shared.redis_connection import REPLY_TIMEOUT_S, Link
from shared.redis_faults import RefusedCommand
from shared.redis_links import Links, links_to
from tools.doctor.findings import Finding, fault, ok, warning

SKEW_WARN_S, SKEW_FAULT_S = 1.0, 5.0
"""A scorer alarms from 5 s on: it stamps the log with the store's time and ticks with its own."""
SLOW_MS = 20.0
"""An append waits for one round trip; a store in the same building answers within one."""
FULL_SHARE = 0.85
LAG_S_MAX = 10.0
CHECKPOINT_AGE_S_MAX = 180.0
"""One is written every 30 s; six that are missing are no accident, and a restart reads all that came since."""
FAILURES_MAX = 3
NEWEST_READ = 20
WRITER_MIN = {"redis": 7, "valkey": 8}


async def look_at_server(url: str) -> AsyncIterator[Finding]:
    """The server behind a URL: reached, how far, which, how it keeps what it was given, its clock."""
    try:
        address = parse_address(url)
    except ValueError as bad:
        yield fault("store", str(bad), "correct STRAINWATCH_REDIS_URL")
        return
    links = links_to(address, SystemClock(), REPLY_TIMEOUT_S, None)
    link = links.of(META_KEY)  # of a cluster: the node that has it
    try:
        await link.call("PING")
        started_s = time.perf_counter()
        told = await link.call("TIME")
        took_ms = (time.perf_counter() - started_s) * 1e3
        yield _reached(str(address), took_ms)
        yield _skew(int(told[0]) + int(told[1]) / 1e6 - (time.time() - took_ms / 2e3))
        info = await _info(link)
        config = {name: await _configured(link, name) for name in ("appendfsync", "maxmemory-policy", "maxmemory")}
        for finding in (*_version(info), *_durability(info, config), *_memory(info, config)):
            yield finding
        if info is None:
            advice = "grant `+info +config|get` to the user that looks, or look with the administrator's URL"
            yield warning(
                "store", "this user may not ask for INFO: version, persistence and memory were not seen", advice
            )
    except LogUnavailable as away:
        yield fault("store", str(away), f"see that the store runs at {address} and lets this user in")
    finally:
        await links.close()


async def look_at_log(log: Log, links: Links, settings: Settings | None, now_ms: int) -> AsyncIterator[Finding]:
    """The partitions of the log, who judges them, and whether this version can read them."""
    keys = [decode_api_key(data) for data in (await log.api_keys()).values()]
    in_force = sum(not key.revoked for key in keys)
    if in_force:
        yield ok("API keys", f"{in_force} in force, {len(keys) - in_force} revoked")
    else:
        todo = "strainwatch keys create --tenant T (with Compose: deploy/stack cli keys create --tenant T)"
        yield warning("API keys", "none is in force: no ACD can send", todo)
    yield ok("log", f"{log.partitions} partitions ({META_KEY})")
    for partition in range(log.partitions):
        for finding in await _partition(log, links, partition, settings, now_ms):
            yield finding


async def _partition(log: Log, links: Links, partition: int, settings: Settings | None, now_ms: int) -> list[Finding]:
    name = f"partition {partition}"
    state = await log.state(partition)
    if state.events_last == START:
        return [warning(name, "empty, not even a tick: nobody has judged it yet", "start a scorer with its shard")]
    found: list[Finding] = []
    owner_key = PartitionKeys(partition).owner
    owner = await links.of(owner_key).call("GET", owner_key)
    lag_s = (state.events_last.ms - state.published.ms) / 1e3
    if owner is None:
        advice = "start the scorer whose STRAINWATCH_SCORING_SHARD has this partition, and look at its log lines"
        found.append(fault(name, "nobody judges it: no scorer holds its lease", advice))
    elif lag_s > LAG_S_MAX:
        advice = "see the scorer's CPU and its /readyz; more shards when it is busy all the time"
        found.append(warning(name, f"judged up to {lag_s:.0f} s before the newest entry", advice))
    if state.differing:
        advice = "two versions judged the same entries differently: see that all scorers run the same image"
        found.append(fault(name, f"{state.differing} published changes differed from what was there", advice))
    skipped = sum(number >= FAILURES_MAX for number in (await log.failures(partition)).values())
    if skipped:
        advice = "report them with `strainwatch log export`; they are counted as time only"
        found.append(warning(name, f"{skipped} entries were set aside because the engine failed on them", advice))
    found += await _newest(log, partition, state.events_last)
    found += await _checkpoint(log, partition, state.events_last, settings)
    worst = [finding for finding in found if finding.verdict != "ok"]
    age_s = (now_ms - state.events_last.ms) / 1e3
    return worst or [
        ok(name, f"owned, judged to {lag_s:.1f} s of the newest entry, which is {max(0.0, age_s):.1f} s old")
    ]


async def _newest(log: Log, partition: int, last: EntryId) -> list[Finding]:
    """Whether this version reads what newer ones may have written."""
    entries = await log.read(partition, EntryId(max(0, last.ms - 60_000), 0), count=NEWEST_READ)
    for entry in entries:
        try:
            parse_entry(entry.fields)
        except NewerBlock as newer:
            advice = (
                "upgrade scoring first, then notify, then ingest; until then what reads stands still and loses nothing"
            )
            return [fault(f"partition {partition}", f"entry {entry.id}: {newer}", advice)]
        except (ValueError, msgspec.MsgspecError):
            continue  # poison is the scorer's to count
    return []


async def _checkpoint(log: Log, partition: int, last: EntryId, settings: Settings | None) -> list[Finding]:
    name = f"partition {partition}"
    checkpoint = await log.load_checkpoint(partition)
    if checkpoint is None:
        advice = "normal in the first half minute of a log; else see the scorer's log lines"
        return [warning(name, "no checkpoint: a restart judges the whole log again", advice)]
    found = []
    meta = checkpoint.meta
    if int(meta.get("block", "0")) > BLOCK_VERSION:
        found.append(
            fault(name, "its checkpoint is of a newer version than this one", "run that version, or a newer one")
        )
    age_s = (last.ms - checkpoint.position.ms) / 1e3
    if age_s > CHECKPOINT_AGE_S_MAX:
        advice = "see whether the store is full and what the scorer logs"
        found.append(warning(name, f"its checkpoint is {age_s:.0f} s behind the log", advice))
    if meta.get("engine") != engine_name():
        advice = "normal beside another machine or after an upgrade; a scorer of this version would go on from there"
        found.append(ok(name, f"judged by {meta.get('engine')}; {advice}"))
    if meta.get("numpy") != np.__version__:
        found.append(ok(name, f"its checkpoint was made with NumPy {meta.get('numpy')}, here is {np.__version__}"))
    found += _settings_of(name, meta, settings)
    return found


def _settings_of(name: str, meta: Mapping[str, str], settings: Settings | None) -> Iterator[Finding]:
    if settings is None:
        return
    revision = int(meta.get("settings_revision", "0"))
    if settings.revision < revision:
        advice = f"raise `revision` above {revision} to put the file in force"
        yield warning(name, f"the log has settings of revision {revision}, the file has {settings.revision}", advice)
    elif settings.revision == revision and meta.get("settings_digest") not in ("", None, settings.digest):
        advice = "raise `revision` with each change of the file"
        yield fault(name, f"the log has other settings of the same revision {revision}: scoring does not start", advice)


def _reached(address: str, took_ms: float) -> Finding:
    if took_ms > SLOW_MS:
        advice = "every append waits this long: put the store into the same network, or look for what keeps it busy"
        return warning("store", f"{address} answers in {took_ms:.1f} ms", advice)
    return ok("store", f"{address} answers in {took_ms:.1f} ms")


def _skew(skew_s: float) -> Finding:
    told = f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
    if abs(skew_s) < SKEW_WARN_S:
        return ok("clock", "the store's clock agrees with this machine's")
    advice = (
        "let both machines follow a time server (chrony, systemd-timesyncd): `ts` of events is judged by the store's"
    )
    return (fault if abs(skew_s) > SKEW_FAULT_S else warning)("clock", f"the store's clock is {told}", advice)


async def _info(link: Link) -> Mapping[str, str] | None:
    try:
        text = (await link.call("INFO")).decode()
    except (LogUnavailable, RefusedCommand) as refused:
        if "NOPERM" not in str(refused):
            raise
        return None
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


async def _configured(link: Link, name: str) -> str | None:
    """A setting of the server; None where this user may not ask, as with most hosted ones."""
    try:
        found: list[Any] = await link.call("CONFIG", "GET", name)
    except (LogUnavailable, RefusedCommand):
        return None
    return found[1].decode() if found else None


def _version(info: Mapping[str, str] | None) -> Iterator[Finding]:
    if info is None:
        return
    name = "valkey" if "valkey_version" in info else "redis"
    version = info.get(f"{name}_version", "0")
    if int(version.split(".")[0]) < WRITER_MIN[name]:
        yield fault("store version", f"{name} {version}", "use Redis 7 or newer, or Valkey 8 or newer")
    else:
        yield ok("store version", f"{name} {version}")
    if info.get("role") not in ("master", None):
        yield fault("store version", "this node is a replica, which takes no writes", "name the primary")


def _durability(info: Mapping[str, str] | None, config: Mapping[str, str | None]) -> Iterator[Finding]:
    if info is None:
        return
    if info.get("aof_enabled") != "1":
        yield fault(
            "persistence",
            "the append-only file is off: a restart of the store loses what was acknowledged",
            "appendonly yes and appendfsync always in its configuration",
        )
        return
    if info.get("aof_last_write_status", "ok") != "ok" or info.get("aof_last_bgrewrite_status", "ok") != "ok":
        yield fault(
            "persistence", "the last write of the append-only file failed", "make room on its disk, see its log"
        )
    fsync = config["appendfsync"]
    if fsync == "always":
        yield ok("persistence", "append-only file, synced before anything is confirmed")
    elif fsync is None:
        yield warning(
            "persistence", "append-only file; how often it is synced cannot be seen", "ask who runs the store"
        )
    else:
        advice = "appendfsync always costs little here, because appends come in groups"
        lost = "a second" if fsync == "everysec" else "half a minute"
        yield warning(
            "persistence", f"appendfsync {fsync}: a power failure may lose {lost} of acknowledged events", advice
        )


def _memory(info: Mapping[str, str] | None, config: Mapping[str, str | None]) -> Iterator[Finding]:
    policy = config["maxmemory-policy"] or (info or {}).get("maxmemory_policy")
    if policy not in (None, "noeviction"):
        advice = "maxmemory-policy noeviction: a full store must refuse, and ingest then answers 503"
        yield fault("eviction", f"maxmemory-policy {policy}: a full store drops parts of the log by itself", advice)
    elif policy is not None:
        yield ok("eviction", "noeviction")
    if info is None:
        return
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not most:
        advice = (
            "set maxmemory to about half of the memory it may have; docs/capacity.md says what an hour of events takes"
        )
        yield warning(
            "memory", f"{used / 1e6:,.0f} MB used, no maxmemory: the kernel ends it when memory is short", advice
        )
    elif used > FULL_SHARE * most:
        advice = "raise maxmemory or keep events for less time; when full, ingest answers 503"
        yield warning("memory", f"{used / most:.0%} of maxmemory ({most / 1e6:,.0f} MB) is used", advice)
    else:
        yield ok("memory", f"{used / 1e6:,.0f} of {most / 1e6:,.0f} MB")
