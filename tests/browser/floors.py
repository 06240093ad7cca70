"""Floors of any size, and days of one queue or agent, for the board and its drill-down."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

from shared.contract.course import CourseAlert, DriverCourse, SubjectCourse, SubjectType
from shared.contract.signals import AgentSignal, DriverShare, IssueShare, QueueSignal

STATES = ("on_contact", "on_contact", "on_contact", "available", "acw", "break", "offline")
QUEUES = ("Billing", "Cards", "Loans", "Technical support", "Claims", "Retention", "Moving home", "Fraud", "Web chat")
ISSUES = ("Double charge", "Refund", "Invoice copy", "Card lost", "Address", "Outage")
AGENT_UNITS = {"occupancy": "%", "handle_time": "x own usual", "complaints": "contacts", "since_break": "min"}
QUEUE_UNITS = {"predicted_wait": "s", "offered_load": "%", "recent_waits": "s", "service_level": "%"}


def _drivers(at: random.Random, strain: float, units: dict[str, str]) -> list[DriverShare]:
    cuts = sorted(at.uniform(0, strain) for _ in range(len(units) - 1))
    shares = sorted((b - a for a, b in zip([0.0, *cuts], [*cuts, strain], strict=True)), reverse=True)
    return [
        DriverShare(name, share, round(at.uniform(1, 90), 1), units[name])
        for name, share in zip(at.sample(sorted(units), len(units)), shares, strict=True)
    ]


def queues(number: int, seed: int = 1) -> list[QueueSignal]:
    """One in eight is under strain."""
    at = random.Random(seed)
    rows = []
    for n in range(number):
        strain = at.uniform(60, 92) if n % 8 == 2 else at.uniform(0, 58)
        about = [IssueShare(issue, 40.0 - 12 * i) for i, issue in enumerate(at.sample(ISSUES, 3))]
        name = QUEUES[n % len(QUEUES)] + (f" {n // len(QUEUES) + 1}" if n >= len(QUEUES) else "")
        waiting = int(strain / 4)
        rows.append(
            QueueSignal(
                name, None, strain, _drivers(at, strain, QUEUE_UNITS), waiting, 8.0 * waiting or None, 6 * strain,
                at.randint(3, 40), 100 - strain, about,
            )
        )  # fmt: skip
    return rows


def agents(number: int, teams: int = 1, seed: int = 1) -> list[AgentSignal]:
    """One in twenty could use support."""
    at = random.Random(seed)
    rows = []
    for n in range(number):
        strain = at.uniform(60, 95) if n % 20 == 3 else at.uniform(0, 58)
        work_s = at.uniform(0, 9000)
        rows.append(
            AgentSignal(
                f"agent-{n + 1:04}", f"team {n % teams + 1}", strain, _drivers(at, strain, AGENT_UNITS),
                STATES[n % len(STATES)], at.uniform(5, 900), work_s, int(strain / 4) if strain > 55 else None,
            )
        )  # fmt: skip
    return rows


def day(type_: SubjectType, id_: str, hours: int = 10) -> SubjectCourse:
    """A shift with a hard stretch in the middle, an alert in it, and minutes that nobody looked at."""
    end_ms = int(datetime.now(UTC).timestamp()) // 60 * 60_000
    at = [end_ms - 60_000 * n for n in range(60 * hours, 0, -1)]
    wave = [
        max(0.0, 38 + 34 * math.sin((n - 60 * hours) / 55 + 1.2) + 9 * math.sin((n - 60 * hours) / 7 + 1))
        for n in range(len(at))
    ]
    kept = [n for n in range(len(at)) if not 150 < n < 175]
    strain = [round(min(97.0, wave[n])) for n in kept]
    names = sorted(QUEUE_UNITS if type_ == "queue" else AGENT_UNITS)[:3]
    parts = [[round(s * part) for s in strain] for part in (0.5, 0.25, 0.15)]
    queue = type_ == "queue"
    over = [n for n in kept if wave[n] > 66]
    alerts = [
        CourseAlert(
            id="a-1", kind=f"{type_}.strain", severity="warning", phase="resolved", title=f"{id_} is under strain",
            title_zh=f"{id_} 压力偏高", opened_at=_at(at[over[0]]), ended_at=_at(at[over[0]] + 2_700_000),
        ),
        CourseAlert(
            id="a-2", kind=f"{type_}.strain", severity="critical", phase="open", title=f"{id_} is under heavy strain",
            title_zh=f"{id_} 压力严重", opened_at=_at(at[over[-1]]), ended_at=None,
        ),
    ]  # fmt: skip
    return SubjectCourse(
        type=type_, id=id_, team=None if queue else "north", step_s=60, at=[at[n] for n in kept], strain=list(strain),
        drivers=[DriverCourse(name=name, shares=shares) for name, shares in zip(names, parts, strict=True)],
        waiting=[s // 4 for s in strain] if queue else None,
        longest_wait_s=[6.5 * s for s in strain] if queue else None,
        predicted_wait_s=[5.0 * s + 20 for s in strain] if queue else None,
        agents=[9 for _ in strain] if queue else None,
        alerts=alerts,
    )  # fmt: skip


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")
