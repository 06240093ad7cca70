"""Contacts: each fact once, the first that is complete, in whatever order events come."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from batches import batch_of
from numpy.typing import NDArray
from scoring_logs import T0, TENANT, block, hash_of, numbered, play, tick

from services.scoring.core import contacts
from services.scoring.core.batch import Facts
from services.scoring.core.contacts import FORGOTTEN_AFTER_MS, Contacts
from services.scoring.core.engine import Engine
from services.scoring.core.queue_table import Queues
from shared.contract.block import Row
from shared.contract.rows import ABANDONED, ANSWERED, HANDLED, OFFERED, REPEATED

NAN = float("nan")
Event = tuple[int, int, int, float, int]  # kind, agent, ms, wait_s, since_previous_ms

OFFER: Event = (OFFERED, -1, 1000, NAN, -1)
OFFER_OF_REPEAT: Event = (OFFERED, -1, 1000, NAN, 60_000)
ANSWER: Event = (ANSWERED, 4, 21_000, 20.0, -1)
HANDLE: Event = (HANDLED, 4, 99_000, NAN, -1)
HANDLE_WITH_WAIT: Event = (HANDLED, 4, 99_000, 20.0, -1)
REPEAT: Event = (REPEATED, -1, 30_000, NAN, 86_400_000)
ABANDON: Event = (ABANDONED, -1, 61_000, 60.0, -1)


def contacts_of_three_queues() -> Contacts:
    queues = Queues()
    queues.add_many(3)
    return Contacts(queues)


def offered(table: Contacts, tenant: int, keys: NDArray[np.uint64]) -> NDArray[np.intp]:
    facts = Facts()
    facts.make_room(keys.size)
    table.take(batch_of(keys.size, tenant, kind=OFFERED, contact=keys, at_ms=T0), facts)
    return np.array(facts.row)[: keys.size]


def told_by(events: Sequence[Event], *, one_batch: bool, table: Contacts | None = None) -> dict[str, Any]:
    """What one contact's events say in this order, in a batch or one by one."""
    table = contacts_of_three_queues() if table is None else table
    queues = table.queues
    out: dict[str, Any] = {"arrivals": 0, "waits": [], "abandoned": 0, "handled": 0, "repeats": 0}
    for batch in [list(events)] if one_batch else [[event] for event in events]:
        n = len(batch)
        kind, agent, at_ms, wait_s, since = (np.array(column) for column in zip(*batch, strict=True))
        kind, told = kind.astype(np.uint8), kind == REPEATED
        # As a block has them: a wait in n1 of a handled contact, else in n0; what the ACD tells of a repeat in n0, s.
        n0 = np.where(told, since / 1000.0, np.where(kind == HANDLED, 99.0, wait_s))
        b = batch_of(
            n, kind=kind, agent=agent, at_ms=at_ms, queue=2, n0=n0, n1=wait_s,
            since_previous_ms=np.where(told, -1, since), contact=np.uint64(hash_of(7)),
        )  # fmt: skip
        facts = Facts()
        table.take(b, facts)
        wait_s = np.array(facts.wait_s)[:n]
        out["arrivals"] += sum(facts.arrival[:n])
        out["waits"] += wait_s[wait_s == wait_s].tolist()
        out["abandoned"] += sum(facts.abandoned[:n])
        out["handled"] += sum(facts.handled[:n])
        out["repeats"] += sum(facts.repeat[:n])
    return out | {"waiting": int(queues.waiting[2]), "oldest_ms": int(queues.oldest_ms[2])}


