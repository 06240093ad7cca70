"""Group commit: events become entries of the log, and a request is answered when its entry is there.

One append is in flight for a partition; whatever arrives meanwhile goes out as the next entry. There is no timer: at
low load the first event goes at once, at high load batches form by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from services.ingest.measures import Measures
from shared.clock import Clock
from shared.contract.encoder import EventsEncoder
from shared.contract.entries import START, EntryId, block_fields, trace_fields
from shared.contract.events import Event
from shared.contract.keys import partition_of
from shared.contract.plain_events import PlainEvents
from shared.contract.rows import Asked, RowHashes
from shared.log import Log, LogUnavailable, Lookup
from shared.tracing import Span, Tracing

COMMIT_EVENTS_MAX = 10_000
"""Events of one entry: half a megabyte, which a reader takes in one read; and the most that one request may hold."""
WAITING_EVENTS_MAX = 50_000
"""Events of a partition that wait for the log, some 25 MB; at most 60 as plain events, which keep their bodies.
A log that is this far behind needs its senders to pause."""
AHEAD_EVENTS_MIN = 256
"""Events that are worth encoding before their turn, which closes the entry; fewer rather wait for company."""
APPEND_TIMEOUT_S = 6.0
"""A log that gives no answer for so long is taken for away: a second more than the adapter's own limit, which also
drops the connection, and less than the 10 s after which ACDs give up on a request."""
TRIMMED_FROM_MS = 60_000
"""The retention takes no entry that is younger: it keeps an hour at least, or, by bytes, minutes of a large centre."""
LINKS_MAX = 32
"""Traced posts that an append is linked to, beside its own."""


class Busy(Exception):
    """Too many events wait for the log already. Come back in a second."""


Committed = EntryId | LogUnavailable
"""What became of an entry: where it stands, or why it is not known to stand anywhere."""


class Commit:
    """What goes out as one entry, and who waits for it.

    No future: one wakes each waiter by a turn of the loop, which costs more than the answer that it leads to.
    """

    __slots__ = ("_encoded", "_waiters", "began_s", "events", "outcome", "traces")

    def __init__(self, began_s: float = 0.0) -> None:
        self.began_s = began_s
        """When its first events came, by the steady clock."""
        self.events = EventsEncoder()
        self.traces: list[Span] | None = None
        """The traced requests among its own."""
        self._encoded: tuple[bytes, list[Asked]] | None = None
        self.outcome: Committed | Exception | None = None
        """None while it is under way. An exception that is not LogUnavailable is a fault of ours."""
        self._waiters: list[Callable[[], object]] = []

    @property
    def closed(self) -> bool:
        """Whether it takes no more events."""
        return self._encoded is not None

    def encoded(self) -> tuple[bytes, list[Asked]]:
        """The block, and what to ask the repeat-caller index. Closes it."""
        if self._encoded is None:
            self._encoded = self.events.finish()
        return self._encoded

    def when_done(self, call: Callable[[], object]) -> None:
        """Call back when `outcome` is there; at once if it is there already. The call must not raise."""
        if self.outcome is None:
            self._waiters.append(call)
        else:
            call()

    def settle(self, outcome: Committed | Exception) -> None:
        """Say what became of it."""
        assert self.outcome is None
        self.outcome = outcome
        waiters, self._waiters = self._waiters, []
        for call in waiters:
            try:
                call()
            except Exception:  # ours; the others get their answers all the same
                structlog.get_logger().exception("answer.failed")


class _Partition:
    """The commits of one partition: the last of `waiting` is still open for more events."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.waiting: deque[Commit] = deque()
        self.events = 0
        self.task: asyncio.Task[None] | None = None
        self.watched = False
        """Whether somebody looks for the moment to encode ahead."""
        self.last: EntryId | None = None
        """The last entry that was confirmed, while the way to the log had broken `breaks` times."""
        self.breaks = 0


