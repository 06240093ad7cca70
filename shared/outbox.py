"""The outbox: what one outgoing channel still has to send of one partition's alert changes. A port beside the log.

Guarantees
- A channel that is opened for the first time begins at the end of the alerts log: nobody wants a week of old alerts.
- A change that was taken and not settled is pending, also after a crash, until it is settled; so each is sent at least
  once. What `settle` writes down it writes in the same step, so after a crash a change is either still pending or known
  to have been told.
- While one process holds the outbox, no other does. A hold ends by itself when it is not prolonged.
- Channels have nothing in common: one that takes nothing holds up no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from shared.contract.entries import EntryId

ASIDE_ENTRIES_MAX = 10_000
"""Changes set aside that are remembered in a partition: what a day's outage of a large centre leaves."""

Change = tuple[EntryId, bytes | None]
"""A change by its id in the alerts log; no bytes when the retention has taken it away meanwhile."""


class Outbox(Protocol):
    """The port. All methods raise LogUnavailable when the store cannot be reached."""

    async def hold(self, token: str, *, ttl_ms: int) -> bool:
        """Take the outbox, or prolong one's hold; False while another process has it."""

    async def release(self, token: str) -> None:
        """Let go of it at once, if it is held with this token."""

    async def open(self, after: EntryId | None = None) -> None:
        """Make it, unless it is there: from a position on, or (None) from the end of the alerts log."""

    async def take(self, count: int) -> list[Change]:
        """The next changes that were never taken, in order; they are pending from now on.

        Raises OutboxMissing when the outbox was lost with its store; open it again.
        """

    async def pending(self, after: EntryId, count: int) -> list[Change]:
        """Changes after a position that were taken and are not settled, in order."""

    async def settle(
        self,
        cursors: Sequence[EntryId],
        *,
        notes: Mapping[str, str] | None = None,
        forget: Sequence[str] = (),
        aside: bytes | None = None,
    ) -> None:
        """These changes are done with. In the same step: write notes, forget others, keep a record of one set aside.
        Settling twice is harmless."""

    async def notes(self) -> dict[str, str]:
        """What was written down beside the outbox."""

    async def note(self, notes: Mapping[str, str], forget: Sequence[str] = ()) -> None:
        """Write notes, forget others."""

    async def waiting(self) -> int | None:
        """Changes that are pending or were never taken, as far as the store can tell (None: not)."""


class OutboxMissing(RuntimeError):
    """The outbox is not there: it was never opened, or was lost with its store."""
