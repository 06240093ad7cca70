"""What the floor's alerts come to, for operators: how many, of which kind, and how soon somebody took them.

All tenants together: no tenant, team, queue or person is told apart. Each notify process reads the whole alerts log, so
several of them tell the same; take the largest, not the sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Histogram

from services.notify.core.alerts import AlertHead
from shared.contract.alerts import ALERT_KINDS, LIVE_PHASES, SEVERITIES
from shared.contract.events import ts_to_ms
from shared.telemetry import Tallies

_P = "strainwatch_floor_"
_UNTAKEN = frozenset({"open", "escalated", "snoozed"})
_TAKEN = frozenset({"acknowledged", "assigned"})
_QUIET = frozenset({"suppressed", "resolved"})
OTHER = "other"
"""Stands for what a newer engine calls by a name that this version does not know."""


class FloorMeasures:
    """Registered once per process. `live` gives the alerts that are not over."""

    def __init__(self, registry: CollectorRegistry, live: Callable[[], Iterable[AlertHead]]) -> None:
        self._live = live
        self._opened: Counter[tuple[str, str]] = Counter()
        self._resolved: Counter[str] = Counter()
        self._taken_s = Histogram(
            f"{_P}taken_seconds",
            "From the opening of an alert until somebody acknowledged it or was given it",
            ["kind"],
            registry=registry,
            buckets=(5, 15, 30, 60, 120, 300, 600, 1800, 3600),
        )
        for kind in ALERT_KINDS:
            self._taken_s.labels(kind)
        registry.register(Tallies(self._read))

    def changed(self, before: AlertHead | None, now: AlertHead) -> None:
        """An alert changed; `before` is None for one never seen."""
        kind = now.kind if now.kind in ALERT_KINDS else OTHER
        phase = before.phase if before is not None else "suppressed"
        if phase == "suppressed" and now.phase not in _QUIET:
            severity = now.severity if now.severity in SEVERITIES else OTHER
            self._opened[kind, severity] += 1
        if phase in _UNTAKEN and now.phase in _TAKEN:
            self._taken_s.labels(kind).observe(max(0, ts_to_ms(now.updated_at) - ts_to_ms(now.opened_at)) / 1000)
        if phase != "suppressed" and phase in LIVE_PHASES and now.phase == "resolved":
            self._resolved[kind] += 1

    def _read(self) -> Iterable[tuple[str, str, Mapping[str, str], float]]:
        known = Counter((head.kind if head.kind in ALERT_KINDS else OTHER, head.phase) for head in self._live())
        for kind in ALERT_KINDS:
            for phase in sorted(LIVE_PHASES):
                yield f"{_P}alerts", "Alerts that are not over", {"kind": kind, "phase": phase}, known[kind, phase]
            for severity in SEVERITIES:
                of = {"kind": kind, "severity": severity}
                yield f"{_P}opened_total", "Alerts that leads were told of", of, self._opened[kind, severity]
            yield f"{_P}resolved_total", "Of these, those that are over", {"kind": kind}, self._resolved[kind]
