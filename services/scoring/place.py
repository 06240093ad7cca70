"""Positions in the log, and whether what stood there still stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shared.contract.entries import START, Entry, EntryId, tick_fields
from shared.log import Log, LogState
from shared.log_rules import entry_digest


@dataclass(frozen=True, slots=True)
class Place:
    """A position in one life of the log, with the digest of the entry that stands there."""

    epoch: str
    position: EntryId
    digest: bytes

    @classmethod
    def of(cls, epoch: str, entry: Entry) -> Place:
        """Where an entry stands."""
        return cls(epoch, entry.id, entry_digest(entry.fields))


def as_applied(entry: Entry, skip: Collection[EntryId]) -> Entry:
    """The entry as the engine gets it, live and in replay: one that is on the skip list is a tick of the same time."""
    return Entry(entry.id, tick_fields(entry.id.ms)) if entry.id in skip else entry


async def stands(log: Log, partition: int, state: LogState, place: Place) -> bool:
    """Whether the entry of a place is still there; one that the retention took is not lost."""
    if START < place.position < state.events_first:
        return True
    return await log.digest(partition, place.position) == place.digest
