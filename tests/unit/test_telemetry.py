"""Log lines and numbers for operators."""

from __future__ import annotations

import json

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from shared.telemetry import Tallies, configure_logging


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
