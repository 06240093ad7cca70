"""How often each rule fired and was acted on: counted once an alert, by scope, within a week, in bounded memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.notify.core.alerts import AlertHead, Step
from services.notify.core.alerts import Change as LogChange
from services.notify.core.rules import KEPT_MS, RuleLog
from services.notify.core.scope import Scope
from shared.contract.alerts import Subject
from shared.contract.entries import EntryId
from shared.contract.rules import RuleCount

NOW_MS = 1_769_846_400_000
EVERYTHING = Scope.of("acme", ["*"], "lead")
DAY_MS = 86_400_000


def at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def change(
    alert: str, *steps: tuple[str, str | None, str], opened_ms: int = NOW_MS, team: str | None = None, **more: Any
) -> LogChange:
    """Steps are (phase, by, reason), a minute apart."""
    history = [Step(at(opened_ms + 60_000 * i), phase, by, reason) for i, (phase, by, reason) in enumerate(steps)]
    fields: dict[str, Any] = {"kind": "queue.strain", "subject": Subject("queue", "billing")} | more
    head = AlertHead(
        id=alert, severity="warning", phase=steps[-1][0], tenant="acme", team=team, owner=None,
        opened_at=at(opened_ms), updated_at=at(opened_ms), history=history, **fields,
    )  # fmt: skip
    return LogChange(EntryId(opened_ms, 0), head, b"")


OPENED = ("open", None, "line held")
ENDED = ("resolved", None, "closing line held")


def counted(*changes: LogChange, since_ms: int = 0, now_ms: int = NOW_MS, scope: Scope = EVERYTHING) -> list[RuleCount]:
    log = RuleLog()
    for each in changes:
        log.apply(each)
    return log.count(since_ms, now_ms, scope)[1]


def only(*changes: LogChange) -> RuleCount:
    (row,) = counted(*changes)
    return row


def test_an_alert_is_counted_once_however_often_it_changes() -> None:
    row = only(change("a", OPENED), change("a", OPENED, ("acknowledged", "lee", "acknowledged")))
    assert (row.fired, row.acted, row.open, row.acknowledged_p50_s) == (1, 1, 1, 60.0)


def test_what_nobody_touched_fired_and_was_not_acted_on() -> None:
    row = only(*(change(str(i), OPENED, ENDED) for i in range(41)))
    assert (row.fired, row.acted, row.open, row.acknowledged_p50_s) == (41, 0, 0, None)


def test_acknowledged_assigned_closed_and_noted_are_acts_and_a_snooze_is_none() -> None:
    assert only(change("a", OPENED, ("assigned", "lee", "assigned"))).acted == 1
    assert only(change("a", OPENED, ("resolved", "lee", "closed"))).acted == 1
    assert only(change("a", OPENED, ("open", "lee", "noted"))).acted == 1
    assert only(change("a", OPENED, ("snoozed", "lee", "snoozed"))).acted == 0
    assert only(change("a", OPENED, ("snoozed", "lee", "snoozed"), ("snoozed", "kim", "noted"))).acted == 1


def test_what_was_held_back_all_along_did_not_fire() -> None:
    held = ("suppressed", None, "a queue alert speaks for it")
    row = only(change("a", held), change("b", held, ENDED), change("c", held, OPENED))
    assert (row.fired, row.suppressed, row.open) == (1, 2, 1)


def test_what_is_told_as_it_is_over_is_not_counted() -> None:
    assert counted(change("a", ("resolved", None, "settled"))) == []


def test_escalated_stays_known_when_the_alert_no_longer_carries_that_step() -> None:
    row = only(
        change("a", OPENED, ("escalated", None, "not acknowledged in time")),
        change("a", ("acknowledged", "lee", "acknowledged")),
    )
    assert (row.escalated, row.acted) == (1, 1)


def test_the_first_acknowledgement_counts_and_the_middle_of_all() -> None:
    first = change("a", OPENED, ("acknowledged", "lee", "acknowledged"), ("acknowledged", "kim", "acknowledged"))
    later = change("b", OPENED, OPENED, OPENED, ("acknowledged", "lee", "acknowledged"))
    assert only(first, later).acknowledged_p50_s == 120.0


def test_a_lead_counts_the_own_teams_and_what_concerns_the_whole_floor() -> None:
    agent: dict[str, Any] = {"kind": "agent.strain", "subject": Subject("agent", "ann")}
    changes = [
        change("a", OPENED),
        change("b", OPENED, team="north", **agent),
        change("c", OPENED, team="south", **agent),
        change("d", OPENED, team=None, **agent),
    ]
    seen = {row.kind: row.fired for row in counted(*changes, scope=Scope.of("acme", ["north"], "lead"))}
    assert seen == {"queue.strain": 1, "agent.strain": 1}
    assert {row.kind: row.fired for row in counted(*changes)} == {"queue.strain": 1, "agent.strain": 3}


def test_an_alert_counts_for_the_team_that_it_is_with_now() -> None:
    agent: dict[str, Any] = {"kind": "agent.strain", "subject": Subject("agent", "ann")}
    moved = [
        change("a", OPENED, team="north", **agent),
        change("a", OPENED, ENDED, team="north", **agent),
        change("a", OPENED, ("open", None, "its team is another now"), team="south", **agent),
    ]
    assert counted(*moved, scope=Scope.of("acme", ["north"], "lead")) == []
    (row,) = counted(*moved, scope=Scope.of("acme", ["south"], "lead"))
    assert (row.fired, row.open) == (1, 1)


def test_only_what_opened_since_is_counted_and_never_more_than_a_week() -> None:
    changes = [change(str(days), OPENED, opened_ms=NOW_MS - days * DAY_MS) for days in (8, 6, 2, 0)]
    log = RuleLog()
    for each in changes:
        log.apply(each)
    since_ms, (row,) = log.count(0, NOW_MS, EVERYTHING)
    assert (since_ms, row.fired) == (NOW_MS - KEPT_MS, 3)
    since_ms, (row,) = log.count(NOW_MS - 3 * DAY_MS, NOW_MS, EVERYTHING)
    assert (since_ms, row.fired) == (NOW_MS - 3 * DAY_MS, 2)


def test_memory_is_bounded_and_the_answer_says_from_when_on_it_counts() -> None:
    log = RuleLog(records_max=10)
    for i in range(25):
        log.apply(change(str(i), OPENED, opened_ms=NOW_MS + i))
    log.apply(change("3", OPENED, ENDED, opened_ms=NOW_MS + 3))  # forgotten: it does not come back as a new one
    since_ms, (row,) = log.count(0, NOW_MS + 60_000, EVERYTHING)
    assert (since_ms, row.fired) == (NOW_MS + 15, 10)


def test_what_is_older_than_a_week_makes_room() -> None:
    log = RuleLog()
    for i in range(100):
        log.apply(change(f"old-{i}", OPENED, ENDED, opened_ms=NOW_MS - KEPT_MS - 1000 + i))
    for i in range(100):
        log.apply(change(f"new-{i}", OPENED, opened_ms=NOW_MS + i))
    assert len(log._records) == 100
