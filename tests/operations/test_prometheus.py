"""A real Prometheus reads real services by the configuration that operators install, and answers every question."""

from __future__ import annotations

import json
import re
import shutil
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml
from told import PROMETHEUS, asked, questions, rules

from shared.embedded import ensure_server
from tests.acceptance.running import eventually, free_port, ready, started

pytestmark = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="no prometheus here: install Debian's package of that name"
)
SERVICES = ("ingest", "scoring", "notify")
SECRET = "a secret for tests, of 32 bytes or more"
CHANNELS = """
[channels.wallboard]
type = "webhook"
url = "http://127.0.0.1:9/"
allow_private = true
secret = "whsec_c2VjcmV0IG9mIGF0IGxlYXN0IDI0IGJ5dGVz"

[[routes]]
channel = "wallboard"
"""


def _asked(port: int, path: str, **parameters: str) -> Any:
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}?{query}", timeout=30) as answer:
        body = json.load(answer)
    assert body["status"] == "success", body
    return body["data"]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Prometheus whose targets are all up."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "channels.toml").write_text(CHANNELS)
    store = ensure_server(folder / "store")
    variables = {
        "STRAINWATCH_REDIS_URL": store.url,
        "STRAINWATCH_PARTITIONS": "2",
        "STRAINWATCH_JWT_SECRET": SECRET,
        "STRAINWATCH_CALLER_SECRET": SECRET,
        "STRAINWATCH_CHANNELS": str(folder / "channels.toml"),
    }
    ports = {name: free_port() for name in SERVICES}
    own = free_port()
    with ExitStack() as stack:
        stack.callback(store.stop)
        for name, port in ports.items():
            command = [sys.executable, "-c", "from tools.cli import main; main()", "serve", name, "--port", str(port)]
            stack.enter_context(started(command, folder, **variables))
        for name, port in ports.items():
            eventually(ready(port), f"{name} to be ready")
        config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            port = ports.get(job["job_name"].removeprefix("strainwatch-"), own)
            job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
        config["alerting"]["alertmanagers"] = []
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        shutil.copy(PROMETHEUS / "rules.yml", folder)
        command = [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{own}",
        ]
        stack.enter_context(started(command, folder))
        eventually(lambda: _healthy(own), "all targets to be up")
        yield own


def _healthy(port: int) -> bool:
    try:
        targets = _asked(port, "targets")["activeTargets"]
    except OSError:
        return False
    return len(targets) == 4 and all(target["health"] == "up" for target in targets)


def test_every_metric_that_is_asked_for_is_really_read(prometheus: int) -> None:
    def missing() -> set[str]:
        names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in _asked(prometheus, "label/__name__/values")}
        return asked() - names

    later = {"strainwatch_scoring_event_age_seconds", "strainwatch_notify_signals_age_seconds"}  # with the first event
    eventually(lambda: missing() <= later, f"all but the later ones; missing are {missing()}")


def test_every_rule_is_evaluated_without_a_fault(prometheus: int) -> None:
    def health() -> set[str]:
        found = [rule for group in _asked(prometheus, "rules")["groups"] for rule in group["rules"]]
        assert len(found) == len(rules())
        assert not [rule["lastError"] for rule in found if rule.get("lastError")]
        return {rule["health"] for rule in found}

    eventually(lambda: health() == {"ok"}, "each rule to be evaluated once")


def test_every_question_of_rules_and_dashboards_is_answered(prometheus: int) -> None:
    """Also with nothing: most alerts have nothing to say of services that are well."""

    def shown() -> bool:  # rates have something to say from the second look on
        answered = [(place, _asked(prometheus, "query", query=query)["result"]) for place, query in questions()]
        assert [place for place, result in answered if not isinstance(result, list)] == []
        from_dashboards = [result for place, result in answered if ".json" in place]
        return sum(map(bool, from_dashboards)) > len(from_dashboards) // 2

    eventually(shown, "dashboards of which at most half the panels are empty")


def test_services_that_are_well_raise_no_alert_that_is_critical(prometheus: int) -> None:
    def critical() -> list[str]:
        firing = [alert["labels"] for alert in _asked(prometheus, "alerts")["alerts"] if alert["state"] == "firing"]
        return [labels["alertname"] for labels in firing if labels["severity"] == "critical"]

    eventually(lambda: not critical(), f"a machine that was busy to be well again; there is {critical()}")
