"""Which change of an alert goes out by which channel, in which language, and when not to disturb.

A change is *news* when it is a step of the alert's life that somebody outside wants to hear of: it opened, it became
worse, nobody took it, it is over. What a lead notes, and what the engine publishes anew without a step, is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from hashlib import blake2b
from typing import Literal

from services.notify.core.scope import EVERY_TEAM, Scope
from services.notify.core.told import ToldAlert
from shared.contract.alerts import SEVERITIES

Language = Literal["en", "zh-CN"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-CN")
PHASES_DEFAULT = frozenset({"open", "escalated", "resolved"})
ANY = frozenset({EVERY_TEAM})
_NO_NEWS = frozenset({"noted"})
_WORSE = "severity rose"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day to another (over midnight when `to` is not later), at a zone's clock."""

    start: time
    end: time
    zone: tzinfo
    but: str | None = "critical"
    """This severity and above goes out all the same; None: nothing does."""

    def wait_s(self, severity: str, now_ms: int) -> float:
        """How long a message of a severity has to wait at a moment; 0 when it may go."""
        if self.but is not None and rank(severity) >= rank(self.but):
            return 0.0
        now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self.zone)
        clock = now.time().replace(tzinfo=None)
        over_midnight = self.end <= self.start
        inside = (clock >= self.start or clock < self.end) if over_midnight else self.start <= clock < self.end
        if not inside:
            return 0.0
        day = now.date() + timedelta(days=1 if over_midnight and clock >= self.start else 0)
        end = datetime.combine(day, self.end, tzinfo=self.zone)
        return max(1.0, (end.astimezone(UTC) - now.astimezone(UTC)).total_seconds())


@dataclass(frozen=True, slots=True)
class Route:
    """One rule: what it wants, and how it is told. `place` is where it stands in the file."""

    place: str
    channel: str
    tenants: frozenset[str] = ANY
    teams: frozenset[str] = ANY
    kinds: frozenset[str] = frozenset()
    """Empty: all kinds."""
    severity_min: str = "notice"
    phases: frozenset[str] = PHASES_DEFAULT
    quiet_hours: QuietHours | None = None
    language: Language = "en"
    zone: tzinfo = UTC
    """At whose clock times are told."""

    def wants(self, alert: ToldAlert) -> bool:
        """Whether a change is for this route, whatever the hour. Teams see here what their leads see on the board."""
        return (
            (self.tenants == ANY or alert.tenant in self.tenants)
            and Scope(alert.tenant, self.teams, "lead").sees(alert.team, alert.subject.type)
            and (not self.kinds or alert.kind in self.kinds)
            and rank(alert.severity) >= rank(self.severity_min)
            and phase_told(alert) in self.phases
        )


def rank(severity: str) -> int:
    """Order of severities; one of a newer engine is above all."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def told_once(alert: ToldAlert) -> bool:
    """Whether an alert is a message without a life (a recognition): it opens and is over in the same step."""
    return alert.phase == "resolved" and len(alert.history) == 1


def phase_told(alert: ToldAlert) -> str:
    """The phase as a route means it. An alert that became worse is told like a new one, also when somebody has it."""
    worse = bool(alert.history) and alert.history[-1].reason == _WORSE
    return "open" if told_once(alert) or worse else alert.phase


def is_news(alert: ToldAlert) -> bool:
    """Whether this change is a step of the alert's life, and not only its present form once more."""
    if not alert.history or alert.phase == "suppressed":
        return False
    step = alert.history[-1]
    return step.at == alert.updated_at and step.reason not in _NO_NEWS


def step_of(alert: ToldAlert) -> str:
    """Stands for the step that a change tells, so that the same step is told once however often it is published."""
    step = alert.history[-1]
    said = "\n".join((step.at, step.phase, step.severity, step.reason or "", alert.team or ""))
    return blake2b(said.encode(), digest_size=6).hexdigest()


def route_for(alert: ToldAlert, routes: Sequence[Route]) -> Route | None:
    """The first route of a channel that wants a change: a channel tells a change once."""
    return next((route for route in routes if route.wants(alert)), None)


def message_id(channel: str, alert: str, cursor: str) -> str:
    """The idempotency key of one change on one channel: the same at every try, after a restart, in every process."""
    return "msg_" + blake2b(f"{channel}\n{alert}\n{cursor}".encode(), digest_size=16).hexdigest()
