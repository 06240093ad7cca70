"""One tenure: the time from a restore on, during which one engine applies the log of one partition.

Entries are read in runs; how they fall into runs changes no output. What a run has caused is published in one piece:
all changes of alerts, and of the signals only the newest. What the store has already is compared there, not appended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from services.scoring.checkpoint import FAILURES_MAX, Restored, checkpoint_of, keep_from
from services.scoring.core.engine import Engine
from services.scoring.core.report import Report
from services.scoring.measures import Tally
from services.scoring.place import Place, as_applied, stands
from shared.clock import Clock
from shared.contract.block import NewerBlock
from shared.contract.entries import (
    START,
    EngineMark,
    Entry,
    EntryId,
    Settings,
    cause_of,
    engine_fields,
    parse_entry,
    settings_fields,
    tick_fields,
    traceparent_of,
)
from shared.contract.minutes import encode_minute, minute_of
from shared.contract.signals import TenantSignals, encode_signals
from shared.log import Log, LogUnavailable, Publication
from shared.tracing import Span, Tracing

READ_ENTRIES = 256
"""Entries of one read: a few milliseconds of work when they are single events; some MB when they are full blocks."""
PUBLISH_ALERTS = 1_000
"""Changes after which a run is published in the middle: a script of about a megabyte, some ms of the store."""
SLICE_S = 0.005
"""How long the engine works before others on the same loop get their turn, and alerts go out."""
SETTLE_MS = 20
"""A run that caused nothing is published when no entry follows for so long. Each publication is a write that the
store's disk must confirm, and the next events wait for it; under load the position goes out with the next signals."""
FIRST_SAVE_S = 1.0
"""After a restore the first checkpoint comes soon, also on the way to the end of the log: what ended the tenure before
may come again and again, and each time the way from the last checkpoint would be longer."""
REWORK_MS, REWORK_EVERY_S = 1_000, 5.0
"""Work from which on a checkpoint does not wait for its time, and the least time between two. Who takes over does that
work again while leads wait: after 30 s of a busy log, for as long as a lease."""
ENTRY_MS, EVENT_MS = 1.0, 0.001  # about what the engine needs for one: counted, not measured, so the same on any day
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
        tracing: Tracing | None = None,
    ) -> None:
        self.engine: Engine = restored.engine
        self.epoch = restored.state.epoch
        self.halted = halted
        self._log, self._partition, self._generation = log, partition, generation
        self._clock = clock
        self._tally = tally
        self._engine_name = engine_name
        self._checkpoint_s = checkpoint_s
        self._trim_s = trim_s
        self._tracing = tracing
        self._telling: list[Span] = []
        self._skip, self._suspect = restored.skip, restored.suspect
        self.position = self._restored_at = restored.engine.position
        """Of the last entry applied; the engine's own counts no more once it has failed."""
        self.caught_up_at = restored.state.events_last
        """The end of the log when the tenure began."""
        self._published = self._taken_over_at = restored.state.published
        self._named = restored.engine.engine_name == engine_name
        """Whether the log names this engine, at the position or further on. Until then nothing is published."""
        self._rework_ms = 0.0  # of the engine, since the last checkpoint
        self._saved, self._keep_from = restored.engine.position, restored.keep_from
        self._place = restored.place
        self._breaks = restored.breaks
        self._last: Entry | None = None
        self._checkpoint_at_s = clock.steady_s()
        """When the last was written, or when this tenure began: one that never succeeds grows old too."""
        self._due_s = clock.steady_s() + min(checkpoint_s, FIRST_SAVE_S)
        self._trim_due_s = clock.steady_s() + trim_s
        self._upkeep: asyncio.Task[None] | None = None
        self._slice_began_s = self._clock.steady_s()
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
            self._place = Place.of(self.epoch, self._last)
            self._last = None
        return self._place

    def checkpoint_age_s(self) -> float:
        """Since this tenure last wrote one, or began."""
        return self._clock.steady_s() - self._checkpoint_at_s

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
        self._tally.run_entries = len(entries)
        self._slice_began_s = self._clock.steady_s()
        for entry in entries:
            if self.halted():
                break
            await self._apply(entry)
        # Who took an action waits to hear that it was judged, also when it changed nothing.
        if self._alerts or self._signals or any(b"a" in entry.fields for entry in entries):
            await self._publish()
        return not entries

    async def _read(self, block_ms: int) -> list[Entry]:
        entries = await self._log.read(self._partition, self.position, count=READ_ENTRIES, block_ms=block_ms)
        await self._stand()
        return entries

    async def _stand(self) -> None:
        """After the way to the store broke: raise LogUnavailable unless what was read and published is still there."""
        while self._breaks != self._log.breaks:
            breaks, place, state = self._log.breaks, self.place, await self._log.state(self._partition)
            if state.published < self._published or (
                place is not None
                and not (place.epoch == state.epoch and await stands(self._log, self._partition, state, place))
            ):
                raise LogUnavailable("The log lost entries that were read from it. Restore.")
            self._breaks = breaks

    async def _apply(self, entry: Entry) -> None:
        if entry.id in self._suspect:
            await self._save_before_suspect()
        before_ms = self.position.ms
        span = None
        if self._tracing is not None and (parent := traceparent_of(entry.fields)):
            span = self._tracing.begin("score entry", parent, partition=self._partition, entry=str(entry.id))
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
        self._tally.step_s += time.perf_counter() - began_s
        self._last, self.position = entry, entry.id
        self._rework_ms += ENTRY_MS + EVENT_MS * report.counts.get("events", 0)
        if b"e" in entry.fields:
            self._hear_of_engine(entry)
        self._collect(report, before_ms)
        if span is not None:
            self._scored(span, report)
        slice_is_over = self._clock.steady_s() - self._slice_began_s >= SLICE_S
        if len(self._alerts) >= PUBLISH_ALERTS or (self._alerts and slice_is_over):
            await self._publish()
        if slice_is_over:
            await asyncio.sleep(0)
            self._slice_began_s = self._clock.steady_s()

    def _hear_of_engine(self, entry: Entry) -> None:
        self._named = self.engine.engine_name == self._engine_name
        if self._named or entry.id in self._skip:
            return
        mark = parse_entry(entry.fields)
        assert isinstance(mark, EngineMark)
        if mark.published:  # what came after that is not ours to compare, though it stands before the mark
            told_until = EntryId.parse(mark.published)
            self._alerts = [(at, change) for at, change in self._alerts if cause_of(at) <= told_until]

    def _collect(self, report: Report, before_ms: int) -> None:
        counts = self._tally.counts
        counts["entries"] += 1
        for name, number in report.counts.items():
            if name in counts:
                counts[name] += number
        if "events" in report.counts:
            self._tally.last_events_ms = report.position.ms
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
            self._signals[signals.tenant] = self._tally.signals[signals.tenant] = signals
            if signals.at_ms // MINUTE_MS > before_ms // MINUTE_MS:  # the first seen in a new minute
                counted = [tallies for tallies in report.tallies if tallies.tenant == signals.tenant]
                self._history.append(encode_minute(minute_of(signals), counted))

    def _scored(self, span: Span, report: Report) -> None:
        """An entry that is traced is scored; what it changed is still to be published."""
        assert self._tracing is not None
        told = self._tracing.begin("publish alerts", span, changes=len(report.alerts)) if report.alerts else None
        if told is not None:
            self._telling.append(told)
        span.end(events=report.counts.get("events", 0))

    async def _publish(self) -> None:
        position = self.position
        if not self._alerts and position <= self._published:
            self._clear()
            return
        if position < self._taken_over_at and len(self._alerts) < PUBLISH_ALERTS:
            return  # all of it is known already, and an engine named further on may have told a part of it
        if not self._named:
            # What the engine before had not told yet is ours to tell, and the log must say so first.
            if len(self._alerts) < PUBLISH_ALERTS:
                return
            await self.append_engine_mark()
        publication = Publication(
            position, self._alerts, [encode_signals(s) for s in self._signals.values()], self._history
        )
        await self._stand()
        done = await self._log.publish(self._partition, self._generation, publication)
        while self._telling:
            self._telling.pop().end()
        if done.appended:
            log_ms = self._clock.now_ms() - self._tally.clock_difference_s * 1000
            for cursor, _ in self._alerts[-done.appended :]:  # what was there already stands before them
                self._tally.delayed(max(0.0, (log_ms - cursor.ms) / 1000))
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
        stands = await self._log.append(self._partition, tick_fields(owner_ms), promised=False)
        self._tally.counts["ticks"] += 1
        difference_ms = owner_ms - stands.ms
        self._tally.clock_difference_s = difference_ms / 1000
        if abs(difference_ms) > CLOCK_FAULT_MS:
            self._tally.counts["clock_faults"] += 1
            _logger.warning("clock differs from the log's", partition=self._partition, difference_ms=difference_ms)

    async def append_engine_mark(self) -> None:
        """From where the engine before had published to, this engine judges. Once: what is named stays named."""
        if self._named:
            return
        mark = EngineMark(self._engine_name, str(self._restored_at), str(self._taken_over_at))
        stands = await self._log.append(self._partition, engine_fields(mark), promised=False)
        self._named = True
        _logger.info("engine named", partition=self._partition, entry=str(stands), engine=self._engine_name)

    async def append_settings(self, settings: Settings) -> None:
        """From here on these settings are in force."""
        stands = await self._log.append(self._partition, settings_fields(settings), promised=False)
        _logger.info("settings", partition=self._partition, entry=str(stands), revision=settings.revision)

    # --- upkeep

    async def _save_before_suspect(self) -> None:
        """An entry that failed is tried again: should it fail once more, the next try begins here."""
        await self.abandon()
        await self._publish()
        await self._checkpoint()

    async def keep_house(self) -> None:
        """Checkpoint and trim when they are due, beside the reading. Raises what the last upkeep raised."""
        if self._upkeep is not None:
            if not self._upkeep.done():
                return
            task, self._upkeep = self._upkeep, None
            task.result()
        now_s = self._clock.steady_s()
        much = self._rework_ms >= REWORK_MS and now_s - self._checkpoint_at_s >= REWORK_EVERY_S
        checkpoint, trim = much or now_s >= self._due_s, now_s >= self._trim_due_s
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
        self._rework_ms = 0.0
        await self._log.save_checkpoint(self._partition, self._generation, checkpoint)
        self._saved, self._keep_from = place.position, needed
        self._checkpoint_at_s = self._clock.steady_s()

    async def _trim(self) -> None:
        if self._keep_from <= START:
            return
        keep = EntryId(max(0, self._keep_from.ms - TRIM_MARGIN_MS), 0)
        told_ms = self.engine.live_told_ms
        # By the log's time: the clock of one machine, set wrong, must not take what is young.
        await self._log.trim(
            self._partition,
            self._generation,
            now_ms=self.position.ms,
            keep_from=keep,
            keep_alerts_from=None if told_ms is None else EntryId(told_ms, 0),
        )
