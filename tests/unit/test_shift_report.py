"""The shift report over a made day: sums against plain ones, scope, groups, value, words and markup."""

from __future__ import annotations

import importlib.util
import json
import random
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from services.notify.core.scope import Scope
from services.notify.core.shift import Shift
from services.notify.core.shift_alerts import ShiftAlert, read_alert
from services.notify.core.shift_words import PART_WORDS
from services.notify.reports.page import CONTENT_POLICY, CSS, document
from services.notify.reports.words import LANGUAGES, WORDS
from shared.contract.reports import ShiftReport
from shared.contract.signal_columns import column
from shared.contract.tallies import (
    COUNTERS,
    QUEUE_COUNTERS,
    IssueTallies,
    People,
    QueueTallies,
    Tallies,
    TallyRows,
    UnitValues,
)

T0 = 1_772_440_440_000
MINUTE = 60_000
TEAMS, QUEUES, ISSUES, DEPARTMENTS = ["north", "south"], ["billing", "cards", "loans"], ["refund", "login"], ["branch"]
TEAM_OF = [1, 2, 0]  # loans is everybody's
LANDS = [(t, i, d) for t in (0, 1, 2) for i in (0, 1, 2) for d in (0, 1)]
EVERYTHING = Scope.of("acme", ["*"], "lead")
HAN = re.compile("[\u4e00-\u9fff]")
NAUGHTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202eevil\u202c",
    "a\x00b",
    "&amp;",
    "名" * 200,
]


def minute(number: int, rng: random.Random, **changes: Any) -> Tallies:
    counts = np.array([[rng.randrange(5) for _ in LANDS] for _ in COUNTERS], float)
    of_queues = np.array([[rng.randrange(5) for _ in QUEUES] for _ in QUEUE_COUNTERS], float)
    given: dict[str, Any] = {
        "tenant": "acme",
        "from_ms": T0 + number * MINUTE,
        "to_ms": T0 + (number + 1) * MINUTE,
        "zone": "Asia/Shanghai",
        "values": UnitValues(45.0, 12.5, 6.0, "EUR"),
        "teams": TEAMS,
        "departments": DEPARTMENTS,
        "queues": QueueTallies(
            QUEUES, column(TEAM_OF, "i4"), column([1, 0, 0], "u1"), column([0.8] * 3, "f4"), column([3, 4, 5], "f4"),
            column([2, 4, 0], "f4"), list(QUEUE_COUNTERS), column(of_queues, "f4"),
        ),
        "issues": IssueTallies(ISSUES, column([6, 0], "f4"), column([2, 0], "f4"), column([0.5, np.nan], "f4")),
        "rows": TallyRows(
            *(column([land[k] for land in LANDS], "i4") for k in range(3)), list(COUNTERS), column(counts, "f4")
        ),
        "people": [People(None, 14, 3, 2), People("north", 9, 3, 1), People("south", 5, 0, 1)],
    }  # fmt: skip
    return Tallies(**{**given, **changes})


def day(minutes: int = 30, **changes: Any) -> list[Tallies]:
    rng = random.Random(7)
    return [minute(n, rng, **changes) for n in range(minutes)]


def report(
    minutes: list[Tallies], scope: Scope = EVERYTHING, teams: tuple[str, ...] = (), alerts: tuple[ShiftAlert, ...] = ()
) -> ShiftReport:
    shift = Shift(scope, frozenset(teams), T0, T0 + 60 * MINUTE)
    for one in minutes:
        shift.add(one)
    period = ("2026-03-02T08:34:00Z", "2026-03-02T09:34:00Z")
    return shift.report(alerts, made_at="2026-03-02T09:35:00Z", period=period, zone=shift.zone or "UTC", whole=True)


def alert(kind: str = "queue.strain", **fields: Any) -> ShiftAlert:
    opened = "2026-03-02T08:40:00.000Z"
    given: dict[str, Any] = {
        "id": "a-1", "kind": kind, "severity": "warning", "phase": "resolved", "tenant": "acme", "team": None,
        "owner": None, "subject": {"type": kind.partition(".")[0], "id": "billing"}, "title": "Billing is under strain",
        "title_zh": "billing 负荷过高", "drivers": [{"text": "Wait about 310 s", "text_zh": "预计等待 310 秒"}],
        "opened_at": opened, "updated_at": "2026-03-02T09:00:00.000Z",
        "history": [
            {"at": opened, "phase": "open"}, {"at": "2026-03-02T08:41:30.000Z", "phase": "acknowledged", "by": "lea"},
            {"at": "2026-03-02T09:00:00.000Z", "phase": "resolved"},
        ],
    }  # fmt: skip
    return read_alert(json.dumps({**given, **fields}).encode())


