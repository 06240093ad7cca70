"""Server-sent events: what is theirs alone. What they share with the websocket stands in `test_feed_transports`."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from notify_house import House, StreamLead, alert, house, token, until

from services.notify import stream as stream_module
from services.notify.core import frames
from shared.clock import SystemClock
from shared.contract.entries import EntryId
from shared.log_memory import MemoryLog

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def notify() -> AsyncIterator[House]:
    async with house(MemoryLog(clock=SystemClock(), partitions=2)) as running:
        yield running


async def test_the_answer_is_a_stream_that_no_proxy_keeps_back(notify: House) -> None:
    async with notify.stream(token()) as lead:
        assert lead.status == 200
        assert lead.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert lead.headers["cache-control"] == "no-store"
        assert lead.headers["x-accel-buffering"] == "no"
        assert (await lead.next())["kind"] == "hello"
        assert len(lead.retries) == 1
        low, high = stream_module.RETRY_MS
        assert low <= lead.retries[0] < high


async def test_everybody_is_told_another_time_to_come_back(notify: House) -> None:
    told = set()
    for _ in range(8):
        async with notify.stream(token()) as lead:
            await lead.next("hello")
            told.add(lead.retries[0])
    assert len(told) > 1


async def test_ids_are_where_to_go_on_and_never_ahead_of_what_was_sent(notify: House) -> None:
    async with notify.stream(token()) as lead:
        hello = await lead.next("hello")
        assert lead.ids == [f"{hello['epoch']}:{hello['cursor']}"]
        cursor = await notify.engine.publish(alert("a-1"))
        await lead.next("alert")
        assert lead.ids[-1] == f"{hello['epoch']}:{cursor}"
        await lead.next("board")
        assert lead.ids[-1] == f"{hello['epoch']}:{cursor}"
        marks = [frames.read_mark(id) for id in lead.ids]
        assert marks == sorted(marks, key=lambda mark: EntryId.parse(mark[1]))


async def test_the_first_event_after_a_break_is_the_answer_to_it(notify: House) -> None:
    cursors = [str(await notify.engine.publish(alert(f"a-{n}"))) for n in range(3)]
    await notify.knows(EntryId.parse(cursors[-1]))
    async with notify.stream(token(), Last_Event_ID=f"{notify.epoch}:{cursors[0]}") as lead:
        hello = await lead.next()
        assert (hello["kind"], hello["recovered"], hello["cursor"]) == ("hello", True, cursors[0])
        assert lead.ids == [f"{notify.epoch}:{cursors[0]}"]  # one that breaks here loses nothing


@pytest.mark.parametrize(
    "mark", ["x", ":", "no-colon-at-all", "a:b:c", "ü", "e:" + "9" * 5_000, "0-0", "{epoch}:" + "9" * 30 + "-0"]
)
async def test_an_id_that_was_never_ours_gives_the_whole_list(notify: House, mark: str) -> None:
    await notify.knows(await notify.engine.publish(alert("live")))
    async with notify.stream(token(), Last_Event_ID=mark.format(epoch=notify.epoch)) as lead:
        hello = await lead.next()
        assert (hello["recovered"], [a["id"] for a in hello["alerts"]]) == (False, ["live"])


async def test_an_empty_id_is_none(notify: House) -> None:
    async with notify.stream(token(), Last_Event_ID="") as lead:
        assert "recovered" not in await lead.next()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [(None, 401), ("nonsense", 401), (token(ttl_s=-5), 401), (token(role="agent", agent="ann"), 403)],
)
async def test_who_may_not_listen_gets_a_problem(notify: House, authorization: str | None, status: int) -> None:
    async with notify.stream(authorization) as lead:
        assert lead.status == status
        assert lead.headers["content-type"] == "application/problem+json"
    assert not notify.notify.feed.connections


async def test_a_comment_comes_in_the_silence(notify: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "HEARTBEAT_S", 0.2)
    async with notify.stream(token()) as lead:
        while lead.comments < 2:
            await lead.next()


async def test_at_a_restart_they_are_told_to_come_back_one_by_one(notify: House) -> None:
    async with notify.stream(token()) as lead:
        await lead.next("board")
        notify.notify.feed.drain()
        assert (await lead.next("goodbye"))["code"] == 1012
        low, high = stream_module.RESTART_RETRY_MS
        assert low <= lead.retries[-1] < high
    async with notify.stream(token()) as late:
        assert (late.status, "retry-after" in late.headers) == (503, True)


async def test_a_client_that_sends_a_body_or_more_requests_is_served_all_the_same(notify: House) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", notify.port)
    head = f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token()}\r\n"
    writer.write(f"{head}Content-Length: 200000\r\n\r\n".encode() + b"x" * 200_000 + b"GET /v1/board HTTP/1.1\r\n\r\n")
    lead = StreamLead(reader, writer)
    await lead.begin()
    assert lead.status == 200, await lead.body()
    assert (await lead.next("hello"))["kind"] == "hello"
    await lead.next("board")
    writer.transport.abort()
    await until(lambda: not notify.notify.feed.connections)


async def test_connections_are_counted_by_transport(notify: House) -> None:
    registry = notify.notify._registry

    def counted(transport: str) -> float | None:
        return registry.get_sample_value("strainwatch_notify_connections", {"transport": transport})

    async with notify.stream(token()) as lead, notify.lead() as other:
        await lead.next("board")
        await other.next("board")
        assert (counted("stream"), counted("websocket")) == (1.0, 1.0)
    await until(lambda: counted("stream") == 0.0 and counted("websocket") == 0.0)


async def test_it_is_described(notify: House) -> None:
    described = notify.notify.app().openapi()["paths"]["/v1/stream"]["get"]
    assert "text/event-stream" in described["responses"]["200"]["content"]
    assert [parameter["name"] for parameter in described["parameters"]] == ["last-event-id"]
