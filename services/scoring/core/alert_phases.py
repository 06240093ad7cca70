"""The life of an alert as one table. Everything that may happen to an alert stands here, and nothing else may.

pending (the line is held, nobody is told yet) -> open -> acknowledged / snoozed / assigned -> escalated when nobody
acknowledged in time -> resolved; or suppressed while a queue alert speaks for it.
"""

from __future__ import annotations

from enum import Enum, IntEnum


class P(IntEnum):
    """Phases; the numbers are stored in checkpoints."""

    NONE = 0
    PENDING = 1
    OPEN = 2
    ACKNOWLEDGED = 3
    SNOOZED = 4
    ASSIGNED = 5
    ESCALATED = 6
    SUPPRESSED = 7


class T(Enum):
    """What happens to an alert; the value is the reason written into its history."""

    ROSE = "line reached"
    DIPPED = "line lost before it was held"
    HELD = "line held"
    COVERED = "a queue alert speaks for it"
    UNCOVERED = "no queue alert speaks for it any more"
    WORSENED = "severity rose"
    CALMED = "closing line held"
    OVERDUE = "not acknowledged in time"
    WOKE = "snooze is over"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    CLOSED = "closed"
    NOTED = "noted"
    MOVED = "its team is another now"


_TOLD = (P.OPEN, P.ACKNOWLEDGED, P.SNOOZED, P.ASSIGNED, P.ESCALATED)
_UNOWNED = (P.OPEN, P.SNOOZED, P.ESCALATED)

TRANSITIONS: dict[tuple[P, T], P] = {
    (P.NONE, T.ROSE): P.PENDING,
    (P.PENDING, T.DIPPED): P.NONE,
    (P.PENDING, T.HELD): P.OPEN,
    (P.PENDING, T.COVERED): P.SUPPRESSED,
    (P.SUPPRESSED, T.UNCOVERED): P.OPEN,
    (P.SUPPRESSED, T.WORSENED): P.OPEN,
    (P.SUPPRESSED, T.CALMED): P.NONE,
    # First wins: only an alert that nobody owns can be acknowledged; a suppressed one may be taken on all the same.
    **{(p, T.ACKNOWLEDGED): P.ACKNOWLEDGED for p in (*_UNOWNED, P.SUPPRESSED)},
    **{(p, T.ASSIGNED): P.ASSIGNED for p in _TOLD},
    **{(p, T.SNOOZED): P.SNOOZED for p in _TOLD},
    **{(p, T.CLOSED): P.NONE for p in (*_TOLD, P.SUPPRESSED)},
    **{(p, T.NOTED): p for p in (*_TOLD, P.SUPPRESSED)},
    # To the leads of the team before it is over; to those of the new one it begins, in the phase that it is in.
    **{(p, T.MOVED): p for p in (*_TOLD, P.SUPPRESSED)},
    **{(p, T.CALMED): P.NONE for p in _TOLD},
    # Worse than when it was taken: everybody hears of it, the owner stays.
    **{(p, T.WORSENED): p for p in (P.OPEN, P.ACKNOWLEDGED, P.ASSIGNED, P.ESCALATED)},
    (P.SNOOZED, T.WORSENED): P.OPEN,
    (P.SNOOZED, T.WOKE): P.OPEN,
    (P.OPEN, T.OVERDUE): P.ESCALATED,
}

WORDS = {
    P.NONE: "resolved",
    P.OPEN: "open",
    P.ACKNOWLEDGED: "acknowledged",
    P.SNOOZED: "snoozed",
    P.ASSIGNED: "assigned",
    P.ESCALATED: "escalated",
    P.SUPPRESSED: "suppressed",
}
"""Phase -> word in the contract. Pending alerts are never told."""
