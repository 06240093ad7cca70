"""Alerts beside strain: hard streaks, breaks that are due, recognition, teams, and a person contacted too often."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from care_days import RESOLVED, RULES, TEAM, UNRESOLVED, Care, care_log
from scoring_logs import T0, TENANT, Encoder, action, numbered, opened, play, seconds_of

from services.scoring.core.engine import Engine
from shared.contract.actions import Acknowledged, Closed, Snoozed
from shared.contract.rows import ABUSIVE, COMPLAINT

KINDS = ("agent.hard_streak", "agent.break_due", "agent.recognition", "team.strain", "campaign.over_contact")


def told(day: Care, kind: str, subject: str | None = None) -> list[dict[str, Any]]:
    """Changes of one kind, in order."""
    alerts = [json.loads(data) for data in play(day.log).bytes]
    return [a for a in alerts if a["kind"] == kind and subject in (None, a["subject"]["id"])]


def phases(day: Care, kind: str, subject: str | None = None) -> list[str]:
    return [alert["phase"] for alert in told(day, kind, subject)]


def at_s(alert: dict[str, Any]) -> float:
    """When it changed, s after T0."""
    return seconds_of({"opened_at": alert["updated_at"]})


def caused_ms(alert: dict[str, Any]) -> int:
    """Time of the entry at which it opened: its id names the entry."""
    return int(alert["id"].split("-")[0], 16)


def with_rules(kind: str, **rules: float) -> dict[str, Any]:
    return {**RULES, kind: {**RULES[kind], **rules}}


# --- all of them


def test_every_kind_comes_and_goes_with_shares_that_add_up_and_events_behind_it() -> None:
    seen: dict[str, set[str]] = {}
    for data in play(care_log()).bytes:
        alert = json.loads(data)
        seen.setdefault(alert["kind"], set()).add(alert["phase"])
        assert sum(d["share"] for d in alert["drivers"]) == pytest.approx(alert["strain"], abs=1e-9)
        assert alert["evidence"] or alert["kind"] == "feed.silent"
        assert alert["title"] != alert["title_zh"]
        assert alert["action"]["text"] != alert["action"]["text_zh"]
    assert seen.keys() - {"feed.silent"} == set(KINDS)
    assert all({"open", "resolved"} <= seen[kind] for kind in KINDS), seen


def test_what_leads_do_with_them_is_seen() -> None:
    log = care_log()
    for kind in KINDS:
        first = next(a for a in opened(play(log).bytes) if a["kind"] == kind)
        ms = caused_ms(first) + 1
        who: dict[str, Any] = {"tenant": TENANT, "alert": first["id"], "by": "lea"}
        acts = [
            action(ms, Acknowledged(id="a-1", **who)),
            action(ms + 100, Snoozed(id="a-2", for_s=60, **who)),
            action(ms + 200, Closed(id="a-3", **who)),
        ]
        changes = [json.loads(data) for data in play(numbered([*log, *acts])).bytes]
        life = [a["phase"] for a in changes if a["id"] == first["id"]]
        assert life == ["open", "acknowledged", "snoozed", "resolved"], kind


def test_a_closed_alert_stays_closed_while_its_line_is_held() -> None:
    day = Care()
    day.state(0, "available")
    day.ticks(1500)
    [first] = told(day, "agent.break_due")[:1]
    day.entries.append(action(T0 + 910_000, Closed(id="a-1", tenant=TENANT, alert=first["id"], by="lea")))
    changes = told(day, "agent.break_due")
    assert [a["phase"] for a in changes[:2]] == ["open", "resolved"]
    [again] = changes[2:3]
    assert (again["severity"], seconds_of(again)) == ("critical", 1200.0)


def test_after_it_calmed_a_closed_alert_may_come_again() -> None:
    day = Care(with_rules("agent.break_due", critical_line=900))
    day.state(0, "available")
    day.ticks(2600)
    [first] = told(day, "agent.break_due")[:1]
    day.entries.append(action(T0 + 910_000, Closed(id="a-1", tenant=TENANT, alert=first["id"], by="lea")))
    assert phases(day, "agent.break_due") == ["open", "resolved"]
    day.state(920, "break")
    day.state(1100, "available")
    assert [seconds_of(a) for a in told(day, "agent.break_due")][::2] == [900.0, 2000.0]


# --- hard streaks


def test_two_hostile_contacts_in_a_short_time_open_a_hard_streak_at_the_entry() -> None:
    day = Care()
    day.handled(10, ABUSIVE)
    day.handled(200.5, ABUSIVE)
    [alert] = told(day, "agent.hard_streak")
    assert (alert["phase"], alert["severity"], seconds_of(alert)) == ("open", "warning", 200.5)
    assert alert["evidence"] == ["e-1", "e-2"]
    assert alert["action"]["code"] == "agent.ease"


def test_contacts_that_are_less_hard_count_less() -> None:
    day = Care()
    for i in range(8):
        day.handled(10 + 60 * i, UNRESOLVED)
    assert phases(day, "agent.hard_streak") == []
    day.handled(500, ABUSIVE)
    assert phases(day, "agent.hard_streak") == ["open"]


def test_a_complaint_is_half_as_hard_as_a_hostile_contact() -> None:
    day = Care()
    day.handled(10, ABUSIVE)
    day.handled(11, COMPLAINT)
    assert phases(day, "agent.hard_streak") == []
    day.handled(12, COMPLAINT)
    assert phases(day, "agent.hard_streak") == ["open"]


def test_the_streak_becomes_critical_once_and_resolves_by_time_alone() -> None:
    day = Care()
    for i in range(3):
        day.handled(10 + i)
    day.ticks(3600)
    changes = told(day, "agent.hard_streak")
    assert [(a["phase"], a["severity"]) for a in changes] == [
        ("open", "warning"), ("open", "critical"), ("escalated", "critical"), ("resolved", "critical")
    ]  # fmt: skip
    assert at_s(changes[-1]) == pytest.approx(12 + 1800 * 0.6931, abs=2.0)  # three, down to one and a half


def test_a_queue_alert_never_suppresses_it() -> None:
    day = Care({**RULES, "queue.strain": {"open_line": 20, "close_line": 10, "open_hold_s": 0}})
    day.tell(0, 1, queue="q", n0=40.0, n1=900.0)
    day.handled(10)
    day.handled(11)
    assert phases(day, "queue.strain")[0] == "open"
    assert phases(day, "agent.hard_streak") == ["open"]


# --- breaks


def test_a_break_is_due_after_work_and_done_when_it_paid_the_work_back() -> None:
    day = Care(with_rules("agent.break_due", escalate_after_s=0))
    day.state(0, "available")
    day.state(950, "break")
    day.ticks(1300)
    changes = told(day, "agent.break_due")
    assert [(a["phase"], at_s(a)) for a in changes] == [("open", 900.0), ("resolved", 1103.0)]
    assert changes[0]["evidence"] == ["e-1"]


def test_the_events_behind_it_are_the_last_breaks() -> None:
    day = Care()
    for i in range(8):
        day.state(2 * i, "break")
        day.state(2 * i + 1, "available")
    day.ticks(1000)
    assert told(day, "agent.break_due")[0]["evidence"] == [f"e-{2 * i + 1}" for i in range(2, 8)]


def test_after_contact_work_and_meetings_are_no_break() -> None:
    for state in ("acw", "meeting", "on_contact"):
        day = Care()
        day.state(0, state)
        day.ticks(920)
        assert phases(day, "agent.break_due") == ["open"], state


def test_an_agent_without_states_or_without_a_sign_of_life_has_no_break_due() -> None:
    day = Care()
    day.handled(0)
    day.ticks(2000)
    assert phases(day, "agent.break_due") == []
    gone = Care(with_rules("agent.break_due", open_line=121, critical_line=200))
    gone.state(0, "available")
    gone.ticks(7600)
    assert phases(gone, "agent.break_due") == []


def test_who_is_not_heard_of_any_more_is_taken_off_the_list() -> None:
    day = Care(with_rules("agent.break_due", escalate_after_s=0))
    day.state(0, "available")
    day.ticks(7600)
    assert told(day, "agent.break_due")[-1]["phase"] == "resolved"
    assert at_s(told(day, "agent.break_due")[-1]) == 7200.0


# --- recognition


def streak(flags: int) -> Care:
    day = Care()
    for i in range(3):
        day.handled(10 + i, flags)
    day.ticks(4000)
    return day


def test_a_hard_streak_that_went_well_is_recognised_when_it_is_over() -> None:
    day = streak(ABUSIVE | RESOLVED)
    over = told(day, "agent.hard_streak")[-1]
    first, last = told(day, "agent.recognition")
    assert (first["phase"], first["severity"], first["action"]["code"]) == ("open", "notice", "agent.thank")
    assert at_s(first) == at_s(over)
    assert (last["phase"], last["severity"]) == ("resolved", "notice")
    assert at_s(last) == at_s(first) + 301.0


def test_one_that_did_not_go_well_is_passed_over_in_silence() -> None:
    assert phases(streak(ABUSIVE | UNRESOLVED), "agent.recognition") == []


def test_thanks_are_suggested_once_a_streak_also_when_a_lead_closes_them() -> None:
    day = streak(ABUSIVE | RESOLVED)
    first = told(day, "agent.recognition")[0]
    ms = T0 + round(seconds_of(first) * 1000) + 5000
    day.entries.append(action(ms, Closed(id="a-1", tenant=TENANT, alert=first["id"], by="lea")))
    assert phases(day, "agent.recognition") == ["open", "resolved"]


# --- teams


def team_of(size: int, offline: int = 0) -> Care:
    day = Care(with_rules("team.strain", open_hold_s=0))
    for i, agent in enumerate([*TEAM, "gus"][:size]):
        day.state(i / 10, "on_contact", agent)
        day.handled(30 + i, ABUSIVE, agent)
    for agent in TEAM[:offline]:
        day.state(40, "offline", agent)
    day.ticks(1200)
    return day


def test_the_strain_of_a_team_is_the_mean_of_those_who_are_there_at_a_whole_minute() -> None:
    [first, *_] = told(team_of(6), "team.strain")
    assert first["subject"] == {"type": "team", "id": "team-a"}
    assert first["team"] == "team-a"
    assert seconds_of(first) % 60 == 0
    agents = Engine(marks="minutes")
    at_ms = T0 + round(seconds_of(first) * 1000)
    for entry in team_of(6).log:
        if entry.id.ms < at_ms:
            agents.step(entry)
    strains = agents._floor.judge_agents(np.arange(6), at_ms)[2]
    assert first["strain"] == pytest.approx(strains.mean(), abs=1e-9)


def test_a_group_of_fewer_than_five_is_not_shown() -> None:
    assert phases(team_of(5), "team.strain")[0] == "open"
    assert phases(team_of(4), "team.strain") == []
    assert phases(team_of(7, offline=3), "team.strain") == []


def test_an_open_alert_of_a_team_that_becomes_too_small_says_no_more_of_it() -> None:
    day = team_of(5)
    began_s = seconds_of(told(day, "team.strain")[0])
    day.state(began_s + 10, "offline", "ann")
    changes = told(day, "team.strain")
    assert changes[-1]["phase"] == "resolved"
    assert (changes[-1]["strain"], changes[-1]["drivers"]) == (0.0, [])


# --- campaigns


def test_the_fourth_contact_to_the_same_person_within_a_week_is_one_too_many() -> None:
    day = Care()
    for i, count in enumerate((1, 2, 3)):
        day.called(10 + i, count)
    assert phases(day, "campaign.over_contact") == []
    day.called(20.2, 4)
    day.ticks(200)
    first, last = told(day, "campaign.over_contact")
    assert (first["phase"], seconds_of(first), first["evidence"]) == ("open", 20.2, ["e-4"])
    assert first["subject"] == {"type": "queue", "id": "spring-offer"}
    assert "4 times" in first["title"]
    assert (last["phase"], at_s(last)) == ("resolved", 141.0)


def test_more_of_them_prolong_it_and_the_eighth_is_critical() -> None:
    day = Care()
    for s, count in ((10, 4), (50, 5), (90, 8)):
        day.called(s, count)
    day.ticks(400)
    assert [(a["phase"], a["severity"], at_s(a)) for a in told(day, "campaign.over_contact")] == [
        ("open", "warning", 10.0), ("open", "critical", 90.0), ("resolved", "critical", 211.0)
    ]  # fmt: skip


def test_each_campaign_has_its_own_rules() -> None:
    queues = {"strict": {"alerts": {"campaign.over_contact": {"open_line": 2}}}}
    day = Care(tenants={TENANT: {"queues": queues}})
    for queue in ("strict", "spring-offer"):
        day.called(10, 2, queue)
    assert [a["subject"]["id"] for a in told(day, "campaign.over_contact")] == ["strict"]


def test_the_count_comes_from_the_index_of_the_log() -> None:
    encoder, entries = Encoder(), Care().entries
    for day in range(9):
        event: dict[str, Any] = {"type": "contact.offered", "queue": "spring", "caller": "+1", "direction": "outbound"}
        ms = T0 + day * 86_400_000
        entries.append(encoder.entry(ms, [{**event, "id": f"o-{day}", "ts": ms, "contact": f"c-{day}"}]))
    alerts = [json.loads(data) for data in play(entries).bytes]
    assert next(a["opened_at"][:10] for a in alerts if a["phase"] == "open") == "2026-03-05"
    assert max(a["title"] for a in alerts).endswith("8 times within 7 days")


def test_an_entry_from_before_counts_were_kept_is_read() -> None:
    day = Care()
    day.tell(1, 10, queue="spring-offer", contact=3, caller=7, flags=2 << 6)
    assert phases(day, "campaign.over_contact") == []
