"""Boards on their way to the leads: built and written a slice at a time, so that no alert waits for a board."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from services.notify.core.board import View
from services.notify.core.scope import Scope
from services.notify.core.tenant import Tenant
from services.notify.metrics import Metrics
from services.notify.subscriber import Subscriber
from shared.clock import Clock
from shared.contract.signals import BadSignals

SLICE_S = 0.002
"""How long boards keep the loop at a stretch, and how long they then leave it alone. An alert crosses the loop in a
dozen turns; were a slice to stand in each of them, it would wait for the whole board after all."""

_logger = structlog.get_logger(__name__)


class Boards:
    """Who waits for a board, and the one task that serves them."""

    def __init__(self, tenant: Callable[[str], Tenant], clock: Clock, metrics: Metrics) -> None:
        self._tenant = tenant
        self._clock = clock
        self._metrics = metrics
        self._waiting: dict[tuple[str, frozenset[str]], dict[Subscriber, None]] = {}
        self._asked = asyncio.Event()

    def want(self, subscriber: Subscriber) -> None:
        """Give this subscriber the newest board as soon as it is built; those of one scope are served together."""
        scope = subscriber.scope
        self._waiting.setdefault((scope.tenant, scope.teams), {})[subscriber] = None
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            pace = _Pace(self._clock)
            while self._waiting:
                subscribers = self._waiting.pop(next(iter(self._waiting)))
                view = await self._built(next(iter(subscribers)).scope, pace)
                for subscriber in subscribers:
                    subscriber.take_board(view)
                    await pace.keep()

    async def built(self, scope: Scope) -> View:
        """The newest board, built for a scope."""
        return await self._built(scope, _Pace(self._clock))

    async def _built(self, scope: Scope, pace: _Pace) -> View:
        board = self._tenant(scope.tenant).board
        view = board.view
        try:
            for _ in view.build(scope):
                await pace.keep()
        except BadSignals as fault:
            self._metrics.unreadable.inc()
            _logger.error("signals cannot be read", error=str(fault))
            empty = View(None, b"")
            if board.view is view:
                board.view = empty
            return empty
        return view


class _Pace:
    """Work and rest in turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s = clock.steady_s()

    async def keep(self) -> None:
        """Rest when it is time."""
        if self._clock.steady_s() - self._began_s >= SLICE_S:
            await asyncio.sleep(SLICE_S)
            self._began_s = self._clock.steady_s()
