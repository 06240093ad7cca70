"""The scorer around the engine: whatever happens to it, the alerts are those of one uninterrupted replay of the log."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from conftest import Store
from scoring_kit import (
    EAGER,
    QUICK,
    RARE,
    TENANT,
    alerts_of,
    busy_stretch,
    crash,
    events_of,
    feed,
    in_phase,
    memory_log,
    replayed,
    running,
    scored,
    scoring,
    settings_from,
    until,
)

import services.scoring.tenure as tenure
from services.scoring.core.engine import Engine
from services.scoring.recollection import Recollection
from services.scoring.scorer import Phase, SettingsConflict, Timing
from shared.clock import ManualClock, SystemClock
from shared.contract.entries import START, Entry, EntryId, cause_of, tick_fields
from shared.contract.minutes import decode_minute
from shared.contract.signals import decode_signals
from shared.log import Log, Publication, Published
from shared.log_memory import MemoryLog
from shared.log_redis import open_redis_log
from tools.log_export import export_log, tail_log
from tools.log_lines import AlertLine, read_line

pytestmark = pytest.mark.asyncio


async def test_the_alerts_of_a_run_are_those_of_its_replay(tmp_path: Path) -> None:
    log, clock = memory_log()
    async with running(log, clock, settings=settings_from(EAGER)):
        end = await feed(log, clock, busy_stretch())
        await scored(log, end)
    alerts = await alerts_of(log)
    assert len(alerts) > 20
    assert alerts == await replayed(log, tmp_path)


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
async def test_how_many_entries_are_read_at_once_changes_nothing(
    step: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tenure, "READ_ENTRIES", step)
    log, clock = memory_log()
    async with running(log, clock, settings=settings_from(EAGER)):
        pass
    end = await feed(log, clock, busy_stretch()[:300])
    async with running(log, clock):
        await scored(log, end)
    alerts = await alerts_of(log)
    assert alerts == await replayed(log, tmp_path)


async def test_an_orderly_restart_anywhere_changes_nothing(tmp_path: Path) -> None:
    log, clock = memory_log()
    entries = busy_stretch()
    async with running(log, clock, settings=settings_from(EAGER)):
        pass
    for at in range(0, len(entries), 23):
        async with running(log, clock) as service:
            end = await feed(log, clock, entries[at : at + 23])
            await scored(log, end)
        checkpoint = await log.load_checkpoint(0)
        assert checkpoint is not None
        assert checkpoint.position == (await log.state(0)).published, "the checkpoint stands at the last output"
        assert service.status()[0].phase is Phase.STOPPED
    assert await alerts_of(log) == await replayed(log, tmp_path)
    assert len(await events_of(log, b"e")) == 1, "the engine is named once"


@pytest.mark.parametrize("timing", [QUICK, RARE], ids=["fresh checkpoints", "old checkpoints"])
async def test_a_crash_anywhere_changes_nothing(timing: Timing, tmp_path: Path) -> None:
    log, clock = memory_log()
    entries, where = busy_stretch(), random.Random(7)
    async with running(log, clock, settings=settings_from(EAGER)):
        pass
    at = 0
    while at < len(entries):
        size = where.randrange(1, 80)
        service = scoring(log, clock, timing=timing)
        await service.start()
        await feed(log, clock, entries[at : at + size])
        for _ in range(where.randrange(40)):  # dies anywhere between the first read and the last output
            await asyncio.sleep(0.001)
        await crash(service, clock)
        at += size
    async with running(log, clock):
        await scored(log, (await log.state(0)).events_last)
    assert await alerts_of(log) == await replayed(log, tmp_path)
    assert (await log.state(0)).differing == 0


async def test_two_scorers_of_one_partition_publish_once(tmp_path: Path) -> None:
    log, clock = memory_log()
    first = scoring(log, clock, settings=settings_from(EAGER))
    second = scoring(log, clock)
    await first.start()
    await in_phase(first, Phase.RUNNING)
    await second.start()
    half = len(busy_stretch()) // 2
    await scored(log, await feed(log, clock, busy_stretch()[:half]))
    assert second.status()[0].phase is Phase.STANDBY

    clock.advance(60)  # the first was paused too long: its lease is over without its knowing
    await until(lambda: Phase.RUNNING in (second.status()[0].phase, first.status()[0].phase))
    await scored(log, await feed(log, clock, busy_stretch()[half:]))
    await first.drain()
    await second.drain()
    assert (await log.state(0)).differing == 0
    assert await alerts_of(log) == await replayed(log, tmp_path)


async def test_one_that_lost_its_lease_stands_by() -> None:
    log, clock = memory_log()
    async with running(log, clock, timing=Timing(renew_s=60, claim_s=0.02, tick_ms=50)) as service:
        clock.advance(60)
        assert await log.claim(0, "another", ttl_ms=60_000) is not None
        await in_phase(service, Phase.STANDBY)
        await log.release(0, "another")
        await in_phase(service, Phase.RUNNING)


async def test_a_standby_takes_over_from_one_that_ends() -> None:
    log, clock = memory_log()
    first, second = scoring(log, clock), scoring(log, clock)
    await first.start()
    await in_phase(first, Phase.RUNNING)
    await second.start()
    await first.drain()
    await in_phase(second, Phase.RUNNING)
    await second.drain()


async def test_a_standby_gives_a_partition_back_to_the_scorer_whose_it_is(tmp_path: Path) -> None:
    log, clock = memory_log()
    timing = Timing(renew_s=0.02, claim_s=0.02, tick_ms=50, wait_s=0.0, give_way_s=30.0)
    standby, own = scoring(log, clock, timing=timing, standby=True), scoring(log, clock, timing=timing)
    await standby.start()
    await in_phase(standby, Phase.RUNNING)
    half = len(busy_stretch()) // 2
    await scored(log, await feed(log, clock, busy_stretch()[:half]))
    await own.start()
    await in_phase(own, Phase.STANDBY)
    before = (await log.state(0)).generation

    async def given_back() -> bool:
        clock.advance(1)  # a second of asking; the lease is renewed meanwhile
        clock.step(-1)
        await asyncio.sleep(0.1)
        return own.status()[0].phase is Phase.RUNNING

    await until(given_back)
    assert (await log.state(0)).generation > before
    await in_phase(standby, Phase.STANDBY)
    await scored(log, await feed(log, clock, busy_stretch()[half:]))
    await own.drain()
    await in_phase(standby, Phase.RUNNING)  # at once, as from anybody who ends
    await standby.drain()
    assert (await log.state(0)).differing == 0
    assert await alerts_of(log) == await replayed(log, tmp_path)


class CountedReads(MemoryLog):
    """Says how many entries were read after each position."""

    def __init__(self, **given: object) -> None:
        super().__init__(**given)  # type: ignore[arg-type]
        self.read_entries = 0

    async def read(self, partition: int, after: EntryId, *, count: int = 256, block_ms: int = 0) -> list[Entry]:
        entries = await super().read(partition, after, count=count, block_ms=block_ms)
        self.read_entries += len(entries)
        return entries


async def recalled(log: Log, recollection: Recollection) -> Engine:
    """The engine of a restore that could use what was recalled, all but its last step."""
    checkpoint = await log.load_checkpoint(0)
    assert checkpoint is not None
    engine = Engine.restore(checkpoint.state)
    await recollection.bring(log, 0, engine, await log.state(0), frozenset())
    return engine


async def test_a_standby_has_read_the_event_ids_before_it_takes_over(tmp_path: Path) -> None:
    clock = ManualClock(busy_stretch()[0].id.ms)
    log = CountedReads(clock=clock)
    entries = busy_stretch()
    half = len(entries) // 2
    first = scoring(log, clock, settings=settings_from(EAGER), timing=QUICK)
    await first.start()
    await scored(log, await feed(log, clock, entries[:half]))
    second = scoring(log, clock, timing=QUICK)
    await second.start()
    standby = second._scorers[0]._recollection
    saved = await log.load_checkpoint(0)
    assert saved is not None
    await until(lambda: standby._place is not None and standby._place.position >= saved.position)
    await crash(first, clock)
    log.read_entries = 0
    await in_phase(second, Phase.RUNNING)
    assert log.read_entries < half / 2, "all was read again"
    # An ACD that heard no answer sends everything again: nothing of it counts a second time.
    await feed(log, clock, entries[:half])
    await scored(log, await feed(log, clock, entries[half:]))
    await second.drain()
    assert second._measures.partition(0).counts["repeated"] >= half
    assert await alerts_of(log) == await replayed(log, tmp_path)


async def test_what_was_recalled_of_a_lost_life_of_the_log_counts_no_more() -> None:
    log, clock = memory_log()
    entries = busy_stretch()[:60]
    async with running(log, clock, settings=settings_from(EAGER)):
        await scored(log, await feed(log, clock, entries))
    recollection = Recollection()
    await recalled(log, recollection)
    middle = (await log.read(0, START))[30].id
    log.lose_tail(0, middle)
    async with running(log, clock, settings=settings_from(EAGER)) as service:
        await until(lambda: service._measures.partition(0).counts["epochs"] == 1)
        await in_phase(service, Phase.RUNNING)
        tick = await log.append(0, tick_fields(clock.now_ms()))
        await scored(log, tick)
    engine = await recalled(log, recollection)
    again = await log.append(0, entries[-1].fields)  # it was lost, so it counts
    report = engine.step(Entry(again, entries[-1].fields))
    assert report.counts["events"] == 1
    assert "repeated" not in report.counts


async def test_a_quiet_log_gets_ticks_with_the_clock_of_the_owner() -> None:
    log, clock = memory_log()
    async with running(log, clock) as service:
        clock.step(3)
        await until(lambda: events_of(log, b"t"))
    ticks = await events_of(log, b"t")
    assert int(ticks[-1]) == clock.now_ms()
    assert await service.faults() == {"partition 0": "stopped"}


class DriftingClock(ManualClock):
    """The log's clock, which is 9 s behind that of its owner."""

    def now_ms(self) -> int:
        return super().now_ms() + 9_000


