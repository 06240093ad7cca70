"""What this service counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.notify.core.alerts import AlertHead
from services.notify.floor_measures import FloorMeasures
from shared.contract.frames import GoodbyeCode
from shared.telemetry import Tallies

TRANSPORTS = ("websocket", "stream")
"""How a client may be connected to the feed."""


SIGN_INS = ("feed", "rest")
"""Where a token may be refused."""
_P = "strainwatch_log_"


class Followed(NamedTuple):
    """Where a partition of the log stands, as notify sees it every two seconds. Ages in s, None while unknown."""

    partition: int
    behind_s: float | None
    """What was written last less what was scored last."""
    silent_s: float | None
    """Age of the newest entry: its owner writes one each second."""
    signals_age_s: float | None
    generation: int
    differing: int
    epochs: int
    """Changes of the epoch since this process started."""


@dataclass(frozen=True)
class Views:
    """What metrics ask the hub for when somebody reads them."""

    connections: Callable[[str], float]
    lag_s: Callable[[], float]
    followed: Callable[[], Iterable[Followed]] = field(default=tuple)
    live: Callable[[], Iterable[AlertHead]] = field(default=tuple)


class Metrics:
    """Registered once per process."""

    def __init__(self, registry: CollectorRegistry, views: Views):
        open_now = Gauge(
            "strainwatch_notify_connections",
            "Open feed connections that are signed in.",
            ["transport"],
            registry=registry,
        )
        for transport in TRANSPORTS:
            open_now.labels(transport).set_function(partial(views.connections, transport))
        Gauge(
            "strainwatch_notify_feed_lag_seconds", "Age of the oldest partition's newest signals.", registry=registry
        ).set_function(views.lag_s)
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
        self.audit_lost = Counter(
            "strainwatch_notify_audit_lost", "Records of actions that could not be written.", registry=registry
        )
        self.alert_frames = self.frames.labels("alert")
        self.board_frames = self.frames.labels("board")
        self.refused_sign_ins = Counter(
            "strainwatch_notify_sign_ins_refused", "Tokens that were refused.", ["door"], registry=registry
        )
        self.alert_delay_s = Histogram(
            "strainwatch_notify_alert_delay_seconds",
            "From the entry that changed an alert to its frames written, by this machine's clock.",
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        )
        self.fan_out_s = Histogram(
            "strainwatch_notify_fan_out_seconds",
            "From a change being read to its frame written to everybody connected who sees it.",
            registry=registry,
            buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
        )
        for name, code in vars(GoodbyeCode).items():
            if name.isupper():
                self.goodbyes.labels(str(code))
        for door in SIGN_INS:
            self.refused_sign_ins.labels(door)
        self.floor = FloorMeasures(registry, views.live)
        self._followed = views.followed
        registry.register(Tallies(self._read))

    def _read(self) -> Iterable[tuple[str, str, Mapping[str, str], float]]:
        for at in self._followed():
            of = {"partition": str(at.partition)}
            if at.behind_s is not None:
                text = "The newest entry less the newest scored one: how far scoring is behind, also when none runs"
                yield f"{_P}behind_seconds", text, of, at.behind_s
            if at.silent_s is not None:
                text = "Age of the newest entry; more than seconds: nobody owns the partition, which would tick"
                yield f"{_P}silent_seconds", text, of, at.silent_s
            if at.signals_age_s is not None:
                yield "strainwatch_notify_signals_age_seconds", "Age of the newest signals", of, at.signals_age_s
            yield f"{_P}generation", "Number of the owner; one more at each takeover", of, at.generation
            text = "Published changes that differed from what was there; anything but 0: outputs cannot be trusted"
            yield f"{_P}differing_changes", text, of, at.differing
            yield f"{_P}epoch_changes_total", "New epochs seen: acknowledged entries were lost", of, at.epochs
