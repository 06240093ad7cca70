"""The feed, over real sockets: signing in, hello, boards, alerts, resume, actions, goodbyes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import numpy as np
import pytest
import pytest_asyncio
from notify_house import House, Lead, agent_alert, alert, house, judging, signals, token, until
from websockets.exceptions import InvalidStatus

from services.notify import feed as feed_module
from services.notify import hub, wire
from shared.clock import ManualClock, SystemClock
from shared.contract.entries import EntryId
from shared.contract.frames import SUBPROTOCOL
from shared.contract.signal_columns import driver_columns
from shared.contract.signals import AgentColumns, TenantSignals
from shared.log import Log
from shared.log_memory import MemoryLog
from shared.log_redis import open_redis_log

LARGE = 20_000


def large_signals(at_ms: int) -> TenantSignals:
    """A centre whose board takes tens of milliseconds to build."""
    one = signals(at_ms)
    agents = msgspec.structs.asdict(one.agents)
    columns = {name: LARGE * value[: len(value) // 3] for name, value in agents.items() if isinstance(value, bytes)}
    shares = np.full((LARGE, 3), 2.5)
    drivers = driver_columns(["occupancy", "handle_time", "since_break"], ["%", "x", "min"], shares, shares)
    ids = [f"agent-{number}" for number in range(LARGE)]
    return msgspec.structs.replace(one, agents=AgentColumns(**{**columns, "ids": ids, "drivers": drivers}))


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(clock=SystemClock(), partitions=2)


@pytest_asyncio.fixture
async def notify(log: MemoryLog) -> AsyncIterator[House]:
    async with house(log) as running:
        yield running


# --- signing in


@pytest.mark.asyncio
async def test_a_program_signs_in_with_the_handshake(notify: House) -> None:
    async with notify.open(token("team-b", "team-a")) as socket:
        hello = await Lead(socket).next()
        assert socket.subprotocol == SUBPROTOCOL
        assert socket.protocol.extensions == []  # no compression
    assert hello == {
        "kind": "hello", "version": "1", "epoch": hello["epoch"], "cursor": "0-0", "teams": ["team-a", "team-b"],
    }  # fmt: skip


@pytest.mark.asyncio
async def test_a_browser_signs_in_with_the_first_frame(notify: House) -> None:
    async with notify.open(origin=notify.http) as socket:
        lead = Lead(socket)
        await lead.send("authenticate", token=token())
        assert (await lead.next())["kind"] == "hello"
        assert (await lead.next())["kind"] == "board"


@pytest.mark.asyncio
async def test_a_token_in_the_address_signs_nobody_in(notify: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "TOKEN_WAIT_S", 0.1)
    async with notify.open(path=f"/v1/feed?token={token()}") as socket:
        goodbye = await Lead(socket).next()
        assert (goodbye["kind"], goodbye["code"], goodbye["reconnect"]) == ("goodbye", 4502, False)
        assert await Lead(socket).closed() == 4502


@pytest.mark.parametrize("by", ["header", "frame"])
@pytest.mark.asyncio
async def test_a_bad_token_is_told_goodbye(notify: House, by: str) -> None:
    async with notify.open("nonsense" if by == "header" else None) as socket:
        lead = Lead(socket)
        if by == "frame":
            await lead.send("authenticate", token="nonsense")
        goodbye = await lead.next()
        assert (goodbye["kind"], goodbye["code"], goodbye["reconnect"]) == ("goodbye", 4500, False)
        assert await lead.closed() == 4500


@pytest.mark.asyncio
async def test_an_agent_gets_no_feed(notify: House) -> None:
    async with notify.lead(role="agent") as lead:
        assert (await lead.next())["code"] == 4507
        assert await lead.closed() == 4507


@pytest.mark.asyncio
async def test_nothing_comes_before_authenticate(notify: House) -> None:
    async with notify.open() as socket:
        lead = Lead(socket)
        await lead.send("resume", epoch="e", cursor="0-0")
        assert (await lead.next())["code"] == 4501
        assert await lead.closed() == 4501


@pytest.mark.asyncio
async def test_a_fresh_token_prolongs_the_connection_and_nothing_is_lost_or_doubled(log: MemoryLog) -> None:
    clock = ManualClock(SystemClock().now_ms())
    async with house(log, clock) as running, running.lead("team-a", ttl_s=60) as lead:
        hello = await lead.next("hello")
        before = str(await running.engine.publish(alert("before")))
        assert await lead.alerts(1) == [("before", before)]
        await lead.send("authenticate", token=token("team-a", ttl_s=600))
        assert await lead.next("hello") == {**hello, "cursor": before, "recovered": True}
        clock.step(61)
        after = str(await running.engine.publish(alert("after")))
        assert await lead.alerts(1) == [("after", after)]
        clock.step(600)
        assert (await lead.next("goodbye"))["code"] == 4005


@pytest.mark.asyncio
async def test_a_team_taken_away_is_no_longer_seen_and_the_client_is_told(notify: House) -> None:
    engine = notify.engine
    await engine.publish(signals=signals(SystemClock().now_ms()))
    await notify.knows(await engine.publish(agent_alert("of-a", "team-a"), agent_alert("of-b", "team-b", "bo")))
    async with notify.lead("team-a", "team-b") as lead:
        board = await lead.next("board")
        while len(board["agents"]) != 2:
            board = await lead.next("board")
        await lead.send("authenticate", token=token("team-b"))
        hello = await lead.next("hello")
        assert (hello["recovered"], hello["teams"]) == (False, ["team-b"])
        assert [a["id"] for a in hello["alerts"]] == ["of-b"]
        assert [agent["id"] for agent in (await lead.next("board"))["agents"]] == ["bo"]
        await engine.publish(agent_alert("of-a", "team-a", "dee"))
        cursor = str(await engine.publish(agent_alert("of-b", "team-b", "bo")))
        assert await lead.alerts(1) == [("of-b", cursor)]
        await lead.send("acknowledge", alert="of-a")
        assert (await lead.next("problem"))["status"] == 404


@pytest.mark.asyncio
async def test_boards_under_way_do_not_show_what_was_taken_away(notify: House) -> None:
    teams = [("team-a",), ("team-b",), ("team-a", "team-b"), ("*",)]
    async with notify.lead("*") as lead:
        for n in range(40):
            if n % 4 == 0:
                await notify.engine.publish(signals=large_signals(SystemClock().now_ms()))
            await lead.send("authenticate", token=token(*teams[n % len(teams)]))
        allowed = set[str]()
        for _ in range(40):
            while (frame := await lead.next())["kind"] != "hello" or "recovered" not in frame:
                if frame["kind"] == "board":
                    assert "*" in allowed or {a["team"] for a in frame["agents"]} <= allowed
            allowed = set(frame["teams"])


@pytest.mark.asyncio
async def test_who_is_made_an_agent_loses_the_feed(notify: House) -> None:
    async with notify.lead("team-a") as lead:
        await lead.next("hello")
        await lead.send("authenticate", token=token("team-a", role="agent"))
        assert (await lead.next("goodbye"))["code"] == 4507


@pytest.mark.asyncio
async def test_of_two_leads_on_the_feed_one_is_first_and_the_other_is_told(notify: House) -> None:
    await notify.knows(await notify.engine.publish(alert("a-1")))
    async with notify.lead(sub="kim") as kim, notify.lead(sub="lee") as lee, judging(notify.engine) as engine:
        for lead in (kim, lee):
            await lead.next("board")
            await lead.send("acknowledge", alert="a-1")
        changes = [await lead.next("alert") for lead in (kim, lee)]
        owner = engine.alerts["a-1"].owner
        assert [change["alert"]["owner"] for change in changes] == [owner, owner]
        loser = lee if owner == "kim" else kim
        problem = await loser.next("problem")
        assert (problem["status"], problem["detail"], problem["alert"]) == (409, f"{owner} was first.", "a-1")


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/v1/feed", {"origin": "http://elsewhere.example"}, 403),
        ("/v1/feed", {"origin": "null"}, 403),
        ("/v1/other", {}, 404),
        ("/v1/feed", {"subprotocols": ["strainwatch.v9"]}, 400),
    ],
)
@pytest.mark.asyncio
async def test_a_handshake_that_is_refused(notify: House, path: str, options: dict[str, object], status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with notify.open(token(), path, **options):
            pass
    response = refused.value.response
    assert response.status_code == status
    if status != 400:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert json.loads(response.body)["status"] == status


@pytest.mark.asyncio
async def test_a_listed_origin_may_connect(log: MemoryLog) -> None:
    wall = "https://wall.example"
    async with house(log, allowed_origins=(wall,)) as running, running.open(token(), origin=wall) as socket:
        assert (await Lead(socket).next())["kind"] == "hello"


# --- what comes


@pytest.mark.asyncio
async def test_a_board_keeps_the_time_of_its_signals(notify: House) -> None:
    at_ms = SystemClock().now_ms() - 60_000
    await notify.engine.publish(signals=signals(at_ms))
    async with notify.lead("team-a") as lead:
        board = await lead.next("board")
        while not board["queues"]:
            board = await lead.next("board")
        again = await lead.next("board")
    assert board["at"] == again["at"]
    assert board["data_age_s"] == 1.5
    assert board["drivers_off"] == ["agent.check_in"]
    assert [agent["id"] for agent in board["agents"]] == ["ann"]
    assert [queue["id"] for queue in board["queues"]] == ["billing"]


@pytest.mark.asyncio
async def test_an_alert_overtakes_a_large_board(notify: House) -> None:
    at_ms = SystemClock().now_ms()
    async with notify.lead("*") as lead:
        await lead.next("board")
        await asyncio.sleep(hub.FRESH_S)  # the next board goes out as soon as its signals are here
        await notify.engine.publish(alert("a-1"), signals=large_signals(at_ms))
        while (frame := await lead.next())["kind"] != "alert":
            assert not frame["agents"], "the board came before the alert"
        board = await lead.next("board")
        while not board["agents"]:
            board = await lead.next("board")
    assert len(board["agents"]) == LARGE


@pytest.mark.asyncio
async def test_signals_that_cannot_be_read_leave_the_board_empty_until_the_next(notify: House) -> None:
    at_ms = SystemClock().now_ms()
    damaged = signals(at_ms)
    damaged.agents = msgspec.structs.replace(damaged.agents, strain=b"")
    async with notify.lead("team-a") as lead:
        await lead.next("board")
        await notify.engine.publish(signals=damaged)
        await until(lambda: notify.notify.hub.metrics.unreadable._value.get() > 0)
        assert (await lead.next("board"))["agents"] == []
        await notify.engine.publish(signals=signals(at_ms + 1000))
        while not (await lead.next("board"))["agents"]:
            pass


# --- resume


@pytest.mark.asyncio
async def test_resume_gives_each_change_after_the_cursor_whatever_was_sent_before(notify: House) -> None:
    cursors = [str(await notify.engine.publish(alert(f"a-{n}"))) for n in range(5)]
    await notify.knows(EntryId.parse(cursors[-1]))
    async with notify.lead() as lead:
        hello = await lead.next("hello")
        await lead.send("resume", epoch=hello["epoch"], cursor=cursors[1])
        second = await lead.next("hello")
        assert (second["recovered"], second["cursor"]) == (True, cursors[1])
        assert await lead.alerts(3) == [(f"a-{n}", cursors[n]) for n in (2, 3, 4)]
        await lead.send("resume", epoch=hello["epoch"], cursor=cursors[3])
        assert (await lead.next("hello"))["cursor"] == cursors[3]
        assert await lead.alerts(1) == [("a-4", cursors[4])]
        cursor = str(await notify.engine.publish(alert("next")))
        assert await lead.alerts(1) == [("next", cursor)]


@pytest.mark.asyncio
async def test_a_cursor_that_a_failover_took_is_answered_with_the_whole_list(notify: House) -> None:
    cursors = [await notify.engine.publish(alert(f"a-{n}")) for n in range(3)]
    await notify.knows(cursors[-1])
    gone = EntryId(cursors[1].ms, cursors[1].seq + 1)  # others came in its place
    async with notify.lead() as lead:
        hello = await lead.next("hello")
        await lead.send("resume", epoch=hello["epoch"], cursor=str(gone))
        second = await lead.next("hello")
        assert second["recovered"] is False
        assert {one["id"] for one in second["alerts"]} == {"a-0", "a-1", "a-2"}


# --- acting


@pytest.mark.asyncio
async def test_an_acknowledgement_comes_back_as_a_change_for_every_lead(notify: House) -> None:
    async with judging(notify.engine), notify.lead(sub="kim") as kim, notify.lead("team-a", sub="lee") as lee:
        await kim.next("board")
        await lee.next("board")
        await notify.engine.publish(alert("a-1"))
        await kim.next("alert")
        await lee.next("alert")
        await kim.send("acknowledge", alert="a-1", note="On it")
        for lead in (kim, lee):
            change = (await lead.next("alert"))["alert"]
            assert (change["phase"], change["owner"]) == ("acknowledged", "kim")
        await lee.send("acknowledge", alert="a-1")
        problem = await lee.next("problem")
        assert (problem["status"], problem["alert"], problem["detail"]) == (409, "a-1", "kim was first.")
    assert [(a.alert, a.by, getattr(a, "note", None)) for a in notify.engine.judged] == [("a-1", "kim", "On it")]


@pytest.mark.asyncio
async def test_what_cannot_be_done_is_a_problem_and_the_connection_stays(notify: House) -> None:
    await notify.engine.publish(agent_alert("of-b", "team-b"))
    async with notify.lead("team-a") as lead:
        for frame, status in (
            ({"kind": "acknowledge", "alert": "none"}, 404),
            ({"kind": "acknowledge", "alert": "of-b"}, 404),
            ({"kind": "acknowledge"}, 422),
            ({"kind": "acknowledge", "alert": "of-b", "note": "x" * 281}, 422),
            ({"kind": "snooze", "alert": "of-b", "for_s": 600}, 404),
            ({"kind": "snooze", "alert": "of-b", "for_s": 6}, 422),
            ({"kind": "note", "alert": "of-b", "text": ""}, 422),
            ({"kind": "dance"}, 422),
            ({}, 422),
            ({"kind": "authenticate", "token": token(sub="somebody else")}, 409),
            ({"kind": "authenticate", "token": token(tenant="other")}, 409),
            ({"kind": "authenticate", "token": "nonsense"}, 401),
        ):
            await lead.socket.send(json.dumps(frame))
            assert (await lead.next("problem"))["status"] == status
        await lead.next("board")


@pytest.mark.parametrize(
    "message", ["", "no json", '{"kind":"resume","x":' + "[" * 60_000, b"\x00\x01", '{"kind":"\\ud800"']
)
@pytest.mark.asyncio
async def test_what_is_no_frame_ends_the_connection(notify: House, message: str | bytes) -> None:
    async with notify.lead() as lead:
        await lead.next("hello")
        await lead.socket.send(message)
        assert (await lead.next("goodbye"))["code"] == 4501
        assert await lead.closed() == 4501


@pytest.mark.asyncio
async def test_a_frame_may_come_in_pieces(notify: House) -> None:
    async with notify.open() as socket:
        lead = Lead(socket)
        text = json.dumps({"kind": "authenticate", "token": token()})
        await socket.send([text[:10], text[10:50], text[50:]])
        assert (await lead.next())["kind"] == "hello"


@pytest.mark.asyncio
async def test_a_message_that_is_too_big_ends_the_connection(notify: House) -> None:
    async with notify.lead() as lead:
        await lead.next("hello")
        await lead.socket.send("x" * (64 * 1024 + 1))
        assert await lead.closed() == 1009


@pytest.mark.asyncio
async def test_too_many_messages_end_the_connection(notify: House) -> None:
    async with notify.lead() as lead:
        await lead.next("hello")
        for _ in range(102):
            await lead.send("dance")
        goodbye = await lead.next("goodbye")
        assert (goodbye["code"], goodbye["reconnect"]) == (4013, True)


# --- slow, silent and leaving


@pytest.mark.asyncio
async def test_who_does_not_answer_a_ping_is_gone(notify: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PING_EVERY_S", 0.1)
    monkeypatch.setattr(wire, "PONG_WAIT_S", 0.1)
    async with notify.open(token()) as answering, notify.open(token()) as silent:
        await Lead(answering).next("hello")
        silent.protocol.recv_frame = lambda frame: None  # type: ignore[method-assign]  # a peer that hears nothing
        assert await Lead(silent).closed() == 1006
        for _ in range(3):
            await Lead(answering).next("board")


@pytest.mark.asyncio
async def test_everybody_hears_of_a_restart(log: MemoryLog) -> None:
    async with house(log) as running, running.open(token()) as socket, running.open() as unsigned:
        lead = Lead(socket)
        await lead.next("board")
        running.server.should_exit = True
        goodbye = await lead.next("goodbye")
        assert (goodbye["code"], goodbye["reconnect"]) == (1012, True)
        assert await lead.closed() == 1012
        assert await Lead(unsigned).closed() == 1012
    assert not running.notify.feed.connections


# --- the store and the loop that production uses


@contextlib.asynccontextmanager
async def redis_log(url: str) -> AsyncIterator[Log]:
    """The log in a real store."""
    log = await open_redis_log(url, partitions=2)
    try:
        yield log
    finally:
        await log.close()


@pytest.mark.asyncio
async def test_with_the_real_store(store: Any) -> None:
    async with redis_log(store.url) as log, house(log) as running, judging(running.engine), running.lead() as lead:
        hello = await lead.next("hello")
        cursors = [str(await running.engine.publish(alert(f"a-{n}"))) for n in range(3)]
        assert await lead.alerts(3) == [(f"a-{n}", cursors[n]) for n in range(3)]
        await lead.send("resume", epoch=hello["epoch"], cursor=cursors[0])
        assert (await lead.next("hello"))["recovered"] is True
        assert await lead.alerts(2) == [("a-1", cursors[1]), ("a-2", cursors[2])]
        await lead.send("acknowledge", alert="a-1")
        assert (await lead.next("alert"))["alert"]["owner"] == "lee"
        await running.engine.publish(signals=signals(SystemClock().now_ms()))
        while not (await lead.next("board"))["queues"]:
            pass


@pytest.mark.asyncio
async def test_a_store_that_dies_and_comes_back_loses_nobody(own_store: Any) -> None:
    async with redis_log(own_store.url) as log, house(log) as running, running.lead() as lead:
        hello = await lead.next("hello")
        first = str(await running.engine.publish(alert("before")))
        assert await lead.alerts(1) == [("before", first)]
        own_store.kill()
        await until(lambda: bool(running.notify.hub.faults()))
        own_store.start_again()
        await until(lambda: not running.notify.hub.faults())
        cursor = str(await running.engine.publish(alert("after")))
        frame = await lead.next()
        while frame["kind"] == "board":
            frame = await lead.next()
        assert (frame["kind"], frame.get("cursor")) == ("alert", cursor)  # no hello: nothing was lost
        await lead.send("resume", epoch=hello["epoch"], cursor=first)
        assert (await lead.next("hello"))["recovered"] is True
        assert await lead.alerts(1) == [("after", cursor)]
