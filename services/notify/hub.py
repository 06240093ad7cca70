"""The hub: what the log says, on its way to everybody who may see it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from services.notify.boards import Boards
from services.notify.core.alerts import AlertHead, Change, visible
from services.notify.core.frames import Frame, alert_frame
from services.notify.core.scope import Scope
from services.notify.core.tenant import Tenant
from services.notify.history import History
from services.notify.metrics import Metrics, Views
from services.notify.partition import Partition
from services.notify.subscriber import Subscriber
from services.notify.traces import Traces
from shared.clock import Clock
from shared.contract.entries import EntryId
from shared.contract.keys import partition_of
from shared.contract.signals import AgentSignal, BadSignals
from shared.log import Log
from shared.readiness import Dependency, hindering
from shared.tracing import Tracing

TICK_S = 0.25
"""How finely boards are paced."""
FRESH_S, QUIET_S = 0.7, 1.25
"""Signals come each second: a board goes out with them, but not sooner than 0.7 s after the last one, so that an engine
that catches up does not flood; without new signals the old board is sent again, and its age is there to see."""
START_WAIT_S = 5.0
"""How long a start waits for the log before it serves without (then `/readyz` says so)."""

_logger = structlog.get_logger(__name__)


class Hub:
    """Partitions, and who listens to which tenant."""

    def __init__(self, log: Log, clock: Clock, registry: CollectorRegistry, tracing: Tracing | None = None) -> None:
        self.clock = clock
        self.history = History(log)
        views = Views(self._listening, self._lag_s, lambda: [p.followed() for p in self._partitions], self._live)
        self.metrics = Metrics(registry, views)
        self.crashed: BaseException | None = None
        """A fault of ours that ended a reader; the process should be started again."""
        self._partitions = [Partition(log, p, clock, self.metrics, self) for p in range(log.partitions)]
        self._traces = None if tracing is None else Traces(log, tracing)
        self.boards = Boards(self.tenant, clock, self.metrics)
        self._subscribers: defaultdict[str, dict[Subscriber, None]] = defaultdict(dict)
        """By tenant, in the order in which they came: who came first is told first, in every run alike."""
        self._sent: dict[str, tuple[float, int | None]] = {}
        """Tenant -> when its last board went out, and of when that board was."""
        self._tasks: list[asyncio.Task[None]] = []

    # --- life

    async def start(self) -> None:
        """Begin to follow the log. Returns when all partitions were read, or after a few seconds without the log."""
        for partition in self._partitions:
            self.run(partition.follow_alerts(), f"alerts {partition.index}")
            self.run(partition.follow_signals(), f"signals {partition.index}")
        self.run(self.boards.run(), "boards")
        self.run(self._tick(), "pace")
        if self._traces is not None:
            self.run(self._traces.run(), "traces")
        loading = [asyncio.ensure_future(p.loaded.wait()) for p in self._partitions]
        _, late = await asyncio.wait(loading, timeout=START_WAIT_S)
        for waiting in late:
            waiting.cancel()

    async def stop(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something until `stop`; should it end by a fault, the service is no longer ready."""
        task = asyncio.create_task(work, name=f"notify {name}")
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (fault := task.exception()) is None:
            return
        self.crashed = fault
        _logger.critical("reader ended", task=task.get_name(), exc_info=fault)

    def dependencies(self) -> list[Dependency]:
        """The partitions of the log, each followed, and the readers themselves."""
        readers = None if self.crashed is None else f"{type(self.crashed).__name__}; see the log of this process"
        return [
            *(Dependency(f"log partition {p.index}", p.fault) for p in self._partitions),
            Dependency("reader", readers),
        ]

    def faults(self) -> dict[str, str]:
        """What hinders, by name; empty when all is well."""
        return hindering(self.dependencies())

    # --- questions

    def partition(self, tenant: str) -> Partition:
        """Where a tenant lives."""
        return self._partitions[partition_of(tenant, len(self._partitions))]

    def tenant(self, name: str) -> Tenant:
        """What is known of a tenant."""
        return self.partition(name).tenant(name)

    def top(self, partition: int) -> EntryId:
        """How far the alerts log of a partition was read."""
        return self._partitions[partition].top

    async def board(self, scope: Scope) -> bytes:
        """The newest board as JSON."""
        view, partition = await self.boards.built(scope), self.partition(scope.tenant)
        return view.body(scope, partition.epoch, partition.top, self.clock.now_ms())

    def agent(self, tenant: str, agent: str) -> AgentSignal | None:
        """One agent's row now; None when nothing is known of such an agent."""
        try:
            return self.tenant(tenant).board.view.agent(agent)
        except BadSignals as fault:  # counted when a board is built of them
            _logger.error("signals cannot be read", error=str(fault))
            return None

    # --- listeners

    def subscribe(self, subscriber: Subscriber) -> None:
        """From now on."""
        self._subscribers[subscriber.scope.tenant][subscriber] = None

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """No longer; harmless when repeated."""
        tenant = subscriber.scope.tenant
        self._subscribers[tenant].pop(subscriber, None)
        if not self._subscribers[tenant]:
            del self._subscribers[tenant]
            self._sent.pop(tenant, None)

    def changed(self, change: Change, before: EntryId) -> None:
        """See partition.Listener: encode once, write to all who see it."""
        began_s = self.clock.steady_s()
        frame: Frame | None = None
        sees: dict[frozenset[str], bool] = {}
        written = 0
        for subscriber in tuple(self._subscribers.get(change.head.tenant, ())):
            teams = subscriber.scope.teams
            seen = sees.get(teams)
            if seen is None:
                seen = sees[teams] = visible(change, subscriber.scope)
            if seen:
                frame = frame or alert_frame(change, self.partition(change.head.tenant).epoch)
                written += subscriber.change(change.cursor, before, frame)
        self.metrics.alert_frames.inc(written)
        took_s, now_ms = self.clock.steady_s() - began_s, self.clock.now_ms()
        self.metrics.fan_out_s.observe(took_s)
        self.metrics.alert_delay_s.observe(max(0.0, (now_ms - change.cursor.ms) / 1000))
        if self._traces is not None:
            self._traces.told(change, now_ms - took_s * 1000, now_ms, written)

    def refreshed(self, tenant: str) -> None:
        """See partition.Listener."""
        if tenant in self._subscribers:
            self._send_boards(tenant)

    def replaced(self, partition: Partition) -> None:
        """See partition.Listener."""
        for tenant, subscribers in list(self._subscribers.items()):
            if self.partition(tenant) is partition:
                for subscriber in tuple(subscribers):
                    subscriber.replace()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for tenant in list(self._subscribers):
                self._send_boards(tenant)

    def _send_boards(self, tenant: str) -> None:
        now_s, at_ms = self.clock.steady_s(), self.tenant(tenant).board.at_ms
        sent_s, sent_ms = self._sent.get(tenant, (float("-inf"), None))
        since_s = now_s - sent_s
        if since_s < (FRESH_S if at_ms != sent_ms else QUIET_S):
            return
        self._sent[tenant] = (now_s, at_ms)
        for subscriber in tuple(self._subscribers[tenant]):
            subscriber.show_board()

    def _listening(self, transport: str) -> float:
        return sum(s.transport == transport for subscribers in self._subscribers.values() for s in subscribers)

    def _live(self) -> Iterable[AlertHead]:
        return (head for p in self._partitions for head in p.live())

    def _lag_s(self) -> float:
        newest = [p.signals_ms for p in self._partitions if p.signals_ms is not None]
        return max(0.0, (self.clock.now_ms() - min(newest)) / 1000) if newest else 0.0
