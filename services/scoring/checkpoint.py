"""The checkpoint of a partition: written from a running engine, and the way back from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import structlog

from services.scoring.core.engine import Engine
from services.scoring.place import Place, stands
from services.scoring.recollection import Recollection
from shared.contract.block_wire import VERSION as BLOCK_VERSION
from shared.contract.entries import START, EntryId
from shared.log import Checkpoint, Log, LogState

FAILURES_MAX = 3
"""As often an entry may fail; the third time it goes on the skip list."""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """An engine ready to go on after its position. `place` is None for a new engine."""

    engine: Engine
    place: Place | None
    state: LogState
    skip: frozenset[EntryId]
    suspect: frozenset[EntryId]
    """Entries on which the engine failed before, but not often enough to skip them."""
    keep_from: EntryId
    """Entries from here on are needed by a restore from this checkpoint."""
    new_epoch: bool
    """Acknowledged entries were lost; the owner has written a new epoch."""
    breaks: int
    """Of the log, before anything was read."""


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


async def restore(
    log: Log, partition: int, generation: int, before: Place | None, recollection: Recollection
) -> Restored:
    """The engine of the newest checkpoint, or a new one where none can be used. It takes what was recalled.

    `before` is where this process last stood. Where the entry there, at the published position or at the checkpoint
    is gone or is another one, acknowledged entries were lost: a new epoch begins. Raises LogUnavailable, Fenced.
    """
    breaks = log.breaks
    state = await log.state(partition)
    lost = state.published > state.events_last or (
        before is not None and before.epoch == state.epoch and not await stands(log, partition, state, before)
    )
    checkpoint = await log.load_checkpoint(partition)
    place = None
    if checkpoint is not None:
        digest = bytes.fromhex(checkpoint.meta.get("digest", ""))
        place = Place(state.epoch, checkpoint.position, digest)
        if not await stands(log, partition, state, place):
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
    skip = _skipped(failures)
    await recollection.bring(log, partition, engine, state, skip)
    recollection.take()
    needed = keep_from(engine) if place else START
    return Restored(engine, place, state, skip, frozenset(failures) - skip, needed, lost, breaks)


async def foresee(log: Log, partition: int, recollection: Recollection) -> None:
    """What a standby can do of its next restore before it owns the partition. Raises LogUnavailable."""
    state = await log.state(partition)  # first: what is read after it may be of a later life, never of an earlier one
    checkpoint = await log.load_checkpoint(partition)
    if checkpoint is None:
        return
    place = Place(state.epoch, checkpoint.position, bytes.fromhex(checkpoint.meta.get("digest", "")))
    if await stands(log, partition, state, place):
        skip = _skipped(await log.failures(partition))
        await recollection.bring(log, partition, _engine_of(checkpoint, partition), state, skip)


def _skipped(failures: Mapping[EntryId, int]) -> frozenset[EntryId]:
    return frozenset(position for position, number in failures.items() if number >= FAILURES_MAX)


def _engine_of(checkpoint: Checkpoint | None, partition: int) -> Engine:
    if checkpoint is None:
        return Engine.restore(None, marks="seconds")
    try:
        return Engine.restore(checkpoint.state, marks="seconds")
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        # Written by an engine whose state this one cannot read: what the log still holds is judged anew.
        _logger.error("checkpoint cannot be read", partition=partition, error=str(fault), meta=dict(checkpoint.meta))
        return Engine.restore(None, marks="seconds")
