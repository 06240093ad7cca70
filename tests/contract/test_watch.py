"""`strainwatch watch` against the real service: what a person reads, and when it says that it cannot see."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from notify_house import WAIT_S, House, agent_alert, alert, house, signals, token, until

from shared.clock import ManualClock, SystemClock
from shared.log_memory import MemoryLog
from tools.watch import session, words
from tools.watch.session import Watch, WatchError, feed_address
from tools.watch.view import Json, Lines

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def notify() -> AsyncIterator[House]:
    async with house(MemoryLog(clock=SystemClock(), partitions=2)) as running:
        yield running


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RETRY_S", (0.05, 0.2))


@contextlib.asynccontextmanager
async def watching(
    port: int,
    *teams: str,
    language: str = "en",
    terminal: bool = False,
    as_json: bool = False,
    tokens: Callable[[], str] = token,
) -> AsyncIterator[tuple[io.StringIO, asyncio.Task[None]]]:
    out = io.StringIO()
    view = Json(out) if as_json else Lines(out, language, terminal=terminal, colours=terminal)
    watch = Watch(feed_address(f"http://127.0.0.1:{port}"), tokens, frozenset(teams), view)
    task = asyncio.create_task(watch.run())
    try:
        yield out, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def fresh(**fields: Any) -> Any:
    return msgspec.structs.replace(signals(SystemClock().now_ms()), **fields)


async def test_what_was_live_and_what_comes_is_written_with_its_reason_and_what_to_try(notify: House) -> None:
    await notify.knows(await notify.engine.publish(alert("a-1", owner="kim", phase="acknowledged")))
    async with watching(notify.port) as (out, _):
        await until(lambda: "acknowledged" in out.getvalue())
        await notify.engine.publish(alert("a-2", severity="critical", title="Sales is under strain"))
        await until(lambda: "Sales is under strain" in out.getvalue())
        text = out.getvalue()
    assert "! warning acknowledged  Billing is under strain [with kim]" in text
    assert "!! CRITICAL open  Sales is under strain" in text
    assert "why: Wait about 310 s" in text
    assert "try: Ask for help" in text
    assert "\x1b" not in text


async def test_in_chinese(notify: House) -> None:
    await notify.knows(await notify.engine.publish(alert("a-1")))
    async with watching(notify.port, language="zh-CN") as (out, _):
        await until(lambda: "请求支援" in out.getvalue())
    assert "警告 新  billing 负荷过高" in out.getvalue()


async def test_both_languages_say_the_same() -> None:
    assert words._EN.keys() == words._ZH.keys()


async def test_only_the_chosen_teams_and_what_concerns_everybody(notify: House) -> None:
    async with watching(notify.port, "team-a") as (out, _):
        await until(lambda: "Connected" in out.getvalue())
        titles = {"of-b": "team-b", "of-a": "team-a"}
        await notify.engine.publish(*(agent_alert(id, team) for id, team in titles.items()), alert("floor"))
        await until(lambda: out.getvalue().count("under strain") == 2)
    assert "(team team-a)" in out.getvalue()
    assert "team-b" not in out.getvalue()


async def test_a_name_cannot_steer_the_terminal(notify: House) -> None:
    bad = "\x1b[2J\x1b]0;owned\x07 Bo\u202etxt\r\n\u2028\x9b31m" + "x" * 500
    await notify.knows(await notify.engine.publish(alert("a-1", title=bad, owner=bad, team=bad)))
    for options in ({}, {"as_json": True}):
        async with watching(notify.port, **options) as (out, _):
            await until(lambda out=out: "owned" in out.getvalue())
        for line in out.getvalue().splitlines():
            assert line.isprintable()
    hello = next(frame for frame in map(json.loads, out.getvalue().splitlines()) if "alerts" in frame)
    assert hello["alerts"][0]["title"] == bad


async def test_a_terminal_has_a_last_line_that_is_rewritten(notify: House) -> None:
    async with watching(notify.port, terminal=True) as (out, _):
        await until(lambda: "Connected" in out.getvalue())

        async def shown() -> bool:
            await notify.engine.publish(signals=fresh())
            return "live, data" in out.getvalue()

        await until(shown)
        await notify.engine.publish(alert("a-1"))
        await until(lambda: "Billing" in out.getvalue())
    text = out.getvalue()
    assert "billing 12 (3 waiting)" in text
    assert "break due: ann 12 min" in text
    assert "\r\x1b[K" in text
    assert "\x1b[33m! warning open\x1b[0m" in text


async def test_never_calm_when_blind(notify: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "STALE_AFTER_S", 0.6)
    monkeypatch.setattr(session, "LOOK_S", 0.1)
    async with watching(notify.port) as (out, _):
        await until(lambda: "NO DATA yet" in out.getvalue() or "NOTHING HEARD" in out.getvalue())
        await notify.engine.publish(signals=fresh())
        await until(lambda: "BOARD STANDS STILL" in out.getvalue())
        await notify.engine.publish(signals=fresh(last_event_ms=SystemClock().now_ms() - 100_000))
        await until(lambda: "NO EVENTS from the ACD" in out.getvalue())


async def test_a_break_is_told_and_nothing_is_missed_or_written_twice() -> None:
    log = MemoryLog(clock=SystemClock(), partitions=2)
    async with house(log) as first:
        port = first.port
        async with watching(port, as_json=True) as (out, _):
            await until(lambda: '"recovered":false' in out.getvalue())
            await first.engine.publish(alert("a-1"))
            await until(lambda: '"a-1"' in out.getvalue())
            for connection in tuple(first.notify.feed.connections):
                connection._transport.abort()  # type: ignore[attr-defined]
            await first.engine.publish(alert("a-2"))
            await until(lambda: '"a-2"' in out.getvalue())
            await first.engine.publish(alert("a-3"))
            await until(lambda: '"a-3"' in out.getvalue())
    frames = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [frame["alert"]["id"] for frame in frames if frame["kind"] == "alert"] == ["a-1", "a-2", "a-3"]
    states = [frame["status"] for frame in frames if frame["kind"] == "status"]
    assert "lost" in states
    assert states.index("recovered") > states.index("lost")
    assert all(frame["blind"] for frame in frames if frame.get("status") == "lost")


@pytest.mark.parametrize("bad", ["nonsense", token(role="agent", agent="ann")])
async def test_who_may_not_look_is_told_why_and_it_is_over(notify: House, bad: str) -> None:
    async with watching(notify.port, tokens=lambda: bad) as (_, task):
        with pytest.raises(WatchError, match="the server says"):
            await asyncio.wait_for(task, WAIT_S)


async def test_an_expired_token_is_read_again_and_if_it_is_the_same_it_is_over() -> None:
    clock = ManualClock(SystemClock().now_ms())
    given = [token(ttl_s=60), token(ttl_s=600)]
    async with (
        house(MemoryLog(clock=SystemClock()), clock) as running,
        watching(running.port, tokens=lambda: given[0]) as (out, task),
    ):
        await until(lambda: "Connected" in out.getvalue())
        given.pop(0)
        clock.step(61)
        await until(lambda: "Connected again" in out.getvalue())
        clock.step(600)
        with pytest.raises(WatchError, match="expired"):
            await asyncio.wait_for(task, WAIT_S)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/feed"),
        ("https://strain.example/", "wss://strain.example/v1/feed"),
        ("wss://x/at/v1/feed", "wss://x/at/v1/feed"),
    ],
)
async def test_addresses(url: str, address: str) -> None:
    assert feed_address(url) == address


@pytest.mark.parametrize("url", ["strain.example", "ftp://x", "http://", ""])
async def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        feed_address(url)
