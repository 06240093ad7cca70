"""The bank's call records become events; what is wrong in them is counted and left out."""

from __future__ import annotations

import io
import json
import runpy
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.contract.events import event_decoder
from tools.bank_calls import BankCalls, BankCallsError, Fault, Report, main_convert

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests/data/bank_calls_small.tsv"
REAL = ROOT.parent / "shared/data/bank-calls/1999-02-01_to_14.tsv"
HEAD = (
    "vru+line call_id customer_id priority type date vru_entry vru_exit vru_time "
    "q_start q_exit q_time outcome ser_start ser_exit ser_time server"
)
MIDNIGHT_MS = 983_750_400_000  # 2001-03-05 00:00 UTC
NONE = "0:00:00 0:00:00 0"

Event = dict[str, Any]


def converted(*rows: str, timezone: str = "UTC") -> tuple[list[Event], Report]:
    source = BankCalls([line.replace(" ", "\t") for line in (HEAD, *rows)], timezone=timezone)
    return list(source.events()), source.report


def fault(*rows: str, timezone: str = "UTC") -> Fault:
    events, report = converted(*rows, timezone=timezone)
    assert report.rows == report.answered + report.bad.total()
    assert sum(event["type"] == "contact.offered" for event in events) == report.answered
    (only,) = report.bad
    return only


def at_ms(hour: int, minute: int, second: int) -> int:
    return MIDNIGHT_MS + ((hour * 60 + minute) * 60 + second) * 1000


def told(events: list[Event]) -> list[tuple[str, int]]:
    return [(event["type"], event["ts"]) for event in events if event["type"] != "queue.observed"]


def test_a_call_that_waited_is_offered_answered_and_handled() -> None:
    events, report = converted(
        "ZZ01 7 5550001 2 PS 010305 9:10:00 9:10:08 8 9:10:08 9:11:18 70 AGENT 9:11:17 9:13:17 120 S01"
    )
    for event in events:
        assert len(event.pop("id")) == 36
    who = {"contact": "ZZ01-010305-7", "queue": "PS"}
    seen = {"type": "queue.observed", "queue": "PS"}
    assert events == [
        {
            "type": "contact.offered",
            "ts": at_ms(9, 10, 8),
            **who,
            "caller": "5550001",
            "channel": "voice",
            "direction": "inbound",
        },
        {**seen, "ts": at_ms(9, 11, 0), "waiting": 1, "longest_wait_s": 52, "agents_busy": 0},
        {"type": "contact.answered", "ts": at_ms(9, 11, 18), **who, "agent": "S01", "wait_s": 70},
        {**seen, "ts": at_ms(9, 12, 0), "waiting": 0, "longest_wait_s": 0, "agents_busy": 1},
        {
            "type": "contact.handled",
            "ts": at_ms(9, 13, 17),
            **who,
            "agent": "S01",
            "handle_time_s": 120,
            "wait_s": 70,
            "caller": "5550001",
        },
        {**seen, "ts": at_ms(9, 14, 0), "waiting": 0, "longest_wait_s": 0, "agents_busy": 0},
    ]
    assert (report.rows, report.answered, report.bad.total()) == (1, 1, 0)


def test_a_call_served_at_once_did_not_wait() -> None:
    events, _ = converted(f"ZZ01 7 0 0 NW 010305 9:10:00 9:10:08 8 {NONE} AGENT 9:10:12 9:11:12 60 S01")
    assert told(events) == [
        ("contact.offered", at_ms(9, 10, 12)),
        ("contact.answered", at_ms(9, 10, 12)),
        ("contact.handled", at_ms(9, 11, 12)),
    ]
    assert "caller" not in events[0]
    assert events[1]["wait_s"] == 0


def test_a_call_that_hung_up_in_the_queue_is_abandoned() -> None:
    events, report = converted(f"ZZ01 7 0 0 NW 010305 9:10:00 9:10:08 8 9:10:08 9:10:38 30 HANG {NONE} NO_SERVER")
    assert told(events) == [("contact.offered", at_ms(9, 10, 8)), ("contact.abandoned", at_ms(9, 10, 38))]
    assert (events[1]["wait_s"], report.abandoned) == (30, 1)


