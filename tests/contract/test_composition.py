"""Services put together in one process: what `/readyz` says of the partitions."""

from typing import Any

import httpx2 as httpx
import pytest
from prometheus_client import CollectorRegistry
from scoring_kit import busy_stretch, feed, in_phase, memory_log

from services.scoring.scorer import Phase
from shared.settings import Environment
from tools.composition import Services
from tools.ports import Which
from tools.serve_setup import Setup

SECRET = b"a secret for tests, of 32 bytes or more"


@pytest.mark.asyncio
@pytest.mark.parametrize("which", ["scoring", "all"])
async def test_readyz_says_where_each_partition_stands_and_why_one_is_not_followed(which: Which) -> None:
    log, clock = memory_log()
    setup = Setup(which, Environment(), "127.0.0.1", 0, None, SECRET, SECRET)
    services = Services(setup, log, CollectorRegistry(), clock)
    assert services.scoring is not None
    transport = httpx.ASGITransport(app=services.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:

        async def ready() -> tuple[int, dict[str, Any]]:
            answer = await client.get("/readyz")
            return answer.status_code, answer.json()

        early, _ = await ready()
        assert early == 503, "nobody holds the partition yet"
        await services.start()
        await in_phase(services.scoring, Phase.RUNNING)
        status, body = await ready()
        assert (status, body["status"], body["faults"]) == (200, "ready", {})
        assert [(at["partition"], at["phase"]) for at in body["partitions"]] == [(0, "running")]

        await feed(log, clock, busy_stretch()[:5])
        newer = bytearray(busy_stretch()[5].fields[b"b"])
        newer[2] += 1
        await log.append(0, {b"b": bytes(newer)})
        await in_phase(services.scoring, Phase.NEWER_BLOCK)
        status, body = await ready()
        assert (status, body["status"]) == (503, "not ready")
        assert "upgrade" in body["faults"]["partition 0"]
        await services.drain()
