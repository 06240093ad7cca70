"""Streams of arrivals, out of one table and into another: the new one expects and judges as the old one."""

from __future__ import annotations

import numpy as np
import pytest

from services.scoring.core import learnt_arrivals
from services.scoring.core.arrivals import Streams
from services.scoring.core.learnt_arrivals import export_streams, given_streams, import_streams
from shared.contract.baseline import (
    ISSUE_STREAM,
    QUEUE_STREAM,
    BaselineDocument,
    StreamColumns,
    UsualColumns,
    baseline_of,
    decode_baseline,
    encode_baseline,
)

MONDAY_MIN = 4 * 1440
WEEK_MIN = 7 * 1440
NAMES = {0: (QUEUE_STREAM, 1), 2: (ISSUE_STREAM, 0), 1: (QUEUE_STREAM, 0)}


def lived(weeks: int, seed: int = 3) -> Streams:
    """Three streams: a busy queue, a quiet one, and an issue, over weeks, and a minute more to learn the last hour."""
    chance = np.random.default_rng(seed)
    streams = Streams()
    for key in (5, 6, 7):
        streams.row_of(key)
    streams.minute = MONDAY_MIN
    rates = np.array([4.0, 0.3, 1.0])
    live(streams, chance.poisson(rates, (weeks * WEEK_MIN + 1, 3)))
    return streams


def live(streams: Streams, counts: np.ndarray) -> list[tuple[float, ...]]:
    """Minutes of all streams; what was expected of each, and whether it was ready."""
    seen = []
    rows = np.arange(counts.shape[1])
    for minute in counts:
        streams.note_each(rows, np.full(rows.size, streams.minute * 60_000), np.ascontiguousarray(minute))
        streams.close_minute()
        seen.append((*streams.expected[: streams.n].tolist(), *streams.ready[: streams.n].tolist()))
    return seen


def through_a_file(columns: StreamColumns) -> StreamColumns:
    hours, sums = bytes(2 * 24 * 8), bytes(2 * 8)
    document = BaselineDocument(
        from_ms=0,
        until_ms=1,
        queues=["a", "b"],
        issues=["i"],
        issue_since_ms=bytes(8),
        usual=UsualColumns(hours, hours, sums, sums, bytes(3 * 5 * 8)),
        streams=columns,
    )
    return decode_baseline(encode_baseline(baseline_of("acme", document))).document.streams


@pytest.fixture(scope="module")
def old() -> Streams:
    return lived(3)


def test_a_new_table_expects_what_the_old_one_does(old: Streams) -> None:
    given = through_a_file(export_streams((old, NAMES)))
    assert given_streams(given) == list(NAMES.values())
    new = Streams()
    rows = {name: new.row_of(key) for name, key in zip(NAMES.values(), (9, 8, 4), strict=True)}
    new.minute = old.minute
    assert import_streams(new, rows, given) == 3
    went_on = Streams()
    went_on.unpack(old.pack())
    counts = np.random.default_rng(8).poisson([4.0, 0.3, 1.0], (30, 3))
    here, there = live(new, counts[:, [0, 2, 1]]), live(went_on, counts)
    for minute, other in zip(here, there, strict=True):
        expected, ready = np.array(minute[:3]), np.array(minute[3:])
        assert ready.all()
        assert expected == pytest.approx(np.array(other[:3])[[0, 2, 1]], rel=1e-6)


def test_the_same_twice_changes_nothing_the_second_time(old: Streams) -> None:
    given = export_streams((old, NAMES))
    new = Streams()
    rows = {name: new.row_of(key) for name, key in zip(NAMES.values(), (9, 8, 4), strict=True)}
    new.minute = old.minute
    import_streams(new, rows, given)
    live(new, np.ones((90, 3), np.int64))
    before = new.pack()
    assert import_streams(new, rows, given) == 0
    assert new.pack() == before


def test_who_knows_more_hours_keeps_its_own(old: Streams) -> None:
    given = export_streams((lived(1, seed=4), NAMES))
    table = Streams()
    table.unpack(old.pack())
    before = table.pack()
    assert import_streams(table, {name: row for row, name in NAMES.items()}, given) == 0
    assert table.pack() == before


def test_streams_without_an_hour_are_left_out() -> None:
    streams = Streams()
    streams.row_of(5)
    assert given_streams(export_streams((streams, {0: (QUEUE_STREAM, 0)}))) == []
    assert given_streams(export_streams((streams, {}))) == []
    assert import_streams(streams, {}, StreamColumns()) == 0


def test_streams_of_two_tables_go_out_together_and_each_takes_its_own(old: Streams) -> None:
    queues = {0: (QUEUE_STREAM, 1), 1: (QUEUE_STREAM, 0)}
    given = through_a_file(export_streams((old, queues), (lived(1, seed=9), {2: (ISSUE_STREAM, 0)})))
    assert given_streams(given) == [*queues.values(), (ISSUE_STREAM, 0)]
    issues = Streams()
    row = issues.row_of(3)
    assert import_streams(issues, {(ISSUE_STREAM, 0): row}, given) == 1
    assert issues.n == 1
    assert issues.rate[row].mean() == pytest.approx(1.0, rel=0.1)


def test_of_too_many_the_busiest_go_out_in_their_order(old: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learnt_arrivals, "STREAMS_MAX", 2)
    given = export_streams((old, {1: (QUEUE_STREAM, 0), 2: (ISSUE_STREAM, 0), 0: (QUEUE_STREAM, 1)}))
    assert given_streams(given) == [(ISSUE_STREAM, 0), (QUEUE_STREAM, 1)]
