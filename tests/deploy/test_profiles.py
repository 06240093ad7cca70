"""The profiles `demo` and `observability`: a simulated contact centre, scraped by a real Prometheus, which tells a real
Alertmanager. Grafana is not run: there is no image of it in this engine; its questions are put to Prometheus instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from house import FIGURES, OBSERVABILITY, ROOT, SERVICES, House, docker, eventually, get, standing

DEPLOY = ROOT / "deploy"
SCORERS = ("scoring-0", "scoring-1", "scoring-standby")
TARGETS = {"ingest:8081", "notify:8082", *(f"{scorer}:8083" for scorer in SCORERS), "localhost:9090"}
IMAGES = ("prom/prometheus:latest", "prom/alertmanager:latest")
# What the shipped files wait for, and what a test does: the same rules and routes, sooner.
SOONER = {
    "prometheus/prometheus.yml": [(r"(scrape|evaluation)_interval: 10s", r"\1_interval: 1s")],
    "prometheus/rules.yml": [(r"\bfor: \d+[smh]", "for: 1s")],
    "alertmanager/alertmanager.yml": [(r"group_wait: \d+s", "group_wait: 1s")],
}


@pytest.fixture(scope="module")
def house(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The demo, with Prometheus and Alertmanager beside it."""
    missing = [name for name in IMAGES if not docker("images", "-q", name)]
    if missing:
        pytest.skip(f"this engine has no image {' and no '.join(missing)}")
    folder = tmp_path_factory.mktemp("profiles")
    with standing(House(folder), "demo") as house:
        sooner = impatient(folder)
        house.stack(
            "compose", "--file", str(OBSERVABILITY), "--file", str(sooner), "--profile", "observability",
            "up", "--detach", "prometheus", "alertmanager",
        )  # fmt: skip
        yield house


def impatient(folder: Path) -> Path:
    """A compose file beside ours, with the shipped files but for their patience."""
    mounts: dict[str, list[str]] = {"prometheus": [], "alertmanager": []}
    for name, changes in SOONER.items():
        text = (DEPLOY / name).read_text()
        for pattern, instead in changes:
            text, count = re.subn(pattern, instead, text)
            assert count, (name, pattern)
        service, file = name.split("/")
        (folder / file).write_text(text)
        service = "alertmanager" if service == "alertmanager" else "prometheus"
        mounts[service].append(f"{folder / file}:/etc/{service}/{file}:ro")
    beside = {"services": {service: {"volumes": volumes} for service, volumes in mounts.items()}}
    (folder / "sooner.yaml").write_text(yaml.safe_dump(beside))
    return folder / "sooner.yaml"


def asked(house: House, question: str) -> list[dict[str, Any]]:
    """What Prometheus answers; a question that it does not understand fails."""
    answer = get(house.prometheus_port, f"/api/v1/query?query={quote(question)}")
    assert answer["status"] == "success", answer
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def up(house: House) -> set[str]:
    try:
        targets = get(house.prometheus_port, "/api/v1/targets?state=active")["data"]["activeTargets"]
    except OSError:
        return set()
    return {target["labels"]["instance"] for target in targets if target["health"] == "up"}


def active(house: House) -> set[str]:
    """The alerts that Alertmanager has and shows."""
    return {alert["labels"]["alertname"] for alert in get(house.alertmanager_port, "/api/v2/alerts?active=true")}


def test_the_simulator_fills_the_board_of_its_tenant(house: House) -> None:
    lead = {"Authorization": f"Bearer {house.token('demo')}"}

    def board() -> dict[str, Any] | None:
        there: dict[str, Any] = get(house.notify_port, "/v1/board", **lead)
        return there if there["queues"] and there["agents"] else None

    seen = eventually(board, "queues and agents on the board")
    FIGURES.append(f"the demo: {len(seen['queues'])} queues and {len(seen['agents'])} agents on the board")
    assert house.container("simulator")


def test_prometheus_scrapes_every_service_and_takes_every_rule(house: House) -> None:
    eventually(lambda: up(house) == TARGETS, "every target to be up")
    wanted = {rule["alert"] for group in yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())["groups"]
              for rule in group["rules"]}  # fmt: skip

    def healthy() -> bool:
        groups = get(house.prometheus_port, "/api/v1/rules")["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return {rule["name"] for rule in rules if rule["health"] == "ok"} == wanted

    eventually(healthy, "every rule to be evaluated without a fault")
    eventually(
        lambda: asked(house, 'sum(strainwatch_ingest_events_total{result="accepted"}) > 0'),
        "the simulator's events to be counted",
    )


def test_every_question_of_the_dashboards_is_understood_and_most_have_an_answer(house: House) -> None:
    eventually(lambda: up(house) == TARGETS, "every target to be up")
    questions = {
        target["expr"].replace("$__rate_interval", "1m")
        for file in sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
        for panel in json.loads(file.read_text())["panels"]
        for target in panel.get("targets", ())
    }
    assert len(questions) > 50
    # A rate needs two scrapes.
    eventually(lambda: asked(house, "sum(rate(strainwatch_ingest_events_total[1m])) > 0"), "a rate of events")
    empty = sorted(question for question in questions if not asked(house, question))
    print("without an answer:", *empty, sep="\n  ")
    FIGURES.append(f"dashboards: {len(questions)} questions, {len(empty)} without an answer in a house in order")
    assert len(empty) < len(questions) / 3


@pytest.mark.parametrize("service", ["prometheus", "alertmanager"])
def test_what_watches_is_confined_too(house: House, service: str) -> None:
    there = json.loads(docker("inspect", house.container(service)))[0]
    host = there["HostConfig"]
    assert there["Config"]["User"] == "65534:65534"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]


def test_when_nobody_scores_alertmanager_is_told_and_told_when_it_is_over(house: House) -> None:
    eventually(lambda: up(house) == TARGETS, "every target to be up")
    eventually(lambda: "StrainwatchNoOwner" not in active(house), "a house in order")
    scorers = [house.container(scorer) for scorer in SCORERS]
    FIGURES.append(f"memory at most, MB, with the demo: {house.memory_mb('valkey', *SERVICES, 'simulator')}")

    docker("stop", *scorers)
    eventually(lambda: {"StrainwatchNoOwner", "StrainwatchDown"} <= active(house), "Alertmanager to be told")
    (told, *_) = [
        alert
        for alert in get(house.alertmanager_port, "/api/v2/alerts")
        if alert["labels"]["alertname"] == "StrainwatchNoOwner"
    ]
    assert told["labels"]["severity"] == "critical"
    assert told["annotations"]["summary"].startswith("Nobody scores partition")

    docker("start", *scorers)
    house.wait_ready(*SCORERS)
    eventually(lambda: not {"StrainwatchNoOwner", "StrainwatchDown"} & active(house), "Alertmanager to be told again")


def test_down_leaves_the_data_of_both_and_nothing_else(house: House) -> None:
    mine = ("--filter", f"label=com.docker.compose.project={house.project}")
    house.stack("down")
    assert not docker("ps", "-aq", *mine)
    assert not docker("network", "ls", "-q", *mine)
    kept = {name.removeprefix(f"{house.project}_") for name in docker("volume", "ls", "-q", *mine).split()}
    assert kept == {"valkey-data", "prometheus-data", "alertmanager-data", "grafana-data"}
