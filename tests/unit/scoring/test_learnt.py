"""What was learnt, out of one engine and into another: it judges at once, as the one that lived through the history."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from scoring_logs import T0, TENANT, Played, at, block, hash_of, numbered, play, tick

from services.scoring.core import agent_drivers as ad
from services.scoring.core.engine import Engine
from services.scoring.core.learnt import learnt
from shared.contract.baseline import BaselineDocument, baseline_of, decode_baseline, encode_baseline, numbers
from shared.contract.block import NewerBlock, Row
from shared.contract.entries import Entry, EntryId, baseline_fields, parse_entry
from shared.contract.rows import ANSWERED, HANDLED, OFFERED

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
MIDNIGHT = (T0 // DAY_MS + 1) * DAY_MS
AGENTS, QUEUES, ISSUES = ("ann", "bo"), ("q-billing", "q-cards"), ("refund", None, "login")


def days(first: int, count: int, *, seed: int = 5, slower: float = 1.0) -> list[Entry]:
    """Calm days from 8 to 18 h: a contact every four minutes, by two agents, on two queues."""
    chance = random.Random(seed)
    entries = []
    for day in range(first, first + count):
        for i in range(150):
            ms, number = MIDNIGHT + day * DAY_MS + 8 * HOUR_MS + i * 240_000, day * 1000 + i
            what: dict[str, Any] = {
                "queue": QUEUES[i % 3 // 2],
                "contact": hash_of(number),
                "issue": chance.choice(ISSUES),
                "caller": 7 if chance.random() < 0.2 else 0,
            }
            agent, wait_s = chance.choice(AGENTS), chance.choice((2.0, 5.0, 20.0)) * (1 + i % 3)
            handle_s = slower * chance.lognormvariate(5.0, 0.3)
            rows = [
                Row(OFFERED, TENANT, ms, f"o{number}", **what),
                Row(ANSWERED, TENANT, ms + 1, f"a{number}", agent=agent, n0=wait_s, **what),
                Row(HANDLED, TENANT, ms + 2, f"h{number}", agent=agent, n0=handle_s, **what),
            ]
            entries.append(block(ms + 2, rows, since_previous_ms=[3_600_000, -1] if what["caller"] else None))
    return entries


def document_of(engine: Engine) -> BaselineDocument:
    return learnt(engine.floor, 0, MIDNIGHT, engine.position.ms)


def entry(ms: int, document: BaselineDocument, tenant: str = TENANT) -> Entry:
    return at(ms, baseline_fields(baseline_of(tenant, document)))


@pytest.fixture(scope="module")
def lived() -> Played:
    """Eight days."""
    return play(days(0, 8))


@pytest.fixture(scope="module")
def document(lived: Played) -> BaselineDocument:
    return document_of(lived.engine)


# --- round trip


def test_a_new_engine_judges_handle_times_and_waits_at_once_as_one_that_lived_through_it(
    lived: Played, document: BaselineDocument
) -> None:
    went_on = Engine.restore(lived.engine.snapshot(), marks="none")
    new = play([entry(MIDNIGHT + 8 * DAY_MS + 7 * HOUR_MS, document)]).engine
    for next_one in days(8, 1, seed=9)[:40]:
        went_on.step(next_one)
        new.step(next_one)
    for name in AGENTS:
        of_new, of_old = (
            engine.floor.agents.last[engine.floor.registers.agents.find(0, name), ad.HANDLE_TIME]
            for engine in (new, went_on)
        )
        assert of_new == pytest.approx(of_old, rel=1e-3)  # the ratio to the own usual; it is kept to 0.01 %
    for name in QUEUES:
        for what in ("wait_s", "repeat_share"):
            of_new, of_old = (
                getattr(engine.floor.queues.usual, what)[engine.floor.registers.queues.find(0, name)]
                for engine in (new, went_on)
            )
            assert of_new == pytest.approx(of_old, rel=1e-9)


def test_without_a_baseline_the_first_day_is_silent(document: BaselineDocument) -> None:
    log = days(8, 1, seed=9)[:3]
    ready = play([entry(MIDNIGHT + 8 * DAY_MS, document), *log]).engine.floor
    silent = play(log).engine.floor
    assert np.isnan(silent.agents.last[:2, ad.HANDLE_TIME]).all()
    assert np.isfinite(ready.agents.last[:2, ad.HANDLE_TIME]).any()


def test_it_comes_out_as_it_went_in(document: BaselineDocument) -> None:
    engine = play([entry(MIDNIGHT + 8 * DAY_MS, document)]).engine
    again = learnt(engine.floor, 0, MIDNIGHT, engine.position.ms - 1)
    assert (again.handle_times, again.agents, again.queues) == (
        document.handle_times,
        document.agents,
        document.queues,
    )
    assert again.issue_since_ms == document.issue_since_ms
    for column in ("waits_s", "waits", "contacts", "repeats"):
        here, there = (numbers(getattr(d.usual, column), "f8") for d in (again, document))
        np.testing.assert_allclose(here, there * 2 ** (-1 / 28), rtol=1e-12)  # a day later


def test_an_issue_of_the_history_is_not_new_and_another_is(document: BaselineDocument) -> None:
    now_ms = MIDNIGHT + 9 * DAY_MS
    engine = play([entry(now_ms, document)]).engine
    row = Row(HANDLED, TENANT, now_ms + 5, "h", queue="q-cards", contact=1, agent="ann", issue="outage", n0=99.0)
    engine.step(block(now_ms + 5, [row]))
    names = engine.floor.registers.issues
    told = {name: engine.floor.issue_ages.is_new(names.row(0, name), now_ms + 9) for name in ("refund", "outage")}
    assert told == {"refund": False, "outage": True}
    restored = Engine.restore(engine.snapshot())
    assert restored.floor.issue_ages.is_new(names.row(0, "outage"), now_ms + 9)


# --- who knows more


def test_an_engine_that_knows_more_keeps_its_own(lived: Played) -> None:
    little = document_of(play(days(0, 1, seed=77)).engine)
    engine = Engine.restore(lived.engine.snapshot(), marks="none")
    before = msgspec.msgpack.decode(engine.snapshot(), strict=False)["floor"]
    report = engine.step(entry(engine.position.ms + 1, little))
    assert report.counts["learnt"] == 0
    after = msgspec.msgpack.decode(engine.snapshot(), strict=False)["floor"]
    assert after["tables"]["handle_times"] == before["tables"]["handle_times"]
    assert {k: v for k, v in after["tables"]["queues"]["usual"].items() if k != "wait_s"} == {
        k: v for k, v in before["tables"]["queues"]["usual"].items() if k != "wait_s"
    }


def test_rows_that_know_little_learn_and_the_others_stay(document: BaselineDocument) -> None:
    """One agent has been at work for a day, the other is new."""
    engine = play([e for e in days(8, 1) if b"ann" in e.fields[b"b"]]).engine
    table = engine.floor.handle_times
    own = table.logs[: table.n].copy()
    engine.step(entry(MIDNIGHT + 9 * DAY_MS, document))
    whole_of = {name: _row(engine, name, 0) for name in AGENTS}
    np.testing.assert_array_equal(table.logs[whole_of["ann"]], own[whole_of["ann"]])
    assert table.count[whole_of["bo"]] > 100


def _row(engine: Engine, agent: str, topic: int) -> int:
    number = engine.floor.registers.agents.find(0, agent)
    assert number is not None
    return int(engine.floor.handle_times.rows_of(np.array([number]), np.array([topic]))[0])


def test_history_of_the_running_day_is_not_counted_twice() -> None:
    """The export of a log that goes on, put into the engine that wrote it."""
    log = days(0, 2)
    engine = play(log[:-30]).engine
    document = document_of(engine)
    engine.step(entry(engine.position.ms + 1, document))
    for later in log[-30:]:
        engine.step(later)
    engine.step(tick(MIDNIGHT + 2 * DAY_MS + 61_000))
    once = play([*log, tick(MIDNIGHT + 2 * DAY_MS + 61_000)]).engine
    here, there = (e.floor.queues.usual.waits[:2].sum() for e in (engine, once))
    assert here == pytest.approx(there, rel=0.02)


# --- the same log, the same state


def test_the_same_baseline_twice_is_once(document: BaselineDocument) -> None:
    first, more = entry(MIDNIGHT + 8 * DAY_MS, document), days(8, 1, seed=9)[:20]
    again = entry(more[-1].id.ms + 1, document)
    once, twice = play([first, *more, tick(again.id.ms)]), play([first, *more, again])
    assert "learnt" not in twice.reports[-1].counts
    assert once.engine.snapshot() == twice.engine.snapshot()


def test_the_same_knowledge_under_another_digest_changes_nothing(document: BaselineDocument) -> None:
    first, more = entry(MIDNIGHT + 8 * DAY_MS, document), days(8, 1, seed=9)[:20]
    other = entry(more[-1].id.ms + 1, msgspec.structs.replace(document, from_ms=document.from_ms + 1))
    played = play([first, *more, other])
    assert played.reports[-1].counts["learnt"] == 0


def test_a_restart_after_a_baseline_changes_no_output(document: BaselineDocument) -> None:
    log = numbered([entry(MIDNIGHT + 8 * DAY_MS, document), *days(8, 1, seed=9, slower=4.0)])
    whole = play(log)
    for cut in (0, 1, 60, len(log) - 2):
        engine = Engine(marks="none")
        for i, each in enumerate(log):
            assert engine.step(each).alerts == whole.reports[i].alerts
            if i == cut:
                engine = Engine.restore(engine.snapshot(), marks="none")
                for earlier in log[: i + 1]:
                    if earlier.id.ms >= engine.recall_from_ms:
                        engine.recall(earlier)
        assert engine.snapshot() == whole.engine.snapshot()


def test_a_baseline_is_of_its_tenant_alone(document: BaselineDocument) -> None:
    log = days(8, 1, seed=9)[:20]
    alone = play(log)
    beside = play([entry(log[0].id.ms - 1, document, tenant="globex"), *log])
    assert alone.bytes == beside.bytes
    both = beside.engine.floor
    assert [both.registers.agents.tenant[i] for i in range(len(both.registers.agents.text))].count(0) == 2


def test_a_tenant_that_only_has_a_baseline_is_not_a_silent_feed(document: BaselineDocument) -> None:
    first = entry(MIDNIGHT, document)
    played = play([first, *[tick(MIDNIGHT + s * 1000) for s in range(10, 7200, 20)]])
    assert not played.alerts


# --- documents that cannot be taken


def broken(change: Callable[[dict[str, Any]], None], document: BaselineDocument) -> bytes:
    """Changed, with a digest that fits."""
    from hashlib import blake2b

    told = json.loads(msgspec.json.encode(document))
    change(told)
    data = json.dumps(told).encode()
    digest = blake2b(data, digest_size=16).hexdigest()
    return b'{"tenant":"acme","digest":"%s","document":%s}' % (digest.encode(), data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["agents"].append(d["agents"][0]), "twice"),
        (lambda d: d["agents"].pop(), "handle_times.agent"),
        (lambda d: d["queues"].pop(), "handle_times.topic"),
        (lambda d: d["queues"].append("q-new"), "fit"),
        (lambda d: d["handle_times"].update(logs=""), "handle_times.logs"),
        (lambda d: d["handle_times"].update(agent="AAA"), "handle_times"),
        (lambda d: d["usual"].update(waits="!"), "base64"),
        (lambda d: d["streams"].update(kind="AA=="), "streams"),
        (lambda d: d.update(until_ms=-1), "moments"),
        (lambda d: d.update(version=0), "version 0"),
        (lambda d: d.pop("from_ms"), "from_ms"),
        (lambda d: d["agents"].__setitem__(0, ""), "length >= 1"),
    ],
)
def test_a_broken_document_is_poison(
    document: BaselineDocument, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    data = broken(change, document)
    with pytest.raises((ValueError, msgspec.MsgspecError), match=said) as fault:
        parse_entry({b"u": data})
    assert not isinstance(fault.value, NewerBlock)
    engine = Engine()
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        engine.step(Entry(EntryId(T0, 0), {b"u": data}))
    engine.recall(Entry(EntryId(T0, 0), {b"u": data}))


def test_numbers_that_are_none_are_refused(document: BaselineDocument) -> None:
    usual = document.usual
    for value in (np.nan, -1.0, np.inf):
        waits = numbers(usual.waits, "f8").copy()
        waits[3] = value
        with pytest.raises(ValueError, match="not a number, or below 0"):
            msgspec.structs.replace(document, usual=msgspec.structs.replace(usual, waits=waits.tobytes()))


def test_a_document_that_was_cut_or_changed_is_refused(document: BaselineDocument) -> None:
    data = encode_baseline(baseline_of(TENANT, document))
    with pytest.raises(ValueError, match="digest"):
        decode_baseline(data.replace(b'"q-cards"', b'"q-other"'))
    with pytest.raises(msgspec.MsgspecError):
        decode_baseline(data[:-9])


def test_a_newer_document_stops_the_reader(document: BaselineDocument) -> None:
    with pytest.raises(NewerBlock, match="upgrade"):
        parse_entry({b"u": broken(lambda d: d.update(version=2, agents=7), document)})


def test_a_document_has_a_largest_size(document: BaselineDocument, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.contract import baseline

    monkeypatch.setattr(baseline, "BASELINE_BYTES_MAX", 1000)
    with pytest.raises(ValueError, match="at most 1,000"):
        baseline_of(TENANT, document)


def test_only_names_and_numbers_of_the_tenant_are_in_it(lived: Played) -> None:
    other = [replace_tenant(e) for e in days(8, 1, seed=4)[:5]]
    engine = Engine.restore(lived.engine.snapshot(), marks="none")
    for each in other:
        engine.step(each)
    document = learnt(engine.floor, 1, MIDNIGHT, engine.position.ms)
    assert set(document.agents) <= {"zoe"}
    assert set(document.queues) == {"q-zebra"}


def replace_tenant(given: Entry) -> Entry:
    row = Row(HANDLED, "globex", given.id.ms, f"z{given.id.ms}", queue="q-zebra", contact=3, agent="zoe", n0=50.0)
    return block(given.id.ms, [row])
