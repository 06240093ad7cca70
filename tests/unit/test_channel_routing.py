"""Which change goes out, in which words, when, and to which addresses."""

from __future__ import annotations

from datetime import time
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.notify.core.lanes import Lanes, Parcel
from services.notify.core.message import message_of
from services.notify.core.retries import PAUSE_S, Verdict, outcome_of_status, pause_s
from services.notify.core.routing import QuietHours, Route, is_news, message_id, phase_told, route_for, step_of
from services.notify.core.told import ToldAlert, read_told
from shared.addresses import refusal
from shared.contract.alerts import Alert, Change, Driver, Subject, SuggestedAction, encode_alert
from shared.contract.entries import EntryId

AT = "2026-01-31T08:00:00.000Z"
LATER = "2026-01-31T08:05:00.000Z"
MIDNIGHT_MS = 1_769_817_600_000  # 2026-01-31T00:00:00Z
HOUR_MS = 3_600_000


def alert(**fields: Any) -> ToldAlert:
    whole = Alert(
        **{
            "id": "a-1", "kind": "queue.strain", "severity": "warning", "phase": "open", "tenant": "acme",
            "team": "team-a", "subject": Subject("queue", "billing"), "strain": 71.5,
            "title": "Billing is under strain", "title_zh": "billing 负荷过高",
            "drivers": [
                Driver("load", 20.0, 1.2, "ratio", "more work than agents", "工作多于坐席"),
                Driver("predicted_wait", 51.5, 310.0, "s", "wait about 310 s", "预计等待 310 秒"),
            ],
            "evidence": [], "action": SuggestedAction("add_agents", "Ask for help", "请求支援"),
            "opened_at": AT, "updated_at": AT, "owner": None, "history": [Change(AT, "open", "warning")], **fields,
        }
    )  # fmt: skip
    return read_told(encode_alert(whole))


def later(phase: Any, severity: Any = "warning", **step: Any) -> ToldAlert:
    history = [Change(AT, "open", "warning"), Change(LATER, phase, severity, **step)]
    return alert(phase=phase, severity=severity, updated_at=LATER, history=history)


def route(**fields: Any) -> Route:
    return Route(**{"place": "routes[0]", "channel": "ops", **fields})


# --- what is news


def test_a_step_of_an_alerts_life_is_news_and_its_present_form_once_more_is_not() -> None:
    assert is_news(alert())
    assert is_news(later("resolved"))
    assert not is_news(alert(updated_at=LATER))
    assert not is_news(later("open", by="lee", reason="noted", note="back at two"))
    assert not is_news(later("suppressed"))


def test_a_step_that_is_published_twice_is_the_same_step() -> None:
    assert step_of(alert(strain=72.0)) == step_of(alert())
    assert step_of(later("escalated")) != step_of(alert())
    assert step_of(alert(team="team-b")) != step_of(alert())


def test_an_alert_without_a_life_is_told_as_one_that_opens() -> None:
    thanks = alert(phase="resolved", history=[Change(AT, "resolved", "notice", reason="settled")])
    assert phase_told(thanks) == "open"
    assert phase_told(later("resolved")) == "resolved"


def test_an_alert_that_became_worse_is_told_although_somebody_has_it() -> None:
    worse = later("acknowledged", "critical", reason="severity rose")
    assert route().wants(worse)
    assert not route().wants(later("acknowledged", by="lee", reason="acknowledged"))


def test_a_kind_of_a_newer_engine_goes_out_too() -> None:
    newer = alert(kind="queue.joy", severity="grave")
    assert route(severity_min="critical").wants(newer)
    assert message_of(newer, b"{}", "m", "en").title.startswith("[grave]")


# --- routes


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, True),
        ({"teams": frozenset({"team-a"})}, True),
        ({"teams": frozenset({"team-b"})}, False),
        ({"tenants": frozenset({"acme"})}, True),
        ({"tenants": frozenset({"other"})}, False),
        ({"kinds": frozenset({"queue.strain"})}, True),
        ({"kinds": frozenset({"agent.strain"})}, False),
        ({"severity_min": "warning"}, True),
        ({"severity_min": "critical"}, False),
        ({"phases": frozenset({"escalated"})}, False),
    ],
)
def test_a_route_wants_what_fits_all_its_keys(fields: dict[str, Any], wanted: bool) -> None:
    assert route(**fields).wants(alert()) is wanted


def test_a_team_hears_of_queues_of_no_team_and_not_of_agents_of_no_team() -> None:
    own = route(teams=frozenset({"team-a"}))
    assert own.wants(alert(team=None))
    assert not own.wants(alert(team=None, subject=Subject("agent", "ann")))


