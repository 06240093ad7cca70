"""The evaluation: figures by hand, rivals without look-ahead, and a small run from seeds to the page."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("river", reason="the rivals need the dependency group `bench`: uv sync --group bench")

from bench.evaluate import __main__ as command
from bench.evaluate import rivals
from bench.evaluate.before import Past, past_of
from bench.evaluate.dashboard import Streams, dashboard
from bench.evaluate.days import START_MS, all_days, quick_days
from bench.evaluate.figures import Alarm, Tally, average_precision, delay_at, figures
from bench.evaluate.made import MadeDay, longest_within, make
from bench.evaluate.ours import Judged, kinds, score_of
from bench.evaluate.page import filled
from bench.evaluate.real import Calls, Slots, days_of, pr_auc, roc_auc, slots_of
from bench.evaluate.results import Detail, Results, decode, decode_detail
from bench.evaluate.truth import SUBJECTS, Truth, runs, truth_of
from bench.evaluate.tuning import UNRIVALLED, Choice, Tried, alarms, choose, score_day
from services.scoring.core.engine import Engine
from shared.contract.entries import tick_fields


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


@pytest.mark.parametrize(
    ("rate", "delay_min"),
    [
        (0.0, 60.0),  # it stays silent
        (0.05, 40.0),  # between silent and its strictest setting
        (0.1, 20.0),
        (0.2, 15.0),
        (0.3, 10.0),
        (0.4, 10.0),  # a setting that is worse in both is not used
        (9.0, 10.0),  # more false alarms than it gives do not help
    ],
)
def test_a_detector_stands_between_its_settings_at_so_many_false_alarms(rate: float, delay_min: float) -> None:
    assert delay_at([(0.3, 10.0), (0.1, 20.0), (0.5, 12.0)], rate) == pytest.approx(delay_min)


def test_without_false_alarms_the_soonest_of_the_settings_that_give_none_counts() -> None:
    assert delay_at([(0.0, 20.0), (0.0, 15.0), (0.2, 5.0)], 0.0) == 15.0


def test_a_wait_that_ends_before_the_minute_does_is_in_the_truth() -> None:
    waits = np.zeros((1, 4))
    waits[0, 0] = 20.0  # seen at the end of the first minute
    answered = {"type": "contact.answered", "queue": "q", "ts": START_MS + 130_000, "wait_s": 100.0}
    longest_within([answered, {"type": "contact.offered", "queue": "q", "ts": START_MS}], ["q"], waits)
    assert waits[0].tolist() == pytest.approx([30.0, 90.0, 100.0, 0.0])


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


def test_a_break_is_due_after_two_hours_without_a_real_rest_because_one_did_not_happen() -> None:
    made = make(quick_days("judged")[1])
    a, b, c, d = made.agents[:4]

    def ms(minute: float) -> int:
        return START_MS + round(60_000 * minute)

    made.rested_ms = {agent: [] for agent in made.agents}
    made.denied_ms = {agent: [] for agent in made.agents}
    made.denied_ms[a] = [(ms(100.0), "missed")]
    made.denied_ms[b] = [(ms(130.0), "cut short")]
    made.rested_ms[b] = [(ms(200.0), ms(210.0))]
    made.rested_ms[c] = [(ms(95.0), ms(105.0)), (ms(150.0), None)]
    truth = truth_of("agent.break_due", made)
    found = {next(iter(w.subjects)): (w.cause, w.start_min, w.end_min) for w in truth.windows}
    # `d` went on for long by the plan alone: an alert about it is no fault, and none is missed.
    assert found == {a: ("break missed", 120.0, truth.minutes), b: ("break cut short", 130.0, 200.0)}
    assert truth.neutral[truth.place[d], 90:].all()
    assert not truth.neutral[truth.place[c], 110:].any()
    assert not truth.neutral[truth.place[b], 205:].any() or truth.minutes > 300


def test_the_dashboards_see_every_minute_away_as_a_break_and_how_many_there_were() -> None:
    states = [("available", 0), ("break", 60), ("available", 61), ("meeting", 70), ("available", 80)]
    events = [
        {"type": "agent.state", "ts": 60_000 * at_min + 1, "agent": "x", "state": state, "team": "t"}
        for state, at_min in states
    ]
    shown = dashboard(events, 0, 100)["agent"].values
    assert shown["since_break_min"][0, [58, 65, 90]] == pytest.approx([59, 5, 11], abs=0.01)
    assert shown["no_rest_2h_min"][0, [65, 90]] == pytest.approx([65, 80], abs=0.01)


def test_a_silent_feed_shows_on_the_dashboard_and_in_the_log() -> None:
    day = quick_days("judged")[0]
    made = make(day)
    ((low, high),) = day.silences
    shown = made.shown["tenant"].values
    assert shown["events"][0, int(low) + 1 : int(high) - 1].max() == 0
    assert shown["silence_s"].max() >= 60 * (high - low) - 90
    heard_min = [(at_ms - START_MS) / 60_000 for at_ms, _ in made.entries]
    assert not [minute for minute in heard_min if low + 0.02 < minute < high]
    assert made.entries[-1] == (START_MS + day.minutes * 60_000, tick_fields(START_MS + day.minutes * 60_000))
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


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[MadeDay, Past]:
    day = quick_days("judged")[0]
    return make(day), past_of(day.centre, tmp_path_factory.mktemp("days"))


@pytest.mark.parametrize("kind", SUBJECTS)
def test_every_kind_has_a_truth_and_rivals(kind: str, quick: tuple[MadeDay, Past]) -> None:
    made, past = quick
    truth = truth_of(kind, made)
    day = score_day(kind, truth, made, {}, rivals.Known(past.shown, past.arrivals))
    assert {rival for rival, _ in day.scores} >= {*rivals._ONE, "river_half_space_trees"}
    assert all(score.shape == (len(truth.subjects), truth.minutes) for score in day.scores.values())
    assert score_of(kind, truth, {1.0: Judged()}).shape == (len(truth.subjects), truth.minutes)


def test_the_days_before_are_of_the_same_people_and_end_in_the_evening(quick: tuple[MadeDay, Past]) -> None:
    made, past = quick
    engine = Engine.restore(past.snapshot)
    assert engine.position.ms == START_MS - 1000
    assert past.shown["queue"].values["arrivals"].shape[1] == made.day.minutes
    assert set(past.shown["agent"].subjects) >= set(made.agents)
    mean = past.arrivals["queue"].values["arrivals"].sum() / made.day.minutes
    today = np.nansum(made.shown["queue"].values["arrivals"]) / made.day.minutes
    assert 0.4 < mean / today < 1.5


def test_a_cusum_of_arrivals_is_that_of_the_textbook() -> None:
    today = Streams(["q"], {"arrivals": np.array([[2.0, 2.0, 6.0, 6.0, 0.0]])})
    usual = Streams(["q"], {"arrivals": np.full((1, 5), 2.0)})
    ln = float(np.log(1.5))
    first = max(0.0, 2 * ln - 1.0)
    expected = [first, max(0.0, first + 2 * ln - 1.0)]
    for x in (6.0, 6.0, 0.0):
        expected.append(max(0.0, expected[-1] + x * ln - 1.0))
    np.testing.assert_allclose(rivals._poisson_cusum(today, usual)[0], expected)


def test_rivals_are_set_within_the_false_alarms_that_they_may_give() -> None:
    slow, quick, loud = (Choice("x", "m", line, 0) for line in (3.0, 2.0, 1.0))
    tried = [Tried(slow, 20.0, 0.0, 0.1), Tried(quick, 10.0, 0.2, 0.1), Tried(loud, 1.0, 5.0, 0.1)]
    assert choose(tried, 0.0) == {"x": slow}
    assert choose(tried, 0.3) == {"x": quick}
    assert choose(tried[2:], 0.3) == {"x": Choice("x", "m", np.inf, 0)}


def test_days_stand_in_the_order_of_their_waits() -> None:
    day = np.array([0, 0, 1, 1, 2])
    slots = Slots(0, day, np.array([1, 3, 2, 2, 9]), np.array([10.0, 30.0, 5.0, 5.0, 90.0]), {}, {})
    slots.scores["strainwatch"] = np.array([20.0, 40.0, 10.0, 30.0, 70.0])
    made = days_of(slots, day >= 0)
    assert [(one.date, one.calls, one.wait_s, one.strain) for one in made.days] == [
        ("1970-01-01", 4, 25.0, 35.0),
        ("1970-01-02", 4, 5.0, 20.0),
        ("1970-01-03", 9, 90.0, 70.0),
    ]
    assert made.rank_correlation == 1.0


def test_the_page_holds_what_the_results_say() -> None:
    """After a whole run: `make evaluate` writes all three files."""
    results, detail = command.OUT, command.OUT.with_name("evaluation_detail.json")
    if not results.exists():
        pytest.skip("no run is recorded yet")
    text = command.PAGE.read_text(encoding="utf-8")
    made = filled(text, decode(results.read_bytes()), decode_detail(detail.read_bytes()))
    assert text == made, "the page is not that of bench/evaluation.json: run `make evaluate`"


def test_what_stands_outside_the_markers_stays() -> None:
    text = "before\n<!-- begin days: made by x -->\nold\n<!-- end days -->\nafter\n"
    detail = Detail({"10": 2}, 5, [], [], {})
    once = filled(text, Results([], {}), detail)
    assert once.startswith("before\n<!-- begin days: made by x -->\n2 days (2 of 10 agents)")
    assert once.endswith("<!-- end days -->\nafter\n")
    assert filled(once, Results([], {}), detail) == once


def test_a_quick_run_gives_both_files_and_the_page(tmp_path: Path) -> None:
    out = tmp_path / "evaluation.json"
    assert command.main(["--quick", "--workers", "1", "--cache", str(tmp_path / "days"), "--out", str(out)]) == 0
    made = decode(out.read_bytes())
    assert [kind.kind for kind in made.kinds] == kinds()
    assert sum(kind.n for kind in made.kinds) >= 3
    for kind in made.kinds:
        one = set() if kind.kind in UNRIVALLED else {*rivals._ONE, "river_half_space_trees"}
        assert bool(kind.rivals) == bool(one)
        assert set(kind.rivals) >= one
        assert set(kind.equal_false.mean_delay_s) == {"strainwatch", *kind.rivals}
        assert kind.equal_false.false_per_lead_hour == kind.strainwatch.false_per_lead_hour
        assert ("poisson_cusum" in kind.rivals) == ("arrivals" in rivals.MEASURES[kind.kind])
    silent = next(kind for kind in made.kinds if kind.kind == "feed.silent")
    assert silent.strainwatch.detected == 1.0
    assert silent.strainwatch.false_per_lead_hour == 0.0
    assert silent.strainwatch.delay_p90_s is not None
    assert silent.strainwatch.delay_p90_s < 30.0
    detail = decode_detail((tmp_path / "evaluation_detail.json").read_bytes())
    assert len(detail.time_constants) == 5
    page = out.with_suffix(".md").read_text()
    assert "No data set here carries measured stress" in page
    assert "*exposure* measure" in page
