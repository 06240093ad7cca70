"""Telling once that contacts take another time than they used to: an alert that is over as it is told.

It is about a queue, or about all of an organisation, never about a person.
"""

from __future__ import annotations

from services.scoring.core import wording
from services.scoring.core.alert_kinds import QUEUE
from services.scoring.core.desk import Desk
from services.scoring.core.floor import Floor
from services.scoring.core.handle_levels import Settled
from services.scoring.core.report import settled_alert, team_name
from shared.contract.alerts import Alert, Subject


def announce(floor: Floor, desk: Desk, at_ms: int) -> None:
    """Tell of each change that lasted and is the usual now."""
    settled, floor.levels.settled = floor.levels.settled, []
    for change in settled:
        desk.tell(_told(floor, change, at_ms))


def _told(floor: Floor, change: Settled, at_ms: int) -> Alert:
    tenant = floor.registers.tenants.text[change.tenant]
    if change.queue < 0:
        subject, team = Subject("tenant", tenant), None
        title = wording.longer_everywhere(100.0 * change.ratio)
    else:
        subject = Subject("queue", floor.registers.queues.text[change.queue])
        team = team_name(floor, int(floor.queues.team[change.queue]))
        title = wording.longer_in_queue(subject.id, 100.0 * change.ratio)
    return settled_alert(QUEUE, tenant, team, subject, title, "handle_times.plan", at_ms)