def test_the_first_route_that_wants_a_change_tells_it() -> None:
    routes = [route(place="1", severity_min="critical", language="zh-CN"), route(place="2"), route(place="3")]
    found = [route_for(change, routes) for change in (alert(), alert(severity="critical"))]
    assert [r.place for r in found if r] == ["2", "1"]


def test_the_key_of_a_message_is_its_own_and_always_the_same() -> None:
    keys = [
        message_id(*k) for k in (("ops", "a", "1-0"), ("ops", "a", "2-0"), ("chat", "a", "1-0"), ("ops", "b", "1-0"))
    ]
    assert len(set(keys)) == 4
    assert message_id("ops", "a", "1-0") == keys[0] == "msg_" + keys[0][4:]
    assert "." not in keys[0]


# --- quiet hours

NIGHT = QuietHours(time(22), time(7), ZoneInfo("Asia/Shanghai"))  # 14:00 to 23:00 UTC


@pytest.mark.parametrize(
    ("hour_utc", "wait_h"), [(13.99, 0), (14, 9), (15.5, 7.5), (16.5, 6.5), (22.5, 0.5), (23, 0), (3, 0)]
)
def test_quiet_hours_go_over_midnight_at_the_clock_of_their_zone(hour_utc: float, wait_h: float) -> None:
    now_ms = MIDNIGHT_MS + round(hour_utc * HOUR_MS)
    assert NIGHT.wait_s("warning", now_ms) == pytest.approx(wait_h * 3600)
    assert NIGHT.wait_s("critical", now_ms) == 0


def test_quiet_hours_within_a_day_end_the_same_day() -> None:
    lunch = QuietHours(time(12), time(13), ZoneInfo("UTC"), but=None)
    assert lunch.wait_s("critical", MIDNIGHT_MS + round(12.5 * HOUR_MS)) == 1800
    assert lunch.wait_s("critical", MIDNIGHT_MS + 13 * HOUR_MS) == 0


def test_quiet_hours_are_as_long_as_the_night_is_when_the_clock_is_put_forward() -> None:
    night = QuietHours(time(22), time(7), ZoneInfo("Europe/Madrid"))
    at_22_ms = 1_774_731_600_000  # 2026-03-28T21:00:00Z
    assert night.wait_s("warning", at_22_ms) == 8 * 3600


# --- words


def test_a_message_says_strain_reasons_and_something_kind_to_do_in_english() -> None:
    said = message_of(alert(), b"{}", "m", "en", public_url="https://strain.example.org/")
    assert said.title == "[warning] Billing is under strain"
    assert said.text.splitlines() == [
        "Strain 72 of 100:",
        "- wait about 310 s",
        "- more work than agents",
        "What may help: Ask for help",
        "Team: team-a",
        "Since 2026-01-31 08:00 UTC",
        "Open the board: https://strain.example.org/",
    ]


def test_a_message_says_the_same_in_chinese_at_the_clock_of_its_zone() -> None:
    said = message_of(later("escalated", "critical"), b"{}", "m", "zh-CN", zone=ZoneInfo("Asia/Shanghai"))
    assert said.title == "【紧急·尚无人处理】billing 负荷过高"
    assert said.text.splitlines() == [
        "压力值 72（最高 100）：",
        "- 预计等待 310 秒",
        "- 工作多于坐席",
        "建议：请求支援",
        "团队：team-a",
        "开始时间：2026-01-31 16:00 CST",
    ]


def test_the_end_of_an_alert_is_told_without_advice() -> None:
    said = message_of(later("resolved"), b"{}", "m", "en")
    assert said.title == "[warning, over] Billing is under strain"
    assert said.text == "Team: team-a\nFrom 2026-01-31 08:00 UTC to 2026-01-31 08:05 UTC"


def test_what_a_lead_wrote_does_not_go_out_as_text() -> None:
    step = Change(LATER, "escalated", "warning", by="lee", note="sister is ill")
    private = alert(phase="escalated", owner="lee", updated_at=LATER, history=[Change(AT, "open", "warning"), step])
    said = message_of(private, b"{}", "m", "en")
    assert "lee" not in said.title + said.text
    assert "sister" not in said.title + said.text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\r\nBcc: all@example.org", "a Bcc: all@example.org"),
        ("pay\u202emoney", "pay money"),
        ("<!channel> @here @所有人", "＜!channel> ＠here ＠所有人"),
        ("<b>&amp;", "<b>&amp;"),
        ("x" * 900, "x" * 290),
    ],
)
def test_a_name_can_neither_forge_a_line_nor_call_a_whole_room(name: str, shown: str) -> None:
    said = message_of(alert(title=name, team=name), b"{}", "m", "en")
    assert said.title == f"[warning] {shown}"
    assert len(said.text.splitlines()) == 6


