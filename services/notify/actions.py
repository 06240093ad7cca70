"""The road of a lead's action: written to the events log, judged by the engine, answered by what the alert became."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import structlog

from services.notify.core.alerts import Change
from services.notify.core.scope import Scope
from services.notify.core.verbs import Verb, Verdict
from services.notify.hub import Hub
from shared.contract.entries import action_fields
from shared.log import Log

SCORED_WAIT_S = 2.0
"""How long an action waits for its judgement; a scorer that restarts takes longer, and the change then comes later."""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """200 with the alert as it is now; 202 written, not judged yet; 404 no such alert in scope; 409 and why."""

    status: int
    detail: str
    change: Change | None
    written: bool
    """Whether an entry was written, so that the answer (also) comes over the feed."""


class Actions:
    """Takes wishes from REST and feed alike."""

    def __init__(self, log: Log, hub: Hub) -> None:
        self._log = log
        self._hub = hub

    async def take(self, verb: Verb, frame: Any, scope: Scope, by: str) -> Outcome:
        """Do what a frame asks for, for a person. Raises LogUnavailable (then it may or may not be written)."""
        change = self._find(frame.alert, scope)
        if change is None:
            return Outcome(404, "There is no such alert among your teams' alerts.", None, written=False)
        if (verdict := verb.judge(change.head, by)) is not None:
            return Outcome(*verdict, change, written=False)
        partition = self._hub.partition(scope.tenant)
        action = verb.action(frame, uuid.uuid4().hex, scope.tenant, by)
        entry = await self._log.append(partition.index, action_fields(action))
        _logger.info("action written", tenant=scope.tenant, alert=frame.alert, entry=str(entry))
        if not await partition.scored(entry, scope.tenant, frame.alert, SCORED_WAIT_S):
            return Outcome(202, "Written. Its effect comes over the feed once it is judged.", change, written=True)
        change = self._find(frame.alert, scope) or change
        head = change.head
        verdict = verb.judge(head, by) or Verdict(409, f"It had no effect; the alert is {head.phase}.")
        return Outcome(*verdict, change, written=True)

    def _find(self, alert: str, scope: Scope) -> Change | None:
        return self._hub.tenant(scope.tenant).alerts.find(alert, scope)