def test_a_call_that_hung_up_in_the_menu_never_joined_a_queue() -> None:
    events, report = converted(f"ZZ01 7 0 0 NW 010305 9:10:00 9:10:08 8 {NONE} HANG {NONE} NO_SERVER")
    assert events == []
    assert (report.not_queued, report.bad.total()) == (1, 0)


def test_a_returned_call_claims_no_direction() -> None:
    events, _ = converted(f"ZZ01 7 0 0 TT 010305 9:10:00 9:10:08 8 {NONE} AGENT 9:10:08 9:11:08 60 S01")
    assert "direction" not in events[0]


@pytest.mark.parametrize(
    ("row", "moments_s"),
    [
        # in the queue over midnight
        (f"ZZ01 7 0 0 PS 010305 23:59:19 23:59:29 10 23:59:29 0:00:26 57 HANG {NONE} NO_SERVER", [-31, 26]),
        # in the menu before, in the queue after
        ("ZZ01 7 0 0 PS 010305 23:59:56 23:59:56 0 0:00:02 0:00:29 27 AGENT 0:00:29 0:01:29 60 S01", [2, 29, 89]),
        # with the agent over midnight
        (f"ZZ01 7 0 0 PS 010305 23:59:49 23:59:59 10 {NONE} AGENT 23:59:58 0:00:56 58 S01", [-1, -1, 56]),
        # a queue that ends, and one that begins, at 0:00:00 sharp
        (f"ZZ01 7 0 0 PS 010305 23:59:40 23:59:50 10 23:59:50 0:00:00 10 HANG {NONE} NO_SERVER", [-10, 0]),
        (f"ZZ01 7 0 0 PS 010305 23:59:50 0:00:00 10 0:00:00 0:00:30 30 HANG {NONE} NO_SERVER", [0, 30]),
    ],
)
def test_a_call_may_cross_midnight(row: str, moments_s: list[int]) -> None:
    events, report = converted(row)
    next_day_ms = MIDNIGHT_MS + 86_400_000
    assert [ts for _, ts in told(events)] == [next_day_ms + second * 1000 for second in moments_s]
    assert not report.bad


def test_an_agent_clock_two_seconds_early_is_normal_and_three_is_backwards() -> None:
    row = "ZZ01 7 0 0 PS 010305 9:10:00 9:10:08 8 9:10:08 9:10:38 30 AGENT {} S01"
    events, report = converted(row.format("9:10:36 9:10:37 1"))
    assert told(events)[1:] == [("contact.answered", at_ms(9, 10, 38)), ("contact.handled", at_ms(9, 10, 38))]
    assert not report.bad
    assert fault(row.format("9:10:35 9:11:35 60")) is Fault.BACKWARDS


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("9:10:00 9:10:08 8 9:10:08 9:10:38 30 PHANTOM 9:10:38 9:11:08 30 NO_SERVER", Fault.PHANTOM),
        ("9:10:00 9:10:08 8 9:10:08 9:10:38 30 AGENT 9:10:38 9:11:08 30 NO_SERVER", Fault.NO_SERVER),
        (f"9:10:00 9:10:08 8 9:10:08 9:10:38 30 AGENT {NONE} S01", Fault.NO_SERVICE_TIMES),
        ("9:10:00 9:10:08 8 9:10:08 9:10:38 30 HANG 9:10:38 9:11:08 30 NO_SERVER", Fault.SERVICE_WITHOUT_AGENT),
        ("9:11:00 9:10:08 -52 9:10:08 9:10:38 30 AGENT 9:10:38 9:11:08 30 S01", Fault.BACKWARDS),
        ("9:10:00 9:10:08 8 9:10:08 9:09:38 -30 AGENT 9:10:38 9:11:08 30 S01", Fault.BACKWARDS),
        ("9:10:00 9:10:08 8 9:10:08 9:10:38 31 AGENT 9:10:38 9:11:08 30 S01", Fault.DISAGREE),
        ("9:10:00 9:10:08 8 9:10:08 9:10:38 30 AGENT 9:20:38 9:21:08 30 S01", Fault.DISAGREE),
        ("9:10:00 9:10:08 8 9:10:08 9:10:38 30 LOST 9:10:38 9:11:08 30 S01", Fault.UNKNOWN_OUTCOME),
        ("9:10:00 9:10:68 8 9:10:08 9:10:38 30 AGENT 9:10:38 9:11:08 30 S01", Fault.UNPARSABLE),
        ("9:10:00 9:10:08 8 9:10:08 9:10:38 30 AGENT 9:10:38 9:11:08", Fault.UNPARSABLE),
    ],
)
def test_a_bad_row_is_counted_with_its_reason_and_gives_no_event(cells: str, reason: Fault) -> None:
    assert fault(f"ZZ01 7 0 0 PS 010305 {cells}") is reason


