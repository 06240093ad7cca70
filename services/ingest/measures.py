"""What ingest counts. Plain integers on the hot path; Prometheus reads them when it asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Histogram

from services.ingest.core.refusals import REASONS
from shared.telemetry import Tallies

_P = "strainwatch_ingest_"
_STATUSES = (202, 400, 401, 403, 405, 408, 413, 415, 422, 429, 500, 503)
"""All that the events door answers; shown as 0 from the start, so that a rate sees the first one too."""


class Measures:
    """Counts since the start of the process. No label names a tenant or a key: their number has no bound."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted = 0
        self.late = 0
        self.rejected = 0
        self.refused: Counter[str] = Counter()
        """Refused events by reason, one of `refusals.REASONS`."""
        self.answers: Counter[int] = Counter(dict.fromkeys(_STATUSES, 0))
        self.commits = 0
        self.commit_bytes = 0
        self.commits_failed = 0
        self.losses = 0
        self.reject_records = 0
        self.reject_records_dropped = 0
        self.waiting_events: Callable[[], int] = lambda: 0
        self._append_s = Histogram(
            f"{_P}append_seconds",
            "Time from handing an entry to the log to its confirmation",
            registry=registry,
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
        )
        self._post_s = Histogram(
            f"{_P}post_seconds",
            "From the first request of an entry to its confirmation: no request of the entry waited longer",
            registry=registry,
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
        )
        self._entry_events = Histogram(
            f"{_P}entry_events",
            "Events of an entry",
            registry=registry,
            buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10000),
        )
        registry.register(Tallies(self._read))

    def committed(self, events: int, size_bytes: int, took_s: float, waited_s: float) -> None:
        """An entry was confirmed; `waited_s` counts from its first event."""
        self.commits += 1
        self.commit_bytes += size_bytes
        self._append_s.observe(took_s)
        self._post_s.observe(waited_s)
        self._entry_events.observe(events)

    def _read(self) -> Iterable[tuple[str, str, Mapping[str, str], float]]:
        for result, value in (("accepted", self.accepted), ("rejected", self.rejected)):
            yield f"{_P}events_total", "Events by what became of them", {"result": result}, value
        for reason in REASONS:
            yield f"{_P}refused_total", "Refused events by reason", {"reason": reason}, self.refused[reason]
        yield (
            f"{_P}events_late_total",
            "Accepted events older than lateness_s of ingest's own settings file",
            {},
            self.late,
        )
        for status, value in sorted(self.answers.items()):
            yield f"{_P}answers_total", "Answers by status", {"status": str(status)}, value
        yield f"{_P}entries_total", "Entries confirmed by the log", {}, self.commits
        yield f"{_P}entries_bytes_total", "Bytes of the blocks of those entries", {}, self.commit_bytes
        yield f"{_P}entries_failed_total", "Entries that the log did not confirm", {}, self.commits_failed
        yield (
            f"{_P}losses_total",
            "Times that the last entry which was answered with 202 was not in the log any more (a failover lost it)",
            {},
            self.losses,
        )
        yield f"{_P}reject_records_total", "Records written to the rejects stream", {}, self.reject_records
        yield (
            f"{_P}reject_records_dropped_total",
            "Records not written: too many, or the log was away",
            {},
            self.reject_records_dropped,
        )
        yield f"{_P}waiting_events", "Events that wait for the log", {}, self.waiting_events()
