"""What goes wrong in a run: a schedule of faults drawn from the seed, each between any two turns of anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.house import Host
from tests.simulation.store import CALM, Weather

if TYPE_CHECKING:
    from tests.simulation.world import World

FAULTS = frozenset({"kill", "stop", "term", "line", "store", "clock", "night", "poison", "loss", "stall", "dirt",
                    "channel"})  # fmt: skip
"""
kill   kill -9 of a process, which comes back after a while
stop   SIGSTOP, also past the lease, then SIGCONT: two scorers on one partition
term   SIGTERM, and a new process
line   calls of one process fail before, fail after, or are never answered
store  the same for everybody
clock  a wall clock is set, of a machine or of the store
night  everybody sleeps for a day: a gap, and the retention takes what is old
poison an entry that no engine can read
loss   a failover loses the tail of a partition
stall  leads who stop reading
channel  the receiver of an outgoing channel is away, or takes messages and never answers
"""
NIGHT_MS = 26 * 3_600_000


class Faults:
    """The schedule of one run."""

    def __init__(self, world: World, rng: Random) -> None:
        self._world = world
        self._rng = rng
        self._at_turn: list[tuple[int, Callable[[], None]]] = []
        self._losing: set[int] = set()
        self._works: set[asyncio.Task[None]] = set()
        world.loop.before_turn = self._turn

    def _turn(self) -> None:
        turns = self._world.loop.turns
        while self._at_turn and self._at_turn[0][0] <= turns:
            self._at_turn.pop(0)[1]()

    def _between_turns(self, call: Callable[[], None]) -> None:
        """Do it before some turn soon: in the midst of whatever is under way then."""
        self._at_turn.append((self._world.loop.turns + self._rng.randrange(1, 400), call))
        self._at_turn.sort(key=lambda due: due[0])

    async def run(self) -> None:
        """Until cancelled."""
        kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "kill": self._kill, "stop": self._stop, "term": self._term, "line": self._line, "store": self._store,
            "clock": self._clock, "night": self._night, "poison": self._poison, "loss": self._loss,
            "channel": self._channel,
        }  # fmt: skip
        weights = {"kill": 6, "stop": 3, "term": 2, "line": 6, "store": 2, "clock": 2, "night": 0.7, "poison": 1,
                   "loss": 0.7, "channel": 1}  # fmt: skip
        names = sorted(self._world.names & kinds.keys())
        if not names:
            return
        await asyncio.sleep(self._rng.uniform(0, 6))
        while True:
            name = self._rng.choices(names, [weights[name] for name in names])[0]
            self._works.add(self._world.loop.create_task(self._do(kinds[name])))
            await asyncio.sleep(self._rng.expovariate(1 / 5.0))

    async def _do(self, fault: Callable[[], Awaitable[None]]) -> None:
        await fault()

    def heal(self) -> None:
        """The end of all trouble."""
        for work in self._works:
            if work.done():
                work.result()
            work.cancel()
        self._at_turn.clear()
        for host in self._world.hosts:
            host.set_clock(self._world.set_by_ms)
            if host.machine is not None:
                host.machine.go_on()
                host.line.weather = CALM
            else:
                host.boot()
        self._world.receiver.state = "up"
        self._world.store.clock.set_by_ms = max(self._world.set_by_ms, self._world.store.clock.set_by_ms)

    def _host(self) -> Host:
        return self._rng.choice(self._world.hosts)

    async def _come_back(self, host: Host, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if not host.up:
            self._world.tell(f"boot {host.name}")
            host.boot()

    async def _kill(self) -> None:
        host = self._host()

        def kill() -> None:
            self._world.tell(f"kill {host.name}")
            host.kill()

        self._between_turns(kill)
        await self._come_back(host, 0.2 + self._rng.uniform(0, 6))
        while not host.up:
            await self._come_back(host, 1.0)

    async def _stop(self) -> None:
        host, for_s = self._host(), self._rng.choice((0.5, 3.0, 9.0, 20.0))
        machine = host.machine
        if machine is None:
            return

        def stop() -> None:
            if not machine.killed:
                self._world.tell(f"stop {host.name} for {for_s:g} s")
                machine.stop()

        self._between_turns(stop)
        await asyncio.sleep(for_s)
        self._world.tell(f"go on {host.name}")
        machine.stopped = False if machine.killed else machine.stopped
        machine.go_on()

    async def _term(self) -> None:
        host = self._host()
        if host.up and host.machine is not None and not host.machine.stopped:
            self._world.tell(f"term {host.name}")
            await host.drain()
            await self._come_back(host, self._rng.uniform(0, 3))

    def _weather(self) -> Weather:
        rng = self._rng
        weather = Weather(slow_s=rng.choice((0.02, 0.3, 2.0)))
        part = rng.choice((0.1, 0.5, 1.0))
        kinds = rng.choice((("before",), ("after",), ("silent",), ("before", "after", "silent")))
        for name in kinds:
            setattr(weather, name, part / len(kinds))
        return weather

    async def _line(self) -> None:
        host = self._host()
        if host.up:
            line, for_s = host.line, self._rng.uniform(0.5, 15)
            line.weather = self._weather()
            self._world.tell(f"line of {host.name}: {line.weather} for {for_s:.1f} s")
            await asyncio.sleep(for_s)
            line.weather = CALM

    async def _store(self) -> None:
        weather, for_s = self._weather(), self._rng.uniform(0.5, 8)
        self._world.tell(f"store: {weather} for {for_s:.1f} s")
        lines = [host.line for host in self._world.hosts if host.up]
        for line in lines:
            line.weather = weather
        await asyncio.sleep(for_s)
        for line in lines:
            line.weather = CALM

    async def _clock(self) -> None:
        by_ms = self._rng.choice((-300_000, -2_000, 2_000, 40_000, 300_000))
        if self._rng.random() < 0.3:
            self._world.tell(f"clock of the store by {by_ms} ms")
            self._world.store.clock.set_by_ms += by_ms
            await asyncio.sleep(self._rng.uniform(1, 20))
            self._world.store.clock.set_by_ms = self._world.set_by_ms
            return
        host = self._host()
        self._world.tell(f"clock of {host.name} by {by_ms} ms")
        host.set_clock(self._world.set_by_ms + by_ms)
        await asyncio.sleep(self._rng.uniform(1, 40))
        host.set_clock(self._world.set_by_ms)

    async def _night(self) -> None:
        world = self._world
        world.tell("night")
        world.set_by_ms += NIGHT_MS
        world.store.clock.set_by_ms += NIGHT_MS
        for host in world.hosts:
            host.set_clock(host.set_by_ms + NIGHT_MS)

    async def _poison(self) -> None:
        partition = self._rng.randrange(self._world.log.partitions)
        fields = self._rng.choice(({b"b": b"no block"}, {b"x": b"1"}, {b"a": b"{}"}, {b"s": b"[]"}))
        self._world.tell(f"poison {fields}")
        await self._world.log.append(partition, fields)

    async def _channel(self) -> None:
        receiver, for_s = self._world.receiver, self._rng.uniform(1, 40)
        receiver.state = self._rng.choice(("away", "mute"))
        self._world.tell(f"receiver {receiver.state} for {for_s:.1f} s")
        await asyncio.sleep(for_s)
        receiver.state = "up"

    async def _loss(self) -> None:
        """A replica gets nothing more, and a moment later it is the primary: what was confirmed meanwhile is gone."""
        world, partition = self._world, self._rng.randrange(self._world.log.partitions)
        if partition in self._losing:
            return
        self._losing.add(partition)
        fail_over = world.log.replica(partition)
        await asyncio.sleep(self._rng.choice((0.05, 0.5, 3.0)))

        def lose() -> None:
            world.tell(f"failover of partition {partition}: {fail_over()} entries lost")
            for host in world.hosts:
                host.line.failed += 1  # every connection broke
            self._losing.discard(partition)

        self._between_turns(lose)
