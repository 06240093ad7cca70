"""How often each rule fired, and how often somebody did something about it: counted over the alerts log.

An alert counts for its kind when it *opened* since the moment asked for (`opened_at`), and for the team that it is with
now. It is counted once, however often it changed.

- `fired`: leads were told of it: it was in any phase but `suppressed` while it lived. What is told as it is over (a
  deviation that became the usual) asks nobody to act, and is not counted.
- `acted`: of these, a person acknowledged, assigned, closed or noted. A snooze alone is no act: it says "not now".
- `acknowledged_p50_s`: median of the seconds from opening to the first acknowledgement, over those that had one.
- `escalated`: of these, it was passed on because nobody took it in time.
- `open`: of these, it is not over.
- `suppressed`: held back from opening to end, or to now; not in `fired`.
"""

from __future__ import annotations

from itertools import islice
from statistics import median

from msgspec import Struct

from services.notify.core.alerts import AlertHead, Change, Step
from services.notify.core.scope import Scope
from shared.contract.alerts import LIVE_PHASES
from shared.contract.events import ts_to_ms
from shared.contract.rules import RuleCount

KEPT_MS = 7 * 86_400_000
"""As long as the alerts log is kept; a week shows weekdays and weekend."""
RECORDS_MAX = 10_000
"""Alerts counted, a tenant: beyond 1,400 a day, more than anybody can read. At 0.3 KB each, 3 MB."""

_ACTS = frozenset({"acknowledged", "assigned", "closed", "noted"})


class Record(Struct):
    """What is remembered of one alert."""

    kind: str
    team: str | None
    subject: str
    opened_ms: int
    live: bool = False
    told: bool = False
    acted: bool = False
    escalated: bool = False
    suppressed: bool = False
    acknowledged_ms: int | None = None


class RuleLog:
    """The alerts of one tenant that opened within the last week, as far as the counts need them.

    Bounded: past `records_max` the earliest opened are forgotten, and `whole_since_ms` says so.
    """

    __slots__ = ("_records", "_records_max", "_whole_since_ms")

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        self._records: dict[str, Record] = {}
        self._records_max = records_max
        self._whole_since_ms = 0

    def apply(self, change: Change) -> None:
        """Take in the next change, in the order of the log."""
        head = change.head
        record = self._records.get(head.id)
        if record is None:
            opened_ms = ts_to_ms(head.opened_at)
            if opened_ms < self._whole_since_ms:
                return  # forgotten before
            record = self._records[head.id] = Record(head.kind, head.team, head.subject.type, opened_ms)
            self._forget(opened_ms)
        record.team = head.team
        record.live = head.phase in LIVE_PHASES
        _learn(record, head)

    def _forget(self, now_ms: int) -> None:
        """Alerts open in the order of the log, so the earliest stand first. Two may go for each that comes."""
        for alert, record in list(islice(self._records.items(), 2)):
            if record.opened_ms >= now_ms - KEPT_MS:
                if len(self._records) <= self._records_max:
                    return
                self._whole_since_ms = max(self._whole_since_ms, record.opened_ms + 1)
            del self._records[alert]

    def count(self, since_ms: int, now_ms: int, scope: Scope) -> tuple[int, list[RuleCount]]:
        """From when on alerts are counted in fact, and a row for each kind, by name."""
        since_ms = min(max(since_ms, now_ms - KEPT_MS, self._whole_since_ms), now_ms)
        kinds: dict[str, list[Record]] = {}
        for record in self._records.values():
            if record.opened_ms >= since_ms and scope.sees(record.team, record.subject):
                kinds.setdefault(record.kind, []).append(record)
        rows = [_row(kind, records) for kind, records in sorted(kinds.items())]
        return since_ms, [row for row in rows if row.fired or row.suppressed]


def _learn(record: Record, head: AlertHead) -> None:
    """An alert carries its last steps: what a step once showed stays known when it is no longer carried."""
    for step in head.history:
        record.told |= step.phase not in ("suppressed", "resolved")
        record.suppressed |= step.phase == "suppressed"
        record.escalated |= step.phase == "escalated"
        if step.by is not None and _act(step) in _ACTS:
            record.acted = True
        if _act(step) == "acknowledged" and record.acknowledged_ms is None:
            record.acknowledged_ms = ts_to_ms(step.at)


def _act(step: Step) -> str:
    """What was done: the reason says it; a step without one is named by its phase."""
    return step.reason or step.phase


def _row(kind: str, records: list[Record]) -> RuleCount:
    fired = [record for record in records if record.told]
    waited_s = [(r.acknowledged_ms - r.opened_ms) / 1000 for r in fired if r.acknowledged_ms is not None]
    return RuleCount(
        kind=kind,
        fired=len(fired),
        acted=sum(record.acted for record in fired),
        acknowledged_p50_s=median(waited_s) if waited_s else None,
        escalated=sum(record.escalated for record in fired),
        suppressed=sum(record.suppressed and not record.told for record in records),
        open=sum(record.live for record in fired),
    )
