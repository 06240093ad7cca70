"""Every route of ingest, of scoring and of all services on one port: a new one needs a row that says who may. And what
the feed's frames let each role and tenant do. The rows of notify stand in `test_routes_and_roles`."""

from __future__ import annotations

import json
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from notify_house import House, agent_alert, alert, house, signals, token
from prometheus_client import CollectorRegistry
from serving_ingest import serving
from test_routes_and_roles import LEADS, ROWS, walked

from services.notify import actions
from services.scoring.app import Scoring
from shared.access import encode_api_key, new_api_key
from shared.clock import SystemClock
from shared.contract.alerts import Subject
from shared.log_memory import MemoryLog
from shared.settings import Environment
from tools.composition import Services
from tools.serve_setup import Setup, Which

pytestmark = pytest.mark.asyncio

OPERATIONS = {("GET", path) for path in ("/healthz", "/readyz", "/metrics")}
DESCRIBED = {("GET", path) for path in ("/openapi.json", "/docs")}
OPEN = OPERATIONS | DESCRIBED
"""For whoever reaches the port: numbers and descriptions, and nobody's data."""
BY_KEY = {("POST", "/v1/events")}
"""For an API key with the scope, and for nobody else."""
BY_TOKEN = {(row.method, row.path) for row in ROWS} - OPEN
ROUTES: dict[Which, set[tuple[str, str]]] = {
    "ingest": OPEN | BY_KEY,
    "scoring": OPEN,
    "notify": OPEN | BY_TOKEN,
    "all": OPEN | BY_KEY | BY_TOKEN,
}
VERBS = {
    "acknowledge": {}, "assign": {"to": "kim"}, "snooze": {"for_s": 60}, "close": {}, "note": {"text": "Seen."},
}  # fmt: skip


def services(which: Which, log: MemoryLog) -> Services:
    setup = Setup(
        which=which, environment=Environment(), host="127.0.0.1", port=0, settings=None, jwt_secret=b"s" * 32,
        caller_secret=b"c" * 32,
    )  # fmt: skip
    return Services(setup, log, CollectorRegistry(), SystemClock())


def of(app: FastAPI) -> set[tuple[str, str]]:
    """Its routes; one without methods takes what it gets, and is known by name."""
    plain = [route for route in app.routes if getattr(route, "path", "") == "/v1/events"]
    rest = [route for route in app.routes if route not in plain]
    return set(walked(rest)) | {("POST", "/v1/events") for _ in plain}


@pytest.mark.parametrize("which", sorted(ROUTES))
async def test_every_route_of_a_service_is_in_the_table(which: Which) -> None:
    app = services(which, MemoryLog(clock=SystemClock())).app()
    assert of(app) == ROUTES[which]


async def test_what_is_open_says_nothing_of_anybody() -> None:
    log = MemoryLog(clock=SystemClock())
    for app in (services("all", log).app(), Scoring(log=log, clock=SystemClock(), registry=CollectorRegistry()).app()):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(base_url="http://x", transport=transport) as client:
            for _, path in sorted(OPERATIONS | {("GET", "/openapi.json")}):
                answer = await client.get(path)
                assert answer.status_code in (200, 503), path
                assert "access-control-allow-origin" not in answer.headers
                assert "acme" not in answer.text


async def test_events_are_taken_by_a_key_with_the_scope_and_by_nothing_else() -> None:
    """Whatever the tenant in the body or the address says, events are those of the key's tenant."""
    log = MemoryLog(clock=SystemClock())
    good, record = new_api_key("acme", ["events:write"], random_bytes=lambda n: b"g" * n, now_ms=0)
    bare, without = new_api_key("acme", [], random_bytes=lambda n: b"w" * n, now_ms=0)
    for made in (record, without):
        await log.put_api_key(made.id, encode_api_key(made))
    async with serving(log, SystemClock()) as (client, _):
        event = {"type": "queue.observed", "id": "q", "queue": "b", "waiting": 1, "ts": SystemClock().now_ms()}

        async def status(authorization: str | None, path: str = "/v1/events") -> int:
            headers = {"authorization": authorization or ""}
            return (await client.post(path, json=event | {"tenant": "other"}, headers=headers)).status_code

        assert await status(f"Bearer {good}") == 202
        assert await status(f"bearer  {good}") == 202
        assert await status(f"Bearer {good}", "/v1/events?tenant=other") == 202
        assert await status(f"Bearer {bare}") == 403
        for role in ("agent", "lead", "supervisor", "admin"):
            assert await status(f"Bearer {token(role=role)}") == 401
        wrong = [None, "", "Bearer", good, f"Basic {good}", f"Bearer {good[:-1]}", f"Bearer {good}x", "Bearer sk_"]
        wrong += [f"Bearer {good.upper()}", f"Bearer sk_{record.id}_", f"Bearer {record.hash}", f"Bearer {good},{good}"]
        for one in wrong:
            assert await status(one) == 401, one
        assert (await client.get("/v1/events", headers={"authorization": f"Bearer {good}"})).status_code == 405


