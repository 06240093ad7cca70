"""An event loop of which one seed decides everything: when timers are due, and who has the next turn.

Its time is simulated and moves only when nobody has anything to do. Tasks that are ready at once run in an order that
the seed draws. What runs belongs to a `Machine` (or to the world outside of them); a machine that is killed does
nothing any more, not even its `finally`, as a process after kill -9; one that is stopped goes on later where it was.
"""

from __future__ import annotations

import asyncio
import heapq
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any

BEGIN_MS = 1_760_000_000_000
"""The wall clock when a simulation begins."""
STEPS_MAX = 3_000_000
"""Turns of one run; a run takes some ten thousand, so more is a task that spins."""

_owner: ContextVar[Machine | None] = ContextVar("_owner", default=None)


class Stuck(AssertionError):
    """Nobody will ever do anything again, or somebody never stops doing something."""


class Machine:
    """One process: what runs in its context lives and dies with it."""

    def __init__(self, loop: SimLoop, name: str, rng: Random) -> None:
        self.loop = loop
        self.name = name
        self.rng = rng
        self.clock = MachineClock(loop, rng)
        self.killed = False
        self.stopped = False
        self.tasks: list[asyncio.Task[Any]] = []
        self._parked: list[Turn] = []
        self._context = copy_context()
        self._context.run(_owner.set, self)

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin something on this machine."""
        return self.loop.create_task(work, context=self._context.copy())

    def soon(self, call: Callable[..., object], *args: Any) -> None:
        """Call something on this machine, as its kernel does when bytes came."""
        self.loop.call_soon(call, *args, context=self._context.copy())

    def now(self, call: Callable[..., Any], *args: Any) -> Any:
        """Make something on this machine."""
        return self._context.copy().run(call, *args)

    def kill(self) -> None:
        """As kill -9."""
        self.killed = True
        self._parked.clear()

    def stop(self) -> None:
        """As SIGSTOP."""
        self.stopped = True

    def go_on(self) -> None:
        """As SIGCONT."""
        self.stopped = False
        parked, self._parked = self._parked, []
        self.loop._ready.extend(parked)

    def takes(self, handle: Turn) -> bool:
        """Whether a turn may be had now; one of a machine that is stopped waits."""
        if self.stopped and not self.killed:
            self._parked.append(handle)
        return not (self.killed or self.stopped)


class MachineClock:
    """A machine's clocks: they drift, and the wall clock is set by hand. See `shared.clock.Clock`."""

    def __init__(self, loop: SimLoop, rng: Random) -> None:
        self._loop = loop
        self._rng = rng
        self._drift = rng.uniform(-0.002, 0.002)
        self._worked_s = 0.0
        self.set_by_ms = 0

    def now_ms(self) -> int:
        """Wall clock."""
        return BEGIN_MS + self.set_by_ms + int(self._loop.time() * (1 + self._drift) * 1000)

    def steady_s(self) -> float:
        """Steady clock. Work takes time here: slices end, at moments that the seed draws."""
        if self._rng.random() < 0.02:
            self._worked_s += 0.006
        return self._loop.time() * (1 + self._drift) + self._worked_s


