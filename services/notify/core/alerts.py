"""The alerts of one tenant as the log tells them: the live ones, and the last that are over."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from msgspec import Struct

from services.notify.core.scope import Scope
from shared.contract.alerts import LIVE_PHASES, PHASES, Subject
from shared.contract.entries import EntryId

ENDED_MAX = 1000
"""Alerts that are over and still listed, a tenant. Days of a large centre; at 2 KB each, 2 MB."""

SHOWN_PHASES = LIVE_PHASES - {"suppressed"}
"""What a list shows when no phase is asked for."""

assert set(PHASES) >= LIVE_PHASES


class Step(Struct, frozen=True):
    """One step of an alert's history, as far as this service looks at it."""

    at: str
    phase: str
    by: str | None = None
    reason: str | None = None
    severity: str = ""


class AlertHead(Struct, frozen=True):
    """The fields of an alert that decide who sees it and what may be done; the rest stays bytes.

    Words are not checked against the contract's lists, so that kinds of a newer engine pass through.
    """

    id: str
    kind: str
    severity: str
    phase: str
    tenant: str
    team: str | None
    subject: Subject
    opened_at: str
    updated_at: str
    owner: str | None
    history: list[Step]


class TitledAlert(AlertHead, frozen=True):
    """With its headline in both languages, for those who tell of it."""

    title: str
    title_zh: str


class Change(NamedTuple):
    """One change of one alert: its id in the alerts log, its head, and its JSON exactly as the engine wrote it."""

    cursor: EntryId
    head: AlertHead
    data: bytes


_heads = msgspec.json.Decoder(AlertHead)


def read_change(cursor: EntryId, data: bytes) -> Change:
    """From an entry of the alerts log. Raises msgspec.MsgspecError."""
    return Change(cursor, _heads.decode(data), data)


def visible(change: Change, scope: Scope) -> bool:
    """Whether a change is in scope."""
    head = change.head
    return head.tenant == scope.tenant and scope.sees(head.team, head.subject.type)


@dataclass(frozen=True, slots=True)
class Query:
    """What a list asks for; an empty set does not restrict. `before` is the place where the last page ended."""

    phases: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    limit: int = 100
    before: EntryId | None = None

    def wants(self, change: Change) -> bool:
        """Whether an alert belongs on the list."""
        head = change.head
        return (
            head.phase in (self.phases or SHOWN_PHASES)
            and (not self.kinds or head.kind in self.kinds)
            and (not self.severities or head.severity in self.severities)
            and (not self.teams or head.team in self.teams)
            and (not self.subjects or head.subject.id in self.subjects)
            and (self.before is None or change.cursor < self.before)
        )


class Alerts:
    """Each alert at its latest change."""

    __slots__ = ("_ended", "_live")

    def __init__(self) -> None:
        self._live: dict[str, Change] = {}
        self._ended: OrderedDict[str, Change] = OrderedDict()

    def apply(self, change: Change) -> None:
        """Take in the next change, in the order of the log."""
        alert = change.head.id
        self._ended.pop(alert, None)
        if change.head.phase in LIVE_PHASES:
            self._live[alert] = change
            return
        self._live.pop(alert, None)
        self._ended[alert] = change
        if len(self._ended) > ENDED_MAX:
            self._ended.popitem(last=False)

    def find(self, alert: str, scope: Scope) -> Change | None:
        """An alert by id; None when there is none in scope (nobody learns which of the two)."""
        change = self.newest(alert)
        return change if change is not None and visible(change, scope) else None

    def newest(self, alert: str) -> Change | None:
        """An alert by id, whoever asks."""
        return self._live.get(alert) or self._ended.get(alert)

    def all_live(self) -> Iterable[Change]:
        """All that is not over, whoever may see it."""
        return self._live.values()

    def live(self, scope: Scope) -> list[Change]:
        """All that is not over, suppressed ones too: the list that replaces a client's, oldest change first."""
        return sorted((c for c in self._live.values() if visible(c, scope)), key=_cursor)

    def about(self, subject: Subject, scope: Scope) -> list[Change]:
        """All about one subject, those that are over too, the oldest change first."""
        everything = _both(self._live, self._ended)
        return sorted((c for c in everything if c.head.subject == subject and visible(c, scope)), key=_cursor)

    def select(self, query: Query, scope: Scope) -> tuple[list[Change], bool]:
        """One page, the latest change first, and whether more follow."""
        everything: Iterable[Change] = _both(self._live, self._ended)
        found = sorted((c for c in everything if query.wants(c) and visible(c, scope)), key=_cursor, reverse=True)
        return found[: query.limit], len(found) > query.limit


def _both(live: dict[str, Change], ended: dict[str, Change]) -> Iterator[Change]:
    yield from live.values()
    yield from ended.values()


def _cursor(change: Change) -> EntryId:
    return change.cursor
