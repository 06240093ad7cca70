"""What rules and dashboards ask for, read from the files that operators install."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
NAME = re.compile(r"\bstrainwatch_\w+")
GRAFANAS_OWN = {"$__rate_interval": "1m"}
"""What Grafana puts in before it asks."""


def rules() -> list[dict[str, Any]]:
    """All alerts."""
    groups = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard(path: Path) -> dict[str, Any]:
    board: dict[str, Any] = json.loads(path.read_text())
    return board


def panels(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboard(path)["panels"]
    return found


def questions() -> Iterator[tuple[str, str]]:
    """Where a query stands, and the query as Prometheus gets it."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        for panel in panels(path):
            for target in panel.get("targets", ()):
                query = target["expr"]
                for variable, value in GRAFANAS_OWN.items():
                    query = query.replace(variable, value)
                yield f"{path.name}: {panel['title']}", query


def asked() -> set[str]:
    """The names of all metrics that somebody asks for, without the endings of a histogram's parts."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for _, query in questions() for name in NAME.findall(query)}
