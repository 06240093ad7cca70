"""What leads and agents do, over REST and feed, judged by the real engine: notify, log and scoring together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest
import pytest_asyncio
from notify_house import WAIT_S, House, house, token, until
from scoring_kit import QUICK, running, settings_from

from services.notify import trail
from shared.clock import ManualClock, SystemClock
from shared.contract.encoder import EventsEncoder
from shared.contract.entries import START, Events, block_fields, parse_entry
from shared.contract.events import AgentState, Event, QueueObserved
from shared.contract.rows import RowHashes, describe
from shared.log_memory import MemoryLog

pytestmark = pytest.mark.asyncio

SETTINGS = b"""
revision = 1
timezone = "Europe/Madrid"
[tenants.other]
timezone = "Asia/Shanghai"
[alerts."queue.strain"]
open_line = 30
open_hold_s = 0
close_line = 10
close_hold_s = 0
critical_line = 99.9
escalate_after_s = 50
"""


class Floor:
    """A contact centre of one queue and two agents, with everything behind it; time moves when a test says so."""

    def __init__(self, house: House, log: MemoryLog, clock: ManualClock) -> None:
        self.house, self.log, self.clock = house, log, clock
        self._number = 0
        self._now = (0, 0.0)

    async def says(self, *events: Event) -> None:
        """The ACD sends something."""
        encoder = EventsEncoder()
        encoder.add("acme", RowHashes("acme", b"secret"), events, [self.clock.now_ms()] * len(events))
        await self.log.append(0, block_fields(encoder.finish()[0]))

    async def queue(self, waiting: int, longest_s: float) -> None:
        self._number += 1
        self._now = (waiting, longest_s)
        event = QueueObserved(id=f"q-{self._number}", ts=0, queue="billing", waiting=waiting, longest_wait_s=longest_s)
        await self.says(event)

    async def agents(self) -> None:
        await self.says(
            *(
                AgentState(id=f"s-{name}", ts=0, agent=name, state="available", team=team)
                for name, team in (("ann", "team-a"), ("bo", "team-b"))
            )
        )

    async def pass_s(self, seconds: int) -> None:
        """Time passes, in steps that are no clock gap; the queue stays as it is."""
        for _ in range(0, seconds, 10):
            self.clock.step(min(10, seconds))
            await self.queue(*self._now)

    async def alert(self) -> str:
        """Open one, and its id."""
        await self.queue(60, 1200)
        async with self.client() as lead:
            await until(lambda: self._has_one(lead))
            found: str = (await lead.get("/v1/alerts")).json()["alerts"][0]["id"]
            return found

    async def sees(self, lead: httpx.AsyncClient, agent: str) -> None:
        """Wait until an agent is on the board."""

        async def is_there() -> bool:
            await self.pass_s(1)
            return agent in [row["id"] for row in (await lead.get("/v1/board")).json()["agents"]]

        await until(is_there)

    async def _has_one(self, lead: httpx.AsyncClient) -> bool:
        return bool((await lead.get("/v1/alerts")).json()["alerts"])

    def client(self, *teams: str, **claims: Any) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token(*teams, **claims)}"}
        return httpx.AsyncClient(base_url=self.house.http, headers=headers, timeout=WAIT_S, trust_env=False)

    async def events(self, type_: str) -> list[dict[str, Any]]:
        """Events of a type in the log."""
        bodies = [parse_entry(entry.fields) for entry in await self.log.read(0, START, count=10_000)]
        blocks = [body.block for body in bodies if isinstance(body, Events)]
        told = [describe(block, row) for block in blocks for row in range(block.n)]
        return [event for event in told if event["type"] == type_]


@pytest_asyncio.fixture
async def floor() -> AsyncIterator[Floor]:
    clock = ManualClock(SystemClock().now_ms())
    log = MemoryLog(clock=clock)
    async with (
        running(log, clock, timing=QUICK, settings=settings_from(SETTINGS)),
        house(log, clock, judged=True) as notify,
    ):
        yield Floor(notify, log, clock)


async def does(lead: httpx.AsyncClient, alert: str, verb: str, **body: Any) -> dict[str, Any]:
    """An action that is done."""
    response = await lead.post(f"/v1/alerts/{alert}/{verb}", json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def refused(lead: httpx.AsyncClient, alert: str, verb: str, status: int, **body: Any) -> str:
    """An action that is not done, and why."""
    response = await lead.post(f"/v1/alerts/{alert}/{verb}", json=body)
    assert response.status_code == status, response.text
    detail: str = response.json()["detail"]
    return detail


# --- alerts


async def test_an_alert_is_taken_on_handed_on_noted_and_closed(floor: Floor) -> None:
    alert = await floor.alert()
    async with floor.client(sub="kim") as kim, floor.client(sub="lee") as lee:
        taken = await does(kim, alert, "acknowledge", note="On it")
        assert (taken["phase"], taken["owner"]) == ("acknowledged", "kim")
        assert await does(kim, alert, "acknowledge") == taken
        assert await refused(lee, alert, "acknowledge", 409) == "kim was first."

        handed = await does(kim, alert, "assign", to="lee")
        assert (handed["phase"], handed["owner"], handed["history"][-1]["to"]) == ("assigned", "lee", "lee")
        assert (await does(kim, alert, "assign", to="lee"))["updated_at"] == handed["updated_at"]
        assert await refused(kim, alert, "acknowledge", 409) == "lee was first."

        noted = await does(kim, alert, "note", text="Two more on their way")
        assert (noted["phase"], noted["owner"]) == ("assigned", "lee")
        assert noted["history"][-1]["note"] == "Two more on their way"

        closed = await does(lee, alert, "close", note="The storm is over")
        assert (closed["phase"], closed["history"][-1]["by"]) == ("resolved", "lee")
        assert await does(lee, alert, "close") == closed
        assert "lee closed it" in await refused(kim, alert, "close", 409)
        for verb, body in (
            ("acknowledge", {}),
            ("assign", {"to": "x"}),
            ("snooze", {"for_s": 60}),
            ("note", {"text": "x"}),
        ):
            assert "lee closed it" in await refused(kim, alert, verb, 409, **body)


async def test_a_snoozed_alert_comes_back_by_itself_on_the_feed_of_every_lead(floor: Floor) -> None:
    alert = await floor.alert()
    async with floor.client(sub="kim") as kim, floor.house.lead("team-b", sub="lee") as lee:
        await lee.next("board")
        snoozed = await does(kim, alert, "snooze", for_s=60)
        assert snoozed["phase"] == "snoozed"
        assert (await lee.next("alert"))["alert"]["history"][-1]["until"] == snoozed["history"][-1]["until"]
        await floor.pass_s(70)
        back = (await lee.next("alert"))["alert"]
        assert (back["phase"], back["owner"], back["history"][-1]["reason"]) == ("open", None, "snooze is over")
        await floor.pass_s(60)
        assert (await lee.next("alert"))["alert"]["phase"] == "escalated"
        assert (await does(kim, alert, "acknowledge"))["owner"] == "kim"


@pytest.mark.parametrize(
    ("verb", "bodies"), [("acknowledge", ({}, {})), ("assign", ({"to": "x"}, {"to": "y"})), ("close", ({}, {}))]
)
async def test_of_two_at_the_same_moment_one_is_first_and_the_other_is_told(
    floor: Floor, verb: str, bodies: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    alert = await floor.alert()
    async with floor.client(sub="kim") as kim, floor.client(sub="lee") as lee:
        sent = [
            lead.post(f"/v1/alerts/{alert}/{verb}", json=body) for lead, body in zip((kim, lee), bodies, strict=True)
        ]
        answers = await asyncio.gather(*sent)
    assert sorted(answer.status_code for answer in answers) == [200, 409], [answer.text for answer in answers]
    first, loser = sorted(answers, key=lambda answer: answer.status_code)
    who = first.json()["owner"] or first.json()["history"][-1]["by"]
    assert who in loser.json()["detail"]


async def test_every_verb_works_over_the_feed_too(floor: Floor) -> None:
    alert = await floor.alert()
    async with floor.house.lead(sub="kim") as kim:
        await kim.next("board")
        for kind, fields, phase in (
            ("note", {"text": "Looking"}, "open"),
            ("snooze", {"for_s": 600}, "snoozed"),
            ("acknowledge", {"note": ""}, "acknowledged"),
            ("assign", {"to": "lee"}, "assigned"),
            ("close", {"note": "Done"}, "resolved"),
        ):
            await kim.send(kind, alert=alert, **fields)
            change = (await kim.next("alert"))["alert"]
            assert (change["phase"], change["history"][-1]["by"]) == (phase, "kim")
        await kim.send("note", alert=alert, text="Too late")
        assert (await kim.next("problem"))["status"] == 409


async def test_more_than_a_person_can_do_is_refused_for_a_while(floor: Floor) -> None:
    alert = await floor.alert()
    async with floor.client(sub="kim") as kim, floor.client(sub="lee") as lee:
        for _ in range(100):
            await refused(kim, "none", "note", 404, text="x")
        response = await kim.post(f"/v1/alerts/{alert}/note", json={"text": "x"})
        assert (response.status_code, response.headers["retry-after"]) == (429, "1")
        await does(lee, alert, "note", text="x")
        floor.clock.advance(1)
        await does(kim, alert, "note", text="x")


# --- agents


async def test_a_lead_says_that_an_agent_was_supported(floor: Floor) -> None:
    await floor.agents()
    async with floor.client("team-a", sub="kim") as kim, floor.client("*", sub="max") as max_:
        await floor.sees(max_, "ann")
        assert (await kim.post("/v1/agents/ann/supported", json={})).json() == {"agent": "ann"}
        assert (await kim.post("/v1/agents/ann/supported")).status_code == 200  # a double click
        assert (await max_.post("/v1/agents/ann/supported")).status_code == 200
        for name in ("bo", "nobody", "%00", "x" * 600):
            assert (await kim.post(f"/v1/agents/{name}/supported")).status_code == 404
    sent = await floor.events("agent.supported")
    assert [(event["agent"], event["other"], event["tenant"]) for event in sent] == [
        ("ann", "kim", "acme"),
        ("ann", "max", "acme"),
    ]
    assert len({event["id"] for event in sent}) == 2


async def test_an_agent_sees_the_own_row_and_checks_in(floor: Floor) -> None:
    await floor.agents()
    async with floor.client(role="agent", sub="u-7", agent="ann") as ann, floor.client("*") as lead:
        await floor.sees(lead, "ann")
        own = (await ann.get("/v1/agents/me")).json()
        assert (own["id"], own["team"], own["state"], own["check_in_at"]) == ("ann", "team-a", "available", None)
        assert own["strain"] == 0
        assert all(kept["what"] and kept["what_zh"] for kept in own["stored"])

        done = await ann.post("/v1/agents/me/check-in", json={"load": 5})
        assert (done.status_code, done.json()) == (200, {"agent": "ann"})
        again = await ann.post("/v1/agents/me/check-in", json={"load": 5})
        assert (again.status_code, again.headers["retry-after"]) == (429, "300")
        own = (await ann.get("/v1/agents/me")).json()
        assert own["check_in_at"] is not None

        async def is_felt() -> bool:
            await floor.pass_s(10)
            return bool((await ann.get("/v1/agents/me")).json()["strain"])

        await until(is_felt)
        assert [d["name"] for d in (await ann.get("/v1/agents/me")).json()["drivers"]] == ["check_in"]
        for body in ('{"load":0}', '{"load":6}', '{"load":2.5}', "{}", "", "[]", '{"load":"' + "x" * 99):
            assert (await ann.post("/v1/agents/me/check-in", content=body)).status_code == 422
    [event] = await floor.events("agent.check_in")
    assert (event["agent"], event["load"], event["tenant"]) == ("ann", 5.0, "acme")


async def test_a_check_in_is_known_to_every_process_and_after_a_restart(floor: Floor) -> None:
    async with floor.client(role="agent", sub="u-7", agent="ann") as ann:
        assert (await ann.post("/v1/agents/me/check-in", json={"load": 2})).status_code == 200
    async with house(floor.log, floor.clock, judged=True) as other:
        there = Floor(other, floor.log, floor.clock)
        async with there.client(role="agent", sub="u-7", agent="ann") as ann:
            assert (await ann.get("/v1/agents/me")).json()["check_in_at"] is not None
            assert (await ann.post("/v1/agents/me/check-in", json={"load": 2})).status_code == 429
            floor.clock.step(301)
            assert (await ann.post("/v1/agents/me/check-in", json={"load": 2})).status_code == 200


async def test_of_two_check_ins_at_once_one_counts(floor: Floor) -> None:
    async with floor.client(role="agent", sub="u-7", agent="ann") as ann:
        sent = [ann.post("/v1/agents/me/check-in", json={"load": 5}) for _ in range(5)]
        answers = await asyncio.gather(*sent)
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429, 429]
    assert len(await floor.events("agent.check_in")) == 1


async def test_a_flood_does_not_push_what_others_did_out_of_the_audit_log(floor: Floor) -> None:
    await floor.agents()
    async with (
        floor.client(role="agent", sub="u-7", agent="ann") as ann,
        floor.client("team-a", sub="kim") as kim,
        floor.client(role="admin") as admin,
    ):
        await floor.sees(admin, "ann")
        for client, path in ((ann, "/v1/agents/me/check-in"), (kim, "/v1/agents/bo/supported")):
            answers = [await client.post(path, json={"load": 5}) for _ in range(120)]
            assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "1")
        records = (await admin.get("/v1/audit", params={"limit": 500})).json()["records"]
    assert len(records) == 2 * 100


async def test_an_agents_token_opens_nothing_else(floor: Floor) -> None:
    alert = await floor.alert()
    async with floor.client("*", role="agent", agent="ann") as ann, floor.client(agent="ann") as lead:
        for path in ("/v1/board", "/v1/alerts", f"/v1/alerts/{alert}", "/v1/audit"):
            assert (await ann.get(path)).status_code == 403
        for path in (f"/v1/alerts/{alert}/acknowledge", f"/v1/alerts/{alert}/close", "/v1/agents/bo/supported"):
            assert (await ann.post(path)).status_code == 403
        assert (await lead.get("/v1/agents/me")).status_code == 403
        assert (await lead.post("/v1/agents/me/check-in", json={"load": 1})).status_code == 403
    async with floor.client(role="agent") as nameless:
        assert (await nameless.get("/v1/agents/me")).status_code == 403
    async with floor.house.lead(role="agent", agent="ann") as feed:
        assert (await feed.next())["code"] == 4507


# --- who am I


async def test_everybody_may_ask_who_they_are(floor: Floor) -> None:
    async with floor.client("team-a", role="supervisor", sub="kim") as kim:
        me = (await kim.get("/v1/me")).json()
        assert {"acknowledge", "assign", "snooze", "close", "note", "supported", "audit"} <= set(me.pop("may"))
        assert me == {
            "sub": "kim", "tenant": "acme", "teams": ["team-a"], "role": "supervisor", "agent": None, "zone": None,
        }  # fmt: skip
        assert (await kim.get("/v1/signin", headers={"Authorization": ""})).json() == {"oidc": None}
    async with floor.client(role="agent", agent="ann") as ann:
        assert (await ann.get("/v1/me")).json()["may"] == ["own", "check_in"]
        del ann.headers["Authorization"]
        assert (await ann.get("/v1/me")).status_code == 401


# --- the audit log


async def test_every_action_is_in_the_audit_log_without_what_was_said(floor: Floor) -> None:
    alert = await floor.alert()
    await floor.agents()
    async with floor.client(sub="kim") as kim, floor.client("team-a", sub="lee") as lee:
        await floor.sees(kim, "ann")
        await does(kim, alert, "acknowledge", note="a secret remark")
        await refused(lee, alert, "acknowledge", 409)
        await does(lee, alert, "note", text="another secret remark")
        await refused(lee, "none", "close", 404)
        await lee.post("/v1/agents/ann/supported")
        assert (await lee.get("/v1/audit")).status_code == 403
    async with floor.client(role="agent", sub="u-7", agent="ann") as ann:
        await ann.post("/v1/agents/me/check-in", json={"load": 4})
    async with floor.house.lead(sub="kim") as feed:
        await feed.send("snooze", alert=alert, for_s=600)
        await feed.next("alert")

    async with floor.client("team-b", role="admin", sub="max") as max_:

        async def whole() -> bool:
            return len((await max_.get("/v1/audit")).json()["records"]) == 7

        await until(whole)  # over the feed the change may come before its record
        page = (await max_.get("/v1/audit")).json()
        assert page["next"] is None
        records = page["records"]
        told = [(r["sub"], r["role"], r["action"], r["subject"]["id"], r["outcome"]) for r in records]
        assert told == [
            ("kim", "lead", "snooze", alert, 200),
            ("u-7", "agent", "check_in", "ann", 200),
            ("lee", "lead", "supported", "ann", 200),
            ("lee", "lead", "close", "none", 404),
            ("lee", "lead", "note", alert, 200),
            ("lee", "lead", "acknowledge", alert, 409),
            ("kim", "lead", "acknowledge", alert, 200),
        ]
        assert {r["address"] for r in records} == {"127.0.0.1"}
        assert "secret" not in json.dumps(page)
        assert "load" not in json.dumps(page)

        pages, after = [], None
        while True:
            part = (await max_.get("/v1/audit", params={"limit": 3} | ({"after": after} if after else {}))).json()
            pages.append(part["records"])
            after = part["next"]
            if after is None:
                break
        assert [len(part) for part in pages] == [3, 3, 1]
        assert [record for part in pages for record in part] == records
        for query in ("limit=0", "limit=501", "after=x"):
            assert (await max_.get(f"/v1/audit?{query}")).status_code == 422
    async with floor.client(role="admin", tenant="other") as stranger:
        assert (await stranger.get("/v1/audit")).json() == {"records": [], "next": None}
    async with floor.client("team-a", role="supervisor") as theirs, floor.client("team-b", role="supervisor") as others:
        own = (await theirs.get("/v1/audit")).json()["records"]
        assert own == [record for record in records if record["subject"]["id"] != "none"]
        assert {(r["subject"]["type"], r["team"], r["about"]) for r in own} == {
            ("alert", None, "queue"),  # of the whole floor
            ("agent", "team-a", "agent"),
        }
        assert (await others.get("/v1/audit")).json()["records"] == [r for r in own if r["subject"]["type"] == "alert"]


@pytest.mark.parametrize("reads", [1, 40], ids=["pages that end before their tenant's records", "whole pages"])
async def test_tenants_that_share_a_partition_read_their_own_pages(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    monkeypatch.setattr(trail, "READ_COUNT", 3)
    monkeypatch.setattr(trail, "READS_MAX", reads)
    for n in range(12):
        async with floor.client(tenant="acme" if n % 3 else "other", sub=f"s-{n}") as lead:
            await refused(lead, "none", "note", 404, text="x")
    for tenant, expected in (("acme", [11, 10, 8, 7, 5, 4, 2, 1]), ("other", [9, 6, 3, 0])):
        async with floor.client(tenant=tenant, role="admin") as admin:
            seen: list[str] = []
            after: str | None = ""
            while after is not None:
                part = (await admin.get(f"/v1/audit?limit=2{after and f'&after={after}'}")).json()
                seen += [record["sub"] for record in part["records"]]
                after = part["next"]
            assert seen == [f"s-{n}" for n in expected]


async def test_an_action_is_done_also_when_its_record_cannot_be_written(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.log import LogUnavailable

    alert = await floor.alert()

    async def away(*_: Any) -> None:
        raise LogUnavailable("full")

    monkeypatch.setattr(floor.log, "audit", away)
    async with floor.client(sub="kim") as kim:
        assert (await does(kim, alert, "acknowledge"))["owner"] == "kim"
        assert "strainwatch_notify_audit_lost_total 1.0" in (await kim.get("/metrics")).text
