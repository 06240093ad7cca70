"""The Grafana dashboards (deploy/grafana/dashboards), laid out from a list of what each panel asks.

They follow Grafana's schema 39 (version 10.4 and later); each names its data source by the variable `datasource`, so
that it can be imported anywhere. What a panel asks is checked against the metrics that exist, and asked of a real
Prometheus, in the tests; Grafana itself does not run there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path("deploy/grafana/dashboards")
SCHEMA = 39
_WIDE = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Panel(NamedTuple):
    """One panel: what it asks (legend -> query), in which unit of Grafana, drawn how."""

    title: str
    asks: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    about: str = ""
    red_from: float | None = None


class Row(NamedTuple):
    """Panels side by side under a heading, each `height` high."""

    title: str
    panels: tuple[Panel, ...]
    height: int = 8


def _rate(metric: str, by: str = "") -> str:
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}[$__rate_interval]))"


def _quantiles(metric: str) -> dict[str, str]:
    of = f"sum by (le) (rate({metric}_bucket[$__rate_interval]))"
    return {"p50": f"histogram_quantile(0.5, {of})", "p99": f"histogram_quantile(0.99, {of})"}


def _stat(title: str, ask: str, unit: str = "short", red_from: float | None = None, about: str = "") -> Panel:
    return Panel(title, {"": ask}, unit, "stat", 4, about, red_from)


_OPS = (
    Row(
        "Now",
        (
            _stat("Processes that answer", 'sum(up{job=~"strainwatch.*"})'),
            _stat("Scoring behind", "max(min by (partition) (strainwatch_log_behind_seconds))", "s", 10),
            _stat("Oldest board", "max(min by (partition) (strainwatch_notify_signals_age_seconds))", "s", 15),
            _stat("Leads connected", "sum(strainwatch_notify_connections)"),
            _stat(
                "Store's memory used",
                "max(strainwatch_store_memory_bytes / (strainwatch_store_memory_limit_bytes > 0))",
                "percentunit",
                0.85,
            ),
            _stat(
                "Alerts of ours firing",
                'count(ALERTS{alertname=~"Strainwatch.*",alertstate="firing"}) or vector(0)',
                red_from=1,
            ),
        ),
        4,
    ),
    Row(
        "Rates",
        (
            Panel("Events in", {"{{result}}": _rate("strainwatch_ingest_events_total", "result")}, "cps"),
            Panel(
                "Events scored, and set aside",
                {
                    "scored": _rate("strainwatch_scoring_events_total"),
                    "repeated": _rate("strainwatch_scoring_repeated_total"),
                    "late": _rate("strainwatch_scoring_late_total"),
                    "ahead": _rate("strainwatch_scoring_ahead_total"),
                },
                "cps",
            ),
            Panel(
                "Entries and alerts",
                {
                    "entries written": _rate("strainwatch_ingest_entries_total"),
                    "entries scored": _rate("strainwatch_scoring_entries_total"),
                    "changes of alerts": _rate("strainwatch_scoring_alerts_total"),
                },
                "cps",
            ),
        ),
    ),
    Row(
        "Lag",
        (
            Panel(
                "Scoring behind the log",
                {"partition {{partition}}": "min by (partition) (strainwatch_log_behind_seconds)"},
                "s",
            ),
            Panel(
                "Newest entry, newest event",
                {
                    "entry, partition {{partition}}": "min by (partition) (strainwatch_log_silent_seconds)",
                    "event, partition {{partition}}": "max by (partition) (strainwatch_scoring_event_age_seconds)",
                },
                "s",
                about="An entry older than some seconds: nobody owns the partition.",
            ),
            Panel(
                "Checkpoint age",
                {"partition {{partition}}": "max by (partition) (strainwatch_scoring_checkpoint_age_seconds)"},
                "s",
            ),
        ),
    ),
    Row(
        "Latency",
        (
            Panel("Post until confirmed", _quantiles("strainwatch_ingest_post_seconds"), "s", width=6),
            Panel("Append to the log", _quantiles("strainwatch_ingest_append_seconds"), "s", width=6),
            Panel("Entry until alert", _quantiles("strainwatch_scoring_alert_delay_seconds"), "s", width=6),
            Panel("Entry until frame", _quantiles("strainwatch_notify_alert_delay_seconds"), "s", width=6),
        ),
    ),
    Row(
        "Errors",
        (
            Panel(
                "Refused events by reason", {"{{reason}}": _rate("strainwatch_ingest_refused_total", "reason")}, "cps"
            ),
            Panel(
                "Answers other than 2xx",
                {
                    "events {{status}}": _rate('strainwatch_ingest_answers_total{status!~"2.."}', "status"),
                    "others {{status}}": _rate('strainwatch_http_answers_total{status!~"2..|304"}', "status"),
                },
                "reqps",
            ),
            Panel(
                "Faults",
                {
                    "appends not confirmed": _rate("strainwatch_ingest_entries_failed_total"),
                    "engine failed": _rate("strainwatch_scoring_poison_total"),
                    "outputs differ": _rate("strainwatch_scoring_differing_total"),
                    "data lost": _rate("strainwatch_scoring_epochs_total"),
                    "unreadable": _rate("strainwatch_notify_unreadable_total"),
                    "audit lost": _rate("strainwatch_notify_audit_lost_total"),
                },
                "cps",
            ),
        ),
    ),
    Row(
        "Feed and channels",
        (
            Panel("Connections", {"{{transport}}": "sum by (transport) (strainwatch_notify_connections)"}),
            Panel("Frames written", {"{{kind}}": _rate("strainwatch_notify_frames_total", "kind")}, "cps"),
            Panel(
                "Closed by us, and sign-ins refused",
                {
                    "code {{code}}": _rate("strainwatch_notify_goodbyes_total", "code"),
                    "refused, {{door}}": _rate("strainwatch_notify_sign_ins_refused_total", "door"),
                },
                "cps",
            ),
            Panel(
                "Outbox",
                {"{{channel}}": "max by (channel) (strainwatch_channel_outbox)"},
                about="Changes not sent yet.",
            ),
            Panel(
                "Oldest in the outbox",
                {"{{channel}}": "max by (channel) (strainwatch_channel_outbox_age_seconds)"},
                "s",
            ),
            Panel(
                "Messages",
                {
                    "{{channel}} sent": _rate("strainwatch_channel_sent_total", "channel"),
                    "{{channel}} failed": _rate("strainwatch_channel_failed_total", "channel"),
                    "{{channel}} given up": _rate("strainwatch_channel_set_aside_total", "channel"),
                },
                "cps",
            ),
        ),
    ),
    Row(
        "Processes and store",
        (
            Panel(
                "Memory",
                {
                    "{{instance}}": "strainwatch_process_memory_bytes",
                    "store": "max by (node) (strainwatch_store_memory_bytes)",
                },
                "bytes",
            ),
            Panel(
                "Processor",
                {"{{instance}}": "rate(strainwatch_process_cpu_seconds_total[$__rate_interval])"},
                "percentunit",
                about="Of one core.",
            ),
            Panel(
                "Engine",
                {"partition {{partition}}": _rate("strainwatch_scoring_step_seconds_total", "partition")},
                "percentunit",
                about="Of one core.",
            ),
            Panel("Clock less the store's", {"{{instance}}": "strainwatch_store_clock_difference_seconds"}, "s"),
            Panel("Store's answer", {"{{instance}}": "strainwatch_store_answer_seconds"}, "s"),
            Panel(
                "Open files",
                {"{{instance}}": "strainwatch_process_files / (strainwatch_process_files_limit > 0)"},
                "percentunit",
            ),
        ),
    ),
)

_TAKEN = "sum by (le) (increase(strainwatch_floor_taken_seconds_bucket[1h]))"
_FLOOR = (
    Row(
        "Now",
        (
            _stat("Alerts open", 'max(sum by (instance) (strainwatch_floor_alerts{phase=~"open|escalated"}))'),
            _stat(
                "Being looked after",
                'max(sum by (instance) (strainwatch_floor_alerts{phase=~"acknowledged|assigned"}))',
            ),
            _stat("Escalated", 'max(sum by (instance) (strainwatch_floor_alerts{phase="escalated"}))', red_from=1),
            _stat("Queues strained or more", 'sum(strainwatch_floor_queues{band=~"strained|critical"})', red_from=1),
            _stat("Agents strained or more", 'sum(strainwatch_floor_agents{band=~"strained|critical"})'),
            _stat("Taken within, of the last hour (median)", f"histogram_quantile(0.5, {_TAKEN})", "s"),
        ),
        4,
    ),
    Row(
        "Strain",
        (
            Panel("Queues by strain", {"{{band}}": "sum by (band) (strainwatch_floor_queues)"}, width=12),
            Panel(
                "Agents by strain",
                {"{{band}}": "sum by (band) (strainwatch_floor_agents)"},
                width=12,
                about="Not shown while there are fewer than five: a smaller group would say something of one person.",
            ),
        ),
    ),
    Row(
        "Alerts",
        (
            Panel(
                "Not over, by kind", {"{{kind}}": "max by (kind) (sum by (instance, kind) (strainwatch_floor_alerts))"}
            ),
            Panel(
                "Not over, by phase",
                {"{{phase}}": "max by (phase) (sum by (instance, phase) (strainwatch_floor_alerts))"},
            ),
            Panel(
                "Opened in the last hour",
                {"{{kind}} {{severity}}": "max by (kind, severity) (increase(strainwatch_floor_opened_total[1h]))"},
            ),
        ),
    ),
    Row(
        "Acknowledgement",
        (
            Panel(
                "How soon alerts are taken",
                {
                    "half of them": f"histogram_quantile(0.5, {_TAKEN})",
                    "nine in ten": f"histogram_quantile(0.9, {_TAKEN})",
                },
                "s",
            ),
            Panel(
                "Taken in the last hour",
                {"{{kind}}": "max by (kind) (increase(strainwatch_floor_taken_seconds_count[1h]))"},
            ),
            Panel(
                "Over in the last hour", {"{{kind}}": "max by (kind) (increase(strainwatch_floor_resolved_total[1h]))"}
            ),
        ),
    ),
)


def dashboards() -> dict[Path, dict[str, Any]]:
    """Path -> dashboard."""
    return {
        FOLDER / "ops.json": _dashboard("strainwatch-ops", "Strainwatch: operations", _OPS),
        FOLDER / "floor.json": _dashboard("strainwatch-floor", "Strainwatch: the floor", _FLOOR),
    }


def texts() -> dict[Path, str]:
    """Path -> the file."""
    return {path: json.dumps(board, indent=1) + "\n" for path, board in dashboards().items()}


def _dashboard(uid: str, title: str, rows: tuple[Row, ...]) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": title,
        "tags": ["strainwatch"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "panels": _panels(rows),
    }


def _panels(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        place = {"h": 1, "w": _WIDE, "x": 0, "y": y}
        out.append(
            {"id": len(out) + 1, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        )
        y += 1
        x = 0
        for panel in row.panels:
            if x + panel.width > _WIDE:
                x, y = 0, y + row.height
            place = {"h": row.height, "w": panel.width, "x": x, "y": y}
            out.append({"id": len(out) + 1, "gridPos": place, **_drawn(panel)})
            x += panel.width
        y += row.height
    return out


def _drawn(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red_from is not None:
        steps.append({"color": "red", "value": panel.red_from})
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.title.startswith("Clock"):
        del defaults["min"]
    options: dict[str, Any] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    if panel.kind == "stat":
        calculated = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        options = {"colorMode": "value", "graphMode": "area", "reduceOptions": calculated}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": _SOURCE, "expr": query, "legendFormat": legend, "range": True}
            for n, (legend, query) in enumerate(panel.asks.items())
        ],
    }
