"""Arrivals learnt from weeks of history: a new engine sees a burst in its first hour, and what comes out goes in."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from scoring_logs import TENANT, Played, at, numbered, play, settings
from surge_logs import MINUTE_MS, MONDAY_MS, Burst, Centre
from test_surge_alerts import QUIET, minute_of, surges

from services.scoring.core.engine import Engine
from services.scoring.core.learnt import learnt
from services.scoring.core.learnt_arrivals import given_streams
from shared.contract.baseline import ISSUE_STREAM, QUEUE_STREAM, BaselineDocument, baseline_of, numbers
from shared.contract.entries import Entry, baseline_fields

WEEKDAYS = [day for day in range(14) if day % 7 < 5]
FIRST = 14
"""The new engine's first day: a Monday."""
FIRST_MS = MONDAY_MS + FIRST * 86_400_000
BURST = Burst(FIRST, minute=25, minutes=20, queue="billing", issue="app down", more=20.0)


@lru_cache(maxsize=1)
def lived() -> bytes:
    """An engine after two weeks."""
    return play(Centre(seed=5).days(WEEKDAYS)).engine.snapshot()


def document_of(engine: Engine) -> BaselineDocument:
    return learnt(engine.floor, 0, MONDAY_MS, engine.position.ms)


@lru_cache(maxsize=1)
def history() -> BaselineDocument:
    return document_of(Engine.restore(lived()))


def given(document: BaselineDocument, at_ms: int = FIRST_MS - 5, tenant: str = TENANT) -> Entry:
    return at(at_ms, baseline_fields(baseline_of(tenant, document)))


@lru_cache(maxsize=1)
def first_day() -> list[Entry]:
    return Centre(seed=6).days([FIRST], [BURST])


def played(*before: Entry) -> Played:
    return play(numbered([settings(FIRST_MS - 9, QUIET), *before, *first_day()]))


def test_the_document_holds_the_arrivals_of_every_queue_and_issue() -> None:
    document = history()
    known = {
        (kind, (document.queues if kind == QUEUE_STREAM else document.issues)[code])
        for kind, code in given_streams(document.streams)
    }
    assert known == {(QUEUE_STREAM, name) for name in ("billing", "cards", "loans")} | {
        (ISSUE_STREAM, name) for name in ("refund", "address", "lost card")
    }
    rate = numbers(document.streams.rate, "f4", 168)
    billing = given_streams(document.streams).index((QUEUE_STREAM, document.queues.index("billing")))
    assert rate[billing, [d * 24 + 10 for d in range(5)]].mean() == pytest.approx(8.0, rel=0.1)


def test_with_history_a_burst_of_the_first_hour_rings_and_without_it_cannot_be_judged() -> None:
    assert surges(played()) == []
    alerts = surges(played(given(history())))
    first = {(alert["kind"], alert["subject"]["id"]): alert for alert in reversed(alerts)}
    assert set(first) == {("queue.surge", "billing"), ("issue.surge", "app down")}
    for alert in first.values():
        assert BURST.minute + 1 <= minute_of(alert, "opened_at", FIRST) <= BURST.minute + 6
    billing = next(a for a in alerts if a["kind"] == "queue.surge" and a["phase"] == "open")
    assert billing["drivers"][0]["name"] == "app down"


def test_it_comes_out_as_it_went_in() -> None:
    document = history()
    engine = play([given(document)]).engine
    assert document_of(engine).streams == document.streams


def test_given_in_the_middle_of_the_day_it_counts_from_the_next_minute_on() -> None:
    early = FIRST_MS + 10 * MINUTE_MS
    alerts = surges(played(given(history(), early)))
    assert {alert["subject"]["id"] for alert in alerts} == {"billing", "app down"}


def test_who_has_lived_for_longer_keeps_its_own_and_what_is_missing_is_added() -> None:
    engine = Engine.restore(lived())
    own = engine.floor.surges.queues.streams.rate[:3].copy()
    little = document_of(play(Centre(seed=8, rates={"billing": 3.0, "travel": 2.0}).days(range(3))).engine)
    engine.step(given(little, engine.position.ms + 1))
    queues, travel = engine.floor.surges.queues, engine.floor.registers.queues.find(0, "travel")
    np.testing.assert_array_equal(queues.streams.rate[:3], own)
    assert queues.streams.rate[queues.row[travel]].max() == pytest.approx(2.0, rel=0.3)


def test_a_tenant_with_nothing_but_a_baseline_neither_rings_nor_stops_the_others() -> None:
    alone = played()
    beside = played(given(history(), tenant="globex"))
    assert beside.bytes == alone.bytes


def test_a_restart_after_a_baseline_changes_no_alert() -> None:
    whole = played(given(history()))
    log = numbered([settings(FIRST_MS - 9, QUIET), given(history()), *first_day()])
    for cut in (1, 100):
        engine = Engine(marks="none")
        for entry in log[: cut + 1]:
            engine.step(entry)
        engine = Engine.restore(engine.snapshot(), marks="none")
        for entry in log[: cut + 1]:
            engine.recall(entry)
        told = [data for entry in log[cut + 1 :] for _, data in engine.step(entry).alerts]
        assert told == list(whole.bytes)
