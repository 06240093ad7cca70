"""The board, the alerts and the actions over REST, on a real port."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from notify_house import House, agent_alert, alert, client, house, judging, signals, token, until

from services.notify import actions, page, problems
from shared.clock import SystemClock
from shared.contract.alerts import Change
from shared.contract.entries import EntryId, Tick, parse_entry
from shared.contract.frames import Board
from shared.log import LogUnavailable
from shared.log_memory import MemoryLog


class Store(MemoryLog):
    """The log in memory, with a plug to pull."""

    away = False

    def _look(self) -> None:
        if self.away:
            raise LogUnavailable("the plug is pulled")

    async def append(self, *args: Any, **kwargs: Any) -> EntryId:
        self._look()
        return await super().append(*args, **kwargs)

    async def read_alerts(self, *args: Any, **kwargs: Any) -> list[tuple[EntryId, bytes]]:
        self._look()
        return await super().read_alerts(*args, **kwargs)

    async def state(self, partition: int) -> Any:
        self._look()
        return await super().state(partition)


@pytest.fixture
def log() -> Store:
    return Store(clock=SystemClock(), partitions=2)


@pytest_asyncio.fixture
async def notify(log: Store) -> AsyncIterator[House]:
    async with house(log) as running:
        yield running


def is_problem(response: httpx.Response, status: int) -> str:
    """Check that a response is a problem of a status; what it says."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["title"]
    detail: str = body["detail"]
    return detail


# --- signing in


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/v1/board", "/v1/alerts", "/v1/alerts/a-1", "/v1/alerts/a-1/acknowledge"])
async def test_nobody_reads_without_a_token(notify: House, path: str) -> None:
    method = "POST" if path.endswith("acknowledge") else "GET"
    async with client(notify, role="agent") as lead:
        assert "leads" in is_problem(await lead.request(method, path), 403)
        lead.headers["Authorization"] = "Bearer nonsense"
        response = await lead.request(method, path)
        is_problem(response, 401)
        assert response.headers["www-authenticate"].startswith("Bearer")
        lead.headers["Authorization"] = "Basic bGVlOmxlZQ=="
        is_problem(await lead.request(method, path), 401)
        del lead.headers["Authorization"]
        is_problem(await lead.request(method, f"{path}?token={token()}"), 401)


# --- the board


@pytest.mark.asyncio
async def test_the_board_is_empty_before_the_first_signals(notify: House) -> None:
    async with client(notify) as lead:
        board = (await lead.get("/v1/board")).json()
    assert (board["queues"], board["agents"], board["cursor"]) == ([], [], "0-0")
    assert set(board) == set(Board.__struct_fields__)


@pytest.mark.asyncio
async def test_the_board_is_cut_to_the_teams_of_the_lead(notify: House) -> None:
    await notify.engine.publish(signals=signals(1_760_000_000_250))
    async with client(notify, "team-b") as lead, client(notify, "*") as everybody:

        async def has_come() -> bool:
            return bool((await lead.get("/v1/board")).json()["queues"])

        await until(has_come)
        board = (await lead.get("/v1/board")).json()
        whole = (await everybody.get("/v1/board")).json()
    assert board["at"] == "2025-10-09T08:53:20.250Z"
    assert board["data_age_s"] == 1.5
    assert [row["id"] for row in board["agents"]] == ["bo"]
    assert [row["id"] for row in whole["agents"]] == ["ann", "bo", "cy"]


# --- the alerts


@pytest.mark.asyncio
async def test_the_list_joins_the_feed_without_a_gap(notify: House) -> None:
    await notify.knows(await notify.engine.publish(alert("before")))
    async with client(notify) as lead, notify.lead() as feed:
        page = (await lead.get("/v1/alerts")).json()
        cursor = str(await notify.engine.publish(alert("after")))
        await feed.send("resume", epoch=page["epoch"], cursor=page["cursor"])
        assert (await feed.next("hello", recovered=True))["cursor"] == page["cursor"]
        assert await feed.alerts(1) == [("after", cursor)]
    assert [a["id"] for a in page["alerts"]] == ["before"]


