"""The log in Redis 7 or newer, or Valkey 8 or newer."""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared import redis_checkpoint, redis_store
from shared import redis_scripts as scripts
from shared.clock import Clock, SystemClock
from shared.contract.entries import START, Entry, EntryId
from shared.contract.keys import API_KEYS_KEY, KEY_USES_KEY, META_KEY, REVOCATIONS_KEY, PartitionKeys
from shared.log import (
    AccessKind,
    Checkpoint,
    Lease,
    LogState,
    Lookup,
    Publication,
    Published,
    Retention,
    Store,
    WrongPartitions,
)
from shared.log_rules import (
    AUDIT_ENTRIES_MAX,
    CALLERS_KEPT,
    OUTBOUND_KEPT,
    PARTITIONS_DEFAULT,
    REJECTS_ENTRIES_MAX,
    REPEAT_MS_MAX,
    STANDBY,
    WAIT_MS_MAX,
    WANTED_MS,
    entry_digest,
)
from shared.outbox_redis import RedisOutbox
from shared.redis_address import parse_address
from shared.redis_confirm import Confirmation
from shared.redis_connection import REPLY_TIMEOUT_S, Argument, Link
from shared.redis_links import Links, can_confirm_on_disk, links_to

NewToken = Callable[[], str]

_ACCESS_KEYS: dict[AccessKind, str] = {"key_use": KEY_USES_KEY, "revocation": REVOCATIONS_KEY}
SIZE_SAMPLES = 1_000
"""Nodes of the events stream that are measured for its size: exact to some percent, a millisecond of the store."""
SIZE_ROUNDS_MAX = 8
"""Steps by which one `trim` comes down to the byte limit; the next call goes on."""
_RECORD = struct.Struct("<QQH")
"""What `append.lua` keeps of a lookup: contact, time in ms as 48 bits, 32 bits for the answer (all ones: none)."""
_OUTBOUND_RECORD = struct.Struct("<QQ")
"""What it keeps of an outbound contact: contact, time in ms as 48 bits, 16 bits for the count."""
_NO_ANSWER = 0xFFFF << 48  # the half of it that shares 64 bits with the time


def _new_token() -> str:
    return secrets.token_hex(8)


async def open_redis_log(
    url: str,
    *,
    partitions: int | None = None,
    retention: Retention | None = None,
    clock: Clock | None = None,
    new_token: NewToken = _new_token,
    reply_timeout_s: float = REPLY_TIMEOUT_S,
    confirm: Confirmation | None = None,
) -> RedisLog:
    """Connect, and create the log at its first use.

    `partitions` None: as many as the log has, else 8. `clock` times the backoff of connecting. `confirm`: how many
    replicas must have a promised entry. Raises ValueError (the URL, or a store that cannot confirm), LogUnavailable,
    WrongPartitions.
    """
    links = links_to(parse_address(url), clock or SystemClock(), reply_timeout_s, confirm)
    try:
        link = links.of(META_KEY)
        given = await link.call("HGET", META_KEY, "partitions")
        if given is None:
            await link.call("HSETNX", META_KEY, "partitions", partitions or PARTITIONS_DEFAULT)
            given = await link.call("HGET", META_KEY, "partitions")
        found = int(given)
        if partitions not in (None, found):
            raise WrongPartitions(
                f"The log was created with {found} partitions, but {partitions} were asked for. "
                f"Set STRAINWATCH_PARTITIONS={found}."
            )
        if confirm is not None and confirm.on_disk:
            await can_confirm_on_disk(link)
    except BaseException:
        await links.close()
        raise
    return RedisLog(links, found, retention or Retention(), new_token)


