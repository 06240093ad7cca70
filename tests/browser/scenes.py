"""Boards and alerts for the page: a calm floor, a strained one, and names that mean harm."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contract.alerts import Alert, Change, Driver, Phase, Severity, Subject, SuggestedAction
from shared.contract.course import SubjectCourse
from shared.contract.signals import AgentSignal, BreakCost, BreakDue, DriverShare, IssueShare, QueueSignal

NAUGHTY = "<img src=x onerror=\"document.title='owned'\"> \u202eesrever\u202c Ṱ̺̺̕o͞ __proto__"

Part = tuple[str, float, float | None, str]


def _shares(parts: tuple[Part, ...]) -> tuple[float, list[DriverShare]]:
    return sum(share for _, share, _, _ in parts), [DriverShare(*part) for part in parts]


def queue(
    name: str, *parts: Part, waiting: int, longest_s: float, agents: int, issues: tuple[tuple[str, float], ...] = ()
) -> QueueSignal:
    strain, shares = _shares(parts)
    predicted_s = next((share.value for share in shares if share.name == "predicted_wait"), None)
    level = next((share.value for share in shares if share.name == "service_level"), 92.0)
    about = [IssueShare(*each) for each in issues]
    return QueueSignal(name, None, strain, shares, waiting, longest_s, predicted_s, agents, level, about)


def agent(
    name: str, *parts: Part, state: str | None, since_s: float, work_s: float | None, break_min: int | None = None
) -> AgentSignal:
    strain, shares = _shares(parts)
    return AgentSignal(name, "north", strain, shares, state, since_s, work_s, break_min)


def _wave(ago_s: float) -> float:
    return 2 * math.sin((datetime.now(UTC).timestamp() - ago_s) / 40) + math.sin(ago_s / 11)


def calm_queues(ago_s: float) -> list[QueueSignal]:
    wave = _wave(ago_s)
    return [
        queue(
            "Billing", ("predicted_wait", 8.2 + wave, 14, "s"), ("offered_load", 4.1, 71, "%"),
            waiting=1, longest_s=9, agents=11,
        ),
        queue("Cards", ("offered_load", 5.0 - wave, 64, "%"), waiting=0, longest_s=0, agents=8),
        queue(
            "Loans", ("recent_waits", 6.6 + wave, 21, "s"), ("service_level", 3.2, 88, "%"),
            waiting=2, longest_s=17, agents=5,
        ),
        queue(
            "Technical support", ("predicted_wait", 19.4 + wave, 48, "s"), ("recent_waits", 9.3, 35, "s"),
            waiting=4, longest_s=31, agents=14,
        ),
    ]  # fmt: skip


def recent(queues: Callable[[float], list[QueueSignal]], name: str, minutes: int = 12) -> SubjectCourse | None:
    """The last minutes of one of these queues, as `GET /v1/history` gives them; None when it is not among them."""
    end_ms = int(datetime.now(UTC).timestamp()) // 60 * 60_000
    at = [end_ms - 60_000 * ago for ago in range(minutes, -1, -1)]
    rows = [next((row for row in queues(60.0 * ago) if row.id == name), None) for ago in range(minutes, -1, -1)]
    if rows[-1] is None:
        return None
    return SubjectCourse(
        type="queue", id=name, team=None, step_s=60, at=at, strain=[row and round(row.strain) for row in rows],
        drivers=[], waiting=[None] * len(at), longest_wait_s=[None] * len(at), predicted_wait_s=[None] * len(at),
        agents=[None] * len(at), alerts=[],
    )  # fmt: skip


def calm_agents() -> list[AgentSignal]:
    names = (
        "agent-01",
        "agent-02",
        "agent-03",
        "agent-04",
        "agent-05",
        "agent-06",
        "agent-07",
        "agent-08",
        "agent-09",
        "agent-10",
    )
    states = ["on_contact", "available", "acw", "on_contact", "break", "available", "on_contact", "meeting", "offline"]
    return [
        agent(name, ("occupancy", 6 + 4.2 * i, 72 + i, "%"), state=state, since_s=40 + 61 * i, work_s=900 + 300 * i)
        for i, (name, state) in enumerate(zip(names, (*states, None), strict=True))
    ]


def strained_queues(ago_s: float) -> list[QueueSignal]:
    swell = _wave(ago_s) - 33 * min(1.0, ago_s / 480) ** 0.7  # it has been building up
    return [
        queue(
            "Billing",
            ("predicted_wait", 34.6 + swell, 412, "s"), ("offered_load", 21.3, 134, "%"),
            ("recent_waits", 14.2, 263, "s"), ("service_level", 9.4, 41, "%"), ("abandonment", 6.1, 18.5, "%"),
            waiting=27, longest_s=498, agents=9,
            issues=(("Double charge", 46.0), ("Refund", 21.0), ("Invoice copy", 12.0)),
        ),
        queue(
            "Technical support",
            ("recent_waits", 35.9 + swell, 190, "s"), ("predicted_wait", 17.4, 205, "s"),
            ("service_level", 10.5, 63, "%"),
            waiting=12, longest_s=231, agents=13,
        ),
        queue(
            "Loans", ("predicted_wait", 34.1 + swell, 96, "s"), ("offered_load", 14.8, 97, "%"),
            waiting=5, longest_s=80, agents=5,
        ),
        *calm_queues(ago_s)[1:2],
    ]  # fmt: skip


def strained_agents() -> list[AgentSignal]:
    return [
        agent(
            "agent-02",
            ("complaints", 28.4, 3, "contacts"), ("occupancy", 22.7, 97, "%"), ("since_break", 18.0, 145, "min"),
            ("queue_pressure", 14.1, 85, "strain"),
            state="on_contact", since_s=754, work_s=8700, break_min=17,
        ),
        agent(
            "agent-06",
            ("handle_time", 31.5, 1.62, "x own usual"), ("repeat_callers", 18.9, 4, "contacts"),
            ("occupancy", 12.2, 92, "%"),
            state="acw", since_s=95, work_s=5400, break_min=8,
        ),
        *[each for each in calm_agents() if each.id not in ("agent-02", "agent-06")],
    ]  # fmt: skip


def breaks() -> list[BreakDue]:
    """Of the strained floor: two who are strained, and four who have worked long."""
    billing, loans = BreakCost("Billing", 412.0, 461.0, 49.0), BreakCost("Loans", 96.0, 96.3, 0.3)
    support = BreakCost("Technical support", 205.0, 218.0, 13.0)
    cards = BreakCost("Cards", None, None, None)
    return [
        BreakDue("agent-02", "north", "on_contact", 83.2, 8700.0, 17, 17, [billing, support, loans, cards]),
        BreakDue("agent-06", "north", "acw", 62.6, 5400.0, 8, 8, [billing]),
        *[
            BreakDue(f"agent-{n:02}", "north", "available", 31.0, 4500.0 - 60 * n, None, 6, [cards, loans])
            for n in (3, 7, 8, 10)
        ],
    ]


BILLING_DRIVERS = [
    Driver("predicted_wait", 34.6, 412, "s", "a caller who joins now waits about 7 min", "现在进线预计等待约 7 分钟"),
    Driver(
        "offered_load", 21.3, 134, "%", "work offered is 134 % of what the agents here can take",
        "来电工作量为在岗人员可承接量的 134 %",
    ),
    Driver("recent_waits", 14.2, 263, "s", "callers of the last minutes waited 4 min", "最近几分钟客户平均等待 4 分钟"),
    Driver("service_level", 9.4, 41, "%", "41 % answered within the goal time", "41 % 的来电在目标时间内接通"),
    Driver("abandonment", 6.1, 18.5, "%", "18 % of callers leave", "18 % 的客户在接通前挂断"),
]  # fmt: skip
BO_DRIVERS = [
    Driver("complaints", 28.4, 3, "contacts", "3 hard contacts (complaint or abuse) lately", "近期有 3 通投诉来电"),
    Driver("occupancy", 22.7, 97, "%", "on contact 97 % of staffed time", "97 % 的在岗时间都在通话"),
    Driver("since_break", 18.0, 145, "min", "145 min of work since the last real break", "距上次休息已工作 145 分钟"),
    Driver("queue_pressure", 14.1, 85, "strain", "the queue served stands at strain 85", "所服务队列的压力值为 85"),
]
OPEN_LINES = SuggestedAction(
    "open_lines",
    "Ask whether two agents of Cards can help for half an hour, and offer callers a callback.",
    "请 Cards 的两名坐席支援半小时，并向来电者提供回拨。",
)
OFFER_BREAK = SuggestedAction(
    "offer_break",
    "Offer agent-02 ten minutes off the phone after this contact.",
    "这通结束后请让 agent-02 休息十分钟。",
)


def alert(
    number: int, severity: Severity = "warning", phase: Phase = "open", *, minutes_ago: float = 6,
    reason: str | None = None, **more: Any,
) -> Alert:  # fmt: skip
    opened_at = (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z")
    fields: dict[str, Any] = {
        "kind": "queue.strain", "subject": Subject("queue", "Billing"), "strain": 85.6, "drivers": BILLING_DRIVERS,
        "title": "Queue Billing is under strain", "title_zh": "队列 Billing 压力偏高", "action": OPEN_LINES,
        "owner": None,
    } | more  # fmt: skip
    return Alert(
        id=f"a-{number}", severity=severity, phase=phase, tenant="demo", team=None, evidence=[],
        opened_at=opened_at, updated_at=opened_at, history=[Change(opened_at, phase, severity, reason=reason)],
        **fields,
    )  # fmt: skip


def critical_for_bo(number: int = 3) -> Alert:
    return alert(
        number, "critical", minutes_ago=2, kind="agent.strain", subject=Subject("agent", "agent-02"), strain=83.2,
        title="agent-02 has had a heavy stretch and could use support", title_zh="agent-02 连续高负荷,需要支持",
        drivers=BO_DRIVERS, action=OFFER_BREAK,
    )  # fmt: skip


def strained_alerts() -> list[Alert]:
    return [
        critical_for_bo(),
        alert(1, suppresses=["a-4"]),
        alert(
            2, phase="acknowledged", owner="lena@example.org", minutes_ago=14, strain=63.8,
            subject=Subject("queue", "Technical support"), title="Queue Technical support is under strain",
            title_zh="队列 Technical support 压力偏高",
        ),
        alert(
            4, phase="suppressed", minutes_ago=4, kind="agent.strain", subject=Subject("agent", "agent-06"), drivers=[],
            title="agent-06 has had a heavy stretch and could use support", title_zh="agent-06 连续高负荷,需要支持",
        ),
    ]  # fmt: skip
