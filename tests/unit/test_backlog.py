"""The last changes, the live alerts, and what may still be done with one."""

import json

import pytest

from services.notify.core.alerts import ENDED_MAX, Alerts, Change, Query, read_change
from services.notify.core.backlog import BYTES_MAX, Backlog
from services.notify.core.scope import Scope
from services.notify.core.verbs import judge_acknowledge
from shared.contract.entries import EntryId
from shared.contract.frames import Acknowledge

EVERYTHING = Scope.of("acme", ["*"], "lead")


def change(seq: int, alert: str = "a-1", phase: str = "open", **fields: object) -> Change:
    head = {
        "id": alert, "kind": "queue.strain", "severity": "warning", "phase": phase, "tenant": "acme", "team": None,
        "subject": {"type": "queue", "id": "billing"}, "opened_at": "2026-01-31T08:00:00Z",
        "updated_at": "2026-01-31T08:00:00Z", "owner": None, "history": [], **fields,
    }  # fmt: skip
    return read_change(EntryId(1000, seq), json.dumps(head).encode())


def seqs(changes: list[Change] | None) -> list[int] | None:
    return None if changes is None else [c.cursor.seq for c in changes]


def test_a_backlog_gives_what_came_after_a_cursor() -> None:
    backlog = Backlog(EntryId(1000, 0))
    for seq in (1, 2, 5):
        backlog.add(change(seq))
    assert seqs(backlog.after(EntryId(1000, 0))) == [1, 2, 5]
    assert seqs(backlog.after(EntryId(1000, 3))) == [5]
    assert seqs(backlog.after(EntryId(1000, 5))) == []
    assert seqs(backlog.after(EntryId(2000, 0))) == []


def test_a_backlog_says_when_it_no_longer_has_everything() -> None:
    backlog = Backlog(EntryId(1000, 0), changes_max=2)
    assert seqs(backlog.after(EntryId(999, 0))) is None  # before its time
    for seq in (1, 2, 3, 4):
        backlog.add(change(seq))
    assert seqs(backlog.after(EntryId(1000, 1))) is None
    assert seqs(backlog.after(EntryId(1000, 2))) == [3, 4]


def test_a_backlog_is_bounded_in_bytes_and_keeps_at_least_the_newest() -> None:
    backlog = Backlog(EntryId(0, 0))
    for seq in range(1, 4):
        backlog.add(change(seq, title="x" * BYTES_MAX))
    assert seqs(backlog.after(backlog.floor)) == [3]


def test_an_alert_stands_at_its_latest_change() -> None:
    alerts = Alerts()
    for step in (change(1), change(2, "a-2"), change(3, phase="acknowledged"), change(4, "a-2", phase="resolved")):
        alerts.apply(step)
    assert [(c.head.id, c.head.phase) for c in alerts.live(EVERYTHING)] == [("a-1", "acknowledged")]
    ended = alerts.find("a-2", EVERYTHING)
    assert ended is not None
    assert ended.head.phase == "resolved"


def test_an_alert_that_opens_again_is_live_again() -> None:
    alerts = Alerts()
    for step in (change(1), change(2, phase="resolved"), change(3)):
        alerts.apply(step)
    assert seqs(alerts.live(EVERYTHING)) == [3]
    assert seqs(alerts.select(Query(phases=frozenset({"resolved"})), EVERYTHING)[0]) == []


def test_alerts_that_are_over_are_kept_up_to_a_limit_and_live_ones_always() -> None:
    alerts = Alerts()
    alerts.apply(change(0, "live"))
    for seq in range(1, ENDED_MAX + 11):
        alerts.apply(change(seq, f"a-{seq}", phase="resolved"))
    assert alerts.find("a-10", EVERYTHING) is None
    assert alerts.find("a-11", EVERYTHING) is not None
    assert alerts.find("live", EVERYTHING) is not None


def test_nobody_finds_an_alert_of_another_tenant_or_team() -> None:
    alerts = Alerts()
    alerts.apply(change(1, team="team-b", subject={"type": "agent", "id": "ann"}))
    assert alerts.find("a-1", Scope.of("acme", ["team-b"], "lead")) is not None
    assert alerts.find("a-1", Scope.of("acme", ["team-a"], "lead")) is None
    assert alerts.find("a-1", Scope.of("other", ["*"], "admin")) is None
    assert alerts.live(Scope.of("other", ["*"], "admin")) == []


def test_a_list_shows_the_live_ones_and_suppressed_ones_only_when_asked() -> None:
    alerts = Alerts()
    for step in (change(1, "a-1"), change(2, "a-2", phase="suppressed"), change(3, "a-3", phase="resolved")):
        alerts.apply(step)
    assert seqs(alerts.select(Query(), EVERYTHING)[0]) == [1]
    assert seqs(alerts.select(Query(phases=frozenset({"suppressed", "resolved"})), EVERYTHING)[0]) == [3, 2]


def test_pages_follow_each_other_without_a_gap() -> None:
    alerts = Alerts()
    for seq in range(1, 6):
        alerts.apply(change(seq, f"a-{seq}"))
    first, more = alerts.select(Query(limit=2), EVERYTHING)
    second, more_after_second = alerts.select(Query(limit=3, before=first[-1].cursor), EVERYTHING)
    assert (seqs(first), more, seqs(second), more_after_second) == ([5, 4], True, [3, 2, 1], False)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"phase": "open"}, None),
        ({"phase": "escalated"}, None),
        ({"phase": "acknowledged", "owner": "lee"}, 200),
        ({"phase": "acknowledged", "owner": "kim"}, 409),
        ({"phase": "assigned", "owner": "kim"}, 409),
        ({"phase": "acknowledged", "history": [{"at": "", "phase": "acknowledged", "by": "kim"}]}, 409),
        ({"phase": "resolved", "owner": "lee"}, 409),
    ],
)
def test_whoever_acknowledges_first_looks_after_it(fields: dict[str, object], status: int | None) -> None:
    verdict = judge_acknowledge(change(1, **fields).head, Acknowledge(alert="a-1"), "lee")  # type: ignore[arg-type]
    assert (verdict and verdict.status) == status
    if verdict and "kim" in str(fields):
        assert verdict.detail == "kim was first."