class Publisher:
    """Appends events to the log, one entry at a time for each partition."""

    def __init__(
        self,
        log: Log,
        *,
        caller_secret: bytes,
        clock: Clock,
        measures: Measures,
        timeout_s: float = APPEND_TIMEOUT_S,
        tracing: Tracing | None = None,
    ) -> None:
        self._log = log
        self._tracing = tracing
        self._secret = caller_secret
        self._clock = clock
        self._measures = measures
        self._timeout_s = timeout_s
        self._partitions: dict[int, _Partition] = {}
        self._of_tenant: dict[str, _Partition] = {}
        self._hashes: dict[str, RowHashes] = {}
        self._away = False

    def submit(self, tenant: str, events: Sequence[Event] | PlainEvents, ts_ms: Sequence[int]) -> Commit:
        """Put events of one request into the next entry; the commit, shared with others, says what became of it.

        At least one event, at most COMMIT_EVENTS_MAX. Raises Busy.
        """
        partition = self._of_tenant.get(tenant) or self._partition(tenant)
        count = len(events)
        assert 0 < count <= COMMIT_EVENTS_MAX
        if partition.events + count > WAITING_EVENTS_MAX:
            raise Busy
        waiting = partition.waiting
        if not waiting or waiting[-1].closed or waiting[-1].events.rows + count > COMMIT_EVENTS_MAX:
            waiting.append(Commit(self._clock.steady_s()))
        commit = waiting[-1]
        commit.events.add(tenant, self._hashes[tenant], events, ts_ms)
        partition.events += count
        if partition.task is None:
            partition.task = asyncio.create_task(self._run(partition))
        elif not partition.watched and commit.events.rows >= AHEAD_EVENTS_MIN:
            partition.watched = True
            asyncio.get_running_loop().call_soon(self._encode_ahead, partition, partition.events)
        return commit

    def _encode_ahead(self, partition: _Partition, seen: int) -> None:
        """Encode while the log is busy with the entry before, once a turn of the loop has brought nothing new."""
        partition.watched = partition.events != seen
        if partition.watched:
            asyncio.get_running_loop().call_soon(self._encode_ahead, partition, partition.events)
        elif partition.waiting:
            try:
                partition.waiting[-1].encoded()
            except Exception:  # ours; it comes again, and is told to its senders, when the commit has its turn
                structlog.get_logger().exception("encode.failed")

    def _partition(self, tenant: str) -> _Partition:
        number = partition_of(tenant, self._log.partitions)
        partition = self._partitions.setdefault(number, _Partition(number))
        self._hashes[tenant] = RowHashes(tenant, self._secret)
        self._of_tenant[tenant] = partition
        return partition

    @property
    def waiting_events(self) -> int:
        """Events that are not confirmed yet."""
        return sum(p.events for p in self._partitions.values())

    async def drain(self) -> None:
        """Return when every event taken so far is confirmed or refused."""
        while tasks := [p.task for p in self._partitions.values() if p.task is not None]:
            await asyncio.wait(tasks)

    async def _run(self, partition: _Partition) -> None:
        try:
            while partition.waiting:
                commit = partition.waiting.popleft()
                try:
                    outcome: Committed | Exception = await self._append(partition, commit)
                except Exception as fault:  # ours: the requests of this entry fail, the next entry is tried
                    structlog.get_logger().exception("commit.failed", events=commit.events.rows)
                    outcome = fault
                partition.events -= commit.events.rows
                commit.settle(outcome)
        finally:
            partition.task = None

    async def _append(self, partition: _Partition, commit: Commit) -> Committed:
        block, asked = commit.encoded()
        lookups = list(map(Lookup._make, asked))
        fields = block_fields(block)
        span = None if commit.traces is None else self._traced(commit, commit.traces, fields)
        started_s = self._clock.steady_s()
        try:
            async with asyncio.timeout(self._timeout_s):
                position = await self._log.append(partition.number, fields, lookups)
                await self._look_back(partition, position)
        except (LogUnavailable, TimeoutError) as fault:
            if not isinstance(fault, LogUnavailable):
                fault = LogUnavailable(f"the log gave no answer within {self._timeout_s:g} s")
            if span is not None:
                span.end("not confirmed")
            return self._failed(fault)
        if span is not None:
            span.end(partition=partition.number, entry=str(position))
        ended_s = self._clock.steady_s()
        self._measures.committed(commit.events.rows, len(block), ended_s - started_s, ended_s - commit.began_s)
        if self._away:
            self._away = False
            structlog.get_logger().info("log.back")
        return position

    async def _look_back(self, partition: _Partition, position: EntryId) -> None:
        """After the way to the log broke: alarm when what was confirmed before is gone. Only a sender has it now."""
        last, breaks = partition.last, self._log.breaks
        partition.last = position
        if partition.breaks == breaks:
            return
        partition.breaks = breaks
        if last is None:
            return
        with contextlib.suppress(LogUnavailable):
            # Read, not asked of the partition's state: that belongs to its owner, and the store's ACL keeps ingest off.
            oldest = await self._log.read(partition.number, START, count=1)
            trimmed = not oldest or (oldest[0].id > last and position.ms - last.ms >= TRIMMED_FROM_MS)
            if position <= last or (not trimmed and await self._log.digest(partition.number, last) is None):
                self._measures.losses += 1
                structlog.get_logger().error("commits.lost", partition=partition.number, up_to=str(last))

    def _traced(self, commit: Commit, posts: list[Span], fields: dict[bytes, bytes]) -> Span | None:
        """The append as part of its first traced post, linked to the others; the entry names it to the scorer."""
        assert self._tracing is not None
        events, links = commit.events.rows, posts[1 : 1 + LINKS_MAX]
        span = self._tracing.begin("log append", posts[0], links=links, events=events, posts=len(posts))
        if span is not None:
            fields |= trace_fields(span.traceparent)
        return span

    def _failed(self, fault: LogUnavailable) -> LogUnavailable:
        self._measures.commits_failed += 1
        if not self._away:
            self._away = True
            structlog.get_logger().warning("log.away", fault=str(fault))
        return fault
