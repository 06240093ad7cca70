"""An ACD at its worst: everything many times, in any order, late, and to two ingest processes at once."""

from __future__ import annotations

import asyncio
import json
import random
import time

from tests.chaos.load import Centre, Client, Ledger
from tests.chaos.rows import Chaos, Row, fault
from tests.chaos.system import System, system

LEADS = 20
COPIES = 10
BATCHES = 40
LATE_MS = 3_600_000
"""Older than the lateness bound of 15 min: set aside and counted."""
SHUFFLED_MS = 60_000


async def _post(client: Client, ledger: Ledger, batch: list[dict[str, object]]) -> int:
    """Post until it is taken; how many of it were late, as the answer says."""
    ids, body = [str(event["id"]) for event in batch], json.dumps(batch).encode()
    ledger.sent.update(ids)
    while True:
        answer = await client.post("/v1/events", body)
        if ledger.note(ids, answer):
            return int(json.loads(answer.body)["late"])
        await asyncio.sleep(0.1)


def _batches(rng: random.Random, number: int, late_part: float) -> tuple[list[list[dict[str, object]]], int]:
    """Batches with times that lie up to a minute back in no order, and how many of their events are late."""
    centre = Centre(rng, "h", lambda: time.time_ns() // 1_000_000 - rng.randrange(SHUFFLED_MS))
    batches, late = [], 0
    for _ in range(number):
        batch = centre.batch(1 + rng.randrange(20))
        for event in batch:
            if rng.random() < late_part:
                late += 1
                event["ts"] = time.time_ns() // 1_000_000 - LATE_MS
        batches.append(batch)
    return batches, late


async def _settled_with(it: System, row: Row, ledger: Ledger, late: int, late_told: int, copies: int) -> None:
    load = it.load(start=False)
    load.ledger = ledger
    found = await it.judged(late=late)
    row.judged(found)
    row.figures["entries an event"] = it.copies
    row.figures["late"] = f"{late} sent, {late_told // copies} told by each answer"
    row.expect(late_told == late * copies, f"{late_told} events were told to be late, {late} of {copies} copies were")


@fault("every event ten times, shuffled, some late", "times up to a minute back, one in ten an hour late")
async def hostile(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        await it.owned()
        await it.join(LEADS)
        batches, late = _batches(it.rng, BATCHES * chaos.share(5), 0.1)
        queue = [batch for batch in batches for _ in range(COPIES)]
        it.rng.shuffle(queue)
        ledger, told = Ledger(), 0

        async def send() -> None:
            nonlocal told
            client = Client(it.lines["acd-ingest"].port, it.key)
            while queue:
                batch = queue.pop()
                late_now = await _post(client, ledger, it.rng.sample(batch, len(batch)))
                told += late_now
            client.close()

        await asyncio.gather(*(send() for _ in range(8)))
        row.runs = len(batches)
        await _settled_with(it, row, ledger, late, told, COPIES)


@fault("the same events to two ingest processes at once", "each batch is posted to both in the same moment")
async def twice(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        second = await it.add("ingest-b")
        second.start()
        await second.answers()
        await it.owned()
        await it.join(LEADS)
        clients = [Client(it.services[name].port, it.key) for name in ("ingest", "ingest-b")]
        ledger, told = Ledger(), 0
        batches, late = _batches(it.rng, 3 * BATCHES * chaos.share(5), 0.05)
        for batch in batches:
            told += sum(await asyncio.gather(*(_post(client, ledger, batch) for client in clients)))
            if it.rng.random() < 0.05:
                it.lines[it.rng.choice(["ingest-store", "ingest-b-store"])].reset()
        for client in clients:
            client.close()
        row.runs = len(batches)
        await _settled_with(it, row, ledger, late, told, 2)
