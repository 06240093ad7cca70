"""The guarantees of the log port, held by all adapters, and by the store's own on all kinds of store."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from shared import log_memory, log_redis
from shared.clock import ManualClock, SystemClock
from shared.contract.entries import START, EntryId, alert_id_of
from shared.contract.keys import PartitionKeys
from shared.log import Checkpoint, Fenced, Lease, Log, Lookup, Publication, Published, Retention
from shared.log_memory import MemoryLog
from shared.log_redis import open_redis_log
from shared.log_rules import CALLERS_KEPT, OUTBOUND_KEPT, REJECTS_ENTRIES_MAX, STANDBY

if TYPE_CHECKING:
    from tests.cluster.nodes import ClusterStore, SentinelStore
    from tests.contract.conftest import Store

pytestmark = pytest.mark.asyncio

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
TTL_MS = 60_000
T = 1_760_000_000_000
TRIES = 10
"""A machine that stands still for as long as a read waits shows nothing; so often in a row it does not."""
SMALL = Retention(events_bytes=200_000, signals_entries=3)


@dataclass
class Kit:
    """A log under test, and what only a test does to it."""

    log: Log
    lose_tail: Callable[[EntryId], Awaitable[None]]
    end_lease: Callable[[], Awaitable[None]]


def memory_kit() -> Kit:
    clock = ManualClock(SystemClock().now_ms())
    log = MemoryLog(clock=clock, partitions=2, retention=SMALL)

    async def lose_tail(after: EntryId) -> None:
        log.lose_tail(0, after)

    async def end_lease() -> None:
        clock.advance(TTL_MS / 1000)

    return Kit(log, lose_tail, end_lease)


async def store_kit(store: Store | ClusterStore | SentinelStore) -> Kit:
    log = await open_redis_log(store.url, partitions=2, retention=SMALL)
    keys = PartitionKeys(0)

    async def lose_tail(after: EntryId) -> None:
        kept = [entry for entry in await log.read(0, START) if entry.id <= after]
        store.run("DEL", keys.events)
        for entry in kept:
            store.run("XADD", keys.events, str(entry.id), *(part for item in entry.fields.items() for part in item))

    async def end_lease() -> None:
        store.run("PEXPIRE", keys.owner, 0)

    return Kit(log, lose_tail, end_lease)


STORES = {"valkey": "store", "cluster": "cluster_store", "sentinel": "sentinel_store"}


@pytest_asyncio.fixture(params=["memory", *STORES])
async def kit(request: pytest.FixtureRequest) -> AsyncIterator[Kit]:
    made = (
        memory_kit() if request.param == "memory" else await store_kit(request.getfixturevalue(STORES[request.param]))
    )
    yield made
    await made.log.close()


@pytest.fixture
def log(kit: Kit) -> Log:
    return kit.log


# --- appending and reading


async def test_ids_ascend_and_entries_are_read_in_order_and_whole(log: Log) -> None:
    fields = [{b"b": b"\x00\xff\r\n", b"x": b""}, {b"t": b"1"}, {b"b": bytes(range(256)) * 4096}]
    ids = [await log.append(0, f) for f in fields]
    assert ids == sorted(set(ids))
    assert [(e.id, dict(e.fields)) for e in await log.read(0, START)] == list(zip(ids, fields, strict=True))


async def test_appends_that_are_sent_at_once_are_read_in_the_order_of_their_ids(log: Log) -> None:
    ids = await asyncio.gather(*(log.append(0, {b"t": b"%d" % n}) for n in range(100)))
    assert ids == sorted(set(ids))
    assert [e.fields[b"t"] for e in await log.read(0, START)] == [b"%d" % n for n in range(100)]


async def test_a_read_begins_after_its_position_and_ends_at_its_count(log: Log) -> None:
    ids = [await log.append(0, {b"t": b"1"}) for _ in range(5)]
    assert [e.id for e in await log.read(0, ids[1], count=2)] == ids[2:4]
    assert await log.read(0, ids[4]) == []


async def test_partitions_have_nothing_in_common(log: Log) -> None:
    await log.append(0, {b"t": b"1"})
    assert await log.read(1, START) == []
    assert log.partitions == 2


async def test_a_waiting_read_wakes_at_an_append(log: Log) -> None:
    after = START
    for _ in range(TRIES):
        reading = asyncio.create_task(log.read(0, after, block_ms=2_000))
        await asyncio.sleep(0.05)
        waited = not reading.done()
        after = await log.append(0, {b"t": b"1"})
        if waited and [e.id for e in await reading] == [after]:
            return
        await reading
    raise AssertionError("no read woke")


async def test_a_waiting_read_holds_up_no_other_call(log: Log) -> None:
    after = [START, START]
    for _ in range(TRIES):
        waiting = [asyncio.create_task(log.read(p, after[p], block_ms=2_000)) for p in (0, 1, 0)]
        await asyncio.sleep(0.02)
        await log.state(0)
        waited = not any(reading.done() for reading in waiting)
        after = [await log.append(p, {b"t": b"1"}) for p in (0, 1)]
        if [len(entries) for entries in await asyncio.gather(*waiting)] == [1, 1, 1] and waited:
            return
    raise AssertionError("every read ended before the call was answered")


async def test_a_read_that_waits_in_vain_returns_nothing(log: Log) -> None:
    assert await log.read(0, START, block_ms=20) == []
    assert await log.read_alerts(0, START, block_ms=20) == []


async def test_a_cancelled_read_leaves_the_next_one_unharmed(log: Log) -> None:
    reading = asyncio.create_task(log.read(0, START, block_ms=2_000))
    await asyncio.sleep(0.02)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    entry_id = await log.append(0, {b"t": b"1"})
    assert [e.id for e in await log.read(0, START)] == [entry_id]


# --- the repeat-caller index


async def ask(log: Log, *lookups: Lookup) -> list[int]:
    """Answers in ms, -1 for none."""
    entry_id = await log.append(0, {b"b": b"block"}, lookups)
    entry = (await log.read(0, START))[-1]
    assert entry.id == entry_id
    assert entry.fields[b"b"] == b"block"
    answers = entry.fields[b"r"]
    return list(struct.unpack(f"<{len(answers) // 8}q", answers))


KEY, OTHER_KEY = b"caller-1", bytes(8)
A, B, C, D, E = 2**64 - 1, 1, 2**53 + 1, 2**53, 5


async def test_a_block_without_callers_has_no_answers(log: Log) -> None:
    await log.append(0, {b"b": b"block"})
    assert b"r" not in (await log.read(0, START))[0].fields


async def test_another_contact_of_the_caller_is_a_repeat(log: Log) -> None:
    assert await ask(log, Lookup(KEY, A, T)) == [-1]
    assert await ask(log, Lookup(KEY, B, T + 1_000)) == [1_000]
    assert await ask(log, Lookup(KEY, C, T + 1_500)) == [500]


async def test_a_contact_is_never_its_own_repeat(log: Log) -> None:
    assert await ask(log, Lookup(KEY, A, T)) == [-1]
    assert await ask(log, Lookup(KEY, A, T + 300_000)) == [-1]


async def test_contacts_that_differ_in_one_bit_are_two(log: Log) -> None:
    assert await ask(log, Lookup(KEY, C, T), Lookup(KEY, D, T + 7)) == [-1, 7]


async def test_callers_and_issues_are_told_apart(log: Log) -> None:
    assert await ask(log, Lookup(KEY, A, T), Lookup(OTHER_KEY, B, T + 5)) == [-1, -1]


async def test_partitions_have_indexes_of_their_own(log: Log) -> None:
    await log.append(1, {b"b": b"block"}, [Lookup(KEY, A, T)])
    assert await ask(log, Lookup(KEY, B, T + 5)) == [-1]


async def test_asking_twice_gives_the_same_answer(log: Log) -> None:
    assert await ask(log, Lookup(KEY, A, T)) == [-1]
    for _ in range(3):
        assert await ask(log, Lookup(KEY, B, T + 10)) == [10]


async def test_a_handled_contact_gets_the_answer_of_its_offer(log: Log) -> None:
    assert await ask(log, Lookup(KEY, A, T), Lookup(KEY, B, T + 10), Lookup(KEY, B, T + 400)) == [-1, 10, 10]


async def test_a_contact_handled_after_the_caller_came_again_keeps_its_answer(log: Log) -> None:
    assert await ask(log, Lookup(KEY, A, T), Lookup(KEY, B, T + 10)) == [-1, 10]
    assert await ask(log, Lookup(KEY, A, T + 50)) == [-1]
    assert await ask(log, Lookup(KEY, B, T + 60), Lookup(KEY, C, T + 70)) == [10, 60]


async def test_repeats_within_one_block_are_found(log: Log) -> None:
    lookups = [Lookup(KEY, contact, T + 100 * n) for n, contact in enumerate((A, B, A, C))]
    assert await ask(log, *lookups) == [-1, 100, -1, 200]


async def test_seven_days_are_a_repeat_and_a_millisecond_more_is_not(log: Log) -> None:
    assert await ask(log, Lookup(KEY, A, T), Lookup(KEY, B, T + 7 * DAY_MS)) == [-1, 7 * DAY_MS]
    assert await ask(log, Lookup(OTHER_KEY, A, T), Lookup(OTHER_KEY, B, T + 7 * DAY_MS + 1)) == [-1, -1]


async def test_an_older_contact_that_comes_late_is_no_repeat_and_replaces_nothing(log: Log) -> None:
    assert await ask(log, Lookup(KEY, A, T), Lookup(KEY, B, T - 500)) == [-1, -1]
    assert await ask(log, Lookup(KEY, C, T + 20)) == [20]


async def test_a_contact_that_comes_late_is_measured_against_the_one_before_it(log: Log) -> None:
    assert await ask(log, Lookup(KEY, A, T), Lookup(KEY, B, T + 1_000), Lookup(KEY, C, T + 400)) == [-1, 1_000, 400]
    assert await ask(log, Lookup(KEY, D, T + 1_001)) == [1]


async def test_two_contacts_of_one_millisecond_are_no_repeats_of_each_other(log: Log) -> None:
    for _ in range(2):
        assert await ask(log, Lookup(KEY, A, T), Lookup(KEY, B, T)) == [-1, -1]


async def test_the_index_keeps_the_newest_contacts_of_a_caller(log: Log) -> None:
    for n in range(1, CALLERS_KEPT + 3):
        await ask(log, Lookup(KEY, n, T + n))
    assert await ask(log, Lookup(KEY, CALLERS_KEPT + 2, T + 99)) == [1]
    assert await ask(log, Lookup(KEY, 99, T)) == [-1]
    assert await ask(log, Lookup(KEY, 100, T + 100)) == [100 - CALLERS_KEPT - 2]


async def test_a_block_with_thousands_of_callers_is_answered(log: Log) -> None:
    lookups = [Lookup(n.to_bytes(8, "little"), n + 1, T + n) for n in range(9_000)]
    assert await ask(log, *lookups) == [-1] * 9_000


# --- how often a person was contacted


SOMEBODY, ANOTHER = b"person-1", bytes(8)


async def contacted(log: Log, *lookups: Lookup) -> list[int]:
    """Contacts to the same person, one number for each outbound lookup."""
    await ask(log, *lookups)
    counts = (await log.read(0, START))[-1].fields.get(b"o", b"")
    return list(struct.unpack(f"<{len(counts) // 2}H", counts))


def out(contact: int, ts_ms: int, person: bytes = SOMEBODY) -> Lookup:
    return Lookup(contact.to_bytes(8, "little"), contact, ts_ms, person)


async def test_outbound_contacts_to_one_person_are_counted_whatever_they_are_about(log: Log) -> None:
    assert await contacted(log, out(A, T)) == [1]
    assert await contacted(log, out(B, T + 5), out(C, T + 6, ANOTHER), out(D, T + 7)) == [2, 1, 3]


async def test_only_outbound_contacts_are_counted(log: Log) -> None:
    assert await contacted(log, Lookup(KEY, A, T)) == []
    assert b"o" not in (await log.read(0, START))[-1].fields
    assert await contacted(log, Lookup(KEY, B, T + 1), out(C, T + 2), Lookup(KEY, D, T + 3)) == [1]


async def test_a_contact_told_twice_is_counted_once(log: Log) -> None:
    assert await contacted(log, out(A, T), out(B, T + 1), out(A, T + 500)) == [1, 2, 1]
    assert await contacted(log, out(B, T + 900), out(C, T + 901)) == [2, 3]


async def test_outbound_contacts_are_counted_over_seven_days(log: Log) -> None:
    assert await contacted(log, out(A, T), out(B, T + 7 * DAY_MS), out(C, T + 7 * DAY_MS + 1)) == [1, 2, 2]


async def test_an_outbound_contact_that_comes_late_counts_those_before_it(log: Log) -> None:
    assert await contacted(log, out(A, T), out(B, T + 9), out(C, T + 4), out(D, T + 10)) == [1, 2, 2, 4]


async def test_beyond_what_is_kept_the_count_stays(log: Log) -> None:
    found = [(await contacted(log, out(n, T + n)))[0] for n in range(1, OUTBOUND_KEPT + 4)]
    assert found == [*range(1, OUTBOUND_KEPT + 2), OUTBOUND_KEPT + 1, OUTBOUND_KEPT + 1]


async def test_thousands_of_outbound_contacts_in_a_block_are_counted(log: Log) -> None:
    lookups = [out(n + 1, T + n, (n % 3_000).to_bytes(8, "little")) for n in range(9_000)]
    assert await contacted(log, *lookups) == [n // 3_000 + 1 for n in range(9_000)]


# --- the owner of a partition


async def test_one_owner_holds_a_partition_until_the_lease_ends(kit: Kit) -> None:
    log = kit.log
    first = await owned(log, "one")
    assert await log.claim(0, "two", ttl_ms=TTL_MS) is None
    assert await log.claim(1, "two", ttl_ms=TTL_MS) is not None
    await kit.end_lease()
    second = await owned(log, "two")
    assert second > first
    assert (await log.state(0)).generation == second


async def test_a_claim_that_the_holder_repeats_gives_the_same_generation(log: Log) -> None:
    first = await owned(log, "one")
    assert await log.claim(0, "one", ttl_ms=TTL_MS) == first


async def test_only_the_holder_renews_a_lease_and_only_while_it_lasts(kit: Kit) -> None:
    log = kit.log
    await log.claim(0, "one", ttl_ms=TTL_MS)
    assert await log.renew(0, "one", ttl_ms=TTL_MS)
    assert not await log.renew(0, "two", ttl_ms=TTL_MS)
    await kit.end_lease()
    assert not await log.renew(0, "one", ttl_ms=TTL_MS)


async def test_a_released_partition_is_free_at_once_and_others_cannot_release_it(log: Log) -> None:
    await log.claim(0, "one", ttl_ms=TTL_MS)
    await log.release(0, "two")
    assert await log.claim(0, "two", ttl_ms=TTL_MS) is None
    await log.release(0, "one")
    assert await log.claim(0, "two", ttl_ms=TTL_MS) is not None


async def test_a_standby_hears_that_it_is_asked_for_its_partition_and_leaves_it_to_the_one_who_asks(kit: Kit) -> None:
    log, first, second = kit.log, f"{STANDBY}one", f"{STANDBY}two"
    assert await log.claim(0, first, ttl_ms=TTL_MS) is not None
    assert await log.claim(0, second, ttl_ms=TTL_MS) is None
    assert await log.renew(0, first, ttl_ms=TTL_MS) is Lease.OURS, "standbys do not ask each other"
    assert await log.claim(0, "shard", ttl_ms=TTL_MS) is None
    assert await log.renew(0, first, ttl_ms=TTL_MS) is Lease.WANTED
    await log.release(0, first)
    assert await log.claim(0, second, ttl_ms=TTL_MS) is None, "somebody asks who has precedence"
    assert await log.claim(0, "shard", ttl_ms=TTL_MS) is not None
    assert await log.claim(0, "another", ttl_ms=TTL_MS) is None
    assert await log.renew(0, "shard", ttl_ms=TTL_MS) is Lease.OURS, "nobody asks the shard's own"
    await log.release(0, "shard")
    assert await log.claim(0, second, ttl_ms=TTL_MS) is not None, "what was asked for was given"


async def test_a_standby_takes_what_nobody_asks_for_any_more(kit: Kit) -> None:
    log, standby = kit.log, f"{STANDBY}one"
    await log.claim(0, standby, ttl_ms=TTL_MS)
    await log.claim(0, "shard", ttl_ms=TTL_MS)  # and is gone again
    await log.release(0, standby)
    async with asyncio.timeout(60):
        while await log.claim(0, standby, ttl_ms=TTL_MS) is None:
            await kit.end_lease()  # of nobody; the memory's clock goes on
            await asyncio.sleep(0.05)


async def test_an_older_generation_can_write_nothing(log: Log) -> None:
    old = await owned(log, "one")
    await log.release(0, "one")
    new = await owned(log, "two")
    writes: list[Callable[[int], Awaitable[Any]]] = [
        lambda g: log.publish(0, g, Publication(EntryId(T, 1), [(EntryId(T, 1 << 20), b"a")], [b"s"], [b"h"])),
        lambda g: log.save_checkpoint(0, g, Checkpoint(EntryId(T, 1), b"state")),
        lambda g: log.new_epoch(0, g),
        lambda g: log.count_failure(0, g, EntryId(T, 1)),
        lambda g: log.trim(0, g, now_ms=T + 90 * DAY_MS, keep_from=EntryId(T + 90 * DAY_MS, 0)),
    ]
    await log.append(0, {b"t": b"1"})
    before = await log.state(0)
    for write in writes:
        with pytest.raises(Fenced, match="Stop writing"):
            await write(old)
    assert await log.state(0) == before
    assert await log.read_alerts(0, START) == []
    assert await log.read_signals(0, START) == []
    assert await log.load_checkpoint(0) is None
    assert await log.failures(0) == {}
    for write in writes:
        await write(new)


async def test_a_writer_of_a_log_that_has_no_owner_is_fenced(log: Log) -> None:
    with pytest.raises(Fenced):
        await log.publish(0, 1, Publication(EntryId(T, 0), []))


# --- publishing


async def owned(log: Log, token: str = "owner") -> int:
    generation = await log.claim(0, token, ttl_ms=TTL_MS)
    assert generation is not None
    return generation


CAUSE = EntryId(T, 7)
CHANGES = [(alert_id_of(CAUSE, n), b"change %d" % n) for n in range(3)]


async def test_what_is_published_is_read_back(log: Log) -> None:
    generation = await owned(log)
    published = await log.publish(0, generation, Publication(CAUSE, CHANGES, [b"second 1", b"second 2"], [b"minute"]))
    assert published == Published(appended=3, known=0, differing=0)
    assert await log.read_alerts(0, START) == CHANGES
    assert await log.read_alerts(0, CHANGES[0][0], count=1) == CHANGES[1:2]
    assert [v for _, v in await log.read_signals(0, START)] == [b"second 1", b"second 2"]
    assert [v for _, v in await log.read_history(0, START)] == [b"minute"]
    state = await log.state(0)
    assert (state.published, state.alerts_first, state.alerts_last) == (CAUSE, CHANGES[0][0], CHANGES[2][0])


async def test_publishing_twice_changes_nothing(log: Log) -> None:
    generation = await owned(log)
    publication = Publication(CAUSE, CHANGES, [b"second"], [b"minute"])
    await log.publish(0, generation, publication)
    before = await log.state(0), await log.read_signals(0, START), await log.read_history(0, START)
    assert await log.publish(0, generation, publication) == Published(appended=0, known=3, differing=0)
    assert (await log.state(0), await log.read_signals(0, START), await log.read_history(0, START)) == before
    assert await log.read_alerts(0, START) == CHANGES


async def test_a_change_that_differs_is_counted_and_the_old_bytes_stay(log: Log) -> None:
    generation = await owned(log)
    await log.publish(0, generation, Publication(CAUSE, CHANGES))
    other = [CHANGES[0], (CHANGES[1][0], b"another"), CHANGES[2], (alert_id_of(CAUSE, 3), b"more")]
    assert await log.publish(0, generation, Publication(CAUSE, other)) == Published(1, 2, 1)
    assert await log.read_alerts(0, START) == [*CHANGES, other[3]]
    assert (await log.state(0)).differing == 1


async def test_a_change_between_those_published_counts_as_differing(log: Log) -> None:
    generation = await owned(log)
    await log.publish(0, generation, Publication(CAUSE, [CHANGES[0], CHANGES[2]]))
    assert await log.publish(0, generation, Publication(CAUSE, CHANGES)) == Published(0, 2, 1)


async def test_changes_that_the_retention_took_away_count_as_known(log: Log) -> None:
    generation = await owned(log)
    await log.publish(0, generation, Publication(CAUSE, CHANGES))
    later = EntryId(T + 9 * DAY_MS, 0)
    await log.publish(0, generation, Publication(later, [(alert_id_of(later, 0), b"later")]))
    await log.trim(0, generation, now_ms=T + 9 * DAY_MS, keep_from=START)
    assert (await log.state(0)).alerts_first == alert_id_of(later, 0)
    assert await log.publish(0, generation, Publication(CAUSE, CHANGES)) == Published(0, 3, 0)
    await log.trim(0, generation, now_ms=T + 99 * DAY_MS, keep_from=START)
    assert await log.publish(0, generation, Publication(CAUSE, CHANGES)) == Published(0, 3, 0)
    assert (await log.state(0)).alerts_last == alert_id_of(later, 0)


async def test_the_published_position_is_never_lowered(log: Log) -> None:
    generation = await owned(log)
    ascending = [EntryId(T, 9), EntryId(T, 10), EntryId(T + 1, 0), EntryId(10 * T, 0), EntryId(10 * T, 2**53 + 1)]
    for position in ascending:
        await log.publish(0, generation, Publication(position, [], [b"s"]))
        assert (await log.state(0)).published == position
    for position in ascending[:-1]:
        await log.publish(0, generation, Publication(position, [], [b"s"], [b"h"]))
    assert (await log.state(0)).published == ascending[-1]
    assert await log.read_history(0, START) == []


async def test_sequence_numbers_beyond_the_precision_of_doubles_are_kept_apart(log: Log) -> None:
    generation = await owned(log)
    changes = [(EntryId(T, 2**60 + n), b"%d" % n) for n in range(3)]
    for change in changes:
        await log.publish(0, generation, Publication(CAUSE, [change]))
    assert await log.read_alerts(0, START) == changes
    assert await log.publish(0, generation, Publication(CAUSE, changes)) == Published(0, 3, 0)


async def test_two_scorers_that_do_the_same_work_publish_once(log: Log) -> None:
    generation = await owned(log)
    publication = Publication(CAUSE, CHANGES, [b"second"])
    done = await asyncio.gather(*(log.publish(0, generation, publication) for _ in range(4)))
    assert sorted(p.appended for p in done) == [0, 0, 0, 3]
    assert len(await log.read_signals(0, START)) == 1


async def test_only_the_newest_signals_are_kept(log: Log) -> None:
    generation = await owned(log)
    for n in range(5):
        await log.publish(0, generation, Publication(EntryId(T, n + 1), [], [b"%d" % n]))
    found = await log.read_signals(0, START)
    assert [v for _, v in found] == [b"2", b"3", b"4"]
    assert await log.read_signals(0, found[1][0]) == found[2:]


async def test_waiting_readers_of_alerts_and_signals_wake_at_a_publication(log: Log) -> None:
    generation = await owned(log)
    alerts = asyncio.create_task(log.read_alerts(0, START, block_ms=2_000))
    signals = asyncio.create_task(log.read_signals(0, START, block_ms=2_000))
    await asyncio.sleep(0.02)
    await log.publish(0, generation, Publication(CAUSE, CHANGES, [b"second"]))
    assert await alerts == CHANGES
    assert [v for _, v in await signals] == [b"second"]


async def test_a_publication_of_thousands_of_changes_arrives_whole(log: Log) -> None:
    generation = await owned(log)
    changes = [(alert_id_of(CAUSE, n), b"%d" % n) for n in range(20_000)]
    assert (await log.publish(0, generation, Publication(CAUSE, changes))).appended == 20_000
    assert await log.read_alerts(0, START, count=30_000) == changes


# --- checkpoints


async def test_a_checkpoint_is_read_back_whole(log: Log) -> None:
    generation = await owned(log)
    assert await log.load_checkpoint(0) is None
    saved = Checkpoint(EntryId(T, 3), incompressible(1_500_000), {"engine": "1.0", "numpy": "2.4"})
    await log.save_checkpoint(0, generation, saved)
    assert await log.load_checkpoint(0) == saved
    assert await log.load_checkpoint(1) is None


async def test_the_newest_checkpoint_replaces_the_one_before(log: Log) -> None:
    generation = await owned(log)
    for n in range(1, 4):
        await log.save_checkpoint(0, generation, Checkpoint(EntryId(T, n), b"state %d" % n))
    assert await log.load_checkpoint(0) == Checkpoint(EntryId(T, 3), b"state 3")


async def test_a_checkpoint_that_comes_late_does_not_replace_a_newer_one(log: Log) -> None:
    generation = await owned(log)
    newer, older = (Checkpoint(EntryId(T, n), b"state %d" % n) for n in (12, 9))
    await log.save_checkpoint(0, generation, newer)
    await log.save_checkpoint(0, generation, older)  # sent before the newer one, and stuck on its way
    assert await log.load_checkpoint(0) == newer
    await log.new_epoch(0, generation)
    await log.save_checkpoint(0, generation, older)  # the log lost its end: what is left is older
    assert await log.load_checkpoint(0) == older


async def test_a_new_owner_may_begin_at_an_older_checkpoint(log: Log) -> None:
    await log.save_checkpoint(
        0, await owned(log), Checkpoint(EntryId(T, 12), b"of an engine that this one cannot read")
    )
    await log.release(0, "owner")
    await log.save_checkpoint(0, await owned(log), Checkpoint(EntryId(T, 3), b"judged anew"))
    assert (await log.load_checkpoint(0)) == Checkpoint(EntryId(T, 3), b"judged anew")


async def test_a_checkpoint_that_is_read_while_it_is_replaced_is_one_of_the_two(log: Log) -> None:
    generation = await owned(log)
    states = [incompressible(1_200_000, seed) for seed in (b"one", b"two")]
    await log.save_checkpoint(0, generation, Checkpoint(EntryId(T, 0), states[0]))
    loads = [asyncio.create_task(log.load_checkpoint(0)) for _ in range(4)]
    await log.save_checkpoint(0, generation, Checkpoint(EntryId(T, 1), states[1]))
    for loaded in await asyncio.gather(*loads):
        assert loaded is not None
        assert loaded.state == states[loaded.position.seq]


def incompressible(size: int, seed: bytes = b"") -> bytes:
    return b"".join(blake2b(seed + n.to_bytes(4, "little")).digest() for n in range(size // 64 + 1))[:size]


# --- epoch, digest, failures


async def test_an_epoch_lasts_until_a_new_one_is_begun(log: Log) -> None:
    first = (await log.state(0)).epoch
    assert first
    assert (await log.state(0)).epoch == first != (await log.state(1)).epoch
    fresh = await log.new_epoch(0, await owned(log))
    assert fresh != first
    assert (await log.state(0)).epoch == fresh


async def test_a_new_log_stands_at_its_start(log: Log) -> None:
    state = await log.state(0)
    assert {state.published, state.events_first, state.events_last, state.alerts_first, state.alerts_last} == {START}
    assert (state.generation, state.differing) == (0, 0)


async def test_the_state_names_the_first_and_the_last_entry(log: Log) -> None:
    ids = [await log.append(0, {b"t": b"1"}) for _ in range(3)]
    state = await log.state(0)
    assert (state.events_first, state.events_last) == (ids[0], ids[-1])


async def test_after_a_lost_tail_the_published_position_falls_back_to_what_is_there(kit: Kit) -> None:
    log = kit.log
    ids = [await log.append(0, {b"t": b"%d" % n}) for n in range(3)]
    generation = await owned(log)
    await log.publish(0, generation, Publication(ids[2], []))
    await kit.lose_tail(ids[0])
    assert await log.digest(0, ids[2]) is None
    await log.new_epoch(0, generation)
    assert (await log.state(0)).published == ids[0]


async def test_a_new_epoch_keeps_a_position_that_is_still_there(log: Log) -> None:
    first = await log.append(0, {b"t": b"1"})
    await log.append(0, {b"t": b"2"})
    generation = await owned(log)
    await log.publish(0, generation, Publication(first, []))
    await log.new_epoch(0, generation)
    assert (await log.state(0)).published == first


async def test_a_digest_stands_for_the_content_of_an_entry(log: Log) -> None:
    contents = [{b"a": b"1", b"b": b"2"}, {b"b": b"2", b"a": b"1"}, {b"a": b"1b2"}, {b"a": b"1", b"b": b"3"}]
    ids = [await log.append(0, fields) for fields in contents]
    digests = [await log.digest(0, entry_id) for entry_id in ids]
    assert all(digest is not None and len(digest) == 16 for digest in digests)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
    assert await log.digest(0, START) is None
    assert await log.digest(0, EntryId(ids[-1].ms + 1, 0)) is None


async def test_failures_are_counted_by_entry(log: Log) -> None:
    generation = await owned(log)
    assert await log.failures(0) == {}
    assert [await log.count_failure(0, generation, EntryId(T, 1)) for _ in range(3)] == [1, 2, 3]
    assert await log.count_failure(0, generation, EntryId(T, 2)) == 1
    assert await log.failures(0) == {EntryId(T, 1): 3, EntryId(T, 2): 1}


# --- retention


async def test_the_retention_takes_old_events_and_keeps_what_is_needed(log: Log) -> None:
    generation = await owned(log)
    ids = [await log.append(0, {b"t": b"%d" % n}) for n in range(10)]
    now_ms = ids[0].ms
    await log.trim(0, generation, now_ms=now_ms, keep_from=EntryId(now_ms + HOUR_MS, 0))
    assert [e.id for e in await log.read(0, START)] == ids
    await log.trim(0, generation, now_ms=now_ms + 30 * HOUR_MS, keep_from=ids[4])
    assert [e.id for e in await log.read(0, START)] == ids[4:]
    await log.trim(0, generation, now_ms=now_ms + 30 * HOUR_MS, keep_from=EntryId(now_ms + HOUR_MS, 0))
    assert await log.read(0, START) == []
    assert (await log.state(0)).events_last == ids[-1]
    assert await log.append(0, {b"t": b"1"}) > ids[-1]


async def test_above_the_byte_limit_the_oldest_events_go_first(log: Log) -> None:
    generation = await owned(log)
    ids = []
    for _ in range(40):
        ids.append(await log.append(0, {b"b": bytes(10_000)}))
        await asyncio.sleep(0.002)
    for _ in range(10):
        await log.trim(0, generation, now_ms=ids[-1].ms, keep_from=EntryId(ids[-1].ms + 1, 0))
    left = [e.id for e in await log.read(0, START)]
    assert 1 <= len(left) <= 20
    assert left == ids[-len(left) :]


async def test_above_the_byte_limit_what_is_needed_stays(log: Log) -> None:
    generation = await owned(log)
    ids = [await log.append(0, {b"b": bytes(10_000)}) for _ in range(40)]
    await log.trim(0, generation, now_ms=ids[-1].ms, keep_from=ids[5])
    assert [e.id for e in await log.read(0, START)] == ids[5:]


async def test_the_retention_ends_alerts_history_and_rejects_each_at_its_age(log: Log) -> None:
    generation = await owned(log)
    entry_id = await log.append(0, {b"t": b"1"})
    await log.publish(0, generation, Publication(entry_id, [(alert_id_of(entry_id, 0), b"a")], [], [b"h"]))
    await log.reject(0, b"r")

    async def left() -> list[int]:
        alerts, history = await log.read_alerts(0, START), await log.read_history(0, START)
        return [len(alerts), len(history), len(await log.read_rejects(0, START))]

    for hours, expected in ((23, [1, 1, 1]), (25, [1, 1, 0]), (27, [1, 0, 0]), (7 * 24 + 1, [0, 0, 0])):
        await log.trim(0, generation, now_ms=entry_id.ms + hours * HOUR_MS, keep_from=START)
        assert await left() == expected
    assert (await log.state(0)).alerts_last == alert_id_of(entry_id, 0)


async def test_the_retention_forgets_failures_of_entries_that_are_gone(log: Log) -> None:
    generation = await owned(log)
    ids = [await log.append(0, {b"t": b"1"}) for _ in range(3)]
    for entry_id in ids:
        await log.count_failure(0, generation, entry_id)
    await log.trim(0, generation, now_ms=ids[0].ms + 30 * HOUR_MS, keep_from=ids[1])
    assert await log.failures(0) == {ids[1]: 1, ids[2]: 1}


# --- beside the log


async def test_rejects_are_kept_in_order(log: Log) -> None:
    for n in range(3):
        await log.reject(0, b"%d" % n)
    found = await log.read_rejects(0, START)
    assert [v for _, v in found] == [b"0", b"1", b"2"]
    assert await log.read_rejects(0, found[0][0], count=1) == found[1:2]


async def test_rejects_cannot_fill_the_store(log: Log) -> None:
    for _ in range(12):
        await asyncio.gather(*(log.reject(0, b"refused") for _ in range(1_000)))
    assert len(await log.read_rejects(0, START, count=20_000)) <= REJECTS_ENTRIES_MAX * 1.02


async def test_what_people_did_is_kept_in_order_and_read_from_both_ends(log: Log) -> None:
    assert await log.last_audit(0, None) == []
    ids = [await log.audit(0, b"%d" % n) for n in range(5)]
    assert ids == sorted(set(ids))
    whole = await log.read_audit(0, START)
    assert whole == [(ids[n], b"%d" % n) for n in range(5)]
    assert await log.read_audit(0, ids[1], count=2) == whole[2:4]
    assert await log.last_audit(0, None, count=2) == [whole[4], whole[3]]
    assert await log.last_audit(0, ids[3]) == [whole[2], whole[1], whole[0]]
    assert await log.last_audit(0, ids[0]) == []


async def test_what_people_did_is_forgotten_after_a_quarter(log: Log) -> None:
    generation = await owned(log)
    entry_id = await log.audit(0, b"done")
    for days, expected in ((89, 1), (91, 0)):
        await log.trim(0, generation, now_ms=entry_id.ms + days * 24 * HOUR_MS, keep_from=START)
        assert len(await log.read_audit(0, START)) == expected


async def test_the_audit_log_cannot_fill_the_store(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_memory, "AUDIT_ENTRIES_MAX", 1_000)
    monkeypatch.setattr(log_redis, "AUDIT_ENTRIES_MAX", 1_000)
    for _ in range(3):
        ids = await asyncio.gather(*(log.audit(0, b"done") for _ in range(1_000)))
    left = await log.read_audit(0, START, count=5_000)
    assert len(left) <= 1_200
    assert left[-1][0] == ids[-1]


async def test_api_keys_are_stored_replaced_and_deleted(log: Log) -> None:
    assert await log.api_keys() == {}
    await log.put_api_key("k1", b'{"tenant":"demo"}')
    await log.put_api_key("k2", b"{}")
    await log.put_api_key("k1", b"new")
    assert await log.api_keys() == {"k1": b"new", "k2": b"{}"}
    await log.put_api_key("k2", None)
    await log.put_api_key("never there", None)
    assert await log.api_keys() == {"k1": b"new"}


async def test_a_healthy_log_answers_a_ping(log: Log) -> None:
    await log.ping()


async def test_a_change_that_tells_of_a_live_alert_stays_however_old_it_is(log: Log) -> None:
    generation = await owned(log)
    old, live = EntryId(T, 0), EntryId(T + DAY_MS, 0)
    await log.publish(0, generation, Publication(live, [(old, b"over"), (live, b"live")]))
    await log.trim(0, generation, now_ms=T + 30 * DAY_MS, keep_from=START, keep_alerts_from=live)
    assert await log.read_alerts(0, START) == [(live, b"live")]
    await log.trim(0, generation, now_ms=T + 30 * DAY_MS, keep_from=START)
    assert await log.read_alerts(0, START) == []


async def test_records_of_access_are_stored_and_replaced_each_kind_by_itself(log: Log) -> None:
    assert await log.access_records("revocation") == {}
    await log.put_access_record("revocation", "r1", b"old")
    await log.put_access_record("revocation", "r1", b"new")
    await log.put_access_record("key_use", "k1", b"7")
    assert await log.access_records("revocation") == {"r1": b"new"}
    assert await log.access_records("key_use") == {"k1": b"7"}
    assert await log.api_keys() == {}
