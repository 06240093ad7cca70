"""The simulated contact centre: one seed one day, nothing lost, and the truth beside the events."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from shared.contract.events import event_decoder
from tools.centre import DEMO, MORNING, MORNING_H, Centre, Scenario
from tools.centre.plan import QUEUES, handle_mean_s, load_at

START_MS = 1_772_440_447_000
HOUR_S = 3600.0
BUSY = ("reserved", "on_contact", "acw")

Event = dict[str, Any]


def run(until_s: float, **how: Any) -> tuple[list[Event], Centre]:
    centre = Centre(**{"seed": 7, "start_ms": START_MS, **how})
    return list(centre.events(until_s)), centre


@pytest.fixture(scope="module")
def shift() -> tuple[list[Event], Centre]:
    """Eight hours with a surge of an hour in them."""
    return run(8 * HOUR_S, scenario=Scenario(surge_at_min=180, surge_for_min=60, surge_factor=3))


def of(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def test_one_seed_gives_one_day_to_the_byte_and_another_seed_another() -> None:
    def text(seed: int) -> str:
        return json.dumps(run(HOUR_S, seed=seed, scenario=DEMO)[0])

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_asking_in_small_steps_gives_the_same_events_as_asking_once() -> None:
    centre = Centre(seed=7, start_ms=START_MS, scenario=DEMO)
    steps = [event for until_s in range(0, 600, 7) for event in centre.events(until_s)]
    assert steps == run(595, scenario=DEMO)[0]


def test_a_second_run_of_a_seed_is_not_the_first_one_sent_again() -> None:
    first, second = run(600)[0], run(600, start_ms=START_MS + 60_000)[0]
    assert not {event["id"] for event in first} & {event["id"] for event in second}
    assert not {event.get("contact", "") for event in of(first, "contact.offered")} & {
        event["contact"] for event in of(second, "contact.offered")
    }


def test_every_event_is_valid_and_in_the_order_of_time(shift: tuple[list[Event], Centre]) -> None:
    events, _ = shift
    decoder = event_decoder()
    for event in events:
        decoder.decode(msgspec.json.encode(event))
    times = [event["ts"] for event in events]
    assert times == sorted(times)
    assert len({event["id"] for event in events}) == len(events)
    kinds = {event["type"] for event in events}
    assert kinds == {
        "queue.observed",
        "contact.offered",
        "contact.answered",
        "contact.abandoned",
        "contact.handled",
        "agent.state",
    }


def test_no_contact_is_lost(shift: tuple[list[Event], Centre]) -> None:
    events, centre = shift
    offered, answered, abandoned, handled = (
        Counter(event["contact"] for event in of(events, f"contact.{fate}"))
        for fate in ("offered", "answered", "abandoned", "handled")
    )
    for fates in (offered, answered, abandoned, handled):
        assert set(fates.values()) == {1}
    assert not answered.keys() & abandoned.keys()
    assert (answered | abandoned).keys() <= offered.keys()
    assert handled.keys() <= answered.keys()
    open_contacts = len(offered) - len(answered) - len(abandoned)
    last = {event["queue"]: event["waiting"] for event in of(events, "queue.observed")}
    ringing = sum(state == "reserved" for state in states_at_the_end(events).values())
    assert open_contacts == sum(last.values()) + ringing
    truth = centre.truth.queues.values()
    assert sum(queue.offered for queue in truth) == len(offered)
    assert sum(queue.answered for queue in truth) == len(answered)
    assert sum(queue.abandoned for queue in truth) == len(abandoned)


def states_at_the_end(events: list[Event]) -> dict[str, str]:
    return {event["agent"]: event["state"] for event in of(events, "agent.state")}


def test_an_agent_is_in_one_contact_at_a_time_and_serves_only_the_own_queues(
    shift: tuple[list[Event], Centre],
) -> None:
    serving: dict[str, str] = {}
    queues: dict[str, set[str]] = {}
    team: dict[str, str] = {}
    for event in shift[0]:
        match event["type"]:
            case "agent.state":
                team[event["agent"]] = event["team"]
            case "contact.answered":
                assert event["agent"] not in serving
                serving[event["agent"]] = event["contact"]
                queues.setdefault(team[event["agent"]], set()).add(event["queue"])
            case "contact.handled":
                assert serving.pop(event["agent"]) == event["contact"]
    assert queues == {
        "team-a": {"billing", "cards"},
        "team-b": {"cards", "accounts"},
        "team-c": {"technical", "accounts"},
    }


def test_littles_law_holds_between_the_queue_lengths_and_the_waits(shift: tuple[list[Event], Centre]) -> None:
    events, centre = shift
    for queue, truth in centre.truth.queues.items():
        lengths = [event["waiting"] for event in of(events, "queue.observed") if event["queue"] == queue]
        ringing_s = 2.5 * truth.answered  # in the wait, no longer in the queue
        waited_s = truth.wait_sum_s - ringing_s
        assert sum(lengths) * 5.0 == pytest.approx(waited_s, rel=0.05, abs=120)


def test_handle_times_are_those_of_the_plan(shift: tuple[list[Event], Centre]) -> None:
    for queue, truth in shift[1].truth.queues.items():
        if queue != "billing":  # the surge changes its mix of issues
            assert truth.handle_sum_s / truth.answered == pytest.approx(handle_mean_s(queue), rel=0.25)


def test_the_true_occupancy_is_what_the_states_say(shift: tuple[list[Event], Centre]) -> None:
    events, centre = shift
    since: dict[str, tuple[int, str]] = {}
    seconds: dict[str, Counter[str]] = {name: Counter() for name in centre.truth.agents}
    for event in of(events, "agent.state"):
        then_ms, state = since.get(event["agent"], (event["ts"], event["state"]))
        seconds[event["agent"]][state] += event["ts"] - then_ms
        since[event["agent"]] = (event["ts"], event["state"])
    for name, truth in centre.truth.agents.items():
        then_ms, state = since[name]
        seconds[name][state] += START_MS + int(8 * HOUR_S * 1000) - then_ms
        busy_ms = sum(seconds[name][state] for state in BUSY)
        assert truth.busy_s == pytest.approx(busy_ms / 1000, abs=1)
        assert truth.occupancy == pytest.approx(busy_ms / (busy_ms + seconds[name]["available"]), abs=0.01)
        assert 0.3 < truth.occupancy < 0.98


def test_breaks_are_taken_and_some_are_missed(shift: tuple[list[Event], Centre]) -> None:
    events, centre = shift
    agents = centre.truth.agents.values()
    breaks = [event for event in of(events, "agent.state") if event["state"] == "break"]
    assert 0 < sum(agent.breaks_missed for agent in agents) < sum(agent.breaks_taken for agent in agents)
    assert len(breaks) == sum(agent.breaks_taken for agent in agents)
    assert {event["reason"] for event in breaks} == {"lunch", "short_break"}


def test_unresolved_callers_call_again_with_the_same_issue(shift: tuple[list[Event], Centre]) -> None:
    events, centre = shift
    handled = of(events, "contact.handled")
    came = Counter((event["caller"], event["issue"]) for event in handled)
    again = [event for event in handled if came[event["caller"], event["issue"]] > 1]
    assert len(again) > 0.05 * len(handled)
    assert sum(queue.repeats for queue in centre.truth.queues.values()) >= sum(n - 1 for n in came.values())
    assert all(event["caller"].startswith("+000-555-") for event in handled)


def test_contacts_end_in_all_the_ways_that_matter(shift: tuple[list[Event], Centre]) -> None:
    handled = of(shift[0], "contact.handled")
    assert {event["outcome"] for event in handled} >= {"resolved", "unresolved", "transferred", "escalated"}
    for flag in ("complaint", "abusive", "compliment", "satisfaction", "department"):
        assert 0 < sum(flag in event for event in handled) < 0.4 * len(handled), flag


def test_a_surge_brings_its_issue_to_its_queue() -> None:
    def count(scenario: Scenario) -> int:
        offered = of(run(HOUR_S, scenario=scenario)[0], "contact.offered")
        return sum(event.get("issue") == "outage" for event in offered)

    surge = Scenario(surge_at_min=10, surge_for_min=40, surge_factor=4, surge_queue="technical", surge_issue="outage")
    assert count(surge) > 4 * count(Scenario()) + 10


def test_a_surge_changes_nothing_in_who_else_calls_for_the_first_time() -> None:
    def first_calls(scenario: Scenario) -> dict[str, int]:
        events, _ = run(HOUR_S, scenario=scenario)
        calls = [event for event in of(events, "contact.offered") if event["queue"] != "billing"]
        return {event["caller"]: event["ts"] for event in reversed(calls)}

    assert first_calls(Scenario(surge_at_min=10, surge_factor=5)) == first_calls(Scenario())


def test_the_truth_names_the_cause_and_the_load_it_made() -> None:
    events, centre = run(HOUR_S, scenario=Scenario(surge_at_min=20, surge_for_min=20, surge_factor=4))
    (cause,) = centre.truth.causes
    assert (cause.kind, cause.queue, cause.issue, cause.size) == ("surge", "billing", "payment-failed", 4)
    assert (cause.start_ms, cause.end_ms) == (START_MS + 1_200_000, START_MS + 2_400_000)
    billing = [minute for minute in centre.truth.minutes if minute.queue == "billing"]
    during = [m.offered_load_erlang for m in billing if cause.start_ms < m.ts_ms < cause.end_ms]
    before = [m.offered_load_erlang for m in billing if m.ts_ms < cause.start_ms]
    assert min(during) > 2 * max(before)
    assert "surge" not in json.dumps(events)


def test_a_centre_short_of_people_makes_callers_wait_longer() -> None:
    def waited_s(scenario: Scenario) -> tuple[float, list[str]]:
        truth = run(2 * HOUR_S, scenario=scenario)[1].truth
        return sum(queue.wait_sum_s for queue in truth.queues.values()), [cause.kind for cause in truth.causes]

    usual_s, _ = waited_s(Scenario())
    short_s, causes = waited_s(Scenario(absent_part=0.4, absent_at_min=15, absent_for_min=90))
    assert short_s > 3 * usual_s
    assert causes == ["absence"]


@pytest.mark.parametrize("seed", [1, 2, 3, 7, 42])
def test_the_demo_is_already_strained_when_it_opens_and_no_event_is_late(seed: int) -> None:
    events, _ = run(60, seed=seed, scenario=DEMO)
    assert events[0]["ts"] >= START_MS - DEMO.warm_min * 60_000
    assert 60 * DEMO.warm_min <= 900 - 120
    soon = [event for event in of(events, "queue.observed") if 0 <= event["ts"] - START_MS <= 30_000]
    assert max(event["longest_wait_s"] for event in soon) > 120
    first_ms = min(event["ts"] for event in of(events, "contact.handled"))
    assert first_ms < START_MS


@pytest.mark.parametrize("seed", [1, 2, 3, 7, 42])
def test_in_the_demo_one_agent_has_had_hostile_callers_within_its_first_minutes(seed: int) -> None:
    events, _ = run(300, seed=seed, scenario=DEMO)
    hostile = Counter(event["agent"] for event in of(events, "contact.handled") if event.get("abusive"))
    assert hostile["agent-01"] >= 2
    assert hostile["agent-01"] == max(hostile.values())


@pytest.mark.parametrize("seed", [1, 2, 3, 7, 42])
def test_the_morning_of_the_demo_has_an_agent_at_work_for_hours_without_a_break(seed: int) -> None:
    events, _ = run(60, seed=seed, scenario=MORNING, clock_h=MORNING_H)
    states = [event for event in of(events, "agent.state") if event["agent"] == "agent-02"]
    began_ms = next(event["ts"] for event in states if event["state"] != "offline")
    assert START_MS - began_ms > 125 * 60_000
    assert not [event for event in states if event["ts"] > began_ms and event["state"] in ("break", "offline")]


def test_nobody_calls_at_night_and_the_agents_come_back_in_the_morning() -> None:
    events, _ = run(26 * HOUR_S, scenario=Scenario())
    by_hour = Counter((event["ts"] - START_MS) // 3_600_000 for event in of(events, "contact.offered"))
    assert all(by_hour[hour] == 0 for hour in range(13, 21))  # 23:00 to 7:00 of the centre's day
    assert by_hour[24] > 20
    assert load_at(3 * HOUR_S) == 0.0


def test_shares_of_the_plan_add_up() -> None:
    assert sum(share for share, _ in QUEUES.values()) == pytest.approx(1)
    for _, issues in QUEUES.values():
        assert sum(issue.share for issue in issues) == pytest.approx(1)


def test_an_impossible_scenario_says_what_there_is() -> None:
    with pytest.raises(ValueError, match="billing, cards"):
        Scenario(surge_queue="parking")
    with pytest.raises(ValueError, match="invoice-question"):
        Scenario(surge_issue="outage")
    with pytest.raises(ValueError, match="at least 3 agents"):
        Centre(seed=1, start_ms=0, agents=2)
