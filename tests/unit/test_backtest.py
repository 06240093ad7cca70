"""The same day under two settings: which alerts come, go or move, what reaches the leads, what was false."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.contract.entries import Entry, EntryId, Settings, settings_fields
from tools.backtest import Backtest, main_backtest
from tools.backtest_alerts import AlertBook, Shown, compare
from tools.backtest_measures import AFTER_MS, HOUR_MS, explains, judge, load_of
from tools.backtest_strain import Band, Line, StrainOfDay, most_strained
from tools.centre.truth import Cause
from tools.log_lines import events_line
from tools.replay import main_replay
from tools.replay_input import BareEvents, ReplayError
from tools.truth_file import Injected, read_truth, write_truth

T0 = 1_760_000_000_000 // HOUR_MS * HOUR_MS
MINUTE_MS = 60_000
EAGER = 'revision = 3\n[alerts."queue.strain"]\nopen_line = 30\nopen_hold_s = 0\nclose_line = 20\nclose_hold_s = 0\n'
CALM = 'revision = 4\n[alerts."queue.strain"]\nopen_line = 90\nopen_hold_s = 300\nclose_line = 20\nclose_hold_s = 0\n'


def busy_hour(queue: str = "billing") -> list[dict[str, Any]]:
    """A queue that fills up, and six agents of a team who work through it."""
    events: list[dict[str, Any]] = []
    for i in range(6):
        state = {"type": "agent.state", "id": f"s{i}", "ts": T0, "agent": f"ag{i}", "state": "available"}
        events.append(state | {"team": "north"})
    for i in range(60):
        at, contact = T0 + i * MINUTE_MS, f"c{i}"
        events += [
            {"type": "contact.offered", "id": f"of-{i}", "ts": at + 1, "contact": contact, "queue": queue},
            {"type": "queue.observed", "id": f"o-{i}", "ts": at + 2, "queue": queue, "waiting": min(i, 60 - i) // 2},
            {"type": "contact.handled", "id": f"h-{i}", "ts": at + 120_000, "contact": contact, "queue": queue}
            | {"agent": f"ag{i % 6}", "handle_time_s": 300, "wait_s": 90},
        ]
    return events


def ndjson(path: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def run(paths: list[Path], **given: Any) -> tuple[Backtest, str]:
    out = io.BytesIO()
    found = main_backtest(paths, out=out, err=io.StringIO(), **given)
    return found, out.getvalue().decode()


def two_sides(folder: Path, **given: Any) -> tuple[Backtest, str]:
    day = ndjson(folder / "day.ndjson", busy_hour())
    a, b = written(folder / "eager.toml", EAGER), written(folder / "calm.toml", CALM)
    return run([day], settings=a, other=b, **given)


# --- matching


def shown(from_min: float, to_min: float | None, subject: str = "q", severity: str = "warning", **more: Any) -> Shown:
    from_ms, to_ms = round(from_min * MINUTE_MS), None if to_min is None else round(to_min * MINUTE_MS)
    key = ("demo", more.get("kind", "queue.strain"), more.get("type", "queue"), subject)
    return Shown(key, more.get("team"), from_ms, to_ms, [(from_ms, severity)])


def changes(a: list[Shown], b: list[Shown]) -> list[tuple[str, int | None, int | None]]:
    """(change, start in A, start in B), in minutes."""
    return [
        (d.change, None if d.a is None else d.a.from_ms // MINUTE_MS, None if d.b is None else d.b.from_ms // MINUTE_MS)
        for d in compare(a, b, last_ms=100 * MINUTE_MS)
    ]


def test_the_same_alert_on_both_sides_stays() -> None:
    assert changes([shown(1, 2)], [shown(1, 2)]) == [("stays", 1, 1)]


@pytest.mark.parametrize("other", [shown(2, 9), shown(1, 8), shown(1, None), shown(1, 9, severity="critical")])
def test_another_start_end_or_severity_is_a_move(other: Shown) -> None:
    assert changes([shown(1, 9)], [other]) == [("moves", 1, other.from_ms // MINUTE_MS)]


def test_what_is_on_one_side_only_comes_or_goes() -> None:
    assert changes([shown(1, 2)], []) == [("goes", 1, None)]
    assert changes([], [shown(1, 2)]) == [("comes", None, 1)]


def test_alerts_that_do_not_overlap_or_are_of_another_subject_or_kind_are_not_one() -> None:
    assert changes([shown(1, 2)], [shown(3, 4)]) == [("goes", 1, None), ("comes", None, 3)]
    assert {c for c, _, _ in changes([shown(1, 2)], [shown(1, 2, "other")])} == {"comes", "goes"}
    assert {c for c, _, _ in changes([shown(1, 2)], [shown(1, 2, kind="queue.surge")])} == {"comes", "goes"}


def test_of_several_that_overlap_the_longest_overlap_is_the_same_alert() -> None:
    one_long = [shown(0, 60)]
    three = [shown(1, 5), shown(10, 40), shown(50, 60)]
    assert changes(one_long, three) == [("moves", 0, 10), ("comes", None, 1), ("comes", None, 50)]
    assert changes(three, one_long) == [("goes", 1, None), ("moves", 10, 0), ("goes", 50, None)]


def test_each_alert_is_told_once_however_they_overlap() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        a, b = ([shown(s, s + d) for s, d in _apart(rng)] for _ in range(2))
        told = compare(a, b, last_ms=10**9)
        assert sorted(d.a.from_ms for d in told if d.a) == [one.from_ms for one in a]
        assert sorted(d.b.from_ms for d in told if d.b) == [one.from_ms for one in b]


def _apart(rng: np.random.Generator) -> list[tuple[int, int]]:
    out, at = [], 0
    for _ in range(rng.integers(0, 8)):
        at += int(rng.integers(1, 10))
        lasts = int(rng.integers(0, 10))
        out.append((at, lasts))
        at += lasts
    return out


def test_an_alert_suppressed_all_its_life_was_never_shown(tmp_path: Path) -> None:
    out = io.BytesIO()
    settings = written(tmp_path / "s.toml", EAGER)
    main_replay([ndjson(tmp_path / "e", busy_hour())], out=out, err=io.StringIO(), settings=settings, as_json=True)
    opened = json.loads(out.getvalue().splitlines()[0])
    assert opened["phase"] == "open"
    book = AlertBook()
    later = {"phase": "suppressed", "id": "hidden"}, {"phase": "resolved", "id": "hidden"}
    freed = {"phase": "suppressed", "id": "freed"}, {"phase": "open", "id": "freed", "updated_at": "2025-10-09T10:00Z"}
    for change in (*later, *freed):
        book.add(json.dumps(opened | change).encode())
    assert book.suppressed == 1
    assert [alert.from_ms for alert in book.shown] == [1_760_004_000_000]


# --- measures


def test_an_alert_without_a_team_counts_for_every_lead() -> None:
    alerts = [shown(0, 1, team="north"), shown(1, 2), shown(2, 3)]
    teams = [("demo", "north"), ("demo", "south"), ("other", "east")]
    two = load_of(alerts, teams, {"demo"}, 2.0, None)
    assert (two.leads, two.seen) == (2, 1 + 2 * 2)
    assert two.per_lead_hour == 5 / (2 * 2.0)
    assert load_of(alerts, [], {"demo"}, 2.0, None).per_lead_hour == 3 / 2.0
    assert load_of(alerts, teams, {"demo"}, 2.0, 4).per_lead_hour == (1 + 4 * 2) / (4 * 2.0)
    assert load_of([], [], set(), 0.0, None).per_lead_hour is None


SURGE = Injected("surge", 10 * MINUTE_MS, 20 * MINUTE_MS, queue="q", issue="parcel")


@pytest.mark.parametrize(
    ("alert", "is_explained"),
    [
        (shown(9, 12), False),
        (shown(10, 12), True),
        (shown(20 + AFTER_MS / MINUTE_MS, None), True),
        (shown(21 + AFTER_MS / MINUTE_MS, None), False),
        (shown(12, 13, "other"), False),
        (shown(12, 13, "parcel", kind="issue.surge", type="issue"), True),
        (shown(12, 13, "lost", kind="issue.surge", type="issue"), False),
        (shown(12, 13, "ana", kind="agent.strain", type="agent"), True),
    ],
)
def test_a_cause_explains_what_opened_in_its_time_about_what_it_names(alert: Shown, is_explained: bool) -> None:
    assert explains(SURGE, alert) is is_explained


def test_a_cause_about_an_agent_explains_no_alert_about_a_queue() -> None:
    abuse = Injected("abuse", 0, 10 * MINUTE_MS, agent="ana")
    assert explains(abuse, shown(1, 2, "ana", kind="agent.strain", type="agent"))
    assert not explains(abuse, shown(1, 2, "bo", kind="agent.strain", type="agent"))
    assert not explains(abuse, shown(1, 2))


def test_time_between_false_alarms() -> None:
    alerts = [shown(0, 1), shown(12, 15), shown(14, 15, "other"), shown(99, 100, kind="agent.recognition")]
    judged = judge(alerts, [SURGE, Injected("absence", 10**9, 10**9)], 6.0)
    assert (judged.causes, judged.found, judged.delay_p50_s, judged.false) == (2, 1, 120.0, 2)
    assert judged.hours_between_false == 3.0
    assert judge([shown(12, 13)], [SURGE], 6.0).hours_between_false is None


def test_truth_is_read_as_it_was_written_in_the_time_of_the_posted_events(tmp_path: Path) -> None:
    path = tmp_path / "causes.ndjson"
    causes = [Cause("absence", T0 + 100, T0 + 200, 0.3), Cause("surge", T0, T0 + 60, 3.0, "billing", "refund")]
    write_truth(path, causes, start_ms=T0, speed=10)
    assert read_truth(path) == [
        Injected("surge", T0, T0 + 6, 3.0, "billing", "refund"),
        Injected("absence", T0 + 10, T0 + 20, 0.3),
    ]


@pytest.mark.parametrize("line", ["{", '{"kind":"surge"}', '{"kind":"surge","start_ms":2,"end_ms":1}', "\x80"])
def test_a_line_that_is_no_cause_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "causes.ndjson"
    path.write_bytes(b'\n{"kind":"a","start_ms":1,"end_ms":1}\n' + line.encode("latin-1"))
    with pytest.raises(ReplayError, match="line 3"):
        read_truth(path)


# --- strain


def test_a_band_holds_values_that_someone_has() -> None:
    band = Band()
    band.add(7, np.array([50.0, 10.0, 40.0, 20.0, 30.0]))
    assert (list(band.p50.values), list(band.p90.values), list(band.top.values)) == ([30.0], [40.0], [50.0])


def test_groups_of_fewer_than_five_are_left_out(tmp_path: Path) -> None:
    few = [e for e in busy_hour() if e.get("agent") not in ("ag4", "ag5")]
    six, _ = run([ndjson(tmp_path / "six", busy_hour())])
    four, _ = run([ndjson(tmp_path / "four", few)])
    assert set(six.sides[0].strain.groups) == {("demo", None), ("demo", "north")}
    assert not four.sides[0].strain.groups


def test_agents_who_went_home_are_not_counted_as_calm(tmp_path: Path) -> None:
    home = [
        {"type": "agent.state", "id": f"x{i}", "ts": T0 + 30 * MINUTE_MS, "agent": f"ag{i}", "state": "offline"}
        for i in range(6)
    ]
    events = [e for e in busy_hour() if e["ts"] < T0 + 30 * MINUTE_MS or e["type"] == "queue.observed"]
    found, _ = run([ndjson(tmp_path / "e", events + home)])
    assert max(found.sides[0].strain.groups["demo", "north"].p50.minutes) * MINUTE_MS <= T0 + 30 * MINUTE_MS


def test_the_queues_with_most_strain_minutes_on_any_side_come_first() -> None:
    days = [StrainOfDay(), StrainOfDay()]
    for day, values in zip(days, ({"a": 5.0, "b": 1.0, "c": 3.0}, {"b": 9.0}), strict=True):
        for name, value in values.items():
            day.queues["demo", name] = Line()
            day.queues["demo", name].add(1, value)
    assert [name for _, name in most_strained(days, 2)] == ["b", "a"]


# --- the whole


def test_the_comparison_says_what_goes_and_which_settings_differ(tmp_path: Path) -> None:
    found, text = two_sides(tmp_path)
    a, b = found.sides
    assert len(a.alerts) > len(b.alerts)
    assert any(d.change == "goes" for d in found.differences)
    assert '  alerts."queue.strain".open_line: 30 -> 90\n' in text
    assert "A: eager.toml\nB: calm.toml\n" in text
    assert "\ngo:\n" in text
    assert "queue.strain  billing" in text
    assert "leads = distinct teams" in text
    assert "revision" not in text


def test_each_side_is_what_a_replay_under_its_settings_gives(tmp_path: Path) -> None:
    found, _ = two_sides(tmp_path)
    for side, text in zip(found.sides, (EAGER, CALM), strict=True):
        out = io.BytesIO()
        settings = written(tmp_path / "one.toml", text)
        main_replay([tmp_path / "day.ndjson"], out=out, err=io.StringIO(), settings=settings, as_json=True)
        ids = {change["id"] for change in map(json.loads, out.getvalue().splitlines())}
        assert len(ids) == len(side.alerts) + side.book.suppressed
    assert found.sides[0].alerts


def test_settings_of_an_exported_log_are_replaced_on_both_sides(tmp_path: Path) -> None:
    own = Settings(9, "d", {"revision": 9})
    entries = list(BareEvents([ndjson(tmp_path / "bare", busy_hour())], "demo").entries())
    entries.insert(0, Entry(EntryId(entries[0].id.ms - 5, 0), settings_fields(own)))
    log = tmp_path / "log"
    log.write_bytes(b"".join(events_line(0, entry) + b"\n" for entry in entries))
    a, b = written(tmp_path / "eager.toml", EAGER), written(tmp_path / "calm.toml", CALM)
    both, _ = run([log], settings=a, other=b)
    assert len(both.sides[0].alerts) > len(both.sides[1].alerts)
    kept, text = run([log], other=b)
    assert kept.sides[0].settings is None
    assert "the log's own settings" in text
    assert [alert.key for alert in kept.sides[1].alerts] == [alert.key for alert in both.sides[1].alerts]


def test_json_is_a_line_for_each_alert_of_both_sides(tmp_path: Path) -> None:
    found, text = two_sides(tmp_path, as_json=True)
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == len(found.differences) > 0
    gone = next(line for line in lines if line["change"] == "goes")
    assert gone["b"] is None
    assert set(gone["a"]) == {"opened_ms", "resolved_ms", "severity"}
    assert gone["subject"] == {"type": "queue", "id": "billing"}


def test_causes_are_judged_on_both_sides(tmp_path: Path) -> None:
    truth = ndjson(tmp_path / "causes", [{"kind": "surge", "start_ms": T0, "end_ms": T0 + HOUR_MS, "queue": "billing"}])
    found, text = two_sides(tmp_path, truth=truth)
    judged = found.sides[0].judged
    assert judged is not None
    assert (judged.found, judged.causes, judged.false) == (1, 1, 0)
    assert "hours between false alarms" in text
    assert "1 / 1" in text


def test_a_zone_that_does_not_exist_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no time zone 'Mars'"):
        two_sides(tmp_path, timezone="Mars")