class Turn:
    """What is called in one turn: asyncio's handles, of timers too, without what they do for debugging."""

    __slots__ = ("__weakref__", "_args", "_callback", "_cancelled", "_context", "_loop", "_when")

    def __init__(
        self,
        callback: Callable[..., Any],
        args: tuple[Any, ...],
        loop: SimLoop,
        context: Context | None,
        when: float = 0.0,
    ) -> None:
        self._callback, self._args, self._loop, self._when = callback, args, loop, when
        self._context = copy_context() if context is None else context
        self._cancelled = False

    def cancel(self) -> None:
        """See asyncio."""
        self._cancelled = True

    def cancelled(self) -> bool:
        """See asyncio."""
        return self._cancelled

    def when(self) -> float:
        """See asyncio."""
        return self._when

    def _run(self) -> None:
        try:
            self._context.run(self._callback, *self._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as fault:
            self._loop.call_exception_handler({"message": f"fault in {self._callback!r}", "exception": fault})


class SimLoop(asyncio.BaseEventLoop):
    """See the module. `before_turn` is called before each turn of anybody."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._now_s = 0.0
        self._rng = rng
        self._ready: deque[Turn] = deque()
        self._due: list[tuple[float, int, Turn]] = []
        """Timers by the time when they are due, and among those of one time by their age."""
        self._timers = 0
        self.turns = 0
        self.before_turn: Callable[[], None] = lambda: None
        self.faults: list[str] = []
        self.set_exception_handler(self._fault)
        self.set_task_factory(_make_task)  # type: ignore[arg-type]

    def _fault(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.faults.append(f"{context['message']}: {context.get('exception')!r}")

    def time(self) -> float:
        """Simulated seconds since the begin."""
        return self._now_s

    # What asyncio does here costs more than most of what is called: it checks for threads and for debug mode, and its
    # timers compare themselves in Python.

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Turn:  # type: ignore[override]
        """See asyncio."""
        turn = Turn(callback, args, self, context)
        self._ready.append(turn)
        return turn

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Turn:  # type: ignore[override]
        """See asyncio."""
        turn = Turn(callback, args, self, context, when)
        self._timers += 1
        heapq.heappush(self._due, (when, self._timers, turn))
        return turn

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Turn:  # type: ignore[override]
        """See asyncio."""
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """A thread takes no time here, and its end is seen in a later turn."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as fault:
            future.set_exception(fault)
        return future

    def _run_once(self) -> None:
        """One round: everybody who is ready has one turn."""
        due, ready = self._due, self._ready
        while due and due[0][2]._cancelled:
            heapq.heappop(due)
        if not ready:
            if not due:
                raise Stuck("nobody has anything left to do")
            self._now_s = max(self._now_s, due[0][0])
        while due and due[0][0] <= self._now_s:
            ready.append(heapq.heappop(due)[2])
        round_ = list(ready)
        ready.clear()
        for turn in self._shuffled(round_) if len(round_) > 1 else round_:
            if turn._cancelled:
                continue
            machine = turn._context.get(_owner)
            if machine is not None and not machine.takes(turn):
                continue
            self.turns += 1
            if self.turns > STEPS_MAX:
                raise Stuck(f"more than {STEPS_MAX:,} turns")
            self.before_turn()
            if machine is None or machine.takes(turn):
                turn._run()

    def _shuffled(self, handles: list[Turn]) -> list[Turn]:
        """Tasks in any order; plain callbacks stay where they are, since asyncio promises their order."""
        places = [i for i, handle in enumerate(handles) if _is_task(handle)]
        if len(places) > 1:
            mixed = places[:]
            self._rng.shuffle(mixed)
            out = handles[:]
            for to, at in zip(places, mixed, strict=True):
                out[to] = handles[at]
            return out
        return handles

    def _process_events(self, event_list: Any) -> None:
        """There are no files here."""

    def _write_to_self(self) -> None:
        """There are no threads here."""


def _is_task(turn: Turn) -> bool:
    return isinstance(getattr(turn._callback, "__self__", None), asyncio.Task)


def _make_task(loop: SimLoop, work: Coroutine[Any, Any, Any], **given: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, **given)
    context = given.get("context")
    machine = context.get(_owner) if context is not None else _owner.get()
    if machine is not None:
        machine.tasks = [t for t in machine.tasks if not t.done()] if len(machine.tasks) > 64 else machine.tasks
        machine.tasks.append(task)
    return task


def bury(machine: Machine) -> None:
    """Free what a killed machine left behind, without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what a `finally` began is never waited for
        _close_all(machine)


def _close_all(machine: Machine) -> None:
    for task in machine.tasks:
        if task.done():
            continue
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        work = task.get_coro()
        for _ in range(20):
            try:
                work.close()  # type: ignore[union-attr]
                break
            except BaseException:
                continue
    machine.tasks.clear()
