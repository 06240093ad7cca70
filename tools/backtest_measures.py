"""What the alerts of one replay ask of the leads, and how many were false where it is known what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tools.backtest_alerts import Shown
from tools.truth_file import Injected

HOUR_MS = 3_600_000

AFTER_MS = 30 * 60_000
"""An alert up to half an hour after the end of a cause is its doing: queues drain, callers come back, and levels with a
time constant of 10 min have then lost 95 %. Product choice."""

FORMULA = (
    "alerts per lead and hour = (alerts of a team + leads x alerts without a team) / (leads x hours); "
    "leads = distinct teams, at least 1"
)


@dataclass(frozen=True, slots=True)
class Load:
    """What reaches the leads. `leads` over all tenants; an alert without a team reaches every lead of its tenant."""

    hours: float
    leads: int
    of_a_team: int
    without_team: int
    seen: int
    """Alerts counted once for each lead who sees them."""

    @property
    def per_lead_hour(self) -> float | None:
        """See FORMULA; None for a log without length."""
        return self.seen / (self.leads * self.hours) if self.hours > 0 else None


def load_of(
    alerts: Sequence[Shown], teams: Iterable[tuple[str, str]], tenants: Iterable[str], hours: float, leads: int | None
) -> Load:
    """`teams` are (tenant, team) of both sides; `leads`, when given, is the number of leads of each tenant."""
    known = set(teams)
    of_tenant = {tenant: leads or max(1, sum(of == tenant for of, _ in known)) for tenant in tenants}
    of_a_team = sum(alert.team is not None for alert in alerts)
    seen = sum(1 if alert.team is not None else of_tenant.get(alert.key[0], 1) for alert in alerts)
    return Load(hours, sum(of_tenant.values()) or 1, of_a_team, len(alerts) - of_a_team, seen)


@dataclass(frozen=True, slots=True)
class Judged:
    """Alerts against known causes."""

    causes: int
    found: int
    delay_p50_s: float | None
    """From the start of a cause to its first alert, of the causes that were found."""
    false: int
    hours: float

    @property
    def hours_between_false(self) -> float | None:
        """None when there was no false alarm: then it is more than `hours`."""
        return self.hours / self.false if self.false else None


def judge(alerts: Sequence[Shown], causes: Sequence[Injected], hours: float) -> Judged:
    """An alert is false when no cause explains it; praise, and what is told once as the new usual, are no alarms."""
    alarms = [alert for alert in alerts if alert.kind != "agent.recognition" and not alert.settled]
    false = sum(not any(explains(cause, alert) for cause in causes) for alert in alarms)
    delays_s = []
    for cause in causes:
        firsts = [alert.from_ms for alert in alarms if explains(cause, alert)]
        if firsts:
            delays_s.append(max(0, min(firsts) - cause.start_ms) / 1000)
    return Judged(len(causes), len(delays_s), median(delays_s) if delays_s else None, false, hours)


def explains(cause: Injected, alert: Shown) -> bool:
    """Whether the alert opened during the cause, or up to AFTER_MS later, and is about what the cause names.

    A cause that names an agent explains alerts about this agent. One that names a queue, an issue or a team explains
    no alert about another queue, issue or team; alerts about agents, and about the whole tenant, it may explain.
    """
    if not cause.start_ms <= alert.from_ms <= cause.end_ms + AFTER_MS:
        return False
    if cause.agent is not None:
        return (alert.subject_type, alert.subject) == ("agent", cause.agent)
    named = {"queue": cause.queue, "issue": cause.issue, "team": cause.team}
    if alert.subject_type in named:
        return named[alert.subject_type] in (None, alert.subject)
    return cause.team is None or alert.team in (None, cause.team)
