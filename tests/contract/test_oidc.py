"""Signing in at a real OpenID Connect provider: its tokens over REST and feed, other people's, and new keys."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
import pytest_asyncio
from notify_house import SECRET, WAIT_S, House, Lead, house, token, until

from shared import jwks
from shared.access import Issuer, TokenVerifier
from shared.clock import SystemClock
from shared.contract.own import Oidc
from shared.jwks import IssuerKeys
from shared.log_memory import MemoryLog

CLIENT = "strainwatch-page"
START_S = 60.0
CLAIMS = {"tenant": "acme", "teams": ["team-a"], "role": "lead"}


class Provider:
    """A process of its own; started again at the same address, it has another key."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(self._port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            try:
                httpx.get(f"{self.issuer}/jwks", trust_env=False)
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError("the provider did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def id_token(self, sub: str = "kim", client: str = CLIENT, **claims: Any) -> str:
        """By an authorization code, as a person in a browser gets it."""
        back = "http://127.0.0.1/signed-in"
        asked = {"response_type": "code", "client_id": client, "redirect_uri": back, "scope": "openid profile"}
        async with httpx.AsyncClient(base_url=self.issuer, trust_env=False, timeout=WAIT_S) as browser:
            await browser.put(f"/users/{sub}", json={**CLAIMS, **claims})
            sent = await browser.post("/oauth2/authorize", params=asked, data={"sub": sub})
            [code] = parse_qs(urlsplit(sent.headers["location"]).query)["code"]
            traded = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
            answer = await browser.post("/oauth2/token", data=traded, auth=(client, "this provider takes any secret"))
            assert answer.status_code == 200, answer.text[:500]
            found: str = answer.json()["id_token"]
            return found


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_provider() -> Iterator[Provider]:
    provider = Provider(free_port())
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that does much else may keep the provider waiting for longer than a real one would be waited for."""
    monkeypatch.setattr(jwks, "FETCH_TIMEOUT_S", WAIT_S)


def trusting(provider: Provider) -> dict[str, Any]:
    """How notify is set up to trust a provider."""
    keys = IssuerKeys(f"{provider.issuer}/jwks", SystemClock())
    return {
        "verifier": TokenVerifier(SECRET, Issuer(keys, provider.issuer, (CLIENT,))),
        "oidc": Oidc(provider.issuer, CLIENT, "openid profile"),
    }


@asynccontextmanager
async def house_that_trusts(provider: Provider) -> AsyncIterator[House]:
    """With the provider's keys, which notify fetches beside its start, and again where nobody answered."""
    told = trusting(provider)
    async with house(MemoryLog(clock=SystemClock(), partitions=2), **told) as running:
        await until(lambda: told["verifier"].issuer.keys.version > 0)
        yield running


@pytest_asyncio.fixture
async def notify(provider: Provider) -> AsyncIterator[House]:
    async with house_that_trusts(provider) as running:
        yield running


def client(notify: House, signed: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {signed}"}
    return httpx.AsyncClient(base_url=notify.http, headers=headers, timeout=WAIT_S, trust_env=False)


@pytest.mark.asyncio
async def test_a_lead_signs_in_at_the_provider(notify: House, provider: Provider) -> None:
    async with client(notify, "nothing") as browser:
        where = (await browser.get("/v1/signin")).json()
        assert where == {"oidc": {"issuer": provider.issuer, "client_id": CLIENT, "scope": "openid profile"}}
        assert f"connect-src 'self' {provider.issuer};" in (await browser.get("/")).headers["content-security-policy"]
    async with client(notify, await provider.id_token()) as kim:
        me = (await kim.get("/v1/me")).json()
        assert (me["sub"], me["tenant"], me["teams"], me["role"]) == ("kim", "acme", ["team-a"], "lead")
        assert (await kim.get("/v1/board")).status_code == 200
    async with client(notify, token()) as own:
        assert (await own.get("/v1/me")).json()["sub"] == "lee"  # the shared secret stays good


@pytest.mark.asyncio
async def test_a_token_of_the_provider_opens_the_feed_and_is_replaced_on_it(notify: House, provider: Provider) -> None:
    first, second = await provider.id_token(), await provider.id_token(teams=["team-b"])
    async with notify.open() as socket:
        lead = Lead(socket)
        await lead.send("authenticate", token=first)
        assert (await lead.next("hello"))["teams"] == ["team-a"]
        await lead.send("authenticate", token=second)
        assert (await lead.next("hello", recovered=False))["teams"] == ["team-b"]


@pytest.mark.asyncio
async def test_tokens_for_others_and_of_others_are_refused(notify: House, provider: Provider) -> None:
    with running_provider() as stranger:
        for signed, why in (
            (await provider.id_token(client="another-page"), "aud"),
            (await stranger.id_token(), "signature"),
            (await provider.id_token(role="owner"), "role"),
        ):
            async with client(notify, signed) as lead:
                answer = await lead.get("/v1/board")
                assert answer.status_code == 401
                assert why in answer.json()["detail"]
            async with notify.open(signed) as socket:
                assert (await Lead(socket).next())["code"] == 4500


@pytest.mark.asyncio
async def test_the_provider_changes_its_key_and_nobody_is_signed_out_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "FETCH_FLOOR_S", 0.0)
    with running_provider() as provider:
        async with house_that_trusts(provider) as notify:
            before = await provider.id_token()
            async with client(notify, before) as kim:
                assert (await kim.get("/v1/me")).status_code == 200
            provider.stop()
            async with client(notify, before) as kim:
                assert (await kim.get("/v1/me")).status_code == 200  # its keys are known
            provider.start()
            after = await provider.id_token()
            async with client(notify, after) as kim:
                assert (await kim.post("/v1/alerts/none/note", json={"text": "x"})).status_code == 404
            async with notify.open(after) as socket:
                assert (await Lead(socket).next())["kind"] == "hello"
            async with client(notify, before) as kim:
                assert (await kim.get("/v1/me")).status_code == 401


@pytest.mark.asyncio
async def test_a_first_frame_with_a_new_key_waits_for_the_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "FETCH_FLOOR_S", 0.0)
    with running_provider() as provider:
        async with house_that_trusts(provider) as notify:
            async with client(notify, await provider.id_token()) as kim:
                assert (await kim.get("/v1/me")).status_code == 200
            provider.stop()
            provider.start()
            signed = await provider.id_token()
            async with notify.open() as socket:
                lead = Lead(socket)
                await lead.send("authenticate", token=signed)
                assert (await lead.next())["kind"] == "hello"
