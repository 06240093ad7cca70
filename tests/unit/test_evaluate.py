"""The evaluation: figures by hand, rivals without look-ahead, and a small run from seeds to the page."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("river", reason="the rivals need the dependency group `bench`: uv sync --group bench")

from bench.evaluate import __main__ as command
from bench.evaluate import rivals
from bench.evaluate.dashboard import dashboard
from bench.evaluate.days import all_days, quick_days
from bench.evaluate.figures import Alarm, Tally, average_precision, figures
from bench.evaluate.made import make
from bench.evaluate.ours import kinds
from bench.evaluate.real import Calls, pr_auc, roc_auc, slots_of
from bench.evaluate.results import decode, decode_detail
from bench.evaluate.truth import Truth, runs
from bench.evaluate.tuning import alarms


def truth(minutes: int = 60) -> Truth:
    """Two queues; one cause on the first, from minute 20 to 40, and a neutral tail to 45."""
    made = Truth(["a", "b"], [], np.zeros((2, minutes), bool), np.zeros((2, minutes), bool), minutes)
    made.place = {"a": 0, "b": 1}
    made.window("surge", frozenset({"a"}), 20.0, 40.0)
    made.mark(made.neutral, "a", 40.0, 45.0)
    return made


def told(*rung: Alarm) -> Tally:
    tally = Tally()
    tally.add("queue.strain", truth(), rung)
    return tally


def test_the_first_alarm_within_a_window_gives_its_delay() -> None:
    shown = figures(told(Alarm("a", 25.0, 30.0), Alarm("a", 22.5, 24.0)), 0.5)
    assert (shown.detected, shown.delay_p50_s, shown.delay_p90_s) == (1.0, 150.0, 150.0)
    assert shown.false_per_lead_hour == 0.0


@pytest.mark.parametrize(
    ("alarm", "detected", "false"),
    [
        (Alarm("b", 25.0, 30.0), 0, 1),  # another queue
        (Alarm("a", 42.0, 50.0), 0, 0),  # in the tail: neither
        (Alarm("a", 50.0, 55.0), 0, 1),  # after it
        (Alarm("a", 5.0, 60.0), 0, 1),  # always on tells nothing
    ],
)
def test_an_alarm_elsewhere_tells_nothing(alarm: Alarm, detected: int, false: int) -> None:
    tally = told(alarm)
    assert (len(tally.delays_min), tally.false) == (detected, false)
    assert tally.mean_delay_min == 60.0


def test_an_alarm_open_since_an_earlier_cause_counts_at_once() -> None:
    day = truth()
    day.window("outage", frozenset({"a"}), 46.0, 55.0)
    tally = Tally()
    tally.add("queue.strain", day, [Alarm("a", 30.0, 50.0)])
    assert tally.delays_min == [10.0, 0.0]


def test_the_area_is_that_of_a_list_sorted_by_hand() -> None:
    day = truth(6)
    day.windows, day.neutral[:] = [], False
    day.true[:] = [[1, 0, 1, 0, 0, 0], [0] * 6]
    score = np.array([[9.0, 8.0, 7.0, 1.0, 1.0, 1.0], [0.0] * 6])
    assert average_precision([(day, score)]) == pytest.approx((1 / 1 + 2 / 3) / 2)
    day.neutral[0, 1] = True
    assert average_precision([(day, score)]) == pytest.approx(1.0)


def test_a_line_must_be_held_and_an_alarm_does_not_flutter() -> None:
    score = np.zeros((1, 30))
    score[0, [3, 10, 11, 12, 16, 17, 18]] = 5.0
    assert alarms(["q"], score, 5.0, 2) == [Alarm("q", 13.0, 25.0)]
    assert [alarm.start_min for alarm in alarms(["q"], score, 5.0, 0)] == [4.0, 11.0]
    assert alarms(["q"], score, 6.0, 0) == []


def test_runs_are_the_stretches_of_true() -> None:
    assert runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]


@pytest.mark.parametrize("name", list(rivals._ONE))
def test_a_rival_does_not_look_ahead(name: str) -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(5, 1, 80), rng.normal(12, 2, 40)])
    whole, part = rivals._ONE[name](values), rivals._ONE[name](values[:100])
    np.testing.assert_array_equal(whole[:100], part)
    assert np.nanmax(whole[80:]) > np.nanmax(whole[40:80])


def test_half_space_trees_do_not_look_ahead_either() -> None:
    values = [np.random.default_rng(seed).normal(5, 1, (1, 90)) for seed in (1, 2)]
    whole = rivals._half_space_trees(("x", "y"), values)
    part = rivals._half_space_trees(("x", "y"), [some[:, :70] for some in values])
    np.testing.assert_array_equal(whole[:, :70], part)


def test_tuning_and_judged_days_share_no_seed_and_there_are_enough() -> None:
    judged, tuning = all_days("judged"), all_days("tuning")
    assert len(judged) >= 60
    assert not {day.seed for day in judged} & {day.seed for day in tuning}
    assert {day.agents for day in judged} >= {10, 2000}
    assert len({day.seed for day in (*judged, *tuning)}) == len(judged) + len(tuning)


def test_a_silent_feed_shows_on_the_dashboard_and_in_the_log() -> None:
    day = quick_days("judged")[0]
    made = make(day)
    ((low, high),) = day.silences
    shown = made.shown["tenant"].values
    assert shown["events"][0, int(low) + 1 : int(high) - 1].max() == 0
    assert shown["silence_s"].max() >= 60 * (high - low) - 90
    ticks = [at_ms for at_ms, fields in made.entries if b"t" in fields]
    assert len(ticks) >= 60 * (high - low) - 2
    assert {cause.kind for cause in made.causes} == {"surge", "silence"}


def test_the_dashboard_of_a_morning_is_the_beginning_of_that_of_the_day() -> None:
    states = [
        {"type": "agent.state", "ts": 1000, "agent": "x", "state": "available", "team": "t"},
        {"type": "agent.state", "ts": 400_000, "agent": "x", "state": "on_contact", "team": "t"},
        {"type": "agent.state", "ts": 1_000_000, "agent": "x", "state": "available", "team": "t"},
    ]
    part, whole = dashboard(states[:2], 0, 12), dashboard(states, 0, 20)
    for name, values in part["agent"].values.items():
        np.testing.assert_array_equal(values, whole["agent"].values[name][:, :12])
    # On contact from 400 s on: 320 s of the 719 s since it was first seen.
    assert part["agent"].values["occupancy"][0, 11] == pytest.approx(320 / 719)


def test_roc_and_precision_areas_agree_with_counting() -> None:
    rng = np.random.default_rng(5)
    y, x = rng.random(60) < 0.3, rng.integers(0, 9, 60).astype(float)
    pairs = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(x[y], x[~y])]
    assert roc_auc(y, x) == pytest.approx(np.mean(pairs))
    area, recall_before = 0.0, 0.0
    for line in sorted(set(x), reverse=True):
        rung = x >= line
        recall = (rung & y).sum() / y.sum()
        area += (recall - recall_before) * (rung & y).sum() / rung.sum()
        recall_before = recall
    assert pr_auc(y, x) == pytest.approx(area)


def test_a_slot_looks_only_back_for_scores_and_only_ahead_for_outcomes() -> None:
    base = 10_000 * 86_400_000
    offered = base + np.arange(600, dtype=np.int64) * 60_000
    wait_s = np.where(np.arange(600) < 300, 0.0, 100.0)
    calls = Calls(offered, offered + (1000 * wait_s).astype(np.int64), wait_s, np.zeros(600, bool))
    change_ms = base + 300 * 60_000
    slots = slots_of({"q": calls}, {"q": {change_ms: 7.0}})
    at = 300 // 15
    assert slots.outcomes["wait_60s"].tolist() == [False] * at + [True] * at
    assert slots.scores["mean_wait_15min"][at] == 0.0
    assert slots.scores["mean_wait_15min"][at + 2] == 100.0
    assert slots.scores["longest_wait"][at + 1] == 60.0
    assert slots.scores["strainwatch"].tolist() == [0.0] * at + [7.0] + [0.0] * (at - 1)


def test_a_quick_run_gives_both_files_and_the_page(tmp_path: Path) -> None:
    out = tmp_path / "evaluation.json"
    assert command.main(["--quick", "--workers", "1", "--cache", str(tmp_path / "days"), "--out", str(out)]) == 0
    made = decode(out.read_bytes())
    assert [kind.kind for kind in made.kinds] == kinds()
    assert sum(kind.n for kind in made.kinds) >= 3
    for kind in made.kinds:
        assert set(kind.rivals) == set(rivals.RIVALS)
    silent = next(kind for kind in made.kinds if kind.kind == "feed.silent")
    assert silent.strainwatch.detected == 1.0
    assert silent.strainwatch.false_per_lead_hour == 0.0
    detail = decode_detail((tmp_path / "evaluation_detail.json").read_bytes())
    assert len(detail.time_constants) == 5
    page = out.with_suffix(".md").read_text()
    assert "No data set here carries measured stress" in page
    assert "*exposure* measure" in page
