"""Queues of a feed that is silent stand still, and move again with its next event."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scoring_logs import T0, TENANT, block, every, hash_of, numbered

from services.scoring.core.engine import Engine
from shared.contract.block import Row
from shared.contract.entries import Entry
from shared.contract.rows import OBSERVED, OFFERED

LAST_S, LINE_S = 1795, 20
"""When the feed is heard last, and the silence that is out of the ordinary for it."""


def log(until_s: int, *, speaks_at_s: int | None = None) -> list[Entry]:
    """A caller waits in `q` when a feed that observes `other` every 5 s falls silent."""
    entries = [
        block(T0 + s * 1000, [Row(OBSERVED, TENANT, T0 + s * 1000, f"o-{s}", queue="other", n0=0)])
        for s in (*range(0, LAST_S + 5, 5), *([speaks_at_s] if speaks_at_s else []))
    ]
    offered_ms = T0 + (LAST_S - 20) * 1000 + 1
    entries.append(block(offered_ms, [Row(OFFERED, TENANT, offered_ms, "c", queue="q", contact=hash_of(1))]))
    return numbered([*entries, *every(1, until_s)])


def played(entries: list[Entry]) -> tuple[Engine, list[str]]:
    engine, kinds = Engine(), []
    for entry in entries:
        kinds += [json.loads(data)["kind"] for _, data in engine.step(entry).alerts]
    return engine, kinds


def waited_s(engine: Engine) -> float:
    """How long the caller waits, at the last whole second."""
    floor, at_ms = engine.floor, engine.position.ms // 1000 * 1000
    row = floor.registers.queues.find(0, "q")
    assert row is not None
    return float(floor.judge_queues(np.array([row]), at_ms)[0].longest_s[0])


@pytest.mark.parametrize("until_s", [LAST_S + 60, LAST_S + 900])
def test_who_waits_is_counted_on_only_until_the_silence_is_told(until_s: int) -> None:
    engine, kinds = played(log(until_s))
    assert waited_s(engine) == pytest.approx(20 + LINE_S, abs=0.01)
    assert set(kinds) == {"feed.silent"}


def test_with_the_next_event_they_move_again() -> None:
    engine, kinds = played(log(LAST_S + 310, speaks_at_s=LAST_S + 300))
    assert waited_s(engine) > 320
    assert kinds.count("queue.strain") == 0
    engine, kinds = played(log(LAST_S + 370, speaks_at_s=LAST_S + 300))
    assert kinds.count("queue.strain") == 1
    # Until the next silence is told: an outage counts as far as the line, which is then three times as long.
    assert waited_s(engine) == pytest.approx(20 + 300 + 3 * LINE_S, abs=0.01)


def test_a_restart_and_more_ticks_change_nothing() -> None:
    whole = log(LAST_S + 310, speaks_at_s=LAST_S + 300)
    cut = next(i for i, entry in enumerate(whole) if entry.id.ms > T0 + (LAST_S + 100) * 1000)
    engine = Engine()
    for entry in whole[:cut]:
        engine.step(entry)
    restored = Engine.restore(engine.snapshot())
    for entry in whole[cut:]:
        restored.step(entry)
    sparse = numbered([entry for entry in whole if b"b" in entry.fields or entry.id.ms % 20_000 == 500])
    assert restored.snapshot() == played(whole)[0].snapshot()
    assert waited_s(played(sparse)[0]) == pytest.approx(waited_s(restored), abs=25)
