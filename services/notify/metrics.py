"""What this service counts."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Registered once per process."""

    def __init__(self, registry: CollectorRegistry, *, connections: Callable[[], float], lag_s: Callable[[], float]):
        Gauge(
            "strainwatch_notify_connections", "Open feed connections that are signed in.", registry=registry
        ).set_function(connections)
        Gauge(
            "strainwatch_notify_feed_lag_seconds", "Age of the oldest partition's newest signals.", registry=registry
        ).set_function(lag_s)
        self.frames = Counter(
            "strainwatch_notify_frames", "Frames written to feed connections.", ["kind"], registry=registry
        )
        self.goodbyes = Counter(
            "strainwatch_notify_goodbyes", "Feed connections closed by us, by close code.", ["code"], registry=registry
        )
        self.slow_closes = Counter(
            "strainwatch_notify_slow_closes", "Feed connections closed because they did not keep up.", registry=registry
        )
        self.unreadable = Counter(
            "strainwatch_notify_unreadable", "Entries of the alerts or signals log set aside.", registry=registry
        )
        self.alert_frames = self.frames.labels("alert")
        self.board_frames = self.frames.labels("board")