class RedisLog:
    """See `shared.log.Log`. Made by `open_redis_log`; belongs to one event loop."""

    def __init__(self, links: Links, partitions: int, retention: Retention, new_token: NewToken) -> None:
        self._links = links
        self._partitions = partitions
        self._retention = retention
        self._new_token = new_token
        self._keys = [PartitionKeys(p) for p in range(partitions)]

    @property
    def partitions(self) -> int:
        """See Log."""
        return self._partitions

    @property
    def breaks(self) -> int:
        """See Log."""
        return self._links.breaks

    def _link_of(self, partition: int) -> Link:
        """The link for quick commands on a partition."""
        return self._links.of(self._keys[partition].events)

    def _link_of_owner(self, partition: int) -> Link:
        """The link for what only the owner of a partition writes."""
        return self._links.owned(self._keys[partition].events)

    async def append(
        self,
        partition: int,
        fields: Mapping[bytes, bytes],
        lookups: Sequence[Lookup] = (),
        *,
        promised: bool = True,
    ) -> EntryId:
        """See Log."""
        keys = self._keys[partition]
        link = self._links.promised(keys.events) if promised else self._links.of(keys.events)
        flat = [part for item in fields.items() for part in item]
        if not lookups:
            return _entry_id(await link.call("XADD", keys.events, "*", *flat))
        index, record = keys.callers, _RECORD.pack
        asked = b"".join([record(contact, _NO_ANSWER | ts_ms, 0xFFFF) for _, contact, ts_ms, _ in lookups])
        names = [keys.events, *[index + key.hex() for key, _, _, _ in lookups]]
        went_out = [lookup for lookup in lookups if lookup.outbound]
        counted = b"".join([_OUTBOUND_RECORD.pack(contact, ts_ms) for _, contact, ts_ms, _ in went_out])
        names += [keys.outbound + lookup.outbound.hex() for lookup in went_out]
        rules = (REPEAT_MS_MAX, CALLERS_KEPT, OUTBOUND_KEPT)
        return _entry_id(await scripts.APPEND.run(link, tuple(names), asked, counted, *rules, *flat))

    async def read(self, partition: int, after: EntryId, *, count: int = 256, block_ms: int = 0) -> list[Entry]:
        """See Log."""
        found = await self._read(partition, self._keys[partition].events, after, count, block_ms)
        return [Entry(_entry_id(raw_id), _fields(flat)) for raw_id, flat in found]

    async def read_alerts(
        self, partition: int, after: EntryId, *, count: int = 512, block_ms: int = 0
    ) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return _values(await self._read(partition, self._keys[partition].alerts, after, count, block_ms))

    async def read_signals(self, partition: int, after: EntryId, *, block_ms: int = 0) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        kept = self._retention.signals_entries
        return _values(await self._read(partition, self._keys[partition].signals, after, kept, block_ms))

    async def read_history(self, partition: int, after: EntryId, *, count: int = 2000) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return _values(await self._read(partition, self._keys[partition].history, after, count, 0))

    async def _read(self, partition: int, key: str, after: EntryId, count: int, block_ms: int) -> list[Any]:
        """Reads have connections of their own, one for each that is under way: a waiting read holds up nothing,
        and appends do not queue behind a reply of megabytes."""
        block_ms = min(block_ms, WAIT_MS_MAX)
        wait: tuple[Argument, ...] = ("BLOCK", block_ms) if block_ms > 0 else ()  # BLOCK 0 would be for ever
        link = self._links.borrow(key)
        whole = False
        try:
            found = await link.call("XREAD", "COUNT", count, *wait, "STREAMS", key, str(after), wait_s=block_ms / 1000)
            whole = True
        finally:
            if not whole:  # a read that was cancelled may still be waiting in the store
                link.hang_up("The read was given up.")
            self._links.give_back(key, link)
        entries: list[Any] = [] if found is None else found[0][1]
        return entries

    async def state(self, partition: int) -> LogState:
        """See Log."""
        keys = self._keys[partition]
        found = await scripts.STATE.run(
            self._link_of(partition), (keys.state, keys.events, keys.alerts), self._new_token()
        )
        epoch, generation, published, differing, *ends = found
        events_first, events_last, alerts_first, alerts_last = (_entry_id(end) for end in ends)
        return LogState(
            epoch=epoch.decode(),
            generation=int(generation),
            published=_entry_id(published),
            events_first=events_first,
            events_last=events_last,
            alerts_first=alerts_first,
            alerts_last=alerts_last,
            differing=int(differing),
        )

    async def digest(self, partition: int, position: EntryId) -> bytes | None:
        """See Log."""
        if position == START:
            return None
        found = await self._link_of(partition).call(
            "XRANGE", self._keys[partition].events, str(position), str(position)
        )
        return entry_digest(_fields(found[0][1])) if found else None

    async def new_epoch(self, partition: int, generation: int) -> str:
        """See Log."""
        keys, epoch = self._keys[partition], self._new_token()
        await scripts.EPOCH.run(self._link_of_owner(partition), (keys.state, keys.events), generation, epoch)
        return epoch

    async def claim(self, partition: int, token: str, *, ttl_ms: int) -> int | None:
        """See Log. The holder itself gets its lease prolonged and the same generation again."""
        keys = self._keys[partition]
        generation: int | None = await scripts.CLAIM.run(
            self._link_of(partition), (keys.owner, keys.state), token, ttl_ms, STANDBY, WANTED_MS
        )
        return generation

    async def renew(self, partition: int, token: str, *, ttl_ms: int) -> Lease:
        """See Log."""
        keys = self._keys[partition]
        return Lease(
            await scripts.RENEW.run(self._link_of(partition), (keys.owner, keys.state), token, ttl_ms, WANTED_MS)
        )

    async def release(self, partition: int, token: str) -> None:
        """See Log."""
        await scripts.RELEASE.run(self._link_of(partition), (self._keys[partition].owner,), token)

    async def publish(self, partition: int, generation: int, publication: Publication) -> Published:
        """See Log."""
        keys, alerts = self._keys[partition], publication.alerts
        appended, known, differing = await scripts.PUBLISH.run(
            self._link_of_owner(partition),
            (keys.state, keys.alerts, keys.signals, keys.history),
            generation,
            str(publication.position),
            self._retention.signals_entries,
            len(alerts),
            len(publication.signals),
            *[part for alert_id, change in alerts for part in (str(alert_id), change)],
            *publication.signals,
            *publication.history,
        )
        return Published(appended, known, differing)

    async def save_checkpoint(self, partition: int, generation: int, checkpoint: Checkpoint) -> None:
        """See Log."""
        name = f"{generation}-{self._new_token()}"
        await redis_checkpoint.save(self._link_of_owner(partition), self._keys[partition], generation, checkpoint, name)

    async def load_checkpoint(self, partition: int) -> Checkpoint | None:
        """See Log."""
        return await redis_checkpoint.load(self._link_of(partition), self._keys[partition])

    async def failures(self, partition: int) -> dict[EntryId, int]:
        """See Log."""
        found = _fields(await self._link_of(partition).call("HGETALL", self._keys[partition].skip))
        return {_entry_id(position): int(number) for position, number in found.items()}

    async def count_failure(self, partition: int, generation: int, position: EntryId) -> int:
        """See Log."""
        keys = self._keys[partition]
        number: int = await scripts.FAILURE.run(
            self._link_of_owner(partition), (keys.state, keys.skip), generation, str(position)
        )
        return number

    async def trim(
        self,
        partition: int,
        generation: int,
        *,
        now_ms: int,
        keep_from: EntryId,
        keep_alerts_from: EntryId | None = None,
    ) -> None:
        """See Log."""
        keys, link, kept = self._keys[partition], self._link_of_owner(partition), self._retention
        streams = (keys.state, keys.skip, keys.events, keys.alerts, keys.history, keys.rejects, keys.audit)
        ages = (kept.alerts_ms, kept.history_ms, kept.rejects_ms, kept.audit_ms)
        others = [EntryId(max(0, now_ms - age), 0) for age in ages]
        others[0] = min(others[0], keep_alerts_from or others[0])
        cut = min(EntryId(max(0, now_ms - kept.events_ms), 0), keep_from)
        for _ in range(SIZE_ROUNDS_MAX):
            ends = await scripts.TRIM.run(link, streams, generation, str(cut), *map(str, others))
            size = await link.call("MEMORY", "USAGE", keys.events, "SAMPLES", SIZE_SAMPLES) or 0
            if size <= kept.events_bytes or cut >= keep_from:
                return
            first, last = (_entry_id(e) for e in ends)
            # Entries are assumed to be spread evenly over their time; where they are not, the next round corrects it.
            surplus_ms = int((last.ms - first.ms) * (1 - kept.events_bytes / size)) + 1
            cut = min(EntryId(first.ms + surplus_ms, 0), keep_from)

    async def reject(self, partition: int, record: bytes) -> None:
        """See Log."""
        key = self._keys[partition].rejects
        await self._link_of(partition).call("XADD", key, "MAXLEN", "~", REJECTS_ENTRIES_MAX, "*", "v", record)

    async def read_rejects(self, partition: int, after: EntryId, *, count: int = 100) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return _values(await self._read(partition, self._keys[partition].rejects, after, count, 0))

    async def audit(self, partition: int, record: bytes) -> EntryId:
        """See Log."""
        key = self._keys[partition].audit
        link = self._links.promised(key)
        return _entry_id(await link.call("XADD", key, "MAXLEN", "~", AUDIT_ENTRIES_MAX, "*", "v", record))

    async def read_audit(self, partition: int, after: EntryId, *, count: int = 500) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return _values(await self._read(partition, self._keys[partition].audit, after, count, 0))

    async def last_audit(
        self, partition: int, before: EntryId | None, *, count: int = 500
    ) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        end = "+" if before is None else f"({before}"
        key = self._keys[partition].audit
        return _values(await self._link_of(partition).call("XREVRANGE", key, end, "-", "COUNT", count))

    def outbox(self, partition: int, channel: str) -> RedisOutbox:
        """See Log."""
        return RedisOutbox(self._link_of(partition), self._keys[partition], channel)

    async def read_aside(self, partition: int, after: EntryId, *, count: int = 100) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return _values(await self._read(partition, self._keys[partition].aside, after, count, 0))

    async def api_keys(self) -> dict[str, bytes]:
        """See Log."""
        found = _fields(await self._links.of(API_KEYS_KEY).call("HGETALL", API_KEYS_KEY))
        return {key_id.decode(): record for key_id, record in found.items()}

    async def put_api_key(self, key_id: str, record: bytes | None) -> None:
        """See Log."""
        link = self._links.promised(API_KEYS_KEY)
        if record is None:
            await link.call("HDEL", API_KEYS_KEY, key_id)
        else:
            await link.call("HSET", API_KEYS_KEY, key_id, record)

    async def access_records(self, kind: AccessKind) -> dict[str, bytes]:
        """See Log."""
        found = _fields(await self._links.of(_ACCESS_KEYS[kind]).call("HGETALL", _ACCESS_KEYS[kind]))
        return {id.decode(): record for id, record in found.items()}

    async def put_access_record(self, kind: AccessKind, id: str, record: bytes) -> None:
        """See Log."""
        await self._links.promised(_ACCESS_KEYS[kind]).call("HSET", _ACCESS_KEYS[kind], id, record)

    async def ping(self) -> None:
        """See Log."""
        # Writes that change nothing: a full, broken or read-only store refuses them. A partition begins at 0 anyway.
        fields = {META_KEY: ("partitions", self._partitions)} | {keys.state: ("generation", 0) for keys in self._keys}
        writes = [self._links.of(key).call("HSETNX", key, *fields[key]) for key in self._links.apart(list(fields))]
        for done in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(done, BaseException):
                raise done

    async def store(self) -> list[Store]:
        """See Log."""
        places = self._links.apart([keys.state for keys in self._keys])
        return [await redis_store.look(self._links.of(key), str(n)) for n, key in enumerate(places)]

    async def close(self) -> None:
        """See Log."""
        await self._links.close()


def _entry_id(raw: bytes) -> EntryId:
    ms, _, seq = raw.partition(b"-")
    return EntryId(int(ms), int(seq))


def _fields(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _values(found: list[Any]) -> list[tuple[EntryId, bytes]]:
    return [(_entry_id(raw_id), flat[1]) for raw_id, flat in found]
