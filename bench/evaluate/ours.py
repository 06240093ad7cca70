"""The engine over a day's log, as it runs live: its alerts, and its scores at each minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.evaluate.days import START_MS
from bench.evaluate.figures import Alarm
from bench.evaluate.made import TENANT, MadeDay
from bench.evaluate.truth import SUBJECTS, Truth
from bench.evaluate.weights import levels_of
from services.scoring.core.engine import Engine
from services.scoring.core.floor import Floor
from services.scoring.core.parameters import ALERT_RULES, SURGES
from services.scoring.core.stretches import StretchRows, measure
from services.scoring.core.teams import mean_strains
from shared.contract.alerts import Alert, decode_alert
from shared.contract.entries import Entry, EntryId, Settings, settings_fields, tick_fields
from shared.contract.signal_columns import Agents, Queues
from shared.contract.signals import TenantSignals
from shared.settings import digest_of

Floats = NDArray[np.float64]

SURGE_BUDGET_BASE = 1e8
"""Surges have a budget of false alarms instead of a line: ten times as many for a line lower by an eighth."""

FACTORS = (1.0, 1.3, 0.75, 1.15, 0.88)
"""The opening line of every kind times this: the default, then what draws the curve of delay over false alarms."""


@dataclass(slots=True)
class Judged:
    """`alarms[kind]`; `scores[kind][subject]` at the end of each minute: what the line of the kind is held against."""

    alarms: dict[str, list[Alarm]] = field(default_factory=dict)
    scores: dict[str, dict[str, Floats]] = field(default_factory=dict)
    levels: dict[str, Floats] = field(default_factory=dict)
    """By queue, of its drivers: [minute, driver]."""


def kinds() -> list[str]:
    """Those that the engine can raise and the truth can judge."""
    return [kind for kind in SUBJECTS if kind in ALERT_RULES]


def settings_at(factor: float) -> Settings:
    """Defaults, with the lines at which alerts open and close moved by a factor, within their bounds."""
    alerts: dict[str, dict[str, float]] = {}
    for kind, rule in ALERT_RULES.items():
        moved: dict[str, float] = {}
        for name in ("open_line", "close_line", "critical_line"):
            if name in rule:
                moved[name] = min(max(rule[name].default * factor, rule[name].low), rule[name].high)
        alerts[kind] = moved
    document: dict[str, Any] = {"revision": 1, "alerts": alerts}
    budget = SURGES["false_alarms_a_day"]
    wished = budget.default * SURGE_BUDGET_BASE ** (1.0 - factor)
    document["surges"] = {"false_alarms_a_day": min(max(wished, budget.low), budget.high)}
    return Settings(revision=1, digest=digest_of(document), document=document)


def judge(made: MadeDay, before: bytes | None, factor: float = 1.0, settings: Settings | None = None) -> Judged:
    """One engine over every entry of the day; `before` is its snapshot from the days before."""
    looked_at = factor == 1.0
    engine = Engine.restore(before, clock_gaps=False, marks="minutes" if looked_at else "none")
    engine.step(Entry(EntryId(START_MS, 0), settings_fields(settings or settings_at(factor))))
    out, latest = Judged(), dict[str, Alert]()
    for at_ms, fields in _with_minutes(made) if looked_at else made.entries:
        report = engine.step(Entry(EntryId(at_ms, 0), fields))
        for _, data in report.alerts:
            alert = decode_alert(data)
            latest[alert.id] = alert
        for signals in report.signals:
            _keep_scores(out, signals, engine.floor, made.day.minutes)
    for alert in latest.values():
        for alarm in _alarms(alert, made.day.minutes):
            if alarm.start_min < 0:  # of the night before the day
                continue
            out.alarms.setdefault(alert.kind, []).append(alarm)
    return out


def _with_minutes(made: MadeDay) -> Iterator[tuple[int, dict[bytes, bytes]]]:
    """The entries, and a tick at each whole minute, so that nothing later is known when its scores are kept."""
    minute_ms = START_MS + 60_000
    for at_ms, fields in made.entries:
        while minute_ms < at_ms:
            yield minute_ms, tick_fields(minute_ms)
            minute_ms += 60_000
        minute_ms += 60_000 * (minute_ms == at_ms)
        yield at_ms, fields


def _alarms(alert: Alert, minutes: int) -> list[Alarm]:
    """When the alert was shown: not while another one spoke for it."""
    shown, since = [], None
    subject = alert.subject.id if alert.subject.type != "tenant" else "tenant"
    for change in alert.history:
        hidden = change.phase in ("suppressed", "resolved")
        if since is None and not hidden:
            since = _minute(change.at)
        elif since is not None and hidden:
            shown.append(Alarm(subject, since, _minute(change.at)))
            since = None
    if since is not None:
        shown.append(Alarm(subject, since, float(minutes)))
    return shown


def _minute(at: str) -> float:
    return (datetime.fromisoformat(at).timestamp() * 1000.0 - START_MS) / 60_000.0


def _keep_scores(out: Judged, signals: TenantSignals, floor: Floor, minutes: int) -> None:
    assert signals.tenant == TENANT
    place = (signals.at_ms - START_MS) // 60_000 - 1
    if not 0 <= place < minutes:
        return
    queues, agents = Queues(signals), Agents(signals)
    for queue, levels in zip(queues.ids, levels_of(queues), strict=True):
        if queue not in out.levels:
            out.levels[queue] = np.zeros((minutes, levels.size))
        out.levels[queue][place] = levels
    now = {"queue.strain": (queues.ids, queues.strain), "agent.strain": (agents.ids, agents.strain)}
    if signals.last_event_ms is not None:
        now["feed.silent"] = (["tenant"], np.array([(signals.at_ms - signals.last_event_ms) / 1000.0]))
    for kind, (subjects, values) in (now | _watched(floor, signals.at_ms)).items():
        kept = out.scores.setdefault(kind, {})
        for subject, value in zip(subjects, values.tolist(), strict=True):
            if subject not in kept:
                kept[subject] = np.full(minutes, np.nan)
            kept[subject][place] = value


def _watched(floor: Floor, at_ms: int) -> dict[str, tuple[list[str], Floats]]:
    """By kind: subjects, and what their alerts are judged by now. Of surges, the statistic also below its threshold."""
    names = floor.registers
    out: dict[str, tuple[list[str], Floats]] = {}
    for kind, of, watched in (
        ("queue.surge", names.queues, floor.surges.queues),
        ("issue.surge", names.issues, floor.surges.issues),
    ):
        live = watched.live()
        out[kind] = ([of.text[subject] for subject in watched.subjects(live).tolist()], watched.surges.value[live])
    felt, worked_min = measure(StretchRows(floor.agents), np.arange(floor.agents.n), at_ms)
    out["agent.hard_streak"], out["agent.break_due"] = (names.agents.text, felt), (names.agents.text, worked_min)
    out["team.strain"] = (names.teams.text, mean_strains(floor, len(names.teams.text), at_ms))
    return out


def score_of(kind: str, truth: Truth, by_factor: Mapping[float, Judged]) -> Floats:
    """[subject, minute]: what the line of this kind is held against; of thanks, which are told at one moment, the
    strictest line whose alert is live."""
    scores = np.zeros((len(truth.subjects), truth.minutes))
    if kind in by_factor[1.0].scores:
        for subject, values in by_factor[1.0].scores[kind].items():
            if subject in truth.place:
                scores[truth.place[subject]] = values
        return scores
    for level, factor in enumerate(sorted(by_factor), start=1):
        for alarm in by_factor[factor].alarms.get(kind, []):
            row = truth.place.get(alarm.subject)
            if row is not None:
                low, high = int(alarm.start_min), int(np.ceil(alarm.end_min))
                scores[row, low:high] = np.maximum(scores[row, low:high], level)
    return scores