@pytest.mark.asyncio
async def test_the_list_is_filtered_and_comes_in_pages(notify: House) -> None:
    engine = notify.engine
    await engine.publish(alert("q-1"), alert("q-2", severity="critical"), agent_alert("a-1", "team-a"))
    await engine.publish(agent_alert("a-2", "team-b", "bo"), alert("q-3", phase="suppressed"))
    await notify.knows(await engine.publish(alert("q-1", phase="resolved")))

    async with client(notify) as lead:

        async def ids(**query: Any) -> list[str]:
            response = await lead.get("/v1/alerts", params=query)
            assert response.status_code == 200, response.text
            return [a["id"] for a in response.json()["alerts"]]

        assert await ids() == ["a-2", "a-1", "q-2"]
        assert await ids(phase="resolved,suppressed") == ["q-1", "q-3"]
        assert await ids(phase=["resolved", "suppressed"]) == ["q-1", "q-3"]
        assert await ids(kind="agent.strain") == ["a-2", "a-1"]
        assert await ids(severity="critical") == ["q-2"]
        assert await ids(team="team-b") == ["a-2"]
        assert await ids(subject="billing") == ["q-2"]
        page = (await lead.get("/v1/alerts", params={"limit": 2})).json()
        assert await ids(limit=2, after=page["next"]) == ["q-2"]
        assert (await lead.get("/v1/alerts", params={"after": page["next"]})).json()["next"] is None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "query",
    ["phase=shut", "kind=x", "severity=red", "limit=0", "limit=501", "limit=x", "after=x", "after=1-x"]
    + [f"after={1 << 64}-0", f"after=1-{1 << 64}", "after=" + "9" * 5_000 + "-0"],
)
async def test_a_parameter_that_does_not_fit_is_named(notify: House, query: str) -> None:
    async with client(notify) as lead:
        assert query.partition("=")[0] in is_problem(await lead.get(f"/v1/alerts?{query}"), 422)


@pytest.mark.asyncio
async def test_one_alert_is_the_engines_own_bytes_or_404(notify: House) -> None:
    await notify.knows(await notify.engine.publish(agent_alert("a-1", "team-a", "李\u0000\U0001f600")))
    async with client(notify, "team-a") as a, client(notify, "team-b") as b, client(notify, tenant="other") as other:
        response = await a.get("/v1/alerts/a-1")
        assert response.json()["subject"]["id"] == "李\u0000\U0001f600"
        assert response.headers["cache-control"] == "no-store"
        for lead, path in ((b, "a-1"), (other, "a-1"), (a, "none"), (a, "%00"), (a, "x" * 5000)):
            is_problem(await lead.get(f"/v1/alerts/{path}"), 404)


# --- rules


@pytest.mark.asyncio
async def test_each_rule_says_how_often_it_fired_and_was_acted_on_in_scope(notify: House) -> None:
    opened_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    acknowledged = [
        Change(opened_at, "open", "warning", reason="line held"),
        Change(opened_at, "acknowledged", "warning", by="kim", reason="acknowledged"),
    ]
    engine = notify.engine
    await engine.publish(*(alert(f"q-{i}", opened_at=opened_at) for i in range(3)), alert("old"))
    await engine.publish(alert("q-0", opened_at=opened_at, phase="acknowledged", owner="kim", history=acknowledged))
    theirs = agent_alert("a-1", "team-b")
    theirs.opened_at = opened_at
    await notify.knows(await engine.publish(theirs))
    async with client(notify, "team-a") as lead, client(notify) as every:
        (queues,) = (await lead.get("/v1/rules")).json()["rules"]
        assert queues == {
            "kind": "queue.strain", "fired": 3, "acted": 1, "acknowledged_p50_s": 0.0,
            "escalated": 0, "suppressed": 0, "open": 3,
        }  # fmt: skip
        assert [rule["kind"] for rule in (await every.get("/v1/rules")).json()["rules"]] == [
            "agent.strain",
            "queue.strain",
        ]
        assert (await lead.get("/v1/rules", params={"since": "2099-01-01T00:00:00Z"})).json()["rules"] == []
        assert (await lead.get("/v1/rules", params={"since": "4" + "0" * 12})).json()["rules"] == []
        for since in ("yesterday", "2026-01-01", "9" * 15, "9" * 30, ""):
            assert "since" in is_problem(await lead.get("/v1/rules", params={"since": since}), 422)
    async with client(notify, role="agent") as agent:
        is_problem(await agent.get("/v1/rules"), 403)


