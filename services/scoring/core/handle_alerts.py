"""Telling once that contacts take another time than they used to: an alert that is over as it is told.

It is about a queue, or about all of an organisation, never about a person.
"""

from __future__ import annotations

from services.scoring.core import wording
from services.scoring.core.alert_kinds import QUEUE
from services.scoring.core.desk import Desk
from services.scoring.core.floor import Floor
from services.scoring.core.handle_levels import Settled
from services.scoring.core.report import rfc3339, team_name
from shared.contract.alerts import Alert, Change, Subject, SuggestedAction


def announce(floor: Floor, desk: Desk, at_ms: int) -> None:
    """Tell of each change that lasted and is the usual now."""
    settled, floor.levels.settled = floor.levels.settled, []
    for change in settled:
        desk.tell(_told(floor, change, rfc3339(at_ms)))


def _told(floor: Floor, change: Settled, at: str) -> Alert:
    tenant = floor.registers.tenants.text[change.tenant]
    if change.queue < 0:
        subject, team = Subject("tenant", tenant), None
        title, title_zh = wording.longer_everywhere(100.0 * change.ratio)
    else:
        subject = Subject("queue", floor.registers.queues.text[change.queue])
        team = team_name(floor, int(floor.queues.team[change.queue]))
        title, title_zh = wording.longer_in_queue(subject.id, 100.0 * change.ratio)
    return Alert(
        id="",
        kind=QUEUE,  # type: ignore[arg-type]
        severity="notice",
        phase="resolved",
        tenant=tenant,
        team=team,
        subject=subject,
        strain=0.0,
        title=title,
        title_zh=title_zh,
        drivers=[],
        evidence=[],
        action=SuggestedAction("handle_times.plan", *wording.ACTIONS["handle_times.plan"]),
        opened_at=at,
        updated_at=at,
        owner=None,
        history=[Change(at=at, phase="resolved", severity="notice", reason="settled")],
    )
