"""The checkpoint of a partition: written from a running engine, and the way back from it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import structlog

from services.scoring.core.engine import Engine
from shared.contract.block_wire import VERSION as BLOCK_VERSION
from shared.contract.entries import START, Entry, EntryId, tick_fields
from shared.log import Checkpoint, Log, LogState

FAILURES_MAX = 3
"""As often an entry may fail; the third time it goes on the skip list."""
RECALL_ENTRIES = 256
SEQ_MAX = (1 << 64) - 1

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A position in one life of the log, with the digest of the entry that stands there."""

    epoch: str
    position: EntryId
    digest: bytes


@dataclass(frozen=True, slots=True)
class Restored:
    """An engine ready to go on after its position. `place` is None for a new engine."""

    engine: Engine
    place: Place | None
    state: LogState
    skip: frozenset[EntryId]
    keep_from: EntryId
    """Entries from here on are needed by a restore from this checkpoint."""
    new_epoch: bool
    """Acknowledged entries were lost; the owner has written a new epoch."""


def as_applied(entry: Entry, skip: Collection[EntryId]) -> Entry:
    """The entry as the engine gets it, live and in replay: one that is on the skip list is a tick of the same time."""
    return Entry(entry.id, tick_fields(entry.id.ms)) if entry.id in skip else entry


def checkpoint_of(engine: Engine, place: Place) -> Checkpoint:
    """Position and state at this moment."""
    assert engine.position == place.position
    meta = {
        "digest": place.digest.hex(),
        "engine": engine.engine_name,
        "block": str(BLOCK_VERSION),
        "numpy": np.__version__,
        "settings_revision": str(engine.settings_revision),
        "settings_digest": engine.settings_digest,
    }
    return Checkpoint(engine.position, engine.snapshot(), meta)


def keep_from(engine: Engine) -> EntryId:
    """Entries that a checkpoint of this moment needs."""
    return EntryId(engine.recall_from_ms, 0)


async def restore(log: Log, partition: int, generation: int, before: Place | None) -> Restored:
    """The engine of the newest checkpoint, or a new one where there is none that can be used.

    `before` is where this process last stood. Where the entry there, at the published position or at the checkpoint
    is gone or is another one, acknowledged entries were lost: a new epoch begins. Raises LogUnavailable, Fenced.
    """
    state = await log.state(partition)
    lost = state.published > state.events_last or (
        before is not None and before.epoch == state.epoch and not await _stands(log, partition, state, before)
    )
    checkpoint = await log.load_checkpoint(partition)
    place = None
    if checkpoint is not None:
        digest = bytes.fromhex(checkpoint.meta.get("digest", ""))
        place = Place(state.epoch, checkpoint.position, digest)
        if not await _stands(log, partition, state, place):
            checkpoint = place = None
            lost = True
    if lost:
        await log.new_epoch(partition, generation)
        state = await log.state(partition)
        _logger.error("acknowledged entries were lost", partition=partition, epoch=state.epoch)
    engine = _engine_of(checkpoint, partition)
    if engine.position == START:
        place = None
    elif place is not None:
        place = Place(state.epoch, place.position, place.digest)
    failures = await log.failures(partition)
    skip = frozenset(position for position, number in failures.items() if number >= FAILURES_MAX)
    await _recall(log, partition, engine, skip)
    needed = keep_from(engine) if place else START
    return Restored(engine, place, state, skip, needed, lost)


async def _stands(log: Log, partition: int, state: LogState, place: Place) -> bool:
    """Whether the entry of a place is still there; one that the retention took is not lost."""
    if START < place.position < state.events_first:
        return True
    return await log.digest(partition, place.position) == place.digest


def _engine_of(checkpoint: Checkpoint | None, partition: int) -> Engine:
    if checkpoint is None:
        return Engine.restore(None, marks="seconds")
    try:
        return Engine.restore(checkpoint.state, marks="seconds")
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        # Written by an engine whose state this one cannot read: what the log still holds is judged anew.
        _logger.error("checkpoint cannot be read", partition=partition, error=str(fault), meta=dict(checkpoint.meta))
        return Engine.restore(None, marks="seconds")


async def _recall(log: Log, partition: int, engine: Engine, skip: Collection[EntryId]) -> None:
    """Show the engine the event ids that it must know; they are not in the checkpoint."""
    after = EntryId(engine.recall_from_ms - 1, SEQ_MAX) if engine.recall_from_ms > 0 else START
    while after < engine.position:
        entries = await log.read(partition, after, count=RECALL_ENTRIES)
        for entry in entries:
            if entry.id <= engine.position:
                engine.recall(as_applied(entry, skip))
        if not entries:
            return
        after = entries[-1].id
        await asyncio.sleep(0)
