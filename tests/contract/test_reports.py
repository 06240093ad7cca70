"""`GET /v1/reports/shift` over the real services: a quarter of an hour of real calls goes in, the report comes out."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest
from prometheus_client import CollectorRegistry
from scoring_kit import BUSY_MS, EAGER, TENANT, busy_stretch, feed, in_phase, memory_log, scored, settings_from

from services.notify.reports.book import Book
from services.scoring.scorer import Phase
from shared.access import mint
from shared.contract.entries import Events, parse_entry, settings_fields, tick_fields
from shared.contract.rows import ABANDONED, ANSWERED, OFFERED
from shared.settings import Environment
from tools.composition import Services
from tools.serve_setup import Setup

SECRET = b"a secret for tests, of 32 bytes or more"
VALUES = (
    EAGER
    + b"""
[tenants.demo]
timezone = "Asia/Jerusalem"
[tenants.demo.report]
value_per_visit_avoided = 40
currency = "ILS"
"""
)


def rfc3339(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")


@contextlib.asynccontextmanager
async def desk(*teams: str, role: Any = "lead", fed: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """Ingest, scoring and notify in one process, calls in their log, and a lead who is signed in."""
    log, clock = memory_log()
    setup = Setup("all", Environment(), "127.0.0.1", 0, None, SECRET, SECRET)
    services = Services(setup, log, CollectorRegistry(), clock)
    assert services.scoring is not None
    await services.start()
    try:
        await in_phase(services.scoring, Phase.RUNNING)
        if fed:
            await log.append(0, settings_fields(settings_from(VALUES)))
            last = await feed(log, clock, busy_stretch())
            for _ in range(4):  # no gap, and the last minute is over
                clock.advance(20.0)
                last = await log.append(0, tick_fields(clock.now_ms()))
            await scored(log, last)
        token = mint(
            SECRET, tenant=TENANT, teams=teams or ("*",), role=role, sub="lea", exp_s=clock.now_ms() // 1000 + 3600
        )
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app=services.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=headers) as client:
            yield client
    finally:
        await services.drain()


def told() -> tuple[Counter[int], int]:
    """How many events of each kind, and how many contacts: of some the stretch has only the end."""
    kinds: Counter[int] = Counter()
    contacts: set[int] = set()
    for entry in busy_stretch():
        body = parse_entry(entry.fields)
        assert isinstance(body, Events)
        kinds.update(body.block.kind.tolist())
        contacts.update(body.block.contact.tolist())
    return kinds, len(contacts - {0})


@pytest.mark.asyncio
async def test_the_report_counts_the_calls_that_came_and_shows_them_as_a_page() -> None:
    kinds, contacts = told()
    async with desk() as lead:
        made = (await lead.get("/v1/reports/shift")).json()
        assert made["floor"]["offered"] == contacts >= kinds[OFFERED] > 20
        assert made["floor"]["answered"] >= kinds[ANSWERED] > 0
        assert made["floor"]["abandoned"] == kinds[ABANDONED]
        assert sum(q["offered"] for q in made["queues"]) == contacts
        assert made["period"]["zone"] == "Asia/Jerusalem"
        assert made["value"]["currency"] == "ILS"
        assert made["done"], "the eager settings let alerts open"
        assert not any(line["subject"]["type"] == "agent" for line in made["alerts"])
        page = await lead.get("/v1/reports/shift", headers={"Accept": "text/html", "Accept-Language": "zh-CN,en;q=0.5"})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-language"] == "zh-CN"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert '<main class="report" lang="zh-CN">' in page.text
        assert f'<dd class="report-number">{contacts}</dd>' in page.text
        english = await lead.get("/v1/reports/shift?lang=en&zone=Europe/Madrid", headers={"Accept": "text/html"})
        assert "Times in Europe/Madrid" in english.text


@pytest.mark.asyncio
async def test_a_period_that_is_cut_in_two_has_in_both_parts_what_the_whole_has() -> None:
    middle = (BUSY_MS[0] + BUSY_MS[1]) // 2 // 60_000 * 60_000
    async with desk() as lead:
        whole = (await lead.get("/v1/reports/shift")).json()["floor"]
        first = (await lead.get("/v1/reports/shift", params={"to": rfc3339(middle)})).json()["floor"]
        second = (await lead.get("/v1/reports/shift", params={"from": rfc3339(middle)})).json()["floor"]
        for name in ("offered", "answered", "abandoned", "handled", "repeats"):
            assert first[name] + second[name] == whole[name], name
        assert first["offered"] > 0
        assert second["offered"] > 0


@pytest.mark.asyncio
async def test_what_does_not_fit_is_a_problem_that_says_what_to_send() -> None:
    async with desk("north", fed=False) as lead:
        for query, status, words in (
            ("from=yesterday", 422, "2026-03-02T09:14:00Z"),
            ("from=2001-03-05T08:00:00", 422, "offset"),
            ("from=2000-01-01T00:00:00Z", 422, "26 h"),
            ("to=1999-01-01T00:00:00Z&from=1999-01-01T01:00:00Z", 422, "before"),
            ("zone=Mars/Olympus", 422, "Europe/Madrid"),
            ("zone=../../etc/passwd", 422, "Europe/Madrid"),
            ("lang=xx", 422, "zh-CN"),
            ("team=south", 404, "south"),
        ):
            response = await lead.get(f"/v1/reports/shift?{query}")
            assert response.headers["content-type"] == "application/problem+json", query
            assert response.status_code == status, query
            assert words in response.json()["detail"]
        assert (await lead.get("/v1/reports/shift?team=north")).status_code == 200
        lead.headers["Authorization"] = "Bearer nonsense"
        assert (await lead.get("/v1/reports/shift")).status_code == 401
    async with desk(role="agent", fed=False) as agent:
        assert (await agent.get("/v1/reports/shift")).status_code == 403


@pytest.mark.asyncio
async def test_a_person_has_one_report_made_at_a_time_and_who_asks_for_the_same_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on, read = asyncio.Event(), asyncio.Event(), Book.minutes

    async def slow(book: Book, tenant: str) -> list[tuple[int, bytes]]:
        begun.set()
        await go_on.wait()
        return await read(book, tenant)

    monkeypatch.setattr(Book, "minutes", slow)
    async with desk(fed=False) as lead:
        first = asyncio.create_task(lead.get("/v1/reports/shift"))
        await asyncio.wait_for(begun.wait(), 60)
        other = await lead.get("/v1/reports/shift", params={"zone": "Europe/Madrid"})
        assert (other.status_code, other.headers["retry-after"]) == (429, "2")
        assert "still being answered" in other.json()["detail"]
        same = asyncio.create_task(lead.get("/v1/reports/shift"))
        go_on.set()
        assert [(await each).status_code for each in (first, same)] == [200, 200]
        assert (await lead.get("/v1/reports/shift", params={"zone": "Europe/Madrid"})).status_code == 200
