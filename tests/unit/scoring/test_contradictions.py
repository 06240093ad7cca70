"""A feed that contradicts itself: each contradiction is counted under its reason, once, and the measures stay right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from scoring_logs import T0, TENANT, block, numbered, play

from services.scoring.core.contradictions import REASONS
from services.scoring.measures import Measures
from shared.contract.block import Row
from shared.contract.rows import ABANDONED, ANSWERED, HANDLED, OFFERED, STATE, STATE_CODES, STATE_SHIFT

SECOND = 1000
BREAK, AVAILABLE, ACW = (STATE_CODES[name] << STATE_SHIFT for name in ("break", "available", "acw"))
Fact = tuple[int, int, dict[str, Any]]  # kind, s, more


def offered(s: int) -> Fact:
    return OFFERED, s, {"queue": "q", "contact": 7}


def answered(s: int) -> Fact:
    return ANSWERED, s, {"queue": "q", "contact": 7, "agent": "ann", "n0": 20.0}


def handled(s: int) -> Fact:
    return HANDLED, s, {"queue": "q", "contact": 7, "agent": "ann", "n0": 90.0}


def abandoned(s: int) -> Fact:
    return ABANDONED, s, {"queue": "q", "contact": 7, "n0": 20.0}


def state(s: int, flags: int, team: str | None = None) -> Fact:
    return STATE, s, {"agent": "ann", "flags": flags, "other": team}


STORIES: dict[str, tuple[list[Fact], dict[str, int]]] = {
    "a call as it should be": (
        [state(0, AVAILABLE, "red"), offered(1), answered(21), handled(111), state(112, ACW, "red")],
        {},
    ),
    "answered without an offer": ([answered(21), handled(111)], {"answered_unoffered": 1}),
    "answered before it was offered": ([offered(30), answered(21), handled(111)], {"answered_before_offered": 1}),
    "the same, told in the other order": (
        [answered(21), offered(30), handled(111)],
        {"answered_unoffered": 1, "answered_before_offered": 1},
    ),
    "handled without an answer": ([offered(1), handled(111)], {"handled_unanswered": 1}),
    "answered, then abandoned": ([offered(1), answered(21), abandoned(22)], {"abandoned_and_answered": 1}),
    "abandoned, then answered and handled": (
        [offered(1), abandoned(21), answered(22), handled(111)],
        {"abandoned_and_answered": 1},
    ),
    "abandoned, then handled": (
        [offered(1), abandoned(21), handled(111)],
        {"handled_unanswered": 1, "abandoned_and_answered": 1},
    ),
    "answered in a break": ([state(0, BREAK), offered(1), answered(21)], {"answered_at_rest": 1}),
    "two states at one moment": ([state(5, AVAILABLE), state(5, BREAK)], {"two_states": 1}),
    "one state told twice": ([state(5, AVAILABLE), state(5, AVAILABLE)], {}),
    "a state that comes after a newer one": ([state(5, AVAILABLE), state(4, BREAK)], {"state_out_of_order": 1}),
    "an agent in two teams": (
        [state(5, AVAILABLE, "red"), state(6, AVAILABLE, "blue"), state(7, ACW, "red"), state(8, ACW)],
        {"two_teams": 2},
    ),
}


def rows(facts: list[Fact]) -> list[Row]:
    return [Row(kind, TENANT, T0 + s * SECOND, f"e-{i}", **more) for i, (kind, s, more) in enumerate(facts)]


@pytest.mark.parametrize("apart", [False, True], ids=["in one entry", "an entry each"])
@pytest.mark.parametrize("name", STORIES)
def test_each_contradiction_is_counted_once_under_its_reason(name: str, apart: bool) -> None:
    facts, expected = STORIES[name]
    now = T0 + 120 * SECOND
    log = [block(now, [row]) for row in rows(facts)] if apart else [block(now, rows(facts))]
    told: dict[str, int] = {}
    for report in play(numbered(log)).reports:
        for reason in report.counts.keys() & REASONS.keys():
            told[reason] = told.get(reason, 0) + report.counts[reason]
    assert told == expected


def test_every_reason_has_a_story() -> None:
    assert {reason for _, told in STORIES.values() for reason in told} == REASONS.keys()


def test_what_is_sent_again_contradicts_nothing() -> None:
    events = rows(STORIES["a call as it should be"][0])
    again = play(numbered([block(T0 + 120 * SECOND, events), block(T0 + 121 * SECOND, events)])).reports[1]
    assert again.counts == {"events": len(events), "repeated": len(events)}


def test_the_metrics_name_every_reason() -> None:
    registry = CollectorRegistry()
    measures = Measures(registry, lambda: ())
    measures.partition(3).counts["two_teams"] += 2
    text = generate_latest(registry).decode()
    assert 'strainwatch_scoring_contradictions_total{partition="3",reason="two_teams"} 2.0' in text
    assert all(f'reason="{reason}"}} ' in text for reason in REASONS)


def test_the_page_explains_every_reason() -> None:
    page = (Path(__file__).parents[3] / "docs" / "bad-input.md").read_text()
    assert all(f"\n| `{reason}` |" in page for reason in REASONS)
