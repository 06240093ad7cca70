"""The simulator against a real HTTP server that answers as an ingest server may."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools import simulate as module
from tools.centre import DEMO
from tools.simulate import SimulateError, Summary, simulate
from tools.truth_file import read_truth

Answer = tuple[int, dict[str, str], dict[str, Any]]


class Ingest(ThreadingHTTPServer):
    """Takes every batch unless `script` has another answer for the next request (None: hang up without one)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Answer | None] = []
        self.bodies: list[bytes] = []
        self.keys: set[str | None] = set()
        self.connections = 0
        self.third = threading.Event()  # set when three requests have come

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in json.loads(body)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Ingest

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/events"
        self.server.bodies.append(body)
        if len(self.server.bodies) == 3:
            self.server.third.set()
        self.server.keys.add(self.headers["Authorization"])
        if self.server.script:
            answer = self.server.script.pop(0)
            if answer is None:
                self.close_connection = True
                return
        else:
            answer = (202, {}, {"accepted": len(json.loads(body)), "late": 0, "rejected": []})
        status, headers, content = answer
        text = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    with Ingest() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def run(ingest: Ingest, duration_s: float = 0.6, **how: Any) -> Summary:
    return await simulate(
        ingest.url, "sk_test", **{"seed": 7, "duration_s": duration_s, "speed": 60, "scenario": DEMO, **how}
    )


@pytest.mark.asyncio
async def test_all_events_arrive_once_in_order_over_one_connection(ingest: Ingest) -> None:
    summary = await run(ingest)
    events = ingest.events()
    assert summary.sent == summary.accepted == len(events) > 800
    assert len({event["id"] for event in events}) == len(events)
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)
    assert ingest.keys == {"Bearer sk_test"}
    assert ingest.connections == 1
    assert summary.truth.queues["billing"].offered == sum(
        event["type"] == "contact.offered" and event["queue"] == "billing" for event in events
    )


@pytest.mark.asyncio
async def test_no_event_lies_ahead_of_the_clock_at_any_speed(ingest: Ingest) -> None:
    await run(ingest)
    events = ingest.events()
    history_s = 720 / 60
    assert events[-1]["ts"] - events[0]["ts"] <= (history_s + 0.6) * 1000 + 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "trouble",
    [
        [(503, {"Retry-After": "0"}, {"title": "The log is away"})] * 3,
        [(429, {"Retry-After": "0"}, {"title": "Too many"})],
        [(503, {}, {})],
        [None],
        [None, None],
    ],
    ids=["503 three times", "429", "503 without Retry-After", "hung up", "hung up twice"],
)
async def test_a_batch_without_a_good_answer_is_sent_again_as_it_is(
    ingest: Ingest, trouble: list[Answer | None]
) -> None:
    ingest.script = [*trouble]
    said: list[str] = []
    summary = await run(ingest, say=said.append)
    assert len(set(ingest.bodies[: len(trouble) + 1])) == 1
    del ingest.bodies[: len(trouble)]
    events = ingest.events()
    assert summary.accepted == len(events) == len({event["id"] for event in events})
    assert any("trying again" in line for line in said)


@pytest.mark.asyncio
async def test_a_refused_key_ends_the_run_with_what_to_do(ingest: Ingest) -> None:
    ingest.script = [(401, {}, {"title": "Unauthorized", "detail": "this key was revoked"})]
    with pytest.raises(SimulateError, match=r"401: this key was revoked.*keys create"):
        await run(ingest)


@pytest.mark.asyncio
async def test_an_address_that_is_no_ingest_ends_the_run(ingest: Ingest) -> None:
    ingest.script = [(404, {}, {})]
    with pytest.raises(SimulateError, match="address"):
        await run(ingest)


@pytest.mark.asyncio
async def test_no_server_at_all_ends_the_run_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GIVE_UP_S", 0.3)
    with Ingest() as closed:
        url = closed.url
    with pytest.raises(SimulateError, match=r"refused.*running"):
        await simulate(url, "sk_test", seed=7, duration_s=60, scenario=DEMO)


@pytest.mark.asyncio
async def test_rejected_and_late_events_are_counted_and_told_once(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.simulate.BATCH_EVENTS_MAX", 500)
    fault = {"index": 0, "pointer": "/queue", "detail": "too long"}
    ingest.script = [
        (202, {}, {"accepted": 28, "late": 0, "rejected": []}),  # how the history begins: 24 agents, 4 queues
        (202, {}, {"accepted": 498, "late": 3, "rejected": [fault, fault]}),
        (422, {}, {"title": "Unprocessable", "rejected": [fault]}),
    ]
    said: list[str] = []
    summary = await run(ingest, say=said.append)
    assert (summary.rejected, summary.late) == (2 + len(json.loads(ingest.bodies[2])), 3)
    assert summary.accepted + summary.rejected == summary.sent
    assert said.count("rejected /queue: too long") == 1


@pytest.mark.asyncio
async def test_it_can_be_ended_at_any_moment(ingest: Ingest) -> None:
    running = asyncio.create_task(run(ingest, duration_s=600, speed=1))
    assert await asyncio.to_thread(ingest.third.wait, 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "127.0.0.1:8080"}, "like http://"),
        ({"speed": 0}, "more than 0"),
        ({"key": "sk_test\n"}, "copied"),
    ],
)
async def test_a_wrong_argument_is_refused_before_anything_is_sent(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        await simulate(**{"url": "http://127.0.0.1:9", "key": "k", "seed": 1, "duration_s": 1, **change})


@pytest.mark.asyncio
async def test_what_was_made_to_go_wrong_is_written_in_the_time_of_the_events(ingest: Ingest, tmp_path: Path) -> None:
    truth = tmp_path / "causes.ndjson"
    summary = await run(ingest, truth=truth)
    cause, abuse = sorted(read_truth(truth), key=lambda cause: cause.kind, reverse=True)
    assert (abuse.kind, abuse.agent) == ("abuse", "agent-01")
    assert (cause.kind, cause.queue, cause.issue) == ("surge", DEMO.surge_queue, DEMO.surge_issue)
    assert cause.end_ms - cause.start_ms == DEMO.surge_for_min * 60_000 / 60
    assert len(summary.truth.causes) == 2
