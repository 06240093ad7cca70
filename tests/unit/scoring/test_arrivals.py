"""The usual of a stream: learnt, shrunk, robust, deaf to the abnormal but not for ever."""

from __future__ import annotations

import numpy as np
import pytest

from bench.surge_threshold import gamma_poisson
from services.scoring.core import arrivals
from services.scoring.core.arrival_rows import ENOUGH_HOURS, FLOOR, LASTING_DAYS
from services.scoring.core.arrivals import Streams
from tests.interpreted import outputs_both_ways

HOUR_MIN = 60
DAY_MIN = 1440
MONDAY_MIN = 4 * DAY_MIN
"""5 January 1970."""


def one_stream(offset_ms: int = 0, first_minute: int = MONDAY_MIN) -> Streams:
    streams = Streams()
    streams.row_of(7, offset_ms=offset_ms)
    streams.minute = first_minute
    return streams


def run(streams: Streams, per_minute: np.ndarray, flagged: bool = False) -> None:
    """One stream, a count a minute."""
    for count in per_minute.tolist():
        if count:
            streams.note(0, streams.minute * 60_000, count)
        streams.close_minute()
        if flagged:
            streams.flag(np.ones(1, np.int64))


def steady(rate: int, minutes: int) -> np.ndarray:
    return np.full(minutes, rate)


def test_it_is_silent_until_three_days_of_the_hour_are_known() -> None:
    streams = one_stream()
    for day in range(5):
        run(streams, steady(3, HOUR_MIN))
        assert bool(streams.ready[0]) == (day >= ENOUGH_HOURS)
        run(streams, steady(3, DAY_MIN - HOUR_MIN))
    assert streams.expected[0] == pytest.approx(3.0, rel=0.01)


def test_a_weekend_is_not_judged_by_weekdays_alone() -> None:
    streams = one_stream()
    run(streams, steady(3, 5 * DAY_MIN))
    run(streams, steady(3, HOUR_MIN))
    assert not streams.ready[0]


def test_the_usual_follows_hour_and_weekday() -> None:
    """Open from 8 to 18, Mondays twice as busy, closed at the weekend: after four weeks each hour has its own usual."""
    hours = np.arange(168)
    rate = np.where((hours % 24 >= 8) & (hours % 24 < 18) & (hours < 120), 10.0, 0.0)
    rate[:24] *= 2.0
    chance = np.random.default_rng(3)
    streams = one_stream()
    run(streams, chance.poisson(np.tile(np.repeat(rate, HOUR_MIN), 4)))
    seen = {}
    for hour in range(168):
        run(streams, chance.poisson(np.repeat(rate[hour], HOUR_MIN)))
        seen[hour] = float(streams.usual[0])
    assert seen[10] == pytest.approx(20.0, rel=0.05)
    assert [seen[24 * day + 10] for day in range(1, 5)] == pytest.approx([10.0] * 4, rel=0.1)
    assert max(seen[hour] for hour in range(168) if rate[hour] == 0.0) < 0.05


@pytest.mark.parametrize("opening_min", [480, 510])
def test_opening_on_the_hour_or_on_the_half_hour_is_expected(opening_min: int) -> None:
    day = np.zeros(DAY_MIN, np.int64)
    day[opening_min : opening_min + 600] = 12
    streams = one_stream()
    run(streams, np.tile(day, 11))  # two weeks without the last weekend
    run(streams, day[: opening_min + 1])
    assert streams.expected[0] == pytest.approx(12.0, rel=0.1)


def test_a_slope_within_the_hour_is_expected() -> None:
    minutes = np.arange(DAY_MIN)
    day = np.maximum(20.0 - np.abs(minutes - 720) / 15.0, 0.0)
    chance = np.random.default_rng(4)
    streams = one_stream()
    run(streams, chance.poisson(np.tile(day, 12)))
    off = []
    for rate in day:
        run(streams, chance.poisson(rate, 1))
        if rate > 4:
            off.append(streams.expected[0] / rate)
    assert min(off) > 0.9
    assert np.mean(off) == pytest.approx(1.04, abs=0.06)


