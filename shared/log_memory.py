"""The log in this process's memory: for simulations, replays and tests; it lives as long as the object.

Same guarantees as the store, checked by the same test suite, except durability. Ids come from the clock that is handed
in, so a simulation from one seed gives the same log, byte for byte.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.clock import Clock
from shared.contract.entries import START, Entry, EntryId
from shared.log import AccessKind, Checkpoint, Fenced, Lease, LogState, Lookup, Publication, Published, Retention, Store
from shared.log_callers import CallerIndex
from shared.log_memory_stream import MemoryStream
from shared.log_rules import AUDIT_ENTRIES_MAX, REJECTS_ENTRIES_MAX, STANDBY, WANTED_MS, entry_digest
from shared.outbox_memory import MemoryOutbox, OutboxState

ENTRY_OVERHEAD_BYTES = 32
"""What the byte limit counts for an entry beside its fields; about what a store needs for its id and lengths."""


@dataclass
class _Partition:
    epoch: str
    events: MemoryStream[dict[bytes, bytes]] = field(default_factory=MemoryStream)
    alerts: MemoryStream[bytes] = field(default_factory=MemoryStream)
    signals: MemoryStream[bytes] = field(default_factory=MemoryStream)
    history: MemoryStream[bytes] = field(default_factory=MemoryStream)
    rejects: MemoryStream[bytes] = field(default_factory=MemoryStream)
    audit: MemoryStream[bytes] = field(default_factory=MemoryStream)

    aside: MemoryStream[bytes] = field(default_factory=MemoryStream)
    outboxes: dict[str, OutboxState] = field(default_factory=dict)
    callers: CallerIndex = field(default_factory=CallerIndex)
    generation: int = 0
    owner: tuple[str, float] | None = None
    """Token, and when the lease ends on the steady clock."""
    wanted_s: float | None = None
    """When one with precedence last asked for it."""
    published: EntryId = START
    differing: int = 0
    checkpoint: Checkpoint | None = None
    checkpoint_life: tuple[int, str] | None = None
    """Generation and epoch in which it was saved."""
    failures: dict[EntryId, int] = field(default_factory=dict)

    def wanted(self, now_s: float) -> bool:
        """Whether a standby has to give way."""
        return self.wanted_s is not None and now_s - self.wanted_s < WANTED_MS / 1000


def _new_token() -> str:
    return secrets.token_hex(8)


class MemoryLog:
    """See `shared.log.Log`. Belongs to one event loop; waits are real time whatever the clock, and end at an append."""

    def __init__(
        self,
        *,
        clock: Clock,
        partitions: int = 1,
        retention: Retention | None = None,
        new_token: Callable[[], str] = _new_token,
    ) -> None:
        self._clock = clock
        self._retention = retention or Retention()
        self._new_token = new_token
        self._parts = [_Partition(new_token()) for _ in range(partitions)]
        self._api_keys: dict[str, bytes] = {}
        self._breaks = 0
        self._access: dict[AccessKind, dict[str, bytes]] = {"key_use": {}, "revocation": {}}

    @property
    def partitions(self) -> int:
        """See Log."""
        return len(self._parts)

    @property
    def breaks(self) -> int:
        """See Log."""
        return self._breaks

    async def append(
        self,
        partition: int,
        fields: Mapping[bytes, bytes],
        lookups: Sequence[Lookup] = (),
        *,
        promised: bool = True,
    ) -> EntryId:
        """See Log."""
        part, stored = self._parts[partition], dict(fields)
        stored |= part.callers.fields(lookups, self._clock.now_ms())
        entry_id = part.events.next_id(self._clock.now_ms())
        part.events.add(entry_id, stored)
        return entry_id

    async def read(self, partition: int, after: EntryId, *, count: int = 256, block_ms: int = 0) -> list[Entry]:
        """See Log."""
        found = await self._parts[partition].events.read(after, count, block_ms)
        return [Entry(entry_id, fields) for entry_id, fields in found]

    async def read_alerts(
        self, partition: int, after: EntryId, *, count: int = 512, block_ms: int = 0
    ) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return await self._parts[partition].alerts.read(after, count, block_ms)

    async def read_signals(self, partition: int, after: EntryId, *, block_ms: int = 0) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return await self._parts[partition].signals.read(after, self._retention.signals_entries, block_ms)

    async def read_history(self, partition: int, after: EntryId, *, count: int = 2000) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return await self._parts[partition].history.read(after, count, 0)

    async def state(self, partition: int) -> LogState:
        """See Log."""
        part = self._parts[partition]
        return LogState(
            epoch=part.epoch,
            generation=part.generation,
            published=part.published,
            events_first=part.events.first,
            events_last=part.events.last,
            alerts_first=part.alerts.first,
            alerts_last=part.alerts.last,
            differing=part.differing,
        )

    async def digest(self, partition: int, position: EntryId) -> bytes | None:
        """See Log."""
        fields = self._parts[partition].events.get(position)
        return None if fields is None else entry_digest(fields)

    async def new_epoch(self, partition: int, generation: int) -> str:
        """See Log."""
        part = self._current(partition, generation)
        part.epoch = self._new_token()
        part.published = min(part.published, part.events.last)
        return part.epoch

    async def claim(self, partition: int, token: str, *, ttl_ms: int) -> int | None:
        """See Log. The holder itself gets its lease prolonged and the same generation again."""
        part = self._parts[partition]
        if await self.renew(partition, token, ttl_ms=ttl_ms):
            return part.generation
        now_s, stands_by = self._clock.steady_s(), token.startswith(STANDBY)
        if part.owner is not None and part.owner[1] > now_s:
            if part.owner[0].startswith(STANDBY) and not stands_by:
                part.wanted_s = now_s
            return None
        if stands_by and part.wanted(now_s):
            return None
        part.owner, part.wanted_s = (token, now_s + ttl_ms / 1000), None
        part.generation = max(part.generation + 1, self._clock.now_ms())  # as claim.lua does
        return part.generation

    async def renew(self, partition: int, token: str, *, ttl_ms: int) -> Lease:
        """See Log."""
        part, now_s = self._parts[partition], self._clock.steady_s()
        if part.owner is None or part.owner[0] != token or part.owner[1] <= now_s:
            return Lease.LOST
        part.owner = (token, now_s + ttl_ms / 1000)
        return Lease.WANTED if part.wanted(now_s) else Lease.OURS

    async def release(self, partition: int, token: str) -> None:
        """See Log."""
        part = self._parts[partition]
        if part.owner is not None and part.owner[0] == token:
            part.owner = None

    async def publish(self, partition: int, generation: int, publication: Publication) -> Published:
        """See Log."""
        part, now_ms = self._current(partition, generation), self._clock.now_ms()
        appended = known = differing = 0
        for alert_id, change in publication.alerts:
            there = part.alerts.get(alert_id)
            if alert_id > part.alerts.last:
                part.alerts.add(alert_id, bytes(change))
                appended += 1
            elif there == change or (there is None and (not part.alerts.ids or alert_id < part.alerts.first)):
                known += 1  # there, or taken away by the retention
            else:
                differing += 1
        part.differing += differing
        if publication.position > part.published:
            part.published = publication.position
            for stream, values in ((part.signals, publication.signals), (part.history, publication.history)):
                for value in values:
                    stream.add(stream.next_id(now_ms), value)
            part.signals.drop_first(max(0, len(part.signals.ids) - self._retention.signals_entries))
        return Published(appended, known, differing)

    async def save_checkpoint(self, partition: int, generation: int, checkpoint: Checkpoint) -> None:
        """See Log."""
        part = self._current(partition, generation)
        life, there = (generation, part.epoch), part.checkpoint
        if there is not None and part.checkpoint_life == life and checkpoint.position < there.position:
            return
        part.checkpoint_life = life
        part.checkpoint = replace(checkpoint, state=bytes(checkpoint.state), meta=dict(checkpoint.meta))

    async def load_checkpoint(self, partition: int) -> Checkpoint | None:
        """See Log."""
        return self._parts[partition].checkpoint

    async def failures(self, partition: int) -> dict[EntryId, int]:
        """See Log."""
        return dict(self._parts[partition].failures)

    async def count_failure(self, partition: int, generation: int, position: EntryId) -> int:
        """See Log."""
        failures = self._current(partition, generation).failures
        failures[position] = failures.get(position, 0) + 1
        return failures[position]

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
        part, kept = self._current(partition, generation), self._retention
        part.events.drop_before(min(EntryId(now_ms - kept.events_ms, 0), keep_from))
        sizes = [ENTRY_OVERHEAD_BYTES + sum(len(n) + len(v) for n, v in e.items()) for e in part.events.values]
        surplus_bytes, dropped = sum(sizes) - kept.events_bytes, 0
        while surplus_bytes > 0 and dropped < len(sizes) and part.events.ids[dropped] < keep_from:
            surplus_bytes -= sizes[dropped]
            dropped += 1
        part.events.drop_first(dropped)
        alerts_from = EntryId(now_ms - kept.alerts_ms, 0)
        part.alerts.drop_before(min(alerts_from, keep_alerts_from or alerts_from))
        part.history.drop_before(EntryId(now_ms - kept.history_ms, 0))
        part.rejects.drop_before(EntryId(now_ms - kept.rejects_ms, 0))
        part.audit.drop_before(EntryId(now_ms - kept.audit_ms, 0))
        for position in [p for p in part.failures if p < part.events.first]:
            del part.failures[position]

    async def reject(self, partition: int, record: bytes) -> None:
        """See Log."""
        rejects = self._parts[partition].rejects
        rejects.add(rejects.next_id(self._clock.now_ms()), record)
        rejects.drop_first(max(0, len(rejects.ids) - REJECTS_ENTRIES_MAX))

    async def read_rejects(self, partition: int, after: EntryId, *, count: int = 100) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return await self._parts[partition].rejects.read(after, count, 0)

    async def audit(self, partition: int, record: bytes) -> EntryId:
        """See Log."""
        audit = self._parts[partition].audit
        entry_id = audit.next_id(self._clock.now_ms())
        audit.add(entry_id, record)
        audit.drop_first(max(0, len(audit.ids) - AUDIT_ENTRIES_MAX))
        return entry_id

    async def read_audit(self, partition: int, after: EntryId, *, count: int = 500) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return await self._parts[partition].audit.read(after, count, 0)

    async def last_audit(
        self, partition: int, before: EntryId | None, *, count: int = 500
    ) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return self._parts[partition].audit.last_before(before, count)

    def outbox(self, partition: int, channel: str) -> MemoryOutbox:
        """See Log."""
        part = self._parts[partition]
        return MemoryOutbox(self._clock, part.alerts, part.aside, part.outboxes.setdefault(channel, OutboxState()))

    async def read_aside(self, partition: int, after: EntryId, *, count: int = 100) -> list[tuple[EntryId, bytes]]:
        """See Log."""
        return await self._parts[partition].aside.read(after, count, 0)

    async def api_keys(self) -> dict[str, bytes]:
        """See Log."""
        return dict(self._api_keys)

    async def put_api_key(self, key_id: str, record: bytes | None) -> None:
        """See Log."""
        if record is None:
            self._api_keys.pop(key_id, None)
        else:
            self._api_keys[key_id] = record

    async def access_records(self, kind: AccessKind) -> dict[str, bytes]:
        """See Log."""
        return dict(self._access[kind])

    async def put_access_record(self, kind: AccessKind, id: str, record: bytes) -> None:
        """See Log."""
        self._access[kind][id] = record

    async def ping(self) -> None:
        """See Log."""

    async def store(self) -> list[Store]:
        """See Log."""
        return [Store("0", self._clock.now_ms(), 0, 0, False, 0)]

    async def close(self) -> None:
        """See Log."""

    def lose_tail(self, partition: int, after: EntryId) -> None:
        """Forget the events after a position, as a failover does that lost acknowledged entries."""
        self._parts[partition].events.drop_after(after)
        self._breaks += 1

    def _current(self, partition: int, generation: int) -> _Partition:
        part = self._parts[partition]
        if part.generation != generation:
            raise Fenced(
                f"Another scorer owns this partition now (its generation is {part.generation}, ours {generation}). "
                "Stop writing; start again as a standby."
            )
        return part
