"""Alerts about Strainwatch itself: each is explained, tested, and asks for what is really there."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml
from told import PROMETHEUS, ROOT, asked, questions, rules

from tools import metrics_page

RUNBOOK = (ROOT / "docs/runbook.md").read_text()
promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool here: install Debian's prometheus")
amtool = pytest.mark.skipif(
    not shutil.which("amtool"), reason="no amtool here: install Debian's prometheus-alertmanager"
)


def _run(*command: str, cwd: Path = PROMETHEUS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_each_alert_has_an_entry_in_the_runbook_and_each_entry_an_alert() -> None:
    entries = re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)
    alerts = [rule["alert"] for rule in rules()]
    assert Counter(entries) == Counter(alerts)
    for part in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]:
        assert re.findall(r"^\*\*(\w+)\*\*", part, re.MULTILINE) == ["Means", "Look", "Do"], part


def test_the_runbook_names_only_metrics_alerts_and_commands_that_exist() -> None:
    told = {one.name for one in metrics_page.metrics()}
    assert set(re.findall(r"\bstrainwatch_\w+", RUNBOOK)) <= told
    assert set(re.findall(r"\bStrainwatch[A-Z]\w+", RUNBOOK)) <= {rule["alert"] for rule in rules()}


def test_each_alert_says_how_bad_it_is_and_what_it_means_for_people() -> None:
    for rule in rules():
        assert rule["labels"].keys() == {"severity"}
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]


def test_rules_and_dashboards_ask_only_for_metrics_that_exist() -> None:
    told = {one.name for one in metrics_page.metrics()}
    assert asked() <= told, asked() - told
    assert len(list(questions())) > 100


def test_what_is_counted_matters_to_somebody() -> None:
    """A metric that neither an alert, a dashboard nor the runbook asks for is listed here, with why it is there."""
    beside = {
        "strainwatch_ingest_entries_bytes_total": "capacity: bytes an event",
        "strainwatch_ingest_entry_events": "capacity: events an entry",
        "strainwatch_ingest_reject_records_total": "how much the rejects stream tells",
        "strainwatch_ingest_reject_records_dropped_total": "how much it leaves out",
        "strainwatch_scoring_clock_difference_seconds": "the owner's clock, each second",
        "strainwatch_scoring_clock_faults_total": "the same, counted",
        "strainwatch_scoring_contradictions_total": "what a feed says that cannot be so",
        "strainwatch_scoring_gaps_total": "jumps of the log's clock",
        "strainwatch_scoring_lag_seconds": "as the scorer itself sees it",
        "strainwatch_scoring_learnt_total": "whether a baseline arrived",
        "strainwatch_scoring_state": "which phase, for a look at one process",
        "strainwatch_scoring_ticks_total": "how often nothing else was written",
        "strainwatch_scoring_unnamed_total": "a tenant with more names than there is room for",
        "strainwatch_notify_fan_out_seconds": "capacity: leads a process",
        "strainwatch_notify_feed_lag_seconds": "the oldest of the ages by partition",
        "strainwatch_channel_skipped_total": "why something was not sent",
    }
    told = {one.name for one in metrics_page.metrics()}
    used = asked() | set(re.findall(r"\bstrainwatch_\w+", RUNBOOK))
    assert told - used == beside.keys()


def test_every_alert_is_seen_firing_in_the_unit_tests() -> None:
    text = (PROMETHEUS / "rules_test.yml").read_text()
    assert [rule["alert"] for rule in rules() if f'alertname="{rule["alert"]}"' not in text] == []


def test_silencing_one_alert_by_another_names_alerts_that_exist() -> None:
    config = yaml.safe_load((ROOT / "deploy/alertmanager/alertmanager.yml").read_text())
    named = set(re.findall(r"Strainwatch\w+", str(config["inhibit_rules"])))
    assert named
    assert named <= {rule["alert"] for rule in rules()}


@promtool
def test_promtool_takes_the_rules_and_the_configuration() -> None:
    checked = _run("promtool", "check", "config", "prometheus.yml")
    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(rules())} rules found" in checked.stdout


@promtool
def test_each_alert_fires_when_it_should_and_not_before() -> None:
    tested = _run("promtool", "test", "rules", "rules_test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


@promtool
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("silent_seconds) > 15", "silent_seconds) > 14"),
        ("behind_seconds) > 10", "behind_seconds) > 11"),
        ("[15m])) == 0", "[5m])) == 0"),
    ],
)
def test_those_tests_notice_a_line_that_is_off_by_a_little(tmp_path: Path, right: str, wrong: str) -> None:
    text = (PROMETHEUS / "rules.yml").read_text()
    assert right in text
    (tmp_path / "rules.yml").write_text(text.replace(right, wrong))
    shutil.copy(PROMETHEUS / "rules_test.yml", tmp_path)
    assert _run("promtool", "test", "rules", "rules_test.yml", cwd=tmp_path).returncode != 0


@amtool
def test_amtool_takes_the_configuration_and_sends_alerts_to_a_receiver() -> None:
    folder = ROOT / "deploy/alertmanager"
    checked = _run("amtool", "check-config", "alertmanager.yml", cwd=folder)
    assert checked.returncode == 0, checked.stderr
    routed = _run(
        "amtool", "config", "routes", "test", "--config.file=alertmanager.yml", "severity=critical", cwd=folder
    )
    assert (routed.returncode, routed.stdout.strip()) == (0, "nobody")
