"""What is written down beside an outbox, so that a restart, or another process, knows what was told by the channel.

`told:<alert>`  cursor and step of the newest change that was sent, and whether the alert is over
`tries:<cursor>`  how often a change was tried in vain, and how often of that it was refused
`off`  why the channel is switched off, and for which URL
"""

from __future__ import annotations

from typing import NamedTuple

from services.notify.core.lanes import Parcel
from services.notify.core.routing import step_of
from shared.contract.entries import EntryId
from shared.outbox import Outbox

KEPT_OVER_MS = 86_400_000
"""How long it is known that an alert's end was told: longer than a change is tried."""
KEPT_LIVE_MS = 30 * 86_400_000
"""How long an alert that was told may live until its end is told too; one that is open for a month is forgotten."""


class Told(NamedTuple):
    """The newest change of an alert that was sent."""

    cursor: EntryId
    step: str
    over: bool


class Tries(NamedTuple):
    """Tries of a change that came to nothing, and how many of them were refused."""

    tries: int = 0
    refusals: int = 0


class Ledger:
    """Notes of one outbox, as its holder knows them."""

    def __init__(self, outbox: Outbox, address: str) -> None:
        self._outbox = outbox
        self._address = address
        self.told: dict[str, Told] = {}
        self.tries: dict[EntryId, Tries] = {}
        self.off: str | None = None
        """Why the receiver wants no messages any more. Another URL in the file switches the channel on again."""

    async def load(self, now_ms: int) -> None:
        """Read what was written, and forget what is old."""
        self.told, self.tries, self.off, old = {}, {}, None, []
        for name, value in (await self._outbox.notes()).items():
            kind, _, key = name.partition(":")
            if kind == "told":
                cursor, step, over = value.split(" ")
                self.told[key] = Told(EntryId.parse(cursor), step, over == "1")
            elif kind == "tries":
                self.tries[EntryId.parse(key)] = Tries(*map(int, value.split(" ")))
            elif kind == "off":
                address, _, why = value.partition(" ")
                self.off = why if address == self._address else None
        old = [f"told:{alert}" for alert in self.forget_old(now_ms)]
        old += [f"tries:{cursor}" for cursor in self.tries if cursor.ms < now_ms - KEPT_LIVE_MS]
        if old:
            await self._outbox.note({}, old)

    def forget_old(self, now_ms: int) -> list[str]:
        """Alerts that nobody will ask for any more, taken out."""
        old = [
            alert
            for alert, told in self.told.items()
            if told.cursor.ms < now_ms - (KEPT_OVER_MS if told.over else KEPT_LIVE_MS)
        ]
        for alert in old:
            del self.told[alert]
        return old

    async def sent(self, parcel: Parcel) -> None:
        """A change was sent: written down and settled in one step."""
        told = Told(parcel.cursor, step_of(parcel.alert), parcel.alert.phase == "resolved")
        note = f"{told.cursor} {told.step} {int(told.over)}"
        await self._outbox.settle([parcel.cursor], notes={f"told:{parcel.alert.id}": note}, forget=self._try(parcel))
        self.told[parcel.alert.id] = told
        self.tries.pop(parcel.cursor, None)

    async def skipped(self, cursors: list[EntryId]) -> None:
        """Changes that are not to be sent."""
        if cursors:
            tried = [f"tries:{cursor}" for cursor in cursors if self.tries.pop(cursor, None)]
            await self._outbox.settle(cursors, forget=tried)

    async def failed(self, parcel: Parcel) -> None:
        """Write down the tries of a parcel; as often as it takes."""
        self.tries[parcel.cursor] = Tries(parcel.tries, parcel.refusals)
        await self._outbox.note({f"tries:{parcel.cursor}": f"{parcel.tries} {parcel.refusals}"})

    async def set_aside(self, parcel: Parcel, record: bytes) -> None:
        """A change that is given up, with a record of it."""
        await self._outbox.settle([parcel.cursor], forget=self._try(parcel), aside=record)
        self.tries.pop(parcel.cursor, None)

    async def switch_off(self, why: str) -> None:
        """The receiver wants no messages any more."""
        self.off = why
        await self._outbox.note({"off": f"{self._address} {why}"})

    def _try(self, parcel: Parcel) -> list[str]:
        return [f"tries:{parcel.cursor}"] if parcel.cursor in self.tries else []
