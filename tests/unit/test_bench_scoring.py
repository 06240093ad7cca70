"""The log that scoring is measured with: the engine takes every event of it."""

from __future__ import annotations

from itertools import islice

from bench.recorded import block_entries
from bench.scoring import BLOCK, FIRST_MS, STEP_MS, set_aside
from services.scoring.core.engine import Engine
from shared.contract.entries import Entry, EntryId

BLOCKS = 30
"""Twenty in which the agents sign in, and ten of contacts."""


def test_nothing_of_the_log_is_set_aside() -> None:
    engine = Engine()
    for at_ms, fields in islice(block_entries(3, first_ms=FIRST_MS, step_ms=STEP_MS, events_each=BLOCK), BLOCKS):
        counts = engine.step(Entry(EntryId(at_ms, 0), fields)).counts
        assert counts["events"] == BLOCK
        assert set_aside(counts) == {}


def test_an_event_that_comes_again_would_be_seen() -> None:
    engine = Engine()
    [(at_ms, fields)] = islice(block_entries(3, first_ms=FIRST_MS, step_ms=STEP_MS, events_each=BLOCK), 1)
    engine.step(Entry(EntryId(at_ms, 0), fields))
    assert set_aside(engine.step(Entry(EntryId(at_ms, 1), fields)).counts) == {"repeated": BLOCK}
