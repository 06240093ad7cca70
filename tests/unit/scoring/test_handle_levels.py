"""Handle times of queues from day to day: a change for everybody is told once and learnt; chance is not told."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scoring_logs import T0, TENANT, at, block, hash_of, tick

from services.scoring.core.baseline import STEPS
from services.scoring.core.engine import Engine
from services.scoring.core.handle_levels import DAY_MS, Levels
from services.scoring.core.learnt import learnt
from shared.contract.baseline import baseline_of
from shared.contract.block import Row
from shared.contract.entries import baseline_fields
from shared.contract.rows import HANDLED

MIDNIGHT = (T0 // DAY_MS + 1) * DAY_MS
QUEUES = ("q-billing", "q-cards", "q-rare")
CONTACTS = (400, 250, 3)


class Centre:
    """Days of handled contacts told to an engine, an hour an entry; `times` lengthens those of a queue."""

    def __init__(self, seed: int = 3) -> None:
        self.engine = Engine(marks="none")
        self.chance = np.random.default_rng(seed)
        self.day = 0
        self.number = 0
        self.told: list[dict[str, Any]] = []

    def days(self, number: int, *times: float, contacts: tuple[int, ...] = CONTACTS, restart: bool = False) -> None:
        for _ in range(number):
            for hour in range(8, 18):
                self._hour(MIDNIGHT + self.day * DAY_MS + hour * 3_600_000, times or (1.0,) * len(QUEUES), contacts)
            if restart:
                self.engine = Engine.restore(self.engine.snapshot(), marks="none")
            self.day += 1
            self._step(tick(MIDNIGHT + self.day * DAY_MS + 1000))

    def _hour(self, ms: int, times: tuple[float, ...], contacts: tuple[int, ...]) -> None:
        rows = []
        for q, (queue, many, factor) in enumerate(zip(QUEUES, contacts, times, strict=True)):
            for _ in range(self.chance.binomial(many, 0.1)):
                self.number += 1
                handle_s = factor * self.chance.lognormal(5.0 + 0.4 * q, 0.6)
                agent = f"agent-{self.chance.integers(30)}"
                columns: dict[str, Any] = {"queue": queue, "agent": agent, "contact": hash_of(self.number)}
                rows.append(Row(HANDLED, TENANT, ms, f"h{self.number}", n0=handle_s, **columns))
        if rows:
            self._step(block(ms, rows))

    def _step(self, entry: Any) -> None:
        alerts = [json.loads(data) for _, data in self.engine.step(entry).alerts]
        self.told += [alert for alert in alerts if alert["history"][-1].get("reason") == "settled"]

    @property
    def levels(self) -> Levels:
        return self.engine.floor.levels.queues


def test_a_program_that_adds_a_fifth_to_every_contact_is_told_once_after_three_days_and_learnt() -> None:
    centre = Centre()
    centre.days(8)
    before = centre.levels.usual[:3].copy()
    centre.days(2, 1.2, 1.2, 1.2)
    assert not centre.told
    np.testing.assert_array_equal(centre.levels.usual[:2], before[:2])  # an abnormal day teaches nothing
    centre.days(1, 1.2, 1.2, 1.2)
    (alert,) = centre.told
    assert alert["subject"] == {"type": "tenant", "id": TENANT}
    assert (alert["phase"], alert["severity"], alert["team"]) == ("resolved", "notice", None)
    percent = int(alert["title"].split(" %")[0].split()[-1])
    assert percent == pytest.approx(120, abs=4)
    assert np.exp(centre.levels.usual[:2] - before[:2]) == pytest.approx(1.2, rel=0.06)
    centre.days(10, 1.2, 1.2, 1.2)
    assert len(centre.told) == 1


def test_the_agents_own_baselines_follow_it_and_call_nobody_slow() -> None:
    centre = Centre()
    centre.days(8)
    centre.days(4, 1.2, 1.2, 1.2)
    table = centre.engine.floor.handle_times
    whole = np.flatnonzero((table.topic[: table.n] == 0) & (table.count[: table.n] >= 32))
    medians = np.exp(np.median(table.logs[whole], axis=1) / STEPS)
    assert np.median(medians) == pytest.approx(1.2 * np.exp(5.13), rel=0.15)


def test_a_change_in_one_queue_is_told_of_that_queue() -> None:
    centre = Centre()
    centre.days(8)
    centre.days(6, 1.0, 0.7, 1.0)
    (alert,) = centre.told
    assert alert["subject"] == {"type": "queue", "id": "q-cards"}
    assert "% of their usual time" in alert["title"]
    assert "q-cards" in alert["title_zh"]


def test_two_bad_days_teach_nothing_and_are_told_to_nobody() -> None:
    centre = Centre()
    centre.days(8)
    for _ in range(4):
        centre.days(2, 1.5, 1.5, 1.5)
        centre.days(1)
    assert not centre.told
    assert centre.levels.usual[0] == pytest.approx(5.0, abs=0.08)


def test_days_off_do_not_break_the_row_of_days() -> None:
    centre = Centre()
    centre.days(8)
    centre.days(2, 1.3, 1.3, 1.3)
    centre.days(2, contacts=(4, 2, 0))  # a weekend
    centre.days(1, 1.3, 1.3, 1.3)
    assert len(centre.told) == 1


@pytest.mark.parametrize("seed", range(3))
def test_chance_alone_is_never_told(seed: int) -> None:
    centre = Centre(seed)
    centre.days(60)
    assert not centre.told


def test_it_is_silent_until_there_is_enough() -> None:
    centre = Centre()
    centre.days(2)
    centre.days(3, 2.0, 2.0, 2.0)  # the third day of all is still learnt from
    assert not centre.told


def test_restarts_change_nothing() -> None:
    went_on, restarted = Centre(), Centre()
    for centre, restart in ((went_on, False), (restarted, True)):
        centre.days(7, restart=restart)
        centre.days(4, 1.3, 1.3, 1.3, restart=restart)
    assert [alert["id"] for alert in went_on.told] == [alert["id"] for alert in restarted.told]
    assert len(went_on.told) == 1
    assert went_on.engine.snapshot() == restarted.engine.snapshot()


def test_what_is_known_of_it_goes_with_a_baseline() -> None:
    """The change comes on the first day of a new installation, and is told on its third."""
    history = Centre()
    history.days(8)
    ended_ms = history.engine.position.ms
    new = Centre(seed=4)
    new.day = history.day
    document = learnt(history.engine.floor, 0, MIDNIGHT, ended_ms)
    new._step(at(ended_ms + 1, baseline_fields(baseline_of(TENANT, document))))
    new.days(3, 1.2, 1.2, 1.2)
    assert [alert["subject"]["type"] for alert in new.told] == ["tenant"]
