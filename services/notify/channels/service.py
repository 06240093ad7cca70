"""All outgoing channels of one process: a worker for each channel on each partition, and how they start and end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence

import structlog
from prometheus_client import CollectorRegistry

from services.notify.channels.apprise_sender import MISSING, AppriseSender, is_installed
from services.notify.channels.measures import Measures, Reading
from services.notify.channels.webhook import Webhook
from services.notify.channels.worker import Sender, Worker
from services.notify.core.channel_settings import Channel
from shared.addresses import Network
from shared.clock import Clock
from shared.contract.entries import EntryId
from shared.log import Log

END_S = 6.0
"""How long a send that is under way may still take at the end: below the 8 s that a part may take to drain. One that is
cut off is sent again by the next process, under the same id."""
RESTART_S = 5.0
"""After a fault of ours: the same channel again, while the others go on."""

_logger = structlog.get_logger(__name__)


def faults_of(channels: Iterable[Channel]) -> list[str]:
    """What this installation lacks for some channels."""
    needing = [channel.name for channel in channels if channel.type == "apprise"]
    return [f"channels.{name}: {MISSING}" for name in needing] if needing and not is_installed() else []


def sender_of(channel: Channel, clock: Clock, within: tuple[Network, ...] | None = None) -> Sender:
    """What carries a channel's messages. `within`: the networks that `allow_private` opens; None: all of them."""
    return AppriseSender(channel, within) if channel.type == "apprise" else Webhook(channel, clock, within=within)


class Channels:
    """See the module. `newest` says how far the alerts log of a partition is known to go."""

    def __init__(
        self,
        channels: Sequence[Channel],
        *,
        log: Log,
        clock: Clock,
        registry: CollectorRegistry,
        newest: Callable[[int], EntryId],
        public_url: str | None = None,
        private_networks: tuple[Network, ...] | None = None,
    ) -> None:
        self._clock = clock
        self._senders = {channel.name: sender_of(channel, clock, private_networks) for channel in channels}
        self._tasks: list[asyncio.Task[None]] = []
        measures = Measures(registry, self._readings)
        token = secrets.token_hex(8)
        self.workers = [
            Worker(
                channel,
                partition,
                outbox=log.outbox(partition, channel.name),
                sender=self._senders[channel.name],
                newest=lambda partition=partition: newest(partition),  # type: ignore[misc]
                clock=clock,
                measures=measures,
                token=token,
                public_url=public_url,
            )
            for channel in channels
            for partition in range(log.partitions)
        ]
        for channel in channels:
            measures.begin(channel.name)

    def start(self) -> None:
        """Begin to send."""
        self._tasks = [asyncio.create_task(_kept_up(worker)) for worker in self.workers]
        if self._senders:
            _logger.info("channels.started", channels=sorted(self._senders))

    async def stop(self) -> None:
        """Let what is under way come to its end, then stop."""
        for worker in self.workers:
            worker.stopping = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=END_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await asyncio.gather(*(sender.close() for sender in self._senders.values()), return_exceptions=True)

    def _readings(self) -> Iterable[Reading]:
        now_ms = self._clock.now_ms()
        for name in self._senders:
            own = [worker for worker in self.workers if worker.channel.name == name]
            oldest = [at_ms for worker in own if (at_ms := worker.lanes.oldest_ms()) is not None]
            age_s = max(0.0, (now_ms - min(oldest)) / 1000) if oldest else 0.0
            yield name, sum(len(w.lanes) for w in own), age_s, any(w.ledger.off is not None for w in own)


async def _kept_up(worker: Worker) -> None:
    """A fault of ours in one channel holds up neither the others nor the page."""
    while not worker.stopping:
        try:
            await worker.run()
        except Exception:
            _logger.exception("channel.failed", channel=worker.channel.name)
            await asyncio.sleep(RESTART_S)
