"""`strainwatch replay --compare`: yesterday under two settings, in words, as lines of JSON, or drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import msgspec

from services.scoring.core.parameters import Parameters, check_settings, default_parameters, load_parameters
from shared.contract.entries import Settings
from shared.contract.signals import TenantSignals
from shared.settings import read_settings
from tools.backtest_alerts import SETTLED, AlertBook, Difference, Shown, compare
from tools.backtest_measures import HOUR_MS, Judged, Load, judge, load_of
from tools.backtest_strain import StrainOfDay
from tools.backtest_text import Zone, told
from tools.baseline_file import read_baseline
from tools.replay import Summary, other_engines, replay, with_progress
from tools.replay_input import Recording
from tools.truth_file import Injected, read_truth


@dataclass(slots=True)
class Side:
    """One replay: under which settings, and what came of it. `settings` None: those of the log, else the defaults."""

    name: str
    settings: Settings | None
    parameters: Parameters | None
    """None where they changed within the log."""
    summary: Summary = field(default_factory=Summary)
    book: AlertBook = field(default_factory=AlertBook)
    strain: StrainOfDay = field(default_factory=StrainOfDay)
    alerts: list[Shown] = field(default_factory=list)
    load: Load | None = None
    judged: Judged | None = None


@dataclass(slots=True)
class Backtest:
    """One side, or two (A, then B) over the same log, from `first_ms` to `last_ms`."""

    sides: list[Side]
    first_ms: int
    last_ms: int
    differences: list[Difference]
    causes: list[Injected] | None

    @property
    def hours(self) -> float:
        return (self.last_ms - self.first_ms) / HOUR_MS


def main_backtest(
    paths: Sequence[Path],
    *,
    out: BinaryIO,
    err: TextIO,
    settings: Path | None = None,
    other: Path | None = None,
    as_json: bool = False,
    report: Path | None = None,
    truth: Path | None = None,
    leads: int | None = None,
    tenant: str = "demo",
    timezone: str = "UTC",
    language: str = "en",
    baseline: Path | None = None,
) -> Backtest:
    """Replay files under `settings` (A) and, when given, under the `other` ones (B), and say what differs.

    The same files and arguments give the same bytes in `out` and `report`. Raises ReplayError, BadSetup, BadBaseline,
    OSError, and ValueError for a zone that does not exist.
    """
    zone = Zone(timezone)
    causes = None if truth is None else read_truth(truth)
    recording = Recording(paths, tenant, None if baseline is None else read_baseline(baseline))
    sides = [_side(settings, recording)]
    if other is not None:
        sides.append(_side(other, recording))
    for letter, side in zip("AB", sides, strict=False):
        if len(sides) > 1:
            err.write(f"side {letter}: {side.name}\n")
        _run(side, recording, err)
    err.write(other_engines(sides[0].summary))
    found = _judged(sides, causes, leads)
    lines = [*recording.refused, *told(found, zone)]
    text = "".join(f"{line}\n" for line in lines)
    if as_json:
        out.write(b"".join(_json_line(difference) for difference in found.differences))
        err.write(text)
    else:
        out.write(text.encode("utf-8", "replace"))
    out.flush()
    if report is not None:
        from tools.report_html import page

        report.write_bytes(page(found, zone, language).encode("utf-8", "replace"))
    return found


def _side(path: Path | None, recording: Recording) -> Side:
    if path is not None:
        given = read_settings(path, check=check_settings, now_ms=recording.first_ms)
        return Side(path.name, given, load_parameters(given.document))
    if recording.exported:
        return Side("the log's own settings", None, None)
    return Side("built-in defaults", None, default_parameters())


def _run(side: Side, recording: Recording, err: TextIO) -> None:
    def on_signals(signals: TenantSignals) -> None:
        side.strain.add(signals)

    replay(
        with_progress(recording.entries(side.settings), recording.total, err),
        clock_gaps=recording.exported,
        marks="minutes",
        summary=side.summary,
        on_alert=side.book.add,
        on_signals=on_signals,
    )
    side.alerts = side.book.shown


def _judged(sides: list[Side], causes: list[Injected] | None, leads: int | None) -> Backtest:
    # The settings entry of a side stands 1 ms before an exported log; the hours are those of the log.
    first_ms = max(side.summary.first.ms for side in sides)
    last_ms = max(side.summary.last.ms for side in sides)
    teams = {team for side in sides for team in side.strain.teams}
    teams |= {(alert.key[0], alert.team) for side in sides for alert in side.alerts if alert.team is not None}
    tenants = {tenant for side in sides for tenant in side.strain.tenants}
    tenants |= {alert.key[0] for side in sides for alert in side.alerts}
    differences = compare(sides[0].alerts, sides[1].alerts, last_ms) if len(sides) > 1 else []
    found = Backtest(sides, first_ms, last_ms, differences, causes)
    for side in sides:
        side.load = load_of(side.alerts, teams, tenants, found.hours, leads)
        if causes is not None:
            side.judged = judge(side.alerts, causes, found.hours)
    return found


def _json_line(difference: Difference) -> bytes:
    alert = difference.alert
    tenant, kind, type_, subject = alert.key
    line: dict[str, Any] = {
        "change": difference.change,
        "kind": kind.removesuffix(SETTLED),
        "settled": alert.settled,
        "tenant": tenant,
        "team": alert.team,
        "subject": {"type": type_, "id": subject},
        "a": _json_of(difference.a),
        "b": _json_of(difference.b),
    }
    return msgspec.json.encode(line) + b"\n"


def _json_of(alert: Shown | None) -> dict[str, Any] | None:
    if alert is None:
        return None
    return {"opened_ms": alert.from_ms, "resolved_ms": alert.to_ms, "severity": alert.severity}
