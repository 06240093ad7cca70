"""Call records of a telephone bank (tab-separated, one call a line) to contact events.

The records are in the form that the Technion's SEE Center publishes: one row a call, with the times in the
voice menu (vru), in the queue (q) and with the agent (ser), each as start, exit and length. A row is taken as
it is or set aside with its reason: nothing in it is repaired. What cannot be known from the records (issues,
agent states) is not sent.
"""

from __future__ import annotations

import enum
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TextIO, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tools.bank_events import Call, Event, events_of

STAGES = (
    ("vru_entry", "vru_exit", "vru_time"),
    ("q_start", "q_exit", "q_time"),
    ("ser_start", "ser_exit", "ser_time"),
)
COLUMNS = ("vru+line", "call_id", "customer_id", "type", "date", *chain(*STAGES), "outcome", "server")

DAY_S = 86_400
HALF_DAY_S = DAY_S // 2  # a step of more than half a day on a 24-hour clock is read as a step the other way

CLOCK_SKEW_S_MAX = 2
"""How far the next stage may begin before the last one ended. Menu, queue and agent are timed by different
clocks: of 14,380 answers in 14 days 98 % lie 0, 1 or 2 s back (3,087, 9,742 and 1,311 answers) and 1 % from
3 s (7 answers) thinly on to five minutes. That step from 1,311 to 7 is where the skew ends."""

HANDOVER_S_MAX = 60
"""Longest time between two stages that still is one call (product choice; the longest in 14 days is 10 s)."""


class BankCallsError(ValueError):
    """The file as a whole cannot be read; the message says what to change."""


class Fault(enum.StrEnum):
    """Why a row was set aside."""

    UNPARSABLE = "unparsable"
    REPEATED = "repeated call id"
    PHANTOM = "phantom"
    UNKNOWN_OUTCOME = "unknown outcome"
    NO_SERVER = "answered by NO_SERVER"
    NO_SERVICE_TIMES = "answered, but no service times"
    SERVICE_WITHOUT_AGENT = "hung up, but has service times"
    BACKWARDS = "times run backwards"
    DISAGREE = "times disagree"
    LOCAL_TIME = "local time is ambiguous or does not exist"