async def test_a_key_of_an_acd_opens_nothing_of_the_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = new_api_key("acme", ["events:write"], random_bytes=lambda n: b"k" * n, now_ms=0)
    async with house(MemoryLog(clock=SystemClock())) as notify:
        async with httpx.AsyncClient(base_url=notify.http, trust_env=False, timeout=60) as client:
            for row in ROWS:
                if row.roles is not None:
                    answer = await client.request(
                        row.method, row.url("x"), json=row.body, headers={"Authorization": f"Bearer {key}"}
                    )
                    assert answer.status_code == 401, row
        async with notify.open(key) as socket:
            await socket.wait_closed()
            assert socket.close_code == 4500


@pytest.mark.parametrize("role", sorted(LEADS))
async def test_over_the_feed_what_is_of_others_is_answered_as_what_there_is_not(
    role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "SCORED_WAIT_S", 0.02)  # no engine judges here
    async with house(MemoryLog(clock=SystemClock())) as notify:
        other = alert("o-1", kind="agent.strain", team="team-a", subject=Subject("agent", "olga"), tenant="other")
        cursor = await notify.engine.publish(
            agent_alert("a-1", "team-a"), agent_alert("b-1", "team-b", "bo"), other, signals=signals(0)
        )
        await notify.knows(cursor)
        for teams, hidden in (("team-b", ("a-1", "o-1", "x-1")), ("*", ("o-1", "x-1"))):
            async with notify.lead(teams, role=role, sub=f"{role}-{teams}") as lead:
                await lead.next("hello")
                for verb, fields in VERBS.items():
                    answers = [await told(lead, verb, id, fields) for id in hidden]
                    assert {answer["status"] for answer in answers} == {404}
                    assert len({json.dumps(answer | {"alert": ""}) for answer in answers}) == 1
        assert not [name for name in await seen(notify, "team-b", role) if name in ("a-1", "o-1", "olga", "ann")]


async def told(lead: Any, verb: str, id: str, fields: dict[str, Any]) -> dict[str, Any]:
    await lead.send(verb, alert=id, **fields)
    problem: dict[str, Any] = await lead.next("problem", alert=id)
    return problem


async def seen(notify: House, team: str, role: str) -> list[str]:
    """Ids of all alerts and agents that the feed tells of."""
    async with notify.lead(team, role=role, sub="looker") as lead:
        await lead.next("hello")
        await lead.send("resume", epoch="wrong", cursor="0-0")
        hello = await lead.next("hello", recovered=False)
        board = await lead.next("board")
        return [one["id"] for one in (*hello["alerts"], *board["agents"])]


async def test_an_agents_token_opens_no_feed_and_another_persons_no_living_one() -> None:
    async with house(MemoryLog(clock=SystemClock())) as notify:
        async with notify.open(token(role="agent", agent="ann")) as socket:
            await socket.wait_closed()
            assert socket.close_code == 4507
        async with notify.lead(sub="lee") as lead:
            await lead.next("hello")
            for other in (token(sub="kim"), token(sub="lee", tenant="other")):
                await lead.send("authenticate", token=other)
                assert (await lead.next("problem"))["status"] == 409


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://evil.example", False), ("null", False), ("http://127.0.0.1.evil.example", False),
        ("https://wall.example.org", True), ("http://wall.example.org", False), ("https://wall.example.org:444", False),
        ("", True),
    ],
)  # fmt: skip
async def test_pages_of_other_hosts_open_the_feed_only_when_they_are_named(origin: str, allowed: bool) -> None:
    headers = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", **({"Origin": origin} if origin else {}),
    }  # fmt: skip
    async with (
        house(MemoryLog(clock=SystemClock()), allowed_origins=("https://wall.example.org",)) as notify,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
        client.stream("GET", f"{notify.http}/v1/feed", headers=headers) as answer,
    ):
        assert answer.status_code == (101 if allowed else 403)
