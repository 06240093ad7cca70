"""The feed, over real sockets: signing in, hello, boards, alerts, resume, actions, goodbyes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import msgspec
import numpy as np
import pytest
import pytest_asyncio
from notify_house import House, Lead, agent_alert, alert, house, judging, signals, token, until
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.notify import feed as feed_module
from services.notify import hub, wire
from services.notify.core import backlog
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
async def test_a_token_that_runs_out_ends_the_connection(log: MemoryLog) -> None:
    clock = ManualClock(SystemClock().now_ms())
    async with house(log, clock) as running, running.lead(ttl_s=60) as lead:
        await lead.next("hello")
        clock.step(61)
        goodbye = await lead.next("goodbye")
        assert (goodbye["code"], goodbye["reconnect"]) == (4005, True)
        assert await lead.closed() == 4005


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
async def test_hello_then_the_board_then_changes_as_they_come(notify: House) -> None:
    now_ms = SystemClock().now_ms()
    await notify.engine.publish(alert("old"), signals=signals(now_ms))
    await notify.knows(EntryId(1, 0))
    async with notify.lead("team-a") as lead:
        hello, board = await lead.next(), await lead.next()
        assert (hello["kind"], board["kind"]) == ("hello", "board")
        assert hello["cursor"] == board["cursor"]
        cursor = await notify.engine.publish(alert("new"))
        change = await lead.next("alert")
        assert (change["cursor"], change["alert"]["id"]) == (str(cursor), "new")
        assert (await lead.next("board"))["cursor"] == str(cursor)


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


@pytest.mark.asyncio
async def test_a_lead_never_gets_what_is_another_teams(notify: House) -> None:
    async with notify.lead("team-a") as a, notify.lead("*") as everybody, notify.lead(tenant="other") as stranger:
        for lead in (a, everybody, stranger):
            await lead.next("board")
        await notify.engine.publish(agent_alert("of-b", "team-b"), agent_alert("of-nobody", None))
        await notify.engine.publish(agent_alert("of-a", "team-a"), alert("floor"))
        assert [id for id, _ in await a.alerts(2)] == ["of-a", "floor"]
        assert [id for id, _ in await everybody.alerts(4)] == ["of-b", "of-nobody", "of-a", "floor"]
        await stranger.next("board")
        assert (await stranger.next())["kind"] == "board"


@pytest.mark.asyncio
async def test_names_come_out_as_they_went_in(notify: House) -> None:
    name = "Ω≈ç√ \u202e\U0001f600 <script>\"'\\ ﷽ \u0000\u2028"
    async with notify.lead() as lead:
        await lead.next("board")
        await notify.engine.publish(agent_alert("naughty", "team-a", name))
        assert (await lead.next("alert"))["alert"]["subject"]["id"] == name


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
async def test_resume_while_changes_are_published_is_exactly_once_and_in_order(
    notify: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 300
    monkeypatch.setattr(backlog.Backlog.__init__, "__kwdefaults__", {"changes_max": 20})  # so that the log is read too

    async def publish_all() -> list[str]:
        cursors = []
        for n in range(number):
            cursors.append(str(await notify.engine.publish(alert(f"a-{n}"), agent_alert(f"b-{n}", "team-b"))))
            if n % 7 == 0:
                await asyncio.sleep(0.003)
        return cursors

    publishing = asyncio.create_task(publish_all())
    got: list[tuple[str, str]] = []
    epoch, cursor = "", ""
    while len(got) < number:
        async with notify.lead("team-a") as lead:
            hello = await lead.next("hello")
            epoch, cursor = epoch or hello["epoch"], cursor or "0-0"
            await lead.send("resume", epoch=epoch, cursor=cursor)
            while "recovered" not in (answer := await lead.next("hello")):
                pass
            if got:
                assert (answer["recovered"], answer["cursor"]) == (True, cursor)
            elif not answer["recovered"]:  # the log began after 0-0; everything live is here
                got += [(a["id"], "") for a in answer["alerts"]]
                cursor = answer["cursor"]
            for _ in range(min(60, number - len(got))):
                got += await lead.alerts(1)
                cursor = got[-1][1]
    await publishing
    assert [id for id, _ in got] == [f"a-{n}" for n in range(number)]


@pytest.mark.asyncio
async def test_a_long_absence_is_made_good_from_the_log(notify: House) -> None:
    number = backlog.CHANGES_MAX + 200
    first = await notify.engine.publish(alert("first"))
    cursors = [str(await notify.engine.publish(alert(f"a-{n}"))) for n in range(number)]
    await notify.knows(EntryId.parse(cursors[-1]))
    async with notify.lead() as lead:
        hello = await lead.next("hello")
        await lead.send("resume", epoch=hello["epoch"], cursor=str(first))
        assert (await lead.next("hello"))["recovered"] is True
        assert await lead.alerts(number) == [(f"a-{n}", cursors[n]) for n in range(number)]


@pytest.mark.parametrize("wrong", ["epoch", "future", "nonsense"])
@pytest.mark.asyncio
async def test_a_resume_that_cannot_be_kept_gives_the_whole_list(notify: House, wrong: str) -> None:
    engine = notify.engine
    await engine.publish(alert("live"), alert("over"), agent_alert("of-b", "team-b"))
    top = await engine.publish(alert("over", phase="resolved"))
    await notify.knows(top)
    async with notify.lead("team-a") as lead:
        hello = await lead.next("hello")
        epoch = "another" if wrong == "epoch" else hello["epoch"]
        cursor = {"epoch": str(top), "future": f"{top.ms + 10**9}-0", "nonsense": "x"}[wrong]
        await lead.send("resume", epoch=epoch, cursor=cursor)
        second = await lead.next("hello")
        assert (second["recovered"], second["cursor"]) == (False, str(top))
        assert [a["id"] for a in second["alerts"]] == ["live"]
        after = str(await engine.publish(alert("after")))
        assert await lead.alerts(1) == [("after", after)]


@pytest.mark.asyncio
@pytest.mark.parametrize("trimmed_while", ["running", "away"])
async def test_a_trimmed_cursor_gives_the_whole_list(
    log: MemoryLog, trimmed_while: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog.Backlog.__init__, "__kwdefaults__", {"changes_max": 1})
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(house(log))
        engine = running.engine
        first = await engine.publish(alert("over", phase="resolved"))
        for n in range(3):
            await engine.publish(alert(f"a-{n}"))
        in_eight_days_ms = SystemClock().now_ms() + 8 * 86_400_000
        await log.trim(engine.partition, engine.generation, now_ms=in_eight_days_ms, keep_from=first)
        top = await engine.publish(alert("kept-1"))
        top = await engine.publish(alert("kept-2"))
        if trimmed_while == "away":
            running = await stack.enter_async_context(house(log))
        await running.knows(top)
        lead = await stack.enter_async_context(running.lead())
        hello = await lead.next("hello")
        await lead.send("resume", epoch=hello["epoch"], cursor=str(first))
        second = await lead.next("hello")
        assert (second["recovered"], second["cursor"]) == (False, str(top))
        assert [a["id"] for a in second["alerts"]][-2:] == ["kept-1", "kept-2"]


@pytest.mark.asyncio
async def test_a_new_epoch_tells_everybody_the_whole_list(notify: House) -> None:
    top = await notify.engine.publish(alert("live"))
    await notify.knows(top)
    async with notify.lead() as lead:
        first = await lead.next("hello")
        epoch = await notify.engine.log.new_epoch(notify.engine.partition, notify.engine.generation)
        hello = await lead.next("hello")
        assert (hello["recovered"], hello["epoch"], hello["cursor"]) == (False, epoch, str(top))
        assert epoch != first["epoch"]
        assert [a["id"] for a in hello["alerts"]] == ["live"]
        cursor = str(await notify.engine.publish(alert("next")))
        assert await lead.alerts(1) == [("next", cursor)]


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
            ({"kind": "snooze", "alert": "of-b", "for_s": 600}, 422),
            ({"kind": "dance"}, 422),
            ({}, 422),
            ({"kind": "authenticate", "token": token()}, 409),
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


def _many_alerts(number: int, size: int) -> list[tuple[str, str]]:
    return [(f"a-{n}", "x" * size) for n in range(number)]


@pytest.mark.asyncio
async def test_a_slow_reader_gets_every_alert_and_only_the_newest_board(notify: House) -> None:
    first = await notify.engine.publish(alert("a-0"))
    async with notify.lead() as prompt, notify.open(token(), max_queue=1, max_size=None) as socket:
        slow = Lead(socket)
        await slow.next("board")
        socket.transport.pause_reading()
        cursors = [str(first)]
        for id, text in _many_alerts(400, 20_000):  # 8 MB: more than kernel and pipe hold
            cursors.append(str(await notify.engine.publish(alert(id, title=text))))
        assert [cursor for _, cursor in await prompt.alerts(400)] == cursors[1:]  # nobody waits for the slow one
        full = [c for c in notify.notify.feed.connections if c.full]
        assert len(full) == 1
        assert full[0]._transport.get_write_buffer_size() < 1 << 20
        for _ in range(3):
            await prompt.next("board")
        socket.transport.resume_reading()
        kinds: list[str] = []
        got: list[str] = []
        while len(got) < 400:
            frame = await slow.next()
            kinds.append(frame["kind"])
            if frame["kind"] == "alert":
                got.append(frame["cursor"])
        assert got == cursors[1:]
        assert kinds.count("board") <= 2
        assert (await slow.next("board"))["cursor"] == cursors[-1]


@pytest.mark.asyncio
async def test_a_reader_that_stays_too_slow_is_told_so(notify: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SLOW_S", 0.5)
    async with notify.open(token(), max_queue=1, max_size=None) as socket:
        slow = Lead(socket)
        await slow.next("board")
        socket.transport.pause_reading()
        for id, text in _many_alerts(400, 20_000):
            await notify.engine.publish(alert(id, title=text))
        feed = notify.notify.feed
        await until(lambda: any(connection.closed for connection in feed.connections))
        socket.transport.resume_reading()
        goodbye = await slow.next("goodbye")
        assert (goodbye["code"], goodbye["reconnect"]) == (4008, True)
        assert await slow.closed() == 4008


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


@pytest.mark.asyncio
async def test_closing_leaves_nothing_behind(notify: House) -> None:
    async with notify.lead() as lead:
        await lead.next("board")
        assert len(notify.notify.feed.connections) == 1
    await until(lambda: not notify.notify.feed.connections)
    assert not notify.notify.hub._subscribers
    with pytest.raises(ConnectionClosed):
        await lead.socket.send("x")


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


@pytest.mark.parametrize(
    "scenario",
    [
        test_hello_then_the_board_then_changes_as_they_come,
        test_a_long_absence_is_made_good_from_the_log,
        test_a_slow_reader_gets_every_alert_and_only_the_newest_board,
        test_closing_leaves_nothing_behind,
    ],
)
def test_on_uvloop(scenario: Callable[[House], Coroutine[None, None, None]]) -> None:
    uvloop = pytest.importorskip("uvloop", reason="there is no uvloop for this platform")

    async def run() -> None:
        async with house(MemoryLog(clock=SystemClock())) as running:
            await scenario(running)

    uvloop.run(run())