# --- acting


@pytest.mark.asyncio
async def test_acknowledge_answers_with_the_alert_as_it_became(notify: House) -> None:
    await notify.knows(await notify.engine.publish(alert("a-1")))
    async with judging(notify.engine) as engine, client(notify, sub="kim") as kim, client(notify, sub="lee") as lee:
        done = await kim.post("/v1/alerts/a-1/acknowledge", json={"note": "On it"})
        assert done.status_code == 200
        assert (done.json()["phase"], done.json()["owner"]) == ("acknowledged", "kim")
        again = await kim.post("/v1/alerts/a-1/acknowledge")
        assert (again.status_code, again.json()) == (200, done.json())
        assert is_problem(await lee.post("/v1/alerts/a-1/acknowledge"), 409) == "kim was first."
        assert len(engine.judged) == 1


@pytest.mark.asyncio
async def test_of_two_at_the_same_moment_one_is_first(notify: House) -> None:
    await notify.knows(await notify.engine.publish(alert("a-1")))
    async with client(notify, sub="kim") as kim, client(notify, sub="lee") as lee, judging(notify.engine) as engine:
        answers = await asyncio.gather(*(lead.post("/v1/alerts/a-1/acknowledge", json={}) for lead in (kim, lee)))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        first = engine.alerts["a-1"].owner
        loser = next(answer for answer in answers if answer.status_code == 409)
        assert is_problem(loser, 409) == f"{first} was first."


@pytest.mark.asyncio
async def test_an_action_that_nobody_judges_in_time_is_202(notify: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "SCORED_WAIT_S", 0.1)
    await notify.knows(await notify.engine.publish(alert("a-1")))
    async with client(notify) as lead:
        response = await lead.post("/v1/alerts/a-1/acknowledge")
    assert response.status_code == 202
    assert response.json()["alert"] == "a-1"
    entries = await notify.engine.log.read(notify.engine.partition, EntryId(0, 0))
    assert [type(parse_entry(e.fields)).__name__ for e in entries] == [Tick.__name__, "Acknowledged"]


@pytest.mark.asyncio
async def test_an_action_that_cannot_be_taken_is_a_problem(notify: House) -> None:
    await notify.engine.publish(agent_alert("of-b", "team-b"), alert("over"))
    await notify.knows(await notify.engine.publish(alert("over", phase="resolved")))
    async with client(notify, "team-a") as a, client(notify, "team-b") as b, client(notify, tenant="other") as other:
        is_problem(await a.post("/v1/alerts/of-b/acknowledge"), 404)
        is_problem(await other.post("/v1/alerts/of-b/acknowledge"), 404)
        assert "resolved" in is_problem(await a.post("/v1/alerts/over/acknowledge"), 409)
        too_long, deep = json.dumps({"note": "x" * 281}), '{"x":' + "[" * 10_000
        for body in (too_long, "[]", "nope", '{"note":1}', '{"note":"\\ud800"}', b"\xff", deep):
            is_problem(await b.post("/v1/alerts/of-b/acknowledge", content=body), 422)
        is_problem(await b.post("/v1/alerts/of-b/acknowledge", content="x" * 20_000), 413)
        is_problem(await b.post("/v1/alerts/of-b/dance"), 404)
        is_problem(await b.get("/v1/alerts/of-b/acknowledge"), 405)


