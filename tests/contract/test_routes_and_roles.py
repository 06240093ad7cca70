"""Every route of the service by role, team and tenant. The table is held against the app: a new route needs a row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx2 as httpx
import pytest
import pytest_asyncio
from notify_house import WAIT_S, House, agent_alert, alert, house, signals, token

from services.notify import actions
from shared.clock import SystemClock
from shared.contract.alerts import Subject
from shared.log_memory import MemoryLog

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEADS = frozenset({"lead", "supervisor", "admin"})
SUPERVISORS = frozenset({"supervisor", "admin"})
AGENTS = frozenset({"agent"})
SIGNED_IN = LEADS | AGENTS
ROLES = sorted(SIGNED_IN)


@dataclass(frozen=True)
class Row:
    """A route, and for whom it is; without `roles` it is for everybody, and needs no token."""

    method: str
    path: str
    roles: frozenset[str] | None = None
    query: str = ""
    body: Any = None
    names: str = ""
    """What `{...}` in the path, or the id in the query, names: an alert or an agent."""

    def url(self, id: str) -> str:
        """With an id in its place."""
        return f"{self.path}{self.query}".replace("{alert}", id).replace("{agent}", id).replace("{name}", id)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ROWS = (
    Row("GET", "/v1/board", LEADS),
    Row("GET", "/v1/alerts", LEADS),
    Row("GET", "/v1/alerts/{alert}", LEADS, names="alert"),
    Row("POST", "/v1/alerts/{alert}/acknowledge", LEADS, names="alert"),
    Row("POST", "/v1/alerts/{alert}/assign", LEADS, body={"to": "kim"}, names="alert"),
    Row("POST", "/v1/alerts/{alert}/snooze", LEADS, body={"for_s": 60}, names="alert"),
    Row("POST", "/v1/alerts/{alert}/close", LEADS, names="alert"),
    Row("POST", "/v1/alerts/{alert}/note", LEADS, body={"text": "Seen."}, names="alert"),
    Row("GET", "/v1/rules", LEADS),
    Row("GET", "/v1/history", LEADS, query="?type=agent&id={agent}", names="agent"),
    Row("GET", "/v1/reports/shift", LEADS),
    Row("GET", "/v1/stream", LEADS),
    Row("POST", "/v1/agents/{agent}/supported", LEADS, names="agent"),
    Row("GET", "/v1/audit", SUPERVISORS),
    Row("GET", "/v1/agents/me", AGENTS),
    Row("POST", "/v1/agents/me/check-in", AGENTS, body={"load": 3}),
    Row("GET", "/v1/me", SIGNED_IN),
    Row("GET", "/v1/signin"),
    Row("GET", "/"),
    Row("GET", "/favicon.svg"),
    Row("GET", "/assets/{name}"),
    Row("GET", "/openapi.json"),
    Row("GET", "/docs"),
    Row("GET", "/healthz"),
    Row("GET", "/readyz"),
    Row("GET", "/metrics"),
)
GUARDED = [row for row in ROWS if row.roles is not None]
NAMING = [row for row in ROWS if row.names]
READING = [
    row for row in GUARDED if row.method == "GET" and not row.names and row.path not in ("/v1/stream", "/v1/audit")
]

OF_TEAM_A = {"alert": "a-1", "agent": "ann"}
OF_OTHERS = {"alert": "o-1", "agent": "olga"}
"""Of another tenant."""
OF_NOBODY = {"alert": "x-1", "agent": "xena"}


_people = count()


def bearer(*teams: str, **claims: Any) -> str:
    """A token of somebody who has asked for nothing yet: how much one person may do in a minute is not meant here."""
    return token(*teams, sub=f"u-{next(_people)}", **claims)


def walked(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Method and path of all routes, also of routers within routers. What is not known fails: it may hide routes."""
    for route in routes:
        if (inner := getattr(route, "original_router", None)) is not None:
            yield from walked(inner.routes)
        else:
            yield from ((method, route.path) for method in route.methods if method != "HEAD")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def notify() -> AsyncIterator[House]:
    """Two tenants in one partition, with an agent of each of two teams, and alerts of each."""
    log = MemoryLog(clock=SystemClock())
    async with house(log) as running:
        at_ms = SystemClock().now_ms()
        other = signals(at_ms, tenant="other")
        other.agents.ids[:] = ["olga", "otto", "omar"]
        await running.engine.publish(signals=other)
        cursor = await running.engine.publish(
            agent_alert("a-1", "team-a"),
            agent_alert("b-1", "team-b", "bo"),
            alert("q-1"),
            alert("o-1", kind="agent.strain", team="team-a", subject=Subject("agent", "olga"), tenant="other"),
            signals=signals(at_ms),
        )
        await running.knows(cursor)
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(notify: House) -> AsyncIterator[httpx.AsyncClient]:
    """One for all who ask; each request has its own token."""
    async with httpx.AsyncClient(base_url=notify.http, timeout=WAIT_S, trust_env=False, verify=False) as shared:
        yield shared


