"""The store of a simulation: the memory log with a ledger of all it ever held, and the unsafe ways that lead to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Any

from shared.contract.entries import START, Entry, EntryId
from shared.log import Checkpoint, LogUnavailable, Lookup, Publication, Published, Retention
from shared.log_memory import MemoryLog
from shared.log_memory_stream import MemoryStream
from tests.simulation.loop import Machine, MachineClock

ANSWER_S = 5.0
"""How long a machine waits for the store, as the adapter of the real one does."""
READS = frozenset({"read", "read_alerts", "read_signals"})
"""They may wait in the store for something new."""


@dataclass
class Ledger:
    """All that one partition ever held, also what the retention took away since."""

    entries: dict[EntryId, Mapping[bytes, bytes]] = field(default_factory=dict)
    alerts: dict[EntryId, bytes] = field(default_factory=dict)
    checkpoints: list[tuple[str, int, EntryId]] = field(default_factory=list)
    """Epoch, generation and position of each that was taken into force."""
    skipped: set[EntryId] = field(default_factory=set)
    lost: list[Mapping[bytes, bytes]] = field(default_factory=list)
    """Entries that a failover lost."""
    losses: int = 0
    """Failovers that lost something."""
    outbox_from: EntryId = START
    """Where the outgoing channel began."""


class SimLog(MemoryLog):
    """The memory log, with a ledger."""

    def __init__(self, *, clock: MachineClock, partitions: int, retention: Retention, rng: Random) -> None:
        super().__init__(
            clock=clock, partitions=partitions, retention=retention, new_token=lambda: f"{rng.getrandbits(64):016x}"
        )
        self.ledgers = [Ledger() for _ in range(partitions)]
        self.life = 0
        """How often there was a failover: what was sent before it never arrives."""

    async def append(
        self, partition: int, fields: Mapping[bytes, bytes], lookups: Sequence[Lookup] = (), *, promised: bool = True
    ) -> EntryId:
        """See Log."""
        position = await super().append(partition, fields, lookups, promised=promised)
        stored = self._parts[partition].events.get(position)
        assert stored is not None
        self.ledgers[partition].entries[position] = stored
        return position

    async def publish(self, partition: int, generation: int, publication: Publication) -> Published:
        """See Log."""
        before = self._parts[partition].alerts.last
        done = await super().publish(partition, generation, publication)
        ledger = self.ledgers[partition]
        for position, data in publication.alerts:
            if position > before:
                ledger.alerts[position] = data
        return done

    async def save_checkpoint(self, partition: int, generation: int, checkpoint: Checkpoint) -> None:
        """See Log."""
        await super().save_checkpoint(partition, generation, checkpoint)
        epoch = self._parts[partition].epoch
        there = self._parts[partition].checkpoint
        assert there is not None
        self.ledgers[partition].checkpoints.append((epoch, generation, there.position))

    async def count_failure(self, partition: int, generation: int, position: EntryId) -> int:
        """See Log."""
        number = await super().count_failure(partition, generation, position)
        if number >= 3:
            self.ledgers[partition].skipped.add(position)
        return number

    def replica(self, partition: int) -> Callable[[], int]:
        """All of a partition as it is now, on a server that gets nothing more; call it to make that one the primary.
        It says how many entries are lost by that."""
        part, ledger = self._parts[partition], self.ledgers[partition]
        kept = {field.name: _copied(getattr(part, field.name)) for field in fields(part)}
        entries, alerts, checkpoints = set(ledger.entries), set(ledger.alerts), len(ledger.checkpoints)
        skipped = set(ledger.skipped)

        def fail_over() -> int:
            for name, value in kept.items():
                there = getattr(part, name)
                if isinstance(there, MemoryStream):
                    there.ids, there.values, there.last = value.ids, value.values, value.last
                else:
                    setattr(part, name, value)
            lost = [position for position in ledger.entries if position not in entries]
            ledger.lost += [ledger.entries.pop(position) for position in lost]
            told = [cursor for cursor in ledger.alerts if cursor not in alerts]
            for cursor in told:
                del ledger.alerts[cursor]
            del ledger.checkpoints[checkpoints:]
            ledger.skipped = skipped
            ledger.losses += bool(lost or told)
            self.life += 1
            return len(lost)

        return fail_over

    def entries(self, partition: int) -> list[Entry]:
        """All entries of a partition, in order."""
        return [Entry(position, fields) for position, fields in sorted(self.ledgers[partition].entries.items())]


@dataclass
class Weather:
    """How likely it is that one call of a machine fails, and how."""

    before: float = 0.0
    """The call never reaches the store."""
    after: float = 0.0
    """The store does what it was asked for, and its answer is lost at once."""
    silent: float = 0.0
    """No answer comes; whether it was done, and when, nobody knows: perhaps only after the machine gave up."""
    slow_s: float = 0.02
    """Longest way to the store, and back."""


CALM = Weather()


class Line:
    """One machine's connection to the log; a `shared.log.Log` for it."""

    def __init__(self, log: SimLog, machine: Machine) -> None:
        self._log = log
        self._machine = machine
        self._rng = Random(machine.rng.getrandbits(64))
        self._world: set[asyncio.Task[None]] = set()
        self.weather = CALM
        self.calls = 0
        self.failed = 0

    @property
    def partitions(self) -> int:
        """See Log."""
        return self._log.partitions

    @property
    def breaks(self) -> int:
        """See Log: a call that failed may have been the end of a connection."""
        return self.failed

    def outbox(self, partition: int, channel: str) -> OutboxLine:
        """See Log."""
        return OutboxLine(self, partition, channel)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._log, name)

        async def call(*args: Any, **given: Any) -> Any:
            return await self._call(name, method, tuple(map(_sent, args)), given)

        return call

    async def _call(self, name: str, method: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        if self._machine.killed:
            raise LogUnavailable("the dead do not call")  # only what frees the memory of a killed machine comes here
        loop = self._machine.loop
        answer: asyncio.Future[tuple[bool, Any]] = loop.create_future()
        self.calls += 1
        fate = self._fate()
        task = loop.create_task(self._serve(method, args, given, fate, answer, self._log.life), context=Context())
        self._world.add(task)
        task.add_done_callback(self._world.discard)
        try:
            async with asyncio.timeout(ANSWER_S):
                good, value = await answer
        except TimeoutError:
            self.failed += 1
            raise LogUnavailable(f"no answer within {ANSWER_S:g} s") from None
        if good:
            return value
        self.failed += isinstance(value, LogUnavailable)
        raise value

    async def call_outbox(self, partition: int, channel: str, name: str, args: tuple[Any, ...], given: Any) -> Any:
        """One call of an outbox, which is looked up where the call arrives: a failover puts another in its place."""

        async def method(*args: Any, **given: Any) -> Any:
            ledger, state = self._log.ledgers[partition], self._log._parts[partition].outboxes.get(channel)
            fresh = state is None or state.position is None
            answer = await getattr(self._log.outbox(partition, channel), name)(*args, **given)
            opened = self._log._parts[partition].outboxes[channel].position
            if fresh and opened is not None:
                ledger.outbox_from = opened
            return answer

        return await self._call(name, method, tuple(map(_sent, args)), given)

    def _fate(self) -> str:
        drawn = self._rng.random()
        for name in ("before", "after", "silent"):
            drawn -= getattr(self.weather, name)
            if drawn < 0:
                return name
        return "good"

    async def _serve(
        self,
        method: Any,
        args: tuple[Any, ...],
        given: dict[str, Any],
        fate: str,
        answer: asyncio.Future[Any],
        life: int,
    ) -> None:
        """The call on its way to the store and back, outside of any machine."""
        rng, slow_s = self._rng, self.weather.slow_s
        there_s, back_s = rng.uniform(0, slow_s), rng.uniform(0, slow_s)
        if fate == "silent":
            there_s = rng.choice((there_s, rng.uniform(0, 3 * ANSWER_S)))
            if rng.random() < 0.3:
                return
        await asyncio.sleep(there_s)
        outcome: tuple[bool, Any]
        if fate == "before" or life != self._log.life:
            outcome = False, LogUnavailable("connection refused")
        else:
            try:
                outcome = True, await method(*args, **given)
            except Exception as fault:
                outcome = False, fault
            if fate == "after" or life != self._log.life:
                outcome = False, LogUnavailable("connection reset")
        await asyncio.sleep(back_s)
        if fate != "silent" and not answer.done():
            answer.set_result(outcome)


class OutboxLine:
    """One machine's connection to an outbox; a `shared.outbox.Outbox` for it."""

    def __init__(self, line: Line, partition: int, channel: str) -> None:
        self._line, self._partition, self._channel = line, partition, channel

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **given: Any) -> Any:
            return await self._line.call_outbox(self._partition, self._channel, name, args, given)

        return call


def _copied(value: Any) -> Any:
    if isinstance(value, MemoryStream):
        copy = MemoryStream[Any]()
        copy.ids, copy.values, copy.last = list(value.ids), list(value.values), value.last
        return copy
    return deepcopy(value)


def _sent(value: Any) -> Any:
    """A value as it goes out: what its owner changes afterwards is not sent any more."""
    if isinstance(value, Publication):
        return replace(value, alerts=list(value.alerts), signals=list(value.signals), history=list(value.history))
    return dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
