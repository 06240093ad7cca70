"""One tenure: the time from a restore on, during which one engine applies the log of one partition.

Entries are read in runs; how they fall into runs changes no output. What a run has caused is published in one piece:
all changes of alerts, and of the signals only the newest. What the store has already is compared there, not appended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from services.scoring.checkpoint import FAILURES_MAX, Place, Restored, as_applied, checkpoint_of, keep_from
from services.scoring.core.engine import Engine
from services.scoring.core.report import Report
from services.scoring.measures import Tally
from shared.clock import Clock
from shared.contract.block import NewerBlock
from shared.contract.entries import (
    START,
    EngineMark,
    Entry,
    EntryId,
    Settings,
    engine_fields,
    settings_fields,
    tick_fields,
)
from shared.contract.minutes import encode_minute, minute_of
from shared.contract.signals import TenantSignals, encode_signals
from shared.log import Log, Publication
from shared.log_rules import entry_digest

READ_ENTRIES = 256
"""Entries of one read: a few milliseconds of work when they are single events; some MB when they are full blocks."""
PUBLISH_ALERTS = 1_000
"""Changes after which a run is published in the middle: a script of about a megabyte, some ms of the store."""
SLICE_S = 0.005
"""How long the engine works before others on the same loop get their turn, and alerts go out."""
SETTLE_MS = 20
"""A run that caused nothing is published when no entry follows for so long. Each publication is a write that the
store's disk must confirm, and the next events wait for it; under load the position goes out with the next signals."""
CLOCK_FAULT_MS = 5_000
TRIM_MARGIN_MS = 60_000
"""Beyond what a restore needs, so that an owner that is just restoring is not overtaken by the trimming of the next."""
MINUTE_MS = 60_000

_logger = structlog.get_logger(__name__)


class PoisonFound(Exception):
    """The engine failed on an entry; it was counted. Restore and read again."""


