"""The last changes of one tenant, kept so that a client that was away for a moment misses none."""

from __future__ import annotations

from collections import deque

from services.notify.core.alerts import Change
from shared.contract.entries import EntryId

CHANGES_MAX = 512
BYTES_MAX = 1 << 20
"""Either is minutes of a bad hour. What is older is read from the log, which keeps days; a thousand quiet tenants
cost nothing, and a busy one at most a megabyte."""


class Backlog:
    """A run of changes without a hole: every change of the tenant after `floor` is here."""

    __slots__ = ("_bytes", "_changes", "_changes_max", "floor")

    def __init__(self, floor: EntryId, *, changes_max: int = CHANGES_MAX) -> None:
        self.floor = floor
        self._changes: deque[Change] = deque()
        self._changes_max = changes_max
        self._bytes = 0

    def add(self, change: Change) -> None:
        """Keep the next change; let the oldest go when a limit is reached."""
        self._changes.append(change)
        self._bytes += len(change.data)
        while len(self._changes) > self._changes_max or (self._bytes > BYTES_MAX and len(self._changes) > 1):
            oldest = self._changes.popleft()
            self._bytes -= len(oldest.data)
            self.floor = oldest.cursor

    def after(self, cursor: EntryId) -> list[Change] | None:
        """The changes after a cursor, in order; None when some of them are no longer here."""
        if cursor < self.floor:
            return None
        if not self._changes or self._changes[-1].cursor <= cursor:
            return []
        return [change for change in self._changes if change.cursor > cursor]
