"""How a Redis or Valkey server is, out of its INFO."""

from __future__ import annotations

from collections.abc import Mapping

from shared.log import LogUnavailable, Store
from shared.redis_connection import Link

_FAILED = frozenset({"err"})


async def look(link: Link, name: str) -> Store:
    """One node. Raises LogUnavailable, also when the user of the connection may not ask."""
    reply = await link.call("INFO", "server", "memory", "persistence", "stats")
    return read_info(reply.decode(), name)


def read_info(text: str, name: str) -> Store:
    """From the text of INFO with the sections server, memory, persistence and stats. Raises LogUnavailable."""
    facts = dict(line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    try:
        return Store(
            name=name,
            now_ms=int(facts["server_time_usec"]) // 1000,
            memory_bytes=int(facts["used_memory"]),
            memory_limit_bytes=int(facts.get("maxmemory", 0)),
            disk_fails=_disk_fails(facts),
            evicted=int(facts.get("evicted_keys", 0)),
        )
    except (KeyError, ValueError) as fault:
        raise LogUnavailable(f"INFO of the log store cannot be read ({fault}). Use Redis 7 or Valkey 8.") from None


def _disk_fails(facts: Mapping[str, str]) -> bool:
    """Of the append-only file where there is one; the snapshots beside it are not what the log rests on."""
    if facts.get("aof_enabled") == "1":
        return facts.get("aof_last_write_status") in _FAILED or facts.get("aof_last_bgrewrite_status") in _FAILED
    return facts.get("rdb_last_bgsave_status") in _FAILED
