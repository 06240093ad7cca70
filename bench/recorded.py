"""Entries as ingest writes them, at times that we choose: a log that is the same on every machine."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from itertools import chain

import msgspec

from bench.workload import events, shift_start
from shared.contract.encoder import EventsEncoder
from shared.contract.entries import block_fields
from shared.contract.events import event_decoder
from shared.contract.rows import RowHashes

TENANT = "bench"
SECRET = b"b" * 32
AGE_MS_MAX = 200
"""Events are so old when they come, at most: what an ACD needs to send them."""
REPEATS = 0.2
"""Part of the callers who called about the same issue within seven days."""
_WEEK_MS = 7 * 86_400_000


def block_entries(
    seed: int, *, first_ms: int, step_ms: int, events_each: int
) -> Iterator[tuple[int, dict[bytes, bytes]]]:
    """Time and fields of entries without end; first every agent signs in."""
    r = random.Random(seed)
    source, decoder = chain(shift_start(0), events(seed, 0)), event_decoder()
    hashes = RowHashes(TENANT, SECRET)
    at_ms = first_ms
    while True:
        decoded = [decoder.decode(msgspec.json.encode(next(source))) for _ in range(events_each)]
        encoder = EventsEncoder()
        encoder.add(TENANT, hashes, decoded, [at_ms - r.randrange(AGE_MS_MAX) for _ in decoded])
        block, asked = encoder.finish()
        since_ms = [r.randrange(_WEEK_MS) if r.random() < REPEATS else -1 for _ in asked]
        yield at_ms, {**block_fields(block), b"r": struct.pack(f"<{len(since_ms)}q", *since_ms)}
        at_ms += step_ms