@pytest.mark.parametrize("hours", [-5, 0, 8])
def test_hours_are_those_of_the_tenants_clock(hours: int) -> None:
    """The same local week, at another place."""
    streams = one_stream(offset_ms=hours * 3_600_000, first_minute=MONDAY_MIN - hours * HOUR_MIN)
    day = np.zeros(DAY_MIN, np.int64)
    day[600:660] = 5
    run(streams, np.tile(day, 7))
    busy = np.flatnonzero(streams.rate[0] > 1.0)
    assert busy.tolist() == [24 * day + 10 for day in range(7)]


def test_dispersion_is_found_within_two_weeks() -> None:
    chance = np.random.default_rng(8)
    for phi in (1.0, 2.0, 4.0):
        streams = one_stream()
        run(streams, gamma_poisson(chance, 4.0, phi, 14 * DAY_MIN))
        assert streams.phi[0] == pytest.approx(phi, rel=0.08)


def test_busy_and_quiet_hours_make_the_hourly_noise() -> None:
    chance = np.random.default_rng(9)
    found = []
    for spread in (0.0, 0.2):
        streams = one_stream()
        run(streams, chance.poisson(50.0 * np.repeat(np.exp(chance.normal(0, spread, 28 * 24)), HOUR_MIN)))
        found.append(float(np.sqrt(streams.cv2[0])))
    assert found[0] < 0.06
    assert found[1] == pytest.approx(0.2, rel=0.3)


def learnt(*days: tuple[int, bool]) -> tuple[Streams, list[list[tuple[int, float]]]]:
    """Two weeks at ten a minute, then whole days at other rates; what was settled after each."""
    streams = one_stream()
    run(streams, steady(10, 14 * DAY_MIN))
    settled = []
    for rate, flagged in days:
        run(streams, steady(rate, DAY_MIN), flagged)
        run(streams, steady(rate, 1))
        settled.append(streams.take_settled())
        streams.minute -= 1
    return streams, settled


def test_what_was_called_abnormal_teaches_nothing() -> None:
    before, _ = learnt()
    streams, _ = learnt((30, True))
    np.testing.assert_array_equal(streams.rate, before.rate)
    streams, _ = learnt((30, False))  # not flagged, but three times the usual
    np.testing.assert_array_equal(streams.rate, before.rate)


def test_a_deviation_that_lasts_three_working_days_is_announced_once_and_becomes_the_usual() -> None:
    streams, settled = learnt(*[(15, False)] * 5)
    assert [len(found) for found in settled] == [0] * (LASTING_DAYS - 1) + [1, 0, 0]
    assert settled[LASTING_DAYS - 1] == [(0, pytest.approx(1.5, rel=0.01))]
    assert streams.expected[0] == pytest.approx(15.0, rel=0.02)


def test_a_usual_day_between_begins_the_count_anew() -> None:
    _, settled = learnt((15, False), (15, False), (10, False), (15, False), (15, False))
    assert settled == [[]] * 5


def test_a_quiet_day_between_busy_ones_is_no_step_the_same_way() -> None:
    _, settled = learnt((15, False), (15, False), (5, False), (15, False))
    assert settled == [[]] * 4


def test_one_odd_hour_moves_the_usual_by_little() -> None:
    streams = one_stream()
    run(streams, steady(10, 28 * DAY_MIN))
    run(streams, steady(13, HOUR_MIN))
    run(streams, steady(10, 1))
    assert streams.rate[0, 0] - 10.0 < 0.5


