"""`/docs` of every service: all that is served, without a script and without anything from elsewhere."""

from __future__ import annotations

import re

import httpx2 as httpx
import pytest
from test_routes_of_all_services import services

from shared.api_page import CONTENT_POLICY, page_of
from shared.clock import SystemClock
from shared.log_memory import MemoryLog
from tools.serve_setup import Which

HOSTILE = "<script>alert(1)</script>"


@pytest.mark.asyncio
@pytest.mark.parametrize("which", ["ingest", "scoring", "notify", "all"])
async def test_the_page_names_every_described_route_and_loads_nothing(which: Which) -> None:
    app = services(which, MemoryLog(clock=SystemClock())).app()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://desk") as client:
        page, described = await client.get("/docs"), (await client.get("/openapi.json")).json()
        assert (await client.get("/redoc")).status_code == 404
    assert page.status_code == 200
    assert page.headers["content-security-policy"] == CONTENT_POLICY
    for path, item in described["paths"].items():
        for method in item:
            assert f"<code>{method.upper()} {path}</code>" in page.text
    assert re.findall(r"<script|<img|<iframe|<link|<object|@import|url\(", page.text) == []
    assert re.findall(r'(?:src|href)="([^"]*)"', page.text) == ["openapi.json"]


def test_what_the_document_says_is_shown_as_text() -> None:
    call = {
        "summary": HOSTILE, "description": HOSTILE, "parameters": [{"name": HOSTILE, "in": "query"}],
        "requestBody": {"content": {HOSTILE: {}}}, "responses": {"200": {"description": HOSTILE}},
    }  # fmt: skip
    info = {"title": HOSTILE, "version": HOSTILE, "description": HOSTILE}
    page = page_of({"info": info, "paths": {f"/{HOSTILE}": {"get": call}}, "components": {"schemas": {HOSTILE: {}}}})
    assert "<script" not in page
    assert page.count("&lt;script") >= 9
