"""The drawn day: one file that needs nothing else, the same bytes each time, and names that stay names."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from test_backtest import CALM, EAGER, T0, busy_hour, ndjson, written

from services.scoring.core.report import settled_alert
from shared.contract.alerts import Alert, Change, Driver, Subject, SuggestedAction, encode_alert
from tools.backtest import main_backtest
from tools.backtest_alerts import Difference, Shown
from tools.backtest_measures import HOUR_MS, judge
from tools.backtest_strain import MINUTE_MS, Line
from tools.backtest_text import Zone
from tools.backtest_words import WORDS
from tools.report_html import QUEUES_MAX, SUBJECTS_MAX
from tools.report_html import page as report_page
from tools.report_html_marks import TICKS_MAX, Frame, fitted, path
from tools.report_html_tables import ROWS_MAX, ROWS_SHOWN

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u202e"


def drawn(folder: Path, events: list[dict[str, Any]], two: bool = True, **given: Any) -> str:
    folder.mkdir(exist_ok=True)
    report = folder / "out.html"
    other = written(folder / "calm.toml", CALM) if two else None
    settings = written(folder / given.pop("name", "eager.toml"), EAGER)
    day = ndjson(folder / "day", events)
    main_backtest([day], out=io.BytesIO(), err=io.StringIO(), settings=settings, other=other, report=report, **given)
    return report.read_text()


class Tags(HTMLParser):
    """Names of the elements and attributes, and whether every element is closed in its order."""

    VOID = frozenset({"meta", "input", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return drawn(tmp_path_factory.mktemp("page"), busy_hour())


def test_the_page_asks_for_nothing(page: str) -> None:
    assert "://" not in page
    tags = Tags(page)
    assert not tags.open
    assert not tags.names & {"script", "link", "img", "iframe", "image", "use", "object"}
    assert not tags.attributes & {"src", "href", "xlink:href", "onerror", "onclick", "srcset"}
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_the_page_has_strain_alerts_and_what_differs(page: str) -> None:
    for told in (
        "Queues under most strain",
        "压力最大的队列",
        "billing",
        "eager.toml",
        "calm.toml",
        "All agents",
        "north",
    ):
        assert told in page
    assert 'class="line-a"' in page
    assert 'class="line-b"' in page
    assert re.search(r'<rect class="(warning|critical)" x=', page)
    assert '<td class="name">alerts.&quot;queue.strain&quot;.open_line</td>' in page


def test_agents_are_not_named(page: str) -> None:
    assert not re.search(r"\bag[0-5]\b", page)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, page: str) -> None:
    assert drawn(tmp_path / "again", busy_hour()) == page


def test_one_side_can_be_drawn_alone(tmp_path: Path) -> None:
    page = drawn(tmp_path, busy_hour(), two=False, language="zh")
    assert "line-b" not in page.partition("</style>")[2]
    assert 'id="lang-zh" checked' in page
    assert '<html lang="zh-CN">' in page
    assert "calm.toml" not in page


def test_names_stay_names(tmp_path: Path) -> None:
    events = [event | ({"team": HOSTILE} if "team" in event else {}) for event in busy_hour(HOSTILE)]
    truth = ndjson(tmp_path / "causes", [{"kind": HOSTILE, "start_ms": T0, "end_ms": T0 + HOUR_MS, "queue": HOSTILE}])
    page = drawn(tmp_path / "in", events, truth=truth, name="<b>&.toml")
    tags = Tags(page)
    assert not tags.open
    assert not tags.names & {"script", "img"}
    assert "onerror" not in tags.attributes
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;&amp;.toml" in page
    assert "&amp;amp;" in page


def test_of_many_queues_the_most_strained_are_drawn(tmp_path: Path) -> None:
    events = busy_hour("the busy one")
    for number in range(300):
        events += [
            {"type": "queue.observed", "id": f"q{number}-{m}", "ts": T0 + m * 5 * MINUTE_MS, "queue": f"quiet {number}"}
            | {"waiting": 0}
            for m in range(3)
        ]
    page = drawn(tmp_path, events)
    assert f"the {QUEUES_MAX} of 301 queues" in page
    assert page.count("<title>quiet ") == QUEUES_MAX - 1
    assert "<title>the busy one</title>" in page
    assert len(page) < 1_000_000


def test_the_causes_are_drawn_and_an_agent_in_them_is_not_named(tmp_path: Path) -> None:
    causes = [
        {"kind": "surge", "start_ms": T0, "end_ms": T0 + HOUR_MS, "queue": "billing"},
        {"kind": "abuse", "start_ms": T0, "end_ms": T0 + HOUR_MS, "agent": "ag3"},
    ]
    page = drawn(tmp_path / "in", busy_hour(), truth=ndjson(tmp_path / "causes", causes))
    assert page.count('class="cause-bar"') == 2
    assert "ag3" not in page
    assert "hours between false alarms" in page


def test_alerts_about_issues_are_bars_with_their_names(tmp_path: Path) -> None:
    day, settings = ndjson(tmp_path / "day", busy_hour()), written(tmp_path / "eager.toml", EAGER)
    found = main_backtest([day], out=io.BytesIO(), err=io.StringIO(), settings=settings)
    for number in range(SUBJECTS_MAX + 2):
        at_ms = T0 + number * MINUTE_MS
        key = ("demo", "issue.surge", "issue", f"parcel {number}")
        found.sides[0].alerts.append(Shown(key, None, at_ms, at_ms + 5 * MINUTE_MS, [(at_ms, "warning")]))
    page = report_page(found, Zone("UTC"), "en")
    assert page.count("<title>parcel ") == SUBJECTS_MAX
    assert "issue.surge parcel 0, " in page
    assert "问题激增" in page


def surge(of: str, about: str, contacts: float, minute: int) -> bytes:
    at = f"2026-03-02T10:{minute:02}:00.000Z"
    texts = "words of it", "关于它的话"
    drivers = [
        Driver("refund", 30.0, contacts, "contacts", *texts),
        Driver("other", 9.0, 4.0, "contacts", "rest", "其余"),
    ]
    return encode_alert(
        Alert(
            id="1-1",
            kind=of,  # type: ignore[arg-type]
            severity="warning",
            phase="open",
            tenant="demo",
            team=None,
            subject=Subject(of.partition(".")[0], about),  # type: ignore[arg-type]
            strain=39.0,
            title="",
            title_zh="",
            drivers=drivers if of == "queue.surge" else drivers[:1],
            evidence=[],
            action=SuggestedAction("surge.staff", "", ""),
            opened_at=at,
            updated_at=at,
            owner=None,
            history=[Change(at=at, phase="open", severity="warning")],
        )
    )


def test_the_issues_behind_surges_are_told_where_they_were_at_their_most(tmp_path: Path) -> None:
    day, settings = ndjson(tmp_path / "day", busy_hour()), written(tmp_path / "eager.toml", EAGER)
    found = main_backtest([day], out=io.BytesIO(), err=io.StringIO(), settings=settings)
    for minute, contacts in enumerate((12.0, 57.4, 31.0)):
        found.sides[0].book.add(surge("queue.surge", "billing", contacts, minute))
    found.sides[0].book.add(surge("issue.surge", "refund", 20.0, 9))
    page = report_page(found, Zone("UTC"), "en")
    assert '<td class="name">refund</td><td class="n">57</td><td class="name">billing</td>' in page
    assert "words of it" in page
    assert "关于它的话" in page
    assert '<td class="name">other</td>' not in page


def test_what_is_told_once_is_shown_as_a_moment_and_is_no_alarm(tmp_path: Path) -> None:
    day, settings = ndjson(tmp_path / "day", busy_hour()), written(tmp_path / "eager.toml", EAGER)
    found = main_backtest([day], out=io.BytesIO(), err=io.StringIO(), settings=settings)
    book, before = found.sides[0].book, len(found.sides[0].alerts)
    told = settled_alert(
        "queue.strain", "demo", None, Subject("queue", "billing"), ("longer", "更长"), "handle_times.plan", T0 + 5
    )
    told.id = "9-9"
    suppressed = book.suppressed
    book.add(encode_alert(told))
    found.sides[0].alerts = book.shown
    assert (len(book.shown), book.suppressed) == (before + 1, suppressed)
    moment = next(alert for alert in book.shown if alert.settled)
    assert (moment.from_ms, moment.to_ms) == (T0 + 5, T0 + 5)
    assert judge([moment], [], hours=1.0).false == 0
    page = report_page(found, Zone("UTC"), "en")
    assert "handle times: new usual" in page
    assert "处理时长：新常态" in page


def test_a_long_table_of_changes_is_folded(tmp_path: Path) -> None:
    found = main_backtest([ndjson(tmp_path / "day", busy_hour())], out=io.BytesIO(), err=io.StringIO(), other=None)
    found.sides.append(found.sides[0])
    for number in range(ROWS_MAX + 5):
        at_ms = T0 + number * 1000
        alert = Shown(("demo", "queue.strain", "queue", f"q{number}"), None, at_ms, at_ms + 9, [(at_ms, "warning")])
        found.differences.append(Difference(alert, None))
    page = report_page(found, Zone("UTC"), "en")
    assert not Tags(page).open
    assert page.count('<td class="when">–</td>') == ROWS_MAX
    assert f"show {ROWS_MAX - ROWS_SHOWN} more" in page
    assert "5 more: see the comparison in words." in page


# --- marks


@pytest.mark.parametrize("hours", [0.5, 2, 8, 24, 24 * 14, 24 * 90])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns", "Europe/Madrid"])
def test_labels_of_the_time_axis_are_round_and_few(hours: float, zone: str) -> None:
    ticks = Frame(T0, T0 + round(hours * HOUR_MS), Zone(zone)).ticks()
    assert 1 <= len(ticks) <= TICKS_MAX + 1
    assert all(re.fullmatch(r"\d\d:(00|15|30|45)|\d\d-\d\d", label) for _, label in ticks)
    assert [x for x, _ in ticks] == sorted({x for x, _ in ticks})


def test_a_line_keeps_its_peaks_and_its_gaps() -> None:
    frame = Frame(0, 2000 * MINUTE_MS, Zone("UTC"))
    line = Line()
    for minute in [*range(1000), *range(1500, 2000)]:
        line.add(minute, 100.0 if minute == 501 else 10.0)
    runs = frame.runs(line, height=50, top=100)
    assert len(runs) == 2
    assert min(y for run in runs for _, y in run) == 0.0
    assert path(runs).count("M") == 2
    assert path(runs, 50).count("Z") == 2


def test_a_name_is_cut_to_its_place() -> None:
    assert fitted("billing") == "billing"
    assert fitted("a" * 40, 10) == "a" * 9 + "…"
    assert fitted("账单与付款问题咨询", 10) == "账单与付…"


def test_every_text_has_the_same_places_in_both_languages() -> None:
    for key, (en, zh) in WORDS.items():
        places = [sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in (en, zh)]
        assert places[0] == places[1], key
        assert re.search(r"[\u4e00-\u9fff]", zh) or key == "p90", key
