"""Alerts of one replay as stretches of time, and what became of them under other settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.contract.alerts import SEVERITIES, Alert, decode_alert
from shared.contract.events import ts_to_ms

Key = tuple[str, str, str, str]
"""Tenant, kind, type of the subject, subject: what makes two alerts the same matter."""

SETTLED = ".settled"
"""Ends the kind of what is told once and over as it is told: a change that lasted and is the usual from then on."""
SURGES = ("queue.surge", "issue.surge")
REST = "other"
"""The driver of a queue's surge that is no issue: what none of them explains."""


@dataclass(slots=True)
class Named:
    """An issue that surges named as their cause, where it was at its most: contacts above the usual, and in words."""

    contacts: float
    text: str
    text_zh: str
    queues: set[str] = field(default_factory=set)
    """Whose surges named it."""


@dataclass(slots=True)
class Shown:
    """An alert from the moment that a lead could see it (ms since 1970) to its end; None: it was still open."""

    key: Key
    team: str | None
    from_ms: int
    to_ms: int | None
    severities: list[tuple[int, str]] = field(default_factory=list)
    """(since ms, severity), each step."""

    @property
    def kind(self) -> str:
        return self.key[1]

    @property
    def settled(self) -> bool:
        """Told once: it asks nothing of a lead."""
        return self.kind.endswith(SETTLED)

    @property
    def subject_type(self) -> str:
        return self.key[2]

    @property
    def subject(self) -> str:
        return self.key[3]

    @property
    def severity(self) -> str:
        """The highest that it had."""
        return max((severity for _, severity in self.severities), key=SEVERITIES.index)

    def end_ms(self, last_ms: int) -> int:
        """Its end, or that of the log."""
        return last_ms if self.to_ms is None else self.to_ms


class AlertBook:
    """Gathers the changes of the alerts log. An alert that was suppressed all its life was never shown."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}
        self._never_shown: set[str] = set()
        self.issues: dict[tuple[str, str], Named] = {}
        """(tenant, issue) -> what surges said of it."""

    def add(self, data: bytes) -> None:
        """One change, in order."""
        alert = decode_alert(data)
        at_ms = ts_to_ms(alert.updated_at)
        known = self._shown.get(alert.id)
        if alert.kind in SURGES and alert.phase != "resolved":
            self._name_issues(alert)
        if known is None and alert.history[0].reason == "settled":
            tenant, kind, type_, subject = _key(alert)
            key = tenant, kind + SETTLED, type_, subject
            self._shown[alert.id] = Shown(key, alert.team, at_ms, at_ms, [(at_ms, alert.severity)])
            return
        if known is None:
            if alert.phase in ("suppressed", "resolved"):
                self._never_shown.add(alert.id)
                return
            self._never_shown.discard(alert.id)
            known = self._shown[alert.id] = Shown(_key(alert), alert.team, at_ms, None)
        known.to_ms = at_ms if alert.phase == "resolved" else None  # one that moved to another team goes on
        if known.to_ms is None and (not known.severities or known.severities[-1][1] != alert.severity):
            known.severities.append((at_ms, alert.severity))

    def _name_issues(self, alert: Alert) -> None:
        for driver in alert.drivers:
            if alert.subject.type == "queue" and driver.name == REST:
                continue
            contacts = driver.value or 0.0
            named = self.issues.setdefault((alert.tenant, driver.name), Named(-1.0, "", ""))
            if contacts > named.contacts:
                named.contacts, named.text, named.text_zh = contacts, driver.text, driver.text_zh
            if alert.subject.type == "queue":
                named.queues.add(alert.subject.id)

    @property
    def shown(self) -> list[Shown]:
        """Those that a lead could see, by time."""
        return sorted(self._shown.values(), key=lambda alert: (alert.from_ms, alert.key))

    @property
    def suppressed(self) -> int:
        """How many were suppressed all their life."""
        return len(self._never_shown)


def _key(alert: Alert) -> Key:
    return alert.tenant, alert.kind, alert.subject.type, alert.subject.id


@dataclass(slots=True)
class Difference:
    """What changed for one matter between side A and side B: `comes` has no `a`, `goes` no `b`."""

    a: Shown | None
    b: Shown | None

    @property
    def change(self) -> str:
        if self.a is None:
            return "comes"
        if self.b is None:
            return "goes"
        same = (self.a.from_ms, self.a.to_ms, self.a.severity) == (self.b.from_ms, self.b.to_ms, self.b.severity)
        return "stays" if same else "moves"

    @property
    def alert(self) -> Shown:
        """The one that there is; of two, that of A."""
        alert = self.a or self.b
        assert alert is not None
        return alert


CHANGES = ("comes", "goes", "moves", "stays")


def compare(a: Iterable[Shown], b: Iterable[Shown], last_ms: int) -> list[Difference]:
    """Every alert of both sides once, by time.

    Two are one when they are about the same matter and overlap in time (touching is enough); where several do, the
    longest overlap goes first, the earlier one on a tie, and what is left over comes or goes.
    """
    a_of, b_of = _by_key(a), _by_key(b)
    found: list[Difference] = []
    for key in {**a_of, **b_of}:
        found += _paired(a_of.get(key, []), b_of.get(key, []), last_ms)
    return sorted(found, key=lambda difference: (difference.alert.from_ms, difference.alert.key, difference.change))


def _by_key(alerts: Iterable[Shown]) -> dict[Key, list[Shown]]:
    by_key: dict[Key, list[Shown]] = defaultdict(list)
    for alert in alerts:
        by_key[alert.key].append(alert)
    return by_key


def _paired(a: list[Shown], b: list[Shown], last_ms: int) -> list[Difference]:
    overlaps = []
    first = 0
    for i, one in enumerate(a):  # both sides by time, and alerts of one matter never overlap each other
        while first < len(b) and b[first].end_ms(last_ms) < one.from_ms:
            first += 1
        for j in range(first, len(b)):
            if b[j].from_ms > one.end_ms(last_ms):
                break
            overlap_ms = min(one.end_ms(last_ms), b[j].end_ms(last_ms)) - max(one.from_ms, b[j].from_ms)
            overlaps.append((-overlap_ms, i, j))
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(overlaps):
        if i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
    both = [Difference(one, b[partner[i]] if i in partner else None) for i, one in enumerate(a)]
    return both + [Difference(None, other) for j, other in enumerate(b) if j not in taken]