class Tenure:
    """Engine, position and what is not published yet. After any exception it is over."""

    def __init__(
        self,
        log: Log,
        partition: int,
        generation: int,
        restored: Restored,
        *,
        clock: Clock,
        tally: Tally,
        engine_name: str,
        checkpoint_s: float,
        trim_s: float,
        halted: Callable[[], bool],
    ) -> None:
        self.engine: Engine = restored.engine
        self.epoch = restored.state.epoch
        self.halted = halted
        self._log = log
        self._partition = partition
        self._generation = generation
        self._clock = clock
        self._tally = tally
        self._engine_name = engine_name
        self._checkpoint_s = checkpoint_s
        self._trim_s = trim_s
        self._skip = restored.skip
        self.position = self._restored_at = restored.engine.position
        """Of the last entry applied; the engine's own counts no more once it has failed."""
        self.caught_up_at = restored.state.events_last
        """The end of the log when the tenure began."""
        self._published = restored.state.published
        self._saved = restored.engine.position
        self._keep_from = restored.keep_from
        self._place = restored.place
        self._last: Entry | None = None
        self._checkpoint_at_s: float | None = None
        self._due_s = clock.steady_s() + checkpoint_s
        self._trim_due_s = clock.steady_s() + trim_s
        self._upkeep: asyncio.Task[None] | None = None
        self._slice_began_s = time.perf_counter()
        self._clear()
        tally.skipped = len(restored.skip)

    def _clear(self) -> None:
        self._alerts: list[tuple[EntryId, bytes]] = []
        self._signals: dict[str, TenantSignals] = {}
        self._history: list[bytes] = []

    @property
    def place(self) -> Place | None:
        """The position with the digest of its entry; None before the first."""
        if self._last is not None:
            self._place = Place(self.epoch, self._last.id, entry_digest(self._last.fields))
            self._last = None
        return self._place

    def checkpoint_age_s(self) -> float | None:
        """Since this tenure last wrote one."""
        return None if self._checkpoint_at_s is None else self._clock.steady_s() - self._checkpoint_at_s

    # --- reading and stepping

    async def advance(self, *, block_ms: int) -> bool:
        """Apply and publish what follows; True when nothing came for `block_ms`.

        Raises NewerBlock, PoisonFound, Fenced, LogUnavailable.
        """
        entries: list[Entry] = []
        if self.position > self._published:
            settle_ms = min(SETTLE_MS, block_ms)
            if not (entries := await self._read(settle_ms)):
                await self._publish()
                block_ms -= settle_ms
        entries = entries or await self._read(block_ms)
        self._slice_began_s = time.perf_counter()
        for entry in entries:
            if self.halted():
                break
            await self._apply(entry)
        # Who took an action waits to hear that it was judged, also when it changed nothing.
        if self._alerts or self._signals or any(b"a" in entry.fields for entry in entries):
            await self._publish()
        return not entries

    async def _read(self, block_ms: int) -> list[Entry]:
        return await self._log.read(self._partition, self.position, count=READ_ENTRIES, block_ms=block_ms)

    async def _apply(self, entry: Entry) -> None:
        before_ms = self.position.ms
        began_s = time.perf_counter()
        try:
            report = self.engine.step(as_applied(entry, self._skip))
        except NewerBlock:
            await self._publish()
            raise
        except (MemoryError, ConnectionError):
            raise  # not the entry's fault
        except Exception as fault:
            await self._publish()
            if entry.id in self._skip:
                raise  # it fails on time alone, so the state is broken and not the entry: no skipping helps
            await self._count_poison(entry, fault)
            raise PoisonFound from fault
        ended_s = time.perf_counter()
        self._tally.step_s += ended_s - began_s
        self._last, self.position = entry, entry.id
        self._collect(report, before_ms)
        slice_is_over = ended_s - self._slice_began_s >= SLICE_S
        if len(self._alerts) >= PUBLISH_ALERTS or (self._alerts and slice_is_over):
            await self._publish()
        if slice_is_over:
            await asyncio.sleep(0)
            self._slice_began_s = time.perf_counter()

    def _collect(self, report: Report, before_ms: int) -> None:
        counts = self._tally.counts
        counts["entries"] += 1
        for name, number in report.counts.items():
            if name in counts:
                counts[name] += number
        if report.gap_ms:
            counts["gaps"] += 1
            _logger.warning("clock gap", partition=self._partition, gap_ms=report.gap_ms, at=str(report.position))
        fresh = report.position > self._published
        # What another engine published stands as it is; ours begins where the log names us.
        if fresh or self.engine.engine_name == self._engine_name:
            self._alerts.extend(report.alerts)
        if not fresh:
            return
        for signals in report.signals:
            self._signals[signals.tenant] = signals
            if signals.at_ms // MINUTE_MS > before_ms // MINUTE_MS:  # the first seen in a new minute
                self._history.append(encode_minute(minute_of(signals)))

    async def _publish(self) -> None:
        position = self.position
        if not self._alerts and position <= self._published:
            self._clear()
            return
        publication = Publication(
            position, self._alerts, [encode_signals(s) for s in self._signals.values()], self._history
        )
        done = await self._log.publish(self._partition, self._generation, publication)
        self._clear()
        self._published = max(self._published, position)
        self._tally.counts["alerts"] += done.appended
        if done.differing:
            self._tally.counts["differing"] += done.differing
            _logger.error(
                "published changes differ", partition=self._partition, number=done.differing, up_to=str(position)
            )

    async def _count_poison(self, entry: Entry, fault: Exception) -> None:
        number = await self._log.count_failure(self._partition, self._generation, entry.id)
        self._tally.counts["poison"] += 1
        # The kind and the place of the fault, never its text: it may quote what the entry holds.
        place = fault.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        _logger.error(
            "engine failed on an entry",
            partition=self._partition,
            entry=str(entry.id),
            fault=type(fault).__name__,
            at=f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else "",
            failures=number,
            skipped=number >= FAILURES_MAX,
        )

    # --- what the owner writes into the log

    async def append_tick(self) -> None:
        """Time passed, and nothing else."""
        owner_ms = self._clock.now_ms()
        stands = await self._log.append(self._partition, tick_fields(owner_ms))
        self._tally.counts["ticks"] += 1
        difference_ms = owner_ms - stands.ms
        self._tally.clock_difference_s = difference_ms / 1000
        if abs(difference_ms) > CLOCK_FAULT_MS:
            self._tally.counts["clock_faults"] += 1
            _logger.warning("clock differs from the log's", partition=self._partition, difference_ms=difference_ms)

    async def append_engine_mark(self) -> None:
        """From here on this engine judges."""
        mark = EngineMark(self._engine_name, str(self._restored_at))
        stands = await self._log.append(self._partition, engine_fields(mark))
        _logger.info("engine named", partition=self._partition, entry=str(stands), engine=self._engine_name)

    async def append_settings(self, settings: Settings) -> None:
        """From here on these settings are in force."""
        stands = await self._log.append(self._partition, settings_fields(settings))
        _logger.info("settings", partition=self._partition, entry=str(stands), revision=settings.revision)

    # --- upkeep

    async def keep_house(self) -> None:
        """Checkpoint and trim when they are due, beside the reading. Raises what the last upkeep raised."""
        if self._upkeep is not None:
            if not self._upkeep.done():
                return
            task, self._upkeep = self._upkeep, None
            task.result()
        now_s = self._clock.steady_s()
        checkpoint, trim = now_s >= self._due_s, now_s >= self._trim_due_s
        if checkpoint or trim:
            self._due_s = now_s + self._checkpoint_s if checkpoint else self._due_s
            self._trim_due_s = now_s + self._trim_s if trim else self._trim_due_s
            self._upkeep = asyncio.create_task(self._do_upkeep(checkpoint=checkpoint, trim=trim))
            await asyncio.sleep(0)  # it takes its snapshot before the next entry is applied

    async def _do_upkeep(self, *, checkpoint: bool, trim: bool) -> None:
        if checkpoint:
            await self._checkpoint()
        if trim:
            await self._trim()

    async def finish(self) -> None:
        """Write the checkpoint at exactly the last output."""
        if self._upkeep is not None:
            task, self._upkeep = self._upkeep, None
            await task
        await self._publish()
        await self._checkpoint()

    async def abandon(self) -> None:
        """End what is under way beside the reading."""
        if self._upkeep is not None:
            task, self._upkeep = self._upkeep, None
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # it is what ended the tenure, or the tenure ended for a reason of its own

    async def _checkpoint(self) -> None:
        place = self.place
        # Before the log names this engine, a crash must find the state that the engine before left.
        if place is None or self.position == self._saved or self.engine.engine_name != self._engine_name:
            return
        checkpoint, needed = checkpoint_of(self.engine, place), keep_from(self.engine)
        await self._log.save_checkpoint(self._partition, self._generation, checkpoint)
        self._saved, self._keep_from = place.position, needed
        self._checkpoint_at_s = self._clock.steady_s()

    async def _trim(self) -> None:
        if self._keep_from <= START:
            return
        keep = EntryId(max(0, self._keep_from.ms - TRIM_MARGIN_MS), 0)
        await self._log.trim(self._partition, self._generation, now_ms=self._clock.now_ms(), keep_from=keep)
