"""An agent who changes team, or a queue that is given to another, while an alert about it is live.

Who sees an alert is decided by the team that each change names, so both teams' leads must be told.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from scoring_logs import T0, TENANT, Played, action, block, every, numbered, play, with_lines
from scoring_logs import settings as settings_entry

from services.notify.core.alerts import Alerts, Change, read_change, visible
from services.notify.core.scope import Scope
from services.scoring.core.engine import Engine
from shared.contract.actions import Acknowledged
from shared.contract.alerts import LIVE_PHASES
from shared.contract.block import Row
from shared.contract.entries import Entry, EntryId
from shared.contract.rows import ABUSIVE, HANDLED, OBSERVED, STATE, STATE_CODES, STATE_SHIFT

SECOND = 1000
ON_CONTACT, OFFLINE = (STATE_CODES[name] << STATE_SHIFT for name in ("on_contact", "offline"))


def said(s: int, team: str | None, flags: int = ON_CONTACT) -> Entry:
    return block(
        T0 + s * SECOND + 100, [Row(STATE, TENANT, T0 + s * SECOND, f"s-{s}", agent="ann", other=team, flags=flags)]
    )


def strained(*more: Entry, team: str | None = "red") -> list[Entry]:
    """Ann has two hostile contacts: her alert is open from the first half minute on."""
    hostile = [
        Row(HANDLED, TENANT, T0 + s * SECOND, f"h-{s}", queue="q", agent="ann", contact=s, n0=300, flags=ABUSIVE)
        for s in (5, 25)
    ]
    rules = settings_entry(T0 - 1, with_lines(agent_line=40))
    return numbered([rules, said(0, team), block(T0 + 25_200, hostile), *every(20, 240), *more])


def shown(played: Played, team: str, kind: str = "agent.strain") -> dict[str, dict[str, Any]]:
    """What a team's leads were last told of each alert of a kind; what is live in all of it, their list has."""
    scope = Scope.of(TENANT, [team], "lead")
    changes = [read_change(EntryId(*key), data) for report in played.reports for key, data in _keyed(report)]
    board = Alerts()
    for change in changes:
        board.apply(change)
    told = {change.head.id: change for change in changes if visible(change, scope)}
    live = {name: change for name, change in told.items() if change.head.phase in LIVE_PHASES}
    assert [change.head.id for change in board.live(scope)] == [c.head.id for c in sorted(live.values(), key=_cursor)]
    of_kind = [change for change in told.values() if change.head.kind == kind]
    return {change.head.id: json.loads(change.data) for change in of_kind}


def _keyed(report: Any) -> list[tuple[tuple[int, int], bytes]]:
    return [((entry.ms, entry.seq), data) for entry, data in report.alerts]


def _cursor(change: Change) -> EntryId:
    return change.cursor


def phases(played: Played, team: str, kind: str = "agent.strain") -> list[str]:
    return [alert["phase"] for alert in shown(played, team, kind).values()]


def test_the_old_team_is_told_it_is_over_and_the_new_team_has_it_at_once() -> None:
    before = play(strained())
    assert phases(before, "red") == ["open"]
    assert phases(before, "blue") == []
    moved = play(strained(said(200, "blue")))
    assert phases(moved, "red") == ["resolved"]
    assert phases(moved, "blue") == ["open"]
    [of_red], [of_blue] = shown(moved, "red").values(), shown(moved, "blue").values()
    assert of_red["id"] == of_blue["id"]
    for alert in (of_red, of_blue):
        assert alert["updated_at"] == moved_at(moved)
        assert alert["history"][-1]["reason"] == "its team is another now"
    assert [step["phase"] for step in of_blue["history"]] == ["open", "open"]


def moved_at(played: Played) -> str:
    return next(
        a["updated_at"] for a in map(json.loads, played.bytes) if a["team"] == "blue" and a["kind"] == "agent.strain"
    )


def test_what_is_over_is_over_for_both() -> None:
    played = play(strained(said(200, "blue"), said(210, None, OFFLINE), *every(20, 9000, 240)))
    assert phases(played, "red") == phases(played, "blue") == ["resolved"]


def test_who_moves_back_is_shown_again() -> None:
    played = play(strained(said(200, "blue"), said(220, "red")))
    assert phases(played, "red") == ["open"]
    assert phases(played, "blue") == ["resolved"]


def test_a_first_team_is_told_of_what_is_live() -> None:
    played = play(strained(said(200, "blue"), team=None))
    assert phases(played, "blue") == ["open"]


def test_whoever_looks_after_it_still_does() -> None:
    [alert] = shown(play(strained()), "red")
    taken = action(T0 + 190 * SECOND, Acknowledged(id="act-1", tenant=TENANT, alert=alert, by="lea"))
    [of_blue] = shown(play(strained(taken, said(200, "blue"))), "blue").values()
    assert (of_blue["phase"], of_blue["owner"]) == ("acknowledged", "lea")


def test_a_queue_that_is_given_to_another_team_takes_its_alert_along() -> None:
    def given(revision: int, team: str) -> dict[str, Any]:
        tenants = {TENANT: {"queues": {"q": {"team": team}}}}
        return with_lines(queue_line=30) | {"revision": revision, "tenants": tenants}

    log = [
        settings_entry(T0 - 1, given(1, "red")),
        block(T0 + 300, [Row(OBSERVED, TENANT, T0, "e-1", queue="q", n0=2, n1=400.0)]),
        *every(5, 20),
        settings_entry(T0 + 20 * SECOND, given(2, "blue")),
    ]
    played = play(numbered(log))
    assert phases(played, "red", "queue.strain") == ["resolved"]
    assert phases(played, "blue", "queue.strain") == ["open"]


@pytest.mark.parametrize("cut_s", [199, 200, 201])
def test_a_restart_around_the_move_changes_no_output(cut_s: int) -> None:
    log = strained(said(200, "blue"), said(220, "red"))
    whole = play(log)
    engine = Engine(marks="none")
    for entry, report in zip(log, whole.reports, strict=True):
        assert engine.step(entry).alerts == report.alerts
        if entry.id.ms // SECOND * SECOND == T0 + cut_s * SECOND or entry.id.ms == T0 + 180 * SECOND + 500:
            engine = Engine.restore(engine.snapshot(), marks="none")
    assert engine.snapshot() == whole.engine.snapshot()
