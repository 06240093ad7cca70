"""The guarantees of the outbox port, held by both adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from shared.clock import ManualClock, SystemClock
from shared.contract.entries import START, EntryId, alert_id_of, tick_fields
from shared.contract.keys import PartitionKeys
from shared.log import Log, Publication
from shared.log_memory import MemoryLog
from shared.log_redis import open_redis_log
from shared.outbox import OutboxMissing

if TYPE_CHECKING:
    from tests.contract.conftest import Store

pytestmark = pytest.mark.asyncio

TTL_MS = 60_000


class Kit:
    """A log under test, and how a hold ends."""

    def __init__(self, log: Log, clock: ManualClock | None = None, store: Store | None = None) -> None:
        self.log, self._clock, self._store = log, clock, store
        self._generation: int | None = None

    async def publish(self, *changes: bytes) -> list[EntryId]:
        """Changes of one entry; their ids."""
        if self._generation is None:
            self._generation = await self.log.claim(0, "owner", ttl_ms=600_000)
        assert self._generation is not None
        entry = await self.log.append(0, tick_fields(0))
        alerts = [(alert_id_of(entry, n), change) for n, change in enumerate(changes)]
        await self.log.publish(0, self._generation, Publication(entry, alerts))
        return [cursor for cursor, _ in alerts]

    async def trim(self, keep_from_ms: int) -> None:
        """Take alerts away, as the retention does after a week."""
        assert self._generation is not None
        await self.log.trim(0, self._generation, now_ms=keep_from_ms + 7 * 86_400_000, keep_from=START)

    def end_hold(self, channel: str) -> None:
        """Let the time of a hold pass."""
        if self._clock is not None:
            self._clock.advance(TTL_MS / 1000)
        if self._store is not None:
            self._store.run("PEXPIRE", PartitionKeys(0).outbox_owner(channel), 0)


@pytest_asyncio.fixture(params=["memory", "valkey"])
async def kit(request: pytest.FixtureRequest) -> AsyncIterator[Kit]:
    if request.param == "memory":
        clock = ManualClock(SystemClock().now_ms())
        made = Kit(MemoryLog(clock=clock, partitions=2), clock=clock)
    else:
        store: Store = request.getfixturevalue("store")
        made = Kit(await open_redis_log(store.url, partitions=2), store=store)
    yield made
    await made.log.close()


async def test_a_new_outbox_begins_at_the_end_of_the_log(kit: Kit) -> None:
    await kit.publish(b"old")
    outbox = kit.log.outbox(0, "ops")
    await outbox.open()
    assert await outbox.take(10) == []
    [cursor] = await kit.publish(b"new")
    assert await outbox.take(10) == [(cursor, b"new")]
    assert await outbox.take(10) == []


async def test_one_that_is_open_keeps_its_place(kit: Kit) -> None:
    await kit.log.outbox(0, "ops").open()
    cursors = await kit.publish(b"a", b"b")
    again = kit.log.outbox(0, "ops")
    await again.open()
    assert [cursor for cursor, _ in await again.take(10)] == cursors


async def test_it_can_begin_at_a_position(kit: Kit) -> None:
    cursors = await kit.publish(b"a", b"b")
    outbox = kit.log.outbox(0, "ops")
    await outbox.open(cursors[0])
    assert await outbox.take(10) == [(cursors[1], b"b")]


async def test_one_that_was_never_opened_says_so(kit: Kit) -> None:
    with pytest.raises(OutboxMissing):
        await kit.log.outbox(0, "ops").take(10)


async def test_what_is_taken_is_pending_until_it_is_settled(kit: Kit) -> None:
    outbox = kit.log.outbox(0, "ops")
    await outbox.open()
    first, second, third = await kit.publish(b"a", b"b", b"c")
    assert [cursor for cursor, _ in await outbox.take(2)] == [first, second]
    again = kit.log.outbox(0, "ops")  # after a crash
    assert await again.pending(START, 10) == [(first, b"a"), (second, b"b")]
    assert await again.pending(first, 10) == [(second, b"b")]
    assert await again.waiting() == 3
    await again.settle([first])
    await again.settle([first])
    assert await again.pending(START, 10) == [(second, b"b")]
    assert await again.take(10) == [(third, b"c")]


async def test_of_one_that_is_not_there_nothing_waits(kit: Kit) -> None:
    assert await kit.log.outbox(0, "ops").waiting() == 0
    await kit.publish(b"a")
    assert await kit.log.outbox(0, "ops").waiting() == 0


async def test_channels_have_nothing_in_common(kit: Kit) -> None:
    ops, chat = kit.log.outbox(0, "ops"), kit.log.outbox(0, "chat")
    await ops.open()
    await chat.open()
    [cursor] = await kit.publish(b"a")
    assert await ops.take(10) == await chat.take(10) == [(cursor, b"a")]
    await ops.settle([cursor], notes={"x": "1"})
    assert await chat.pending(START, 10) == [(cursor, b"a")]
    assert await chat.notes() == {}
    assert await chat.hold("one", ttl_ms=TTL_MS)
    assert await ops.hold("two", ttl_ms=TTL_MS)


async def test_a_change_that_the_retention_took_is_pending_without_its_bytes(kit: Kit) -> None:
    outbox = kit.log.outbox(0, "ops")
    await outbox.open()
    [cursor] = await kit.publish(b"a")
    await outbox.take(10)
    await kit.trim(cursor.ms + 1)
    assert await outbox.pending(START, 10) == [(cursor, None)]
    await outbox.settle([cursor])
    assert await outbox.pending(START, 10) == []


async def test_settling_writes_notes_forgets_others_and_keeps_what_was_set_aside(kit: Kit) -> None:
    outbox = kit.log.outbox(0, "ops")
    await outbox.open()
    cursors = await kit.publish(*[b"%d" % n for n in range(2_500)])
    assert len(await outbox.take(3_000)) == 2_500
    await outbox.note({"try": "3", "told": "0"})
    await outbox.settle(cursors, notes={"told": "1"}, forget=["try", "never there"], aside=b"record")
    assert await outbox.notes() == {"told": "1"}
    assert await outbox.pending(START, 10) == []
    assert [record for _, record in await kit.log.read_aside(0, START)] == [b"record"]
    assert await kit.log.read_aside(1, START) == []


async def test_one_process_holds_it_until_it_lets_go_or_its_time_is_over(kit: Kit) -> None:
    outbox = kit.log.outbox(0, "ops")
    assert await outbox.hold("one", ttl_ms=TTL_MS)
    assert await outbox.hold("one", ttl_ms=TTL_MS)
    assert not await outbox.hold("two", ttl_ms=TTL_MS)
    await outbox.release("two")
    assert not await outbox.hold("two", ttl_ms=TTL_MS)
    await outbox.release("one")
    assert await outbox.hold("two", ttl_ms=TTL_MS)
    kit.end_hold("ops")
    assert await outbox.hold("one", ttl_ms=TTL_MS)