@pytest.mark.asyncio
async def test_a_log_that_is_away_is_named_and_then_all_is_well_again(notify: House, log: Store) -> None:
    await notify.knows(await notify.engine.publish(alert("a-1")))
    async with client(notify) as lead, notify.lead() as feed:
        assert (await lead.get("/readyz")).status_code == 200
        await feed.next("board")
        log.away = True
        response = await lead.post("/v1/alerts/a-1/acknowledge")
        is_problem(response, 503)
        assert response.headers["retry-after"]
        await feed.send("acknowledge", alert="a-1")
        assert (await feed.next("problem"))["status"] == 503

        async def is_named() -> bool:
            return "the plug is pulled" in (await lead.get("/readyz")).text

        async def is_well() -> bool:
            return (await lead.get("/readyz")).status_code == 200

        await until(is_named)
        assert not await is_well()
        assert (await lead.get("/v1/alerts/a-1")).status_code == 200  # what was known stays to be seen
        log.away = False
        cursor = str(await notify.engine.publish(alert("a-2")))
        assert await feed.alerts(1) == [("a-2", cursor)]
        await until(is_well)


@pytest.mark.asyncio
async def test_a_service_that_never_saw_the_log_says_so(log: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.notify.hub.START_WAIT_S", 0.1)
    log.away = True
    async with house(log) as running, client(running) as lead, running.lead() as feed:
        assert (await lead.get("/readyz")).status_code == 503
        is_problem(await lead.get("/v1/board"), 503)
        goodbye = await feed.next("goodbye")
        assert (goodbye["code"], goodbye["reconnect"]) == (1012, True)


# --- the page and what operators read


@pytest.mark.asyncio
async def test_the_page_is_served_with_the_headers_that_keep_it_safe(tmp_path: Path) -> None:
    app = FastAPI()
    problems.install(app)
    app.include_router(page.routes(tmp_path))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as browser:
        not_built = await browser.get("/")
        assert "make web" in not_built.text
        (tmp_path / "assets").mkdir()
        (tmp_path / "index.html").write_text("<title>built</title>")
        (tmp_path / "assets" / "page-1a2b.js").write_text("export {}")
        index, script = await browser.get("/"), await browser.get("/assets/page-1a2b.js")
        assert "built" in index.text
        assert index.headers["cache-control"] == "no-store"
        assert "immutable" in script.headers["cache-control"]
        assert script.headers["content-type"].startswith("text/javascript")
        for response in (not_built, index, script):
            assert "default-src 'self'" in response.headers["content-security-policy"]
        for asked, packed in (("gzip, br", True), ("*", True), ("gzip;q=0, br", False), ("", False)):
            answer = await browser.get("/assets/page-1a2b.js", headers={"Accept-Encoding": asked})
            assert (answer.headers.get("content-encoding") == "gzip") is packed
            assert (answer.text, answer.headers["vary"]) == ("export {}", "Accept-Encoding")
        (tmp_path / "index.html").write_text("<title>built anew</title>")
        assert "anew" in (await browser.get("/")).text
        for name in ("none.js", "..%2findex.html", "x" * 5000, "%00"):
            is_problem(await browser.get(f"/assets/{name}"), 404)


@pytest.mark.asyncio
async def test_what_operators_and_integrators_read(notify: House) -> None:
    async with client(notify) as lead, notify.lead() as feed:
        await feed.next("board")
        assert (await lead.get("/healthz")).status_code == 200
        metrics = (await lead.get("/metrics")).text
        assert 'strainwatch_notify_connections{transport="websocket"} 1.0' in metrics
        assert 'strainwatch_notify_frames_total{kind="board"}' in metrics
        assert "strainwatch_notify_slow_closes_total 0.0" in metrics
        assert "strainwatch_notify_feed_lag_seconds" in metrics
        paths = (await lead.get("/openapi.json")).json()["paths"]
        assert {"/v1/board", "/v1/alerts", "/v1/alerts/{alert}", "/v1/alerts/{alert}/acknowledge"} <= set(paths)
        assert (await lead.get("/docs")).status_code == 200
        is_problem(await lead.get("/nowhere"), 404)
        is_problem(await lead.get("/v1/feed"), 404)