async def test_a_clock_far_from_that_of_the_log_is_reported() -> None:
    log, _ = memory_log()
    service = scoring(log, DriftingClock((await log.state(0)).events_last.ms or 983_786_400_000))
    await service.start()
    tally = service._measures.partition(0)
    await until(lambda: tally.counts["clock_faults"] > 0)
    assert tally.clock_difference_s == pytest.approx(9)
    await service.drain()


# --- entries that the engine cannot take


async def test_an_entry_that_fails_three_times_is_set_aside_live_and_in_replay(tmp_path: Path) -> None:
    log, clock = memory_log()
    entries = list(busy_stretch())
    middle = len(entries) // 2
    async with running(log, clock, settings=settings_from(EAGER)) as service:
        await feed(log, clock, entries[:middle])
        broken = await log.append(0, {b"b": entries[middle].fields[b"b"][:-9]})
        nonsense = await log.append(0, {b"x": b"from elsewhere"})
        end = await feed(log, clock, entries[middle:])
        await scored(log, end)
        assert service._measures.partition(0).counts["poison"] == 6
    assert await log.failures(0) == {broken: 3, nonsense: 3}
    alerts = await alerts_of(log)
    assert len(alerts) > 20
    assert alerts == await replayed(log, tmp_path)


async def test_the_way_to_a_failing_entry_is_not_gone_again_for_each_try(monkeypatch: pytest.MonkeyPatch) -> None:
    log, clock = memory_log()
    entries = busy_stretch()
    applied: Counter[EntryId] = Counter()
    real = Engine.step

    def step(engine: Engine, entry: Entry) -> object:
        applied[entry.id] += 1
        return real(engine, entry)

    monkeypatch.setattr(Engine, "step", step)
    async with running(log, clock, settings=settings_from(EAGER)):  # no checkpoint is due in all this time
        for n in range(3):
            await feed(log, clock, entries[100 * n : 100 * (n + 1)])
            await log.append(0, {b"b": b"noise"})
        await scored(log, await feed(log, clock, entries[300:310]))
    assert max(applied.values()) <= 4, "three tries at most begin further back"
    assert applied.most_common()[len(applied) // 2][1] <= 2, "most entries are applied again once, by the first retry"


async def test_an_engine_that_fails_once_is_only_restored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log, clock = memory_log()
    entries = busy_stretch()[:300]
    real, once = Engine.step, [ZeroDivisionError("by accident")]

    def step(engine: Engine, entry: Entry) -> object:
        if entry.id == entries[150].id and once:
            real(engine, entry)  # half of it is done: the engine must not be used any more
            raise once.pop()
        return real(engine, entry)

    monkeypatch.setattr(Engine, "step", step)
    async with running(log, clock, settings=settings_from(EAGER)):
        await scored(log, await feed(log, clock, entries))
    monkeypatch.undo()
    assert list((await log.failures(0)).values()) == [1]
    assert await alerts_of(log) == await replayed(log, tmp_path)


async def test_a_broken_state_is_not_blamed_on_entry_after_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    log, clock = memory_log()

    def step(engine: Engine, entry: Entry) -> object:
        raise IndexError("whatever comes")

    monkeypatch.setattr(Engine, "step", step)
    first = await log.append(0, tick_fields(clock.now_ms()))
    service = scoring(log, clock)
    await service.start()
    await in_phase(service, Phase.FAILED)
    assert await log.failures(0) == {first: 3}
    assert "IndexError" in (await service.faults())["partition 0"]
    await service.drain()


async def test_lost_memory_is_not_the_fault_of_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    log, clock = memory_log()
    real, once = Engine.step, [MemoryError()]

    def step(engine: Engine, entry: Entry) -> object:
        if b"b" in entry.fields and once:
            raise once.pop()
        return real(engine, entry)

    monkeypatch.setattr(Engine, "step", step)
    async with running(log, clock):
        await scored(log, await feed(log, clock, busy_stretch()[:10]))
    assert await log.failures(0) == {}


async def test_a_block_of_a_newer_version_stops_the_reader_and_is_no_poison() -> None:
    log, clock = memory_log()
    async with running(log, clock) as service:
        before = await feed(log, clock, busy_stretch()[:5])
        newer = bytearray(busy_stretch()[5].fields[b"b"])
        newer[2] += 1
        await log.append(0, {b"b": bytes(newer)})
        await in_phase(service, Phase.NEWER_BLOCK)
        assert (await log.state(0)).published == before
        assert "upgrade" in (await service.faults())["partition 0"]
        assert await log.failures(0) == {}
        assert await log.claim(0, "of a newer version", ttl_ms=1000) is not None, "the lease is free for a newer scorer"


# --- settings and engines


async def in_force(log: Log) -> int:
    found = await events_of(log, b"s")
    return int(json.loads(found[-1])["revision"]) if found else 0


async def test_settings_go_into_the_log_when_their_revision_is_higher() -> None:
    log, clock = memory_log()
    for text, revision, entries in (
        (b"revision = 2", 2, 1),
        (b"revision = 2  # the same, said otherwise\n", 2, 1),
        (b"revision = 1\nlateness_s = 600", 2, 1),
        (b"revision = 5\nlateness_s = 600", 5, 2),
    ):
        async with running(log, clock, settings=settings_from(text)):
            end = await log.append(0, tick_fields(clock.now_ms()))
            await scored(log, end)
        assert (await in_force(log), len(await events_of(log, b"s"))) == (revision, entries)


async def test_without_a_file_the_settings_in_force_stay() -> None:
    log, clock = memory_log()
    async with running(log, clock, settings=settings_from(EAGER)):
        pass
    async with running(log, clock):
        pass
    assert await in_force(log) == 3


@pytest.mark.parametrize("owned", [False, True], ids=["as owner", "as standby"])
async def test_the_same_revision_with_other_contents_stops_the_start(owned: bool) -> None:
    log, clock = memory_log()
    async with running(log, clock, settings=settings_from(b"revision = 2")):
        await scored(log, await feed(log, clock, busy_stretch()[:3]))
    if owned:
        await log.claim(0, "another", ttl_ms=60_000)
    service = scoring(log, clock, settings=settings_from(b"revision = 2\nlateness_s = 600"))
    await service.start()
    with pytest.raises(SettingsConflict, match="`revision = 3` or higher"):
        async with asyncio.timeout(60):
            await service.wait()
    assert "revision 2" in (await service.faults())["partition 0"]
    await service.drain()
    assert await in_force(log) == 2


async def test_a_new_engine_is_named_once_with_the_position_that_it_restored() -> None:
    log, clock = memory_log()
    entries = busy_stretch()
    async with running(log, clock, settings=settings_from(EAGER)):
        await scored(log, await feed(log, clock, entries[:300]))
    restored = (await log.state(0)).published
    before = await alerts_of(log)
    for _ in range(2):
        service = scoring(log, clock)
        for scorer in service._scorers:
            scorer._engine = "a newer one"
        await service.start()
        await scored(log, await log.append(0, tick_fields(0)))
        await in_phase(service, Phase.RUNNING)
        await service.drain()
    marks = [json.loads(mark) for mark in await events_of(log, b"e")]
    assert [mark["engine"] for mark in marks] == ["tested", "a newer one"]
    assert marks[1]["restored"] == str(restored)
    after = (await alerts_of(log))[len(before) :]
    assert len(after) > 0, "it publishes the present form of every live alert"


async def test_what_the_engine_before_published_is_not_compared_with_the_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, clock = memory_log()
    first = scoring(log, clock, settings=settings_from(EAGER))
    await first.start()
    await in_phase(first, Phase.RUNNING)
    await scored(log, await feed(log, clock, busy_stretch()[:300]))
    await crash(first, clock)

    real = Engine.step

    def step(engine: Engine, entry: Entry) -> object:
        report = real(engine, entry)
        report.alerts = [(at, data.replace(b"strain", b"strained")) for at, data in report.alerts]
        return report

    monkeypatch.setattr(Engine, "step", step)
    second = scoring(log, clock)
    second._scorers[0]._engine = "a newer one"
    await second.start()
    await in_phase(second, Phase.RUNNING)
    await second.drain()
    assert (await log.state(0)).differing == 0


async def test_the_log_says_from_where_on_a_new_engine_judges() -> None:
    log, clock = memory_log()
    entries = busy_stretch()
    first = scoring(log, clock, settings=settings_from(EAGER))
    await first.start()
    await in_phase(first, Phase.RUNNING)
    await scored(log, await feed(log, clock, entries[:200]))
    await crash(first, clock)
    taken_over_at = (await log.state(0)).published
    await feed(log, clock, entries[200:300])  # nobody has judged these
    second = scoring(log, clock)
    second._scorers[0]._engine = "a newer one"
    told_before_the_mark = len(await alerts_of(log))
    real = log.publish

    async def publish(partition: int, generation: int, publication: Publication) -> Published:
        assert len(await events_of(log, b"e")) == 2, "the log names it before it says a word"
        return await real(partition, generation, publication)

    log.publish = publish  # type: ignore[method-assign]
    await second.start()
    await in_phase(second, Phase.RUNNING)
    await scored(log, await log.append(0, tick_fields(0)))
    await second.drain()
    mark = json.loads((await events_of(log, b"e"))[1])
    assert mark["published"] == str(taken_over_at)
    assert len(await alerts_of(log)) > told_before_the_mark


async def test_outputs_that_differ_from_those_published_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    log, clock = memory_log()
    first = scoring(log, clock, settings=settings_from(EAGER))
    await first.start()
    await in_phase(first, Phase.RUNNING)
    await scored(log, await feed(log, clock, busy_stretch()[:300]))
    await crash(first, clock)
    real = Engine.step

    def step(engine: Engine, entry: Entry) -> object:
        report = real(engine, entry)
        report.alerts = [(at, data + b" ") for at, data in report.alerts]
        return report

    monkeypatch.setattr(Engine, "step", step)
    async with running(log, clock) as second:
        assert second._measures.partition(0).counts["differing"] > 0


# --- the log


async def test_lost_entries_begin_a_new_epoch(tmp_path: Path) -> None:
    log, clock = memory_log()
    entries = busy_stretch()
    async with running(log, clock, settings=settings_from(EAGER)):
        await scored(log, await feed(log, clock, entries[:100]))
    epoch = (await log.state(0)).epoch
    checkpoint = await log.load_checkpoint(0)
    assert checkpoint is not None
    log.lose_tail(0, EntryId(checkpoint.position.ms - 60_000, 0))
    async with running(log, clock) as service:
        await scored(log, await feed(log, clock, entries[100:150]))
        assert service._measures.partition(0).counts["epochs"] == 1
    assert (await log.state(0)).epoch != epoch


async def test_entries_that_are_lost_under_a_running_scorer_are_noticed_without_a_fault(tmp_path: Path) -> None:
    log, clock = memory_log()
    entries = busy_stretch()
    async with running(log, clock, settings=settings_from(EAGER)) as service:
        await scored(log, await feed(log, clock, entries[:100]))
        kept = (await events_at(log))[-30]
        log._parts[0].alerts.drop_after(EntryId(kept.ms, ((kept.seq + 1) << 20) - 1))
        log.lose_tail(0, kept)  # a link that dialled again by itself told nobody
        await until(lambda: service._measures.partition(0).counts["epochs"])
        await scored(log, await feed(log, clock, entries[100:150]))
    assert await alerts_of(log) == await replayed(log, tmp_path)
    assert (await log.state(0)).differing == 0


async def test_publications_that_are_lost_are_made_again(tmp_path: Path) -> None:
    log, clock = memory_log()
    async with running(log, clock, settings=settings_from(EAGER)):
        await scored(log, await feed(log, clock, busy_stretch()))
        alerts, part = await log.read_alerts(0, START), log._parts[0]
        part.alerts.drop_after(alerts[len(alerts) // 2][0])
        part.published = cause_of(alerts[len(alerts) // 2][0])
        log._breaks += 1

        async def back() -> bool:
            return await log.read_alerts(0, START) == alerts

        await until(back)
    assert await alerts_of(log) == await replayed(log, tmp_path)


async def test_a_break_that_lost_nothing_changes_nothing() -> None:
    log, clock = memory_log()
    async with running(log, clock, settings=settings_from(EAGER)) as service:
        await scored(log, await feed(log, clock, busy_stretch()[:50]))
        tenure_before = service._scorers[0]._tenure
        log._breaks += 1
        await scored(log, await feed(log, clock, busy_stretch()[50:100]))
        assert service._scorers[0]._tenure is tenure_before
        assert service._measures.partition(0).counts["epochs"] == 0


async def events_at(log: Log) -> list[EntryId]:
    return [entry.id for entry in await log.read(0, START, count=10_000)]


async def test_the_log_is_never_trimmed_below_what_a_restore_needs() -> None:
    log, clock = memory_log()
    log._retention = type(log._retention)(events_ms=0)
    async with running(log, clock, timing=QUICK, settings=settings_from(EAGER)):
        await scored(log, await feed(log, clock, busy_stretch()[:100]))
        clock.step(7200)
        await scored(log, await log.append(0, tick_fields(clock.now_ms())))

        async def trimmed() -> bool:
            return (await log.state(0)).events_first > busy_stretch()[99].id

        await until(trimmed)
        checkpoint = await log.load_checkpoint(0)
    assert checkpoint is not None
    assert await log.digest(0, checkpoint.position) is not None
    async with running(log, clock):
        pass


async def test_signals_are_published_once_a_second_and_history_once_a_minute() -> None:
    log, clock = memory_log()
    async with running(log, clock):
        await scored(log, await feed(log, clock, busy_stretch()))
    history = [decode_minute(data) for _, data in await log.read_history(0, START)]
    minutes = [signals.at_ms // 60_000 for signals in history]
    assert minutes == sorted(set(minutes))
    assert len(minutes) >= 13
    newest = decode_signals((await log.read_signals(0, START))[-1][1])
    assert newest.tenant == TENANT
    assert newest.position
    assert newest.queues.ids


async def test_exported_alerts_are_those_of_the_log_byte_for_byte() -> None:
    log, clock = memory_log()
    async with running(log, clock, settings=settings_from(EAGER)):
        await scored(log, await feed(log, clock, busy_stretch()[:300]))
    lines = [read_line(line) async for line in export_log(log, stream="alerts")]
    assert [line.data for line in lines if isinstance(line, AlertLine)] == await alerts_of(log)


async def test_a_tail_tells_what_came_lately_and_what_comes() -> None:
    log, clock = memory_log()
    await feed(log, clock, busy_stretch()[:2])
    said: list[bytes] = []
    tail = asyncio.create_task(tail_log(log, said.append, now_ms=clock.now_ms()))
    await until(lambda: len(said) == 2)
    await log.append(0, tick_fields(clock.now_ms()))
    await until(lambda: len(said) == 3)
    tail.cancel()
    await asyncio.wait([tail])
    assert json.loads(said[0])["tenant"] == TENANT
    assert json.loads(said[2])["tick"] == {"owner_ms": clock.now_ms()}
    with pytest.raises(ValueError, match="no partition 7"):
        await tail_log(log, said.append, partition=7, now_ms=0)


# --- in a process of its own, on a real store


async def test_readyz_names_each_partition() -> None:
    log, clock = memory_log()
    service = scoring(log, clock)
    app = service.app()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://scoring") as client:
        early = await client.get("/readyz")
        assert early.status_code in (200, 503)
        await service.start()
        await in_phase(service, Phase.RUNNING)
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["partitions"][0]["phase"] == "running"
        metrics = (await client.get("/metrics")).text
        assert 'strainwatch_scoring_state{partition="0",state="running"} 1.0' in metrics
        assert (await client.get("/healthz")).status_code == 200
        await service.drain()
        assert (await client.get("/readyz")).status_code == 503


def calls_of_now() -> tuple[Entry, ...]:
    """The busy stretch around now: nothing of it is late, nothing too far ahead."""
    return busy_stretch(SystemClock().now_ms() - 500_000)


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Log]:
    log = await open_redis_log(store.url, partitions=1)
    try:
        yield log
    finally:
        await log.close()


@contextmanager
def process(url: str, settings: Path) -> Iterator[subprocess.Popen[bytes]]:
    runner = Path(__file__).with_name("scoring_process.py")
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, str(runner), url, str(settings)], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    ) as started:
        try:
            yield started
        finally:
            started.kill()


async def test_kill_9_of_the_scorer_changes_nothing(store: Store, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_bytes(EAGER)
    async with opened(store) as log:
        entries, where = calls_of_now(), random.Random(11)
        third = len(entries) // 3
        for life in range(3):
            with process(store.url, settings) as scorer:
                await until(lambda: events_of(log, b"s"))
                fed = await asyncio.gather(
                    *(log.append(0, e.fields) for e in entries[life * third : (life + 1) * third])
                )
                await scored(log, where.choice(fed))
                scorer.kill()
                assert scorer.wait(60) == -signal.SIGKILL
        with process(store.url, settings) as scorer:
            await scored(log, await log.append(0, tick_fields(0)))
            scorer.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(scorer.wait, 60) == 0
        alerts = await alerts_of(log)
        assert len(alerts) > 5
        assert alerts == await replayed(log, tmp_path)
        state = await log.state(0)
        assert state.differing == 0
        checkpoint = await log.load_checkpoint(0)
        assert checkpoint is not None
        assert checkpoint.position == state.published


async def test_a_store_that_dies_and_returns_loses_no_alert(own_store: Store, tmp_path: Path) -> None:
    async with opened(own_store) as log:
        entries = calls_of_now()
        async with running(log, SystemClock(), settings=settings_from(EAGER)) as service:
            await asyncio.gather(*(log.append(0, entry.fields) for entry in entries[:100]))
            own_store.kill()
            await in_phase(service, Phase.LOG_AWAY)
            own_store.start_again()
            await in_phase(service, Phase.RUNNING)
            await scored(log, max(await asyncio.gather(*(log.append(0, entry.fields) for entry in entries[100:200]))))
        assert await alerts_of(log) == await replayed(log, tmp_path)
        assert (await log.state(0)).differing == 0


async def test_after_much_work_the_next_checkpoint_does_not_wait_for_its_time() -> None:
    log, clock = memory_log()

    async def saved() -> EntryId:
        checkpoint = await log.load_checkpoint(0)
        return START if checkpoint is None else checkpoint.position

    async def first_saved() -> bool:
        clock.advance(1)
        await log.append(0, tick_fields(clock.now_ms()))
        return await saved() > START

    async with running(log, clock, timing=Timing(checkpoint_s=3_600)):
        await until(first_saved)
        first = await saved()
        clock.advance(tenure.REWORK_EVERY_S + 1)
        for _ in range(tenure.REWORK_MS + 1):
            await log.append(0, tick_fields(clock.now_ms()))

        async def saved_again() -> bool:
            return await saved() > first

        await until(saved_again)