async def asked(client: httpx.AsyncClient, row: Row, id: str, authorization: str | None) -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": f"Bearer {authorization}"}
    async with client.stream(row.method, row.url(id), json=row.body, headers=headers) as response:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            return response  # it does not end by itself
        await response.aread()
        return response


async def test_every_route_has_a_row(notify: House) -> None:
    assert sorted(walked(notify.server.config.app.routes)) == sorted((row.method, row.path) for row in ROWS)  # type: ignore[union-attr]


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_a_route_lets_in_whom_it_is_for(client: httpx.AsyncClient, row: Row) -> None:
    id = OF_NOBODY.get(row.names, "x")
    assert ((await asked(client, row, id, None)).status_code == 401) is (row.roles is not None)
    for role in ROLES:
        for agent in ("ann", None):
            response = await asked(client, row, id, bearer("*", role=role, agent=agent))
            shut = row.roles is not None and (role not in row.roles or (row.roles is AGENTS and agent is None))
            assert (response.status_code == 403) is shut, (role, agent, response.status_code)
            assert response.status_code < 500


@pytest.mark.parametrize("row", GUARDED, ids=str)
async def test_a_token_that_is_not_good_opens_nothing(client: httpx.AsyncClient, row: Row) -> None:
    good = bearer("*", role="admin", agent="ann")
    head, body, signature = good.split(".")
    for bad in (f"{head}.{body}.", f"{head}.{body}.{signature[::-1]}", bearer("*", role="admin", ttl_s=-1), "x"):
        assert (await asked(client, row, OF_TEAM_A.get(row.names, "x"), bad)).status_code == 401


@pytest.mark.parametrize("row", NAMING, ids=str)
@pytest.mark.parametrize("role", sorted(LEADS))
async def test_what_is_of_others_is_answered_as_what_there_is_not(
    client: httpx.AsyncClient, row: Row, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, so that nobody learns that it is there."""
    monkeypatch.setattr(actions, "SCORED_WAIT_S", 0.02)  # no engine judges here
    team_b = bearer("team-b", role=role)
    nobodys = await asked(client, row, OF_NOBODY[row.names], team_b)
    assert nobodys.status_code == 404
    hidden = [(OF_TEAM_A, team_b), (OF_OTHERS, team_b), (OF_OTHERS, bearer("*", role=role))]
    hidden += [(OF_TEAM_A, bearer("*", "team-a", role=role, tenant="other"))]
    for of, by in hidden:
        found = await asked(client, row, of[row.names], by)
        assert (found.status_code, found.content) == (404, nobodys.content)
    own = await asked(client, row, OF_TEAM_A[row.names], bearer("team-a", role=role))
    assert own.status_code in (200, 202)


@pytest.mark.parametrize("row", READING, ids=str)
async def test_what_is_read_names_nobody_of_others(client: httpx.AsyncClient, row: Row) -> None:
    """Asked with a filter for the others' things, too, which may only narrow."""
    assert row.roles is not None
    role = "agent" if row.roles is AGENTS else "supervisor"
    for by, strange in (
        (bearer("team-b", role=role, agent="bo"), ('"ann"', '"a-1"', '"team-a"', "olga", "o-1")),
        (bearer("*", role=role, agent="zed", tenant="other"), ('"ann"', '"bo"', '"a-1"', '"b-1"', '"q-1"')),
    ):
        for query in ("", "?team=team-a", "?subject=ann", "?team=team-a&team=team-b&phase=open,resolved"):
            answer = await asked(client, Row(row.method, row.path, query=query), "", by)
            assert answer.status_code in (200, 404)
            if answer.status_code == 200:
                assert not [name for name in strange if name in answer.text], query


@pytest.mark.parametrize("tenant", ["acme", "other"])
async def test_the_audit_log_is_of_the_own_tenant(client: httpx.AsyncClient, tenant: str) -> None:
    """All of it for an admin; a supervisor sees what concerned the own teams, and xena is in none."""
    support = Row("POST", "/v1/agents/{agent}/supported")
    for of in ("acme", "other"):
        assert (await asked(client, support, "xena", bearer(tenant=of))).status_code == 404
    row = Row("GET", "/v1/audit")
    answer = await asked(client, row, "", bearer("team-b", role="admin", tenant=tenant))
    assert {record["tenant"] for record in answer.json()["records"]} == {tenant}
    answer = await asked(client, row, "", bearer("team-b", role="supervisor", tenant=tenant))
    assert "xena" not in answer.text
