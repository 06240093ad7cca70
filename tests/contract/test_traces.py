"""Traces: one from an ACD's post to the frame that a lead gets; and nothing at all where they are off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
import pytest_asyncio
from notify_house import SECRET, token, until
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from scoring_kit import in_phase
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from services.ingest.door import Door
from services.scoring.core.engine import Engine
from services.scoring.core.parameters import check_settings
from services.scoring.scorer import Phase
from shared.access import demo_key_record, encode_api_key
from shared.clock import SystemClock
from shared.contract.entries import START, traceparent_of
from shared.contract.frames import SUBPROTOCOL
from shared.log import Log
from shared.log_memory import MemoryLog
from shared.log_redis import open_redis_log
from shared.settings import BadSetup, Environment, settings_of
from shared.tracing import Tracing
from shared.tracing_otel import otel_tracing
from tools.composition import Services
from tools.serve_setup import Setup
from tools.server import Server, listening_socket
from tools.tracing import tracing_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
POST = f"00-{TRACE}-00f067aa0ba902b7-01"
NOT_SAMPLED = POST[:-1] + "0"
SETTINGS = b"""
revision = 1
[alerts."queue.strain"]
open_line = 10
open_hold_s = 0
close_line = 5
"""


class Exported:
    """What a collector would have got."""

    def __init__(self, **variables: str) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracing = otel_tracing("all", variables, SimpleSpanProcessor(self._exporter))

    @property
    def spans(self) -> dict[str, list[ReadableSpan]]:
        found: dict[str, list[ReadableSpan]] = {}
        for span in self._exporter.get_finished_spans():
            found.setdefault(span.name, []).append(span)
        return found


@asynccontextmanager
async def served(log: Log, tracing: Tracing | None) -> AsyncIterator[tuple[Services, int]]:
    """All services on one real port, as `strainwatch serve` runs them."""
    clock = SystemClock()
    await log.put_api_key("demo", encode_api_key(demo_key_record()))
    settings = settings_of(SETTINGS, check=check_settings, now_ms=clock.now_ms())
    setup = Setup("all", Environment(), "127.0.0.1", 0, settings, SECRET, SECRET)
    services = Services(setup, log, CollectorRegistry(), clock, tracing)
    assert services.ingest is not None
    assert services.scoring is not None
    await services.start()
    with listening_socket("127.0.0.1", 0) as sock:
        server = Server(services.app(), services.feed_protocol(), services.drain, services.ingest.http_protocol())
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        await server.serving.wait()
        await in_phase(services.scoring, Phase.RUNNING)
        await until(lambda: services.ingest is not None and services.ingest.keys.loaded)
        try:
            yield services, sock.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


async def post(port: int, traceparent: str = "", *, id_: str = "1", queue: str = "billing") -> int:
    headers = {"authorization": "Bearer sk_demo"} | ({"traceparent": traceparent} if traceparent else {})
    now_ms = SystemClock().now_ms()
    event = {"type": "queue.observed", "id": id_, "ts": now_ms, "queue": queue, "waiting": 40, "longest_wait_s": 900}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        return (await client.post("/v1/events", json=event)).status_code


async def alert_at(port: int, traceparent: str, **event: str) -> dict[str, object]:
    """The first alert frame that a lead gets after a post."""
    authorization = {"Authorization": f"Bearer {token(tenant='demo')}"}
    address, kinds = f"ws://127.0.0.1:{port}/v1/feed", [Subprotocol(SUBPROTOCOL)]
    async with asyncio.timeout(60), connect(address, subprotocols=kinds, additional_headers=authorization) as feed:
        await feed.recv()  # hello
        assert await post(port, traceparent, **event) == 202
        while True:
            frame: dict[str, object] = json.loads(await feed.recv())
            if frame["kind"] == "alert":
                return frame


@pytest_asyncio.fixture(params=["memory", "store"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    """Each of the two logs."""
    if request.param == "memory":
        yield MemoryLog(clock=SystemClock())
        return
    found = await open_redis_log(request.getfixturevalue("store").url, partitions=1)
    yield found
    await found.close()


@pytest.mark.asyncio
async def test_one_trace_goes_from_the_post_to_the_frame(log: Log) -> None:
    exported = Exported()
    async with served(log, exported.tracing) as (_, port):
        frame = await alert_at(port, POST)
        await until(lambda: "alert to leads" in exported.spans)
    spans = {name: found[0] for name, found in exported.spans.items()}
    assert spans.keys() == {
        "POST /v1/events",
        "log append",
        "score entry",
        "publish alerts",
        "alert to leads",
        "write frames",
    }
    assert {f"{span.context.trace_id:032x}" for span in spans.values()} == {TRACE}

    def parent(name: str) -> str:
        found = spans[name].parent
        assert found is not None
        by_id = {span.context.span_id: name for name, span in spans.items()}
        return by_id.get(found.span_id, f"{found.span_id:016x}")

    assert {name: parent(name) for name in spans} == {
        "POST /v1/events": "00f067aa0ba902b7",
        "log append": "POST /v1/events",
        "score entry": "log append",
        "publish alerts": "score entry",
        "alert to leads": "log append",
        "write frames": "alert to leads",
    }
    attributes = {name: dict(span.attributes or {}) for name, span in spans.items()}
    assert attributes["POST /v1/events"]["http.response.status_code"] == 202
    assert attributes["alert to leads"]["cursor"] == frame["cursor"]
    assert attributes["write frames"]["frames"] == 1
    assert "billing" not in str(attributes), "no names of the floor leave by a trace"


@pytest.mark.asyncio
async def test_posts_that_share_an_entry_are_linked_to_its_append() -> None:
    exported = Exported(OTEL_TRACES_SAMPLER="always_on")
    log = MemoryLog(clock=SystemClock())
    async with served(log, exported.tracing) as (services, port):
        assert services.ingest is not None
        door = services.ingest.door
        event = b'{"type":"queue.observed","id":"%d","ts":%d,"queue":"q","waiting":1}'
        now_ms = SystemClock().now_ms()
        for number in range(40):  # without a turn of the loop between them
            request = door.check(b"Bearer sk_demo", b"application/json", traceparent=POST.encode())
            assert isinstance(request, tuple)
            assert not isinstance(door.take(request, event % (number, now_ms)), int)  # type: ignore[arg-type]
        await until(lambda: len(exported.spans.get("log append", ())) == 1)
        append = exported.spans["log append"][0]
        assert (append.attributes or {})["posts"] == 40
        assert len(append.links) == 32, "bounded"
        assert await post(port) == 202


@pytest.mark.asyncio
@pytest.mark.parametrize("sent", [NOT_SAMPLED, "nonsense", "00-" + "0" * 32 + "-00f067aa0ba902b7-01"])
async def test_what_is_not_sampled_leaves_nothing_in_the_log(sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    exported = Exported(OTEL_TRACES_SAMPLER="parentbased_always_off")
    log = MemoryLog(clock=SystemClock())
    async with served(log, exported.tracing) as (_, port):
        await alert_at(port, sent)
        entries = await log.read(0, START, count=1000)
    assert [entry for entry in entries if traceparent_of(entry.fields)] == []
    assert exported.spans == {}


@pytest.mark.asyncio
async def test_a_trace_in_the_log_changes_no_bit_of_what_the_engine_makes() -> None:
    log = MemoryLog(clock=SystemClock())
    exported = Exported()
    async with served(log, exported.tracing) as (_, port):
        await alert_at(port, POST)
    entries = await log.read(0, START, count=1000)
    traced, plain = Engine.restore(None, marks="seconds"), Engine.restore(None, marks="seconds")
    assert any(traceparent_of(entry.fields) for entry in entries)
    for entry in entries:
        bare = entry._replace(fields={name: value for name, value in entry.fields.items() if name != b"p"})
        assert traced.step(entry).alerts == plain.step(bare).alerts
    assert traced.snapshot() == plain.snapshot()


@pytest.mark.asyncio
async def test_without_tracing_a_traceparent_is_left_alone() -> None:
    log = MemoryLog(clock=SystemClock())
    async with served(log, None) as (services, port):
        assert services.ingest is not None
        assert type(services.ingest.door) is Door
        await alert_at(port, POST)
        entries = await log.read(0, START, count=1000)
    assert [entry for entry in entries if traceparent_of(entry.fields)] == []


def test_traces_are_off_unless_the_usual_variables_ask_for_them() -> None:
    assert tracing_of("ingest", {}) is None
    assert tracing_of("ingest", {"OTEL_TRACES_EXPORTER": "none"}) is None
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    assert tracing_of("ingest", asked | {"OTEL_SDK_DISABLED": "true"}) is None
    tracing = tracing_of("ingest", asked)
    assert tracing is not None
    tracing.close()
    with pytest.raises(BadSetup, match="no exporter 'zipkin' is installed"):
        tracing_of("ingest", {"OTEL_TRACES_EXPORTER": "zipkin"})
