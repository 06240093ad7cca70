"""What outgoing channels count, by channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter

from shared.telemetry import Tallies

Reading = tuple[str, float, float, bool]
"""Channel, changes in its outbox, age of the oldest in s, whether it is switched off."""


class Measures:
    """Registered once per process."""

    def __init__(self, registry: CollectorRegistry, read: Callable[[], Iterable[Reading]]) -> None:
        self.sent = Counter("strainwatch_channel_sent", "Messages sent.", ["channel"], registry=registry)
        self.failed = Counter("strainwatch_channel_failed", "Tries that failed.", ["channel"], registry=registry)
        self.set_aside = Counter(
            "strainwatch_channel_set_aside", "Changes that were given up and set aside.", ["channel"], registry=registry
        )
        self.skipped = Counter(
            "strainwatch_channel_skipped",
            "Changes that were not to be sent, by why.",
            ["channel", "why"],
            registry=registry,
        )

        def tallies() -> Iterable[tuple[str, str, dict[str, str], float]]:
            for channel, waiting, age_s, off in read():
                of = {"channel": channel}
                yield "strainwatch_channel_outbox", "Changes that this process still has to send.", of, waiting
                yield "strainwatch_channel_outbox_age_seconds", "Age of the oldest change not yet sent.", of, age_s
                yield "strainwatch_channel_off", "1: the receiver wants no messages any more.", of, float(off)

        registry.register(Tallies(tallies))

    def begin(self, channel: str) -> None:
        """Show a channel's counters from the start, as 0."""
        for counter in (self.sent, self.failed, self.set_aside):
            counter.labels(channel)
