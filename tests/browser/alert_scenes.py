"""Alerts in every state that a lead meets: for the tests of the feed and its history, and for pictures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import scenes
from fake_desk import ME, rfc3339

from services.scoring.core.wording_say import suggested
from shared.contract.alerts import Alert, Change, Driver, Phase, Severity, Subject
from shared.contract.rules import RuleCount

OTHER = "marek@example.org"


def step(
    minutes_ago: float, phase: Phase, reason: str, severity: Severity = "warning", **more: Any
) -> Change:  # fmt: skip
    return Change(rfc3339(datetime.now(UTC) - timedelta(minutes=minutes_ago)), phase, severity, reason=reason, **more)


def _told(alert: Alert, *steps: Change) -> Alert:
    alert.history = list(steps)
    alert.updated_at = steps[-1].at
    return alert


def critical() -> Alert:
    alert = scenes.critical_for_bo(3)
    alert.team, alert.action, alert.evidence = "north", suggested("agent.talk"), ["e-1", "e-2", "e-3"]
    return _told(alert, step(4, "open", "line held"), step(2, "open", "severity rose", "critical"))


def queue() -> Alert:
    alert = scenes.alert(1, suppresses=["a-4"], action=suggested("queue.predicted_wait"))
    alert.evidence = ["e-7"]
    return _told(alert, step(6, "open", "line held"))


def escalated() -> Alert:
    alert = scenes.alert(
        5, phase="escalated", minutes_ago=21, kind="agent.break_due", subject=Subject("agent", "agent-07"),
        strain=128.0, title="A real break is due for agent-07", title_zh="agent-07 该好好休息一下了", drivers=[],
        action=suggested("agent.break_now"),
    )  # fmt: skip
    alert.team = "north"
    overdue = step(2, "escalated", "not acknowledged in time")
    return _told(
        alert, step(21, "open", "line held"), step(9, "open", "noted", by=OTHER, note="After her call"), overdue
    )


def thanks(number: int = 6) -> Alert:
    alert = scenes.alert(
        number, "notice", minutes_ago=9, kind="agent.recognition", subject=Subject("agent", "agent-04"), strain=2.0,
        title="agent-04 came through a hard stretch well: a good moment for a thank you",
        title_zh="agent-04 妥善应对了一段棘手来电:现在正适合说声谢谢", action=suggested("agent.thank"),
        drivers=[Driver("complaints", 2.0, 3, "contacts", "3 hard contacts lately", "近期有 3 通棘手来电")],
    )  # fmt: skip
    alert.team = "north"
    return _told(alert, step(9, "open", "line held", "notice"))


def taken() -> Alert:
    alert = scenes.alert(
        2, phase="assigned", owner=OTHER, minutes_ago=14, strain=63.8, subject=Subject("queue", "Technical support"),
        title="Queue Technical support is under strain", title_zh="队列 Technical support 压力偏高",
        action=suggested("queue.recent_waits"),
    )  # fmt: skip
    return _told(
        alert, step(14, "open", "line held"), step(12, "acknowledged", "acknowledged", by=ME, note="Looking into it"),
        step(11, "assigned", "assigned", by=ME, to=OTHER),
    )  # fmt: skip


def aside() -> Alert:
    alert = scenes.alert(
        7, phase="snoozed", minutes_ago=31, strain=1.4, kind="issue.surge", subject=Subject("issue", "card blocked"),
        title="Issue card blocked comes up more often than usual", title_zh="问题 card blocked 出现得比平常多",
        drivers=[], action=suggested("surge.announce"),
    )  # fmt: skip
    until = rfc3339(datetime.now(UTC) + timedelta(minutes=18))
    return _told(alert, step(31, "open", "line held"), step(12, "snoozed", "snoozed", by=ME, until=until))


def held() -> Alert:
    alert = scenes.alert(
        4, phase="suppressed", minutes_ago=4, kind="agent.strain", subject=Subject("agent", "agent-06"), drivers=[],
        title="agent-06 has had a heavy stretch and could use support", title_zh="agent-06 连续高负荷,需要支持",
        action=suggested("agent.break"),
    )  # fmt: skip
    return _told(alert, step(4, "suppressed", "a queue alert speaks for it"))


def over(number: int, minutes_ago: float = 90, kind: str = "queue.strain", queue: str = "Loans") -> Alert:
    alert = scenes.alert(
        number, phase="resolved", minutes_ago=minutes_ago, kind=kind, subject=Subject("queue", queue), strain=40.0,
        title=f"Queue {queue} is under strain", title_zh=f"队列 {queue} 压力偏高", action=suggested("queue.staffing"),
    )  # fmt: skip
    closed = step(minutes_ago - 22, "resolved", "closed", by=ME, note="Two agents from Cards helped out")
    calmed = step(minutes_ago - 30, "resolved", "closing line held")
    return _told(alert, step(minutes_ago, "open", "line held"), closed if number % 3 == 0 else calmed)


def every() -> list[Alert]:
    return [
        over(20, 55),
        over(21, 48, queue="Cards"),
        aside(),
        taken(),
        held(),
        escalated(),
        queue(),
        thanks(),
        critical(),
    ]


def rules() -> list[RuleCount]:
    def rule(kind: str, fired: int, acted: int, p50_s: float | None, **more: int) -> RuleCount:
        counts = {"escalated": 0, "suppressed": 0, "open": 0} | more
        return RuleCount(kind=kind, fired=fired, acted=acted, acknowledged_p50_s=p50_s, **counts)

    return [
        rule("agent.break_due", 12, 9, 340.0, open=1),
        rule("agent.recognition", 6, 6, 95.0),
        rule("agent.strain", 18, 14, 75.0, escalated=1, suppressed=7, open=1),
        rule("queue.strain", 41, 2, 610.0, escalated=11, open=2),
    ]
