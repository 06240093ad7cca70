"""The road of a lead's action: written to the events log, judged by the engine, answered by what the alert became."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from typing import Any, cast

import structlog

from services.notify.core.alerts import Change, visible
from services.notify.core.pace import Paces
from services.notify.core.scope import Scope
from services.notify.core.verbs import VERBS, Written, taken_meanwhile
from services.notify.door import Actor
from services.notify.hub import Hub
from services.notify.trail import NOBODYS, Trail, Whose
from shared.contract.audit import AuditAction, AuditSubject
from shared.contract.entries import EntryId, action_fields
from shared.contract.events import rfc3339
from shared.log import Log

SCORED_WAIT_S = 2.0
"""How long an action waits for its judgement; a scorer that restarts takes longer, and the change then comes later."""
ACTIONS_PER_MIN = 100
"""Of one person, over feed and REST together; also the burst that may come at once. A person with two hands."""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """200 with the alert as it is now; 202 written, not judged yet; 404 no such alert in scope; 409 and why; 429."""

    status: int
    detail: str
    change: Change | None
    written: bool
    """Whether an entry was written, so that the answer (also) comes over the feed."""
    wait_s: int = 0
    """With 429: when to come back."""


class Actions:
    """Takes wishes from REST and feed alike."""

    def __init__(self, log: Log, hub: Hub, trail: Trail) -> None:
        self._log = log
        self._hub = hub
        self._trail = trail
        self._paces = Paces(ACTIONS_PER_MIN, ACTIONS_PER_MIN)

    async def take(self, verb: str, frame: Any, actor: Actor) -> Outcome:
        """Do what a frame asks for, for a person; kept in the audit log, whatever comes of it
        but 429: a script could else push out of it what others did.

        Raises LogUnavailable (then it may or may not be written).
        """
        wait_s = self.pause_s(actor)
        if wait_s:
            return Outcome(
                429, f"That was too much in a minute; go on in {wait_s} s.", None, written=False, wait_s=wait_s
            )
        status = 503
        try:
            outcome = await self._take(verb, frame, actor)
            status = outcome.status
            return outcome
        finally:
            change = self._hub.tenant(actor.claims.tenant).alerts.newest(frame.alert)
            whose = NOBODYS if change is None else Whose(change.head.team, change.head.subject.type)
            await self._trail.keep(actor, cast(AuditAction, verb), AuditSubject("alert", frame.alert), status, whose)

    def pause_s(self, actor: Actor) -> int:
        """Count one more action of a person: 0, or in how many seconds the next is taken."""
        claims = actor.claims
        return math.ceil(self._paces.take((claims.tenant, claims.sub), self._hub.clock.steady_s()))

    async def _take(self, name: str, frame: Any, actor: Actor) -> Outcome:
        verb, scope, by = VERBS[name], actor.scope, actor.claims.sub
        change = self._find(frame.alert, scope)
        if change is None:
            return Outcome(404, "There is no such alert among your teams' alerts.", None, written=False)
        if (verdict := verb.judge(change.head, frame, by)) is not None:
            return Outcome(*verdict, change, written=False)
        seen_owner = change.head.owner or ""
        action = verb.action(frame, Written(uuid.uuid4().hex, scope.tenant, by, seen_owner))
        entry, scored = await self.write(scope.tenant, action_fields(action), frame.alert)
        _logger.info("action written", tenant=scope.tenant, action=name, alert=frame.alert, entry=str(entry))
        if not scored:
            return Outcome(202, "Written. Its effect comes over the feed once it is judged.", change, written=True)
        now = self._hub.tenant(scope.tenant).alerts.newest(frame.alert) or change
        if visible(now, scope):  # else it went to another team meanwhile
            change = now
        head = now.head
        if verb.had_effect(head, by, rfc3339(entry.ms)):
            return Outcome(200, "Done.", change, written=True)
        return Outcome(*(verb.judge(head, frame, by) or taken_meanwhile(head, seen_owner)), change, written=True)

    async def write(self, tenant: str, fields: dict[bytes, bytes], alert: str | None = None) -> tuple[EntryId, bool]:
        """Append an entry for a tenant; where it stands, and whether it was judged in time. Raises LogUnavailable."""
        partition = self._hub.partition(tenant)
        entry = await self._log.append(partition.index, fields)
        return entry, await partition.scored(entry, tenant, alert, SCORED_WAIT_S)

    def _find(self, alert: str, scope: Scope) -> Change | None:
        return self._hub.tenant(scope.tenant).alerts.find(alert, scope)
