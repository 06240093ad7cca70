"""The feed's promises, over both of its transports: a websocket, and server-sent events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest
import pytest_asyncio
from notify_house import House, agent_alert, alert, house, signals, until

from services.notify import stream as stream_module
from services.notify import wire
from services.notify.core import backlog
from shared.clock import ManualClock, SystemClock
from shared.contract.entries import EntryId
from shared.log_memory import MemoryLog

TRANSPORTS = ("websocket", "stream")
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("transport", TRANSPORTS)]


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(clock=SystemClock(), partitions=2)


@pytest_asyncio.fixture
async def notify(log: MemoryLog) -> AsyncIterator[House]:
    async with house(log) as running:
        yield running


# --- what comes


async def test_hello_then_the_board_then_changes_as_they_come(notify: House, transport: str) -> None:
    now_ms = SystemClock().now_ms()
    await notify.engine.publish(alert("old"), signals=signals(now_ms))
    await notify.knows(EntryId(1, 0))
    async with notify.joined(transport, "team-a") as lead:
        hello, board = await lead.next(), await lead.next()
        assert (hello["kind"], board["kind"]) == ("hello", "board")
        assert hello["cursor"] == board["cursor"]
        assert hello["teams"] == ["team-a"]
        cursor = await notify.engine.publish(alert("new"))
        change = await lead.next("alert")
        assert (change["cursor"], change["alert"]["id"]) == (str(cursor), "new")
        assert (await lead.next("board"))["cursor"] == str(cursor)


async def test_a_lead_never_gets_what_is_another_teams(notify: House, transport: str) -> None:
    async with (
        notify.joined(transport, "team-a") as a,
        notify.joined(transport, "*") as everybody,
        notify.joined(transport, tenant="other") as stranger,
    ):
        for lead in (a, everybody, stranger):
            await lead.next("board")
        await notify.engine.publish(agent_alert("of-b", "team-b"), agent_alert("of-nobody", None))
        await notify.engine.publish(agent_alert("of-a", "team-a"), alert("floor"))
        assert [id for id, _ in await a.alerts(2)] == ["of-a", "floor"]
        assert [id for id, _ in await everybody.alerts(4)] == ["of-b", "of-nobody", "of-a", "floor"]
        await stranger.next("board")
        assert (await stranger.next())["kind"] == "board"


async def test_a_board_shows_the_own_teams_only(notify: House, transport: str) -> None:
    await notify.engine.publish(signals=signals(SystemClock().now_ms()))
    async with notify.joined(transport, "team-b") as lead:
        while not (board := await lead.next("board"))["queues"]:
            pass
    assert [agent["id"] for agent in board["agents"]] == ["bo"]
    assert [queue["id"] for queue in board["queues"]] == ["billing"]


async def test_names_come_out_as_they_went_in(notify: House, transport: str) -> None:
    name = "Ω≈ç√ \u202e\U0001f600 <script>\"'\\ ﷽ \u0000\u2028 \n\nevent: goodbye\ndata: {}\r\n\r\n"
    async with notify.joined(transport) as lead:
        await lead.next("board")
        await notify.engine.publish(agent_alert("naughty", "team-a", name))
        assert (await lead.next("alert"))["alert"]["subject"]["id"] == name


# --- resume


async def test_resume_gives_each_change_after_the_cursor(notify: House, transport: str) -> None:
    cursors = [str(await notify.engine.publish(alert(f"a-{n}"))) for n in range(5)]
    await notify.knows(EntryId.parse(cursors[-1]))
    epoch = notify.epoch
    async with notify.resumed(transport, epoch=epoch, cursor=cursors[1]) as (lead, answer):
        assert (answer["recovered"], answer["cursor"]) == (True, cursors[1])
        assert await lead.alerts(3) == [(f"a-{n}", cursors[n]) for n in (2, 3, 4)]
        cursor = str(await notify.engine.publish(alert("next")))
        assert await lead.alerts(1) == [("next", cursor)]


async def test_resume_while_changes_are_published_is_exactly_once_and_in_order(
    notify: House, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 200
    monkeypatch.setattr(backlog.Backlog.__init__, "__kwdefaults__", {"changes_max": 20})  # so that the log is read too

    async def publish_all() -> None:
        for n in range(number):
            await notify.engine.publish(alert(f"a-{n}"), agent_alert(f"b-{n}", "team-b"))
            if n % 7 == 0:
                await asyncio.sleep(0.003)

    cursor = str(await notify.engine.publish(alert("first")))
    await notify.knows(EntryId.parse(cursor))
    publishing = asyncio.create_task(publish_all())
    got: list[tuple[str, str]] = []
    while len(got) < number:
        async with notify.resumed(transport, "team-a", epoch=notify.epoch, cursor=cursor) as (lead, answer):
            assert (answer["recovered"], answer["cursor"]) == (True, cursor)
            got += await lead.alerts(min(60, number - len(got)))
            cursor = got[-1][1]
    await publishing
    assert [id for id, _ in got] == [f"a-{n}" for n in range(number)]


async def test_a_long_absence_is_made_good_from_the_log(notify: House, transport: str) -> None:
    number = backlog.CHANGES_MAX + 200
    first = await notify.engine.publish(alert("first"))
    cursors = [str(await notify.engine.publish(alert(f"a-{n}"))) for n in range(number)]
    await notify.knows(EntryId.parse(cursors[-1]))
    async with notify.resumed(transport, epoch=notify.epoch, cursor=str(first)) as (lead, answer):
        assert answer["recovered"] is True
        assert await lead.alerts(number) == [(f"a-{n}", cursors[n]) for n in range(number)]


@pytest.mark.parametrize("wrong", ["epoch", "future", "nonsense"])
async def test_a_resume_that_cannot_be_kept_gives_the_whole_list(notify: House, transport: str, wrong: str) -> None:
    engine = notify.engine
    await engine.publish(alert("live"), alert("over"), agent_alert("of-b", "team-b"))
    top = await engine.publish(alert("over", phase="resolved"))
    await notify.knows(top)
    epoch = "another" if wrong == "epoch" else notify.epoch
    cursor = {"epoch": str(top), "future": f"{top.ms + 10**9}-0", "nonsense": "x"}[wrong]
    async with notify.resumed(transport, "team-a", epoch=epoch, cursor=cursor) as (lead, answer):
        assert (answer["recovered"], answer["cursor"]) == (False, str(top))
        assert [a["id"] for a in answer["alerts"]] == ["live"]
        after = str(await engine.publish(alert("after")))
        assert await lead.alerts(1) == [("after", after)]


@pytest.mark.parametrize("trimmed_while", ["running", "away"])
async def test_a_trimmed_cursor_gives_the_whole_list(
    log: MemoryLog, transport: str, trimmed_while: str, monkeypatch: pytest.MonkeyPatch
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
        _, answer = await stack.enter_async_context(running.resumed(transport, epoch=running.epoch, cursor=str(first)))
        assert (answer["recovered"], answer["cursor"]) == (False, str(top))
        assert [a["id"] for a in answer["alerts"]][-2:] == ["kept-1", "kept-2"]


async def test_a_new_epoch_tells_everybody_the_whole_list(notify: House, transport: str) -> None:
    top = await notify.engine.publish(alert("live"))
    await notify.knows(top)
    async with notify.joined(transport) as lead:
        first = await lead.next("hello")
        epoch = await notify.engine.log.new_epoch(notify.engine.partition, notify.engine.generation)
        hello = await lead.next("hello")
        assert (hello["recovered"], hello["epoch"], hello["cursor"]) == (False, epoch, str(top))
        assert epoch != first["epoch"]
        assert [a["id"] for a in hello["alerts"]] == ["live"]
        cursor = str(await notify.engine.publish(alert("next")))
        assert await lead.alerts(1) == [("next", cursor)]


# --- slow, silent and leaving


async def test_a_slow_reader_gets_every_alert_and_only_the_newest_board(notify: House, transport: str) -> None:
    first = await notify.engine.publish(alert("a-0"))
    async with notify.joined(transport) as prompt, notify.joined(transport) as slow:
        await prompt.next("board")
        await slow.next("board")
        slow.pause()
        cursors = [str(first)]
        for n in range(400):  # 8 MB: more than kernel and pipe hold
            cursors.append(str(await notify.engine.publish(alert(f"a-{n}", title="x" * 20_000))))
        assert [cursor for _, cursor in await prompt.alerts(400)] == cursors[1:]  # nobody waits for the slow one
        await until(lambda: sum(connection.full for connection in notify.notify.feed.connections) == 1)
        full = next(connection for connection in notify.notify.feed.connections if connection.full)
        assert full.unsent_bytes < 1 << 20
        for _ in range(3):
            await prompt.next("board")
        slow.go_on()
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


async def test_a_reader_that_stays_too_slow_is_told_so(
    notify: House, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "SLOW_S", 0.5)
    async with notify.joined(transport) as slow:
        await slow.next("board")
        slow.pause()
        for n in range(400):
            await notify.engine.publish(alert(f"a-{n}", title="x" * 20_000))
        await until(lambda: any(connection.closed for connection in notify.notify.feed.connections))
        slow.go_on()
        goodbye = await slow.next("goodbye")
        assert (goodbye["code"], goodbye["reconnect"]) == (4008, True)
        assert await slow.closed() == 4008


@pytest.mark.parametrize(
    ("slow_s", "stalled_s", "flush_s"),
    [(0.5, 60.0, 0.5), (60.0, 0.5, 60.0)],
    ids=["it was told goodbye", "it takes nothing at all"],
)
async def test_a_stalled_reader_is_gone_within_its_limits_and_nobody_else_waits(
    notify: House, transport: str, monkeypatch: pytest.MonkeyPatch, slow_s: float, stalled_s: float, flush_s: float
) -> None:
    monkeypatch.setattr(wire, "SLOW_S", slow_s)
    monkeypatch.setattr(wire, "STALLED_S", stalled_s)
    for module in (wire, stream_module):
        monkeypatch.setattr(module, "FLUSH_S", flush_s)
    async with contextlib.AsyncExitStack() as stack:
        stalled = await stack.enter_async_context(notify.joined(transport, sub="stalled"))
        prompt = [await stack.enter_async_context(notify.joined(transport, sub=f"lead-{n}")) for n in range(10)]
        for lead in (stalled, *prompt):
            await lead.next("board")
        stalled.pause()  # and never reads again: neither the goodbye nor the close
        number = 0
        while len(notify.notify.feed.connections) == 11:
            number += 1
            assert number < 2_000
            cursor = str(await notify.engine.publish(alert(f"a-{number}", title="x" * 20_000)))
            for lead in prompt:  # each change is at all the others before the next one is made
                assert await lead.alerts(1) == [(f"a-{number}", cursor)]
            await asyncio.sleep(0.005)
        if slow_s < stalled_s:  # else the kernel may have been the first to see it
            assert notify.notify.hub.metrics.slow_closes._value.get() == 1
        await until(lambda: len(notify.server.server_state.connections) == 10)
        assert notify.notify.hub._listening(transport) == 10


async def test_a_token_that_runs_out_ends_the_connection(log: MemoryLog, transport: str) -> None:
    clock = ManualClock(SystemClock().now_ms())
    async with house(log, clock) as running, running.joined(transport, ttl_s=60) as lead:
        await lead.next("hello")
        clock.step(61)
        goodbye = await lead.next("goodbye")
        assert (goodbye["code"], goodbye["reconnect"]) == (4005, True)
        assert await lead.closed() == 4005


async def test_everybody_hears_of_a_restart(log: MemoryLog, transport: str) -> None:
    async with house(log) as running, running.joined(transport) as lead:
        await lead.next("board")
        cursor = str(await running.engine.publish(alert("last")))
        await running.knows(EntryId.parse(cursor))
        running.server.should_exit = True
        assert await lead.alerts(1) == [("last", cursor)]
        goodbye = await lead.next("goodbye")
        assert (goodbye["code"], goodbye["reconnect"]) == (1012, True)
        assert await lead.closed() == 1012
    assert not running.notify.feed.connections


async def test_closing_leaves_nothing_behind(notify: House, transport: str) -> None:
    async with notify.joined(transport) as lead:
        await lead.next("board")
        assert len(notify.notify.feed.connections) == 1
        assert notify.notify.hub._listening(transport) == 1
    await until(lambda: not notify.notify.feed.connections)
    assert not notify.notify.hub._subscribers


@pytest.mark.parametrize(
    "scenario",
    [
        test_hello_then_the_board_then_changes_as_they_come,
        test_a_long_absence_is_made_good_from_the_log,
        test_a_slow_reader_gets_every_alert_and_only_the_newest_board,
        test_closing_leaves_nothing_behind,
    ],
)
async def test_on_uvloop(transport: str, scenario: Callable[[House, str], Coroutine[None, None, None]]) -> None:
    uvloop = pytest.importorskip("uvloop", reason="there is no uvloop for this platform")

    async def run() -> None:
        async with house(MemoryLog(clock=SystemClock())) as running:
            await scenario(running, transport)

    await asyncio.to_thread(uvloop.run, run())
