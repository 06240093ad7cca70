"""Minute history: whole points of who has any, a few bytes a row."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.contract.minutes import (
    DRIVERS_MAX,
    VERSION,
    Course,
    Minute,
    decode_minute,
    encode_minute,
    minute_head,
    minute_of,
)
from shared.contract.signal_columns import column, driver_columns
from shared.contract.signals import AgentColumns, BadSignals, QueueColumns, TenantSignals, encode_signals

NAN = float("nan")
DRIVERS = [f"driver_{d}" for d in range(12)]


def signals(shares: NDArray[np.float64]) -> TenantSignals:
    """An agent a row of `shares` [agents, 12], and two queues, of which one has no strain."""
    n = len(shares)
    return TenantSignals(
        tenant="acme",
        at_ms=60_000,
        position="1-0",
        teams=["north", "south"],
        states=["available"],
        queues=QueueColumns(
            ids=["billing", "cards"],
            team=column([2, 0], "i4"),
            strain=column([71.6, 0.0], "f8"),
            drivers=driver_columns(
                ["predicted_wait", "staffing"], ["s", "agents"], np.array([[50.2, 21.4], [0, 0]]), np.zeros((2, 2))
            ),
            waiting=column([3, 0], "i4"),
            longest_wait_s=column([40.5, NAN], "f8"),
            predicted_wait_s=column([60.25, 1.0], "f8"),
            agents=column([4, -1], "i4"),
        ),
        agents=AgentColumns(
            ids=[f"agent-{a:05}" for a in range(n)],
            team=column(np.arange(n) % 3, "i4"),
            strain=column(shares.sum(axis=1), "f8"),
            drivers=driver_columns(DRIVERS, DRIVERS, shares, shares),
            state=column(np.ones(n), "u1"),
            state_since_s=column(np.arange(n), "f8"),
            since_break_s=column(np.arange(n), "f8"),
        ),
    )


def some_shares(seed: int, n: int) -> NDArray[np.float64]:
    """Of agents of whom a part has no strain, and a part next to none."""
    random = np.random.default_rng(seed)
    weight = random.choice([0.0, 0.002, 0.4, 1.0], (n, 1))
    parts = np.where(random.random((n, 12)) < 0.6, random.random((n, 12)), 0.0) * weight
    return np.asarray(100.0 * parts / 12.0)


def through_the_log(whole: TenantSignals) -> Minute:
    return decode_minute(encode_minute(minute_of(whole)))


@pytest.mark.parametrize("seed", range(5))
def test_whole_points_of_all_who_have_any_come_back_with_the_largest_drivers(seed: int) -> None:
    shares = some_shares(seed, 200)
    minute = through_the_log(signals(shares))
    course = Course(minute.agents)
    columns = (course.strain.tolist(), course.shares().tolist(), course.team.tolist())
    told = dict(zip(course.ids, zip(*columns, strict=True), strict=True))
    for row, of_row in enumerate(shares.tolist()):
        strain = round(float(shares[row].sum()))
        if strain == 0:
            assert f"agent-{row:05}" not in told
            continue
        largest = sorted(range(12), key=lambda d: -of_row[d])[:DRIVERS_MAX]
        points = [round(of_row[d]) if d in largest else 0 for d in range(12)]
        assert told[f"agent-{row:05}"] == (strain, points, row % 3)


def test_queues_keep_their_facts_also_where_there_is_no_strain() -> None:
    minute = through_the_log(signals(some_shares(0, 3)))
    assert (minute.tenant, minute.at_ms, minute.teams) == ("acme", 60_000, ["north", "south"])
    course = Course(minute.queues)
    assert (course.ids, course.strain.tolist(), course.team.tolist()) == (["billing"], [72], [2])
    assert course.shares().tolist() == [[50, 21]]
    facts = minute.facts
    assert facts.ids == ["billing", "cards"]
    assert np.frombuffer(facts.waiting, "<i4").tolist() == [3, 0]
    np.testing.assert_array_equal(np.frombuffer(facts.longest_wait_s, "<f4"), [40.5, NAN])
    assert np.frombuffer(facts.predicted_wait_s, "<f4").tolist() == [60.25, 1.0]
    assert np.frombuffer(facts.agents, "<i4").tolist() == [4, -1]


def test_a_tenant_without_anybody_has_a_minute_too() -> None:
    course = Course(through_the_log(signals(np.zeros((0, 12)))).agents)
    assert course.ids == []
    assert course.shares().shape == (0, 12)


def test_a_minute_takes_a_small_part_of_the_signals_it_is_made_of() -> None:
    whole = signals(some_shares(1, 20_000))
    assert len(encode_minute(minute_of(whole))) < len(encode_signals(whole)) / 10


def test_whose_and_of_when_is_told_without_unpacking() -> None:
    data = encode_minute(minute_of(signals(some_shares(0, 1))))
    entry = msgspec.msgpack.decode(data)
    assert minute_head(msgspec.msgpack.encode({**entry, "body": b""})) == ("acme", 60_000)


def test_a_newer_or_damaged_minute_is_refused() -> None:
    data = encode_minute(minute_of(signals(some_shares(0, 50))))
    entry = msgspec.msgpack.decode(data)
    with pytest.raises(BadSignals, match="upgrade notify"):
        decode_minute(msgspec.msgpack.encode({**entry, "version": VERSION + 1}))
    for broken in (data[:-9], {**entry, "body": entry["body"][:-5]}, {**entry, "body": b"\0"}):
        with pytest.raises(BadSignals):
            decode_minute(broken if isinstance(broken, bytes) else msgspec.msgpack.encode(broken))
    minute = minute_of(signals(some_shares(0, 50)))
    with pytest.raises(BadSignals):
        Course(msgspec.structs.replace(minute.agents, shares=b""))
