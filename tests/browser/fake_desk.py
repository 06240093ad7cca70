"""What the engine and notify's REST side would do with the alerts of the fake feed, so that a page can be acted on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from services.notify.core.alerts import Alerts, Query, read_change
from services.notify.core.frames import raw_alert
from services.notify.core.rules import RuleLog
from services.notify.core.scope import Scope
from shared.contract.alerts import PHASES, Alert, Change, Phase, encode_alert
from shared.contract.entries import EntryId
from shared.contract.frames import AlertPage, encode
from shared.contract.rules import RuleCount, Rules

ME = "lena@example.org"
SCOPE = Scope.of("demo", ["*"], "lead")
ACTIONS = {"acknowledge", "assign", "snooze", "close", "note"}
_PHASES: dict[str, Phase] = {
    "acknowledge": "acknowledged", "assign": "assigned", "snooze": "snoozed", "close": "resolved",
}  # fmt: skip
_REASONS = {
    "acknowledge": "acknowledged",
    "assign": "assigned",
    "snooze": "snoozed",
    "close": "closed",
    "note": "noted",
}


def rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def acted(alert: Alert, frame: dict[str, Any], by: str = ME) -> Alert:
    """The alert after an action, as the engine would publish it."""
    verb, now = frame["kind"], datetime.now(UTC)
    phase = _PHASES.get(verb, alert.phase)
    owner = {"acknowledge": by, "assign": frame.get("to")}.get(verb, alert.owner)
    until = rfc3339(now + timedelta(seconds=frame["for_s"])) if verb == "snooze" else None
    step = Change(
        rfc3339(now), phase, alert.severity, by=by, reason=_REASONS[verb],
        note=frame.get("note") or frame.get("text") or None, to=frame.get("to"), until=until,
    )  # fmt: skip
    return moved(alert, step, owner)


def woken(alert: Alert) -> Alert:
    """The alert when its snooze is over."""
    return moved(
        alert, Change(rfc3339(datetime.now(UTC)), "open", alert.severity, reason="snooze is over"), alert.owner
    )


def moved(alert: Alert, step: Change, owner: str | None) -> Alert:
    history = [*alert.history, step]
    return msgspec.structs.replace(alert, phase=step.phase, owner=owner, history=history, updated_at=step.at)


def answer(url: str, log: list[tuple[str, Alert]], rules: list[RuleCount] | None) -> bytes | None:
    """The body of a GET, as notify's own code makes it from the log; None when the path is none of these."""
    path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
    if path not in ("/v1/alerts", "/v1/rules"):
        return None
    alerts, counts = Alerts(), RuleLog()
    for i, (_, alert) in enumerate(log, start=1):
        change = read_change(EntryId(i, 0), encode_alert(alert))
        alerts.apply(change)
        counts.apply(change)
    if path == "/v1/alerts":
        return encode(_page(alerts, query))
    since_ms, counted = counts.count(0, round(datetime.now(UTC).timestamp() * 1000), SCOPE)
    return encode(Rules(since=rfc3339(datetime.fromtimestamp(since_ms / 1000, UTC)), rules=rules or counted))


def _page(alerts: Alerts, query: dict[str, list[str]]) -> AlertPage:
    def words(name: str) -> frozenset[str]:
        return frozenset(word for text in query.get(name, []) for word in text.split(",") if word)

    assert words("phase") <= set(PHASES)
    after = query.get("after", [None])[0]
    page, more = alerts.select(
        Query(
            phases=words("phase"), kinds=words("kind"), severities=words("severity"),
            teams=frozenset(query.get("team", [])), subjects=frozenset(query.get("subject", [])),
            limit=int(query.get("limit", ["100"])[0]), before=EntryId.parse(after) if after else None,
        ),
        SCOPE,
    )  # fmt: skip
    following = str(page[-1].cursor) if more else None
    return AlertPage(alerts=[raw_alert(change) for change in page], next=following, epoch="epoch-1", cursor="c-0")
