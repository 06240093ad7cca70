"""One partition of the log, followed: its alerts from the first that is kept, its signals from the newest.

The alerts log keeps what is live for as long as it lives, so reading it from the start gives every live alert. A new
epoch, or a log whose end moved back, means that what was read may never have been: everything is read again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Protocol

import msgspec
import structlog

from services.notify.core.alerts import AlertHead, Change, read_change
from services.notify.core.tenant import Tenant
from services.notify.metrics import Followed, Metrics
from shared.clock import Clock
from shared.contract.entries import START, EntryId, cause_of
from shared.contract.signals import BadSignals, read_head
from shared.log import Log, LogState, LogUnavailable

BLOCK_MS = 1000
"""Longest wait of one read: short enough that a stop or a look at the epoch need not interrupt it."""
CHECK_EVERY_S = 2.0
"""How old the knowledge of the epoch may be. One small command; a change of epoch is rare and follows a failover."""
PAUSE_MS = 3_600_000
"""Between two changes, from which on it is looked at whether the retention took some of those between. It keeps days,
so less than an hour never matters; an alert that comes after a quiet hour is told a moment later."""
BACKOFF_S = (0.1, 1.0)
"""First and longest pause while the log does not answer. With that of the link, leads see news within two seconds of
its return; a store that starts is not stormed, since all that read it here dial together."""
TOLD_MAX = 4_096
"""Cursors known by heart, so that a mass return asks the log nothing: minutes of a bad hour, half a megabyte."""
_UNREAD = "not read yet"

_logger = structlog.get_logger(__name__)


class Listener(Protocol):
    """Who is told. The calls are made between two steps of the loop: nothing else happens in between."""

    def changed(self, change: Change, before: EntryId) -> None:
        """An alert changed; `before` is the top cursor just before."""

    def refreshed(self, tenant: str) -> None:
        """Newer signals of a tenant."""

    def replaced(self, partition: Partition) -> None:
        """Everything of the partition was read anew; what clients have is void."""


class Partition:
    """What is known of one partition. `fault` says what is wrong, or None."""

    def __init__(self, log: Log, index: int, clock: Clock, metrics: Metrics, listener: Listener) -> None:
        self.index = index
        self.epoch = ""
        self.top = START
        self.fault: str | None = _UNREAD
        self.loaded = asyncio.Event()
        self.moved = asyncio.Event()
        """Set at each change, for those who wait for one; they clear it."""
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._listener = listener
        self._tenants: dict[str, Tenant] = {}
        self._floor = START
        self._top_data = b""
        self._told: dict[EntryId, None] = {}
        """The newest cursors of this life of the log, oldest first."""
        self._signals_at = START
        self.signals_ms: int | None = None
        self._state: LogState | None = None
        self._epochs = 0

    def tenant(self, name: str) -> Tenant:
        """A tenant of this partition, known or not yet."""
        found = self._tenants.get(name)
        if found is None:
            found = self._tenants[name] = Tenant(self._floor)
        return found

    # --- alerts

    async def follow_alerts(self) -> None:
        """Run until cancelled."""
        pause_s, checked_s, doubtful, breaks = BACKOFF_S[0], float("-inf"), True, 0
        while True:
            try:
                if self._log.breaks != breaks:
                    doubtful, breaks = True, self._log.breaks
                if doubtful or self._clock.steady_s() - checked_s >= CHECK_EVERY_S:
                    await self._check(doubtful)
                    checked_s, doubtful, pause_s = self._clock.steady_s(), False, BACKOFF_S[0]
                    self._well()
                entries = await self._log.read_alerts(self.index, self.top, block_ms=BLOCK_MS)
                if self._log.breaks != breaks:
                    continue  # look first whether what was read before still stands
                if entries and entries[0][0].ms - self.top.ms > PAUSE_MS and await self._check_pause():
                    continue
            except LogUnavailable as exc:
                self._ill(exc)
                doubtful = True
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, BACKOFF_S[1])
                continue
            for cursor, data in entries:
                self._take(cursor, data)

    def _take(self, cursor: EntryId, data: bytes) -> None:
        before, self.top, self._top_data = self.top, cursor, data
        self._remember(cursor)
        change = self._readable(cursor, data)
        if change is not None:
            tenant = self.tenant(change.head.tenant)
            known = tenant.alerts.newest(change.head.id)
            tenant.apply(change)
            self._listener.changed(change, before)
            self._metrics.floor.changed(None if known is None else known.head, change.head)
        self.moved.set()

    def _readable(self, cursor: EntryId, data: bytes) -> Change | None:
        try:
            return read_change(cursor, data)
        except (msgspec.MsgspecError, UnicodeError) as exc:
            # One change that cannot be read must not keep all others from the leads.
            self._metrics.unreadable.inc()
            _logger.error("alert cannot be read", partition=self.index, cursor=str(cursor), error=str(exc))
            return None

    async def _check_pause(self) -> bool:
        """After a long silence of the log, or a sleep of this process: whether changes were trimmed before it read
        them. It then reads everything anew."""
        state = await self._log.state(self.index)
        lost = self.top > START and _floor(state) > self.top
        if lost:
            await self._load(state)
        return lost

    async def _check(self, doubtful: bool) -> None:
        state = await self._log.state(self.index)
        if self._state is not None and self._state.epoch != state.epoch:
            self._epochs += 1
        self._state = state
        if (
            not self.loaded.is_set()
            or state.epoch != self.epoch
            or state.alerts_last < self.top
            or (doubtful and not await self._still_there(state))
        ):
            await self._load(state)

    async def _still_there(self, state: LogState) -> bool:
        """After a break: whether the last change read is still in the log, and none after it was trimmed meanwhile."""
        if state.alerts_last == self.top or not self._top_data:
            return True
        entries = await self._log.read_alerts(self.index, self.top.before, count=1)
        return entries == [(self.top, self._top_data)]

    async def _load(self, state: LogState) -> None:
        while True:
            floor = _floor(state)
            tenants: dict[str, Tenant] = {}
            top, top_data = START, b""
            self._told.clear()
            while entries := await self._log.read_alerts(self.index, top):
                for cursor, data in entries:
                    self._remember(cursor)
                    if (change := self._readable(cursor, data)) is not None:
                        tenants.setdefault(change.head.tenant, Tenant(floor)).apply(change)
                top, top_data = entries[-1]
            before, state = state, await self._log.state(self.index)
            if state.epoch == before.epoch:
                break
        first = not self.loaded.is_set()
        self.epoch, self._floor, self._tenants = state.epoch, floor, tenants
        self.top, self._top_data = (top, top_data) if top > START else (floor, b"")
        self._signals_at = START
        self.loaded.set()
        self.moved.set()
        _logger.info("partition read", partition=self.index, epoch=self.epoch, top=str(self.top), again=not first)
        if not first:
            self._listener.replaced(self)

    # --- signals

    async def follow_signals(self) -> None:
        """Run until cancelled."""
        pause_s = BACKOFF_S[0]
        while True:
            await self.loaded.wait()
            try:
                entries = await self._log.read_signals(self.index, self._signals_at, block_ms=BLOCK_MS)
                pause_s = BACKOFF_S[0]
            except LogUnavailable as exc:
                self._ill(exc)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, BACKOFF_S[1])
                continue
            fresh: dict[str, None] = {}
            for self._signals_at, data in entries:
                try:
                    head = read_head(data)
                except BadSignals as exc:
                    self._metrics.unreadable.inc()
                    _logger.error("signals cannot be read", partition=self.index, error=str(exc))
                    continue
                self.tenant(head.tenant).board.update(head.at_ms, data)
                self.signals_ms = head.at_ms
                fresh[head.tenant] = None
            for tenant in fresh:
                self._listener.refreshed(tenant)

    # --- what others ask

    def live(self) -> Iterator[AlertHead]:
        """The alerts that are not over."""
        return (change.head for tenant in self._tenants.values() for change in tenant.alerts.all_live())

    def followed(self) -> Followed:
        """Where it stands, for metrics."""
        state, now_ms = self._state, self._clock.now_ms()
        last_ms = state.events_last.ms if state is not None else 0
        return Followed(
            partition=self.index,
            behind_s=max(0, last_ms - state.published.ms) / 1000 if state is not None and state.published.ms else None,
            silent_s=max(0, now_ms - last_ms) / 1000 if last_ms else None,
            signals_age_s=None if self.signals_ms is None else max(0, now_ms - self.signals_ms) / 1000,
            generation=state.generation if state is not None else 0,
            differing=state.differing if state is not None else 0,
            epochs=self._epochs,
        )

    async def scored(self, entry: EntryId, tenant: str, alert: str | None, timeout_s: float) -> bool:
        """Wait until the engine has judged an entry of the events log, and what it said of an alert was read here.

        Without an alert: until all that it said was read.
        """
        deadline_s = self._clock.steady_s() + timeout_s
        while True:
            self.moved.clear()
            change = None if alert is None else self.tenant(tenant).alerts.newest(alert)
            if change is not None and cause_of(change.cursor) >= entry:
                return True
            try:
                state = await self._log.state(self.index)
                if state.published >= entry and self.top >= state.alerts_last:
                    return True
            except LogUnavailable:
                pass  # the change may still come; else the deadline does
            if self._clock.steady_s() >= deadline_s:
                return False
            with contextlib.suppress(TimeoutError):
                # 50 ms: an entry that changes no alert shows itself only by the published position.
                await asyncio.wait_for(self.moved.wait(), 0.05)

    def _remember(self, cursor: EntryId) -> None:
        self._told[cursor] = None
        if len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]

    def told(self, cursor: EntryId) -> bool:
        """Whether a change with this cursor was read; of older ones than the newest few thousand the log must say."""
        return cursor == self.top or cursor in self._told

    async def stands(self, cursor: EntryId) -> bool:
        """Whether the log has the change of a cursor, and so all after it. One that a failover took, after a lead had
        seen it, may lie between those that came instead. Raises LogUnavailable."""
        entries = await self._log.read_alerts(self.index, cursor.before, count=1) if cursor > START else []
        state = await self._log.state(self.index)
        there = entries[0][0] == cursor if entries else cursor == state.alerts_last  # all may have been trimmed
        return state.epoch == self.epoch and there

    async def history(self, after: EntryId, count: int) -> list[tuple[EntryId, bytes]] | None:
        """Changes after a cursor from the log; None when some of them were trimmed. Raises LogUnavailable."""
        entries = await self._log.read_alerts(self.index, after, count=count)
        state = await self._log.state(self.index)
        whole = state.epoch == self.epoch and _floor(state) <= after <= state.alerts_last
        return entries if whole else None

    def _ill(self, exc: Exception) -> None:
        if self.fault in (None, _UNREAD):
            _logger.warning("log does not answer", partition=self.index, error=str(exc))
        self.fault = str(exc) or type(exc).__name__

    def _well(self) -> None:
        if self.fault not in (None, _UNREAD):
            _logger.info("log answers", partition=self.index)
        self.fault = None


def _floor(state: LogState) -> EntryId:
    """Changes after here are all there: nothing before the first that is kept can be told apart from what was trimmed.

    Where none is kept, those up to the last one ever were trimmed.
    """
    return state.alerts_first if state.alerts_first > START else state.alerts_last
