"""Settings: every fault is named, defaults hold, tenants and queues override."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from services.scoring.core.alert_kinds import KINDS
from services.scoring.core.parameters import (
    ABOUT_QUEUES,
    ALERT_RULES,
    BadSettings,
    check_settings,
    default_parameters,
    load_parameters,
)
from services.scoring.core.report_values import unit_values
from services.scoring.core.subjects import QUEUE
from shared.contract.tallies import UnitValues


def test_the_built_in_defaults_are_good_and_of_revision_0() -> None:
    assert default_parameters().revision == 0
    assert default_parameters().lateness_s == 900
    assert check_settings({}) == []


def test_every_bound_holds_at_its_ends_and_not_beyond() -> None:
    for kind, rules in ALERT_RULES.items():
        for name, bounds in rules.items():
            for value, good in ((bounds.low, True), (bounds.high, True), (bounds.low - 1, False), (1e9, False)):
                document = {"alerts": {kind: {name: value}}}
                faults = [fault for fault in check_settings(document) if "outside" in fault]
                assert (faults == []) is good, (kind, name, value)


FAULTY = """
revision = -1
lateness_s = 5
colour = "red"
[alerts."queue.strain"]
open_line = 101
opne_hold_s = 3
[alerts."queue.mood"]
[drivers.agent.occupancy]
weight = "high"
[drivers.agent.aht]
[drivers.queue.abandonment]
usual = true
[drivers.team]
[tenants.acme]
team = "x"
[tenants.acme.queues.q1]
team = ""
[tenants.acme.queues.q1.alerts."queue.surge"]
open_line = nan
[tenants.acme.queues]
q2 = 3
[tenants]
other = 7
"""
# Each line of the settings above that is wrong, by where the fault is and a word of what it says.
FAULTS = {
    "colour": "unknown",
    "alerts.queue.strain.open_line": "outside",
    "alerts.queue.strain.opne_hold_s": "unknown",
    "alerts.queue.mood": "unknown",
    "drivers.team": "unknown",
    "drivers.agent.occupancy.weight": "must be a number",
    "drivers.agent.aht": "unknown",
    "drivers.queue.abandonment.usual": "must be a number",
    "revision": "whole number",
    "lateness_s": "outside",
    "tenants.acme.team": "unknown",
    "tenants.acme.queues.q1.team": "name of a team",
    "tenants.acme.queues.q1.alerts.queue.surge.open_line": "outside",
    "tenants.acme.queues.q2": "must be a table",
    "tenants.other": "must be a table",
}


def faulty() -> dict[str, Any]:
    document = tomllib.loads(FAULTY.replace("[tenants.acme.queues]\nq2 = 3\n[tenants]\nother = 7\n", ""))
    document["tenants"]["acme"]["queues"]["q2"] = 3
    document["tenants"]["other"] = 7
    return document


def test_one_message_names_every_fault() -> None:
    told = dict(fault.split(": ", 1) for fault in check_settings(faulty()))
    assert told.keys() == FAULTS.keys()
    for place, word in FAULTS.items():
        assert word in told[place]
    with pytest.raises(BadSettings) as caught:
        load_parameters(faulty())
    assert all(place in str(caught.value) for place in FAULTS)


@pytest.mark.parametrize(
    "document",
    [
        {"revision": True},
        {"revision": 1.5},
        {"revision": 2**31},
        {"revision": "1"},
        {"lateness_s": 10**400},
        {"lateness_s": float("inf")},
        {"alerts": []},
        {"alerts": {"queue.strain": 5}},
        {"drivers": 3},
        {"drivers": {"agent": [1]}},
        {"tenants": []},
        {"tenants": {"t": {"queues": []}}},
        {"tenants": {"t": {"lateness_s": 900}}},
        {"tenants": {"t": {"queues": {"q": {"queues": {}}}}}},
        {"drivers": {"queue": {"service_level": {"goal": float("nan")}}}},
    ],
)
def test_what_has_the_wrong_form_is_a_fault_and_never_a_crash(document: dict[str, Any]) -> None:
    assert len(check_settings(document)) == 1


def test_lines_that_cross_are_a_fault_where_they_cross() -> None:
    """Also when each of the two stands in another table: the closing line of all, the opening line of one queue."""
    document: dict[str, Any] = {
        "alerts": {"queue.strain": {"close_line": 50}},
        "tenants": {"t": {"queues": {"q": {"alerts": {"queue.strain": {"open_line": 40}}}}}},
    }
    assert check_settings(document) == ["tenants.t.queues.q.alerts.queue.strain: close_line 50 is above open_line 40"]
    document["alerts"]["queue.strain"]["open_line"] = 30
    assert [fault.partition("alerts")[0] for fault in check_settings(document)] == [
        "",
        "tenants.t.",
        "tenants.t.queues.q.",
    ]


def test_a_queue_overrides_its_tenant_and_a_tenant_overrides_all() -> None:
    document = tomllib.loads(
        """
        revision = 7
        [drivers.queue.predicted_wait]
        target_wait_s = 40
        [tenants.acme.drivers.queue.predicted_wait]
        target_wait_s = 50
        [tenants.acme.queues.vip]
        team = "team-a"
        [tenants.acme.queues.vip.drivers.queue.predicted_wait]
        target_wait_s = 10
        """
    )
    parameters = load_parameters(document)
    targets = {
        scope: parameters.scope(*scope).queue["predicted_wait"]["target_wait_s"]
        for scope in (("other", None), ("other", "vip"), ("acme", None), ("acme", "q"), ("acme", "vip"))
    }
    assert list(targets.values()) == [40, 40, 50, 50, 10]
    assert parameters.scope("acme", "vip").team == "team-a"
    assert parameters.scope("acme", "q").team is None
    assert parameters.scope("acme", "vip").queue["predicted_wait"]["weight"] == 1.0
    assert default_parameters().scope("acme", "vip").queue["predicted_wait"]["target_wait_s"] == 60


def test_overrides_of_one_scope_do_not_leak_into_another() -> None:
    first = load_parameters({"alerts": {"queue.strain": {"open_line": 77}}})
    assert first.scope("t").alerts["queue.strain"]["open_line"] == 77
    assert default_parameters().scope("t").alerts["queue.strain"]["open_line"] == 70


def test_a_critical_line_that_was_asked_for_lies_at_or_above_the_opening_line() -> None:
    def faults(**rules: float) -> list[str]:
        return check_settings({"tenants": {"acme": {"alerts": {"queue.strain": rules}}}})

    assert faults(open_line=70, critical_line=70) == []
    assert faults(critical_line=55) == ["tenants.acme.alerts.queue.strain: critical_line 55 is below open_line 70"]
    # Who only raises the line at which it opens need not know of the other.
    assert faults(open_line=95) == []


def test_a_queue_cannot_have_rules_for_agents_of_its_own() -> None:
    inner = {"drivers": {"agent": {"occupancy": {"line": 80}}, "queue": {"abandonment": {"weight": 2}}}}
    assert check_settings({"tenants": {"acme": {"queues": {"q": inner}}}}) == [
        "tenants.acme.queues.q.drivers.agent: agents serve many queues; set it under tenants.acme"
    ]


def test_a_queue_has_rules_only_for_alerts_that_are_about_a_queue() -> None:
    """Others would be taken and never used: the fault says where they belong."""
    about = {name for name, kind in KINDS.items() if kind.subject == QUEUE}
    assert set(ABOUT_QUEUES) == about
    inner = {"alerts": {kind: {"escalate_after_s": 60} for kind in ALERT_RULES if kind != "agent.recognition"}}
    assert check_settings({"tenants": {"acme": {"queues": {"q": inner}}}}) == [
        f'tenants.acme.queues.q.alerts.{kind}: not about one queue; set it as [tenants.acme.alerts."{kind}"]'
        for kind in inner["alerts"]
        if kind not in about
    ]
    assert check_settings({"tenants": {"acme": inner}}) == []


def test_what_is_told_at_one_moment_has_no_hold_and_no_closing_line() -> None:
    for kind in ("agent.recognition", "campaign.over_contact"):
        for rule in ("open_hold_s", "close_line"):
            assert check_settings({"alerts": {kind: {rule: 0}}}) == []
            assert check_settings({"alerts": {kind: {rule: 5}}}) == [f"alerts.{kind}.{rule}: 5 lies outside 0 to 0"]


def test_a_tenants_clock_is_that_of_its_zone_by_the_offsets_that_came_with_the_settings() -> None:
    document = {"timezone": "Europe/Madrid", "tenants": {"far": {"timezone": "Asia/Shanghai"}}}
    offsets = {"Europe/Madrid": [(1000, 3600), (5000, 7200)], "Asia/Shanghai": [(1000, 28_800)]}
    parameters = load_parameters(document, offsets)
    assert [parameters.offset_ms("near", at_ms) for at_ms in (0, 1000, 4999, 5000, 9999)] == [
        *[3_600_000] * 3,
        *[7_200_000] * 2,
    ]
    assert parameters.offset_ms("far", 0) == 28_800_000
    assert load_parameters(document).offset_ms("far", 0) == 0  # a document without offsets
    assert default_parameters().offset_ms("far", 0) == 0


def test_the_budget_of_false_surges_is_a_tenants() -> None:
    parameters = load_parameters({"tenants": {"a": {"surges": {"false_alarms_a_day": 3}}}})
    assert [parameters.scope(t).surges["false_alarms_a_day"] for t in "ab"] == [3, 1]
    assert check_settings({"surges": {"false_alarms_a_day": 0}, "timezone": 7}) == [
        "surges.false_alarms_a_day: 0 lies outside 0.01 to 100",
        "timezone: must be an IANA name such as Europe/Madrid",
    ]
    assert check_settings({"tenants": {"a": {"queues": {"q": {"timezone": "UTC"}}}}})


def test_what_results_are_worth_is_set_for_all_and_for_one_tenant() -> None:
    document = tomllib.loads(
        """
        [report]
        value_per_visit_avoided = 45
        currency = "EUR"
        [tenants.acme.report]
        value_per_visit_avoided = 50.5
        value_per_repeat_avoided = 6
        """
    )
    assert check_settings(document) == []
    assert unit_values(document, "acme") == UnitValues(50.5, None, 6.0, "EUR")
    assert unit_values(document, "other") == UnitValues(45.0, None, None, "EUR")
    assert unit_values({}, "other") == UnitValues()


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"value_per_visit_avoided": -1, "currency": "EUR"}, "report.value_per_visit_avoided: lies outside 0 to"),
        ({"value_per_visit_avoided": "45", "currency": "EUR"}, "report.value_per_visit_avoided: must be a number"),
        ({"value_per_opportunity": True, "currency": "EUR"}, "report.value_per_opportunity: must be a number"),
        ({"value_per_visit": 1}, "report.value_per_visit: unknown; expected value_per_visit_avoided"),
        ({"currency": "euro"}, "report.currency: must be a code of three capital letters"),
        ({"value_per_opportunity": 3}, "report: values need a currency"),
        (45, "report: must be a table with"),
    ],
)
def test_what_is_wrong_with_the_values_of_a_report_is_named(table: Any, fault: str) -> None:
    (found,) = check_settings({"report": table})
    assert found.startswith(fault)
    (found,) = check_settings({"tenants": {"acme": {"report": table}}})
    assert found.startswith(f"tenants.acme.{fault}")