@pytest.mark.parametrize("date", ["70102", "1705", "20070102", "٠١٠٣٠٥"])
def test_a_date_that_is_not_six_digits_is_not_guessed(date: str) -> None:
    row = f"ZZ01 7 0 0 PS {date} 9:10:00 9:10:08 8 {NONE} AGENT 9:10:08 9:11:08 60 S01"
    assert fault(row) is Fault.UNPARSABLE


def test_a_number_repeats_only_on_the_same_line_and_day() -> None:
    times = f"9:10:00 9:10:08 8 {NONE} AGENT 9:10:08 9:11:08 60 S01"
    rows = [f"{line} 7 0 0 PS {date} {times}" for line, date in (("A", "010305"), ("B", "010305"), ("A", "010306"))]
    assert converted(*rows)[1].answered == 3
    assert fault(*rows, rows[0]) is Fault.REPEATED


def test_local_times_are_read_in_the_zone_that_is_told() -> None:
    row = f"ZZ01 7 0 0 PS 010305 9:10:00 9:10:08 8 {NONE} AGENT 9:10:08 9:11:08 60 S01"
    events, _ = converted(row, timezone="Asia/Tokyo")
    assert events[0]["ts"] == at_ms(0, 10, 8)


@pytest.mark.parametrize(("date", "hour"), [("010325", 2), ("011028", 2)])
def test_a_local_time_that_a_change_of_summer_time_made_unclear_is_not_guessed(date: str, hour: int) -> None:
    row = f"ZZ01 7 0 0 PS {date} {hour}:10:00 {hour}:10:08 8 {NONE} AGENT {hour}:10:08 {hour}:11:08 60 S01"
    assert fault(row, timezone="Europe/Madrid") is Fault.LOCAL_TIME


def test_a_customer_id_that_a_spreadsheet_rounded_is_no_caller() -> None:
    events, report = converted(f"ZZ01 7 6.02701E+11 0 PS 010305 9:10:00 9:10:08 8 {NONE} AGENT 9:10:08 9:11:08 60 S01")
    assert all("caller" not in event for event in events)
    assert (report.answered, report.callers_left_out) == (1, 1)


@pytest.mark.parametrize("lines", [[], ["call_id\tdate\n"]])
def test_a_file_without_the_columns_is_refused_with_what_is_missing(lines: list[str]) -> None:
    with pytest.raises(BankCallsError, match=r"must name the columns.*outcome"):
        BankCalls(lines).events()


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(BankCallsError, match="IANA"):
        BankCalls([], timezone="Mars/Olympus")


# --- the small day ---


@cache
def as_file(path: Path) -> tuple[str, Report, str]:
    out, err = io.StringIO(), io.StringIO()
    report = main_convert(path, "UTC", out, err)
    return out.getvalue(), report, err.getvalue()


def test_the_small_day_is_what_its_program_makes() -> None:
    maker = runpy.run_path(str(SMALL.with_name("make_bank_calls_small.py")))
    assert maker["text"]() == SMALL.read_text()
    _, report, _ = as_file(SMALL)
    assert {reason.name: count for reason, count in report.bad.items()} == maker["BAD"]
    assert report.callers_left_out == maker["ROUNDED_CALLERS"]


def test_the_report_names_each_reason_and_where_it_first_stood() -> None:
    _, report, err = as_file(SMALL)
    assert f"{report.rows} records: {report.answered} answered" in err
    for reason in report.bad:
        assert f"{report.bad[reason]:6d}  {reason.value} (first: line {report.first_line[reason]})" in err