@dataclass(slots=True)
class Report:
    """What became of the rows. `rows == answered + abandoned + not_queued + sum(bad.values())`."""

    rows: int = 0
    answered: int = 0
    abandoned: int = 0
    not_queued: int = 0
    callers_left_out: int = 0
    bad: Counter[Fault] = field(default_factory=Counter)
    first_line: dict[Fault, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The report for a person, one fact a line."""
        told = [
            f"{self.rows} records: {self.answered} answered, {self.abandoned} abandoned, "
            f"{self.not_queued} hung up in the voice menu (never joined a queue), "
            f"{self.bad.total()} set aside"
        ]
        for fault in Fault:
            if self.bad[fault]:
                told.append(f"  {self.bad[fault]:6d}  {fault} (first: line {self.first_line[fault]})")
        if self.callers_left_out:
            told.append(f"{self.callers_left_out} calls without their caller: a spreadsheet rounded the customer id")
        return told


class BankCalls:
    """Records in, events out in the order of time; `report` is complete when `events()` has returned.

    `lines` begins with the line that names the columns. Times in the records have no zone: they are read in
    `timezone` (an IANA name). The records come sorted by telephone line, so all are read first.

    Raises BankCallsError: unknown zone, empty input, or a first line without the columns.
    """

    def __init__(self, lines: Iterable[str], *, timezone: str = "UTC") -> None:
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BankCallsError(f"no time zone {timezone!r}: give an IANA name such as UTC or Europe/Madrid") from None
        self._lines = lines
        self.report = Report()

    def events(self) -> Iterator[Event]:
        """Each event, ordered by `ts`, ties in a fixed order. To be called once: it uses up the input."""
        return events_of(list(self._calls()))

    def _calls(self) -> Iterator[Call]:
        numbered = enumerate(self._lines, start=1)
        _, head = next(numbered, (0, ""))
        names = [name.strip() for name in head.rstrip("\r\n").split("\t")]
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise BankCallsError(
                f"the first line must name the columns, separated by tabs; missing: {', '.join(missing)}"
            )
        seen: set[tuple[str, str, str]] = set()
        for number, line in numbered:
            if not line.strip():
                continue
            self.report.rows += 1
            cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")]
            row = dict(zip(names, cells, strict=True)) if len(cells) == len(names) else {}
            verdict = self._judge(row, seen)
            if isinstance(verdict, Fault):
                self.report.bad[verdict] += 1
                self.report.first_line.setdefault(verdict, number)
            elif verdict is None:
                self.report.not_queued += 1
            else:
                self.report.answered += verdict.agent is not None
                self.report.abandoned += verdict.agent is None
                self.report.callers_left_out += row["customer_id"] != "0" and verdict.caller is None
                yield verdict

    def _judge(self, row: dict[str, str], seen: set[tuple[str, str, str]]) -> Call | Fault | None:
        """The call of a row, the fault that sets it aside, or None for a call that never joined a queue."""
        record = _parse(row)
        if record is None:
            return Fault.UNPARSABLE
        # Each telephone line numbers its own calls: the number alone returns on other lines on the same day.
        # Line and number did not repeat in 14 days, but a counter may start again, hence the date. Of the
        # repeated the first row stands: it is a call that took place, and one may bear the name.
        key = (record.line, record.date.isoformat(), record.call_id)
        if key in seen:
            return Fault.REPEATED
        seen.add(key)
        match record.outcome:
            case "PHANTOM":
                return Fault.PHANTOM
            case "HANG":
                if record.service.present:
                    return Fault.SERVICE_WITHOUT_AGENT
                if not record.wait.present:
                    return None
            case "AGENT":
                if record.server in ("", "NO_SERVER"):
                    return Fault.NO_SERVER
                if not record.service.present:
                    return Fault.NO_SERVICE_TIMES
            case _:
                return Fault.UNKNOWN_OUTCOME
        return self._timed(record)

    def _timed(self, record: _Record) -> Call | Fault:
        """Put the stages one after the other on a time line in seconds from midnight of the record's date."""
        menu = record.menu.after(record.menu.start_s)
        if isinstance(menu, Fault):
            return menu
        wait = record.wait.after(menu[1]) if record.wait.present else None
        if isinstance(wait, Fault):
            return wait
        service = record.service.after((wait or menu)[1]) if record.service.present else None
        if isinstance(service, Fault):
            return service
        # Served at once: it joined and was answered in one moment, when the agent began.
        joined_s, left_s = wait or (max(menu[1], service[0] if service else 0),) * 2
        # The agent's clock may be early by the skew: a very short service must not end before its answer.
        ended_s = max(service[1], left_s) if service else left_s
        moments_ms = [self._utc_ms(record.date, second_s) for second_s in (joined_s, left_s, ended_s)]
        if None in moments_ms:
            return Fault.LOCAL_TIME
        offered_ms, left_ms, handled_ms = cast(list[int], moments_ms)
        return Call(
            contact=f"{record.line}-{record.date:%y%m%d}-{record.call_id}",
            queue=record.queue,
            caller=record.caller,
            agent=record.server if service else None,
            offered_ms=offered_ms,
            left_ms=left_ms,
            handled_ms=handled_ms,
            wait_s=record.wait.length_s,
            handle_time_s=record.service.length_s,
        )

    def _utc_ms(self, date: datetime, second_s: int) -> int | None:
        """UTC milliseconds of a wall-clock second; None where summer time gives it two meanings or none."""
        local = (date + timedelta(seconds=second_s)).replace(tzinfo=self._zone)
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            return None
        return round(local.timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class _Stage:
    """Menu, queue or service of a call: start and exit in seconds of the day, and the length in s.

    All three 0: it did not take place. A start or exit of 0:00:00 alone is midnight.
    """

    start_s: int
    exit_s: int
    length_s: int

    @property
    def present(self) -> bool:
        return bool(self.start_s or self.exit_s or self.length_s)

    def after(self, before_s: int) -> tuple[int, int] | Fault:
        """Start and exit on the time line on which the stage before ended at `before_s`, or what is wrong."""
        step_s = _nearest(self.start_s - before_s)
        length_s = _nearest(self.exit_s - self.start_s)
        if step_s < -CLOCK_SKEW_S_MAX or length_s < 0 or self.length_s < 0:
            return Fault.BACKWARDS
        if step_s > HANDOVER_S_MAX or length_s != self.length_s:
            return Fault.DISAGREE
        return before_s + step_s, before_s + step_s + length_s


@dataclass(frozen=True, slots=True)
class _Record:
    line: str
    call_id: str
    caller: str | None
    queue: str
    date: datetime
    outcome: str
    server: str
    menu: _Stage
    wait: _Stage
    service: _Stage


def _parse(row: dict[str, str]) -> _Record | None:
    try:
        if not _DATE.fullmatch(row["date"]):  # 70102 is a date that lost its zero, and to strptime one of 1970
            return None
        date = datetime.strptime(row["date"], "%y%m%d")  # noqa: DTZ007  a wall-clock date; the zone comes later
        stages = [
            _Stage(_second_of_day(row[start]), _second_of_day(row[exit_]), int(row[length]))
            for start, exit_, length in STAGES
        ]
        line, call_id, customer, queue = row["vru+line"], row["call_id"], row["customer_id"], row["type"]
    except (KeyError, ValueError):
        return None
    rounded = _ROUNDED.fullmatch(customer)
    if not (line and call_id and queue and (rounded or _DIGITS.fullmatch(customer))):
        return None
    # 0: did not identify. Rounded: the last digits are lost, and another caller would look like the same one.
    caller = None if rounded or not int(customer) else customer
    return _Record(line, call_id, caller, queue, date, row["outcome"], row["server"], *stages)


_DATE = re.compile(r"[0-9]{6}")
_DIGITS = re.compile(r"[0-9]{1,20}")
_ROUNDED = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]+")  # what a spreadsheet makes of a long number: 1.23457E+11
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d):([0-5]\d)", re.ASCII)


def _second_of_day(clock: str) -> int:
    parts = _CLOCK.fullmatch(clock)
    if parts is None:
        raise ValueError(clock)
    hour, minute, second = map(int, parts.groups())
    return hour * 3600 + minute * 60 + second


def _nearest(difference_s: int) -> int:
    """The step between two readings of a 24-hour clock that is under half a day, over midnight if need be."""
    return (difference_s + HALF_DAY_S) % DAY_S - HALF_DAY_S


def main_convert(path: Path, timezone: str, out: TextIO, err: TextIO) -> Report:
    """Write the events of the file at `path` to `out` as NDJSON and the report to `err`.

    Raises BankCallsError (the whole file is not such a file) and OSError.
    """
    # Records are ASCII: a stray byte must not stop the file, it spoils at most its own row.
    with path.open(encoding="utf-8", errors="replace") as lines:
        source = BankCalls(lines, timezone=timezone)
        written = 0
        for event in source.events():
            out.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
            written += 1
    err.writelines(f"{line}\n" for line in [*source.report.lines(), f"{written} events written"])
    return source.report
