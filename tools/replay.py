"""`strainwatch replay`: events or an exported log through the same engine as live, offline.

The alerts of an exported log are, byte for byte, those of the alerts stream.
"""

from __future__ import annotations

import csv
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TextIO

import msgspec

from services.scoring.core.agent_drivers import AGENT_DRIVERS
from services.scoring.core.engine import Engine, Marks
from services.scoring.core.parameters import check_settings
from services.scoring.core.queue_drivers import QUEUE_DRIVERS
from services.scoring.identity import engine_name
from shared.contract import signal_columns
from shared.contract.alerts import decode_alert
from shared.contract.block import NewerBlock
from shared.contract.entries import START, Entry, EntryId, Settings
from shared.contract.signals import TenantSignals
from shared.settings import read_settings
from tools.baseline_file import read_baseline
from tools.replay_input import Recording, ReplayError

PROGRESS_S = 2.0

DRIVER_COLUMNS = (*(d.name for d in AGENT_DRIVERS), *(d.name for d in QUEUE_DRIVERS))
SIGNAL_COLUMNS = ("ts_ms", "type", "id", "strain", *DRIVER_COLUMNS)
assert len(set(SIGNAL_COLUMNS)) == len(SIGNAL_COLUMNS)


@dataclass(slots=True)
class Opened:
    """An alert from its opening to its last change."""

    kind: str
    subject: str
    opened_at: datetime
    last_at: datetime
    phase: str

    @property
    def lasted_s(self) -> float:
        """From opening to the last change."""
        return (self.last_at - self.opened_at).total_seconds()


@dataclass(slots=True)
class Summary:
    """What a replay saw."""

    entries: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    first: EntryId = START
    last: EntryId = START
    changes: int = 0
    alerts: dict[str, Opened] = field(default_factory=dict)
    engines: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def add_change(self, data: bytes) -> None:
        """One change of an alert."""
        alert = decode_alert(data)
        self.changes += 1
        at = datetime.fromisoformat(alert.updated_at)
        known = self.alerts.get(alert.id)
        if known is None:
            subject = f"{alert.subject.type} {alert.subject.id}"
            opened_at = datetime.fromisoformat(alert.opened_at)
            known = self.alerts[alert.id] = Opened(alert.kind, subject, opened_at, at, alert.phase)
        known.last_at, known.phase = at, alert.phase

    def lines(self) -> list[str]:
        """For a person."""
        told = list(self.refused)
        if not self.entries:
            return [*told, "nothing was judged"]
        told.append(f"{self.counts['events']} events in {self.entries} entries, {_at(self.first)} to {_at(self.last)}")
        set_aside = [f"{self.counts[name]} {text}" for name, text in _SET_ASIDE.items() if self.counts[name]]
        if self.gaps:
            set_aside.append(f"{self.gaps} gaps in the clock")
        if set_aside:
            told.append(", ".join(set_aside))
        told.append(f"{len(self.alerts)} alerts, {self.changes} changes")
        by_kind: dict[str, list[Opened]] = {}
        for alert in self.alerts.values():
            by_kind.setdefault(alert.kind, []).append(alert)
        for kind, alerts in sorted(by_kind.items()):
            over = sum(alert.phase == "resolved" for alert in alerts)
            longest = max(alerts, key=lambda alert: alert.lasted_s)
            told.append(
                f"  {len(alerts):5d}  {kind}, {over} of them resolved; the longest: {longest.subject}, "
                f"{longest.lasted_s / 60:.0f} min from {longest.opened_at:%Y-%m-%d %H:%M}"
            )
        return told


_SET_ASIDE = {
    "late": "events too late",
    "repeated": "events sent twice",
    "ahead": "events ahead of the clock",
    "unnamed": "events of agents or queues beyond the bound",
}