def plain(
    minutes: list[Tallies], teams: set[int]
) -> tuple[Counter[str], dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Sums cell by cell: of all, by issue, by department."""
    whole: Counter[str] = Counter()
    issues: dict[str, Counter[str]] = defaultdict(Counter)
    departments: dict[str, Counter[str]] = defaultdict(Counter)
    for one in minutes:
        cells = np.frombuffer(one.rows.counts, "<f4")
        for c, name in enumerate(COUNTERS):
            for r, (team, issue, department) in enumerate(LANDS):
                if team in teams:
                    value = float(cells[c * len(LANDS) + r])
                    whole[name] += value
                    if issue:
                        issues[ISSUES[issue - 1]][name] += value
                    if department:
                        departments[DEPARTMENTS[department - 1]][name] += value
    return whole, issues, departments


@pytest.mark.parametrize(
    ("scope", "narrowed", "teams", "queues"),
    [
        (EVERYTHING, (), {0, 1, 2}, {"billing", "cards", "loans"}),
        (Scope.of("acme", ["north"], "lead"), (), {0, 1}, {"billing", "loans"}),
        (EVERYTHING, ("south",), {0, 2}, {"cards", "loans"}),
        (Scope.of("acme", ["west"], "lead"), (), {0}, {"loans"}),
    ],
)
def test_a_lead_sees_the_sums_of_the_own_teams_and_of_queues_of_nobody(
    scope: Scope, narrowed: tuple[str, ...], teams: set[int], queues: set[str]
) -> None:
    minutes = day()
    made, (whole, issues, departments) = report(minutes, scope, narrowed), plain(minutes, teams)
    assert (made.floor.offered, made.floor.repeats) == (whole["offered"], whole["repeats"])
    assert made.floor.mean_wait_s == pytest.approx(whole["wait_s"] / whole["waits"], abs=1e-4)
    assert {q.id for q in made.queues} == queues
    for line in made.issues:
        assert line.contacts == issues[line.id]["offered"]
        assert line.wait_min == pytest.approx(issues[line.id]["wait_s"] / 60, abs=0.06)
        assert line.strain_minutes == issues[line.id]["strain_minutes"]
        cost = [
            issues[line.id][n] / sum(i[n] for i in issues.values()) for n in ("wait_s", "repeats", "strain_minutes")
        ]
        assert line.cost_share == pytest.approx(sum(cost) / 3, abs=1e-4)
    assert sum(line.cost_share for line in made.issues) == pytest.approx(1, abs=1e-3)
    assert [line.cost_share for line in made.issues] == sorted((i.cost_share for i in made.issues), reverse=True)
    (branch,) = made.departments
    assert (branch.complaints, branch.compliments) == (
        departments["branch"]["complaints"], departments["branch"]["compliments"]
    )  # fmt: skip


def test_what_is_usual_is_compared_only_where_it_is_known() -> None:
    made = report(day(10))
    assert {i.id: i.against_usual for i in made.issues} == {"refund": 3.0, "login": None}
    assert {q.id: q.against_usual for q in made.queues} == {"billing": 1.5, "cards": 1.0, "loans": None}


def test_the_value_is_counts_times_the_centres_own_values_and_says_how() -> None:
    minutes = day()
    whole, issues, _ = plain(minutes, {0, 1, 2})
    usual = 0.5 * issues["refund"]["offered"]
    avoided = max(0.0, usual - issues["refund"]["repeats"])
    made = report(minutes).value
    assert [part.count for part in made.parts] == [whole["visits_avoided"], whole["opportunities"], avoided]
    assert made.total == 45 * whole["visits_avoided"] + 12.5 * whole["opportunities"] + 6 * avoided
    assert f"{whole['visits_avoided']:g} contacts resolved without a visit × EUR 45.00" in made.formula.text
    assert f"= EUR {made.total:,.2f}" in made.formula.text_zh


def test_without_unit_values_there_are_counts_and_no_money() -> None:
    made = report(day(values=UnitValues())).value
    assert made.parts[0].count > 0
    assert (made.total, made.currency, made.parts[0].value) == (None, None, None)
    assert "EUR" not in document(report(day(values=UnitValues())), "en")


def test_minutes_outside_the_period_are_left_out() -> None:
    rng = random.Random(1)
    before, after = minute(-2, rng), minute(61, rng)
    assert report([before, *day(3), after]).floor == report(day(3)).floor
    assert report([before, after]).period.known_s == 0


def test_only_groups_of_five_or_more_are_shown_and_only_to_their_leads() -> None:
    assert [p.team for p in report(day()).people] == [None, "north", "south"]
    assert [p.team for p in report(day(), Scope.of("acme", ["north"], "lead")).people] == ["north"]
    assert report(day(people=[People(None, 4, 0, 0)])).people == []


def test_alerts_about_agents_are_counted_and_never_named() -> None:
    agents = [
        alert(
            "agent.strain", id=f"a-{n}", subject={"type": "agent", "id": "ann-marie"}, title="ann-marie is under load"
        )
        for n in range(3)
    ]
    made = report(day(), alerts=(*agents, alert()))
    assert [(k.kind, k.opened, k.acted, k.acted_p50_s) for k in made.done] == [
        ("queue.strain", 1, 1, 90.0), ("agent.strain", 3, 3, 90.0)
    ]  # fmt: skip
    assert [a.id for a in made.alerts] == ["a-1"]
    for text in (json.dumps(msgspec.to_builtins(made)), document(made, "en"), document(made, "zh-CN")):
        assert "ann-marie" not in text


def test_alerts_of_others_and_of_other_times_are_left_out() -> None:
    for other in (
        alert(team="south"),
        alert(tenant="other"),
        alert(opened_at="2026-03-02T09:40:00Z"),
        alert(opened_at="2026-03-02T07:00:00Z", updated_at="2026-03-02T08:00:00Z"),
        alert("queue.surge", history=[{"at": "2026-03-02T08:40:00Z", "phase": "resolved", "reason": "settled"}]),
    ):
        made = report(day(), Scope.of("acme", ["north"], "lead"), alerts=(other,))
        assert (made.alerts, made.done, made.surges) == ([], [], [])


@pytest.mark.parametrize("name", NAUGHTY)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_breaks_out_of_the_page(name: str, language: Any) -> None:
    made = report(
        day(departments=[name], issues=IssueTallies([name, "login"], *[column([1, 1], "f4")] * 3)),
        alerts=(alert("queue.surge", title=name, title_zh=name, history=[
            {"at": "2026-03-02T08:40:00Z", "phase": "open"},
            {"at": "2026-03-02T08:41:00Z", "phase": "assigned", "by": name},
        ]),),
    )  # fmt: skip
    made = msgspec.structs.replace(made, tenant=name, teams=[name])
    page = document(made, language).replace(CSS, "")
    assert "<script" not in page
    assert "<img" not in page
    assert "\x00" not in page
    assert "style=" not in page, "the content policy refuses it"
    assert page.count("<main") == page.count("</main>") == 1
    for tag in ("bdi", "section", "table", "td", "ul", "li", "p"):
        assert page.count(f"<{tag}>") + page.count(f"<{tag} ") == page.count(f"</{tag}>")
    if "\u202e" in name:
        assert page.count(name) == page.count(f"<bdi>{name}</bdi>")


def test_the_page_loads_nothing_and_its_style_is_allowed_by_its_digest() -> None:
    page = document(report(day()), "en")
    assert not re.search(r"\b(src|href)=", page)
    assert "script-src" not in CONTENT_POLICY
    assert "default-src 'none'" in CONTENT_POLICY
    assert page.count("<style>") == 1


def test_a_report_of_nothing_says_so_in_both_languages() -> None:
    for language in LANGUAGES:
        page = document(report([]), language)
        assert WORDS["nothing"][LANGUAGES.index(language)] in page
        assert "<table" not in page


def test_every_label_speaks_english_and_chinese_with_the_same_places() -> None:
    for key, (en, zh) in {**WORDS, **PART_WORDS}.items():
        assert en
        assert not HAN.search(en), key
        assert HAN.search(zh) or key == "unknown", key
        assert sorted(re.findall(r"{\w+}", en)) == sorted(re.findall(r"{\w+}", zh)), key


def test_the_chinese_page_has_no_english_sentence_of_ours() -> None:
    made = report(day(), alerts=(alert(), alert("queue.surge", id="a-2"), alert("agent.recognition", id="a-3")))
    page = document(made, "zh-CN").replace(CSS, "")
    assert '<html lang="zh-CN">' in page
    for key, (en, _) in WORDS.items():
        if len(en) > 8:
            assert f">{en}<" not in page, key


def test_no_text_of_the_report_blames() -> None:
    path = Path(__file__).parent / "scoring" / "test_wording.py"
    spec = importlib.util.spec_from_file_location("wording_rules", path)
    assert spec is not None
    assert spec.loader is not None
    rules = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rules)
    made = report(day(), alerts=(alert(), alert("agent.recognition", id="a-3")))
    said = [*WORDS.values(), *PART_WORDS.values(), *((w.text, w.text_zh) for w in [*made.well, made.value.formula])]
    assert len(made.well) >= 4
    for en, zh in said:
        assert not rules.BLAMES.search(en), en
        assert not rules.BLAMES_ZH.search(zh), zh