SERVED = {"arrivals": 1, "waits": [20.0], "abandoned": 0, "handled": 1, "repeats": 0, "waiting": 0, "oldest_ms": 0}
STORIES: dict[str, tuple[list[Event], dict[str, Any]]] = {
    "served": ([OFFER, ANSWER, HANDLE], SERVED),
    "served, the wait told twice": ([OFFER, ANSWER, HANDLE_WITH_WAIT], SERVED),
    "served, told as a repeat by the ACD": ([OFFER, ANSWER, HANDLE, REPEAT], SERVED | {"repeats": 1}),
    "served, a repeat found by us": ([OFFER_OF_REPEAT, ANSWER, HANDLE], SERVED | {"repeats": 1}),
    "served, a repeat found and told": ([OFFER_OF_REPEAT, ANSWER, HANDLE, REPEAT], SERVED | {"repeats": 1}),
    "handled without answered": ([OFFER, HANDLE_WITH_WAIT], SERVED),
    "handled without answered, no wait told": ([OFFER, HANDLE], SERVED | {"waits": []}),
    "answered without offered": ([ANSWER, HANDLE], SERVED),
    "only handled": ([HANDLE_WITH_WAIT], SERVED),
    "abandoned": ([OFFER, ABANDON], SERVED | {"waits": [60.0], "handled": 0, "abandoned": 1}),
    "abandoned without offered": ([ABANDON], SERVED | {"waits": [60.0], "handled": 0, "abandoned": 1}),
    "waiting": ([OFFER], SERVED | {"waits": [], "handled": 0, "waiting": 1, "oldest_ms": 1000}),
    "only told as a repeat": ([REPEAT], SERVED | {"arrivals": 0, "waits": [], "handled": 0}),
}


@pytest.mark.parametrize("one_batch", [False, True], ids=["one by one", "in one batch"])
@pytest.mark.parametrize("name", STORIES)
def test_every_order_of_a_contacts_events_tells_the_same_facts(name: str, one_batch: bool) -> None:
    events, expected = STORIES[name]
    for order in itertools.permutations(events):
        assert told_by(order, one_batch=one_batch) == expected, [event[0] for event in order]


@pytest.mark.parametrize("name", STORIES)
def test_events_that_come_twice_tell_nothing_new(name: str) -> None:
    events, expected = STORIES[name]
    for order in itertools.permutations(events):
        doubled = [event for event in order for _ in range(2)]
        assert told_by(doubled, one_batch=True) == expected
        assert told_by([*order, *order], one_batch=False) == expected


def test_what_the_acd_says_of_a_repeat_overrides_what_was_found() -> None:
    table = contacts_of_three_queues()
    told_by([OFFER_OF_REPEAT, REPEAT], one_batch=False, table=table)
    assert table.since_previous_ms[0] == REPEAT[4]
    told_by([OFFER_OF_REPEAT], one_batch=False, table=table)
    assert table.since_previous_ms[0] == REPEAT[4]


def test_a_contact_without_an_event_for_an_hour_is_forgotten_and_its_row_used_again() -> None:
    table = contacts_of_three_queues()
    told_by([OFFER], one_batch=False, table=table)
    table.forget(1000 + FORGOTTEN_AFTER_MS)
    assert len(table) == 1
    table.forget(1001 + FORGOTTEN_AFTER_MS)
    assert len(table) == 0
    assert table.queues.waiting[2] == 0
    assert told_by([OFFER], one_batch=False, table=table)["arrivals"] == 1
    assert table.n == 1


@pytest.mark.parametrize("seed", range(20))
def test_lines_are_those_of_plain_python(seed: int) -> None:
    """Whoever was offered and has not left waits, where it was placed last; the oldest is the first offered."""

    def placed(events: list[tuple[int, int, int]]) -> int:
        queue, newest_ms = -1, 0
        for _, named, ms in events:
            if named >= 0 and (queue < 0 or ms >= newest_ms):
                queue = named
            newest_ms = max(newest_ms, ms)
        return queue

    r = random.Random(seed)
    table = contacts_of_three_queues()
    told: dict[int, list[tuple[int, int, int]]] = {}  # contact -> (kind, queue, ms)
    for _ in range(60):
        events = []
        for _ in range(r.randrange(1, 12)):
            event = (r.choice((OFFERED, OFFERED, ANSWERED, ABANDONED)), r.choice((-1, 0, 1, 2)), r.randrange(1, 900))
            contact = r.randrange(40)
            told.setdefault(contact, []).append(event)
            events.append((contact, *event))
        n = len(events)
        contacts_of, kind, queue, ms = (np.array(column) for column in zip(*events, strict=True))
        keys = np.array([hash_of(c) for c in contacts_of.tolist()], np.uint64)
        table.take(batch_of(n, kind=kind, at_ms=ms, queue=queue, contact=keys), Facts())
    for q in range(3):
        waiting = [
            min(ms for kind, _, ms in events if kind == OFFERED)
            for events in told.values()
            if {kind for kind, _, _ in events} == {OFFERED} and placed(events) == q
        ]
        assert table.queues.waiting[q] == len(waiting)
        assert table.queues.oldest_ms[q] == min(waiting, default=0)


