"""What is counted, and by which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.core.admission import Admitted, Form, admit
from services.ingest.core.refusals import REASONS, reason_of
from services.notify.core.alerts import AlertHead
from services.notify.floor_measures import FloorMeasures
from services.scoring.measures import Measures
from shared.contract.alerts import Subject
from shared.process_measures import register_process
from tests.contract.notify_house import signals
from tools import metrics_page

NOW_MS = 1_760_000_000_000
GOOD = {"type": "queue.observed", "id": "1", "ts": NOW_MS, "queue": "billing", "waiting": 3}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (GOOD | {"transcript": "hello"}, "forbidden_key"),
        (GOOD | {"type": "queue.danced"}, "unknown_type"),
        (GOOD | {"ts": NOW_MS + 700_000}, "ahead"),
        ({key: GOOD[key] for key in ("type", "id", "ts", "waiting")}, "missing_field"),
        (GOOD | {"waiting": -1}, "out_of_bounds"),
        (GOOD | {"queue": "q" * 1000}, "out_of_bounds"),
        (GOOD | {"waiting": "three"}, "wrong_type"),
        ({"type": "agent.state", "id": "1", "ts": NOW_MS, "agent": "a", "state": "dancing"}, "wrong_value"),
        (7, "wrong_type"),
    ],
)
def test_a_refused_event_is_counted_under_why_it_was_refused(event: Any, reason: str) -> None:
    verdict = admit(json.dumps([GOOD, event]).encode(), Form.JSON, NOW_MS)
    assert isinstance(verdict, Admitted)
    assert [reason_of(one) for one in verdict.rejected] == [reason]
    assert reason in REASONS


def test_a_line_that_is_no_json_is_counted_as_that() -> None:
    verdict = admit(json.dumps(GOOD).encode() + b"\n{nonsense\n", Form.NDJSON, NOW_MS)
    assert isinstance(verdict, Admitted)
    assert [reason_of(one) for one in verdict.rejected] == ["not_json"]


def _head(phase: str, opened_at: str = "2026-01-31T08:00:00.000Z", updated_at: str = "", **given: Any) -> AlertHead:
    values = {
        "id": "a-1", "kind": "queue.strain", "severity": "warning", "phase": phase, "tenant": "acme", "team": None,
        "subject": Subject("queue", "billing"), "opened_at": opened_at, "updated_at": updated_at or opened_at,
        "owner": None, "history": [], **given,
    }  # fmt: skip
    return AlertHead(**values)


def test_the_floor_counts_each_alert_once_and_how_long_it_waited_for_somebody() -> None:
    registry = CollectorRegistry()
    live = [_head("open"), _head("open", kind="agent.strain"), _head("dreamt", kind="new.kind")]
    floor = FloorMeasures(registry, lambda: live)
    opened, acknowledged = _head("open"), _head("acknowledged", updated_at="2026-01-31T08:01:30.000Z")
    for before, now in [
        (None, opened),
        (opened, _head("open", severity="critical")),
        (opened, acknowledged),
        (acknowledged, _head("assigned")),
        (acknowledged, _head("resolved")),
        (None, _head("suppressed")),
        (_head("suppressed"), _head("resolved")),
        (None, _head("open", kind="new.kind")),
    ]:
        floor.changed(before, now)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"strainwatch_floor_{name}", labels)

    assert value("opened_total", kind="queue.strain", severity="warning") == 1
    assert value("opened_total", kind="queue.strain", severity="critical") == 0
    assert value("resolved_total", kind="queue.strain") == 1
    assert value("taken_seconds_count", kind="queue.strain") == 1
    assert value("taken_seconds_sum", kind="queue.strain") == 90
    assert value("alerts", kind="queue.strain", phase="open") == 1
    assert value("alerts", kind="new.kind", phase="dreamt") is None, "a name from outside is no label"


def test_the_floors_strain_is_told_by_band_and_never_of_a_few_agents() -> None:
    registry = CollectorRegistry()
    tally = Measures(registry, lambda: ()).partition(0)

    def agents() -> list[float | None]:
        bands = ("calm", "rising", "strained", "critical")
        return [registry.get_sample_value("strainwatch_floor_agents", {"band": band}) for band in bands]

    few = signals(NOW_MS)
    tally.signals["acme"] = few
    assert agents() == [0, 0, 0, 0], "three agents are a group too small"
    tally.signals["other"] = signals(NOW_MS, "other")
    assert agents() == [4, 2, 0, 0]
    assert registry.get_sample_value("strainwatch_floor_queues", {"band": "calm"}) == 2


def test_a_process_tells_its_build_its_memory_and_its_files() -> None:
    registry = CollectorRegistry()
    register_process(registry, ("ingest", "notify"))
    build = [s for family in registry.collect() for s in family.samples if s.name == "strainwatch_build_info"]
    assert [sample.labels["service"] for sample in build] == ["ingest", "notify"]
    assert (registry.get_sample_value("strainwatch_process_memory_bytes") or 0) > 1 << 20
    files = registry.get_sample_value("strainwatch_process_files") or 0
    assert 0 < files < (registry.get_sample_value("strainwatch_process_files_limit") or 0)


def test_every_metric_is_ours_by_name_has_a_meaning_and_only_labels_that_are_bounded() -> None:
    told = metrics_page.metrics()
    assert len({one.name for one in told}) == len(told) > 60
    assert [one for one in told if not one.name.startswith("strainwatch_") or len(one.text) < 5] == []
    assert {label for one in told for label in one.labels} == metrics_page.BOUNDED_BY.keys()
    page = metrics_page.page()
    assert [one.name for one in told if f"| `{one.name}` |" not in page] == [], "each has its section"