def _at(position: EntryId) -> str:
    return f"{datetime.fromtimestamp(position.ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def replay(
    entries: Iterator[tuple[int, Entry]],
    *,
    clock_gaps: bool,
    marks: Marks = "none",
    summary: Summary | None = None,
    on_alert: Callable[[bytes], None] = lambda data: None,
    on_signals: Callable[[TenantSignals], None] = lambda signals: None,
    engines: dict[int, Engine] | None = None,
) -> Summary:
    """Apply entries, each partition to an engine of its own. `on_alert` gets the bytes of the alerts log, in order;
    whoever wants to see the engines afterwards gives `engines`, by partition.

    Raises ReplayError where the engine fails on an entry.
    """
    summary = summary or Summary()
    engines = {} if engines is None else engines
    # Long runs of small objects without cycles: looking for cycles often took a tenth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    for partition, entry in entries:
        engine = engines.get(partition)
        if engine is None:
            engine = engines[partition] = Engine.restore(None, clock_gaps=clock_gaps, marks=marks)
        try:
            report = engine.step(entry)
        except NewerBlock as fault:
            raise ReplayError(f"entry {entry.id}: {fault}") from fault
        except Exception as fault:
            raise ReplayError(
                f"the engine fails on entry {entry.id} of partition {partition} ({type(fault).__name__}: {fault}). "
                f'To set it aside, as happens live, put {{"partition":{partition},"skip":"{entry.id}"}} first'
            ) from fault
        summary.first = min(summary.first, entry.id) if summary.entries else entry.id
        summary.last = max(summary.last, entry.id)
        summary.entries += 1
        summary.counts.update(report.counts)
        summary.gaps += report.gap_ms > 0
        if b"e" in entry.fields:
            summary.engines.add(engine.engine_name)
        for _, data in report.alerts:
            summary.add_change(data)
            on_alert(data)
        for signals in report.signals:
            on_signals(signals)
    return summary


class SignalsCsv:
    """A row for each whole minute and known queue or agent.

    A share is empty when its driver is off, or is one of the other type.
    """

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(SIGNAL_COLUMNS)

    def write(self, signals: TenantSignals) -> None:
        """One tenant at one minute."""
        off = set(signals.drivers_off)
        for kind, rows in (
            ("queue", signal_columns.Queues(signals)),
            ("agent", signal_columns.Agents(signals)),
        ):
            n = len(rows.ids)
            table = rows.drivers.share_table()
            shares = {
                name: table[:, place].tolist()
                for place, name in enumerate(rows.drivers.names)
                if f"{kind}.{name}" not in off
            }
            columns = [shares.get(name, [""] * n) for name in DRIVER_COLUMNS]
            self._writer.writerows(
                zip([signals.at_ms] * n, [kind] * n, rows.ids, rows.strain.tolist(), *columns, strict=True)
            )


def main_replay(
    paths: Sequence[Path],
    *,
    out: BinaryIO,
    err: TextIO,
    settings: Path | None = None,
    as_json: bool = False,
    signals: Path | None = None,
    tenant: str = "demo",
    baseline: Path | None = None,
) -> Summary:
    """Replay files: the alerts (`as_json`, one object a line at each change) or a summary to `out`.

    Bare events belong to `tenant`, `settings` are in force from the first, and the rule on clock gaps is off. Of an
    exported log everything is applied as it stands; `settings` replace all those in it, to see what they would have
    done; `baseline` is taken before the first entry. Raises ReplayError, BadSetup (the settings), BadBaseline, OSError.
    """
    recording = Recording(paths, tenant, None if baseline is None else read_baseline(baseline))
    given: Settings | None = None
    if settings is not None:
        given = read_settings(settings, check=check_settings, now_ms=recording.first_ms)
    summary = Summary(refused=recording.refused)
    with ExitStack() as stack:
        on_signals: Callable[[TenantSignals], None] = lambda _: None  # noqa: E731
        if signals is not None:
            on_signals = SignalsCsv(stack.enter_context(signals.open("w", newline="", encoding="utf-8"))).write
        replay(
            with_progress(recording.entries(given), recording.total, err),
            clock_gaps=recording.exported,
            marks="none" if signals is None else "minutes",
            summary=summary,
            on_alert=(lambda data: _write_line(out, data)) if as_json else lambda _: None,
            on_signals=on_signals,
        )
    err.write(other_engines(summary))
    report = "".join(f"{line}\n" for line in summary.lines())
    if as_json:
        err.write(report)
    else:
        out.write(report.encode())
    out.flush()
    if summary.refused and not summary.entries:
        raise ReplayError("no event was good: mend what is listed above")
    return summary


def other_engines(summary: Summary) -> str:
    """A line to say that the log was judged live by another engine than this one; else nothing."""
    others = summary.engines - {engine_name()}
    if not others:
        return ""
    return f"judged live by another engine, whose alerts may differ: {msgspec.json.encode(sorted(others)).decode()}\n"


def _write_line(out: BinaryIO, data: bytes) -> None:
    out.write(data)
    out.write(b"\n")


def with_progress(entries: Iterator[tuple[int, Entry]], total: int | None, err: TextIO) -> Iterator[tuple[int, Entry]]:
    """The same entries; every few seconds a line on `err` says how far they are."""
    said_s = time.monotonic()
    for number, (partition, entry) in enumerate(entries):
        if number % 256 == 0 and time.monotonic() - said_s >= PROGRESS_S:
            said_s = time.monotonic()
            of = f" of {total:,}" if total else ""
            err.write(f"{number:,}{of} entries, at {_at(entry.id)}\n")
            err.flush()
        yield partition, entry