def test_the_queue_no_longer_counts_a_contact_that_was_forgotten() -> None:
    log = [block(T0, [Row(OFFERED, TENANT, T0, "e-1", queue="q", contact=hash_of(1))])]
    log += [tick(T0 + s * 1000) for s in range(20, 3700, 20)]
    engine = play(numbered(log)).engine
    assert engine._floor.queues.waiting[0] == 0
    assert len(engine._floor.contacts) == 0


def test_a_waiting_contact_that_moves_to_another_queue_waits_there_only() -> None:
    def offer(queue: str, event: str, s: int) -> Row:
        return Row(OFFERED, TENANT, T0 + s * 1000, event, queue=queue, contact=hash_of(1))

    engine = play(numbered([block(T0, [offer("p", "e-1", 0)]), block(T0 + 5000, [offer("q", "e-2", 5)])])).engine
    names = engine._floor.registers.queues.text
    assert {q: int(engine._floor.queues.waiting[i]) for i, q in enumerate(names)} == {"p": 0, "q": 1}


def test_a_full_table_keeps_the_contacts_of_one_batch_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "CONTACTS_MAX", 64)
    table = contacts_of_three_queues()
    for i in range(64):
        rows = offered(table, 0, np.array([hash_of(i)], np.uint64))
        table.last_ms[rows] = 1000 + i
    keys = np.array([hash_of(i) for i in (0, 100, 101, 102, 63, 3)], np.uint64)
    rows = offered(table, 0, keys)
    assert len(set(rows.tolist())) == 6
    assert len(table) <= 64
    np.testing.assert_array_equal(offered(table, 0, keys), rows)


def test_contacts_of_two_tenants_with_one_hash_are_two() -> None:
    table = contacts_of_three_queues()
    key = np.array([hash_of(5)], np.uint64)
    assert offered(table, 0, key)[0] != offered(table, 1, key)[0]


def test_a_restored_table_finds_its_contacts_and_fills_the_same_rows() -> None:
    table = contacts_of_three_queues()
    for i in range(100):
        rows = offered(table, 0, np.array([hash_of(i)], np.uint64))
        table.last_ms[rows] = i * 60_000
    table.forget(FORGOTTEN_AFTER_MS + 30 * 60_000)
    restored = contacts_of_three_queues()
    restored.unpack(table.pack())
    keys = np.array([hash_of(i) for i in range(20, 120)], np.uint64)
    np.testing.assert_array_equal(offered(restored, 0, keys), offered(table, 0, keys))
    assert restored.pack() == table.pack()


def test_a_repeat_without_an_agent_counts_for_the_agent_who_has_the_contact() -> None:
    rows = [
        Row(ANSWERED, TENANT, T0, "e-1", queue="q", agent="ann", contact=hash_of(1), n0=5.0),
        Row(REPEATED, TENANT, T0, "e-2", queue="q", contact=hash_of(1), n0=600.0),
    ]
    for log in ([block(T0, rows)], [block(T0, rows[::-1])], numbered(block(T0, [row]) for row in rows)):
        engine: Engine = play(log).engine
        assert engine._floor.agents.fast[0, 2] == pytest.approx(0.5)