def test_the_same_file_gives_the_same_bytes() -> None:
    assert as_file(SMALL)[0] == as_file.__wrapped__(SMALL)[0]


@pytest.fixture(scope="module", params=["small", "real"])
def day(request: pytest.FixtureRequest) -> tuple[list[Event], Report]:
    path = SMALL if request.param == "small" else REAL
    if not path.exists():
        pytest.skip("the bank's real call records are not here: they are not ours to ship")
    text, report, _ = as_file(path)
    return [json.loads(line) for line in text.splitlines()], report


def test_every_row_is_accounted_for(day: tuple[list[Event], Report]) -> None:
    events, report = day
    kinds = Counter(event["type"] for event in events)
    assert report.rows == report.answered + report.abandoned + report.not_queued + report.bad.total()
    assert kinds["contact.offered"] == report.answered + report.abandoned
    assert kinds["contact.answered"] == kinds["contact.handled"] == report.answered
    assert kinds["contact.abandoned"] == report.abandoned


def test_events_are_valid_ordered_and_told_apart(day: tuple[list[Event], Report]) -> None:
    events, _ = day
    decoder = event_decoder()
    for event in events:
        decoder.decode(msgspec.json.encode(event))
    times = [event["ts"] for event in events]
    assert times == sorted(times)
    assert len({event["id"] for event in events}) == len(events)


def test_a_contact_is_offered_before_it_leaves_and_leaves_before_it_is_handled(
    day: tuple[list[Event], Report],
) -> None:
    order: dict[str, list[str]] = {}
    offered_ms: dict[str, int] = {}
    for event in day[0]:
        if "contact" in event:
            order.setdefault(event["contact"], []).append(event["type"].partition(".")[2])
            offered_ms.setdefault(event["contact"], event["ts"])
            if event["type"] in ("contact.answered", "contact.abandoned"):
                assert event["ts"] - offered_ms[event["contact"]] == event["wait_s"] * 1000
    assert {tuple(steps) for steps in order.values()} == {
        ("offered", "answered", "handled"),
        ("offered", "abandoned"),
    }


def queue_lengths(events: list[Event]) -> Iterator[tuple[Event, int]]:
    """Each `queue.observed` with the length counted by hand from the contacts before it."""
    waiting: Counter[str] = Counter()
    for event in events:
        if event["type"] == "queue.observed":
            yield event, waiting[event["queue"]]
        elif event["type"] == "contact.offered":
            waiting[event["queue"]] += 1
        elif event["type"] in ("contact.answered", "contact.abandoned"):
            waiting[event["queue"]] -= 1


def test_queue_lengths_follow_from_the_contacts_and_end_at_zero(day: tuple[list[Event], Report]) -> None:
    events, _ = day
    last: dict[str, Event] = {}
    for observed, counted in queue_lengths(events):
        assert observed["waiting"] == counted
        assert (observed["longest_wait_s"] > 0) <= (observed["waiting"] > 0)
        assert observed["ts"] % 60_000 == 0
        last[observed["queue"]] = observed
    assert {(event["waiting"], event["agents_busy"]) for event in last.values()} == {(0, 0)}
    assert len(events) < 120_000


def test_the_real_records_are_read_to_the_last_row() -> None:
    if not REAL.exists():
        pytest.skip("the bank's real call records are not here: they are not ours to ship")
    rows = [dict(zip(HEAD.split(), line.split("\t"), strict=True)) for line in REAL.read_text().splitlines()[1:]]
    outcomes = Counter(row["outcome"] for row in rows)
    _, report, _ = as_file(REAL)
    bad = report.bad
    assert report.rows == len(rows)
    assert bad[Fault.PHANTOM] == outcomes["PHANTOM"]
    assert bad[Fault.NO_SERVER] == sum(row["outcome"] == "AGENT" and row["server"] == "NO_SERVER" for row in rows)
    hung_up = report.abandoned + report.not_queued + bad[Fault.SERVICE_WITHOUT_AGENT]
    answered = report.answered + bad[Fault.NO_SERVER] + bad[Fault.NO_SERVICE_TIMES] + bad[Fault.BACKWARDS]
    assert (answered, hung_up) == (outcomes["AGENT"], outcomes["HANG"])
    assert bad.total() < 0.04 * report.rows
