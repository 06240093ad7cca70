"""Replay: bare events and exported logs through the engine, offline."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.scoring.core.agent_drivers import AGENT_DRIVERS
from services.scoring.core.parameters import check_settings
from services.scoring.core.queue_drivers import QUEUE_DRIVERS
from shared.contract.actions import Noted
from shared.contract.alerts import decode_alert
from shared.contract.entries import (
    EngineMark,
    Entry,
    EntryId,
    Events,
    action_fields,
    engine_fields,
    parse_entry,
    tick_fields,
)
from shared.settings import BadSetup, settings_of
from tools.log_export import readable
from tools.log_lines import AlertLine, EventsLine, Skipped, alert_line, events_line, read_line, skip_line
from tools.replay import SIGNAL_COLUMNS, Summary, main_replay
from tools.replay_input import BareEvents, ReplayError, exported_entries, is_export

T0 = 1_760_000_000_000 // 60_000 * 60_000
EAGER = '[alerts."queue.strain"]\nopen_line = 10\nopen_hold_s = 0\nclose_line = 5\nclose_hold_s = 0\n'


def ndjson(path: Path, events: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def observed(ts: int, waiting: int = 3, number: int = 0) -> dict[str, Any]:
    return {"type": "queue.observed", "id": f"o-{ts}-{number}", "ts": ts, "queue": "billing", "waiting": waiting}


def offered(ts: int, contact: str, caller: str | None = None, issue: str | None = None) -> dict[str, Any]:
    event = {"type": "contact.offered", "id": f"of-{contact}", "ts": ts, "contact": contact, "queue": "billing"}
    return event | {name: value for name, value in (("caller", caller), ("issue", issue)) if value}


def handled(ts: int, contact: str, agent: str = "ana") -> dict[str, Any]:
    event = {"type": "contact.handled", "id": f"h-{contact}", "ts": ts, "contact": contact, "queue": "billing"}
    return event | {"agent": agent, "handle_time_s": 120, "wait_s": 90}


def busy_hour() -> list[dict[str, Any]]:
    """A queue that fills up, and an agent who works through it."""
    events: list[dict[str, Any]] = []
    for i in range(60):
        at = T0 + i * 60_000
        events += [offered(at + 1, f"c{i}"), observed(at + 2, waiting=i), handled(at + 120_000, f"c{i}")]
    return events


def run(paths: list[Path], **given: Any) -> tuple[Summary, bytes, str]:
    out, err = io.BytesIO(), io.StringIO()
    return main_replay(paths, out=out, err=err, **given), out.getvalue(), err.getvalue()


# --- bare events


def test_events_of_all_files_are_merged_by_time_ties_in_reading_order(tmp_path: Path) -> None:
    one = ndjson(tmp_path / "1", [observed(T0 + 5, 1), observed(T0, 2), observed(T0, 3, 1)])
    two = ndjson(tmp_path / "2", [observed(T0, 4, 2), observed(T0 + 2, 5)])
    entries = list(BareEvents([one, two], "demo").entries())
    assert [entry.id for entry in entries] == [
        EntryId(T0, 0),
        EntryId(T0, 1),
        EntryId(T0, 2),
        EntryId(T0 + 2, 0),
        EntryId(T0 + 5, 0),
    ]
    bodies = [parse_entry(entry.fields) for entry in entries]
    assert all(isinstance(body, Events) and body.block.n == 1 for body in bodies)
    assert [float(body.block.n0[0]) for body in bodies if isinstance(body, Events)] == [2, 3, 4, 5, 1]


def test_events_belong_to_the_tenant_that_is_named(tmp_path: Path) -> None:
    path = ndjson(tmp_path / "e", [observed(T0)])
    (entry,) = BareEvents([path], "acme").entries()
    body = parse_entry(entry.fields)
    assert isinstance(body, Events)
    assert body.block.strings[body.block.tenant[0]] == "acme"


def test_a_caller_who_comes_back_about_the_same_issue_is_found(tmp_path: Path) -> None:
    events = [
        offered(T0, "c1", "555", "billing"),
        offered(T0 + 60_000, "c2", "555", "parcel"),
        offered(T0 + 90_000, "c3", "777", "billing"),
        offered(T0 + 120_000, "c4", "555", "billing"),
    ]
    bodies = [parse_entry(e.fields) for e in BareEvents([ndjson(tmp_path / "e", events)], "demo").entries()]
    assert [int(body.since_previous_ms[0]) for body in bodies if isinstance(body, Events)] == [-1, -1, -1, 120_000]


def test_bad_events_are_counted_with_their_place_and_the_rest_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "e"
    lines = [
        json.dumps(observed(T0)),
        "",
        "{nonsense",
        json.dumps(observed(T0 + 1) | {"waiting": -1}),
        json.dumps(observed(T0 + 2) | {"transcript": "no"}),
        json.dumps(observed(T0 + 3) | {"ts": "yesterday"}),
        json.dumps(observed(T0 + 3) | {"ts": T0 // 1000}),
        json.dumps(observed(T0 + 4)),
    ]
    path.write_text("\n".join(lines))
    summary, out, _ = run([path])
    assert summary.entries == 2
    told = out.decode()
    assert "5 events refused" in told
    assert "line 3)" in told
    assert "/waiting" in told


def test_events_of_which_none_is_good_are_a_fault(tmp_path: Path) -> None:
    path = ndjson(tmp_path / "e", [observed(T0) | {"waiting": -1}])
    with pytest.raises(ReplayError, match="no event was good"):
        run([path])


def test_json_prints_each_change_as_it_stands_in_the_alerts_log(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(EAGER)
    path = ndjson(tmp_path / "e", busy_hour())
    summary, out, err = run([path], settings=settings, as_json=True)
    alerts = [decode_alert(line) for line in out.splitlines()]
    assert len(alerts) == summary.changes > 0
    assert {alert.kind for alert in alerts} >= {"queue.strain"}
    assert "queue.strain" in err
    assert all(b"\n" not in line and json.loads(line)["tenant"] == "demo" for line in out.splitlines())


def test_settings_are_in_force_from_the_first_event(tmp_path: Path) -> None:
    events = BareEvents([ndjson(tmp_path / "e", [observed(T0), observed(T0, number=1)])], "demo")
    given = settings_of(EAGER.encode(), check=check_settings, now_ms=T0)
    first, *others = events.entries(given)
    assert first.id == EntryId(T0, 0)
    assert parse_entry(first.fields) == given
    assert [entry.id for entry in others] == [EntryId(T0, 1), EntryId(T0, 2)]


def test_wrong_settings_are_refused_with_every_fault(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("lateness_s = 1\ncolour = 2\n")
    with pytest.raises(BadSetup) as bad:
        run([ndjson(tmp_path / "e", [observed(T0)])], settings=settings)
    assert len(bad.value.faults) == 2


def test_a_pause_of_bare_events_is_no_clock_gap(tmp_path: Path) -> None:
    path = ndjson(tmp_path / "e", [observed(T0), observed(T0 + 3_600_000)])
    summary, _, _ = run([path])
    assert summary.gaps == 0


# --- signals


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_signals_are_a_row_for_each_whole_minute_and_known_entity(tmp_path: Path) -> None:
    table = tmp_path / "signals.csv"
    run([ndjson(tmp_path / "e", busy_hour())], signals=table)
    assert table.read_text().splitlines()[0] == ",".join(SIGNAL_COLUMNS)
    rows = rows_of(table)
    queue = [int(row["ts_ms"]) for row in rows if row["type"] == "queue"]
    assert queue == list(range(T0 + 60_000, T0 + 62 * 60_000, 60_000))
    agent = [int(row["ts_ms"]) for row in rows if (row["type"], row["id"]) == ("agent", "ana")]
    assert agent == list(range(T0 + 3 * 60_000, T0 + 62 * 60_000, 60_000)), "known from the first handled contact on"


def test_shares_add_up_to_the_strain_and_are_empty_where_a_driver_is_off(tmp_path: Path) -> None:
    table = tmp_path / "signals.csv"
    run([ndjson(tmp_path / "e", busy_hour())], signals=table)
    names = {"queue": [d.name for d in QUEUE_DRIVERS], "agent": [d.name for d in AGENT_DRIVERS]}
    strained = 0
    for row in rows_of(table):
        own = [row[name] for name in names[row["type"]]]
        other = [row[name] for kind, drivers in names.items() if kind != row["type"] for name in drivers]
        assert not any(other)
        assert sum(float(share) for share in own if share) == pytest.approx(float(row["strain"]), abs=1e-9)
        strained += float(row["strain"]) > 0
        if row["type"] == "agent":
            assert row["since_break"] == "", "no agent.state was ever sent"
            assert row["occupancy"] != ""
    assert strained > 60


def test_signals_do_not_depend_on_entries_of_the_same_minute_or_later(tmp_path: Path) -> None:
    events = busy_hour()
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    run([ndjson(tmp_path / "1", events)], signals=whole)
    minute = T0 + 30 * 60_000
    run([ndjson(tmp_path / "2", [e for e in events if e["ts"] < minute] + [observed(minute, 999)])], signals=part)
    assert rows_of(part) == [row for row in rows_of(whole) if int(row["ts_ms"]) <= minute]


# --- exported logs


def export(path: Path, entries: Iterable[Entry], partition: int = 0, skip: Iterable[EntryId] = ()) -> Path:
    lines = [skip_line(partition, position) for position in skip]
    lines += [events_line(partition, entry) for entry in entries]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def bare_entries(tmp_path: Path) -> list[Entry]:
    return list(BareEvents([ndjson(tmp_path / "bare", busy_hour())], "demo").entries())


def test_every_entry_comes_back_as_it_was() -> None:
    note = Noted(id="1", tenant="demo", alert="a", by="lee", text="“quoted”, 中文 \u2028")
    for fields in (
        {b"b": bytes(range(256)), b"r": b"\xff" * 8},
        tick_fields(T0),
        action_fields(note),
        engine_fields(EngineMark("x", "0-0")),
        {b"t": b"\xff not text"},
        {b"\xfe": b"unknown", b"zz": b"also"},
        {},
    ):
        entry = Entry(EntryId(T0, 5), fields)
        assert read_line(events_line(3, entry)) == EventsLine(3, entry)
    assert read_line(skip_line(1, EntryId(2, 3))) == Skipped(1, EntryId(2, 3))
    raw = b'{"id":"x","title":"\xe5\x8e\x8b","n":1.50}'
    assert read_line(alert_line(0, EntryId(1, 2), raw)) == AlertLine(0, EntryId(1, 2), raw)


@pytest.mark.parametrize("line", [b"{}", b"[]", b'{"partition":0,"id":"1-0"}', b'{"partition":0,"skip":"x"}', b"\xff"])
def test_a_line_that_is_none_says_so(line: bytes) -> None:
    with pytest.raises(ValueError, match="is not a line of"):
        read_line(line)


def test_an_exported_log_gives_the_same_changes_as_its_entries(tmp_path: Path) -> None:
    entries = bare_entries(tmp_path)
    summary, out, _ = run([export(tmp_path / "x", entries)], as_json=True)
    again, out_again, _ = run(
        [export(tmp_path / "1", entries[:50]), export(tmp_path / "2", entries[50:])], as_json=True
    )
    assert out == out_again
    assert summary.entries == again.entries == len(entries)


def test_partitions_are_judged_apart(tmp_path: Path) -> None:
    entries = bare_entries(tmp_path)
    one, _, _ = run([export(tmp_path / "1", entries)])
    two, _, _ = run([export(tmp_path / "1", entries), export(tmp_path / "2", entries, partition=1)])
    assert two.changes == 2 * one.changes
    assert two.entries == 2 * one.entries


def test_a_skipped_entry_is_a_tick_of_the_same_time(tmp_path: Path) -> None:
    entries = bare_entries(tmp_path)
    broken = Entry(entries[40].id, {b"b": b"SW broken"})
    path = export(tmp_path / "x", [*entries[:40], broken, *entries[41:]], skip=[broken.id])
    given = [entry for _, entry in exported_entries([path])]
    assert given[40] == Entry(broken.id, tick_fields(broken.id.ms))
    run([path])


def test_an_entry_on_which_the_engine_fails_is_named_with_the_way_out(tmp_path: Path) -> None:
    broken = Entry(EntryId(T0, 0), {b"b": b"SW broken"})
    with pytest.raises(ReplayError, match=f'"skip":"{T0}-0"'):
        run([export(tmp_path / "x", [broken])])


def test_given_settings_replace_those_of_the_log(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("revision = 4\n" + EAGER)
    (own, *rest) = BareEvents([ndjson(tmp_path / "bare", busy_hour())], "demo").entries(None)
    other = Entry(EntryId(own.id.ms, 0), {b"s": b'{"revision":9,"digest":"d","document":{"revision":9}}'})
    path = export(tmp_path / "x", [other, Entry(EntryId(own.id.ms, 1), own.fields), *rest])
    replaced, _, _ = run([path], settings=settings)
    as_it_stands, _, _ = run([path])
    assert replaced.changes > as_it_stands.changes


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([events_line(0, Entry(EntryId(5, 0), {})), events_line(0, Entry(EntryId(5, 0), {}))], "in the order of time"),
        ([events_line(0, Entry(EntryId(5, 0), {b"t": b"5"})), skip_line(0, EntryId(5, 0))], "too late"),
        ([alert_line(0, EntryId(5, 0), b"{}")], "export the events stream"),
        ([skip_line(0, EntryId(1, 0)), b"{}"], "line 2"),
    ],
)
def test_a_file_that_cannot_be_replayed_says_where(lines: list[bytes], said: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(ReplayError, match=said):
        list(exported_entries([path]))


def test_files_of_one_kind_only(tmp_path: Path) -> None:
    bare = ndjson(tmp_path / "bare", [observed(T0)])
    log = export(tmp_path / "log", [Entry(EntryId(T0, 0), tick_fields(T0))])
    empty = tmp_path / "empty"
    empty.touch()
    assert not is_export([bare, empty])
    assert is_export([empty, log])
    with pytest.raises(ReplayError, match="one kind"):
        is_export([bare, log])
    with pytest.raises(ReplayError, match="empty"):
        is_export([empty])


def test_an_entry_can_be_read_by_a_person(tmp_path: Path) -> None:
    path = ndjson(tmp_path / "e", [offered(T0, "c1", "555"), offered(T0 + 60_000, "c2", "555")])
    told = [json.loads(line) for e in BareEvents([path], "demo").entries() for line in readable(2, e)]
    assert [line["type"] for line in told] == ["contact.offered"] * 2
    assert told[1]["since_previous_s"] == 60
    assert told[0]["partition"] == 2
    assert "555" not in json.dumps(told), "a caller is only ever a hash"
    (tick,) = readable(0, Entry(EntryId(T0, 0), tick_fields(T0)))
    assert json.loads(tick)["tick"] == {"owner_ms": T0}
    (bad,) = readable(0, Entry(EntryId(T0, 0), {b"b": b"SW"}))
    assert "unreadable" in json.loads(bad)
