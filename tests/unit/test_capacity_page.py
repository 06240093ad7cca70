"""The capacity page says what was measured."""

from __future__ import annotations

import json

from bench import capacity


def test_the_page_is_made_from_the_newest_results() -> None:
    results = json.loads(capacity.LATEST.read_text())
    assert capacity.PAGE.read_text() == capacity.page(results), "python -m bench.capacity writes it"


def test_what_was_not_measured_is_left_out() -> None:
    results = json.loads(capacity.LATEST.read_text())
    kept = [row for row in results["rows"] if row["name"].startswith("redis memory")]
    assert "ingest process" not in capacity.page({**results, "rows": kept})
