"""An outbox in Redis or Valkey: a consumer group of the alerts stream, a hash of notes, and a hold with an end.

All processes take by the name of one consumer, so that whoever holds the outbox next sees what is pending at once,
without claiming it from anybody; the hold is what keeps them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared import redis_scripts as scripts
from shared.contract.entries import EntryId
from shared.contract.keys import PartitionKeys
from shared.outbox import ASIDE_ENTRIES_MAX, Change, OutboxMissing
from shared.redis_connection import Link
from shared.redis_faults import RefusedCommand

_CONSUMER = "outbox"
SETTLED_MAX = 1_000
"""Ids settled by one script: Lua can unpack some thousand arguments."""


class RedisOutbox:
    """See `shared.outbox.Outbox`."""

    def __init__(self, link: Link, keys: PartitionKeys, channel: str) -> None:
        self._link, self._keys = link, keys
        self._group = f"channel:{channel}"
        self._owner, self._notes = keys.outbox_owner(channel), keys.outbox_notes(channel)

    async def hold(self, token: str, *, ttl_ms: int) -> bool:
        """See Outbox."""
        if await scripts.RENEW.run(self._link, (self._owner,), token, ttl_ms):
            return True
        return await self._link.call("SET", self._owner, token, "NX", "PX", ttl_ms) is not None

    async def release(self, token: str) -> None:
        """See Outbox."""
        await scripts.RELEASE.run(self._link, (self._owner,), token)

    async def open(self, after: EntryId | None = None) -> None:
        """See Outbox."""
        start = "$" if after is None else str(after)
        try:
            await self._link.call("XGROUP", "CREATE", self._keys.alerts, self._group, start, "MKSTREAM")
        except RefusedCommand as fault:
            if fault.code != "BUSYGROUP":
                raise

    async def take(self, count: int) -> list[Change]:
        """See Outbox."""
        return await self._read(">", count)

    async def pending(self, after: EntryId, count: int) -> list[Change]:
        """See Outbox."""
        return await self._read(str(after), count)

    async def settle(
        self,
        cursors: Sequence[EntryId],
        *,
        notes: Mapping[str, str] | None = None,
        forget: Sequence[str] = (),
        aside: bytes | None = None,
    ) -> None:
        """See Outbox."""
        first, *others = [cursors[at : at + SETTLED_MAX] for at in range(0, len(cursors), SETTLED_MAX)] or [()]
        await self._settle(first, notes or {}, forget, aside)
        for more in others:
            await self._settle(more, {}, (), None)

    async def notes(self) -> dict[str, str]:
        """See Outbox."""
        flat = await self._link.call("HGETALL", self._notes)
        return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}

    async def note(self, notes: Mapping[str, str], forget: Sequence[str] = ()) -> None:
        """See Outbox."""
        await self._settle((), notes, forget, None)

    async def waiting(self) -> int | None:
        """See Outbox."""
        if not await self._link.call("EXISTS", self._keys.alerts):
            return 0
        for flat in await self._link.call("XINFO", "GROUPS", self._keys.alerts):
            group: dict[bytes, Any] = dict(zip(flat[::2], flat[1::2], strict=True))
            if group[b"name"] == self._group.encode():
                return None if group[b"lag"] is None else int(group[b"pending"]) + int(group[b"lag"])
        return 0

    async def _settle(
        self, cursors: Sequence[EntryId], notes: Mapping[str, str], forget: Sequence[str], aside: bytes | None
    ) -> None:
        await scripts.SETTLE.run(
            self._link,
            (self._keys.alerts, self._notes, self._keys.aside),
            self._group,
            len(cursors),
            len(notes),
            len(forget),
            ASIDE_ENTRIES_MAX,
            aside or b"",
            *map(str, cursors),
            *[part for item in notes.items() for part in item],
            *forget,
        )

    async def _read(self, start: str, count: int) -> list[Change]:
        # It never waits in the store, so it needs no connection of its own.
        group = ("GROUP", self._group, _CONSUMER, "COUNT", count, "STREAMS", self._keys.alerts, start)
        try:
            found = await self._link.call("XREADGROUP", *group)
        except RefusedCommand as fault:
            if fault.code == "NOGROUP":
                raise OutboxMissing("The outbox is not open.") from None
            raise
        return [(EntryId.parse(raw_id), flat[1] if flat else None) for raw_id, flat in (found[0][1] if found else ())]
