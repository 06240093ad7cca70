"""The plain Python scorer of the benchmark computes what the engine does: else its speed would say nothing."""

from __future__ import annotations

import random
from itertools import chain, islice

import msgspec
import numpy as np
import pytest

from bench.peers import plain_agents, plain_queues
from bench.peers.plain_scorer import PlainScorer, plain_events
from bench.recorded import SECRET, TENANT
from bench.workload import events, shift_start
from services.scoring.core.engine import Engine
from shared.contract.encoder import EventsEncoder
from shared.contract.entries import Entry, EntryId, Events, block_fields, parse_entry, tick_fields
from shared.contract.events import event_decoder
from shared.contract.rows import RowHashes

MINUTE_MS = 60_000
T0 = 1_772_442_840_000
AGENTS, QUEUES, BLOCK = 30, 3, 50


def log() -> list[Entry]:
    """Twelve minutes, three seconds of events at the beginning of each, ticks between them."""
    r = random.Random(5)
    source = chain(shift_start(0, agents=AGENTS, queues=QUEUES), events(5, 0, agents=AGENTS, queues=QUEUES))
    decoder, hashes = event_decoder(), RowHashes(TENANT, SECRET)
    entries: list[Entry] = []
    for minute in range(12):
        for i in range(10):
            at_ms = T0 + minute * MINUTE_MS + 500 + 300 * i
            given = list(islice(source, BLOCK if entries else 4 * BLOCK))
            if not entries:  # so that every driver has its source from the first entry on: the peer knows no others
                next(e for e in given if e["type"] == "contact.handled")["complaint"] = True
            decoded = [decoder.decode(msgspec.json.encode(e)) for e in given]
            encoder = EventsEncoder()
            encoder.add(TENANT, hashes, decoded, [at_ms - r.randrange(200) for _ in decoded])
            block, asked = encoder.finish()
            since = np.array([r.choice((-1, -1, 86_400_000)) for _ in asked], "<i8").tobytes()
            entries.append(Entry(EntryId(at_ms, 0), {**block_fields(block), b"r": since}))
        ticks = [T0 + minute * MINUTE_MS + s * 1000 for s in (20, 40, 60)]
        entries += [Entry(EntryId(ms, 0), tick_fields(ms)) for ms in ticks]
    return entries


def test_agents_and_queues_have_the_strain_that_the_engine_gives_them() -> None:
    engine, plain = Engine(marks="none"), PlainScorer()
    compared, highest = 0, np.zeros(2)
    for entry in log():
        # Agents are counted when the engine counts them: at a whole second, before what comes then.
        due_ms = max(engine.floor.pools_due_ms, (engine.position.ms // 1000 + 1) * 1000)
        if plain.agents and due_ms <= entry.id.ms:
            plain.count_agents(due_ms)
        engine.step(entry)
        body = parse_entry(entry.fields)
        if isinstance(body, Events):
            plain.step(plain_events(body), entry.id.ms)
        floor, at_ms = engine.floor, entry.id.ms
        names = floor.registers.queues.text
        of_queues = floor.judge_queues(np.arange(len(names)), at_ms)[1]
        assert [plain_queues.strain_at(plain.queues[q], at_ms) for q in names] == pytest.approx(of_queues, rel=1e-6)
        names = floor.registers.agents.text
        of_agents = floor.judge_agents(np.arange(len(names)), at_ms)[2]
        assert [plain_agents.strain_at(plain.agents[a], at_ms) for a in names] == pytest.approx(of_agents, rel=1e-6)
        compared += 1
        highest = np.maximum(highest, [of_queues.max(), of_agents.max()])
    assert compared > 100
    assert (highest > 50.0).all()
