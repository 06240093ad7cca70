"""An alert that is not over, and what is said at its end when its agent is forgotten."""

from __future__ import annotations

from typing import Any

import msgspec

from services.scoring.core.alert_phases import T
from shared.contract.actions import Action, Assigned, Snoozed
from shared.contract.alerts import Alert, Change, Subject, SuggestedAction
from shared.contract.events import rfc3339

FORGOTTEN = "forgotten"
"""The reason at the end of an alert whose agent was forgotten."""


class Live(msgspec.Struct):
    """An alert that is not over, with what its watch does not keep."""

    id: str
    kind: str
    row: int
    opened_ms: int
    owner: str | None
    history: list[Change]
    evidence: list[str]
    suppresses: list[str]
    covered_by: str | None
    strain: float
    team: str | None = None
    """Whose leads hold it: the team that the last change named."""
    told_ms: int = 0
    """When its last change was published."""


def step(at: str, phase: Any, severity: Any, trigger: T, action: Action | None, at_ms: int) -> Change:
    """One line of an alert's history."""
    return Change(
        at=at,
        phase=phase,
        severity=severity,
        by=action.by if action else None,
        reason=trigger.value,
        note=getattr(action, "note", None) or getattr(action, "text", None) or None,
        to=action.to if isinstance(action, Assigned) else None,
        until=rfc3339(at_ms + action.for_s * 1000) if isinstance(action, Snoozed) else None,
    )


def tombstone(live: Live, tenant: str, at_ms: int) -> Alert:
    """The end of an alert, which says nothing of its agent: no name, no strain, no reasons, no past."""
    at = rfc3339(at_ms)
    return Alert(
        id=live.id,
        kind=live.kind,  # type: ignore[arg-type]
        severity="notice",
        phase="resolved",
        tenant=tenant,
        team=live.team,
        subject=Subject("agent", ""),
        strain=0.0,
        title="Forgotten, as was asked for",
        title_zh="已按要求删除",
        drivers=[],
        evidence=[],
        action=SuggestedAction("agent.forgotten", "There is nothing left to do.", "无需处理。"),
        opened_at=at,
        updated_at=at,
        owner=None,
        history=[Change(at=at, phase="resolved", severity="notice", reason=FORGOTTEN)],
    )
