"""What a lead can do with an alert: one row per verb, for the feed frame and `POST /v1/alerts/{id}/...` alike.

| phase | acknowledge | assign | snooze | close | note |
|---|---|---|---|---|---|
| open, escalated, snoozed | taken on | handed over | set aside | ended | written |
| acknowledged, assigned | 200 its owner, 409 who was first | 200 theirs, else handed on | set aside | ended | written |
| suppressed | taken on | 409 | 409 | ended | written |
| resolved | 409 | 409 | 409 | 200 who ended it, else 409 | 409 |

What is open here is decided by the engine, in the order of the log: of two at the same moment the first wins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from services.notify.core.alerts import AlertHead
from shared.contract import frames
from shared.contract.actions import Acknowledged, Action, Assigned, Closed, Noted, Snoozed


class Verdict(NamedTuple):
    """How an alert stands to a wish: 200 it is so already, 409 it can no longer be; and why."""

    status: int
    detail: str


class Written(NamedTuple):
    """What every action needs beside its frame."""

    id: str
    tenant: str
    by: str
    owner: str
    """Who looks after the alert as the lead sees it; empty for nobody."""


class Verb(NamedTuple):
    """A feed frame, the action it becomes in the events log, and how the alert answers it."""

    frame: type[frames.ClientFrame]
    action: Callable[[Any, Written], Action]
    """(frame, what else it needs) -> the entry for the events log."""
    judge: Callable[[AlertHead, Any, str], Verdict | None]
    """(alert, frame, by) -> the verdict; None when the wish is open."""
    becomes: str | None
    """The phase that it leads to; None for a verb that leaves the phase alone."""

    def had_effect(self, head: AlertHead, by: str, at: str) -> bool:
        """Whether the history of an alert tells of this step, by this person at this time.

        The alert may be further on already: what came after does not undo that it was done.
        """
        return any(
            step.by == by and step.at == at and self.becomes in (None, step.phase) for step in reversed(head.history)
        )


def _acknowledged(frame: frames.Acknowledge, of: Written) -> Action:
    return Acknowledged(id=of.id, tenant=of.tenant, alert=frame.alert, by=of.by, note=frame.note)


def _assigned(frame: frames.Assign, of: Written) -> Action:
    return Assigned(id=of.id, tenant=of.tenant, alert=frame.alert, by=of.by, seen_owner=of.owner, to=frame.to)


def _snoozed(frame: frames.Snooze, of: Written) -> Action:
    return Snoozed(id=of.id, tenant=of.tenant, alert=frame.alert, by=of.by, seen_owner=of.owner, for_s=frame.for_s)


def _closed(frame: frames.Close, of: Written) -> Action:
    return Closed(id=of.id, tenant=of.tenant, alert=frame.alert, by=of.by, seen_owner=of.owner, note=frame.note)


def _noted(frame: frames.AddNote, of: Written) -> Action:
    return Noted(id=of.id, tenant=of.tenant, alert=frame.alert, by=of.by, text=frame.text)


def judge_acknowledge(head: AlertHead, _: frames.Acknowledge, by: str) -> Verdict | None:
    """Whoever acknowledges first looks after it. One that was set aside, or came back, may be taken on again."""
    if head.phase == "resolved":
        return _over(head)
    first = _owner(head)
    if first is None:
        return None
    return Verdict(200, "You look after it already.") if first == by else Verdict(409, f"{first} was first.")


def judge_assign(head: AlertHead, frame: frames.Assign, _: str) -> Verdict | None:
    """It may be handed on again and again."""
    if head.phase == "resolved":
        return _over(head)
    if head.phase == "suppressed":
        return _spoken_for()
    return Verdict(200, f"{frame.to} looks after it already.") if _owner(head) == frame.to else None


def judge_snooze(head: AlertHead, _: frames.Snooze, __: str) -> Verdict | None:
    """A second snooze counts from when it is asked for."""
    if head.phase == "resolved":
        return _over(head)
    return _spoken_for() if head.phase == "suppressed" else None


def judge_close(head: AlertHead, _: frames.Close, by: str) -> Verdict | None:
    """What is over stays so."""
    if head.phase != "resolved":
        return None
    return Verdict(200, "You closed it already.") if _ended_by(head) == by else _over(head)


def judge_note(head: AlertHead, _: frames.AddNote, __: str) -> Verdict | None:
    """A remark is for those who still have to do with it."""
    return _over(head) if head.phase == "resolved" else None


def taken_meanwhile(head: AlertHead, seen_owner: str) -> Verdict:
    """Why an action that was written had no effect."""
    if head.owner and head.owner != seen_owner:
        return Verdict(409, f"{head.owner} was first.")
    return Verdict(409, f"It had no effect; the alert is {head.phase}.")


def _owner(head: AlertHead) -> str | None:
    """Who looks after it now; one that is snoozed or open again waits for whoever takes it on."""
    if head.phase not in ("acknowledged", "assigned"):
        return None
    return head.owner or next((step.by for step in reversed(head.history) if step.phase == head.phase), None)


def _ended_by(head: AlertHead) -> str | None:
    return head.history[-1].by if head.history else None


def _over(head: AlertHead) -> Verdict:
    by = _ended_by(head)
    if by is not None:
        return Verdict(409, f"{by} closed it at {head.updated_at}.")
    return Verdict(409, f"The alert was resolved at {head.updated_at}.")


def _spoken_for() -> Verdict:
    return Verdict(409, "A queue's alert speaks for it; acknowledge it first, or look after the queue.")


VERBS: dict[str, Verb] = {
    "acknowledge": Verb(frames.Acknowledge, _acknowledged, judge_acknowledge, "acknowledged"),
    "assign": Verb(frames.Assign, _assigned, judge_assign, "assigned"),
    "snooze": Verb(frames.Snooze, _snoozed, judge_snooze, "snoozed"),
    "close": Verb(frames.Close, _closed, judge_close, "resolved"),
    "note": Verb(frames.AddNote, _noted, judge_note, None),
}


def wish(verb: str, alert: str, body: bytes) -> frames.ClientFrame:
    """A REST body as the frame it stands for, so that both are checked by the same rules.

    Raises msgspec.MsgspecError, UnicodeError or RecursionError.
    """
    fields = msgspec.json.decode(body, type=dict[str, Any]) if body.strip() else {}
    return msgspec.convert({**fields, "kind": verb, "alert": alert}, type=VERBS[verb].frame)
