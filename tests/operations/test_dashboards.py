"""The Grafana dashboards: whole, without overlap, importable anywhere."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from told import DASHBOARDS, ROOT, dashboard, panels

UNITS = {"short", "s", "bytes", "percentunit", "cps", "reqps"}
"""As Grafana names them."""

each = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def test_there_is_one_for_ops_and_one_for_the_floor() -> None:
    assert [path.stem for path in DASHBOARDS] == ["floor", "ops"]
    assert len({dashboard(path)["uid"] for path in DASHBOARDS}) == 2


@each
def test_no_panel_lies_on_another_or_outside(path: Path) -> None:
    def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
        return (
            a["x"] < b["x"] + b["w"]
            and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"]
            and b["y"] < a["y"] + a["h"]
        )

    places = [panel["gridPos"] for panel in panels(path)]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 and place["h"] > 0 for place in places)
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []
    assert len({panel["id"] for panel in panels(path)}) == len(places)


@each
def test_every_panel_has_a_title_a_unit_a_question_and_the_chosen_data_source(path: Path) -> None:
    (variable,) = dashboard(path)["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    source = {"type": "prometheus", "uid": "${datasource}"}
    drawn = [panel for panel in panels(path) if panel["type"] != "row"]
    assert len(drawn) >= 12
    for panel in drawn:
        assert panel["title"]
        assert panel["type"] in ("timeseries", "stat")
        assert panel["datasource"] == source
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["targets"]
        assert all(target["expr"] and target["datasource"] == source for target in panel["targets"])
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@each
def test_a_legend_tells_only_labels_that_its_question_keeps(path: Path) -> None:
    for panel in panels(path):
        for target in panel.get("targets", ()):
            legend: str = target["legendFormat"]
            labels = [part.partition("}}")[0] for part in legend.split("{{")[1:]]
            for label in labels:
                kept = (
                    f"by ({label})" in target["expr"]
                    or f"{label}," in target["expr"]
                    or f", {label})" in target["expr"]
                )
                assert kept or label == "instance", (panel["title"], legend)


def test_provisioning_finds_the_data_source_and_the_folder() -> None:
    def read(name: str) -> Any:
        return yaml.safe_load((ROOT / "deploy/grafana/provisioning" / name / "strainwatch.yml").read_text())

    (source,) = read("datasources")["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    (provider,) = read("dashboards")["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