# --- addresses


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_public_addresses_are_open(address: str) -> None:
    assert refusal(address, allow_private=False) is None


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::1", "::ffff:10.0.0.1",
     "64:ff9b::a00:1", "2002:a00:1::", "198.18.0.1"],
)  # fmt: skip
def test_private_addresses_are_open_only_when_that_is_meant(address: str) -> None:
    why = refusal(address, allow_private=False)
    assert why is not None
    assert "allow_private" in why
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.0.9", "fe80::1%eth0", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "0.0.0.0",
     "224.0.0.1", "255.255.255.255", "::", "64:ff9b::a9fe:a9fe", "::ffff:169.254.169.254", "localhost",
     "2002:a9fe:a9fe::", "64:ff9b:1::a9fe:a9fe",
     "2001:db8::5efe:a9fe:a9fe", "0.1.2.3", "192.0.0.192", "fd20:ce::254", "::169.254.169.254", "0x7f.1", "2130706433",
     "::ffff:0.0.0.0", ""],
)  # fmt: skip
def test_metadata_and_what_is_no_machine_stay_closed(address: str) -> None:
    assert refusal(address, allow_private=False) is not None
    assert refusal(address, allow_private=True) is not None


def test_only_private_networks_that_are_named_are_open_where_some_are() -> None:
    within = [ip_network("10.20.0.0/16"), ip_network("fd12::/16")]
    for address in ("10.20.3.4", "::ffff:10.20.3.4", "fd12::7"):
        assert refusal(address, allow_private=True, within=within) is None
        assert refusal(address, allow_private=False, within=within) is not None
    for address in ("10.21.3.4", "127.0.0.1", "::1", "fd13::7", "169.254.169.254"):
        assert refusal(address, allow_private=True, within=within) is not None
    assert refusal("93.184.216.34", allow_private=True, within=within) is None


# --- retries


def test_pauses_double_up_to_a_bound_and_are_spread() -> None:
    assert [pause_s(n, (2, 300), 1.0) for n in (1, 2, 3, 20, 10_000)] == [2, 4, 8, 300, 300]
    assert pause_s(3, PAUSE_S, 0.0) == 4


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "sent"), (204, "sent"), (301, "refused"), (400, "refused"), (404, "refused"), (410, "gone"), (408, "away"),
     (429, "away"), (500, "away"), (503, "away")],
)  # fmt: skip
def test_what_an_answer_means(status: int, verdict: str) -> None:
    assert outcome_of_status(status, None).verdict is Verdict(verdict)


@pytest.mark.parametrize(("asked", "given_s"), [("7", 7), ("999999", 3600), ("soon", 0), ("-5", 0), (None, 0)])
def test_a_receiver_may_ask_for_time_within_reason(asked: str | None, given_s: float) -> None:
    assert outcome_of_status(503, asked).retry_after_s == given_s


# --- lanes


def parcels(*ids: str) -> list[Parcel]:
    return [Parcel(EntryId(n + 1, 0), alert(id=id), b"{}") for n, id in enumerate(ids)]


def test_changes_of_an_alert_keep_their_order_and_hold_up_no_other() -> None:
    lanes, (a1, a2, b1) = Lanes(), parcels("a", "a", "b")
    for parcel in (a1, a2, b1):
        lanes.add(parcel)
    assert lanes.next(0.0) is a1
    lanes.failed(a1, 10.0)
    assert lanes.next(0.0) is b1
    lanes.remove(b1)
    assert lanes.next(9.0) is None
    assert (lanes.due_s(), len(lanes), lanes.oldest_ms()) == (10.0, 2, 1)
    assert lanes.next(10.0) is a1
    lanes.remove(a1)
    assert lanes.next(10.0) is a2


def test_after_an_outage_all_are_due_and_one_that_fails_alone_is_not() -> None:
    lanes, (a, b, c) = Lanes(), parcels("a", "b", "c")
    for parcel in (a, b, c):
        lanes.add(parcel)
    lanes.failed(a, 100.0)
    lanes.remove(c)
    lanes.succeeded()
    assert lanes.next(1.0) is b
    lanes.failed(b, 100.0)
    lanes.failed(a, 100.0)
    lanes.succeeded()
    assert lanes.next(1.0) is a


def test_one_that_waits_for_the_morning_is_looked_at_when_its_alert_changes() -> None:
    lanes, (first, second) = Lanes(), parcels("a", "a")
    lanes.add(first)
    lanes.wait(first, 100.0)
    assert lanes.next(1.0) is None
    assert not lanes.overtaken(first)
    assert (len(lanes), lanes.active()) == (1, 0)
    lanes.add(second)
    assert lanes.next(1.0) is first
    assert lanes.overtaken(first)
