"""Troubles of the simulated centre, and latent fatigue, which no event carries."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tools.centre import Centre, Scenario, Trouble
from tools.centre.fatigue import POWER, REST_S, Fatigue

START_MS = 1_772_438_400_000
HOUR_S = 3600.0

Event = dict[str, Any]


def run(*troubles: Trouble, hours: float = 2.0, **how: Any) -> tuple[list[Event], Centre]:
    scenario = Scenario(troubles=troubles, **how)
    centre = Centre(seed=11, start_ms=START_MS, agents=24, clock_h=9.0, scenario=scenario)
    return list(centre.events(hours * HOUR_S)), centre


def handled(events: list[Event], low_min: float, high_min: float, **fields: object) -> list[Event]:
    low, high = START_MS + 60_000 * low_min, START_MS + 60_000 * high_min
    return [
        event
        for event in events
        if event["type"] == "contact.handled"
        and low <= event["ts"] < high
        and all(event.get(name) == value for name, value in fields.items())
    ]


def test_a_trouble_is_known_to_the_truth_and_to_no_event() -> None:
    events, centre = run(Trouble(kind="outage", at_min=30, for_min=30, size=2.0, queue="billing"))
    (cause,) = centre.truth.causes
    assert (cause.kind, cause.queue, cause.start_ms) == ("outage", "billing", START_MS + 30 * 60_000)
    assert not any("outage" in str(value) for event in events for name, value in event.items() if name != "issue")


def test_an_outage_lengthens_talks_of_its_queue() -> None:
    def mean_talk_s(*troubles: Trouble) -> float:
        some = handled(run(*troubles)[0], 45, 90, queue="technical")
        return float(np.mean([event["talk_s"] for event in some]))

    assert mean_talk_s(Trouble(kind="outage", at_min=30, for_min=60, size=2.5, queue="technical")) > 1.6 * mean_talk_s()


def test_a_burst_brings_more_of_one_issue() -> None:
    def offered(*troubles: Trouble) -> int:
        return sum(event.get("issue") == "refund" for event in run(*troubles)[0] if event["type"] == "contact.offered")

    assert (
        offered(Trouble(kind="burst", at_min=20, for_min=60, size=6.0, queue="billing", issue="refund")) > 2 * offered()
    )


def test_abuse_hits_the_contacts_of_one_agent() -> None:
    events, _ = run(Trouble(kind="abuse", at_min=20, for_min=90, size=1.0, agent="agent-01"))
    theirs = handled(events, 25, 110, agent="agent-01")
    assert theirs
    assert all(event.get("abusive") for event in theirs)
    others = [event for event in handled(events, 25, 110) if event["agent"] != "agent-01"]
    assert sum(event.get("abusive", False) for event in others) < 0.1 * len(others)


def test_an_absence_takes_part_of_one_team() -> None:
    events, _ = run(Trouble(kind="absence", at_min=20, for_min=60, size=1.0, team="team-c"))
    low, high = START_MS + 20 * 60_000, START_MS + 40 * 60_000
    gone = {
        event["team"]
        for event in events
        if event["type"] == "agent.state" and event["state"] == "offline" and low <= event["ts"] < high
    }
    assert gone == {"team-c"}


def test_missed_breaks_do_not_happen() -> None:
    events, centre = run(Trouble(kind="missed_breaks", at_min=0, for_min=300, agent="agent-01"), hours=5.0)
    assert not any(event.get("state") == "break" for event in events if event.get("agent") == "agent-01")
    assert centre.truth.agents["agent-01"].breaks_missed > 0


def test_a_break_that_is_cut_short_is_over_in_three_minutes_and_no_rest() -> None:
    events, centre = run(Trouble(kind="short_breaks", at_min=0, for_min=300, agent="agent-01"), hours=5.0)
    states = [event for event in events if event.get("agent") == "agent-01" and event["type"] == "agent.state"]
    lengths_s = [(b["ts"] - a["ts"]) / 1000 for a, b in pairwise(states) if a["state"] == "break"]
    assert lengths_s
    assert max(lengths_s) <= 180
    truth = centre.truth.agents["agent-01"]
    assert {how for _, how in truth.denied_ms} >= {"cut short"}
    starts_ms = [event["ts"] for event in states if event["state"] == "break"]
    assert not set(starts_ms) & {began_ms for began_ms, _ in truth.rested_ms}


def test_a_break_taken_whole_and_time_off_duty_are_rest() -> None:
    events, centre = run(hours=5.0)
    for agent, truth in centre.truth.agents.items():
        states = [e for e in events if e.get("agent") == agent and e["type"] == "agent.state"]
        rests_ms = [e["ts"] for e in states if e["state"] in ("break", "offline")]
        assert rests_ms == [began_ms for began_ms, _ in truth.rested_ms]
        assert all(ended_ms is None or ended_ms > began_ms for began_ms, ended_ms in truth.rested_ms)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "burst", "queue": "billing"},
        {"kind": "absence", "size": 0.5},
        {"kind": "surge", "queue": "billing", "size": 0.5},
        {"kind": "weather"},
        {"kind": "abuse", "agent": "a", "size": 2.0},
    ],
)
def test_a_trouble_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Trouble(at_min=0, for_min=10, **wrong)


def test_a_scenario_refuses_a_queue_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no queue 'parking'"):
        Scenario(troubles=(Trouble(kind="surge", at_min=0, for_min=10, size=2, queue="parking"),))


def test_fatigue_fades_as_a_power_of_rest_and_not_while_at_work() -> None:
    tired = Fatigue()
    tired.change(0, "on_contact")
    tired.demand(60_000, 600.0, abusive=False, complaint=False, resolved=True, again=False)
    tired.change(120_000, "available")
    tired.change(720_000, "break")
    at_ms = np.array([59_000, 120_000, 720_000, 1_020_000])
    rest_s = np.array([0.0, 0.6 * 600, 0.6 * 600 + 2.0 * 300])
    expected = 10.0 * (1 + rest_s / REST_S) ** -POWER
    np.testing.assert_allclose(tired.levels(at_ms), [0.0, *expected])


def test_hostile_contacts_leave_more() -> None:
    def left(abusive: bool) -> float:
        tired = Fatigue()
        tired.change(0, "on_contact")
        tired.demand(0, 600.0, abusive=abusive, complaint=False, resolved=True, again=False)
        return float(tired.levels(np.array([1000]))[0])

    assert left(True) == pytest.approx(5 * left(False))
