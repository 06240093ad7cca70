"""Signing in at a provider: there and back, what is not let in, the renewal, and the end that is told before."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from chromium import Browser, Page
from fake_house import FakeHouse
from marks import IN_BROWSER
from waits import becomes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("oidc_provider_mock")
    from provider import PERSON, serving

# The provider runs in this process, and its libraries are about to leave names behind.
pytestmark = [*IN_BROWSER, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
CLIENT = "strainwatch-page"


@contextmanager
def provider(house: FakeHouse, token_age_s: int = 3600, refresh: bool = True) -> Iterator[str]:
    """A provider that this house sends people to; afterwards it is away."""
    with serving(token_age_s, refresh) as issuer:
        house.oidc = {"issuer": issuer, "client_id": CLIENT, "scope": "openid profile"}
        yield issuer


async def signs_in(page: Page) -> None:
    await page.click(".signin-issuer")
    await page.wait(f"document.querySelector('button[value=\"{PERSON}\"]')")
    await page.click(f'button[value="{PERSON}"]')
    await page.wait("document.querySelector('.views')")


async def test_there_and_back_with_the_view_that_was_asked_for(house: FakeHouse, browser: Browser) -> None:
    with provider(house) as issuer:
        page = await browser.open(f"{house.url}#report")
        await page.sees(".signin", f"You are sent to {issuer.removeprefix('http://')}")
        await signs_in(page)
        await page.wait("document.querySelector('article.report')")
        assert await page.js("location.href") == f"{house.url}#report"  # no code stays in the address
        [token] = house.tokens - {""}
        assert await page.js("sessionStorage.getItem('strainwatch.token')") == token
        assert await page.js("sessionStorage.getItem('strainwatch.signing-in')") is None
        assert await page.js("localStorage.length") == 0
        asked = next(url for url in page.requests if "/oauth2/authorize?" in url)
        assert all(name in asked for name in ("code_challenge=", "code_challenge_method=S256", "state=", "nonce="))
        assert not any(token in url for url in page.requests)
        await page.inner.reload()
        await page.wait("document.querySelector('article.report')")


async def test_who_says_no_is_told_so_and_can_try_again(house: FakeHouse, browser: Browser) -> None:
    with provider(house):
        page = await browser.open(house.url)
        await page.click(".signin-issuer")
        await page.click('button[value="deny"]')
        await page.sees(".stopped", "Signing in was cancelled")
        assert await page.js("location.search") == ""
        await signs_in(page)


async def test_an_answer_that_nobody_here_asked_for_is_not_taken(house: FakeHouse, browser: Browser) -> None:
    with provider(house):
        page = await browser.open(f"{house.url}?code=stolen&state=guessed")
        await page.sees(".stopped", "does not belong to a sign-in that was begun in this tab")
        assert not any("/oauth2/token" in url for url in page.requests)
        assert await page.js("sessionStorage.getItem('strainwatch.token')") is None


@pytest.mark.parametrize("spoilt", ["nonce", "state", "verifier"])
async def test_what_does_not_fit_what_was_begun_is_not_taken(house: FakeHouse, browser: Browser, spoilt: str) -> None:
    with provider(house):
        page = await browser.open(house.url)
        await page.click(".signin-issuer")
        await page.wait(f"document.querySelector('button[value=\"{PERSON}\"]')")
        form = await page.js("location.href")
        await page.inner.goto(f"{house.url}favicon.svg")
        kept = "JSON.parse(sessionStorage.getItem('strainwatch.signing-in') ?? 'null')"
        await page.wait(f"location.href.endsWith('favicon.svg') && {kept}")
        await page.js(
            f"sessionStorage.setItem('strainwatch.signing-in', JSON.stringify({{...{kept}, {spoilt}: 'other'}}))"
        )
        await page.inner.goto(form)
        await page.click(f'button[value="{PERSON}"]')
        await page.sees(".stopped", "Signing in did not work.")
        assert await page.js("sessionStorage.getItem('strainwatch.token')") is None


async def test_a_token_is_renewed_without_a_word_and_the_feed_goes_on(house: FakeHouse, browser: Browser) -> None:
    with provider(house, 12):
        page = await browser.open(house.url)
        await signs_in(page)
        await page.sees(".connection", "Live")
        await becomes(lambda: len(house.tokens - {""}) >= 3)  # the first, and two that followed
        assert await page.js("document.querySelector('.ending')") is None
        await page.sees(".connection", "Live")


async def test_an_end_that_nobody_renews_is_told_before(house: FakeHouse, browser: Browser) -> None:
    with provider(house, 240, refresh=False):
        page = await browser.open(house.url)
        await signs_in(page)
        await page.sees(".ending", "Your sign-in ends in 4 min.")
        await page.click(".ending button")
        await page.wait(f"document.querySelector('button[value=\"{PERSON}\"]')")


async def test_a_provider_that_is_away_is_named(house: FakeHouse, browser: Browser) -> None:
    with provider(house) as issuer:
        page = await browser.open(house.url)
        await page.sees(".signin-issuer", "Sign in")
    host = issuer.removeprefix("http://")
    with socket.socket() as nobody:  # keeps the address, so that no other program answers at it
        nobody.bind(("127.0.0.1", int(host.rpartition(":")[2])))
        await page.click(".signin-issuer")
        await page.sees(".stopped", f"{host} cannot be reached from this browser")
