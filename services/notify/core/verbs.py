"""What a lead can do with an alert: one row per verb, for the feed frame and `POST /v1/alerts/{id}/...` alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from services.notify.core.alerts import AlertHead
from shared.contract import frames
from shared.contract.actions import Acknowledged, Action


class Verdict(NamedTuple):
    """How an alert stands to a wish: 200 it is so already, 409 it can no longer be; and why."""

    status: int
    detail: str


class Verb(NamedTuple):
    """A feed frame, the action it becomes in the events log, and how the alert answers it."""

    frame: type[frames.ClientFrame]
    action: Callable[[Any, str, str, str], Action]
    """(frame, action id, tenant, by) -> the entry for the events log."""
    judge: Callable[[AlertHead, str], Verdict | None]
    """(alert, by) -> the verdict; None when the wish is open."""


def _acknowledged(frame: frames.Acknowledge, id: str, tenant: str, by: str) -> Action:
    return Acknowledged(id=id, tenant=tenant, alert=frame.alert, by=by, note=frame.note)


def judge_acknowledge(head: AlertHead, by: str) -> Verdict | None:
    """Whoever acknowledges first looks after it."""
    if head.phase == "resolved":
        return Verdict(409, f"The alert was resolved at {head.updated_at}.")
    first = head.owner or _acknowledged_by(head)
    if first is None:
        return None
    if first == by:
        return Verdict(200, "You look after it already.")
    return Verdict(409, f"{first} was first.")


def _acknowledged_by(head: AlertHead) -> str | None:
    if head.phase != "acknowledged":
        return None
    return next((step.by for step in reversed(head.history) if step.phase == "acknowledged"), None)


VERBS: dict[str, Verb] = {
    "acknowledge": Verb(frames.Acknowledge, _acknowledged, judge_acknowledge),
}


def wish(verb: str, alert: str, body: bytes) -> frames.ClientFrame:
    """A REST body as the frame it stands for, so that both are checked by the same rules.

    Raises msgspec.MsgspecError, UnicodeError or RecursionError.
    """
    fields = msgspec.json.decode(body, type=dict[str, Any]) if body.strip() else {}
    return msgspec.convert({**fields, "kind": verb, "alert": alert}, type=VERBS[verb].frame)
