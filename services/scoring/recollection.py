"""The event ids that an engine must know beside its checkpoint, read from the log.

They are those of the last 26 minutes: on a log of hundreds of entries a second, seconds of work. A standby does it
before it is needed, up to each newer checkpoint, so that whoever takes over reads the last half minute only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from services.scoring.core.engine import Engine
from services.scoring.core.seen import Seen
from services.scoring.place import Place, as_applied, stands
from shared.contract.entries import START, EntryId
from shared.log import Log, LogState

RECALL_ENTRIES, RECALL_BYTES = (256, 2_048), 1 << 20
"""Read at a time: of small entries as many as make a megabyte, which the store hands out in a millisecond or two."""
SLICE_ENTRIES = 128
"""A millisecond or two of work, and then others have their turn: this process may own other partitions."""


class Recollection:
    """Of one partition. What was read up to a place is kept as long as the entry there stands."""

    def __init__(self) -> None:
        self._seen = Seen()
        self._place: Place | None = None

    async def bring(self, log: Log, partition: int, engine: Engine, state: LogState, skip: Collection[EntryId]) -> None:
        """Read on up to the position of a restored engine, which then knows the ids. Raises LogUnavailable.

        The engine adds to them what it steps, so give what is kept away (`take`) before it goes on.
        """
        place = self._place
        if (
            place is None
            or place.epoch != state.epoch
            or place.position > engine.position
            or not await stands(log, partition, state, place)
        ):
            self._seen, self._place = Seen(), None
        engine.share_seen(self._seen)
        begin = EntryId(engine.recall_from_ms, 0).before if engine.recall_from_ms > 0 else START
        after = begin if self._place is None else max(begin, self._place.position)
        count = RECALL_ENTRIES[0]
        while after < engine.position:
            entries = [e for e in await log.read(partition, after, count=count) if e.id <= engine.position]
            if not entries:
                return
            for first in range(0, len(entries), SLICE_ENTRIES):
                for entry in entries[first : first + SLICE_ENTRIES]:
                    engine.recall(as_applied(entry, skip))
                await asyncio.sleep(0)
            after = entries[-1].id
            self._place = Place.of(state.epoch, entries[-1])
            size = sum(len(entry.fields.get(b"b", b"")) for entry in entries)
            count = min(max(RECALL_ENTRIES[0], count * RECALL_BYTES // (size + 1)), RECALL_ENTRIES[1])

    def take(self) -> None:
        """What is kept belongs to the engine from here on; the next reads all anew."""
        self._seen, self._place = Seen(), None
