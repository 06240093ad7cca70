"""Surges through the engine: a burst rings, names its issue and ends; what is only noise, new or unseen does not."""

from __future__ import annotations

import json
import random
from datetime import datetime
from functools import lru_cache
from typing import Any

import pytest
from scoring_logs import Played, numbered, opened, play, settings, tick
from surge_logs import DAY_MS, MINUTE_MS, MONDAY_MS, MORNING_MIN, STEP_MS, Burst, Centre
from test_engine_properties import assert_leaving_out_is_sound, restarted

from services.scoring.core.engine import Engine
from shared.contract.entries import Entry
from shared.contract.signal_columns import Queues as QueueReader

QUIET: dict[str, Any] = {
    "revision": 1,
    "alerts": {
        "queue.strain": {"open_line": 100, "close_line": 99},
        "agent.strain": {"open_line": 100, "close_line": 99},
        "feed.silent": {"open_line": 80_000, "critical_line": 86_000},
    },
}
"""Only surges ring."""
THURSDAY = 3
BURST = Burst(THURSDAY, minute=60, minutes=20, queue="billing", issue="app down", more=20.0)


def surges(played: Played, kind: str | None = None) -> list[dict[str, Any]]:
    found = [json.loads(data) for data in played.bytes]
    return [a for a in found if a["kind"] in ("queue.surge", "issue.surge") and kind in (None, a["kind"])]


def minute_of(alert: dict[str, Any], key: str, day: int = THURSDAY) -> float:
    at_ms = datetime.fromisoformat(alert[key]).timestamp() * 1000
    return (at_ms - MONDAY_MS - day * DAY_MS) / MINUTE_MS


@lru_cache(maxsize=4)
def burst_log(burst: Burst = BURST, late: tuple[str, ...] = ("cards",)) -> list[Entry]:
    log = Centre(seed=3, late=late).days(range(THURSDAY + 1), [burst])
    return numbered([settings(MONDAY_MS - 1, QUIET), *log])


@lru_cache(maxsize=1)
def burst_played() -> Played:
    return play(burst_log())


def test_a_burst_opens_an_alert_of_its_queue_and_of_its_issue_within_minutes() -> None:
    first = {alert["kind"]: alert for alert in opened(json.dumps(a).encode() for a in surges(burst_played()))}
    assert first["queue.surge"]["subject"] == {"type": "queue", "id": "billing"}
    assert first["issue.surge"]["subject"] == {"type": "issue", "id": "app down"}
    for alert in first.values():
        assert 61 <= minute_of(alert, "opened_at") <= 64
        assert alert["phase"] == "open"
        assert alert["evidence"]


def test_it_names_the_issue_first_and_the_shares_add_up() -> None:
    alerts = surges(burst_played())
    for alert in alerts:
        assert sum(d["share"] for d in alert["drivers"]) == pytest.approx(alert["strain"], abs=1e-9)
        assert all(d["share"] > 0 for d in alert["drivers"])
        if alert["phase"] == "open":
            assert alert["drivers"][0]["name"] == "app down"
            assert alert["drivers"][0]["share"] >= 0.6 * alert["strain"]
            assert alert["action"]["code"] == "surge.announce"
            assert "app down" in alert["drivers"][0]["text"]
            assert "app down" in alert["drivers"][0]["text_zh"]


def test_it_closes_when_it_is_over_and_nothing_else_rings() -> None:
    alerts = surges(burst_played())
    assert {alert["subject"]["id"] for alert in alerts} == {"billing", "app down"}
    assert len({alert["id"] for alert in alerts}) == 2
    for alert in alerts:
        if alert["phase"] == "resolved":
            assert 80 <= minute_of(alert, "updated_at") <= 90
            assert alert["strain"] < 2
    assert sum(alert["phase"] == "resolved" for alert in alerts) == 2


def test_an_issue_that_is_told_only_at_the_end_of_a_contact_is_still_the_one_that_is_named() -> None:
    burst = Burst(THURSDAY, minute=50, minutes=30, queue="cards", issue="lost card", more=25.0)
    alerts = surges(play(burst_log(burst)))
    of_queue = [a for a in alerts if a["subject"]["id"] == "cards"]
    of_issue = [a for a in alerts if a["subject"]["id"] == "lost card"]
    assert 51 <= minute_of(of_queue[0], "opened_at") <= 54
    assert of_queue[0]["action"]["code"] == "surge.staff"  # nobody knows yet what it is about
    assert of_queue[0]["drivers"][-1]["name"] == "other"
    assert 55 <= minute_of(of_issue[0], "opened_at") <= 58
    later = next(a for a in of_queue if a["phase"] == "escalated")
    assert later["drivers"][0]["name"] == "lost card"
    assert later["action"]["code"] == "surge.announce"


