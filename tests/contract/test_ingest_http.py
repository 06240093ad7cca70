"""`POST /v1/events` as an ACD sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from ingest_samples import HANDLED, NOW_MS, OBSERVED, OFFERED
from serving_ingest import blocks, serving, until

from services.ingest import publisher
from services.ingest.core.admission import BODY_BYTES_MAX
from shared.access import EVENTS_WRITE, encode_api_key, new_api_key
from shared.clock import ManualClock, SystemClock
from shared.contract.entries import START, EntryId, Events, parse_entry
from shared.contract.hashes import TenantHashes
from shared.contract.keys import partition_of
from shared.embedded import ensure_server
from shared.log import LogUnavailable, Lookup
from shared.log_memory import MemoryLog
from shared.log_redis import open_redis_log

pytestmark = pytest.mark.asyncio


class SlowLog(MemoryLog):
    """Appends wait until the test opens the gate, or fail when it says so."""

    def __init__(self) -> None:
        super().__init__(clock=ManualClock(NOW_MS))
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None
        self.appends: list[int] = []
        self.under_way = 0

    async def append(self, partition: int, fields: Mapping[bytes, bytes], lookups: Sequence[Lookup] = ()) -> EntryId:
        self.under_way += 1
        assert self.under_way == 1, "two appends in flight"
        try:
            await self.gate.wait()
            if self.fault is not None:
                raise self.fault
            body = parse_entry(fields)
            assert isinstance(body, Events)
            self.appends.append(body.block.n)
            return await super().append(partition, fields, lookups)
        finally:
            self.under_way -= 1


def ndjson(*events: Any) -> bytes:
    return b"\n".join(json.dumps(event).encode() for event in events)


async def test_a_good_event_is_answered_after_it_stands_in_the_log() -> None:
    log = MemoryLog(clock=ManualClock(NOW_MS))
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        answer = await client.post("/v1/events", json=OBSERVED)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "late": 0, "rejected": []})
        assert answer.headers["content-type"] == "application/json"
        (block,) = await blocks(log)
        assert (block.n, block.event_id(0), block.n0[0]) == (1, OBSERVED["id"], 3.0)


async def test_confirmed_events_that_a_failover_lost_are_alarmed() -> None:
    clock = ManualClock(NOW_MS)
    log = MemoryLog(clock=clock)
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        for n in range(3):
            assert (await client.post("/v1/events", json=OBSERVED | {"id": f"e-{n}"})).status_code == 202
        second = (await log.read(0, START))[1].id
        log.lose_tail(0, second)
        for n, losses in ((3, 1), (4, 1)):
            assert (await client.post("/v1/events", json=OBSERVED | {"id": f"e-{n}"})).status_code == 202
            assert ingest.measures.losses == losses
        log.lose_tail(0, (await log.read(0, START))[-1].id)  # a break that lost nothing
        assert (await client.post("/v1/events", json=OBSERVED | {"id": "e-5"})).status_code == 202
        assert ingest.measures.losses == 1
        log.lose_tail(0, START)  # all of a young log
        clock.advance(1.0)
        assert (await client.post("/v1/events", json=OBSERVED | {"id": "e-6"})).status_code == 202
        assert ingest.measures.losses == 2
        assert "strainwatch_ingest_losses_total 2.0" in (await client.get("/metrics")).text


async def test_arrays_and_ndjson_are_batches() -> None:
    log = MemoryLog(clock=ManualClock(NOW_MS))
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        answer = await client.post("/v1/events", json=[OBSERVED, HANDLED, OFFERED])
        assert answer.json()["accepted"] == 3
        for media in ("application/x-ndjson", "application/ndjson; charset=utf-8"):
            answer = await client.post(
                "/v1/events", content=ndjson(OBSERVED, HANDLED) + b"\n\n", headers={"content-type": media}
            )
            assert answer.json()["accepted"] == 2
        assert [block.n for block in await blocks(log)] == [3, 2, 2]


async def test_an_empty_batch_is_accepted_and_writes_nothing() -> None:
    log = MemoryLog(clock=ManualClock(NOW_MS))
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        answer = await client.post("/v1/events", json=[])
        assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "late": 0, "rejected": []})
        assert await blocks(log) == []


async def test_refused_events_are_named_and_the_others_are_stored() -> None:
    log = MemoryLog(clock=ManualClock(NOW_MS))
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        answer = await client.post("/v1/events", json=[OBSERVED, HANDLED | {"handle_time_s": -1}, OFFERED])
        assert answer.status_code == 202
        body = answer.json()
        assert body["accepted"] == 2
        assert body["rejected"] == [{"index": 1, "pointer": "/handle_time_s", "detail": "Expected `float` >= 0.0"}]
        await ingest.rejects.drain()
        ((_, record),) = await log.read_rejects(0, START)
        assert msgspec.json.decode(record)["values"]["handle_time_s"] == -1


async def test_when_every_event_is_refused_the_answer_is_422_with_the_reasons() -> None:
    async with serving(MemoryLog(clock=ManualClock(NOW_MS)), ManualClock(NOW_MS)) as (client, _):
        for sent in (OBSERVED | {"waiting": "three"}, [OBSERVED | {"waiting": "three"}]):
            answer = await client.post("/v1/events", json=sent)
            assert answer.status_code == 422
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert problem["status"] == 422
            assert problem["rejected"] == [{"index": 0, "pointer": "/waiting", "detail": "Expected `int`, got `str`"}]


async def test_late_events_are_accepted_and_counted() -> None:
    late = OBSERVED | {"ts": NOW_MS - 900_001}
    just_in_time = OBSERVED | {"ts": NOW_MS - 900_000}
    async with serving(MemoryLog(clock=ManualClock(NOW_MS)), ManualClock(NOW_MS)) as (client, _):
        answer = await client.post("/v1/events", json=[late, just_in_time, OBSERVED, OBSERVED | {"ts": 0}])
        assert answer.json() == {"accepted": 4, "late": 2, "rejected": []}


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({}, b"{", 400),
        ({"authorization": ""}, b"{}", 401),
        ({"authorization": "Bearer sk_wrong_key"}, b"{}", 401),
        ({"authorization": "Basic c2tfZGVtbw=="}, b"{}", 401),
        ({"content-type": "text/plain"}, b"{}", 415),
        ({"content-encoding": "gzip"}, b"{}", 415),
        ({}, b" " * (BODY_BYTES_MAX + 1), 413),
    ],
)
async def test_problems_are_rfc_9457(headers: dict[str, str], content: bytes, status: int) -> None:
    async with serving(MemoryLog(clock=ManualClock(NOW_MS)), ManualClock(NOW_MS)) as (client, _):
        answer = await client.post("/v1/events", content=content, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert {"type", "title", "detail"} <= problem.keys()
        assert ("www-authenticate" in answer.headers) == (status == 401)
        again = await client.post("/v1/events", json=OBSERVED)
        assert again.status_code == 202


async def test_only_post_is_served() -> None:
    async with serving(MemoryLog(clock=ManualClock(NOW_MS)), ManualClock(NOW_MS)) as (client, _):
        answer = await client.get("/v1/events")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_key_without_the_scope_may_not_send() -> None:
    log = MemoryLog(clock=ManualClock(NOW_MS))
    key, record = new_api_key("acme", [], random_bytes=bytes, now_ms=NOW_MS)
    await log.put_api_key(record.id, encode_api_key(record))
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        answer = await client.post("/v1/events", json=OBSERVED, headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 403


async def test_a_revoked_key_stops_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.api_keys.REFRESH_S", 0.02)
    log = MemoryLog(clock=ManualClock(NOW_MS))
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 202
        await log.put_api_key("demo", None)
        async with asyncio.timeout(60):
            while (await client.post("/v1/events", json=OBSERVED)).status_code == 202:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 401


async def test_ten_megabytes_are_refused_before_they_are_sent() -> None:
    async with serving(MemoryLog(clock=ManualClock(NOW_MS)), ManualClock(NOW_MS)) as (client, _):
        for head in (f"content-length: {10 << 20}", "transfer-encoding: chunked"):
            reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
            lines = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk_demo\r\n{head}\r\n\r\n"
            writer.write(lines.encode())
            if "chunked" in head:
                writer.write((b"%x\r\n" % 65_536 + b" " * 65_536 + b"\r\n") * 20)  # more comes, but is not awaited
            assert (await reader.readline()).startswith(b"HTTP/1.1 413")
            writer.close()


async def test_a_key_that_sends_too_fast_is_told_when_to_come_back() -> None:
    clock = ManualClock(NOW_MS)
    async with serving(MemoryLog(clock=clock), clock, events_per_s_max=1.0) as (client, _):
        assert (await client.post("/v1/events", json=[OBSERVED] * 13)).status_code == 202
        answer = await client.post("/v1/events", json=OBSERVED)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        clock.advance(4)
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 202


async def test_what_arrives_during_an_append_is_the_next_entry() -> None:
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        log.gate.clear()
        first = asyncio.create_task(client.post("/v1/events", json=OBSERVED))
        await until(lambda: log.under_way > 0)
        others = [asyncio.create_task(client.post("/v1/events", json=[OBSERVED, HANDLED])) for _ in range(5)]
        await until(lambda: ingest.publisher.waiting_events >= 11)
        assert not first.done()
        log.gate.set()
        answers = await asyncio.gather(first, *others)
        assert [a.json()["accepted"] for a in answers] == [1, 2, 2, 2, 2, 2]
        assert log.appends == [1, 10]


async def test_a_large_entry_is_encoded_while_the_log_is_busy_and_takes_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "AHEAD_EVENTS_MIN", 4)
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        log.gate.clear()
        tasks = [asyncio.create_task(client.post("/v1/events", json=OBSERVED))]
        await until(lambda: log.under_way > 0)
        tasks.append(asyncio.create_task(client.post("/v1/events", json=[OBSERVED] * 5)))
        (partition,) = ingest.publisher._partitions.values()
        await until(lambda: len(partition.waiting) == 1 and partition.waiting[0].closed)
        tasks.append(asyncio.create_task(client.post("/v1/events", json=[OBSERVED] * 2)))
        await until(lambda: ingest.publisher.waiting_events == 8)
        log.gate.set()
        assert [(await t).status_code for t in tasks] == [202] * 3
        assert log.appends == [1, 5, 2]


async def test_a_sender_that_goes_away_takes_nothing_from_the_others() -> None:
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        log.gate.clear()
        leaver = asyncio.create_task(client.post("/v1/events", json=OBSERVED))
        stayer = asyncio.create_task(client.post("/v1/events", json=HANDLED))
        await until(lambda: ingest.publisher.waiting_events >= 2)
        leaver.cancel()
        await asyncio.wait([leaver])
        log.gate.set()
        assert (await stayer).status_code == 202
        assert sum(log.appends) == 2


async def test_a_log_that_is_away_gives_503_and_work_goes_on_when_it_is_back() -> None:
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        log.fault = LogUnavailable("away")
        answer = await client.post("/v1/events", json=OBSERVED)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        log.fault = None
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 202


async def test_a_log_that_hangs_gives_503_after_the_time_limit() -> None:
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        ingest.publisher._timeout_s = 0.05
        log.gate.clear()
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 503
        log.gate.set()
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 202


async def test_a_fault_of_ours_is_500_and_does_not_stop_the_line() -> None:
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        log.fault = ZeroDivisionError()
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 500
        log.fault = None
        assert (await client.post("/v1/events", json=OBSERVED)).status_code == 202


async def test_too_many_waiting_events_give_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "WAITING_EVENTS_MAX", 3)
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        log.gate.clear()
        held = asyncio.create_task(client.post("/v1/events", json=[OBSERVED] * 3))
        await until(lambda: ingest.publisher.waiting_events >= 3)
        answer = await client.post("/v1/events", json=OBSERVED)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        log.gate.set()
        assert (await held).status_code == 202


async def test_large_commits_are_split_between_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "COMMIT_EVENTS_MAX", 5)
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        log.gate.clear()
        tasks = [asyncio.create_task(client.post("/v1/events", json=[OBSERVED] * 3)) for _ in range(4)]
        await until(lambda: ingest.publisher.waiting_events >= 12)
        log.gate.set()
        assert [(await t).status_code for t in tasks] == [202] * 4
        assert log.appends == [3, 3, 3, 3]


async def test_draining_confirms_what_was_taken() -> None:
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        log.gate.clear()
        sent = asyncio.create_task(client.post("/v1/events", json=OBSERVED))
        await until(lambda: log.under_way > 0)
        draining = asyncio.create_task(ingest.drain())
        await asyncio.sleep(0.01)
        assert not draining.done()
        log.gate.set()
        await draining
        assert (await sent).status_code == 202


async def test_callers_are_hashed_and_looked_up_and_never_written() -> None:
    log = MemoryLog(clock=ManualClock(NOW_MS))
    again = OFFERED | {"id": "b", "contact": "c-2", "ts": NOW_MS + 5000}
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        await client.post("/v1/events", json=[OFFERED, OBSERVED, again])
        (entry,) = await log.read(0, START)
        body = parse_entry(entry.fields)
        assert isinstance(body, Events)
        assert body.since_previous_ms.tolist() == [-1, -1, 5000]
        assert body.block.caller[0] == TenantHashes("demo", b"c" * 32).caller(OFFERED["caller"])
        assert OFFERED["caller"].encode() not in b"".join(entry.fields.values())


async def test_a_block_of_two_tenants_holds_the_rows_of_both() -> None:
    log = SlowLog()
    acme_key, record = new_api_key("acme", [EVENTS_WRITE], random_bytes=bytes, now_ms=NOW_MS)
    await log.put_api_key(record.id, encode_api_key(record))
    async with serving(log, ManualClock(NOW_MS)) as (client, ingest):
        log.gate.clear()
        tasks = []
        for number, key in enumerate(["sk_demo", acme_key, "sk_demo", acme_key]):
            sent = [OFFERED | {"id": f"o{number}"}, HANDLED | {"id": f"h{number}"}]
            headers = {"authorization": f"Bearer {key}"}
            tasks.append(asyncio.create_task(client.post("/v1/events", json=sent, headers=headers)))
        await until(lambda: ingest.publisher.waiting_events >= 8)
        log.gate.set()
        assert [(await t).status_code for t in tasks] == [202] * 4
        seen = {}
        for block in await blocks(log):
            for row in range(block.n):
                seen[block.event_id(row)] = (block.strings[block.tenant[row]], int(block.caller[row]))
        for number, tenant in enumerate(["demo", "acme", "demo", "acme"]):
            caller = TenantHashes(tenant, b"c" * 32).caller(OFFERED["caller"])
            assert seen[f"o{number}"] == (tenant, caller)
            assert seen[f"h{number}"] == (tenant, caller)


async def test_health_readiness_and_numbers() -> None:
    log = SlowLog()
    async with serving(log, ManualClock(NOW_MS)) as (client, _):
        await client.post("/v1/events", json=[OBSERVED, 1])
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
        numbers = (await client.get("/metrics")).text
        assert 'strainwatch_ingest_events_total{result="accepted"} 1.0' in numbers
        assert 'strainwatch_ingest_events_total{result="rejected"} 1.0' in numbers
        assert 'strainwatch_ingest_answers_total{status="202"} 1.0' in numbers
        assert "strainwatch_ingest_append_seconds_count 1.0" in numbers

        async def away() -> None:
            raise LogUnavailable("away")

        log.ping = away  # type: ignore[method-assign]
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["faults"]) == (503, {"log": "away"})


async def test_openapi_describes_the_events_without_the_refused_keys() -> None:
    async with serving(MemoryLog(clock=ManualClock(NOW_MS)), ManualClock(NOW_MS)) as (client, _):
        assert (await client.get("/docs")).status_code == 200
        document = (await client.get("/openapi.json")).json()
        post = document["paths"]["/v1/events"]["post"]
        refusals = {"400", "401", "403", "405", "408", "413", "415", "422", "429", "431", "503"}
        assert set(post["responses"]) == {"202"} | refusals
        schemas = document["components"]["schemas"]
        assert "transcript" not in schemas["ContactHandled"]["properties"]
        assert "transcript" in post["description"]
        schema = {"$ref": "#/components/schemas/Event", "components": {"schemas": schemas}}
        for event in (OBSERVED, HANDLED, OFFERED):
            jsonschema.validate(event, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(OBSERVED | {"waiting": -1}, schema)


async def test_the_real_store_takes_events_stops_and_comes_back(tmp_path: Path) -> None:
    server = await asyncio.to_thread(ensure_server, tmp_path)
    log = await open_redis_log(server.url, partitions=2)
    clock = SystemClock()
    partition = partition_of("demo", 2)
    try:
        async with serving(log, clock) as (client, _):
            event = OFFERED | {"ts": clock.now_ms()}
            answer = await client.post("/v1/events", json=[event, event | {"id": "again", "contact": "c-2"}])
            assert answer.json() == {"accepted": 2, "late": 0, "rejected": []}
            answer = await client.post("/v1/events", json=OBSERVED | {"ts": 1000})
            assert answer.json() == {"accepted": 1, "late": 1, "rejected": []}
            first, second = await blocks(log, partition)
            assert (first.n, second.n) == (2, 1)

            await asyncio.to_thread(server.stop)
            answer = await client.post("/v1/events", json=event)
            assert answer.status_code == 503
            assert "retry-after" in answer.headers
            assert (await client.get("/readyz")).json()["faults"].keys() == {"log"}

            server = await asyncio.to_thread(ensure_server, tmp_path)
            async with asyncio.timeout(60):
                while (await client.post("/v1/events", json=event)).status_code == 503:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert [block.n for block in await blocks(log, partition)][:3] == [2, 1, 1]
    finally:
        await log.close()
        await asyncio.to_thread(server.stop)
