"""Tokens that are taken back, limits on how often one may ask and how many connections one may have."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2 as httpx
import msgspec
import pytest
import pytest_asyncio
from notify_house import SECRET, WAIT_S, House, alert, house, token, until
from websockets.exceptions import InvalidStatus

from services.notify import feed
from shared import revocations
from shared.access import TokenVerifier, mint
from shared.clock import SystemClock
from shared.log import LogUnavailable
from shared.log_memory import MemoryLog
from shared.revocations import Revocation, Revocations

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def log() -> MemoryLog:
    return MemoryLog(clock=SystemClock())


@pytest_asyncio.fixture
async def notify(log: MemoryLog, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(revocations, "REFRESH_S", 0.05)
    monkeypatch.setattr(feed, "SWEEP_S", 0.05)
    async with house(log, verifier=TokenVerifier(SECRET, revocations=Revocations(log))) as running:
        yield running


async def take_back(log: MemoryLog, sub: str, tenant: str = "acme") -> None:
    now_ms = SystemClock().now_ms()
    record = Revocation(tenant=tenant, sub=sub, before_s=now_ms // 1000, made_at_ms=now_ms)
    await log.put_access_record("revocation", record.id, msgspec.json.encode(record))


def issued(sub: str, at_s: int) -> str:
    exp_s = SystemClock().now_ms() // 1000 + 3600
    return mint(SECRET, tenant="acme", teams=["*"], role="lead", sub=sub, exp_s=exp_s, iat_s=at_s)


def asking(notify: House, **options: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=notify.http, timeout=WAIT_S, trust_env=False, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", ["websocket", "stream"])
async def test_who_is_connected_is_sent_away_with_the_reason_and_others_stay(
    notify: House, log: MemoryLog, transport: str
) -> None:
    async with notify.joined(transport, sub="mo") as gone, notify.joined(transport, sub="lee") as stays:
        await gone.next("hello")
        await stays.next("hello")
        await take_back(log, "mo", tenant="other")
        await take_back(log, "mo")
        goodbye = await gone.next("goodbye")
        assert (goodbye["code"], goodbye["reconnect"]) == (4504, False)
        assert await gone.closed() == 4504
        cursor = str(await notify.engine.publish(alert("a-1")))
        assert await stays.alerts(1) == [("a-1", cursor)]
    await until(lambda: not notify.notify.feed._people)


async def test_a_token_that_was_taken_back_opens_nothing_and_a_later_one_does(notify: House, log: MemoryLog) -> None:
    await take_back(log, "mo")
    await until(lambda: notify.notify._verifier.version != (0, 0))
    now_s = SystemClock().now_ms() // 1000
    async with asking(notify) as client:
        for path in ("/v1/board", "/v1/me", "/v1/stream"):
            for old in (token(sub="mo"), issued("mo", now_s - 5)):
                answer = await client.get(path, headers={"Authorization": f"Bearer {old}"})
                assert answer.status_code == 401
                assert "taken back" in answer.json()["detail"]
        async with notify.open(token(sub="mo")) as socket:
            await socket.wait_closed()
            assert socket.close_code == 4500
        later = {"Authorization": f"Bearer {issued('mo', now_s + 2)}"}
        assert (await client.get("/v1/board", headers=later)).status_code == 200


async def test_nobody_is_let_in_before_it_is_known_who_was_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(MemoryLog):
        async def access_records(self, kind: object) -> dict[str, bytes]:
            raise LogUnavailable("away")

    log = Away(clock=SystemClock())
    async with house(log, verifier=TokenVerifier(SECRET, revocations=Revocations(log))) as notify:
        async with asking(notify) as client:
            answer = await client.get("/v1/me", headers={"Authorization": f"Bearer {token()}"})
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
        async with notify.open(token()) as socket:
            await socket.wait_closed()
            assert socket.close_code == 1012


async def test_one_person_has_so_many_connections_once_half_of_all_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PERSON_CONNECTIONS_MAX", 2)
    async with house(MemoryLog(clock=SystemClock()), connections_max=6) as notify, asking(notify) as client:
        async with (
            notify.lead(sub="mo"), notify.lead(sub="mo"), notify.joined("stream", sub="mo") as stream,
            notify.lead(sub="lee") as lee,
        ):  # fmt: skip
            await stream.next("hello")
            await lee.next("hello")
            async with notify.open(token(sub="mo")) as fifth:
                await fifth.wait_closed()
                assert fifth.close_code == 4014
            refused = await client.get("/v1/stream", headers={"Authorization": f"Bearer {token(sub='mo')}"})
            assert refused.status_code == 429
            assert refused.headers["retry-after"]
            async with notify.lead(sub="lee") as another:
                await another.next("hello")
        await until(lambda: not notify.notify.feed._people)


async def test_a_full_server_says_so_in_the_handshake() -> None:
    async with (
        house(MemoryLog(clock=SystemClock()), connections_max=2) as notify,
        asking(notify) as client,
        notify.lead(sub="a") as first,
        notify.lead(sub="b") as second,
    ):
        await first.next("hello")
        await second.next("hello")
        with pytest.raises(InvalidStatus, match="503"):
            await notify.open(token(sub="c"))
        stream = await client.get("/v1/stream", headers={"Authorization": f"Bearer {token(sub='c')}"})
        assert (stream.status_code, stream.headers["retry-after"]) == (503, "10")


async def test_a_first_frame_is_one_authenticate(notify: House) -> None:
    async with notify.open() as socket:
        await socket.send('{"kind":"resume","epoch":"x","cursor":"1-0"}')
        await socket.wait_closed()
        assert socket.close_code == 4501


async def test_who_asks_without_end_is_slowed_down_and_others_are_not(notify: House) -> None:
    async with asking(notify) as client:
        paces = notify.notify.door.paces._asked
        paces._burst, paces._per_s = 3.0, 0.001
        mo, lee = ({"Authorization": f"Bearer {token(sub=sub)}"} for sub in ("mo", "lee"))
        answers = [await client.get("/v1/me", headers=mo) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["retry-after"]) > 1
        assert (await client.get("/v1/me", headers=lee)).status_code == 200


async def test_bad_tokens_without_end_are_slowed_down_and_good_ones_from_there_are_not(notify: House) -> None:
    paces = notify.notify.door.paces._failed
    paces._burst, paces._per_s = 3.0, 0.001
    async with asking(notify) as client:
        bad = {"Authorization": "Bearer x.y.z"}
        answers = [await client.get("/v1/me", headers=bad) for _ in range(8)]
        assert [answer.status_code for answer in answers][:3] == [401, 401, 401]
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await client.get("/v1/me", headers={"Authorization": f"Bearer {token()}"})).status_code == 200
