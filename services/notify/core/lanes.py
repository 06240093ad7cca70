"""What a channel still has to send: a lane for each alert, so that an alert's changes keep their order and one that is
refused, or waits for the morning, holds up no other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.notify.core.told import ToldAlert
from shared.contract.entries import EntryId


@dataclass(slots=True)
class Parcel:
    """One change on its way. `tries` counts those that failed, `refusals` those among them that the receiver answered
    with a no to this very message."""

    cursor: EntryId
    alert: ToldAlert
    data: bytes
    tries: int = 0
    refusals: int = 0


@dataclass(slots=True)
class _Lane:
    parcels: deque[Parcel] = field(default_factory=deque)
    due_s: float = 0.0
    waits: bool = False
    """Its head waits for an hour, not after a failure: a newer change may say that it need not be told at all."""


class Lanes:
    """Lanes of one channel; times are of a steady clock."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._failed: set[str] = set()
        """Alerts that failed since the last success."""

    def __len__(self) -> int:
        return sum(len(lane.parcels) for lane in self._lanes.values())

    def active(self) -> int:
        """Those of lanes that do not wait for an hour."""
        return sum(len(lane.parcels) for lane in self._lanes.values() if not lane.waits)

    def __contains__(self, alert: str) -> bool:
        return alert in self._lanes

    def parcels(self) -> Iterable[Parcel]:
        """All, in no order."""
        return (parcel for lane in self._lanes.values() for parcel in lane.parcels)

    def oldest_ms(self) -> int | None:
        """When the oldest change that is not sent yet was made."""
        return min((lane.parcels[0].cursor.ms for lane in self._lanes.values()), default=None)

    def add(self, parcel: Parcel) -> None:
        """A change, in the order of the log."""
        lane = self._lanes.setdefault(parcel.alert.id, _Lane())
        lane.parcels.append(parcel)
        if lane.waits:
            lane.due_s, lane.waits = 0.0, False

    def next(self, now_s: float) -> Parcel | None:
        """The head of the lane that is due for longest, None when nothing is due."""
        due = [lane for lane in self._lanes.values() if lane.due_s <= now_s]
        if not due:
            return None
        return min(due, key=lambda lane: (lane.due_s, lane.parcels[0].cursor)).parcels[0]

    def due_s(self) -> float | None:
        """When something is due next."""
        return min((lane.due_s for lane in self._lanes.values()), default=None)

    def overtaken(self, parcel: Parcel) -> bool:
        """Whether a newer change of the same alert waits behind this one."""
        return len(self._lanes[parcel.alert.id].parcels) > 1

    def remove(self, parcel: Parcel) -> None:
        """The head of a lane is settled; what is behind it is due at once."""
        lane = self._lanes[parcel.alert.id]
        assert lane.parcels[0] is parcel
        lane.parcels.popleft()
        lane.due_s, lane.waits = 0.0, False
        if not lane.parcels:
            del self._lanes[parcel.alert.id]

    def wait(self, parcel: Parcel, until_s: float) -> None:
        """Not before a time, unless a newer change of the alert comes."""
        lane = self._lanes[parcel.alert.id]
        lane.due_s, lane.waits = until_s, True

    def failed(self, parcel: Parcel, until_s: float) -> None:
        """A try failed; the same change is due again at a time."""
        self._failed.add(parcel.alert.id)
        self._lanes[parcel.alert.id].due_s = until_s

    def succeeded(self) -> None:
        """Something was sent. When several alerts failed before, the receiver was away, and is back for all of them.
        One alert that failed alone may be what the receiver cannot take, and keeps its pause."""
        if len(self._failed) > 1:
            for alert in self._failed & self._lanes.keys():
                self._lanes[alert].due_s = 0.0
        self._failed.clear()
