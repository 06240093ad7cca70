"""How a process ends: what asks it to, in which order its parts drain, and that it does not outlive its parent."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog

DIE_WITH_PARENT = "STRAINWATCH_DIE_WITH_PARENT"
"""Set by the Makefile to the process id of make (or to 1: whoever the parent is at the start)."""
PARENT_LOOK_S = 0.5
"""Asking costs a microsecond; half a second is soon enough to be gone before anybody looks for what was left."""
DRAIN_STEP_S = 8.0
"""Longest time that one part may take to drain. More than an append may take, so that a store which is away is waited
for once; three parts stay below the 30 s after which orchestrators send SIGKILL."""

_logger = structlog.get_logger(__name__)


class Stop:
    """Asks a process to end. The first reason given stays."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.why = ""
        self.fault: Exception | None = None
        """What went wrong, when that is the reason: to be raised when all is drained."""

    @property
    def asked(self) -> bool:
        """Whether the process is to end."""
        return self._asked.is_set()

    def ask(self, why: str, fault: Exception | None = None) -> None:
        """End in good order, as soon as possible."""
        if not self.asked:
            self.why, self.fault = why, fault
            self._asked.set()

    async def wait(self) -> None:
        """Return when the process is to end."""
        await self._asked.wait()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask for the end; a second SIGINT is the end, at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _signalled(self, number: signal.Signals) -> None:
        if self.asked and number == signal.SIGINT:
            os._exit(128 + number)  # whoever presses Ctrl-C twice does not want to wait for anything
        self.ask(number.name)


async def watch_parent(stop: Stop, variables: Mapping[str, str]) -> None:
    """Ask for the end when the parent is gone, if the variables ask for that; else return at once.

    The parent is asked for again and again, because only Linux has a signal for it, and that one is for the end of
    the thread that forked.
    """
    wanted = variables.get(DIE_WITH_PARENT, "")
    if not wanted:
        return
    parent = int(wanted) if wanted.isascii() and wanted.isdigit() and wanted != "1" else os.getppid()
    while not stop.asked:
        if os.getppid() != parent:
            stop.ask("the process that started this one is gone")
        await asyncio.sleep(PARENT_LOOK_S)


Step = tuple[str, Callable[[], Awaitable[None]]]


async def drain_in_order(steps: Sequence[Step], step_s: float = DRAIN_STEP_S) -> bool:
    """Drain one part after the other; a part that fails or takes too long does not keep the next from draining.

    True when all went well; what did not is logged.
    """
    well = True
    for name, drain in steps:
        try:
            async with asyncio.timeout(step_s):
                await drain()
        except TimeoutError:
            well = False
            _logger.error("drain.too_slow", part=name, waited_s=step_s)
        except Exception:
            well = False
            _logger.exception("drain.failed", part=name)
    return well
