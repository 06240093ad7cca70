"""Log lines and numbers for operators."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from shared.telemetry import REPEAT_S, REPEATS_MAX, Repeats, Tallies, configure_logging


def test_a_log_line_is_one_json_object_that_names_its_service(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("ingest")
    try:
        log = structlog.get_logger()
        log.debug("too.quiet")
        log.warning("log.away", fault=ValueError("why"))
        try:
            raise KeyError("x")
        except KeyError:
            log.exception("commit.failed", events=3)
    finally:
        structlog.reset_defaults()
    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (first["service"], first["level"], first["event"], first["fault"]) == (
        "ingest",
        "warning",
        "log.away",
        "why",
    )
    assert "timestamp" in first
    assert "KeyError" in second["exception"]


def test_tallies_are_read_when_asked() -> None:
    counted = 1
    registry = CollectorRegistry()
    registry.register(
        Tallies(lambda: [("sw_events_total", "Events", {"result": "good"}, counted), ("sw_waiting", "Now", {}, 2.5)])
    )
    counted = 7
    text = generate_latest(registry).decode()
    assert 'sw_events_total{result="good"} 7.0' in text
    assert "sw_waiting 2.5" in text


def test_a_warning_that_repeats_is_written_once_a_minute_with_how_often_it_came() -> None:
    now_s = 0.0
    repeats = Repeats(lambda: now_s)

    def written(level: str = "warning", **said: object) -> bool | int:
        try:
            line = repeats(None, level, {"event": "clock differs", **said})
        except structlog.DropEvent:
            return False
        return line.get("repeated", True)  # type: ignore[no-any-return]

    assert written(partition="0", difference_ms=6000)
    assert not written(partition="0", difference_ms=6001), "numbers alone make no other line"
    assert written(partition="1", difference_ms=6001)
    assert written("info", partition="0"), "what is not a warning is left alone"
    assert written("info", partition="0")
    assert written(partition="0", exc_info=True), "as is a traceback"
    assert not written(partition="0", difference_ms=6002)
    now_s = REPEAT_S
    assert written(partition="0", difference_ms=6003) == 2
    assert not written(partition="0", difference_ms=6003)
    for number in range(3 * REPEATS_MAX):
        assert written(entry=f"{number}-0"), "another entry is another line"
    assert len(repeats._seen) <= REPEATS_MAX


def test_the_page_on_logs_tells_of_lines_that_are_really_written() -> None:
    root = Path(__file__).resolve().parents[2]
    code = "".join(path.read_text() for part in ("services", "shared", "tools") for path in (root / part).rglob("*.py"))
    table = (root / "docs/operations.md").read_text().partition("## Logs")[2].partition("## Traces")[0]
    told = [name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(.+?)`", row)]
    assert len(told) > 15
    assert [name for name in told if f'"{name}"' not in code] == []
