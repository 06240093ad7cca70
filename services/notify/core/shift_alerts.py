"""The alerts of a shift: what surged, what was done and how fast. Agents are neither named nor told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from statistics import median

import msgspec
from msgspec import Struct

from services.notify.core.alerts import TitledAlert
from services.notify.core.scope import Scope
from shared.contract.alerts import ALERT_KINDS
from shared.contract.reports import AlertLine, KindLine, Words

SURGES = ("queue.surge", "issue.surge")
RECOGNITION = "agent.recognition"
REASONS_MAX = 4
"""Reasons told of an alert, the largest."""


class _Reason(Struct, frozen=True):
    text: str
    text_zh: str


class ShiftAlert(TitledAlert, frozen=True):
    """What a report looks at."""

    drivers: list[_Reason]


_decoder = msgspec.json.Decoder(ShiftAlert)


def read_alert(data: bytes) -> ShiftAlert:
    """From an entry of the alerts log. Raises msgspec.MsgspecError."""
    return _decoder.decode(data)


def seconds_of(text: str) -> float:
    """Unix time of an RFC 3339 text."""
    return datetime.fromisoformat(text).timestamp()


def in_shift(alert: ShiftAlert, scope: Scope, teams: frozenset[str], from_s: float, to_s: float) -> bool:
    """Whether an alert was there in the period and is seen from these teams (empty: from all in scope).

    What settled is a notice that a new usual was learnt; nobody had anything to do.
    """
    if alert.tenant != scope.tenant or not scope.sees(alert.team, alert.subject.type):
        return False
    if teams and alert.team is not None and alert.team not in teams:
        return False
    if any(step.reason == "settled" for step in alert.history[:1]):
        return False
    over = alert.phase == "resolved" and seconds_of(alert.updated_at) < from_s
    return seconds_of(alert.opened_at) < to_s and not over


def _first_act(alert: ShiftAlert) -> tuple[str, float] | None:
    for step in alert.history:
        if step.by is not None:
            return step.by, max(0.0, seconds_of(step.at) - seconds_of(alert.opened_at))
    return None


def lines_of(alerts: Iterable[ShiftAlert]) -> list[AlertLine]:
    """Those that are not about an agent, in the order in which they opened."""
    return [_line(a) for a in sorted(alerts, key=lambda a: (a.opened_at, a.id)) if a.subject.type != "agent"]


def _line(alert: ShiftAlert) -> AlertLine:
    act = _first_act(alert)
    return AlertLine(
        id=alert.id,
        kind=alert.kind,
        severity=alert.severity,
        subject=alert.subject,
        title=Words(alert.title, alert.title_zh),
        reasons=[Words(d.text, d.text_zh) for d in alert.drivers[:REASONS_MAX]],
        opened_at=alert.opened_at,
        ended_at=alert.updated_at if alert.phase == "resolved" else None,
        acted_by=act[0] if act else None,
        acted_after_s=act[1] if act else None,
        escalated=_escalated(alert),
    )


def _escalated(alert: ShiftAlert) -> bool:
    return any(step.phase == "escalated" for step in alert.history)


def done(alerts: Iterable[ShiftAlert]) -> list[KindLine]:
    """By kind, in the contract's order. Recognitions ask for nothing, and suppressed ones were for nobody yet."""
    by_kind: defaultdict[str, list[ShiftAlert]] = defaultdict(list)
    for alert in alerts:
        if alert.kind != RECOGNITION and any(step.phase != "suppressed" for step in alert.history):
            by_kind[alert.kind].append(alert)
    order = {kind: place for place, kind in enumerate(ALERT_KINDS)}
    out = []
    for kind in sorted(by_kind, key=lambda kind: (order.get(kind, len(order)), kind)):
        acts = [act[1] for alert in by_kind[kind] if (act := _first_act(alert)) is not None]
        escalated = sum(map(_escalated, by_kind[kind]))
        out.append(KindLine(kind, len(by_kind[kind]), len(acts), median(acts) if acts else None, escalated))
    return out
