"""The page of metrics (docs/metrics.md), made from what the services really register."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Metric

from services.notify.core.channel_settings import Channel
from shared.clock import ManualClock
from shared.log_memory import MemoryLog
from shared.settings import Environment
from tools.composition import Services
from tools.serve_setup import Setup

PAGE = Path("docs/metrics.md")

BOUNDED_BY = {
    "band": "calm, rising, strained, critical: the steps of the board",
    "channel": "outgoing channels by their names in the channels file, at most 100",
    "code": "close codes of the contract",
    "compiled": "true or false",
    "door": "feed or rest",
    "kind": "kinds of alerts or of frames, of the contract",
    "node": "nodes of the store",
    "partition": "partitions of the log, fixed when it was created",
    "phase": "phases of an alert, of the contract",
    "python": "one a process",
    "reason": "a fixed list in the code",
    "result": "accepted or rejected",
    "service": "ingest, scoring, notify",
    "severity": "notice, warning, critical",
    "state": "phases of a scorer",
    "status": "HTTP statuses that are answered",
    "transport": "websocket or stream",
    "version": "one a process",
    "why": "a fixed list in the code",
}
"""Label -> what it holds, and so why there are few of it."""

_SECTIONS = (
    ("Every process", ("build_", "process_", "http_", "store_")),
    ("Ingest", ("ingest_",)),
    ("Scoring", ("scoring_",)),
    ("Notify", ("notify_", "log_")),
    ("Outgoing channels (notify)", ("channel_",)),
    ("The floor: all tenants together, no names", ("floor_",)),
)

_HEAD = """\
# Metrics

Each service shows these at `/metrics`, in the text format of Prometheus. Written by `make contract` from what the
services register; not to be edited. `deploy/prometheus/` has a configuration and alerts, `deploy/grafana/` dashboards.

No label names a tenant, a team, a queue, an agent, a key or a person: their number has no bound, and who may read
metrics may not be one who may read the board. What labels hold, and why there are few of each, stands at the end.
Ages and delays compare an entry's time, which is the store's, with this machine's clock: see
`strainwatch_store_clock_difference_seconds`. Counters begin at 0 with the process.
"""


class Told(NamedTuple):
    """One metric as it is on the page."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


def registry() -> CollectorRegistry:
    """What a process that runs all services registers, with a channel."""
    clock = ManualClock()
    secret = bytes(32)
    channel = Channel("wallboard", "webhook", "https://wallboard.example.org/")
    setup = Setup("all", Environment(), "127.0.0.1", 0, None, secret, secret, channels=(channel,))
    found = CollectorRegistry()
    Services(setup, MemoryLog(clock=clock), found, clock)
    return found


def metrics() -> list[Told]:
    """All of them, by name as a query has it."""
    found = registry()
    known = {name: _labels(collector) for collector, names in found._collector_to_names.items() for name in names}
    out = []
    for family in found.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        out.append(Told(name, family.type, known.get(family.name) or _labels_of(family), family.documentation))
    return sorted([*out, *_SHOWN_LATER])


_SHOWN_LATER = tuple(
    Told(name, "gauge", ("partition",), text)
    for name, text in (
        ("strainwatch_scoring_lag_seconds", "Age of the newest entry applied"),
        ("strainwatch_scoring_checkpoint_age_seconds", "Time since the last checkpoint, or since the owner began"),
        ("strainwatch_scoring_event_age_seconds", "Age of the newest entry with events"),
        ("strainwatch_log_behind_seconds", "The newest entry less the newest scored one: how far scoring is behind"),
        ("strainwatch_log_silent_seconds", "Age of the newest entry; more than seconds: nobody owns the partition"),
        ("strainwatch_notify_signals_age_seconds", "Age of the newest signals"),
    )
)
"""Absent until their value is known."""


def _labels(collector: object) -> tuple[str, ...]:
    return tuple(getattr(collector, "_labelnames", ()))


def _labels_of(family: Metric) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le"))


def page() -> str:
    """The whole page."""
    told = metrics()
    parts = [_HEAD]
    for title, beginnings in _SECTIONS:
        starts = tuple(f"strainwatch_{beginning}" for beginning in beginnings)
        rows = [one for one in told if one.name.startswith(starts)]
        parts.append(
            "\n".join([f"## {title}", "", "| metric | kind | labels | meaning |", "|---|---|---|---|", *_rows(rows)])
        )
    used = sorted({label for one in told for label in one.labels})
    labels = [f"| `{label}` | {BOUNDED_BY[label]} |" for label in used]
    parts.append("\n".join(["## Labels", "", "| label | what it holds |", "|---|---|", *labels]))
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _rows(told: list[Told]) -> Iterator[str]:
    for one in told:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        yield f"| `{one.name}` | {one.kind} | {labels} | {one.text.rstrip('.')} |"