def test_queue_strain_takes_part_of_it_and_says_so() -> None:
    played = play(burst_log(), Engine(marks="minutes"))
    told: dict[float, float | None] = {}
    for signals in (signals for report in played.reports for signals in report.signals if signals.queues.ids):
        for queue in QueueReader(signals).rows():
            assert sum(d.share for d in queue.drivers) == pytest.approx(queue.strain, abs=1e-9)
            for driver in queue.drivers:
                if driver.name == "arrivals_surge":
                    assert queue.id == "billing"
                    told[(signals.at_ms - MONDAY_MS - THURSDAY * DAY_MS) / MINUTE_MS] = driver.value
    assert min(told) in (61, 62, 63)
    assert 81 <= max(told) <= 89
    assert told[75] == pytest.approx(350, abs=60)  # 28 a minute where 8 are usual


@pytest.mark.parametrize("seed", [5, 6])
def test_steady_over_dispersed_arrivals_ring_nothing(seed: int) -> None:
    """Of eight such weeks two rang once at one false alarm a day; here one in twenty days is allowed."""
    document = {**QUIET, "surges": {"false_alarms_a_day": 0.05}}
    log = Centre(seed=seed, phi=3.0).days(range(5))
    assert surges(play(numbered([settings(MONDAY_MS - 1, document), *log]))) == []


def test_as_long_as_too_little_is_known_nothing_rings() -> None:
    burst = Burst(1, minute=60, minutes=20, queue="billing", issue="app down", more=30.0)
    log = Centre(seed=3).days(range(2), [burst])
    assert surges(play(numbered([settings(MONDAY_MS - 1, QUIET), *log]))) == []


def without(log: list[Entry], first: float, last: float, *, events_only: bool = False) -> list[Entry]:
    """The log without what lies between two minutes of Thursday."""
    begin_ms = MONDAY_MS + THURSDAY * DAY_MS
    return [
        entry
        for entry in log
        if not begin_ms + first * MINUTE_MS <= entry.id.ms < begin_ms + last * MINUTE_MS
        or (events_only and b"b" not in entry.fields)
    ]


@pytest.mark.parametrize("events_only", [False, True])
def test_neither_a_gap_nor_a_silent_feed_is_a_lull_or_a_surge(events_only: bool) -> None:
    """The burst lasts through it: it is neither cut short nor told twice, and the usual does not learn the silence."""
    burst = Burst(THURSDAY, minute=30, minutes=60, queue="billing", issue="app down", more=20.0)
    log = without(burst_log(burst), 40, 60, events_only=events_only)
    played = play(log)
    alerts = surges(played, "queue.surge")
    assert len({a["id"] for a in alerts}) == 1
    assert minute_of(next(a for a in alerts if a["phase"] == "resolved"), "updated_at") >= 90
    steady = Centre(seed=9).days(range(THURSDAY + 1))
    assert surges(play(numbered([settings(MONDAY_MS - 1, QUIET), *without(steady, 40, 60)]))) == []


def test_a_restart_while_a_surge_rings_changes_no_output() -> None:
    log, played = burst_log(), burst_played()
    ringing = [i for i, report in enumerate(played.reports) if report.alerts]
    cuts = {*ringing, *(i + 1 for i in ringing), *random.Random(1).sample(range(len(log)), 12)}
    restarted(log, cuts, played)


def test_leaving_quiet_seconds_out_changes_no_surge() -> None:
    document = {**QUIET, "alerts": {**QUIET["alerts"], "queue.surge": {"open_hold_s": 37, "escalate_after_s": 90}}}
    day = [entry for entry in burst_log() if b"s" not in entry.fields]
    played = assert_leaving_out_is_sound(numbered([settings(MONDAY_MS - 1, document), *day]))
    assert {a["phase"] for a in surges(played, "queue.surge")} >= {"open", "escalated", "resolved"}


def test_more_ticks_change_no_surge() -> None:
    log = burst_log()
    more = [tick(MONDAY_MS + THURSDAY * DAY_MS + s) for s in range(7, MORNING_MIN * MINUTE_MS - STEP_MS, 7_919)]
    assert [{**a, "id": ""} for a in surges(play(numbered([*log, *more])))] == [
        {**a, "id": ""} for a in surges(burst_played())
    ]
