"""Nothing that a client sends gives a 5xx or stops the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ingest_samples import HANDLED, NOW_MS, OBSERVED
from serving_ingest import blocks, serving

from shared.clock import ManualClock
from shared.log_memory import MemoryLog

pytestmark = pytest.mark.asyncio

HOSTILE = Path(__file__).parents[3] / "shared" / "data" / "hostile"
FILES = sorted((HOSTILE / "json").glob("*")) if HOSTILE.is_dir() else []
needs_data = pytest.mark.skipif(not FILES, reason="the folder with hostile input is not here")


@needs_data
@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson"])
async def test_every_hostile_file_is_answered_and_the_next_event_is_taken(media: str) -> None:
    async with serving(MemoryLog(clock=ManualClock(NOW_MS)), ManualClock(NOW_MS)) as (client, _):
        for file in FILES:
            answer = await client.post("/v1/events", content=file.read_bytes(), headers={"content-type": media})
            # None of them is an event, so even the good JSON among them is refused; an empty array is a batch of none.
            allowed = range(400, 500) if file.name.startswith("n_") else [202, *range(400, 500)]
            assert answer.status_code in allowed, (file.name, answer.text)
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 202


@needs_data
async def test_hostile_json_in_the_fields_of_an_event_is_answered() -> None:
    log = MemoryLog(clock=ManualClock(NOW_MS))
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        for field in ("ts", "queue", "id", "type", "waiting", "unknown"):
            for file in FILES:
                rest = {k: v for k, v in OBSERVED.items() if k != field}
                body = json.dumps(rest).encode()[:-1] + b',"' + field.encode() + b'":' + file.read_bytes() + b"}"
                answer = await client.post("/v1/events", content=body)
                assert answer.status_code < 500, (field, file.name, answer.text)
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 202
        assert await blocks(log)


@needs_data
async def test_naughty_strings_are_good_names_and_come_out_unchanged() -> None:
    names = [name for name in json.loads((HOSTILE / "naughty_strings.json").read_text()) if 0 < len(name) <= 512]
    assert len(names) > 400
    log = MemoryLog(clock=ManualClock(NOW_MS))
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        sent = [
            HANDLED | {"id": name[:128], "queue": name, "agent": name, "issue": name, "contact": name, "caller": name}
            for name in names
        ]
        answer = await client.post("/v1/events", json=sent)
        assert answer.json() == {"accepted": len(names), "late": 0, "rejected": []}
        (block,) = await blocks(log)
        for row, name in enumerate(names):
            assert block.event_id(row) == name[:128]
            assert [block.strings[code[row]] for code in (block.queue, block.agent, block.issue)] == [name] * 3