def test_late_contacts_count_where_they_still_can() -> None:
    streams = one_stream(first_minute=MONDAY_MIN + 30)
    run(streams, steady(1, 25))
    streams.note(0, (MONDAY_MIN + 54) * 60_000, 2)  # closed, its hour open
    assert streams.hour_count[0] == 27
    streams.note(0, (MONDAY_MIN + 55) * 60_000, 4)  # open
    assert streams.count[0] == 4
    run(streams, steady(1, 10))
    streams.note(0, (MONDAY_MIN + 54) * 60_000, 3)  # an hour that is closed
    assert streams.too_late == 3


def test_a_gap_of_the_feed_is_neither_judged_nor_learnt() -> None:
    streams, _ = learnt()
    before = streams.rate.copy()
    for _ in range(DAY_MIN):
        streams.close_minute(seen=False)
        assert streams.closed[0] == -1
    run(streams, steady(10, 1))
    np.testing.assert_array_equal(streams.rate, before)


def test_history_makes_a_new_installation_useful_on_its_first_day() -> None:
    streams = one_stream()
    for _ in range(4):
        for hour in range(168):
            streams.learn(0, hour, 600.0 if hour % 24 >= 8 else 0.0)
    run(streams, steady(0, 12 * HOUR_MIN))
    assert streams.ready[0]
    assert streams.expected[0] == pytest.approx(10.0, rel=0.02)


def test_the_expectation_is_never_nothing() -> None:
    streams = one_stream()
    run(streams, steady(0, 5 * DAY_MIN))
    assert streams.expected[0] == FLOOR


def test_streams_are_bounded_and_those_without_arrivals_for_longest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "STREAMS_MAX", 32)
    streams = Streams()
    streams.minute = MONDAY_MIN
    for key in range(1, 33):
        row = streams.row_of(key)
        if key not in (5, 6):
            streams.note(row, (MONDAY_MIN + 1) * 60_000)
    streams.minute += 1
    for key in range(1, 33):
        if key not in (5, 6):
            streams.note(streams.row_of(key), streams.minute * 60_000)
    assert streams.row_of(99) in (4, 5)
    assert streams.take_freed() == [4, 5]
    assert streams.take_freed() == []
    assert streams.row_of(98) in (4, 5)
    assert streams.n == 32


def test_a_checkpoint_holds_everything() -> None:
    chance = np.random.default_rng(12)
    whole, first = one_stream(), one_stream()
    counts = chance.poisson(2.0, 9 * DAY_MIN)
    run(whole, counts)
    run(first, counts[:7_777])
    second = Streams()
    second.unpack(first.pack())
    assert second.row_of(7) == 0
    run(second, counts[7_777:])
    assert second.pack() == whole.pack()


BOTH_WAYS = """
import numpy as np
from services.scoring.core.arrivals import Streams
from services.scoring.core.surge import Surges
chance = np.random.default_rng(21)
streams, surges = Streams(), Surges()
rows = np.array([streams.row_of(key, 0, 19_800_000 * (key % 2)) for key in range(1, 7)])
streams.minute = 5760
surges.follow(6, [])
for row in rows.tolist()[:3]:
    for hour in range(168):
        streams.learn(row, hour, 60.0)
for minute in range(4 * 1440):
    rate = 3.0 if minute % 1440 > 1300 else 1.0
    streams.note_each(rows, np.full(6, streams.minute * 60_000), chance.poisson(rate, 6))
    streams.close_minute(minute % 997 != 0)
    if minute % 60 == 0:
        surges.share_budget(streams.tenant, streams.ready, np.array([1.0]))
    surges.step(streams.minute - 1, streams.closed, streams.expected, streams.ready, streams.phi, streams.cv2)
    streams.flag(surges.surging)
    if minute % 10 == 0:
        print(surges.value[:6].tolist(), surges.since[:6].tolist())
print(streams.take_settled(), streams.pack(), surges.pack())
"""


def test_streams_and_surges_are_the_same_compiled_and_interpreted() -> None:
    compiled, interpreted = outputs_both_ways(BOTH_WAYS)
    assert compiled == interpreted
    assert "settled" in compiled
