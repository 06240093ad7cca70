"""Silence out of the ordinary: what is learnt of a feed's pauses, and what is not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scoring_logs import T0, TENANT, block, every, numbered, play, seconds_of

from services.scoring.core.engine import Engine
from services.scoring.core.rhythm import HOUR_MS, LINE_MS_MIN, Rhythm
from shared.contract.block import Row
from shared.contract.entries import Entry
from shared.contract.rows import OBSERVED

MINUTE = 60_000


def heard(rhythm: Rhythm, gap_ms: int, from_ms: int, until_ms: int) -> None:
    """Events at even pauses, and the minutes between them."""
    for now_ms in range(from_ms, until_ms, gap_ms):
        rhythm.paused(gap_ms, now_ms)
        if now_ms // MINUTE != (now_ms - gap_ms) // MINUTE:
            rhythm.learn(now_ms)
    rhythm.learn(until_ms)


def test_nothing_is_usual_before_ten_minutes() -> None:
    rhythm = Rhythm()
    heard(rhythm, 5000, HOUR_MS, HOUR_MS + 9 * MINUTE)
    assert rhythm.line_ms == 0
    heard(rhythm, 5000, HOUR_MS + 9 * MINUTE, HOUR_MS + 12 * MINUTE)
    assert rhythm.line_ms == LINE_MS_MIN


@pytest.mark.parametrize(("gap_s", "line_s"), [(1, 20), (5, 20), (10, 30), (60, 180)])
def test_the_line_is_three_times_the_longest_pause(gap_s: int, line_s: int) -> None:
    rhythm = Rhythm()
    heard(rhythm, gap_s * 1000, 0, HOUR_MS)
    assert rhythm.line_ms == line_s * 1000


def test_random_arrivals_stay_under_their_line() -> None:
    rng, rhythm, now_ms, over = np.random.default_rng(4), Rhythm(), 0, 0
    for gap_ms in (1000 * rng.exponential(20.0, 50_000)).astype(int).tolist():
        if now_ms // MINUTE != (now_ms + gap_ms) // MINUTE:
            rhythm.learn(now_ms + gap_ms)
        over += 0 < rhythm.line_ms <= gap_ms
        now_ms += gap_ms
        rhythm.paused(gap_ms, now_ms)
    assert over == 0


def test_an_outage_is_learnt_only_as_far_as_the_line() -> None:
    rhythm = Rhythm()
    heard(rhythm, 5000, 0, HOUR_MS)
    rhythm.paused(900_000, HOUR_MS + 900_000)
    rhythm.learn(HOUR_MS + 900_000)
    assert rhythm.line_ms == 3 * LINE_MS_MIN


def test_a_feed_that_becomes_slower_is_learnt_after_a_few_pauses() -> None:
    rhythm, over = Rhythm(), 0
    heard(rhythm, 5000, 0, HOUR_MS)
    for pause in range(1, 30):
        over += rhythm.line_ms <= 120_000
        heard(rhythm, 120_000, HOUR_MS + pause * 120_000, HOUR_MS + pause * 120_000 + 1)
    assert over == 2
    assert rhythm.line_ms == 360_000


def test_pauses_of_yesterday_are_forgotten() -> None:
    rhythm = Rhythm()
    heard(rhythm, 60_000, 0, HOUR_MS)
    heard(rhythm, 5000, HOUR_MS, 5 * HOUR_MS)
    assert rhythm.line_ms == 180_000
    heard(rhythm, 5000, 5 * HOUR_MS, 8 * HOUR_MS)
    assert rhythm.line_ms == LINE_MS_MIN
    rhythm.learn(24 * HOUR_MS)
    assert rhythm.line_ms == 0


def test_a_night_teaches_nothing() -> None:
    rhythm = Rhythm()
    heard(rhythm, 5000, 0, HOUR_MS)
    rhythm.learn(15 * HOUR_MS)
    rhythm.paused(14 * HOUR_MS, 15 * HOUR_MS)
    heard(rhythm, 5000, 15 * HOUR_MS, 16 * HOUR_MS)
    assert rhythm.line_ms == LINE_MS_MIN


def observed(every_s: int, until_s: int) -> list[Entry]:
    return [
        block(T0 + s * 1000, [Row(OBSERVED, TENANT, T0 + s * 1000, f"o-{s}", queue="q", n0=0)])
        for s in range(0, until_s, every_s)
    ]


@pytest.mark.parametrize(("every_s", "after_s"), [(5, 20), (30, 90), (200, 300)])
def test_a_dense_feed_is_told_sooner_that_it_is_silent(every_s: int, after_s: int) -> None:
    log = numbered([*observed(every_s, 3600), *every(5, 4200)])
    (alert,) = (json.loads(data) for data in play(log).bytes)
    last_s = range(0, 3600, every_s)[-1]
    assert alert["kind"] == "feed.silent"
    assert seconds_of(alert) == last_s + after_s


def test_a_restart_keeps_the_line() -> None:
    log = numbered([*observed(5, 1800), *every(5, 2000)])
    engine = Engine()
    cut = next(i for i, entry in enumerate(log) if entry.id.ms > T0 + 1_790_000)
    for entry in log[:cut]:
        engine.step(entry)
    restored = Engine.restore(engine.snapshot())
    (alert,) = (json.loads(data) for entry in log[cut:] for _, data in restored.step(entry).alerts)
    assert seconds_of(alert) == 1815
