"""What a lead can do with an alert in each phase, and how fast."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.notify.core import pace
from services.notify.core.alerts import AlertHead, Step
from services.notify.core.pace import Paces
from services.notify.core.verbs import VERBS, Written, taken_meanwhile
from shared.contract import frames
from shared.contract.actions import ACTION_TYPES
from shared.contract.alerts import PHASES, Subject

AT = "2026-01-31T08:00:00.000Z"
SAMPLES: dict[str, Any] = {
    "acknowledge": frames.Acknowledge(alert="a"),
    "assign": frames.Assign(alert="a", to="kim"),
    "snooze": frames.Snooze(alert="a", for_s=600),
    "close": frames.Close(alert="a"),
    "note": frames.AddNote(alert="a", text="x"),
}


def head(phase: str, owner: str | None = None, by: str | None = None) -> AlertHead:
    """An alert whose last step somebody did."""
    steps = [Step(AT, "open"), Step(AT, phase, by)]
    return AlertHead(
        id="a",
        kind="queue.strain",
        severity="warning",
        phase=phase,
        tenant="acme",
        team=None,
        subject=Subject("queue", "q"),
        opened_at=AT,
        updated_at=AT,
        owner=owner,
        history=steps,
    )


# (verb, phase, owner, last step by) -> status for lee, or None when the wish is open
TABLE = [
    *((verb, phase, None, None, None) for verb in VERBS for phase in ("open", "escalated", "snoozed")),
    # What somebody set aside, or what came back, may be taken on by anybody, also by who had it.
    ("acknowledge", "snoozed", "kim", "kim", None),
    ("acknowledge", "snoozed", "lee", "lee", None),
    ("acknowledge", "acknowledged", "lee", "lee", 200),
    ("acknowledge", "acknowledged", "kim", "kim", 409),
    ("acknowledge", "assigned", "lee", "kim", 200),
    ("acknowledge", "assigned", "kim", "lee", 409),
    ("acknowledge", "suppressed", None, None, None),
    ("assign", "acknowledged", "kim", "kim", 200),
    ("assign", "assigned", "kim", "lee", 200),
    ("assign", "acknowledged", "lee", "lee", None),
    ("assign", "suppressed", None, None, 409),
    ("snooze", "acknowledged", "kim", "kim", None),
    ("snooze", "suppressed", None, None, 409),
    ("close", "acknowledged", "kim", "kim", None),
    ("close", "suppressed", None, None, None),
    ("close", "resolved", None, "lee", 200),
    ("close", "resolved", None, "kim", 409),
    ("note", "assigned", "kim", "kim", None),
    ("note", "suppressed", None, None, None),
    *((verb, "resolved", None, None, 409) for verb in VERBS),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "phase", "owner", "by", "status"), TABLE)
def test_a_wish_is_open_done_already_or_too_late(
    verb: str, phase: str, owner: str | None, by: str | None, status: int | None
) -> None:
    verdict = VERBS[verb].judge(head(phase, owner, by), SAMPLES[verb], "lee")
    assert (None if verdict is None else verdict.status) == status


def test_every_action_of_the_contract_has_a_verb_and_every_phase_an_answer() -> None:
    of = Written("id", "acme", "lee", "kim")
    made = {name: verb.action(SAMPLES[name], of) for name, verb in VERBS.items()}
    assert {type(action) for action in made.values()} == set(ACTION_TYPES)
    assert {name for name, action in made.items() if action.seen_owner == "kim"} == {"assign", "snooze", "close"}
    for phase in PHASES:
        for name, verb in VERBS.items():
            verb.judge(head(phase), SAMPLES[name], "lee")


def test_whether_it_was_done_stands_in_the_history_whatever_came_after() -> None:
    steps = [
        Step("1", "open"),
        Step("2", "acknowledged", "lee"),
        Step("3", "acknowledged", "max"),
        Step("4", "resolved"),
    ]
    done = msgspec.structs.replace(head("resolved"), history=steps)
    assert VERBS["acknowledge"].had_effect(done, "lee", "2")
    assert not VERBS["acknowledge"].had_effect(done, "lee", "3")
    assert not VERBS["close"].had_effect(done, "lee", "2")
    assert VERBS["note"].had_effect(done, "max", "3")
    assert not VERBS["close"].had_effect(done, "lee", "4")  # the engine's own


def test_who_was_first_is_named() -> None:
    assert taken_meanwhile(head("snoozed", "kim"), "").detail == "kim was first."
    assert "the alert is open" in taken_meanwhile(head("open"), "").detail


def test_a_person_may_act_so_often_in_a_minute_and_no_oftener(monkeypatch: pytest.MonkeyPatch) -> None:
    paces = Paces(60, 3)
    kim, lee = ("acme", "kim"), ("acme", "lee")
    assert [paces.take(kim, 10.0) for _ in range(4)] == [0, 0, 0, 1.0]
    assert paces.take(lee, 10.0) == 0
    assert paces.take(kim, 10.5) == 0.5
    assert paces.take(kim, 11.0) == 0
    assert [paces.take(kim, 1000.0) for _ in range(4)] == [0, 0, 0, 1.0]
    monkeypatch.setattr(pace, "KEPT_MAX", 2)
    paces.take(("acme", "max"), 1000.0)  # lee, who paused longest, is forgotten
    assert paces.take(kim, 1000.0) == 1.0
