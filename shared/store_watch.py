"""Looks at the log's store now and then: its memory, its disk, its clock. For operators and for `/readyz`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import structlog
from prometheus_client import CollectorRegistry

from shared.clock import Clock
from shared.log import Log, LogUnavailable, Store
from shared.readiness import Dependency
from shared.telemetry import Tallies

LOOK_S = 5.0
"""One small command; alerts on what it tells hold for minutes."""
ANSWER_S = 3.0
CLOCK_FAULT_S = 5.0
"""From here on ops is told: as much as the owner of a partition tells of (`scoring.tenure`). It never hinders: scores
go by the store's clock, and were it the store's that is wrong, every process would leave the rotation at once."""

_logger = structlog.get_logger(__name__)


class StoreWatch:
    """The last look at each node of the store."""

    def __init__(self, log: Log, clock: Clock, registry: CollectorRegistry) -> None:
        self._log = log
        self._clock = clock
        self._nodes: list[Store] = []
        self._difference_s: dict[str, float] = {}
        self._trip_s = 0.0
        self.answers = False
        self._said_skewed = False
        registry.register(Tallies(self._read))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once. What cannot be seen keeps its last value; `strainwatch_store_up` says so."""
        began_s, began_ms = self._clock.steady_s(), self._clock.now_ms()
        try:
            async with asyncio.timeout(ANSWER_S):
                nodes = await self._log.store()
        except (LogUnavailable, TimeoutError) as fault:
            self.answers = False
            _logger.warning("store.unseen", fault=str(fault) or f"no answer within {ANSWER_S:g} s")  # once a minute
            return
        self._trip_s = self._clock.steady_s() - began_s
        middle_ms = began_ms + self._trip_s * 500
        self._nodes, self.answers = nodes, True
        self._difference_s = {node.name: (middle_ms - node.now_ms) / 1000 for node in nodes}
        skewed = abs(self.clock_difference_s) > CLOCK_FAULT_S
        if skewed != self._said_skewed:
            self._said_skewed = skewed
            _logger.warning("clock.skewed" if skewed else "clock.right", difference_s=self.clock_difference_s)

    @property
    def clock_difference_s(self) -> float:
        """This machine's clock less the store's, for the node that differs most; right to half a round trip."""
        differences = [0.0, *self._difference_s.values()]
        low, high = min(differences), max(differences)
        return round(high if high >= -low else low, 3)

    def dependencies(self) -> list[Dependency]:
        """The clock. That the store answers is asked for by each service itself, by what it needs of it."""
        off_s = self.clock_difference_s
        if abs(off_s) <= CLOCK_FAULT_S:
            return [Dependency("clock", hinders=False)]
        ahead = "ahead of" if off_s > 0 else "behind"
        told = f"this machine's clock is {abs(off_s):.0f} s {ahead} the log's; set both by NTP"
        return [Dependency("clock", told, hinders=False)]

    def _read(self) -> Iterable[tuple[str, str, Mapping[str, str], float]]:
        yield "strainwatch_store_up", "1 if the log's store answered the last look", {}, float(self.answers)
        yield "strainwatch_store_answer_seconds", "How long the last answer took", {}, self._trip_s
        for node in self._nodes or [Store("0", 0, 0, 0, False, 0)]:
            at = {"node": node.name}
            off_s = self._difference_s.get(node.name, 0.0)
            yield "strainwatch_store_clock_difference_seconds", "This machine's clock less the store's", at, off_s
            yield "strainwatch_store_memory_bytes", "Memory that the store uses for data", at, node.memory_bytes
            yield (
                "strainwatch_store_memory_limit_bytes",
                "Memory from which on the store refuses writes (maxmemory); 0: as much as the machine has",
                at,
                node.memory_limit_bytes,
            )
            yield "strainwatch_store_write_faults", "1 if its last write to disk failed", at, float(node.disk_fails)
            yield "strainwatch_store_evictions_total", "Keys it threw away for want of room", at, node.evicted
